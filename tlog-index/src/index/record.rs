//! What a scan tells of one record.

use std::sync::Arc;

use tlog::Micros;
use tlog::read::{Data, RecordType};
use tlog::wire::DataFlags;

use super::cells::{self, Cell};
use crate::ranges::FieldRanges;

/// One record of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordIndex {
    /// The record, as its first schema block declares it.
    pub record: Arc<RecordType>,
    /// How many instances there are.
    pub count: u64,
    /// How many bytes their blocks take.
    pub bytes: u64,
    /// How many bytes their payloads take as they are stored.
    pub stored_bytes: u64,
    /// How many bytes their payloads take when they are not compressed, as they claim.
    pub unpacked_bytes: u64,
    /// How many are compressed.
    pub compressed: u64,
    /// How many have a checksum.
    pub checksummed: u64,
    /// How many have a time.
    pub timed: u64,
    /// The earliest and the latest time.
    pub times: Option<Times>,
    /// The times of the first and the last instance, in file order.
    pub ends: Option<Ends>,
    /// The longest time between two instances that follow each other in the file.
    pub largest_gap: Option<Gap>,
    /// Whether previous offsets are right.
    pub links: Links,
    /// Where along the log the record occurs, in file order.
    pub cells: Vec<Cell>,
    /// The values of its fields along the log, if they were looked at.
    pub fields: Option<FieldRanges>,
    /// The latest instance since the latest declaration.
    pub(crate) latest: Latest,
    /// The first instance with a previous offset, as long as it is not known what came before it.
    pub(crate) unchecked_link: Option<(u64, u64)>,
}

/// An earliest and a latest time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The earliest.
    pub first: Micros,
    /// The latest.
    pub last: Micros,
}

impl Times {
    /// One point in time.
    #[inline]
    pub const fn at(time: Micros) -> Self {
        Self { first: time, last: time }
    }

    /// The time that covers both.
    #[inline]
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// The first and the last time in file order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The time that comes first.
    pub first: Micros,
    /// The block that has it, in bytes from the start of the file.
    pub first_at: u64,
    /// The time that comes last.
    pub last: Micros,
}

impl Ends {
    #[inline]
    pub(super) const fn at(time: Micros, offset: u64) -> Self {
        Self { first: time, first_at: offset, last: time }
    }

    /// Those of both, one behind the other.
    pub(super) fn append(first: Option<Self>, later: Option<Self>) -> Option<Self> {
        match (first, later) {
            (Some(first), Some(later)) => Some(Self { last: later.last, ..first }),
            (first, later) => first.or(later),
        }
    }
}

/// A length of time between two blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How long, in microseconds.
    pub micros: u64,
    /// Where the later of the two blocks starts, in bytes from the start of the file.
    pub offset: u64,
}

impl Gap {
    /// The longer of two gaps, of equal ones the first.
    #[inline]
    pub(super) fn longest(first: Option<Self>, second: Option<Self>) -> Option<Self> {
        match (first, second) {
            (Some(a), Some(b)) if b.micros > a.micros => Some(b),
            (Some(a), _) => Some(a),
            (None, b) => b,
        }
    }

    /// The gap from one time to a later one.
    #[inline]
    pub(super) fn between(earlier: Micros, later: Micros, offset: u64) -> Option<Self> {
        (later > earlier).then(|| Self { micros: later.0.abs_diff(earlier.0), offset })
    }
}

/// How many previous offsets are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// How many there are.
    pub checked: u64,
    /// How many do not lead to the block of the same record that comes before in the file.
    pub wrong: u64,
    /// The first block with a wrong one.
    pub first_wrong: Option<u64>,
}

impl Links {
    #[inline]
    pub(super) fn check(&mut self, offset: u64, distance: u64, latest: Option<u64>) {
        self.checked += 1;
        if distance != latest.map_or(0, |latest| offset.wrapping_sub(latest)) {
            self.wrong += 1;
            self.first_wrong = self.first_wrong.or(Some(offset));
        }
    }
}

/// Where the latest instance of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latest {
    /// In front of what was scanned, if there is one.
    Before,
    /// There is none since its declaration.
    None,
    /// At this offset.
    At(u64),
}

impl RecordIndex {
    pub(crate) const fn new(record: Arc<RecordType>) -> Self {
        Self {
            record,
            count: 0,
            bytes: 0,
            stored_bytes: 0,
            unpacked_bytes: 0,
            compressed: 0,
            checksummed: 0,
            timed: 0,
            times: None,
            ends: None,
            largest_gap: None,
            links: Links { checked: 0, wrong: 0, first_wrong: None },
            cells: Vec::new(),
            fields: None,
            latest: Latest::Before,
            unchecked_link: None,
        }
    }

    /// Counts one instance, which starts in `span`.
    #[inline] // once per record: `benches/index`
    pub(super) fn add(&mut self, data: &Data<'_>, span: u32) {
        self.count += 1;
        self.bytes += data.block_len;
        self.stored_bytes += data.stored_len;
        self.unpacked_bytes += data.unpacked_len();
        self.compressed += u64::from(data.flags.contains(DataFlags::SNAPPY));
        self.checksummed += u64::from(data.checksum.is_some());
        if let Some(distance) = data.previous_offset {
            match self.latest {
                Latest::Before => self.unchecked_link = Some((data.offset, distance)),
                Latest::None => self.links.check(data.offset, distance, None),
                Latest::At(latest) => self.links.check(data.offset, distance, Some(latest)),
            }
        }
        self.latest = Latest::At(data.offset);
        if let Some(time) = data.time {
            self.add_time(time, data.offset);
        }
        match self.cells.last_mut() {
            Some(cell) if cell.span == span => cell.add(data.offset, data.time),
            _ => self.cells.push(Cell::new(span, data.offset, data.time)),
        }
    }

    #[inline]
    fn add_time(&mut self, time: Micros, offset: u64) {
        self.timed += 1;
        self.times = Some(self.times.map_or(Times::at(time), |times| times.and(Times::at(time))));
        match &mut self.ends {
            Some(ends) => {
                self.largest_gap = Gap::longest(self.largest_gap, Gap::between(ends.last, time, offset));
                ends.last = time;
            }
            None => self.ends = Some(Ends::at(time, offset)),
        }
    }

    /// Joins what was scanned behind this.
    pub(super) fn append(&mut self, later: Self) {
        if let Some((offset, distance)) = later.unchecked_link {
            match self.latest {
                Latest::Before => self.unchecked_link = Some((offset, distance)),
                Latest::None => self.links.check(offset, distance, None),
                Latest::At(latest) => self.links.check(offset, distance, Some(latest)),
            }
        }
        self.append_gap(&later);
        self.count += later.count;
        self.bytes += later.bytes;
        self.stored_bytes += later.stored_bytes;
        self.unpacked_bytes += later.unpacked_bytes;
        self.compressed += later.compressed;
        self.checksummed += later.checksummed;
        self.timed += later.timed;
        self.times = match (self.times, later.times) {
            (Some(a), Some(b)) => Some(a.and(b)),
            (a, b) => a.or(b),
        };
        self.ends = Ends::append(self.ends, later.ends);
        self.links.checked += later.links.checked;
        self.links.wrong += later.links.wrong;
        self.links.first_wrong = self.links.first_wrong.or(later.links.first_wrong);
        later.cells.iter().for_each(|&cell| cells::push(&mut self.cells, cell));
        self.fields = match (self.fields.take(), later.fields) {
            (Some(mut fields), Some(more)) => {
                fields.append(more);
                Some(fields)
            }
            (a, b) => a.or(b),
        };
        if later.latest != Latest::Before {
            self.latest = later.latest;
        }
    }

    fn append_gap(&mut self, later: &Self) {
        let between = match (self.ends, later.ends) {
            (Some(before), Some(after)) => Gap::between(before.last, after.first, after.first_at),
            _ => None,
        };
        self.largest_gap = Gap::longest(Gap::longest(self.largest_gap, between), later.largest_gap);
    }

    pub(super) fn coarsen(&mut self, shift: u32) {
        cells::coarsen(&mut self.cells, shift);
        if let Some(fields) = &mut self.fields {
            fields.coarsen(shift);
        }
    }
}
