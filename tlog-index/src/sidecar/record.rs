//! What an index tells of one record.

use std::ops::Range;
use std::sync::Arc;

use tlog::Micros;
use tlog::read::RecordType;

use super::bytes::{In, Malformed, Out, Taken, check};
use crate::index::{Cell, Ends, Gap, Latest, Links, RecordIndex, Times};

/// There is no latest instance to speak of.
const BEFORE: u8 = 0;
const NONE: u8 = 1;
const AT: u8 = 2;

/// Which offsets blocks can have, and how long spans are.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    /// In bytes from the start of the log.
    pub blocks: Range<u64>,
    /// As a power of two.
    pub span_shift: u32,
}

impl Extent {
    /// A block's offset.
    pub fn block(&self, offset: u64) -> Taken<u64> {
        check(self.blocks.contains(&offset))?;
        Ok(offset)
    }

    /// The span of a block.
    pub fn span(&self, offset: u64) -> Taken<u32> {
        u32::try_from(offset.checked_shr(self.span_shift).unwrap_or(0)).map_err(|_| Malformed)
    }
}

pub(super) fn put(record: &RecordIndex, out: &mut Out) {
    out.uint(record.count);
    out.uint(record.bytes);
    out.uint(record.stored_bytes);
    out.uint(record.unpacked_bytes);
    out.uint(record.compressed);
    out.uint(record.checksummed);
    out.uint(record.timed);
    put_times(record.times, out);
    put_ends(record.ends, out);
    put_gap(record.largest_gap, out);
    out.uint(record.links.checked);
    out.uint(record.links.wrong);
    out.option(record.links.first_wrong);
    match record.latest {
        Latest::Before => out.byte(BEFORE),
        Latest::None => out.byte(NONE),
        Latest::At(offset) => {
            out.byte(AT);
            out.uint(offset);
        }
    }
    out.option(record.unchecked_link.map(|(offset, _)| offset));
    record.unchecked_link.into_iter().for_each(|(_, distance)| out.uint(distance));
    put_cells(&record.cells, out);
}

/// What a log tells of `record`; its blocks are where `extent` says.
pub(super) fn take(record: Arc<RecordType>, extent: &Extent, bytes: &mut In<'_>) -> Taken<RecordIndex> {
    let mut index = RecordIndex::new(record);
    index.count = bytes.uint()?;
    index.bytes = bytes.uint()?;
    index.stored_bytes = bytes.uint()?;
    index.unpacked_bytes = bytes.uint()?;
    index.compressed = bytes.uint()?;
    index.checksummed = bytes.uint()?;
    index.timed = bytes.uint()?;
    check(index.stored_bytes <= index.bytes)?;
    check(index.compressed.max(index.checksummed).max(index.timed) <= index.count)?;
    index.times = take_times(bytes)?;
    index.ends = take_ends(extent, bytes)?;
    index.largest_gap = take_gap(extent, bytes)?;
    index.links = Links { checked: bytes.uint()?, wrong: bytes.uint()?, first_wrong: bytes.option()? };
    check(index.links.wrong <= index.links.checked && index.links.checked <= index.count)?;
    index.links.first_wrong.map_or(Ok(0), |offset| extent.block(offset))?;
    index.latest = match bytes.byte()? {
        BEFORE => Latest::Before,
        NONE => Latest::None,
        AT => Latest::At(extent.block(bytes.uint()?)?),
        _ => return Err(Malformed),
    };
    index.unchecked_link = match bytes.option()? {
        Some(offset) => Some((extent.block(offset)?, bytes.uint()?)),
        None => None,
    };
    index.cells = take_cells(index.count, extent, bytes)?;
    Ok(index)
}

/// Ascending offsets are kept as steps, and times as the difference to the cell before.
fn put_cells(cells: &[Cell], out: &mut Out) {
    out.len(cells.len());
    let (mut last, mut time) = (0, 0);
    for cell in cells {
        out.uint(u64::from(cell.count) << 1 | u64::from(cell.times.is_some()));
        out.uint(cell.last.wrapping_sub(last));
        out.uint(cell.last.wrapping_sub(cell.best));
        last = cell.last;
        if let Some(times) = cell.times {
            out.int(times.first.0.wrapping_sub(time));
            out.uint(times.last.0.wrapping_sub(times.first.0) as u64);
            time = times.first.0;
        }
    }
}

fn take_cells(instances: u64, extent: &Extent, bytes: &mut In<'_>) -> Taken<Vec<Cell>> {
    let count = bytes.count()?;
    // Each takes three bytes at least, of which one has been seen.
    let mut cells: Vec<Cell> = Vec::with_capacity(count / 2);
    let (mut left, mut last, mut time) = (instances, 0u64, 0i64);
    for _ in 0..count {
        let head = bytes.uint()?;
        let instances = u32::try_from(head >> 1).map_err(|_| Malformed)?;
        check(instances > 0)?;
        left = left.checked_sub(u64::from(instances)).ok_or(Malformed)?;
        last = extent.block(last.checked_add(bytes.uint()?).ok_or(Malformed)?)?;
        let best = extent.block(last.checked_sub(bytes.uint()?).ok_or(Malformed)?)?;
        let span = extent.span(last)?;
        check(extent.span(best)? == span && cells.last().is_none_or(|cell| cell.span < span))?;
        let mut times = None;
        if head & 1 != 0 {
            time = time.wrapping_add(bytes.int()?);
            times = Some(times_from(time, bytes.uint()?)?);
        }
        cells.push(Cell { span, count: instances, times, best, last });
    }
    Ok(cells)
}

fn times_from(first: i64, len: u64) -> Taken<Times> {
    let last = first.wrapping_add(len as i64);
    check(last >= first)?;
    Ok(Times { first: Micros(first), last: Micros(last) })
}

pub(super) fn put_times(times: Option<Times>, out: &mut Out) {
    out.bool(times.is_some());
    let Some(times) = times else { return };
    out.int(times.first.0);
    out.uint(times.last.0.wrapping_sub(times.first.0) as u64);
}

fn take_times(bytes: &mut In<'_>) -> Taken<Option<Times>> {
    match bytes.bool()? {
        true => Ok(Some(times_from(bytes.int()?, bytes.uint()?)?)),
        false => Ok(None),
    }
}

pub(super) fn put_ends(ends: Option<Ends>, out: &mut Out) {
    out.bool(ends.is_some());
    let Some(ends) = ends else { return };
    out.int(ends.first.0);
    out.uint(ends.first_at);
    out.int(ends.last.0);
}

pub(super) fn take_ends(extent: &Extent, bytes: &mut In<'_>) -> Taken<Option<Ends>> {
    if !bytes.bool()? {
        return Ok(None);
    }
    let (first, first_at, last) = (Micros(bytes.int()?), extent.block(bytes.uint()?)?, Micros(bytes.int()?));
    Ok(Some(Ends { first, first_at, last }))
}

pub(super) fn put_gap(gap: Option<Gap>, out: &mut Out) {
    out.bool(gap.is_some());
    let Some(gap) = gap else { return };
    out.uint(gap.micros);
    out.uint(gap.offset);
}

pub(super) fn take_gap(extent: &Extent, bytes: &mut In<'_>) -> Taken<Option<Gap>> {
    if !bytes.bool()? {
        return Ok(None);
    }
    Ok(Some(Gap { micros: bytes.uint()?, offset: extent.block(bytes.uint()?)? }))
}
