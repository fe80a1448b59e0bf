//! The columns of all records side by side, and the latest instance of each.

use std::collections::HashMap;
use std::sync::Arc;

use tlog::Micros;
use tlog::read::RecordType;
use tlog::value::{FieldPath, MAX_COLUMNS, ValueError};

use crate::text::csv::{put_cell, put_quoted};
use crate::text::{Column, Projection, put_value};
use crate::{Error, Result};

/// How many columns all declarations of all records may have, of which there can be many of each record.
const MAX_PATHS: usize = 4 * MAX_COLUMNS;

/// Records by their names, each with its columns.
#[derive(Debug, Default)]
pub(super) struct Columns {
    groups: Vec<Group>,
    by_name: HashMap<String, usize>,
    shapes: Vec<Shape>,
    /// The shape of the latest declaration with this identifier; `None` if nothing of it is shown.
    current: HashMap<u64, (Arc<RecordType>, Option<usize>)>,
    /// How many columns there are.
    count: usize,
    /// How many paths all shapes have together.
    paths: usize,
    /// How much memory the latest instances and their text take, in bytes.
    memory: usize,
}

/// The columns of the records with one name, which are those of all its declarations.
#[derive(Debug)]
struct Group {
    name: String,
    columns: Vec<String>,
    shapes: Vec<usize>,
    latest: Option<Latest>,
    /// Its cells, each behind a comma.
    text: Vec<u8>,
    /// Whether the text is of an instance before the latest.
    is_stale: bool,
}

#[derive(Debug)]
struct Latest {
    time: Micros,
    shape: usize,
    payload: Vec<u8>,
}

/// One declaration of a record.
#[derive(Debug)]
struct Shape {
    record: Arc<RecordType>,
    group: usize,
    /// What it has for each column of the group, as far as the group had them when this was declared.
    paths: Vec<Option<FieldPath>>,
}

impl Columns {
    pub const fn count(&self) -> usize {
        self.count
    }

    pub const fn memory(&self) -> usize {
        self.memory
    }

    /// Adds what the projection shows of this record.
    pub fn declare(&mut self, record: &Arc<RecordType>, projection: &mut Projection) -> Result<()> {
        if self.shape(record).is_some() {
            return Ok(());
        }
        let Some(plan) = projection.plan(record, true)? else {
            self.current.insert(record.identifier, (Arc::clone(record), None));
            return Ok(());
        };
        let group = self.group(&record.name);
        let columns = plan.columns.as_deref().unwrap_or(&[]);
        let paths = self.place(group, columns);
        self.paths += paths.len();
        check("the number of columns", self.count, MAX_COLUMNS)?;
        check("the number of columns of all declarations", self.paths, MAX_PATHS)?;
        let at = self.shapes.len();
        if let Some(group) = self.groups.get_mut(group) {
            group.shapes.push(at);
        }
        self.shapes.push(Shape { record: Arc::clone(record), group, paths });
        self.current.insert(record.identifier, (Arc::clone(record), Some(at)));
        Ok(())
    }

    fn group(&mut self, name: &str) -> usize {
        *self.by_name.entry(name.to_owned()).or_insert_with(|| {
            let name = name.to_owned();
            let (columns, shapes, text) = (Vec::new(), Vec::new(), Vec::new());
            self.groups.push(Group { name, columns, shapes, latest: None, text, is_stale: true });
            self.groups.len() - 1
        })
    }

    /// What a declaration has for each column of its group, which gets those that it lacks. Of columns with the same
    /// name each has its own place.
    fn place(&mut self, group: usize, columns: &[Column]) -> Vec<Option<FieldPath>> {
        let Some(group) = self.groups.get_mut(group) else { return Vec::new() };
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, name) in group.columns.iter().enumerate().rev() {
            places.entry(name).or_default().push(at);
        }
        let known = group.columns.len();
        let (mut paths, mut added) = (vec![None; known], Vec::new());
        for column in columns {
            match places.get_mut(column.name.as_str()).and_then(Vec::pop) {
                Some(at) => paths[at] = column.path.clone(),
                None => {
                    added.push(column.name.clone());
                    paths.push(column.path.clone());
                }
            }
        }
        self.count += added.len();
        group.columns.extend(added);
        paths
    }

    /// The shape of this declaration: `None` if it was not declared, inside of that if nothing of it is shown.
    pub fn shape(&mut self, record: &Arc<RecordType>) -> Option<Option<usize>> {
        if let Some((known, shape)) = self.current.get(&record.identifier)
            && Arc::ptr_eq(known, record)
        {
            return Some(*shape);
        }
        // The same again, of another log or behind a block that was skipped.
        let found = self.same(record)?;
        self.current.insert(record.identifier, (Arc::clone(record), found));
        Some(found)
    }

    fn same(&self, record: &Arc<RecordType>) -> Option<Option<usize>> {
        let is_same = |known: &RecordType| known.name == record.name && known.schema_bytes == record.schema_bytes;
        if let Some((known, None)) = self.current.get(&record.identifier)
            && is_same(known)
        {
            return Some(None);
        }
        let group = self.groups.get(*self.by_name.get(&record.name)?)?;
        let mut shapes = group.shapes.iter();
        shapes.find(|at| self.shapes.get(**at).is_some_and(|shape| is_same(&shape.record))).copied().map(Some)
    }

    /// Appends the names of all columns, each behind a comma: `record.field`, and `record` where that is the value.
    pub fn header(&self, out: &mut Vec<u8>) {
        for (group, column) in self.groups.iter().flat_map(|group| group.columns.iter().map(move |name| (group, name)))
        {
            let dot = if column.is_empty() || column.starts_with('[') { "" } else { "." };
            out.push(b',');
            put_quoted(&format!("{}{dot}{column}", group.name), out);
        }
    }

    /// Takes an instance for the latest of its record, unless there is one of a later time.
    pub fn set(&mut self, time: Micros, shape: usize, payload: Vec<u8>) {
        let Some(group) = self.shapes.get(shape).and_then(|shape| self.groups.get_mut(shape.group)) else { return };
        if group.latest.as_ref().is_some_and(|latest| latest.time > time) {
            return;
        }
        self.memory += payload.capacity();
        let replaced = group.latest.replace(Latest { time, shape, payload });
        self.memory -= replaced.map_or(0, |latest| latest.payload.capacity());
        group.is_stale = true;
    }

    /// Brings the text of all cells up to date.
    pub fn render(&mut self) -> Result<(), ValueError> {
        let mut cell = Vec::new();
        for group in self.groups.iter_mut().filter(|group| group.is_stale) {
            self.memory -= group.text.capacity();
            group.text.clear();
            let shape = group.latest.as_ref().and_then(|latest| Some((latest, self.shapes.get(latest.shape)?)));
            for at in 0..group.columns.len() {
                group.text.push(b',');
                if let Some((latest, shape)) = shape
                    && let Some(path) = shape.paths.get(at).and_then(Option::as_ref)
                {
                    cell.clear();
                    put_value(Some(path), &latest.payload, &mut cell)?;
                    put_cell(&cell, &mut group.text);
                }
            }
            self.memory += group.text.capacity();
            group.is_stale = false;
        }
        Ok(())
    }

    /// Appends all cells as of this time, without values older than `max_age` in microseconds. They are up to date.
    pub fn row(&self, time: Micros, max_age: Option<u64>, out: &mut Vec<u8>) {
        for group in &self.groups {
            let is_fresh = |latest: &Latest| max_age.is_none_or(|age| latest.time.0.abs_diff(time.0) <= age);
            match group.latest.as_ref().is_some_and(is_fresh) {
                true => out.extend_from_slice(&group.text),
                false => out.extend(std::iter::repeat_n(b',', group.columns.len())),
            }
        }
    }
}

const fn check(what: &'static str, size: usize, limit: usize) -> Result<()> {
    match size <= limit {
        true => Ok(()),
        false => Err(Error::Limit { what, size: size as u64, limit: limit as u64 }),
    }
}
