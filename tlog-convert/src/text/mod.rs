//! Data as text: one printer for each form, and what writes them out.
//!
//! | form | a line is | [`Printer`] |
//! |---|---|---|
//! | NDJSON | an instance of any record: `{"time":…,"record":…,"data":…}` | [`Ndjson`] |
//! | JSON | likewise, all in one array | [`Json`] |
//! | CSV of one record | an instance: `time`, then its fields as columns `a.b[2]` | [`Csv`] |
//! | long CSV | one value without parts: `time,record,field,value` | [`Long`] |
//! | CSV of many records | as of one record, a file for each | [`CsvTables`] |
//! | resampled CSV | a point of a grid in time: `time`, then the latest values as columns `record.a.b[2]` | [`Resampler`] |
//!
//! Values are what [`tlog::value::write_json`] makes of them, in CSV without the quotes and escapes of JSON. CSV is as
//! RFC 4180 has it, but that lines end with a line feed alone.

mod csv;
mod gathered;
mod json;
pub mod long;
mod projection;
pub mod resample;
mod tables;
mod writer;

use std::sync::Arc;

use tlog::read::{Data, RecordType};
use tlog::value::{Cursor, FieldPath, ValueError, write_json};

pub use csv::{AnotherTable, Csv};
pub use json::{Json, Ndjson};
pub use long::Long;
pub use projection::{Column, Fit, Missing, Plan, Projection};
pub use resample::{Estimate, Grid, ResampleOptions, Resampled, Resampler};
pub use tables::{CsvTable, CsvTables};
pub use writer::{CsvWriter, JsonWriter, LongCsv, NdjsonWriter, TextWriter};

/// A form of text.
pub trait Printer {
    /// Appends one instance, or as much of it as can be decoded.
    ///
    /// # Errors
    /// [`ValueError`] for a payload that its type does not describe.
    fn print(&mut self, data: &Data<'_>, plan: &Plan, out: &mut Vec<u8>) -> Result<(), ValueError>;

    /// Appends what must stand before instances of this record.
    ///
    /// # Errors
    /// [`AnotherTable`] for a record that does not belong with those before.
    fn begin(&mut self, _: &Arc<RecordType>, _: &Plan, _: &mut Vec<u8>) -> Result<(), AnotherTable> {
        Ok(())
    }

    /// What comes before everything.
    fn prologue(&self) -> &'static [u8] {
        b""
    }

    /// What comes after everything.
    fn epilogue(&self) -> &'static [u8] {
        b""
    }

    /// Whether records are to be taken apart into columns.
    fn flattens(&self) -> bool {
        false
    }
}

/// Appends the column's value as JSON; null where the record or this instance of it has none.
///
/// # Errors
/// [`ValueError`] for a payload that its type does not describe, as far as it has to be looked at.
pub fn put_column(column: &Column, payload: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    put_value(column.path.as_ref(), payload, out)
}

fn put_value(path: Option<&FieldPath>, payload: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let found = match path {
        Some(path) => path.bytes(payload)?.map(|bytes| (path, bytes)),
        None => None,
    };
    match found {
        Some((path, bytes)) => write_json(path.ty(), &mut Cursor::new(bytes), out),
        None => {
            out.extend(b"null");
            Ok(())
        }
    }
}
