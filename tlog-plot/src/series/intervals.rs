//! How far points usually are from each other, without keeping the distances.

/// Bins of a quarter octave, from 2⁻⁶⁴ to 2⁶⁴; what is beyond counts in the outermost.
const BINS: usize = 128 * 4;

/// The upper bits of a float64 that tell its bin: exponent and the first two of the fraction.
const SHIFT: u32 = 50;

/// The upper bits of 2⁻⁶⁴.
const LOWEST: u64 = (1023 - 64) << 2;

/// How often a distance fell into each bin.
#[derive(Debug)]
pub struct Intervals {
    bins: Box<[u64; BINS]>,
    total: u64,
}

impl Default for Intervals {
    fn default() -> Self {
        Self { bins: Box::new([0; BINS]), total: 0 }
    }
}

impl Intervals {
    /// Counts a distance; not one that is no number, nothing or negative.
    pub fn add(&mut self, distance: f64) {
        if distance > 0.0 {
            let bin = (distance.to_bits() >> SHIFT).saturating_sub(LOWEST) as usize;
            if let Some(count) = self.bins.get_mut(bin.min(BINS - 1)) {
                *count += 1;
                self.total += 1;
            }
        }
    }

    /// What nine of ten distances stay below, rounded up to a bin; `None` without any.
    pub fn usual(&self) -> Option<f64> {
        let wanted = self.total - self.total / 10;
        let mut sum = 0;
        let reached = |count: &u64| {
            sum += count;
            sum >= wanted
        };
        let bin = self.bins.iter().position(reached).filter(|_| self.total > 0)?;
        Some(f64::from_bits((LOWEST + bin as u64 + 1) << SHIFT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_of_ten_are_usual() {
        let mut intervals = Intervals::default();
        assert_eq!(intervals.usual(), None);
        for i in 0..1_000 {
            intervals.add(if i % 11 == 0 { 1e9 } else { 10_000.0 });
        }
        let usual = intervals.usual().unwrap();
        assert!(usual > 10_000.0 && usual <= 12_500.0, "{usual}");
        for distance in [f64::NAN, -1.0, 0.0, f64::NEG_INFINITY] {
            intervals.add(distance);
        }
        assert_eq!(intervals.total, 1_000);
        for distance in [f64::INFINITY, f64::MAX, f64::MIN_POSITIVE, 5e-324] {
            intervals.add(distance);
        }
        assert_eq!(intervals.total, 1_004);
    }
}
