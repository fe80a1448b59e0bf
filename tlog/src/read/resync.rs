//! Finding the next block behind damage.
//!
//! Where a block is broken, its own size is tried first: a block with a right checksum must
//! follow, or a plausible one where no checksum can be expected. Otherwise every following byte
//! is tried. There a block must have a right checksum, or start a chain of plausible blocks that reaches
//! such a block, or the end of the file, or a length of [`CHAIN`]; and in a log that has checksums
//! the chain must not start with data: nothing may be invented.
//!
//! If the size leads to an anchor it may still be wrong, by the length of whole blocks. Blocks
//! between are therefore looked for too: bytes were lost or put in there, or the size grew. But a damaged payload
//! may also contain a whole log, so a right checksum is not enough: `inside.rs` asks who else speaks for them.
//!
//! What a hostile file can make us look at in vain is bounded: `effort` says how.

use super::Cause;
use super::catalog::Declaration;
use super::effort::{checksumming, parsing};
use super::machine::{Machine, Progress, State};
use crate::wire::block::{FILE_HEADER, FILLER_MAGIC, MAX_HEADER_LEN};
use crate::wire::varuint::VaruintError;
use crate::wire::{
    BlockHeader, BlockType, BodyError, DataFlags, DataHeader, IndexBlock, SeekMarker, crc, data, marker,
};

/// So many plausible blocks in a row are an anchor.
const CHAIN: usize = 4;

/// Behind damage, data of undeclared records and schemas are believed up to this size in bytes.
const UNDECLARED_MAX: usize = 1 << 20;

/// A search for the next block.
#[derive(Debug)]
pub(super) struct Lost {
    /// Where the damaged block starts, in bytes from the start of the file.
    start: u64,
    /// From where on a block may start.
    first: u64,
    /// How long it says it is, as long as that has not been found to be wrong.
    claimed_len: Option<usize>,
    cause: Cause,
}

impl Lost {
    pub const fn new(start: u64, claimed_len: Option<usize>, cause: Cause) -> Self {
        Self { start, first: start.saturating_add(1), claimed_len, cause }
    }

    /// The file does not start as a log does: a block may start anywhere.
    pub const fn at_start(cause: Cause) -> Self {
        Self { start: 0, first: 0, claimed_len: None, cause }
    }

    /// The record that is not declared, if that is what is wrong: its data will come again.
    const fn undeclared(&self) -> Option<u64> {
        match self.cause {
            Cause::Undeclared(identifier) => Some(identifier),
            _ => None,
        }
    }
}

/// Whether reading can go on at some place.
#[derive(Debug, PartialEq, Eq)]
enum Anchor {
    Yes,
    No,
    /// Undecided until the window reaches this position.
    NeedsTo(usize),
}

/// What a place looks like on its own.
enum Look {
    /// A block with a right checksum, or with so long a magic that it needs none: another log, filler.
    Verified,
    /// What may well be a block of this length, without a checksum.
    Plausible {
        len: usize,
        what: Unverified,
    },
    Broken,
    /// Undecided without this many bytes.
    Needs(usize),
}

/// A plausible block's kind, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unverified {
    Data,
    /// A declaration of the record with this identifier.
    Schema(u64),
    Filler,
}

impl Machine {
    /// The state [`State::Lost`].
    pub(super) fn find_block(&mut self, window: &[u8], last: bool) -> Option<Progress> {
        let Some(mut lost) = self.lost.take() else {
            self.state = State::Blocks;
            return None;
        };
        if let Some(len) = lost.claimed_len {
            let end = self.at + len;
            match self.anchor(window, end, last, lost.undeclared()) {
                Anchor::Yes => {
                    return Some(match self.block_inside(window, end, last, lost.start) {
                        Ok(inside) => self.found_again(lost, inside.unwrap_or(end)),
                        Err(to) => self.need(lost, self.at, to),
                    });
                }
                Anchor::NeedsTo(to) => return Some(self.need(lost, self.at, to)),
                Anchor::No => lost.claimed_len = None,
            }
        }
        self.try_every_byte(lost, window, last)
    }

    fn try_every_byte(&mut self, lost: Lost, window: &[u8], last: bool) -> Option<Progress> {
        let first = usize::try_from(lost.first.saturating_sub(self.base)).unwrap_or(usize::MAX);
        for at in self.at.max(first)..window.len() {
            match self.candidate(window, at, last) {
                Anchor::Yes => return Some(self.found_again(lost, at)),
                Anchor::NeedsTo(to) => return Some(self.need(lost, at, to)),
                Anchor::No => {}
            }
        }
        match last {
            true => Some(self.found_again(lost, window.len())),
            false => Some(self.need(lost, window.len(), window.len() + 1)),
        }
    }

    fn found_again(&mut self, lost: Lost, at: usize) -> Progress {
        self.at = at;
        self.state = State::Blocks;
        self.skipped(lost.start..self.offset(at), lost.cause)
    }

    /// The search goes on at `at` once the window reaches `to`.
    fn need(&mut self, lost: Lost, at: usize, to: usize) -> Progress {
        self.at = at;
        self.lost = Some(lost);
        Progress::Need(to - at)
    }

    /// Whether a block starts at `at`; `Err` with the bytes needed from the machine's place on to tell.
    /// `declared` is as for [`chain`](Self::chain).
    pub(super) fn is_block_at(
        &mut self,
        window: &[u8],
        at: usize,
        last: bool,
        declared: Option<u64>,
    ) -> Result<bool, usize> {
        match self.anchor(window, at, last, declared) {
            Anchor::Yes => Ok(true),
            Anchor::No => Ok(false),
            Anchor::NeedsTo(to) => Err(to - self.at),
        }
    }

    /// Whether reading can go on at `at` when a block's size led there; `declared` is as for [`chain`](Self::chain).
    fn anchor(&mut self, window: &[u8], at: usize, last: bool, declared: Option<u64>) -> Anchor {
        if at < window.len()
            && let Look::Plausible { what, .. } = self.look(&window[at..], last, None)
            && match what {
                Unverified::Data => !self.checksums_seen,
                Unverified::Schema(_) => true,
                // Too short to be known by its contents: two bytes of any payload look like it.
                Unverified::Filler => false,
            }
        {
            return Anchor::Yes;
        }
        self.chain(window, at, last, declared)
    }

    /// Follows blocks from `at` on; data of the record `declared` is plausible whatever its payload.
    fn chain(&mut self, window: &[u8], mut at: usize, last: bool, mut declared: Option<u64>) -> Anchor {
        for _ in 0..CHAIN {
            if at >= window.len() {
                return if last { Anchor::Yes } else { Anchor::NeedsTo(at + 1) };
            }
            match self.look(&window[at..], last, declared) {
                Look::Verified => return Anchor::Yes,
                Look::Broken => return Anchor::No,
                Look::Needs(more) => return Anchor::NeedsTo(at.saturating_add(more)),
                Look::Plausible { len, what } => {
                    at += len;
                    if let Unverified::Schema(identifier) = what {
                        declared = Some(identifier);
                    }
                }
            }
        }
        Anchor::Yes
    }

    /// Whether reading can go on at `at`, to which nothing led.
    fn candidate(&mut self, window: &[u8], at: usize, last: bool) -> Anchor {
        let rest = &window[at..];
        // The codes that are defined, and what another log starts with.
        if !matches!(rest[0], 1..=5) && rest[0] != FILE_HEADER[0] {
            return Anchor::No;
        }
        match self.look(rest, last, None) {
            Look::Verified => Anchor::Yes,
            Look::Broken => Anchor::No,
            Look::Needs(more) => Anchor::NeedsTo(at.saturating_add(more)),
            Look::Plausible { what: Unverified::Data, .. } if self.checksums_seen => Anchor::No,
            // Too short to be known by its contents, and what follows will be tried too.
            Look::Plausible { what: Unverified::Filler, .. } => Anchor::No,
            Look::Plausible { what: Unverified::Schema(declared), len } => {
                self.chain(window, at + len, last, Some(declared))
            }
            Look::Plausible { len, .. } => self.chain(window, at + len, last, None),
        }
    }

    fn look(&mut self, rest: &[u8], last: bool, declared: Option<u64>) -> Look {
        let undecided = |needed: usize| if last { Look::Broken } else { Look::Needs(needed.max(rest.len() + 1)) };
        if starts_alike(rest, &FILE_HEADER) {
            return if rest.len() >= FILE_HEADER.len() { Look::Verified } else { undecided(FILE_HEADER.len()) };
        }
        let frame = match BlockHeader::parse(rest) {
            Ok(frame) => frame,
            Err(VaruintError::Truncated) => return undecided(0),
            Err(VaruintError::Overflow) => return Look::Broken,
        };
        let body = &rest[frame.header_len..];
        match frame.is_filler(body) {
            // Its contents do not matter, so it need not be there to its end.
            Some(true) if frame.body_len >= FILLER_MAGIC.len() as u64 => return Look::Verified,
            None => return undecided(0),
            _ => {}
        }
        let Some(len) = frame.block_len().filter(|&len| len <= self.options.max_block) else { return Look::Broken };
        let Ok(len) = usize::try_from(len) else { return Look::Broken };
        match self.may_be_block(&frame, body, len, declared) {
            Ok(true) => {}
            Ok(false) => return Look::Broken,
            Err(BodyError::Truncated) if rest.len() < len => {
                return undecided((MAX_HEADER_LEN + data::MAX_HEADER_LEN).min(len));
            }
            Err(_) => return Look::Broken,
        }
        match rest.get(..len) {
            Some(block) => self.look_at_block(&frame, block, declared),
            None if self.affords(checksumming(len)) => undecided(len),
            None => Look::Broken,
        }
    }

    /// A first opinion from the front of the body, before a long one is waited for or checksummed.
    fn may_be_block(
        &self,
        frame: &BlockHeader,
        body: &[u8],
        len: usize,
        declared: Option<u64>,
    ) -> Result<bool, BodyError> {
        let body = &body[..body.len().min(len - frame.header_len)];
        Ok(match frame.block_type {
            BlockType::Data => {
                let header = DataHeader::parse(body)?;
                let is_declared = self.catalog.slot(header.identifier).is_some() || declared == Some(header.identifier);
                is_declared || (header.checksum.is_some() && len <= UNDECLARED_MAX)
            }
            BlockType::SeekMarker => starts_alike(body, &marker::MARKER),
            BlockType::Index => body.first().is_none_or(|&flags| flags == 0),
            BlockType::Schema => len <= UNDECLARED_MAX,
            // Filler, as far as it comes here.
            BlockType::Dictionary => frame.is_filler(body) == Some(true),
            BlockType::Unknown(_) => false,
        })
    }

    fn look_at_block(&mut self, frame: &BlockHeader, block: &[u8], declared: Option<u64>) -> Look {
        let plausible = |what| Look::Plausible { len: block.len(), what };
        let body = &block[frame.header_len..];
        let looks_right = match frame.block_type {
            BlockType::Data => match DataHeader::parse(body) {
                Ok(header) if header.checksum.is_some() => self.is_verified(frame, &header, block),
                Ok(header) if declared == Some(header.identifier) || self.decodes(&header, body) => {
                    return plausible(Unverified::Data);
                }
                _ => false,
            },
            BlockType::SeekMarker => {
                self.look_for(checksumming(block.len())) && matches!(SeekMarker::parse(block), Ok(Some(_)))
            }
            BlockType::Index => self.is_index(block),
            BlockType::Schema => match self.declared_by(body) {
                Some(identifier) => return plausible(Unverified::Schema(identifier)),
                None => false,
            },
            BlockType::Dictionary => return plausible(Unverified::Filler),
            BlockType::Unknown(_) => false,
        };
        if looks_right { Look::Verified } else { Look::Broken }
    }

    pub(super) fn is_verified(&mut self, frame: &BlockHeader, header: &DataHeader, block: &[u8]) -> bool {
        let Some(stored) = header.checksum else { return false };
        let checksum_at = frame.header_len + header.len - crc::LEN;
        self.look_for(checksumming(block.len())) && crc::block_crc(block, checksum_at) == stored
    }

    fn is_index(&mut self, block: &[u8]) -> bool {
        let has_trailer = IndexBlock::trailer(block).is_some();
        has_trailer && self.look_for(checksumming(block.len())) && IndexBlock::parse(block).is_ok()
    }

    /// The record that a schema block with this body declares. Bytes behind the schema would be ignored at a
    /// place that is known to be a block's; they make it too easy to take something else for one.
    fn declared_by(&mut self, body: &[u8]) -> Option<u64> {
        if !self.affords(parsing(body.len())) {
            return None;
        }
        let parsed = Declaration::parse(body);
        self.effort.spend(parsing(parsed.as_ref().map_or_else(Cause::read_len, Declaration::encoded_len)));
        parsed.ok().filter(|declaration| declaration.surplus() == 0).map(|declaration| declaration.identifier())
    }

    /// Whether the payload of a block without a checksum is just what its schema says.
    fn decodes(&mut self, header: &DataHeader, body: &[u8]) -> bool {
        let Some(slot) = self.catalog.slot(header.identifier) else { return false };
        let payload = body.get(header.len..).unwrap_or(&[]);
        if !self.look_for(parsing(payload.len())) {
            return false;
        }
        match header.flags.contains(DataFlags::SNAPPY) {
            true => self.decompress(payload).is_ok(),
            false => self.fits(slot, payload).is_ok(),
        }
    }

    /// Whether to look at something of this cost, which is then counted: if it is passed over later, that pays for it.
    pub(super) fn look_for(&mut self, cost: u64) -> bool {
        let affords = self.affords(cost);
        if affords {
            self.effort.spend(cost);
        }
        affords
    }
}

fn starts_alike(body: &[u8], magic: &[u8]) -> bool {
    body.iter().zip(magic).all(|(a, b)| a == b)
}
