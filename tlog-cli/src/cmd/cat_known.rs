//! What `tlog cat` was asked for by name, held against what the logs have.

use std::collections::BTreeSet;
use std::sync::Arc;

use tlog::Log;
use tlog::read::{ReadOptions, RecordType, Selection};
use tlog_convert::text::Projection;
use tlog_index::plan::{By, Plan};

use crate::args::{Cat, CatFormat};
use crate::exit::usage;
use crate::project;

/// The records that the logs are known to have.
pub struct Known<'a> {
    args: &'a Cat,
    /// Whether there is just one file to look for them in.
    is_single: bool,
    selection: Selection,
    names: BTreeSet<String>,
    pub projection: Projection,
}

impl<'a> Known<'a> {
    pub fn new(args: &'a Cat, is_single: bool) -> anyhow::Result<Self> {
        let selection = Selection { records: args.selection.records.clone(), ..Selection::default() };
        Ok(Self { args, is_single, selection, names: BTreeSet::new(), projection: project::projection(&args.fields)? })
    }

    /// Whether this record is to be shown.
    pub fn wants(&self, record: &RecordType) -> bool {
        self.selection.wants_record(&record.name)
    }

    /// Adds records of a log.
    pub fn meet(&mut self, records: &[Arc<RecordType>]) {
        for record in records {
            self.names.insert(record.name.clone());
            if self.wants(record) {
                self.projection.try_on(record);
            }
        }
    }

    /// Refuses what the one log does not have before anything is printed, if its index tells.
    pub fn look_ahead(&mut self, log: &Log) -> anyhow::Result<()> {
        let asked = !self.args.fields.is_empty() || !self.args.selection.records.is_empty();
        if !asked || !self.is_single || log.index().is_none() {
            return Ok(());
        }
        self.meet(&log.records()?);
        if self.check().is_ok() {
            return Ok(());
        }
        // An index may leave records out.
        let mut reader = log.reader(ReadOptions { raw_payloads: true, ..ReadOptions::default() });
        while reader.next_event()?.is_some() {}
        self.meet(&reader.records().cloned().collect::<Vec<_>>());
        self.check()
    }

    /// The records of a log that are to be shown, for a table; other formats do not ask, as that may read all of it.
    pub fn selected(&self, log: &Log, plan: &Plan) -> anyhow::Result<Vec<Arc<RecordType>>> {
        let wanted = |record: &&Arc<RecordType>| self.wants(record);
        match self.args.format {
            CatFormat::Csv if plan.by == By::Index => Ok(plan.records.iter().filter(wanted).cloned().collect()),
            CatFormat::Csv => Ok(log.records()?.into_iter().filter(|record| self.wants(record)).collect()),
            _ => Ok(Vec::new()),
        }
    }

    /// Refuses names of records and fields that no log has. A wildcard may match nothing.
    pub fn check(&self) -> anyhow::Result<()> {
        let wanted = &self.args.selection.records;
        match wanted.iter().find(|name| !name.contains(['*', '?']) && !self.names.contains(*name)) {
            None => project::check(&self.projection),
            Some(name) if self.names.is_empty() => Err(usage(format!("there is no record {name}, nor any other"))),
            Some(name) => {
                let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
                Err(usage(format!("there is no record {name}; there are: {}", names.join(", "))))
            }
        }
    }
}
