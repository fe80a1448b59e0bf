//! One text into one output.

use std::io::Write;
use std::sync::Arc;

use tlog::read::{Data, RecordType};
use tlog::value::ValueError;

use super::gathered::Gathered;
use super::{Csv, Json, Long, Ndjson, Printer, Projection};
use crate::Result;

/// NDJSON into one output.
pub type NdjsonWriter<W> = TextWriter<Ndjson, W>;
/// One JSON array into one output.
pub type JsonWriter<W> = TextWriter<Json, W>;
/// The CSV of one record into one output.
pub type CsvWriter<W> = TextWriter<Csv, W>;
/// Long CSV into one output.
pub type LongCsv<W> = TextWriter<Long, W>;

/// Data as text into one output.
///
/// ```
/// use tlog::read::{ReadOptions, SliceReader};
/// use tlog_convert::text::{LongCsv, Projection};
/// # use tlog::{Micros, RecordId, schema::{Schema, Type, Width}, write::WriterOptions};
/// # let mut writer = WriterOptions::new().open(Vec::new());
/// # let id = writer.declare("count", &Schema::new(Type::FixedUint(Width::W1))?)?;
/// # writer.write(id, Some(Micros(0)), &[7])?;
/// # let log = writer.finish()?;
/// let mut out = LongCsv::new(Vec::new(), Projection::default());
/// let mut reader = SliceReader::new(&log, ReadOptions::default());
/// while let Some(data) = reader.next_data()? {
///     out.put(&data)??;
/// }
/// assert_eq!(out.finish()?, b"time,record,field,value\n1970-01-01T00:00:00Z,count,,7\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TextWriter<P, W> {
    printer: P,
    projection: Projection,
    out: Gathered<W>,
    rows: u64,
}

impl<P: Printer + Default, W: Write> TextWriter<P, W> {
    /// What the projection shows of data goes into `out`.
    pub fn new(out: W, projection: Projection) -> Self {
        let printer = P::default();
        Self { out: Gathered::new(out, printer.prologue()), printer, projection, rows: 0 }
    }

    /// What is shown.
    pub fn projection(&mut self) -> &mut Projection {
        &mut self.projection
    }

    /// How many instances were written.
    pub const fn count(&self) -> u64 {
        self.rows
    }

    /// Writes what must stand before data of this record, also if none comes.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) for a second record in what is the table of one; what the projection and
    /// the system say.
    pub fn declare(&mut self, record: &Arc<RecordType>) -> Result<()> {
        if let Some(plan) = self.projection.plan(record, self.printer.flattens())? {
            self.printer.begin(record, plan, &mut self.out.text)?;
        }
        Ok(())
    }

    /// Writes an instance, if it has any of the fields that are shown. Of one that does not decode nothing is written.
    ///
    /// # Errors
    /// As [`declare`](Self::declare).
    pub fn put(&mut self, data: &Data<'_>) -> Result<Result<(), ValueError>> {
        let Some(plan) = self.projection.plan(data.record, self.printer.flattens())? else { return Ok(Ok(())) };
        self.printer.begin(data.record, plan, &mut self.out.text)?;
        let kept = self.out.text.len();
        if let Err(error) = self.printer.print(data, plan, &mut self.out.text) {
            self.out.text.truncate(kept);
            return Ok(Err(error));
        }
        self.rows += 1;
        self.out.settle().map(Ok)
    }

    /// Writes what is left, flushes and gives the output back.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(mut self) -> Result<W> {
        self.out.text.extend(self.printer.epilogue());
        self.out.finish()
    }
}
