//! The data block: identifier, flags, what the flags announce, payload.
//!
//! ```text
//! identifier varuint │ flags varuint │ previous_offset varuint? │ timestamp i64? │ checksum u32? │ payload…
//! ```
//!
//! The optional fields stand *before* the payload in ascending order of their
//! flags; the format's own document says otherwise, all files say this.

use super::{BlockType, BodyError, Fields, Filler, block, crc, varuint};

/// Which optional fields a data block has and how its payload is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DataFlags(u64);

impl DataFlags {
    /// 0x01: a varuint with the distance to the previous data block of the same identifier,
    /// from block start to block start; 0 when there is none.
    pub const PREVIOUS_OFFSET: Self = Self(0x01);
    /// 0x02: an i64 of microseconds since the Unix epoch.
    pub const TIMESTAMP: Self = Self(0x02);
    /// 0x04: a u32, the CRC of the whole block.
    pub const CHECKSUM: Self = Self(0x04);
    /// 0x10: the payload is one raw snappy block.
    pub const SNAPPY: Self = Self(0x10);
    /// All that the format defines.
    pub const DEFINED: Self = Self(0x17);

    /// The flags with these bits, defined or not.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The number on the wire.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether every flag of `other` is set here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags and those of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These flags without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// All that stands in front of a data block's payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataHeader {
    /// Which record this is an instance of.
    pub identifier: u64,
    /// Which of the following fields are there.
    pub flags: DataFlags,
    /// Distance in bytes to the previous data block of this identifier; 0 = there is none.
    pub previous_offset: Option<u64>,
    /// Microseconds since the Unix epoch.
    pub timestamp: Option<i64>,
    /// The stored checksum.
    pub checksum: Option<u32>,
    /// How many bytes of the body come before the payload.
    pub len: usize,
}

/// The longest data header: three varuints, timestamp, checksum.
pub const MAX_HEADER_LEN: usize = 3 * varuint::MAX_LEN + 8 + crc::LEN;

/// The most that stands before a payload: the block's header and the data header.
pub const MAX_FRONT_LEN: usize = block::MAX_HEADER_LEN + MAX_HEADER_LEN;

impl DataHeader {
    /// Reads the front of a data block's body.
    ///
    /// # Errors
    /// [`BodyError::Truncated`], [`BodyError::Overflow`], and [`BodyError::Flags`] for a flag outside [`DataFlags::DEFINED`].
    #[inline(always)] // once per record: `benches/read`
    pub fn parse(body: &[u8]) -> Result<Self, BodyError> {
        let mut fields = Fields::new(body);
        let identifier = fields.varuint()?;
        let flags = DataFlags(fields.varuint()?);
        if flags.without(DataFlags::DEFINED) != DataFlags::default() {
            return Err(BodyError::Flags(flags.0));
        }
        let mut header = Self { identifier, flags, previous_offset: None, timestamp: None, checksum: None, len: 0 };
        if flags.contains(DataFlags::PREVIOUS_OFFSET) {
            header.previous_offset = Some(fields.varuint()?);
        }
        if flags.contains(DataFlags::TIMESTAMP) {
            header.timestamp = Some(i64::from_le_bytes(fields.array()?));
        }
        if flags.contains(DataFlags::CHECKSUM) {
            header.checksum = Some(u32::from_le_bytes(fields.array()?));
        }
        header.len = fields.position();
        Ok(header)
    }

    /// Where in the body the stored checksum lies: always the last four bytes of the header.
    pub const fn checksum_at(&self) -> Option<usize> {
        match self.checksum {
            Some(_) => Some(self.len - crc::LEN),
            None => None,
        }
    }

    /// How many bytes [`encode`](Self::encode) writes.
    #[inline]
    const fn encoded_len(&self) -> usize {
        let flags = self.flags;
        let previous = if flags.contains(DataFlags::PREVIOUS_OFFSET) { varuint::len(self.previous()) } else { 0 };
        let timestamp = if flags.contains(DataFlags::TIMESTAMP) { 8 } else { 0 };
        let checksum = if flags.contains(DataFlags::CHECKSUM) { crc::LEN } else { 0 };
        varuint::len(self.identifier) + varuint::len(self.flags.0) + previous + timestamp + checksum
    }

    const fn previous(&self) -> u64 {
        match self.previous_offset {
            Some(distance) => distance,
            None => 0,
        }
    }

    /// Writes all of the block that stands before a payload of this length, with a checksum of zero,
    /// ready for [`crc::block_crc`]; `len` and `checksum` are not looked at. How many bytes that took.
    /// Inlined because it runs once per record: `benches/write`.
    #[inline]
    pub fn encode(&self, payload_len: usize, out: &mut [u8; MAX_FRONT_LEN]) -> usize {
        let mut filler = Filler::new(out);
        // The buffer holds the longest front there is, so everything fits.
        let _ = filler.varuint(BlockType::Data.code());
        let _ = filler.varuint((self.encoded_len() as u64).saturating_add(payload_len as u64));
        let _ = filler.varuint(self.identifier);
        let _ = filler.varuint(self.flags.0);
        if self.flags.contains(DataFlags::PREVIOUS_OFFSET) {
            let _ = filler.varuint(self.previous());
        }
        if self.flags.contains(DataFlags::TIMESTAMP) {
            let _ = filler.array(self.timestamp.unwrap_or(0).to_le_bytes());
        }
        if self.flags.contains(DataFlags::CHECKSUM) {
            let _ = filler.array([0; crc::LEN]);
        }
        filler.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_flags_round_trips() {
        for bits in 0..0x20u64 {
            let flags = DataFlags::from_bits(bits);
            let has = |flag| flags.contains(flag);
            let header = DataHeader {
                identifier: 300,
                flags,
                previous_offset: has(DataFlags::PREVIOUS_OFFSET).then_some(129),
                timestamp: has(DataFlags::TIMESTAMP).then_some(-5),
                checksum: has(DataFlags::CHECKSUM).then_some(0),
                len: 0,
            };
            let mut front = [0; MAX_FRONT_LEN];
            let front_len = header.encode(1_000, &mut front);
            let frame = crate::wire::BlockHeader::parse(&front).unwrap();
            let len = front_len - frame.header_len;
            assert_eq!((frame.block_type, frame.body_len), (BlockType::Data, len as u64 + 1_000));
            let out = &front[frame.header_len..];
            let parsed = DataHeader::parse(&out[..len]);
            if bits & 0x08 != 0 {
                assert_eq!(parsed, Err(BodyError::Flags(bits)));
                continue;
            }
            assert_eq!(parsed, Ok(DataHeader { len, ..header }));
            for cut in 0..len {
                assert_eq!(DataHeader::parse(&out[..cut]), Err(BodyError::Truncated));
            }
        }
    }
}
