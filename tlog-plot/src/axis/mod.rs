//! Ranges of values, and the places on them that get a label.

pub(crate) mod clock;
pub(crate) mod elapsed;
pub(crate) mod number;
mod span;

pub use span::Span;

/// A place on an axis with a label.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where.
    pub at: f64,
    /// What stands there.
    pub label: String,
    /// What stands below that, where it is not what stands below the tick before: the date of a time.
    pub below: Option<String>,
}

/// Ticks from the least to the greatest.
pub(crate) type Ticks = Vec<Tick>;

impl Tick {
    pub(crate) fn new(at: f64, label: String) -> Self {
        Self { at, label, below: None }
    }
}

/// Ticks for numbers: between 2 and `most`, or 2 if that is less, all within the range.
pub fn number_ticks(span: Span, most: usize) -> Vec<Tick> {
    number::ticks(span, most)
}

/// Ticks for microseconds since something, as [`number_ticks`], and the unit that their labels are in: µs, ms, s, min,
/// h or d.
pub fn elapsed_ticks(span: Span, most: usize) -> (Vec<Tick>, &'static str) {
    elapsed::ticks(span, most)
}

/// Ticks for the time of the day in UTC, as [`number_ticks`], with the date below the first and wherever it changes.
/// The range is in microseconds after `origin`, which is in microseconds since the Unix epoch.
pub fn clock_ticks(origin: i64, span: Span, most: usize) -> Vec<Tick> {
    clock::ticks(origin, span, most)
}

/// The ticks at places in ascending order that lie in the range, if these are between 2 and `most`.
fn within(span: Span, most: usize, places: impl IntoIterator<Item = (f64, String)>) -> Option<Ticks> {
    let mut ticks: Ticks = Vec::new();
    for (at, label) in places {
        if span.contains(at) && ticks.last().is_none_or(|last| last.at < at) {
            ticks.push(Tick::new(at, label));
        }
    }
    (2..=most.max(2)).contains(&ticks.len()).then_some(ticks)
}

#[cfg(test)]
mod tests;
