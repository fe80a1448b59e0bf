//! Block by block from a marker on, until the time sought is past; and back along a record where that is needed.
//!
//! Everything that the walk passes is verified: checksums, previous offsets, what markers point at. Where anything
//! is not as an intact log has it, the walk says so and the whole log is read instead.

use std::io;

use memchr::memmem::Finder;
use tlog::Micros;
use tlog::read::ReadAt;
use tlog::schema::Schema;
use tlog::wire::marker::MARKER;
use tlog::wire::{BlockHeader, BlockType, DataHeader, IndexBlock, SchemaBlock, SeekMarker, data};

use super::head::{MAX_RECORDS, Outline};
use super::marker::FoundMarker;
use super::survey::CHECKSUMMED_PER_BYTE;
use super::windows::{MAX_BLOCK, Sought, Stop, Windows, data_in, frame_in, is_intact, is_right};
use super::{Latest, Order};
use crate::by_id::ById;

/// How many blocks of one record are gone back at most.
const MAX_BACK: usize = 1 << 16;

/// What another log, filler, and the end of an index have.
const TLOG: &[u8] = b"TLOG";

/// Longer names are left to a reader, in bytes.
const MAX_NAME: usize = 4096;

/// What a walk found.
pub(super) struct Walk {
    time: Micros,
    records: ById<Known>,
    from_marker: bool,
    pub order: Order,
    /// How many markers so far were beyond the time.
    beyond: u32,
    /// Whether the walk went from the first block to the last.
    pub is_whole: bool,
    /// Whether all data had a checksum. What else is data, a reader decides by what payloads say.
    pub is_proved: bool,
}

/// What the walk knows of a record.
#[derive(Clone, Copy, Default)]
struct Known {
    /// Its latest instance at or before the time, of those that were passed.
    best: Option<Latest>,
    /// Where it was last seen since its latest declaration.
    last: Option<u64>,
    /// Whether it was declared on the way.
    is_declared: bool,
}

impl Walk {
    /// Walks from behind `from`, or from the first block, until the second marker beyond `time`, or to the end.
    pub fn run<S: ReadAt + ?Sized>(
        windows: &mut Windows<'_, S>,
        outline: &Outline,
        from: Option<&FoundMarker>,
        time: Micros,
    ) -> Sought<Self> {
        let mut walk = Self {
            time,
            records: ById::default(),
            from_marker: from.is_some(),
            order: Order::default(),
            beyond: 0,
            is_whole: false,
            is_proved: true,
        };
        for &(identifier, offset) in from.iter().flat_map(|marker| &marker.elements) {
            walk.records.or_default(identifier).last = Some(offset);
        }
        let mut at = from.map_or(windows.first_block, |marker| marker.end);
        if let Some(marker) = from {
            walk.order.marker(marker.time);
        }
        while at < windows.size && walk.beyond < 2 {
            match walk.block(windows, outline, at)? {
                Some(end) => at = end,
                None => at = windows.size,
            }
        }
        walk.is_whole = from.is_none() && at >= windows.size;
        Ok(walk)
    }

    /// Passes the block at `at`; where it ends, and `None` when there is nothing more in the log.
    fn block<S: ReadAt + ?Sized>(
        &mut self,
        windows: &mut Windows<'_, S>,
        outline: &Outline,
        at: u64,
    ) -> Sought<Option<u64>> {
        let size = windows.size;
        let front = windows.front(at, data::MAX_FRONT_LEN)?;
        let Some((frame, end)) = frame_in(front, at, size) else { return windows.is_dead(outline, at).map(|()| None) };
        if frame.block_type == BlockType::Data {
            let header = data_in(&frame, front).ok_or(Stop::Odd)?;
            if (header.checksum.is_some() || outline.has_checksums())
                && !is_intact(whole(windows, at, end)?, &frame, &header)
            {
                return Err(Stop::Odd);
            }
            self.is_proved &= header.checksum.is_some();
            self.data(outline, at, &header)?;
            return Ok(Some(end));
        }
        if frame.is_filler(front.get(frame.header_len..).unwrap_or(&[])) == Some(true) {
            return Ok(Some(end));
        }
        let block = whole(windows, at, end)?;
        match frame.block_type {
            BlockType::SeekMarker => self.marker(at, block)?,
            BlockType::Schema => self.schema(outline, &frame, block)?,
            BlockType::Index if end == size => drop(IndexBlock::parse(block).map_err(|_| Stop::Odd)?),
            // What a reader skips, or reports.
            _ => return Err(Stop::Odd),
        }
        Ok(Some(end))
    }

    fn data(&mut self, outline: &Outline, offset: u64, header: &DataHeader) -> Sought<()> {
        let identifier = header.identifier;
        let known = self.records.or_default(identifier);
        let is_known = known.is_declared || (self.from_marker && (known.last.is_some() || outline.knows(identifier)));
        let is_chained = |distance| distance == known.last.map_or(0, |last| offset.saturating_sub(last));
        if !is_known || !header.previous_offset.is_none_or(is_chained) {
            return Err(Stop::Odd);
        }
        known.last = Some(offset);
        if let Some(time) = header.timestamp.map(Micros) {
            self.order.data(time);
            if time <= self.time && known.best.is_none_or(|best| best.time <= time) {
                known.best = Some(Latest { identifier, offset, time });
            }
        }
        Ok(())
    }

    fn marker(&mut self, offset: u64, block: &[u8]) -> Sought<()> {
        let marker = SeekMarker::parse(block).ok().flatten().ok_or(Stop::Odd)?;
        let is_right = marker
            .elements()
            .all(|(identifier, distance)| self.records.or_default(identifier).last == offset.checked_sub(distance));
        if !is_right {
            return Err(Stop::Odd);
        }
        self.order.marker(Micros(marker.timestamp));
        self.beyond += u32::from(marker.timestamp > self.time.0);
        Ok(())
    }

    /// A record that is declared anew may have had data before, of which the markers behind say nothing.
    fn schema(&mut self, outline: &Outline, frame: &BlockHeader, block: &[u8]) -> Sought<()> {
        let schema = SchemaBlock::parse(block.get(frame.header_len..).unwrap_or(&[])).map_err(|_| Stop::Odd)?;
        if !is_readable(&schema) {
            return Err(Stop::Odd);
        }
        let identifier = schema.identifier;
        let known = self.records.or_default(identifier);
        let is_anew = known.last.take().is_some() || outline.declared.contains_key(&identifier);
        known.is_declared = true;
        if (is_anew && self.from_marker) || self.records.len() >= MAX_RECORDS {
            return Err(Stop::Odd);
        }
        Ok(())
    }

    /// Completes the walk with what lies before `from`. A record that the walk did not show, or only with a time at which there may
    /// be a greater one before the marker, is followed back until no earlier block can have a greater time: that is,
    /// as long as no time lies below an earlier one by the time between two markers.
    pub fn look_back<S: ReadAt + ?Sized>(
        &mut self,
        windows: &mut Windows<'_, S>,
        outline: &Outline,
        from: &FoundMarker,
    ) -> Sought<()> {
        let step = self.order.gap.ok_or(Stop::Odd)?;
        for &(identifier, offset) in &from.elements {
            let is_later = |best: &Latest| best.time.0 >= from.time.0.saturating_add_unsigned(step);
            let best = &mut self.records.or_default(identifier).best;
            if !best.as_ref().is_some_and(is_later) {
                follow_back(windows, outline, (identifier, offset), (self.time, step), best)?;
            }
        }
        Ok(())
    }
}

/// Goes back along a record from its block at an offset on, to complete what is known to be its `best` at or before a time, until
/// no earlier block can have a greater time: as long as no time lies below an earlier one by `step`. Everything
/// on the way is verified.
pub(super) fn follow_back<S: ReadAt + ?Sized>(
    windows: &mut Windows<'_, S>,
    outline: &Outline,
    (identifier, mut offset): (u64, u64),
    (until, step): (Micros, u64),
    best: &mut Option<Latest>,
) -> Sought<()> {
    for _ in 0..MAX_BACK {
        let header = windows.data(offset, outline.has_checksums())?;
        if header.identifier != identifier {
            return Err(Stop::Odd);
        }
        if let Some(time) = header.timestamp.map(Micros) {
            if time <= until && best.is_none_or(|best| best.time < time) {
                *best = Some(Latest { identifier, offset, time });
            }
            if best.is_some_and(|best| time.0 <= best.time.0.saturating_sub_unsigned(step)) {
                return Ok(());
            }
        }
        // Without a previous offset it cannot be told what is before.
        match header.previous_offset.ok_or(Stop::Odd)? {
            0 => return Ok(()),
            distance => {
                let before = offset.checked_sub(distance).filter(|&before| before >= windows.first_block);
                offset = before.ok_or(Stop::Odd)?;
            }
        }
    }
    Err(Stop::Odd)
}

impl Walk {
    /// What was found, by ascending identifiers.
    pub fn into_found(self) -> Vec<Latest> {
        let mut found: Vec<Latest> = self.records.iter().filter_map(|(_, known)| known.best).collect();
        found.sort_unstable_by_key(|latest| latest.identifier);
        found
    }
}

impl<S: ReadAt + ?Sized> Windows<'_, S> {
    /// Whether nothing that could be read stands in the last bytes of a log, from `at` on: it was cut off there.
    fn is_dead(&mut self, outline: &Outline, at: u64) -> Sought<()> {
        let window = self.window;
        if !outline.has_checksums() || self.size.saturating_sub(at) > window as u64 {
            return Err(Stop::Odd);
        }
        let bytes = self.front(at, window)?;
        if is_dead(bytes) { Ok(()) } else { Err(Stop::Odd) }
    }
}

/// Whether a reader finds nothing to go on from in the last bytes of a log with checksums: neither data with a right one, nor
/// what is believed without.
fn is_dead(bytes: &[u8]) -> bool {
    let mut budget = bytes.len().saturating_mul(CHECKSUMMED_PER_BYTE);
    let mut is_block = |rest: &[u8]| {
        let Some((frame, len)) = frame_in(rest, 0, rest.len() as u64) else { return false };
        // Within the bytes at hand.
        let block = rest.get(..len as usize).unwrap_or(rest);
        match frame.block_type {
            BlockType::Schema => SchemaBlock::parse(block.get(frame.header_len..).unwrap_or(&[])).is_ok(),
            BlockType::Data => {
                data_in(&frame, block).filter(|header| header.checksum.is_some()).is_some_and(|header| {
                    let is_too_much = budget < block.len();
                    budget = budget.saturating_sub(block.len());
                    is_too_much || is_right(block, &frame, &header)
                })
            }
            _ => false,
        }
    };
    let has_magic = |magic: &[u8]| Finder::new(magic).find(bytes).is_some();
    !has_magic(&MARKER) && !has_magic(TLOG) && !(0..bytes.len()).any(|at| is_block(bytes.get(at..).unwrap_or(&[])))
}

/// Whether the block declares what a reader understands, and nothing else is in it.
fn is_readable(block: &SchemaBlock<'_>) -> bool {
    let is_whole = |schema: Schema| schema.to_bytes() == block.schema;
    block.name.len() <= MAX_NAME && Schema::from_bytes(block.schema).is_ok_and(is_whole)
}

/// The whole block from `at` to `end`.
pub(super) fn whole<'w, S: ReadAt + ?Sized>(windows: &'w mut Windows<'_, S>, at: u64, end: u64) -> Sought<&'w [u8]> {
    let len = usize::try_from(end - at).ok().filter(|_| end - at <= MAX_BLOCK).ok_or(Stop::Odd)?;
    let bytes = windows.front(at, len)?;
    bytes.get(..len).ok_or(Stop::Failed(io::Error::from(io::ErrorKind::UnexpectedEof).into()))
}
