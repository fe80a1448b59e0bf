//! Whole blocks, put together at the end of a buffer.

use crate::value::put_varuint;
use crate::wire::{
    BlockHeader, BlockType, DataFlags, DataHeader, IndexBlock, IndexEntry, SeekMarker, block, crc, data, varuint,
};

/// Appends a data block whose checksum, if it has one, is still zero; where in the block that is.
#[inline]
pub(super) fn put_data(header: &DataHeader, payload: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let start = out.len();
    out.resize(start + data::MAX_FRONT_LEN, 0);
    let front_len = out[start..].first_chunk_mut().map_or(0, |front| header.encode(payload.len(), front));
    out.truncate(start + front_len);
    out.extend_from_slice(payload);
    header.flags.contains(DataFlags::CHECKSUM).then(|| front_len - crc::LEN)
}

/// How long the schema block is that [`put_schema`] appends, at most.
pub(super) const fn max_schema_len(name: &[u8], schema: &[u8]) -> usize {
    // The header's two varuints, identifier, flags, length of the name.
    block::MAX_HEADER_LEN + 3 * varuint::MAX_LEN + name.len() + schema.len()
}

/// Appends a schema block.
pub(super) fn put_schema(identifier: u64, name: &[u8], schema: &[u8], out: &mut Vec<u8>) {
    let name_len = name.len() as u64;
    let body_len = varuint::len(identifier) + 1 + varuint::len(name_len) + name.len() + schema.len();
    let (frame, frame_len) = BlockHeader::encode(BlockType::Schema, body_len as u64);
    out.extend_from_slice(&frame[..frame_len]);
    put_varuint(identifier, out);
    put_varuint(0, out);
    put_varuint(name_len, out);
    out.extend_from_slice(name);
    out.extend_from_slice(schema);
}

/// Appends a seek marker of `len` bytes, which is what [`SeekMarker::encoded_len`] gives for these elements.
pub(super) fn put_marker(
    time: i64,
    elements: impl Iterator<Item = (u64, u64)> + Clone,
    len: usize,
    out: &mut Vec<u8>,
) -> Option<usize> {
    let start = out.len();
    out.resize(start + len, 0);
    SeekMarker::encode(time, elements, &mut out[start..])
}

/// Appends the index of `len` bytes, which is what [`IndexBlock::encoded_len`] gives for these entries.
/// `None` when it is too long for its trailer.
pub(super) fn put_index(
    entries: impl Iterator<Item = IndexEntry> + Clone,
    len: usize,
    out: &mut Vec<u8>,
) -> Option<usize> {
    let start = out.len();
    out.resize(start + len, 0);
    let written = IndexBlock::encode(entries, &mut out[start..]);
    if written.is_none() {
        out.truncate(start);
    }
    written
}
