//! What `tlog stats` tells, for reading: of each record a few lines and a table of its fields.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::Write;

use tlog::Micros;
use tlog_convert::stats::numbers::{Extremes, Numbers};
use tlog_convert::stats::sequence::Sequence;
use tlog_convert::stats::symbols::Symbols;
use tlog_convert::stats::timing::{Gap, Timing};
use tlog_convert::stats::{FieldStats, Kind, RecordStats, Report, Spot, Values};

use super::figures::{duration, grouped, number, number_beside, rate};
use super::stats_report::counter;
use crate::terminal::{Terminal, count, printable};

/// Names up to this long stand in the line of their figures, which then has about a hundred columns.
const NAME: usize = 34;

/// So many symbols of an enum are shown.
const SYMBOLS: usize = 5;

/// So many fields that have but one and the same value are told together.
const ALIKE: usize = 3;

/// So many gaps are shown.
const GAPS: usize = 2;

/// Lists of names are broken into lines of this length.
const WIDTH: usize = 100;

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
    writeln!(out, "  {}", summary(report))?;
    for record in &report.records {
        writeln!(out, "\n{}", terminal.bold(&printable(&record.record.name)))?;
        write_record(record, sequences, terminal, out)?;
    }
    Ok(())
}

fn summary(report: &Report) -> String {
    let instances: u64 = report.records.iter().map(|record| record.timing.count).sum();
    if instances == 0 {
        return "no data".to_owned();
    }
    let records = count(report.records.len() as u64, "record");
    let mut text = format!("{} of {records}", counted(instances, "instance"));
    let ranges = report.records.iter().filter_map(|record| record.timing.range);
    if let Some((first, last)) = ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) {
        let _ = write!(text, ", {first} to {last} ({})", duration(last.0.abs_diff(first.0) as f64));
    }
    text
}

/// A number of things, its thousands set apart.
fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
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
        let steps = counted(timing.steps_back, "step");
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
    Some(format!("{min} to {max}, p50 {p50}, p99 {p99}; jitter {std} (std), {off} (p99)"))
}

/// Gaps that stand out: twice as long as usual.
fn gaps(timing: &Timing) -> Option<String> {
    let [median] = timing.intervals.at([0.5])?;
    let stands_out = |gap: &&Gap| timing.timed > 2 && gap.micros as f64 > 2.0 * median;
    let mut shown = timing.gaps.iter().filter(stands_out).take(GAPS).map(|gap| {
        let size = duration(gap.micros as f64);
        format!("{size} until {}", moment(gap.spot))
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
            let (lost, drops) = (grouped(lost), counted(sequence.drops, "drop"));
            let (most, at) = (grouped(largest.lost), moment(largest.spot));
            format!("{name}: {lost} lost in {drops}, the largest of {most} before {at}")
        }
        _ => format!("{name}: none lost"),
    };
    let notes = [(sequence.repeats, "repeat", ""), (sequence.back, "step", " back")];
    for (number, thing, way) in notes.into_iter().filter(|(number, ..)| *number > 0) {
        let _ = write!(text, ", {}{way}", counted(number, thing));
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
    /// The one value that there is.
    Always(String),
    Text(String),
}

impl Table {
    fn new(instances: u64) -> Self {
        Self { instances, rows: Vec::new(), widths: HEADINGS.map(str::len), name: 0 }
    }

    fn add(&mut self, field: &FieldStats<'_>) {
        let (name, told) = (printable(field.name).into_owned(), told(field));
        if let Told::Figures(figures) = &told {
            self.widths.iter_mut().zip(figures).for_each(|(width, figure)| *width = (*width).max(figure.len()));
        }
        self.rows.push(Row { name, told, note: note(field, self.instances) });
    }

    fn write(mut self, terminal: &Terminal, out: &mut impl Write) -> anyhow::Result<()> {
        let alike = self.take_alike();
        self.name = self.rows.iter().map(|row| row.name.chars().count()).filter(|&len| len <= NAME).fold(5, usize::max);
        self.write_rows(terminal, out)?;
        for (value, names) in alike {
            writeln!(out, "{}", wrapped(&format!("always {value}: "), &names))?;
        }
        Ok(())
    }

    /// Takes out the fields that always have a value that several always have.
    fn take_alike(&mut self) -> Vec<(String, Vec<String>)> {
        let mut alike: Vec<(String, Vec<String>)> = Vec::new();
        let mut at: HashMap<String, usize> = HashMap::new();
        for row in &self.rows {
            if let (Told::Always(value), true) = (&row.told, row.note.is_empty()) {
                let at = *at.entry(value.clone()).or_insert_with(|| {
                    alike.push((value.clone(), Vec::new()));
                    alike.len() - 1
                });
                alike[at].1.push(row.name.clone());
            }
        }
        alike.retain(|(_, names)| names.len() >= ALIKE);
        let told: HashSet<&str> = alike.iter().map(|(value, _)| value.as_str()).collect();
        let is_told = |row: &Row| matches!(&row.told, Told::Always(value) if told.contains(value.as_str()) && row.note.is_empty());
        self.rows.retain(|row| !is_told(row));
        alike
    }

    fn write_rows(&self, terminal: &Terminal, out: &mut impl Write) -> anyhow::Result<()> {
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
            Told::Always(value) => format!("  always {value}"),
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
        Values::Symbols(symbols) => symbols_told(symbols),
    }
}

fn symbols_told(symbols: &Symbols) -> Told {
    let sorted = symbols.sorted();
    if let ([(symbol, _)], 0) = (sorted.as_slice(), symbols.others) {
        return Told::Always(printable(symbol).into_owned());
    }
    let mut parts: Vec<String> = sorted
        .iter()
        .take(SYMBOLS)
        .map(|(symbol, share)| format!("{} {}", printable(symbol), grouped(*share)))
        .collect();
    let others = sorted.iter().skip(SYMBOLS).map(|(_, share)| share).sum::<u64>() + symbols.others;
    parts.extend((others > 0).then(|| format!("others {}", grouped(others))));
    Told::Text(parts.join(", "))
}

fn numbers_told(numbers: &Numbers, kind: Kind) -> Told {
    let (Some(extremes), Some([p50, p99])) = (numbers.extremes, numbers.at([0.5, 0.99])) else {
        return Told::Text(String::new());
    };
    let ends = exact(extremes, kind);
    if extremes.min() == extremes.max() {
        let [value, _] = ends;
        return Told::Always(value);
    }
    let (mean, std) = (numbers.moments.mean, numbers.moments.std().unwrap_or(f64::NAN));
    let [min, max] = ends;
    match kind {
        Kind::Timestamp => Told::Text(format!("{min} to {max}")),
        Kind::Duration => Told::Figures([min, duration(p50), duration(p99), max, duration(mean), duration(std)]),
        _ => {
            let size = extremes.min().abs().max(extremes.max().abs());
            let beside = |value| number_beside(value, size);
            let [min, max] = [extremes.min(), extremes.max()].map(beside);
            Told::Figures([min, beside(p50), beside(p99), max, beside(mean), beside(std)])
        }
    }
}

/// Names behind what is told of them all, in lines of a hundred columns.
fn wrapped(label: &str, names: &[String]) -> String {
    let mut text = format!("  {label}");
    let mut len = text.chars().count();
    for (at, name) in names.iter().enumerate() {
        let end = if at + 1 < names.len() { ", " } else { "" };
        let more = name.chars().count() + end.len();
        if len + more > WIDTH {
            text.truncate(text.trim_end().len());
            text.push_str("\n    ");
            len = 4;
        }
        text.push_str(name);
        text.push_str(end);
        len += more;
    }
    text
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
