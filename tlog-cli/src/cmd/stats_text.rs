//! What `tlog stats` tells, for reading: of each record a few lines and a table of its fields.

use std::fmt::Write as _;
use std::io::Write;

use tlog::Micros;
use tlog_convert::stats::numbers::{Extremes, Numbers};
use tlog_convert::stats::sequence::Sequence;
use tlog_convert::stats::timing::{Gap, Timing};
use tlog_convert::stats::{FieldStats, Kind, RecordStats, Report, Spot, Values};

use super::figures::{duration, grouped, number, rate};
use super::stats_report::counter;
use crate::terminal::{Terminal, count, printable};

/// Names up to this long stand in the line of their figures, which then has about a hundred columns.
const NAME: usize = 34;

/// So many symbols of an enum are shown.
const SYMBOLS: usize = 5;

/// So many gaps are shown.
const GAPS: usize = 2;

const HEADINGS: [&str; 6] = ["min", "p50", "p99", "max", "mean", "std"];

/// Writes what is told of a log.
pub fn render(
    name: &str,
    report: &Report,
    sequences: &[String],
    terminal: &Terminal,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    writeln!(out, "{}", terminal.bold(&printable(name)))?;
    if report.records.is_empty() {
        writeln!(out, "  no data")?;
    }
    for record in &report.records {
        writeln!(out, "\n{}", terminal.bold(&printable(&record.record.name)))?;
        write_record(record, sequences, terminal, out)?;
    }
    Ok(())
}

fn write_record(
    record: &RecordStats,
    sequences: &[String],
    terminal: &Terminal,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (mut table, mut counters) = (Table::new(record.timing.count), Vec::new());
    record.each_field(&mut |field| {
        table.add(&field);
        counters.extend(counter(&field, sequences).map(|sequence| counter_text(field.name, sequence)));
        anyhow::Ok(())
    })?;
    let lines = timing_lines(&record.timing).into_iter().chain(counters.into_iter().map(|text| ("counter", text)));
    for (label, text) in lines {
        writeln!(out, "  {label:<9}{text}")?;
    }
    table.write(terminal, out)
}

fn timing_lines(timing: &Timing) -> Vec<(&'static str, String)> {
    let mut first = grouped(timing.count);
    if let Some(hz) = timing.rate_hz() {
        let _ = write!(first, " at {}", rate(hz));
    }
    match timing.range {
        Some((from, to)) if from == to => first += &format!(", all at {from}"),
        Some((from, to)) => first += &format!(", {from} and {} on", duration(to.0.abs_diff(from.0) as f64)),
        None => first += ", without times",
    }
    let untimed = timing.count - timing.timed;
    if untimed > 0 && timing.timed > 0 {
        let _ = write!(first, "; {} without a time", grouped(untimed));
    }
    let mut lines = vec![("count", first)];
    lines.extend(interval(timing).map(|text| ("interval", text)));
    lines.extend(gaps(timing).map(|text| ("gaps", text)));
    if let Some(step) = &timing.largest_step_back {
        let steps = count(timing.steps_back, "step");
        let (size, to) = (duration(step.micros as f64), moment(step.spot));
        lines.push(("order", format!("{steps} back in time, the largest of {size} to {to}")));
    }
    lines
}

fn interval(timing: &Timing) -> Option<String> {
    let (moments, (min, max)) = (timing.interval_moments()?, timing.interval_range()?);
    if timing.timed < 3 || max == 0 {
        return None;
    }
    let [p50, p99] = timing.intervals.at([0.5, 0.99])?.map(duration);
    let (min, max) = (duration(min as f64), duration(max as f64));
    let (std, off) = (duration(moments.std()?), duration(timing.jitter_p99()?));
    Some(format!("{min} to {max}, p50 {p50}, p99 {p99}; jitter {std} (std), {off} (p99 off p50)"))
}

/// Gaps that stand out: twice as long as usual.
fn gaps(timing: &Timing) -> Option<String> {
    let [median] = timing.intervals.at([0.5])?;
    let stands_out = |gap: &&Gap| timing.timed > 2 && gap.micros as f64 > 2.0 * median;
    let mut shown = timing.gaps.iter().filter(stands_out).take(GAPS).map(|gap| {
        let size = duration(gap.micros as f64);
        format!("{size} to {}", moment(gap.spot))
    });
    let first = shown.next()?;
    Some(shown.fold(first, |text, next| format!("{text}, {next}")))
}

fn moment(spot: Spot) -> String {
    spot.time.map_or_else(|| format!("byte {}", spot.offset), |time| time.to_string())
}

fn counter_text(name: &str, sequence: &Sequence) -> String {
    let name = printable(name);
    let mut text = match (sequence.lost, sequence.largest) {
        (lost @ 1.., Some(largest)) => {
            let (lost, drops) = (grouped(lost), count(sequence.drops, "drop"));
            let (most, at) = (grouped(largest.lost), moment(largest.spot));
            format!("{name}: {lost} lost in {drops}, the largest of {most} before {at}")
        }
        _ => format!("{name}: none lost"),
    };
    let notes = [(sequence.repeats, "repeat"), (sequence.back, "step")].into_iter().filter(|(number, _)| *number > 0);
    for (number, thing) in notes {
        let back = if thing == "step" { " back" } else { "" };
        let _ = write!(text, ", {}{back}", count(number, thing));
    }
    text
}

/// The fields of a record.
struct Table {
    /// How many instances there are.
    instances: u64,
    rows: Vec<Row>,
    /// How wide the figures are.
    widths: [usize; 6],
    name: usize,
}

struct Row {
    name: String,
    told: Told,
    /// What is behind the figures.
    note: String,
}

enum Told {
    Figures([String; 6]),
    Text(String),
}

impl Table {
    fn new(instances: u64) -> Self {
        Self { instances, rows: Vec::new(), widths: HEADINGS.map(str::len), name: "field".len() }
    }

    fn add(&mut self, field: &FieldStats<'_>) {
        let (name, told) = (printable(field.name).into_owned(), told(field));
        if let Told::Figures(figures) = &told {
            self.widths.iter_mut().zip(figures).for_each(|(width, figure)| *width = (*width).max(figure.len()));
        }
        let len = name.chars().count();
        if len <= NAME {
            self.name = self.name.max(len);
        }
        self.rows.push(Row { name, told, note: note(field, self.instances) });
    }

    fn write(&self, terminal: &Terminal, out: &mut impl Write) -> anyhow::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let width = self.name;
        let heading = if self.rows.iter().any(|row| matches!(row.told, Told::Figures(_))) {
            format!("  {:<width$}{}", "field", self.figures(&HEADINGS.map(str::to_owned)))
        } else {
            "  field".to_owned()
        };
        writeln!(out, "{}", terminal.bold(&heading))?;
        self.rows.iter().try_for_each(|row| self.write_row(row, out))
    }

    fn figures(&self, figures: &[String; 6]) -> String {
        let mut text = String::new();
        for (figure, width) in figures.iter().zip(self.widths) {
            let _ = write!(text, "  {figure:>width$}");
        }
        text
    }

    fn write_row(&self, row: &Row, out: &mut impl Write) -> anyhow::Result<()> {
        let (width, mut name) = (self.name, row.name.as_str());
        if name.chars().count() > width {
            writeln!(out, "  {name}")?;
            name = "";
        }
        let told = match &row.told {
            Told::Figures(figures) => self.figures(figures),
            Told::Text(text) => format!("  {text}"),
        };
        let note = if row.note.is_empty() { String::new() } else { format!("  {}", row.note) };
        writeln!(out, "{}", format!("  {name:<width$}{told}{note}").trim_end())?;
        Ok(())
    }
}

fn told(field: &FieldStats<'_>) -> Told {
    match field.values {
        Values::Nothing => Told::Text(String::new()),
        Values::Numbers(numbers) => numbers_told(numbers, field.kind),
        Values::Lengths(numbers) => Told::Text(lengths(numbers)),
        Values::Symbols(symbols) => {
            let sorted = symbols.sorted();
            let of_all = |share: u64| grouped(share);
            let mut text = sorted.iter().take(SYMBOLS).fold(String::new(), |mut text, (symbol, share)| {
                let gap = if text.is_empty() { "" } else { ", " };
                let _ = write!(text, "{gap}{} {}", printable(symbol), of_all(*share));
                text
            });
            let rest = sorted.len().saturating_sub(SYMBOLS) as u64;
            if rest > 0 || symbols.others > 0 {
                let of_rest = sorted.iter().skip(SYMBOLS).map(|(_, share)| share).sum::<u64>() + symbols.others;
                let _ = write!(text, ", others {}", grouped(of_rest));
            }
            Told::Text(text)
        }
    }
}

fn numbers_told(numbers: &Numbers, kind: Kind) -> Told {
    let (Some(extremes), Some([p50, p99])) = (numbers.extremes, numbers.at([0.5, 0.99])) else {
        return Told::Text(String::new());
    };
    let ends = exact(extremes, kind);
    if ends[0] == ends[1] && extremes.min() == extremes.max() {
        return Told::Text(format!("always {}", ends[0]));
    }
    let (mean, std) = (numbers.moments.mean, numbers.moments.std().unwrap_or(f64::NAN));
    let [min, max] = ends;
    match kind {
        Kind::Timestamp => Told::Text(format!("{min} to {max}")),
        Kind::Duration => Told::Figures([min, duration(p50), duration(p99), max, duration(mean), duration(std)]),
        _ => Told::Figures([min, number(p50), number(p99), max, number(mean), number(std)]),
    }
}

/// The least and the greatest value; of integers all digits, as far as there is room.
fn exact(extremes: Extremes, kind: Kind) -> [String; 2] {
    let text = |value: f64| if kind == Kind::Duration { duration(value) } else { number(value) };
    match extremes {
        Extremes::Integers(min, max) if kind == Kind::Timestamp => {
            [min, max].map(|micros| Micros(micros as i64).to_string())
        }
        extremes => [extremes.min(), extremes.max()].map(text),
    }
}

fn lengths(numbers: &Numbers) -> String {
    let Some(extremes) = numbers.extremes else { return String::new() };
    let [min, max] = exact(extremes, Kind::Integer);
    match min == max {
        true if min == "1" => "1 byte long".to_owned(),
        true => format!("{min} bytes long"),
        false => format!("{min} to {max} bytes long, {} on average", number(numbers.moments.mean)),
    }
}

/// How many values there are of which kind, unless each instance has a plain one.
fn note(field: &FieldStats<'_>, instances: u64) -> String {
    let mut notes = Vec::new();
    if let Values::Numbers(numbers) = field.values {
        notes.extend((numbers.nan > 0).then(|| format!("{} NaN", grouped(numbers.nan))));
        notes.extend((numbers.infinite > 0).then(|| format!("{} infinite", grouped(numbers.infinite))));
    }
    let all = field.count() + field.nulls;
    notes.extend((field.nulls > 0).then(|| format!("{} null", grouped(field.nulls))));
    notes.extend((all != instances).then(|| format!("{} in all", grouped(all))));
    notes.join(", ")
}
