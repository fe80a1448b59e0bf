//! The checksum: CRC-32/ISO-HDLC (that of zlib and PNG) over a whole block as
//! it is stored, type and size included, with the checksum's own four bytes as zeros.

use crc32fast::Hasher;

/// How many bytes a checksum takes.
pub const LEN: usize = 4;

/// Blocks up to this size are copied so that the checksum runs over one piece:
/// three short pieces cost more than the copy (`benches/read`).
const SCRATCH: usize = 256;

/// The checksum of `block`, whose stored checksum lies at `at`, which counts as zeros.
///
/// `block` starts at its type byte and ends with its body. When `at` does not
/// lie inside the block there is nothing to blank and the plain CRC is returned.
pub fn block_crc(block: &[u8], at: usize) -> u32 {
    let Some(end) = at.checked_add(LEN).filter(|&end| end <= block.len()) else {
        return crc32fast::hash(block);
    };
    if let Some(scratch) = [0; SCRATCH].get_mut(..block.len()) {
        scratch.copy_from_slice(block);
        scratch[at..end].fill(0);
        return crc32fast::hash(scratch);
    }
    let mut hasher = Hasher::new();
    hasher.update(&block[..at]);
    hasher.update(&[0; LEN]);
    hasher.update(&block[end..]);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_crc_of_zlib() {
        assert_eq!(block_crc(b"123456789", usize::MAX), 0xcbf4_3926);
    }

    #[test]
    fn ignores_its_own_field_in_short_and_long_blocks() {
        let mut block = [0x5a; 2 * SCRATCH];
        for len in [8, 17, SCRATCH, SCRATCH + 1, 2 * SCRATCH] {
            block[4..8].fill(0);
            let expected = crc32fast::hash(&block[..len]);
            block[4..8].copy_from_slice(&[1, 2, 3, 4]);
            assert_eq!(block_crc(&block[..len], 4), expected);
            block[4..8].fill(0x5a);
        }
    }
}
