//! Fields that count up: what is missing between one value and the next was lost.

use super::Spot;

/// A field with such a name is taken for a counter if it goes up by one more often than not.
const NAMES: [&str; 7] = ["seq", "sequence", "seqno", "counter", "count", "cnt", "frame_id"];

/// Fields with other names need so many steps to be taken for a counter, and all but one of ten going up by one.
const MIN_STEPS: u64 = 20;

/// Steps of an integer from one instance to the next.
///
/// A step is counted modulo the width of the integer, so that wrapping around is no drop. One of 2 up to half of the
/// width is a drop; what goes further is a step back, as after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    bits: u32,
    /// How many steps there are, of any kind.
    pub steps: u64,
    /// How many go up by one.
    pub ones: u64,
    /// How many stay where they are.
    pub repeats: u64,
    /// How many go up by more than one.
    pub drops: u64,
    /// How many values these leave out in all.
    pub lost: u64,
    /// How many go back.
    pub back: u64,
    /// The drop that leaves out the most, of equal ones the first.
    pub largest: Option<Drop>,
    /// The first value and where it is, and the last.
    ends: Option<(u64, Spot, u64)>,
}

/// Values that were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drop {
    /// How many.
    pub lost: u64,
    /// The instance behind them.
    pub spot: Spot,
}

impl Sequence {
    /// No steps yet, of integers of so many bits.
    pub const fn new(bits: u32) -> Self {
        let (steps, ones, repeats, drops, lost, back) = (0, 0, 0, 0, 0, 0);
        Self { bits, steps, ones, repeats, drops, lost, back, largest: None, ends: None }
    }

    /// How wide the integers are.
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// Adds values, cut or extended to 64 bits, and tells where each is.
    pub fn add(&mut self, values: impl Iterator<Item = u64>, spot: impl Fn(usize) -> Spot) {
        let mut values = values.enumerate();
        let mut last = match self.ends {
            Some((_, _, last)) => last,
            None => {
                let Some((at, first)) = values.next() else { return };
                self.ends = Some((first, spot(at), first));
                first
            }
        };
        let (mask, mut ones) = (self.mask(), 0);
        for (at, value) in values {
            match value.wrapping_sub(last) & mask {
                1 => ones += 1,
                step => self.uneven(step, || spot(at)),
            }
            last = value;
        }
        self.ones += ones;
        self.steps += ones;
        if let Some(ends) = &mut self.ends {
            ends.2 = last;
        }
    }

    const fn mask(&self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// Counts a step that does not go up by one.
    fn uneven(&mut self, step: u64, spot: impl FnOnce() -> Spot) {
        self.steps += 1;
        if step == 0 {
            self.repeats += 1;
        } else if step <= self.mask() / 2 {
            self.drops += 1;
            self.lost = self.lost.saturating_add(step - 1);
            if self.largest.is_none_or(|largest| largest.lost < step - 1) {
                self.largest = Some(Drop { lost: step - 1, spot: spot() });
            }
        } else {
            self.back += 1;
        }
    }

    /// Adds the steps of a part behind this one, and the step to it.
    pub fn merge(&mut self, later: &Self) {
        let (Some(ends), Some((first, spot, last))) = (self.ends, later.ends) else {
            if self.ends.is_none() {
                *self = later.clone();
            }
            return;
        };
        match first.wrapping_sub(ends.2) & self.mask() {
            1 => (self.steps, self.ones) = (self.steps + 1, self.ones + 1),
            step => self.uneven(step, || spot),
        }
        self.steps += later.steps;
        self.ones += later.ones;
        self.repeats += later.repeats;
        self.drops += later.drops;
        self.lost = self.lost.saturating_add(later.lost);
        self.back += later.back;
        let is_larger = |largest: &Drop| self.largest.is_none_or(|known| known.lost < largest.lost);
        if let Some(largest) = later.largest.filter(is_larger) {
            self.largest = Some(largest);
        }
        self.ends = Some((ends.0, ends.1, last));
    }

    /// Whether a field of this path is taken for a counter.
    pub fn is_counter(&self, path: &str) -> bool {
        let name = path.rsplit('.').next().unwrap_or(path).to_ascii_lowercase();
        let is_named = NAMES.iter().any(|known| {
            let front = name.strip_suffix(known);
            front.is_some_and(|front| front.is_empty() || front.ends_with('_'))
        });
        let going = u128::from(self.ones);
        match is_named {
            true => self.steps > 0 && going * 2 > u128::from(self.steps),
            false => self.steps >= MIN_STEPS && going * 10 >= u128::from(self.steps) * 9,
        }
    }
}
