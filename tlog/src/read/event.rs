//! What a log consists of, as its readers tell it.

use std::ops::Range;
use std::sync::Arc;

use super::{Cause, RecordType};
use crate::time::Micros;
use crate::wire::{DataFlags, IndexBlock, SeekMarker};

/// One thing that stands in a log, in file order.
#[derive(Debug)]
pub enum Event<'a> {
    /// A record is declared, for the first time or anew.
    Schema(&'a Arc<RecordType>),
    /// An instance of a record.
    Data(Data<'a>),
    /// A seek marker with a right checksum.
    Marker {
        /// Where it starts, in bytes from the start of the file.
        offset: u64,
        /// What it says.
        marker: SeekMarker<'a>,
    },
    /// An index block that does not contradict itself. What it points at is unchecked.
    Index {
        /// Where it starts, in bytes from the start of the file.
        offset: u64,
        /// What it says.
        index: IndexBlock<'a>,
    },
    /// Filler that firmware leaves in preallocated files.
    Filler {
        /// Which bytes of the file.
        range: Range<u64>,
    },
    /// Something that could not be used.
    Skipped(Skipped),
}

/// An instance of a record.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// Where its block starts, in bytes from the start of the file.
    pub offset: u64,
    /// How long the whole block is, in bytes.
    pub block_len: u64,
    /// Which record.
    pub record: &'a Arc<RecordType>,
    /// The flags of the block.
    pub flags: DataFlags,
    /// The distance in bytes to the previous block of this record; 0 when there is none.
    pub previous_offset: Option<u64>,
    /// When it was recorded.
    pub time: Option<Micros>,
    /// The stored checksum.
    pub checksum: Option<u32>,
    /// The value in the data encoding of the record's type, decompressed unless
    /// [`raw_payloads`](super::ReadOptions::raw_payloads) is set.
    pub payload: &'a [u8],
    /// How many bytes the payload takes in the file.
    pub stored_len: u64,
    /// Whether `payload` is as it is stored, compressed.
    pub(super) is_packed: bool,
}

/// A stretch of the file that was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which bytes of the file.
    pub range: Range<u64>,
    /// Why.
    pub cause: Cause,
}

/// What a reader has skipped so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// How many stretches.
    pub stretches: u64,
    /// How many bytes in all.
    pub bytes: u64,
    /// The first stretches, [`Damage::KEPT`] at most.
    pub first: Vec<Skipped>,
}

impl Damage {
    /// How many stretches are kept in full.
    pub const KEPT: usize = 64;

    /// Whether nothing was skipped.
    pub const fn is_none(&self) -> bool {
        self.stretches == 0
    }

    /// Adds what was skipped behind this.
    pub fn append(&mut self, later: &Self) {
        self.stretches += later.stretches;
        self.bytes += later.bytes;
        let room = Self::KEPT.saturating_sub(self.first.len());
        self.first.extend(later.first.iter().take(room).cloned());
    }

    /// Counts one more stretch.
    pub fn add(&mut self, skipped: &Skipped) {
        self.stretches += 1;
        self.bytes += skipped.range.end - skipped.range.start;
        if self.first.len() < Self::KEPT {
            self.first.push(skipped.clone());
        }
    }
}

impl Data<'_> {
    /// How long the payload is when it is not compressed, in bytes; of a compressed one what it claims.
    pub fn unpacked_len(&self) -> u64 {
        let claimed = if self.is_packed { snap::raw::decompress_len(self.payload).ok() } else { None };
        claimed.unwrap_or(self.payload.len()) as u64
    }
}
