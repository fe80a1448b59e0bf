//! What `tlog verify` prints.

use tlog_index::verify::{Finding, Kind, Severity, Summary};

use super::verify::Report;
use crate::terminal::{Terminal, count, printable};

/// The report for reading.
pub fn render(report: &Report, terminal: &Terminal) -> String {
    let Report { file, findings, summary, .. } = report;
    let mut text = String::new();
    // Notes are nothing to act on.
    let least = if terminal.is_verbose() { Severity::Note } else { Severity::Warning };
    for finding in findings.iter().filter(|finding| finding.severity >= least) {
        text += &line(file, finding, terminal);
    }
    for counted in summary.counts.iter().filter(|counted| counted.count > counted.told && counted.severity >= least) {
        let more = counted.count - counted.told;
        let hint = if terminal.is_verbose() { "" } else { "; --verbose lists them" };
        let kind = name(counted.kind);
        text += &format!("{file}: {} of the kind {kind}{hint}\n", level(counted.severity, Some(more)));
    }
    let told: Vec<_> = findings.iter().map(|finding| finding.kind).collect();
    let mut advice: Vec<&str> = Vec::new();
    for counted in summary.counts.iter().filter(|c| c.severity > Severity::Note && told.contains(&c.kind)) {
        if !advice.contains(&counted.kind.advice()) {
            advice.push(counted.kind.advice());
            text += &format!("{file}: advice for {}: {}\n", name(counted.kind), counted.kind.advice());
        }
    }
    text + &summary_line(report, terminal)
}

fn line(file: &str, finding: &Finding, terminal: &Terminal) -> String {
    let range = match finding.range.is_empty() {
        true => format!("byte {}", finding.range.start),
        false => format!("bytes {}..{}", finding.range.start, finding.range.end),
    };
    let level = level(finding.severity, None);
    let level = if finding.severity == Severity::Error { terminal.bold(&level) } else { level };
    format!("{file}: {range}: {level}: {} ({})\n", printable(&finding.message), name(finding.kind))
}

fn summary_line(report: &Report, terminal: &Terminal) -> String {
    let Report { file, bytes, summary, .. } = report;
    let Summary { errors, warnings, notes, .. } = summary;
    let verdict = match errors {
        0 => "good".to_owned(),
        _ if summary.skipped_bytes == 0 => "wrong in places".to_owned(),
        _ => format!("damaged, {} cannot be used", count(summary.skipped_bytes, "byte")),
    };
    let payloads = if summary.payloads_checked { "" } else { ", payloads not checked" };
    let counts = [(errors, "error"), (warnings, "warning"), (notes, "note")];
    let counts: Vec<String> = counts.iter().filter(|(n, _)| **n > 0).map(|(n, what)| count(**n, what)).collect();
    let found = if counts.is_empty() { "nothing to say against it".to_owned() } else { counts.join(", ") };
    let blocks = count(summary.data_blocks, "data block");
    format!("{}: {}: {found}; {blocks} in {}{payloads}\n", file, terminal.bold(&verdict), count(*bytes, "byte"))
}

/// As the JSON has it.
fn name(kind: Kind) -> String {
    serde_json::to_value(kind).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn level(severity: Severity, number: Option<u64>) -> String {
    let word = match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    number.map_or_else(|| word.to_owned(), |number| count(number, &format!("more {word}")))
}

/// One JSON object a line: the findings, then the summary.
pub fn lines(report: &Report) -> anyhow::Result<String> {
    let mut text = String::new();
    for finding in &report.findings {
        let mut object = serde_json::to_value(finding)?;
        if let Some(object) = object.as_object_mut() {
            object.insert("file".to_owned(), report.file.as_str().into());
        }
        text += &format!("{object}\n");
    }
    let summary = serde_json::json!({ "file": report.file, "bytes": report.bytes, "summary": report.summary });
    text += &format!("{summary}\n");
    Ok(text)
}
