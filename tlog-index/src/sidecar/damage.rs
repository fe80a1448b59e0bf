//! What was skipped, and why.

use tlog::read::{Cause, Damage, Skipped};

use super::bytes::{In, Malformed, Out, Taken, check};

/// Causes that are numbers alone are kept as they are, others in words.
const KEPT: u8 = 0;
const TRUNCATED: u8 = 1;
const NOT_A_BLOCK: u8 = 2;
const BLOCK_TYPE: u8 = 3;
const CHECKSUM: u8 = 4;
const CHECKSUM_FLAG: u8 = 5;
const MARKER_CHECKSUM: u8 = 6;
const INDEX: u8 = 7;
const ANOTHER_LOG: u8 = 8;
const SCHEMA_SIZE: u8 = 9;
const UNDECLARED: u8 = 10;
const SNAPPY: u8 = 11;

pub(super) fn put(damage: &Damage, out: &mut Out) {
    out.uint(damage.stretches);
    out.uint(damage.bytes);
    out.len(damage.first.len());
    for Skipped { range, cause } in &damage.first {
        out.uint(range.start);
        out.uint(range.end.saturating_sub(range.start));
        put_cause(cause, out);
    }
}

/// Damage of a log of `size` bytes.
pub(super) fn take(size: u64, bytes: &mut In<'_>) -> Taken<Damage> {
    let (stretches, skipped) = (bytes.uint()?, bytes.uint()?);
    let kept = bytes.count()?;
    check(stretches <= size && skipped <= size && kept <= Damage::KEPT && kept as u64 <= stretches)?;
    let mut damage = Damage { stretches, bytes: skipped, first: Vec::new() };
    for _ in 0..kept {
        let (start, len) = (bytes.uint()?, bytes.uint()?);
        let end = start.checked_add(len).filter(|&end| end <= size).ok_or(Malformed)?;
        damage.first.push(Skipped { range: start..end, cause: take_cause(bytes)? });
    }
    Ok(damage)
}

fn put_cause(cause: &Cause, out: &mut Out) {
    match cause {
        Cause::Truncated => out.byte(TRUNCATED),
        Cause::NotABlock => out.byte(NOT_A_BLOCK),
        Cause::BlockType(code) => {
            out.byte(BLOCK_TYPE);
            out.uint(*code);
        }
        Cause::Checksum { stored, computed } => {
            out.byte(CHECKSUM);
            out.array(stored.to_le_bytes());
            out.array(computed.to_le_bytes());
        }
        Cause::ChecksumFlag => out.byte(CHECKSUM_FLAG),
        Cause::MarkerChecksum => out.byte(MARKER_CHECKSUM),
        Cause::Index => out.byte(INDEX),
        Cause::AnotherLog => out.byte(ANOTHER_LOG),
        Cause::SchemaSize { claimed, needed } => {
            out.byte(SCHEMA_SIZE);
            out.uint(*claimed);
            out.uint(*needed);
        }
        Cause::Undeclared(identifier) => {
            out.byte(UNDECLARED);
            out.uint(*identifier);
        }
        Cause::Snappy(text) => {
            out.byte(SNAPPY);
            out.bytes(text.as_bytes());
        }
        other => {
            out.byte(KEPT);
            out.bytes(other.to_string().as_bytes());
        }
    }
}

fn take_cause(bytes: &mut In<'_>) -> Taken<Cause> {
    Ok(match bytes.byte()? {
        KEPT => Cause::Kept(bytes.text()?.to_owned()),
        TRUNCATED => Cause::Truncated,
        NOT_A_BLOCK => Cause::NotABlock,
        BLOCK_TYPE => Cause::BlockType(bytes.uint()?),
        CHECKSUM => {
            let (stored, computed) = (u32::from_le_bytes(bytes.array()?), u32::from_le_bytes(bytes.array()?));
            Cause::Checksum { stored, computed }
        }
        CHECKSUM_FLAG => Cause::ChecksumFlag,
        MARKER_CHECKSUM => Cause::MarkerChecksum,
        INDEX => Cause::Index,
        ANOTHER_LOG => Cause::AnotherLog,
        SCHEMA_SIZE => Cause::SchemaSize { claimed: bytes.uint()?, needed: bytes.uint()? },
        UNDECLARED => Cause::Undeclared(bytes.uint()?),
        SNAPPY => Cause::Snappy(bytes.text()?.to_owned()),
        _ => return Err(Malformed),
    })
}
