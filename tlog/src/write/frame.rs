//! Whole blocks, put together at the end of a buffer.

use crate::value::put_varuint;
use crate::wire::{
    BlockHeader, BlockType, DataFlags, DataHeader, IndexBlock, IndexEntry, SeekMarker, block, crc, data, varuint,
};

/// What a data block takes beyond its payload, at most.
pub(super) const MAX_DATA_OVERHEAD: usize = block::MAX_HEADER_LEN + data::MAX_HEADER_LEN;

/// Appends a data block; its length. Both headers are laid out in one piece, the frame's ending
/// where the data's begins, with zeros for the checksum. That is computed before anything is
/// copied: bytes just written would have to be waited for (`benches/write`).
#[inline]
pub(super) fn put_data(header: &DataHeader, payload: &[u8], out: &mut Vec<u8>) -> usize {
    const FRAME_END: usize = block::MAX_HEADER_LEN;
    let mut head = [0; FRAME_END + data::MAX_HEADER_LEN];
    let head_len = head[FRAME_END..].first_chunk_mut().map_or(0, |room| header.encode(room));
    let (frame, frame_len) = BlockHeader::encode(BlockType::Data, (head_len + payload.len()) as u64);
    let start = FRAME_END - frame_len;
    (0..frame_len).for_each(|at| head[start + at] = frame[at]);
    let head = &mut head[start..FRAME_END + head_len];
    if header.flags.contains(DataFlags::CHECKSUM) {
        let crc = crc::of_pieces(head, payload);
        let at = head.len() - crc::LEN;
        head[at..].copy_from_slice(&crc.to_le_bytes());
    }
    out.extend_from_slice(head);
    out.extend_from_slice(payload);
    head.len() + payload.len()
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
