//! Which record of the new log a record of the old one becomes.
//!
//! A name and a schema make a record. The same of both, in several logs of one file or declared again, is one record.
//! The rest keeps what it has as long as that is free: the second record of an identifier gets another identifier, the
//! second of a name another name, `NAME_2` and so on, as no reader could tell them apart else. Two identifiers that one
//! log uses at the same time stay two records, even if name and schema are the same. Records without data are added at
//! the end, if their names are free then.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tlog::read::RecordType;
use tlog::schema::check_record_name;
use tlog::{Error, Result};

/// How much memory the names and schemas of all records may take, in bytes.
const MAX_MEMORY: u64 = 256 << 20;

/// How many records without data are kept.
const MAX_UNUSED: usize = 4096;

/// A record of the new log.
#[derive(Debug)]
pub(crate) struct Output {
    pub identifier: u64,
    pub name: String,
    schema_bytes: Vec<u8>,
}

/// All records of the new log.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub outputs: Vec<Output>,
    /// By the name that they had in the old log.
    by_old_name: HashMap<String, Vec<usize>>,
    identifiers: HashSet<u64>,
    names: HashSet<String>,
    /// All identifiers from 1 to this are taken.
    taken: u64,
    memory: u64,
    /// Records that were declared and had no data then.
    unused: Vec<Arc<RecordType>>,
}

impl Names {
    /// Notes a record without data. More than memory is given to are forgotten: nothing is lost with them.
    pub fn add_unused(&mut self, record: &Arc<RecordType>) {
        if self.unused.len() < MAX_UNUSED && !self.unused.contains(record) {
            self.unused.push(Arc::clone(record));
        }
    }

    /// The records without data whose name no record with data has. Those that the references cannot read are left out:
    /// they serve nobody, and may be other declarations, damaged.
    pub fn take_unused(&mut self) -> Vec<Arc<RecordType>> {
        let mut names = self.names.clone();
        let unused = std::mem::take(&mut self.unused);
        unused.into_iter().filter(|record| is_portable(record) && names.insert(record.name.clone())).collect()
    }

    /// The record that is the same, of those that are not `in_use` for another one now.
    pub fn same(&self, record: &RecordType, in_use: impl Fn(usize) -> bool) -> Option<usize> {
        let candidates = self.by_old_name.get(&record.name)?;
        let is_same = |&&at: &&usize| {
            self.outputs.get(at).is_some_and(|output| output.schema_bytes == record.schema_bytes) && !in_use(at)
        };
        candidates.iter().find(is_same).copied()
    }

    /// A new record for an old one.
    ///
    /// # Errors
    /// [`Error::Limit`] for more records than memory is given to.
    pub fn add(&mut self, record: &RecordType) -> Result<usize> {
        let size = 3 * record.name.len() + record.schema_bytes.len() + 256;
        self.memory = self.memory.saturating_add(size as u64);
        if self.memory > MAX_MEMORY {
            return Err(Error::Limit { what: "the memory for records", size: self.memory, limit: MAX_MEMORY });
        }
        let output = Output {
            identifier: self.free_identifier(record.identifier),
            name: self.free_name(&record.name),
            schema_bytes: record.schema_bytes.clone(),
        };
        let at = self.outputs.len();
        self.identifiers.insert(output.identifier);
        self.names.insert(output.name.clone());
        self.by_old_name.entry(record.name.clone()).or_default().push(at);
        self.outputs.push(output);
        Ok(at)
    }

    fn free_identifier(&mut self, wanted: u64) -> u64 {
        if !self.identifiers.contains(&wanted) {
            return wanted;
        }
        // There are fewer records than identifiers.
        while self.identifiers.contains(&(self.taken + 1)) {
            self.taken += 1;
        }
        self.taken + 1
    }

    fn free_name(&self, wanted: &str) -> String {
        if !self.names.contains(wanted) {
            return wanted.to_owned();
        }
        let already = self.by_old_name.get(wanted).map_or(0, Vec::len) as u64;
        let suffixed = (already.max(1) + 1..).map(|number| format!("{wanted}_{number}"));
        suffixed.into_iter().find(|name| !self.names.contains(name)).unwrap_or_default()
    }
}

fn is_portable(record: &RecordType) -> bool {
    let schema = &record.schema;
    check_record_name(&record.name).is_ok() && schema.check_names().is_ok() && schema.check_reference_readable().is_ok()
}
