//! One part of a log: reading it, and whether it follows what is in front of it.

use std::collections::HashMap;

use tlog::Result;
use tlog::read::{KnownRecord, Place, ReadOptions, SliceReader, Standing};

use super::{Progress, ScanOptions};
use crate::index::{LogIndex, Tally};

/// How often progress is told, in bytes.
const TELL: u64 = 1 << 20;

/// A part that was read.
pub(super) struct Part {
    /// Where it was read from.
    start: Place,
    /// Whether that is known, not guessed.
    is_known: bool,
    /// Where the next one was to start.
    stop: u64,
    /// What is in it.
    pub index: LogIndex,
    /// Where its reader came to stand.
    pub end: Place,
}

/// How parts are read.
pub(super) struct How<'a> {
    pub bytes: &'a [u8],
    pub options: &'a ScanOptions,
    pub read: &'a ReadOptions,
    pub span_shift: u32,
    pub progress: &'a Progress,
}

impl Part {
    /// Reads from `start` to the first block that starts at `stop` or behind it.
    pub fn read(how: &How<'_>, start: Place, is_known: bool, stop: u64) -> Result<Self> {
        let mut reader = SliceReader::resume(how.bytes, how.read.clone(), &start)?;
        let mut tally = Tally::new(how.span_shift, how.options.fields);
        let mut told = start.offset;
        loop {
            intact(&mut reader, &mut tally, stop.min(told.saturating_add(TELL)));
            let at = reader.offset();
            how.progress.add(at.saturating_sub(told));
            told = at;
            if at >= stop && reader.place().is_some() {
                break;
            }
            let standing = reader.standing();
            match reader.next_event()? {
                Some(event) => tally.event(&event, standing)?,
                None => break,
            }
        }
        let end = reader.place().unwrap_or_default();
        Ok(Self { start, is_known, stop, index: tally.finish(end.offset), end })
    }

    /// Whether this is what a reader that stands at `front` would have read.
    pub fn follows(&self, front: &Place) -> bool {
        let guess = &self.start;
        let flags = |place: &Place| (place.offset, place.standing.checksums_seen, place.standing.data_seen);
        let has_damage = !self.index.damage.is_none() || self.end.standing.effort > 0;
        let effort = front.standing.effort.saturating_add(self.end.standing.effort);
        self.is_known
            || (flags(guess) == flags(front)
                && effort <= Standing::free_effort(guess.offset)
                && declares_alike(&guess.records, &front.records, has_damage)
                && (!has_damage || front.standing.damaged == guess.standing.damaged)
                && (!self.index.ends_with_index || self.is_latest_right(front)))
    }

    /// Whether what is not seen in this part was last seen where it was guessed: an index at the end is held against that.
    fn is_latest_right(&self, front: &Place) -> bool {
        let latest = latest_by_location(&front.records);
        let is_right = |known: &KnownRecord| latest.get(&known.record.location).copied() == Some(known.latest);
        self.end.records.iter().filter(|known| is_before(known, self.start.offset)).all(is_right)
    }

    /// Whether it goes to the end of the log, because nothing was to come behind it.
    pub const fn is_last(&self, how: &How<'_>) -> bool {
        self.stop == u64::MAX && self.end.offset >= how.bytes.len() as u64
    }

    /// Joins this to what is in front of it, which it [`follows`](Self::follows).
    ///
    /// # Errors
    /// As [`LogIndex::check_limits`].
    pub fn join(mut self, index: &mut LogIndex, place: &mut Place) -> Result<()> {
        if !self.is_known {
            self.stand_behind(place);
            add(&mut self.end.standing, place.standing);
            let start = self.start.offset;
            let before = latest_by_location(&place.records);
            for known in self.end.records.iter_mut().filter(|known| is_before(known, start)) {
                known.latest = before.get(&known.record.location).copied().flatten();
            }
        }
        index.append(self.index);
        *place = self.end;
        index.check_limits()
    }
}

impl Part {
    /// The index of the last part, which [`follows`](Self::follows) what ends at `place`.
    pub fn into_tail(mut self, place: &Place) -> LogIndex {
        if !self.is_known {
            self.stand_behind(place);
        }
        self.index
    }

    /// What a guess does not know of a reader that comes to the spans: what it met before.
    fn stand_behind(&mut self, place: &Place) {
        self.index.spans.iter_mut().for_each(|span| add(&mut span.standing, place.standing));
    }
}

/// Counts intact data until something else comes, or a block that starts at `stop` or behind it: the loop
/// that scanning spends its time in, `benches/index`.
fn intact(reader: &mut SliceReader<'_>, tally: &mut Tally, stop: u64) {
    while reader.offset() < stop {
        let standing = reader.standing();
        let Some(data) = reader.next_intact() else { return };
        tally.data(&data, standing);
    }
}

/// Adds what was met before.
fn add(standing: &mut Standing, before: Standing) {
    standing.damaged |= before.damaged;
    standing.effort = standing.effort.saturating_add(before.effort);
}

/// Whether a record was declared, and seen last, before `start`.
fn is_before(known: &KnownRecord, start: u64) -> bool {
    known.record.location < start && known.latest.is_none_or(|latest| latest < start)
}

/// Where records were seen last, by where they were declared.
fn latest_by_location(records: &[KnownRecord]) -> HashMap<u64, Option<u64>> {
    records.iter().map(|known| (known.record.location, known.latest)).collect()
}

/// Whether the same schema blocks hold, and if it matters also the latest instances.
fn declares_alike(guess: &[KnownRecord], front: &[KnownRecord], with_latest: bool) -> bool {
    let key = |known: &KnownRecord| (known.record.location, if with_latest { known.latest } else { None });
    let sorted = |records: &[KnownRecord]| {
        let mut keys: Vec<_> = records.iter().map(key).collect();
        keys.sort_unstable();
        keys
    };
    guess.len() == front.len() && sorted(guess) == sorted(front)
}
