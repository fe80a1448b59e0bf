//! One pass over the log, and who is asked about what comes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tlog::Result;
use tlog::read::{Cause, Data, Event, ReadOptions, RecordType, Skipped, SliceReader};
use tlog::value::{ValueErrorKind, check_exact};
use tlog::wire::IndexBlock;

use super::declarations::Declarations;
use super::finding::{Counted, Finding, Kind, Severity, Summary};
use super::indices::{self, Indices};
use super::markers::Markers;
use super::sequence::Sequence;
use crate::by_id::ById;
use crate::recover::Losses;

/// How often progress is told of, in events.
const TELL_EVERY: u64 = 1 << 12;

/// What to look at.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// Decompress each payload and walk it by its schema. On by default; without, a log is verified about as fast as it
    /// is read.
    pub payloads: bool,
    /// How many findings of each kind are told in full; the rest is counted.
    pub listed: u64,
    /// The largest block that is believed to follow damage, in bytes.
    pub max_block: u64,
    /// Counts bytes of the log got through, for whoever shows progress.
    pub progress: Option<Arc<AtomicU64>>,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self { payloads: true, listed: 100, max_block: ReadOptions::default().max_block, progress: None }
    }
}

/// Reads the log `bytes` to its end and tells of everything that is not as it should be, in the order in which it is
/// noticed: mostly, but not always, that of the file.
///
/// # Errors
/// None that a log can cause: what is wrong with it are findings.
pub fn verify(bytes: &[u8], options: &VerifyOptions, found: impl FnMut(Finding)) -> Result<Summary> {
    let read = ReadOptions {
        raw_payloads: !options.payloads,
        salvage: true,
        max_block: options.max_block,
        ..ReadOptions::default()
    };
    let mut reader = SliceReader::new(bytes, read);
    let mut verifier = Verifier::new(bytes, Findings { listed: options.listed, counts: BTreeMap::new(), found });
    let mut turns = 0_u64;
    loop {
        turns += 1;
        if turns.is_multiple_of(TELL_EVERY) {
            tell(options, reader.offset());
        }
        if let Some(data) = reader.next_intact() {
            verifier.data(&data, options.payloads);
            continue;
        }
        let start = reader.offset();
        match reader.next_event()? {
            Some(Event::Data(data)) => verifier.data(&data, options.payloads),
            Some(Event::Schema(record)) => {
                let record = Arc::clone(record);
                verifier.schema(&record, record.location..reader.offset());
            }
            Some(Event::Marker { offset, marker }) => {
                let Verifier { markers, sources, losses, findings, .. } = &mut verifier;
                markers.check(offset, &marker, sources, losses, findings);
            }
            Some(Event::Index { offset, index }) => verifier.index(offset, &index),
            Some(Event::Skipped(skipped)) => verifier.skipped(&skipped),
            Some(Event::Filler { .. }) => {}
            None => break,
        }
        verifier.indices.ends_at(start, reader.offset());
    }
    tell(options, bytes.len() as u64);
    Ok(verifier.finish(options.payloads))
}

fn tell(options: &VerifyOptions, done: u64) {
    if let Some(progress) = &options.progress {
        progress.store(done, Ordering::Relaxed);
    }
}

/// What is known of an identifier.
pub(super) struct Source {
    pub record: Arc<RecordType>,
    /// Where its latest data block since its declaration starts.
    pub latest: Option<u64>,
    /// Where its latest one before that starts: a chain may go on or start anew.
    pub before: Option<u64>,
    pub blocks: u64,
    pub is_untimed: bool,
}

/// Tells of findings and counts them.
pub(super) struct Findings<F> {
    listed: u64,
    counts: BTreeMap<Kind, u64>,
    found: F,
}

impl<F: FnMut(Finding)> Findings<F> {
    /// One more. The sentence is only made if it is told.
    pub fn add(
        &mut self,
        kind: Kind,
        range: Range<u64>,
        record: Option<&RecordType>,
        message: impl FnOnce() -> String,
    ) {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        if *count <= self.listed {
            let record = record.map(|record| record.name.clone());
            let (severity, advice) = (kind.severity(), kind.advice());
            (self.found)(Finding { kind, severity, range, record, message: message(), advice });
        }
    }

    fn summary(&self) -> Summary {
        let mut counts: Vec<Counted> = self
            .counts
            .iter()
            .map(|(&kind, &count)| Counted { kind, severity: kind.severity(), count, told: count.min(self.listed) })
            .collect();
        counts.sort_by_key(|counted| std::cmp::Reverse(counted.severity));
        let sum = |severity| counts.iter().filter(|c| c.severity == severity).map(|c| c.count).sum();
        let (errors, warnings, notes) = (sum(Severity::Error), sum(Severity::Warning), sum(Severity::Note));
        Summary { errors, warnings, notes, counts, ..Summary::default() }
    }
}

struct Verifier<'b, F> {
    bytes: &'b [u8],
    findings: Findings<F>,
    sources: ById<Source>,
    declarations: Declarations,
    losses: Losses,
    sequence: Sequence,
    markers: Markers,
    indices: Indices,
    data_blocks: u64,
    skipped_bytes: u64,
}

impl<'b, F: FnMut(Finding)> Verifier<'b, F> {
    fn new(bytes: &'b [u8], findings: Findings<F>) -> Self {
        Self {
            bytes,
            findings,
            sources: ById::default(),
            declarations: Declarations::default(),
            losses: Losses::default(),
            sequence: Sequence::default(),
            markers: Markers::default(),
            indices: Indices::default(),
            data_blocks: 0,
            skipped_bytes: 0,
        }
    }

    fn data(&mut self, data: &Data<'_>, payloads: bool) {
        let Some(source) = self.sources.get_mut(data.record.identifier) else { return };
        self.data_blocks += 1;
        self.sequence.check(data, source, &self.losses, &mut self.findings);
        self.markers.data(data.time, source.latest.is_none());
        (source.latest, source.blocks) = (Some(data.offset), source.blocks + 1);
        if payloads && let Err(error) = check_exact(data.record.schema.root(), data.payload) {
            let is_surplus = matches!(error.kind, ValueErrorKind::Surplus(_));
            let kind = if is_surplus { Kind::PayloadSurplus } else { Kind::Payload };
            let range = data.offset..data.offset + data.block_len;
            self.findings
                .add(kind, range, Some(data.record), || format!("the payload of {:?}: {error}", data.record.name));
        }
    }

    fn schema(&mut self, record: &Arc<RecordType>, block: Range<u64>) {
        self.declarations.check(record, block, &self.sources, &mut self.findings);
        let old = self.sources.get(record.identifier);
        let is_chained = old.is_some_and(|old| old.latest.is_some());
        let source = Source {
            record: Arc::clone(record),
            latest: None,
            before: old.and_then(|old| old.latest.or(old.before)),
            blocks: old.map_or(0, |old| old.blocks),
            is_untimed: old.is_some_and(|old| old.is_untimed),
        };
        self.sources.insert(record.identifier, source);
        self.markers.declared(is_chained);
    }

    fn index(&mut self, offset: u64, index: &IndexBlock<'_>) {
        self.indices.seen(offset);
        // What an index inside the file says is checked if it turns out to be that of a log before another one.
        indices::check(offset, index, &self.sources, &self.losses, self.bytes, &mut self.findings);
    }

    fn skipped(&mut self, skipped: &Skipped) {
        let Skipped { range, cause } = skipped;
        let kind = match cause {
            Cause::FileHeader(_) => Kind::FileHeader,
            Cause::Checksum { .. } | Cause::MarkerChecksum | Cause::ChecksumFlag => Kind::Checksum,
            Cause::Truncated => Kind::Truncated,
            Cause::BlockType(_) => Kind::UnknownBlock,
            Cause::Schema { .. } | Cause::SchemaSize { .. } => Kind::SchemaMalformed,
            Cause::Undeclared(_) => Kind::Undeclared,
            Cause::Payload { .. } | Cause::Snappy(_) => Kind::Payload,
            Cause::AnotherLog => return self.another_log(range.clone()),
            Cause::Index => return self.wrong_index(range.clone()),
            _ => Kind::Structure,
        };
        let kind = if self.indices.is_followed_by(range.start) { Kind::Trailing } else { kind };
        self.skipped_bytes += range.end - range.start;
        self.findings.add(kind, range.clone(), None, || match kind {
            Kind::Trailing => format!("{} bytes behind the index: {cause}", range.end - range.start),
            _ => cause.to_string(),
        });
        self.losses.add(range.clone());
        self.markers.lost();
    }

    /// The reader found that the index contradicts what is there.
    fn wrong_index(&mut self, range: Range<u64>) {
        let Range { start, end } = range;
        let block = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let index = block.and_then(|(start, end)| IndexBlock::parse(self.bytes.get(start..end)?).ok());
        let told = match index {
            Some(index) => indices::check(start, &index, &self.sources, &self.losses, self.bytes, &mut self.findings),
            None => 0,
        };
        if told == 0 {
            self.findings.add(Kind::IndexWrong, start..end, None, || Cause::Index.to_string());
        }
        self.indices.seen(start);
    }

    fn another_log(&mut self, range: Range<u64>) {
        self.findings.add(Kind::AnotherLog, range, None, || Cause::AnotherLog.to_string());
        self.end_log();
        self.sources = ById::default();
        self.declarations = Declarations::default();
        self.markers = Markers::default();
        self.indices = Indices::default();
    }

    fn end_log(&mut self) {
        for (_, source) in self.sources.iter().filter(|(_, source)| source.blocks == 0) {
            let at = source.record.location;
            let record = &source.record;
            self.findings.add(Kind::NoData, at..at, Some(record), || format!("record {:?} has no data", record.name));
        }
    }

    fn finish(mut self, payloads_checked: bool) -> Summary {
        self.end_log();
        let end = self.bytes.len() as u64;
        if !self.indices.is_followed_by(end) {
            self.findings.add(Kind::IndexMissing, end..end, None, || "there is no index at the end".to_owned());
        }
        Summary {
            data_blocks: self.data_blocks,
            skipped_bytes: self.skipped_bytes,
            largest_step_back: self.sequence.largest_step_back(),
            largest_delay: self.sequence.largest_delay(),
            payloads_checked,
            ..self.findings.summary()
        }
    }
}
