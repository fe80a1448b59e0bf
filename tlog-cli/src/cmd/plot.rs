//! `tlog plot`: fields of logs as a picture, in a file or in the terminal.

use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use tlog::Micros;
use tlog::read::ReadOptions;
use tlog_plot::braille::{self, Cells};
use tlog_plot::{Figure, Gap, Size, XAxis, png, svg};

use super::plot_curves::{Curves, is_drawable};
use super::plot_fields::Request;
use crate::args::{Plot, PlotFormat, PlotTime, Selection};
use crate::exit::{Outcome, usage};
use crate::input::{self, Input};
use crate::output::{self, Binary};
use crate::selected::{Selected, Taken};
use crate::source::{self, Source};
use crate::terminal::{Terminal, count, printable};
use crate::times;

/// The width of a picture in pixels, and in columns where no terminal tells.
const WIDTH: u32 = 1200;
const COLUMNS: u32 = 80;

/// How many rows a panel in a terminal has at least.
const LOWEST: u32 = 6;

pub fn run(args: &Plot, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let format = format_of(args)?;
    let gap = gap_of(args)?;
    let paths: Vec<_> = std::iter::once(&args.log).chain(&args.overlays).cloned().collect();
    let sources = Source::all(&paths)?;
    let width = args.width.unwrap_or_else(|| if format == PlotFormat::Text { terminal_columns() } else { WIDTH });
    let names = sources.iter().map(|source| printable(&short_name(source)).into_owned()).collect();
    let columns = if format == PlotFormat::Text { 2 * width } else { width };
    let mut curves = Curves::new(Request::all(&args.fields)?, args.x.as_deref(), columns as usize, names)?;
    let selection = narrowed(args, &sources, &mut curves)?;
    let mut selected = Selected::new(&selection, sources.len(), terminal)?;
    if selection.explain {
        return selected.explain(&sources);
    }
    let output = output_of(args, &sources)?;
    if args.time == PlotTime::Utc {
        curves.share_origin();
    }
    let outcome = read(&mut curves, &mut selected, &sources)?;
    let drawn = Drawn { format, width, gap, outcome };
    let picture = drawn.picture(args, curves, &sources, terminal)?;
    write(output, &picture)?;
    Ok(outcome)
}

/// Reads what the picture shows of all logs.
fn read(curves: &mut Curves, selected: &mut Selected<'_>, sources: &[Source]) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::Complete;
    for (log, source) in sources.iter().enumerate() {
        curves.begin(log, start_of(source)?);
        outcome = outcome.and(selected.read(source, |taken| match taken {
            Taken::Log => {
                curves.forget_records();
                Ok(Ok(()))
            }
            Taken::Schema(record) => curves.meet(record).map(|_| Ok(())),
            Taken::Data(data) => curves.take(data),
        })?);
    }
    // Fields without data are empty lines, not mistakes.
    curves.forget_records();
    for record in selected.met().to_vec() {
        if selected.wants(&record) {
            curves.meet(&record)?;
        }
    }
    // What is damaged may have had what is missing.
    if outcome == Outcome::Complete {
        selected.check(sources)?;
    }
    if outcome == Outcome::Complete || curves.needed().is_some() {
        curves.check()?;
    }
    Ok(outcome)
}

/// How a picture is made of what was read.
struct Drawn {
    format: PlotFormat,
    width: u32,
    gap: Option<Gap>,
    outcome: Outcome,
}

impl Drawn {
    fn picture(&self, args: &Plot, curves: Curves, sources: &[Source], terminal: &Terminal) -> anyhow::Result<Vec<u8>> {
        let x = x_axis(args, &curves, sources.len());
        let gap = match self.gap {
            Some(Gap::Longer(_)) if !curves.is_over_time() => return Err(usage("--gap is a time, and x is none")),
            gap => gap.unwrap_or(Gap::Auto),
        };
        let (panels, points, undrawable) = curves.finish(args.fields.len(), gap);
        let undrawn = count(undrawable, "value");
        match (points, undrawable) {
            (0, 0) => terminal.warn("nothing was selected: the picture shows no data"),
            (0, _) => terminal.warn(&format!("the picture shows no data: {undrawn} are no number or have no time")),
            (_, 0) => {}
            _ => terminal.note(&format!("{undrawn} that are no number or have no time are left out")),
        }
        let figure = Figure { title: self.title(args, sources), x, panels };
        let panels = u32::try_from(figure.panels.len()).unwrap_or(u32::MAX).max(1);
        let each: u32 = match (self.format, panels) {
            (PlotFormat::Text, 1) => 20,
            (PlotFormat::Text, _) => 10,
            (_, 1) => 420,
            (_, 2) => 260,
            _ => 190,
        };
        let height = args.height.unwrap_or_else(|| {
            let suits = each.saturating_mul(panels).saturating_add(each / 3);
            let is_seen = self.format == PlotFormat::Text && args.output.is_none();
            // One line stays for the prompt. What is too much for a screen is scrolled.
            let screen = terminal_cells().filter(|_| is_seen).map(|(_, rows)| rows.saturating_sub(1));
            screen.filter(|rows| *rows >= LOWEST.saturating_mul(panels)).map_or(suits, |rows| rows.min(suits))
        });
        let size = Size { width: self.width, height };
        match self.format {
            PlotFormat::Svg => svg::render(&figure, size).map(String::into_bytes),
            PlotFormat::Png => png::render(&figure, size),
            PlotFormat::Text => {
                let has_colour = args.output.is_none() && terminal.has_color();
                let cells = Cells { columns: self.width as usize, rows: height as usize, has_colour };
                Ok(braille::render(&figure, cells).into_bytes())
            }
        }
        .map_err(|e| usage(e.to_string()))
    }

    fn title(&self, args: &Plot, sources: &[Source]) -> String {
        let names: Vec<String> = sources.iter().map(|source| printable(&short_name(source)).into_owned()).collect();
        let title = args.title.clone().unwrap_or_else(|| names.join(", "));
        match self.outcome {
            Outcome::Damaged => format!("{title} (incomplete: damaged data was skipped)"),
            _ => title,
        }
    }
}

/// The name of a log without its folder.
fn short_name(source: &Source) -> String {
    let name = Path::new(&source.name).file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| source.name.clone())
}

fn x_axis(args: &Plot, curves: &Curves, logs: usize) -> XAxis {
    let origin = curves.origin().unwrap_or_default();
    match &args.x {
        Some(x) if !curves.is_over_time() => XAxis::Number { label: x.clone() },
        x => match args.time {
            PlotTime::Utc => XAxis::Clock { origin: origin.0 },
            PlotTime::Elapsed => {
                let what = x.as_deref().unwrap_or("time");
                let since = if logs > 1 { "the start of each log".to_owned() } else { shown_start(origin) };
                XAxis::Elapsed { label: format!("{what} since {since}") }
            }
        },
    }
}

/// A time as people read it, to the millisecond.
fn shown_start(origin: Micros) -> String {
    if !origin.is_writable() {
        return format!("{} µs", origin.0);
    }
    let shown = Micros(origin.0 - origin.0.rem_euclid(1_000));
    shown.to_string().replace('T', " ").replace('Z', " UTC")
}

/// What is to be read: where all records are known beforehand and none is named, only those that are drawn.
fn narrowed(args: &Plot, sources: &[Source], curves: &mut Curves) -> anyhow::Result<Selection> {
    let mut selection = args.selection.clone();
    if !selection.records.is_empty() {
        return Ok(selection);
    }
    for source in sources {
        for part in &source.parts {
            let is_file = !part.grows() && part.path.is_file();
            let Some(Input::Mapped(log)) = (if is_file { part.open(source)? } else { None }) else {
                return Ok(selection);
            };
            let Some(index) = log.index() else { return Ok(selection) };
            curves.forget_records();
            for indexed in index.records {
                curves.meet(&indexed.record)?;
            }
        }
    }
    if let Some(records) = curves.needed() {
        curves.check()?;
        selection.records = records;
    }
    Ok(selection)
}

/// The time of the first data of a log that can be read twice.
fn start_of(source: &Source) -> anyhow::Result<Option<Micros>> {
    for part in &source.parts {
        if part.grows() || !part.path.is_file() {
            return Ok(None);
        }
        let Some(mut input) = part.open(source)? else { continue };
        let mut reader = input.reader(ReadOptions { raw_payloads: true, ..part.read_options() });
        while let Some(data) = reader.next_data().with_context(|| part.name.clone())? {
            if let Some(time) = data.time.filter(|time| is_drawable(*time)) {
                return Ok(Some(time));
            }
        }
    }
    Ok(None)
}

fn format_of(args: &Plot) -> anyhow::Result<PlotFormat> {
    let Some(output) = &args.output else {
        return match args.format {
            None | Some(PlotFormat::Text) => Ok(PlotFormat::Text),
            Some(_) => Err(usage("a picture needs a place: -o FILE, or -o - and redirect")),
        };
    };
    let ending = output.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    let known = match ending.as_deref() {
        Some("svg") => Some(PlotFormat::Svg),
        Some("png") => Some(PlotFormat::Png),
        Some("txt") => Some(PlotFormat::Text),
        _ => None,
    };
    let shown = if input::is_dash(output) { "-o -".to_owned() } else { output.display().to_string() };
    let unknown = || usage(format!("{shown}: which format? name it .svg, .png or .txt, or say --format svg|png|text"));
    args.format.or(known).ok_or_else(unknown)
}

/// What interrupts a line; `None` to leave it to the series.
fn gap_of(args: &Plot) -> anyhow::Result<Option<Gap>> {
    match args.gap.as_str() {
        "auto" => Ok(None),
        "none" => Ok(Some(Gap::None)),
        text => match times::duration_micros(text) {
            Ok(micros) => Ok(Some(Gap::Longer(micros as f64))),
            Err(e) => Err(usage(format!("--gap: {e}, nor auto or none"))),
        },
    }
}

fn output_of(args: &Plot, sources: &[Source]) -> anyhow::Result<Option<Binary>> {
    match &args.output {
        None => Ok(None),
        Some(place) if input::is_dash(place) && args.format == Some(PlotFormat::Text) => Ok(None),
        Some(place) if input::is_dash(place) && std::io::stdout().is_terminal() => {
            Err(usage("refusing to write a picture to a terminal; redirect it, or leave out -o to see it drawn"))
        }
        Some(place) => Binary::create(place, args.force, &source::files(sources)).map(Some),
    }
}

fn write(output: Option<Binary>, picture: &[u8]) -> anyhow::Result<()> {
    let Some(mut output) = output else {
        let mut out = output::stdout();
        return out.write_all(picture).and_then(|()| out.flush()).context(output::STDOUT);
    };
    output.write_all(picture).with_context(|| output.name())?;
    output.commit()
}

/// How many columns standard output has: those of its terminal, else what the shell says, else 80.
fn terminal_columns() -> u32 {
    let of_terminal = terminal_cells().map(|(columns, _)| columns);
    let of_shell = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    of_terminal.or_else(of_shell).filter(|columns| *columns > 0).unwrap_or(COLUMNS).min(20_000)
}

/// The columns and rows of the terminal that standard output is.
fn terminal_cells() -> Option<(u32, u32)> {
    let size = terminal_size::terminal_size_of(std::io::stdout());
    size.map(|(columns, rows)| (u32::from(columns.0), u32::from(rows.0)))
}
