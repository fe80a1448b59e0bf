//! What a scan tells of a log: its records, and where in it they are.
//!
//! ```text
//!  log     │ header │ schemas │ data … │ data … │ data … │ index │
//!  spans   0        ·         ·        1        2        3         one for each `span_len` bytes
//!  cells   per record: in which spans it occurs, how often, from when to when, and where last
//! ```
//!
//! A block belongs to the span that it starts in. All of it can be joined: the index of the front of a log
//! and that of the rest give the index of the whole, whatever the cut ([`LogIndex::append`]). That is what makes
//! scanning parallel and an index grow with its log.

mod append;
mod cells;
mod positions;
mod record;
mod seek;
mod tally;

use std::collections::HashMap;
use std::sync::Arc;

use tlog::read::{Damage, KnownRecord, Place, RecordType, Standing};
use tlog::{Error, Result};

pub use cells::Cell;
pub(crate) use positions::Positions;
pub(crate) use record::Latest;
pub use record::{Ends, Gap, Links, RecordIndex, Times};
pub use seek::{Found, Instance};
pub(crate) use tally::Tally;

/// Spans are at least so long: 2¹⁶ bytes.
pub const MIN_SPAN_SHIFT: u32 = 16;

/// Spans are at most so long, as a power of two: one is then longer than any log.
pub(crate) const MAX_SPAN_SHIFT: u32 = 47;

/// A log has at most so many spans: longer ones are taken for longer logs.
pub const MAX_SPANS: u64 = 1 << 14;

/// All records together have at most so many cells: longer spans are taken when there are more.
pub(crate) const MAX_CELLS: usize = 1 << 20;

/// A log has at most so many records; one that declares more is not indexed.
pub(crate) const MAX_RECORDS: u64 = 1 << 17;

/// A log has at most so many schema blocks.
pub(crate) const MAX_DECLARATIONS: u64 = 1 << 22;

/// The index of a log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogIndex {
    /// How long the log is, in bytes.
    pub size: u64,
    /// Its records, in the order of their first declaration. One that is declared again alike is the same, one
    /// that is declared with another name or schema is another, even under the same identifier.
    pub records: Vec<RecordIndex>,
    /// All schema blocks in file order.
    pub declarations: Vec<Declaration>,
    /// Where further file headers stand: logs were concatenated. What was declared before one does not hold behind it.
    pub further_logs: Vec<u64>,
    /// A span is 2 to this power bytes long.
    pub span_shift: u32,
    /// The spans in which something starts, in file order.
    pub spans: Vec<Span>,
    /// In which order the times of data blocks come.
    pub order: TimeOrder,
    /// How many intact seek markers there are.
    pub markers: u64,
    /// Whether the last thing in the log is an index block that agrees with what was read.
    pub ends_with_index: bool,
    /// What was skipped.
    pub damage: Damage,
    /// Where in `records` a record is.
    pub(crate) positions: Positions,
}

/// A schema block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Where it starts, in bytes from the start of the file.
    pub offset: u64,
    /// What it declares: a position in [`LogIndex::records`].
    pub record: u32,
}

/// A stretch of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its place in the log: bytes `number << span_shift` on.
    pub number: u32,
    /// Where the first block starts that starts in it, in bytes from the start of the file.
    pub start: u64,
    /// How a reader stands that comes there.
    pub standing: Standing,
}

/// In which order the times of data blocks come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeOrder {
    /// How many data blocks have a time.
    pub timed: u64,
    /// How many have none.
    pub untimed: u64,
    /// How often a time is before that of the block before it.
    pub steps_back: u64,
    /// The largest such step, and which block takes it.
    pub largest_step_back: Option<Gap>,
    /// The times of the first and the last block, in file order.
    pub ends: Option<Ends>,
}

impl TimeOrder {
    /// Whether no time is before that of the block before it.
    pub const fn is_monotonic(&self) -> bool {
        self.steps_back == 0
    }
}

/// How long the spans of a log of this size are at least, as a power of two.
pub(crate) fn span_shift(size: u64) -> u32 {
    let per_span = size.div_ceil(MAX_SPANS).max(1);
    per_span.next_power_of_two().trailing_zeros().max(MIN_SPAN_SHIFT)
}

impl LogIndex {
    /// The earliest and the latest time in the log.
    pub fn times(&self) -> Option<Times> {
        self.records.iter().filter_map(|record| record.times).reduce(Times::and)
    }

    /// How many data blocks there are.
    pub fn count(&self) -> u64 {
        self.records.iter().map(|record| record.count).sum()
    }

    /// Which records have this identifier, as positions in [`records`](Self::records).
    pub fn with_identifier(&self, identifier: u64) -> &[u32] {
        self.positions.with_identifier(identifier)
    }

    /// The span that a block at `offset` belongs to.
    pub const fn span_number(&self, offset: u64) -> u32 {
        (offset >> self.span_shift) as u32
    }

    /// Where the span at this position of [`spans`](Self::spans) ends, in bytes from the start of the file.
    pub fn span_end(&self, position: usize) -> u64 {
        self.spans.get(position + 1).map_or(self.size, |next| next.start)
    }

    /// Where a reader stands that has come to the start of the span at this position of [`spans`](Self::spans).
    pub fn place(&self, position: usize) -> Option<Place> {
        let span = self.spans.get(position)?;
        let log_start = self.further_logs.iter().rev().find(|&&start| start < span.start).copied().unwrap_or(0);
        let declared = self.declared_at(log_start, span.start).into_iter();
        let records = declared.map(|declaration| self.known_at(declaration, span.number)).collect();
        Some(Place { offset: span.start, records, standing: span.standing })
    }

    /// The declarations that hold at `offset`, in a log that starts at `log_start`.
    fn declared_at(&self, log_start: u64, offset: u64) -> Vec<Declaration> {
        let from = self.declarations.partition_point(|declaration| declaration.offset < log_start);
        let to = self.declarations.partition_point(|declaration| declaration.offset < offset);
        let mut latest: HashMap<u64, Declaration> = HashMap::new();
        for &declaration in self.declarations.get(from..to).unwrap_or(&[]) {
            latest.insert(self.records[declaration.record as usize].record.identifier, declaration);
        }
        let mut declared: Vec<Declaration> = latest.into_values().collect();
        declared.sort_unstable_by_key(|declaration| declaration.offset);
        declared
    }

    fn known_at(&self, declaration: Declaration, span: u32) -> KnownRecord {
        let indexed = &self.records[declaration.record as usize];
        let before = indexed.cells.partition_point(|cell| cell.span < span).checked_sub(1);
        let latest = before.map(|at| indexed.cells[at].last).filter(|&last| last > declaration.offset);
        let record = match indexed.record.location == declaration.offset {
            true => Arc::clone(&indexed.record),
            false => Arc::new(indexed.record.declared_at(declaration.offset)),
        };
        KnownRecord { record, latest }
    }

    /// Refuses a log that would take too much memory.
    ///
    /// # Errors
    /// [`Error::Limit`]
    pub(crate) fn check_limits(&self) -> Result<()> {
        let (records, declarations) = (self.records.len() as u64, self.declarations.len() as u64);
        let exceeds = |what, size, limit| if size > limit { Err(Error::Limit { what, size, limit }) } else { Ok(()) };
        exceeds("the number of records in a log", records, MAX_RECORDS)?;
        exceeds("the number of schema blocks in a log", declarations, MAX_DECLARATIONS)
    }

    /// The position of this record, however often it is declared.
    fn position_of(&self, record: &RecordType) -> Option<u32> {
        let same = |&&at: &&u32| is_same(&self.records[at as usize].record, record);
        self.positions.maybe_like(record).iter().find(same).copied()
    }

    /// The position of this record, which is added if it is new.
    fn position_or_add(&mut self, record: &Arc<RecordType>) -> u32 {
        if let Some(at) = self.position_of(record) {
            return at;
        }
        let at = self.records.len() as u32;
        self.records.push(RecordIndex::new(Arc::clone(record)));
        self.positions.add(record, at);
        at
    }
}

/// Whether the indices of two parts of a log together are sure to be within the limits.
pub(crate) fn may_join(front: &LogIndex, rest: &LogIndex) -> bool {
    let records = front.records.len() + rest.records.len();
    let declarations = front.declarations.len() + rest.declarations.len();
    records as u64 <= MAX_RECORDS && declarations as u64 <= MAX_DECLARATIONS
}

/// Whether both are declarations of one record.
fn is_same(a: &RecordType, b: &RecordType) -> bool {
    a.identifier == b.identifier && a.name == b.name && a.schema_bytes == b.schema_bytes
}
