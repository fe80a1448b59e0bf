//! Blocks inside a damaged block whose own size leads to the next one.
//!
//! They are there when the size is wrong by whole blocks, and when bytes were lost from the damaged block or put into
//! it, so that it seems to go on over its successors. Or they are payload: a log in a log. A right checksum does not
//! tell which, but previous offsets do, those of the block itself and those of the first blocks of the records from
//! the place on to which the size led, within [`AHEAD`]:
//!
//! ```text
//!        ┌ damaged, says that it ends here ──────────────┐
//!  … a …  [ . . . . . . . . . . c . . . . . . . . . . . ] b …        a, b, c: one record
//! ```
//!
//! * *c* points at the damaged block, or at *a*, the latest of its record: it belongs to the log.
//! * *b* points into the damaged block: so there were blocks of the log there, and *c* is one.
//! * *b* points at the damaged block or at *a*: all is in its place, and *c* is payload.
//! * *b* points anywhere else: bytes were lost or put in between, so the size means nothing. *c* belongs to the log.
//! * There is no *b*: the same is asked of other records. If that does not tell either, *c* is believed unless it looks
//!   like the blocks of a log in a log: the first of their records point nowhere, all others at each other, inside.
//!
//! It may go on behind where the size led: what looks like a block there may be a piece of *c*, as short filler is.
//!
//! Schemas, seek markers and indices carry no logs: what is inside of one that is torn belongs to the log.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use super::effort::checksumming;
use super::machine::{Machine, whole_block};
use crate::wire::{BlockHeader, BlockType, BodyError, DataHeader, SeekMarker, data, marker};

/// How far behind the damaged block the next blocks of records are looked for, in bytes.
const AHEAD: usize = 64 << 10;

/// An intact data block and what it says of its predecessor, by file offsets.
struct Link {
    identifier: u64,
    offset: u64,
    /// How far back the block before it of its record starts; 0 if there is none.
    distance: u64,
}

/// What the blocks behind a damaged one tell.
#[derive(Default)]
struct Ahead {
    /// Per record that comes there: whether bytes were lost or put in before; `None` if its first block does not tell.
    is_moved: HashMap<u64, Option<bool>>,
    any_moved: bool,
    /// Whether any of them tells.
    tells: bool,
}

impl Link {
    /// Where it says that the block before it of its record starts.
    const fn previous(&self) -> Option<u64> {
        match self.distance {
            0 => None,
            distance => self.offset.checked_sub(distance),
        }
    }
}

impl Machine {
    /// An intact block of the log between the damaged block at the machine's place, which starts at `damaged` in the
    /// file, and `end`, to which its size led. `Err` with where the window must reach to tell.
    pub(super) fn block_inside(
        &mut self,
        window: &[u8],
        end: usize,
        last: bool,
        damaged: u64,
    ) -> Result<Option<usize>, usize> {
        let Some(inside) = window.get(..end) else { return Ok(None) };
        let frame = BlockHeader::parse(&inside[self.at..]).map(|frame| frame.block_type);
        let carries_nothing = matches!(frame, Ok(BlockType::Schema | BlockType::SeekMarker | BlockType::Index));
        let mut ahead = None;
        for at in self.at + 1..end {
            let is_block = match inside[at] {
                2 => match self.link_inside(window, at, end, last)? {
                    Some(link) if carries_nothing || self.continues(&link, damaged) => true,
                    Some(link) => {
                        if !last && window.len() - end < AHEAD {
                            return Err(end + AHEAD);
                        }
                        let ahead = ahead.get_or_insert_with(|| self.look_ahead(window, end, damaged));
                        self.is_of_log(&link, ahead, damaged)
                    }
                    None => false,
                },
                5 => self.is_marker_of_log(&inside[at..], self.offset(at), damaged),
                _ => false,
            };
            if is_block {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Whether an intact data block starts within these bytes of the window, which seem to be a schema's. `Err` with how
    /// many bytes from the machine's place on it takes to tell.
    pub(super) fn has_data(&mut self, window: &[u8], within: Range<usize>, last: bool) -> Result<bool, usize> {
        let end = within.end;
        for at in within {
            match self.link_inside(window, at, end, last) {
                Ok(None) => {}
                Ok(Some(_)) => return Ok(true),
                Err(to) => return Err(to - self.at),
            }
        }
        Ok(false)
    }

    /// The intact data block that starts at `at`, inside of what seems to be another block up to `end`. It may go on
    /// behind that, by [`AHEAD`]. `Err` with where the window must reach to tell.
    fn link_inside(&mut self, window: &[u8], at: usize, end: usize, last: bool) -> Result<Option<Link>, usize> {
        let rest = window.get(at..).unwrap_or(&[]);
        if !last && is_cut(rest) {
            return Err(window.len() + 1);
        }
        let Some(to) = self.declared_data(rest).and_then(|len| at.checked_add(len)) else { return Ok(None) };
        if to > end && to - end > AHEAD {
            return Ok(None);
        }
        match to > window.len() && !last {
            true => Err(to),
            false => Ok(self.link(rest, self.offset(at))),
        }
    }

    /// How long the block at the front of `rest` says it is, if that looks like data with a checksum of a declared
    /// record that says where the block before it is.
    fn declared_data(&self, rest: &[u8]) -> Option<usize> {
        let frame = BlockHeader::parse(rest).ok().filter(|frame| frame.block_type == BlockType::Data)?;
        let header = DataHeader::parse(rest.get(frame.header_len..)?).ok()?;
        header.checksum.and(header.previous_offset)?;
        self.catalog.slot(header.identifier)?;
        frame.block_len().and_then(|len| usize::try_from(len).ok())
    }

    /// The data block at the front of `rest`, if its record is declared, its checksum right, and it says where the
    /// block before it is.
    fn link(&mut self, rest: &[u8], offset: u64) -> Option<Link> {
        let (frame, block) = whole_block(rest)?;
        let header = DataHeader::parse(&block[frame.header_len..]).ok()?;
        let distance = header.previous_offset?;
        let identifier = header.identifier;
        let is_known = frame.block_type == BlockType::Data && self.catalog.slot(identifier).is_some();
        (is_known && self.is_verified(&frame, &header, block)).then_some(Link { identifier, offset, distance })
    }

    /// What the first block of each record from `end` on tells of the damaged block, which starts at `damaged` in the file.
    fn look_ahead(&mut self, window: &[u8], end: usize, damaged: u64) -> Ahead {
        let mut ahead = Ahead::default();
        let mut at = end;
        while at - end < AHEAD {
            let Some((frame, block)) = window.get(at..).and_then(whole_block) else { break };
            if frame.block_type == BlockType::Data
                && let Some(next) = self.link(block, self.offset(at))
                && let Entry::Vacant(first) = ahead.is_moved.entry(next.identifier)
            {
                let is_moved = self.tells_of_moves(&next, damaged, self.offset(end));
                first.insert(is_moved);
                ahead.tells |= is_moved.is_some();
                ahead.any_moved |= is_moved == Some(true);
            }
            at += block.len();
        }
        ahead
    }

    /// Whether bytes were lost or put in before this block; `None` if it does not tell.
    fn tells_of_moves(&self, next: &Link, damaged: u64, end: u64) -> Option<bool> {
        match next.previous() {
            // It has lost its predecessor behind `end`: it says nothing of what is inside.
            Some(previous) if previous >= end => None,
            Some(previous) => Some(previous > damaged || !self.continues(next, damaged)),
            None => Some(false),
        }
    }

    fn is_of_log(&self, link: &Link, ahead: &Ahead, damaged: u64) -> bool {
        if let Some(Some(is_moved)) = ahead.is_moved.get(&link.identifier) {
            return *is_moved;
        }
        match link.previous() {
            _ if ahead.any_moved => true,
            Some(previous) => previous < damaged,
            None => !ahead.tells && self.latest(link.identifier).is_none(),
        }
    }

    fn is_marker_of_log(&mut self, rest: &[u8], offset: u64, damaged: u64) -> bool {
        let Some((frame, block)) = whole_block(rest) else { return false };
        if !block[frame.header_len..].starts_with(&marker::MARKER) || !self.look_for(checksumming(block.len())) {
            return false;
        }
        let Ok(Some(marker)) = SeekMarker::parse(block) else { return false };
        marker.elements().any(|(identifier, distance)| self.continues(&Link { identifier, offset, distance }, damaged))
    }

    /// Whether a block points back at the damaged block or at the latest of its record.
    fn continues(&self, link: &Link, damaged: u64) -> bool {
        let Some(previous) = link.previous() else { return false };
        self.catalog.slot(link.identifier).is_some()
            && (previous == damaged || Some(previous) == self.latest(link.identifier))
    }

    fn latest(&self, identifier: u64) -> Option<u64> {
        self.catalog.slot(identifier).and_then(|slot| self.catalog.entry(slot).latest)
    }
}

/// Whether bytes end within what may be the headers of a data block.
fn is_cut(bytes: &[u8]) -> bool {
    if bytes.len() >= data::MAX_FRONT_LEN {
        return false;
    }
    match BlockHeader::parse(bytes) {
        Ok(frame) if frame.block_type == BlockType::Data => {
            let body = bytes.get(frame.header_len..).unwrap_or(&[]);
            matches!(DataHeader::parse(body), Err(BodyError::Truncated))
        }
        Ok(_) => false,
        Err(_) => bytes.first().is_some_and(|code| u64::from(code & 0x7f) == BlockType::Data.code()),
    }
}
