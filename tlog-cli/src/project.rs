//! What of each record is shown: all of it, or the fields that were asked for.

use std::collections::HashMap;
use std::sync::Arc;

use tlog::read::RecordType;
use tlog::value::{FieldPath, MAX_COLUMNS, Path, leaf_paths};

use crate::exit::usage;

/// The fields that were asked for; none for everything.
#[derive(Debug, Default)]
pub struct Projection {
    paths: Vec<Path>,
    /// Why each path fits no record so far.
    misfits: Vec<Option<String>>,
    plans: HashMap<u64, (Arc<RecordType>, Option<Plan>)>,
    seen: bool,
}

/// How one record is shown.
#[derive(Debug)]
pub struct Plan {
    /// The record's name as a JSON string.
    pub json_name: String,
    /// The chosen columns; `None` for the whole value.
    pub columns: Option<Vec<Column>>,
}

/// One chosen field.
#[derive(Debug)]
pub struct Column {
    /// Its path as text.
    pub name: String,
    /// The path as a JSON string.
    pub json_name: String,
    /// Where it is; `None` if this record has no such field.
    pub path: Option<FieldPath>,
}

impl Projection {
    /// A projection to these paths.
    pub fn new(paths: &[String]) -> anyhow::Result<Self> {
        let parse = |text: &String| Path::parse(text).map_err(|e| usage(format!("--field {text}: {e}")));
        let paths: Vec<Path> = paths.iter().map(parse).collect::<anyhow::Result<_>>()?;
        Ok(Self { misfits: vec![None; paths.len()], paths, ..Self::default() })
    }

    /// How to show this record; `None` if it has none of the fields. Compiled once for each declaration.
    pub fn plan(&mut self, record: &Arc<RecordType>, flatten: bool) -> anyhow::Result<Option<&Plan>> {
        let known = self.plans.get(&record.identifier).is_some_and(|(known, _)| Arc::ptr_eq(known, record));
        if !known {
            let plan = self.compile(record, flatten)?;
            self.plans.insert(record.identifier, (Arc::clone(record), plan));
        }
        Ok(self.plans.get(&record.identifier).and_then(|(_, plan)| plan.as_ref()))
    }

    fn compile(&mut self, record: &RecordType, flatten: bool) -> anyhow::Result<Option<Plan>> {
        self.seen = true;
        let columns = match (self.paths.is_empty(), flatten) {
            (true, false) => None,
            (true, true) => Some(all_columns(record)?),
            (false, _) => match self.chosen_columns(record) {
                columns if columns.iter().all(|column| column.path.is_none()) => return Ok(None),
                columns => Some(columns),
            },
        };
        Ok(Some(Plan { json_name: json_string(&record.name), columns }))
    }

    fn chosen_columns(&mut self, record: &RecordType) -> Vec<Column> {
        let column = |(path, misfit): (&Path, &mut Option<String>)| {
            let compiled = path.compile(&record.schema);
            if let Err(e) = &compiled {
                misfit.get_or_insert_with(|| format!("record {}: {e}", record.name));
            }
            Column::new(path.to_string(), compiled.ok())
        };
        self.paths.iter().zip(&mut self.misfits).map(column).collect()
    }

    /// To be called at the end: an error if a field was in no record at all.
    pub fn check_all_fit(&self) -> anyhow::Result<()> {
        let fits = |at: usize| {
            let columns = self.plans.values().filter_map(|(_, plan)| plan.as_ref()?.columns.as_ref());
            columns.into_iter().any(|columns| columns[at].path.is_some())
        };
        match (0..self.paths.len()).find(|&at| self.seen && !fits(at)) {
            Some(at) => {
                let why = self.misfits[at].as_deref().unwrap_or("no record has it");
                Err(usage(format!("--field {}: {why}", self.paths[at])))
            }
            None => Ok(()),
        }
    }
}

impl Column {
    fn new(name: String, path: Option<FieldPath>) -> Self {
        Self { json_name: json_string(&name), name, path }
    }
}

fn all_columns(record: &RecordType) -> anyhow::Result<Vec<Column>> {
    let leaves = leaf_paths(&record.schema, MAX_COLUMNS)?;
    Ok(leaves.into_iter().map(|leaf| Column::new(leaf.path().to_string(), Some(leaf))).collect())
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
