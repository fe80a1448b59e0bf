//! Quantiles of any number of values in bounded memory, the same in whatever order and parts the values come.
//!
//! Values are counted in cells. At first each value has its own, so that quantiles are exact. When there would be more
//! cells than the limit, numbers are cut to fewer binary digits, the same for all of them, until there are not:
//!
//! ```text
//!  level     0       1       2       3       …   13
//!  digits    all 52  20      16      12      …   0 behind the point of the mantissa
//!  error     0       5e-7    8e-6    0.01 %  …   a third, relative to the value
//! ```
//!
//! The level that is reached depends only on the set of values: one that a part of them needs, all of them need too. So
//! parts may be counted apart, and even begin at the level that another part has reached.

use std::cmp::Ordering;

/// How many binary digits numbers keep at each level.
const DIGITS: [u32; 14] = [52, 20, 16, 12, 10, 8, 7, 6, 5, 4, 3, 2, 1, 0];

/// Of a `f64`.
const MANTISSA: u32 = 52;

/// A table starts with so many cells.
const FIRST_CELLS: usize = 16;

/// Values counted for their quantiles.
#[derive(Clone, Debug)]
pub struct Quantiles {
    /// An open-addressed table of a power of two of cells, at most half full; one with a count of 0 is free.
    cells: Vec<Cell>,
    used: usize,
    /// More cells than this are only used when numbers cannot be cut any further.
    limit: usize,
    level: usize,
    count: u64,
    /// How many cells the table starts with.
    first: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    key: u64,
    count: u64,
}

impl Quantiles {
    /// None yet, to be kept in so many cells of 16 bytes, of which half are free, at most. At the coarsest level there may be
    /// up to 4096 all the same: one for each power of two.
    pub const fn new(limit: usize) -> Self {
        Self { cells: Vec::new(), used: 0, limit, level: 0, count: 0, first: FIRST_CELLS }
    }

    /// None yet, at the level that these have reached: for about so many more of the same.
    pub fn fresh(&self, more: usize) -> Self {
        let first = more.saturating_mul(2).checked_next_power_of_two().unwrap_or(usize::MAX);
        let first = first.min(self.cells.len()).max(FIRST_CELLS);
        Self { cells: Vec::new(), used: 0, limit: self.limit, level: self.level, count: 0, first }
    }

    /// Keeps them in so many cells from here on, as if that had been the limit from the start.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        while self.used > self.limit && self.level + 1 < DIGITS.len() {
            self.coarsen();
        }
        if !self.cells.is_empty() {
            self.refill((self.used * 2).next_power_of_two().max(FIRST_CELLS), 0);
        }
    }

    /// How many values there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// How far a quantile may be from a value of that rank, relative to it; 0 while they are exact. What is nearer to 0
    /// than 2.3e-308 counts as 0 when they are not.
    pub fn error(&self) -> f64 {
        match self.digits() {
            MANTISSA => 0.0,
            digits => 1.0 / (f64::from(2_u32 << digits) + 1.0),
        }
    }

    fn digits(&self) -> u32 {
        DIGITS.get(self.level).copied().unwrap_or(0)
    }

    fn shift(&self) -> u32 {
        MANTISSA - self.digits()
    }

    /// Adds finite values.
    pub fn add(&mut self, values: &[f64]) {
        let (mut shift, mut level) = (self.shift(), self.level);
        for &value in values {
            self.count_key(key(value) >> shift, 1);
            if level != self.level {
                (shift, level) = (self.shift(), self.level);
            }
        }
        self.count += values.len() as u64;
    }

    /// Adds all of the others.
    pub fn merge(&mut self, others: &Self) {
        while self.level < others.level {
            self.coarsen();
        }
        for cell in others.cells.iter().filter(|cell| cell.count > 0) {
            self.count_key(cell.key >> (self.shift() - others.shift()), cell.count);
        }
        self.count += others.count;
    }

    /// Counts a key of the present level, and cuts the digits if there are too many then.
    #[inline] // once per value: `tlog stats` of the big log of the benchmarks
    fn count_key(&mut self, key: u64, count: u64) {
        if self.bump(key, count) {
            self.settle();
        }
    }

    /// Counts a key; whether it is a new one.
    #[inline] // once per value: as above
    fn bump(&mut self, key: u64, count: u64) -> bool {
        let mask = self.cells.len().wrapping_sub(1);
        let mut at = scatter(key, self.cells.len());
        for _ in 0..self.cells.len() {
            let Some(cell) = self.cells.get_mut(at & mask) else { break };
            if cell.count == 0 {
                *cell = Cell { key, count };
                self.used += 1;
                return true;
            }
            if cell.key == key {
                cell.count += count;
                return false;
            }
            at = at.wrapping_add(1);
        }
        // Only a table without cells has no place.
        self.cells = vec![Cell::default(); self.first];
        self.bump(key, count)
    }

    #[cold]
    fn settle(&mut self) {
        while self.used > self.limit && self.level + 1 < DIGITS.len() {
            self.coarsen();
        }
        if self.used * 2 > self.cells.len() {
            let more = self.cells.len() * 2;
            self.refill(more, 0);
        }
    }

    fn coarsen(&mut self) {
        let before = self.shift();
        self.level += 1;
        let by = self.shift() - before;
        self.refill(self.cells.len(), by);
    }

    fn refill(&mut self, len: usize, by: u32) {
        let old = std::mem::replace(&mut self.cells, vec![Cell::default(); len]);
        self.used = 0;
        for cell in old.iter().filter(|cell| cell.count > 0) {
            self.bump(cell.key >> by, cell.count);
        }
    }

    /// The values at these quantiles, 0 to 1: the smallest such that this share of all values is not larger (nearest rank).
    /// `None` when there are no values.
    pub fn at<const N: usize>(&self, quantiles: [f64; N]) -> Option<[f64; N]> {
        let mut cells: Vec<Cell> = self.cells.iter().copied().filter(|cell| cell.count > 0).collect();
        cells.sort_unstable_by_key(|cell| cell.key);
        let shift = self.shift();
        let weighed: Vec<(f64, u64)> = cells.iter().map(|cell| (value(cell.key, shift), cell.count)).collect();
        of_sorted(&weighed, self.count, quantiles)
    }

    /// The distance from `center` that this share of the values keeps; `None` when there are no values.
    pub fn distance_at(&self, center: f64, quantile: f64) -> Option<f64> {
        let (shift, cells) = (self.shift(), self.cells.iter().filter(|cell| cell.count > 0));
        let mut weighed: Vec<(f64, u64)> =
            cells.map(|cell| ((value(cell.key, shift) - center).abs(), cell.count)).collect();
        weighed.sort_unstable_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal));
        of_sorted(&weighed, self.count, [quantile]).map(|[distance]| distance)
    }
}

/// The values at quantiles of values that stand so often each.
fn of_sorted<const N: usize>(weighed: &[(f64, u64)], count: u64, quantiles: [f64; N]) -> Option<[f64; N]> {
    let (last, _) = *weighed.last()?;
    Some(quantiles.map(|quantile| {
        let rank = ((quantile * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut passed = 0;
        let reached = weighed.iter().find(|(_, count)| {
            passed += count;
            passed >= rank
        });
        reached.map_or(last, |(value, _)| *value)
    }))
}

/// Where in a table of so many cells to look for a key first. Whole numbers differ only in their upper digits, which is why
/// the upper ones of the product count.
#[inline] // once per value: as above
const fn scatter(key: u64, cells: usize) -> usize {
    let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    ((spread * (cells as u64 & 0xffff_ffff)) >> 32) as usize
}

/// A number that is ordered as the value is; both zeros are one.
#[inline] // once per value: as above
fn key(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    bits ^ ((bits.cast_signed() >> 63).cast_unsigned() | (1 << 63))
}

/// What stands for all values with this key: as far from the least of them as from the greatest, relative to each.
fn value(key: u64, shift: u32) -> f64 {
    let is_negative = key << shift < 1 << 63;
    let low = key << shift;
    if shift == 0 {
        return f64::from_bits(if is_negative { !low } else { low & !(1 << 63) });
    }
    let least_bits = (if is_negative { (!low >> shift) << shift } else { low }) & !(1 << 63);
    let least = f64::from_bits(least_bits);
    if !least.is_normal() {
        return 0.0;
    }
    let greatest = f64::from_bits(least_bits + (1 << shift)).min(f64::MAX);
    let ratio = greatest / least;
    let middle = least * (2.0 * ratio / (1.0 + ratio));
    if is_negative { -middle } else { middle }
}
