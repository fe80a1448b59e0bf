//! `tlog du`: what takes the space in logs.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use serde_json::{Value, json};
use tlog::Log;
use tlog::read::{Event, ReadOptions, Selection};
use tlog_convert::stats::sizes::{FieldSizes, Overhead, Share};
use tlog_index::index::{LogIndex, RecordIndex};
use tlog_index::scan::{self, ScanOptions, Scanned};

use super::du_text;
use crate::args::{Du, ReportFormat};
use crate::exit::{self, Outcome};
use crate::input::Input;
use crate::source::{Part, Source};
use crate::terminal::Terminal;
use crate::{output, planning, progress, whole};

pub fn run(args: &Du, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let sources = Source::all(&args.logs)?;
    let (mut usages, mut outcome) = (Vec::new(), Outcome::Complete);
    for source in &sources {
        match look(source, args, terminal) {
            Ok((usage, came)) => {
                outcome = outcome.and(came);
                usages.push(usage);
            }
            // One log that is none must not keep the others from being shown.
            Err(e) if sources.len() > 1 && !exit::is_usage(&e) => {
                terminal.error(&exit::message(&e));
                outcome = Outcome::Failed;
            }
            Err(e) => return Err(e),
        }
    }
    let total = (usages.len() > 1).then(|| total(&usages));
    match args.format {
        ReportFormat::Text => {
            let texts = usages.iter().chain(&total).map(|usage| du_text::render(usage, terminal));
            output::print(&texts.collect::<Vec<_>>().join("\n"))?;
        }
        ReportFormat::Json => {
            let logs: Vec<Value> = usages.iter().map(usage_json).collect();
            let document = json!({ "version": 1, "logs": logs, "total": total.as_ref().map(usage_json) });
            output::print(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    Ok(outcome)
}

/// What a log takes, in bytes.
#[derive(Default)]
pub struct Usage {
    pub name: String,
    pub size: u64,
    /// By name, the largest first once all is counted.
    pub records: Vec<RecordUsage>,
    pub overhead: Overhead,
}

/// What a record takes, in bytes.
#[derive(Clone, Default)]
pub struct RecordUsage {
    pub name: String,
    /// How many data blocks there are.
    pub blocks: u64,
    /// What they take in the file.
    pub bytes: u64,
    /// What of that are payloads.
    pub stored: u64,
    /// Payloads when they are not compressed.
    pub unpacked: u64,
    /// The earliest and the latest time, in microseconds.
    pub times: Option<(i64, i64)>,
    /// Payloads by field when they are not compressed, the largest first once all is counted.
    pub fields: Vec<(String, u64)>,
}

impl RecordUsage {
    /// What its blocks take in each second between the first and the last.
    pub fn bytes_per_second(&self) -> Option<f64> {
        let (first, last) = self.times?;
        let micros = last.abs_diff(first);
        (micros > 0).then(|| self.bytes as f64 * 1e6 / micros as f64)
    }

    fn add(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.bytes += other.bytes;
        self.stored += other.stored;
        self.unpacked += other.unpacked;
        self.times = match (self.times, other.times) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (a, b) => a.or(b),
        };
        let mut fields: BTreeMap<String, u64> = std::mem::take(&mut self.fields).into_iter().collect();
        for (name, bytes) in other.fields {
            *fields.entry(name).or_default() += bytes;
        }
        self.fields = fields.into_iter().collect();
    }
}

impl Usage {
    fn add(&mut self, size: u64, overhead: &Overhead, records: impl IntoIterator<Item = RecordUsage>) {
        self.size += size;
        self.overhead.add(overhead);
        let mut known: BTreeMap<String, RecordUsage> =
            std::mem::take(&mut self.records).into_iter().map(|record| (record.name.clone(), record)).collect();
        for record in records {
            let name = record.name.clone();
            known.entry(name.clone()).or_insert_with(|| RecordUsage { name, ..RecordUsage::default() }).add(record);
        }
        self.records = known.into_values().collect();
    }

    fn sort(&mut self) {
        self.records.sort_by_key(|record| std::cmp::Reverse(record.bytes));
        for record in &mut self.records {
            record.fields.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        }
    }

    /// All data blocks together.
    pub fn data(&self) -> RecordUsage {
        let mut all = RecordUsage::default();
        self.records.iter().for_each(|record| all.add(RecordUsage { fields: Vec::new(), ..record.clone() }));
        all
    }
}

fn total(usages: &[Usage]) -> Usage {
    let mut total = Usage { name: format!("total of {} logs", usages.len()), ..Usage::default() };
    usages.iter().for_each(|usage| total.add(usage.size, &usage.overhead, usage.records.iter().cloned()));
    total.sort();
    total
}

fn look(source: &Source, args: &Du, terminal: &Terminal) -> anyhow::Result<(Usage, Outcome)> {
    let mut usage = Usage { name: source.name.clone(), ..Usage::default() };
    let mut outcome = Outcome::Complete;
    for part in &source.parts {
        let Some(log) = open(part, source)? else {
            terminal.warn(&format!("{}: deleted before it was read", part.name));
            continue;
        };
        let index = index_of(part, &log, args, terminal)?;
        let fields = if args.fields { by_field(part, &log, &index, terminal)? } else { BTreeMap::new() };
        usage.add(index.size, &Overhead::of(log.bytes(), &index), records(&index, fields));
        if !index.damage.is_none() {
            terminal.report_damage(&part.name, &index.damage);
            outcome = Outcome::Damaged;
        }
    }
    usage.sort();
    Ok((usage, outcome))
}

/// All bytes of a log: a file is mapped, a stream and what is being written is copied first.
fn open(part: &Part, source: &Source) -> anyhow::Result<Option<Arc<Log>>> {
    let Some(input) = part.open(source)? else { return Ok(None) };
    let Input::Stream(mut stream) = input else {
        let Input::Mapped(log) = input else { return Ok(None) };
        return Ok(Some(log));
    };
    let mut copy = whole::scratch(&std::env::temp_dir())?;
    std::io::copy(&mut stream, &mut copy).with_context(|| part.name.clone())?;
    Ok(Some(Arc::new(Log::map_any(&copy).with_context(|| part.name.clone())?)))
}

/// The index beside the log if it is up to date, else that of a scan.
fn index_of(part: &Part, log: &Log, args: &Du, terminal: &Terminal) -> anyhow::Result<LogIndex> {
    if !args.read_all
        && let Some(saved) = planning::saved_index(&part.path, log, false)?
    {
        return Ok(saved);
    }
    let done = scan::Progress::default();
    let scan = || scan::scan_with(log.bytes(), &ScanOptions::default(), &done).map(Scanned::into_index);
    let total = Some(log.bytes().len() as u64);
    progress::watch(terminal, &part.name, total, || done.bytes(), scan).with_context(|| part.name.clone())
}

/// The fields of each record, by the position of the record in the index. Only records whose payloads are not all alike are
/// read.
fn by_field(
    part: &Part,
    log: &Log,
    index: &LogIndex,
    terminal: &Terminal,
) -> anyhow::Result<BTreeMap<usize, FieldSizes>> {
    let mut sizes: BTreeMap<usize, FieldSizes> = BTreeMap::new();
    let mut varying = BTreeMap::new();
    for (at, record) in index.records.iter().enumerate() {
        let mut fields = FieldSizes::new(&record.record);
        match fields.is_fixed() {
            true => fields.add_fixed(record.count),
            false => drop(varying.insert((record.record.name.clone(), record.record.schema_bytes.clone()), at)),
        }
        sizes.insert(at, fields);
    }
    if varying.is_empty() {
        return Ok(sizes);
    }
    // A name with wildcards may select others too, which are passed over.
    let selection =
        Selection { records: varying.keys().map(|(name, _)| name.clone()).collect(), ..Selection::default() };
    let mut reader = log.reader(ReadOptions { selection, ..ReadOptions::default() });
    let mut progress = progress::Progress::new(terminal, &part.name, Some(log.bytes().len() as u64));
    // The record that came last is mostly the one that comes next.
    let mut latest = None;
    while let Some(event) = reader.next_event().with_context(|| part.name.clone())? {
        let Event::Data(data) = event else { continue };
        progress.at(|| data.offset);
        let at = match &latest {
            Some((record, at)) if Arc::ptr_eq(record, data.record) => *at,
            _ => {
                let at = varying.get(&(data.record.name.clone(), data.record.schema_bytes.clone())).copied();
                latest = Some((Arc::clone(data.record), at));
                at
            }
        };
        if let Some(fields) = at.and_then(|at| sizes.get_mut(&at)) {
            // What does not decode is told of by who reads values.
            let _ = fields.add(&data);
        }
    }
    Ok(sizes)
}

fn records(index: &LogIndex, mut fields: BTreeMap<usize, FieldSizes>) -> Vec<RecordUsage> {
    let of = |(at, record): (usize, &RecordIndex)| RecordUsage {
        name: record.record.name.clone(),
        blocks: record.count,
        bytes: record.bytes,
        stored: record.stored_bytes,
        unpacked: record.unpacked_bytes,
        times: record.times.map(|times| (times.first.0, times.last.0)),
        fields: fields
            .remove(&at)
            .map(|fields| fields.fields().map(|(name, bytes)| (name.to_owned(), bytes)).collect())
            .unwrap_or_default(),
    };
    index.records.iter().enumerate().map(of).collect()
}

fn usage_json(usage: &Usage) -> Value {
    let share = |share: Share| json!({ "count": share.count, "bytes": share.bytes });
    let [headers, schemas, markers, index, damaged] = usage.overhead.parts().map(share);
    let data = usage.data();
    json!({
        "file": usage.name,
        "size": usage.size,
        "data": record_json(&data, usage.size),
        "overhead": { "file_headers": headers, "schemas": schemas, "markers_and_filler": markers, "index": index,
            "damaged": damaged, "block_headers": { "count": data.blocks, "bytes": data.bytes - data.stored } },
        "records": usage.records.iter().map(|record| record_json(record, usage.size)).collect::<Vec<_>>(),
    })
}

fn record_json(record: &RecordUsage, size: u64) -> Value {
    let ratio = (record.stored > 0).then(|| record.unpacked as f64 / record.stored as f64);
    let fields: Vec<Value> =
        record.fields.iter().map(|(name, bytes)| json!({ "name": name, "unpacked_bytes": bytes })).collect();
    let mut told = json!({
        "name": record.name,
        "blocks": record.blocks,
        "bytes": record.bytes,
        "share": record.bytes as f64 / size.max(1) as f64,
        "stored_payload_bytes": record.stored,
        "payload_bytes": record.unpacked,
        "compression_ratio": ratio,
        "bytes_per_second": record.bytes_per_second(),
    });
    if let Value::Object(told) = &mut told {
        if record.name.is_empty() {
            told.remove("name");
        }
        if !fields.is_empty() {
            told.insert("fields".to_owned(), fields.into());
        }
    }
    told
}
