//! Whether every reader understands what is declared, and whether it is declared once.

use std::collections::HashMap;
use std::ops::Range;

use tlog::read::RecordType;
use tlog::schema::check_record_name;

use super::finding::{Finding, Kind};
use super::verifier::{Findings, Source};
use crate::by_id::ById;

/// Which identifier has which name.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    by_name: HashMap<String, u64>,
}

impl Declarations {
    pub fn check<F: FnMut(Finding)>(
        &mut self,
        record: &RecordType,
        block: Range<u64>,
        sources: &ById<Source>,
        findings: &mut Findings<F>,
    ) {
        let name = &record.name;
        let mut add = |kind, message: &dyn Fn() -> String| findings.add(kind, block.clone(), Some(record), message);
        if let Err(error) = check_record_name(name) {
            add(Kind::NamePortability, &|| error.to_string());
        }
        let portable = record.schema.check_names().and_then(|()| record.schema.check_reference_readable());
        if let Err(error) = portable {
            add(Kind::SchemaPortability, &|| format!("record {name:?}: {error}"));
        }
        let needed = record.schema.to_bytes();
        if record.schema_bytes.len() > needed.len() && record.schema_bytes.starts_with(&needed) {
            let surplus = record.schema_bytes.len() - needed.len();
            add(Kind::SchemaSurplus, &|| format!("{surplus} bytes behind the schema of {name:?}"));
        }
        if let Some(known) = sources.get(record.identifier).map(|source| &source.record)
            && (known.name != *name || known.schema_bytes != record.schema_bytes)
        {
            add(Kind::Redeclared, &|| {
                format!("identifier {} is {:?}, and now {name:?} with its own schema", record.identifier, known.name)
            });
        }
        match self.by_name.insert(name.clone(), record.identifier) {
            Some(other) if other != record.identifier => add(Kind::NameReused, &|| {
                format!("the name {name:?} has identifier {other}, and now {} too", record.identifier)
            }),
            _ => {}
        }
    }
}
