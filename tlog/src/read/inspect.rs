//! The long way of the machine: any block, whole or not, with what may be wrong with it.
//!
//! What has a right checksum is believed, its size included. What has none (schemas, filler, data of logs
//! without checksums) is believed if its contents end where its size says; where they do not, it depends
//! on where the next block starts. A size that has become too large would swallow blocks, one that has
//! become too small would have the rest of the contents taken for blocks.

use super::Cause;
use super::catalog::{Catalog, Declaration};
use super::effort::{Effort, checksumming, parsing};
use super::event::Skipped;
use super::machine::{Found, Machine, Progress, State, whole_block};
use crate::error::Result;
use crate::value::{Cursor, ValueError, ValueErrorKind, skip};
use crate::wire::block::{self, FILE_HEADER};
use crate::wire::varuint::{self, VaruintError};
use crate::wire::{BlockHeader, BlockType, DataFlags, DataHeader, IndexBlock, SeekMarker, crc, data};

/// So many items without bytes, and one for each byte, are walked to see whether a payload fits its type.
const ZERO_WIDTH: u32 = 64;

/// What came of a look behind a block: an answer, or how many bytes from the machine's place on it takes.
type Looked<T> = std::result::Result<T, usize>;

/// What is wrong with a block, and how long it says it is if that may be right.
type Defect = (Cause, Option<usize>);

impl Machine {
    /// The block at the machine's place.
    pub(super) fn any_block(&mut self, window: &[u8], last: bool) -> Result<Option<Progress>> {
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
        match frame.is_filler(&rest[frame.header_len..]) {
            Some(true) => return self.filler(&frame, window, last),
            None if !last => return Ok(Some(Progress::Need(rest.len() + 1))),
            _ => {}
        }
        let Some((_, block)) = whole_block(rest) else {
            return self.partial_block(&frame, rest, last);
        };
        if !self.affords(checksumming(block.len())) {
            return self.lose(self.exhausted(), Some(block.len()));
        }
        match frame.block_type {
            BlockType::Data => self.data_block(&frame, block, window, last),
            BlockType::Schema => self.schema_block(&frame, block, window, last),
            BlockType::SeekMarker => self.marker_block(block),
            // Only the last block is the index of the log, so a stream must look one byte further.
            BlockType::Index if !last && block.len() == rest.len() => Ok(Some(Progress::Need(block.len() + 1))),
            BlockType::Index => self.index_block(block, block.len() == rest.len()),
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
        let size = frame.block_len().unwrap_or(u64::MAX);
        if size > limit {
            return self.lose(Cause::Limit { what: "a block", size, limit }, None);
        }
        match last {
            true => self.lose(Cause::Truncated, None),
            false => Ok(Some(Progress::Need(usize::try_from(size).unwrap_or(usize::MAX)))),
        }
    }

    /// Logs that were concatenated: the next one declares its records itself.
    fn another_log(&mut self) -> Result<Option<Progress>> {
        self.catalog = Catalog::at_start(&self.options);
        (self.checksums_seen, self.data_seen) = (false, false);
        self.skip(FILE_HEADER.len(), Cause::AnotherLog)
    }

    /// Filler: what is in it is arbitrary, old blocks perhaps, and never looked at.
    fn filler(&mut self, frame: &BlockHeader, window: &[u8], last: bool) -> Result<Option<Progress>> {
        let start = self.offset(self.at);
        let Some((len, end)) = frame.block_len().and_then(|len| Some((len, start.checked_add(len)?))) else {
            return self.lose(Cause::NotABlock, None);
        };
        match self.is_filler_to(len, window, last) {
            Ok(true) => self.state = State::Filler(start..end),
            Ok(false) => return self.lose(Cause::NotABlock, None),
            Err(needed) => return Ok(Some(Progress::Need(needed))),
        }
        Ok(None)
    }

    /// Whether a block follows filler of this length. It is believed to be so long if it is cut off, and if
    /// it is longer than what is buffered.
    fn is_filler_to(&mut self, len: u64, window: &[u8], last: bool) -> Looked<bool> {
        let buffered = usize::try_from(len).ok().filter(|_| len <= self.options.max_block);
        let Some(len) = buffered else { return Ok(true) };
        match self.at + len <= window.len() {
            true => self.is_block_at(window, self.at + len, last, None),
            false if last => Ok(true),
            false => Err(len),
        }
    }

    fn data_block(&mut self, frame: &BlockHeader, block: &[u8], window: &[u8], last: bool) -> Result<Option<Progress>> {
        let header = match DataHeader::parse(&block[frame.header_len..]) {
            Ok(header) => header,
            Err(error) => return self.lose(Cause::Body { block: "data", error }, Some(block.len())),
        };
        if let Some(cause) = self.checksum_defect(frame, &header, block) {
            self.effort.spend(checksumming(block.len()));
            return self.lose(cause, Some(block.len()));
        }
        let Some(slot) = self.catalog.slot(header.identifier) else {
            return self.skip_unusable(Cause::Undeclared(header.identifier), &header, block);
        };
        if header.checksum.is_none() && !header.flags.contains(DataFlags::SNAPPY) {
            match self.payload_defect(slot, block, frame.header_len + header.len, window, last) {
                Err(needed) => return Ok(Some(Progress::Need(needed))),
                Ok(Some((cause, claimed_len))) => return self.lose(cause, claimed_len),
                Ok(None) => {}
            }
        }
        if let Err(cause) = self.unpacks(slot, &header, &block[frame.header_len + header.len..]) {
            return self.skip_unusable(cause, &header, block);
        }
        match self.take(slot, header, frame.header_len, block) {
            Ok(wanted) => Ok(wanted.then_some(Progress::Found(Found::Data))),
            Err(cause) => self.skip_unusable(cause, &header, block),
        }
    }

    /// Whether a compressed payload that no checksum covers can be decompressed, where it is not delivered so anyway:
    /// nothing else speaks for it, and what comes behind it must not depend on whether it is wanted.
    fn unpacks(&mut self, slot: u32, header: &DataHeader, stored: &[u8]) -> std::result::Result<(), Cause> {
        let is_unproved = header.checksum.is_none() && header.flags.contains(DataFlags::SNAPPY);
        match is_unproved && !(self.options.unpacks() && self.wants(slot, header)) {
            true => self.decompress(stored).map(drop),
            false => Ok(()),
        }
    }

    /// A block with a right checksum ends where it says; one without is only believed if another block follows.
    fn skip_unusable(&mut self, cause: Cause, header: &DataHeader, block: &[u8]) -> Result<Option<Progress>> {
        match header.checksum {
            Some(_) if self.options.verify => self.skip(block.len(), cause),
            _ => {
                self.effort.spend(parsing(block.len()));
                self.lose(cause, Some(block.len()))
            }
        }
    }

    fn checksum_defect(&mut self, frame: &BlockHeader, header: &DataHeader, block: &[u8]) -> Option<Cause> {
        if !self.options.verify {
            return None;
        }
        let Some(stored) = header.checksum else { return self.cleared_checksum_flag(frame, header, block) };
        let computed = crc::block_crc(block, frame.header_len + header.len - crc::LEN);
        self.checksums_seen |= computed == stored;
        (computed != stored).then_some(Cause::Checksum { stored, computed })
    }

    /// A block without a checksum in a log that has them, or at the start of one that may: when its
    /// bytes are right *with* the checksum flag set, and perhaps others, those flags are what was damaged.
    fn cleared_checksum_flag(&self, frame: &BlockHeader, header: &DataHeader, block: &[u8]) -> Option<Cause> {
        let is_suspect = self.checksums_seen || !self.data_seen;
        let flags_at = frame.header_len + varuint::len(header.identifier);
        if !is_suspect || block.get(flags_at).map(|&byte| u64::from(byte)) != Some(header.flags.bits()) {
            return None;
        }
        let least = header.flags.with(DataFlags::CHECKSUM);
        let is_right = (0..=DataFlags::DEFINED.bits() as u8)
            .filter(|&flags| DataFlags::from_bits(flags.into()).contains(least))
            .any(|flags| is_right_with(flags, flags_at, frame, block));
        is_right.then_some(Cause::ChecksumFlag)
    }

    /// What speaks against a data block without a checksum, if its payload is not what its record's type says:
    /// a block follows where the value ends, or no block follows at all, or other blocks have checksums.
    fn payload_defect(
        &mut self,
        slot: u32,
        block: &[u8],
        payload_at: usize,
        window: &[u8],
        last: bool,
    ) -> Looked<Option<Defect>> {
        let payload = &block[payload_at..];
        if !self.affords(parsing(payload.len())) {
            return Ok(Some((self.exhausted(), Some(block.len()))));
        }
        let error = match self.fits(slot, payload) {
            // Too many items without bytes are not looked through: nothing speaks against it.
            Ok(()) | Err(ValueError { kind: ValueErrorKind::ZeroWidth, .. }) => return Ok(None),
            Err(error) => error,
        };
        self.effort.spend(parsing(payload.len()));
        let record = &self.catalog.entry(slot).record;
        let (identifier, record) = (record.identifier, record.name.clone());
        let cause = Cause::Payload { record, error };
        if let ValueErrorKind::Surplus(surplus) = error.kind {
            let len = block.len() - surplus;
            if self.is_block_at(window, self.at + len, last, None)? {
                return Ok(Some((cause, Some(len))));
            }
        }
        // The schema may be what is wrong: then all data of the record look like this.
        let end = self.at + block.len();
        let is_believed = !self.checksums_seen && self.is_block_at(window, end, last, Some(identifier))?;
        Ok((!is_believed).then_some((cause, Some(block.len()))))
    }

    /// Whether the payload is one value of its record's type and nothing else. One with more items without
    /// bytes than a record has is not looked through.
    pub(super) fn fits(&self, slot: u32, payload: &[u8]) -> std::result::Result<(), ValueError> {
        let zero_width = u32::try_from(payload.len()).unwrap_or(u32::MAX).saturating_add(ZERO_WIDTH);
        let mut cursor = Cursor::with_zero_width(payload, zero_width);
        skip(self.catalog.entry(slot).record.schema.root(), &mut cursor)?;
        match cursor.rest().len() {
            0 => Ok(()),
            surplus => Err(cursor.fail(ValueErrorKind::Surplus(surplus))),
        }
    }

    fn schema_block(
        &mut self,
        frame: &BlockHeader,
        block: &[u8],
        window: &[u8],
        last: bool,
    ) -> Result<Option<Progress>> {
        if !self.affords(parsing(block.len())) {
            return self.lose(self.exhausted(), Some(block.len()));
        }
        let declaration = match Declaration::parse(&block[frame.header_len..]) {
            Ok(declaration) => declaration,
            Err(cause) => {
                self.effort.spend(parsing(cause.read_len()));
                return self.lose(cause, Some(block.len()));
            }
        };
        let own = self.at + 1..self.at + block.len() - declaration.surplus();
        match self.has_data(window, own, last) {
            Ok(false) => {}
            // Only the front of a schema block, and by chance what follows could be its rest.
            Ok(true) => return self.lose(Cause::NotABlock, None),
            Err(needed) => return Ok(Some(Progress::Need(needed))),
        }
        match self.left_out(&declaration, block.len(), window, last) {
            Ok(left_out) => self.declare(declaration, frame, block, left_out),
            Err(needed) => Ok(Some(Progress::Need(needed))),
        }
    }

    fn declare(
        &mut self,
        declaration: Declaration<'_>,
        frame: &BlockHeader,
        block: &[u8],
        left_out: usize,
    ) -> Result<Option<Progress>> {
        let start = self.offset(self.at);
        let (own, _) = block.split_at(block.len() - left_out);
        let read_len = declaration.encoded_len();
        let record = declaration.record(start, left_out);
        let selected = self.options.selection.wants_record(&record.name);
        if left_out > 0 {
            let cause = Cause::SchemaSize { claimed: block.len() as u64, needed: own.len() as u64 };
            self.refuse_if_strict(start, &cause)?;
            self.pending = Some(Skipped { range: start..start + frame.header_len as u64, cause });
        }
        match self.catalog.declare(record, selected) {
            Ok(slot) => {
                if self.pending.is_some() {
                    self.state = State::Pending;
                }
                Ok(self.found(own, |_| Found::Schema { slot }))
            }
            Err(cause) => {
                self.pending = None;
                self.effort.spend(parsing(read_len));
                self.lose(cause, Some(block.len()))
            }
        }
    }

    /// How many bytes at the end of a schema block are not its own: bytes behind the schema belong to it and
    /// are ignored, unless a block starts there, or intact data somewhere among them.
    fn left_out(&mut self, declaration: &Declaration<'_>, claimed: usize, window: &[u8], last: bool) -> Looked<usize> {
        let surplus = declaration.surplus();
        let end = self.at + claimed;
        let is_left_out = surplus > 0
            && (self.is_block_at(window, end - surplus, last, None)?
                || self.has_data(window, end - surplus..end, last)?);
        Ok(if is_left_out { surplus } else { 0 })
    }

    fn marker_block(&mut self, block: &[u8]) -> Result<Option<Progress>> {
        let cause = match SeekMarker::parse(block) {
            Ok(Some(_)) => return Ok(self.found(block, |block| Found::Marker { block })),
            Ok(None) => Cause::MarkerChecksum,
            Err(error) => Cause::Body { block: "seek marker", error },
        };
        self.effort.spend(checksumming(block.len()));
        self.lose(cause, Some(block.len()))
    }

    fn index_block(&mut self, block: &[u8], is_last: bool) -> Result<Option<Progress>> {
        match IndexBlock::parse(block) {
            Ok(index) if is_last && !self.is_true(&index) => self.skip(block.len(), Cause::Index),
            Ok(_) => Ok(self.found(block, |block| Found::Index { block })),
            Err(error) => {
                self.effort.spend(checksumming(block.len()));
                self.lose(Cause::Body { block: "index", error }, Some(block.len()))
            }
        }
    }

    /// Whether what was read agrees with the index. It may leave out records, and the last data of those that
    /// it has; where something was skipped, that may be what the index means.
    fn is_true(&self, index: &IndexBlock<'_>) -> bool {
        index.entries().all(|entry| {
            let Some(slot) = self.catalog.slot(entry.identifier) else { return self.is_damaged };
            let known = self.catalog.entry(slot);
            let last = entry.final_record.filter(|&offset| offset != 0);
            let schema_is_right = entry.schema_location == known.record.location;
            let last_is_right = last.is_none() || last == known.latest;
            (schema_is_right && last_is_right) || self.is_damaged
        })
    }

    /// Whether something of this cost may be looked at.
    #[inline] // once per record: `benches/read`
    pub(super) fn affords(&self, cost: u64) -> bool {
        self.effort.affords(cost, self.offset(self.at))
    }

    /// Why something is not looked at.
    fn exhausted(&self) -> Cause {
        let limit = Effort::limit(self.offset(self.at));
        Cause::Limit { what: "looking for blocks in damage", size: self.effort.spent(), limit }
    }
}

/// Whether the checksum of a data block is right if these are its flags.
fn is_right_with(flags: u8, flags_at: usize, frame: &BlockHeader, block: &[u8]) -> bool {
    let mut head = [0; block::MAX_HEADER_LEN + data::MAX_HEADER_LEN];
    let (start, _) = block.split_at(block.len().min(head.len()));
    head[..start.len()].copy_from_slice(start);
    head[flags_at] = flags;
    let Ok(header) = DataHeader::parse(&head[frame.header_len..start.len()]) else { return false };
    let (Some(at), Some(stored)) = (header.checksum_at(), header.checksum) else { return false };
    let (at, end) = (frame.header_len + at, frame.header_len + header.len);
    head[at..end].fill(0);
    crc::of_pieces(&head[..end], &block[end..]) == stored
}
