//! When a seek marker is due.

use std::time::Duration;

use crate::Micros;

/// Decides after which data blocks a seek marker is written: the first one whose time has reached that of
/// the last marker, or at first that of the first record, plus the period.
#[derive(Debug)]
pub(super) struct MarkerTimer {
    /// In microseconds; `None` for no markers at all.
    period: Option<i64>,
    /// From which time on the next one is due; `None` before the first record.
    due: Option<i64>,
}

impl MarkerTimer {
    pub(super) fn new(period: Option<Duration>) -> Self {
        let micros = |period: Duration| i64::try_from(period.as_micros()).unwrap_or(i64::MAX);
        Self { period: period.map(micros).filter(|&period| period > 0), due: None }
    }

    /// Whether a marker follows the block with this time. The reserved values are no times to count from.
    #[inline]
    pub(super) fn fires(&mut self, time: Micros) -> bool {
        let Some(period) = self.period else { return false };
        match self.due {
            Some(due) if time.0 < due => return false,
            _ if [Micros::NEG_INFINITY, Micros::NOT_A_TIME, Micros::INFINITY].contains(&time) => return false,
            _ => {}
        }
        self.due.replace(time.0.saturating_add(period)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(period: Duration, times: &[i64]) -> Vec<i64> {
        let mut timer = MarkerTimer::new(Some(period));
        times.iter().copied().filter(|&time| timer.fires(Micros(time))).collect()
    }

    #[test]
    fn counts_from_the_first_record_and_then_from_the_last_marker() {
        let second = Duration::from_secs(1);
        assert_eq!(fired(second, &[5, 1_000_004, 1_000_005, 2_000_004, 2_500_000, 3_000_005]), [1_000_005, 2_500_000]);
        assert_eq!(fired(second, &[9_000_000, 1, 9_999_999, 10_000_000]), [10_000_000]);
    }

    #[test]
    fn reserved_values_neither_arm_nor_fire() {
        let second = Duration::from_secs(1);
        assert_eq!(fired(second, &[i64::MIN, i64::MIN + 1, i64::MAX, 0, i64::MAX, 1_000_000]), [1_000_000]);
    }

    #[test]
    fn a_period_of_zero_is_none_and_a_huge_one_never_ends() {
        assert!(fired(Duration::ZERO, &[0, 1, 2]).is_empty());
        assert!(fired(Duration::MAX, &[0, 1, i64::MAX - 1]).is_empty());
    }
}
