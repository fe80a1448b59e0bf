//! The statistics of a part of a record's instances.

use tlog::read::{Cause, Damage, Data, RecordType, Skipped};

use super::timing::Timing;
use super::tree::{Filling, Node, Scratch};
use super::{Spot, block};
use crate::Result;
use crate::columns::{Columns, Refused};
use crate::rows::Rows;

/// Instances of one record that wait.
#[derive(Debug, Default)]
pub struct Chunk {
    rows: Rows,
    /// How long the block of each is, in bytes.
    lens: Vec<u64>,
}

impl Chunk {
    /// Adds an instance, with or without its payload.
    #[inline] // once per record: `tlog stats` of the big log of the benchmarks
    pub fn push(&mut self, data: &Data<'_>, with_payload: bool) {
        let payload = if with_payload { data.payload } else { &[] };
        self.rows.push_parts(data.time, data.offset, payload);
        self.lens.push(data.block_len);
    }

    /// How many bytes of memory it takes, about.
    pub fn size(&self) -> usize {
        self.rows.size() + self.lens.len() * size_of::<u64>()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn clear(&mut self) {
        self.rows.clear();
        self.lens.clear();
    }

    fn spot(&self, at: usize) -> Spot {
        let (time, offset) = (self.rows.times().get(at), self.rows.offsets().get(at));
        Spot { time: time.copied().flatten(), offset: offset.copied().unwrap_or(0) }
    }

    fn skipped(&self, record: &RecordType, at: usize, refused: Refused) -> Skipped {
        let cause = match refused {
            Refused::Value(error) => Cause::Payload { record: record.name.clone(), error },
            Refused::Size(size) => Cause::Limit { what: "the cells of an instance", size, limit: 1 << 24 },
        };
        Skipped { range: block(self.spot(at).offset, self.lens.get(at).copied().unwrap_or(0)), cause }
    }
}

/// What is told of instances that follow each other.
#[derive(Debug)]
pub struct Part {
    pub timing: Timing,
    pub root: Node,
    /// Instances that do not decode.
    pub damage: Damage,
}

impl Part {
    /// None yet.
    pub fn new(root: Node) -> Self {
        Self { timing: Timing::default(), root, damage: Damage::default() }
    }

    /// None yet, for about so many more of the same.
    pub fn fresh(&self, more: usize) -> Self {
        Self { timing: self.timing.fresh(more), root: self.root.fresh(more), damage: Damage::default() }
    }

    /// Adds the instances of a chunk.
    pub fn of(mut self, columns: Option<&Columns>, record: &RecordType, chunk: &Chunk) -> Result<Self> {
        let mut scratch = Scratch::default();
        let all = chunk.rows.len();
        let Some(columns) = columns else {
            self.timing.add((0..all).map(|at| chunk.spot(at)), &mut scratch.floats);
            return Ok(self);
        };
        let (mut builder, mut from) = (columns.builder(), 0);
        while from < all {
            let mut refused = Vec::new();
            let (batch, end) = builder.batch(&chunk.rows, from, &mut |at, why| {
                self.damage.add(&chunk.skipped(record, at, why));
                refused.push(at);
            })?;
            let kept = kept(from..end, &refused);
            let spot = |row: usize| match &kept {
                None => chunk.spot(from + row),
                Some(kept) => chunk.spot(kept.get(row).copied().unwrap_or(from)),
            };
            self.timing.add((0..batch.num_rows()).map(spot), &mut scratch.floats);
            let arrays = batch.columns().get(1..).unwrap_or_default();
            self.root.add_batch(arrays, batch.num_rows(), &mut Filling { spot: &spot, scratch: &mut scratch })?;
            // Each batch takes at least one row.
            from = end.max(from + 1);
        }
        Ok(self)
    }

    /// Adds the statistics of what follows.
    pub fn merge(&mut self, later: Self) {
        self.timing.merge(&later.timing);
        self.root.merge(later.root);
    }
}

/// The rows of a range that were not refused, if any was.
fn kept(range: std::ops::Range<usize>, refused: &[usize]) -> Option<Vec<usize>> {
    // Refused rows come in order.
    (!refused.is_empty()).then(|| range.filter(|at| refused.binary_search(at).is_err()).collect())
}
