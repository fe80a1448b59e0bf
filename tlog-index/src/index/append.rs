//! Joining the index of the front of a log with that of the rest.

use tlog::Micros;

use super::record::{Ends, Gap};
use super::{Declaration, LogIndex, Span, TimeOrder};

impl LogIndex {
    /// Joins the index of what follows in the same log: of the bytes from where this one ends, read by a reader
    /// that went on there.
    pub fn append(&mut self, mut later: Self) {
        let shift = self.span_shift.max(later.span_shift);
        self.coarsen(shift);
        later.coarsen(shift);
        self.size = later.size;
        self.order.append(later.order);
        self.markers += later.markers;
        let is_empty = later.spans.is_empty();
        self.ends_with_index = later.ends_with_index || (is_empty && self.ends_with_index);
        self.further_logs.append(&mut later.further_logs);
        later.spans.into_iter().for_each(|span| push(&mut self.spans, span));
        self.damage.append(&later.damage);
        let positions: Vec<u32> = later.records.iter().map(|more| self.position_or_add(&more.record)).collect();
        let declared = later.declarations.into_iter();
        self.declarations.extend(
            declared.map(|Declaration { offset, record }| Declaration { offset, record: positions[record as usize] }),
        );
        for (more, at) in later.records.into_iter().zip(positions) {
            self.records[at as usize].append(more);
        }
        self.bound_memory();
    }

    /// Makes spans 2 to the power of `span_shift` bytes long, if they are shorter.
    pub(crate) fn coarsen(&mut self, span_shift: u32) {
        let shift = span_shift.saturating_sub(self.span_shift);
        if shift == 0 {
            return;
        }
        self.span_shift = span_shift;
        for span in std::mem::take(&mut self.spans) {
            push(&mut self.spans, Span { number: span.number.checked_shr(shift).unwrap_or(0), ..span });
        }
        self.records.iter_mut().for_each(|record| record.coarsen(shift));
    }
}

/// Adds a span unless it is the last one going on.
fn push(spans: &mut Vec<Span>, span: Span) {
    if spans.last().is_none_or(|last| last.number != span.number) {
        spans.push(span);
    }
}

impl TimeOrder {
    /// Counts one data block.
    #[inline] // once per record: `benches/index`
    pub(super) fn add(&mut self, time: Option<Micros>, offset: u64) {
        let Some(time) = time else {
            self.untimed += 1;
            return;
        };
        self.timed += 1;
        let last = self.ends.map_or(time, |ends| ends.last);
        if time < last {
            self.step_back(Gap::between(time, last, offset));
        }
        match &mut self.ends {
            Some(ends) => ends.last = time,
            None => self.ends = Some(Ends::at(time, offset)),
        }
    }

    fn step_back(&mut self, step: Option<Gap>) {
        self.steps_back += 1;
        self.largest_step_back = Gap::longest(self.largest_step_back, step);
    }

    fn append(&mut self, later: Self) {
        self.timed += later.timed;
        self.untimed += later.untimed;
        if let (Some(before), Some(after)) = (self.ends, later.ends)
            && after.first < before.last
        {
            self.step_back(Gap::between(after.first, before.last, after.first_at));
        }
        self.steps_back += later.steps_back;
        self.largest_step_back = Gap::longest(self.largest_step_back, later.largest_step_back);
        self.ends = Ends::append(self.ends, later.ends);
    }
}
