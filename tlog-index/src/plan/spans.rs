//! Plans through an index.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use tlog::read::Selection;
use tlog::value::Path;

use super::{By, Part, Plan, Request};
use crate::index::{Cell, LogIndex, RecordIndex};
use crate::predicate::{Compiled, Fitting, Range, Ranges};
use crate::ranges::{Field, FieldRanges};

pub(super) fn plan(index: &LogIndex, request: &Request<'_>) -> Plan {
    let records = index.records.iter().map(|record| Arc::clone(&record.record)).collect();
    let mut wanted = vec![false; index.spans.len()];
    let mut fitting = request.predicate.map(Fitting::new);
    let mut has_ranges = true;
    for record in &index.records {
        let compiled = fitting.as_mut().map(|fitting| fitting.compile(&record.record.name, &record.record.schema));
        if !request.selection.wants_record(&record.record.name) || matches!(compiled, Some(None)) {
            continue;
        }
        let condition = compiled.flatten();
        has_ranges &= condition.is_none() || record.fields.is_some();
        mark(index, record, request.selection, condition.as_ref(), &mut wanted);
    }
    let reason = (!has_ranges).then_some("the index has no ranges of values: `tlog index` makes them");
    Plan { size: index.size, parts: parts(index, &wanted), by: By::Index, reason, records }
}

/// Marks the spans in which the record has what is asked for.
fn mark(
    index: &LogIndex,
    record: &RecordIndex,
    selection: &Selection,
    condition: Option<&Compiled>,
    wanted: &mut [bool],
) {
    let ranges = record.fields.as_ref().map(SpanRanges::new);
    for cell in record.cells.iter().filter(|cell| has_wanted_time(cell, selection)) {
        let may_match = match (condition, &ranges) {
            (Some(condition), Some(ranges)) => condition.may_match(ranges.at(cell.span)),
            _ => true,
        };
        let Ok(at) = index.spans.binary_search_by_key(&cell.span, |span| span.number) else { continue };
        wanted[at] |= may_match;
    }
}

fn has_wanted_time(cell: &Cell, selection: &Selection) -> bool {
    match cell.times {
        Some(times) => {
            selection.start.is_none_or(|start| start <= times.last) && selection.end.is_none_or(|end| times.first < end)
        }
        None => !selection.has_range(),
    }
}

/// The wanted spans, those that touch taken together.
fn parts(index: &LogIndex, wanted: &[bool]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (at, _) in wanted.iter().enumerate().filter(|(_, wanted)| **wanted) {
        let (start, end) = (index.spans[at].start, index.span_end(at));
        match parts.last_mut() {
            Some(last) if last.range.end == start => last.range.end = end,
            _ => parts.push(Part { place: index.place(at), range: start..end }),
        }
    }
    parts
}

/// The ranges of one record in one span after the other; each field is looked up once.
struct SpanRanges<'f> {
    ranges: &'f FieldRanges,
    fields: RefCell<HashMap<Path, Option<Field>>>,
    span: std::cell::Cell<u32>,
}

impl<'f> SpanRanges<'f> {
    fn new(ranges: &'f FieldRanges) -> Self {
        Self { ranges, fields: RefCell::default(), span: std::cell::Cell::new(0) }
    }

    fn at(&self, span: u32) -> &Self {
        self.span.set(span);
        self
    }
}

impl Ranges for SpanRanges<'_> {
    fn range(&self, path: &Path) -> Option<Range> {
        let mut fields = self.fields.borrow_mut();
        let field = match fields.get(path) {
            Some(field) => *field,
            None => *fields.entry(path.clone()).or_insert_with(|| self.ranges.field(path)),
        };
        self.ranges.range_of(self.span.get()..self.span.get().saturating_add(1), field?)
    }
}
