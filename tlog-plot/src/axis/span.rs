//! A range of values that can be divided.

/// A range of finite numbers, from a lower to a greater one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    lo: f64,
    hi: f64,
}

/// A range narrower than this, beside the numbers themselves, cannot be divided into ticks that differ.
const NARROWEST: f64 = 1e-12;

impl Span {
    /// The range between two numbers, widened where they are equal or too close to be told apart on an axis. What is no
    /// number counts as 0, infinity as the greatest number.
    pub fn new(a: f64, b: f64) -> Self {
        let finite = |value: f64| if value.is_nan() { 0.0 } else { value.clamp(-f64::MAX, f64::MAX) };
        let (a, b) = (finite(a), finite(b));
        let (lo, hi) = (a.min(b), a.max(b));
        let size = lo.abs().max(hi.abs());
        let half = hi / 2.0 - lo / 2.0;
        if half > size * NARROWEST && half > 1e-280 {
            return Self { lo, hi };
        }
        let margin = match () {
            () if size < 1e-270 => 1.0,
            () if lo == hi => size / 10.0,
            () => size * NARROWEST * 4.0,
        };
        Self { lo: finite(lo - margin), hi: finite(hi + margin) }
    }

    /// The range of these numbers; `None` if there are none. What is no number does not count.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let values = values.filter(|value| !value.is_nan());
        let ends = values.fold(None, |ends: Option<(f64, f64)>, value| {
            Some(ends.map_or((value, value), |(lo, hi)| (lo.min(value), hi.max(value))))
        });
        ends.map(|(lo, hi)| Self::new(lo, hi))
    }

    /// Where it begins.
    pub const fn lo(&self) -> f64 {
        self.lo
    }

    /// Where it ends.
    pub const fn hi(&self) -> f64 {
        self.hi
    }

    /// Whether the number lies in it.
    pub fn contains(&self, value: f64) -> bool {
        value >= self.lo && value <= self.hi
    }

    /// Where the number lies between the lower end, 0, and the upper, 1.
    pub fn position(&self, value: f64) -> f64 {
        // Halves, as the difference of the ends may be beyond all numbers.
        (value / 2.0 - self.lo / 2.0) / (self.hi / 2.0 - self.lo / 2.0)
    }

    /// With this part of it added at each end.
    pub(crate) fn widened(self, part: f64) -> Self {
        let margin = (self.hi / 2.0 - self.lo / 2.0) * part * 2.0;
        Self::new(self.lo - margin, self.hi + margin)
    }

    /// How wide it is; infinite when that is beyond all numbers.
    pub(crate) fn width(&self) -> f64 {
        self.hi - self.lo
    }
}
