//! Pictures as SVG: deterministic, without scripts, styles or anything from outside.
//!
//! ```text
//! title
//! legend of panel 1
//! ┌ labels │ lines over a grid
//! legend of panel 2
//! ┌ labels │ lines over a grid
//!            ticks of x, dates
//!                name of x
//! ```

mod layout;
mod lines;
mod text;
mod writer;

use layout::{Layout, Plot};
use text::Anchor;
pub(crate) use text::is_unseen;
use writer::Writer;

use crate::axis::{Span, Ticks};
use crate::figure::{Figure, Panel, Size};
use crate::{Error, Result};

/// Colours that people of any colour vision tell apart (Okabe and Ito), without their yellow, which white swallows.
pub(crate) const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333333"];

/// When the colours are used up, the next lines are dashed.
const DASHES: [&str; 3] = ["", "7 3", "2 3"];

const GRID: &str = "#e4e4e4";
const ZERO: &str = "#b8b8b8";
const FRAME: &str = "#8a8a8a";
const DARK: &str = "#222222";
const GREY: &str = "#555555";

/// Draws a figure.
///
/// # Errors
/// [`Error::Size`], when there is no room for the panels.
pub fn render(figure: &Figure, size: Size) -> Result<String> {
    let x = figure.x_span();
    let Some(layout) = Layout::new(figure, size, x) else {
        return Err(Error::Size { width: size.width, height: size.height, problem: "small for its panels" });
    };
    let mut out = Writer::new(size);
    out.text(layout.title, &figure.title, Anchor::Start, text::TITLE, DARK);
    for (panel, plot) in figure.panels.iter().zip(&layout.plots) {
        draw_panel(&mut out, panel, plot, x, &layout.x_ticks);
    }
    x_labels(&mut out, &layout);
    Ok(out.finish())
}

fn draw_panel(out: &mut Writer, panel: &Panel, plot: &Plot, x: Span, x_ticks: &Ticks) {
    legend(out, panel, plot);
    let area = &plot.area;
    for tick in x_ticks {
        let at = area.x(x, tick.at);
        out.line((at, area.top), (at, area.bottom), GRID);
    }
    for tick in &plot.y_ticks {
        let at = area.y(plot.y, tick.at);
        let colour = if tick.at == 0.0 && panel.symbols.is_empty() { ZERO } else { GRID };
        out.line((area.left, at), (area.right, at), colour);
        out.text((area.left - 8.0, at + 4.0), &tick.label, Anchor::End, text::LABEL, GREY);
    }
    out.line((area.left, area.top), (area.left, area.bottom), FRAME);
    out.line((area.left, area.bottom), (area.right, area.bottom), FRAME);
    for (index, line) in panel.lines.iter().enumerate() {
        let path = lines::path(line, area, x, plot.y);
        out.path(&path, colour(index), dash(index));
    }
    if panel.lines.iter().all(|line| line.trace.pieces().is_empty()) {
        let middle = ((area.left + area.right) / 2.0, (area.top + area.bottom) / 2.0 + 4.0);
        out.text(middle, "no data", Anchor::Middle, text::LABEL, GREY);
    }
}

fn legend(out: &mut Writer, panel: &Panel, plot: &Plot) {
    for word in &plot.legend {
        let (x, y) = word.at;
        if let Some(index) = word.line {
            let swatch = format!("M{} {}h{}", writer::number(x), writer::number(y - 4.5), layout::SWATCH);
            out.path(&swatch, colour(index), dash(index));
        }
        let colour = if word.line.is_some() || panel.lines.len() == 1 { DARK } else { GREY };
        out.text((word.text_x(), y), &word.text, Anchor::Start, text::LEGEND, colour);
    }
}

fn x_labels(out: &mut Writer, layout: &Layout) {
    let Some(plot) = layout.plots.last() else { return };
    let area = &plot.area;
    for (tick, at) in &layout.x_labels {
        out.line((*at, area.bottom), (*at, area.bottom + 4.0), FRAME);
        let label = |text: &str| layout.keep_inside(*at, text);
        out.text((label(&tick.label), area.bottom + 18.0), &tick.label, Anchor::Middle, text::LABEL, GREY);
        if let Some(below) = &tick.below {
            out.text((label(below), area.bottom + 33.0), below, Anchor::Middle, text::LABEL, GREY);
        }
    }
    out.text(layout.x_name_at, &layout.x_name, Anchor::Middle, text::LABEL, DARK);
}

fn colour(index: usize) -> &'static str {
    COLOURS.get(index % COLOURS.len()).copied().unwrap_or(DARK)
}

fn dash(index: usize) -> &'static str {
    DASHES.get(index / COLOURS.len() % DASHES.len()).copied().unwrap_or("")
}
