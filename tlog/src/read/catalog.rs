//! The records declared so far.

use std::collections::HashMap;
use std::sync::Arc;

use super::cause::Cause;
use crate::schema::{Schema, SchemaError, SchemaErrorKind};
use crate::wire::SchemaBlock;

/// Schemas may take this much of the file in all, so that a hostile log cannot fill the memory with them.
const MAX_SCHEMA_BYTES: u64 = 32 << 20;

/// Identifiers below this are looked up without hashing.
const DENSE: usize = 1024;

/// No record with this identifier.
const VACANT: u32 = u32::MAX;

/// A record as a schema block declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordType {
    /// The number by which data blocks refer to it.
    pub identifier: u64,
    /// Its name; what is not UTF-8 in the file is replaced by U+FFFD.
    pub name: String,
    /// Its type.
    pub schema: Schema,
    /// Its type encoding exactly as stored.
    pub schema_bytes: Vec<u8>,
    /// Where the schema block starts, in bytes from the start of the file.
    pub location: u64,
}

impl RecordType {
    /// Reads the declaration in a schema block that starts at `location`.
    pub(super) fn parse(block: &SchemaBlock<'_>, location: u64) -> Result<Self, Cause> {
        let name = String::from_utf8_lossy(block.name).into_owned();
        match Schema::from_bytes(block.schema) {
            Ok(schema) => {
                Ok(Self { identifier: block.identifier, name, schema, schema_bytes: block.schema.to_vec(), location })
            }
            Err(error) => Err(Cause::Schema { name, error }),
        }
    }
}

/// What the machine remembers of a record.
#[derive(Debug)]
pub(super) struct Entry {
    pub record: Arc<RecordType>,
    /// Whether its data is to be delivered.
    pub selected: bool,
    /// Where its latest intact data block starts, in bytes from the start of the file.
    pub latest: Option<u64>,
}

/// The records declared so far, found by identifier. Slots stay valid until [`clear`](Self::clear).
#[derive(Debug, Default)]
pub(super) struct Catalog {
    entries: Vec<Entry>,
    dense: Vec<u32>,
    sparse: HashMap<u64, u32>,
    schema_bytes: u64,
}

impl Catalog {
    /// Declares a record, or declares it anew: file order decides which schema holds. Its slot.
    pub fn declare(&mut self, record: RecordType, selected: bool) -> Result<u32, Cause> {
        let replaced = self.slot(record.identifier);
        let freed = replaced.map_or(0, |slot| self.entry(slot).record.schema_bytes.len() as u64);
        let total = self.schema_bytes - freed + record.schema_bytes.len() as u64;
        if total > MAX_SCHEMA_BYTES {
            let error = SchemaError { offset: 0, kind: SchemaErrorKind::TooLarge };
            return Err(Cause::Schema { name: record.name, error });
        }
        self.schema_bytes = total;
        let identifier = record.identifier;
        let entry = Entry { record: Arc::new(record), selected, latest: None };
        match replaced {
            Some(slot) => {
                self.entries[slot as usize] = entry;
                Ok(slot)
            }
            None => Ok(self.insert(identifier, entry)),
        }
    }

    fn insert(&mut self, identifier: u64, entry: Entry) -> u32 {
        let slot = self.entries.len() as u32;
        self.entries.push(entry);
        match usize::try_from(identifier) {
            Ok(at) if at < DENSE => {
                if self.dense.len() <= at {
                    self.dense.resize(at + 1, VACANT);
                }
                self.dense[at] = slot;
            }
            _ => drop(self.sparse.insert(identifier, slot)),
        }
        slot
    }

    /// Inlined because it runs once per record: `benches/read`.
    #[inline]
    pub fn slot(&self, identifier: u64) -> Option<u32> {
        match usize::try_from(identifier) {
            Ok(at) if at < DENSE => self.dense.get(at).copied().filter(|&slot| slot != VACANT),
            _ => self.sparse.get(&identifier).copied(),
        }
    }

    pub fn entry(&self, slot: u32) -> &Entry {
        &self.entries[slot as usize]
    }

    pub fn entry_mut(&mut self, slot: u32) -> &mut Entry {
        &mut self.entries[slot as usize]
    }

    pub fn records(&self) -> impl Iterator<Item = &Arc<RecordType>> {
        self.entries.iter().map(|entry| &entry.record)
    }

    /// Forgets everything: another log begins.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
