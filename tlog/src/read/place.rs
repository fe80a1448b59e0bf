//! A place in a log at which reading can go on, and all that decides how.

use std::sync::Arc;

use super::RecordType;
use super::effort::Effort;

/// Where a reader stands between two blocks, and what it knows there: everything that decides what it makes of
/// the rest. Two readers of the same bytes and options that stand at equal places deliver the same from there on.
///
/// [`SliceReader::place`](super::SliceReader::place) gives one, [`SliceReader::resume`](super::SliceReader::resume)
/// takes one. A place can also be put together from what an index or a seek marker says; reading from it is then as
/// right as they are.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Where the next block starts, in bytes from the start of the file.
    pub offset: u64,
    /// The records declared before it.
    pub records: Vec<KnownRecord>,
    /// What else matters.
    pub standing: Standing,
}

/// A record as it is known at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRecord {
    /// The record.
    pub record: Arc<RecordType>,
    /// Where its latest intact data block since its declaration starts, in bytes from the start of the file.
    pub latest: Option<u64>,
}

/// What a reader has met so far, as far as it decides how it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether a data block had a right checksum: one without is then suspect.
    pub checksums_seen: bool,
    /// Whether there was an intact data block.
    pub data_seen: bool,
    /// Whether something was skipped.
    pub damaged: bool,
    /// How much was read in vain, in bytes checksummed. Only from [`Standing::free_effort`] on is it limited.
    pub effort: u64,
}

impl Standing {
    /// So much may have been read in vain by a reader that has come to `offset`, in bytes checksummed, without any
    /// consequence there or behind it.
    pub const fn free_effort(offset: u64) -> u64 {
        Effort::limit(offset)
    }
}
