//! Files as firmware writes them to cards: batch after batch of whole sectors, in an extent that may hold anything else
//! behind them. [`tlog::wire::batch`] has the layout.
//!
//! Only what a batch proves is believed. A batch is whole when its marker, its `tlog.batch`, every data block in it and
//! its own checksum are right, its session is that of the file and its sequence goes on. So neither a batch that was
//! being written when the power went is taken for data, nor what an earlier use left behind, though all its blocks may
//! have right checksums.
//!
//! ```text
//!  batch ─► batch ─► … ─► filler to the end, or to the index                 the end, nothing lost
//!    └► neither: the next sector with a whole batch of this session and of a later sequence, as far as there is one
//! ```
//!
//! A place with filler is the end, whatever is behind it. A damaged batch in the middle costs itself and no other. If
//! the start of the file is lost, nobody can say which session is the latest: then everything is [unproved](Piece).

mod check;
mod front;

use std::fmt;
use std::ops::Range;

use serde::Serialize;
use tlog::Micros;
use tlog::read::RecordType;
use tlog::wire::batch::{NAME, SECTOR};
use tlog::wire::{Batch, BlockType, IndexBlock};

use crate::index::LogIndex;
use check::{Body, Head, batch_at, block_at, check, end_of, filler_end, head_at, may_be_head};
use front::{Front, front};

/// So many times the length of the file may be looked at in vain, so that no file keeps anybody busy for ever.
const EFFORT: u64 = 8;

/// What a file in batches consists of, front to back; each byte of it up to the end of the log is in one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A whole batch.
    Batch {
        /// Which bytes of the file; the first one begins with the file header.
        range: Range<u64>,
        /// What its head says.
        batch: Batch,
        /// The time of its head, in microseconds.
        time: i64,
        /// Whether that it belongs to the file's latest use is proved.
        proved: bool,
    },
    /// What cannot be relied on.
    Lost {
        /// Which bytes of the file.
        range: Range<u64>,
        /// Why.
        cause: LostCause,
        /// How far blocks are right by themselves, from the start of `range` on.
        intact: u64,
    },
    /// Filler to the end of the file, or to the index.
    End {
        /// Where it starts, in bytes.
        at: u64,
        /// Where the index is, if the log was closed.
        index: Option<Range<u64>>,
    },
}

/// Why a part of a file in batches cannot be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostCause {
    /// The last batch is not whole.
    TornBatch {
        /// Its sequence.
        sequence: u32,
    },
    /// One or more batches are not whole, but a later one is.
    DamagedBatches {
        /// The first of them.
        first: u32,
        /// The last of them.
        last: u32,
    },
    /// Neither filler nor a batch follows the last whole batch.
    NoEnd {
        /// The sequence that would follow.
        sequence: u32,
    },
    /// The first sector is not that of a log.
    NoStart,
}

impl fmt::Display for LostCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TornBatch { sequence } => {
                write!(f, "batch {sequence} is not whole: the power went while it was written, or it was damaged later")
            }
            Self::DamagedBatches { first, last } if first == last => write!(f, "batch {first} is damaged"),
            Self::DamagedBatches { first, last } => write!(f, "batches {first} to {last} are damaged or missing"),
            Self::NoEnd { sequence } => write!(
                f,
                "neither batch {sequence} nor filler is here: the power went while it was written, or it was damaged \
                 later"
            ),
            Self::NoStart => f.write_str("the first batch is not whole: nothing tells what belongs to this log"),
        }
    }
}

/// What is told of a file in batches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchReport {
    /// The session; `None` if the start of the file is lost.
    pub session: Option<u32>,
    /// How many batches are whole.
    pub whole: u64,
    /// How many batches are known to be missing.
    pub missing: u64,
    /// How many bytes the whole ones take.
    pub bytes: u64,
    /// Whether the log was closed by its writer: an index is at the end of the file.
    pub closed: bool,
    /// Whether it ends as it should: with filler behind its last batch.
    pub ended: bool,
    /// When its first whole batch was written, by the device's clock, in microseconds.
    pub first_time: Option<i64>,
    /// When its last whole batch was written.
    pub last_time: Option<i64>,
    /// What the writer counted since it began, as of the last whole batch.
    pub counts: Counts,
}

/// What a writer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records that found no room in a ring.
    pub dropped: u32,
    /// Records that were overwritten before they were read.
    pub overwritten: u32,
    /// Writes that had to be repeated.
    pub retries: u32,
    /// Files that were given up, as writing to them failed again and again.
    pub abandoned: u32,
    /// How often nothing could be written: no card, or one that is locked, of something else, full, or failing.
    pub troubles: u32,
    /// The longest time that the card took for a batch, in microseconds.
    pub longest_write_us: u32,
    /// The most bytes that ever waited in the rings.
    pub high_water_bytes: u32,
}

impl From<&Batch> for Counts {
    fn from(batch: &Batch) -> Self {
        Self {
            dropped: batch.dropped,
            overwritten: batch.overwritten,
            retries: batch.retries,
            abandoned: batch.abandoned,
            troubles: batch.troubles,
            longest_write_us: batch.longest_write,
            high_water_bytes: batch.high_water,
        }
    }
}

impl BatchReport {
    /// Adds what follows.
    pub fn add(&mut self, piece: &Piece) {
        match piece {
            Piece::Batch { range, batch, time, proved } => {
                self.whole += 1;
                self.bytes += range.end.saturating_sub(range.start);
                self.session = proved.then_some(batch.session);
                self.first_time.get_or_insert(*time);
                self.last_time = Some(*time);
                self.counts = batch.into();
            }
            Piece::Lost { cause, .. } => {
                self.missing += match cause {
                    LostCause::DamagedBatches { first, last } => u64::from(last.saturating_sub(*first)) + 1,
                    LostCause::TornBatch { .. } => 1,
                    LostCause::NoEnd { .. } | LostCause::NoStart => 0,
                }
            }
            Piece::End { index, .. } => (self.closed, self.ended) = (index.is_some(), true),
        }
    }
}

/// The head of a batch, without a look at what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadOnly {
    /// What it says.
    pub batch: Batch,
    /// When it was written, in microseconds.
    pub time: i64,
}

/// The head at the start of a file, as far as it is in `bytes`.
pub fn first_head(bytes: &[u8]) -> Option<HeadOnly> {
    match front(bytes) {
        Front::Batches(_, head) => Some(HeadOnly { batch: head.batch, time: head.time }),
        Front::Torn | Front::Log | Front::Nothing => None,
    }
}

/// The head of a later batch that starts where `bytes` do.
pub fn later_head(bytes: &[u8]) -> Option<HeadOnly> {
    head_at(bytes, 0, None).map(|head| HeadOnly { batch: head.batch, time: head.time })
}

/// The latest `tlog.batch` of a log, if firmware wrote it and its index says where it is; also of one that was recovered.
pub fn latest(index: &LogIndex, bytes: &[u8]) -> Option<Batch> {
    let is_it = |record: &RecordType| record.name == NAME && record.schema_bytes == Batch::SCHEMA;
    let at = index.records.iter().position(|record| is_it(&record.record))?;
    let found = index.seek(bytes, Micros::INFINITY).ok()?;
    let instance = found.instances.iter().find(|instance| instance.record as usize == at)?;
    batch_at(bytes, usize::try_from(instance.offset).ok()?)
}

/// Where filler ends that starts where `bytes` do, in bytes; it may end far behind them.
pub fn filler_len(bytes: &[u8]) -> Option<u64> {
    filler_end(bytes, 0)
}

/// Walks through a file in batches.
#[derive(Clone, Debug)]
pub struct Batches<'b> {
    bytes: &'b [u8],
    /// The identifier of `tlog.batch`, if it is known.
    identifier: Option<u64>,
    /// Whose batches count.
    session: Option<u32>,
    /// Whether the start of the file says so.
    proved: bool,
    /// Where the next piece starts.
    at: usize,
    /// The head of the batch there, where only its start tells.
    first: Option<Head>,
    /// The sequence that is expected; `None` behind the last that there can be.
    sequence: Option<u32>,
    effort: u64,
    /// Whether what is missing before the next batch has been told.
    told: bool,
    done: bool,
}

impl<'b> Batches<'b> {
    /// A walk through the file, if it is one in batches. Ordinary logs are none, nor is what was recovered from such
    /// a file. One whose start is lost is known by whole batches in it.
    pub fn recognise(bytes: &'b [u8]) -> Option<Self> {
        match front(bytes) {
            Front::Batches(identifier, head) => Some(Self::begin(bytes, identifier, head)),
            Front::Log => None,
            Front::Torn => Some(Self::startless(bytes)),
            Front::Nothing => Some(Self::startless(bytes)).filter(|walk| walk.session.is_some()),
        }
    }

    /// A walk through a file that is known to be of a card: where nothing tells of batches, there are none.
    pub fn of_card(bytes: &'b [u8]) -> Self {
        match front(bytes) {
            Front::Batches(identifier, head) => Self::begin(bytes, identifier, head),
            Front::Log | Front::Torn | Front::Nothing => Self::startless(bytes),
        }
    }

    fn begin(bytes: &'b [u8], identifier: u64, head: Head) -> Self {
        let walk = Self::new(bytes);
        Self {
            identifier: Some(identifier),
            session: Some(head.batch.session),
            first: Some(head),
            proved: true,
            ..walk
        }
    }

    fn new(bytes: &'b [u8]) -> Self {
        Self {
            bytes,
            identifier: None,
            session: None,
            proved: false,
            at: 0,
            first: None,
            sequence: Some(0),
            effort: (bytes.len() as u64).saturating_mul(EFFORT).saturating_add(1 << 20),
            told: false,
            done: false,
        }
    }

    /// Takes the greatest session that has a whole batch.
    fn startless(bytes: &'b [u8]) -> Self {
        let mut walk = Self::new(bytes);
        let mut at = 0;
        while let Some((start, head)) = walk.next_head(at) {
            at = start.saturating_add(SECTOR);
            if let Body::Whole(end) = check(bytes, start, &head, &mut walk.effort) {
                walk.session = walk.session.max(Some(head.batch.session));
                at = end;
            }
        }
        Self { effort: Self::new(bytes).effort, ..walk }
    }

    /// The session whose batches these are; `None` if there is no batch.
    pub fn session(&self) -> Option<u32> {
        self.session
    }

    /// Sums up the file.
    pub fn report(self) -> BatchReport {
        let mut report = BatchReport { session: self.session.filter(|_| self.proved), ..BatchReport::default() };
        self.for_each(|piece| report.add(&piece));
        report
    }

    /// The next head on the start of a sector from `at` on, whatever its session.
    fn next_head(&self, at: usize) -> Option<(usize, Head)> {
        let mut start = at.checked_next_multiple_of(SECTOR)?;
        loop {
            if may_be_head(self.bytes.get(start..)?)
                && let Some(head) = head_at(self.bytes, start, self.identifier)
            {
                return Some((start, head));
            }
            start = start.checked_add(SECTOR)?;
        }
    }

    /// Whether a batch with this head may follow what was there so far.
    fn follows(&self, head: &Head) -> bool {
        self.session == Some(head.batch.session) && self.sequence.is_some_and(|next| head.batch.sequence >= next)
    }

    /// The next whole batch that may follow, from `at` on.
    fn search(&mut self, mut at: usize) -> Option<(usize, Head)> {
        while let Some((start, head)) = self.next_head(at) {
            if self.follows(&head) && matches!(check(self.bytes, start, &head, &mut self.effort), Body::Whole(_)) {
                return Some((start, head));
            }
            at = start.checked_add(SECTOR)?;
        }
        None
    }

    /// The end of the log at this place: filler, and behind it nothing or the index.
    fn end_at(&self, at: usize) -> Option<Piece> {
        let end = filler_end(self.bytes, at)?;
        let len = self.bytes.len() as u64;
        let index = if end < len { Some(self.index_at(usize::try_from(end).ok()?)?) } else { None };
        Some(Piece::End { at: at as u64, index })
    }

    fn index_at(&self, at: usize) -> Option<Range<u64>> {
        let (frame, block) = block_at(self.bytes, at, self.bytes.len())?;
        let is_index = frame.block_type == BlockType::Index && IndexBlock::parse(block).is_ok();
        (is_index && at + block.len() == self.bytes.len()).then_some(at as u64..self.bytes.len() as u64)
    }

    fn batch(&mut self, start: usize, end: usize, head: &Head) -> Piece {
        let skips = self.sequence.filter(|&next| next < head.batch.sequence && !self.told);
        if let Some(first) = skips {
            (self.told, self.first) = (true, Some(*head));
            let cause = LostCause::DamagedBatches { first, last: head.batch.sequence - 1 };
            return Piece::Lost { range: start as u64..start as u64, cause, intact: 0 };
        }
        (self.at, self.told) = (end, false);
        self.sequence = head.batch.sequence.checked_add(1);
        Piece::Batch { range: start as u64..end as u64, batch: head.batch, time: head.time, proved: self.proved }
    }

    /// Something that is neither a whole batch nor the end, whose blocks are right to `intact`.
    fn lost(&mut self, head: Option<Head>, intact: usize) -> Piece {
        let start = self.at;
        let next = self.sequence.unwrap_or(u32::MAX);
        let found = self.search(start.saturating_add(SECTOR));
        let (end, cause) = match (&found, head) {
            (found, _) if !self.proved && self.sequence == Some(0) => {
                (found.map_or(self.bytes.len(), |(at, _)| at), LostCause::NoStart)
            }
            (Some((at, later)), _) if later.batch.sequence > next => {
                (*at, LostCause::DamagedBatches { first: next, last: later.batch.sequence.saturating_sub(1) })
            }
            (Some((at, _)), _) => (*at, LostCause::NoEnd { sequence: next }),
            (None, Some(head)) => {
                (end_of(&head, start).unwrap_or(intact), LostCause::TornBatch { sequence: head.batch.sequence })
            }
            (None, None) => (start.saturating_add(SECTOR), LostCause::NoEnd { sequence: next }),
        };
        let end = end.max(intact).min(self.bytes.len());
        self.at = found.map_or(end, |(at, _)| at);
        (self.told, self.done) = (true, found.is_none());
        let intact = intact.saturating_sub(start) as u64;
        Piece::Lost { range: start as u64..end as u64, cause, intact }
    }
}

impl Iterator for Batches<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.done || self.at >= self.bytes.len() {
            return None;
        }
        let start = self.at;
        let head = self.first.take().or_else(|| head_at(self.bytes, start, self.identifier));
        if let Some(head) = head.filter(|head| self.follows(head)) {
            let intact = match check(self.bytes, start, &head, &mut self.effort) {
                Body::Whole(end) => return Some(self.batch(start, end, &head)),
                Body::Torn(intact) => intact,
            };
            return Some(self.lost(Some(head), intact));
        }
        if let Some(end) = self.end_at(start) {
            self.done = true;
            return Some(end);
        }
        Some(self.lost(None, start))
    }
}
