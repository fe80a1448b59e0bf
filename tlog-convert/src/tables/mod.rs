//! Logs into files of tables: rows are gathered, encoded by workers, and appended to the files in their order.
//!
//! ```text
//!  this thread                                       workers
//!  data ─► gather ─► groups of rows ───────────────► columns ─► encoded groups
//!                      as many as memory is given to      │
//!  files ◄─ appended in order ◄───────────────────────────┘
//! ```
//!
//! A file is open only while something is appended to it, and what its writer must remember until its end is counted:
//! beyond a limit the largest is ended, and the table continues in another file.

mod ending;
mod sink;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use tlog::Micros;
use tlog::read::{Damage, RecordType};

use crate::columns::Refused;
use crate::gather::{Gather, GatherOptions};
use crate::rows::Rows;
use crate::{Error, Result};

pub use ending::Ending;
pub use sink::{Reopened, Sink};

/// A record that becomes a table.
#[derive(Clone, Debug)]
pub struct Table {
    /// The record.
    pub record: Arc<RecordType>,
    /// How the table is called: as the record, unless another one has that name.
    pub name: String,
    /// How its log is called.
    pub source: Arc<str>,
    /// What narrows the data, for the metadata of the files: keys and values.
    pub selected: Arc<[(&'static str, String)]>,
}

/// A format of files that hold tables.
pub trait Format: Send + Sync + 'static {
    /// What is worked out of a record once.
    type Plan: Send + Sync + 'static;
    /// Rows in the form that goes into a file.
    type Group: Send + 'static;
    /// A file that is being written.
    type File;

    /// Works out what the table looks like in this format.
    ///
    /// # Errors
    /// [`Error::Limit`] for too many columns, [`Error::Output`] for what the format cannot hold.
    fn plan(&self, table: &Table) -> Result<Self::Plan>;

    /// Encodes rows, in a worker.
    ///
    /// # Errors
    /// [`Error::Output`].
    fn encode(&self, plan: &Self::Plan, rows: Rows, refuse: Refuse<'_>) -> Result<Vec<Self::Group>>;

    /// Begins a file.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Output`].
    fn begin(&self, plan: &Self::Plan, sink: Box<dyn Sink>) -> Result<Self::File>;

    /// Appends to a file, and leaves it at rest.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Output`].
    fn append(&self, file: &mut Self::File, group: Self::Group, refuse: Refuse<'_>) -> Result<()>;

    /// Ends a file.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Output`].
    fn end(&self, file: Self::File, ending: &Ending<'_>) -> Result<()>;

    /// How many bytes of memory a file takes while it is being written, about.
    fn held(&self, plan: &Self::Plan, file: &Self::File) -> usize;

    /// Whether nothing more should go into this file.
    fn is_full(&self, file: &Self::File) -> bool;

    /// How many bytes of memory it takes to encode any rows of this table, beside the rows.
    fn overhead(&self, plan: &Self::Plan) -> usize;
}

/// Is told of rows that are in no table: the place of the block in the log, how long the payload is, and why.
pub type Refuse<'a> = &'a mut dyn FnMut(u64, u64, Refused);

/// Makes the files: of the table with this number, from 0, its file with this number, from 1.
pub type Places<'a> = Box<dyn FnMut(usize, usize) -> Result<Box<dyn Sink>> + 'a>;

/// How much is done at once.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// How rows are gathered.
    pub gather: GatherOptions,
    /// How many workers; with one everything is done by the calling thread.
    pub jobs: usize,
    /// How many bytes the rows being encoded may take. One group can always be.
    pub in_work: usize,
    /// How many bytes the files being written may take in memory.
    pub files: usize,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { gather: GatherOptions::default(), jobs: 1, in_work: 96 << 20, files: 64 << 20 }
    }
}

/// A row that is in no table, as its bytes are none of its schema.
#[derive(Clone, Debug)]
pub struct RefusedRow {
    /// The number of its table.
    pub table: usize,
    /// Where its block is in the log, in bytes from its start.
    pub offset: u64,
    /// How long its payload is, in bytes.
    pub len: u64,
    /// Why.
    pub why: Refused,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many rows are in the files.
    pub rows: u64,
    /// How many rows are in none.
    pub refused: u64,
    /// The first of them, [`Summary::KEPT`] at most.
    pub first: Vec<RefusedRow>,
}

impl Summary {
    /// So many refused rows are remembered.
    pub const KEPT: usize = Damage::KEPT;
}

/// Tables being written.
pub struct Tables<'a, F: Format> {
    format: Arc<F>,
    places: Places<'a>,
    options: TableOptions,
    gather: Option<Gather>,
    tables: Vec<State<F>>,
    queue: VecDeque<Pending<F::Group>>,
    /// What the groups in the queue take.
    in_work: usize,
    /// What the files take.
    held: usize,
    workers: Option<rayon::ThreadPool>,
    summary: Summary,
}

struct State<F: Format> {
    table: Table,
    open: Option<Open<F>>,
    /// How many files it has so far.
    files: usize,
    refused: u64,
}

struct Open<F: Format> {
    plan: Arc<F::Plan>,
    file: Option<F::File>,
    /// As counted.
    held: usize,
}

struct Pending<G> {
    table: usize,
    cost: usize,
    encoded: Receiver<Result<Encoded<G>>>,
}

struct Encoded<G> {
    groups: Vec<G>,
    rows: u64,
    refused: Vec<(u64, u64, Refused)>,
    /// How many there are, listed or not.
    refused_count: u64,
}

impl<'a, F: Format> Tables<'a, F> {
    /// No table so far.
    ///
    /// # Errors
    /// [`Error::Usage`] when the system has no threads.
    pub fn new(format: F, places: Places<'a>, options: TableOptions) -> Result<Self> {
        let workers = match options.jobs {
            0 | 1 => None,
            jobs => {
                // A worker that panics is noticed by who waits for what it was to do.
                let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).panic_handler(|_| {});
                Some(pool.build().map_err(|e| Error::Usage(format!("{jobs} workers: {e}")))?)
            }
        };
        let gather = Some(Gather::new(options.gather.clone()));
        let (tables, queue) = (Vec::new(), VecDeque::new());
        let format = Arc::new(format);
        Ok(Self {
            format,
            places,
            options,
            gather,
            tables,
            queue,
            in_work: 0,
            held: 0,
            workers,
            summary: Summary::default(),
        })
    }

    /// One more table; its number.
    pub fn add(&mut self, table: Table) -> usize {
        self.tables.push(State { table, open: None, files: 0, refused: 0 });
        self.gather.as_mut().map_or(0, Gather::add)
    }

    /// Adds a row to a table.
    ///
    /// # Errors
    /// Whatever stands in the way of writing files.
    #[inline] // once per record: `benches/parquet`
    pub fn push(&mut self, table: usize, time: Option<Micros>, offset: u64, payload: &[u8]) -> Result<()> {
        self.gathering(|gather, take| gather.push(table, time, offset, payload, take))
    }

    /// Ends all files: those of tables without rows too. Each says whether it is complete: `damage` is that of the log.
    ///
    /// # Errors
    /// Whatever stands in the way of writing files.
    pub fn finish(mut self, damage: &Damage) -> Result<Summary> {
        let mut last = 0;
        let Some(mut gather) = self.gather.take() else { return Ok(self.summary) };
        gather.finish(&mut |table, rows| {
            // Tables come in order: those before are ended as soon as their groups are.
            self.end_idle(&mut last, table, damage)?;
            self.submit(table, rows)
        })?;
        let tables = self.tables.len();
        self.retire_all()?;
        self.end_idle(&mut last, tables, damage)?;
        Ok(self.summary)
    }

    /// Ends the tables from `last` up to `until` that have nothing in the queue any more.
    fn end_idle(&mut self, last: &mut usize, until: usize, damage: &Damage) -> Result<()> {
        self.retire_ready()?;
        let busy = self.queue.iter().map(|pending| pending.table).min().unwrap_or(usize::MAX);
        while *last < until.min(busy) {
            self.end(*last, damage)?;
            *last += 1;
        }
        Ok(())
    }

    fn gathering(&mut self, act: impl FnOnce(&mut Gather, crate::gather::Take<'_>) -> Result<()>) -> Result<()> {
        let Some(mut gather) = self.gather.take() else { return Ok(()) };
        let done = act(&mut gather, &mut |table, rows| self.submit(table, rows));
        self.gather = Some(gather);
        done
    }

    /// Has rows encoded.
    fn submit(&mut self, table: usize, rows: Rows) -> Result<()> {
        let plan = self.plan(table)?;
        let cost = rows.size().saturating_add(self.format.overhead(&plan));
        self.retire_ready()?;
        while self.in_work > 0 && self.in_work.saturating_add(cost) > self.options.in_work {
            self.retire()?;
        }
        let Some(workers) = &self.workers else {
            let encoded = encode(&*self.format, &plan, rows)?;
            return self.append(table, encoded);
        };
        let (sender, encoded) = mpsc::channel();
        let format = Arc::clone(&self.format);
        // Nobody waits for what was submitted before an error.
        workers.spawn_fifo(move || drop(sender.send(encode(&*format, &plan, rows))));
        self.in_work += cost;
        self.queue.push_back(Pending { table, cost, encoded });
        Ok(())
    }

    fn retire_ready(&mut self) -> Result<()> {
        while let Some(front) = self.queue.front() {
            let Ok(encoded) = front.encoded.try_recv() else { return Ok(()) };
            let (table, cost) = (front.table, front.cost);
            self.queue.pop_front();
            self.in_work -= cost;
            self.append(table, encoded?)?;
        }
        Ok(())
    }

    /// Waits for the oldest group in work.
    fn retire(&mut self) -> Result<()> {
        let Some(Pending { table, cost, encoded }) = self.queue.pop_front() else { return Ok(()) };
        self.in_work -= cost;
        let lost = |_| Error::Usage("a worker ended before its work".to_owned());
        self.append(table, encoded.recv().map_err(lost)??)
    }

    fn retire_all(&mut self) -> Result<()> {
        while !self.queue.is_empty() {
            self.retire()?;
        }
        Ok(())
    }

    fn append(&mut self, table: usize, encoded: Encoded<F::Group>) -> Result<()> {
        let Encoded { groups, rows, refused, refused_count } = encoded;
        let kept = refused.into_iter().map(|(offset, len, why)| RefusedRow { table, offset, len, why });
        self.summary.first.extend(kept.take(Summary::KEPT.saturating_sub(self.summary.first.len())));
        self.summary.rows += rows;
        self.count_refused(table, refused_count);
        groups.into_iter().try_for_each(|group| self.append_group(table, group))
    }

    /// Ends files while what all of them take is beyond the limit, the largest first. That is done in front of a group, not
    /// behind one: so the last file of a table is there to tell whether it is complete.
    fn make_room(&mut self, table: usize) -> Result<()> {
        if let Some(Open { file: Some(file), .. }) = self.tables.get(table).and_then(|state| state.open.as_ref())
            && self.format.is_full(file)
        {
            self.close(table, None)?;
        }
        while self.held > self.options.files {
            let largest = self.tables.iter().enumerate().max_by_key(|(_, state)| held(state));
            let Some((largest, _)) = largest.filter(|(_, state)| held(state) > 0) else { break };
            self.close(largest, None)?;
        }
        Ok(())
    }

    fn count_refused(&mut self, table: usize, count: u64) {
        self.summary.refused += count;
        if let Some(state) = self.tables.get_mut(table) {
            state.refused += count;
        }
    }

    fn append_group(&mut self, table: usize, group: F::Group) -> Result<()> {
        self.make_room(table)?;
        self.file(table)?;
        let format = Arc::clone(&self.format);
        let Some(open) = self.tables.get_mut(table).and_then(|state| state.open.as_mut()) else { return Ok(()) };
        let Some(file) = &mut open.file else { return Ok(()) };
        let mut refused = 0;
        let first = &mut self.summary.first;
        format.append(file, group, &mut |offset, len, why| {
            refused += 1;
            if first.len() < Summary::KEPT {
                first.push(RefusedRow { table, offset, len, why });
            }
        })?;
        self.held -= open.held;
        open.held = format.held(&open.plan, file);
        self.held += open.held;
        self.summary.rows -= refused;
        self.count_refused(table, refused);
        Ok(())
    }

    fn plan(&mut self, table: usize) -> Result<Arc<F::Plan>> {
        let Some(state) = self.tables.get_mut(table) else { return Err(no_table()) };
        if let Some(open) = &state.open {
            return Ok(Arc::clone(&open.plan));
        }
        let plan = Arc::new(self.format.plan(&state.table)?);
        state.open = Some(Open { plan: Arc::clone(&plan), file: None, held: 0 });
        Ok(plan)
    }

    /// Makes the table's file, if there is none.
    fn file(&mut self, table: usize) -> Result<()> {
        let plan = self.plan(table)?;
        let Some(state) = self.tables.get_mut(table) else { return Err(no_table()) };
        let Some(open) = state.open.as_mut().filter(|open| open.file.is_none()) else { return Ok(()) };
        state.files += 1;
        let file = self.format.begin(&plan, (self.places)(table, state.files)?)?;
        open.held = self.format.held(&plan, &file);
        self.held += open.held;
        open.file = Some(file);
        Ok(())
    }

    /// Ends the table: with a file that has no rows, if it has none, or if the last one had to be ended to make room.
    fn end(&mut self, table: usize, damage: &Damage) -> Result<()> {
        self.file(table)?;
        self.close(table, Some(damage))?;
        if let Some(state) = self.tables.get_mut(table) {
            state.open = None;
        }
        Ok(())
    }

    /// Ends the file of a table, if it has one: with `damage` the table's last.
    fn close(&mut self, table: usize, damage: Option<&Damage>) -> Result<()> {
        let Some(state) = self.tables.get_mut(table) else { return Ok(()) };
        let Some(Open { plan: _, file: Some(file), held }) = state.open.take() else { return Ok(()) };
        self.held -= held;
        let ending = Ending { table: &state.table, part: state.files, refused: state.refused, damage };
        self.format.end(file, &ending)
    }
}

fn held<F: Format>(state: &State<F>) -> usize {
    state.open.as_ref().filter(|open| open.file.is_some()).map_or(0, |open| open.held)
}

fn no_table() -> Error {
    Error::Usage("there is no such table".to_owned())
}

fn encode<F: Format>(format: &F, plan: &F::Plan, rows: Rows) -> Result<Encoded<F::Group>> {
    let (count, mut refused, mut refused_count) = (rows.len() as u64, Vec::new(), 0);
    let groups = format.encode(plan, rows, &mut |offset, len, why| {
        refused_count += 1;
        if refused.len() < Summary::KEPT {
            refused.push((offset, len, why));
        }
    })?;
    Ok(Encoded { groups, rows: count - refused_count, refused, refused_count })
}
