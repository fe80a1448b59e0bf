//! What is saved beside a log is what is loaded, for that log and no other.

mod support;

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use proptest::collection::vec;
use proptest::prelude::*;
use support::logs::{Recipe, damage, recipe};
use support::saved::{self, Saved, in_words, plain_log};
use tlog_index::scan::{self, Progress, ScanOptions, Scanned, scan, scan_with};
use tlog_index::sidecar::{self, Freshness, How, Loaded, LogState, Unusable, path_of};

fn options(fields: bool, tail: u64) -> ScanOptions {
    ScanOptions { workers: 1, fields, min_part: 600, tail, ..ScanOptions::default() }
}

/// A log that is put together, and then broken.
fn log() -> impl Strategy<Value = Vec<u8>> {
    let broken = (vec(recipe(60), 1..3), prop_oneof![3 => Just(Vec::new()), 2 => vec(damage(), 1..4)]);
    broken.prop_map(|(recipes, damages)| {
        let mut log = recipes.iter().map(Recipe::build).collect::<Vec<_>>().concat();
        damages.iter().for_each(|damage| damage.apply(&mut log));
        log
    })
}

fn assert_same(loaded: &Scanned, scanned: &Scanned) {
    assert_eq!(loaded.front, in_words(&scanned.front));
    assert_eq!(loaded.tail, in_words(&scanned.tail));
    let parts = |scanned: &Scanned| (scanned.place.offset, scanned.place.standing, scanned.place.records.clone());
    assert_eq!(parts(loaded), parts(scanned));
}

fn fresh(loaded: Loaded) -> Scanned {
    match loaded {
        Loaded::Fresh(scanned) => scanned,
        other => panic!("{other:?}"),
    }
}

fn unusable(loaded: Loaded) -> Unusable {
    match loaded {
        Loaded::None(why) => why,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 4_000 }))]

    #[test]
    fn what_is_loaded_is_what_was_saved(log in log(), fields: bool, tail in 0u64..4_000) {
        let saved = Saved::new(&log);
        let options = options(fields, tail);
        let Ok(scanned) = saved.scan_and_save(&options) else { return Ok(()) };
        prop_assert_eq!(sidecar::freshness(&saved.log).unwrap(), Freshness::Fresh);
        let loaded = fresh(sidecar::load(&saved.log, &options).unwrap());
        assert_same(&loaded, &scanned);
        prop_assert_eq!(loaded.into_index(), in_words(&scan(&log, &options).unwrap()));
    }

    #[test]
    fn an_index_grows_to_what_a_scan_gives(log in log(), cut: prop::sample::Index, fields: bool, tail in 0u64..4_000) {
        let options = options(fields, tail);
        let saved = Saved::new(&log[..cut.index(log.len() + 1)]);
        let Ok(short) = saved.scan_and_save(&options) else { return Ok(()) };
        fs::write(&saved.log, &log).unwrap();
        let refreshed = sidecar::refresh(&saved.log, &options, &Progress::default()).unwrap();
        prop_assert!(refreshed.unsaved.is_none());
        prop_assert_eq!(in_words(&refreshed.index), in_words(&scan(&log, &options).unwrap()));
        if short.tail.size < log.len() as u64 {
            let grows = short.front.size > 0;
            let how = if grows { How::Grown(short.tail.size) } else { How::Built(Unusable::NoFront) };
            prop_assert_eq!(refreshed.how, how);
        }
        // What was saved of it is as good as what a scan gives, and grows no more.
        let again = sidecar::refresh(&saved.log, &options, &Progress::default()).unwrap();
        prop_assert_eq!((again.index, again.how), (in_words(&refreshed.index), How::Loaded));
    }
}

#[test]
fn ranges_are_loaded_when_they_are_asked_for() {
    let saved = Saved::new(&plain_log(500));
    let with = options(true, 900);
    let scanned = saved.scan_and_save(&with).unwrap();
    let (without, every) = (options(false, 900), |index: &tlog_index::index::LogIndex, some: bool| {
        index.records.iter().filter(|record| record.count > 0).all(|record| record.fields.is_some() == some)
    });
    let loaded = fresh(sidecar::load(&saved.log, &without).unwrap());
    assert!(every(&loaded.front, false) && every(&loaded.tail, false));
    assert_eq!(loaded.into_index(), scan(&plain_log(500), &without).unwrap());
    assert!(every(&scanned.front, true));
    assert_same(&fresh(sidecar::load(&saved.log, &with).unwrap()), &scanned);
}

#[test]
fn what_a_sidecar_lacks_makes_it_unusable_to_those_who_want_it() {
    let saved = Saved::new(&plain_log(300));
    let careless = ScanOptions { verify: false, ..options(false, 0) };
    saved.scan_and_save(&careless).unwrap();
    fresh(sidecar::load(&saved.log, &careless).unwrap());
    assert_eq!(unusable(sidecar::load(&saved.log, &options(false, 0)).unwrap()), Unusable::Unverified);
    saved.scan_and_save(&options(false, 0)).unwrap();
    assert_eq!(unusable(sidecar::load(&saved.log, &options(true, 0)).unwrap()), Unusable::NoFields);
    let refreshed = sidecar::refresh(&saved.log, &options(true, 0), &Progress::default()).unwrap();
    assert_eq!(refreshed.how, How::Built(Unusable::NoFields));
    fresh(sidecar::load(&saved.log, &options(true, 0)).unwrap());
    fresh(sidecar::load(&saved.log, &careless).unwrap());
}

#[test]
fn ranges_that_are_saved_grow_along_even_if_nobody_asks() {
    let whole = plain_log(900);
    let saved = Saved::new(&whole[..whole.len() / 2]);
    saved.scan_and_save(&options(true, 500)).unwrap();
    fs::write(&saved.log, &whole).unwrap();
    let refreshed = sidecar::refresh(&saved.log, &options(false, 500), &Progress::default()).unwrap();
    assert_eq!(refreshed.how, How::Grown(whole.len() as u64 / 2));
    let loaded = fresh(sidecar::load(&saved.log, &options(true, 500)).unwrap());
    assert_eq!(loaded.into_index(), scan(&whole, &options(true, 500)).unwrap());
}

/// A log longer than all samples together, with its sidecar.
fn large() -> (Saved, Vec<u8>) {
    let log = plain_log(9_000);
    assert!(log.len() > 1_000_000);
    let saved = Saved::new(&log);
    saved.scan_and_save(&ScanOptions::default()).unwrap();
    (saved, log)
}

#[test]
fn another_log_of_the_same_size_and_time_is_noticed() {
    let (saved, log) = large();
    let time = fs::metadata(&saved.log).unwrap().modified().unwrap();
    let between = (log.len() - 4096) / 15;
    for at in [0, 4095, log.len() - 1, log.len() - 4096, between, between + 4095, 7 * (log.len() - 4096) / 15] {
        let mut other = log.clone();
        other[at] ^= 1;
        fs::write(&saved.log, &other).unwrap();
        File::options().write(true).open(&saved.log).unwrap().set_modified(time).unwrap();
        let found = sidecar::freshness(&saved.log).unwrap();
        assert_eq!(found, Freshness::Stale(Unusable::Content), "byte {at}");
        assert_eq!(unusable(sidecar::load(&saved.log, &ScanOptions::default()).unwrap()), Unusable::Content);
    }
    fs::write(&saved.log, &log).unwrap();
    File::options().write(true).open(&saved.log).unwrap().set_modified(time).unwrap();
    assert_eq!(sidecar::freshness(&saved.log).unwrap(), Freshness::Fresh);
}

#[test]
fn a_log_that_was_touched_is_not_believed_to_be_the_same() {
    let (saved, _) = large();
    let time = fs::metadata(&saved.log).unwrap().modified().unwrap();
    let file = File::options().write(true).open(&saved.log).unwrap();
    file.set_modified(time + Duration::from_nanos(1_000)).unwrap();
    assert_eq!(sidecar::freshness(&saved.log).unwrap(), Freshness::Stale(Unusable::Modified));
    file.set_modified(SystemTime::UNIX_EPOCH - Duration::from_secs(1)).unwrap();
    assert_eq!(sidecar::freshness(&saved.log).unwrap(), Freshness::Stale(Unusable::Modified));
    file.set_modified(time).unwrap();
    assert_eq!(sidecar::freshness(&saved.log).unwrap(), Freshness::Fresh);
}

#[test]
fn a_log_that_was_cut_off_or_replaced_is_noticed() {
    let (saved, log) = large();
    let len = log.len() as u64;
    fs::write(&saved.log, &log[..log.len() - 1]).unwrap();
    assert_eq!(sidecar::freshness(&saved.log).unwrap(), Freshness::Stale(Unusable::Shorter { was: len, is: len - 1 }));
    // Another log that is longer.
    fs::write(&saved.log, [&log[..log.len() - 1], &log].concat()).unwrap();
    assert_eq!(sidecar::freshness(&saved.log).unwrap(), Freshness::Stale(Unusable::Content));
    fs::write(&saved.log, [log.as_slice(), &log].concat()).unwrap();
    assert_eq!(sidecar::freshness(&saved.log).unwrap(), Freshness::Grown(len));
}

#[test]
fn a_log_that_grows_while_it_is_scanned_has_no_known_time() {
    let log = plain_log(300);
    let saved = Saved::new(&log);
    let state = LogState::of(&saved.log, &log[..log.len() - 100]).unwrap();
    assert_eq!((state.size, state.modified), (log.len() as u64 - 100, i64::MIN));
    let short = &log[..log.len() - 100];
    let scanned = scan_with(short, &options(false, 0), &Progress::default()).unwrap();
    sidecar::save(&saved.log, short, state, &scanned, &options(false, 0)).unwrap();
    assert_eq!(sidecar::freshness(&saved.log).unwrap(), Freshness::Grown(short.len() as u64));
    fs::write(&saved.log, short).unwrap();
    assert_eq!(sidecar::freshness(&saved.log).unwrap(), Freshness::Stale(Unusable::Modified));
}

#[test]
fn an_index_is_saved_for_its_own_log_only() {
    let log = plain_log(300);
    let saved = Saved::new(&log);
    let state = LogState::of(&saved.log, &log).unwrap();
    let of_another = scan_with(&log[..log.len() - 1], &options(false, 0), &Progress::default()).unwrap();
    assert!(sidecar::save(&saved.log, &log, state, &of_another, &options(false, 0)).is_err());
    assert!(!path_of(&saved.log).exists());
}

#[test]
fn without_a_sidecar_one_is_made_and_nothing_else_is_left() {
    let log = plain_log(300);
    let saved = Saved::new(&log);
    assert_eq!(sidecar::freshness(&saved.log).unwrap(), Freshness::Stale(Unusable::Absent));
    let refreshed = sidecar::refresh(&saved.log, &ScanOptions::default(), &Progress::default()).unwrap();
    assert_eq!((refreshed.how, refreshed.unsaved.is_none()), (How::Built(Unusable::Absent), true));
    assert_eq!(refreshed.index, scan(&log, &ScanOptions::default()).unwrap());
    let mut names: Vec<_> = fs::read_dir(saved.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["log.tlog", "log.tlogx"]);
}

#[test]
fn an_index_is_made_anew_when_asked_for() {
    let log = plain_log(300);
    let saved = Saved::new(&log);
    let (with, without) = (options(true, 0), options(false, 0));
    for (options, has_fields) in [(&with, true), (&without, false), (&with, true)] {
        let rebuilt = sidecar::rebuild(&saved.log, options, &Progress::default()).unwrap();
        assert_eq!((rebuilt.how, rebuilt.unsaved.is_none()), (How::Rebuilt, true));
        assert_eq!(rebuilt.index, scan(&log, options).unwrap());
        assert_eq!(matches!(sidecar::load(&saved.log, &with).unwrap(), Loaded::Fresh(_)), has_fields);
    }
}

#[test]
fn an_index_that_cannot_be_saved_is_given_all_the_same() {
    let log = plain_log(300);
    let saved = Saved::new(&log);
    // A folder stands where the sidecar would.
    fs::create_dir(path_of(&saved.log)).unwrap();
    let refreshed = sidecar::refresh(&saved.log, &ScanOptions::default(), &Progress::default()).unwrap();
    assert_eq!(refreshed.index, scan(&log, &ScanOptions::default()).unwrap());
    assert_eq!(refreshed.how, How::Built(Unusable::Unreadable));
    assert!(refreshed.unsaved.unwrap().to_string().contains("log.tlogx"));
    let names: Vec<_> = fs::read_dir(saved.folder()).unwrap().collect();
    assert_eq!(names.len(), 2);
}

#[test]
fn what_is_no_log_has_no_index() {
    let saved = Saved::new(b"TLOG0002, no more");
    assert!(sidecar::refresh(&saved.log, &ScanOptions::default(), &Progress::default()).is_err());
    assert!(!path_of(&saved.log).exists());
    assert!(
        sidecar::freshness(&PathBuf::from("/no/such/log.tlog"))
            .is_ok_and(|found| { found == Freshness::Stale(Unusable::Absent) })
    );
}

#[test]
fn a_sidecar_is_named_like_its_log() {
    let named = |log: &str| path_of(log.as_ref()).to_string_lossy().into_owned();
    assert_eq!(named("a/flight.tlog"), "a/flight.tlogx");
    assert_eq!(named("flight.2.tlog"), "flight.2.tlogx");
    assert_eq!(named("flight.bin"), "flight.bin.tlogx");
    assert_eq!(named("flight"), "flight.tlogx");
    assert_eq!(named(".tlog"), ".tlog.tlogx");
}

#[test]
fn a_sidecar_is_small() {
    let (saved, log) = large();
    let len = fs::metadata(path_of(&saved.log)).unwrap().len();
    assert!(len < log.len() as u64 / 500, "{len} of {}", log.len());
    let grown = scan::scan(&log, &ScanOptions::default()).unwrap();
    let cells: usize = grown.records.iter().map(|record| record.cells.len()).sum();
    assert!(cells > 20 && len < saved::HEAD + 16 * cells as u64, "{len} for {cells} cells");
}
