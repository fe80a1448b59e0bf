//! Arrow IPC: files and streams of record batches.
//!
//! Files may add to dictionaries and not replace them, so here texts of enum values without a symbol stay in a dictionary
//! until its file ends; a stream sends a dictionary anew when it has changed. The metadata that is known from the start
//! is that of the schema, the rest that of the file's footer; a stream has no footer.

use std::collections::HashMap;
use std::io::{BufWriter, Write};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Schema};

use crate::columns::{self, Builder, Columns};
use crate::rows::Rows;
use crate::tables::{Ending, Format, Refuse, Sink, Table};
use crate::{Error, Result};

/// A file whose dictionaries have so many texts is full.
const MAX_TEXTS: usize = 1 << 18;

/// What a file takes in memory for each of its columns, and for each batch, in bytes, about.
const COLUMN_MEMORY: usize = 2 << 10;
const BATCH_MEMORY: usize = 64;

/// How to compress: `zstd`, `zstd:N`, `lz4` or `none`.
///
/// # Errors
/// [`Error::Usage`] for anything else.
pub fn compression(text: &str) -> Result<Compression> {
    let wrong = || Error::Usage(format!("`{text}` is none of zstd, zstd:1 to zstd:22, lz4 and none, which Arrow has"));
    match text.split_once(':') {
        None => match text {
            "none" => Ok(Compression(None, None)),
            "lz4" => Ok(Compression(Some(CompressionType::LZ4_FRAME), None)),
            "zstd" => Ok(Compression(Some(CompressionType::ZSTD), Some(1))),
            _ => Err(wrong()),
        },
        Some(("zstd", level)) => {
            let level = level.parse().ok().filter(|level| (1..=22).contains(level)).ok_or_else(wrong)?;
            Ok(Compression(Some(CompressionType::ZSTD), Some(level)))
        }
        Some(_) => Err(wrong()),
    }
}

/// How batches are compressed: see [`compression`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Compression(Option<CompressionType>, Option<i32>);

/// Arrow IPC, written so.
#[derive(Clone, Debug, Default)]
pub struct Ipc {
    /// What columns there are to be.
    pub columns: columns::Options,
    /// How they are compressed.
    pub compression: Compression,
    /// A stream, not a file.
    pub is_stream: bool,
}

/// A table, as Arrow has it.
#[derive(Debug)]
pub struct Plan {
    columns: Columns,
    schema: Schema,
}

/// A file or stream that is being written.
pub struct TableFile {
    writer: Writer,
    builder: Builder,
    batches: usize,
    is_full: bool,
}

enum Writer {
    File(Box<FileWriter<BufWriter<Box<dyn Sink>>>>),
    Stream(Box<StreamWriter<BufWriter<Box<dyn Sink>>>>),
}

impl Format for Ipc {
    type Plan = Plan;
    /// Dictionaries grow from batch to batch, so all batches are made one after the other.
    type Group = Rows;
    type File = TableFile;

    fn plan(&self, table: &Table) -> Result<Plan> {
        let options = columns::Options { keep_texts: !self.is_stream, ..self.columns.clone() };
        let columns = Columns::new(&table.record, &options)?;
        let metadata = table.metadata(columns.time_name()).into_iter().map(|(key, value)| (key.to_owned(), value));
        let metadata: HashMap<String, String> = metadata.collect();
        Ok(Plan { schema: Schema::new_with_metadata(columns.schema().fields().clone(), metadata), columns })
    }

    fn encode(&self, _: &Plan, rows: Rows, _: Refuse<'_>) -> Result<Vec<Rows>> {
        Ok(vec![rows])
    }

    fn begin(&self, plan: &Plan, sink: Box<dyn Sink>) -> Result<TableFile> {
        let Compression(kind, level) = self.compression;
        let dictionaries = if self.is_stream { DictionaryHandling::Resend } else { DictionaryHandling::Delta };
        let options = IpcWriteOptions::default().with_dictionary_handling(dictionaries);
        let options = options.try_with_compression(kind)?.try_with_compression_level(level)?;
        let sink = BufWriter::with_capacity(64 << 10, sink);
        let writer = match self.is_stream {
            true => Writer::Stream(Box::new(StreamWriter::try_new_with_options(sink, &plan.schema, options)?)),
            false => Writer::File(Box::new(FileWriter::try_new_with_options(sink, &plan.schema, options)?)),
        };
        Ok(TableFile { writer, builder: plan.columns.builder(), batches: 0, is_full: false })
    }

    fn append(&self, file: &mut TableFile, rows: Rows, refuse: Refuse<'_>) -> Result<()> {
        let mut at = 0;
        while at < rows.len() {
            let offset = |row: usize| rows.offsets().get(row).copied().unwrap_or(0);
            let refuse = &mut |row: usize, why| refuse(offset(row), rows.payload(row).len() as u64, why);
            let (batch, next) = file.builder.batch(&rows, at, refuse)?;
            at = next;
            if batch.num_rows() > 0 {
                file.write(&batch)?;
            }
        }
        file.rest()
    }

    fn end(&self, mut file: TableFile, ending: &Ending<'_>) -> Result<()> {
        match &mut file.writer {
            Writer::File(writer) => {
                ending.metadata().into_iter().for_each(|(key, value)| writer.write_metadata(key, value));
                writer.finish()?;
            }
            Writer::Stream(writer) => writer.finish()?,
        }
        file.rest()
    }

    fn held(&self, plan: &Plan, file: &TableFile) -> usize {
        let columns = plan.schema.flattened_fields().len();
        (64 << 10) + columns.saturating_mul(COLUMN_MEMORY) + file.batches.saturating_mul(BATCH_MEMORY)
    }

    fn is_full(&self, file: &TableFile) -> bool {
        file.is_full && !self.is_stream
    }

    fn overhead(&self, _: &Plan) -> usize {
        0
    }
}

impl TableFile {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.batches += 1;
        self.is_full |= batch.columns().iter().any(|column| texts(column) > MAX_TEXTS);
        match &mut self.writer {
            Writer::File(writer) => writer.write(batch)?,
            Writer::Stream(writer) => writer.write(batch)?,
        }
        Ok(())
    }

    fn rest(&mut self) -> Result<()> {
        let sink = match &mut self.writer {
            Writer::File(writer) => writer.get_mut(),
            Writer::Stream(writer) => writer.get_mut(),
        };
        sink.flush()?;
        Ok(sink.get_mut().rest()?)
    }
}

/// How many texts the largest dictionary in there has.
fn texts(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::Dictionary(..) => array.as_any_dictionary().values().len(),
        DataType::Struct(_) => array.as_struct().columns().iter().map(texts).max().unwrap_or(0),
        DataType::List(_) => texts(array.as_list::<i32>().values()),
        DataType::FixedSizeList(..) => texts(array.as_fixed_size_list().values()),
        DataType::Map(..) => texts(array.as_map().values()),
        _ => 0,
    }
}
