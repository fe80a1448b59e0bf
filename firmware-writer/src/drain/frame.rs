//! One data block.
//!
//! ```text
//! 2 │ size varuint │ kind │ flags │ previous_offset varuint? │ timestamp i64 │ checksum u32 │ payload…
//! ```
//!
//! `tlog::wire::data` writes the same for any identifier and flags; here they are known to take a byte each, and
//! numbers have 32 bits: it costs a third on a processor that has no others.

use tlog::wire::{BlockType, DataFlags, crc};

/// Flags of a block without a previous offset.
const FLAGS: u8 = DataFlags::TIMESTAMP.with(DataFlags::CHECKSUM).bits() as u8;

/// Flags of a block with one.
const CHAINED: u8 = DataFlags::TIMESTAMP.with(DataFlags::CHECKSUM).with(DataFlags::PREVIOUS_OFFSET).bits() as u8;

/// The bytes of kind, flags, timestamp and checksum.
const FIXED: usize = 1 + 1 + 8 + crc::LEN;

/// What a data block says in front of its payload.
pub(crate) struct Frame {
    /// Its identifier, less than 128.
    pub kind: u16,
    /// The distance to the last one of its kind; 0 for none.
    pub previous: u32,
    /// Microseconds since boot.
    pub time: u64,
    /// The length of the payload.
    pub len: usize,
    /// The length of the block behind its size.
    body: usize,
}

impl Frame {
    /// What it says about this payload.
    #[inline]
    pub(crate) fn new(kind: u16, previous: u32, time: u64, len: usize) -> Self {
        let chain = if previous == 0 { 0 } else { short_len(previous) };
        Self { kind, previous, time, len, body: FIXED + chain + len }
    }

    /// How many bytes the block has.
    #[inline]
    pub(crate) fn block_len(&self) -> usize {
        1 + short_len(self.body as u32) + self.body
    }

    /// Where the payload is in the block, which is [`block_len`](Self::block_len) long.
    #[inline]
    pub(crate) fn payload<'b>(&self, block: &'b mut [u8]) -> &'b mut [u8] {
        let front = block.len().saturating_sub(self.len);
        block.get_mut(front..).unwrap_or(&mut [])
    }

    /// Writes what stands in front of the payload; the checksum. `None` when the block has another length.
    pub(crate) fn seal(&self, block: &mut [u8]) -> Option<u32> {
        let payload_at = block.len().checked_sub(self.len)?;
        let (fields, stored) = block.get_mut(..payload_at)?.split_last_chunk_mut::<{ crc::LEN }>()?;
        *stored = [0; crc::LEN];
        let (fields, time) = fields.split_last_chunk_mut::<8>()?;
        *time = self.time.to_le_bytes();
        let mut out = fields.iter_mut();
        *out.next()? = BlockType::Data.code() as u8;
        short_varuint(self.body as u32, &mut out)?;
        *out.next()? = self.kind as u8;
        if self.previous == 0 {
            *out.next()? = FLAGS;
        } else {
            *out.next()? = CHAINED;
            short_varuint(self.previous, &mut out)?;
        }
        let checksum = crc::hash(block);
        *block.get_mut(..payload_at)?.last_chunk_mut()? = checksum.to_le_bytes();
        Some(checksum)
    }
}

/// Writes a block with this payload to the front of `out`: its length and its checksum. `None` when it does not fit.
#[inline(never)] // flash
pub(crate) fn put(kind: u16, previous: u32, time: u64, payload: &[u8], out: &mut [u8]) -> Option<(usize, u32)> {
    let frame = Frame::new(kind, previous, time, payload.len());
    let block = out.get_mut(..frame.block_len())?;
    frame.payload(block).iter_mut().zip(payload).for_each(|(to, from)| *to = *from);
    let len = block.len();
    Some((len, frame.seal(block)?))
}

/// How many bytes a number takes that mostly has one.
#[inline]
const fn short_len(value: u32) -> usize {
    if value < 0x80 { 1 } else { varuint_len(value) }
}

/// How many bytes a number takes.
#[inline(never)] // flash
pub(crate) const fn varuint_len(mut value: u32) -> usize {
    let mut len = 1;
    while value >= 0x80 {
        value >>= 7;
        len += 1;
    }
    len
}

/// Writes a number that mostly has one byte.
#[inline]
fn short_varuint(value: u32, out: &mut core::slice::IterMut<'_, u8>) -> Option<()> {
    if value >= 0x80 {
        return varuint(value, out);
    }
    *out.next()? = value as u8;
    Some(())
}

/// Writes a number.
#[inline(never)] // flash
pub(crate) fn varuint(mut value: u32, out: &mut core::slice::IterMut<'_, u8>) -> Option<()> {
    while value >= 0x80 {
        *out.next()? = value as u8 | 0x80;
        value >>= 7;
    }
    *out.next()? = value as u8;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use tlog::wire::data::MAX_FRONT_LEN;
    use tlog::wire::{BlockHeader, DataHeader};

    #[test]
    fn is_what_the_format_crate_writes() {
        for (previous, len) in [(0, 0), (1, 16), (0x7f, 109), (0x80, 110), (0x4000, 16_000), (u32::MAX, 65_535)] {
            let frame = Frame::new(100, previous, 1 << 40 | 5, len);
            let mut block = vec![0xaa; frame.block_len()];
            let put = put(100, previous, 1 << 40 | 5, &vec![7; len], &mut block);
            let checksum = put.map(|(_, checksum)| checksum);
            assert_eq!(put.unwrap().0, block.len());
            let header = BlockHeader::parse(&block).unwrap();
            assert_eq!(header.block_len(), Some(block.len() as u64));
            let data = DataHeader::parse(&block[header.header_len..]).unwrap();
            assert_eq!((data.identifier, data.timestamp), (100, Some(1 << 40 | 5)));
            assert_eq!(data.previous_offset.unwrap_or(0), u64::from(previous));
            assert_eq!(data.checksum, checksum);
            let at = header.header_len + data.checksum_at().unwrap();
            assert_eq!(checksum, Some(crc::block_crc(&block, at)));
            let mut front = [0; MAX_FRONT_LEN];
            let front_len = data.encode(len, &mut front);
            front[front_len - 4..front_len].copy_from_slice(&checksum.unwrap().to_le_bytes());
            assert_eq!(block[..front_len], front[..front_len]);
        }
    }

    #[test]
    fn a_block_of_another_length_is_refused() {
        let frame = Frame::new(1, 0, 0, 4);
        let mut block = vec![0; frame.block_len()];
        assert_eq!(put(1, 0, 0, &[0; 4], &mut block[1..]), None);
        assert_eq!(frame.seal(&mut block[..3]), None);
        assert_eq!(frame.seal(&mut block[1..]), None);
    }
}
