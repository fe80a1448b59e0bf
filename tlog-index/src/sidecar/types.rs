//! The records of a log, which front, place and tail of its index share.

use std::collections::HashMap;
use std::sync::Arc;

use tlog::read::RecordType;

use super::bytes::{In, Malformed, Out, Taken, check};

/// Records to be written, each once however often it is declared.
#[derive(Default)]
pub(super) struct TypesOut {
    positions: HashMap<(u64, String, Vec<u8>), usize>,
    out: Out,
}

impl TypesOut {
    /// The position of this record.
    pub fn position(&mut self, record: &RecordType) -> usize {
        let next = self.positions.len();
        let key = (record.identifier, record.name.clone(), record.schema_bytes.clone());
        *self.positions.entry(key).or_insert_with(|| {
            self.out.uint(record.identifier);
            self.out.bytes(record.name.as_bytes());
            self.out.bytes(&record.schema_bytes);
            next
        })
    }

    /// The section.
    pub fn finish(self) -> Vec<u8> {
        let mut out = Out::default();
        out.len(self.positions.len());
        out.0.extend(self.out.0);
        out.0
    }
}

/// Records that were read.
pub(super) struct Types(Vec<Arc<RecordType>>);

impl Types {
    pub fn take(section: &[u8]) -> Taken<Self> {
        let mut bytes = In::new(section);
        let count = bytes.count()?;
        let types = (0..count).map(|_| take_type(&mut bytes)).collect::<Taken<_>>()?;
        bytes.end()?;
        Ok(Self(types))
    }
}

fn take_type(bytes: &mut In<'_>) -> Taken<Arc<RecordType>> {
    let (identifier, name, schema) = (bytes.uint()?, bytes.text()?, bytes.bytes()?);
    RecordType::from_parts(identifier, name, schema, 0).map(Arc::new).map_err(|_| Malformed)
}

/// References to records out of one list, which has each at most once: so that what they take is bounded by
/// what the records take.
pub(super) struct References<'t> {
    types: &'t Types,
    taken: Vec<bool>,
}

impl<'t> References<'t> {
    pub fn new(types: &'t Types) -> Self {
        Self { types, taken: vec![false; types.0.len()] }
    }

    /// A record, declared by a schema block in front of `before`, in bytes from the start of the log.
    pub fn take(&mut self, bytes: &mut In<'_>, before: u64) -> Taken<Arc<RecordType>> {
        let (at, location) = (usize::try_from(bytes.uint()?).map_err(|_| Malformed)?, bytes.uint()?);
        let (record, taken) = (self.types.0.get(at).ok_or(Malformed)?, self.taken.get_mut(at).ok_or(Malformed)?);
        check(location < before && !std::mem::replace(taken, true))?;
        Ok(Arc::new(record.declared_at(location)))
    }
}

/// Appends a reference.
pub(super) fn put(record: &RecordType, types: &mut TypesOut, out: &mut Out) {
    out.len(types.position(record));
    out.uint(record.location);
}
