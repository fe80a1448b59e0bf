//! Pictures in the cells of a terminal: each cell is a braille character of two by four dots.
//!
//! Lines are told apart by colour where colours are wanted, else, or when there are more lines than colours, by
//! letters that stand on the lines and in the legend.

mod canvas;
mod rows;

use canvas::{Canvas, Ink};
use rows::{Row, shortened, width};

use crate::axis::{Span, Ticks};
use crate::figure::{Figure, Line, Panel};

/// The part of a terminal that a picture fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells {
    /// How many characters a row has.
    pub columns: usize,
    /// How many rows there are.
    pub rows: usize,
    /// Whether to use colours, by ANSI escape sequences.
    pub has_colour: bool,
}

/// A picture may not have more cells than this: nobody could look at them.
const MOST_CELLS: usize = 4_000_000;

/// How far the labels of the y axis are apart, in rows, and how wide they may be.
const Y_TICK: usize = 4;
const WIDEST_LABEL: usize = 16;

/// How many columns a canvas beside labels must have; with fewer there are no labels.
const NARROWEST: usize = 12;

/// Colours of the terminal's 256 that are seen on dark and light ground, near those of the other pictures.
const COLOURS: [u8; 7] = [33, 202, 36, 175, 214, 80, 245];

/// Draws a figure. Every row ends with a line feed; rows are no wider than asked for, and no more.
pub fn render(figure: &Figure, cells: Cells) -> String {
    let columns = cells.columns.min(MOST_CELLS);
    let cells = Cells { columns, rows: cells.rows.min(MOST_CELLS / columns.max(1)), ..cells };
    if cells.columns == 0 || cells.rows == 0 {
        return String::new();
    }
    Drawing::new(figure, cells).rows().iter().take(cells.rows).map(|row| row.text(cells)).collect()
}

struct Drawing<'a> {
    figure: &'a Figure,
    cells: Cells,
    x: Span,
    x_ticks: Ticks,
    x_name: String,
    /// How many columns the labels of the y axis take, the axis itself with them.
    left: usize,
}

impl<'a> Drawing<'a> {
    fn new(figure: &'a Figure, cells: Cells) -> Self {
        let x = figure.x_span();
        let labels = figure.panels.iter().flat_map(|panel| y_ticks(panel, 8));
        let widest = labels.map(|tick| width(&tick.label).min(WIDEST_LABEL)).max().unwrap_or(0) + 2;
        let left = if cells.columns >= widest + NARROWEST { widest } else { 0 };
        let across = cells.columns - left;
        let mut most = (across / 8).clamp(2, 16);
        let (x_ticks, x_name) = loop {
            let (ticks, name) = figure.x.ticks(x, most);
            let widest = ticks.iter().map(|tick| width(&tick.label)).max().unwrap_or(0);
            if most <= 2 || (widest + 2) * ticks.len() <= across {
                break (ticks, name);
            }
            most -= 1;
        };
        Self { figure, cells, x, x_ticks, x_name, left }
    }

    /// All rows from the top: what leaves the canvases too little room is left out first.
    fn rows(&self) -> Vec<Row> {
        let panels = self.figure.panels.len().max(1);
        let has_title = !self.figure.title.is_empty() && self.cells.rows >= 5 * panels + 4;
        let below = if self.cells.rows >= 2 * panels + 4 { self.x_rows() } else { Vec::new() };
        let left = self.cells.rows.saturating_sub(usize::from(has_title) + below.len());
        let has_legends = left >= 3 * panels;
        let height = (left / panels).saturating_sub(usize::from(has_legends)).max(1);
        let mut rows = Vec::new();
        if has_title {
            rows.push(Row::at(self.left, &shortened(&self.figure.title, self.cells.columns - self.left)));
        }
        for panel in &self.figure.panels {
            if has_legends {
                rows.push(self.legend(panel));
            }
            self.panel(panel, height, &mut rows);
        }
        rows.extend(below);
        rows
    }

    fn panel(&self, panel: &Panel, height: usize, rows: &mut Vec<Row>) {
        let y = panel.y_span();
        let across = self.cells.columns - self.left;
        let mut canvas = Canvas::new(across, height);
        for (index, line) in panel.lines.iter().enumerate() {
            draw(&mut canvas, line, self.x, y);
            canvas.settle(index);
        }
        if self.has_letters(panel) {
            (0..panel.lines.len()).for_each(|index| canvas.mark(index, panel.lines.len(), letter(index)));
        }
        let ticks = y_ticks(panel, height.div_ceil(Y_TICK) + 1);
        let label_of = |row: usize| {
            let is_here = |at: f64| (((1.0 - y.position(at)) * height as f64) as usize).min(height - 1) == row;
            ticks.iter().find(|tick| is_here(tick.at))
        };
        for row in 0..height {
            let mut cells = Row::default();
            if self.left > 0 {
                let label = label_of(row);
                let text = label.map(|tick| shortened(&tick.label, self.left - 2)).unwrap_or_default();
                cells.right(self.left - 1, &text);
                cells.push(if label.is_some() { '┤' } else { '│' }, None);
            }
            for Ink { character, line } in canvas.row(row) {
                let is_coloured = panel.lines.len() > 1;
                cells.push(character, line.filter(|_| is_coloured).map(colour));
            }
            rows.push(cells);
        }
    }

    fn has_letters(&self, panel: &Panel) -> bool {
        panel.lines.len() > if self.cells.has_colour { COLOURS.len() } else { 1 }
    }

    fn legend(&self, panel: &Panel) -> Row {
        let (prefix, names) = panel.names();
        let mut row = Row::at(self.left, "");
        let room = |row: &Row| self.cells.columns.saturating_sub(row.len());
        if !prefix.is_empty() {
            row.text_in(&shortened(prefix, room(&row)), None);
        }
        for (index, name) in names.iter().enumerate() {
            let name = if self.has_letters(panel) { format!("{} {name}", letter(index)) } else { (*name).to_owned() };
            let more = format!("  +{}", names.len() - index);
            let is_last = index + 1 == names.len();
            let needed = 2 + width(&name) + if is_last { 0 } else { more.len() };
            if index > 0 && needed > room(&row) {
                row.text_in(&shortened(&more, room(&row)), None);
                break;
            }
            if row.len() > self.left {
                row.text_in(&shortened("  ", room(&row)), None);
            }
            let colour = (names.len() > 1).then(|| colour(index));
            row.text_in(&shortened(&name, room(&row)), colour);
        }
        row
    }

    /// The labels of the x axis, the dates below them, and its name.
    fn x_rows(&self) -> Vec<Row> {
        let across = self.cells.columns - self.left;
        let column = |at: f64| self.left + ((self.x.position(at) * across as f64) as usize).min(across - 1);
        let mut axis = Row::default();
        if self.left > 0 {
            axis.right(self.left - 1, "");
            axis.push('└', None);
        }
        let marks: Vec<usize> = self.x_ticks.iter().map(|tick| column(tick.at)).collect();
        (self.left..self.cells.columns).for_each(|at| axis.push(if marks.contains(&at) { '┬' } else { '─' }, None));
        let (mut labels, mut dates, mut name) = (Row::default(), Row::default(), Row::default());
        for (tick, at) in self.x_ticks.iter().zip(&marks) {
            labels.centred(*at, &tick.label, self.cells.columns);
            if let Some(below) = &tick.below {
                dates.centred(*at, below, self.cells.columns);
            }
        }
        name.centred(self.left + across / 2, &shortened(&self.x_name, self.cells.columns), self.cells.columns);
        let mut rows = vec![axis, labels];
        rows.extend(Some(dates).filter(|dates| dates.len() > 0));
        rows.push(name);
        rows
    }
}

fn y_ticks(panel: &Panel, most: usize) -> Ticks {
    panel.y_ticks(panel.y_span(), most)
}

fn draw(canvas: &mut Canvas, line: &Line, x: Span, y: Span) {
    for piece in line.trace.pieces() {
        let mut previous: Option<(f64, f64)> = None;
        for point in piece {
            let at = (x.position(point.x), 1.0 - y.position(point.y));
            let from = previous.unwrap_or(at);
            if line.is_step {
                canvas.line(from, (at.0, from.1));
                canvas.line((at.0, from.1), at);
            } else {
                canvas.line(from, at);
            }
            previous = Some(at);
        }
    }
}

fn colour(index: usize) -> u8 {
    COLOURS.get(index % COLOURS.len()).copied().unwrap_or(0)
}

/// Which letter stands for a line; beyond the alphabets all have the same.
fn letter(index: usize) -> char {
    ('a'..='z').chain('A'..='Z').nth(index).unwrap_or('*')
}
