//! The store on a system that is full, whose clocks are turned by hand, and whose power goes at any call.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tlog::read::{Blocks, Event, ReadOptions, SliceReader};
use tlog::schema::{Schema, Type, Width};
use tlog::write::{RecordId, WriterOptions};
use tlog::{Error, Micros};

use super::names::{self, Role};
use super::sim::{Accident, Random, Sim};
use super::timer::Schedule;
use super::*;

const DIR: &str = "store";

fn open(sim: &Sim, options: &StoreOptions) -> Result<(Store, Opened), Error> {
    Store::open_on(Arc::new(sim.clone()), Path::new(DIR), options, None)
}

/// Small segments, nothing timed, nothing kept back.
fn options() -> StoreOptions {
    StoreOptions::new()
        .rotate_bytes(700)
        .durability(Durability::None)
        .writer(WriterOptions::new().compression(false).seek_period(Some(Duration::from_micros(4))))
}

fn schema() -> Schema {
    Schema::new(Type::FixedUint(Width::W8)).unwrap()
}

/// A payload that tells its number in more than one way.
fn payload(number: u64) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    payload.extend(std::iter::repeat_n(number as u8, (number * 7 % 50) as usize));
    payload
}

fn number(payload_read: &[u8]) -> u64 {
    let number = u64::from_le_bytes(*payload_read.first_chunk().unwrap());
    assert_eq!(payload_read, payload(number));
    number
}

fn write(store: &Store, id: RecordId, number: u64) -> Result<u64, Error> {
    store.write(id, Micros(number as i64), &payload(number))
}

fn segments_of(sim: &Sim) -> Vec<(u64, PathBuf)> {
    let is_segment = |path: PathBuf| match names::role(path.file_name()?) {
        Some(Role::Segment(number)) => Some((number, path)),
        _ => None,
    };
    sim.files().into_iter().filter_map(is_segment).collect()
}

fn numbers_in(bytes: &[u8]) -> (Vec<u64>, bool) {
    let mut reader = SliceReader::new(bytes, ReadOptions::default());
    let mut numbers = Vec::new();
    while let Ok(Some(event)) = reader.next_event() {
        if let Event::Data(data) = event {
            numbers.push(number(data.payload));
        }
    }
    (numbers, reader.damage().is_none())
}

/// All that the store holds; each segment must be whole.
fn read_whole(sim: &Sim) -> Vec<u64> {
    let mut all = Vec::new();
    for (segment, path) in segments_of(sim) {
        let (numbers, whole) = numbers_in(&sim.bytes(&path));
        assert!(whole, "segment {segment} is damaged");
        assert!(sim.bytes(&path).starts_with(b"TLOG0003\0"), "segment {segment} is no log");
        all.extend(numbers);
    }
    assert!(all.is_sorted_by(|a, b| a < b), "not in order, or twice: {all:?}");
    all
}

fn assert_closed(sim: &Sim) {
    for (segment, path) in segments_of(sim) {
        let bytes = sim.bytes(&path);
        let index = Blocks::open(bytes.as_slice()).unwrap().index().unwrap();
        assert!(index.is_some(), "segment {segment} has no index");
    }
    let odd = |path: &PathBuf| names::role(path.file_name().unwrap()) == Some(Role::Unfinished);
    assert_eq!(sim.files().into_iter().filter(odd).count(), 0);
}

#[test]
fn segments_rotate_by_size_and_are_logs_of_their_own() {
    let sim = Sim::new(1);
    let (store, opened) = open(&sim, &options()).unwrap();
    assert_eq!((opened.segments, opened.recovered.len()), (0, 0));
    let a = store.declare("first", &schema()).unwrap();
    store.declare_as(RecordId(9), "second", &schema()).unwrap();
    for n in 1..=100 {
        assert_eq!(write(&store, if n % 3 == 0 { RecordId(9) } else { a }, n).unwrap(), n);
    }
    store.declare("third", &schema()).unwrap();
    store.rotate().unwrap();
    store.finish().unwrap();
    assert_eq!(read_whole(&sim), (1..=100).collect::<Vec<_>>());
    assert_closed(&sim);
    let segments = segments_of(&sim);
    assert!(segments.len() > 10);
    for (at, (number, path)) in segments.iter().enumerate() {
        let bytes = sim.bytes(path);
        assert_eq!(*number, at as u64 + 1);
        assert!(bytes.len() <= 700, "{}", bytes.len());
        let index = Blocks::open(bytes.as_slice()).unwrap().index().unwrap().unwrap();
        for (id, name) in [(1, "first"), (9, "second")] {
            assert!(index.records.iter().any(|r| (r.record.identifier, r.record.name.as_str()) == (id, name)));
        }
    }
}

#[test]
fn declarations_alone_are_kept_too() {
    let sim = Sim::new(1);
    let (store, _) = open(&sim, &options()).unwrap();
    store.declare("lonely", &schema()).unwrap();
    store.finish().unwrap();
    let path = segments_of(&sim).pop().unwrap().1;
    assert_eq!(Blocks::open(sim.bytes(&path).as_slice()).unwrap().index().unwrap().unwrap().records.len(), 1);
    // Nothing said, nothing written.
    let sim = Sim::new(1);
    open(&sim, &options()).unwrap().0.finish().unwrap();
    assert_eq!(sim.files().len(), 0);
}

#[test]
fn misuse_does_not_end_the_store() {
    let sim = Sim::new(1);
    let (store, _) = open(&sim, &options()).unwrap();
    assert!(matches!(store.write(RecordId(1), None, &[]), Err(Error::Usage(_))));
    let id = store.declare("name", &schema()).unwrap();
    assert!(matches!(store.declare("name", &Schema::new(Type::Null).unwrap()), Err(Error::Usage(_))));
    assert_eq!(write(&store, id, 1).unwrap(), 1);
    assert!(matches!(store.write(RecordId(77), None, &[]), Err(Error::Usage(_))));
    store.finish().unwrap();
    assert_eq!(read_whole(&sim), [1]);
    for wrong in [
        options().rotate_bytes(0),
        options().durability(Durability::FlushEvery(Duration::ZERO)),
        options().rotate_time(Duration::ZERO),
        options().keep_segments(0),
    ] {
        assert!(matches!(open(&sim, &wrong), Err(Error::Usage(_))));
    }
}

#[test]
fn timers_act_although_nothing_is_written() {
    let sim = Sim::new(1);
    let second = Duration::from_secs(1);
    let options = options().durability(Durability::SyncEvery(second)).rotate_time(10 * second).keep_age(60 * second);
    let (store, _) = open(&sim, &options).unwrap();
    let mut schedule = Schedule::new(&options, store.shared().system.now()).unwrap();
    let id = store.declare("timed", &schema()).unwrap();
    write(&store, id, 1).unwrap();
    assert_eq!(schedule.run_due(store.shared()), second);
    assert_eq!((store.acknowledged(), store.synced()), (0, 0));
    sim.elapse(second);
    assert_eq!(schedule.run_due(store.shared()), second);
    assert_eq!((store.acknowledged(), store.synced()), (1, 1));
    assert!(store.status().segment.is_some());
    sim.elapse(9 * second);
    schedule.run_due(store.shared());
    assert!(store.status().segment.is_none());
    write(&store, id, 2).unwrap();
    store.rotate().unwrap();
    assert_eq!(store.status().segments, 2);
    sim.elapse(61 * second);
    schedule.run_due(store.shared());
    // The newest stays, as numbers are counted from it.
    assert_eq!((store.status().segments, store.status().deleted), (1, 1));
    assert_eq!(read_whole(&sim), [2]);

    let options = StoreOptions::new().durability(Durability::FlushEvery(second));
    let (store, _) = open(&sim, &options).unwrap();
    let mut schedule = Schedule::new(&options, store.shared().system.now()).unwrap();
    let id = store.declare("timed", &schema()).unwrap();
    write(&store, id, 3).unwrap();
    sim.elapse(second);
    schedule.run_due(store.shared());
    assert_eq!((store.acknowledged(), store.synced()), (1, 0));
    assert!(
        Schedule::new(&StoreOptions::new().durability(Durability::SyncEach), store.shared().system.now()).is_none()
    );
}

#[test]
fn retention_deletes_the_oldest() {
    let run = |options: StoreOptions, capacity: u64| {
        let sim = Sim::new(1);
        sim.set_capacity(capacity);
        let (store, _) = open(&sim, &options).unwrap();
        let id = store.declare("kept", &schema()).unwrap();
        let mut most = (0, 0);
        for n in 1..=200 {
            write(&store, id, n).unwrap();
            store.flush().unwrap();
            let bytes = segments_of(&sim).iter().map(|(_, path)| sim.bytes(path).len() as u64).sum::<u64>();
            most = (most.0.max(segments_of(&sim).len()), most.1.max(bytes));
        }
        let status = store.status();
        assert_eq!(status.segments as usize, segments_of(&sim).len());
        assert!(status.deleted > 0 && status.not_deleted.is_none());
        store.finish().unwrap();
        let kept = read_whole(&sim);
        assert_eq!(kept, (*kept.first().unwrap()..=200).collect::<Vec<_>>());
        assert!(kept.len() > 10 && kept.len() < 200, "{}", kept.len());
        most
    };
    assert_eq!(run(options().keep_segments(5), u64::MAX).0, 5);
    let bytes = run(options().keep_bytes(5000), u64::MAX).1;
    assert!(bytes <= 5000 && bytes > 3000, "{bytes}");
    let bytes = run(options().keep_free(4000), 10_000).1;
    assert!(bytes <= 6700 && bytes > 5000, "{bytes}");
    let bytes = run(options().full_disk(FullDisk::MakeRoom), 5000).1;
    assert!(bytes <= 5000 && bytes > 4000, "{bytes}");
}

#[test]
fn what_belongs_to_a_segment_goes_with_it() {
    let sim = Sim::new(1);
    for name in ["0000000001.tlog", "0000000001.tlogx", "0000000001.tlog.tlogx", "0000000001.tlog.torn", "notes.txt"] {
        sim.put(&Path::new(DIR).join(name), b"");
    }
    sim.put(&Path::new(DIR).join("0000000001.tlog.tmp"), b"");
    let (store, opened) = open(&sim, &options().keep_segments(1)).unwrap();
    assert_eq!(opened.leftovers.len(), 1);
    let id = store.declare("next", &schema()).unwrap();
    write(&store, id, 1).unwrap();
    let names: Vec<_> = sim.files().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["0000000002.tlog", "notes.txt"]);
}

#[test]
fn numbers_end() {
    let sim = Sim::new(1);
    sim.put(&Path::new(DIR).join("9999999999.tlog"), b"TLOG0003\0");
    let (store, _) = open(&sim, &options()).unwrap();
    let id = store.declare("last", &schema()).unwrap();
    assert!(matches!(write(&store, id, 1), Err(Error::Limit { .. })));
}

/// A full disk at every size: whatever was taken before is there, in whole files; nothing after.
#[test]
fn a_disk_that_is_full_at_any_byte_stops_the_store_with_whole_files() {
    for capacity in 0..1600 {
        let sim = Sim::new(capacity);
        sim.set_capacity(capacity);
        let (store, _) = open(&sim, &options()).unwrap();
        let id = store.declare("full", &schema()).unwrap();
        let (mut flushed, mut failed) = (0, false);
        for n in 1..=40 {
            let written = write(&store, id, n).and_then(|_| if n % 3 == 0 { store.flush() } else { Ok(flushed) });
            match written {
                Ok(count) => flushed = count,
                Err(Error::Io { path, source }) => {
                    assert!(path.is_some_and(|path| path.starts_with(DIR)), "{source}");
                    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
                    failed = true;
                    break;
                }
                Err(e) => panic!("{e}"),
            }
        }
        assert!(failed);
        assert!(write(&store, id, 1000).is_err() && store.flush().is_err() && store.sync().is_err());
        assert!(store.finish().is_err());
        let kept = read_whole(&sim);
        assert!(kept.len() as u64 >= flushed, "{capacity}: {flushed} flushed, {} there", kept.len());
        assert_eq!(kept, (1..=kept.len() as u64).collect::<Vec<_>>());

        sim.set_capacity(u64::MAX);
        let (store, opened) = open(&sim, &options()).unwrap();
        assert!(opened.recovered.len() <= 1 && opened.recovered.iter().all(|r| r.torn.is_none()));
        assert_eq!(read_whole(&sim), kept);
        let id = store.declare("full", &schema()).unwrap();
        write(&store, id, 2000).unwrap();
        store.finish().unwrap();
        assert_eq!(read_whole(&sim), [kept, vec![2000]].concat());
        assert_closed(&sim);
    }
}

/// A batch of many blocks of which only the first fit, and blocks longer than a batch: as many as fit are kept.
#[test]
fn of_a_batch_that_does_not_fit_the_first_blocks_are_kept() {
    for (payload, capacity) in [(100, 50_000), (100, 200_001), (1, 99_999), (150_000, 400_000)] {
        let sim = Sim::new(1);
        sim.set_capacity(capacity);
        let (store, _) = open(&sim, &options().rotate_bytes(None)).unwrap();
        let id = store.declare("bytes", &Schema::new(Type::Bytes).unwrap()).unwrap();
        let mut payload_of = vec![0; payload];
        while store.write(id, None, &payload_of).is_ok() {
            payload_of[0] = payload_of[0].wrapping_add(1);
        }
        let bytes = sim.bytes(&names::segment(Path::new(DIR), 1));
        let mut reader = SliceReader::new(&bytes, ReadOptions::default());
        let mut next = 0u8;
        while let Some(data) = reader.next_data().unwrap() {
            assert_eq!(data.payload[0], next);
            next = next.wrapping_add(1);
        }
        assert!(reader.damage().is_none());
        // What is left is less than another block and the index.
        assert!(bytes.len() as u64 > capacity - payload as u64 - 100, "{} of {capacity}", bytes.len());
    }
}

/// The same where room is to be made: the oldest go, the rest stays without a gap.
#[test]
fn a_disk_that_is_full_at_any_byte_has_room_made() {
    let options = options().full_disk(FullDisk::MakeRoom);
    for capacity in 0..3000 {
        let sim = Sim::new(capacity);
        sim.set_capacity(capacity);
        let (store, _) = open(&sim, &options).unwrap();
        let id = store.declare("full", &schema()).unwrap();
        let mut taken = 0;
        for n in 1..=60 {
            match write(&store, id, n).and_then(|_| if n % 5 == 0 { store.flush() } else { Ok(0) }) {
                Ok(_) => taken = n,
                Err(_) => break,
            }
        }
        assert!(taken == 60 || capacity < 1500, "{capacity}: {taken}");
        let finished = store.finish();
        let kept = read_whole(&sim);
        if let (Some(first), Some(&last)) = (kept.first(), kept.last()) {
            assert_eq!(kept, (*first..=last).collect::<Vec<_>>());
            assert!(finished.is_err() || last == 60);
        }
        if finished.is_ok() {
            assert_closed(&sim);
        }
    }
}

/// What a run of the workload knows.
#[derive(Debug, Default)]
struct Knowledge {
    /// The number of the record that is written next: none is used twice.
    next: u64,
    /// Up to which number all survive the accident.
    safe: u64,
}

/// Opens the store and writes for a while, until something fails.
fn work(sim: &Sim, random: &mut Random, accident: Accident, known: &mut Knowledge) -> Result<(), Error> {
    let durability = match random.below(3) {
        0 => Durability::SyncEach,
        1 => Durability::SyncEvery(Duration::from_secs(1)),
        _ => Durability::None,
    };
    let (store, _) = open(sim, &options().durability(durability))?;
    let id = store.declare("record", &schema())?;
    let mut last = 0;
    for _ in 0..30 {
        match random.below(12) {
            0 => drop(store.sync()?),
            1 => drop(store.flush()?),
            2 => store.rotate()?,
            3 => drop(store.declare(&format!("extra_{}", random.below(3)), &schema())?),
            _ => {
                let this = known.next;
                known.next += 1;
                write(&store, id, this)?;
                last = this;
            }
        }
        // Numbers are consecutive, so counts tell which record a count stands for.
        let count = if accident == Accident::Kill { store.status().flushed } else { store.synced() };
        if count > 0 {
            known.safe = last - (store.written() - count);
        }
    }
    if random.below(2) == 0 {
        store.finish()?;
        known.safe = known.safe.max(last);
    }
    Ok(())
}

fn check(sim: &Sim, known: &Knowledge, context: &str) {
    let there = read_whole(sim);
    assert!(there.iter().all(|&n| n < known.next), "{context}");
    assert!(known.safe == 0 || there.contains(&known.safe), "{context}: {} is lost: {there:?}", known.safe);
}

/// Accidents at every call to the system, during recovery too, over and over in the same store.
#[test]
fn what_is_acknowledged_survives_an_accident_at_any_call() {
    for seed in 0..if cfg!(debug_assertions) { 500 } else { 8000 } {
        let mut random = Random::new(seed);
        let sim = Sim::new(seed);
        let mut known = Knowledge { next: 1, safe: 0 };
        let mut safe = std::collections::BTreeSet::new();
        let mut newest = 0;
        for round in 0..8 {
            let accident = if random.below(2) == 0 { Accident::Kill } else { Accident::PowerLoss };
            let context = format!("seed {seed}, round {round}, {accident:?}");
            let (first, safe_before) = (known.next, known.safe);
            let calls = [3, 20, 120][random.below(3) as usize];
            sim.end_after(random.below(calls));
            let worked = work(&sim, &mut random, accident, &mut known);
            assert!(worked.is_ok() || sim.has_ended(), "{context}: {worked:?}");
            if known.safe > safe_before {
                safe.extend(first..=known.safe);
            }
            sim.restart(accident);
            // Recovery itself may be cut short, then succeeds.
            if random.below(2) == 0 {
                sim.end_after(random.below(12));
                let _ = open(&sim, &options());
                sim.restart(accident);
            }
            drop(open(&sim, &options()).unwrap());
            assert_closed(&sim);
            check(&sim, &known, &context);
            let there: std::collections::BTreeSet<u64> = read_whole(&sim).into_iter().collect();
            assert!(safe.is_subset(&there), "{context}: lost {:?}", safe.difference(&there).collect::<Vec<_>>());
            // Numbers of segments neither go back nor are they used again, and what is there stays.
            let last = segments_of(&sim).last().map_or(0, |(number, _)| *number);
            assert!(last >= newest || safe.is_empty(), "{context}");
            newest = last;
            safe = there;
        }
    }
}

/// Any one call fails, and the system lives on: the store ends, or has not needed it; nothing safe is lost.
#[test]
fn an_error_at_any_call_ends_the_store_with_whole_files() {
    for seed in 0..5 {
        for calls in 0..100 {
            let (mut random, context) = (Random::new(seed), format!("seed {seed}, call {calls}"));
            let sim = Sim::new(seed);
            let mut known = Knowledge { next: 1, safe: 0 };
            sim.glitch_after(calls);
            let mut ended = false;
            for _ in 0..6 {
                let worked = work(&sim, &mut random, Accident::Kill, &mut known);
                assert!(worked.is_ok() || (sim.has_glitched() && !ended), "{context}: {worked:?}");
                ended |= worked.is_err();
                if worked.is_err() {
                    break;
                }
            }
            // Only while recovering is there a file that is not whole, and after a truncation that failed.
            drop(open(&sim, &options()).unwrap());
            check(&sim, &known, &context);
            assert_closed(&sim);
        }
    }
}

/// After a sync that failed nothing is safe that was not before, however often it is asked for again.
#[test]
fn a_failed_sync_is_final() {
    let sim = Sim::new(1);
    let (store, _) = open(&sim, &options().durability(Durability::SyncEach)).unwrap();
    let id = store.declare("record", &schema()).unwrap();
    write(&store, id, 1).unwrap();
    sim.glitch_after(1);
    let error = write(&store, id, 2).unwrap_err();
    assert!(error.to_string().contains("0000000001.tlog: a cable was loose"), "{error}");
    for error in [write(&store, id, 3).unwrap_err(), store.sync().unwrap_err(), store.rotate().unwrap_err()] {
        assert!(error.to_string().contains("a cable was loose"), "{error}");
    }
    assert_eq!((store.synced(), store.acknowledged()), (1, 1));
    assert!(store.finish().is_err());
    assert_eq!(open(&sim, &options()).unwrap().1.recovered.len(), 1);
    assert_eq!(read_whole(&sim), [1, 2]);
}

/// Whatever a recovery cuts off is kept byte for byte.
#[test]
fn torn_bytes_are_reported_and_kept() {
    let sim = Sim::new(1);
    let (store, _) = open(&sim, &options().rotate_bytes(None)).unwrap();
    let id = store.declare("torn", &schema()).unwrap();
    for n in 1..=5 {
        write(&store, id, n).unwrap();
    }
    store.flush().unwrap();
    let path = names::segment(Path::new(DIR), 1);
    let whole = sim.bytes(&path);
    drop(store);
    let mut ends = vec![0];
    for cut in 0..=whole.len() {
        for tail in [&b""[..], &[0; 100], b"\x02\x05garbage"] {
            let sim = Sim::new(1);
            let bytes = [&whole[..cut], tail].concat();
            sim.put(&path, &bytes);
            sim.put(&names::torn(&path, 1), b"of an earlier time");
            let (_, opened) = open(&sim, &options()).unwrap();
            let [recovered] = &opened.recovered[..] else { panic!("{cut}") };
            let (numbers, _) = numbers_in(&sim.bytes(&path));
            assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
            assert_eq!(recovered.records, numbers.len() as u64);
            ends.push(numbers.len());
            let skipped: u64 = recovered.damage.first.iter().map(|s| s.range.end - s.range.start).sum();
            let torn = recovered.torn.as_deref().map(|torn| sim.bytes(torn)).unwrap_or_default();
            assert_eq!(torn.len() as u64, skipped);
            let expected: Vec<u8> = recovered
                .damage
                .first
                .iter()
                .flat_map(|s| bytes[s.range.start as usize..s.range.end as usize].to_vec())
                .collect();
            assert_eq!(torn, expected);
            assert_eq!(sim.bytes(&names::torn(&path, 1)), b"of an earlier time");
            assert_closed(&sim);
            // A second time there is nothing to do.
            assert_eq!(open(&sim, &options()).unwrap().1.recovered.len(), 0, "{cut}");
        }
    }
    assert_eq!(ends.iter().max(), Some(&5));
}
