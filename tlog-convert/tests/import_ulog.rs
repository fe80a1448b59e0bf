//! ULogs as logs: everything that is in them, and of broken ones everything that is whole.

mod import_support;

use std::io::Cursor;

use import_support::ulog::Ulog;
use import_support::{Imported, import};
use proptest::prelude::*;
use tlog::Micros;
use tlog_convert::Error;
use tlog_convert::import::ulog::{self, Options, TimeBase};

const BOOT: i64 = 1_718_000_000_000_000;

fn read(file: &Ulog, time_base: TimeBase) -> Imported {
    let options = Options { time_base, strict: false };
    import(|out| ulog::read(Cursor::new(&file.bytes), out, &options))
}

fn read_timed(file: &Ulog) -> Imported {
    read(file, TimeBase::At(Micros(BOOT)))
}

fn refused(file: &Ulog, strict: bool) -> Error {
    let options = Options { time_base: TimeBase::Boot, strict };
    ulog::read(Cursor::new(&file.bytes), &mut tlog::Writer::new(Vec::new()), &options).unwrap_err()
}

/// The front of a file with two topics: `a`, of a time and a counter, and `b`, longer and with padding at its end.
fn begun() -> Ulog {
    let mut file = Ulog::started(1_000_000);
    file.flags(0, [0; 3]);
    file.format("a:uint64_t timestamp;uint32_t n;");
    file.format("b:uint64_t timestamp;uint32_t n;float[5] x;bool on;uint8_t[3] _padding0;");
    file.subscribe(0, 0, "a").subscribe(1, 0, "b").subscribe(7, 2, "b");
    file
}

fn data(file: &mut Ulog, n: u32) {
    let mut payload = (2_000_000 + u64::from(n)).to_le_bytes().to_vec();
    payload.extend(n.to_le_bytes());
    if n.is_multiple_of(3) {
        payload.extend([0x5a; 20]);
        payload.push(1);
    }
    file.data([1, 0, 0][n as usize % 3], &payload);
}

/// The counters of all data, in the order of the log.
fn counters(imported: &Imported) -> Vec<u32> {
    let of = |line: &String| line.split("\"n\":").nth(1)?.split([',', '}']).next()?.parse().ok();
    imported.lines.iter().filter_map(of).collect()
}

#[test]
fn everything_of_a_ulog_arrives() {
    let mut file = Ulog::started(1_000_000);
    file.flags(0, [0; 3]);
    file.keyed(b'I', b"", "char[3] sys_name", b"PX4");
    file.keyed(b'I', b"", "uint32_t ver_sw_release", &u32::MAX.to_le_bytes());
    file.keyed(b'I', b"", "uint8_t[2] raw", b"\x00\xff");
    file.keyed(b'M', &[0], "char[3] perf", b"one").keyed(b'M', &[1], "char[3] perf", b"two");
    file.keyed(b'P', b"", "float MC_P", &0.5_f32.to_le_bytes()).keyed(
        b'P',
        b"",
        "int32_t SYS_ID",
        &(-1_i32).to_le_bytes(),
    );
    file.keyed(b'Q', &[3], "float MC_P", &0.25_f32.to_le_bytes());
    file.format("part:uint8_t[2] _padding0;int16_t v;").format("empty:uint64_t timestamp;");
    file.format("t:uint64_t timestamp;part[2] parts;part one;char[4] name;bool[2] flags;double d;uint8_t _padding1;");
    file.subscribe(3, 0, "t").subscribe(4, 1, "t").subscribe(5, 0, "empty");
    let mut payload = 3_000_000_u64.to_le_bytes().to_vec();
    payload.extend(b"..\x01\x00..\xff\xff..\x03\x00ab\0c\x01\x00");
    payload.extend(f64::NAN.to_le_bytes());
    file.data(4, &payload).sync();
    file.keyed(b'P', b"", "int32_t SYS_ID", &7_i32.to_le_bytes());
    file.message(b'O', &[&250_u16.to_le_bytes()]);
    file.text(b'3', 3_500_000, "it \u{1b}[31mfails");
    file.message(b'C', &[b"6", &9_u16.to_le_bytes(), &3_600_000_u64.to_le_bytes(), b"tagged"]);
    file.message(b'R', &[&4_u16.to_le_bytes()]);

    let imported = read_timed(&file);
    assert_eq!((imported.summary.skipped, imported.summary.notes.len()), (0, 0));
    let (start, then) = ("2024-06-10T06:13:21Z", "2024-06-10T06:13:23Z");
    let nothing = "AAAAAAAAAAA=";
    let expected = [
        format!(r#"{start} ulog_header {{"version":1,"start":"{start}","compatible_flags":"{nothing}"}}"#),
        format!(r#"{start} ulog_info {{"name":"sys_name","type":"char[3]","value":{{"string":"PX4"}}}}"#),
        format!(r#"{start} ulog_info {{"name":"ver_sw_release","type":"uint32_t","value":{{"fixedint64":4294967295}}}}"#),
        format!(r#"{start} ulog_info {{"name":"raw","type":"uint8_t[2]","value":{{"bytes":"AP8="}}}}"#),
        format!(r#"{start} ulog_info_multi {{"name":"perf","type":"char[3]","value":{{"string":"one"}},"continued":false}}"#),
        format!(r#"{start} ulog_info_multi {{"name":"perf","type":"char[3]","value":{{"string":"two"}},"continued":true}}"#),
        format!(r#"{start} ulog_parameter {{"name":"MC_P","type":"float","value":{{"float32":0.5}}}}"#),
        format!(r#"{start} ulog_parameter {{"name":"SYS_ID","type":"int32_t","value":{{"fixedint32":-1}}}}"#),
        format!(
            r#"{start} ulog_parameter_default {{"name":"MC_P","type":"float","value":{{"float32":0.25}},"system":true,"configuration":true}}"#
        ),
        format!(
            r#"{then} t_1 {{"timestamp":"{then}","parts":[{{"v":1}},{{"v":-1}}],"one":{{"v":3}},"name":"ab","flags":[true,false],"d":"NaN"}}"#
        ),
        format!(r#"{then} ulog_parameter {{"name":"SYS_ID","type":"int32_t","value":{{"fixedint32":7}}}}"#),
        format!(r#"{then} ulog_dropout {{"duration":250000}}"#),
        r#"2024-06-10T06:13:23.5Z ulog_message {"timestamp":"2024-06-10T06:13:23.5Z","level":"error","tag":null,"text":"it \u001b[31mfails"}"#.into(),
        r#"2024-06-10T06:13:23.6Z ulog_message {"timestamp":"2024-06-10T06:13:23.6Z","level":"info","tag":9,"text":"tagged"}"#.into(),
    ];
    assert_eq!(imported.lines, expected);
    for record in ["t", "t_1", "empty"] {
        assert!(imported.schemas.iter().any(|(name, _)| name == record), "{record}");
    }
}

#[test]
fn a_receiver_tells_the_time_and_nothing_else_does() {
    let mut file = Ulog::started(1_000_000);
    file.format("vehicle_gps_position:uint64_t timestamp;uint64_t time_utc_usec;uint8_t fix_type;");
    file.subscribe(0, 0, "vehicle_gps_position");
    file.keyed(b'I', b"", "int32_t time_ref_utc", &7200_i32.to_le_bytes());
    let told = |time: u64, utc: u64, fix: u8| [&time.to_le_bytes()[..], &utc.to_le_bytes(), &[fix]].concat();
    file.data(0, &told(2_000_000, 0, 0));
    let without = read(&file, TimeBase::Told);
    assert_eq!(without.summary.notes.len(), 1);
    assert_eq!(
        without.of("vehicle_gps_position"),
        [r#"- vehicle_gps_position {"timestamp":2000000,"time_utc_usec":0,"fix_type":0}"#]
    );

    // Before a fix it may be off: the first with a fix counts.
    file.data(0, &told(3_000_000, BOOT as u64 + 9_000_000, 1)).data(0, &told(4_000_000, BOOT as u64 + 4_000_000, 3));
    let with = read(&file, TimeBase::Told);
    assert!(with.of("vehicle_gps_position")[0].starts_with("2024-06-10T06:13:22Z "), "{:?}", with.lines);
    assert!(with.summary.notes.is_empty());
    assert!(read(&file, TimeBase::Boot).lines.iter().all(|line| line.starts_with("- ")));

    let mut file = Ulog::started(BOOT as u64);
    file.text(b'6', BOOT as u64 + 1, "hello");
    assert!(read(&file, TimeBase::Told).of("ulog_message")[0].starts_with("2024-06-10T06:13:20.000001Z "));
}

#[test]
fn a_ulog_that_ends_anywhere_keeps_what_was_whole() {
    let mut file = begun();
    let mut ends = Vec::new();
    for n in 0..30 {
        data(&mut file, n);
        ends.push(file.bytes.len());
    }
    for len in (16..file.bytes.len()).rev() {
        let cut = Ulog { bytes: file.bytes[..len].to_vec() };
        let imported = read_timed(&cut);
        let whole = ends.iter().take_while(|&&end| end <= len).count() as u32;
        assert_eq!(counters(&imported), (0..whole).collect::<Vec<_>>(), "{len}");
    }
    assert!(matches!(refused(&Ulog { bytes: file.bytes[..15].to_vec() }, false), Error::Input { .. }));
}

/// The data that must be there when bytes from `start` to `end` of the file are broken: all that is outside, but for the
/// instance in front if what shows that the next is data is broken.
fn untouched(ends: &[usize], begin: usize, start: usize, end: usize) -> Vec<u32> {
    let starts = std::iter::once(begin).chain(ends.iter().copied());
    let ranges: Vec<(usize, usize)> = starts.zip(ends.iter().copied()).collect();
    let is_whole = |(from, to): (usize, usize)| to + 5 <= start || from >= end;
    (0..).zip(ranges).filter(|&(_, range)| is_whole(range)).map(|(n, _)| n).collect()
}

#[test]
fn damage_costs_what_it_touches() {
    let mut file = begun();
    let begin = file.bytes.len();
    let mut ends = Vec::new();
    for n in 0..200 {
        data(&mut file, n);
        ends.push(file.bytes.len());
    }
    for (round, start) in (begin..file.bytes.len() - 600).step_by(37).enumerate() {
        let (len, fill) = (1 + round * 29 % 500, [0x00, 0xff, b'D', b'L', 0x33][round % 5]);
        let mut bytes = file.bytes.clone();
        bytes[start..start + len].fill(fill);
        let found = counters(&read_timed(&Ulog { bytes }));
        let must = untouched(&ends, begin, start, start + len);
        let missing: Vec<_> = must.iter().filter(|n| !found.contains(n)).collect();
        assert!(missing.is_empty(), "{start} {len} {fill}: {missing:?}");

        let mut bytes = file.bytes.clone();
        bytes.drain(start..start + len);
        let found = counters(&read_timed(&Ulog { bytes }));
        let missing = must.iter().filter(|n| !found.contains(n)).count();
        // The front of one instance and those behind the gap may look like one that is whole.
        assert!(missing <= 2, "{start} {len} gone: {missing}");
    }
}

#[test]
fn what_is_in_the_way_is_told() {
    let mut file = begun();
    data(&mut file, 1);
    let at = file.bytes.len() as u64;
    file.bytes.extend([0; 40]);
    data(&mut file, 2);
    file.data(99, b"whose?").message(b'Z', &[b"what?"]).data(0, b"too short");
    data(&mut file, 4);
    let imported = read_timed(&file);
    // Data right in front of damage is not trusted.
    assert_eq!(counters(&imported), [2, 4]);
    let causes: Vec<&str> = imported.summary.first.iter().map(|part| part.cause.as_str()).collect();
    assert_eq!(
        causes,
        [
            "data that is followed by no message",
            "data of a topic that is not known",
            "a message of an unknown type",
            "data of another length than its topic has"
        ]
    );
    assert_eq!(imported.summary.first[0].range.end, at + 40);
    assert!(refused(&file, true).to_string().starts_with("ULog at byte "), "{}", refused(&file, true));
}

#[test]
fn appended_parts_start_where_the_flags_say() {
    let mut file = begun();
    data(&mut file, 1);
    let cut = file.bytes.len() + 5;
    data(&mut file, 2);
    file.bytes.truncate(cut);
    file.keyed(b'M', &[0], "char[5] hardfault", b"crash");
    let flags = Ulog::started(0).flags(1, [cut as u64, 0, 0]).bytes[16..].to_vec();
    file.bytes[16..16 + flags.len()].copy_from_slice(&flags);
    let imported = read_timed(&file);
    assert_eq!(counters(&imported), [1]);
    assert_eq!(imported.of("ulog_info_multi").len(), 1);
    assert_eq!(imported.summary.first[0].range, cut as u64 - 5..cut as u64);
}

#[test]
fn an_appended_part_may_follow_whole_data() {
    let mut file = begun();
    data(&mut file, 1);
    let border = file.bytes.len() as u64;
    data(&mut file, 2);
    let flags = Ulog::started(0).flags(1, [border, 0, 0]).bytes[16..].to_vec();
    file.bytes[16..16 + flags.len()].copy_from_slice(&flags);
    let imported = read_timed(&file);
    assert_eq!((counters(&imported), imported.summary.skipped), (vec![1, 2], 0));
}

#[test]
fn files_of_other_rules_are_refused() {
    let mut file = Ulog::started(0);
    file.flags(2, [0; 3]);
    assert!(matches!(refused(&file, false), Error::Input { format: "ULog", .. }));
    assert!(matches!(refused(&Ulog { bytes: b"ULog is not enough".to_vec() }, false), Error::Input { .. }));
}

#[test]
fn hostile_topics_are_refused_alone() {
    let mut file = begun();
    for text in ["loop:loop x;loop y;", "void:", "many:void[65535] x;", "long:b[3000] x;", "zero:float[0] x;"] {
        file.format(text);
    }
    for (id, name) in (10..).zip(["loop", "many", "long", "zero", "nowhere"]) {
        file.subscribe(id, 0, name);
    }
    // One and the same topic under all numbers and instances, each a record of its own.
    for id in 100..2000 {
        file.subscribe(id, (id % 200) as u8, "b");
    }
    data(&mut file, 1);
    let imported = read_timed(&file);
    assert_eq!((imported.summary.skipped, counters(&imported)), (5, vec![1]));
}

#[test]
fn searches_stay_linear() {
    // At each second byte there could be a long text, which control characters far behind it deny.
    for pattern in [&b"0L"[..], b"\x00L7", b"aF:", b"O\x00\x02", b"\x10\x00D", b"\x40\x02I\x01"] {
        let mut file = begun();
        file.bytes.extend(pattern.iter().cycle().take(300_000));
        file.bytes.extend([1; 70_000]);
        data(&mut file, 1);
        assert!(counters(&read_timed(&file)).contains(&1), "{pattern:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: proptest::test_runner::RngSeed::Fixed(4), ..Default::default() })]

    /// Whatever the bytes are, reading ends, and the log is readable.
    #[test]
    fn any_bytes_are_survived(
        noise in proptest::collection::vec(any::<u8>(), 0..2000),
        kinds in proptest::collection::vec((0..13_usize, 0..80_u16, any::<[u8; 8]>()), 0..60),
    ) {
        let mut file = begun();
        for (kind, len, bytes) in kinds {
            file.bytes.extend(len.to_le_bytes());
            file.bytes.push(b"BFIMPQARDLCSO"[kind]);
            file.bytes.extend(bytes.iter().cycle().take(usize::from(len)));
        }
        file.bytes.extend(noise);
        let read = |out: &mut tlog::Writer<Vec<u8>>| ulog::read(Cursor::new(&file.bytes), out, &Options::default());
        let mut writer = tlog::Writer::new(Vec::new());
        if read(&mut writer).is_ok() {
            import(read);
        }
    }
}
