//! What stands in front of a log's data, and at its end.

use std::collections::BTreeMap;
use std::io;

use tlog::read::{Blocks, Index, ReadAt, RecordType};
use tlog::wire::block::MAX_HEADER_LEN;
use tlog::wire::index::TRAILER_LEN;
use tlog::wire::{BlockType, DataFlags, IndexBlock, IndexEntry, data, varuint};
use tlog::{Error, Micros, Result};

use super::SeekOptions;
use super::windows::{MAX_BLOCK, Sought, Stop, Windows, data_in, frame_in};

/// How much may stand in front of the first data, in bytes.
const MAX_HEAD: u64 = 64 << 20;

/// How many records seeking by markers keeps account of.
pub(super) const MAX_RECORDS: usize = 1 << 18;

/// What a log says of itself before its data and at its end.
#[derive(Debug)]
pub struct Head {
    /// The records that are declared before the first data, as the schema blocks say: of one that is declared
    /// several times the last.
    pub records: Vec<RecordType>,
    /// The first data block; `None` without one, or when something else than schemas, markers and filler stands
    /// before it.
    pub first_data: Option<FirstData>,
    /// The index at the end; `None` without one or with a wrong one, and then
    /// [`index_is_wrong`](Self::index_is_wrong) tells which.
    pub index: Option<Index>,
    /// Whether there is an index which contradicts the log.
    pub index_is_wrong: bool,
}

/// The first data block of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstData {
    /// Where it starts, in bytes from the start of the file.
    pub offset: u64,
    /// Which record it is an instance of.
    pub identifier: u64,
    /// Whether it has a checksum: as a rule all blocks of a log have one, or none.
    pub has_checksum: bool,
    /// Its time.
    pub time: Option<Micros>,
}

impl Head {
    /// Reads the head of the log in `source`, and its index if it has one.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] when the file is no log, and at a schema block that is broken.
    pub fn read<S: ReadAt + ?Sized>(source: &S) -> Result<Self> {
        let mut windows = Windows::open(source, SeekOptions::default().window)?;
        let outline = Outline::read(&mut windows)?;
        let blocks = Blocks::open(source)?;
        let records = outline.declared.values().map(|&offset| blocks.schema(offset)).collect::<Result<_>>()?;
        let (index, index_is_wrong) = match blocks.index() {
            Ok(index) => (index, false),
            Err(Error::Format { .. } | Error::Limit { .. }) => (None, true),
            Err(error) => return Err(error),
        };
        Ok(Self { records, first_data: outline.first_data, index, index_is_wrong })
    }
}

/// The head by identifiers and offsets alone: nothing is parsed that seeking does not need.
pub(super) struct Outline {
    /// Where each record is declared last before the first data.
    pub declared: BTreeMap<u64, u64>,
    pub first_data: Option<FirstData>,
    /// The index as it stands there, its entries unchecked.
    pub index: BTreeMap<u64, IndexEntry>,
}

impl Outline {
    pub fn read<S: ReadAt + ?Sized>(windows: &mut Windows<'_, S>) -> io::Result<Self> {
        let mut outline = Self { declared: BTreeMap::new(), first_data: None, index: BTreeMap::new() };
        let mut at = windows.first_block;
        while at < MAX_HEAD && outline.declared.len() < MAX_RECORDS {
            let size = windows.size;
            let front = windows.front(at, data::MAX_FRONT_LEN)?;
            let Some((frame, end)) = frame_in(front, at, size) else { break };
            let body = front.get(frame.header_len..).unwrap_or(&[]);
            match frame.block_type {
                BlockType::Schema => match varuint::decode(body) {
                    Ok((identifier, _)) => drop(outline.declared.insert(identifier, at)),
                    Err(_) => break,
                },
                BlockType::Data => {
                    outline.first_data = data_in(&frame, front).map(|header| FirstData {
                        offset: at,
                        identifier: header.identifier,
                        has_checksum: header.flags.contains(DataFlags::CHECKSUM),
                        time: header.timestamp.map(Micros),
                    });
                    break;
                }
                BlockType::SeekMarker => {}
                BlockType::Dictionary if frame.is_filler(body) == Some(true) => {}
                _ => break,
            }
            at = end;
        }
        let index = windows.index()?.unwrap_or_default();
        outline.index = index.into_iter().map(|entry| (entry.identifier, entry)).collect();
        Ok(outline)
    }
}

impl Outline {
    /// Whether the head or the index know the record.
    pub fn knows(&self, identifier: u64) -> bool {
        self.declared.contains_key(&identifier) || self.index.contains_key(&identifier)
    }

    /// Whether the first data has a checksum, and so all data should.
    pub fn has_checksums(&self) -> bool {
        self.first_data.is_some_and(|first| first.has_checksum)
    }

    /// Whether the index, if there is one, has no record declared anew behind the first data: of its data before that, markers
    /// behind it say nothing.
    pub fn declared_once(&self) -> Sought<()> {
        let is_anew = |entry: &IndexEntry| {
            self.declared.get(&entry.identifier).is_some_and(|&offset| offset != entry.schema_location)
        };
        if self.index.values().any(is_anew) { Err(Stop::Odd) } else { Ok(()) }
    }
}

impl<S: ReadAt + ?Sized> Windows<'_, S> {
    /// The entries of the index block at the end of the file, unchecked.
    fn index(&mut self) -> io::Result<Option<Vec<IndexEntry>>> {
        let Some(trailer_at) = self.size.checked_sub(TRAILER_LEN as u64).filter(|&at| at >= self.first_block) else {
            return Ok(None);
        };
        // What is behind the header of a block cannot be read twice in vain: one window for all of an ordinary index.
        let window = (self.window as u64).max(MAX_HEADER_LEN as u64);
        let low = self.size.saturating_sub(window).max(self.first_block);
        let bytes = self.front(low, window as usize)?;
        let trailer = usize::try_from(trailer_at - low).ok().and_then(|at| bytes.get(at..));
        let Some(len) = trailer.and_then(IndexBlock::trailer).filter(|&len| u64::from(len) <= MAX_BLOCK) else {
            return Ok(None);
        };
        let Some(offset) = self.size.checked_sub(len.into()).filter(|&at| at >= self.first_block) else {
            return Ok(None);
        };
        let block = self.look(offset, len as usize)?;
        Ok(IndexBlock::parse(block).ok().map(|index| index.entries().collect()))
    }
}
