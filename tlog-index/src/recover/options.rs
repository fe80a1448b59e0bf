//! How to recover.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tlog::read::{ReadOptions, RecordType};

/// How to recover a log. The default keeps everything that is proved intact.
#[derive(Clone, Debug)]
pub struct RecoverOptions {
    /// Records as sibling logs declare them, for data whose declaration is lost. A payload that is not exactly what
    /// such a schema says is not taken for that record's.
    pub known: Vec<Arc<RecordType>>,
    /// Where the log declares a known record's identifier otherwise, the known record holds, not the log: for logs
    /// whose schema blocks are damaged without being malformed. Off by default: then the log's own word counts.
    pub known_wins: bool,
    /// Keep also blocks that are proved to be in the file twice.
    pub keep_duplicates: bool,
    /// How far back the first of two copies of a block is looked for, in bytes.
    pub duplicate_window: u64,
    /// How many entries each list of the report has at most; what exceeds it is counted.
    pub listed: usize,
    /// How much time lies between two seek markers of the new log, by the times of its records; `None` for no markers.
    pub seek_period: Option<Duration>,
    /// The largest block that is believed to follow damage, in bytes.
    pub max_block: u64,
    /// Of a file that firmware wrote in [batches](crate::batches), keep also what is intact in batches that are not
    /// whole, and batches of which nothing proves that they belong to the latest use of the file. The report says which
    /// bytes these are.
    pub unverified: bool,
    /// The log is known to be such a file, however it starts. Otherwise that is found out.
    pub card: bool,
    /// Turn times since a device began to run into those of the world, by the `tlog.clock` records of the log.
    pub rebase: bool,
    /// Counts bytes of the log got through, up to [`work`](Self::work), for whoever shows progress.
    pub progress: Option<Arc<AtomicU64>>,
}

impl Default for RecoverOptions {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            known_wins: false,
            keep_duplicates: false,
            duplicate_window: 64 << 20,
            listed: 1000,
            seek_period: Some(Duration::from_secs(1)),
            max_block: ReadOptions::default().max_block,
            unverified: false,
            card: false,
            rebase: false,
            progress: None,
        }
    }
}

impl RecoverOptions {
    /// What [`progress`](Self::progress) counts up to for a log of this many bytes.
    pub const fn work(len: u64) -> u64 {
        len.saturating_mul(2)
    }

    /// Reads what can be read at all, payloads as they are stored.
    pub(super) fn read_options(&self, known: Vec<Arc<RecordType>>) -> ReadOptions {
        ReadOptions { raw_payloads: true, salvage: true, max_block: self.max_block, known, ..ReadOptions::default() }
    }

    pub(super) fn tell(&self, done: u64) {
        if let Some(progress) = &self.progress {
            progress.store(done, Ordering::Relaxed);
        }
    }
}
