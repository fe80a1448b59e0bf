//! What the tests of seeking share: logs made to measure, and the answers by definition.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use tlog::read::{Event, ReadAt, ReadOptions, SliceReader};
use tlog::schema::Schema;
use tlog::write::{Overrides, Timestamps, WriterOptions};
use tlog::{Micros, RecordId};
use tlog_index::seek::Latest;

/// One instance: which record, when, and how long its payload is.
#[derive(Clone, Copy, Debug)]
pub struct Instance {
    pub record: u64,
    pub time: Option<i64>,
    pub len: usize,
}

/// A log of bytes records 1 to `records` with these instances.
pub fn log(options: &WriterOptions, records: u64, instances: &[Instance]) -> Vec<u8> {
    log_with(options, records, instances, |at, len| (0..len).map(|i| (at.wrapping_mul(31) ^ i) as u8).collect())
}

/// The same, with payloads of the caller's: a function of the instance's place and length.
pub fn log_with(
    options: &WriterOptions,
    records: u64,
    instances: &[Instance],
    content: impl Fn(usize, usize) -> Vec<u8>,
) -> Vec<u8> {
    let schema = Schema::from_json(r#""bytes""#).unwrap();
    let mut writer = options.open(Vec::new());
    for id in 1..=records {
        writer.declare_as(RecordId(id), &format!("record{id}"), &schema).unwrap();
    }
    for (at, instance) in instances.iter().enumerate() {
        let content = content(at, instance.len);
        let mut payload = Vec::new();
        let mut len = [0; 10];
        let n = tlog::wire::varuint::encode(content.len() as u64, &mut len);
        payload.extend_from_slice(&len[..n]);
        payload.extend_from_slice(&content);
        let overrides = match instance.time {
            Some(_) => Overrides::default(),
            None => Overrides { timestamps: Some(Timestamps::Never), ..Overrides::default() },
        };
        let time = instance.time.map(Micros);
        writer.write_data(RecordId(instance.record), time, &payload, overrides).unwrap();
    }
    writer.finish().unwrap()
}

pub fn period(micros: u64) -> WriterOptions {
    WriterOptions::new().seek_period(Some(Duration::from_micros(micros)))
}

/// All data with a time, in file order.
pub fn all_data(log: &[u8]) -> Vec<Latest> {
    let options = ReadOptions { raw_payloads: true, ..ReadOptions::default() };
    let mut reader = SliceReader::new(log, options);
    let mut all = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        if let Event::Data(data) = event
            && let Some(time) = data.time
        {
            all.push(Latest { identifier: data.record.identifier, offset: data.offset, time });
        }
    }
    all
}

/// The answer by definition: the greatest time at or before, of equal times the last in the file.
pub fn naive(all: &[Latest], time: Micros) -> Vec<Latest> {
    let mut best = BTreeMap::<u64, Latest>::new();
    for data in all.iter().filter(|data| data.time <= time) {
        let latest = best.entry(data.identifier).or_insert(*data);
        if latest.time <= data.time {
            *latest = *data;
        }
    }
    best.into_values().collect()
}

/// Every time worth asking for: all in the log, those between and around them, and the ends of time.
pub fn times(all: &[Latest]) -> Vec<Micros> {
    let mut times: Vec<i64> = all.iter().flat_map(|data| [data.time.0 - 1, data.time.0, data.time.0 + 1]).collect();
    times.extend([i64::MIN, 0, i64::MAX]);
    times.sort_unstable();
    times.dedup();
    times.into_iter().map(Micros).collect()
}

/// Counts what is read.
pub struct Counted<'a, S: ?Sized> {
    pub source: &'a S,
    pub reads: Cell<u64>,
    pub bytes: Cell<u64>,
}

impl<'a, S: ?Sized> Counted<'a, S> {
    pub fn new(source: &'a S) -> Self {
        Self { source, reads: Cell::new(0), bytes: Cell::new(0) }
    }
}

impl<S: ReadAt + ?Sized> ReadAt for Counted<'_, S> {
    fn size(&self) -> io::Result<u64> {
        self.source.size()
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + out.len() as u64);
        self.source.read_exact_at(offset, out)
    }
}
