//! Parquet files of records.
//!
//! | column | encoding | why |
//! |---|---|---|
//! | `time`, timestamps, durations | `DELTA_BINARY_PACKED` | steps are small |
//! | integers of 32 and 64 bits | `DELTA_BINARY_PACKED` | counters and states take next to nothing |
//! | narrower integers, floats, booleans, binary | `PLAIN` | what is left to the compression is quick; `BYTE_STREAM_SPLIT` is not read by all engines |
//! | strings, enums, tags of unions | dictionary | few values |
//!
//! In tables of more than [`WIDE`] columns all is `PLAIN`, as each encoder takes memory. All is compressed, zstd level 1 by
//! default. Statistics are kept per chunk and, of columns outside of lists, per page, but of binary; in wide tables per
//! chunk of the time only. The metadata of the file is that of [`Ending`], and the Arrow schema, which tells
//! dictionaries and fixed-size lists apart from what Parquet knows.

mod encode;
mod file;
mod properties;
mod unit;

use std::sync::Arc;

use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::TypePtr;

use crate::columns::{self, Columns};
use crate::rows::Rows;
use crate::tables::{Ending, Format, Refuse, Sink, Table};
use crate::{Error, Result};

use unit::Unit;

pub use encode::Group;
pub use file::TableFile;

/// A table with more leaf columns is wide.
pub const WIDE: usize = 1000;

/// What the writer of a file remembers of each column, and of each chunk of one: more with statistics. In bytes, about.
const COLUMN_MEMORY: usize = 700;
const CHUNK_MEMORY: usize = 1200;
const WIDE_CHUNK_MEMORY: usize = 700;

/// What the writer of a file takes beside, in bytes, about.
const FILE_MEMORY: usize = 12 << 10;

/// What a writer takes for a column while it encodes, beside its pages, about.
const ENCODER_MEMORY: usize = 16 << 10;

/// How to compress: `zstd`, `zstd:1` to `zstd:22`, `snappy`, `lz4` or `none`.
///
/// # Errors
/// [`Error::Usage`] for anything else.
pub fn compression(text: &str) -> Result<Compression> {
    let wrong = || Error::Usage(format!("`{text}` is none of zstd, zstd:1 to zstd:22, snappy, lz4 and none"));
    let zstd = |level: i32| ZstdLevel::try_new(level).map(Compression::ZSTD).map_err(|_| wrong());
    match text.split_once(':') {
        Some(("zstd", level)) => zstd(level.parse().ok().filter(|level| (1..=22).contains(level)).ok_or_else(wrong)?),
        None => match text {
            "zstd" => zstd(1),
            "snappy" => Ok(Compression::SNAPPY),
            "lz4" => Ok(Compression::LZ4_RAW),
            "none" => Ok(Compression::UNCOMPRESSED),
            _ => Err(wrong()),
        },
        Some(_) => Err(wrong()),
    }
}

/// Parquet, written so.
#[derive(Clone, Debug)]
pub struct Parquet {
    /// What columns there are to be.
    pub columns: columns::Options,
    /// How they are compressed: see [`compression`].
    pub compression: Compression,
}

impl Default for Parquet {
    fn default() -> Self {
        let compression = Compression::ZSTD(ZstdLevel::default());
        Self { columns: columns::Options::default(), compression }
    }
}

/// A table, as Parquet has it.
#[derive(Debug)]
pub struct Plan {
    columns: Columns,
    root: TypePtr,
    properties: Arc<WriterProperties>,
    /// What is encoded one after the other, in the order of the file.
    units: Vec<Unit>,
    /// How many columns of scalars there are.
    leaves: usize,
}

impl Plan {
    /// The table's columns.
    pub const fn columns(&self) -> &Columns {
        &self.columns
    }
}

impl Format for Parquet {
    type Plan = Plan;
    type Group = Group;
    type File = TableFile;

    fn plan(&self, table: &Table) -> Result<Plan> {
        let columns = Columns::new(&table.record, &self.columns)?;
        let schema = ArrowSchemaConverter::new().schema_root("record").convert(columns.schema())?;
        let metadata = table.metadata(columns.time_name());
        let properties = Arc::new(properties::of(&schema, self.compression, &columns, metadata));
        let units = Unit::all(columns.schema(), &properties)?;
        Ok(Plan { root: schema.root_schema_ptr(), leaves: schema.num_columns(), properties, units, columns })
    }

    fn encode(&self, plan: &Plan, rows: Rows, refuse: Refuse<'_>) -> Result<Vec<Group>> {
        encode::groups(plan, rows, refuse)
    }

    fn begin(&self, plan: &Plan, sink: Box<dyn Sink>) -> Result<TableFile> {
        TableFile::new(plan, sink)
    }

    fn append(&self, file: &mut TableFile, group: Group, _: Refuse<'_>) -> Result<()> {
        file.append(group)
    }

    fn end(&self, file: TableFile, ending: &Ending<'_>) -> Result<()> {
        file.end(ending)
    }

    fn held(&self, plan: &Plan, file: &TableFile) -> usize {
        let chunk = if plan.leaves > WIDE { WIDE_CHUNK_MEMORY } else { CHUNK_MEMORY };
        let column = file.groups().saturating_mul(chunk).saturating_add(COLUMN_MEMORY);
        FILE_MEMORY.saturating_add(plan.leaves.saturating_mul(column))
    }

    fn is_full(&self, file: &TableFile) -> bool {
        file.groups() >= i16::MAX as usize
    }

    fn overhead(&self, plan: &Plan) -> usize {
        plan.leaves.saturating_mul(ENCODER_MEMORY)
    }
}
