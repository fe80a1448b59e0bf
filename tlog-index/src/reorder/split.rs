//! Where a log is split into several.

use tlog::Micros;

/// What an index takes, whatever is in it, in bytes.
const INDEX_FRONT: u64 = 64;

/// What one record takes at most in the index, and in a seek marker that may have to be written yet, in bytes.
const PER_RECORD: u64 = 3 * 10 + 2 * 10;

/// What stands at most before a payload, and around a seek marker, in bytes.
const FRONTS: u64 = tlog::wire::data::MAX_FRONT_LEN as u64 + 64;

/// When another file begins. What is `None` is no reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// No file becomes longer than so many bytes, unless its schemas and a single data block are.
    pub bytes: Option<u64>,
    /// A file has so many microseconds, counted from the first time of the log: the same stretches, however the data
    /// lies in them. Of a stretch without data there is no file.
    pub every: Option<i64>,
    /// So many microseconds without data, behind the latest time so far.
    pub gap: Option<i64>,
}

/// How a file is doing, and what comes next.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// How long the file is, in bytes.
    pub position: u64,
    /// How many records it declares.
    pub records: u64,
    /// How many data blocks it has.
    pub blocks: u64,
}

/// Decides in front of which data another file begins.
///
/// Data stays in the order in which it comes. What has no time, or one of the reserved values for a time, goes where
/// the data in front of it went; so does what comes late, from a time in front of the file's.
#[derive(Debug)]
pub struct Splitter {
    cuts: Cuts,
    first: Option<i64>,
    latest: i64,
    /// Which stretch of time the file is for.
    stretch: i128,
}

impl Splitter {
    /// A splitter of one log.
    pub const fn new(cuts: Cuts) -> Self {
        Self { cuts, first: None, latest: i64::MIN, stretch: 0 }
    }

    /// Whether another file begins in front of data of this time, with a payload of at most so many bytes.
    pub fn is_due(&mut self, time: Option<Micros>, payload: u64, file: Standing) -> bool {
        let by_time = self.is_due_by_time(time);
        file.blocks > 0 && (by_time || self.is_full(payload, file))
    }

    fn is_full(&self, payload: u64, file: Standing) -> bool {
        let Some(limit) = self.cuts.bytes else { return false };
        let end = INDEX_FRONT.saturating_add(PER_RECORD.saturating_mul(file.records));
        let len = [payload, FRONTS, end].into_iter().fold(file.position, u64::saturating_add);
        len > limit
    }

    fn is_due_by_time(&mut self, time: Option<Micros>) -> bool {
        let reserved = [Micros::NEG_INFINITY, Micros::NOT_A_TIME, Micros::INFINITY];
        let Some(Micros(time)) = time.filter(|time| !reserved.contains(time)) else { return false };
        let Some(first) = self.first else {
            (self.first, self.latest) = (Some(time), time);
            return false;
        };
        let is_behind_gap = self.cuts.gap.is_some_and(|gap| time.saturating_sub(self.latest) >= gap);
        self.latest = self.latest.max(time);
        let Some(every) = self.cuts.every else { return is_behind_gap };
        let stretch = (i128::from(time) - i128::from(first)).div_euclid(i128::from(every.max(1)));
        let is_behind_stretch = stretch > self.stretch;
        self.stretch = self.stretch.max(stretch);
        is_behind_gap || is_behind_stretch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(cuts: Cuts, times: &[Option<i64>]) -> Vec<usize> {
        let mut splitter = Splitter::new(cuts);
        let mut file = Standing { position: 0, records: 1, blocks: 0 };
        let mut starts = Vec::new();
        for (at, time) in times.iter().enumerate() {
            if splitter.is_due(time.map(Micros), 0, file) {
                starts.push(at);
            }
            file.blocks += 1;
        }
        starts
    }

    #[test]
    fn stretches_are_counted_from_the_first_time() {
        let cuts = Cuts { every: Some(10), ..Cuts::default() };
        let times = [None, Some(5), Some(14), None, Some(15), Some(14), Some(24), None, Some(45), Some(54), Some(55)];
        assert_eq!(starts(cuts, &times), [4, 8, 10]);
        assert_eq!(starts(cuts, &[Some(i64::MIN + 2), Some(i64::MAX), Some(i64::MAX - 1)]), [2]);
    }

    #[test]
    fn a_gap_is_behind_the_latest_time() {
        let cuts = Cuts { gap: Some(10), ..Cuts::default() };
        assert_eq!(starts(cuts, &[Some(5), Some(14), Some(3), Some(23), Some(33), None, Some(44)]), [4, 6]);
        assert_eq!(starts(cuts, &[Some(i64::MIN + 2), Some(i64::MAX - 1), Some(0)]), [1]);
    }

    #[test]
    fn a_file_has_at_least_one_block() {
        let mut splitter = Splitter::new(Cuts { bytes: Some(1), ..Cuts::default() });
        let file = |blocks| Standing { position: u64::MAX, records: u64::MAX, blocks };
        assert!(!splitter.is_due(None, u64::MAX, file(0)));
        assert!(splitter.is_due(None, u64::MAX, file(1)));
    }
}
