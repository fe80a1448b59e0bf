//! From the time since a device began to run to that of the world, by the log's `tlog.clock` records.
//!
//! Each says that `mono_us` by the device's clock was `utc_us`. Before the first of them its difference holds; behind one
//! its own does, until the next. Between two of the same source that drift apart no more than clocks do, the
//! difference goes evenly from the one to the other, so that no time steps back where a later record corrects it.

use serde::Serialize;
use tlog::Micros;
use tlog::read::Data;
use tlog::value::{Cursor, Value};

/// The record that tells.
pub(super) const NAME: &str = "tlog.clock";

/// So many are remembered.
const MAX_POINTS: usize = 1 << 16;

/// Clocks that differ by more than one part in so many do not drift: one was set.
const DRIFT: i128 = 1000;

/// What became of the times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClockReport {
    /// How many `tlog.clock` records were used; without any, times stay what they are.
    pub records: u64,
    /// By how much the first time was moved, in microseconds.
    pub first_shift_us: Option<i64>,
    /// By how much the last one was.
    pub last_shift_us: Option<i64>,
}

#[derive(Clone, Debug)]
struct Point {
    mono: i64,
    utc: i64,
    source: Option<Value>,
}

/// What a log says of the time.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    points: Vec<Point>,
}

impl Clock {
    /// Notes what a record says, if it is one of the clock.
    pub fn note(&mut self, data: &Data<'_>) {
        if data.record.name == NAME && self.points.len() < MAX_POINTS {
            self.points.extend(point(data));
        }
    }

    /// Once all are noted.
    pub fn ready(&mut self) {
        self.points.sort_by_key(|point| point.mono);
    }

    pub fn report(&self) -> ClockReport {
        let shift = |point: &Point| point.utc.checked_sub(point.mono);
        ClockReport {
            records: self.points.len() as u64,
            first_shift_us: self.points.first().and_then(shift),
            last_shift_us: self.points.last().and_then(shift),
        }
    }

    /// The time of the world at a time of the device. Reserved values stay, as do times that would not fit.
    pub fn rebased(&self, time: Micros) -> Micros {
        if [Micros::NEG_INFINITY, Micros::NOT_A_TIME, Micros::INFINITY].contains(&time) {
            return time;
        }
        let next = self.points.partition_point(|point| point.mono <= time.0);
        let (Some(from), to) = (self.points.get(next.saturating_sub(1)), self.points.get(next)) else { return time };
        let since = i128::from(time.0) - i128::from(from.mono);
        let drift = to.filter(|_| next > 0).map_or(0, |to| drift(from, to, since));
        i64::try_from(i128::from(from.utc) + since + drift).map_or(time, Micros)
    }
}

/// How much of what the clock will have drifted until `to` it has drifted `since` microseconds behind `from`.
fn drift(from: &Point, to: &Point, since: i128) -> i128 {
    let between = i128::from(to.mono) - i128::from(from.mono);
    let drift = i128::from(to.utc) - i128::from(from.utc) - between;
    let drifts = between > 0 && drift.saturating_mul(DRIFT).abs() <= between && from.source == to.source;
    if drifts { drift * since / between } else { 0 }
}

fn point(data: &Data<'_>) -> Option<Point> {
    let unpacked = match data.flags.contains(tlog::wire::DataFlags::SNAPPY) {
        // So short a record is not compressed; what claims to be is another one.
        true => return None,
        false => data.payload,
    };
    let value = Value::decode(data.record.schema.root(), &mut Cursor::new(unpacked)).ok()?;
    let micros = |name: &str| match value.field(name)?.inner() {
        Value::Timestamp(time) => Some(time.0),
        Value::Duration(micros) => Some(*micros),
        Value::Uint(micros) => i64::try_from(*micros).ok(),
        Value::Int(micros) => Some(*micros),
        _ => None,
    };
    Some(Point { mono: micros("mono_us")?, utc: micros("utc_us")?, source: value.field("source").cloned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(points: &[(i64, i64, u64)]) -> Clock {
        let point = |&(mono, utc, source)| Point { mono, utc, source: Some(Value::Uint(source)) };
        let mut clock = Clock { points: points.iter().map(point).collect() };
        clock.ready();
        clock
    }

    #[track_caller]
    fn check(clock: &Clock, times: &[(i64, i64)]) {
        for &(mono, utc) in times {
            assert_eq!(clock.rebased(Micros(mono)), Micros(utc), "{mono}");
        }
    }

    #[test]
    fn without_a_record_times_stay() {
        check(&Clock::default(), &[(0, 0), (-7, -7), (i64::MAX, i64::MAX)]);
    }

    #[test]
    fn one_record_holds_for_all_times() {
        let clock = clock(&[(1_000, 1_700_000_000_000_000, 1)]);
        check(&clock, &[(0, 1_699_999_999_999_000), (1_000, 1_700_000_000_000_000), (2_000, 1_700_000_000_001_000)]);
        check(&clock, &[(i64::MAX, i64::MAX), (i64::MIN, i64::MIN), (i64::MAX - 3, i64::MAX - 3)]);
    }

    #[test]
    fn drift_is_spread_between_records_of_one_source() {
        let clock = clock(&[(1_000_000, 51_000_000, 1), (2_000_000, 52_000_100, 1)]);
        check(&clock, &[(0, 50_000_000), (1_500_000, 51_500_050), (2_000_000, 52_000_100), (3_000_000, 53_000_100)]);
    }

    #[test]
    fn a_clock_that_was_set_steps() {
        for clock in [
            clock(&[(2_000_000, 62_000_000, 1), (1_000_000, 51_000_000, 1)]),
            clock(&[(1_000_000, 51_000_000, 1), (2_000_000, 52_000_100, 2)]),
        ] {
            check(&clock, &[(1_999_999, 51_999_999), (2_000_001, clock.points[1].utc + 1)]);
        }
    }
}
