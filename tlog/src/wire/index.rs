//! The index: the last block of a closed log, found from the end of the file.
//!
//! ```text
//! flags varuint │ nelements varuint │ (identifier varuint, schemalocation u64, finalrecord u64)… │ size u32 │ "TLOGIDEX"
//! ```
//!
//! `size` is the length of the whole block, so the index starts at file length − size.

use super::{BlockHeader, BlockType, BodyError, Fields, Filler, varuint};

/// The last eight bytes of an indexed log.
pub const TRAILER_MAGIC: [u8; 8] = *b"TLOGIDEX";

/// Size and magic at the end of the index.
pub const TRAILER_LEN: usize = 4 + TRAILER_MAGIC.len();

/// Stored as `finalrecord` when a record has no data since its latest schema block.
const NO_RECORD: u64 = u64::MAX;

/// Where one record's schema and last instance are, in bytes from the start of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The record.
    pub identifier: u64,
    /// The start of its latest schema block.
    pub schema_location: u64,
    /// The start of its last data block; `None` when there is none since that schema block. A hint:
    /// older data may exist all the same.
    pub final_record: Option<u64>,
}

/// An index whose own structure is right. What its entries point at is unchecked.
#[derive(Clone, Copy, Debug)]
pub struct IndexBlock<'a> {
    /// How many entries [`entries`](Self::entries) delivers.
    pub count: u64,
    entries: &'a [u8],
}

impl<'a> IndexBlock<'a> {
    /// The length of the index block according to the last bytes of a file; `None` when there is no trailer.
    pub fn trailer(file_end: &[u8]) -> Option<u32> {
        let (size, magic) = file_end.last_chunk::<TRAILER_LEN>()?.split_first_chunk::<4>()?;
        (magic == TRAILER_MAGIC).then(|| u32::from_le_bytes(*size))
    }

    /// Reads a whole index block, from its type byte to the end of the trailer.
    ///
    /// # Errors
    /// [`BodyError`], when it is not an index block or contradicts itself.
    pub fn parse(block: &'a [u8]) -> Result<Self, BodyError> {
        let header = BlockHeader::parse(block)?;
        let body = block.get(header.header_len..).unwrap_or(&[]);
        let size = Self::trailer(body).ok_or(BodyError::Fixed)?;
        if header.block_type != BlockType::Index || header.body_len != body.len() as u64 || size as usize != block.len()
        {
            return Err(BodyError::Fixed);
        }
        let mut fields = Fields::new(&body[..body.len() - TRAILER_LEN]);
        fields.no_flags()?;
        let count = fields.varuint()?;
        let entries = fields.rest();
        for _ in 0..count {
            next_entry(&mut fields)?;
        }
        fields.end()?;
        Ok(Self { count, entries })
    }

    /// The entries in file order, normally ascending by identifier.
    pub fn entries(&self) -> impl Iterator<Item = IndexEntry> + Clone + use<'a> {
        let mut fields = Fields::new(self.entries);
        core::iter::from_fn(move || next_entry(&mut fields).ok())
    }

    /// How long the block with these entries is, header included.
    pub fn encoded_len(entries: impl Iterator<Item = IndexEntry>) -> usize {
        let body = body_len(entries);
        BlockHeader::encode(BlockType::Index, body as u64).1 + body
    }

    /// Writes a whole index block into the front of `out`; how many bytes that took, `None` when
    /// it does not fit there, or not into the trailer's 32-bit size.
    pub fn encode(entries: impl Iterator<Item = IndexEntry> + Clone, out: &mut [u8]) -> Option<usize> {
        let body_len = body_len(entries.clone());
        let (header, header_len) = BlockHeader::encode(BlockType::Index, body_len as u64);
        let size = u32::try_from(header_len + body_len).ok()?;
        let mut filler = Filler::new(out);
        filler.put(&header[..header_len])?;
        filler.varuint(0)?;
        filler.varuint(entries.clone().count() as u64)?;
        for entry in entries {
            filler.varuint(entry.identifier)?;
            filler.put(&entry.schema_location.to_le_bytes())?;
            filler.put(&entry.final_record.unwrap_or(NO_RECORD).to_le_bytes())?;
        }
        filler.put(&size.to_le_bytes())?;
        filler.put(&TRAILER_MAGIC)?;
        Some(filler.len())
    }
}

fn next_entry(fields: &mut Fields<'_>) -> Result<IndexEntry, BodyError> {
    let identifier = fields.varuint()?;
    let schema_location = u64::from_le_bytes(fields.array()?);
    let final_record = u64::from_le_bytes(fields.array()?);
    Ok(IndexEntry { identifier, schema_location, final_record: (final_record != NO_RECORD).then_some(final_record) })
}

fn body_len(entries: impl Iterator<Item = IndexEntry>) -> usize {
    let (count, bytes) =
        entries.fold((0u64, 0), |(count, bytes), entry| (count + 1, bytes + varuint::len(entry.identifier) + 16));
    1 + varuint::len(count) + bytes + TRAILER_LEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_reference_both_ways() {
        let block = [
            0x03, 0x1f, 0x00, 0x01, 0x01, 0x09, 0, 0, 0, 0, 0, 0, 0, 0x72, 0x01, 0, 0, 0, 0, 0, 0, 0x21, 0, 0, 0, b'T',
            b'L', b'O', b'G', b'I', b'D', b'E', b'X',
        ];
        let index = IndexBlock::parse(&block).unwrap();
        let entry = IndexEntry { identifier: 1, schema_location: 9, final_record: Some(370) };
        assert!(index.entries().eq([entry]));
        let mut out = [0; 33];
        assert_eq!(IndexBlock::encode([entry].into_iter(), &mut out), Some(33));
        assert_eq!(out, block);
        assert_eq!(IndexBlock::encoded_len([entry].into_iter()), 33);
        assert_eq!(IndexBlock::encode([entry].into_iter(), &mut out[..32]), None);
    }

    #[test]
    fn the_empty_index_and_no_record() {
        let mut out = [0; 64];
        let len = IndexBlock::encode([].into_iter(), &mut out).unwrap();
        assert_eq!(&out[..len], b"\x03\x0e\x00\x00\x10\x00\x00\x00TLOGIDEX");
        let entry = IndexEntry { identifier: 1, schema_location: 9, final_record: None };
        let len = IndexBlock::encode([entry].into_iter(), &mut out).unwrap();
        assert!(IndexBlock::parse(&out[..len]).unwrap().entries().eq([entry]));
    }
}
