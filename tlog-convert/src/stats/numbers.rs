//! What is told of numbers: their range, mean, spread and quantiles. All of it can be joined from parts.

use super::quantiles::Quantiles;
use super::sequence::Sequence;

/// So many sums run beside each other, so that none waits for the other.
const LANES: usize = 8;

/// Count, mean and spread, joined from parts by the formula of Chan, Golub and LeVeque.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// How many values.
    pub count: u64,
    /// Their mean; 0 of none.
    pub mean: f64,
    /// The sum of the squared distances from the mean.
    pub m2: f64,
}

impl Moments {
    /// Those of these values.
    pub fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let count = values.len() as f64;
        let about = sum(values, |value| value) / count;
        // Far from 0 that sum loses digits; the distances from its mean do not.
        let (off, squares) =
            (sum(values, |value| value - about), sum(values, |value| (value - about) * (value - about)));
        let m2 = (squares - off * off / count).max(0.0);
        Self { count: values.len() as u64, mean: about + off / count, m2 }
    }

    /// Adds the values of a part behind this one.
    pub fn merge(&mut self, later: &Self) {
        if self.count == 0 || later.count == 0 {
            if self.count == 0 {
                *self = *later;
            }
            return;
        }
        let (a, b) = (self.count as f64, later.count as f64);
        let distance = later.mean - self.mean;
        self.count += later.count;
        self.mean += distance * (b / (a + b));
        self.m2 += later.m2 + distance * distance * (a * b / (a + b));
    }

    /// The standard deviation of the values (of all of them: divided by their count, not by one less); `None` of none.
    pub fn std(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.m2 / self.count as f64).sqrt())
    }
}

fn sum(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &value)| *lane += of(value));
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|&value| of(value)).sum::<f64>()
}

/// The least and the greatest value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Extremes {
    /// Of integers, exactly.
    Integers(i128, i128),
    /// Of floats, without those that are not finite.
    Floats(f64, f64),
}

impl Extremes {
    /// The range that covers both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Integers(a, b), Self::Integers(c, d)) => Self::Integers(a.min(c), b.max(d)),
            (a, b) => Self::Floats(a.min().min(b.min()), a.max().max(b.max())),
        }
    }

    /// The least.
    pub const fn min(self) -> f64 {
        match self {
            Self::Integers(min, _) => min as f64,
            Self::Floats(min, _) => min,
        }
    }

    /// The greatest.
    pub const fn max(self) -> f64 {
        match self {
            Self::Integers(_, max) => max as f64,
            Self::Floats(_, max) => max,
        }
    }
}

/// What is told of numbers.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// How many are NaN.
    pub nan: u64,
    /// How many are infinite, of either sign.
    pub infinite: u64,
    /// The range of the finite ones; `None` when there are none.
    pub extremes: Option<Extremes>,
    /// Count, mean and spread of the finite ones.
    pub moments: Moments,
    /// The finite ones, for their quantiles.
    pub quantiles: Quantiles,
    /// How integers count up, unless they are items of a list.
    pub sequence: Option<Box<Sequence>>,
}

impl Numbers {
    /// None yet; quantiles take so many cells ([`Quantiles::new`]).
    pub const fn new(cells: usize) -> Self {
        Self::with(Quantiles::new(cells), None)
    }

    const fn with(quantiles: Quantiles, sequence: Option<Box<Sequence>>) -> Self {
        let moments = Moments { count: 0, mean: 0.0, m2: 0.0 };
        Self { nan: 0, infinite: 0, extremes: None, moments, quantiles, sequence }
    }

    /// None yet, for about so many more of the same.
    pub fn fresh(&self, more: usize) -> Self {
        let sequence = self.sequence.as_ref().map(|sequence| Box::new(Sequence::new(sequence.bits())));
        Self::with(self.quantiles.fresh(more), sequence)
    }

    /// Adds floats. `scratch` is memory to work in.
    pub fn add_floats(&mut self, values: impl Iterator<Item = f64>, scratch: &mut Vec<f64>) {
        scratch.clear();
        for value in values {
            if value.is_finite() {
                scratch.push(value);
            } else if value.is_nan() {
                self.nan += 1;
            } else {
                self.infinite += 1;
            }
        }
        if let Some(&first) = scratch.first() {
            let min = scratch.iter().fold(first, |min, &value| if value < min { value } else { min });
            let max = scratch.iter().fold(first, |max, &value| if value > max { value } else { max });
            self.add_finite(Extremes::Floats(min, max), scratch);
        }
    }

    /// Adds integers. `scratch` is memory to work in.
    pub fn add_integers<T: Copy + Ord + Into<i128>>(
        &mut self,
        values: &[T],
        float: impl Fn(T) -> f64,
        scratch: &mut Vec<f64>,
    ) {
        scratch.clear();
        scratch.extend(values.iter().map(|&value| float(value)));
        if let (Some(&min), Some(&max)) = (values.iter().min(), values.iter().max()) {
            self.add_finite(Extremes::Integers(min.into(), max.into()), scratch);
        }
    }

    fn add_finite(&mut self, extremes: Extremes, values: &[f64]) {
        self.extremes = Some(self.extremes.map_or(extremes, |known| known.and(extremes)));
        self.moments.merge(&Moments::of(values));
        self.quantiles.add(values);
    }

    /// Adds the numbers of a part behind this one.
    pub fn merge(&mut self, later: &Self) {
        self.nan += later.nan;
        self.infinite += later.infinite;
        self.extremes = match (self.extremes, later.extremes) {
            (Some(a), Some(b)) => Some(a.and(b)),
            (a, b) => a.or(b),
        };
        self.moments.merge(&later.moments);
        self.quantiles.merge(&later.quantiles);
        if let (Some(sequence), Some(later)) = (&mut self.sequence, &later.sequence) {
            sequence.merge(later);
        }
    }

    /// How many there are, finite or not.
    pub const fn count(&self) -> u64 {
        self.nan + self.infinite + self.moments.count
    }

    /// The finite values at these quantiles, within the range of the values; integers are whole.
    pub fn at<const N: usize>(&self, quantiles: [f64; N]) -> Option<[f64; N]> {
        let extremes = self.extremes?;
        let within = |value: f64| value.max(extremes.min()).min(extremes.max());
        let found = self.quantiles.at(quantiles)?;
        Some(match extremes {
            Extremes::Integers(..) => found.map(|value| within(value.round())),
            Extremes::Floats(..) => found.map(within),
        })
    }
}
