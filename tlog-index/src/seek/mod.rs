//! From a time to the latest instance of each record at or before it, without an index beside the log.
//!
//! ```text
//!           probes: which time is it here?           halving         hops
//!  ┌──┬──────────┬──────────┬──────────┬──────────┬───·─·─··┬──┬─────────┬─────────┬───────────┬──────┐
//!  │  ●          ●          ●          ●          ●   ● ● ●●M──┼────M────┼────M────┼───► M     ●      │
//!  └──┴──────────┴──────────┴──────────┴──────────┴─────────┴──┴─────────┴─────────┴───────────┴──────┘
//!                                                           start     t        second marker beyond t
//! ```
//!
//! 1. A few evenly spaced places show which time it is there: the first data block in a window that has a right
//!    checksum, or that other blocks follow. That tells whether times are in file order, and bounds where `t` is.
//! 2. Halving brings that down to a window; a few places around show whether times are in order there.
//! 3. Hops from header to header, from the time between two markers before `t` to the second marker beyond it, find the
//!    latest instances. Records that are not passed are known from the markers, and are followed back along their previous
//!    offsets where a greater time may be before. `hop.rs` tells why only what is found must be verified.
//!
//! Times may step back by less than the time between two markers: that is how far is looked before and behind.
//!
//! In a log without checksums or previous offsets, at its end, where a record is declared late, or where anything is not as
//! expected, a careful walk takes the place of the hops: block by block from the second marker before `t`,
//! searched for backwards, to the second one beyond it, and all that is passed is verified. Where two of the times that were seen contradict
//! file order by more than said above, and wherever anything else is
//! not what an intact log has (damage, a wrong previous offset, a record that is declared anew, a marker that lies), the whole log
//! is read instead. [`Seek`] tells which it was.
//!
//! # What may remain unseen
//! What is not read cannot contradict. An answer by markers is wrong if, outside what was read,
//! - times step back by the time between two markers or more, and none of the places looked at shows it: a clock that was set
//!   back and forth again within a 32nd of the file, or back for good by less than passes in a 32nd of it. Near the place sought
//!   much less is seen: places are looked at before and behind it at 64 KiB, 128 KiB, and so on;
//! - a record is declared anew, or another log begins, in a log without index, and none of the places looked at
//!   shows data of such a record before it;
//! - a payload holds a copy of a log, longer than all that is walked over, with the same records and times in order.
//!
//! An index of the log, which is made by reading all of it, makes that certain.

mod full;
mod head;
mod hop;
mod marker;
mod stretch;
mod survey;
mod walk;
mod windows;

use std::collections::BTreeMap;

use tlog::read::ReadAt;
use tlog::{Micros, Result};

pub use head::{FirstData, Head};
pub use marker::{FoundMarker, find_marker};
pub use stretch::{Stretch, stretch, stretch_with};

use head::Outline;
use stretch::Start;
use survey::Survey;
use walk::Walk;
use windows::{Sought, Stop, Windows};

/// Where the records of a log stand at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seek {
    /// Per record that has one: its latest instance at or before the time, by ascending identifiers. Of logs that were
    /// concatenated, identifiers are taken to mean the same in all.
    pub records: Vec<Latest>,
    /// How it was found.
    pub by: By,
    /// Whether times are in file order, as far as was seen.
    pub order: TimeOrder,
    /// What it took.
    pub cost: Cost,
}

/// The latest instance of a record: that with the greatest time, and of several with this time the last in the file.
/// Data without a time is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// The record.
    pub identifier: u64,
    /// Where the data block starts, in bytes from the start of the file.
    pub offset: u64,
    /// Its time.
    pub time: Micros,
}

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By looking at a few places, and walking over the blocks around the time.
    Markers,
    /// By reading the whole log, for want of markers or because something in it is not in order.
    FullScan,
}

/// How times follow each other in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeOrder {
    /// None that was seen is below an earlier one by the time between two markers, or in a log without markers
    /// at all.
    Forward,
    /// Some are: the clock was set back during the run, or logs were put together in the wrong order.
    StepsBack,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// How many windows, or chunks of a whole scan.
    pub windows: u64,
    /// How many bytes in all. Where the log lies in memory these are the bytes of the windows, not all of which are
    /// looked at.
    pub bytes: u64,
}

/// How to seek.
#[derive(Clone, Debug)]
pub struct SeekOptions {
    /// How much is read at once, in bytes; 64 at least.
    pub window: usize,
    /// How many evenly spaced places are looked at to see whether times are in order; fewer in a log that has
    /// not as many windows.
    pub probes: u32,
}

impl Default for SeekOptions {
    fn default() -> Self {
        Self { window: 64 << 10, probes: 32 }
    }
}

/// Where the records of the log in `source` stand at `time`.
///
/// # Errors
/// [`tlog::Error::Io`], and [`tlog::Error::Format`] when the file is no log. Damage is none: what is intact around
/// it is found.
///
/// ```
/// use tlog::{Micros, schema::Schema};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut writer = tlog::Writer::new(Vec::new());
/// let record = writer.declare("count", &Schema::from_json(r#""varuint""#)?)?;
/// for second in 0..10u8 {
///     writer.write(record, Micros(i64::from(second) * 1_000_000), &[second])?;
/// }
/// let log = writer.finish()?;
/// let seek = tlog_index::seek::seek(&log[..], Micros(4_500_000))?;
/// assert_eq!(seek.records[0].time, Micros(4_000_000));
/// # Ok(())
/// # }
/// ```
pub fn seek<S: ReadAt + ?Sized>(source: &S, time: Micros) -> Result<Seek> {
    seek_with(source, time, &SeekOptions::default())
}

/// As [`seek`], with other options.
///
/// # Errors
/// As there.
pub fn seek_with<S: ReadAt + ?Sized>(source: &S, time: Micros, options: &SeekOptions) -> Result<Seek> {
    let mut windows = Windows::open(source, options.window)?;
    match by_markers(&mut windows, time, options) {
        Ok(seek) => Ok(seek),
        Err(Stop::Odd) => full::seek(source, time, windows.cost),
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn by_markers<S: ReadAt + ?Sized>(windows: &mut Windows<'_, S>, time: Micros, options: &SeekOptions) -> Sought<Seek> {
    let outline = Outline::read(windows)?;
    outline.declared_once()?;
    let mut survey = Survey::new(windows, &outline, options)?;
    survey.halve(windows, &outline, time)?;
    match hop::seek(windows, &outline, &mut survey, time) {
        Err(Stop::Odd) => carefully(windows, &outline, &survey, time),
        found => found,
    }
}

/// By a walk that verifies all that it passes.
fn carefully<S: ReadAt + ?Sized>(
    windows: &mut Windows<'_, S>,
    outline: &Outline,
    survey: &Survey,
    time: Micros,
) -> Sought<Seek> {
    let start = Start::before(windows, survey.low, time)?;
    let mut walk = Walk::run(windows, outline, start.marker.as_ref(), time)?;
    if let Some(marker) = &start.marker {
        survey.agrees_with(marker)?;
        walk.look_back(windows, outline, marker)?;
    }
    if walk.is_whole && !walk.is_proved {
        return Err(Stop::Odd);
    }
    let (by, order) = match walk.is_whole {
        true => (By::FullScan, walk.order.told()),
        false => (By::Markers, survey.order(&walk.order).told()),
    };
    if by == By::Markers && order == TimeOrder::StepsBack {
        return Err(Stop::Odd);
    }
    Ok(Seek { records: walk.into_found(), by, order, cost: windows.cost })
}

impl Latest {
    /// Takes the place of an earlier instance, if this one is at or before `time` and no later one is there.
    fn replace_in(self, best: &mut BTreeMap<u64, Self>, time: Micros) {
        if self.time <= time && best.get(&self.identifier).is_none_or(|latest| latest.time <= self.time) {
            best.insert(self.identifier, self);
        }
    }
}

/// How the times that were seen follow each other.
#[derive(Clone, Debug, Default)]
struct Order {
    /// The greatest time so far.
    latest: Option<Micros>,
    /// By how many microseconds at most a time was below an earlier one.
    step_back: u64,
    last_marker: Option<Micros>,
    /// The least time between two markers that follow each other, in microseconds.
    gap: Option<u64>,
}

impl Order {
    /// The time of a data block.
    fn data(&mut self, time: Micros) {
        let latest = self.latest.map_or(time, |latest| latest.max(time));
        self.latest = Some(latest);
        self.step_back = self.step_back.max(latest.0.abs_diff(time.0));
    }

    /// That of a marker.
    fn marker(&mut self, time: Micros) {
        self.data(time);
        if let Some(last) = self.last_marker.replace(time) {
            let gap = if last < time { last.0.abs_diff(time.0) } else { 0 };
            self.gap = Some(self.gap.map_or(gap, |least| least.min(gap)));
        }
    }

    fn told(&self) -> TimeOrder {
        match self.step_back > 0 && self.step_back >= self.gap.unwrap_or(0) {
            true => TimeOrder::StepsBack,
            false => TimeOrder::Forward,
        }
    }
}
