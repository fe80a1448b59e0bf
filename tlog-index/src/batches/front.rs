//! Whether a file is laid out in batches, by its first blocks.

use tlog::wire::batch::{Batch, NAME};
use tlog::wire::{BlockHeader, BlockType, SchemaBlock, block};

use super::check::{Head, block_at, head_at};

/// What a file starts with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Front {
    /// Header, declaration of `tlog.batch`, and a head: its identifier in this file, and the head.
    Batches(u64, Head),
    /// As a file in batches, but not far enough.
    Torn,
    /// As any other log: header, a declaration, and what may follow one.
    Log,
    /// As no log.
    Nothing,
}

pub(super) fn front(bytes: &[u8]) -> Front {
    let Ok(at) = block::check_file_header(bytes) else { return Front::Nothing };
    let Some((frame, first)) = block_at(bytes, at, bytes.len()) else { return torn_or(Front::Log, bytes, at) };
    let behind = at + first.len();
    let declared = first.get(frame.header_len..).and_then(|body| SchemaBlock::parse(body).ok());
    let Some(declared) = declared.filter(|_| frame.block_type == BlockType::Schema) else {
        return torn_or(Front::Log, bytes, at);
    };
    if (declared.name, declared.schema) != (NAME.as_bytes(), Batch::SCHEMA) {
        return torn_or(Front::Log, bytes, at);
    }
    match head_at(bytes, behind, Some(declared.identifier)) {
        Some(head) if head.batch.sequence == 0 => Front::Batches(declared.identifier, head),
        _ if is_of_writer(bytes, behind) => Front::Log,
        _ => Front::Torn,
    }
}

/// Whether an ordinary writer goes on like this behind a first declaration: never with a marker.
fn is_of_writer(bytes: &[u8], at: usize) -> bool {
    let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { return true };
    let Ok(frame) = BlockHeader::parse(rest) else { return false };
    let is_one = matches!(frame.block_type, BlockType::Schema | BlockType::Data | BlockType::Index);
    is_one && frame.body_len <= rest.len() as u64
}

/// Whether as much as there is of the first block is what declares `tlog.batch`: a cut of power leaves sixteen bytes of
/// a sector at least, or none.
fn torn_or(other: Front, bytes: &[u8], at: usize) -> Front {
    let is_torn = || {
        let rest = bytes.get(at..)?;
        let frame = BlockHeader::parse(rest).ok()?;
        let declaration = |identifier_len: usize| identifier_len + 2 + NAME.len() + Batch::SCHEMA.len();
        let body = rest.get(frame.header_len..)?;
        let (_, identifier_len) = tlog::wire::varuint::decode(body).ok()?;
        let starts_alike = body.get(identifier_len..)?.starts_with(&[0, NAME.len() as u8, NAME.as_bytes()[0]]);
        let is_long = frame.body_len == declaration(identifier_len) as u64;
        Some(starts_alike && is_long && frame.block_type == BlockType::Schema)
    };
    if is_torn() == Some(true) { Front::Torn } else { other }
}
