//! Which records an index has, found by what they are.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use tlog::read::RecordType;

/// So many records with one identifier are compared one by one; ordinary logs have one.
const FEW: usize = 4;

/// Positions of records in an index.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Positions {
    by_identifier: HashMap<u64, Vec<u32>>,
    /// By a hash of all in which records differ: a log may declare one identifier anew over and over.
    by_content: HashMap<u64, Vec<u32>>,
}

impl Positions {
    /// Makes the record at this position known.
    pub fn add(&mut self, record: &RecordType, at: u32) {
        self.by_identifier.entry(record.identifier).or_default().push(at);
        self.by_content.entry(content(record)).or_default().push(at);
    }

    /// The records with this identifier.
    pub fn with_identifier(&self, identifier: u64) -> &[u32] {
        self.by_identifier.get(&identifier).map_or(&[], Vec::as_slice)
    }

    /// A few records, among which the one that is declared like this is if there is one.
    pub fn maybe_like(&self, record: &RecordType) -> &[u32] {
        match self.with_identifier(record.identifier) {
            few if few.len() <= FEW => few,
            _ => self.by_content.get(&content(record)).map_or(&[], Vec::as_slice),
        }
    }
}

fn content(record: &RecordType) -> u64 {
    let mut hasher = DefaultHasher::new();
    (record.identifier, &record.name, &record.schema_bytes).hash(&mut hasher);
    hasher.finish()
}
