//! The state machine under all readers: bytes in, findings out, no input or output of its own.
//!
//! The caller holds a *window* of the file and grows it when asked ([`Progress::Need`]). The
//! machine keeps its place in the window and tells what it found as positions, which
//! [`Machine::view`] turns into an [`Event`] that borrows from the window.
//!
//! One method per state. Data blocks that are whole, declared and verified take the short way
//! ([`Machine::intact_data`]); everything else goes through [`Machine::any_block`] in `inspect`, which
//! looks again and names the defect.

use std::ops::Range;
use std::sync::Arc;

use super::catalog::Catalog;
use super::effort::{Effort, checksumming};
use super::event::{Damage, Data, Event, Skipped};
use super::place::{KnownRecord, Place, Standing};
use super::resync::Lost;
use super::{Cause, ReadOptions};
use crate::error::{Error, Result};
use crate::mmap::prefetch;
use crate::time::Micros;
use crate::wire::block::{self, FILE_HEADER, MAX_HEADER_LEN};
use crate::wire::{BlockHeader, BlockType, DataFlags, DataHeader, HeaderError, IndexBlock, SeekMarker, crc};

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
    /// Inside a filler block, which is these bytes of the file.
    Filler(Range<u64>),
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
    /// Filler, which need not be in the window: these bytes of the file.
    Filler(Range<u64>),
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
    /// Nothing is read that starts here or behind it, in a window that is the whole file.
    pub(super) stop: usize,
    pub(super) lost: Option<Lost>,
    pub(super) damage: Damage,
    /// Whether something was skipped, by this machine or before the place that it started from.
    pub(super) is_damaged: bool,
    /// Whether any data block so far had a checksum: one without is then suspect.
    pub(super) checksums_seen: bool,
    /// Whether any data block has been intact so far.
    pub(super) data_seen: bool,
    pub(super) effort: Effort,
    /// What is to be reported before the next block.
    pub(super) pending: Option<Skipped>,
    scratch: Vec<u8>,
    data: FoundData,
}

impl Machine {
    pub fn new(options: ReadOptions) -> Self {
        Self {
            catalog: Catalog::at_start(&options),
            options,
            state: State::FileHeader,
            base: 0,
            at: 0,
            stop: usize::MAX,
            lost: None,
            damage: Damage::default(),
            is_damaged: false,
            checksums_seen: false,
            data_seen: false,
            effort: Effort::default(),
            pending: None,
            scratch: Vec::new(),
            data: FoundData::default(),
        }
    }

    /// A machine that goes on at `place` of a window that is the whole file, `len` bytes.
    ///
    /// # Errors
    /// [`Error::Limit`] when the records of the place take too much memory.
    pub fn resume(options: ReadOptions, place: &Place, len: usize) -> Result<Self> {
        let mut machine = Self { state: State::Blocks, ..Self::new(options) };
        machine.at = usize::try_from(place.offset).unwrap_or(len).min(len);
        let Standing { checksums_seen, data_seen, damaged, effort } = place.standing;
        (machine.checksums_seen, machine.data_seen, machine.is_damaged) = (checksums_seen, data_seen, damaged);
        machine.effort.spend(effort);
        for KnownRecord { record, latest } in &place.records {
            let selected = machine.options.selection.wants_record(&record.name);
            let slot = machine.catalog.declare_known(Arc::clone(record), selected);
            let slot = slot.map_err(|cause| Error::Format { offset: place.offset, cause })?;
            machine.catalog.entry_mut(slot).latest = *latest;
        }
        Ok(machine)
    }

    /// A machine that looks for a block from `place` on, where one need not start.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub fn search(options: ReadOptions, place: &Place, len: usize) -> Result<Self> {
        let mut machine = Self::resume(options, place, len)?;
        machine.lost = Some(Lost::new(machine.offset(machine.at), None, Cause::NotABlock));
        machine.state = State::Lost;
        Ok(machine)
    }

    /// What a [`Place`] says beside the records; quick enough for once in a while in a hot loop.
    pub const fn standing(&self) -> Standing {
        let (checksums_seen, data_seen) = (self.checksums_seen, self.data_seen);
        Standing { checksums_seen, data_seen, damaged: self.is_damaged, effort: self.effort.spent() }
    }

    /// Where the machine stands, if that is between two blocks or at the end.
    pub fn place(&self) -> Option<Place> {
        matches!(self.state, State::Blocks | State::End).then(|| Place {
            offset: self.offset(self.at),
            records: self.catalog.known().collect(),
            standing: self.standing(),
        })
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
                State::Blocks if self.at >= self.stop => Some(Progress::End),
                State::Blocks if self.options.verify => self.blocks::<true>(window, last)?,
                State::Blocks => self.blocks::<false>(window, last)?,
                State::FileHeader => self.file_header(window, last)?,
                State::Lost => self.find_block(window, last),
                State::Pending => self.report_pending(),
                State::Filler(_) => self.pass_filler(window, last)?,
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
            Err(e) if self.options.salvage => {
                self.lost = Some(Lost::at_start(e.into()));
                self.state = State::Lost;
                Ok(None)
            }
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
    #[inline] // once per record: `benches/read`
    pub fn next_is_data(&mut self, window: &[u8]) -> bool {
        match (&self.state, self.options.verify) {
            _ if self.at >= self.stop => false,
            (State::Blocks, true) => self.wanted_data::<true>(window),
            (State::Blocks, false) => self.wanted_data::<false>(window),
            _ => false,
        }
    }

    #[inline] // once per record: `benches/read`
    fn wanted_data<const VERIFY: bool>(&mut self, window: &[u8]) -> bool {
        loop {
            match self.intact_data::<VERIFY>(window) {
                Short::Deliver => return true,
                Short::NotWanted if self.at >= self.stop => return false,
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
        if VERIFY && (!self.affords(checksumming(block.len())) || crc::block_crc(block, checksum_at) != checksum) {
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
    #[inline(always)] // once per record: `benches/read`
    pub(super) fn take(
        &mut self,
        slot: u32,
        header: DataHeader,
        frame_len: usize,
        block: &[u8],
    ) -> Result<bool, Cause> {
        let start = self.at;
        let payload_in_block = frame_len + header.len;
        let wanted = self.wants(slot, &header);
        let compressed = header.flags.contains(DataFlags::SNAPPY);
        let decompressed = if wanted && compressed && self.options.unpacks() {
            Some(self.decompress(&block[payload_in_block..])?).filter(|_| !self.options.raw_payloads)
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

    /// Whether the data is selected.
    #[inline(always)] // once per record: `benches/read`
    pub(super) fn wants(&self, slot: u32, header: &DataHeader) -> bool {
        self.catalog.entry(slot).selected && self.options.selection.wants_time(header.timestamp.map(Micros))
    }

    pub(super) fn decompress(&mut self, stored: &[u8]) -> Result<usize, Cause> {
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

    /// The state [`State::Pending`].
    fn report_pending(&mut self) -> Option<Progress> {
        self.state = State::Blocks;
        let Skipped { range, cause } = self.pending.take()?;
        Some(self.skipped(range, cause))
    }

    /// The state [`State::Filler`]. What is in it is never looked at, so it need not come into the window at once.
    fn pass_filler(&mut self, window: &[u8], last: bool) -> Result<Option<Progress>> {
        let State::Filler(filler) = &self.state else { return Ok(None) };
        let filler = filler.clone();
        let left = usize::try_from(filler.end.saturating_sub(self.offset(self.at))).unwrap_or(usize::MAX);
        if left > window.len() - self.at && !last {
            self.at = window.len();
            return Ok(Some(Progress::Need(1)));
        }
        self.state = State::Blocks;
        self.at += left.min(window.len() - self.at);
        let reached = self.offset(self.at);
        if reached == filler.end {
            return Ok(Some(Progress::Found(Found::Filler(filler))));
        }
        self.refuse_if_strict(filler.start, &Cause::Truncated)?;
        Ok(Some(self.skipped(filler.start..reached, Cause::Truncated)))
    }

    pub(super) fn found(&mut self, block: &[u8], found: impl FnOnce(Range<usize>) -> Found) -> Option<Progress> {
        let range = self.at..self.at + block.len();
        self.at = range.end;
        Some(Progress::Found(found(range)))
    }

    /// Reports the next `len` bytes as unusable; they are known to end where a block starts.
    pub(super) fn skip(&mut self, len: usize, cause: Cause) -> Result<Option<Progress>> {
        let start = self.offset(self.at);
        self.refuse_if_strict(start, &cause)?;
        self.at += len;
        Ok(Some(self.skipped(start..self.offset(self.at), cause)))
    }

    /// Something is wrong with the block here; `claimed_len` is how long it says it is.
    pub(super) fn lose(&mut self, cause: Cause, claimed_len: Option<usize>) -> Result<Option<Progress>> {
        let start = self.offset(self.at);
        self.refuse_if_strict(start, &cause)?;
        self.lost = Some(Lost::new(start, claimed_len, cause));
        self.state = State::Lost;
        Ok(None)
    }

    pub(super) fn refuse_if_strict(&self, offset: u64, cause: &Cause) -> Result<()> {
        match self.options.strict {
            true => Err(Error::Format { offset, cause: cause.clone() }),
            false => Ok(()),
        }
    }

    pub(super) fn skipped(&mut self, range: Range<u64>, cause: Cause) -> Progress {
        let skipped = Skipped { range, cause };
        self.damage.add(&skipped);
        self.is_damaged = true;
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
            Found::Filler(range) => Event::Filler { range },
            Found::Skipped(skipped) => Event::Skipped(skipped),
        })
    }

    /// The data that was found last.
    #[inline] // once per record: `benches/read`
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
            record: &self.catalog.get(data.slot)?.record,
            flags: data.header.flags,
            previous_offset: data.header.previous_offset,
            time: data.header.timestamp.map(Micros),
            checksum: data.header.checksum,
            payload,
            stored_len: stored.len() as u64,
            is_packed: data.decompressed.is_none() && data.header.flags.contains(DataFlags::SNAPPY),
        })
    }
}

/// The block at the front of `rest`, if it is there to its end.
#[inline] // once per record: `benches/read`
pub(super) fn whole_block(rest: &[u8]) -> Option<(BlockHeader, &[u8])> {
    let frame = BlockHeader::parse(rest).ok()?;
    let len = usize::try_from(frame.block_len()?).ok()?;
    Some((frame, rest.get(..len)?))
}

const _: () = assert!(MAX_HEADER_LEN >= FILE_HEADER.len(), "a header that needs more bytes sees a file header too");
