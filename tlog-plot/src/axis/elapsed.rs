//! Ticks for time since something, in the unit that people would say it in.

use super::{Span, Ticks, number, within};

/// Units: how many microseconds, up to which range they suit, and steps in which they are counted where these are not
/// decimal.
const UNITS: [(f64, &str, f64, &[f64]); 6] = [
    (1.0, "µs", 1e3, &[]),
    (1e3, "ms", 1e6, &[]),
    (1e6, "s", 180e6, &[]),
    (60e6, "min", 180.0 * 60e6, &[0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0]),
    (3600e6, "h", 72.0 * 3600e6, &[0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 12.0, 24.0]),
    (86400e6, "d", f64::INFINITY, &[]),
];

/// Nobody says 5020 ms: beyond so many of a unit finer than a second the next one is taken.
const MOST: f64 = 2e3;

/// At most so many ticks, at least 2, and the unit of their labels.
pub fn ticks(span: Span, most: usize) -> (Ticks, &'static str) {
    let farthest = span.lo().abs().max(span.hi().abs());
    let suits = |(size, unit, range, _): &&(f64, &str, f64, &[f64])| {
        let is_short = *unit == "s" || *unit == "min" || *unit == "h" || farthest / size < MOST;
        span.width() < *range && is_short
    };
    let &(size, unit, _, steps) = UNITS.iter().find(suits).unwrap_or(&UNITS[5]);
    let stepped = steps.iter().find_map(|step| within(span, most, multiples(span, size, *step, most)));
    (stepped.unwrap_or_else(|| number::scaled(span, most, size)), unit)
}

/// The multiples of a step of this unit, not many more than are wanted.
fn multiples(span: Span, size: f64, step: f64, most: usize) -> Vec<(f64, String)> {
    let first = (span.lo() / (size * step)).ceil();
    let places = (0..=most.max(2)).map(|index| (first + index as f64) * step);
    places.map(|place| (place * size, format!("{place}"))).collect()
}
