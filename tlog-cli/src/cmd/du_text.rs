//! What takes the space in a log, for reading.

use std::fmt::Write as _;

use tlog_convert::stats::sizes::Share;

use super::du::{RecordUsage, Usage};
use super::figures::{grouped, percent};
use super::info_text::bytes;
use crate::terminal::{Terminal, printable};

/// Names up to this long stand in the line of their figures.
const NAME: usize = 36;

/// The table of a log.
pub fn render(usage: &Usage, terminal: &Terminal) -> String {
    let title = terminal.bold(&printable(&usage.name));
    let mut out = format!("{title}  {}\n", bytes(usage.size));
    let width = width(usage);
    let heading =
        line("record", width, &["blocks", "bytes", "share", "unpacked", "ratio", "bytes/s"].map(str::to_owned));
    let _ = writeln!(out, "{}", terminal.bold(&heading));
    for record in &usage.records {
        put(&printable(&record.name), width, &figures(record, usage.size), &mut out);
        put_fields(record, width, &mut out);
    }
    let data = usage.data();
    put("all data", width, &figures(&data, usage.size), &mut out);
    let [headers, schemas, markers, index, damaged] = usage.overhead.parts();
    let parts = [
        ("schemas", schemas),
        ("seek markers", markers),
        ("index", index),
        ("file header", headers),
        ("damaged", damaged),
    ];
    for (name, part) in parts.into_iter().filter(|(_, part)| part.bytes > 0) {
        let name = if name == "seek markers" && part.count == 0 { "filler" } else { name };
        put(name, width, &share(part, usage.size), &mut out);
    }
    let around = data.bytes.saturating_sub(data.stored);
    if data.blocks > 0 {
        let each = around as f64 / data.blocks as f64;
        let share = percent(around, usage.size);
        let _ = writeln!(out, "  headers of data blocks take {} of it, {share}: {each:.1} bytes each", bytes(around));
    }
    out
}

/// How wide the names are.
fn width(usage: &Usage) -> usize {
    let names = usage.records.iter().map(|record| printable(&record.name).chars().count());
    let fields = usage.records.iter().flat_map(|record| &record.fields);
    let all = names.chain(fields.map(|(name, _)| printable(name).chars().count() + 2));
    all.filter(|&len| len <= NAME).fold("seek markers".len(), usize::max)
}

fn line(name: &str, width: usize, figures: &[String; 6]) -> String {
    let [blocks, size, share, unpacked, ratio, rate] = figures;
    let text = format!("  {name:<width$} {blocks:>11} {size:>10} {share:>7} {unpacked:>10} {ratio:>6} {rate:>10}");
    text.trim_end().to_owned()
}

/// Names that are too long stand in a line of their own.
fn put(name: &str, width: usize, figures: &[String; 6], out: &mut String) {
    let is_long = name.chars().count() > width;
    if is_long {
        let _ = writeln!(out, "  {name}");
    }
    let _ = writeln!(out, "{}", line(if is_long { "" } else { name }, width, figures));
}

fn figures(record: &RecordUsage, size: u64) -> [String; 6] {
    let ratio = match record.stored {
        0 => String::new(),
        stored => format!("{:.2}", record.unpacked as f64 / stored as f64),
    };
    let rate = record.bytes_per_second().map(|rate| bytes(rate.round() as u64)).unwrap_or_default();
    let blocks = grouped(record.blocks);
    [blocks, bytes(record.bytes), percent(record.bytes, size), bytes(record.unpacked), ratio, rate]
}

fn share(part: Share, size: u64) -> [String; 6] {
    let count = if part.count > 0 { grouped(part.count) } else { String::new() };
    [count, bytes(part.bytes), percent(part.bytes, size), String::new(), String::new(), String::new()]
}

/// Fields with their share of what their record has unpacked.
fn put_fields(record: &RecordUsage, width: usize, out: &mut String) {
    for (name, size) in &record.fields {
        let (name, nothing) = (format!("  {}", printable(name)), String::new);
        let share = percent(*size, record.unpacked);
        put(&name, width, &[nothing(), nothing(), share, bytes(*size), nothing(), nothing()], out);
    }
}
