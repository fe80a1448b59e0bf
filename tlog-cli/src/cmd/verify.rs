//! `tlog verify`: everything that is wrong with logs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::bail;
use serde::Serialize;
use tlog::Log;
use tlog_index::verify::{self, Finding, Kind, VerifyOptions};

use super::verify_text;
use crate::args::{Verify, VerifyFormat};
use crate::exit::{self, Outcome};
use crate::output;
use crate::progress::watch;
use crate::source::{Part, Source};
use crate::terminal::Terminal;
use crate::{sniff, whole};

/// How many findings of a kind are told in text, and in JSON; and when verbose.
const LISTED_TEXT: u64 = 3;
const LISTED: u64 = 100;
const LISTED_VERBOSE: u64 = 10_000;

pub fn run(args: &Verify, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let sources = Source::all(&args.files)?;
    let parts: Vec<(&Source, &Part)> =
        sources.iter().flat_map(|source| source.parts.iter().map(move |part| (source, part))).collect();
    let mut outcome = Outcome::Complete;
    let mut reports = Vec::new();
    for (source, part) in &parts {
        let report = match verify(source, part, args, terminal) {
            Ok(Some(report)) => report,
            Ok(None) => {
                terminal.warn(&format!("{}: deleted before it was read", part.name));
                continue;
            }
            // One log that is none must not keep the others from being looked at.
            Err(e) if parts.len() > 1 && !exit::is_usage(&e) => {
                terminal.error(&exit::message(&e));
                outcome = Outcome::Failed;
                continue;
            }
            Err(e) => return Err(e),
        };
        if report.summary.errors > 0 {
            outcome = outcome.and(Outcome::Damaged);
        }
        match args.format {
            _ if terminal.is_quiet() => {}
            VerifyFormat::Text => output::print(&verify_text::render(&report, terminal))?,
            VerifyFormat::Ndjson => output::print(&verify_text::lines(&report)?)?,
            VerifyFormat::Json => reports.push(report),
        }
    }
    if args.format == VerifyFormat::Json && !terminal.is_quiet() {
        let document = serde_json::json!({ "version": 1, "logs": reports });
        output::print(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
    }
    Ok(outcome)
}

/// What is found in one log.
#[derive(Debug, Serialize)]
pub struct Report {
    pub file: String,
    pub bytes: u64,
    pub findings: Vec<Finding>,
    pub summary: verify::Summary,
}

fn verify(source: &Source, part: &Part, args: &Verify, terminal: &Terminal) -> anyhow::Result<Option<Report>> {
    let Some(log) = whole::open(source, part)? else { return Ok(None) };
    let done = Arc::new(AtomicU64::new(0));
    let listed = match args.format {
        _ if terminal.is_verbose() => LISTED_VERBOSE,
        VerifyFormat::Text => LISTED_TEXT,
        VerifyFormat::Json | VerifyFormat::Ndjson => LISTED,
    };
    let options = VerifyOptions {
        payloads: !args.no_payloads,
        listed,
        progress: Some(Arc::clone(&done)),
        ..VerifyOptions::default()
    };
    let look = |bytes: &[u8]| -> anyhow::Result<_> {
        let mut findings = Vec::new();
        let work = || verify::verify(bytes, &options, |finding| findings.push(finding));
        let summary = watch(terminal, &part.name, Some(bytes.len() as u64), || done.load(Ordering::Relaxed), work)?;
        Ok((findings, summary))
    };
    let mut bytes = log.bytes();
    let (mut findings, mut summary) = look(bytes)?;
    if part.grows()
        && let Some(begun) = unfinished(bytes, &findings)
    {
        bytes = begun;
        (findings, summary) = look(bytes)?;
    }
    if summary.count(Kind::FileHeader) > 0 && summary.data_blocks == 0 {
        bail!("{}: not a TLOG0003 log: it is {}", part.name, what_it_is(&log));
    }
    // The order in which things are noticed is mostly, but not always, that of the file.
    findings.sort_by_key(|finding| finding.range.start);
    Ok(Some(Report { file: part.name.clone(), bytes: bytes.len() as u64, findings, summary }))
}

/// What there is of a log that is being written, without the block that is just being written at its end.
fn unfinished<'b>(bytes: &'b [u8], findings: &[Finding]) -> Option<&'b [u8]> {
    let is_last = |finding: &&Finding| finding.kind == Kind::Truncated && finding.range.end == bytes.len() as u64;
    let start = findings.iter().find(is_last)?.range.start;
    bytes.get(..usize::try_from(start).ok()?)
}

fn what_it_is(log: &Log) -> String {
    let head = log.bytes().get(..sniff::LEN.min(log.bytes().len())).unwrap_or(&[]);
    match sniff::foreign(head) {
        _ if head.is_empty() => "empty".to_owned(),
        Some(what) => what,
        None => "damaged at its start, and nothing else is in it".to_owned(),
    }
}
