//! `tlog info`: what is in a log.

use std::path::Path;

use anyhow::Context;
use tlog::Log;
use tlog::read::{Blocks, Damage, IndexedRecord, StreamReader};
use tlog::wire::Batch;
use tlog_index::batches;
use tlog_index::index::LogIndex;
use tlog_index::scan::{self, ScanOptions, Scanned};
use tlog_index::sidecar::{self, Loaded};

use super::info_summary::{Counted, RecordSummary, State, StoreSummary, Summary, Totals, Trailing};
use super::info_text;
use crate::args::{Info, ReportFormat};
use crate::exit::{self, Outcome, usage};
use crate::input::{self, Input};
use crate::output;
use crate::progress;
use crate::source::{Part, Source};
use crate::terminal::Terminal;

pub fn run(args: &Info, terminal: &Terminal) -> anyhow::Result<Outcome> {
    input::refuse_stdin_twice(args.files.iter().map(AsRef::as_ref))?;
    let mut summaries = Vec::new();
    let mut outcome = Outcome::Complete;
    for path in &args.files {
        let (summary, came) = match look(path, args.quick, terminal) {
            Ok(found) => found,
            // One log that is none must not keep the others from being shown.
            Err(e) if args.files.len() > 1 && !exit::is_usage(&e) => {
                terminal.error(&exit::message(&e));
                outcome = Outcome::Failed;
                continue;
            }
            Err(e) => return Err(e),
        };
        outcome = outcome.and(came);
        if args.format == ReportFormat::Text {
            let gap = if summaries.is_empty() { "" } else { "\n" };
            output::print(&format!("{gap}{}", info_text::render(&summary, terminal)))?;
        }
        summaries.push(summary);
    }
    if args.format == ReportFormat::Json {
        let document = serde_json::json!({ "version": 1, "logs": summaries });
        output::print(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
    }
    Ok(outcome)
}

fn look(path: &Path, quick: bool, terminal: &Terminal) -> anyhow::Result<(Summary, Outcome)> {
    if quick && input::is_dash(path) {
        return Err(usage("--quick needs a file: a stream has no end to look at"));
    }
    let source = Source::of(path)?;
    let mut count = Count { source: &source, terminal, totals: Totals::default(), told: Vec::new(), failed: false };
    let mut summary = match quick {
        false => count.scan()?,
        true => match count.saved()? {
            Some(summary) => summary,
            None => return Ok((trailing_index(&source)?, Outcome::Complete)),
        },
    };
    summary.saved = quick;
    let of_state = match summary.state {
        State::Damaged | State::Truncated | State::WrongIndex => Outcome::Damaged,
        State::Complete | State::Growing | State::NoIndex => Outcome::Complete,
    };
    Ok((summary, if count.failed { Outcome::Failed } else { of_state }))
}

/// The counting of one log.
struct Count<'a> {
    source: &'a Source,
    terminal: &'a Terminal,
    totals: Totals,
    /// What is to be said of the files, once it is clear that all are counted.
    told: Vec<Told>,
    /// Whether a segment could not be read, which has been said.
    failed: bool,
}

struct Told {
    name: String,
    damage: Damage,
    wrong_index: Option<tlog::Error>,
}

impl Count<'_> {
    /// Reads all of it.
    fn scan(&mut self) -> anyhow::Result<Summary> {
        for part in &self.source.parts {
            match self.scan_part(part) {
                Ok(()) => {}
                // One segment must not keep the others from being counted.
                Err(e) if self.source.parts.len() > 1 => {
                    self.terminal.error(&exit::message(&e));
                    self.failed = true;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(self.finish())
    }

    /// What is saved beside it; `None` if that is not all that there is to know.
    fn saved(&mut self) -> anyhow::Result<Option<Summary>> {
        for part in &self.source.parts {
            if part.grows() {
                self.scan_part(part)?;
                continue;
            }
            drop(input::open_blocks(&part.path)?);
            let Ok(Loaded::Fresh(saved)) = sidecar::load(&part.path, &ScanOptions::default()) else { return Ok(None) };
            let log = Log::open(&part.path).with_context(|| part.name.clone())?;
            self.add_file(part, &log, &saved.into_index());
        }
        Ok(Some(self.finish()))
    }

    fn scan_part(&mut self, part: &Part) -> anyhow::Result<()> {
        let Some(input) = part.open(self.source)? else {
            self.terminal.warn(&format!("{}: deleted before it was read", part.name));
            return Ok(());
        };
        let done = scan::Progress::default();
        let watch = |total, work: &mut (dyn FnMut() -> tlog::Result<LogIndex> + '_)| {
            progress::watch(self.terminal, &part.name, total, || done.bytes(), work).with_context(|| part.name.clone())
        };
        match input {
            Input::Mapped(log) => {
                let mut scan = || scan::scan_with(log.bytes(), &ScanOptions::default(), &done).map(Scanned::into_index);
                let index = watch(Some(log.bytes().len() as u64), &mut scan)?;
                self.add_file(part, &log, &index);
            }
            Input::Stream(stream) => {
                let mut reader = StreamReader::new(stream, part.read_options());
                let index = watch(None, &mut || scan::scan_stream(&mut reader, &done))?;
                let trailing = if index.ends_with_index { Trailing::Present } else { Trailing::Absent };
                self.add(part, &index, trailing, None, None);
            }
        }
        Ok(())
    }

    fn add_file(&mut self, part: &Part, log: &Log, index: &LogIndex) {
        let (trailing, wrong_index) = match log.blocks().and_then(|blocks| blocks.index()) {
            Ok(Some(_)) => (Trailing::Present, None),
            Ok(None) => (Trailing::Absent, None),
            Err(e) => (Trailing::Wrong, Some(e)),
        };
        self.add(part, index, trailing, batches::latest(index, log.bytes()), wrong_index);
    }

    fn add(
        &mut self,
        part: &Part,
        index: &LogIndex,
        trailing: Trailing,
        batch: Option<Batch>,
        wrong_index: Option<tlog::Error>,
    ) {
        let segment = self.source.is_store.then_some(part.name.as_str());
        self.totals.add(&Counted { index, trailing, segment, grows: part.grows(), batch });
        if wrong_index.is_some() || !index.damage.is_none() {
            self.told.push(Told { name: part.name.clone(), damage: index.damage.clone(), wrong_index });
        }
    }

    fn finish(&mut self) -> Summary {
        for Told { name, damage, wrong_index } in self.told.drain(..) {
            self.terminal.report_damage(&name, &damage);
            // Damage has been told of; one line is enough.
            if let Some(e) = wrong_index.filter(|_| damage.is_none()) {
                self.terminal.warn(&format!("{name}: the index is wrong: {e}"));
            }
        }
        std::mem::take(&mut self.totals).finish(self.source.name.clone(), self.source.is_store)
    }
}

/// What the indexes at the ends of the files tell.
fn trailing_index(source: &Source) -> anyhow::Result<Summary> {
    let mut summary = Summary {
        file: source.name.clone(),
        store: source.is_store.then(StoreSummary::default),
        left_out: vec!["counts", "rates", "bytes", "first times", "duration", "compression", "markers", "damage"],
        ..Summary::default()
    };
    let mut last = None;
    for part in &source.parts {
        let name = &part.name;
        let file = input::open_blocks(&part.path)?;
        let blocks = Blocks::open(&file).with_context(|| name.clone())?;
        summary.size += blocks.size();
        summary.store.iter_mut().for_each(|store| store.segments += 1);
        if part.grows() {
            // It has no index yet.
            summary.store.iter_mut().for_each(|store| store.growing = Some(name.clone()));
            summary.state = State::Growing;
            summary.left_out.push("the segment that is being written");
            continue;
        }
        let index = blocks.index().with_context(|| format!("{name}: the index is wrong, try without --quick"))?;
        let index = index.with_context(|| format!("{name}: there is no index, try without --quick"))?;
        last = last.max(index.records.iter().filter_map(|record| record.last_time).max());
        index.records.iter().for_each(|indexed| add_indexed(&mut summary.records, indexed));
    }
    summary.last_time = last.map(|time| time.to_string());
    Ok(summary)
}

fn add_indexed(records: &mut Vec<RecordSummary>, indexed: &IndexedRecord) {
    let (identifier, name) = (indexed.record.identifier, &indexed.record.name);
    let known = records.iter().position(|known| (known.identifier, &known.name) == (identifier, name));
    let at = known.unwrap_or_else(|| {
        records.push(RecordSummary { name: name.clone(), identifier, ..RecordSummary::default() });
        records.len() - 1
    });
    let record = &mut records[at];
    record.last_time = indexed.last_time.map(|time| time.to_string()).or(record.last_time.take());
    record.has_data |= indexed.last_offset.is_some();
}
