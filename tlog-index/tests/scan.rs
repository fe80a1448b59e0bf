//! However many workers scan a log, they find what one reader finds.

mod support;

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use support::logs::{Recipe, Step, damage, recipe};
use support::{logs_in, naive};
use tlog::Micros;
use tlog::read::{ReadOptions, SliceReader, StreamReader};
use tlog::schema::Schema;
use tlog::wire::{IndexBlock, IndexEntry, SeekMarker};
use tlog::write::WriterOptions;
use tlog_index::index::LogIndex;
use tlog_index::scan::{Progress, ScanOptions, grow, scan, scan_stream, scan_with};

/// Scans with so many workers, cutting even small logs into parts.
fn options(workers: usize, min_part: u64, tail: u64) -> ScanOptions {
    ScanOptions { workers, min_part, tail, ..ScanOptions::default() }
}

/// Where the texts of two indices part: all of them is too much to read.
fn difference(a: &LogIndex, b: &LogIndex) -> String {
    let (a, b) = (format!("{a:#?}"), format!("{b:#?}"));
    let lines = a.lines().zip(b.lines()).enumerate().filter(|(_, (a, b))| a != b);
    lines.take(10).map(|(number, (a, b))| format!("\n{number}: {a} | {b}")).collect()
}

fn check(bytes: &[u8]) {
    let Ok(naive) = naive::read(bytes) else {
        assert!(scan(bytes, &ScanOptions::default()).is_err());
        return;
    };
    let one = scan(bytes, &options(1, u64::MAX, u64::MAX)).unwrap();
    naive.check(&one, bytes.len());
    for (workers, min_part, tail) in [(1, 300, 100), (2, 200, 500), (7, 64, 0), (7, 1_000, 64)] {
        let scanned = scan(bytes, &options(workers, min_part, tail)).unwrap();
        assert!(
            scanned == one,
            "{workers} workers, parts of {min_part}, tail of {tail}: {}",
            difference(&scanned, &one)
        );
    }
    let mut reader = StreamReader::new(bytes, ReadOptions { raw_payloads: true, ..ReadOptions::default() });
    let progress = Progress::default();
    let streamed = scan_stream(&mut reader, &progress).unwrap();
    assert!(streamed == one, "as a stream: {}", difference(&streamed, &one));
    assert_eq!(progress.bytes(), bytes.len() as u64);
}

#[test]
fn own_logs() {
    for (path, bytes) in logs_in(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata").into()) {
        println!("{}", path.display());
        check(&bytes);
    }
}

#[cfg(feature = "reference-vectors")]
#[test]
fn vectors() {
    for (path, bytes) in logs_in(support::shared("vectors")) {
        println!("{}", path.display());
        check(&bytes);
    }
}

#[cfg(feature = "reference-vectors")]
#[test]
fn flight_log() {
    for (path, bytes) in logs_in(support::shared("testdata")) {
        println!("{}", path.display());
        let one = scan(&bytes, &options(1, u64::MAX, u64::MAX)).unwrap();
        naive::read(&bytes).unwrap().check(&one, bytes.len());
        for workers in [1, 2, 7] {
            assert_eq!(scan(&bytes, &options(workers, 10_000, 5_000)).unwrap(), one);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn whole_logs(recipe in recipe(80)) {
        check(&recipe.build());
    }

    #[test]
    fn broken_logs(recipe in recipe(80), damage in vec(damage(), 1..4)) {
        let mut log = recipe.build();
        damage.iter().for_each(|damage| damage.apply(&mut log));
        check(&log);
    }

    #[test]
    fn concatenated_logs(first in recipe(30), second in recipe(30), damage in vec(damage(), 0..3)) {
        let mut log = [first.build(), second.build()].concat();
        damage.iter().for_each(|damage| damage.apply(&mut log));
        check(&log);
    }

    #[test]
    fn an_index_grows_with_its_log(recipe in recipe(80), damage in vec(damage(), 0..2), cuts in vec(any::<u16>(), 1..4)) {
        let mut log = recipe.build();
        damage.iter().for_each(|damage| damage.apply(&mut log));
        let mut lens: Vec<usize> = cuts.iter().map(|&cut| usize::from(cut) * log.len() / 65_536).collect();
        lens.push(log.len());
        lens.sort_unstable();
        let options = options(2, 200, 1_000);
        let mut known = None;
        for len in lens {
            let bytes = &log[..len];
            let grown = match known.take() {
                None => scan_with(bytes, &options, &Progress::default()),
                Some(known) => grow(bytes, &options, &Progress::default(), known),
            };
            let Ok(grown) = grown else { continue };
            prop_assert_eq!(grown.clone().into_index(), scan(bytes, &options).unwrap());
            known = Some(grown);
        }
    }
}

/// Where a reader that came from the start stands at each span, the index knows.
#[test]
fn places_of_spans_are_those_of_a_reader() {
    let log = long_log();
    let index: LogIndex = scan(&log, &ScanOptions::default()).unwrap();
    assert!(index.spans.len() > 10);
    let mut reader = tlog::read::SliceReader::new(&log, Default::default());
    let mut met = 0;
    loop {
        if let Some(at) =
            reader.place().and_then(|place| index.spans.iter().position(|span| span.start == place.offset))
        {
            let (is, mut expected) = (index.place(at).unwrap(), reader.place().unwrap());
            expected.records.sort_by_key(|known| known.record.location);
            assert_eq!((is.offset, &is.records, is.standing), (expected.offset, &expected.records, expected.standing));
            met += 1;
        }
        if reader.next_event().unwrap().is_none() {
            break;
        }
    }
    // Before the first block a reader has not looked at the file header yet.
    assert_eq!(met, index.spans.len() - 1);
}

/// Guesses are right in whole logs: no part is read twice. Of those that are cut off it is at most the last one,
/// which is short: what a cut block means depends on where its record was seen before.
#[test]
fn nothing_is_read_twice() {
    for seek_period in [0, 1_000] {
        for checksums in [true, false] {
            for index in [true, false] {
                let log = Recipe { seek_period, checksums, index, ..plain(6_000) }.build();
                for len in [log.len(), log.len() - 1_000] {
                    let progress = Progress::default();
                    let scanned = scan_with(&log[..len], &options(7, 10_000, 10_000), &progress).unwrap();
                    assert!(scanned.front.size > 0);
                    let again = progress.bytes() - (len as u64 - 9);
                    let may_be = if len < log.len() { 11_000 } else { 0 };
                    assert!(again <= may_be, "{again} bytes again: {seek_period} {checksums} {index} {len}");
                }
            }
        }
    }
}

/// What the last marker says of a record and what the index says of it agree, and are wrong.
#[test]
fn an_index_is_held_against_the_log_not_against_markers() {
    let options = WriterOptions::new().index(false).seek_period(None);
    let mut log = options.open(Vec::new());
    let schema = Schema::from_json(r#""varuint""#).unwrap();
    let [often, once] = ["often", "once"].map(|name| log.declare(name, &schema).unwrap());
    (1..3).for_each(|value| log.write(once, Micros(0), &[value]).unwrap());
    (0..200).for_each(|number| log.write(often, Micros(number), &[7]).unwrap());
    let mut log = log.finish().unwrap();
    let mut places: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    let mut reader = SliceReader::new(&log, Default::default());
    while let Some(data) = reader.next_data().unwrap() {
        let place = (data.record.location, data.offset);
        // The first one of `once`, not the last.
        places
            .entry(data.record.identifier)
            .and_modify(|at| *at = if data.record.identifier == once.0 { *at } else { place })
            .or_insert(place);
    }
    let here = log.len() as u64;
    let elements = || places.iter().map(|(&identifier, &(_, latest))| (identifier, here - latest));
    let mut marker = vec![0; SeekMarker::encoded_len(elements())];
    SeekMarker::encode(1_000, elements(), &mut marker).unwrap();
    log.extend(marker);
    let entry = |(&identifier, &(schema_location, latest)): (&u64, &(u64, u64))| IndexEntry {
        identifier,
        schema_location,
        final_record: Some(latest),
    };
    let mut index = vec![0; IndexBlock::encoded_len(places.iter().map(entry))];
    IndexBlock::encode(places.iter().map(entry), &mut index).unwrap();
    log.extend(index);
    assert_eq!(scan(&log, &ScanOptions::default()).unwrap().damage.stretches, 1);
    check(&log);
}

/// Work that grows with the square of the number of records would take minutes here.
#[test]
fn many_records_are_no_more_work_than_few() {
    let mut log = WriterOptions::new().seek_period(Some(std::time::Duration::from_micros(20_000))).open(Vec::new());
    let schema = Schema::from_json(r#""varuint""#).unwrap();
    let ids: Vec<_> = (0..40_000).map(|at| log.declare(&format!("record{at}"), &schema).unwrap()).collect();
    for (at, &id) in ids.iter().chain(&ids[..100]).enumerate() {
        log.write(id, Micros(at as i64), &[1]).unwrap();
    }
    let log = log.finish().unwrap();
    let scanned = scan(&log, &options(2, 200_000, 10_000)).unwrap();
    assert!(scanned == scan(&log, &options(1, u64::MAX, u64::MAX)).unwrap());
    assert_eq!(scanned.records.len(), 40_000);
}

/// One identifier that is declared with ever other names.
#[test]
fn a_log_of_too_many_records_is_refused() {
    let declare = |number: u32| [&[1, 12, 1, 0, 8][..], format!("{number:08x}").as_bytes(), &[5]].concat();
    let declared = |count: u32| [b"TLOG0003\0".to_vec(), (0..count).flat_map(declare).collect()].concat();
    assert_eq!(scan(&declared(50_000), &options(2, 100_000, 1_000)).unwrap().records.len(), 50_000);
    let log = declared(140_000);
    for workers in [1, 2] {
        let refused = scan(&log, &options(workers, 100_000, 1_000)).unwrap_err();
        assert!(matches!(refused, tlog::Error::Limit { .. }), "{refused}");
    }
}

fn plain(count: u32) -> Recipe {
    let data = |i: u32| Step::Data { record: (i % 3) as u8, later: 10, timed: true, len: 150, fill: i as u8 };
    let steps = (0..count).map(data).collect();
    Recipe { compression: false, checksums: true, previous_offsets: true, index: true, seek_period: 1_000, steps }
}

/// A megabyte, in which records are declared late and again.
fn long_log() -> Vec<u8> {
    let mut recipe = plain(6_000);
    for at in (999..6_000).step_by(1_000) {
        recipe.steps[at] = Step::Declare { record: (at / 1_000 % 4) as u8, other_schema: at % 2_000 == 999 };
    }
    recipe.build()
}
