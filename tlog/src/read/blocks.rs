//! Single blocks at known offsets, and the index that knows the offsets.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::catalog::{Catalog, Declaration, RecordType};
use super::{Cause, ReadOptions};
use crate::error::{Error, Result};
use crate::time::Micros;
use crate::wire::block::{self, MAX_HEADER_LEN};
use crate::wire::index::TRAILER_LEN;
use crate::wire::{BlockHeader, BlockType, DataHeader, IndexBlock, IndexEntry, MAGIC, crc, varuint};

/// Bytes that can be read at any offset without moving anything.
pub trait ReadAt {
    /// How many bytes there are.
    ///
    /// # Errors
    /// What the system says.
    fn size(&self) -> io::Result<u64>;

    /// Fills `out` from `offset` on.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::UnexpectedEof`] when there are fewer bytes.
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// The `len` bytes from `offset` on where they already lie, if all bytes lie in memory: nothing is copied then.
    /// `None` means that they must be read.
    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let _ = (offset, len);
        None
    }
}

impl ReadAt for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        out.copy_from_slice(self.slice(offset, out.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        usize::try_from(offset).ok().and_then(|at| self.get(at..)?.get(..len))
    }
}

impl ReadAt for File {
    fn size(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    #[cfg(unix)]
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, out, offset)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, mut offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        while !out.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(self, out, offset)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    out = &mut out[read..];
                    offset += read as u64;
                }
            }
        }
        Ok(())
    }
}

/// The index of a log, every entry checked against the block that it points at.
#[derive(Clone, Debug)]
pub struct Index {
    /// Where the index block starts, in bytes from the start of the file.
    pub offset: u64,
    /// Per entry: the record, and the time and place of its last data block.
    pub records: Vec<IndexedRecord>,
}

/// What the index knows of a record.
#[derive(Clone, Debug)]
pub struct IndexedRecord {
    /// The record, read from its schema block.
    pub record: Arc<RecordType>,
    /// Where its last data block starts; `None` if there is none since its latest schema block.
    pub last_offset: Option<u64>,
    /// The time of that block.
    pub last_time: Option<Micros>,
}

/// Random access to the blocks of a log.
#[derive(Debug)]
pub struct Blocks<'s, S: ?Sized> {
    source: &'s S,
    size: u64,
    first_block: u64,
    max_block: u64,
}

impl<'s, S: ReadAt + ?Sized> Blocks<'s, S> {
    /// Access to the log in `source`; reads its header and nothing else.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Format`] when the header is wrong.
    pub fn open(source: &'s S) -> Result<Self> {
        let size = source.size()?;
        // Header flags may be longer than the one byte that they need.
        let mut header = [0; MAGIC.len() + varuint::MAX_LEN];
        let len = header.len().min(usize::try_from(size).unwrap_or(usize::MAX));
        let header = &mut header[..len];
        source.read_exact_at(0, header)?;
        let first_block =
            block::check_file_header(header).map_err(|e| Error::Format { offset: 0, cause: e.into() })? as u64;
        Ok(Self { source, size, first_block, max_block: ReadOptions::default().max_block })
    }

    /// The same with another limit to the blocks that are read than that of [`ReadOptions::max_block`].
    #[must_use]
    pub const fn with_max_block(self, max_block: u64) -> Self {
        Self { max_block, ..self }
    }

    /// How long the file is, in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The whole block that starts at `offset`: its header, and its bytes from the type on.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`] when no whole block starts there, and [`Error::Limit`] when it is too long.
    pub fn block(&self, offset: u64) -> Result<(BlockHeader, Vec<u8>)> {
        let wrong = |cause| Error::Format { offset, cause };
        let left =
            self.size.checked_sub(offset).filter(|_| offset >= self.first_block).ok_or(wrong(Cause::NotABlock))?;
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(MAX_HEADER_LEN)];
        self.source.read_exact_at(offset, &mut bytes)?;
        let header = BlockHeader::parse(&bytes).map_err(|_| wrong(Cause::NotABlock))?;
        let len = header.block_len().filter(|&len| len <= left).ok_or(wrong(Cause::Truncated))?;
        let too_long = Error::Limit { what: "a block", size: len, limit: self.max_block };
        let len = usize::try_from(len).ok().filter(|_| len <= self.max_block).ok_or(too_long)?;
        let known = bytes.len().min(len);
        bytes.resize(len, 0);
        self.source.read_exact_at(offset + known as u64, &mut bytes[known..])?;
        Ok((header, bytes))
    }

    /// The declaration in the schema block at `offset`.
    ///
    /// # Errors
    /// As [`block`](Self::block), and [`Error::Format`] when it is no intact schema block.
    pub fn schema(&self, offset: u64) -> Result<RecordType> {
        let (frame, bytes) = self.block(offset)?;
        schema_in(&frame, &bytes, offset)
    }

    /// The header and the stored payload of the data block at `offset`, its checksum verified.
    ///
    /// # Errors
    /// As [`block`](Self::block), and [`Error::Format`] when it is no intact data block.
    pub fn data(&self, offset: u64) -> Result<(DataHeader, Vec<u8>)> {
        let (frame, mut bytes) = self.block(offset)?;
        let header = data_in(&frame, &bytes, offset)?;
        Ok((header, bytes.split_off(frame.header_len + header.len)))
    }

    /// The index at the end of the file: `None` when there is none. Reads the trailer, the index,
    /// and the blocks that it points at; nothing of it is believed unchecked.
    ///
    /// An index that is right in every entry may still leave out records: what the reference writes with
    /// its raw interface, and what stands before the last of several logs that were concatenated.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Limit`], and [`Error::Format`] when there is an index and it is wrong: the log is
    /// then to be scanned.
    pub fn index(&self) -> Result<Option<Index>> {
        let mut end = [0; TRAILER_LEN];
        let Some(trailer_at) = self.size.checked_sub(TRAILER_LEN as u64).filter(|&at| at >= self.first_block) else {
            return Ok(None);
        };
        self.source.read_exact_at(trailer_at, &mut end)?;
        let Some(len) = IndexBlock::trailer(&end) else { return Ok(None) };
        let wrong = || Error::Format { offset: trailer_at, cause: Cause::Index };
        let offset = self.size.checked_sub(u64::from(len)).ok_or_else(wrong)?;
        let (_, bytes) = self.block(offset)?;
        let index = IndexBlock::parse(&bytes).map_err(|_| wrong())?;
        let mut check = IndexCheck { blocks: self, catalog: Catalog::default(), left: self.size };
        let records = index.entries().map(|entry| check.entry(entry)).collect::<Result<_>>()?;
        Ok(Some(Index { offset, records }))
    }
}

/// Checks the entries of an index. Those of a right one point at blocks that do not overlap: together they are
/// no longer than the file. So a hostile one cannot have the same bytes read over and over.
struct IndexCheck<'b, 's, S: ?Sized> {
    blocks: &'b Blocks<'s, S>,
    /// The records so far, which bounds their memory.
    catalog: Catalog,
    /// How many more bytes the blocks may have.
    left: u64,
}

impl<S: ReadAt + ?Sized> IndexCheck<'_, '_, S> {
    fn entry(&mut self, entry: IndexEntry) -> Result<IndexedRecord> {
        let location = entry.schema_location;
        let wrong = |cause| Error::Format { offset: location, cause };
        let (frame, bytes) = self.block(location)?;
        let record = schema_in(&frame, &bytes, location)?;
        if record.identifier != entry.identifier || self.catalog.slot(entry.identifier).is_some() {
            return Err(wrong(Cause::Index));
        }
        let slot = self.catalog.declare(record, true).map_err(wrong)?;
        // The format's document does not say what stands there without data; 0 is accepted too.
        let last_offset = entry.final_record.filter(|&offset| offset != 0);
        let last_time = last_offset.map(|offset| self.last_time(entry.identifier, offset)).transpose()?.flatten();
        Ok(IndexedRecord { record: Arc::clone(&self.catalog.entry(slot).record), last_offset, last_time })
    }

    fn last_time(&mut self, identifier: u64, offset: u64) -> Result<Option<Micros>> {
        let (frame, bytes) = self.block(offset)?;
        let header = data_in(&frame, &bytes, offset)?;
        match header.identifier == identifier {
            true => Ok(header.timestamp.map(Micros)),
            false => Err(Error::Format { offset, cause: Cause::Index }),
        }
    }

    fn block(&mut self, offset: u64) -> Result<(BlockHeader, Vec<u8>)> {
        let (frame, bytes) = self.blocks.block(offset)?;
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(Error::Format { offset, cause: Cause::Index })?;
        Ok((frame, bytes))
    }
}

fn schema_in(frame: &BlockHeader, block: &[u8], offset: u64) -> Result<RecordType> {
    let wrong = |cause| Error::Format { offset, cause };
    if frame.block_type != BlockType::Schema {
        return Err(wrong(Cause::NotABlock));
    }
    Declaration::parse(&block[frame.header_len..]).map(|declaration| declaration.record(offset, 0)).map_err(wrong)
}

/// The header of an intact data block.
fn data_in(frame: &BlockHeader, block: &[u8], offset: u64) -> Result<DataHeader> {
    let wrong = |cause| Error::Format { offset, cause };
    if frame.block_type != BlockType::Data {
        return Err(wrong(Cause::NotABlock));
    }
    let parsed = DataHeader::parse(&block[frame.header_len..]);
    let header = parsed.map_err(|error| wrong(Cause::Body { block: "data", error }))?;
    if let Some(stored) = header.checksum {
        let computed = crc::block_crc(block, frame.header_len + header.len - crc::LEN);
        if computed != stored {
            return Err(wrong(Cause::Checksum { stored, computed }));
        }
    }
    Ok(header)
}
