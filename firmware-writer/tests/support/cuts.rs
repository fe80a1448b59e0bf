//! What a cut of power may leave of a write that is under way, in many variants.

use firmware_writer::sim::{Fill, Random, put_sector, sector_of, tear};

/// Torn: 32 boundaries with four kinds of fill.
const TEARS: u64 = 32 * 4;
/// In another order, one of them torn.
const ORDERS: u64 = 32;
/// What the card was told will be written is erased beforehand, to ones or zeros.
const BLANKS: u64 = 32;

/// How many variants there are.
pub const VARIANTS: u64 = TEARS + ORDERS + BLANKS;

/// A write that is under way.
#[derive(Default)]
pub struct Write {
    pub first: u32,
    pub count: u32,
    /// What was handed over of it.
    pub new: Vec<[u8; 512]>,
}

impl Write {
    /// Whether the card may have changed anything.
    pub fn is_effective(&self) -> bool {
        self.is_announced() || !self.new.is_empty()
    }

    /// Whether the card knows how many sectors there will be.
    fn is_announced(&self) -> bool {
        self.count > 1
    }

    /// Whether a cut can leave this variant.
    pub fn is_possible(&self, variant: u64) -> bool {
        if variant < TEARS + ORDERS { !self.new.is_empty() } else { self.is_announced() }
    }

    /// What is there before it.
    pub fn old(&self, image: &[u8]) -> Vec<[u8; 512]> {
        (self.first..self.first + self.count).map(|sector| sector_of(image, sector)).collect()
    }

    /// Puts sectors where it writes.
    pub fn put(&self, image: &mut [u8], sectors: &[[u8; 512]]) {
        (self.first..).zip(sectors).for_each(|(sector, bytes)| put_sector(image, sector, bytes));
    }

    /// What is left of it over these sectors.
    pub fn left(&self, variant: u64, old: &[[u8; 512]], random: &mut Random) -> Vec<[u8; 512]> {
        let blank = (variant >= TEARS + ORDERS).then(|| if variant.is_multiple_of(2) { [0xff; 512] } else { [0; 512] });
        let in_order = variant < TEARS || blank.is_some() && random.below(2) == 0;
        let last = self.new.len().saturating_sub(1);
        let torn = if in_order { last } else { random.below(self.new.len() as u64) as usize };
        // Each boundary with each fill for tears; for the others any.
        let how = if variant < TEARS { variant } else { random.below(TEARS) };
        let fill = [Fill::Old, Fill::Ones, Fill::Zeros, Fill::Random(random.next())][(how % 4) as usize];
        let sector = |(at, old): (usize, &[u8; 512])| {
            let unwritten = blank.unwrap_or(*old);
            match self.new.get(at) {
                None => unwritten,
                Some(new) if at == torn => tear(&unwritten, new, 16 * (how / 4) as usize, fill),
                Some(_) if !in_order && random.below(2) == 0 => unwritten,
                Some(new) => *new,
            }
        };
        old.iter().enumerate().map(sector).collect()
    }
}
