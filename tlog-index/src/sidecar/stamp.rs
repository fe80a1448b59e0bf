//! Which log a sidecar belongs to: size, time of modification, and a checksum over samples of its content.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use tlog::read::ReadAt;
use tlog::{Error, Result};

/// How long a sample is, in bytes.
const WINDOW: u64 = 4096;

/// How many samples are taken: the first of the log's start, the last of its end, the others evenly between.
const WINDOWS: u64 = 16;

/// When a log was modified, if that is not known.
const UNKNOWN: i64 = i64::MIN;

/// A log file as it was when it was opened: taken before a scan, so that what is changed during the scan or behind it
/// is not mistaken for what was scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogState {
    /// How long it was, in bytes.
    pub size: u64,
    /// When it was modified, in nanoseconds since the Unix epoch; [`i64::MIN`] when that is not known.
    pub modified: i64,
}

impl LogState {
    /// The state of the log at `path` of which `bytes` have been opened. Whether it has grown since shows, and then its
    /// time of modification counts as unknown.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn of(path: &Path, bytes: &[u8]) -> Result<Self> {
        let now = Self::now(path)?;
        let size = bytes.len() as u64;
        Ok(Self { size, modified: if now.size == size { now.modified } else { UNKNOWN } })
    }

    /// The state of the log at `path`.
    pub(super) fn now(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|e| Error::io_at(path, e))?;
        Ok(Self { size: metadata.len(), modified: modified(&metadata).unwrap_or(UNKNOWN) })
    }

    /// Whether both were modified at the same time, for all that is known.
    pub(super) const fn is_untouched(&self, now: &Self) -> bool {
        self.modified != UNKNOWN && self.modified == now.modified
    }
}

fn modified(metadata: &Metadata) -> Option<i64> {
    let nanos = |time: std::time::Duration| i64::try_from(time.as_nanos()).ok();
    match metadata.modified().ok()?.duration_since(UNIX_EPOCH) {
        Ok(after) => nanos(after),
        Err(before) => nanos(before.duration()).map(|nanos| -nanos),
    }
}

/// The checksum over the samples of the first `size` bytes of a log.
pub(super) fn stamp<S: ReadAt + ?Sized>(log: &S, size: u64) -> io::Result<u32> {
    let mut crc = crc32fast::Hasher::new();
    let mut window = [0; WINDOW as usize];
    let mut end = 0;
    for number in 0..WINDOWS {
        let start = window_start(number, size).max(end);
        let len = WINDOW.min(size.saturating_sub(start));
        let sample = window.get_mut(..len as usize).unwrap_or_default();
        log.read_exact_at(start, sample)?;
        crc.update(sample);
        end = start + len;
    }
    Ok(crc.finalize())
}

/// Where a sample starts; one that overlaps the one before starts behind that instead.
fn window_start(number: u64, size: u64) -> u64 {
    let last = u128::from(size.saturating_sub(WINDOW));
    (last * u128::from(number) / u128::from(WINDOWS - 1)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(len: usize) -> usize {
        let mut log = vec![7u8; len];
        let before = stamp(log.as_slice(), len as u64).unwrap();
        (0..len)
            .filter(|&at| {
                log[at] ^= 1;
                let after = stamp(log.as_slice(), len as u64).unwrap();
                log[at] ^= 1;
                before != after
            })
            .count()
    }

    #[test]
    fn a_small_log_is_sampled_whole() {
        for len in [0, 1, 4_095, 4_096, 4_097, 5_000] {
            assert_eq!(sampled(len), len);
        }
        let len = (WINDOW * WINDOWS) as usize;
        let mut log: Vec<u8> = vec![7; len];
        let before = stamp(log.as_slice(), len as u64).unwrap();
        for at in (0..len).step_by(97) {
            log[at] ^= 1;
            assert_ne!(stamp(log.as_slice(), len as u64).unwrap(), before, "{at}");
            log[at] ^= 1;
        }
    }

    #[test]
    fn a_large_log_is_sampled_at_both_ends_and_between() {
        let size = 10_000_000;
        let starts: Vec<u64> = (0..WINDOWS).map(|number| window_start(number, size)).collect();
        assert_eq!((starts[0], starts[15]), (0, size - WINDOW));
        assert!(starts.windows(2).all(|pair| (pair[1] - pair[0]).abs_diff(size / 15) < 1_000));
    }
}
