//! Points in time at one rate.

use tlog::Micros;

use crate::{Error, Result};

/// Points in time, so many in so many microseconds, counted from the Unix epoch: tables that are made apart from each
/// other at one rate have their rows at the same times.
///
/// Point `k` is at `k × micros / points`, rounded down to a microsecond: at 3 Hz 0, 333333, 666666, 1000000.
///
/// ```
/// use tlog::Micros;
/// use tlog_convert::text::Grid;
/// let grid = Grid::new(3, 1_000_000)?;
/// assert_eq!(grid.time(2), Micros(666_666));
/// assert_eq!(grid.at_or_after(Micros(666_667)), 3);
/// # Ok::<(), tlog_convert::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    points: i128,
    micros: i128,
}

/// Products of a time with one of a grid's numbers stay inside of an `i128`.
const MAX: u64 = 1 << 60;

impl Grid {
    /// So many points in so many microseconds: 100 Hz is 100 in 1,000,000; 10 ms is 1 in 10,000.
    ///
    /// # Errors
    /// [`Error::Usage`] for no points, no time, or points closer to each other than a microsecond.
    pub fn new(points: u64, micros: u64) -> Result<Self> {
        match (1..=micros).contains(&points) && micros <= MAX {
            true => Ok(Self { points: points.into(), micros: micros.into() }),
            false => Err(Error::Usage("the points of a grid must be a microsecond or more apart".into())),
        }
    }

    /// When point `k` is.
    pub fn time(&self, k: i64) -> Micros {
        let time = (i128::from(k) * self.micros).div_euclid(self.points);
        Micros(time.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    /// The first point at this time or later.
    pub fn at_or_after(&self, time: Micros) -> i64 {
        // As points are not closer than microseconds, there are not more of them.
        -((-i128::from(time.0) * self.points).div_euclid(self.micros)) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        #[test]
        fn the_first_point_after_a_time_is_the_first(
            points in 1..2_000_000u64,
            micros in prop_oneof![1..5_000_000u64, Just(MAX)],
            time in prop_oneof![-5_000_000_000..5_000_000_000i64, any::<i64>().prop_map(|time| time / 4)],
        ) {
            prop_assume!(points <= micros);
            let grid = Grid::new(points, micros).unwrap();
            let k = grid.at_or_after(Micros(time));
            prop_assert!(grid.time(k).0 >= time);
            prop_assert!(grid.time(k - 1).0 < time);
        }
    }

    #[test]
    fn there_are_no_impossible_grids() {
        for (points, micros) in [(0, 1), (1, 0), (2, 1), (1, MAX + 1), (u64::MAX, u64::MAX)] {
            assert!(Grid::new(points, micros).is_err(), "{points} in {micros}");
        }
        let extremes = Grid::new(1, 1).unwrap();
        for time in [i64::MIN, i64::MAX] {
            assert_eq!(extremes.time(extremes.at_or_after(Micros(time))), Micros(time));
        }
    }
}
