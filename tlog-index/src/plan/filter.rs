//! A condition on its way through a log.

use std::collections::HashMap;
use std::sync::Arc;

use tlog::read::{Data, RecordType};
use tlog::value::ValueError;

use crate::predicate::{Compiled, Fitting, Predicate, PredicateError};

/// Tells which data meets a condition, whatever records come.
#[derive(Debug)]
pub struct Filter {
    fitting: Fitting,
    /// By identifier: the declaration that was compiled for, and what it gave.
    compiled: HashMap<u64, (Arc<RecordType>, Option<Compiled>)>,
}

impl Filter {
    /// A filter for this condition.
    pub fn new(predicate: &Predicate) -> Self {
        Self { fitting: Fitting::new(predicate), compiled: HashMap::new() }
    }

    /// Whether the data meets the condition.
    ///
    /// # Errors
    /// [`ValueError`], when the payload is not what its record's schema says.
    pub fn matches(&mut self, data: &Data<'_>) -> Result<bool, ValueError> {
        match self.compiled(data.record) {
            Some(condition) => condition.matches(data.payload),
            None => Ok(false),
        }
    }

    /// Makes the condition known to a record of which there may be no data.
    pub fn meet(&mut self, record: &Arc<RecordType>) {
        self.compiled(record);
    }

    fn compiled(&mut self, record: &Arc<RecordType>) -> Option<&Compiled> {
        let fitting = &mut self.fitting;
        let mut compile = || (Arc::clone(record), fitting.compile(&record.name, &record.schema));
        let entry = self.compiled.entry(record.identifier).or_insert_with(&mut compile);
        if !Arc::ptr_eq(&entry.0, record) {
            *entry = compile();
        }
        entry.1.as_ref()
    }

    /// Refuses a condition that asks for what none of the records so far has.
    ///
    /// # Errors
    /// [`PredicateError`]
    pub fn check(&self) -> Result<(), PredicateError> {
        self.fitting.check()
    }
}
