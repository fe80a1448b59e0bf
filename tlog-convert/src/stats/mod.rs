//! Statistics of logs: of each record when its instances come, of each field what its values are.
//!
//! ```text
//!  data ─► rows of each record ─► a chunk of fixed size ─► columns ─► a part of the statistics ─► joined in file order
//!                                                  (several workers)
//! ```
//!
//! | field | statistics |
//! |---|---|
//! | integers, floats, durations, timestamps | range, mean, standard deviation, quantiles; NaN and infinities apart |
//! | integers | also as a counter: drops, repeats, steps back |
//! | booleans, enums, the tag of a union | how often each symbol |
//! | strings, bytes | the same as for integers, of their lengths in bytes |
//! | object | its fields: `a.b` |
//! | fixed array | each item: `a[2]`; of more than [`MAX_FIXED_LIST`](crate::columns::MAX_FIXED_LIST) cells as an array |
//! | array | all items together: `a[]` |
//! | map | the values of each key: `a.key`; of further keys than the first [`MAX_KEYS`], and of large values, together: `a[]` |
//! | union | `a.tag`, and each member: `a.float32` |
//!
//! Where chunks begin and in which order their statistics are joined does not depend on the workers: so neither does the
//! result, to the last digit. Memory is bounded whatever the log: the rows that wait, the chunks that are worked on, and
//! [`MAX_FIELDS`] fields of a bounded size each.

mod leaf;
pub mod numbers;
mod part;
pub mod quantiles;
pub mod sequence;
pub mod sizes;
pub mod symbols;
pub mod timing;
mod tree;
mod view;

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use tlog::Micros;
use tlog::read::{Damage, Data, RecordType};

use crate::columns::{Columns, Options as ColumnOptions};
use crate::{Error, Result};
pub use leaf::{FieldStats, Kind, Values};
use part::{Chunk, Part};
pub use tree::MAX_KEYS;
use tree::{Node, Wanted};

/// All records together have statistics of at most so many fields. Of a record that would make them more, only times are told.
pub const MAX_FIELDS: usize = 1 << 16;

/// All fields together have so many cells for quantiles, of 16 bytes, and as many that are free: 128 MiB.
const CELLS: usize = 1 << 22;

/// The most cells that a field has; fewer when there are more fields than these are enough for.
const MAX_CELLS: usize = 1024;

/// A chunk is about so long, in bytes.
const CHUNK: usize = 2 << 20;

/// All rows that wait take no more than about this, in bytes.
const WAITING: usize = 64 << 20;

/// So many chunks more than there are workers may be under way.
const AHEAD: usize = 2;

/// What statistics there are to be.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How many workers; 0 for as many as the machine has processors, 1 for none beside the caller.
    pub workers: usize,
    /// Only these fields and what is in them, as `a.b`; all when there are none.
    pub fields: Vec<String>,
}

/// An instance of a record: when, and where its block is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Its time, if it has one.
    pub time: Option<Micros>,
    /// In bytes from the start of the file.
    pub offset: u64,
}

/// Statistics in the making.
#[derive(Debug)]
pub struct Statistics {
    options: Options,
    workers: Option<rayon::ThreadPool>,
    records: Vec<Record>,
    /// Where the records with an identifier are.
    positions: HashMap<u64, Vec<usize>>,
    /// Which record an identifier means at present.
    declared: HashMap<u64, (Arc<RecordType>, usize)>,
    /// Bytes of the rows that wait.
    waiting: usize,
    under_way: VecDeque<UnderWay>,
    fields_left: usize,
    /// How many cells each field has.
    cells: usize,
    damage: Damage,
}

#[derive(Debug)]
struct UnderWay {
    record: usize,
    part: Receiver<Result<Part>>,
}

/// A record so far.
#[derive(Debug)]
struct Record {
    record: Arc<RecordType>,
    /// `None` when its fields are left out.
    columns: Option<Arc<Columns>>,
    waiting: Chunk,
    total: Part,
}

/// The statistics of a record.
#[derive(Debug)]
pub struct RecordStats {
    /// The record, as it was declared first.
    pub record: Arc<RecordType>,
    /// When its instances come. Those that do not decode are not among them.
    pub timing: timing::Timing,
    /// `None` when its fields are left out because there would be too many.
    columns: Option<Arc<Columns>>,
    root: Node,
}

impl RecordStats {
    /// Whether its fields are left out because there would be too many.
    pub const fn is_without_fields(&self) -> bool {
        self.columns.is_none()
    }

    /// Passes on each field, in the order of the schema.
    ///
    /// # Errors
    /// Those of `each`.
    pub fn each_field<E>(&self, each: &mut dyn FnMut(FieldStats<'_>) -> Result<(), E>) -> Result<(), E> {
        self.columns.as_ref().map_or(Ok(()), |columns| self.root.each(columns, each))
    }
}

/// All statistics.
#[derive(Debug, Default)]
pub struct Report {
    /// Of the records of which there was data, in the order in which they came.
    pub records: Vec<RecordStats>,
    /// Data that did not decode.
    pub damage: Damage,
}

impl Statistics {
    /// None yet.
    ///
    /// # Errors
    /// [`Error::Usage`] when the workers cannot be started.
    pub fn new(options: Options) -> Result<Self> {
        let count = match options.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            count => count,
        };
        let workers = (count > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(count).build()).transpose();
        let workers = workers.map_err(|e| Error::Usage(format!("workers cannot be started: {e}")))?;
        Ok(Self {
            options,
            workers,
            records: Vec::new(),
            positions: HashMap::new(),
            declared: HashMap::new(),
            waiting: 0,
            under_way: VecDeque::new(),
            fields_left: MAX_FIELDS,
            cells: MAX_CELLS,
            damage: Damage::default(),
        })
    }

    /// Another log begins: identifiers mean something else from here on.
    pub fn next_log(&mut self) {
        self.declared.clear();
    }

    /// Adds an instance.
    ///
    /// # Errors
    /// [`Error::Output`] or [`Error::Limit`] of the columns of an earlier one.
    pub fn push(&mut self, data: &Data<'_>) -> Result<()> {
        let at = self.position(data.record);
        let Some(record) = self.records.get_mut(at) else { return Ok(()) };
        let before = record.waiting.size();
        record.waiting.push(data, record.columns.is_some());
        let size = record.waiting.size();
        self.waiting += size - before;
        if size >= CHUNK {
            self.send(at)?;
        } else if self.waiting >= WAITING {
            self.send_all()?;
        }
        Ok(())
    }

    /// The position of this record, which is added if it is new.
    fn position(&mut self, record: &Arc<RecordType>) -> usize {
        if let Some((known, at)) = self.declared.get(&record.identifier)
            && Arc::ptr_eq(known, record)
        {
            return *at;
        }
        let is_same = |at: &&usize| {
            let known = self.records.get(**at).map(|known| &known.record);
            known.is_some_and(|known| known.name == record.name && known.schema_bytes == record.schema_bytes)
        };
        let namesakes = self.positions.get(&record.identifier).map_or(&[][..], Vec::as_slice);
        let known = namesakes.iter().find(is_same).copied();
        let at = known.unwrap_or_else(|| self.add_record(record));
        self.declared.insert(record.identifier, (Arc::clone(record), at));
        at
    }

    fn add_record(&mut self, record: &Arc<RecordType>) -> usize {
        let columns = Columns::new(record, &ColumnOptions::default()).ok();
        let root = columns.as_ref().and_then(|columns| {
            let mut wanted = Wanted { fields: &self.options.fields, left: self.fields_left };
            let root = Node::of_record(columns, &mut wanted)?;
            self.fields_left = wanted.left;
            Some(root)
        });
        let columns = columns.filter(|_| root.is_some()).map(Arc::new);
        let total = Part::new(root.unwrap_or(Node::Nothing));
        let at = self.records.len();
        self.positions.entry(record.identifier).or_default().push(at);
        self.records.push(Record { record: Arc::clone(record), columns, waiting: Chunk::default(), total });
        self.share_cells(at);
        at
    }

    /// Gives all fields as many cells as there are for each, now that there is one more record. What is under way with
    /// more is cut to the same when it is joined.
    fn share_cells(&mut self, newest: usize) {
        let cells = cells_of(MAX_FIELDS - self.fields_left);
        let is_less = std::mem::replace(&mut self.cells, cells) > cells;
        let from = if is_less { 0 } else { newest };
        self.records.iter_mut().skip(from).for_each(|record| record.total.root.set_cells(cells));
    }

    fn send_all(&mut self) -> Result<()> {
        (0..self.records.len()).try_for_each(|at| self.send(at))
    }

    /// Passes what waits of a record to the workers.
    fn send(&mut self, at: usize) -> Result<()> {
        let Some(record) = self.records.get_mut(at).filter(|record| !record.waiting.is_empty()) else { return Ok(()) };
        self.waiting -= record.waiting.size();
        let (part, columns) = (record.total.fresh(record.waiting.len()), record.columns.clone());
        let Some(workers) = &self.workers else {
            let chunk = &mut record.waiting;
            let part = part.of(columns.as_deref(), &record.record, chunk)?;
            chunk.clear();
            self.join(at, part);
            return Ok(());
        };
        let (chunk, of) = (std::mem::take(&mut record.waiting), Arc::clone(&record.record));
        let (sender, receiver) = mpsc::sync_channel(1);
        workers.spawn(move || {
            // Nobody waits for it any more when the caller gave up.
            let _ = sender.send(part.of(columns.as_deref(), &of, &chunk));
        });
        self.under_way.push_back(UnderWay { record: at, part: receiver });
        let most = workers.current_num_threads() + AHEAD;
        self.wait_for(most)
    }

    /// Joins what is done until no more than so many chunks are under way.
    fn wait_for(&mut self, most: usize) -> Result<()> {
        while self.under_way.len() > most {
            let Some(UnderWay { record, part }) = self.under_way.pop_front() else { break };
            let part = part.recv().map_err(|_| Error::Usage("a worker ended early".to_owned()))??;
            self.join(record, part);
        }
        Ok(())
    }

    fn join(&mut self, at: usize, part: Part) {
        if let Some(record) = self.records.get_mut(at) {
            self.damage.append(&part.damage);
            record.total.merge(part);
        }
    }

    /// The statistics of all that was added.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn finish(mut self) -> Result<Report> {
        self.send_all()?;
        self.wait_for(0)?;
        let records = self.records.into_iter().map(|record| RecordStats {
            columns: record.columns,
            record: record.record,
            timing: record.total.timing,
            root: record.total.root,
        });
        self.damage.first.sort_by_key(|skipped| skipped.range.start);
        Ok(Report { records: records.collect(), damage: self.damage })
    }
}

/// How many cells for quantiles each of so many fields has: a power of two, as tables are.
fn cells_of(fields: usize) -> usize {
    let most = (CELLS / fields.max(1)).clamp(1, MAX_CELLS);
    1 << most.ilog2()
}

/// The bytes of a block.
fn block(offset: u64, len: u64) -> Range<u64> {
    offset..offset.saturating_add(len)
}
