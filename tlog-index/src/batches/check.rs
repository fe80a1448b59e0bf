//! Whether a batch is whole: every checksum in it, and that of all of it.

use tlog::wire::batch::{Batch, Checksum, SECTOR};
use tlog::wire::data::MAX_FRONT_LEN;
use tlog::wire::marker::MARKER;
use tlog::wire::{BlockHeader, BlockType, DataHeader, SeekMarker, crc};

/// The front of a batch: marker and `tlog.batch`, each with a right checksum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// What it says of the batch.
    pub batch: Batch,
    /// When it was written, in microseconds.
    pub time: i64,
    /// Where what follows it starts.
    pub end: usize,
}

/// How long a marker may be that is looked at: on each sector there may be one, and each is summed up.
const MAX_MARKER: usize = 4096;

/// How long the data block in a head can be.
const MAX_DATA: usize = Batch::LEN + MAX_FRONT_LEN;

/// What was found of a batch whose head is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// All of it, to here.
    Whole(usize),
    /// Only blocks to here are right by themselves.
    Torn(usize),
}

/// A block at this place that ends before `end`: its frame and all of its bytes.
pub(super) fn block_at(bytes: &[u8], at: usize, end: usize) -> Option<(BlockHeader, &[u8])> {
    let rest = bytes.get(at..end.min(bytes.len()))?;
    let frame = BlockHeader::parse(rest).ok()?;
    let len = usize::try_from(frame.block_len()?).ok()?;
    Some((frame, rest.get(..len)?))
}

/// Whether a seek marker may start here, from its first bytes.
pub(super) fn may_be_head(rest: &[u8]) -> bool {
    // A size of one or two bytes: there are no longer ones.
    rest.first() == Some(&5) && (2..=3).any(|at| rest.get(at..).is_some_and(|body| body.starts_with(&MARKER)))
}

/// The head at this place, if there is one; of a record with this identifier, if it is known.
pub(super) fn head_at(bytes: &[u8], at: usize, identifier: Option<u64>) -> Option<Head> {
    if !may_be_head(bytes.get(at..)?) {
        return None;
    }
    let (_, block) = block_at(bytes, at, at.saturating_add(MAX_MARKER))?;
    SeekMarker::parse(block).ok()??;
    let at = at.checked_add(block.len())?;
    let (frame, block) = block_at(bytes, at, at.saturating_add(MAX_DATA))?;
    let header = checked_data(&frame, block).filter(|header| identifier.is_none_or(|id| id == header.identifier))?;
    let payload = block.get(frame.header_len..)?.get(header.len..)?;
    let batch = Batch::parse(payload).filter(|_| payload.len() == Batch::LEN)?;
    Some(Head { batch, time: header.timestamp?, end: at.checked_add(block.len())? })
}

/// The header of a data block, if it has a checksum that is right.
fn checked_data(frame: &BlockHeader, block: &[u8]) -> Option<DataHeader> {
    let header = DataHeader::parse(block.get(frame.header_len..)?).ok()?;
    let checksum_at = frame.header_len.checked_add(header.checksum_at()?)?;
    let is_data = frame.block_type == BlockType::Data;
    (is_data && Some(crc::block_crc(block, checksum_at)) == header.checksum).then_some(header)
}

/// Where the batch with this head and start ends, as it says itself.
pub(super) fn end_of(head: &Head, start: usize) -> Option<usize> {
    start.checked_add(usize::try_from(head.batch.sectors).ok()?.checked_mul(SECTOR)?).filter(|&end| end >= head.end)
}

/// Looks at everything behind the head of a batch that starts at `start`. `effort` is what may be looked at in vain, in
/// bytes.
pub(super) fn check(bytes: &[u8], start: usize, head: &Head, effort: &mut u64) -> Body {
    let Some(end) = end_of(head, start).filter(|&end| end <= bytes.len()) else {
        // Without an end there is no batch, but its first blocks may be right: they are where the file goes on.
        return Body::Torn(walk(bytes, head.end, bytes.len().min(start.saturating_add(MAX_TORN)), effort).at);
    };
    let before = *effort;
    let walked = walk(bytes, head.end, end, effort);
    if walked.at != end || walked.checksum != head.batch.checksum {
        return Body::Torn(walked.at);
    }
    *effort = before;
    Body::Whole(end)
}

/// How much is looked at of a batch that claims to be longer than the file.
const MAX_TORN: usize = 1 << 20;

fn is_filler(frame: &BlockHeader, block: &[u8]) -> bool {
    block.get(frame.header_len..).and_then(|body| frame.is_filler(body)) == Some(true)
}

struct Walked {
    /// Where the first block starts that is not right, or does not belong into a batch.
    at: usize,
    /// That of all blocks but filler.
    checksum: u32,
}

fn walk(bytes: &[u8], from: usize, end: usize, effort: &mut u64) -> Walked {
    let mut at = from;
    let mut sum = Checksum::new();
    while at < end {
        let Some((frame, block)) = block_at(bytes, at, end) else { break };
        let Some(left) = effort.checked_sub(block.len() as u64) else { break };
        *effort = left;
        match frame.block_type {
            BlockType::Data => {
                let Some(checksum) = checked_data(&frame, block).and_then(|header| header.checksum) else { break };
                sum.data(checksum);
            }
            BlockType::Dictionary if is_filler(&frame, block) => {}
            BlockType::Schema => sum.block(block),
            BlockType::Dictionary | BlockType::Index | BlockType::SeekMarker | BlockType::Unknown(_) => break,
        }
        at += block.len();
    }
    Walked { at, checksum: sum.finish() }
}

/// Where filler ends that starts at this place and may end behind the file: one block, or one without a body and another.
pub(super) fn filler_end(bytes: &[u8], at: usize) -> Option<u64> {
    let rest = bytes.get(at..)?;
    let frame = BlockHeader::parse(rest).ok()?;
    frame.is_filler(rest.get(frame.header_len..)?).filter(|&is| is)?;
    if frame.body_len == 0 {
        let at = at.checked_add(frame.header_len)?;
        let behind = bytes.get(at..)?;
        let frame = BlockHeader::parse(behind).ok().filter(|frame| frame.body_len > 0)?;
        frame.is_filler(behind.get(frame.header_len..)?).filter(|&is| is)?;
        return (at as u64).checked_add(frame.block_len()?);
    }
    (at as u64).checked_add(frame.block_len()?)
}

/// What the data block at this place says, if it is one of `tlog.batch` with a right checksum.
pub(super) fn batch_at(bytes: &[u8], at: usize) -> Option<Batch> {
    let (frame, block) = block_at(bytes, at, at.saturating_add(MAX_DATA))?;
    let header = checked_data(&frame, block)?;
    let payload = block.get(frame.header_len..)?.get(header.len..)?;
    Batch::parse(payload).filter(|_| payload.len() == Batch::LEN)
}
