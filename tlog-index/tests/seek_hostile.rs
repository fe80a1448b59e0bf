//! Logs that mislead: markers in payloads, logs in payloads, damage, garbage. Never a panic, never a wrong answer where
//! all of the log is intact, and never an instance that is none.

mod seek_support;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use seek_support::{Counted, Instance, all_data, log_with, naive, period, times};
use tlog::Micros;
use tlog::read::{Blocks, SliceReader};
use tlog_index::seek::{By, Head, SeekOptions, find_marker, seek_with, stretch_with};

const SMALL: SeekOptions = SeekOptions { window: 512, probes: 32 };

fn instances(count: i64, len: usize) -> Vec<Instance> {
    (0..count).map(|i| Instance { record: 1 + (i % 20 == 0) as u64, time: Some(i * 10), len }).collect()
}

fn plain(content: impl Fn(usize, usize) -> Vec<u8>) -> Vec<u8> {
    log_with(&period(500).compression(false), 2, &instances(1_500, 40), content)
}

fn bytes(at: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| (at * 131 + i * 7) as u8).collect()
}

/// Asks for many times; how often markers answered.
fn agrees(log: &[u8]) -> (usize, usize) {
    let all = all_data(log);
    let asked: Vec<_> = times(&all).into_iter().step_by(37).collect();
    let by_markers = asked.iter().filter(|&&time| {
        let seek = seek_with(log, time, &SMALL).unwrap();
        assert_eq!(seek.records, naive(&all, time), "{time:?} by {:?}", seek.by);
        seek.by == By::Markers
    });
    (by_markers.count(), asked.len())
}

#[test]
fn magic_in_every_payload_is_no_marker() {
    let log = plain(|at, _| [&[5, 30][..], &tlog::wire::marker::MARKER, &[0, 0, 0, 0, 2, 0], &bytes(at, 30)].concat());
    let (by_markers, asked) = agrees(&log);
    assert_eq!(by_markers, asked);
}

/// The markers of a log, as bytes.
fn markers(log: &[u8]) -> Vec<Vec<u8>> {
    let mut at = 0;
    std::iter::from_fn(|| {
        let marker = find_marker(log, at..u64::MAX).unwrap()?;
        at = marker.end;
        Some(log[marker.offset as usize..marker.end as usize].to_vec())
    })
    .collect()
}

#[test]
fn true_markers_copied_into_payloads_mislead_nobody() {
    let original = plain(bytes);
    let copies = markers(&original);
    assert!(copies.len() > 20);
    let log = plain(|at, _| copies[at * 7 % copies.len()].clone());
    let (by_markers, asked) = agrees(&log);
    assert_eq!(by_markers, asked);
}

#[test]
fn whole_logs_in_payloads_mislead_nobody() {
    let inner = log_with(&period(500).compression(false), 2, &instances(300, 40), bytes);
    for later in [0, 3_000, 1_000_000] {
        let mut inner_instances = instances(300, 40);
        inner_instances.iter_mut().for_each(|instance| instance.time = instance.time.map(|time| time + later));
        let with_index = log_with(&period(500).compression(false), 2, &inner_instances, bytes);
        let without = log_with(&period(500).compression(false).index(false), 2, &inner_instances, bytes);
        for payload in [&inner, &with_index, &without] {
            agrees(&plain(|at, len| if at % 400 == 200 { payload.clone() } else { bytes(at, len) }));
        }
    }
}

#[test]
fn damage_anywhere_costs_a_scan_at_most() {
    let whole = plain(bytes);
    for at in (0..whole.len()).skip(100).step_by(whole.len() / 40) {
        let mut log = whole.clone();
        log[at] ^= 0x10;
        let all = all_data(&log);
        for time in (0..15_000).step_by(1_001).map(Micros) {
            let seek = seek_with(&log[..], time, &SMALL).unwrap();
            assert_eq!(seek.records, naive(&all, time), "byte {at}, {time:?} by {:?}", seek.by);
        }
        let mut log = whole.clone();
        log.drain(at..at + 512.min(whole.len() - at));
        agrees_few(&log);
        let mut log = whole.clone();
        log.splice(at..at, bytes(at, 300));
        agrees_few(&log);
    }
}

fn agrees_few(log: &[u8]) {
    let all = all_data(log);
    for time in (0..15_000).step_by(2_003).map(Micros) {
        let seek = seek_with(log, time, &SMALL).unwrap();
        assert_eq!(seek.records, naive(&all, time), "{time:?} by {:?}", seek.by);
    }
}

#[test]
fn tails_of_zeros_and_of_garbage() {
    let whole = log_with(&period(500).index(false), 2, &instances(1_500, 40), bytes);
    for len in [1, 19, 100, 511, 5_000] {
        let mut zeros = whole.clone();
        zeros.resize(whole.len() + len, 0);
        agrees_few(&zeros);
        let garbage = [&whole[..], &bytes(3, len)].concat();
        agrees_few(&garbage);
        agrees_few(&whole[..whole.len() - len.min(4_000)]);
    }
}

/// Whatever the bytes: no panic, no end of work, and nothing told that is not there.
fn survives(log: &[u8], time: Micros) -> Result<(), TestCaseError> {
    let counted = Counted::new(log);
    if let Ok(seek) = seek_with(&counted, time, &SMALL) {
        let blocks = Blocks::open(log).unwrap();
        for latest in &seek.records {
            let (header, _) = blocks.data(latest.offset).unwrap();
            prop_assert_eq!((header.identifier, header.timestamp), (latest.identifier, Some(latest.time.0)));
            prop_assert!(latest.time <= time);
        }
        if SliceReader::new(log, Default::default()).next_event().is_err() {
            prop_assert!(false, "only logs can be sought in");
        }
    }
    let size = log.len() as u64;
    prop_assert!(counted.bytes.get() < 400 * size + 400 * 1_024, "{} bytes of {size}", counted.bytes.get());
    let _ = stretch_with(log, time..Micros(time.0.saturating_add(3_000)), &SMALL);
    let _ = find_marker(log, 0..size);
    let _ = Head::read(log);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(debug_assertions) { 60 } else { 20_000 }, rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30), time in -10i64..3_100,
                     checksums: bool) {
        let mut log = log_with(&period(500).compression(false).checksums(checksums), 2, &instances(300, 20), bytes);
        for (at, value) in flips {
            let at = at.index(log.len());
            log[at] = value;
        }
        survives(&log, Micros(time))?;
    }

    #[test]
    fn garbage_that_looks_like_blocks(pieces in prop::collection::vec(prop_oneof![
        Just(vec![2, 20, 1, 3, 0]), Just(vec![2, 12, 1, 2]), Just(vec![1, 4, 1, 0, 1, b'x', 11]), Just(tlog::wire::marker::MARKER.to_vec()),
        Just(vec![5, 25]), Just(b"TLOG0003\0".to_vec()), Just(b"TLOGIDEX".to_vec()), Just(vec![3, 14, 0, 0, 16, 0, 0, 0]), Just(vec![0xff; 9]),
        prop::collection::vec(any::<u8>(), 1..40)], 0..200), time: i64) {
        let log = [&b"TLOG0003\0"[..], &pieces.concat()].concat();
        survives(&log, Micros(time))?;
    }
}
