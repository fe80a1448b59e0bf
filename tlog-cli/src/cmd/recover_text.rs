//! What `tlog recover` reports.

use std::path::Path;

use serde::Serialize;
use tlog::Micros;
use tlog_index::batches::{BatchReport, Counts};
use tlog_index::recover::{RecordReport, Renamed, Report};

use crate::input;
use crate::output::STDOUT;
use crate::terminal::{Terminal, count, printable};

/// How many entries of a list are shown unless more are asked for.
const SHOWN: usize = 10;

/// What became of all inputs. Offsets are in bytes from the start of an input, times in microseconds.
#[derive(Debug, Serialize)]
pub struct Summary {
    version: u32,
    /// The new log; null when only a report was wanted.
    output: Option<String>,
    output_bytes: u64,
    /// Whether the output was read again and compared with what was meant to be written.
    pub verified: bool,
    kept: u64,
    lost_bytes: u64,
    records: Vec<RecordReport>,
    /// What has another identifier or name in the new log than in the one it came from.
    renamed: Vec<Renamed>,
    inputs: Vec<InputReport>,
}

#[derive(Debug, Serialize)]
struct InputReport {
    file: String,
    #[serde(flatten)]
    report: Report,
    advice: Vec<String>,
}

impl Summary {
    pub fn new(output: Option<&Path>) -> Self {
        let output = output.map(|place| if input::is_dash(place) { STDOUT.to_owned() } else { input::name(place) });
        Self {
            version: 1,
            output,
            output_bytes: 0,
            verified: false,
            kept: 0,
            lost_bytes: 0,
            records: Vec::new(),
            renamed: Vec::new(),
            inputs: Vec::new(),
        }
    }

    /// What the new log has.
    pub fn take_result(&mut self, report: &Report) {
        self.output_bytes = report.output_bytes;
        self.kept = report.kept;
        self.records.clone_from(&report.records);
        self.renamed.clone_from(&report.renamed);
    }

    /// What became of one input.
    pub fn add(&mut self, file: &str, report: Report) {
        self.lost_bytes += report.lost_bytes;
        let advice = report.advice();
        self.inputs.push(InputReport { file: file.to_owned(), report, advice });
    }

    /// Adds what was lost of an input before it was joined with others. Names are what both reports have in common.
    pub fn merge_losses(&mut self, report: &Report) {
        for lossy in &report.records {
            if let Some(record) = self.records.iter_mut().find(|record| record.name == lossy.name) {
                record.lost_seen += lossy.lost_seen;
                record.schema_was_lost |= lossy.schema_was_lost;
            }
        }
        let new = report.renamed.iter().filter(|renamed| !self.renamed.contains(renamed));
        let new: Vec<Renamed> = new.cloned().collect();
        self.renamed.extend(new);
    }

    /// Whether nothing was lost. What was in a file twice is no loss.
    pub fn is_everything(&self) -> bool {
        self.inputs.iter().all(|InputReport { report, .. }| {
            report.lost_stretches == 0 && report.undeclared.is_empty() && report.undeclared_unlisted == 0
        })
    }
}

/// The report for reading.
pub fn render(summary: &Summary, terminal: &Terminal) -> String {
    let mut text = String::new();
    let shown = if terminal.is_verbose() { usize::MAX } else { SHOWN };
    for input in &summary.inputs {
        let InputReport { file, report, advice } = input;
        losses(file, report, advice, terminal, &mut text);
    }
    let into = match (&summary.output, summary.verified) {
        (Some(output), true) => format!("in {output} ({} bytes, read again and right)", summary.output_bytes),
        (Some(output), false) => format!("in {output} ({} bytes)", summary.output_bytes),
        (None, _) => format!("in a log of {} bytes, which was not written", summary.output_bytes),
    };
    text += &format!("kept {} {into}\n", terminal.bold(&count(summary.kept, "data block")));
    render_records(&summary.records, &mut text);
    list(&summary.renamed, summary.renamed.len() as u64, shown, &mut text, |renamed| {
        let (old, new) = (printable(&renamed.old_name), printable(&renamed.name));
        format!("renamed {old} (identifier {}) to {new} (identifier {})", renamed.old_identifier, renamed.identifier)
    });
    text
}

/// What was lost of a file, and what else there is to know.
pub fn losses(file: &str, report: &Report, advice: &[String], terminal: &Terminal, text: &mut String) {
    let shown = if terminal.is_verbose() { usize::MAX } else { SHOWN };
    if let Some(batches) = &report.batches {
        *text += &format!("{file}: {}\n", of_batches(batches));
    }
    let mut clean = true;
    let mut say = |text: &mut String, line: String| {
        *text += &line;
        clean = false;
    };
    if report.lost_stretches > 0 {
        let (bytes, stretches) = (count(report.lost_bytes, "byte"), count(report.lost_stretches, "stretch"));
        say(text, format!("{file}: lost {bytes} of {} in {stretches}\n", report.input_bytes));
        list(&report.lost, report.lost_stretches, shown, text, |lost| {
            format!("  bytes {}..{}: {}", lost.range.start, lost.range.end, printable(&lost.cause))
        });
    }
    for undeclared in report.undeclared.iter().take(shown) {
        let (blocks, bytes) = (count(undeclared.blocks, "data block"), count(undeclared.bytes, "byte"));
        say(
            text,
            format!("{file}: lost {blocks} ({bytes}) of record {}, whose schema is lost\n", undeclared.identifier),
        );
    }
    if report.unverified_kept > 0 {
        let blocks = count(report.unverified_kept, "data block");
        say(text, format!("{file}: kept {blocks} unverified, of bytes that nothing proves to belong to the log\n"));
        list(&report.unverified, report.unverified.len() as u64, shown, text, |range| {
            format!("  bytes {}..{}", range.start, range.end)
        });
    }
    if report.duplicate_blocks > 0 {
        let blocks = count(report.duplicate_blocks, "data block");
        say(text, format!("{file}: dropped {blocks} that the file has twice\n"));
        list(&report.duplicates, report.duplicates.len() as u64, shown, text, |duplicate| {
            let (from, to, original) = (duplicate.range.start, duplicate.range.end, duplicate.original);
            format!("  bytes {from}..{to}: as from byte {original} on")
        });
    }
    if report.more_logs > 0 {
        say(text, format!("{file}: joined {} logs that followed each other in it\n", report.more_logs + 1));
    }
    list(&report.ignored_declarations, report.ignored_declarations.len() as u64, shown, text, |ignored| {
        let (name, known) = (printable(&ignored.name), printable(&ignored.known_name));
        format!("  byte {}: took {known} instead of {name} for identifier {}", ignored.offset, ignored.identifier)
    });
    for advice in advice {
        say(text, format!("{file}: advice: {advice}\n"));
    }
    if clean {
        // What found no room in a ring was never in the file.
        let what = if report.batches.is_some() { "nothing that was written" } else { "nothing" };
        *text += &format!("{file}: {what} is lost\n");
    }
}

/// What the batches of firmware tell.
fn of_batches(report: &BatchReport) -> String {
    let session = report.session.map_or("a session that is unknown".to_owned(), |session| format!("session {session}"));
    let closed = match (report.closed, report.ended) {
        (true, _) => "closed",
        (false, true) => "not closed, its last batch is whole",
        (false, false) => "not closed, cut off in a batch",
    };
    format!("{session}, {}, {closed}{}", count(report.whole, "batch"), of_counts(&report.counts))
}

/// What a writer counted, each as a further part of a list; nothing if nothing went wrong.
pub fn of_counts(counts: &Counts) -> String {
    let all = [
        (counts.dropped, "record", "dropped"),
        (counts.overwritten, "record", "overwritten"),
        (counts.retries, "write", "repeated"),
        (counts.abandoned, "file", "given up"),
        (counts.troubles, "time", "without a card to write to"),
    ];
    all.into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, thing, what)| format!(", {} {what}", count(number.into(), thing)))
        .collect()
}

fn render_records(records: &[RecordReport], text: &mut String) {
    let width = records.iter().map(|record| printable(&record.name).chars().count()).max().unwrap_or(0);
    for record in records {
        let time = |time: Option<i64>| time.map_or("-".to_owned(), |time| Micros(time).to_string());
        let name = printable(&record.name);
        *text += &format!("  {name:width$}  {:>10}", record.kept);
        if record.first_time.is_some() {
            *text += &format!("  {} to {}", time(record.first_time), time(record.last_time));
        }
        if record.lost_seen > 0 {
            *text += &format!("  at least {} lost", record.lost_seen);
        }
        if record.schema_was_lost {
            *text += "  schema taken from elsewhere";
        }
        *text += "\n";
    }
}

/// The first `shown` of `all`, of which perhaps not all are at hand.
fn list<T>(at_hand: &[T], all: u64, shown: usize, text: &mut String, line: impl Fn(&T) -> String) {
    let shown = at_hand.len().min(shown);
    for entry in at_hand.iter().take(shown) {
        *text += &line(entry);
        *text += "\n";
    }
    let rest = all.saturating_sub(shown as u64);
    if rest > 0 {
        let how = if shown < at_hand.len() { "; --verbose lists them" } else { "" };
        *text += &format!("  and {rest} more{how}\n");
    }
}
