//! Row groups out of rows: all batches are made first, then one column after the other is encoded and done with, so that
//! only as many encoders and compressors exist at a time as there are workers.

use arrow_array::RecordBatch;
use parquet::arrow::arrow_writer::ArrowColumnChunk;
use rayon::prelude::*;

use super::Plan;
use crate::Result;
use crate::rows::Rows;
use crate::tables::Refuse;

/// A row group is cut when its columns take more memory than this, in bytes: some payloads become many times as long.
const MAX_COLUMNS: usize = 96 << 20;

/// A row group, encoded.
#[derive(Debug)]
pub struct Group {
    /// One for each column of scalars.
    pub chunks: Vec<ArrowColumnChunk>,
}

/// The row groups of the rows: one, unless columns take much more memory than the rows.
pub fn groups(plan: &Plan, rows: Rows, refuse: Refuse<'_>) -> Result<Vec<Group>> {
    let mut builder = plan.columns.builder();
    let (mut at, mut batches, mut size, mut groups) = (0, Vec::new(), 0, Vec::new());
    while at < rows.len() {
        let offset = |row: usize| rows.offsets().get(row).copied().unwrap_or(0);
        let (batch, next) =
            builder.batch(&rows, at, &mut |row, why| refuse(offset(row), rows.payload(row).len() as u64, why))?;
        at = next;
        if batch.num_rows() > 0 {
            size += batch.get_array_memory_size();
            batches.push(batch);
        }
        if size > MAX_COLUMNS && at < rows.len() {
            groups.push(encode(plan, &std::mem::take(&mut batches))?);
            size = 0;
        }
    }
    drop((rows, builder));
    if !batches.is_empty() {
        groups.push(encode(plan, &batches)?);
    }
    Ok(groups)
}

fn encode(plan: &Plan, batches: &[RecordBatch]) -> Result<Group> {
    // Outside of workers the calling thread does all by itself.
    let chunks: Vec<Vec<ArrowColumnChunk>> = match rayon::current_thread_index() {
        Some(_) => plan.units.par_iter().map(|unit| unit.encode(batches)).collect::<Result<_>>()?,
        None => plan.units.iter().map(|unit| unit.encode(batches)).collect::<Result<_>>()?,
    };
    Ok(Group { chunks: chunks.into_iter().flatten().collect() })
}
