//! `tlog seek`: the same places whether an index, markers or nothing helps.

mod support;

use serde_json::{Value, json};
use support::{Folder, START, blocks, data_offsets, log, small, small_data, small_with};
use tlog::Micros;
use tlog::write::WriterOptions;

fn folder() -> Folder {
    let folder = Folder::with("marked.tlog", small());
    folder.put("plain.tlog", small_with(&WriterOptions::new().seek_period(None).index(false)));
    folder.put("indexed.tlog", small());
    folder.tlog(&["index", "indexed.tlog"]).good();
    folder
}

fn seek(folder: &Folder, args: &[&str]) -> Value {
    let run = folder.tlog(&[&["seek", "--format", "json"], args].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).unwrap()
}

/// What a look at all data finds.
fn naive(bytes: &[u8], time: i64) -> Value {
    let latest = |(identifier, name): (u64, &str)| {
        let of_it = small_data().into_iter().zip(data_offsets(bytes)).filter(|((record, ..), _)| *record == name);
        let at_or_before = of_it.filter_map(|((_, at, _), offset)| Some((at.filter(|&at| at <= time)?, offset)));
        let (at, offset) = at_or_before.max()?;
        let time = Micros(at).to_string();
        Some(json!({"record": name, "identifier": identifier, "time": time, "offset": offset}))
    };
    [(1, "imu"), (2, "gps"), (3, "note")].into_iter().filter_map(latest).collect()
}

#[test]
fn finds_what_a_look_at_everything_finds() {
    let folder = folder();
    for file in ["marked.tlog", "plain.tlog", "indexed.tlog"] {
        let bytes = folder.get(file);
        for offset in [-1, 0, 1, 99_999, 100_000, 450_000, 500_000, 899_999, 900_000, 5_000_000] {
            let time = START + offset;
            let found = seek(&folder, &[file, &format!("{time}us")]);
            assert_eq!(found["records"], naive(&bytes, time), "{offset} in {file}");
            assert_eq!((&found["file"], &found["time"]), (&json!(file), &json!(Micros(time).to_string())));
            assert_eq!((&found["time_steps_back"], &found["damage"]), (&json!(false), &Value::Null));
        }
    }
}

#[test]
fn says_by_what() {
    let folder = folder();
    let by = |file| seek(&folder, &[file, "+1s"])["by"].clone();
    assert_eq!((by("indexed.tlog"), by("plain.tlog")), (json!("sidecar"), json!("scan")));
    let found = seek(&folder, &["plain.tlog", "+1s"]);
    assert_eq!(found["bytes_read"], folder.get("plain.tlog").len());
    let note = folder.tlog(&["seek", "-v", "indexed.tlog", "+1s"]);
    assert_eq!(note.err, "tlog: note: indexed.tlog: through the index beside it, 0 bytes read\n");
    // Long enough that not all of it is looked at.
    let data: Vec<_> = (0..200_000).map(|i| ("n", Some(START + i * 1_000), "123456789")).collect();
    let bytes = log(&WriterOptions::new(), &[("n", "\"varuint\"")], &data);
    folder.put("long.tlog", &bytes);
    let found = seek(&folder, &["long.tlog", "+150s"]);
    assert_eq!(found["by"], "markers");
    assert!(found["bytes_read"].as_u64().unwrap() < bytes.len() as u64);
    assert_eq!(found["records"][0]["time"], "2020-09-13T12:29:10Z");
    assert_eq!(found["records"][0]["offset"], data_offsets(&bytes)[150_000]);
}

#[test]
fn text_is_a_table() {
    let folder = folder();
    let offsets = data_offsets(&small());
    let expected = format!(
        "record  time                              offset\n\
         imu     2020-09-13T12:26:40.3Z      {:>12}\n\
         gps     2020-09-13T12:26:40Z        {:>12}\n",
        offsets[5], offsets[1]
    );
    assert_eq!(folder.tlog(&["seek", "marked.tlog", "1600000000350ms"]).good(), expected);
}

#[test]
fn times_in_all_forms() {
    let folder = folder();
    for time in [
        "2020-09-13T12:26:40.35Z",
        "2020-09-13T14:26:40.35+02:00",
        "1600000000.35s",
        "1600000000350ms",
        "+350ms",
        "-550ms",
        "-0.55s",
    ] {
        for file in ["marked.tlog", "plain.tlog", "indexed.tlog"] {
            assert_eq!(seek(&folder, &[file, time])["time"], "2020-09-13T12:26:40.35Z", "{time} in {file}");
        }
    }
    // Options may stand around it.
    assert_eq!(seek(&folder, &["-q", "marked.tlog", "-550ms", "--record", "imu"])["time"], "2020-09-13T12:26:40.35Z");
    for wrong in ["yesterday", "1600000000", "+", "2020-09-13"] {
        assert_eq!(folder.tlog(&["seek", "marked.tlog", wrong]).code, 2);
    }
    assert_eq!(folder.tlog(&["seek", "marked.tlog"]).code, 2);
}

#[test]
fn records_by_name_and_glob() {
    let folder = folder();
    for file in ["marked.tlog", "plain.tlog", "indexed.tlog"] {
        let names = |args: &[&str]| -> Vec<Value> {
            let found = seek(&folder, &[&[file, "+1s"], args].concat());
            found["records"].as_array().unwrap().iter().map(|record| record["record"].clone()).collect()
        };
        assert_eq!(names(&["--record", "gps"]), ["gps"]);
        assert_eq!(names(&["--record", "?p?", "--record", "imu"]), ["imu", "gps"]);
        assert_eq!(names(&["-q", "--record", "z*"]), [""; 0]);
        let refused = folder.tlog(&["seek", file, "+1s", "--record", "imv"]).refused(2);
        assert!(refused.ends_with("there is no record imv; there are: gps, imu, note\n"), "{refused}");
    }
}

#[test]
fn nothing_found_is_no_error_but_said() {
    let folder = folder();
    for file in ["marked.tlog", "plain.tlog", "indexed.tlog"] {
        let run = folder.tlog(&["seek", file, "1599999999s"]);
        assert_eq!((run.code, run.out.as_str()), (0, ""));
        assert_eq!(run.err, format!("tlog: warning: {file}: there is no data at or before 2020-09-13T12:26:39Z\n"));
        assert_eq!(folder.tlog(&["seek", "-q", file, "1599999999s"]).good(), "");
        // Data without a time is found at none.
        let run = folder.tlog(&["seek", file, "+1s", "--record", "note"]);
        assert_eq!((run.code, run.out.as_str()), (0, ""));
        assert!(run.err.contains("there is no data of note at or before"), "{}", run.err);
    }
    folder.put("untimed.tlog", log(&WriterOptions::new(), &[("n", "\"varuint\"")], &[("n", None, "1")]));
    let run = folder.tlog(&["seek", "untimed.tlog", "+1s"]);
    assert_eq!((run.code, run.out.as_str()), (0, ""));
    assert!(run.err.contains("there is no data that has a time"), "{}", run.err);
}

#[test]
fn times_that_step_back_are_told() {
    let times = [5, 6, 7, 1, 2, 3];
    let data: Vec<_> = times.iter().map(|&at| ("n", Some(START + at), "1")).collect();
    let bytes = log(&WriterOptions::new(), &[("n", "\"varuint\"")], &data);
    let folder = Folder::with("a.tlog", &bytes);
    let offsets = data_offsets(&bytes);
    let check = |time: i64, expected: usize| {
        let found = seek(&folder, &["a.tlog", &format!("{}us", START + time)]);
        assert_eq!(
            (&found["records"][0]["offset"], &found["time_steps_back"]),
            (&json!(offsets[expected]), &true.into())
        );
    };
    for _ in 0..2 {
        [(3, 5), (4, 5), (5, 0), (6, 1), (9, 2)].iter().for_each(|&(time, expected)| check(time, expected));
        let run = folder.tlog(&["seek", "a.tlog", "+1s"]);
        let warning = "tlog: warning: a.tlog: time steps back in this log: later data may have earlier times\n";
        assert_eq!((run.code, run.err.as_str()), (0, warning));
        folder.tlog(&["index", "a.tlog"]).good();
    }
}

#[test]
fn a_name_declared_anew_is_told_apart() {
    // The same identifier stands for one record in the first log, for another in the second.
    let one = log(&WriterOptions::new().index(false), &[("one", "\"varuint\"")], &[("one", Some(START), "1")]);
    let two = log(&WriterOptions::new().index(false), &[("two", "\"string\"")], &[("two", Some(START + 5), "\"\"")]);
    let folder = Folder::with("a.tlog", [&one[..], &two[9..]].concat());
    for _ in 0..2 {
        let found = seek(&folder, &["a.tlog", "+1s"]);
        let names: Vec<&Value> = found["records"].as_array().unwrap().iter().map(|record| &record["record"]).collect();
        assert_eq!(names, ["one", "two"]);
        folder.tlog(&["index", "a.tlog"]).good();
    }
}

#[test]
fn damage_that_is_met_is_told() {
    let mut bytes = small_with(&WriterOptions::new().seek_period(None).index(false));
    let end = blocks(&bytes)[7].2;
    bytes[end - 1] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    for _ in 0..2 {
        let run = folder.tlog(&["seek", "a.tlog", "+1s", "--format", "json"]);
        assert_eq!((run.code, run.err.lines().count()), (3, 1), "{}", run.err);
        let found: Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!((&found["damage"]["stretches"], found["records"].as_array().unwrap().len()), (&json!(1), 2));
        folder.tlog(&["index", "-q", "a.tlog"]);
    }
}

#[test]
fn streams_are_read() {
    let folder = folder();
    let bytes = small();
    let run = folder.tlog_with(&["seek", "-", "1600000000350ms", "--format", "json"], &bytes).good();
    let found: Value = serde_json::from_str(&run).unwrap();
    assert_eq!((&found["records"], &found["by"]), (&naive(&bytes, START + 350_000), &json!("scan")));
    assert!(folder.tlog_with(&["seek", "-", "+1s"], &bytes).refused(2).contains("need a file, not a stream"));
}

#[test]
fn what_is_no_log_is_refused() {
    let folder = Folder::with("b.tlog", "hello, world");
    std::fs::create_dir(folder.path("logs")).unwrap();
    assert!(folder.tlog(&["seek", "b.tlog", "5s"]).refused(1).contains("b.tlog: not a TLOG0003 log"));
    assert!(folder.tlog(&["seek", "missing.tlog", "+5s"]).refused(1).contains("missing.tlog: No such file"));
    assert!(folder.tlog(&["seek", "logs", "5s"]).refused(2).contains("logs is a folder, but not one of a store"));
}
