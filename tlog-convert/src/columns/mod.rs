//! Arrow columns out of payloads: one table for each record, compiled once from its schema.
//!
//! | type | column |
//! |---|---|
//! | null | null |
//! | boolean | boolean |
//! | fixedint, fixeduint | signed or unsigned integer of the same width |
//! | varint, varuint | int64, uint64 |
//! | float32, float64 | the same |
//! | bytes | binary |
//! | string | utf8; what is not UTF-8 becomes U+FFFD |
//! | enum | dictionary of its symbols; a value without one is its number as text. With [`Options::raw_enums`] also `NAME_raw`, the number |
//! | timestamp | timestamp in microseconds, UTC |
//! | duration | int64, with `unit` = `us` in the metadata of the field |
//! | object | struct; one without fields is a boolean, always true, as no table format has empty structs |
//! | array | list |
//! | fixedarray | fixed-size list; list when it has no items or more than [`MAX_FIXED_LIST`] cells, or is missing where a union around it is another member |
//! | map | map; of equal keys the last |
//! | union of null and one other type, neither null nor a union | that type's column, nullable |
//! | any other union | struct: `tag`, the member's type, and for each member but null a nullable column of that name |
//!
//! The first column is the time of the block, `time`; it is called `_time` (`__time`, …) when the record has a field of that
//! name in any case. A record that is no object has one more column, `value`.
//!
//! With [`Options::flatten`] objects, fixed arrays and optional values are taken apart into columns such as `a.b[2]`, as in
//! CSV; arrays, maps, other unions, and fixed arrays that would be lists become their JSON as text.
//!
//! ```text
//!  rows ─► check (is each payload one of the type? how many cells?) ─► the same place in each payload: a strided copy
//!                                                                  └► from the first field of varying size on: a walk
//! ```

mod check;
mod column;
mod enumeration;
mod flatten;
mod leaf;
mod names;
mod plan;
mod strided;
#[cfg(test)]
mod tests;
mod union;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{Schema as ArrowSchema, SchemaRef};
use tlog::Micros;
use tlog::read::RecordType;
use tlog::schema::{Schema, Type};
use tlog::value::ValueError;

use crate::rows::Rows;
use crate::{Error, Result};
use column::Column;

/// A fixed array becomes a fixed-size list up to so many cells: where a value is missing, a fixed-size list takes the
/// memory of its items all the same.
pub const MAX_FIXED_LIST: u64 = 1 << 16;

/// One table has at most so many columns, nested ones counted.
pub const MAX_COLUMNS: usize = 1 << 16;

/// A batch ends when it has so many cells, or so many bytes of payloads.
const BATCH_CELLS: u64 = 1 << 20;
const BATCH_BYTES: usize = 4 << 20;

/// JSON counts as one cell for so many of its bytes: a short payload may be many times as long as text.
const JSON_OF_A_CELL: u64 = 4;

/// All JSON of a column in one batch is shorter than this.
const MAX_BATCH_JSON: usize = 1 << 30;

/// One instance may have so many cells, or two for each of its bytes: one of a few bytes can claim a million items that
/// take none, and a union takes a cell for each member.
const MAX_CELLS: u64 = 1 << 24;

/// One instance may have so many bytes: 32-bit offsets must hold them even as text that is not UTF-8.
const MAX_BYTES: usize = 1 << 29;

/// What columns there are to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Only scalar columns, for tools that know no nesting.
    pub flatten: bool,
    /// Beside each field that is an enum, or arrays, maps or optional values of one, its number.
    pub raw_enums: bool,
    /// Dictionaries keep texts of values without a symbol from one batch to the next, so that they only ever grow.
    /// Otherwise each batch begins with the symbols again.
    pub keep_texts: bool,
}

/// The table that a record is.
#[derive(Clone, Debug)]
pub struct Columns {
    schema: SchemaRef,
    record: Schema,
    options: Options,
    /// The columns, empty: what each builder starts with.
    root: Column,
    /// How many cells one instance has at least.
    cells: u64,
}

impl Columns {
    /// Compiles the table of a record.
    ///
    /// # Errors
    /// [`Error::Limit`] for more than [`MAX_COLUMNS`].
    pub fn new(record: &RecordType, options: &Options) -> Result<Self> {
        let plan::Table { mut fields, root } = plan::compile(record.schema.root(), options)?;
        if options.flatten {
            fields = flatten::fields(&fields)?;
        }
        let time = Arc::new(plan::time_field(&fields));
        fields.insert(0, time);
        let schema = Arc::new(ArrowSchema::new(fields));
        let cells = root.cells().max(1);
        Ok(Self { schema, record: record.schema.clone(), options: options.clone(), root, cells })
    }

    /// The Arrow schema of the table.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The name of the column with the time of the block.
    pub fn time_name(&self) -> &str {
        self.schema.fields().first().map_or("time", |field| field.name())
    }

    /// What turns rows into batches.
    pub fn builder(&self) -> Builder {
        Builder { columns: self.clone(), root: self.root.clone() }
    }
}

/// Why an instance is in no batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not decode.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// It has more cells, or more bytes, than memory is given to.
    #[error("it has {0} cells or bytes, which is beyond the limits of a table")]
    Size(u64),
}

/// Turns rows of one record into batches.
#[derive(Clone, Debug)]
pub struct Builder {
    columns: Columns,
    root: Column,
}

impl Builder {
    /// The table that it builds.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Makes a batch of the rows from `from` on, as many as one batch takes; and where the next begins. Rows that do not
    /// decode are passed to `refuse` by their index instead.
    ///
    /// # Errors
    /// [`Error::Output`], should Arrow find the columns at odds with one another.
    pub fn batch(
        &mut self,
        rows: &Rows,
        from: usize,
        refuse: &mut dyn FnMut(usize, Refused),
    ) -> Result<(RecordBatch, usize)> {
        let checked = check::rows(&self.columns, rows, from, refuse);
        let batch = match &checked.intact {
            Some(intact) => self.build(intact, 0, intact.len())?,
            None => self.build(rows, from, checked.end)?,
        };
        Ok((batch, checked.end))
    }

    fn build(&mut self, rows: &Rows, from: usize, to: usize) -> Result<RecordBatch> {
        let ty = self.columns.record.root();
        strided::fill(&mut self.root, ty, rows, from..to).map_err(|e| too_large(&e))?;
        let mut arrays = vec![time_column(rows.times().get(from..to).unwrap_or_default())];
        match &mut self.root {
            Column::Object(object) if matches!(ty, Type::Object(_)) => arrays.extend(object.finish_fields()?),
            root => arrays.push(root.finish(None)?),
        }
        if self.columns.options.flatten {
            arrays = flatten::arrays(&arrays)?;
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.columns.schema), arrays)?)
    }
}

fn time_column(times: &[Option<Micros>]) -> ArrayRef {
    let micros = times.iter().map(|time| time.map(|time| time.0));
    Arc::new(TimestampMicrosecondArray::from_iter(micros).with_timezone("UTC"))
}

/// All payloads were checked; what remains is JSON beyond its limit.
fn too_large(_: &ValueError) -> Error {
    Error::Limit { what: "the JSON of a batch", size: MAX_BATCH_JSON as u64, limit: MAX_BATCH_JSON as u64 }
}
