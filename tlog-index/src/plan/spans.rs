//! Plans through an index.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range as Positions;
use std::sync::Arc;

use tlog::read::Selection;
use tlog::value::Path;

use super::{By, Part, Plan, Request};
use crate::index::{Cell, LogIndex, RecordIndex};
use crate::predicate::{Compiled, Fitting, Range, Ranges};
use crate::ranges::{Field, FieldRanges};

/// All parts together know at most so many records where they start, of 24 bytes each; and finding out takes as long.
const MAX_KNOWN: usize = 1 << 21;

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
    let (size, damage) = (index.size, index.damage.clone());
    Plan { size, parts: parts(index, &wanted), by: By::Index, reason, records, damage }
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

/// The wanted spans, those that touch taken together; also some that do not, where what is to be known at their starts
/// would take too much memory.
fn parts(index: &LogIndex, wanted: &[bool]) -> Vec<Part> {
    let mut parts: Vec<(usize, Positions<u64>)> = Vec::new();
    for (at, _) in wanted.iter().enumerate().filter(|(_, wanted)| **wanted) {
        let (start, end) = (index.spans[at].start, index.span_end(at));
        match parts.last_mut() {
            Some((_, last)) if last.end == start => last.end = end,
            _ => parts.push((at, start..end)),
        }
    }
    let most = MAX_KNOWN / index.declarations.len().max(1);
    join_nearest(&mut parts, most.max(1));
    parts.into_iter().map(|(at, range)| Part { place: index.place(at), range }).collect()
}

/// Takes parts together, those with the least between them first, until there are only so many.
fn join_nearest(parts: &mut Vec<(usize, Positions<u64>)>, most: usize) {
    let Some(excess) = parts.len().checked_sub(most).filter(|&excess| excess > 0) else { return };
    let gaps = parts.iter().zip(parts.iter().skip(1)).enumerate();
    let mut gaps: Vec<(u64, usize)> =
        gaps.map(|(at, ((_, a), (_, b)))| (b.start.saturating_sub(a.end), at + 1)).collect();
    gaps.sort_unstable();
    let joined: HashSet<usize> = gaps.iter().take(excess).map(|&(_, at)| at).collect();
    let mut fewer: Vec<(usize, Positions<u64>)> = Vec::with_capacity(most);
    for (at, part) in parts.drain(..).enumerate() {
        match fewer.last_mut() {
            Some((_, last)) if joined.contains(&at) => last.end = part.1.end,
            _ => fewer.push(part),
        }
    }
    *parts = fewer;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_parts_are_joined() {
        let parts = || vec![(0, 0..10), (2, 30..40), (4, 45..50), (6, 90..95), (9, 100..110)];
        for (most, expected) in [
            (5, parts()),
            (4, vec![(0, 0..10), (2, 30..50), (6, 90..95), (9, 100..110)]),
            (3, vec![(0, 0..10), (2, 30..50), (6, 90..110)]),
            (2, vec![(0, 0..50), (6, 90..110)]),
            (1, vec![(0, 0..110)]),
        ] {
            let mut joined = parts();
            join_nearest(&mut joined, most);
            assert_eq!(joined, expected);
        }
    }
}
