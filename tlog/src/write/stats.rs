//! Counters that cost nothing to keep.

/// What has been written so far, in all.
///
/// Counts whole blocks that were accepted. Those still in the buffer are among
/// them, until the next [`flush`](super::Writer::flush) says that they got through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Length of the log so far, in bytes, file header included.
    pub bytes: u64,
    /// How many of them the sink has taken.
    pub bytes_passed: u64,
    /// Schema blocks.
    pub schema_blocks: u64,
    /// Seek markers.
    pub seek_markers: u64,
    /// The sum over all records.
    pub data: RecordStats,
}

/// What has been written of one record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordStats {
    /// Data blocks.
    pub blocks: u64,
    /// Their length in bytes, headers included.
    pub block_bytes: u64,
    /// Their payloads in bytes, before compression.
    pub payload_bytes: u64,
    /// Their payloads in bytes, as stored.
    pub stored_bytes: u64,
}

impl RecordStats {
    pub(super) const fn count(&mut self, block: usize, payload: usize, stored: usize) {
        self.blocks += 1;
        self.block_bytes += block as u64;
        self.payload_bytes += payload as u64;
        self.stored_bytes += stored as u64;
    }

    pub(super) const fn add(self, other: &Self) -> Self {
        Self {
            blocks: self.blocks + other.blocks,
            block_bytes: self.block_bytes + other.block_bytes,
            payload_bytes: self.payload_bytes + other.payload_bytes,
            stored_bytes: self.stored_bytes + other.stored_bytes,
        }
    }
}
