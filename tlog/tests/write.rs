//! The writer: what it writes is exact and readable by the references, what it refuses, and how it fails.

mod support;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use proptest::prelude::*;
use support::judge::{self, check_reference_readable};
use tlog::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use tlog::wire::{BlockHeader, DataFlags};
use tlog::write::{Overrides, RecordId, SyncData, Timestamps, Writer, WriterOptions};
use tlog::{Error, Micros};

fn schema(ty: Type) -> Schema {
    Schema::new(ty).unwrap()
}

fn bytes_schema() -> Schema {
    schema(Object::new([Field::new("payload", Type::Bytes)]).into())
}

const SECOND: i64 = 1_000_000;

#[test]
fn five_lines_write_a_file_and_never_overwrite_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.tlog");
    let mut log = Writer::create(&path).unwrap();
    let tick = log.declare("tick", &schema(Type::FixedUint(Width::W1))).unwrap();
    log.write(tick, Micros(5), &[7]).unwrap();
    log.sync().unwrap();
    assert_eq!(check_reference_readable(&std::fs::read(&path).unwrap()).data.len(), 1);
    log.finish().unwrap();

    let written = std::fs::read(&path).unwrap();
    let contents = check_reference_readable(&written);
    assert_eq!(contents.data[0].payload, [7]);
    assert_eq!((contents.data[0].id, contents.data[0].time), (1, Some(5)));
    assert!(contents.indexed);

    let refused = Writer::create(&path).err().unwrap();
    assert!(
        matches!(&refused, Error::Io { path: Some(p), source } if *p == path && source.kind() == io::ErrorKind::AlreadyExists)
    );
    assert_eq!(std::fs::read(&path).unwrap(), written);
}

#[test]
fn an_empty_log_is_the_references_own() {
    assert_eq!(Writer::new(Vec::new()).finish().unwrap(), b"TLOG0003\0\x03\x0e\x00\x00\x10\x00\x00\x00TLOGIDEX");
    assert_eq!(WriterOptions::new().index(false).open(Vec::new()).finish().unwrap(), b"TLOG0003\0");
}

#[test]
fn what_a_reference_could_not_read_is_refused_with_advice() {
    let versioned = schema(Object::new([]).with_version(Some(1)).into());
    let signed = |integer| schema(Enum::new(integer, [Symbol { value: 0, name: "off".into() }]).into());
    let nested = schema(Type::array(Type::optional(Enum::new(IntegerType::Varint, []).into())));
    let bad_field = schema(Object::new([Field::new("_x", Type::Null)]).into());
    let null = schema(Type::Null);
    let mut log = Writer::new(Vec::new());
    let known = log.declare("known", &null).unwrap();
    let before = log.stats();

    for (refused, advice) in [
        (log.declare("a", &versioned).map(drop), "must not have a version"),
        (log.declare("a", &signed(IntegerType::Varint)).map(drop), "use varuint or a fixeduint"),
        (log.declare("a", &signed(IntegerType::FixedInt(Width::W2))).map(drop), "use varuint or a fixeduint"),
        (log.declare("a", &nested).map(drop), "use varuint or a fixeduint"),
        (log.declare("", &null).map(drop), "a letter, then letters"),
        (log.declare("/imu", &null).map(drop), "a letter, then letters"),
        (log.declare("a", &bad_field).map(drop), "use a letter, then letters"),
        (log.reserve("").map(drop), "a letter, then letters"),
        (log.declare("known", &bytes_schema()).map(drop), "under a new name"),
        (log.declare_as(RecordId(9), "known", &null), "choose another name"),
        (log.declare_as(known, "other", &null), "choose another"),
        (log.declare_as(RecordId(1 << 56), "far", &null), "below 2^56"),
        (log.write(RecordId(2), None, &[]), "declare it before"),
        (log.set_overrides(RecordId(2), Overrides::default()), "declare it before"),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(&error, Error::Usage(text) if text.contains(advice)), "{advice}: {error}");
    }
    // None of it harmed the log.
    assert_eq!(log.stats(), before);
    assert_eq!(log.declare("known", &null).unwrap(), known);
    log.declare_as(RecordId((1 << 56) - 1), "far", &null).unwrap();
    log.declare("a", &signed(IntegerType::Varuint)).unwrap();
    assert_eq!(check_reference_readable(&log.finish().unwrap()).schemas.len(), 3);
}

#[test]
fn reserved_records_have_an_identifier_and_no_block() {
    let mut log = Writer::new(Vec::new());
    let later = log.reserve("later").unwrap();
    let never = log.reserve("never").unwrap();
    let now = log.declare("now", &schema(Type::Null)).unwrap();
    assert_eq!((later, never, now), (RecordId(1), RecordId(2), RecordId(3)));
    assert!(log.write(later, None, &[]).is_err());
    assert_eq!(log.declare("later", &schema(Type::Null)).unwrap(), later);
    log.write(later, None, &[]).unwrap();
    let contents = check_reference_readable(&log.finish().unwrap());
    assert_eq!(contents.schemas.iter().map(|schema| schema.id).collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn declarations_queued_before_stand_behind_the_header_in_ascending_order() {
    let mut builder = WriterOptions::new().builder();
    builder.declare_as(RecordId(5), "five", &schema(Type::Null)).unwrap();
    builder.declare("one", &schema(Type::Null)).unwrap();
    builder.reserve("two").unwrap();
    builder.declare_as(RecordId(3), "three", &schema(Type::Null)).unwrap();
    assert_eq!(builder.declare("one", &schema(Type::Null)).unwrap(), RecordId(1));
    assert!(builder.declare("one", &bytes_schema()).is_err());
    let mut log = builder.open(Vec::new()).unwrap();
    assert_eq!(log.declare("two", &schema(Type::Null)).unwrap(), RecordId(2));
    assert_eq!(log.declare("four", &schema(Type::Null)).unwrap(), RecordId(4));
    let contents = check_reference_readable(&log.finish().unwrap());
    let names: Vec<_> = contents.schemas.iter().map(|schema| schema.name.as_str()).collect();
    assert_eq!(names, ["one", "three", "five", "two", "four"]);
}

#[test]
fn raw_declarations_are_verbatim_and_restart_the_chain() {
    let mut log = Writer::new(Vec::new());
    log.declare_raw(RecordId(u64::MAX), b"\xff", &[99, 98]).unwrap();
    log.write(RecordId(u64::MAX), None, &[]).unwrap();
    log.declare_raw(RecordId(u64::MAX), b"\xff", &[99, 98]).unwrap();
    log.write(RecordId(u64::MAX), None, &[]).unwrap();
    let bytes = log.finish().unwrap();
    let id = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let schema_block = [&[1, 15][..], &id, &[0, 1, 0xff, 99, 98]].concat();
    let data_head = [&[2, 16][..], &id, &[5, 0]].concat();
    assert!(bytes[9..].starts_with(&[&schema_block[..], &data_head].concat()));
    let second = 9 + schema_block.len() + 18;
    assert!(bytes[second..].starts_with(&[&schema_block[..], &data_head].concat()));
}

#[test]
fn markers_follow_the_first_block_that_reaches_the_period() {
    let mut log = Writer::new(Vec::new());
    let [a, b, _idle] = ["a", "b", "idle"].map(|name| log.declare(name, &schema(Type::Null)).unwrap());
    let mut times = Vec::new();
    for (id, time) in
        [(a, 0), (a, 999_999), (b, SECOND), (a, SECOND + 1), (a, 2 * SECOND - 1), (a, 5 * SECOND), (b, 6 * SECOND - 1)]
    {
        log.write(id, Micros(time), &[]).unwrap();
        log.write(id, None, &[]).unwrap();
        times.push(time);
    }
    assert_eq!(log.stats().seek_markers, 2);
    let contents = check_reference_readable(&log.finish().unwrap());
    let markers: Vec<_> = contents.markers.iter().map(|marker| (marker.time, marker.elements.len())).collect();
    assert_eq!(markers, [(SECOND, 2), (5 * SECOND, 2)]);
}

#[test]
fn markers_come_with_the_system_clock_too_and_can_be_left_out() {
    let fast = WriterOptions::new().timestamps(Timestamps::SystemClock).seek_period(Some(Duration::from_micros(1)));
    for (options, expect_markers) in [(fast.clone(), true), (fast.seek_period(Some(Duration::ZERO)), false)] {
        let mut log = options.open(Vec::new());
        let id = log.declare("a", &schema(Type::Null)).unwrap();
        let before = Micros::now();
        for _ in 0..3 {
            log.write(id, None, &[]).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        let contents = check_reference_readable(&log.finish().unwrap());
        assert_eq!(contents.markers.len(), if expect_markers { 2 } else { 0 });
        assert!(contents.data.iter().all(|data| data.time.is_some_and(|time| time >= before.0)));
    }
}

#[test]
fn each_setting_can_be_overridden_per_record_and_per_block() {
    let mut log = WriterOptions::new().checksums(false).open(Vec::new());
    let id = log.declare("a", &bytes_schema()).unwrap();
    let payload = [&[100][..], &[7; 100]].concat();
    let overrides = |on, timestamps| Overrides {
        compression: Some(on),
        checksum: Some(on),
        previous_offset: Some(on),
        timestamps: Some(timestamps),
    };
    log.write(id, Micros(1), &payload).unwrap();
    log.write_data(id, Micros(1), &payload, overrides(false, Timestamps::Never)).unwrap();
    log.set_overrides(id, overrides(true, Timestamps::SystemClock)).unwrap();
    log.write(id, None, &payload).unwrap();
    log.write_data(id, None, &payload, Overrides { checksum: Some(false), ..Overrides::default() }).unwrap();
    log.set_overrides(id, Overrides::default()).unwrap();
    log.write_with(id, None, |out| out.extend_from_slice(&payload)).unwrap();
    let contents = check_reference_readable(&log.finish().unwrap());
    let flags: Vec<u64> = contents.data.iter().map(|data| data.flags.bits()).collect();
    assert_eq!(flags, [0x13, 0x00, 0x17, 0x13, 0x11]);
    assert!(contents.data.iter().all(|data| data.payload == payload));
}

#[test]
fn compression_only_where_it_shrinks() {
    let mut log = Writer::new(Vec::new());
    let id = log.declare("a", &bytes_schema()).unwrap();
    let step = |x: &u32| Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let noise: Vec<u8> = std::iter::successors(Some(1), step).map(|x| (x >> 24) as u8).take(1000).collect();
    for payload in [&[][..], &[0], &[0; 64], &noise] {
        log.write(id, None, payload).unwrap();
    }
    let stats = log.record_stats(id).unwrap();
    // Noise from fewer and fewer symbols, until a piece of it comes out exactly as long as it was.
    let coarse = |symbols: u8| noise.iter().map(|byte| byte % symbols).collect::<Vec<u8>>();
    let pieces = |noise: Vec<u8>| (17..200).map(move |len| noise[..len].to_vec());
    let same_length =
        |payload: &Vec<u8>| snap::raw::Encoder::new().compress_vec(payload).unwrap().len() == payload.len();
    let unchanged = &(2..40).rev().map(coarse).flat_map(pieces).find(same_length).unwrap();
    log.write(id, None, unchanged).unwrap();
    let contents = check_reference_readable(&log.finish().unwrap());
    let compressed = |data: &judge::Data| data.flags.contains(DataFlags::SNAPPY);
    assert_eq!(contents.data.iter().map(compressed).collect::<Vec<_>>(), [false, false, true, false, false]);
    assert_eq!(stats.blocks, 4);
    assert_eq!(stats.payload_bytes, 65 + 1000);
    assert_eq!(stats.stored_bytes, contents.data[..4].iter().map(|data| data.stored_len as u64).sum::<u64>());
}

/// One step of a generated session.
#[derive(Clone, Debug)]
enum Step {
    Declare(u64),
    Write { record: usize, time: Option<i64>, len: usize, fill: u8, overrides: Overrides },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let flag = || proptest::option::of(any::<bool>());
    let overrides = (flag(), flag(), flag()).prop_map(|(compression, checksum, previous_offset)| Overrides {
        compression,
        checksum,
        previous_offset,
        timestamps: None,
    });
    let time = proptest::option::of(prop_oneof![0..20 * SECOND, any::<i64>()]);
    let len = prop_oneof![8 => 0..300usize, 1 => 60_000..140_000usize];
    let write = (0..6usize, time, len, any::<u8>(), overrides)
        .prop_map(|(record, time, len, fill, overrides)| Step::Write { record, time, len, fill, overrides });
    let declare = prop_oneof![1..9u64, 0..1u64 << 56].prop_map(Step::Declare);
    proptest::collection::vec(prop_oneof![1 => declare, 8 => write], 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is written comes back, and everything redundant around it is exact.
    #[test]
    fn any_session_is_exact(steps in steps(), compression: bool, checksums: bool, previous_offsets: bool, index: bool) {
        let options = WriterOptions::new().compression(compression).checksums(checksums);
        let mut log = options.previous_offsets(previous_offsets).index(index).open(Vec::new());
        let mut ids = vec![log.declare("first", &bytes_schema()).unwrap()];
        let mut expected = Vec::new();
        for step in steps {
            match step {
                Step::Declare(id) => {
                    if log.declare_as(RecordId(id), &format!("r{id}"), &bytes_schema()).is_ok() {
                        ids.push(RecordId(id));
                    }
                }
                Step::Write { record, time, len, fill, overrides } => {
                    let id = ids[record % ids.len()];
                    let payload: Vec<u8> = (0..len).map(|i| if i % 3 == 0 { fill } else { i as u8 }).collect();
                    log.write_data(id, time.map(Micros), &payload, overrides).unwrap();
                    expected.push((id.0, time, payload));
                }
            }
        }
        let stats = log.stats();
        let records: Vec<_> = log.records().collect();
        let bytes = log.finish().unwrap();
        let contents = check_reference_readable(&bytes);
        prop_assert_eq!(contents.indexed, index);
        prop_assert_eq!(stats.seek_markers, contents.markers.len() as u64);
        prop_assert_eq!(stats.schema_blocks, ids.iter().collect::<BTreeSet<_>>().len() as u64);
        prop_assert_eq!(stats.data.blocks, expected.len() as u64);
        prop_assert_eq!(records.iter().map(|(_, record)| record.block_bytes).sum::<u64>(), stats.data.block_bytes);
        let found: Vec<_> = contents.data.into_iter().map(|data| (data.id, data.time, data.payload)).collect();
        prop_assert!(found == expected);
    }
}

/// A sink that takes odd pieces, is interrupted, and fails at its n-th call.
struct Awkward {
    taken: Vec<u8>,
    calls: usize,
    fail_at: usize,
    kind: io::ErrorKind,
}

impl Awkward {
    fn new(fail_at: usize, kind: io::ErrorKind) -> Self {
        Self { taken: Vec::new(), calls: 0, fail_at, kind }
    }

    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        match self.calls {
            n if n == self.fail_at => Err(io::Error::new(self.kind, "no more")),
            n if n % 3 == 0 => Err(io::ErrorKind::Interrupted.into()),
            _ => Ok(()),
        }
    }
}

impl Write for Awkward {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call()?;
        let len = bytes.len().min(7_001 + 13 * self.calls);
        self.taken.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes 400 kB in blocks of different sizes, to the first error.
fn session(log: &mut Writer<&mut Awkward>) -> tlog::Result<()> {
    let id = log.declare("a", &bytes_schema())?;
    for i in 0..400u64 {
        let len = if i % 100 == 50 { 150_000 } else { 100 };
        log.write(id, Micros(i as i64 * 50_000), &vec![i as u8; len])?;
    }
    log.flush()
}

#[test]
fn short_writes_and_interruptions_do_not_matter() {
    let options = WriterOptions::new().compression(false);
    let mut awkward = Awkward::new(usize::MAX, io::ErrorKind::Other);
    let mut log = options.open(&mut awkward);
    session(&mut log).unwrap();
    log.finish().unwrap();
    assert_eq!(check_reference_readable(&awkward.taken).data.len(), 400);
}

#[test]
fn a_writer_that_failed_stays_failed_at_whichever_write() {
    let options = WriterOptions::new().compression(false);
    let mut whole = Awkward::new(usize::MAX, io::ErrorKind::Other);
    session(&mut options.open(&mut whole)).unwrap();
    for fail_at in 1..=whole.calls {
        let mut awkward = Awkward::new(fail_at, io::ErrorKind::StorageFull);
        let mut log = options.open(&mut awkward);
        let first = session(&mut log).unwrap_err();
        assert!(matches!(&first, Error::Io { source, .. } if source.to_string() == "no more"), "{first}");
        let id = RecordId(1);
        for again in [log.write(id, None, &[]), log.flush(), log.declare("b", &bytes_schema()).map(drop)] {
            let again = again.unwrap_err();
            assert!(matches!(&again, Error::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull));
            assert!(again.to_string().contains("write failed: no more"), "{again}");
        }
        let stats = log.stats();
        assert!(log.finish().is_err());
        assert!(stats.bytes_passed <= awkward.taken.len() as u64);
        assert!(awkward.taken == whole.taken[..awkward.taken.len()], "a prefix of the whole log");
        assert_eq!(awkward.calls, fail_at, "nothing is written after an error");
    }
}

#[test]
fn a_sink_that_panics_is_not_written_to_again() {
    struct Panics(usize);
    impl Write for &mut Panics {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            panic!("sink");
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut sink = Panics(0);
    let mut log = Writer::new(&mut sink);
    let flushed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| log.flush()));
    assert!(flushed.is_err());
    assert!(log.flush().unwrap_err().to_string().contains("panicked"));
    drop(log);
    assert_eq!(sink.0, 1);
}

#[test]
fn a_dropped_writer_passes_on_what_it_has_without_an_index() {
    let mut bytes = Vec::new();
    let mut log = Writer::new(&mut bytes);
    let id = log.declare("a", &bytes_schema()).unwrap();
    log.write(id, None, &[0]).unwrap();
    drop(log);
    let contents = check_reference_readable(&bytes);
    assert_eq!((contents.data.len(), contents.indexed), (1, false));
}

#[test]
fn an_encoder_that_panics_leaves_no_trace() {
    let mut log = Writer::new(Vec::new());
    let id = log.declare("a", &bytes_schema()).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        log.write_with(id, None, |out| {
            out.push(3);
            panic!("encoder");
        })
    }));
    assert!(panicked.is_err());
    log.write_with(id, None, |out| out.extend([1, 9])).unwrap();
    let contents = check_reference_readable(&log.finish().unwrap());
    assert_eq!(contents.data[0].payload, [1, 9]);
    assert_eq!(contents.data.len(), 1);
}

/// Records what it is asked to do.
#[derive(Default)]
struct Diary {
    bytes: usize,
    acts: Vec<(&'static str, usize)>,
}

impl Write for &mut Diary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len();
        let whole_blocks = self.bytes == bytes.len() || BlockHeader::parse(bytes).is_ok();
        assert!(whole_blocks);
        self.acts.push(("write", bytes.len()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.acts.push(("flush", self.bytes));
        Ok(())
    }
}

impl SyncData for &mut Diary {
    fn sync_data(&mut self) -> io::Result<()> {
        self.acts.push(("sync", self.bytes));
        Ok(())
    }
}

#[test]
fn sync_flushes_first_and_large_blocks_go_at_once() {
    let mut diary = Diary::default();
    let mut log = WriterOptions::new().compression(false).open(&mut diary);
    let id = log.declare("a", &schema(Type::Bytes)).unwrap();
    log.sync().unwrap();
    let start = log.stats().bytes as usize;
    log.write(id, None, &[0; 300_000]).unwrap();
    assert_eq!(log.stats().bytes_passed, log.stats().bytes);
    let large = log.stats().bytes as usize - start;
    log.write(id, None, &[0]).unwrap();
    assert!(log.stats().bytes_passed < log.stats().bytes);
    log.sync().unwrap();
    let end = log.stats().bytes as usize;
    std::mem::forget(log);
    let expected = [
        ("write", start),
        ("flush", start),
        ("sync", start),
        ("write", large),
        ("write", end - start - large),
        ("flush", end),
        ("sync", end),
    ];
    assert_eq!(diary.acts, expected);
}

#[test]
fn the_logs_of_the_project_are_readable_by_both_references() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata");
    let golden = std::fs::read_dir(format!("{root}/golden")).unwrap().map(|entry| entry.unwrap().path());
    let logs = golden.filter(|path| path.extension().is_some_and(|extension| extension == "tlog"));
    let logs: Vec<_> = logs.chain([format!("{root}/quadruped.tlog").into()]).collect();
    assert_eq!(logs.len(), 6);
    for log in logs {
        assert!(!check_reference_readable(&std::fs::read(&log).unwrap()).data.is_empty(), "{}", log.display());
    }
}
