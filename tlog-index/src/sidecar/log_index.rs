//! An index as bytes: of the front of a log, or of its tail.

use tlog::read::Damage;

use super::bytes::{In, Malformed, Out, Taken, check};
use super::record::{self, Extent};
use super::types::{self, References, Types, TypesOut};
use super::{damage, place};
use crate::index::{Declaration, LogIndex, MAX_SPAN_SHIFT, MIN_SPAN_SHIFT, Positions, RecordIndex, Span, TimeOrder};
use crate::ranges::FieldRanges;

/// All records together claim at most so many bytes of payload: so that sums of it stay numbers.
const MAX_UNPACKED: u64 = u64::MAX >> 2;

pub(super) fn put(index: &LogIndex, types: &mut TypesOut, out: &mut Out) {
    out.uint(index.size);
    // At most `MAX_SPAN_SHIFT`.
    out.byte(index.span_shift as u8);
    out.len(index.records.len());
    for indexed in &index.records {
        types::put(&indexed.record, types, out);
        record::put(indexed, out);
    }
    out.len(index.declarations.len());
    let mut last = 0;
    for declaration in &index.declarations {
        out.uint(declaration.offset.wrapping_sub(std::mem::replace(&mut last, declaration.offset)));
        out.uint(u64::from(declaration.record));
    }
    out.len(index.further_logs.len());
    last = 0;
    for &start in &index.further_logs {
        out.uint(start.wrapping_sub(std::mem::replace(&mut last, start)));
    }
    out.len(index.spans.len());
    last = 0;
    for span in &index.spans {
        out.uint(span.start.wrapping_sub(std::mem::replace(&mut last, span.start)));
        place::put_standing(&span.standing, out);
    }
    put_order(&index.order, out);
    out.uint(index.markers);
    out.bool(index.ends_with_index);
    damage::put(&index.damage, out);
}

/// The index of the blocks from `from` on, in a log of `size` bytes.
pub(super) fn take(types: &Types, from: u64, size: u64, bytes: &mut In<'_>) -> Taken<LogIndex> {
    let end = bytes.uint()?;
    let span_shift = bytes.byte()?;
    let is_shift = (MIN_SPAN_SHIFT..=MAX_SPAN_SHIFT).contains(&span_shift.into());
    // An index of nothing has no spans, and no length of spans either.
    check(end <= size && (is_shift || end == 0 && span_shift == 0))?;
    let extent = Extent { blocks: from..end, span_shift: span_shift.into() };
    let (records, positions) = take_records(types, &extent, bytes)?;
    Ok(LogIndex {
        size: end,
        declarations: take_declarations(records.len(), &extent, bytes)?,
        records,
        further_logs: take_further_logs(&extent, bytes)?,
        span_shift: span_shift.into(),
        spans: take_spans(&extent, bytes)?,
        order: take_order(&extent, bytes)?,
        markers: bytes.uint().and_then(|markers| check(markers <= size).map(|()| markers))?,
        ends_with_index: bytes.bool()?,
        damage: take_damage(&extent, bytes)?,
        positions,
    })
}

type Records = (Vec<RecordIndex>, Positions);

fn take_records(types: &Types, extent: &Extent, bytes: &mut In<'_>) -> Taken<Records> {
    let count = bytes.count()?;
    let mut references = References::new(types);
    let mut records = Vec::new();
    let mut positions = Positions::default();
    let (mut instances, mut len, mut unpacked) = (0u64, 0u64, 0u64);
    for at in 0..count {
        let declared = references.take(bytes, extent.blocks.end)?;
        positions.add(&declared, u32::try_from(at).map_err(|_| Malformed)?);
        let record = record::take(declared, extent, bytes)?;
        instances = instances.checked_add(record.count).ok_or(Malformed)?;
        len = len.checked_add(record.bytes).ok_or(Malformed)?;
        unpacked = unpacked.checked_add(record.unpacked_bytes).ok_or(Malformed)?;
        records.push(record);
    }
    let blocks = extent.blocks.end.saturating_sub(extent.blocks.start);
    check(instances <= blocks && len <= blocks && unpacked <= MAX_UNPACKED)?;
    Ok((records, positions))
}

fn take_declarations(records: usize, extent: &Extent, bytes: &mut In<'_>) -> Taken<Vec<Declaration>> {
    let mut offsets = Ascending::default();
    (0..bytes.count()?)
        .map(|_| {
            let (offset, record) = (offsets.next(extent, bytes)?, bytes.uint32()?);
            check((record as usize) < records)?;
            Ok(Declaration { offset, record })
        })
        .collect()
}

fn take_further_logs(extent: &Extent, bytes: &mut In<'_>) -> Taken<Vec<u64>> {
    let mut offsets = Ascending::default();
    (0..bytes.count()?).map(|_| offsets.next(extent, bytes)).collect()
}

fn take_spans(extent: &Extent, bytes: &mut In<'_>) -> Taken<Vec<Span>> {
    let mut offsets = Ascending::default();
    let mut spans: Vec<Span> = Vec::new();
    for _ in 0..bytes.count()? {
        let start = offsets.next(extent, bytes)?;
        let number = extent.span(start)?;
        check(spans.last().is_none_or(|last| last.number < number))?;
        spans.push(Span { number, start, standing: place::take_standing(bytes)? });
    }
    Ok(spans)
}

/// Offsets of blocks, each behind the one before.
#[derive(Default)]
struct Ascending(Option<u64>);

impl Ascending {
    fn next(&mut self, extent: &Extent, bytes: &mut In<'_>) -> Taken<u64> {
        let step = bytes.uint()?;
        check(step > 0 || self.0.is_none())?;
        let offset = extent.block(self.0.unwrap_or(0).checked_add(step).ok_or(Malformed)?)?;
        self.0 = Some(offset);
        Ok(offset)
    }
}

fn put_order(order: &TimeOrder, out: &mut Out) {
    out.uint(order.timed);
    out.uint(order.untimed);
    out.uint(order.steps_back);
    record::put_gap(order.largest_step_back, out);
    record::put_ends(order.ends, out);
}

fn take_order(extent: &Extent, bytes: &mut In<'_>) -> Taken<TimeOrder> {
    let (timed, untimed, steps_back) = (bytes.uint()?, bytes.uint()?, bytes.uint()?);
    check(timed.max(untimed) <= extent.blocks.end && steps_back <= timed)?;
    let largest_step_back = record::take_gap(extent, bytes)?;
    Ok(TimeOrder { timed, untimed, steps_back, largest_step_back, ends: record::take_ends(extent, bytes)? })
}

fn take_damage(extent: &Extent, bytes: &mut In<'_>) -> Taken<Damage> {
    damage::take(extent.blocks.end, bytes)
}

/// Appends the ranges of fields of each record that has them.
pub(super) fn put_fields(index: &LogIndex, out: &mut Out) {
    for record in &index.records {
        out.bool(record.fields.is_some());
        record.fields.iter().for_each(|fields| fields.store(out));
    }
}

/// The ranges of fields, for the records of an index without them.
pub(super) fn take_fields(index: &mut LogIndex, bytes: &mut In<'_>) -> Taken<()> {
    let spans = index.size.checked_shr(index.span_shift).unwrap_or(0).saturating_add(1);
    for record in &mut index.records {
        if bytes.bool()? {
            record.fields = Some(FieldRanges::restore(&record.record.schema, spans, bytes)?);
        }
    }
    Ok(())
}
