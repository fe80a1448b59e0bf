//! The state machine under all readers: bytes in, findings out, no input or output of its own.
//!
//! The caller holds a *window* of the file and grows it when asked ([`Progress::Need`]). The
//! machine keeps its place in the window and tells what it found as positions, which
//! [`Machine::view`] turns into an [`Event`] that borrows from the window.
//!
//! One method per state. Data blocks that are whole, declared and verified take the short way
//! ([`Machine::intact_data`]); everything else goes through [`Machine::any_block`], which
//! looks again and names the defect.

use std::ops::Range;

use super::catalog::{Catalog, RecordType};
use super::event::{Damage, Data, Event, Skipped};
use super::resync::Lost;
use super::{Cause, ReadOptions};
use crate::error::{Error, Result};
use crate::mmap::prefetch;
use crate::time::Micros;
use crate::wire::block::{self, FILE_HEADER, FILLER_MAGIC, MAX_HEADER_LEN};
use crate::wire::varuint::VaruintError;
use crate::wire::{BlockHeader, BlockType, DataHeader, HeaderError, IndexBlock, SchemaBlock, SeekMarker, crc};

/// The densest element of snappy makes 64 bytes out of 3: a larger ratio is a lie.
const MAX_SNAPPY_RATIO: u64 = 22;

/// How far ahead bytes are asked for: a page, as within one the processor looks ahead itself.
const AHEAD: usize = 4096;

/// Where the machine stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Before the file header.
    FileHeader,
    /// Where a block should start.
    Blocks,
    /// Somewhere behind damage, looking for a block: [`Machine::lost`] knows more.
    Lost,
    /// [`Machine::pending`] is to be reported before the next block.
    Pending,
    /// Behind the last byte.
    End,
}

/// What came of advancing.
#[derive(Debug)]
pub(super) enum Progress {
    /// So many bytes are needed from the machine's place on, more than the window has.
    Need(usize),
    /// Something was found.
    Found(Found),
    /// The file has ended.
    End,
}

/// A finding; positions are in the window.
#[derive(Debug)]
pub(super) enum Found {
    Schema {
        slot: u32,
    },
    /// Data; [`Machine::view_data`] tells which.
    Data,
    Marker {
        block: Range<usize>,
    },
    Index {
        block: Range<usize>,
    },
    Filler {
        block: Range<usize>,
    },
    Skipped(Skipped),
}

/// The data block that was found last. It is filled in place: carrying it through the results of
/// several functions costs more than everything else but the checksum (`benches/read`).
#[derive(Debug, Default)]
struct FoundData {
    block: Range<usize>,
    slot: u32,
    header: DataHeader,
    /// Where the stored payload begins; it ends with the block.
    payload_at: usize,
    /// How many bytes of the scratch are the decompressed payload, if it was decompressed.
    decompressed: Option<usize>,
}

/// What the short way made of the block at hand.
enum Short {
    Deliver,
    NotWanted,
    LongWay,
}

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) options: ReadOptions,
    pub(super) state: State,
    pub(super) catalog: Catalog,
    /// The file offset of the window's first byte.
    pub(super) base: u64,
    /// The machine's place in the window.
    pub(super) at: usize,
    pub(super) lost: Option<Lost>,
    pub(super) damage: Damage,
    /// Whether any data block so far had a checksum: one without is then suspect.
    pub(super) checksums_seen: bool,
    /// Whether any data block has been intact so far.
    data_seen: bool,
    /// Bytes checksummed in vain: bounds what a hostile file can cost.
    pub(super) wasted: u64,
    /// What is to be reported before the next block.
    pending: Option<Skipped>,
    scratch: Vec<u8>,
    data: FoundData,
}

impl Machine {
    pub fn new(options: ReadOptions) -> Self {
        Self {
            options,
            state: State::FileHeader,
            catalog: Catalog::default(),
            base: 0,
            at: 0,
            lost: None,
            damage: Damage::default(),
            checksums_seen: false,
            data_seen: false,
            wasted: 0,
            pending: None,
            scratch: Vec::new(),
            data: FoundData::default(),
        }
    }

    /// Bytes in front of the machine's place, which the caller may drop from the window.
    pub const fn spent(&self) -> usize {
        self.at
    }

    /// The caller has dropped the spent bytes.
    pub const fn dropped_spent(&mut self) {
        self.base += self.at as u64;
        self.at = 0;
    }

    pub(super) const fn offset(&self, at: usize) -> u64 {
        self.base + at as u64
    }

    /// Goes on to the next finding in `window`; `last` says that nothing follows it.
    pub fn advance(&mut self, window: &[u8], last: bool) -> Result<Progress> {
        loop {
            let progress = match self.state {
                State::Blocks if self.options.verify => self.blocks::<true>(window, last)?,
                State::Blocks => self.blocks::<false>(window, last)?,
                State::FileHeader => self.file_header(window, last)?,
                State::Lost => self.find_block(window, last),
                State::Pending => self.report_pending(),
                State::End => Some(Progress::End),
            };
            if let Some(progress) = progress {
                return Ok(progress);
            }
        }
    }

    fn file_header(&mut self, window: &[u8], last: bool) -> Result<Option<Progress>> {
        match block::check_file_header(window) {
            Ok(len) => {
                self.at = len;
                self.state = State::Blocks;
                Ok(None)
            }
            Err(HeaderError::Truncated) if !last => Ok(Some(Progress::Need(window.len() + 1))),
            Err(e) => Err(Error::Format { offset: 0, cause: e.into() }),
        }
    }

    fn blocks<const VERIFY: bool>(&mut self, window: &[u8], last: bool) -> Result<Option<Progress>> {
        match self.wanted_data::<VERIFY>(window) {
            true => Ok(Some(Progress::Found(Found::Data))),
            false => self.any_block(window, last),
        }
    }

    /// Whether wanted data comes next and nothing but intact data stands before it: what a reader of
    /// data alone asks first, so that no larger finding is carried through its loop.
    #[inline]
    pub fn next_is_data(&mut self, window: &[u8]) -> bool {
        match (&self.state, self.options.verify) {
            (State::Blocks, true) => self.wanted_data::<true>(window),
            (State::Blocks, false) => self.wanted_data::<false>(window),
            _ => false,
        }
    }

    #[inline]
    fn wanted_data<const VERIFY: bool>(&mut self, window: &[u8]) -> bool {
        loop {
            match self.intact_data::<VERIFY>(window) {
                Short::Deliver => return true,
                Short::NotWanted => {}
                Short::LongWay => return false,
            }
        }
    }

    /// The hot path of all reading: `benches/read`.
    #[inline(always)]
    fn intact_data<const VERIFY: bool>(&mut self, window: &[u8]) -> Short {
        prefetch(window, self.at + AHEAD);
        let rest = window.get(self.at..).unwrap_or(&[]);
        let Some((frame, block)) = whole_block(rest) else { return Short::LongWay };
        if frame.block_type != BlockType::Data {
            return Short::LongWay;
        }
        let Ok(header) = DataHeader::parse(&block[frame.header_len..]) else { return Short::LongWay };
        let Some(checksum) = header.checksum else { return Short::LongWay };
        let checksum_at = frame.header_len + header.len - crc::LEN;
        if VERIFY && (self.too_much_wasted(block.len()) || crc::block_crc(block, checksum_at) != checksum) {
            return Short::LongWay;
        }
        let Some(slot) = self.catalog.slot(header.identifier) else { return Short::LongWay };
        self.checksums_seen = true;
        match self.take(slot, header, frame.header_len, block) {
            Ok(true) => Short::Deliver,
            Ok(false) => Short::NotWanted,
            Err(_) => Short::LongWay,
        }
    }

    /// Moves over an intact data block; whether it is wanted, and then it is in `self.data`.
    #[inline(always)]
    fn take(&mut self, slot: u32, header: DataHeader, frame_len: usize, block: &[u8]) -> Result<bool, Cause> {
        let start = self.at;
        let payload_in_block = frame_len + header.len;
        let entry = self.catalog.entry(slot);
        let wanted = entry.selected && self.options.selection.wants_time(header.timestamp.map(Micros));
        let compressed = header.flags.contains(crate::wire::DataFlags::SNAPPY);
        let decompressed = if wanted && compressed && !self.options.raw_payloads {
            Some(self.decompress(&block[payload_in_block..])?)
        } else {
            None
        };
        let offset = self.offset(start);
        self.catalog.entry_mut(slot).latest = Some(offset);
        self.data_seen = true;
        self.at += block.len();
        if wanted {
            let payload_at = start + payload_in_block;
            self.data = FoundData { block: start..self.at, slot, header, payload_at, decompressed };
        }
        Ok(wanted)
    }

    fn decompress(&mut self, stored: &[u8]) -> Result<usize, Cause> {
        let snappy = |e: snap::Error| Cause::Snappy(e.to_string());
        let len = snap::raw::decompress_len(stored).map_err(snappy)?;
        if len as u64 > self.options.max_payload {
            return Err(Cause::Limit { what: "a payload", size: len as u64, limit: self.options.max_payload });
        }
        if len as u64 > MAX_SNAPPY_RATIO * stored.len() as u64 {
            return Err(Cause::Snappy(format!("{} bytes cannot hold the {len} that they claim", stored.len())));
        }
        if self.scratch.len() < len {
            self.scratch.resize(len, 0);
        }
        snap::raw::Decoder::new().decompress(stored, &mut self.scratch[..len]).map_err(snappy)
    }

    /// The long way: any block, whole or not, defect or not.
    fn any_block(&mut self, window: &[u8], last: bool) -> Result<Option<Progress>> {
        let rest = window.get(self.at..).unwrap_or(&[]);
        if rest.is_empty() {
            if last {
                self.state = State::End;
            }
            return Ok(Some(if last { Progress::End } else { Progress::Need(1) }));
        }
        let frame = match BlockHeader::parse(rest) {
            Ok(frame) => frame,
            Err(VaruintError::Truncated) if !last => return Ok(Some(Progress::Need(rest.len() + 1))),
            Err(VaruintError::Truncated) => return self.lose(Cause::Truncated, None),
            Err(VaruintError::Overflow) => return self.lose(Cause::NotABlock, None),
        };
        let Some((_, block)) = whole_block(rest) else {
            return self.partial_block(&frame, rest, last);
        };
        match frame.block_type {
            BlockType::Data => self.data_block(&frame, block),
            BlockType::Schema => self.schema_block(&frame, block, window, last),
            BlockType::SeekMarker => self.marker_block(block),
            // Only the last block is the index of the log, so a stream must look one byte further.
            BlockType::Index if !last && block.len() == rest.len() => Ok(Some(Progress::Need(block.len() + 1))),
            BlockType::Index => self.index_block(block, block.len() == rest.len()),
            BlockType::Dictionary if block[frame.header_len..].starts_with(&FILLER_MAGIC) => {
                Ok(self.found(block, |block| Found::Filler { block }))
            }
            BlockType::Unknown(_) if rest.starts_with(&FILE_HEADER) => self.another_log(),
            other => self.lose(Cause::BlockType(other.code()), Some(block.len())),
        }
    }

    /// A block that is not whole in the window: still to come, cut off, or not one at all.
    fn partial_block(&mut self, frame: &BlockHeader, rest: &[u8], last: bool) -> Result<Option<Progress>> {
        if rest.starts_with(&FILE_HEADER) {
            return self.another_log();
        }
        let limit = self.options.max_block;
        match frame.block_len() {
            _ if last => self.lose(Cause::Truncated, None),
            Some(size) if size <= limit => Ok(Some(Progress::Need(size as usize))),
            size => self.lose(Cause::Limit { what: "a block", size: size.unwrap_or(u64::MAX), limit }, None),
        }
    }

    /// Logs that were concatenated: the next one declares its records itself.
    fn another_log(&mut self) -> Result<Option<Progress>> {
        self.catalog.clear();
        self.skip(FILE_HEADER.len(), Cause::AnotherLog)
    }

    fn data_block(&mut self, frame: &BlockHeader, block: &[u8]) -> Result<Option<Progress>> {
        let header = match DataHeader::parse(&block[frame.header_len..]) {
            Ok(header) => header,
            Err(error) => return self.lose(Cause::Body { block: "data", error }, Some(block.len())),
        };
        if let Some(cause) = self.checksum_defect(frame, &header, block) {
            return self.lose(cause, Some(block.len()));
        }
        let Some(slot) = self.catalog.slot(header.identifier) else {
            return self.skip_unusable(Cause::Undeclared(header.identifier), &header, block);
        };
        match self.take(slot, header, frame.header_len, block) {
            Ok(wanted) => Ok(wanted.then_some(Progress::Found(Found::Data))),
            Err(cause) => self.skip_unusable(cause, &header, block),
        }
    }

    /// A block with a right checksum ends where it says; one without is only believed if another block follows.
    fn skip_unusable(&mut self, cause: Cause, header: &DataHeader, block: &[u8]) -> Result<Option<Progress>> {
        match header.checksum {
            Some(_) if self.options.verify => self.skip(block.len(), cause),
            _ => self.lose(cause, Some(block.len())),
        }
    }

    fn checksum_defect(&mut self, frame: &BlockHeader, header: &DataHeader, block: &[u8]) -> Option<Cause> {
        if !self.options.verify {
            return None;
        }
        let Some(stored) = header.checksum else { return self.cleared_checksum_flag(frame, header, block) };
        if self.too_much_wasted(block.len()) {
            return Some(Cause::Limit { what: "checksummed damage", size: self.wasted, limit: self.waste_limit() });
        }
        let computed = crc::block_crc(block, frame.header_len + header.len - crc::LEN);
        if computed == stored {
            self.checksums_seen = true;
            return None;
        }
        self.wasted += block.len() as u64;
        Some(Cause::Checksum { stored, computed })
    }

    /// A block without a checksum in a log that has them, or at the start of one that may: when its
    /// bytes are right *with* the checksum flag set, that flag is what was damaged.
    fn cleared_checksum_flag(&self, frame: &BlockHeader, header: &DataHeader, block: &[u8]) -> Option<Cause> {
        let flags_at = frame.header_len + crate::wire::varuint::len(header.identifier);
        let checksum_at = frame.header_len + header.len;
        let suspect = self.checksums_seen || !self.data_seen;
        let stored = block.get(checksum_at..)?.first_chunk::<{ crc::LEN }>()?;
        if !suspect || block.get(flags_at).copied()? as u64 != header.flags.bits() {
            return None;
        }
        let mut repaired = block.to_vec();
        repaired[flags_at] |= crate::wire::DataFlags::CHECKSUM.bits() as u8;
        let stored = u32::from_le_bytes(*stored);
        (crc::block_crc(&repaired, checksum_at) == stored).then_some(Cause::ChecksumFlag)
    }

    fn schema_block(
        &mut self,
        frame: &BlockHeader,
        block: &[u8],
        window: &[u8],
        last: bool,
    ) -> Result<Option<Progress>> {
        let parsed = SchemaBlock::parse(&block[frame.header_len..])
            .map_err(|error| Cause::Body { block: "schema", error })
            .and_then(|schema| RecordType::parse(&schema, self.offset(self.at)));
        let mut record = match parsed {
            Ok(record) => record,
            Err(cause) => return self.lose(cause, Some(block.len())),
        };
        let len = match self.true_schema_len(&record, block.len(), window, last) {
            Ok(len) => len,
            Err(needed) => return Ok(Some(Progress::Need(needed))),
        };
        let start = self.offset(self.at);
        if len < block.len() {
            let cause = Cause::SchemaSize { claimed: block.len() as u64, needed: len as u64 };
            self.refuse_if_strict(start, &cause)?;
            record.schema_bytes.truncate(record.schema_bytes.len() + len - block.len());
            self.pending = Some(Skipped { range: start..start + frame.header_len as u64, cause });
        }
        let selected = self.options.selection.wants_record(&record.name);
        match self.catalog.declare(record, selected) {
            Ok(slot) => {
                if self.pending.is_some() {
                    self.state = State::Pending;
                }
                Ok(self.found(&block[..len], |_| Found::Schema { slot }))
            }
            Err(cause) => {
                self.pending = None;
                self.lose(cause, Some(block.len()))
            }
        }
    }

    /// The state [`State::Pending`].
    fn report_pending(&mut self) -> Option<Progress> {
        self.state = State::Blocks;
        let Skipped { range, cause } = self.pending.take()?;
        Some(self.skipped(range, cause))
    }

    /// How long a schema block really is. Nothing but its own size says where it ends, and bytes after
    /// the schema are ignored: a size that has become too large would swallow the blocks that follow.
    /// `Err` with the bytes needed to tell.
    fn true_schema_len(
        &mut self,
        record: &RecordType,
        claimed: usize,
        window: &[u8],
        last: bool,
    ) -> std::result::Result<usize, usize> {
        let surplus = record.schema_bytes.len().saturating_sub(record.schema.to_bytes().len());
        match surplus {
            0 => Ok(claimed),
            _ => self.is_block_at(window, self.at + claimed - surplus, last).map(|is_block| match is_block {
                true => claimed - surplus,
                false => claimed,
            }),
        }
    }

    fn marker_block(&mut self, block: &[u8]) -> Result<Option<Progress>> {
        match SeekMarker::parse(block) {
            Ok(Some(_)) => Ok(self.found(block, |block| Found::Marker { block })),
            Ok(None) => self.lose(Cause::MarkerChecksum, Some(block.len())),
            Err(error) => self.lose(Cause::Body { block: "seek marker", error }, Some(block.len())),
        }
    }

    fn index_block(&mut self, block: &[u8], is_last: bool) -> Result<Option<Progress>> {
        match IndexBlock::parse(block) {
            Ok(index) if is_last && !self.is_true(&index) => self.skip(block.len(), Cause::Index),
            Ok(_) => Ok(self.found(block, |block| Found::Index { block })),
            Err(error) => self.lose(Cause::Body { block: "index", error }, Some(block.len())),
        }
    }

    /// Whether what was read agrees with the index. It may leave out records, and the last data of those that
    /// it has; where something was skipped, that may be what the index means.
    fn is_true(&self, index: &IndexBlock<'_>) -> bool {
        index.entries().all(|entry| {
            let Some(slot) = self.catalog.slot(entry.identifier) else { return !self.damage.is_none() };
            let known = self.catalog.entry(slot);
            let last = entry.final_record.filter(|&offset| offset != 0);
            let schema_is_right = entry.schema_location == known.record.location;
            let last_is_right = last.is_none() || last == known.latest;
            (schema_is_right && last_is_right) || !self.damage.is_none()
        })
    }

    fn found(&mut self, block: &[u8], found: impl FnOnce(Range<usize>) -> Found) -> Option<Progress> {
        let range = self.at..self.at + block.len();
        self.at = range.end;
        Some(Progress::Found(found(range)))
    }

    /// Reports the next `len` bytes as unusable; they are known to end where a block starts.
    fn skip(&mut self, len: usize, cause: Cause) -> Result<Option<Progress>> {
        let start = self.offset(self.at);
        self.refuse_if_strict(start, &cause)?;
        self.at += len;
        Ok(Some(self.skipped(start..self.offset(self.at), cause)))
    }

    /// Something is wrong with the block here; `claimed_len` is how long it says it is.
    fn lose(&mut self, cause: Cause, claimed_len: Option<usize>) -> Result<Option<Progress>> {
        let start = self.offset(self.at);
        self.refuse_if_strict(start, &cause)?;
        self.lost = Some(Lost::new(start, claimed_len, cause));
        self.state = State::Lost;
        Ok(None)
    }

    fn refuse_if_strict(&self, offset: u64, cause: &Cause) -> Result<()> {
        match self.options.strict {
            true => Err(Error::Format { offset, cause: cause.clone() }),
            false => Ok(()),
        }
    }

    pub(super) fn skipped(&mut self, range: Range<u64>, cause: Cause) -> Progress {
        let skipped = Skipped { range, cause };
        self.damage.add(&skipped);
        Progress::Found(Found::Skipped(skipped))
    }

    /// The finding as an event. `window` is the one that it was found in.
    pub fn view<'a>(&'a self, found: Found, window: &'a [u8]) -> Option<Event<'a>> {
        Some(match found {
            Found::Data => Event::Data(self.view_data(window)?),
            Found::Schema { slot } => Event::Schema(&self.catalog.entry(slot).record),
            Found::Marker { block } => {
                let marker = SeekMarker::parse(window.get(block.clone())?).ok()??;
                Event::Marker { offset: self.offset(block.start), marker }
            }
            Found::Index { block } => {
                let index = IndexBlock::parse(window.get(block.clone())?).ok()?;
                Event::Index { offset: self.offset(block.start), index }
            }
            Found::Filler { block } => Event::Filler { range: self.offset(block.start)..self.offset(block.end) },
            Found::Skipped(skipped) => Event::Skipped(skipped),
        })
    }

    /// The data that was found last.
    #[inline]
    pub fn view_data<'a>(&'a self, window: &'a [u8]) -> Option<Data<'a>> {
        let data = &self.data;
        let stored = window.get(data.payload_at..data.block.end)?;
        let payload = match data.decompressed {
            Some(len) => self.scratch.get(..len)?,
            None => stored,
        };
        Some(Data {
            offset: self.offset(data.block.start),
            block_len: data.block.len() as u64,
            record: &self.catalog.entry(data.slot).record,
            flags: data.header.flags,
            previous_offset: data.header.previous_offset,
            time: data.header.timestamp.map(Micros),
            checksum: data.header.checksum,
            payload,
            stored_len: stored.len() as u64,
        })
    }
}

/// The block at the front of `rest`, if it is there to its end.
#[inline]
pub(super) fn whole_block(rest: &[u8]) -> Option<(BlockHeader, &[u8])> {
    let frame = BlockHeader::parse(rest).ok()?;
    let len = usize::try_from(frame.block_len()?).ok()?;
    Some((frame, rest.get(..len)?))
}

const _: () = assert!(MAX_HEADER_LEN >= FILE_HEADER.len(), "a header that needs more bytes sees a file header too");
