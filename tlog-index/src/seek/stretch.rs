//! Which part of a log a range of time takes.

use std::ops::Range;

use tlog::read::ReadAt;
use tlog::{Micros, Result};

use super::head::Outline;
use super::marker::FoundMarker;
use super::survey::Survey;
use super::windows::{Sought, Stop, Windows};
use super::{Order, SeekOptions, TimeOrder};

/// How far back a marker is searched for, in bytes. A log with none in so much is one without.
pub(super) const MAX_INTERVAL: u64 = 64 << 20;

/// So many markers with times too late are passed: they are no more than local disorder.
const TOO_LATE: usize = 8;

/// Where a walk starts: the two markers before some place.
pub(super) struct Start {
    /// The walk goes on behind this marker; `None` for the first block.
    pub marker: Option<FoundMarker>,
    /// The time of the marker behind it.
    pub near: Option<Micros>,
}

impl Start {
    /// The last marker before `low` with a time before `time`, and the one before that. As long as no time lies below an
    /// earlier one by the time between two markers, all data before the latter is before `time`.
    pub fn before<S: ReadAt + ?Sized>(windows: &mut Windows<'_, S>, low: u64, time: Micros) -> Sought<Self> {
        let first = windows.first_block;
        let mut end = low;
        for _ in 0..TOO_LATE {
            let Some(near) = windows.last_marker(first..end, MAX_INTERVAL)? else {
                return Ok(Self { marker: None, near: None });
            };
            end = near.offset;
            if near.time < time {
                let marker = windows.last_marker(first..end, MAX_INTERVAL)?;
                return Ok(Self { marker, near: Some(near.time) });
            }
        }
        Err(Stop::Odd)
    }
}

/// The part of a log that has all data of a range of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// From the start of a block to the start of a block or the end of the file, in bytes from its start.
    pub bytes: Range<u64>,
    /// The marker that ends where the stretch starts: it tells where records were last seen before. `None` when the
    /// stretch starts at the first block.
    pub marker: Option<FoundMarker>,
}

/// The bytes of the log in `source` that have all of its data with times in `times`, found by its markers: from behind
/// the second one before data at the start, to the second one that is not before the end. `None` when it
/// cannot be told from markers: there are none, or times are not in order; the whole log is then to be read.
///
/// Reads as much as [`seek`](super::seek) does twice; what may remain unseen is told in the [module](super).
///
/// # Errors
/// As [`seek`](super::seek).
pub fn stretch<S: ReadAt + ?Sized>(source: &S, times: Range<Micros>) -> Result<Option<Stretch>> {
    stretch_with(source, times, &SeekOptions::default())
}

/// As [`stretch`], with other options.
///
/// # Errors
/// As there.
pub fn stretch_with<S: ReadAt + ?Sized>(
    source: &S,
    times: Range<Micros>,
    options: &SeekOptions,
) -> Result<Option<Stretch>> {
    let mut windows = Windows::open(source, options.window)?;
    match by_markers(&mut windows, times, options) {
        Ok(stretch) => Ok(Some(stretch)),
        Err(Stop::Odd) => Ok(None),
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn by_markers<S: ReadAt + ?Sized>(
    windows: &mut Windows<'_, S>,
    times: Range<Micros>,
    options: &SeekOptions,
) -> Sought<Stretch> {
    let outline = Outline::read(windows)?;
    let mut survey = Survey::new(windows, &outline, options)?;
    survey.halve(windows, &outline, times.start)?;
    let low = survey.low;
    let start = Start::before(windows, low, times.start)?;
    survey.halve(windows, &outline, times.end.max(times.start))?;
    let mut order = Order::default();
    let before = start.marker.as_ref().map(|marker| marker.time);
    before.into_iter().chain(start.near).for_each(|time| order.marker(time));
    let end = end_behind(windows, survey.low.max(low), times.end, &mut order)?;
    if let Some(marker) = &start.marker {
        survey.agrees_with(marker)?;
    }
    if survey.order(&order).told() == TimeOrder::StepsBack {
        return Err(Stop::Odd);
    }
    let from = start.marker.as_ref().map_or(windows.first_block, |marker| marker.end);
    Ok(Stretch { bytes: from..end, marker: start.marker })
}

/// Where the second marker behind `from` starts that is not before `time`; the end of the file if there is none.
fn end_behind<S: ReadAt + ?Sized>(
    windows: &mut Windows<'_, S>,
    mut from: u64,
    time: Micros,
    order: &mut Order,
) -> Sought<u64> {
    let mut beyond = 0;
    let size = windows.size;
    while let Some(marker) = windows.next_marker(from..size)? {
        order.marker(marker.time);
        beyond += u32::from(marker.time >= time);
        if beyond == 2 {
            return Ok(marker.offset);
        }
        from = marker.end;
    }
    Ok(size)
}
