//! Hopping from header to header verifies only what it finds. One test for each reason why that is enough.

mod seek_support;

use std::ops::Range;

use seek_support::{Instance, all_data, log, naive, period};
use tlog::Micros;
use tlog::wire::{BlockHeader, DataHeader};
use tlog_index::seek::{By, Latest, SeekOptions, find_marker, seek_with};

const SMALL: SeekOptions = SeekOptions { window: 512, probes: 16 };

/// The time between two blocks, and between two markers.
const STEP: i64 = 10;
const PERIOD: i64 = 400;

/// A record in most blocks, one in some, and one in few.
fn intact() -> Vec<u8> {
    let record = |i: i64| if i % 37 == 5 { 3 } else { 1 + u64::from(i % 6 == 0) };
    let instances: Vec<_> = (0..1_600).map(|i| Instance { record: record(i), time: Some(i * STEP), len: 9 }).collect();
    log(&period(PERIOD as u64).compression(false), 3, &instances)
}

/// Times in the middle of the log.
fn asked() -> impl Iterator<Item = Micros> {
    (8_000..9_000).step_by(161).map(Micros)
}

/// The blocks that a seek for these times passes, and some around them.
fn around(all: &[Latest]) -> Range<usize> {
    let at = |time| all.partition_point(|data| data.time < Micros(time));
    at(8_000 - 3 * PERIOD)..at(9_000 + 3 * PERIOD)
}

/// How often markers gave the answer, which is right in any case.
fn by_markers(log: &[u8]) -> usize {
    let all = all_data(log);
    let is_by_markers = |time| {
        let seek = seek_with(log, time, &SMALL).unwrap();
        assert_eq!(seek.records, naive(&all, time), "{time:?} by {:?}", seek.by);
        seek.by == By::Markers
    };
    asked().filter(|&time| is_by_markers(time)).count()
}

fn data(log: &[u8], offset: u64) -> (BlockHeader, DataHeader) {
    let block = &log[offset as usize..];
    let frame = BlockHeader::parse(block).unwrap();
    (frame, DataHeader::parse(&block[frame.header_len..]).unwrap())
}

#[test]
fn an_intact_log_needs_no_scan() {
    assert_eq!(by_markers(&intact()), asked().count());
}

/// A length that leads over blocks, all of one record or the only one of another, or over a marker.
#[test]
fn a_block_that_is_leapt_over_is_missed() {
    let whole = intact();
    let all = all_data(&whole);
    for leap in 1..=3 {
        for at in around(&all).step_by(5) {
            let offset = all[at].offset;
            let mut log = whole.clone();
            // One byte, and one it stays.
            let len = &mut log[offset as usize + 1];
            *len = u8::try_from(u64::from(*len) + all[at + leap + 1].offset - all[at + 1].offset).unwrap();
            assert!(*len < 128);
            by_markers(&log);
        }
    }
    // The block before a marker swallows it, and leads to the block behind.
    let mut from = 0;
    while let Some(marker) = find_marker(&whole[..], from..u64::MAX).unwrap() {
        from = marker.end;
        let mut log = whole.clone();
        let before = all[all.partition_point(|data| data.offset < marker.offset) - 1];
        log[before.offset as usize + 1] += (marker.end - marker.offset) as u8;
        by_markers(&log);
    }
}

/// Or it leads into a block, or the type of a block is another.
#[test]
fn headers_with_a_flipped_bit() {
    let whole = intact();
    let all = all_data(&whole);
    let every = if cfg!(debug_assertions) { 41 } else { 3 };
    for at in around(&all).step_by(every) {
        let (frame, header) = data(&whole, all[at].offset);
        for byte in 0..frame.header_len + header.len {
            // Times have a test of their own.
            for bit in [0, 2, 3, 5] {
                let mut log = whole.clone();
                log[all[at].offset as usize + byte] ^= 1 << bit;
                by_markers(&log);
            }
        }
    }
}

/// A damaged block is not in the answer, whatever its time seems to be; and it costs no scan where it could not be in it.
#[test]
fn a_wrong_time_is_found_out_where_it_decides() {
    let whole = intact();
    let all = all_data(&whole);
    let mut scans = 0;
    let every = if cfg!(debug_assertions) { 7 } else { 1 };
    for at in around(&all).step_by(every) {
        let (frame, header) = data(&whole, all[at].offset);
        let time_at = all[at].offset as usize + frame.header_len + header.checksum_at().unwrap() - 8;
        for bit in [0, 3, 4, 5, 6, 7, 8, 9, 13] {
            let mut log = whole.clone();
            log[time_at + bit / 8] ^= 1 << (bit % 8);
            scans += asked().count() - by_markers(&log);
        }
    }
    assert!(scans > 0, "some are near the answer");
}

#[test]
fn a_wrong_payload_costs_a_scan_only_in_the_answer() {
    let whole = intact();
    let all = all_data(&whole);
    let mut scans = 0;
    let damaged = around(&all).step_by(7);
    for at in damaged.clone() {
        let (frame, header) = data(&whole, all[at].offset);
        let mut log = whole.clone();
        log[all[at].offset as usize + frame.header_len + header.len + 3] ^= 0x40;
        scans += asked().count() - by_markers(&log);
    }
    // Three records at each time asked for; or followed back.
    assert!(scans > 0 && scans < damaged.count(), "{scans} scans");
}

/// What ends the hopping.
#[test]
fn a_wrong_marker_is_none() {
    let whole = intact();
    let mut from = 0;
    while let Some(marker) = find_marker(&whole[..], from..u64::MAX).unwrap() {
        from = marker.end;
        if !(8_000 - 2 * PERIOD..9_000 + 3 * PERIOD).contains(&marker.time.0) {
            continue;
        }
        for byte in marker.offset..marker.end {
            let mut log = whole.clone();
            log[byte as usize] ^= 0x04;
            by_markers(&log);
        }
    }
}

/// Two blocks of the same length changed places: both are intact, and their previous offsets are not.
#[test]
fn blocks_that_changed_places() {
    let whole = intact();
    let all = all_data(&whole);
    for at in around(&all).step_by(3) {
        let [one, two, end] = [0, 1, 2].map(|i| all[at + i].offset as usize);
        let mut log = whole.clone();
        log[one..end].rotate_left(two - one);
        by_markers(&log);
    }
}

/// Without them nothing tells that a block was missed, and everything is verified on the way.
#[test]
fn without_previous_offsets_and_checksums_there_is_no_hopping() {
    let instances: Vec<_> =
        (0..1_600).map(|i| Instance { record: 1 + u64::from(i % 6 == 0), time: Some(i * STEP), len: 9 }).collect();
    let whole = log(&period(PERIOD as u64).compression(false).previous_offsets(false), 2, &instances);
    let all = all_data(&whole);
    for at in around(&all).step_by(5) {
        let mut log = whole.clone();
        let len = all[at + 2].offset - all[at + 1].offset;
        log[all[at].offset as usize + 1] += len as u8;
        by_markers(&log);
    }
}
