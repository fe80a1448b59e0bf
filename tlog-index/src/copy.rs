//! Data of several logs into one: which record of the new log each of theirs becomes.
//!
//! ```
//! use tlog_index::copy::Joined;
//! # let schema = tlog::schema::Schema::new(tlog::schema::Type::String).unwrap();
//! # let log = |name| -> tlog::Result<Vec<u8>> {
//! #     let mut log = tlog::Writer::new(Vec::new());
//! #     let id = log.declare(name, &schema)?;
//! #     log.write(id, None, b"\x02hi")?;
//! #     log.finish()
//! # };
//! # let logs = [log("text")?, log("note")?, log("text")?];
//! let mut joined = Joined::default();
//! let mut new = tlog::Writer::new(Vec::new());
//! for log in &logs {
//!     joined.next_log();
//!     let mut reader = tlog::read::SliceReader::new(log, Default::default());
//!     while let Some(data) = reader.next_data()? {
//!         let target = joined.target(data.record)?;
//!         if target.is_new {
//!             new.declare_raw(target.id, &*target.name, &data.record.schema_bytes)?;
//!         }
//!         new.write(target.id, data.time, data.payload)?;
//!     }
//! }
//! // `text` is one record; `note`, which has its identifier too, gets another one.
//! assert_eq!(new.records().map(|(id, stats)| (id.0, stats.blocks)).collect::<Vec<_>>(), [(1, 2), (2, 1)]);
//! # Ok::<(), tlog::Error>(())
//! ```
//!
//! A name and a schema make a record: the same of both is the same record in all logs. The rest keeps what it has as
//! long as that is free; else it gets another identifier, and `NAME_2`, `NAME_3`, … for its name. Two identifiers that
//! one log uses at the same time stay two records.

use std::collections::HashMap;
use std::sync::Arc;

use tlog::read::RecordType;
use tlog::write::RecordId;
use tlog::{Error, Result};

use crate::by_id::ById;
use crate::recover::{Names, Renamed};

/// So many renamed records are remembered.
const LISTED: usize = 1000;

/// The record of the new log that data goes to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its identifier.
    pub id: RecordId,
    /// Its name.
    pub name: Arc<str>,
    /// Whether it has not been told of before, and so must be declared now.
    pub is_new: bool,
}

/// The records of a new log that is made from others.
#[derive(Debug, Default)]
pub struct Joined {
    names: Names,
    /// What the identifiers of the log that is read mean now.
    sources: ById<Source>,
    /// Which of them uses a record of the new log.
    users: HashMap<usize, u64>,
    renamed: Vec<Renamed>,
}

#[derive(Debug)]
struct Source {
    declared: Arc<RecordType>,
    output: usize,
    target: Target,
}

impl Joined {
    /// Another log begins: its identifiers have nothing to do with those before.
    pub fn next_log(&mut self) {
        self.sources = ById::default();
        self.users.clear();
    }

    /// Where data of this record goes. Quick when it is the same record as before.
    ///
    /// # Errors
    /// [`Error::Limit`] for more records than memory is given to.
    pub fn target(&mut self, record: &Arc<RecordType>) -> Result<Target> {
        match self.sources.get(record.identifier) {
            Some(source) if Arc::ptr_eq(&source.declared, record) => Ok(source.target.clone()),
            _ => self.bind(record),
        }
    }

    /// Whether the new log has a record of this name already.
    pub fn has_name(&self, name: &str) -> bool {
        self.names.outputs.iter().any(|output| output.name == name)
    }

    /// Records that have another identifier or name than in their log, the first thousand.
    pub fn renamed(&self) -> &[Renamed] {
        &self.renamed
    }

    fn bind(&mut self, record: &Arc<RecordType>) -> Result<Target> {
        if let Some(before) = self.sources.get(record.identifier) {
            self.users.remove(&before.output);
        }
        let users = &self.users;
        let known = self.names.same(record, |output| users.contains_key(&output));
        let output = known.map_or_else(|| self.names.add(record), Ok)?;
        let Some(made) = self.names.outputs.get(output) else {
            return Err(Error::Usage(format!("record {}: it has no place in the new log", record.name)));
        };
        let target = Target { id: RecordId(made.identifier), name: made.name.as_str().into(), is_new: false };
        if (made.identifier, &made.name) != (record.identifier, &record.name) {
            let renamed = Renamed {
                old_identifier: record.identifier,
                old_name: record.name.clone(),
                identifier: made.identifier,
                name: made.name.clone(),
            };
            if self.renamed.len() < LISTED && !self.renamed.contains(&renamed) {
                self.renamed.push(renamed);
            }
        }
        self.users.insert(output, record.identifier);
        let source = Source { declared: Arc::clone(record), output, target: target.clone() };
        self.sources.insert(record.identifier, source);
        Ok(Target { is_new: known.is_none(), ..target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlog::schema::{Schema, Type};

    fn record(identifier: u64, name: &str, of: Type) -> Arc<RecordType> {
        let schema = Schema::new(of).unwrap().to_bytes();
        Arc::new(RecordType::from_parts(identifier, name, &schema, 9).unwrap())
    }

    #[track_caller]
    fn check(joined: &mut Joined, record: &Arc<RecordType>, expected: (u64, &str, bool)) {
        let target = joined.target(record).unwrap();
        assert_eq!((target.id.0, &*target.name, target.is_new), expected);
    }

    #[test]
    fn the_same_is_one_record_and_what_clashes_is_renamed() {
        let mut joined = Joined::default();
        let a = record(1, "a", Type::String);
        check(&mut joined, &a, (1, "a", true));
        check(&mut joined, &a, (1, "a", false));
        // Read anew, and under another identifier in another log.
        joined.next_log();
        check(&mut joined, &record(1, "a", Type::String), (1, "a", false));
        joined.next_log();
        check(&mut joined, &record(7, "a", Type::String), (1, "a", false));
        check(&mut joined, &record(1, "b", Type::String), (2, "b", true));
        check(&mut joined, &record(9, "a", Type::Boolean), (9, "a_2", true));
        let renamed: Vec<_> = joined.renamed().iter().map(|r| (r.old_identifier, r.identifier, &*r.name)).collect();
        assert_eq!(renamed, [(7, 1, "a"), (1, 2, "b"), (9, 9, "a_2")]);
        assert!(joined.has_name("a_2") && !joined.has_name("c"));
    }

    #[test]
    fn two_identifiers_of_one_log_stay_two() {
        let mut joined = Joined::default();
        check(&mut joined, &record(1, "a", Type::String), (1, "a", true));
        check(&mut joined, &record(2, "a", Type::String), (2, "a_2", true));
        joined.next_log();
        check(&mut joined, &record(2, "a", Type::String), (1, "a", false));
        // Declared again as something else, and back.
        check(&mut joined, &record(2, "a", Type::Boolean), (3, "a_3", true));
        check(&mut joined, &record(2, "a", Type::String), (1, "a", false));
    }
}
