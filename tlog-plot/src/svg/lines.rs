//! The points of a line as a path.
//!
//! Of all points in one column of pixels only the first, last, least and greatest are drawn, which gives the same
//! picture. So a path is at most so long as the picture is wide, however many points are kept.

use super::layout::Area;
use super::writer::number;
use crate::axis::Span;
use crate::figure::Line;
use crate::series::Order;

/// A line with fewer points than this to a pixel shows where they are.
const DOTS_PER_PIXEL: f64 = 0.06;

/// How large such a dot is, as half its size in pixels.
const DOT: f64 = 1.5;

/// The path of a line in its area; empty without points.
pub fn path(line: &Line, area: &Area, x: Span, y: Span) -> String {
    let has_dots = (line.trace.count() as f64) < (area.right - area.left) * DOTS_PER_PIXEL;
    let mut path = String::new();
    for piece in line.trace.pieces() {
        let pixels = piece.iter().map(|point| (area.x(x, point.x), area.y(y, point.y)));
        let pixels = match line.trace.order() {
            Order::ByX => columns(pixels),
            Order::AsGiven => distinct(pixels),
        };
        polyline(&pixels, line.is_step, &mut path);
        if has_dots {
            pixels.iter().for_each(|at| dot(*at, &mut path));
        }
    }
    path
}

/// Points that are joined by x, reduced to those that are seen.
fn columns(pixels: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut seen = Vec::new();
    let mut column: Option<Column> = None;
    for at in pixels {
        match &mut column {
            Some(column) if column.first.0.floor() == at.0.floor() => column.add(at),
            _ => {
                column.take().into_iter().for_each(|column| column.append_to(&mut seen));
                column = Some(Column { first: at, highest: at, lowest: at, last: at });
            }
        }
    }
    column.into_iter().for_each(|column| column.append_to(&mut seen));
    seen
}

/// The points in one column of pixels.
struct Column {
    first: (f64, f64),
    highest: (f64, f64),
    lowest: (f64, f64),
    last: (f64, f64),
}

impl Column {
    fn add(&mut self, at: (f64, f64)) {
        if at.1 < self.highest.1 {
            self.highest = at;
        }
        if at.1 > self.lowest.1 {
            self.lowest = at;
        }
        self.last = at;
    }

    fn append_to(self, out: &mut Vec<(f64, f64)>) {
        let inner =
            if self.highest.0 <= self.lowest.0 { [self.highest, self.lowest] } else { [self.lowest, self.highest] };
        for at in [self.first, inner[0], inner[1], self.last] {
            if out.last() != Some(&at) {
                out.push(at);
            }
        }
    }
}

/// Points that are joined as they came, without those that do not leave the pixel.
fn distinct(pixels: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut seen: Vec<(f64, f64)> = Vec::new();
    for at in pixels {
        let is_near = |last: &(f64, f64)| (last.0 - at.0).abs() < 0.3 && (last.1 - at.1).abs() < 0.3;
        if !seen.last().is_some_and(is_near) {
            seen.push(at);
        }
    }
    seen
}

fn polyline(pixels: &[(f64, f64)], is_step: bool, path: &mut String) {
    let Some((first, rest)) = pixels.split_first() else { return };
    path.push_str(&format!("M{} {}", number(first.0), number(first.1)));
    if rest.is_empty() {
        // Round ends make a dot of it.
        path.push_str("h0.01");
    }
    let mut level = first.1;
    for (x, y) in rest {
        match is_step {
            true if *y == level => path.push_str(&format!("H{}", number(*x))),
            true => path.push_str(&format!("H{}V{}", number(*x), number(*y))),
            false => path.push_str(&format!("L{} {}", number(*x), number(*y))),
        }
        level = *y;
    }
}

/// A small square with round corners around a point.
fn dot((x, y): (f64, f64), path: &mut String) {
    let [left, right] = [x - DOT / 2.0, x + DOT / 2.0].map(number);
    let [top, bottom] = [y - DOT / 2.0, y + DOT / 2.0].map(number);
    path.push_str(&format!("M{left} {top}H{right}V{bottom}H{left}Z"));
}

impl Area {
    /// Where a value of x is, in pixels from the left.
    pub fn x(&self, span: Span, value: f64) -> f64 {
        self.left + (self.right - self.left) * span.position(value)
    }

    /// Where a value of y is, in pixels from the top.
    pub fn y(&self, span: Span, value: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * span.position(value)
    }
}
