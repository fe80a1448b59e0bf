//! The records declared so far.

use std::collections::HashMap;
use std::sync::Arc;

use super::ReadOptions;
use super::cause::Cause;
use super::place::KnownRecord;
use crate::schema::{Encoding, Schema, SchemaError};
use crate::wire::SchemaBlock;

/// How much memory all records together may take, in bytes: so that a hostile log cannot fill it with them.
const MAX_MEMORY: u64 = 256 << 20;

/// What a record takes, whatever its type, in bytes of memory.
const RECORD_MEMORY: u64 = 512;

/// What an element of a type takes at most, in bytes of memory.
const ELEMENT_MEMORY: u64 = 256;

/// How often a byte of a name is kept at most: as it is stored, decoded, and escaped for JSON.
const NAME_MEMORY: u64 = 8;

/// How long the name of a record may be, in bytes: it is part of messages.
const MAX_NAME: u64 = 1 << 16;

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
    /// How much memory it takes at most, in bytes.
    memory: u64,
}

impl RecordType {
    /// A record as a schema block at `location` declares it, from what was kept of that elsewhere.
    ///
    /// # Errors
    /// [`SchemaError`], when the bytes are not a type encoding.
    pub fn from_parts(identifier: u64, name: &str, schema_bytes: &[u8], location: u64) -> Result<Self, SchemaError> {
        let (schema, encoding) = Schema::decode(schema_bytes)?;
        let block = SchemaBlock { identifier, name: name.as_bytes(), schema: schema_bytes };
        Ok(Declaration { block, schema, encoding }.record(location, 0))
    }

    /// The same record, declared by another schema block.
    #[must_use]
    pub fn declared_at(&self, location: u64) -> Self {
        Self { location, ..self.clone() }
    }
}

/// A schema block that has been understood.
pub(super) struct Declaration<'a> {
    block: SchemaBlock<'a>,
    schema: Schema,
    encoding: Encoding,
}

impl<'a> Declaration<'a> {
    /// Reads the body of a schema block.
    pub fn parse(body: &'a [u8]) -> Result<Self, Cause> {
        let block = SchemaBlock::parse(body).map_err(|error| Cause::Body { block: "schema", error })?;
        let size = block.name.len() as u64;
        if size > MAX_NAME {
            return Err(Cause::Limit { what: "the name of a record", size, limit: MAX_NAME });
        }
        let (schema, encoding) = Schema::decode(block.schema)
            .map_err(|error| Cause::Schema { name: String::from_utf8_lossy(block.name).into_owned(), error })?;
        Ok(Self { block, schema, encoding })
    }

    pub const fn identifier(&self) -> u64 {
        self.block.identifier
    }

    /// How long the type encoding is, in bytes.
    pub const fn encoded_len(&self) -> usize {
        self.encoding.len
    }

    /// How many bytes of the block come after the type encoding.
    pub const fn surplus(&self) -> usize {
        self.block.schema.len() - self.encoding.len
    }

    /// The record, declared by a block that starts at `location`; its last `left_out` bytes do not belong to it.
    pub fn record(self, location: u64, left_out: usize) -> RecordType {
        let stored = &self.block.schema[..self.encoding.len + self.surplus().saturating_sub(left_out)];
        let name = String::from_utf8_lossy(self.block.name).into_owned();
        let bytes = (stored.len() + name.len()) as u64;
        let memory = RECORD_MEMORY + NAME_MEMORY * bytes + ELEMENT_MEMORY * self.encoding.elements as u64;
        RecordType {
            identifier: self.block.identifier,
            name,
            schema: self.schema,
            schema_bytes: stored.to_vec(),
            location,
            memory,
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

/// The records declared so far, found by identifier. Slots stay valid until another log begins.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    entries: Vec<Entry>,
    dense: Vec<u32>,
    sparse: HashMap<u64, u32>,
    /// What the records take together.
    memory: u64,
}

impl Catalog {
    /// Declares a record, or declares it anew: file order decides which schema holds. Its slot.
    pub fn declare(&mut self, record: RecordType, selected: bool) -> Result<u32, Cause> {
        self.declare_known(Arc::new(record), selected)
    }

    /// As [`declare`](Self::declare), of a record that was declared elsewhere.
    pub fn declare_known(&mut self, record: Arc<RecordType>, selected: bool) -> Result<u32, Cause> {
        let replaced = self.slot(record.identifier);
        let freed = replaced.map_or(0, |slot| self.entry(slot).record.memory);
        let size = self.memory - freed + record.memory;
        if size > MAX_MEMORY {
            return Err(Cause::Limit { what: "the memory for schemas", size, limit: MAX_MEMORY });
        }
        self.memory = size;
        let identifier = record.identifier;
        let entry = Entry { record, selected, latest: None };
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

    /// The entry of a slot that may have been forgotten since.
    #[inline] // once per record: `benches/read`
    pub fn get(&self, slot: u32) -> Option<&Entry> {
        self.entries.get(slot as usize)
    }

    pub fn entry_mut(&mut self, slot: u32) -> &mut Entry {
        &mut self.entries[slot as usize]
    }

    pub fn records(&self) -> impl Iterator<Item = &Arc<RecordType>> {
        self.entries.iter().map(|entry| &entry.record)
    }

    /// The records and where each was last seen.
    pub fn known(&self) -> impl Iterator<Item = KnownRecord> {
        self.entries.iter().map(|entry| KnownRecord { record: Arc::clone(&entry.record), latest: entry.latest })
    }

    /// What is known where a log begins.
    pub fn at_start(options: &ReadOptions) -> Self {
        let mut catalog = Self::default();
        for record in &options.known {
            let selected = options.selection.wants_record(&record.name);
            // What would take too much memory stays undeclared, and its data is told of as such.
            let _ = catalog.declare_known(Arc::clone(record), selected);
        }
        catalog
    }
}
