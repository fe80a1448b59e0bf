//! A store as its users see it: written by one, read by others at the same time.

mod store_support;

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use store_support::{check_whole, declare, number, numbers, options, write};
use tlog::read::{Event, ReadOptions};
use tlog::{Error, Micros, Record};
use tlog_index::store::{
    Durability, Store, StoreEvent, StoreOptions, StoreReader, is_being_written, is_store, segments,
};

#[test]
fn what_is_written_is_read_as_one_log() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("deep/in/folders");
    assert!(!is_store(&dir));
    let mut expected = Vec::new();
    for session in 0..3 {
        let (store, opened) = Store::open(&dir, options()).unwrap();
        assert!(opened.recovered.is_empty() && opened.leftovers.is_empty());
        assert!(is_store(&dir) && is_being_written(&dir));
        let id = declare(&store);
        for n in 0..100 {
            assert_eq!(write(&store, id, session * 1000 + n).unwrap(), n + 1);
            expected.push(session * 1000 + n);
        }
        assert_eq!(store.sync().unwrap(), 100);
        assert_eq!(numbers(&dir), expected, "also while it is open");
        store.finish().unwrap();
        assert!(!is_being_written(&dir));
    }
    assert_eq!(numbers(&dir), expected);
    let segments = segments(&dir).unwrap();
    assert!(segments.len() > 8 && segments.is_sorted());
    assert_eq!(check_whole(&dir), segments.len());
    assert!(segments.iter().all(|path| path.metadata().unwrap().len() <= 2000));

    let mut reader = StoreReader::open(&dir, ReadOptions::default()).unwrap();
    let mut count = 0;
    while let Some(found) = reader.next_data().unwrap() {
        assert_eq!(number(found.data.payload), expected[count]);
        assert_eq!(found.segment.path, segments[found.segment.number as usize - 1]);
        count += 1;
    }
    assert_eq!((count, reader.skipped(), reader.deleted()), (300, 0, 0));
}

#[derive(Record)]
struct Battery {
    volts: f32,
    cells: Vec<u16>,
}

#[test]
fn rust_types_are_written_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), StoreOptions::new().durability(Durability::SyncEach)).unwrap();
    let battery = store.record::<Battery>().unwrap();
    store.log(battery, Micros(5), &Battery { volts: 12.5, cells: vec![4200, 4199] }).unwrap();
    assert_eq!(store.record::<Battery>().unwrap().id(), battery.id());
    assert_eq!((store.synced(), store.acknowledged()), (1, 1));
    store.finish().unwrap();
    let mut reader = StoreReader::open(dir.path(), ReadOptions::default()).unwrap();
    let found = reader.next_data().unwrap().unwrap();
    let read = Battery::decode_payload(found.data.payload).unwrap();
    assert_eq!((read.volts, read.cells), (12.5, vec![4200, 4199]));
}

#[test]
fn there_is_one_writer_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), options()).unwrap();
    let Err(Error::Io { path, source }) = Store::open(dir.path(), options()) else { panic!() };
    assert_eq!((path.as_deref(), source.kind()), (Some(dir.path()), ErrorKind::ResourceBusy));
    assert!(source.to_string().contains("another writer"));
    drop(store);
    Store::open(dir.path(), options()).unwrap().0.finish().unwrap();
}

#[test]
fn threads_write_together() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), options().durability(Durability::SyncEach)).unwrap();
    let id = declare(&store);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..50 {
                    let written = write(store, id, thread * 1000 + n).unwrap();
                    assert!(store.synced() >= written);
                }
            });
        }
    });
    store.finish().unwrap();
    let numbers = numbers(dir.path());
    assert_eq!(numbers.len(), 200);
    for thread in 0..4 {
        let of_thread: Vec<u64> = numbers.iter().copied().filter(|n| n / 1000 == thread).collect();
        assert_eq!(of_thread, (thread * 1000..thread * 1000 + 50).collect::<Vec<_>>());
    }
}

/// The timer's thread does what the schedule says; how soon is not looked at.
#[test]
fn the_timer_syncs_and_rotates() {
    let dir = tempfile::tempdir().unwrap();
    let soon = Duration::from_millis(5);
    let options = options().durability(Durability::SyncEvery(soon)).rotate_time(4 * soon);
    let (store, _) = Store::open(dir.path(), options).unwrap();
    let id = declare(&store);
    write(&store, id, 1).unwrap();
    while store.synced() == 0 || store.status().segment.is_some() {
        std::thread::sleep(soon);
    }
    assert_eq!(check_whole(dir.path()), 1);
    write(&store, id, 2).unwrap();
    store.finish().unwrap();
    assert_eq!(numbers(dir.path()), [1, 2]);
}

#[test]
fn a_store_that_is_dropped_is_closed_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), options()).unwrap();
    let id = declare(&store);
    write(&store, id, 1).unwrap();
    drop(store);
    assert_eq!((numbers(dir.path()), check_whole(dir.path())), (vec![1], 0));
    let (store, opened) = Store::open(dir.path(), options()).unwrap();
    assert_eq!((opened.recovered[0].records, opened.recovered[0].torn.is_none()), (1, true));
    assert_eq!((numbers(dir.path()), check_whole(dir.path())), (vec![1], 1));
    store.finish().unwrap();
}

#[test]
fn a_torn_tail_is_damage_only_when_nobody_writes() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), options()).unwrap();
    let id = declare(&store);
    write(&store, id, 1).unwrap();
    store.flush().unwrap();
    let segment = segments(dir.path()).unwrap().pop().unwrap();
    let append = |bytes: &[u8]| {
        let mut file = std::fs::OpenOptions::new().append(true).open(&segment).unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
    };
    append(b"\x02\x30half a block");
    let skipped = || {
        let mut reader = StoreReader::open(dir.path(), ReadOptions::default()).unwrap();
        let mut data = 0;
        while reader.next_data().unwrap().is_some() {
            data += 1;
        }
        (data, reader.skipped(), reader.damage().first().map(|d| d.segment.number))
    };
    assert_eq!(skipped(), (1, 0, None));
    drop(store);
    assert_eq!(skipped(), (1, 1, Some(1)));
    let (_store, opened) = Store::open(dir.path(), options()).unwrap();
    let torn = opened.recovered[0].torn.as_deref().unwrap();
    assert_eq!(std::fs::read(torn).unwrap(), b"\x02\x30half a block");
    assert_eq!(skipped(), (1, 0, None));
}

#[test]
fn a_segment_that_is_no_log_costs_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    for session in 1..=3 {
        let (store, _) = Store::open(dir.path(), options()).unwrap();
        let id = declare(&store);
        write(&store, id, session).unwrap();
        store.finish().unwrap();
    }
    std::fs::write(&segments(dir.path()).unwrap()[1], b"ransom").unwrap();
    assert_eq!(numbers(dir.path()), [1, 3]);
    let mut strict = StoreReader::open(dir.path(), ReadOptions { strict: true, ..ReadOptions::default() }).unwrap();
    assert_eq!(number(strict.next_data().unwrap().unwrap().data.payload), 1);
    assert!(matches!(strict.next_data(), Err(Error::Format { .. })));
    assert_eq!(strict.segment().number, 2);
    let (_, opened) = Store::open(dir.path(), options()).unwrap();
    assert_eq!(std::fs::read(opened.recovered[0].torn.as_deref().unwrap()).unwrap(), b"ransom");
    assert_eq!(numbers(dir.path()), [1, 3]);
    assert_eq!(check_whole(dir.path()), 3);
}

/// A reader that follows from the start, and others that read what is there, while segments come and go.
#[test]
fn readers_see_each_record_at_most_once_while_segments_come_and_go() {
    const LAST: u64 = 6000;
    let dir = tempfile::tempdir().unwrap();
    let durability = Durability::FlushEvery(Duration::from_millis(1));
    let (store, _) = Store::open(dir.path(), options().keep_segments(4).durability(durability)).unwrap();
    let finished = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let id = declare(&store);
            for n in 1..=LAST {
                write(&store, id, n).unwrap();
                if n % 37 == 0 {
                    store.flush().unwrap();
                }
            }
            store.finish().unwrap();
            finished.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            let seen = follow(dir.path(), &finished);
            assert_eq!(seen.last(), Some(&LAST));
        });
        scope.spawn(|| {
            while !finished.load(Ordering::Acquire) {
                // What was deleted in between is missing; nothing comes twice or late.
                assert!(numbers(dir.path()).is_sorted_by(|a, b| a < b));
            }
        });
    });
    assert!(segments(dir.path()).unwrap().len() <= 4);
    assert_eq!(numbers(dir.path()).last(), Some(&LAST));
}

fn follow(dir: &std::path::Path, finished: &AtomicBool) -> Vec<u64> {
    let mut reader = StoreReader::open(dir, ReadOptions { follow: true, ..ReadOptions::default() }).unwrap();
    let (mut seen, mut gap, mut ended) = (Vec::new(), false, false);
    let mut deleted = 0;
    loop {
        match reader.next_event().unwrap() {
            Some(StoreEvent::Deleted(numbers)) => {
                deleted += numbers.end - numbers.start;
                gap = true;
            }
            Some(StoreEvent::Log { event: Event::Data(data), segment }) => {
                let (number, last) = (number(data.payload), seen.last().copied().unwrap_or(0));
                assert!(number == last + 1 || (gap && number > last), "{number} after {last} in {segment:?}");
                seen.push(number);
                gap = false;
            }
            Some(StoreEvent::Log { event: Event::Skipped(skipped), segment }) => panic!("{skipped:?} in {segment:?}"),
            Some(StoreEvent::Log { .. }) => {}
            None if ended => break,
            None if finished.load(Ordering::Acquire) => {
                reader.end_follow().unwrap();
                ended = true;
            }
            None => std::thread::yield_now(),
        }
    }
    assert_eq!(reader.deleted(), deleted);
    seen
}

#[test]
fn a_follower_may_come_before_the_first_record() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), options()).unwrap();
    let mut reader = StoreReader::open(dir.path(), ReadOptions { follow: true, ..ReadOptions::default() }).unwrap();
    assert!(reader.next_data().unwrap().is_none());
    let id = declare(&store);
    for n in 1..=200 {
        write(&store, id, n).unwrap();
        store.flush().unwrap();
        assert_eq!(number(reader.next_data().unwrap().unwrap().data.payload), n);
        assert!(reader.next_data().unwrap().is_none());
    }
    store.finish().unwrap();
    assert!(reader.next_data().unwrap().is_none());
}

/// The segment that it follows is replaced under it, by a copy with the same records.
#[test]
fn a_follower_outlives_a_writer_that_crashed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), options()).unwrap();
    let id = declare(&store);
    write(&store, id, 1).unwrap();
    drop(store);
    let segment = segments(dir.path()).unwrap().pop().unwrap();
    let mut torn = std::fs::read(&segment).unwrap();
    torn.extend(b"\x02\x30half a block");
    std::fs::write(&segment, torn).unwrap();

    let mut reader = StoreReader::open(dir.path(), ReadOptions { follow: true, ..ReadOptions::default() }).unwrap();
    assert_eq!(number(reader.next_data().unwrap().unwrap().data.payload), 1);
    assert!(reader.next_data().unwrap().is_none());
    let (store, opened) = Store::open(dir.path(), options()).unwrap();
    assert!(opened.recovered[0].torn.is_some());
    assert!(reader.next_data().unwrap().is_none());
    let id = declare(&store);
    write(&store, id, 2).unwrap();
    store.flush().unwrap();
    assert_eq!(number(reader.next_data().unwrap().unwrap().data.payload), 2);
    assert_eq!((reader.segment().number, reader.skipped()), (2, 1));
    store.finish().unwrap();
    assert!(reader.next_data().unwrap().is_none());
}

#[test]
fn a_folder_of_other_things_is_no_store() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("flight.tlog"), b"TLOG0003\0").unwrap();
    std::fs::write(dir.path().join(".lock"), b"").unwrap();
    assert!(!is_store(dir.path()) && !is_store(dir.path().join("flight.tlog")) && !is_store(dir.path().join("none")));
    assert!(segments(dir.path()).unwrap().is_empty());
    // Not opened as one either: the folder is a file.
    assert!(matches!(Store::open(dir.path().join("flight.tlog"), options()), Err(Error::Io { path: Some(_), .. })));
}
