//! Blocks that are in the file a second time: a batch that was written again after an error, a cluster of the file
//! system or a sector that appears twice.
//!
//! Being equal byte for byte is no proof: a heartbeat without a time may be equal to the one before it in all that its
//! block says. A run of duplicates therefore *begins* only with a block of which all of this is true:
//!
//! 1. It is equal, byte for byte, to a block earlier in the file, no farther back than the window.
//! 2. It has a time, and its record has been delivered with a later one since: so it does not belong here by its time.
//! 3. Its previous offset does not lead to the latest block of its record (or is 0, though there is one): so it does not
//!    belong here by its place either. And it does not lead into a stretch that was lost, which would explain it.
//! 4. That of the earlier block is right: it leads to a block of the same record (or is 0, and it is the first one).
//! 5. The earlier block was delivered, and has a checksum.
//!
//! The run *goes on* while blocks are equal to those at the same distance before them, and those were delivered. What
//! has a time must not be later than the latest of its record; what has none must not lead to the latest block of its
//! record by its previous offset. (With a time it may: at the seam, distances between blocks of one length are right by
//! chance. For the same reason nothing is found in a log whose blocks all have one length.)
//!
//! What does not fulfil this is kept: a duplicate too many is harmless, a record too few is not. What could be dropped
//! wrongly would need a clock that was set back to the very microsecond, values that repeat exactly from there on, *and*
//! damage that removed bytes just there. Where such logs are made, there is
//! [`keep_duplicates`](super::RecoverOptions::keep_duplicates).

use memchr::memmem;
use tlog::Micros;
use tlog::read::Data;
use tlog::wire::{BlockHeader, BlockType, DataHeader};

use super::{Duplicate, Losses, RecoverOptions};

/// How many bytes are searched in all, as a multiple of the log's length and beside it.
const EFFORT: (u64, u64) = (4, 256 << 20);

/// What is known of the record that a block belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chain {
    /// Where its first block that was kept starts, since its declaration.
    pub first: Option<u64>,
    /// Where its latest one starts.
    pub latest: Option<u64>,
    /// The latest time that it was kept with.
    pub latest_time: Option<Micros>,
}

impl Chain {
    /// Whether a block at `offset` says rightly which block of its record is before it, as far as what was kept tells.
    pub fn leads_to(&self, offset: u64, distance: u64) -> bool {
        match distance {
            0 => self.latest.is_none(),
            _ => self.latest.is_some() && offset.checked_sub(distance) == self.latest,
        }
    }

    pub fn add(&mut self, data: &Data<'_>) {
        self.first.get_or_insert(data.offset);
        self.latest = Some(data.offset);
        self.latest_time = self.latest_time.max(data.time);
    }
}

/// Finds duplicates, block by block.
#[derive(Debug)]
pub(super) struct Duplicates<'b> {
    bytes: &'b [u8],
    window: u64,
    /// How many more bytes may be searched.
    effort: u64,
    /// The run at hand.
    run: Option<Duplicate>,
}

impl<'b> Duplicates<'b> {
    pub fn new(bytes: &'b [u8], options: &RecoverOptions) -> Self {
        let effort = match options.keep_duplicates {
            true => 0,
            false => EFFORT.0.saturating_mul(bytes.len() as u64).saturating_add(EFFORT.1),
        };
        Self { bytes, window: options.duplicate_window, effort, run: None }
    }

    /// Whether this block is one. When it is not and a run ends here, that is given back.
    pub fn check(&mut self, data: &Data<'_>, chain: &Chain, losses: &Losses) -> (bool, Option<Duplicate>) {
        let end = data.offset.saturating_add(data.block_len);
        if let Some(run) = &mut self.run {
            let shift = run.range.start.saturating_sub(run.original);
            let earlier = data.offset.saturating_sub(shift);
            if may_go_on(data, chain) && is_same(self.bytes, earlier, data) && !losses.may_contain(earlier) {
                run.range.end = end;
                run.blocks += 1;
                run.bytes += data.block_len;
                return (true, None);
            }
        }
        let ended = self.run.take();
        if let Some(original) = self.begins(data, chain, losses) {
            self.run = Some(Duplicate { range: data.offset..end, original, blocks: 1, bytes: data.block_len });
        }
        (self.run.is_some(), ended)
    }

    /// The run at the end of the file.
    pub fn finish(&mut self) -> Option<Duplicate> {
        self.run.take()
    }

    /// Where the original is, if this block begins a run.
    fn begins(&mut self, data: &Data<'_>, chain: &Chain, losses: &Losses) -> Option<u64> {
        let distance = data.previous_offset?;
        data.checksum?;
        if data.time? >= chain.latest_time? || chain.leads_to(data.offset, distance) {
            return None;
        }
        let previous = data.offset.checked_sub(distance);
        if distance != 0 && previous.is_some_and(|previous| losses.may_contain(previous)) {
            return None;
        }
        let original = self.search(data)?;
        let is_right = match distance {
            0 => chain.first == Some(original),
            _ => original.checked_sub(distance).is_some_and(|at| self.is_data_of(at, data.record.identifier)),
        };
        (is_right && !losses.may_contain(original)).then_some(original)
    }

    fn search(&mut self, data: &Data<'_>) -> Option<u64> {
        let block = block_at(self.bytes, data.offset, data.block_len)?;
        let start = data.offset.saturating_sub(self.window);
        let before = self.bytes.get(usize::try_from(start).ok()?..usize::try_from(data.offset).ok()?)?;
        self.effort = self.effort.checked_sub(before.len() as u64)?;
        Some(start + memmem::rfind(before, block)? as u64)
    }

    fn is_data_of(&self, at: u64, identifier: u64) -> bool {
        let rest = usize::try_from(at).ok().and_then(|at| self.bytes.get(at..)).unwrap_or(&[]);
        let Ok(frame) = BlockHeader::parse(rest) else { return false };
        let body = rest.get(frame.header_len..).unwrap_or(&[]);
        frame.block_type == BlockType::Data
            && DataHeader::parse(body).is_ok_and(|header| header.identifier == identifier)
    }
}

/// Whether a block that equals the next one of a run may belong to it.
fn may_go_on(data: &Data<'_>, chain: &Chain) -> bool {
    match data.time {
        Some(_) => data.time <= chain.latest_time,
        None => !data.previous_offset.is_some_and(|distance| distance != 0 && chain.leads_to(data.offset, distance)),
    }
}

fn block_at(bytes: &[u8], offset: u64, len: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(usize::try_from(len).ok()?)?)
}

fn is_same(bytes: &[u8], earlier: u64, data: &Data<'_>) -> bool {
    let there = block_at(bytes, earlier, data.block_len);
    there.is_some() && there == block_at(bytes, data.offset, data.block_len)
}
