//! The kinds of damage, each a function of a log and a random number generator.

use std::ops::Range;

/// Storage loses and mixes up units of this many bytes.
const SECTOR: usize = 512;

/// A small generator: the same numbers everywhere and always.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        let mut rng = Self(seed ^ 0x2545_f491_4f6c_dd1d);
        rng.next();
        rng
    }

    /// Splitmix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    fn garbage(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// What happens to a log.
#[derive(Clone, Copy, Debug)]
pub enum Damage {
    Truncate,
    FlipBits,
    ZeroSector,
    SwapSectors,
    RepeatSector,
    DropSector,
    InsertGarbage,
    OverwriteHeader,
}

/// A damaged log that remembers where its bytes were.
pub struct Damaged {
    pub bytes: Vec<u8>,
    /// Per byte where it was in the original; `None` if it is not from there.
    origin: Vec<Option<usize>>,
    /// Whether only what is still in its place must be kept.
    in_place: bool,
}

impl Damage {
    pub fn apply(self, original: &[u8], rng: &mut Rng) -> Damaged {
        let sectors = original.len() / SECTOR;
        let sector = |at: usize| at * SECTOR..(at + 1) * SECTOR;
        let mut damaged = Damaged {
            bytes: original.to_vec(),
            origin: (0..original.len()).map(Some).collect(),
            in_place: matches!(self, Self::SwapSectors),
        };
        match self {
            Self::Truncate => damaged.splice(rng.index(original.len())..original.len(), &[]),
            Self::FlipBits => {
                // Alone, several, or many close together.
                let near = rng.index(original.len());
                let spread = if rng.below(3) == 0 { 40 } else { original.len() };
                for _ in 0..1 + rng.below(8) {
                    let at = (near + rng.index(spread)) % original.len();
                    let flipped = damaged.bytes[at] ^ (1 << rng.below(8));
                    damaged.splice(at..at + 1, &[flipped]);
                }
            }
            Self::ZeroSector => damaged.splice(sector(rng.index(sectors)), &[0; SECTOR]),
            Self::SwapSectors => {
                let (a, b) = (sector(rng.index(sectors)), sector(rng.index(sectors)));
                for (a, b) in a.zip(b) {
                    damaged.bytes.swap(a, b);
                    damaged.origin.swap(a, b);
                }
            }
            Self::RepeatSector => {
                let range = sector(rng.index(sectors));
                damaged.bytes.splice(range.end..range.end, original[range.clone()].iter().copied());
                damaged.origin.splice(range.end..range.end, range.map(Some));
            }
            Self::DropSector => damaged.splice(sector(rng.index(sectors)), &[]),
            Self::InsertGarbage => {
                let at = rng.index(original.len() + 1);
                let most = [16, 300, 2000][rng.index(3)];
                let len = 1 + rng.index(most);
                let garbage = rng.garbage(len);
                damaged.splice(at..at, &garbage);
            }
            Self::OverwriteHeader => {
                let most = [9, 60, 700][rng.index(3)];
                let len = 1 + rng.index(most);
                let over = match rng.below(3) {
                    0 => vec![0; len],
                    1 => vec![0xff; len],
                    _ => rng.garbage(len),
                };
                damaged.splice(0..len, &over);
            }
        }
        damaged
    }
}

impl Damaged {
    /// Puts bytes that are not the original's in the place of others. Bytes that stay what they were are untouched.
    fn splice(&mut self, range: Range<usize>, with: &[u8]) {
        let same_len = range.len() == with.len();
        let origin: Vec<Option<usize>> = with
            .iter()
            .enumerate()
            .map(|(i, byte)| {
                let at = range.start + i;
                if same_len && self.bytes[at] == *byte { self.origin[at] } else { None }
            })
            .collect();
        self.bytes.splice(range.clone(), with.iter().copied());
        self.origin.splice(range, origin);
    }

    /// Where each byte of the original is now, the first and the last such place.
    fn places(&self, len: usize) -> Vec<Option<(usize, usize)>> {
        let mut places = vec![None; len];
        for (at, origin) in self.origin.iter().enumerate() {
            if let Some(origin) = *origin {
                let first = places[origin].map_or(at, |(first, _)| first);
                places[origin] = Some((first, at));
            }
        }
        places
    }

    /// Whether each of these blocks of the original, which is `len` bytes long, must be kept: it is there whole.
    ///
    /// Of a swapped sector that landed inside a block, nothing outside it tells that it is not this block's payload:
    /// all previous offsets around it are right. Such a block cannot be told from one that carries a piece of another
    /// log and was damaged. So what was swapped itself may be lost; what was not may not.
    pub fn must_keep<'r>(&self, len: usize, blocks: impl Iterator<Item = &'r Range<usize>>) -> Vec<bool> {
        let places = self.places(len);
        blocks
            .map(|block| match (self.in_place, places[block.start]) {
                (true, _) => self.is_whole_at(block.start, block),
                (false, Some((first, last))) => self.is_whole_at(first, block) || self.is_whole_at(last, block),
                (false, None) => false,
            })
            .collect()
    }

    fn is_whole_at(&self, at: usize, range: &Range<usize>) -> bool {
        self.origin.get(at..at + range.len()).is_some_and(|there| there.iter().copied().eq(range.clone().map(Some)))
    }
}
