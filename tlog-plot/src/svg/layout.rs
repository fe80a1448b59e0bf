//! Where everything in a picture goes.

use super::text;
use crate::axis::{Span, Tick, Ticks};
use crate::figure::{Figure, Panel, Size};

/// The line that stands for a series in the legend, in pixels.
pub const SWATCH: f64 = 18.0;
/// How wide the labels of the y axis may be, in pixels and in parts of the picture.
const WIDEST_LABEL: f64 = 170.0;
const WIDEST_PART: f64 = 0.3;

const MARGIN: f64 = 22.0;
/// How far the words of a legend are from each other.
const WORD_GAP: f64 = 16.0;
const LEGEND_ROW: f64 = 19.0;
const MOST_LEGEND_ROWS: usize = 3;
/// How many characters of a name are shown.
const LONGEST_NAME: usize = 72;
/// The least height of a panel's area.
const LOWEST: f64 = 24.0;
/// How far apart the labels of the y axis are at least.
const Y_TICK: f64 = 32.0;

/// The inside of a panel, in pixels from the left and the top of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

/// A panel in its place.
#[derive(Debug)]
pub struct Plot {
    pub area: Area,
    pub y: Span,
    pub y_ticks: Ticks,
    pub legend: Vec<Word>,
}

/// A word of a legend.
#[derive(Debug)]
pub struct Word {
    /// Which line it is the name of; `None` for what is no name.
    pub line: Option<usize>,
    pub text: String,
    pub at: (f64, f64),
}

impl Word {
    /// Where its text begins.
    pub fn text_x(&self) -> f64 {
        self.at.0 + if self.line.is_some() { SWATCH + 6.0 } else { 0.0 }
    }

    fn end(&self) -> f64 {
        self.text_x() + text::width(&self.text, text::LEGEND)
    }
}

/// All places of a picture.
#[derive(Debug)]
pub struct Layout {
    pub title: (f64, f64),
    pub plots: Vec<Plot>,
    pub x_ticks: Ticks,
    /// The ticks of x with where they are.
    pub x_labels: Vec<(Tick, f64)>,
    pub x_name: String,
    pub x_name_at: (f64, f64),
    width: f64,
}

impl Layout {
    /// The layout of a figure; `None` when there is no room for it.
    pub fn new(figure: &Figure, size: Size, x: Span) -> Option<Self> {
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        let label_room = WIDEST_LABEL.min(width * WIDEST_PART);
        let widest = figure.panels.iter().map(widest_label).fold(24.0, f64::max);
        let left = MARGIN + widest.min(label_room);
        let right = width - MARGIN;
        if right - left < 60.0 {
            return None;
        }
        let (x_ticks, x_name) = x_ticks(figure, x, right - left);
        let has_dates = x_ticks.iter().any(|tick| tick.below.is_some());
        let top = if figure.title.is_empty() { 8.0 } else { 40.0 };
        let below = 46.0 + if has_dates { 15.0 } else { 0.0 };
        let legends: Vec<(Vec<Word>, f64)> = figure.panels.iter().map(|panel| legend(panel, left, right)).collect();
        let taken: f64 = legends.iter().map(|(_, height)| height + 12.0).sum();
        let area_height = (height - top - below - taken) / legends.len().max(1) as f64;
        if area_height < LOWEST {
            return None;
        }
        let mut layout = Self {
            title: (left, 27.0),
            plots: Vec::new(),
            x_labels: Vec::new(),
            x_ticks,
            x_name,
            x_name_at: ((left + right) / 2.0, height - 10.0),
            width,
        };
        let mut at = top;
        for (panel, (mut legend, legend_height)) in figure.panels.iter().zip(legends) {
            legend.iter_mut().for_each(|word| word.at.1 += at);
            let top = at + legend_height + 4.0;
            let area = Area { left, right, top, bottom: top + area_height };
            at = area.bottom + 8.0;
            let y = panel.y_span();
            let mut y_ticks = panel.y_ticks(y, (area_height / Y_TICK) as usize + 1);
            y_ticks.iter_mut().for_each(|tick| tick.label = text::fitted(&tick.label, label_room, text::LABEL));
            layout.plots.push(Plot { area, y, y_ticks, legend });
        }
        if let Some(plot) = layout.plots.last() {
            let place = |tick: &Tick| (tick.clone(), plot.area.x(x, tick.at));
            layout.x_labels = layout.x_ticks.iter().map(place).collect();
        }
        Some(layout)
    }

    /// The middle of a centred label, so that it is not cut at the ends of the picture.
    pub fn keep_inside(&self, x: f64, label: &str) -> f64 {
        let half = text::width(label, text::LABEL) / 2.0 + 2.0;
        x.min(self.width - half).max(half)
    }
}

/// As many ticks as their labels leave room for.
fn x_ticks(figure: &Figure, span: Span, width: f64) -> (Ticks, String) {
    let widest = |ticks: &Ticks| {
        let labels = ticks.iter().flat_map(|tick| std::iter::once(&tick.label).chain(&tick.below));
        labels.map(|label| text::width(label, text::LABEL)).fold(0.0, f64::max)
    };
    let mut most = ((width / 70.0) as usize).clamp(2, 20);
    loop {
        let (ticks, name) = figure.x.ticks(span, most);
        if most <= 2 || (widest(&ticks) + 22.0) * ticks.len() as f64 <= width {
            return (ticks, text::shortened(&name, 120));
        }
        most -= 1;
    }
}

/// How wide the labels of the y axis become. How many ticks there are changes little in that.
fn widest_label(panel: &Panel) -> f64 {
    let ticks = panel.y_ticks(panel.y_span(), 8);
    let width = |tick: &Tick| text::width(&tick.label, text::LABEL);
    ticks.iter().map(width).fold(0.0, f64::max)
}

/// The words of a legend in rows from its top, and how high it is. What has no room is counted.
fn legend(panel: &Panel, left: f64, right: f64) -> (Vec<Word>, f64) {
    let (prefix, names) = panel.names();
    let mut rows = Rows { words: Vec::new(), left, right, row: 0 };
    if !prefix.is_empty() {
        rows.add(None, text::shortened(prefix, LONGEST_NAME));
    }
    for (index, name) in names.iter().enumerate() {
        let fits = rows.add(Some(index), text::shortened(name, LONGEST_NAME));
        if !fits {
            rows.more(names.len() - index);
            break;
        }
    }
    let height = (rows.row + 1) as f64 * LEGEND_ROW;
    (rows.words, height)
}

struct Rows {
    words: Vec<Word>,
    left: f64,
    right: f64,
    row: usize,
}

impl Rows {
    /// Adds a word behind the last or in the next row; whether there is room for it.
    fn add(&mut self, line: Option<usize>, text: String) -> bool {
        let mut word = Word { line, text, at: (self.left, 0.0) };
        let mut row = self.row;
        if let Some(last) = self.words.last() {
            word.at.0 = last.end() + WORD_GAP;
            if word.end() > self.right {
                word.at.0 = self.left;
                row += 1;
            }
        }
        // The end of the last row belongs to the number of those that are left out.
        let end = if row + 1 == MOST_LEGEND_ROWS { self.right - 90.0 } else { f64::INFINITY };
        if row >= MOST_LEGEND_ROWS || word.end() > end {
            return false;
        }
        self.row = row;
        word.at.1 = (row + 1) as f64 * LEGEND_ROW - 4.0;
        self.words.push(word);
        true
    }

    /// Says how many names are left out.
    fn more(&mut self, count: usize) {
        if let Some(last) = self.words.last() {
            let at = (last.end() + WORD_GAP, last.at.1);
            self.words.push(Word { line: None, text: format!("and {count} more"), at });
        }
    }
}
