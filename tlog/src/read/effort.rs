//! How much may be read in vain.
//!
//! Blocks of a hostile log can claim to overlap, so that every byte would be checksummed or parsed as
//! often as there are blocks. Reading what is then not passed over is therefore counted, in bytes
//! checksummed, and bounded by [`START`] and [`PER_BYTE`]. Past the bound only what costs no more than
//! [`SMALL`] is looked at. A log that is intact never gets there, nor does one with ordinary damage.

/// What is always worth looking at.
const SMALL: u64 = 4096;

/// What may be read in vain at the start of a file …
const START: u64 = 64 << 20;

/// … and how much more for each byte that was got through.
const PER_BYTE: u64 = 256;

/// What it costs to parse a byte, of a schema or of a payload by its schema.
const PARSING: u64 = 256;

/// The cost of a checksum over so many bytes.
#[inline] // once per record: `benches/read`
pub(super) const fn checksumming(len: usize) -> u64 {
    len as u64
}

/// The cost of parsing so many bytes.
pub(super) const fn parsing(len: usize) -> u64 {
    PARSING.saturating_mul(len as u64)
}

/// What was read in vain so far.
#[derive(Debug, Default)]
pub(super) struct Effort {
    spent: u64,
}

impl Effort {
    /// Whether something of this cost may be looked at, having got through `offset` bytes of the file.
    #[inline] // once per record: `benches/read`
    pub const fn affords(&self, cost: u64, offset: u64) -> bool {
        cost <= SMALL || self.spent <= Self::limit(offset)
    }

    /// How much may be read in vain until `offset`.
    pub const fn limit(offset: u64) -> u64 {
        START.saturating_add(PER_BYTE.saturating_mul(offset))
    }

    pub const fn spent(&self) -> u64 {
        self.spent
    }

    /// Counts something that was looked at in vain, or ahead.
    pub const fn spend(&mut self, cost: u64) {
        self.spent = self.spent.saturating_add(cost);
    }
}
