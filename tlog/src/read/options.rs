//! What to read, and how to take what is broken.

use std::sync::Arc;

use super::RecordType;
use crate::time::Micros;

/// How to read. The default verifies checksums, skips what is broken and delivers everything else.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Verify the checksums of data blocks.
    pub verify: bool,
    /// Stop with an error at the first defect instead of skipping it.
    pub strict: bool,
    /// Leave compressed payloads as they are stored, for counting and copying.
    pub raw_payloads: bool,
    /// Which data to deliver.
    pub selection: Selection,
    /// The largest block that a stream is sure to be buffered for, and that is believed to follow damage, in bytes.
    /// From memory, larger ones are delivered too.
    pub max_block: u64,
    /// The largest payload that is decompressed, in bytes.
    pub max_payload: u64,
    /// A stream that ends inside a block is waited for: its file is still growing.
    pub follow: bool,
    /// Records taken as declared from the start, and again where another log begins: as a sibling of a log that lost
    /// its schemas knows them. The log's own declarations replace them. What exceeds the limit of the memory for
    /// schemas is left out.
    pub known: Vec<Arc<RecordType>>,
    /// A file that does not start as a log does is searched for blocks from its first byte on, not refused; and
    /// compressed payloads must decompress to be delivered, even as they are stored.
    pub salvage: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            verify: true,
            strict: false,
            raw_payloads: false,
            selection: Selection::default(),
            max_block: 64 << 20,
            max_payload: 256 << 20,
            follow: false,
            known: Vec::new(),
            salvage: false,
        }
    }
}

impl ReadOptions {
    /// Whether compressed payloads are decompressed, be it only to see whether they can be.
    pub(super) const fn unpacks(&self) -> bool {
        !self.raw_payloads || self.salvage
    }
}

/// Which data blocks to deliver: all, unless restricted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Names of records, with `*` for any text and `?` for any character; empty for all records.
    pub records: Vec<String>,
    /// Only data at this time or later. Data without a time lies in no range.
    pub start: Option<Micros>,
    /// Only data before this time.
    pub end: Option<Micros>,
}

impl Selection {
    /// Whether data of the record with this name is wanted.
    pub fn wants_record(&self, name: &str) -> bool {
        self.records.is_empty() || self.records.iter().any(|glob| matches_glob(glob, name))
    }

    /// Whether data of this time is wanted.
    pub fn wants_time(&self, time: Option<Micros>) -> bool {
        match time {
            Some(time) => self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time < end),
            None => !self.has_range(),
        }
    }

    /// Whether the time matters at all.
    pub const fn has_range(&self) -> bool {
        self.start.is_some() || self.end.is_some()
    }
}

/// Backtracks only to the latest `*`, so the time is bounded by the product of both lengths.
fn matches_glob(glob: &str, name: &str) -> bool {
    let (glob, name): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    let (mut g, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(&c) if c == '?' || c == name[n] => (g, n) = (g + 1, n + 1),
            _ => match star {
                Some((star_g, star_n)) => {
                    star = Some((star_g, star_n + 1));
                    (g, n) = (star_g + 1, star_n + 1);
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, name, expected) in [
            ("imu", "imu", true),
            ("imu", "imu2", false),
            ("imu*", "imu2", true),
            ("*", "", true),
            ("?mu", "imu", true),
            ("?", "", false),
            ("vehicle_*_status*", "vehicle_gps_x_status", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ] {
            assert_eq!(matches_glob(glob, name), expected, "{glob} {name}");
        }
    }

    #[test]
    fn a_range_excludes_its_end_and_what_has_no_time() {
        let selection = Selection { start: Some(Micros(1)), end: Some(Micros(3)), ..Selection::default() };
        let wanted: Vec<i64> = (0..5).filter(|&t| selection.wants_time(Some(Micros(t)))).collect();
        assert_eq!(wanted, [1, 2]);
        assert!(!selection.wants_time(None));
        assert!(Selection::default().wants_time(None));
    }
}
