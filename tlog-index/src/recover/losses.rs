//! The latest stretches that were skipped: what a previous offset that leads nowhere may mean.

use std::collections::VecDeque;
use std::ops::Range;

/// How many stretches are remembered.
const REMEMBERED: usize = 1024;

/// Stretches of the file that were not delivered, in file order; the latest ones.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    latest: VecDeque<Range<u64>>,
    /// Where the latest stretch ends that is not remembered any more.
    forgotten: u64,
}

impl Losses {
    pub fn add(&mut self, range: Range<u64>) {
        if self.latest.len() == REMEMBERED
            && let Some(oldest) = self.latest.pop_front()
        {
            self.forgotten = oldest.end;
        }
        self.latest.push_back(range);
    }

    /// Whether what stood at `offset` was skipped, or may have been, as far as is remembered.
    pub fn may_contain(&self, offset: u64) -> bool {
        offset < self.forgotten || self.range_of(offset).is_some()
    }

    /// The stretch with this place in it.
    pub fn range_of(&self, offset: u64) -> Option<&Range<u64>> {
        let after = self.latest.partition_point(|range| range.end <= offset);
        self.latest.get(after).filter(|range| range.contains(&offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest_and_says_so() {
        let mut losses = Losses::default();
        for i in 0..=REMEMBERED as u64 {
            losses.add(i * 10..i * 10 + 3);
        }
        assert!(losses.may_contain(1) && losses.may_contain(12) && losses.may_contain(10_242));
        assert!(!losses.may_contain(13) && !losses.may_contain(10_243));
        assert_eq!(losses.range_of(2), None);
        assert_eq!(losses.range_of(22), Some(&(20..23)));
    }
}
