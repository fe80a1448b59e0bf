//! What of each record is shown: all of it, or the fields that were asked for.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tlog::read::RecordType;
use tlog::value::{FieldPath, MAX_COLUMNS, Path, PathError, leaf_paths};

use crate::exit::usage;
use crate::terminal::printable;

/// The fields that were asked for; none for everything.
#[derive(Debug, Default)]
pub struct Projection {
    paths: Vec<Path>,
    /// How well each path fits the records so far.
    fits: Vec<Fit>,
    /// The names of these records.
    tried: BTreeSet<String>,
    plans: HashMap<u64, (Arc<RecordType>, Option<Plan>)>,
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
    Found,
}

/// How one record is shown.
#[derive(Debug)]
pub struct Plan {
    /// The record's name for reading.
    pub text_name: String,
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
        let paths: Vec<Path> = paths.iter().map(|text| parse(text)).collect::<anyhow::Result<_>>()?;
        Ok(Self { fits: vec![Fit::Unknown; paths.len()], paths, ..Self::default() })
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
        let columns = match (self.paths.is_empty(), flatten) {
            (true, false) => None,
            (true, true) => Some(all_columns(record)?),
            (false, _) => match self.chosen_columns(record) {
                columns if columns.iter().all(|column| column.path.is_none()) => return Ok(None),
                columns => Some(columns),
            },
        };
        let text_name = printable(&record.name).into_owned();
        Ok(Some(Plan { text_name, json_name: json_string(&record.name), columns }))
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

    /// Refuses fields that no record has.
    pub fn check(&self) -> anyhow::Result<()> {
        self.paths.iter().zip(&self.fits).try_for_each(|(path, fit)| match fit {
            Fit::Unknown | Fit::Found => Ok(()),
            Fit::Nowhere(_) if self.tried.len() > 1 => {
                let names: Vec<&str> = self.tried.iter().map(String::as_str).collect();
                let names = format!("{} (`tlog schema show` lists their fields)", names.join(", "));
                Err(usage(format!("--field {path}: none of these records has it: {names}")))
            }
            Fit::Nowhere(why) | Fit::Nearly(_, why) => Err(usage(format!("--field {path}: {why}"))),
        })
    }
}

impl Fit {
    /// How well a path fits that could not be compiled.
    pub fn of(path: &Path, record: &RecordType, error: &PathError) -> Self {
        let PathError::Nothing { at, problem, .. } = error else { return Self::Nowhere(error.to_string()) };
        if path.to_string().starts_with(at) {
            return Self::Nearly(at.len(), format!("record {}: {error}", record.name));
        }
        let why = format!("record {} {problem}", record.name);
        if problem.contains("did you mean") { Self::Nearly(0, why) } else { Self::Nowhere(why) }
    }
}

fn parse(text: &str) -> anyhow::Result<Path> {
    match Path::parse(text) {
        Ok(path) if path.segments().is_empty() => Err(usage("--field needs the path of a field")),
        Ok(path) => Ok(path),
        Err(e) => Err(usage(format!("--field: {e}"))),
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
