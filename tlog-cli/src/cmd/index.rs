//! `tlog index`: the index beside a log, made or brought up to date.

use anyhow::{Context, bail};
use serde::Serialize;
use tlog_index::index::LogIndex;
use tlog_index::scan::{Progress, ScanOptions};
use tlog_index::sidecar::{self, Freshness, How, Loaded, Refreshed, Unusable};

use super::info_summary::DamageSummary;
use crate::args::{Index, ReportFormat};
use crate::exit::{self, Outcome, usage};
use crate::source::{Part, Source};
use crate::terminal::Terminal;
use crate::{input, output, progress};

pub fn run(args: &Index, terminal: &Terminal) -> anyhow::Result<Outcome> {
    if args.logs.iter().any(|log| input::is_dash(log)) {
        return Err(usage("an index lies beside its log; standard input has no such place"));
    }
    let sources = Source::all(&args.logs)?;
    let parts: Vec<&Part> = sources.iter().flat_map(|source| &source.parts).collect();
    let options = ScanOptions {
        workers: args.jobs.unwrap_or(0).into(),
        verify: !args.no_verify,
        fields: !args.no_ranges,
        ..ScanOptions::default()
    };
    let mut indexing = Indexing { args, terminal, options, reports: Vec::new() };
    let mut outcome = Outcome::Complete;
    for part in &parts {
        let came = match indexing.part(part) {
            Ok((report, came)) => {
                indexing.tell(report)?;
                came
            }
            // One log that is none must not keep the others from being indexed.
            Err(e) if parts.len() > 1 && !exit::is_usage(&e) => {
                terminal.error(&exit::message(&e));
                Outcome::Failed
            }
            Err(e) => return Err(e),
        };
        outcome = outcome.and(came);
    }
    if args.format == ReportFormat::Json {
        let document = serde_json::json!({ "version": 1, "logs": indexing.reports });
        output::print(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
    }
    Ok(outcome)
}

struct Indexing<'a> {
    args: &'a Index,
    terminal: &'a Terminal,
    options: ScanOptions,
    /// Collected for JSON, which is one document.
    reports: Vec<Report>,
}

/// What was done for one log, or found by `--check`.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    sidecar: String,
    /// `up to date`, `grown`, `built`, `rebuilt`; with `--check` `up to date`, `behind`, `stale`; `left out`.
    state: &'static str,
    /// Why it was built, is stale, or is left out.
    reason: Option<String>,
    /// How long the log was that the index was of before it grew, in bytes.
    grown_from: Option<u64>,
    /// Whether the index is saved.
    saved: bool,
    #[serde(flatten)]
    figures: Option<Figures>,
}

/// What the index has.
#[derive(Debug, Serialize)]
struct Figures {
    size: u64,
    records: usize,
    data_blocks: u64,
    spans: usize,
    span_bytes: u64,
    /// Whether the ranges of values are there.
    ranges: bool,
    time_steps_back: u64,
    damage: Option<DamageSummary>,
}

impl Indexing<'_> {
    fn part(&self, part: &Part) -> anyhow::Result<(Report, Outcome)> {
        let sidecar = sidecar::path_of(&part.path).display().to_string();
        let mut report = Report {
            file: part.name.clone(),
            sidecar,
            state: "left out",
            reason: None,
            grown_from: None,
            saved: false,
            figures: None,
        };
        if part.grows() {
            report.reason = Some("it is being written".to_owned());
            return Ok((report, Outcome::Complete));
        }
        if part.path.metadata().is_ok_and(|there| !there.is_file()) {
            return Err(usage(format!("{} is a stream; an index lies beside a file", part.name)));
        }
        let size = input::open_blocks(&part.path)?.metadata().with_context(|| part.name.clone())?.len();
        if self.args.check {
            return Ok(self.check(part, report));
        }
        let refreshed = self.refresh(part, size)?;
        let index = &refreshed.index;
        self.terminal.report_damage(&part.name, &index.damage);
        let mut outcome = if index.damage.is_none() { Outcome::Complete } else { Outcome::Damaged };
        if let Some(e) = &refreshed.unsaved {
            self.terminal.error(&format!("the index of {} cannot be saved: {e}", part.name));
            outcome = Outcome::Failed;
        }
        (report.state, report.reason) = match refreshed.how {
            How::Loaded => ("up to date", None),
            How::Grown(_) => ("grown", None),
            How::Built(Unusable::Absent) => ("built", None),
            How::Built(why) => ("built", Some(reason(why))),
            How::Rebuilt => ("rebuilt", None),
        };
        report.grown_from = if let How::Grown(from) = refreshed.how { Some(from) } else { None };
        report.saved = refreshed.unsaved.is_none();
        report.figures = Some(Figures::of(index));
        Ok((report, outcome))
    }

    fn refresh(&self, part: &Part, size: u64) -> anyhow::Result<Refreshed> {
        let is_foreign = matches!(sidecar::freshness(&part.path), Ok(Freshness::Stale(Unusable::Foreign)));
        if is_foreign && !self.args.force {
            let place = sidecar::path_of(&part.path);
            bail!("{} is in the place of the index and is none; --force overwrites it", place.display());
        }
        let done = Progress::default();
        let refresh = if self.args.force { sidecar::rebuild } else { sidecar::refresh };
        let work = || refresh(&part.path, &self.options, &done);
        let refreshed = progress::watch(self.terminal, &part.name, Some(size), || done.bytes(), work);
        match refreshed {
            // The library names the file itself when the system refuses it.
            Err(e @ tlog::Error::Io { .. }) => Err(e.into()),
            other => other.with_context(|| part.name.clone()),
        }
    }

    /// What is asked for decides: an index without ranges is not up to date if they are wanted.
    fn check(&self, part: &Part, mut report: Report) -> (Report, Outcome) {
        let loaded = sidecar::load(&part.path, &self.options);
        let is_fresh = matches!(loaded, Ok(Loaded::Fresh(_)));
        match loaded {
            Ok(Loaded::Fresh(scanned)) => {
                report.state = "up to date";
                report.figures = Some(Figures::of(&scanned.into_index()));
            }
            Ok(Loaded::Grown(scanned)) => {
                report.state = "behind";
                report.reason = Some("the log has grown".to_owned());
                report.grown_from = Some(scanned.tail.size);
            }
            Ok(Loaded::None(why)) => (report.state, report.reason) = ("stale", Some(reason(why))),
            Err(e) => (report.state, report.reason) = ("stale", Some(e.to_string())),
        }
        report.saved = is_fresh;
        (report, if is_fresh { Outcome::Complete } else { Outcome::Differs })
    }

    fn tell(&mut self, report: Report) -> anyhow::Result<()> {
        match self.args.format {
            ReportFormat::Text => output::print(&report.render())?,
            ReportFormat::Json => self.reports.push(report),
        }
        Ok(())
    }
}

/// Why an index cannot be used, in words that do not leave open whether it or its log is meant.
fn reason(why: Unusable) -> String {
    match why {
        Unusable::Absent => "there is none".to_owned(),
        Unusable::Unreadable => "it cannot be read".to_owned(),
        Unusable::Foreign => "what is in its place is none".to_owned(),
        Unusable::Version(version) => format!("the saved one has version {version}"),
        Unusable::Damaged => "the saved one is damaged".to_owned(),
        Unusable::NoFields => "the saved one has no ranges of values".to_owned(),
        Unusable::Unverified => "the saved one was made without verifying checksums".to_owned(),
        of_the_log => of_the_log.to_string(),
    }
}

impl Figures {
    fn of(index: &LogIndex) -> Self {
        Self {
            size: index.size,
            records: index.records.len(),
            data_blocks: index.count(),
            spans: index.spans.len(),
            span_bytes: 1 << index.span_shift,
            ranges: index.records.iter().any(|record| record.fields.is_some()),
            time_steps_back: index.order.steps_back,
            damage: (!index.damage.is_none()).then(|| DamageSummary::of(&index.damage, None)),
        }
    }

    fn render(&self) -> String {
        let counted = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let (records, spans) = (counted(self.records as u64, "record"), counted(self.spans as u64, "span"));
        let mut text = format!("{}, {records}, {spans}", counted(self.data_blocks, "data block"));
        match self.time_steps_back {
            0 => {}
            1 => text += ", time steps back once",
            steps => text += &format!(", time steps back {steps} times"),
        }
        match &self.damage {
            None => {}
            Some(damage) if damage.stretches == 1 => text += ", 1 stretch damaged",
            Some(damage) => text += &format!(", {} stretches damaged", damage.stretches),
        }
        text
    }
}

impl Report {
    fn render(&self) -> String {
        let mut text = format!("{}: index {}", self.file, self.state);
        if let (Some(from), Some(figures)) = (self.grown_from, &self.figures) {
            text += &format!(" by {} bytes", figures.size.saturating_sub(from));
        }
        if let Some(reason) = &self.reason {
            text += &format!(", as {reason}");
        }
        if let Some(figures) = &self.figures {
            text += if self.saved { "" } else { ", not saved" };
            text += &format!(": {}", figures.render());
        }
        text + "\n"
    }
}
