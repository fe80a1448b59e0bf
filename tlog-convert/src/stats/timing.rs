//! What is told of the times of a record: its rate, how even that is, and where it stood still.

use tlog::Micros;

use super::Spot;
use super::numbers::{Extremes, Moments, Numbers};

/// So many of the largest gaps are kept.
pub const GAPS: usize = 5;

/// Cells for the quantiles of intervals.
const CELLS: usize = 4096;

/// Times of the instances of a record in file order.
#[derive(Clone, Debug)]
pub struct Timing {
    /// How many instances there are.
    pub count: u64,
    /// How many have a time.
    pub timed: u64,
    /// The earliest and the latest time.
    pub range: Option<(Micros, Micros)>,
    /// Intervals between instances that follow each other, in microseconds, without steps back.
    pub intervals: Numbers,
    /// The longest intervals, the longest first, of equal ones what came first; [`GAPS`] at most.
    pub gaps: Vec<Gap>,
    /// How often a time is before that of the instance before it.
    pub steps_back: u64,
    /// The largest such step.
    pub largest_step_back: Option<Gap>,
    /// The first and the last instance with a time.
    ends: Option<(Spot, Micros)>,
}

/// From one instance to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How long, in microseconds.
    pub micros: u64,
    /// The time of the instance before it.
    pub from: Micros,
    /// The instance behind it.
    pub spot: Spot,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            count: 0,
            timed: 0,
            range: None,
            intervals: Numbers::new(CELLS),
            gaps: Vec::new(),
            steps_back: 0,
            largest_step_back: None,
            ends: None,
        }
    }
}

impl Timing {
    /// None yet, for about so many more of the same.
    pub fn fresh(&self, more: usize) -> Self {
        Self { intervals: self.intervals.fresh(more), ..Self::default() }
    }

    /// Adds instances. `scratch` is memory to work in.
    pub fn add(&mut self, spots: impl Iterator<Item = Spot>, scratch: &mut Vec<f64>) {
        let mut intervals = Vec::new();
        for spot in spots {
            self.count += 1;
            let Some(time) = spot.time else { continue };
            self.timed += 1;
            self.range = Some(self.range.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
            match &mut self.ends {
                None => self.ends = Some((spot, time)),
                Some((_, last)) => {
                    let from = std::mem::replace(last, time);
                    self.step(from, spot, time, &mut intervals);
                }
            }
        }
        self.intervals.add_integers(&intervals, |micros| micros as f64, scratch);
    }

    fn step(&mut self, from: Micros, spot: Spot, time: Micros, intervals: &mut Vec<u64>) {
        let gap = Gap { micros: time.0.abs_diff(from.0), from, spot };
        if time >= from {
            intervals.push(gap.micros);
            self.keep(gap);
        } else {
            self.steps_back += 1;
            self.keep_step_back(gap);
        }
    }

    fn keep(&mut self, gap: Gap) {
        if gap.micros == 0
            || (self.gaps.len() == GAPS && self.gaps.last().is_some_and(|last| last.micros >= gap.micros))
        {
            return;
        }
        let at = self.gaps.partition_point(|known| known.micros >= gap.micros);
        self.gaps.insert(at, gap);
        self.gaps.truncate(GAPS);
    }

    fn keep_step_back(&mut self, step: Gap) {
        if self.largest_step_back.is_none_or(|known| known.micros < step.micros) {
            self.largest_step_back = Some(step);
        }
    }

    /// Adds the instances of a part behind this one.
    pub fn merge(&mut self, later: &Self) {
        self.count += later.count;
        self.timed += later.timed;
        self.range = match (self.range, later.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (a, b) => a.or(b),
        };
        if let (Some((_, last)), Some((first, _))) = (self.ends, later.ends) {
            let mut between = Vec::new();
            self.step(last, first, first.time.unwrap_or(last), &mut between);
            self.intervals.add_integers(&between, |micros| micros as f64, &mut Vec::new());
        }
        self.ends = match (self.ends, later.ends) {
            (Some((first, _)), Some((_, last))) => Some((first, last)),
            (a, b) => a.or(b),
        };
        self.intervals.merge(&later.intervals);
        later.gaps.iter().for_each(|&gap| self.keep(gap));
        self.steps_back += later.steps_back;
        if let Some(step) = later.largest_step_back {
            self.keep_step_back(step);
        }
    }

    /// Instances a second between the earliest and the latest.
    pub fn rate_hz(&self) -> Option<f64> {
        let (first, last) = self.range?;
        let micros = last.0.abs_diff(first.0);
        (micros > 0).then(|| self.timed.saturating_sub(1) as f64 * 1e6 / micros as f64)
    }

    /// The spread of the intervals, if there are any.
    pub fn interval_moments(&self) -> Option<&Moments> {
        Some(&self.intervals.moments).filter(|moments| moments.count > 0)
    }

    /// The least and the longest interval, in microseconds.
    pub const fn interval_range(&self) -> Option<(u64, u64)> {
        match self.intervals.extremes {
            Some(Extremes::Integers(min, max)) => Some((min as u64, max as u64)),
            _ => None,
        }
    }

    /// The distance from the median interval that 99 % of the intervals keep, in microseconds.
    pub fn jitter_p99(&self) -> Option<f64> {
        let [median] = self.intervals.at([0.5])?;
        self.intervals.quantiles.distance_at(median, 0.99)
    }
}
