//! The short way: around the time sought from header to header, verifying no more than what is found.
//!
//! ```text
//!            D and a little      up to D         second marker beyond t
//!  ──────┬───────────────────┬─┬──────────┬─────────────┬──
//!        ● start ─────► ─────●─t────► ────M────► ───────M
//!        │      back         │        front
//!        └ a block whose     └ the last place that the survey found before t
//!          time is before t - D
//! ```
//!
//! `D` is the time between two markers, by less than which times may step back. The front is passed first and tells
//! it; then the back is passed, and must end where the front starts. Whatever is not as expected, and a log without
//! checksums or previous offsets, is left to the careful [walk](super::walk).
//!
//! # Why no checksum is needed on the way
//! An answer is wrong if an intact block is left out, or if a damaged one is in it.
//! 1. No block of a record is left out: each block passed tells how far back the one before it of its record is, which
//!    must be the last one that was passed, or lie before the start. At the end a marker, whose checksum is
//!    right, must name exactly the records passed, and for each the last block passed. So a length that was damaged and
//!    leads over a block, or into the middle of one, shows at the next block of the record that is missed, or at the marker.
//! 2. A damaged block has no part in the answer, so it does no harm that its time, of which we know nothing, seems too late or
//!    too early to be the answer. Where it seems to be the answer, it is verified and found out: everything in the answer is.
//! 3. What ends the hopping are markers, which are verified, and the places of the survey; what ends going back
//!    along a record is verified too, or compared with what is in the answer. A wrong time seems to step back
//!    rather than hides that others do.

use tlog::Micros;
use tlog::read::ReadAt;
use tlog::wire::{BlockType, DataHeader, SeekMarker, data};

use super::head::{MAX_RECORDS, Outline};
use super::marker::{FoundMarker, told};
use super::stretch::MAX_INTERVAL;
use super::survey::{Anchor, Survey};
use super::walk::{follow_back, whole};
use super::windows::{Sought, Stop, Windows, data_in, frame_in};
use super::{By, Latest, Order, Seek, TimeOrder};
use crate::by_id::ById;

/// Where the records stand at `time`, which `survey` has been halved for.
pub(super) fn seek<S: ReadAt + ?Sized>(
    windows: &mut Windows<'_, S>,
    outline: &Outline,
    survey: &mut Survey,
    time: Micros,
) -> Sought<Seek> {
    let low = survey.low;
    if !outline.has_checksums() || low == windows.first_block {
        return Err(Stop::Odd);
    }
    let mut front = Hop::new(low, time);
    let most = low.saturating_add(2 * MAX_INTERVAL).min(windows.size);
    front.run(windows, most)?;
    // Both of the markers beyond the time, or it ended before.
    let marker = front.marker.take().filter(|_| front.beyond == 2).ok_or(Stop::Odd)?;
    let step = front.order.gap.ok_or(Stop::Odd)?;

    let start = start(windows, outline, survey, time.0.saturating_sub_unsigned(step.saturating_add(step / 4)))?;
    if start.offset > low || low - start.offset > 2 * MAX_INTERVAL {
        return Err(Stop::Odd);
    }
    let mut hop = Hop::new(start.offset, time);
    if hop.run(windows, low)? != low {
        return Err(Stop::Odd);
    }
    hop.goes_on_with(&front)?;
    survey.agrees_with(&marker)?;
    let step = hop.order.gap.ok_or(Stop::Odd)?;
    let order = survey.order(&hop.order).told();
    if order == TimeOrder::StepsBack {
        return Err(Stop::Odd);
    }
    let records = hop.into_found(windows, outline, start.time.0.saturating_add_unsigned(step), step)?;
    Ok(Seek { records, by: By::Markers, order, cost: windows.cost })
}

/// The last place that the survey finds before the time, or the first data.
fn start<S: ReadAt + ?Sized>(
    windows: &mut Windows<'_, S>,
    outline: &Outline,
    survey: &mut Survey,
    time: i64,
) -> Sought<Anchor> {
    if let Some(anchor) = survey.last_before(windows, outline, Micros(time))? {
        return Ok(anchor);
    }
    let first = outline.first_data.ok_or(Stop::Odd)?;
    // Nothing is before it, so that its time bounds nothing.
    Ok(Anchor { offset: first.offset, time: Micros(i64::MIN), identifier: Some(first.identifier) })
}

/// What was passed between two places.
struct Hop {
    start: u64,
    time: Micros,
    records: ById<Passed>,
    /// How many of the records are known.
    known: usize,
    order: Order,
    earliest: Option<Micros>,
    /// The last marker passed, and how many were beyond the time.
    marker: Option<FoundMarker>,
    beyond: u32,
}

/// What is known of a record.
#[derive(Clone, Copy, Default)]
struct Passed {
    is_known: bool,
    /// Its latest block before the place that was reached.
    last: Option<u64>,
    /// That before the start.
    before: Option<u64>,
    /// Its latest instance at or before the time, of those passed.
    best: Option<Latest>,
}

impl Hop {
    fn new(start: u64, time: Micros) -> Self {
        let (order, records) = (Order::default(), ById::default());
        Self { start, time, records, known: 0, order, earliest: None, marker: None, beyond: 0 }
    }

    /// Hops to `end`, or to behind the second marker beyond the time; where it arrived.
    fn run<S: ReadAt + ?Sized>(&mut self, windows: &mut Windows<'_, S>, end: u64) -> Sought<u64> {
        let mut at = self.start;
        while at < end && self.beyond < 2 {
            let size = windows.size;
            let bytes = windows.front(at, data::MAX_FRONT_LEN)?;
            let next = self.data_blocks(bytes, at, end, size)?;
            at = if next > at { next } else { self.other_block(windows, at)? };
        }
        Ok(at)
    }

    /// Passes the data blocks that start in `bytes`, which lie at `base`; where something else is.
    fn data_blocks(&mut self, bytes: &[u8], base: u64, end: u64, size: u64) -> Sought<u64> {
        let mut at = base;
        let whole_fronts = (bytes.len() as u64).saturating_sub(data::MAX_FRONT_LEN as u64);
        // At least one; the front of the file's last block may be short.
        while at < end && (at == base || at - base <= whole_fronts) {
            // In the window.
            let front = bytes.get((at - base) as usize..).unwrap_or(&[]);
            let (frame, next) = frame_in(front, at, size).ok_or(Stop::Odd)?;
            if frame.block_type != BlockType::Data {
                break;
            }
            self.data(at, &data_in(&frame, front).ok_or(Stop::Odd)?)?;
            at = next;
        }
        Ok(at)
    }

    #[inline] // once per block hopped over: `benches/seek`
    fn data(&mut self, offset: u64, header: &DataHeader) -> Sought<()> {
        let (Some(distance), Some(_)) = (header.previous_offset, header.checksum) else { return Err(Stop::Odd) };
        let previous = match distance {
            0 => None,
            distance => Some(offset.checked_sub(distance).ok_or(Stop::Odd)?),
        };
        let (identifier, start) = (header.identifier, self.start);
        let passed = self.records.or_default(identifier);
        if !passed.is_known {
            *passed = Passed { is_known: true, last: previous, before: previous, best: None };
            self.known += 1;
            if previous.is_some_and(|previous| previous >= start) || self.records.len() >= MAX_RECORDS {
                return Err(Stop::Odd);
            }
        }
        let passed = self.records.or_default(identifier);
        if passed.last != previous {
            return Err(Stop::Odd);
        }
        passed.last = Some(offset);
        let Some(time) = header.timestamp.map(Micros) else { return Ok(()) };
        if time <= self.time && passed.best.is_none_or(|best| best.time <= time) {
            passed.best = Some(Latest { identifier, offset, time });
        }
        self.order.data(time);
        self.earliest = Some(self.earliest.map_or(time, |earliest| earliest.min(time)));
        Ok(())
    }

    /// Passes a block without data; where it ends.
    fn other_block<S: ReadAt + ?Sized>(&mut self, windows: &mut Windows<'_, S>, at: u64) -> Sought<u64> {
        let size = windows.size;
        let front = windows.front(at, data::MAX_FRONT_LEN)?;
        let (frame, end) = frame_in(front, at, size).ok_or(Stop::Odd)?;
        match frame.block_type {
            BlockType::SeekMarker => {
                let marker = SeekMarker::parse(whole(windows, at, end)?).ok().flatten();
                self.marker(marker.and_then(|marker| told(&marker, at, end)).ok_or(Stop::Odd)?)?;
            }
            BlockType::Dictionary if frame.is_filler(front.get(frame.header_len..).unwrap_or(&[])) == Some(true) => {}
            // A record declared here may have been declared before.
            _ => return Err(Stop::Odd),
        }
        Ok(end)
    }

    fn marker(&mut self, marker: FoundMarker) -> Sought<()> {
        self.ends_with(marker.elements.iter().copied())?;
        self.order.marker(marker.time);
        self.beyond += u32::from(marker.time > self.time);
        self.marker = Some(marker);
        Ok(())
    }

    /// Whether the latest blocks of all records at the place that was reached are these; of records that were not passed that tells
    /// the latest before the start.
    fn ends_with(&mut self, elements: impl Iterator<Item = (u64, u64)>) -> Sought<()> {
        let mut count = 0;
        for (identifier, latest) in elements {
            let passed = self.records.or_default(identifier);
            if !passed.is_known && latest < self.start {
                *passed = Passed { is_known: true, last: Some(latest), before: Some(latest), best: None };
                self.known += 1;
            }
            if passed.last != Some(latest) || self.records.len() >= MAX_RECORDS {
                return Err(Stop::Odd);
            }
            count += 1;
        }
        if count == self.known { Ok(()) } else { Err(Stop::Odd) }
    }

    /// Goes on with what was passed from here on by another.
    fn goes_on_with(&mut self, front: &Self) -> Sought<()> {
        let before = front.records.iter().filter_map(|(identifier, passed)| Some((identifier, passed.before?)));
        self.ends_with(before)?;
        for (identifier, passed) in front.records.iter().filter(|(_, passed)| passed.is_known) {
            let mine = self.records.or_default(identifier);
            if let Some(best) = passed.best
                && mine.best.is_none_or(|mine| mine.time <= best.time)
            {
                mine.best = Some(best);
            }
        }
        if let (Some(latest), Some(earliest)) = (self.order.latest, front.earliest)
            && latest > earliest
        {
            self.order.step_back = self.order.step_back.max(latest.0.abs_diff(earliest.0));
        }
        self.order.step_back = self.order.step_back.max(front.order.step_back);
        self.order.gap = self.order.gap.into_iter().chain(front.order.gap).min();
        Ok(())
    }

    /// What was found, verified; completed with what lies before the start where a time before `bound` may not be the greatest.
    fn into_found<S: ReadAt + ?Sized>(
        self,
        windows: &mut Windows<'_, S>,
        outline: &Outline,
        bound: i64,
        step: u64,
    ) -> Sought<Vec<Latest>> {
        let mut found = Vec::new();
        for (identifier, passed) in self.records.iter() {
            let mut best = passed.best;
            if let Some(before) = passed.before
                && best.is_none_or(|best| best.time.0 < bound)
            {
                follow_back(windows, outline, (identifier, before), (self.time, step), &mut best)?;
            }
            if let Some(best) = best {
                // What was followed back has been verified.
                if best.offset >= self.start {
                    windows.data(best.offset, true)?;
                }
                found.push(best);
            }
        }
        found.sort_unstable_by_key(|latest| latest.identifier);
        Ok(found)
    }
}
