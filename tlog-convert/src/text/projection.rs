//! What of each record is shown: all of it, or the fields that were asked for.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tlog::read::RecordType;
use tlog::value::{FieldPath, MAX_COLUMNS, Path, PathError, leaf_paths};

/// How many columns all plans that are kept may have together: so that many wide records do not fill the memory.
const MAX_KEPT: usize = 4 * MAX_COLUMNS;

/// The fields that were asked for; none for everything.
#[derive(Debug, Default)]
pub struct Projection {
    paths: Vec<Path>,
    /// How well each path fits the records so far.
    fits: Vec<Fit>,
    /// The names of these records.
    tried: BTreeSet<String>,
    plans: HashMap<u64, (Arc<RecordType>, Option<Plan>)>,
    /// How many columns these plans have.
    kept: usize,
    /// Whether a record has no columns for the fields that it lacks.
    leaves_out: bool,
}

/// How well a path fits: better ones are greater.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Not tried.
    #[default]
    Unknown,
    /// What a record says that has nothing like it.
    Nowhere(String),
    /// What a record says that has its beginning, this long, or a similar name.
    Nearly(usize, String),
    /// A record has it.
    Found,
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
#[derive(Clone, Debug)]
pub struct Column {
    /// Its path as text.
    pub name: String,
    /// The path as a JSON string.
    pub json_name: String,
    /// Where it is; `None` if this record has no such field.
    pub path: Option<FieldPath>,
}

impl Projection {
    /// A projection to these paths; to everything, if there are none.
    pub fn new(paths: Vec<Path>) -> Self {
        Self { fits: vec![Fit::Unknown; paths.len()], paths, ..Self::default() }
    }

    /// The same without columns for fields that a record lacks: for tables that need not be alike.
    #[must_use]
    pub fn without_missing(self) -> Self {
        Self { leaves_out: true, ..self }
    }

    /// How to show this record, as a whole value or, to `flatten` it, by its columns; `None` if it has none of the
    /// fields. Compiled once for each declaration.
    ///
    /// # Errors
    /// [`tlog::Error::Limit`], when a record that is to be flattened has more than [`MAX_COLUMNS`] columns.
    pub fn plan(&mut self, record: &Arc<RecordType>, flatten: bool) -> crate::Result<Option<&Plan>> {
        let known = self.plans.get(&record.identifier).is_some_and(|(known, _)| Arc::ptr_eq(known, record));
        if !known {
            let plan = self.compile(record, flatten)?;
            self.keep(record, plan);
        }
        Ok(self.plans.get(&record.identifier).and_then(|(_, plan)| plan.as_ref()))
    }

    fn keep(&mut self, record: &Arc<RecordType>, plan: Option<Plan>) {
        let columns = plan.as_ref().and_then(|plan| plan.columns.as_ref()).map_or(0, Vec::len);
        if self.kept + columns > MAX_KEPT {
            self.plans.clear();
            self.kept = 0;
        }
        self.kept += columns;
        self.plans.insert(record.identifier, (Arc::clone(record), plan));
    }

    fn compile(&mut self, record: &RecordType, flatten: bool) -> crate::Result<Option<Plan>> {
        let columns = match (self.paths.is_empty(), flatten) {
            (true, false) => None,
            (true, true) => Some(all_columns(record)?),
            (false, _) => match self.chosen_columns(record) {
                columns if columns.iter().all(|column| column.path.is_none()) => return Ok(None),
                mut columns => {
                    columns.retain(|column| !self.leaves_out || column.path.is_some());
                    Some(columns)
                }
            },
        };
        Ok(Some(Plan { json_name: json_string(&record.name), columns }))
    }

    /// Notes whether this record has the fields.
    pub fn try_on(&mut self, record: &RecordType) {
        self.chosen_columns(record);
    }

    fn chosen_columns(&mut self, record: &RecordType) -> Vec<Column> {
        self.tried.insert(record.name.clone());
        let column = |(path, fit): (&Path, &mut Fit)| {
            let compiled = path.compile(&record.schema);
            let this = compiled.as_ref().err().map_or(Fit::Found, |e| Fit::of(path, record, e));
            *fit = std::mem::take(fit).max(this);
            Column::new(path.to_string(), compiled.ok())
        };
        self.paths.iter().zip(&mut self.fits).map(column).collect()
    }

    /// Whether every field was found in one of the records that were met.
    ///
    /// # Errors
    /// The first field that none of them has.
    pub fn check(&self) -> Result<(), Missing> {
        let records = || self.tried.iter().cloned().collect();
        self.paths.iter().zip(&self.fits).try_for_each(|(path, fit)| match fit {
            Fit::Unknown | Fit::Found => Ok(()),
            Fit::Nowhere(_) if self.tried.len() > 1 => {
                Err(Missing::Everywhere { path: path.clone(), records: records() })
            }
            Fit::Nowhere(why) | Fit::Nearly(_, why) => Err(Missing::Here { path: path.clone(), why: why.clone() }),
        })
    }
}

/// A field that none of the records has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// One of the records comes nearest, or is the only one.
    #[error("{path}: {why}")]
    Here {
        /// The field.
        path: Path,
        /// What this record says: that it has no such field, and which it has.
        why: String,
    },
    /// None of them has anything like it.
    #[error("{path}: none of these records has it: {}", records.join(", "))]
    Everywhere {
        /// The field.
        path: Path,
        /// The names of the records.
        records: Vec<String>,
    },
}

impl Fit {
    /// How well a path fits this record, with which it could not be compiled.
    pub fn of(path: &Path, record: &RecordType, error: &PathError) -> Self {
        let PathError::Nothing { at, problem, .. } = error else { return Self::Nowhere(error.to_string()) };
        if path.to_string().starts_with(at) {
            return Self::Nearly(at.len(), format!("record {}: {error}", record.name));
        }
        let why = format!("record {} {problem}", record.name);
        if problem.contains("did you mean") { Self::Nearly(0, why) } else { Self::Nowhere(why) }
    }
}

impl Column {
    fn new(name: String, path: Option<FieldPath>) -> Self {
        Self { json_name: json_string(&name), name, path }
    }
}

fn all_columns(record: &RecordType) -> crate::Result<Vec<Column>> {
    let leaves = leaf_paths(&record.schema, MAX_COLUMNS)?;
    Ok(leaves.into_iter().map(|leaf| Column::new(leaf.path().to_string(), Some(leaf))).collect())
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
