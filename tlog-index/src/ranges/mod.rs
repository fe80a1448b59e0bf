//! The least and the greatest value of each field, along the log: so that whoever looks for `torque > 2.5` need not
//! read where there is none.
//!
//! ```text
//!  spans    │ 0 │ 1 │ 2 │ 3 │ 4 │ 5 │      of the index
//!  groups   │   0   │   1   │   2   │      2^g of them, so that a log has at most MAX_RANGES ranges
//!  ranges   field 0: min max NaNs values, field 1: …   for each group in which the record occurs
//! ```
//!
//! Ranges are never too narrow: numbers that float64 does not hold are rounded outwards, and where a payload does not
//! decode nothing is known. Which ranges there are does not depend on how a log was cut into parts: see `bound`.

mod find;
mod layout;
mod stat;
mod stored;
mod visit;

use std::ops::Range as Positions;
use std::sync::Arc;

use tlog::schema::Schema;
use tlog::value::{Cursor, Path};

use crate::predicate::Range;
pub use find::Field;
use layout::{Layout, Node};
use stat::Stat;
use visit::visit;

/// A log has at most so many ranges, of 24 bytes each: longer groups of spans are taken when there are more.
pub(crate) const MAX_RANGES: usize = 1 << 20;

/// The ranges of one record's fields, per stretch of the log.
#[derive(Clone, Debug)]
pub struct FieldRanges {
    /// `None` when the log has too many fields to know anything of any.
    layout: Option<Arc<Layout>>,
    /// A group is 2 to this power spans long.
    group_shift: u32,
    /// In file order.
    groups: Vec<Group>,
    /// For each group one of each field.
    stats: Vec<Stat>,
}

/// A stretch of the log in which the record occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Group {
    /// Its place in the log: spans `number << group_shift` on.
    number: u32,
    /// How many instances start in it.
    count: u32,
    /// Whether all their payloads decode.
    is_known: bool,
}

impl PartialEq for FieldRanges {
    /// Of ranges of the same record: the schema is not compared.
    fn eq(&self, other: &Self) -> bool {
        self.layout.is_some() == other.layout.is_some()
            && self.group_shift == other.group_shift
            && self.groups == other.groups
            && self.stats == other.stats
    }
}

impl FieldRanges {
    /// For a record of this type.
    pub(crate) fn new(schema: &Schema) -> Self {
        let layout = Some(Arc::new(Layout::new(schema)));
        Self { layout, group_shift: 0, groups: Vec::new(), stats: Vec::new() }
    }

    /// Takes one instance, which starts in `span`, into account. How many ranges were added for it.
    #[inline] // once per record: `benches/index`
    pub(crate) fn add(&mut self, span: u32, payload: &[u8]) -> usize {
        let Some(layout) = &self.layout else { return 0 };
        let number = span.checked_shr(self.group_shift).unwrap_or(0);
        let is_new = self.groups.last().is_none_or(|group| group.number != number);
        if is_new {
            self.groups.push(Group { number, count: 0, is_known: true });
            self.stats.resize(self.stats.len() + layout.fields, Stat::NONE);
        }
        let first = self.stats.len().saturating_sub(layout.fields);
        let stats = self.stats.get_mut(first..).unwrap_or_default();
        let decodes = match &layout.root {
            Node::Fixed(fixed) => payload.get(..fixed.len).map(|payload| fixed.add(payload, stats)).is_some(),
            root => visit(root, &mut Cursor::new(payload), stats).is_ok(),
        };
        if let Some(group) = self.groups.last_mut() {
            group.count = group.count.saturating_add(1);
            group.is_known &= decodes;
        }
        if is_new { layout.fields + 1 } else { 0 }
    }

    /// Joins what follows.
    pub(crate) fn append(&mut self, mut later: Self) {
        let fields = self.fields();
        if later.layout.is_none() || later.fields() != fields {
            self.give_up();
        }
        if self.layout.is_none() {
            return;
        }
        let shift = self.group_shift.max(later.group_shift);
        self.group_by(shift);
        later.group_by(shift);
        for (at, group) in later.groups.iter().enumerate() {
            self.push(*group, later.stats.get(at * fields..(at + 1) * fields).unwrap_or_default());
        }
    }

    /// Makes spans longer by this power of two.
    pub(crate) fn coarsen(&mut self, shift: u32) {
        self.group_by(self.group_shift.max(shift));
        self.group_shift -= shift;
    }

    /// Makes groups 2 to the power of `group_shift` spans long, if they are shorter.
    fn group_by(&mut self, group_shift: u32) {
        let shift = group_shift.saturating_sub(self.group_shift);
        self.group_shift += shift;
        if shift == 0 || self.groups.is_empty() {
            return;
        }
        let fields = self.fields();
        let (groups, stats) = (std::mem::take(&mut self.groups), std::mem::take(&mut self.stats));
        for (at, group) in groups.into_iter().enumerate() {
            let number = group.number.checked_shr(shift).unwrap_or(0);
            self.push(Group { number, ..group }, stats.get(at * fields..(at + 1) * fields).unwrap_or_default());
        }
        self.stats.shrink_to_fit();
    }

    /// Adds a group behind the others, or joins it with the last where both have one number.
    fn push(&mut self, group: Group, stats: &[Stat]) {
        match self.groups.last_mut() {
            Some(last) if last.number == group.number => {
                last.count = last.count.saturating_add(group.count);
                last.is_known &= group.is_known;
                let first = self.stats.len().saturating_sub(stats.len());
                self.stats.iter_mut().skip(first).zip(stats).for_each(|(stat, later)| stat.append(later));
            }
            _ => {
                self.groups.push(group);
                self.stats.extend_from_slice(stats);
            }
        }
    }

    /// How many fields have ranges.
    fn fields(&self) -> usize {
        self.layout.as_ref().map_or(0, |layout| layout.fields)
    }

    /// How much memory this takes, in ranges; a group counts as one more.
    fn weight(&self) -> usize {
        self.stats.len() + self.groups.len()
    }

    fn give_up(&mut self) {
        *self = Self { layout: None, group_shift: 0, groups: Vec::new(), stats: Vec::new() };
    }

    /// What is known of the field at `path` in these spans of the index, from the first to before the last: of
    /// `a[3].x` in a variable array what is known of all its items, and of `m.key` in a map of all values.
    /// `None` when nothing is known.
    ///
    /// Whoever asks for many spans finds the [`field`](Self::field) once.
    pub fn range(&self, spans: Positions<u32>, path: &Path) -> Option<Range> {
        self.range_of(spans, self.field(path)?)
    }

    /// As [`range`](Self::range), of a field that has been found in these ranges.
    pub fn range_of(&self, spans: Positions<u32>, field: Field) -> Option<Range> {
        let fields = self.fields();
        let mut range = Range { min: f64::INFINITY, max: f64::NEG_INFINITY, has_nan: false, has_null: false };
        if field.number >= fields {
            return None;
        }
        for at in self.groups_in(spans) {
            let (group, stat) = (self.groups.get(at)?, self.stats.get(at * fields + field.number)?);
            if !group.is_known {
                return None;
            }
            range.min = range.min.min(stat.min);
            range.max = range.max.max(stat.max);
            range.has_nan |= stat.nans > 0;
            // A count that has come to its end says nothing.
            range.has_null |= field.is_one_of_many || stat.values < group.count || group.count == u32::MAX;
        }
        Some(range)
    }

    /// The positions of the groups that have a part in these spans.
    fn groups_in(&self, spans: Positions<u32>) -> Positions<usize> {
        let Some(last) = spans.end.checked_sub(1).filter(|&last| last >= spans.start) else { return 0..0 };
        let number = |span: u32| span.checked_shr(self.group_shift).unwrap_or(0);
        let from = self.groups.partition_point(|group| group.number < number(spans.start));
        let to = self.groups.partition_point(|group| group.number <= number(last));
        from..to
    }
}

/// Takes longer groups, the same for all records of a log, as long as there are too many ranges; knows nothing of
/// any when they are too many even so.
///
/// The whole of a log has at least the ranges of its parts at any length of groups, so no part takes longer ones than
/// the whole, or knows nothing where the whole does: joining parts leads to what one part would have.
pub(crate) fn bound(mut all: Vec<&mut FieldRanges>) {
    let fields: usize = all.iter().map(|ranges| ranges.fields() + 1).sum();
    if fields > MAX_RANGES || all.iter().any(|ranges| ranges.layout.is_none()) {
        return all.iter_mut().for_each(|ranges| ranges.give_up());
    }
    let mut shift = all.iter().map(|ranges| ranges.group_shift).max().unwrap_or(0);
    all.iter_mut().for_each(|ranges| ranges.group_by(shift));
    while shift < u32::BITS && all.iter().map(|ranges| ranges.weight()).sum::<usize>() > MAX_RANGES {
        shift += 1;
        all.iter_mut().for_each(|ranges| ranges.group_by(shift));
    }
}
