//! The batch at hand: filled from the ring, kept until the card has acknowledged it, moved to another file when it must.
//!
//! ```text
//! 0        marker        room                                used             sectors * 512
//! │ marker │ tlog.batch … │ data │ data │ data │ …            │ filler         │
//! ```
//!
//! The marker is written when the batch is opened, since it tells of what lies in front of it; `tlog.batch` when it is
//! sealed. Marks are positions in the file that the batch is meant for; moving it moves those inside it, and drops others.

use tlog::wire::batch::{self, Batch, Checksum};

use super::stream::{HEAD_BLOCK, head_block};
use super::{TooSmall, marker};
use crate::clock::widen;
use crate::device::{SECTOR, Sector};
use crate::drain::{self, Next, Put, Table};
use crate::source::Source;

/// What the writer keeps about a kind. One for each kind of the firmware and of the writer:
/// [`OWN_KINDS`](crate::drain::OWN_KINDS) more than the firmware has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where its latest data block starts in the file; [`u32::MAX`] when there is none.
    pub(super) at: u32,
    /// All that was lost of it, as last written.
    lost: u32,
}

impl Mark {
    /// Of a kind without data.
    pub const NONE: Self = Self { at: u32::MAX, lost: 0 };

    pub(crate) fn at(&self) -> Option<u32> {
        (self.at != u32::MAX).then_some(self.at)
    }

    #[cfg(test)]
    pub(crate) fn set(&mut self, at: u32) {
        self.at = at;
    }
}

/// Space that always stays free at the end, as a gap of one byte could not be filled.
const SPARE: usize = 2;

/// The batch at hand.
pub(crate) struct Buffer<'m> {
    bytes: &'m mut [u8],
    pub marks: &'m mut [Mark],
    batch_id: u16,
    room: usize,
    marker: usize,
    used: usize,
    /// Where it belongs in the file.
    base: u32,
    /// The time of the last record, and of the head.
    pub time: u64,
    pub head_time: u64,
    checksum: Checksum,
    /// Records of the source in it.
    pub records: u32,
}

impl<'m> Buffer<'m> {
    pub(crate) fn new(table: Table<'_>, bytes: &'m mut [u8], marks: &'m mut [Mark]) -> Result<Self, TooSmall> {
        let kinds = usize::from(table.last());
        let room = marker::longest(kinds) + HEAD_BLOCK + SPARE;
        let whole = bytes.len() - bytes.len() % SECTOR;
        if whole < room + SECTOR || whole != bytes.len() || u32::try_from(whole).is_err() {
            return Err(TooSmall);
        }
        let marks = marks.get_mut(..kinds).ok_or(TooSmall)?;
        marks.fill(Mark::NONE);
        let batch_id = table.batch_id();
        let checksum = Checksum::new();
        let (marker, used, base, time, head_time, records) = (0, room, 0, 0, 0, 0);
        Ok(Self { bytes, marks, batch_id, room, marker, used, base, time, head_time, checksum, records })
    }

    /// How many sectors it can have.
    pub(crate) const fn max_sectors(&self) -> u32 {
        (self.bytes.len() / SECTOR) as u32
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.used == self.room
    }

    /// Begins a batch at `base` bytes from the start of the file.
    pub(crate) fn open(&mut self, base: u32) {
        self.base = base;
        self.used = self.room;
        self.checksum = Checksum::new();
        self.records = 0;
        self.head_time = self.time;
        self.write_marker();
    }

    /// Gives the head of the very first batch a time: that of the first record.
    pub(crate) fn begin_time<S: Source + ?Sized>(&mut self, source: &mut S, now: u64) {
        if let (0, Some(head)) = (self.time, source.peek()) {
            self.time = widen(now, head.time);
            self.head_time = self.time;
            self.write_marker();
        }
    }

    /// Forgets the file: no kind has data.
    pub(crate) fn forget(&mut self) {
        for mark in self.marks.iter_mut() {
            mark.at = u32::MAX;
        }
    }

    /// Moves it to `base` bytes from the start of another file, whose only data is the head at `head_at`.
    pub(crate) fn move_to(&mut self, base: u32, head_at: u32) {
        let kept = |at: u32| at.checked_sub(self.base).and_then(|offset| offset.checked_add(base));
        for mark in self.marks.iter_mut() {
            mark.at = mark.at().and_then(kept).unwrap_or(u32::MAX);
        }
        self.set_mark(self.batch_id, head_at);
        self.base = base;
        self.write_marker();
    }

    fn set_mark(&mut self, id: u16, at: u32) {
        if let Some(mark) = usize::from(id).checked_sub(1).and_then(|id| self.marks.get_mut(id)) {
            mark.at = at;
        }
    }

    fn write_marker(&mut self) {
        let room = self.bytes.get_mut(..self.room.saturating_sub(HEAD_BLOCK + SPARE)).unwrap_or(&mut []);
        self.marker = marker::write(self.head_time, self.base, self.marks, room).unwrap_or(0);
    }

    /// Takes records until it is full, which is `true`, or none is left. Records larger than an empty batch are left
    /// out; how many.
    pub(crate) fn fill<S: Source + ?Sized>(&mut self, source: &mut S, kinds: u16, now: u64, until: u64) -> (bool, u32) {
        let mut oversized = 0;
        loop {
            let place = self.place();
            let (base, marks) = (self.base, &*self.marks);
            let previous = |kind: u16| distance(marks, kind, base, place);
            let end = self.bytes.len() - SPARE;
            let out = self.bytes.get_mut(self.used..end).unwrap_or(&mut []);
            match drain::next(source, kinds, now, until, out, previous) {
                Next::Put(put) => {
                    self.added(&put, place);
                    self.records = self.records.wrapping_add(1);
                }
                Next::Full if self.is_empty() => {
                    source.skip();
                    oversized += 1;
                }
                Next::Full => return (true, oversized),
                Next::Empty => return (false, oversized),
            }
        }
    }

    /// Where the next block will be in the file.
    fn place(&self) -> u32 {
        self.base.saturating_add(self.used as u32)
    }

    fn added(&mut self, put: &Put, place: u32) {
        self.checksum.data(put.checksum);
        self.used += put.len;
        self.time = self.time.max(put.time);
        self.set_mark(put.kind, place);
    }

    /// Adds a record of the writer's own, at the time of the record before it; whether it fitted.
    pub(crate) fn own(&mut self, kind: u16, payload: &[u8]) -> bool {
        let place = self.place();
        let previous = distance(self.marks, kind, self.base, place);
        let end = self.bytes.len() - SPARE;
        let out = self.bytes.get_mut(self.used..end);
        let put = out.and_then(|out| drain::put(kind, previous, self.time, payload, out));
        let Some((len, checksum)) = put else { return false };
        self.added(&Put { kind, len, checksum, time: self.time }, place);
        true
    }

    /// Adds what was lost of each kind since it was last written; `false` when not all of it fitted.
    pub(crate) fn losses<S: Source + ?Sized>(&mut self, source: &S, kinds: u16, id: u16) -> bool {
        for kind in 1..=kinds {
            let lost = source.lost_of(kind);
            let sum = lost.dropped.wrapping_add(lost.overwritten);
            let at = usize::from(kind) - 1;
            if self.marks.get(at).is_none_or(|mark| mark.lost == sum) {
                continue;
            }
            let ([a, b], [c, d, e, f]) = (kind.to_le_bytes(), lost.dropped.to_le_bytes());
            let [g, h, i, j] = lost.overwritten.to_le_bytes();
            let payload = [a, b, c, d, e, f, g, h, i, j];
            if !self.own(id, &payload) {
                return false;
            }
            if let Some(mark) = self.marks.get_mut(at) {
                mark.lost = sum;
            }
        }
        true
    }

    /// Has what was lost of each kind written again, into a new file.
    pub(crate) fn forget_losses(&mut self) {
        for mark in self.marks.iter_mut() {
            mark.lost = 0;
        }
    }

    /// Completes it with this head; how many sectors it has. Sealing again replaces the head.
    pub(crate) fn seal(&mut self, mut head: Batch) -> u32 {
        let gap = SECTOR - self.used % SECTOR;
        let gap = match gap {
            SECTOR => 0,
            1 => 1 + SECTOR,
            gap => gap,
        };
        self.put_filler(self.used, gap);
        head.sectors = ((self.used + gap) / SECTOR) as u32;
        head.checksum = self.checksum.clone().finish();
        let (at, time) = (self.marker, self.head_time);
        let out = self.bytes.get_mut(at..self.room).unwrap_or(&mut []);
        // There is room for it.
        head_block(self.batch_id, &head, time, out);
        self.set_mark(self.batch_id, self.base.saturating_add(at as u32));
        self.put_filler(at + HEAD_BLOCK, self.room.saturating_sub(at + HEAD_BLOCK));
        head.sectors
    }

    /// Zeros behind its front: nothing of an earlier batch may stand where a search for markers would find it.
    fn put_filler(&mut self, at: usize, gap: usize) {
        if let Some(out) = at.checked_add(gap).and_then(|end| self.bytes.get_mut(at..end)) {
            batch::fill(gap as u32, out);
        }
    }

    /// One of its sectors.
    pub(crate) fn sector(&self, at: u32) -> Option<&Sector> {
        self.bytes.as_chunks::<SECTOR>().0.get(at as usize)
    }
}

/// The distance from `place` to the last block of a kind, if that is in the batch that starts at `base`; otherwise 0.
#[inline]
fn distance(marks: &[Mark], kind: u16, base: u32, place: u32) -> u32 {
    match usize::from(kind).checked_sub(1).and_then(|at| marks.get(at)) {
        Some(mark) if mark.at >= base && mark.at < place => place - mark.at,
        _ => 0,
    }
}
