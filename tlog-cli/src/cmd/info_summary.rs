//! What `tlog info` tells of a log, and how it is summed up over the files of one.

use std::collections::BTreeMap;

use serde::Serialize;
use tlog::Micros;
use tlog::read::{Cause, Damage};
use tlog::wire::batch::{self, Batch};
use tlog_index::batches::Counts;
use tlog_index::index::{LogIndex, RecordIndex, TimeOrder, Times};

/// What `tlog info` tells of one log. Figures that a quick look leaves out are `None`.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    pub file: String,
    /// Of a store: its segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreSummary>,
    /// In bytes.
    pub size: u64,
    pub state: State,
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
    pub index: Trailing,
    /// How often a block's time is before that of the block before it, and by how much at most.
    pub time_steps_back: Option<u64>,
    pub largest_step_back_us: Option<u64>,
    pub damage: Option<DamageSummary>,
    /// What firmware says that wrote the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<CardSummary>,
    /// The figures that a quick look leaves out.
    pub left_out: Vec<&'static str>,
    /// Whether the figures are those that were saved beside the log.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub saved: bool,
    pub records: Vec<RecordSummary>,
}

/// How a log is, from good to bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum State {
    #[default]
    #[serde(rename = "complete")]
    Complete,
    /// A store whose last segment is being written.
    #[serde(rename = "growing")]
    Growing,
    #[serde(rename = "no index")]
    NoIndex,
    #[serde(rename = "wrong index")]
    WrongIndex,
    #[serde(rename = "truncated")]
    Truncated,
    #[serde(rename = "damaged")]
    Damaged,
}

/// The index at the end of a log; of the segments of a store that are closed, the worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trailing {
    #[default]
    Present,
    Absent,
    Wrong,
}

/// The segments of a store.
#[derive(Debug, Default, Serialize)]
pub struct StoreSummary {
    pub segments: u64,
    /// The one that is being written.
    pub growing: Option<String>,
}

/// What firmware says of the log that it wrote, in its latest batch.
#[derive(Debug, Serialize)]
pub struct CardSummary {
    pub session: u32,
    /// How many there are.
    pub batches: u64,
    /// How many there should be, by the number of the latest.
    pub batches_written: u64,
    #[serde(flatten)]
    pub counts: Counts,
}

/// What was skipped.
#[derive(Debug, Default, Serialize)]
pub struct DamageSummary {
    pub stretches: u64,
    pub bytes: u64,
    /// The first stretches.
    pub first: Vec<StretchSummary>,
}

/// A stretch that was skipped, in bytes from the start of its file.
#[derive(Debug, Serialize)]
pub struct StretchSummary {
    /// Of a store: which file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
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
    /// The longest time between two instances that follow each other.
    pub largest_gap_us: Option<u64>,
    /// How many instances have a previous offset that does not lead to the one before.
    pub wrong_previous_offsets: Option<u64>,
    /// Whether there is any data, as far as a quick look can tell.
    #[serde(skip)]
    pub has_data: bool,
}

impl DamageSummary {
    /// Of one file, which is named if it is one of several.
    pub fn of(damage: &Damage, segment: Option<&str>) -> Self {
        let first = damage.first.iter().map(|skipped| StretchSummary {
            segment: segment.map(str::to_owned),
            start: skipped.range.start,
            end: skipped.range.end,
            cause: skipped.cause.to_string(),
        });
        Self { stretches: damage.stretches, bytes: damage.bytes, first: first.collect() }
    }

    /// Of all files of a log, in order; `None` if nothing was skipped.
    pub fn joined(parts: Vec<Self>) -> Option<Self> {
        parts.into_iter().reduce(|mut all, next| {
            all.append(next);
            all
        })
    }

    fn append(&mut self, later: Self) {
        self.stretches += later.stretches;
        self.bytes += later.bytes;
        self.first.extend(later.first);
        self.first.truncate(Damage::KEPT);
    }
}

/// One file of a log, counted.
pub struct Counted<'a> {
    /// What is in it.
    pub index: &'a LogIndex,
    /// The index at its end.
    pub trailing: Trailing,
    /// Its name, if it is one of several.
    pub segment: Option<&'a str>,
    /// Whether it is being written.
    pub grows: bool,
    /// The latest batch, if firmware wrote it.
    pub batch: Option<Batch>,
}

impl Counted<'_> {
    fn state(&self) -> State {
        let damage = &self.index.damage;
        let is_only_cut = damage.stretches == 1 && damage.first.iter().all(|first| first.cause == Cause::Truncated);
        match self.trailing {
            _ if is_only_cut => State::Truncated,
            _ if !damage.is_none() => State::Damaged,
            _ if self.grows => State::Growing,
            Trailing::Present => State::Complete,
            Trailing::Absent => State::NoIndex,
            Trailing::Wrong => State::WrongIndex,
        }
    }
}

/// Sums over the files of one log, which follow each other.
#[derive(Default)]
pub struct Totals {
    /// By identifier, and those that share one by name.
    records: BTreeMap<u64, Vec<RecordTotal>>,
    times: Option<Times>,
    order: OrderTotal,
    size: u64,
    state: State,
    trailing: Trailing,
    store: StoreSummary,
    damage: DamageSummary,
    markers: u64,
    batch: Option<Batch>,
}

impl Totals {
    /// Adds the next file.
    pub fn add(&mut self, part: &Counted<'_>) {
        let index = part.index;
        self.size += index.size;
        self.state = self.state.max(part.state());
        self.store.segments += 1;
        match part.grows {
            true => self.store.growing = part.segment.map(str::to_owned),
            false => self.trailing = self.trailing.max(part.trailing),
        }
        if !index.damage.is_none() {
            self.damage.append(DamageSummary::of(&index.damage, part.segment));
        }
        self.markers += index.markers;
        self.batch = part.batch.or(self.batch);
        self.times = joined(self.times, index.times());
        self.order.add(&index.order);
        index.records.iter().for_each(|record| self.add_record(record));
    }

    fn add_record(&mut self, record: &RecordIndex) {
        let namesakes = self.records.entry(record.record.identifier).or_default();
        let at = namesakes.iter().position(|known| known.name == record.record.name).unwrap_or_else(|| {
            namesakes.push(RecordTotal { name: record.record.name.clone(), ..RecordTotal::default() });
            namesakes.len() - 1
        });
        namesakes[at].add(record);
    }

    fn sum(&self, figure: impl Fn(&RecordTotal) -> u64) -> Option<u64> {
        Some(self.records.values().flatten().map(figure).sum())
    }

    fn card(&self) -> Option<CardSummary> {
        let batch = self.batch?;
        let count = self.sum(|record| if record.name == batch::NAME { record.count } else { 0 });
        Some(CardSummary {
            session: batch.session,
            batches: count.unwrap_or(0),
            batches_written: u64::from(batch.sequence) + 1,
            counts: (&batch).into(),
        })
    }

    /// What is to be told of the log.
    pub fn finish(self, file: String, is_store: bool) -> Summary {
        let micros = |times: Times| times.last.0.saturating_sub(times.first.0);
        Summary {
            file,
            size: self.size,
            state: self.state,
            first_time: self.times.map(|times| times.first.to_string()),
            last_time: self.times.map(|times| times.last.to_string()),
            duration_us: self.times.map(micros),
            data_blocks: self.sum(|record| record.count),
            payload_bytes: self.sum(|record| record.unpacked),
            stored_payload_bytes: self.sum(|record| record.stored),
            compressed_blocks: self.sum(|record| record.compressed),
            checksummed_blocks: self.sum(|record| record.checksummed),
            seek_markers: Some(self.markers),
            card: self.card(),
            index: self.trailing,
            time_steps_back: Some(self.order.steps_back),
            largest_step_back_us: self.order.largest,
            store: is_store.then_some(self.store),
            damage: (self.damage.stretches > 0).then_some(self.damage),
            left_out: Vec::new(),
            saved: false,
            records: self.records.into_iter().flat_map(|(identifier, all)| summaries(identifier, all)).collect(),
        }
    }
}

fn summaries(identifier: u64, records: Vec<RecordTotal>) -> impl Iterator<Item = RecordSummary> {
    records.into_iter().map(move |record| RecordSummary {
        identifier,
        count: Some(record.count),
        bytes: Some(record.bytes),
        rate_hz: record.rate_hz(),
        first_time: record.times.map(|times| times.first.to_string()),
        last_time: record.times.map(|times| times.last.to_string()),
        largest_gap_us: record.largest_gap,
        wrong_previous_offsets: Some(record.wrong_links),
        has_data: record.count > 0,
        name: record.name,
    })
}

/// The times of a log's blocks in file order.
#[derive(Default)]
struct OrderTotal {
    steps_back: u64,
    /// In microseconds.
    largest: Option<u64>,
    latest: Option<Micros>,
}

impl OrderTotal {
    fn add(&mut self, order: &TimeOrder) {
        self.steps_back += order.steps_back;
        self.largest = self.largest.max(order.largest_step_back.map(|step| step.micros));
        let Some(ends) = order.ends else { return };
        if let Some(before) = self.latest.replace(ends.last)
            && ends.first < before
        {
            self.steps_back += 1;
            self.largest = self.largest.max(Some(before.0.abs_diff(ends.first.0)));
        }
    }
}

#[derive(Default)]
struct RecordTotal {
    name: String,
    count: u64,
    bytes: u64,
    stored: u64,
    unpacked: u64,
    compressed: u64,
    checksummed: u64,
    /// How many have a time.
    timed: u64,
    times: Option<Times>,
    /// The last time in file order.
    latest: Option<Micros>,
    /// In microseconds.
    largest_gap: Option<u64>,
    wrong_links: u64,
}

impl RecordTotal {
    fn add(&mut self, record: &RecordIndex) {
        self.count += record.count;
        self.bytes += record.bytes;
        self.stored += record.stored_bytes;
        self.unpacked += record.unpacked_bytes;
        self.compressed += record.compressed;
        self.checksummed += record.checksummed;
        self.timed += record.timed;
        self.times = joined(self.times, record.times);
        self.wrong_links += record.links.wrong;
        self.largest_gap = self.largest_gap.max(record.largest_gap.map(|gap| gap.micros));
        let Some(ends) = record.ends else { return };
        if let Some(before) = self.latest.replace(ends.last)
            && before < ends.first
        {
            self.largest_gap = self.largest_gap.max(Some(before.0.abs_diff(ends.first.0)));
        }
    }

    fn rate_hz(&self) -> Option<f64> {
        let times = self.times?;
        let micros = times.last.0.saturating_sub(times.first.0);
        (micros > 0).then(|| (self.timed - 1) as f64 * 1e6 / micros as f64)
    }
}

fn joined(a: Option<Times>, b: Option<Times>) -> Option<Times> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.and(b)),
        (a, b) => a.or(b),
    }
}
