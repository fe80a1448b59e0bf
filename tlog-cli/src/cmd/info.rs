//! `tlog info`: what is in a log.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use tlog::Micros;
use tlog::read::{Blocks, Cause, Damage, Data, Event, ReadOptions, RecordType};

use super::info_text;
use crate::args::{Info, ReportFormat};
use crate::exit::{self, Outcome, usage};
use crate::input::{self, Input};
use crate::output;
use crate::progress::Progress;
use crate::terminal::Terminal;

pub fn run(args: &Info, terminal: &Terminal) -> anyhow::Result<Outcome> {
    input::refuse_stdin_twice(args.files.iter().map(AsRef::as_ref))?;
    let mut summaries = Vec::new();
    let mut outcome = Outcome::Complete;
    for path in &args.files {
        let summary = match if args.quick { quick(path) } else { scan(path, terminal) } {
            Ok(summary) => summary,
            // One log that is none must not keep the others from being shown.
            Err(e) if args.files.len() > 1 && !exit::is_usage(&e) => {
                terminal.error(&exit::message(&e));
                outcome = Outcome::Failed;
                continue;
            }
            Err(e) => return Err(e),
        };
        outcome = outcome.and(summary.outcome());
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

/// What `tlog info` tells of one log. Figures that a quick look leaves out are `None`.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    pub file: String,
    /// In bytes.
    pub size: u64,
    /// `complete`, `no index`, `wrong index`, `truncated`, `damaged`.
    pub state: &'static str,
    pub first_time: Option<String>,
    pub last_time: Option<String>,
    pub duration_us: Option<i64>,
    pub data_blocks: Option<u64>,
    /// Payloads as they were before compression and as they are stored, in bytes.
    pub payload_bytes: Option<u64>,
    pub stored_payload_bytes: Option<u64>,
    pub compressed_blocks: Option<u64>,
    pub checksummed_blocks: Option<u64>,
    pub seek_markers: Option<u64>,
    /// `present`, `absent`, `wrong`.
    pub index: &'static str,
    /// How often a block's time is before that of the block before it.
    pub time_steps_back: Option<u64>,
    pub damage: Option<DamageSummary>,
    /// The figures that a quick look leaves out.
    pub left_out: Vec<&'static str>,
    pub records: Vec<RecordSummary>,
}

/// What was skipped.
#[derive(Debug, Serialize)]
pub struct DamageSummary {
    pub stretches: u64,
    pub bytes: u64,
    /// The first stretches.
    pub first: Vec<StretchSummary>,
    /// Whether all that is wrong is that the log ends inside a block.
    #[serde(skip)]
    pub only_cut: bool,
}

/// A stretch that was skipped, in bytes from the start of the file.
#[derive(Debug, Serialize)]
pub struct StretchSummary {
    pub start: u64,
    pub end: u64,
    pub cause: String,
}

/// One record of the log.
#[derive(Debug, Default, Serialize)]
pub struct RecordSummary {
    pub name: String,
    pub identifier: u64,
    pub count: Option<u64>,
    /// Whole blocks, in bytes.
    pub bytes: Option<u64>,
    /// Instances a second between the first and the last.
    pub rate_hz: Option<f64>,
    pub first_time: Option<String>,
    pub last_time: Option<String>,
    /// Whether there is any data, as far as a quick look can tell.
    #[serde(skip)]
    pub has_data: bool,
}

/// The state of a scan.
#[derive(Default)]
struct Tally {
    /// By identifier, and those that share one by name.
    records: BTreeMap<u64, Vec<(String, RecordTally)>>,
    times: Times,
    latest: Option<Micros>,
    steps_back: u64,
    blocks: u64,
    unpacked: u64,
    stored: u64,
    compressed: u64,
    checksummed: u64,
    markers: u64,
}

#[derive(Default)]
struct RecordTally {
    count: u64,
    bytes: u64,
    times: Times,
}

/// The earliest and latest of the times that were met.
#[derive(Default)]
struct Times {
    ends: Option<(Micros, Micros)>,
    count: u64,
}

impl Times {
    fn add(&mut self, time: Micros) {
        let (first, last) = self.ends.unwrap_or((time, time));
        self.ends = Some((first.min(time), last.max(time)));
        self.count += 1;
    }

    fn duration(&self) -> Option<i64> {
        self.ends.map(|(first, last)| last.0.saturating_sub(first.0))
    }

    fn rate_hz(&self) -> Option<f64> {
        let micros = self.duration().filter(|&micros| micros > 0)?;
        Some((self.count - 1) as f64 * 1e6 / micros as f64)
    }

    fn first(&self) -> Option<String> {
        self.ends.map(|(first, _)| first.to_string())
    }

    fn last(&self) -> Option<String> {
        self.ends.map(|(_, last)| last.to_string())
    }
}

fn scan(path: &Path, terminal: &Terminal) -> anyhow::Result<Summary> {
    let name = input::name(path);
    let mut input = Input::open(path)?;
    let (index, size) = match &input {
        Input::Mapped(log) => (Some(log.blocks()?.index()), Some(log.bytes().len() as u64)),
        Input::Stream(_) => (None, None),
    };
    let mut progress = Progress::new(terminal, &name, size);
    let mut tally = Tally::default();
    let mut ends_with_index = false;
    let mut reader = input.reader(ReadOptions { raw_payloads: true, ..ReadOptions::default() });
    while let Some(event) = reader.next_event().with_context(|| name.clone())? {
        ends_with_index = matches!(event, Event::Index { .. });
        if let Event::Data(data) = &event {
            progress.at(|| data.offset);
        }
        tally.add(&event);
    }
    drop(progress);
    let damage = reader.damage();
    terminal.report_damage(&name, &damage);
    let index = match index {
        Some(Err(e)) => {
            // Damage has been told of; one line is enough.
            if damage.is_none() {
                terminal.warn(&format!("{name}: the index is wrong: {e}"));
            }
            "wrong"
        }
        Some(Ok(Some(_))) => "present",
        None if ends_with_index => "present",
        _ => "absent",
    };
    let damage = (!damage.is_none()).then(|| DamageSummary::of(&damage));
    let size = size.unwrap_or(reader.offset());
    Ok(tally.finish(Summary { file: name, size, index, damage, ..Summary::default() }))
}

impl Summary {
    fn outcome(&self) -> Outcome {
        if matches!(self.state, "damaged" | "truncated" | "wrong index") { Outcome::Damaged } else { Outcome::Complete }
    }
}

impl DamageSummary {
    fn of(damage: &Damage) -> Self {
        let first = damage.first.iter().map(|skipped| StretchSummary {
            start: skipped.range.start,
            end: skipped.range.end,
            cause: skipped.cause.to_string(),
        });
        let only_cut = damage.stretches == 1 && damage.first.iter().all(|skipped| skipped.cause == Cause::Truncated);
        Self { stretches: damage.stretches, bytes: damage.bytes, first: first.collect(), only_cut }
    }
}

impl Tally {
    fn add(&mut self, event: &Event<'_>) {
        match event {
            Event::Schema(record) => drop(self.record(record)),
            Event::Data(data) => self.add_data(data),
            Event::Marker { .. } => self.markers += 1,
            Event::Index { .. } | Event::Filler { .. } | Event::Skipped(_) => {}
        }
    }

    fn add_data(&mut self, data: &Data<'_>) {
        self.blocks += 1;
        self.unpacked += data.unpacked_len();
        self.stored += data.stored_len;
        self.compressed += u64::from(data.flags.contains(tlog::wire::DataFlags::SNAPPY));
        self.checksummed += u64::from(data.checksum.is_some());
        if let Some(time) = data.time {
            self.steps_back += u64::from(self.latest.is_some_and(|latest| time < latest));
            self.latest = Some(time);
            self.times.add(time);
        }
        let record = self.record(data.record);
        record.count += 1;
        record.bytes += data.block_len;
        data.time.into_iter().for_each(|time| record.times.add(time));
    }

    /// Found without a copy of the name, as it is asked for at every block.
    fn record(&mut self, record: &RecordType) -> &mut RecordTally {
        let namesakes = self.records.entry(record.identifier).or_default();
        let at = namesakes.iter().position(|(name, _)| *name == record.name).unwrap_or_else(|| {
            namesakes.push((record.name.clone(), RecordTally::default()));
            namesakes.len() - 1
        });
        &mut namesakes[at].1
    }

    fn finish(self, summary: Summary) -> Summary {
        let state = match (&summary.damage, summary.index) {
            (Some(damage), _) if damage.only_cut => "truncated",
            (Some(_), _) => "damaged",
            (None, "present") => "complete",
            (None, "wrong") => "wrong index",
            (None, _) => "no index",
        };
        let records = self.records.into_iter().flat_map(|(identifier, namesakes)| {
            namesakes.into_iter().map(move |(name, tally)| (identifier, name, tally))
        });
        let records = records.map(|(identifier, name, tally)| RecordSummary {
            name,
            identifier,
            count: Some(tally.count),
            bytes: Some(tally.bytes),
            rate_hz: tally.times.rate_hz(),
            first_time: tally.times.first(),
            last_time: tally.times.last(),
            has_data: tally.count > 0,
        });
        Summary {
            state,
            first_time: self.times.first(),
            last_time: self.times.last(),
            duration_us: self.times.duration(),
            data_blocks: Some(self.blocks),
            payload_bytes: Some(self.unpacked),
            stored_payload_bytes: Some(self.stored),
            compressed_blocks: Some(self.compressed),
            checksummed_blocks: Some(self.checksummed),
            seek_markers: Some(self.markers),
            time_steps_back: Some(self.steps_back),
            records: records.collect(),
            ..summary
        }
    }
}

/// What the index alone tells.
fn quick(path: &Path) -> anyhow::Result<Summary> {
    let name = input::name(path);
    if input::is_dash(path) {
        return Err(usage("--quick needs a file: a stream has no end to look at"));
    }
    let file = input::open_blocks(path)?;
    let blocks = Blocks::open(&file).with_context(|| name.clone())?;
    let index = blocks.index().with_context(|| format!("{name}: the index is wrong, try without --quick"))?;
    let index = index.with_context(|| format!("{name}: there is no index, try without --quick"))?;
    let last = index.records.iter().filter_map(|record| record.last_time).max();
    let records = index.records.iter().map(|indexed| RecordSummary {
        name: indexed.record.name.clone(),
        identifier: indexed.record.identifier,
        last_time: indexed.last_time.map(|time| time.to_string()),
        has_data: indexed.last_offset.is_some(),
        ..RecordSummary::default()
    });
    Ok(Summary {
        file: name,
        size: blocks.size(),
        state: "complete",
        index: "present",
        last_time: last.map(|time| time.to_string()),
        left_out: vec!["counts", "rates", "bytes", "first times", "duration", "compression", "markers", "damage"],
        records: records.collect(),
        ..Summary::default()
    })
}
