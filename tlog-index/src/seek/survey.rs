//! Where in a log a time lies: looking at a few places, then halving.

use std::io;

use memchr::memchr_iter;
use tlog::Micros;
use tlog::read::ReadAt;
use tlog::wire::marker::MARKER;
use tlog::wire::{BlockType, data};

use super::head::Outline;
use super::marker::FoundMarker;
use super::windows::{Sought, Stop, Windows, data_in, frame_in, is_right};
use super::{Order, SeekOptions};

/// So much is read at first to find a block, in bytes: some dozens of ordinary ones. A whole window if that does not do.
const FIRST_LOOK: usize = 8 << 10;

/// So many windows are looked through for a block before a place counts as showing nothing.
const ANCHOR_WINDOWS: usize = 64;

/// How many bytes may be checksummed per byte of a window: every byte may pretend to start a long block.
pub(super) const CHECKSUMMED_PER_BYTE: usize = 16;

/// How many would-be blocks of a window are followed to the blocks behind them.
const FOLLOWED: usize = 64;

/// So many blocks in a row are believed without a checksum.
const CHAIN: usize = 4;

/// A data block, or a marker, that shows which time it is at some place of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchor {
    pub offset: u64,
    pub time: Micros,
    /// Of a data block: its record.
    pub identifier: Option<u64>,
}

/// What a few looks told of a log.
pub(super) struct Survey {
    /// By offset.
    pub anchors: Vec<Anchor>,
    /// Before this offset there is data before the time sought, and shortly behind it data that is not; the start
    /// of the first block if there is no data before that time.
    pub low: u64,
    /// How far the evenly spaced places are from each other, in bytes.
    spacing: u64,
}

impl Survey {
    /// Looks at evenly spaced places of the log, and at the end of it.
    pub fn new<S: ReadAt + ?Sized>(
        windows: &mut Windows<'_, S>,
        outline: &Outline,
        options: &SeekOptions,
    ) -> Sought<Self> {
        let first = outline.first_data.ok_or(Stop::Odd)?;
        let len = windows.size - first.offset;
        let places = u64::from(options.probes).min(len / windows.window as u64).max(1);
        let mut survey = Self { anchors: Vec::new(), low: windows.first_block, spacing: len / places };
        let identifier = Some(first.identifier);
        survey.anchors.extend(first.time.map(|time| Anchor { offset: first.offset, time, identifier }));
        let spacing = survey.spacing;
        let spaced = (1..places).map(|place| first.offset + spacing * place);
        let last = windows.size.saturating_sub(windows.window as u64).max(first.offset);
        for place in spaced.chain([last]) {
            if survey.anchors.last().is_none_or(|anchor| anchor.offset < place) {
                survey.anchors.extend(windows.anchor(outline, place, windows.size)?);
            }
        }
        survey.anchors.extend(last_indexed(windows, outline)?);
        survey.anchors.sort_by_key(|anchor| anchor.offset);
        Ok(survey)
    }

    /// Moves `low` up to the last place that shows a time before `time`, to within a window.
    pub fn halve<S: ReadAt + ?Sized>(
        &mut self,
        windows: &mut Windows<'_, S>,
        outline: &Outline,
        time: Micros,
    ) -> io::Result<()> {
        match self.last_before(windows, outline, time)? {
            Some(anchor) => {
                self.low = anchor.offset;
                self.look_around(windows, outline)
            }
            None => {
                self.low = windows.first_block;
                Ok(())
            }
        }
    }

    /// The last place that shows a time before `time`, to within a window.
    pub fn last_before<S: ReadAt + ?Sized>(
        &mut self,
        windows: &mut Windows<'_, S>,
        outline: &Outline,
        time: Micros,
    ) -> io::Result<Option<Anchor>> {
        let Some(at) = self.anchors.iter().rposition(|anchor| anchor.time < time) else { return Ok(None) };
        let mut low = self.anchors[at];
        let mut high = self.anchors.get(at + 1).map_or(windows.size, |anchor| anchor.offset);
        while high.saturating_sub(low.offset) > windows.window as u64 {
            let middle = low.offset + (high - low.offset) / 2;
            let anchor = windows.anchor(outline, middle, high)?;
            self.anchors.extend(anchor);
            match anchor {
                Some(anchor) if anchor.time < time => low = anchor,
                _ => high = middle,
            }
        }
        self.anchors.sort_by_key(|anchor| anchor.offset);
        Ok(Some(low))
    }

    /// Looks at places before and behind `low`, each twice as far away as the one before, up to where the evenly spaced
    /// ones are: a clock that was set back a little shows nowhere but near the times that it showed twice.
    fn look_around<S: ReadAt + ?Sized>(&mut self, windows: &mut Windows<'_, S>, outline: &Outline) -> io::Result<()> {
        let mut distance = windows.window as u64;
        while distance < self.spacing {
            let before = self.low.checked_sub(distance).filter(|&before| before > windows.first_block);
            let behind = self.low.checked_add(distance).filter(|&behind| behind < windows.size);
            for place in before.into_iter().chain(behind) {
                self.anchors.extend(windows.anchor(outline, place, windows.size)?);
            }
            distance *= 2;
        }
        self.anchors.sort_by_key(|anchor| anchor.offset);
        Ok(())
    }

    /// How the times of all that was seen follow each other, given those of what was walked over.
    pub fn order(&self, walked: &Order) -> Order {
        let mut order = Order { latest: None, ..walked.clone() };
        self.anchors.iter().for_each(|anchor| order.data(anchor.time));
        order
    }

    /// Whether the marker knows of all data that was seen before it: not so when a record was declared anew in between,
    /// or another log begins, or when the marker is none.
    pub fn agrees_with(&self, marker: &FoundMarker) -> Sought<()> {
        let before = self.anchors.iter().filter(|anchor| anchor.offset < marker.offset);
        let mut data = before.filter_map(|anchor| Some((anchor.identifier?, anchor.offset)));
        let knows = |(identifier, offset)| {
            marker.elements.iter().any(|&(element, latest)| element == identifier && latest >= offset)
        };
        if data.all(knows) { Ok(()) } else { Err(Stop::Odd) }
    }
}

/// The last data block of all that the index names.
fn last_indexed<S: ReadAt + ?Sized>(windows: &mut Windows<'_, S>, outline: &Outline) -> Sought<Option<Anchor>> {
    let Some(offset) = outline.index.values().filter_map(|entry| entry.final_record).max() else { return Ok(None) };
    if offset < windows.first_block {
        return Err(Stop::Odd);
    }
    let header = windows.data(offset, outline.has_checksums())?;
    let identifier = Some(header.identifier);
    Ok(header.timestamp.map(|time| Anchor { offset, time: Micros(time), identifier }))
}

impl<S: ReadAt + ?Sized> Windows<'_, S> {
    /// The first place at or behind `from` and before `to` that shows a time: a data block with a right checksum, or
    /// else one that other blocks follow, or else a marker.
    pub fn anchor(&mut self, outline: &Outline, from: u64, to: u64) -> io::Result<Option<Anchor>> {
        let mut at = from;
        for _ in 0..ANCHOR_WINDOWS {
            if at >= to {
                break;
            }
            let window = self.window;
            let first_look = FIRST_LOOK.min(window);
            if let Looked::Found(anchor) = verified(self.front_of(at, first_look, first_look)?, at) {
                return Ok(Some(anchor).filter(|anchor| anchor.offset < to));
            }
            let bytes = self.front(at, window)?;
            let len = bytes.len();
            let mut anchor = match verified(bytes, at) {
                Looked::Found(anchor) => Some(anchor),
                Looked::Nothing | Looked::GaveUp => None,
            };
            if anchor.is_none() {
                anchor = self.followed(outline, at, window)?;
            }
            if anchor.is_none() {
                anchor = self.marked(at, len)?;
            }
            if anchor.is_some() {
                return Ok(anchor.filter(|anchor| anchor.offset < to));
            }
            at += len.max(1) as u64;
        }
        Ok(None)
    }

    /// The first data block in the window at `at` that cannot be verified there, but which other blocks follow.
    fn followed(&mut self, outline: &Outline, at: u64, window: usize) -> io::Result<Option<Anchor>> {
        let size = self.size;
        let bytes = self.front(at, window)?;
        let candidates: Vec<Anchor> = memchr_iter(BlockType::Data.code() as u8, bytes)
            .filter_map(|place| unverified(outline, bytes.get(place..)?, at + place as u64, size))
            .take(FOLLOWED)
            .collect();
        for candidate in candidates {
            if self.is_chain(outline, candidate.offset)? {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// Whether blocks follow each other from `at` on.
    fn is_chain(&mut self, outline: &Outline, mut at: u64) -> io::Result<bool> {
        for _ in 0..CHAIN {
            let size = self.size;
            let front = self.look(at, data::MAX_FRONT_LEN)?;
            let Some((frame, end)) = frame_in(front, at, size) else { return Ok(false) };
            let body = front.get(frame.header_len..).unwrap_or(&[]);
            let is_plausible = match frame.block_type {
                BlockType::Data => data_in(&frame, front).is_some_and(|header| outline.knows(header.identifier)),
                BlockType::SeekMarker => body.starts_with(&MARKER),
                BlockType::Index => end == size,
                BlockType::Schema => frame.body_len > 2,
                BlockType::Dictionary => frame.is_filler(body) == Some(true),
                BlockType::Unknown(_) => false,
            };
            if !is_plausible || end == size {
                return Ok(is_plausible);
            }
            at = end;
        }
        Ok(true)
    }

    fn marked(&mut self, at: u64, len: usize) -> io::Result<Option<Anchor>> {
        let marker = self.next_marker(at..at.saturating_add(len as u64))?;
        Ok(marker.map(|marker| Anchor { offset: marker.offset, time: marker.time, identifier: None }))
    }
}

/// What a window shows.
enum Looked {
    Found(Anchor),
    Nothing,
    /// Too much looks like a block.
    GaveUp,
}

/// The first whole data block in `bytes`, which lie at `base`, that has a time and a right checksum.
fn verified(bytes: &[u8], base: u64) -> Looked {
    let mut budget = bytes.len().saturating_mul(CHECKSUMMED_PER_BYTE);
    for place in memchr_iter(BlockType::Data.code() as u8, bytes) {
        let rest = bytes.get(place..).unwrap_or(&[]);
        let Some((frame, len)) = frame_in(rest, 0, rest.len() as u64) else { continue };
        let Some(header) = data_in(&frame, rest) else { continue };
        let (Some(time), true) = (header.timestamp, header.checksum.is_some()) else { continue };
        // Within the bytes at hand.
        let block = rest.get(..len as usize).unwrap_or(rest);
        let Some(left) = budget.checked_sub(block.len()) else { return Looked::GaveUp };
        budget = left;
        if is_right(block, &frame, &header) {
            let identifier = Some(header.identifier);
            return Looked::Found(Anchor { offset: base + place as u64, time: Micros(time), identifier });
        }
    }
    Looked::Nothing
}

/// The data block at the front of `bytes`, if it may be one: of a known record, with a time, and as to its
/// checksum like the first of the log.
fn unverified(outline: &Outline, bytes: &[u8], offset: u64, size: u64) -> Option<Anchor> {
    let (frame, end) = frame_in(bytes, offset, size)?;
    let header = data_in(&frame, bytes)?;
    let time = Micros(header.timestamp?);
    // One that ends in the window has been found wrong already, if it has a checksum.
    let is_open = header.checksum.is_none() || end - offset > bytes.len() as u64;
    let is_like_first = header.checksum.is_some() == outline.has_checksums();
    let identifier = header.identifier;
    (is_open && is_like_first && outline.knows(identifier)).then_some(Anchor {
        offset,
        time,
        identifier: Some(identifier),
    })
}
