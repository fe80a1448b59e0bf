//! What a picture shows, apart from how it is drawn.

use crate::axis::{Span, Ticks, clock, elapsed, number};
use crate::series::{Point, Trace};

/// A picture: panels, one below the other, over the same x axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What stands above it; empty for nothing.
    pub title: String,
    /// What the x axis is.
    pub x: XAxis,
    /// The panels from the top.
    pub panels: Vec<Panel>,
}

/// How large a picture is, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

/// What the x of all points of a picture is.
#[derive(Clone, Debug, PartialEq)]
pub enum XAxis {
    /// A number with this name.
    Number {
        /// What stands below the axis.
        label: String,
    },
    /// Microseconds since something, shown in the unit that suits.
    Elapsed {
        /// Since what; the unit is added to it.
        label: String,
    },
    /// Microseconds after an origin, shown as the time of the day in UTC.
    Clock {
        /// The origin, in microseconds since the Unix epoch.
        origin: i64,
    },
}

/// A part of a picture with a y axis of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// What is drawn, the first one undermost.
    pub lines: Vec<Line>,
    /// Names of values, where the y axis shows names in place of numbers.
    pub symbols: Vec<(f64, String)>,
}

/// One series in a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// How the legend calls it. Shared beginnings up to a `.`, `[` or blank are told once for a panel.
    pub name: String,
    /// Its points.
    pub trace: Trace,
    /// Whether each value holds until the next, rather than changing evenly.
    pub is_step: bool,
}

/// What of the range of y is added at each end.
const Y_MARGIN: f64 = 0.06;
/// The same of x, where that is no time.
const X_MARGIN: f64 = 0.03;

impl Figure {
    /// The range of x of everything in it.
    pub(crate) fn x_span(&self) -> Span {
        let span = Span::of(self.panels.iter().flat_map(Panel::points).map(|point| point.x));
        match (&self.x, span) {
            (XAxis::Number { .. }, Some(span)) => span.widened(X_MARGIN),
            (_, Some(span)) => span,
            // An empty picture has axes too; a second is as good as anything.
            (XAxis::Number { .. }, None) => Span::new(0.0, 1.0),
            (_, None) => Span::new(0.0, 1e6),
        }
    }
}

impl XAxis {
    /// At most so many ticks, and what stands below the axis.
    pub(crate) fn ticks(&self, span: Span, most: usize) -> (Ticks, String) {
        match self {
            Self::Number { label } => (number::ticks(span, most), label.clone()),
            Self::Elapsed { label } => {
                let (ticks, unit) = elapsed::ticks(span, most);
                (ticks, format!("{label} ({unit})"))
            }
            Self::Clock { origin } => (clock::ticks(*origin, span, most), "time (UTC)".to_owned()),
        }
    }
}

impl Panel {
    fn points(&self) -> impl Iterator<Item = Point> {
        self.lines.iter().flat_map(|line| line.trace.points())
    }

    /// The range of y of everything in it.
    pub(crate) fn y_span(&self) -> Span {
        if !self.symbols.is_empty() {
            let points = self.points().map(|point| point.y);
            // Of two names both are shown, so that one sees which is meant by a straight line.
            let names = self.symbols.iter().map(|(at, _)| *at).filter(|_| self.symbols.len() <= 2);
            let ends = |(lo, hi): (f64, f64), at: f64| (lo.min(at), hi.max(at));
            let (lo, hi) = points.chain(names).fold((f64::INFINITY, f64::NEG_INFINITY), ends);
            return if lo <= hi { Span::new(lo - 0.5, hi + 0.5) } else { Span::new(-0.5, 1.5) };
        }
        let span = Span::of(self.points().map(|point| point.y));
        span.map_or(Span::new(0.0, 1.0), |span| span.widened(Y_MARGIN))
    }

    /// At most so many ticks of the y axis.
    pub(crate) fn y_ticks(&self, span: Span, most: usize) -> Ticks {
        if self.symbols.is_empty() {
            return number::ticks(span, most);
        }
        let mut named: Vec<&(f64, String)> = self.symbols.iter().filter(|(at, _)| span.contains(*at)).collect();
        named.sort_by(|a, b| a.0.total_cmp(&b.0));
        let every = named.len().div_ceil(most.max(1)).max(1);
        named.iter().step_by(every).map(|(at, name)| crate::Tick::new(*at, name.clone())).collect()
    }

    /// What the names of all lines begin with, and what is left of each.
    pub(crate) fn names(&self) -> (&str, Vec<&str>) {
        let mut names = self.lines.iter().map(|line| line.name.as_str());
        let first = names.next().unwrap_or("");
        let shared = match self.lines.len() {
            0 | 1 => 0,
            _ => names.fold(first.len(), |len, name| len.min(shared_len(first, name))),
        };
        let boundary = |(at, c): (usize, char)| match c {
            '.' => Some(at + 1),
            '[' | ' ' => Some(at),
            _ => None,
        };
        // The name itself may go on where the others end.
        let ends = first.char_indices().filter_map(boundary).filter(|end| *end <= shared);
        let end = ends.max().filter(|end| self.lines.iter().all(|line| line.name.len() > *end)).unwrap_or(0);
        let rest = self.lines.iter().map(|line| line.name.get(end..).unwrap_or(&line.name).trim_start()).collect();
        (first.get(..end).unwrap_or("").trim_end_matches('.'), rest)
    }
}

/// How many bytes two texts share at their beginning.
fn shared_len(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gap, Order, Series};

    fn panel(names: &[&str]) -> Panel {
        let line = |name: &&str| Line {
            name: (*name).to_owned(),
            trace: Series::new(Order::ByX, 64).finish(Gap::None),
            is_step: false,
        };
        Panel { lines: names.iter().map(line).collect(), symbols: Vec::new() }
    }

    #[test]
    fn shared_beginnings_are_told_once() {
        for (names, prefix, rest) in [
            (&["a.q[0]", "a.q[1]"][..], "a.q", &["[0]", "[1]"][..]),
            (&["imu.ax", "imu.ay"], "imu", &["ax", "ay"]),
            (&["imu.ax", "gps.ay"], "", &["imu.ax", "gps.ay"]),
            (&["imu.ax"], "", &["imu.ax"]),
            (&["imu.ax (a)", "imu.ax (b)"], "imu.ax", &["(a)", "(b)"]),
            (&["a.q", "a.q[0]"], "a", &["q", "q[0]"]),
            (&["é.a", "è.a"], "", &["é.a", "è.a"]),
            (&["a.", "a."], "", &["a.", "a."]),
            (&[], "", &[]),
        ] {
            assert_eq!(panel(names).names(), (prefix, rest.to_vec()), "{names:?}");
        }
    }
}
