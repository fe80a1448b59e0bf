//! Ranges as bytes of a sidecar; `docs/sidecar.md` has the layout.

use std::sync::Arc;

use tlog::schema::Schema;

use super::layout::Layout;
use super::stat::Stat;
use super::{FieldRanges, Group};
use crate::sidecar::bytes::{In, Malformed, Out, Taken, check};

/// There is no number.
const EMPTY: u8 = 0;
/// The least number as a varint, and how much more the greatest is.
const INTEGERS: u8 = 1;
/// Both as float32.
const FLOATS32: u8 = 2;
/// Both as float64.
const FLOATS64: u8 = 3;
/// Which of these.
const NUMBERS: u8 = 3;
/// The number of NaNs follows; without it is 0.
const NANS: u8 = 4;
/// The number of values follows; without it is that of the instances.
const VALUES: u8 = 8;

/// Integers below this are the same as float64, and so are their differences.
const MAX_INTEGER: f64 = (1u64 << 52) as f64;

impl FieldRanges {
    /// Appends these ranges.
    pub(crate) fn store(&self, out: &mut Out) {
        out.bool(self.layout.is_some());
        let Some(layout) = &self.layout else { return };
        out.len(layout.fields);
        out.uint(u64::from(self.group_shift));
        out.len(self.groups.len());
        let mut next = 0;
        for (at, group) in self.groups.iter().enumerate() {
            out.uint(u64::from(group.number.wrapping_sub(next)));
            out.uint(u64::from(group.count));
            out.bool(group.is_known);
            next = group.number;
            let stats = self.stats.get(at * layout.fields..(at + 1) * layout.fields).unwrap_or_default();
            stats.iter().for_each(|stat| stat.store(group.count, out));
        }
    }

    /// The ranges of a record of this type, for a log of at most `max_spans` spans.
    ///
    /// # Errors
    /// [`Malformed`] where it does not follow from other numbers what stands there.
    pub(crate) fn restore(schema: &Schema, max_spans: u64, bytes: &mut In<'_>) -> Taken<Self> {
        if !bytes.bool()? {
            return Ok(Self { layout: None, group_shift: 0, groups: Vec::new(), stats: Vec::new() });
        }
        let fields = bytes.count()?;
        let group_shift = bytes.uint32()?;
        let count = bytes.count()?;
        check(group_shift <= u32::BITS && count > 0)?;
        let layout = Layout::new(schema);
        check(layout.fields == fields)?;
        let mut ranges = Self { layout: Some(Arc::new(layout)), group_shift, groups: Vec::new(), stats: Vec::new() };
        for _ in 0..count {
            ranges.restore_group(fields, max_spans, bytes)?;
        }
        Ok(ranges)
    }

    fn restore_group(&mut self, fields: usize, max_spans: u64, bytes: &mut In<'_>) -> Taken<()> {
        let last = self.groups.last().map(|group| group.number);
        let step = bytes.uint32()?;
        let number = last.unwrap_or(0).checked_add(step).ok_or(Malformed)?;
        let is_inside = u64::from(number).checked_shl(self.group_shift).is_some_and(|span| span < max_spans);
        check((last.is_none() || step > 0) && is_inside)?;
        let group = Group { number, count: bytes.uint32()?, is_known: bytes.bool()? };
        check(group.count > 0)?;
        self.groups.push(group);
        for _ in 0..fields {
            self.stats.push(Stat::restore(group.count, bytes)?);
        }
        Ok(())
    }
}

impl Stat {
    fn store(&self, count: u32, out: &mut Out) {
        let form = self.form();
        let nans = if self.nans > 0 { NANS } else { 0 };
        let values = if self.values == count { 0 } else { VALUES };
        out.byte(form | nans | values);
        match form {
            INTEGERS => {
                out.int(self.min as i64);
                out.uint((self.max - self.min) as u64);
            }
            FLOATS32 => {
                out.array((self.min as f32).to_le_bytes());
                out.array((self.max as f32).to_le_bytes());
            }
            FLOATS64 => {
                out.array(self.min.to_le_bytes());
                out.array(self.max.to_le_bytes());
            }
            _ => {}
        }
        if nans != 0 {
            out.uint(u64::from(self.nans));
        }
        if values != 0 {
            out.uint(u64::from(self.values));
        }
    }

    fn form(&self) -> u8 {
        let is_integer = |value: f64| {
            value.abs() < MAX_INTEGER && value.trunc() == value && (value != 0.0 || value.is_sign_positive())
        };
        let is_float32 = |value: f64| f64::from(value as f32) == value;
        match (self.min, self.max) {
            (min, max) if min > max => EMPTY,
            (min, max) if is_integer(min) && is_integer(max) => INTEGERS,
            (min, max) if is_float32(min) && is_float32(max) => FLOATS32,
            _ => FLOATS64,
        }
    }

    fn restore(count: u32, bytes: &mut In<'_>) -> Taken<Self> {
        let head = bytes.byte()?;
        check(head & !(NUMBERS | NANS | VALUES) == 0)?;
        let (min, max) = match head & NUMBERS {
            INTEGERS => {
                let min = bytes.int()?;
                let max = i64::try_from(bytes.uint()?).ok().and_then(|more| min.checked_add(more)).ok_or(Malformed)?;
                (min as f64, max as f64)
            }
            FLOATS32 => (f64::from(f32::from_le_bytes(bytes.array()?)), f64::from(f32::from_le_bytes(bytes.array()?))),
            FLOATS64 => (f64::from_le_bytes(bytes.array()?), f64::from_le_bytes(bytes.array()?)),
            _ => (Self::NONE.min, Self::NONE.max),
        };
        let nans = if head & NANS != 0 { bytes.uint32()? } else { 0 };
        let values = if head & VALUES != 0 { bytes.uint32()? } else { count };
        check((head & NUMBERS == EMPTY || min <= max) && nans <= values)?;
        Ok(Self { min, max, nans, values })
    }
}
