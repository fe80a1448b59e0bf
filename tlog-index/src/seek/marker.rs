//! Finding seek markers, forwards and backwards.
//!
//! A marker is believed when its header, its checksum, and the data blocks that it points at are right. What lies in
//! a payload and was copied there from elsewhere points at something else then.

use std::io;
use std::ops::Range;

use memchr::memmem::Finder;
use tlog::read::ReadAt;
use tlog::wire::block::MAX_HEADER_LEN;
use tlog::wire::marker::MARKER;
use tlog::wire::{BlockType, SeekMarker, data};
use tlog::{Micros, Result};

use super::SeekOptions;
use super::windows::{Sought, Stop, Windows, data_in, frame_in};

/// The longest marker that is looked at, in bytes: some fifty thousand records.
const MAX_MARKER: u64 = 1 << 20;

/// So many elements of a marker are checked before it is believed.
const CHECKED: usize = 32;

/// How many bytes of would-be markers are looked at in vain before the search is given up.
const MAX_IN_VAIN: u64 = 64 << 20;

/// Where in a marker's body its header length lies.
const HEADER_LEN_AT: usize = MARKER.len() + 4;

/// A seek marker whose checksum is right and which points at data blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundMarker {
    /// Where its block starts, in bytes from the start of the file.
    pub offset: u64,
    /// Where the block behind it starts, or the end of the file.
    pub end: u64,
    /// That of the data block before it.
    pub time: Micros,
    /// Per record that has data since its latest declaration: its identifier, and where its latest data block
    /// before the marker starts.
    pub elements: Vec<(u64, u64)>,
}

/// The first seek marker that starts in `range`, in bytes from the start of the file; reads to there and no further.
///
/// A marker that was copied into a payload is told from a real one by what it points at; only one that
/// lies there together with all the data that it points at cannot be.
///
/// # Errors
/// [`tlog::Error::Io`], and [`tlog::Error::Format`] when the file is no log.
pub fn find_marker<S: ReadAt + ?Sized>(source: &S, range: Range<u64>) -> Result<Option<FoundMarker>> {
    let mut windows = Windows::open(source, SeekOptions::default().window)?;
    Ok(windows.next_marker(range)?)
}

impl<S: ReadAt + ?Sized> Windows<'_, S> {
    /// The first marker that starts in `range`.
    pub fn next_marker(&mut self, range: Range<u64>) -> io::Result<Option<FoundMarker>> {
        let finder = Finder::new(&MARKER);
        let mut at = range.start.max(self.first_block);
        let end = range.end.saturating_add(MAX_HEADER_LEN as u64);
        while at < end {
            let bytes = self.front(at, MARKER.len())?;
            let Some(passed) = (bytes.len() + 1).checked_sub(MARKER.len()).filter(|&len| len > 0) else { break };
            let hits: Vec<usize> = finder.find_iter(bytes).collect();
            for hit in hits {
                match self.marker_around(at + hit as u64)? {
                    Some(marker) if range.contains(&marker.offset) => return Ok(Some(marker)),
                    _ => {}
                }
            }
            at += passed as u64;
        }
        Ok(None)
    }

    /// The last marker that starts in `range`; reads it from behind. Without one among the last `most` bytes
    /// it is not known whether there is any.
    pub fn last_marker(&mut self, range: Range<u64>, most: u64) -> Sought<Option<FoundMarker>> {
        let finder = Finder::new(&MARKER);
        let first = range.start.max(self.first_block);
        let mut high = range.end.saturating_add((MAX_HEADER_LEN + MARKER.len()) as u64).min(self.size);
        let lowest = high.saturating_sub(most);
        while high > first {
            if high <= lowest {
                return Err(Stop::Odd);
            }
            let low = self.window_below(high).unwrap_or(high.saturating_sub(self.window as u64)).max(first);
            // At most a window, or what one has already.
            let len = (high - low) as usize;
            let bytes = self.front(low, len)?;
            let hits: Vec<usize> = finder.find_iter(bytes.get(..len).unwrap_or(bytes)).collect();
            for hit in hits.into_iter().rev() {
                match self.marker_around(low + hit as u64)? {
                    Some(marker) if range.contains(&marker.offset) => return Ok(Some(marker)),
                    _ => {}
                }
            }
            if low == first {
                break;
            }
            // The magic may straddle two windows.
            high = low + (MARKER.len() as u64 - 1);
        }
        Ok(None)
    }

    /// The marker whose magic lies at `magic_at`, if it is one.
    fn marker_around(&mut self, magic_at: u64) -> io::Result<Option<FoundMarker>> {
        let Some(&header_len) = self.look(magic_at, HEADER_LEN_AT + 1)?.get(HEADER_LEN_AT) else { return Ok(None) };
        let Some(offset) = magic_at.checked_sub(header_len.into()).filter(|&offset| offset >= self.first_block) else {
            return Ok(None);
        };
        let Some((frame, end)) = self.frame(offset)? else { return Ok(None) };
        let len = end - offset;
        if frame.block_type != BlockType::SeekMarker || frame.header_len != usize::from(header_len) || len > MAX_MARKER
        {
            return Ok(None);
        }
        if self.in_vain > MAX_IN_VAIN {
            return Ok(None);
        }
        // At most a megabyte.
        let block = self.look(offset, len as usize)?;
        let found = SeekMarker::parse(block).ok().flatten().and_then(|marker| told(&marker, offset, end));
        if let Some(marker) = found
            && self.points_at_data(&marker)?
        {
            return Ok(Some(marker));
        }
        self.in_vain += len;
        Ok(None)
    }

    /// Whether the first elements point at data blocks of their records.
    fn points_at_data(&mut self, marker: &FoundMarker) -> io::Result<bool> {
        let (first_block, size) = (self.first_block, self.size);
        for &(identifier, offset) in marker.elements.iter().take(CHECKED) {
            if offset < first_block {
                return Ok(false);
            }
            let front = self.look(offset, data::MAX_FRONT_LEN)?;
            let is_data = frame_in(front, offset, size)
                .filter(|&(_, end)| end <= marker.offset)
                .and_then(|(frame, _)| data_in(&frame, front))
                .is_some_and(|header| header.identifier == identifier);
            if !is_data {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What a marker says; `None` when it points before the file.
pub(super) fn told(marker: &SeekMarker<'_>, offset: u64, end: u64) -> Option<FoundMarker> {
    let place = |(identifier, distance)| Some((identifier, offset.checked_sub(distance)?));
    let elements = marker.elements().map(place).collect::<Option<_>>()?;
    Some(FoundMarker { offset, end, time: Micros(marker.timestamp), elements })
}
