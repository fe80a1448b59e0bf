//! What is sorted: where data is and when it was, without the data.

/// Data in one of the logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The time that it is sorted by, in microseconds: its own, or that of the data in front of it. `None` in front
    /// of all times.
    pub key: Option<i64>,
    /// Where the payload starts: in the file of a mapped log, or in the stash.
    pub offset: u64,
    /// How long it is there, in bytes.
    pub len: u64,
    /// Number of the record.
    pub record: u32,
    /// Number of the log that it is in.
    pub log: u32,
    /// Whether the key is its own time.
    pub is_timed: bool,
    /// Whether it is compressed there.
    pub is_packed: bool,
}

/// Entries as they come, up to a number.
#[derive(Debug)]
pub(super) struct Chunk {
    pub entries: Vec<Entry>,
    most: usize,
}

impl Chunk {
    /// A chunk of entries that never takes more than so many bytes. A list that grows is there twice for a moment, the
    /// new one of double size; sorting takes no more than that again.
    pub fn of_bytes(bytes: usize) -> Self {
        let most = (bytes / (3 * size_of::<Entry>())).max(2);
        Self { entries: Vec::new(), most }
    }

    pub const fn is_full(&self) -> bool {
        self.entries.len() >= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_small_as_it_is_said_to_be() {
        assert!(size_of::<Entry>() <= 48);
        assert_eq!(Chunk::of_bytes(0).most, 2);
    }
}
