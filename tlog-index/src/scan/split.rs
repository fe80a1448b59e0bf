//! Where to cut a log into parts, and what a reader knows there: guesses.
//!
//! A good place is a seek marker: its eight magic bytes are found fast, its checksum makes a mistake unlikely, and
//! it tells where each record was seen last. Where there is none near, a reader looks for a block as it does
//! behind damage.

use std::collections::{HashMap, HashSet};

use tlog::read::{Event, KnownRecord, Place, ReadOptions, SliceReader, Standing};

use crate::seek::find_marker;

/// So far behind the wanted place a marker is looked for, and as far again a block, in bytes.
const REACH: u64 = 4 << 20;

/// So much of the log's front is looked through for what it declares before its first data, in bytes.
const HEAD: usize = 64 << 20;

/// A place where a block seems to start.
pub(super) struct Guess {
    /// In bytes from the start of the file.
    pub offset: u64,
    /// What the marker there says: the latest instances, by identifier.
    latest: Vec<(u64, u64)>,
}

/// Places behind the `targets`, ascending.
pub(super) fn guesses(bytes: &[u8], read: &ReadOptions, known: &Known, targets: &[u64]) -> Vec<Guess> {
    let mut found: Vec<Guess> = Vec::new();
    for &target in targets {
        let from = found.last().map_or(0, |last| last.offset).max(target);
        let guess = marker_behind(bytes, from).or_else(|| block_behind(bytes, read, known, from));
        found.extend(guess.filter(|guess| guess.offset > from));
    }
    found
}

fn marker_behind(bytes: &[u8], from: u64) -> Option<Guess> {
    let marker = find_marker(bytes, from + 1..from.saturating_add(REACH)).ok()??;
    Some(Guess { offset: marker.offset, latest: marker.elements })
}

fn block_behind(bytes: &[u8], read: &ReadOptions, known: &Known, from: u64) -> Option<Guess> {
    let end = usize::try_from(from.saturating_add(REACH)).unwrap_or(usize::MAX);
    let window = bytes.get(..end.min(bytes.len()))?;
    let mut place = known.place(&Guess { offset: from, latest: Vec::new() });
    // Only a guess: no more is read for it in vain than at the start of a log.
    place.standing.effort = Standing::free_effort(from).saturating_sub(Standing::free_effort(0));
    let mut reader = SliceReader::search(window, read.clone(), &place).ok()?;
    match reader.next_event().ok()?? {
        Event::Skipped(skipped) if skipped.range.end < window.len() as u64 => {
            Some(Guess { offset: skipped.range.end, latest: Vec::new() })
        }
        _ => None,
    }
}

/// What is believed to hold at all places until the joining tells better.
#[derive(Clone, Default)]
pub(super) struct Known {
    records: Vec<KnownRecord>,
    checksums_seen: bool,
    data_seen: bool,
}

impl Known {
    /// What the log declares behind `front` before its first data, and what the index at its end points at.
    pub fn look(bytes: &[u8], read: &ReadOptions, front: &Place) -> Self {
        let window = bytes.get(..bytes.len().min((front.offset as usize).saturating_add(HEAD))).unwrap_or(bytes);
        let mut known = Self::at(front);
        let Ok(mut reader) = SliceReader::resume(window, read.clone(), front) else { return known };
        loop {
            match reader.next_event() {
                Ok(Some(Event::Data(_)) | None) | Err(_) => break,
                Ok(Some(_)) => {}
            }
        }
        if let Some(place) = reader.place() {
            known = Self::at(&place);
        }
        let mut identifiers: HashSet<u64> = known.records.iter().map(|known| known.record.identifier).collect();
        let index = tlog::read::Blocks::open(bytes).and_then(|blocks| blocks.index()).ok().flatten();
        for indexed in index.into_iter().flat_map(|index| index.records) {
            if identifiers.insert(indexed.record.identifier) {
                known.records.push(KnownRecord { record: indexed.record, latest: None });
            }
        }
        known
    }

    /// What holds at `place`.
    pub fn at(place: &Place) -> Self {
        let Standing { checksums_seen, data_seen, .. } = place.standing;
        Self { records: place.records.clone(), checksums_seen, data_seen }
    }

    /// What a reader that comes to the guessed place is believed to know.
    pub fn place(&self, guess: &Guess) -> Place {
        let declared = self.records.iter().filter(|known| known.record.location < guess.offset);
        let latest: HashMap<u64, u64> = guess.latest.iter().copied().collect();
        let records = declared.map(|known| {
            let latest = latest.get(&known.record.identifier).copied();
            KnownRecord { record: known.record.clone(), latest }
        });
        let standing =
            Standing { checksums_seen: self.checksums_seen, data_seen: self.data_seen, ..Standing::default() };
        Place { offset: guess.offset, records: records.collect(), standing }
    }
}
