//! A CSV file for each record.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

use tlog::read::{Data, RecordType};
use tlog::value::ValueError;

use super::csv::{put_header, put_row};
use super::{Plan, Projection};
use crate::Result;
use crate::file_names::FileNames;
use crate::files::{FileId, Files, FilesOptions};

/// One of the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvTable {
    /// The record.
    pub record: String,
    /// The name of its file, inside of the folder.
    pub file: String,
    /// How many rows it has under its header.
    pub rows: u64,
}

/// CSV files in a folder, one for each record, named as [`file_names`](crate::file_names) says. Each is as the printer
/// [`Csv`](super::Csv) has it, but without columns for fields that its record lacks. A record that is declared again with other columns begins another table, `imu~2.csv`.
#[derive(Debug)]
pub struct CsvTables {
    files: Files,
    names: FileNames,
    projection: Projection,
    tables: Vec<(FileId, CsvTable)>,
    /// Tables by what makes them one: the record's name and a hash of the header, which no log can foresee.
    known: HashMap<(String, u64), usize>,
    hasher: RandomState,
    /// The names of the records that have tables.
    records: HashSet<String>,
    /// The table of the latest declaration with this identifier; `None` if nothing of it is shown.
    current: HashMap<u64, (Arc<RecordType>, Option<usize>)>,
    cell: Vec<u8>,
}

impl CsvTables {
    /// Tables in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(folder: &std::path::Path, projection: Projection, options: FilesOptions) -> Result<Self> {
        Ok(Self {
            files: Files::new(folder, options)?,
            names: FileNames::default(),
            projection: projection.without_missing(),
            tables: Vec::new(),
            known: HashMap::new(),
            hasher: RandomState::new(),
            records: HashSet::new(),
            current: HashMap::new(),
            cell: Vec::new(),
        })
    }

    /// Where the files are until they are whole: for who must remove them when the process is ended.
    pub fn temporary_folder(&self) -> Option<PathBuf> {
        self.files.temporary_folder().map(PathBuf::from)
    }

    /// How much memory rows that are not written yet took at most, in bytes.
    pub const fn most_held(&self) -> usize {
        self.files.most_held()
    }

    /// What is shown.
    pub fn projection(&mut self) -> &mut Projection {
        &mut self.projection
    }

    /// Whether the record with this name has a table.
    pub fn has(&self, record: &str) -> bool {
        self.records.contains(record)
    }

    /// Begins the table of this record, also if no data comes.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) when its file is there and not to be replaced; limits of options and of
    /// the projection; what the system says.
    pub fn declare(&mut self, record: &Arc<RecordType>) -> Result<()> {
        self.table(record).map(drop)
    }

    /// Writes an instance, if it has any of the fields that are shown. Of one that does not decode nothing is written.
    ///
    /// # Errors
    /// As [`declare`](Self::declare).
    pub fn put(&mut self, data: &Data<'_>) -> Result<Result<(), ValueError>> {
        let Some(at) = self.table(data.record)? else { return Ok(Ok(())) };
        let Some(plan) = self.projection.plan(data.record, true)? else { return Ok(Ok(())) };
        let Some((file, table)) = self.tables.get_mut(at) else { return Ok(Ok(())) };
        let cell = &mut self.cell;
        let put = self.files.with(*file, |out| {
            let kept = out.len();
            put_row(data, plan, cell, out).inspect_err(|_| out.truncate(kept))
        })?;
        table.rows += u64::from(put.is_ok());
        Ok(put)
    }

    fn table(&mut self, record: &Arc<RecordType>) -> Result<Option<usize>> {
        match self.current.get(&record.identifier) {
            Some((known, table)) if Arc::ptr_eq(known, record) => Ok(*table),
            _ => {
                let table = self.begin(record)?;
                self.current.insert(record.identifier, (Arc::clone(record), table));
                Ok(table)
            }
        }
    }

    fn begin(&mut self, record: &Arc<RecordType>) -> Result<Option<usize>> {
        let Some(plan) = self.projection.plan(record, true)? else { return Ok(None) };
        let header = header(plan);
        let key = (record.name.clone(), self.hasher.hash_one(&header));
        if let Some(table) = self.known.get(&key) {
            return Ok(Some(*table));
        }
        let name = format!("{}.csv", self.names.claim(&record.name));
        let file = self.files.add(&name)?;
        self.files.with(file, |out| out.extend(header))?;
        self.tables.push((file, CsvTable { record: record.name.clone(), file: name, rows: 0 }));
        self.records.insert(record.name.clone());
        self.known.insert(key, self.tables.len() - 1);
        Ok(Some(self.tables.len() - 1))
    }

    /// Puts all files in their places, each whole and lasting; tells which there are.
    ///
    /// # Errors
    /// As [`Files::finish`].
    pub fn finish(self) -> Result<Vec<CsvTable>> {
        self.files.finish()?;
        Ok(self.tables.into_iter().map(|(_, table)| table).collect())
    }
}

fn header(plan: &Plan) -> Vec<u8> {
    let columns: Vec<&str> = plan.columns.iter().flatten().map(|column| column.name.as_str()).collect();
    let mut header = Vec::new();
    put_header(&columns, &mut header);
    header
}
