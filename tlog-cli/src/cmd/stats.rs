//! `tlog stats`: when the data of each record come, and what the values of each field are.

use std::io::Write;

use anyhow::Context;
use tlog_convert::stats::{Options, Report, Statistics};

use super::stats_report::{self, Csv};
use super::stats_text;
use crate::args::{Stats, StatsFormat};
use crate::exit::{Outcome, usage};
use crate::output;
use crate::selected::{Selected, Taken};
use crate::source::Source;
use crate::terminal::{Terminal, printable};

pub fn run(args: &Stats, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let sources = Source::all(&args.logs)?;
    let mut selected = Selected::new(&args.selection, sources.len(), terminal)?;
    if args.selection.explain {
        return selected.explain(&sources);
    }
    let mut shown =
        Shown { args, terminal, document: Vec::new(), csv: Csv::default(), held: Vec::new(), is_first: true };
    let mut asked = Asked::new(args);
    let mut outcome = Outcome::Complete;
    let groups: Vec<&[Source]> = if args.join { vec![&sources] } else { sources.chunks(1).collect() };
    for group in groups {
        let (report, came) = read(args, group, &mut selected, terminal)?;
        outcome = outcome.and(came);
        asked.meet(&report)?;
        shown.flush()?;
        let name = group.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
        shown.hold(&name, &report)?;
    }
    if outcome == Outcome::Complete {
        selected.check(&sources)?;
        asked.check()?;
    }
    shown.finish()?;
    Ok(outcome)
}

/// The statistics of logs that are taken as one.
fn read(
    args: &Stats,
    group: &[Source],
    selected: &mut Selected<'_>,
    terminal: &Terminal,
) -> anyhow::Result<(Report, Outcome)> {
    let workers = args.jobs.map_or(0, usize::from);
    let mut statistics = Statistics::new(Options { workers, fields: args.fields.clone() })?;
    let mut outcome = Outcome::Complete;
    for source in group {
        let came = selected.read(source, |taken| {
            match taken {
                Taken::Log => statistics.next_log(),
                Taken::Schema(_) => {}
                Taken::Data(data) => statistics.push(data).with_context(|| source.name.clone())?,
            }
            Ok(Ok(()))
        })?;
        outcome = outcome.and(came);
    }
    let report = statistics.finish()?;
    if !report.damage.is_none() {
        let name = group.first().map_or("", |source| source.name.as_str());
        terminal.report_damage(name, &report.damage);
        outcome = outcome.and(Outcome::Damaged);
    }
    for record in report.records.iter().filter(|record| record.is_without_fields()) {
        let name = printable(&record.record.name);
        terminal.warn(&format!("record {name} has too many fields for statistics of each; choose some with --field"));
    }
    Ok((report, outcome))
}

/// Fields that were asked for by name, and whether they were met.
struct Asked<'a> {
    fields: Vec<(&'a str, bool)>,
    sequences: Vec<(&'a str, bool)>,
}

impl<'a> Asked<'a> {
    fn new(args: &'a Stats) -> Self {
        let unmet = |names: &'a [String]| names.iter().map(|name| (name.as_str(), false)).collect();
        Self { fields: unmet(&args.fields), sequences: unmet(&args.sequences) }
    }

    fn meet(&mut self, report: &Report) -> anyhow::Result<()> {
        if self.fields.is_empty() && self.sequences.is_empty() {
            return Ok(());
        }
        for record in &report.records {
            record.each_field(&mut |field| {
                for (asked, is_met) in &mut self.fields {
                    *is_met |= is_in(field.name, asked);
                }
                for (asked, is_met) in &mut self.sequences {
                    *is_met |= field.name == *asked && field.sequence().is_some();
                }
                anyhow::Ok(())
            })?;
        }
        Ok(())
    }

    fn check(&self) -> anyhow::Result<()> {
        let unmet = |asked: &[(&'a str, bool)]| asked.iter().find(|(_, is_met)| !is_met).map(|(name, _)| *name);
        if let Some(name) = unmet(&self.fields) {
            return Err(usage(format!("no record that was selected has a field {}", printable(name))));
        }
        if let Some(name) = unmet(&self.sequences) {
            return Err(usage(format!(
                "--sequence {}: no record that was selected has such an integer",
                printable(name)
            )));
        }
        Ok(())
    }
}

/// Whether the field is this one or in it.
fn is_in(field: &str, asked: &str) -> bool {
    field.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// What is shown, the last of it held back until it is clear that what was asked for was there.
struct Shown<'a> {
    args: &'a Stats,
    terminal: &'a Terminal,
    /// Of JSON, the logs.
    document: Vec<serde_json::Value>,
    csv: Csv,
    held: Vec<u8>,
    is_first: bool,
}

impl Shown<'_> {
    fn hold(&mut self, name: &str, report: &Report) -> anyhow::Result<()> {
        let sequences = &self.args.sequences;
        match self.args.format {
            StatsFormat::Json => self.document.push(stats_report::json(name, report, sequences)?),
            StatsFormat::Csv => self.csv.put(name, report, &mut self.held)?,
            StatsFormat::Text => {
                if !std::mem::take(&mut self.is_first) {
                    self.held.push(b'\n');
                }
                stats_text::render(name, report, sequences, self.terminal, &mut self.held)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let mut out = output::stdout();
        out.write_all(&self.held).and_then(|()| out.flush()).context(output::STDOUT)?;
        self.held.clear();
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<()> {
        if self.args.format == StatsFormat::Json {
            serde_json::to_writer_pretty(&mut self.held, &stats_report::document(std::mem::take(&mut self.document)))?;
            self.held.push(b'\n');
        }
        self.flush()
    }
}
