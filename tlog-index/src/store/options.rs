//! How a store is written: when a segment ends, what is kept, what survives, what a full disk means.

use std::time::Duration;

use tlog::write::WriterOptions;
use tlog::{Error, Result};

/// Of what is written, what survives which accident.
///
/// Records that a process has been handed but has not passed on die with it; those passed on to the system
/// (*flushed*) survive the process, not the machine; those that the system has put on the disk (*synced*) survive
/// both. Whatever is chosen, a segment that is closed is synced, and a caller can flush and sync at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Passed on when a buffer is full, and not synced before the segment is closed.
    None,
    /// Flushed at this interval.
    FlushEvery(Duration),
    /// Synced at this interval.
    SyncEvery(Duration),
    /// Synced before each write returns.
    SyncEach,
}

/// What happens when the disk is full, or the quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullDisk {
    /// The store ends with an error.
    Stop,
    /// The oldest closed segments are deleted until there is room. The store ends when there are none left.
    MakeRoom,
}

/// How a store is written. By default a segment ends at 256 MiB, everything is kept, what was written is synced each
/// second, and a full disk ends the store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    pub(super) writer: WriterOptions,
    pub(super) rotate_bytes: Option<u64>,
    pub(super) rotate_time: Option<Duration>,
    pub(super) keep: Keep,
    pub(super) durability: Durability,
    pub(super) full_disk: FullDisk,
}

/// What is kept; `None` is no limit.
#[derive(Clone, Debug, Default)]
pub(super) struct Keep {
    pub(super) bytes: Option<u64>,
    pub(super) age: Option<Duration>,
    pub(super) segments: Option<u64>,
    pub(super) free: Option<u64>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            writer: WriterOptions::default(),
            rotate_bytes: Some(256 << 20),
            rotate_time: None,
            keep: Keep::default(),
            durability: Durability::SyncEvery(Duration::from_secs(1)),
            full_disk: FullDisk::Stop,
        }
    }
}

impl StoreOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How each segment is written. It always ends with an index, whatever these options say: by that a
    /// segment is known to be closed.
    #[must_use]
    pub fn writer(mut self, options: WriterOptions) -> Self {
        self.writer = options;
        self
    }

    /// How long a segment may become, in bytes, index included; 256 MiB by default, `None` for no limit. A segment with a
    /// single record may be longer.
    #[must_use]
    pub fn rotate_bytes(mut self, limit: impl Into<Option<u64>>) -> Self {
        self.rotate_bytes = limit.into();
        self
    }

    /// For how long a segment is written, by the system's monotonic clock from its first record on; no limit by
    /// default. It is closed then even when no record comes.
    #[must_use]
    pub fn rotate_time(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.rotate_time = limit.into();
        self
    }

    /// How many bytes all segments together may take; older ones are deleted. The segment that is being written
    /// counts as what [`rotate_bytes`](Self::rotate_bytes) allows it, so that the limit holds at any time.
    #[must_use]
    pub fn keep_bytes(mut self, limit: impl Into<Option<u64>>) -> Self {
        self.keep.bytes = limit.into();
        self
    }

    /// How long ago a segment may have been written to last, by the time of its file; older ones are deleted.
    #[must_use]
    pub fn keep_age(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.keep.age = limit.into();
        self
    }

    /// How many segments there may be, with the one that is being written; older ones are deleted.
    #[must_use]
    pub fn keep_segments(mut self, limit: impl Into<Option<u64>>) -> Self {
        self.keep.segments = limit.into();
        self
    }

    /// How many bytes of the file system are to stay free; the oldest segments are deleted for that. Unix only.
    #[must_use]
    pub fn keep_free(mut self, limit: impl Into<Option<u64>>) -> Self {
        self.keep.free = limit.into();
        self
    }

    /// What survives which accident.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// What happens when the disk is full.
    #[must_use]
    pub const fn full_disk(mut self, policy: FullDisk) -> Self {
        self.full_disk = policy;
        self
    }

    /// # Errors
    /// [`Error::Usage`] for limits that nothing can keep.
    pub(super) fn check(&self) -> Result<()> {
        let interval = match self.durability {
            Durability::FlushEvery(interval) | Durability::SyncEvery(interval) => Some(interval),
            Durability::None | Durability::SyncEach => None,
        };
        let zeros = [
            ("the interval of flushing or syncing", interval.is_some_and(|interval| interval.is_zero())),
            ("the size of a segment", self.rotate_bytes == Some(0)),
            ("the time of a segment", self.rotate_time.is_some_and(|time| time.is_zero())),
            ("the number of segments", self.keep.segments == Some(0)),
        ];
        match zeros.iter().find(|(_, is_zero)| *is_zero) {
            Some((what, _)) => Err(Error::Usage(format!("{what} must not be zero"))),
            None => Ok(()),
        }
    }
}
