//! The seek marker in the head of a batch. `tlog::wire::marker` writes the same with numbers of 64 bits, at three times the
//! size.

use tlog::wire::marker::MARKER;
use tlog::wire::{BlockType, crc};

use crate::drain::{varuint, varuint_len};

/// Marker, checksum, length of the header, flags, timestamp, count of elements: fewer than 128.
const FIXED: usize = MARKER.len() + crc::LEN + 1 + 1 + 8 + 1;

/// The bytes of a marker with so many elements, at most.
pub(crate) const fn longest(elements: usize) -> usize {
    3 + FIXED + elements * 6
}

/// Writes a marker to the front of `out`: its length. `None` when it does not fit. `before` has for each identifier, from 1
/// on, the distance to its last data block, or 0.
pub(crate) fn write(time: u64, before: impl Iterator<Item = u32> + Clone, out: &mut [u8]) -> Option<usize> {
    let elements = || (1u8..).zip(before.clone()).filter(|&(_, distance)| distance != 0);
    let (count, bytes) =
        elements().fold((0, 0), |(count, bytes), (_, back)| (count + 1, bytes + 1 + varuint_len(back)));
    let body = FIXED + bytes;
    let header = 1 + varuint_len(body as u32);
    let len = header + body;
    let block = out.get_mut(..len)?;
    let mut out = block.iter_mut();
    *out.next()? = BlockType::SeekMarker.code() as u8;
    varuint(body as u32, &mut out)?;
    let fixed = MARKER.into_iter().chain([0; crc::LEN]).chain([header as u8, 0]);
    for (from, to) in fixed.chain(time.to_le_bytes()).chain([count]).zip(out.by_ref()) {
        *to = from;
    }
    for (id, back) in elements() {
        *out.next()? = id;
        varuint(back, &mut out)?;
    }
    let checksum = crc::hash(block);
    *block.get_mut(header + MARKER.len()..)?.first_chunk_mut()? = checksum.to_le_bytes();
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;
    use tlog::wire::SeekMarker;

    #[test]
    fn is_what_the_format_crate_writes() {
        for count in [0u32, 1, 16, 17, 18, 60, 103] {
            let before: Vec<u32> = (0..count).map(|at| if at % 5 == 3 { 0 } else { 1 << (at % 32) }).collect();
            let mut block = [0xaa; 1000];
            let len = write(1 << 40, before.iter().copied(), &mut block).unwrap();
            let elements =
                (1u64..).zip(&before).filter(|(_, back)| **back > 0).map(|(id, back)| (id, u64::from(*back)));
            let mut expected = [0; 1000];
            assert_eq!(SeekMarker::encode(1 << 40, elements, &mut expected), Some(len));
            assert_eq!(block[..len], expected[..len]);
            assert!(len <= longest(count as usize));
            assert_eq!(write(0, before.iter().copied(), &mut block[..len - 1]), None);
        }
    }
}
