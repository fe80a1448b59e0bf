//! Making an index: one reader's events, counted.

use std::sync::Arc;

use tlog::Result;
use tlog::read::{Cause, Data, Event, RecordType, Skipped, Standing};

use super::record::Latest;
use super::{Declaration, LogIndex, MAX_CELLS, MAX_SPAN_SHIFT, MAX_SPANS, Span};
use crate::by_id::ById;
use crate::ranges::{self, FieldRanges};

/// How often, in data blocks and added ranges, the memory of the cells and ranges is looked at.
const CHECK_CELLS: u64 = 1 << 16;

/// An index in the making, of the blocks from some place on.
pub(crate) struct Tally {
    index: LogIndex,
    /// By identifier: the position of the record that it stands for here.
    positions: ById<u32>,
    /// Whether the values of fields are looked at.
    fields: bool,
    until_check: u64,
}

impl Tally {
    /// An index in which nothing is counted yet, with spans of 2 to the power of `span_shift` bytes.
    pub fn new(span_shift: u32, fields: bool) -> Self {
        let index = LogIndex { span_shift, ..LogIndex::default() };
        Self { index, positions: ById::default(), fields, until_check: CHECK_CELLS }
    }

    /// Counts a data block; `standing` is how the reader stood in front of it.
    #[inline] // once per record: `benches/index`
    pub fn data(&mut self, data: &Data<'_>, standing: Standing) {
        let span = self.reach(data.offset, standing);
        let at = self.position(data.record);
        self.index.ends_with_index = false;
        self.index.order.add(data.time, data.offset);
        let Some(record) = self.index.records.get_mut(at as usize) else { return };
        record.add(data, span);
        let mut added = 1;
        if self.fields {
            let fields = record.fields.get_or_insert_with(|| FieldRanges::new(&record.record.schema));
            added += fields.add(span, data.payload);
        }
        self.until_check = self.until_check.saturating_sub(added as u64);
        if self.until_check == 0 {
            self.until_check = CHECK_CELLS;
            self.index.bound_memory();
        }
    }

    /// Counts anything, as [`data`](Self::data).
    ///
    /// # Errors
    /// As [`LogIndex::check_limits`].
    pub fn event(&mut self, event: &Event<'_>, standing: Standing) -> Result<()> {
        match event {
            Event::Data(data) => {
                self.data(data, standing);
                return Ok(());
            }
            Event::Schema(record) => self.declare(record, standing),
            Event::Marker { offset, .. } => {
                self.reach(*offset, standing);
                self.index.markers += 1;
            }
            Event::Index { offset, .. } => drop(self.reach(*offset, standing)),
            Event::Filler { range } => drop(self.reach(range.start, standing)),
            Event::Skipped(skipped) => self.skipped(skipped, standing),
        }
        self.index.ends_with_index = matches!(event, Event::Index { .. });
        self.index.check_limits()
    }

    fn declare(&mut self, record: &Arc<RecordType>, standing: Standing) {
        self.reach(record.location, standing);
        let at = self.index.position_or_add(record);
        self.index.declarations.push(Declaration { offset: record.location, record: at });
        self.index.records[at as usize].latest = Latest::None;
        self.positions.insert(record.identifier, at);
    }

    fn skipped(&mut self, skipped: &Skipped, standing: Standing) {
        self.reach(skipped.range.start, standing);
        self.index.damage.add(skipped);
        if skipped.cause == Cause::AnotherLog {
            self.index.further_logs.push(skipped.range.start);
            self.positions = ById::default();
        }
    }

    /// The span of a block that starts at `offset`.
    #[inline]
    fn reach(&mut self, offset: u64, standing: Standing) -> u32 {
        let number = self.index.span_number(offset);
        if self.index.spans.last().is_none_or(|span| span.number != number) {
            self.index.spans.push(Span { number, start: offset, standing });
        }
        number
    }

    #[inline]
    fn position(&mut self, record: &Arc<RecordType>) -> u32 {
        match self.positions.get(record.identifier) {
            Some(&at) => at,
            None => self.position_of_new(record),
        }
    }

    /// A record that was declared before the place at which this index starts.
    #[cold]
    fn position_of_new(&mut self, record: &Arc<RecordType>) -> u32 {
        let at = self.index.position_or_add(record);
        self.positions.insert(record.identifier, at);
        at
    }

    /// The index of what was counted, which ends at `end`, in bytes from the start of the file.
    pub fn finish(mut self, end: u64) -> LogIndex {
        self.index.size = end;
        self.index.bound_memory();
        self.index
    }
}

impl LogIndex {
    /// Takes longer spans as long as there are too many of them, as in a stream, whose length is not known before, or
    /// too many cells. The whole of a log has at least the cells of its parts, so no part takes longer spans than the
    /// whole. So it is with the ranges of fields: [`ranges::bound`].
    pub(super) fn bound_memory(&mut self) {
        ranges::bound(self.records.iter_mut().filter_map(|record| record.fields.as_mut()).collect());
        let cells = |index: &Self| index.records.iter().map(|record| record.cells.len()).sum::<usize>();
        // A log of more records than there may be cells has one of each.
        let is_large = |index: &Self| index.spans.len() as u64 > MAX_SPANS || cells(index) > MAX_CELLS;
        while self.span_shift < MAX_SPAN_SHIFT && is_large(self) {
            self.coarsen(self.span_shift + 1);
        }
    }
}
