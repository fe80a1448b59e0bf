//! What is merged: the records of each input, and their order among themselves.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use tlog::read::RecordType;
use tlog::{Error, Result};

use super::chunk::Entry;
use crate::by_id::ById;
use crate::copy::Joined;

/// One of the inputs: a log, or several that follow each other as one.
#[derive(Debug)]
pub(super) struct Input {
    /// What decides its place among inputs that begin at the same time.
    name: String,
    /// How its times are moved, in microseconds.
    pub shift: i64,
    /// Its records with their numbers, in the order in which they came. Identifiers are unique here.
    pub records: Vec<(u32, Arc<RecordType>)>,
    /// Makes identifiers unique that mean something else along the input.
    joined: Joined,
    /// Numbers of records by unique identifier.
    numbers: ById<u32>,
    /// What identifiers mean now: which declaration has which number.
    current: ById<(Arc<RecordType>, u32)>,
    /// The key of the data that came last.
    pub latest: Option<i64>,
    least: Option<i64>,
    digest: DefaultHasher,
}

impl Input {
    pub fn new(name: &str, shift: i64) -> Self {
        Self {
            name: name.to_owned(),
            shift,
            records: Vec::new(),
            joined: Joined::default(),
            numbers: ById::default(),
            current: ById::default(),
            latest: None,
            least: None,
            digest: DefaultHasher::new(),
        }
    }

    /// Identifiers mean something else from here on.
    pub fn next_log(&mut self) {
        self.joined.next_log();
        self.current = ById::default();
    }

    /// Nothing more comes of it.
    pub fn end(&mut self) {
        (self.joined, self.numbers, self.current) = (Joined::default(), ById::default(), ById::default());
    }

    /// The number of a record, `next` if it is new.
    pub fn number(&mut self, record: &Arc<RecordType>, next: u32, shared: &mut Shared) -> Result<u32> {
        match self.current.get(record.identifier) {
            Some((declared, number)) if Arc::ptr_eq(declared, record) => return Ok(*number),
            _ => {}
        }
        let number = self.declare(record, next, shared)?;
        self.current.insert(record.identifier, (Arc::clone(record), number));
        Ok(number)
    }

    fn declare(&mut self, record: &Arc<RecordType>, next: u32, shared: &mut Shared) -> Result<u32> {
        let target = self.joined.target(record)?;
        if let Some(&number) = self.numbers.get(target.id.0).filter(|_| !target.is_new) {
            return Ok(number);
        }
        self.digest.write(record.name.as_bytes());
        self.digest.write(&record.schema_bytes);
        self.numbers.insert(target.id.0, next);
        self.records.push((next, shared.record(record, target.id.0)?));
        Ok(next)
    }

    /// Notes data whose payload has this checksum.
    pub fn note(&mut self, entry: &Entry, checksum: u32) {
        if entry.is_timed {
            self.least =
                Some(self.least.map_or(entry.key.unwrap_or_default(), |least| least.min(entry.key.unwrap_or(least))));
        }
        self.latest = entry.key;
        // Numbers depend on the inputs before; places of records among their own do not.
        let first = self.records.first().map_or(0, |(number, _)| *number);
        let time = if entry.is_timed { entry.key.unwrap_or_default() } else { 0 };
        let flags = u32::from(entry.is_timed) | u32::from(entry.is_packed) << 1;
        let words = [
            time.cast_unsigned(),
            entry.len,
            u64::from(checksum) << 32 | u64::from(entry.record.wrapping_sub(first)),
            flags.into(),
        ];
        words.iter().for_each(|word| self.digest.write_u64(*word));
    }

    /// What decides its place among the inputs.
    fn place(&self) -> (bool, Option<i64>, &str, u64) {
        (self.least.is_none(), self.least, &self.name, self.digest.finish())
    }
}

/// Records of all inputs by name: a thousand logs of one program share their schemas.
#[derive(Debug, Default)]
pub(super) struct Shared(HashMap<String, Vec<Arc<RecordType>>>);

impl Shared {
    /// The record under an identifier that no other one of its input has.
    fn record(&mut self, record: &Arc<RecordType>, identifier: u64) -> Result<Arc<RecordType>> {
        let namesakes = self.0.entry(record.name.clone()).or_default();
        let is_same =
            |known: &&Arc<RecordType>| known.identifier == identifier && known.schema_bytes == record.schema_bytes;
        if let Some(known) = namesakes.iter().find(is_same) {
            return Ok(Arc::clone(known));
        }
        let new = identified(record, identifier)?;
        namesakes.push(Arc::clone(&new));
        Ok(new)
    }
}

fn identified(record: &Arc<RecordType>, identifier: u64) -> Result<Arc<RecordType>> {
    if record.identifier == identifier {
        return Ok(Arc::clone(record));
    }
    let made = RecordType::from_parts(identifier, &record.name, &record.schema_bytes, record.location);
    made.map(Arc::new).map_err(|e| Error::Usage(format!("record {}: {e}", record.name)))
}

/// The place of each input in their order.
pub(super) fn ranks(inputs: &[Input]) -> Vec<u32> {
    let mut order: Vec<(_, u32)> = inputs.iter().map(Input::place).zip(0..).collect();
    order.sort_unstable();
    let mut ranks = vec![0; inputs.len()];
    for ((_, input), rank) in order.into_iter().zip(0..) {
        if let Some(slot) = ranks.get_mut(input as usize) {
            *slot = rank;
        }
    }
    ranks
}
