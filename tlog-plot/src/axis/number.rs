//! Ticks at round numbers.

use super::{Span, Tick, Ticks, within};

/// An axis up to such numbers has them written out, one with greater or only smaller ones has exponents.
const PLAIN: std::ops::Range<f64> = 1e-3..1e7;

/// A step of 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy, Debug)]
struct Step {
    digit: f64,
    exponent: i32,
}

impl Step {
    /// The step with this rank: 1, 2, 5, 10, 20, …
    fn ranked(rank: i32) -> Self {
        let digit = match rank.rem_euclid(3) {
            0 => 1.0,
            1 => 2.0,
            _ => 5.0,
        };
        Self { digit, exponent: rank.div_euclid(3) }
    }

    /// The tick number `index`, counted from 0: exact where the decimal is.
    fn at(self, index: f64) -> f64 {
        match self.exponent {
            exponent if exponent >= 0 => index * self.digit * 10_f64.powi(exponent),
            exponent if exponent > -300 => index * self.digit / 10_f64.powi(-exponent),
            exponent => index * (self.digit * 10_f64.powi(exponent)),
        }
    }

    fn size(self) -> f64 {
        self.at(1.0)
    }
}

/// At most so many ticks, at least 2.
pub fn ticks(span: Span, most: usize) -> Ticks {
    scaled(span, most, 1.0)
}

/// The same with labels for what the numbers are in a unit of this size.
pub fn scaled(span: Span, most: usize, unit: f64) -> Ticks {
    let inner = Span::new(span.lo() / unit, span.hi() / unit);
    let half = inner.hi() / 2.0 - inner.lo() / 2.0;
    // The step that would give twice as many, or a finer one.
    let first = (half / most.max(2) as f64).log10().floor() as i32 * 3;
    let labelled = |step| places(inner, step, most).and_then(|places| within(span, most, label(&places, step, unit)));
    let ticks = (first..first + 9).map(Step::ranked).find_map(labelled);
    ticks.unwrap_or_else(|| ends(span, unit))
}

/// The multiples of a step in the range, unless they are many more than wanted.
fn places(span: Span, step: Step, most: usize) -> Option<Vec<f64>> {
    let (from, to) = ((span.lo() / step.size()).ceil(), (span.hi() / step.size()).floor());
    let count = to - from + 1.0;
    let is_good = count.is_finite() && count >= 2.0 && count <= most.max(2) as f64;
    is_good.then(|| (0..count as u32).map(|index| step.at(from + f64::from(index))).collect())
}

fn label(places: &[f64], step: Step, unit: f64) -> Vec<(f64, String)> {
    let greatest = places.iter().fold(0.0, |greatest: f64, place| greatest.max(place.abs()));
    let show = |place: f64| match place {
        0.0 => "0".to_owned(),
        _ if PLAIN.contains(&greatest) => {
            format!("{place:.*}", usize::try_from(-step.exponent).unwrap_or(0))
        }
        _ => scientific(place, step.exponent),
    };
    // Back from the unit a place may round beyond the end of the range by a hair; `within` sees to that.
    places.iter().map(|place| (place * unit, show(*place))).collect()
}

/// With as many digits as tell multiples of this power of ten apart.
fn scientific(value: f64, finest: i32) -> String {
    let exponent = value.abs().log10().floor() as i32;
    let digits = usize::try_from(exponent.saturating_sub(finest)).unwrap_or(0).min(17);
    let text = format!("{value:.digits$e}");
    // Zeros at the end say nothing here, as the ticks differ before them or not at all.
    match text.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => {
            format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// The ends of a range in which no two round numbers lie.
fn ends(span: Span, unit: f64) -> Ticks {
    let label = |value: f64| {
        let value = value / unit;
        let plain = format!("{value}");
        if plain.len() <= 12 { plain } else { format!("{value:e}") }
    };
    [span.lo(), span.hi()].map(|at| Tick::new(at, label(at))).into()
}
