//! A Parquet file that is being written.

use std::sync::Arc;

use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use super::{Group, Plan};
use crate::Result;
use crate::tables::{Ending, Sink};

/// A Parquet file that is being written.
pub struct TableFile {
    writer: SerializedFileWriter<Box<dyn Sink>>,
}

impl TableFile {
    pub(super) fn new(plan: &Plan, sink: Box<dyn Sink>) -> Result<Self> {
        let writer = SerializedFileWriter::new(sink, Arc::clone(&plan.root), Arc::clone(&plan.properties))?;
        Ok(Self { writer })
    }

    /// How many row groups it has.
    pub(super) fn groups(&self) -> usize {
        self.writer.flushed_row_groups().len()
    }

    pub(super) fn append(&mut self, group: Group) -> Result<()> {
        let mut row_group = self.writer.next_row_group()?;
        for chunk in group.chunks {
            chunk.append_to_row_group(&mut row_group)?;
        }
        row_group.close()?;
        self.writer.flush()?;
        Ok(self.writer.inner_mut().rest()?)
    }

    pub(super) fn end(mut self, ending: &Ending<'_>) -> Result<()> {
        for (key, value) in ending.metadata() {
            self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        self.writer.finish()?;
        Ok(self.writer.inner_mut().rest()?)
    }
}
