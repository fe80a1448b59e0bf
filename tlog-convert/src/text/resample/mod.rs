//! Data of many records in one table, at the points of a grid in time.
//!
//! Each row is a point of the [`Grid`], from the first at or after the first time of the data to the first at or after
//! its last; `time` is in UTC. Each cell tells of the latest instance of its record at that time or before it: the
//! value that the instance has for the field, empty where it has none. Nothing is interpolated, and nothing stands
//! before its time: until the first instance of its record, and where that of the latest is longer ago than
//! [`max_age`](ResampleOptions::max_age), a cell is empty.
//!
//! | data | is |
//! |---|---|
//! | of equal times | in file order: the later in the file is the latest |
//! | that steps back in time | put in order, as long as it is not further behind the latest time before it than [`window`](ResampleOptions::window) and what is kept for that fits into half of [`max_memory`](ResampleOptions::max_memory) |
//! | that steps back further | *late*, if the table has gone beyond its time: rows that are written stay as they are, and it is counted; rows to come know it if it is still the latest of its record |
//! | without a time, or with one of the three that the format reserves | left out and counted |
//!
//! Columns are named `record.field`, and `record` where the record itself is the value. A record that is declared again
//! with other fields has the columns of all its declarations.

mod columns;
mod grid;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::Arc;

use tlog::Micros;
use tlog::read::{Data, RecordType};
use tlog::value::{Cursor, ValueError, skip};

use super::Projection;
use super::gathered::Gathered;
use crate::{Error, Result};
use columns::Columns;
pub use grid::Grid;

/// How long a row is without its cells, in bytes, and about how long a cell with its comma is.
const TIME_LEN: u64 = 28;
const CELL_LEN: u64 = 9;

/// How long a row is at least, but for its commas.
const MIN_ROW: u64 = "0000-01-01T00:00:00Z\n".len() as u64;

/// How data is resampled.
#[derive(Clone, Debug)]
pub struct ResampleOptions {
    /// When the rows are.
    pub grid: Grid,
    /// How old a value may become, in microseconds; `None` for any age.
    pub max_age: Option<u64>,
    /// How far data that steps back in time is put in order, in microseconds.
    pub window: u64,
    /// How much memory data takes that is put in order, and the latest of all records, in bytes.
    pub max_memory: usize,
    /// How large the table may become, in bytes.
    pub max_bytes: u64,
}

impl ResampleOptions {
    /// The options that are good for most: values of any age, order within 10 s, 4 GB.
    pub const fn new(grid: Grid) -> Self {
        Self { grid, max_age: None, window: 10_000_000, max_memory: 128 << 20, max_bytes: 4_000_000_000 }
    }
}

/// How large a table is going to be, about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// How many rows it has under its header.
    pub rows: u64,
    /// How many columns it has beside the time.
    pub columns: u64,
    /// How many bytes, about.
    pub bytes: u64,
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, columns, bytes } = *self;
        write!(f, "{rows} rows × {columns} columns, about {:.1} GB", bytes as f64 / 1e9)
    }
}

/// What became of the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resampled {
    /// How many rows the table has under its header.
    pub rows: u64,
    /// How many columns it has beside the time.
    pub columns: u64,
    /// How many bytes it is.
    pub bytes: u64,
    /// How many instances were left out because they have no time.
    pub untimed: u64,
    /// How many instances came after rows of their time were written.
    pub late: u64,
}

/// Makes one table of all data, as this module says.
#[derive(Debug)]
pub struct Resampler<W> {
    out: Gathered<W>,
    options: ResampleOptions,
    projection: Projection,
    columns: Columns,
    /// Data whose turn has not come, by time and then in file order.
    held: BTreeMap<(Micros, u64), Held>,
    held_bytes: usize,
    /// How many instances were held so far.
    held_ever: u64,
    /// The latest time so far.
    newest: Option<Micros>,
    /// The point of the next row; `None` before the first data.
    next: Option<i64>,
    done: Resampled,
}

#[derive(Debug)]
struct Held {
    shape: usize,
    payload: Vec<u8>,
}

impl Held {
    /// How much memory it takes, about, in bytes.
    const fn memory(&self) -> usize {
        self.payload.capacity() + 2 * size_of::<((Micros, u64), Self)>()
    }
}

impl<W: Write> Resampler<W> {
    /// What the projection shows of data goes into one table in `out`.
    pub fn new(out: W, projection: Projection, options: ResampleOptions) -> Self {
        Self {
            out: Gathered::new(out, b""),
            options,
            projection: projection.without_missing(),
            columns: Columns::default(),
            held: BTreeMap::new(),
            held_bytes: 0,
            held_ever: 0,
            newest: None,
            next: None,
            done: Resampled::default(),
        }
    }

    /// What is shown.
    pub fn projection(&mut self) -> &mut Projection {
        &mut self.projection
    }

    /// Adds the columns of a record. All records must be declared before the first data is put.
    ///
    /// # Errors
    /// [`Error::Limit`] for more columns than [`MAX_COLUMNS`](tlog::value::MAX_COLUMNS), and [`Error::Usage`] for one
    /// that brings columns too late.
    pub fn declare(&mut self, record: &Arc<RecordType>) -> Result<()> {
        if self.columns.shape(record).is_none() && self.newest.is_some() {
            return Err(Error::Usage(format!("record {} is declared after the table has begun", record.name)));
        }
        self.columns.declare(record, &mut self.projection)
    }

    /// How large the table is going to be for data between these times.
    pub fn estimate(&self, first: Micros, last: Micros) -> Estimate {
        let point = |time| self.options.grid.at_or_after(time);
        let rows = if last < first { 0 } else { point(last).abs_diff(point(first)).saturating_add(1) };
        let columns = self.columns.count() as u64;
        let row = TIME_LEN.saturating_add(columns.saturating_mul(CELL_LEN));
        Estimate { rows, columns, bytes: rows.saturating_mul(row) }
    }

    /// Takes an instance. One that does not decode is left out.
    ///
    /// # Errors
    /// [`Error::Usage`] for data of a record that was not declared, [`Error::Limit`] when the table or what must be in
    /// memory becomes too large, and what the system says. The table cannot be finished then.
    pub fn put(&mut self, data: &Data<'_>) -> Result<Result<(), ValueError>> {
        self.take(data).inspect_err(|_| self.out.fail())
    }

    fn take(&mut self, data: &Data<'_>) -> Result<Result<(), ValueError>> {
        let Some(shape) = self.columns.shape(data.record) else {
            return Err(Error::Usage(format!("record {} was not declared before the table", data.record.name)));
        };
        let Some(shape) = shape else { return Ok(Ok(())) };
        if let Err(error) = skip(data.record.schema.root(), &mut Cursor::new(data.payload)) {
            return Ok(Err(error));
        }
        let Some(time) = data.time.filter(|time| is_time(*time)) else {
            self.done.untimed += 1;
            return Ok(Ok(()));
        };
        self.newest = self.newest.max(Some(time));
        if self.is_late(time) {
            self.done.late += 1;
            self.set(time, shape, data.payload.to_vec())?;
        } else {
            self.hold(time, Held { shape, payload: data.payload.to_vec() })?;
        }
        Ok(Ok(()))
    }

    /// Whether the first row that this time belongs to is written, or before the first that is.
    fn is_late(&self, time: Micros) -> bool {
        self.next.is_some_and(|next| self.options.grid.at_or_after(time) < next)
    }

    fn hold(&mut self, time: Micros, held: Held) -> Result<()> {
        if self.options.window == 0 && self.held.is_empty() {
            return self.turn(time, held);
        }
        self.held_bytes += held.memory();
        self.held.insert((time, self.held_ever), held);
        self.held_ever += 1;
        let newest = self.newest.unwrap_or(time).0;
        while let Some(((first, _), _)) = self.held.first_key_value()
            && (first.0.abs_diff(newest) >= self.options.window || self.held_bytes > self.options.max_memory / 2)
        {
            self.release()?;
        }
        Ok(())
    }

    /// Lets the earliest instance that is held have its turn.
    fn release(&mut self) -> Result<()> {
        let Some(((time, _), held)) = self.held.pop_first() else { return Ok(()) };
        self.held_bytes -= held.memory();
        self.turn(time, held)
    }

    /// Writes the rows before an instance, which is the latest of its record from there on.
    fn turn(&mut self, time: Micros, held: Held) -> Result<()> {
        let end = self.options.grid.at_or_after(time);
        if self.next.is_none() {
            self.begin(end);
        }
        self.rows_before(end)?;
        self.set(time, held.shape, held.payload)
    }

    fn set(&mut self, time: Micros, shape: usize, payload: Vec<u8>) -> Result<()> {
        self.columns.set(time, shape, payload);
        self.check_memory()
    }

    fn check_memory(&self) -> Result<()> {
        let (size, limit) = (self.columns.memory() as u64, self.options.max_memory as u64);
        match size <= limit {
            true => Ok(()),
            false => Err(Error::Limit { what: "the memory for the latest of all records", size, limit }),
        }
    }

    fn begin(&mut self, first: i64) {
        self.next = Some(first);
        self.done.columns = self.columns.count() as u64;
        self.out.text.extend(b"time");
        self.columns.header(&mut self.out.text);
        self.out.text.push(b'\n');
        self.done.bytes = self.out.text.len() as u64;
    }

    /// Writes the rows up to this point, but not that itself.
    fn rows_before(&mut self, end: i64) -> Result<()> {
        let Some(next) = self.next.filter(|next| *next < end) else { return Ok(()) };
        let rendered = self.columns.render();
        rendered.map_err(|e| Error::Output { format: "CSV", problem: e.to_string() })?;
        self.check_memory()?;
        // A single time that is wrong by years would make rows for all of them.
        self.check_size(end.abs_diff(next).saturating_mul(self.columns.count() as u64 + MIN_ROW))?;
        for k in next..end {
            let (time, start) = (self.options.grid.time(k), self.out.text.len());
            time.append_to(&mut self.out.text);
            self.columns.row(time, self.options.max_age, &mut self.out.text);
            self.out.text.push(b'\n');
            self.done.rows += 1;
            self.done.bytes += (self.out.text.len() - start) as u64;
            self.check_size(0)?;
            self.out.settle()?;
        }
        self.next = Some(end);
        Ok(())
    }

    fn check_size(&self, more: u64) -> Result<()> {
        let (size, limit) = (self.done.bytes.saturating_add(more), self.options.max_bytes);
        match size <= limit {
            true => Ok(()),
            false => Err(Error::Limit { what: "the size of the table in bytes", size, limit }),
        }
    }

    /// Writes what is left and flushes; gives the output back, and what became of the data.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn finish(mut self) -> Result<(W, Resampled)> {
        while !self.held.is_empty() {
            self.release()?;
        }
        match (self.next, self.newest) {
            (Some(next), Some(newest)) => {
                let last = self.options.grid.at_or_after(newest);
                self.rows_before(next.max(last.saturating_add(1)))?;
            }
            _ => self.begin(0),
        }
        Ok((self.out.finish()?, self.done))
    }
}

/// Whether this is a point in time, not one of those that the format reserves.
fn is_time(time: Micros) -> bool {
    ![Micros::NEG_INFINITY, Micros::NOT_A_TIME, Micros::INFINITY].contains(&time)
}
