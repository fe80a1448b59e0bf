//! The checksum: CRC-32/ISO-HDLC (that of zlib and PNG) over a whole block as
//! it is stored, type and size included, with the checksum's own four bytes as zeros.
//!
//! Blanking those bytes would take a copy of the block or three short runs, either of which costs
//! about as much as the checksum itself (`benches/read`). But a CRC is linear: it is enough to run
//! over the block as it is and to take out what the stored bytes `s` with `n` bytes behind
//! them contributed. That is the state that `s` turns into over `n + 4` zero bytes, and
//! running over 2^k zero bytes is a linear map of 32 bits, of which `RUNS` has the tables.
//!
//! Where there is no `std`, flash is dearer than time: one table of 1 KiB, or of 64 bytes with the feature `small-crc`, and
//! three short runs.

#[cfg(feature = "std")]
pub use crc32fast::{Hasher, hash};
#[cfg(not(feature = "std"))]
pub use small::{Hasher, hash};

/// How many bytes a checksum takes.
pub const LEN: usize = 4;

/// The generator polynomial, lowest power first.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// Blocks shorter than two to this power go the short way.
#[cfg(feature = "std")]
const RUN_BITS: usize = 12;

/// A linear map of 32 bits: for each of its eight nibbles, what each value of it is mapped to.
#[cfg(feature = "std")]
type Map = [[u32; 16]; 8];

/// What a state turns into over 2^k zero bytes, for each k.
#[cfg(feature = "std")]
static RUNS: [Map; RUN_BITS] = runs();

#[cfg(feature = "std")]
const fn runs() -> [Map; RUN_BITS] {
    let mut runs = [[[0; 16]; 8]; RUN_BITS];
    let mut power = 0;
    while power < RUN_BITS {
        let mut at = 0;
        while at < 8 * 16 {
            let (nibble, value) = (at / 16, at % 16);
            runs[power][nibble][value] = if power == 0 {
                over_zero_bits((value as u32) << (4 * nibble), 8)
            } else {
                let half = &runs[power - 1];
                map(half, map(half, (value as u32) << (4 * nibble)))
            };
            at += 1;
        }
        power += 1;
    }
    runs
}

const fn over_zero_bits(mut state: u32, bits: u32) -> u32 {
    let mut bit = 0;
    while bit < bits {
        state = (state >> 1) ^ (POLYNOMIAL & (state & 1).wrapping_neg());
        bit += 1;
    }
    state
}

#[cfg(feature = "std")]
const fn map(map: &Map, value: u32) -> u32 {
    let mut mapped = 0;
    let mut nibble = 0;
    while nibble < 8 {
        mapped ^= map[nibble][(value >> (4 * nibble)) as usize & 15];
        nibble += 1;
    }
    mapped
}

/// What `state` turns into over `zeros` zero bytes, fewer than two to [`RUN_BITS`].
#[cfg(feature = "std")]
fn over_zeros(mut state: u32, mut zeros: usize) -> u32 {
    while let Some(run) = RUNS.get(zeros.trailing_zeros() as usize) {
        state = map(run, state);
        zeros &= zeros - 1;
    }
    state
}

/// The checksum of `block`, whose stored checksum lies at `at`, which counts as zeros.
///
/// `block` starts at its type byte and ends with its body. When `at` does not
/// lie inside the block there is nothing to blank and the plain CRC is returned.
pub fn block_crc(block: &[u8], at: usize) -> u32 {
    let Some(stored) = block.get(at..).and_then(|rest| rest.first_chunk::<LEN>()) else {
        return hash(block);
    };
    #[cfg(feature = "std")]
    if (block.len() - at) >> RUN_BITS == 0 {
        return hash(block) ^ over_zeros(u32::from_le_bytes(*stored), block.len() - at);
    }
    #[cfg(not(feature = "std"))]
    let _ = stored;
    in_three_runs(block, at)
}

/// The checksum of `block` with zeros for its `LEN` bytes at `at`, which lie inside.
fn in_three_runs(block: &[u8], at: usize) -> u32 {
    let (front, rest) = block.split_at_checked(at).unwrap_or((block, &[]));
    let mut hasher = Hasher::new();
    hasher.update(front);
    hasher.update(&[0; LEN]);
    hasher.update(rest.get(LEN..).unwrap_or(&[]));
    hasher.finalize()
}

/// The checksum of a block in two pieces, its own field zeros already.
pub fn of_pieces(head: &[u8], rest: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(head);
    hasher.update(rest);
    hasher.finalize()
}

/// The checksum with one small table.
#[cfg(any(not(feature = "std"), test))]
mod small {
    /// For bytes, 1 KiB, or for halves of them, 64 bytes: that takes two instructions more for each byte of a Cortex-M3.
    const LEN: usize = if cfg!(feature = "small-crc") { 16 } else { 256 };

    static TABLE: [u32; LEN] = table();

    /// What a state turns into over as many zero bits as count the entries, for each value of its lowest bits.
    pub(super) const fn table<const N: usize>() -> [u32; N] {
        let mut table = [0; N];
        let mut entry = 0;
        while entry < N {
            table[entry] = super::over_zero_bits(entry as u32, N.ilog2());
            entry += 1;
        }
        table
    }

    #[inline]
    pub(super) fn over_byte<const N: usize>(table: &[u32; N], mut state: u32) -> u32 {
        for _ in 0..8 / N.ilog2() {
            state = state >> N.ilog2() ^ table[state as usize % N];
        }
        state
    }

    #[inline]
    fn next(state: u32) -> u32 {
        over_byte(&TABLE, state)
    }

    /// A checksum to which bytes are added.
    #[derive(Clone, Debug)]
    pub struct Hasher(u32);

    impl Default for Hasher {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Hasher {
        /// Of no byte yet.
        pub const fn new() -> Self {
            Self(u32::MAX)
        }

        /// Adds bytes. By words, as that takes four instructions for a byte of a Cortex-M3 and seven by bytes.
        pub fn update(&mut self, bytes: &[u8]) {
            let (words, rest) = bytes.as_chunks::<4>();
            let mut state = self.0;
            for word in words {
                state = next(next(next(next(state ^ u32::from_le_bytes(*word)))));
            }
            for byte in rest {
                state = next(state ^ u32::from(*byte));
            }
            self.0 = state;
        }

        /// The checksum of all bytes.
        pub const fn finalize(self) -> u32 {
            !self.0
        }
    }

    /// The checksum of `bytes`.
    pub fn hash(bytes: &[u8]) -> u32 {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher.finalize()
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn the_small_one_is_the_same() {
        let bytes: Vec<u8> = (0..1000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for len in (0..40).chain([512, 1000]) {
            assert_eq!(small::hash(&bytes[..len]), crc32fast::hash(&bytes[..len]), "{len} bytes");
        }
        let (halves, whole) = (small::table::<16>(), small::table::<256>());
        for state in bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)) {
            assert_eq!(small::over_byte(&halves, state), small::over_byte(&whole, state));
        }
    }

    #[test]
    fn is_the_crc_of_zlib() {
        assert_eq!(block_crc(b"123456789", usize::MAX), 0xcbf4_3926);
    }

    #[test]
    fn ignores_its_own_field_at_every_place_and_length() {
        let limit = 1 << RUN_BITS;
        let mut block = [0; 2 << RUN_BITS];
        (0u32..).zip(&mut block).for_each(|(i, byte)| *byte = (i.wrapping_mul(2_654_435_761) >> 24) as u8);
        for (len, at) in
            [(4, 0), (8, 4), (17, 3), (161, 15), (limit, 0), (limit - 1, 0), (limit + 9, 9), (limit + 9, 10)]
                .into_iter()
                .chain((0..300).map(|len| (len + 20, len % 17)))
        {
            let mut blanked = block;
            blanked[at..at + LEN].fill(0);
            assert_eq!(block_crc(&block[..len], at), crc32fast::hash(&blanked[..len]), "{len} bytes, at {at}");
        }
    }
}
