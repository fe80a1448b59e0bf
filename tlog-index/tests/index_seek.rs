//! Seeking through an index gives what a look at every record gives.

mod support;

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use support::logs::{Recipe, Step, damage, recipe};
use support::naive;
use tlog::Micros;
use tlog_index::index::LogIndex;
use tlog_index::scan::{ScanOptions, scan};

/// By record: the instance with the greatest time not after `time`, of equal times the last in the file.
fn naive_seek(naive: &naive::Naive, time: Micros) -> BTreeMap<(u64, String, Vec<u8>), (Micros, u64)> {
    let latest = |instances: &naive::Instances| {
        instances.iter().filter_map(|&(offset, at, ..)| Some((at.filter(|&at| at <= time)?, offset))).max()
    };
    let records = naive.records.iter();
    records.filter_map(|(key, instances)| Some((key.clone(), latest(instances)?))).collect()
}

fn check(bytes: &[u8], index: &LogIndex) {
    let naive = naive::read(bytes).unwrap();
    let mut times: Vec<i64> = naive.all.iter().filter_map(|(_, time)| Some(time.as_ref()?.0)).collect();
    times.sort_unstable();
    times.dedup();
    let around = times.iter().flat_map(|&time| [time.saturating_sub(1), time, time.saturating_add(1)]);
    for time in around.chain([i64::MIN, 0, i64::MAX]).map(Micros) {
        let found = index.seek(bytes, time).unwrap();
        let found: BTreeMap<_, _> = found
            .instances
            .iter()
            .map(|instance| {
                let record = &index.records[instance.record as usize].record;
                (
                    (record.identifier, record.name.clone(), record.schema_bytes.clone()),
                    (instance.time, instance.offset),
                )
            })
            .collect();
        assert_eq!(found, naive_seek(&naive, time), "{time:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn small_logs(recipe in recipe(60), damage in vec(damage(), 0..3)) {
        let mut log = recipe.build();
        damage.iter().for_each(|damage| damage.apply(&mut log));
        if let Ok(index) = scan(&log, &ScanOptions::default()) {
            check(&log, &index);
        }
    }
}

fn long(seek_period: u64, later: impl Fn(u32) -> i16) -> Vec<u8> {
    let data = |i: u32| Step::Data { record: (i % 3) as u8, later: later(i), timed: true, len: 900, fill: i as u8 | 1 };
    let steps = (0..2_000).map(data).collect();
    Recipe { compression: false, checksums: true, previous_offsets: true, index: true, seek_period, steps }.build()
}

#[test]
fn logs_of_many_spans() {
    for later in
        [|i: u32| if i.is_multiple_of(7) { 0 } else { 10 }, |i: u32| if i.is_multiple_of(500) { -3_000 } else { 7 }]
    {
        let log = long(1_000, later);
        let index = scan(&log, &ScanOptions::default()).unwrap();
        assert!(index.spans.len() > 20);
        check(&log, &index);
    }
}

/// Where time never steps back, one span is read at most, whichever time is asked for.
#[test]
fn at_most_one_span_is_read() {
    let log = long(1_000, |_| 10);
    let index = scan(&log, &ScanOptions::default()).unwrap();
    let times = index.times().unwrap();
    for time in (times.first.0 - 20..times.last.0 + 20).step_by(7) {
        let found = index.seek(&log, Micros(time)).unwrap();
        assert!(found.bytes_read <= (1 << index.span_shift) + 1_000, "{}", found.bytes_read);
    }
}
