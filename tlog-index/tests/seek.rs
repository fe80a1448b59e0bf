//! Seeking agrees with the answer by definition, for every time of a log and around it.

mod seek_support;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use seek_support::{Instance, all_data, log, naive, period, times};
use tlog::Micros;
use tlog::wire::SeekMarker;
use tlog::write::WriterOptions;
use tlog_index::seek::{By, Head, SeekOptions, TimeOrder, find_marker, seek, seek_with, stretch_with};

/// The least time between two markers.
const PERIOD: i64 = 100;

/// Small windows, so that small logs have many.
fn small(window: usize) -> SeekOptions {
    SeekOptions { window, ..SeekOptions::default() }
}

fn agrees(log: &[u8], options: &SeekOptions, every: usize) -> Result<(usize, usize), TestCaseError> {
    let all = all_data(log);
    let (mut asked, mut by_markers) = (0, 0);
    for time in times(&all).into_iter().step_by(every) {
        let seek = seek_with(log, time, options).unwrap();
        prop_assert_eq!(&seek.records, &naive(&all, time), "at {:?}, found by {:?}", time, seek.by);
        asked += 1;
        by_markers += usize::from(seek.by == By::Markers);
    }
    Ok((asked, by_markers))
}

/// A stretch has all data of its range.
fn stretch_has_all(log: &[u8], options: &SeekOptions, times: std::ops::Range<i64>) -> Result<(), TestCaseError> {
    let times = Micros(times.start)..Micros(times.end);
    if let Some(stretch) = stretch_with(log, times.clone(), options).unwrap() {
        for data in all_data(log).iter().filter(|data| times.contains(&data.time)) {
            prop_assert!(stretch.bytes.contains(&data.offset), "{data:?} is not in {stretch:?}");
        }
    }
    Ok(())
}

/// Instances whose time goes forward by up to `step` each, give or take less than the time between two markers.
fn instances(len: usize, step: i64) -> impl Strategy<Value = Vec<Instance>> {
    // The last record is rare.
    let record = prop_oneof![8 => 1u64..=3, 1 => Just(4)];
    let one = (record, 0..=step, prop_oneof![3 => Just(0), 1 => 0..PERIOD], prop::bool::weighted(0.02), 0usize..40);
    prop::collection::vec(one, 1..len).prop_map(|raw| {
        let mut now = 1_000;
        let place = |(record, step, early, untimed, len): (u64, i64, i64, bool, usize)| {
            now += step;
            Instance { record, time: (!untimed).then_some(now - early), len }
        };
        raw.into_iter().map(place).collect()
    })
}

prop_compose! {
    fn writers()(markers in prop::bool::weighted(0.8), period in 1u64..=2, index: bool, checksums in prop::bool::weighted(0.7),
                 compression: bool, previous in prop::bool::weighted(0.8)) -> WriterOptions {
        let options = if markers { seek_support::period(period * PERIOD as u64) } else { WriterOptions::new().seek_period(None) };
        options.index(index).checksums(checksums).compression(compression).previous_offsets(previous)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(debug_assertions) { 60 } else { 2_000 }, rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_log_with_little_disorder(writer in writers(), instances in instances(300, 20), window in 64usize..2_000,
                                    from in 900i64..4_000, len in 0i64..1_000) {
        let log = log(&writer, 4, &instances);
        agrees(&log, &small(window), if cfg!(debug_assertions) { 7 } else { 1 })?;
        stretch_has_all(&log, &small(window), from..from + len)?;
    }

    #[test]
    fn a_clock_that_was_set_back_for_long(writer in writers(), mut instances in instances(300, 20),
                                          at in 0.1f64..0.9, share in 0.2f64..0.6, by in 1_000i64..100_000) {
        // Without checksums, blocks are told from payloads by those that follow them, which a few blocks do not show.
        let from = (instances.len() as f64 * at) as usize;
        let to = (instances.len() as f64 * (at + share)) as usize;
        for instance in instances.iter_mut().take(to).skip(from) {
            instance.time = instance.time.map(|time| time - by);
        }
        let log = log(&writer.checksums(true).compression(false), 4, &instances);
        agrees(&log, &small(128), 29)?;
        stretch_has_all(&log, &small(128), 500..1_500)?;
    }

    #[test]
    fn a_log_that_was_cut_off(instances in instances(200, 20), window in 64usize..500, cut in 0.0f64..1.0) {
        let mut log = log(&period(PERIOD as u64), 4, &instances);
        log.truncate((9.0 + (log.len() - 9) as f64 * cut) as usize);
        agrees(&log, &small(window), 7)?;
    }
}

/// A long log in order, of which a record is rare and one stops early.
fn ordered(writer: &WriterOptions) -> Vec<u8> {
    let instances: Vec<_> = (0..5_000)
        .map(|i| Instance {
            record: if i == 7 { 3 } else { 1 + u64::from(i % 50 == 0) },
            time: Some(i64::from(i) * 10),
            len: 20,
        })
        .collect();
    log(writer, 3, &instances)
}

#[test]
fn markers_are_what_it_is_found_by() {
    let log = ordered(&period(1_000).compression(false));
    let all = all_data(&log);
    for time in (0..50_000).step_by(501).map(Micros) {
        let seek = seek_with(&log[..], time, &small(1_024)).unwrap();
        assert_eq!((seek.by, seek.order), (By::Markers, TimeOrder::Forward), "{time:?}");
        assert_eq!(seek.records, naive(&all, time), "{time:?}");
        assert!(seek.cost.bytes < log.len() as u64 / 2, "{time:?}: {:?}", seek.cost);
    }
}

#[test]
fn without_checksums_too() {
    let log = ordered(&period(1_000).compression(false).checksums(false).index(false));
    let all = all_data(&log);
    for time in (0..50_000).step_by(501).map(Micros) {
        let seek = seek_with(&log[..], time, &small(1_024)).unwrap();
        assert_eq!((seek.by, seek.records), (By::Markers, naive(&all, time)), "{time:?}");
    }
}

#[test]
fn without_markers_all_is_read() {
    let log = ordered(&WriterOptions::new().seek_period(None));
    let seek = seek_with(&log[..], Micros(25_000), &small(1_024)).unwrap();
    assert_eq!((seek.by, seek.order), (By::FullScan, TimeOrder::Forward));
    assert_eq!(seek.records, naive(&all_data(&log), Micros(25_000)));
}

#[test]
fn of_equal_times_the_last_counts_wherever_the_marker_falls() {
    // Markers fall between instances with the same time.
    let instances: Vec<_> =
        (0..1_000).map(|i| Instance { record: 1 + i % 2, time: Some(i as i64 / 7 * 30), len: 9 }).collect();
    let log = log(&period(100), 2, &instances);
    let (asked, by_markers) = agrees(&log, &small(256), 1).unwrap();
    assert!(by_markers * 10 > asked * 9, "{by_markers} of {asked}");
}

#[test]
fn a_log_with_local_disorder_needs_no_scan() {
    let instances: Vec<_> = (0..1_200i64)
        .map(|i| Instance { record: 1 + i as u64 % 3, time: Some(i * 10 - i * 37 % 95), len: 12 })
        .collect();
    let log = log(&period(100).compression(false), 3, &instances);
    let (asked, by_markers) = agrees(&log, &small(512), 1).unwrap();
    assert!(by_markers * 10 > asked * 9, "{by_markers} of {asked}");
}

#[test]
fn blocks_longer_than_a_window() {
    let instances: Vec<_> = (0..400i64)
        .map(|i| Instance {
            record: 1 + u64::from(i % 5 != 0),
            time: Some(i * 10),
            len: if i % 5 == 0 { 3_000 } else { 900 },
        })
        .collect();
    for checksums in [true, false] {
        let log = log(&period(100).compression(false).checksums(checksums), 2, &instances);
        let (asked, by_markers) = agrees(&log, &small(512), 3).unwrap();
        assert!(by_markers * 10 > asked * 9, "{by_markers} of {asked}, checksums {checksums}");
    }
}

#[test]
fn filler_at_the_end_of_a_preallocated_file() {
    let mut log = ordered(&period(1_000).compression(false).index(false));
    let all = all_data(&log);
    log.extend_from_slice(&[4, 0xa0, 0x9c, 0x01]);
    log.extend_from_slice(b"TLOGFILL");
    log.resize(log.len() + 20_000 - 8, 0xff);
    for time in (0..51_000).step_by(997).map(Micros) {
        let seek = seek_with(&log[..], time, &small(1_024)).unwrap();
        assert_eq!((seek.by, seek.records), (By::Markers, naive(&all, time)), "{time:?}");
    }
}

#[test]
fn a_rare_record_out_of_order_long_before_the_marker() {
    // Its latest block is not the one with its greatest time, and only the block before it tells.
    let instances: Vec<_> = (0..3_000i64)
        .map(|i| match i {
            20 => Instance { record: 2, time: Some(240), len: 9 },
            21 => Instance { record: 2, time: Some(205), len: 9 },
            _ => Instance { record: 1, time: Some(i * 10), len: 20 },
        })
        .collect();
    for (previous, by) in [(true, By::Markers), (false, By::FullScan)] {
        let log = log(&period(100).previous_offsets(previous), 2, &instances);
        let seek = seek_with(&log[..], Micros(20_000), &small(1_024)).unwrap();
        assert_eq!(seek.records, naive(&all_data(&log), Micros(20_000)));
        assert_eq!((seek.by, seek.records[1].time), (by, Micros(240)));
    }
}

#[test]
fn a_clock_set_back_is_told() {
    // In the second half the clock lags; no writer puts markers where time has been before.
    let instances: Vec<_> = (0..4_000i64)
        .map(|i| Instance { record: 1, time: Some(if i < 2_000 { i * 10 } else { (i - 1_500) * 10 }), len: 20 })
        .collect();
    let log = log(&period(1_000), 1, &instances);
    let all = all_data(&log);
    for time in (0..30_000).step_by(777).map(Micros) {
        let seek = seek_with(&log[..], time, &small(1_024)).unwrap();
        assert_eq!((seek.by, seek.order), (By::FullScan, TimeOrder::StepsBack), "{time:?}");
        assert_eq!(seek.records, naive(&all, time));
        assert_eq!(stretch_with(&log[..], time..Micros(30_000), &small(1_024)).unwrap(), None);
    }
}

#[test]
fn a_record_declared_anew_is_found_before_that_too() {
    use tlog::RecordId;
    let schema = tlog::schema::Schema::from_json(r#""bytes""#).unwrap();
    for index in [true, false] {
        let mut writer = period(100).index(index).open(Vec::new());
        let [a, b] = ["a", "b"].map(|name| writer.declare(name, &schema).unwrap());
        for i in 0..4_000i64 {
            if i == 2_000 {
                writer.declare_raw(RecordId(2), "b", &schema.to_bytes()).unwrap();
            }
            let id = if i < 1_000 && i % 3 == 0 { b } else { a };
            writer.write(id, Micros(i * 10), b"\x05hello").unwrap();
        }
        let log = writer.finish().unwrap();
        let all = all_data(&log);
        for time in (5_000..40_000).step_by(999).map(Micros) {
            let seek = seek_with(&log[..], time, &small(1_024)).unwrap();
            assert_eq!(seek.records, naive(&all, time), "{time:?} {index}");
        }
    }
}

#[test]
fn logs_in_a_row() {
    let part = |start: i64, records: u64, index: bool| {
        let instance = |i: i64| Instance { record: 1 + i as u64 % records, time: Some(start + i * 10), len: 20 };
        log(&period(100).index(index), 2, &(0..2_000).map(instance).collect::<Vec<_>>())
    };
    for index in [true, false] {
        // Of the second record only the first log has data.
        let both = [part(0, 2, index), part(100_000, 1, index)].concat();
        let all = all_data(&both);
        for time in [0, 10_000, 19_990, 50_000, 100_000, 110_000, 200_000].map(Micros) {
            let seek = seek_with(&both[..], time, &small(1_024)).unwrap();
            assert_eq!(seek.records, naive(&all, time), "{time:?}");
            assert!(seek.by == By::FullScan || time.0 < 19_990, "{time:?}");
        }
    }
}

#[test]
fn the_ends_of_time_and_empty_logs() {
    let log = ordered(&period(1_000));
    assert!(seek(&log[..], Micros(-1)).unwrap().records.is_empty());
    assert_eq!(seek(&log[..], Micros(i64::MAX)).unwrap().records, naive(&all_data(&log), Micros(i64::MAX)));
    assert!(seek(&b"TLOG0003\0"[..], Micros(0)).unwrap().records.is_empty());
    assert!(matches!(seek(&b"TLOG0002\0"[..], Micros(0)), Err(tlog::Error::Format { offset: 0, .. })));
    assert!(seek(&b""[..], Micros(0)).is_err());
}

#[test]
fn the_head_tells_what_comes_first_and_last() {
    let log = ordered(&period(1_000));
    let head = Head::read(&log[..]).unwrap();
    let names: Vec<_> = head.records.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(names, ["record1", "record2", "record3"]);
    let first = head.first_data.unwrap();
    assert_eq!((first.offset, first.identifier), (all_data(&log)[0].offset, 2));
    assert_eq!((first.has_checksum, first.time), (true, Some(Micros(0))));
    assert_eq!(head.index.unwrap().records.len(), 3);
    assert!(!head.index_is_wrong);

    let cut = Head::read(&log[..log.len() / 2]).unwrap();
    assert!(cut.index.is_none() && !cut.index_is_wrong);
    let mut wrong = log.clone();
    let entry = wrong.len() - 20;
    wrong[entry] ^= 1;
    let wrong = Head::read(&wrong[..]).unwrap();
    assert!(wrong.index.is_none() && wrong.index_is_wrong);
}

/// Where all markers of a log are, by reading it.
fn markers(log: &[u8]) -> Vec<u64> {
    let mut reader = tlog::read::SliceReader::new(log, Default::default());
    let mut offsets = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        if let tlog::read::Event::Marker { offset, .. } = event {
            offsets.push(offset);
        }
    }
    offsets
}

#[test]
fn every_marker_is_found_from_every_place_before_it() {
    let log = ordered(&period(1_000));
    let markers = markers(&log);
    assert!(markers.len() > 40);
    let size = log.len() as u64;
    for (at, &offset) in markers.iter().enumerate() {
        let before = at.checked_sub(1).map_or(9, |at| markers[at] + 1);
        for from in [before, offset - 5, offset] {
            let found = find_marker(&log[..], from..size).unwrap().unwrap();
            assert_eq!(found.offset, offset);
            let block = &log[offset as usize..found.end as usize];
            let marker = SeekMarker::parse(block).unwrap().unwrap();
            assert_eq!(found.time.0, marker.timestamp);
            assert!(found.elements.iter().copied().eq(marker.elements().map(|(id, back)| (id, offset - back))));
        }
        assert_eq!(find_marker(&log[..], before..offset).unwrap(), None);
    }
    assert_eq!(find_marker(&log[..], markers[markers.len() - 1] + 1..size).unwrap(), None);
    assert_eq!(find_marker(&log[..], 0..u64::MAX).unwrap().unwrap().offset, markers[0]);
    assert_eq!(find_marker(&log[..], size + 5..u64::MAX).unwrap(), None);
}
