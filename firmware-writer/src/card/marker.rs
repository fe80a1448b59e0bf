//! The seek marker in the head of a batch. `tlog::wire::marker` writes the same with numbers of 64 bits, at three times the
//! size.

use tlog::wire::marker::MARKER;
use tlog::wire::{BlockType, crc};

use super::buffer::Mark;
use crate::drain::{varuint, varuint_len};

/// Marker, checksum, length of the header, flags, timestamp, count of elements: fewer than 128.
const FIXED: usize = MARKER.len() + crc::LEN + 1 + 1 + 8 + 1;

/// The bytes of a marker with so many elements, at most.
pub(crate) const fn longest(elements: usize) -> usize {
    3 + FIXED + elements * 6
}

/// Writes a marker for the place `at` of the file to the front of `out`: its length. `None` when it does not fit. `marks` are
/// those of the identifiers from 1 on.
pub(crate) fn write(time: u64, at: u32, marks: &[Mark], out: &mut [u8]) -> Option<usize> {
    let distance = |mark: &Mark| mark.at().map_or(0, |mark| at.saturating_sub(mark));
    let (mut count, mut body) = (0, FIXED);
    for back in marks.iter().map(distance).filter(|&back| back != 0) {
        count += 1;
        body += 1 + varuint_len(back);
    }
    let header = 1 + varuint_len(body as u32);
    let block = out.get_mut(..header + body)?;
    let mut out = block.iter_mut();
    *out.next()? = BlockType::SeekMarker.code() as u8;
    varuint(body as u32, &mut out)?;
    let (fixed, elements) = out.into_slice().split_first_chunk_mut::<FIXED>()?;
    let (front, fields) = fixed.split_first_chunk_mut::<{ MARKER.len() }>()?;
    *front = MARKER;
    let (stored, fields) = fields.split_first_chunk_mut::<{ crc::LEN }>()?;
    *stored = [0; crc::LEN];
    let ([len, flags], fields) = fields.split_first_chunk_mut()?;
    (*len, *flags) = (header as u8, 0);
    let (stamp, fields) = fields.split_first_chunk_mut()?;
    *stamp = time.to_le_bytes();
    *fields.first_mut()? = count;
    let mut out = elements.iter_mut();
    for (id, back) in (1..).zip(marks.iter().map(distance)) {
        if back != 0 {
            *out.next()? = id;
            varuint(back, &mut out)?;
        }
    }
    let checksum = crc::hash(block);
    *block.get_mut(header + MARKER.len()..)?.first_chunk_mut()? = checksum.to_le_bytes();
    Some(header + body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;
    use tlog::wire::SeekMarker;

    #[test]
    fn is_what_the_format_crate_writes() {
        for count in [0u32, 1, 16, 17, 18, 60, 103] {
            let at = 0xf000_0000;
            let before: Vec<u32> = (0..count).map(|at| if at % 5 == 3 { 0 } else { 1 << (at % 32) }).collect();
            let mut marks = vec![Mark::NONE; count as usize];
            for (mark, back) in marks.iter_mut().zip(&before).filter(|(_, back)| **back > 0) {
                mark.set(at - back);
            }
            let mut block = [0xaa; 1000];
            let len = write(1 << 40, at, &marks, &mut block).unwrap();
            let elements =
                (1u64..).zip(&before).filter(|(_, back)| **back > 0).map(|(id, back)| (id, u64::from(*back)));
            let mut expected = [0; 1000];
            assert_eq!(SeekMarker::encode(1 << 40, elements, &mut expected), Some(len));
            assert_eq!(block[..len], expected[..len]);
            assert!(len <= longest(count as usize));
            assert_eq!(write(0, at, &marks, &mut block[..len - 1]), None);
        }
    }
}
