//! The drain: from the raw records of a ring to the data blocks of a log.
//!
//! Each record is copied once, from the ring to its place in the block; then what stands in front of it is written, and the
//! checksum runs over the block. Most of the cost is the checksum's: it grows with the bytes.

mod frame;
mod packets;
mod table;

use frame::Frame;
pub(crate) use frame::{put, varuint, varuint_len};
pub use packets::Packets;
pub use table::{Drops, OWN_KINDS};
pub(crate) use table::{Table, number};

use crate::clock::widen;
use crate::source::Source;

/// How many records that are no good are passed over at once: what runs in one call is bounded.
const TRIES: u32 = 64;

/// What became of the next record.
pub(crate) enum Next {
    /// It is in the buffer.
    Put(Put),
    /// It does not fit.
    Full,
    /// None is waiting.
    Empty,
}

/// A record that is in the buffer.
pub(crate) struct Put {
    pub kind: u16,
    pub len: usize,
    pub checksum: u32,
    pub time: u64,
}

/// Puts the next record of `source` that is not after `until` to the front of `out`, as a data block. Kinds are `1..=kinds`;
/// `previous` has the distance to the last block of a kind, or 0. Records of unknown kinds are passed over.
pub(crate) fn next<S: Source + ?Sized>(
    source: &mut S,
    kinds: u16,
    now: u64,
    until: u64,
    out: &mut [u8],
    previous: impl Fn(u16) -> u32,
) -> Next {
    for _ in 0..TRIES {
        let Some(head) = source.peek() else { return Next::Empty };
        if head.id == 0 || head.id > kinds {
            source.skip();
            continue;
        }
        let time = widen(now, head.time);
        if time > until {
            return Next::Empty;
        }
        let frame = Frame::new(head.id, previous(head.id), time, head.len.into());
        let len = frame.block_len();
        let Some(block) = out.get_mut(..len) else { return Next::Full };
        if source.take(frame.payload(block))
            && let Some(checksum) = frame.seal(block)
        {
            return Next::Put(Put { kind: head.id, len, checksum, time });
        }
    }
    Next::Empty
}
