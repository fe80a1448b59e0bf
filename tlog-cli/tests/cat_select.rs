//! What of a log `tlog cat` prints: records, fields, times, how many.

mod support;

use support::{Folder, START, log, small, small_lines, small_with};
use tlog::write::WriterOptions;

fn folder() -> Folder {
    let folder = Folder::with("a.tlog", small());
    folder.put("unindexed.tlog", small_with(&WriterOptions::new().index(false)));
    folder
}

/// The lines among [`small_lines`] that have one of these texts.
fn lines_with(texts: &[&str]) -> Vec<String> {
    small_lines().into_iter().filter(|line| texts.iter().any(|text| line.contains(text))).collect()
}

#[track_caller]
fn printed(folder: &Folder, args: &[&str]) -> Vec<String> {
    let out = folder.tlog(&[&["cat", "--format", "ndjson"], args].concat()).good();
    out.lines().map(str::to_owned).collect()
}

#[test]
fn records_by_name_and_glob() {
    let folder = folder();
    assert_eq!(printed(&folder, &["a.tlog", "--record", "gps"]), lines_with(&["\"gps\""]));
    assert_eq!(
        printed(&folder, &["a.tlog", "--record", "gps", "--record", "n?te"]),
        lines_with(&["\"gps\"", "\"note\""])
    );
    assert_eq!(printed(&folder, &["a.tlog", "--record", "*m*"]), lines_with(&["\"imu\""]));
    assert_eq!(printed(&folder, &["a.tlog", "--record", "z*"]), [""; 0]);
}

#[test]
fn unknown_records_are_refused_with_the_known_ones() {
    let folder = folder();
    for args in [&["a.tlog"][..], &["unindexed.tlog"], &["a.tlog", "unindexed.tlog"]] {
        let refused = folder.tlog(&[&["cat", "--record", "imv"], args].concat()).refused(2);
        assert!(refused.ends_with("no record imv; there are: gps, imu, note\n"), "{refused}");
    }
    let refused = folder.tlog_with(&["cat", "-", "--record", "imv"], &small()).refused(2);
    assert!(refused.contains("gps, imu, note"), "{refused}");
    let first_known = folder.tlog(&["cat", "a.tlog", "--record", "imu", "--record", "imv"]);
    assert!(first_known.refused(2).contains("imv"));
}

#[test]
fn a_record_is_known_if_any_file_has_it() {
    let folder = folder();
    folder.put("b.tlog", log(&WriterOptions::new(), &[("other", "\"varuint\"")], &[("other", None, "5")]));
    assert_eq!(printed(&folder, &["a.tlog", "b.tlog", "--record", "other"]).len(), 1);
    assert_eq!(printed(&folder, &["b.tlog", "a.tlog", "--field", "lat"]).len(), 2);
}

#[test]
fn limits() {
    let folder = folder();
    assert_eq!(printed(&folder, &["a.tlog", "--limit", "4"]), small_lines()[..4]);
    assert_eq!(printed(&folder, &["a.tlog", "--limit", "0", "--record", "gps"]), [""; 0]);
    assert_eq!(printed(&folder, &["unindexed.tlog", "--limit", "0", "--record", "gps"]), [""; 0]);
    assert_eq!(printed(&folder, &["a.tlog", "--limit", "1", "--record", "gps"]), lines_with(&["\"gps\""])[..1]);
    // What is behind the limit is not even opened.
    assert_eq!(printed(&folder, &["a.tlog", "--limit", "3", "missing.tlog"]).len(), 3);
    assert_eq!(printed(&folder, &["a.tlog", "a.tlog", "--limit", "18"]).len(), 18);
}

#[test]
fn several_files_and_standard_input() {
    let folder = folder();
    let twice = [small_lines(), small_lines()].concat();
    assert_eq!(printed(&folder, &["a.tlog", "unindexed.tlog"]), twice);
    let out = folder.tlog_with(&["cat", "--format", "ndjson", "a.tlog", "-"], &small()).good();
    assert_eq!(out.lines().collect::<Vec<_>>(), twice);
    let wrong = folder.tlog(&["cat", "a.tlog", "missing.tlog"]);
    assert_eq!((wrong.code, wrong.out.lines().count()), (1, small_lines().len()));
}

#[test]
fn fields_plain_indexed_and_optional() {
    let folder = folder();
    let both =
        printed(&folder, &["a.tlog", "--record", "imu", "--field", "accel[2]", "--field", "seq", "--limit", "1"]);
    assert_eq!(both, [r#"{"time":"2020-09-13T12:26:40Z","record":"imu","data":{"accel[2]":-9.75,"seq":0}}"#]);
    let whole = printed(&folder, &["a.tlog", "--field", "accel", "--limit", "1"]);
    assert_eq!(whole, [r#"{"time":"2020-09-13T12:26:40Z","record":"imu","data":{"accel":[0.5,0.0,-9.75]}}"#]);
    // Records that have none of the fields are left out, others have null for those that they lack.
    let mixed = printed(&folder, &["a.tlog", "--field", "fix", "--field", "seq"]);
    assert_eq!(mixed.len(), 12);
    assert!(
        mixed.contains(&r#"{"time":"2020-09-13T12:26:40.5Z","record":"gps","data":{"fix":3,"seq":null}}"#.to_owned())
    );
    let text = folder.tlog(&["cat", "a.tlog", "--field", "lat"]).good();
    assert_eq!(text, "2020-09-13T12:26:40Z gps lat=40.25\n2020-09-13T12:26:40.5Z gps lat=45.25\n");
}

#[test]
fn fields_nested_and_by_key() {
    let schema = r#"{"type":"object","fields":[
        {"name":"legs","type":{"type":"array","items":{"type":"object","fields":[{"name":"force","type":"float32"}]}}},
        {"name":"tags","type":{"type":"map","values":"fixeduint8"}},
        {"name":"any","type":["string","float64"]}]}"#;
    let data = r#"{"legs":[{"force":1},{"force":2.5}],"tags":{"a b":1,"x":2},"any":{"float64":0.5}}"#;
    let folder = Folder::with("a.tlog", log(&WriterOptions::new(), &[("robot", schema)], &[("robot", None, data)]));
    for (field, json) in [
        ("legs[1].force", "2.5"),
        ("legs[2].force", "null"),
        ("tags.x", "2"),
        ("tags[\"a b\"]", "1"),
        ("tags.nope", "null"),
        ("any.float64", "0.5"),
        ("any.string", "null"),
    ] {
        let line = printed(&folder, &["a.tlog", "--field", field]).concat();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["data"][field].to_string(), json, "{line}");
    }
}

#[test]
fn unknown_fields_are_refused_with_the_known_ones() {
    let folder = folder();
    for file in ["a.tlog", "unindexed.tlog"] {
        let one = folder.tlog(&["cat", file, "--record", "imu", "--field", "nope"]).refused(2);
        assert!(one.ends_with("--field nope: record imu has no field \"nope\"; it has seq, accel\n"), "{one}");
        let near = folder.tlog(&["cat", file, "--field", "acel"]).refused(2);
        assert!(near.contains("record imu has no field \"acel\" (did you mean \"accel\"?)"), "{near}");
        let index = folder.tlog(&["cat", file, "--field", "accel[3]"]).refused(2);
        assert!(index.contains("record imu: accel (fixedarray) takes an index below 3"), "{index}");
        let none = folder.tlog(&["cat", file, "--field", "nope"]).refused(2);
        assert!(none.contains("none of these records has it: gps, imu, note"), "{none}");
    }
    let later = folder.tlog(&["cat", "a.tlog", "--field", "seq", "--field", "nope"]);
    assert!(later.refused(2).contains("nope"));
    assert!(folder.tlog(&["cat", "a.tlog", "--field", "q["]).refused(2).contains("column 3"));
    folder.tlog(&["cat", "a.tlog", "--field", ""]).refused(2);
}

#[test]
fn times_in_all_forms() {
    let folder = folder();
    let imu = |from: usize, to: usize| -> Vec<String> { lines_with(&["\"imu\""])[from..to].to_vec() };
    for (range, expected) in [
        (&["--start", "2020-09-13T12:26:40.7Z"][..], imu(7, 10)),
        (&["--start", "2020-09-13T14:26:40.7+02:00"], imu(7, 10)),
        (&["--start", "1600000000.7s"], imu(7, 10)),
        (&["--start", "1600000000700ms"], imu(7, 10)),
        (&["--start", "1600000000700000us"], imu(7, 10)),
        (&["--start", "1600000000700000000ns"], imu(7, 10)),
        (&["--start", "+700ms"], imu(7, 10)),
        (&["--start", "-200ms"], imu(7, 10)),
        (&["--start=-200ms"], imu(7, 10)),
        (&["--end", "+100ms"], imu(0, 1)),
        (&["--end", "-0.7s"], imu(0, 2)),
        (&["--end", "1600000000300ms"], imu(0, 3)),
        (&["--duration", "200ms"], imu(0, 2)),
        (&["--start", "+0.2s", "--duration", "200ms"], imu(2, 4)),
        (&["--start", "1600000000200ms", "--end", "-500ms"], imu(2, 4)),
        (&["--start", "-300ms", "--duration", "0.1s"], imu(6, 7)),
        (&["--start", "+5s"], imu(0, 0)),
    ] {
        for file in ["a.tlog", "unindexed.tlog"] {
            let args = [&[file, "--record", "imu"], range].concat();
            assert_eq!(printed(&folder, &args), expected, "{range:?} of {file}");
        }
    }
    // Data without a time lies in no range.
    assert!(printed(&folder, &["a.tlog", "--start", "0s"]).iter().all(|line| !line.contains("note")));
}

#[test]
fn a_pipe_has_no_ends_to_count_from() {
    let folder = folder();
    for range in [&["--start", "+1s"][..], &["--end", "-1s"], &["--duration", "1s"], &["--start", "-3s", "--end", "5s"]]
    {
        let run = folder.tlog_with(&[&["cat", "-"], range].concat(), &small());
        assert!(run.refused(2).contains("need a file"), "{range:?}");
    }
    let args = ["cat", "-", "--start", "1600000000200ms", "--duration", "100ms", "--record", "imu"];
    assert_eq!(folder.tlog_with(&args, &small()).good().lines().count(), 1);
}

#[test]
fn wrong_times_are_refused() {
    let folder = folder();
    for range in [
        &["--start", "yesterday"][..],
        &["--start", "1600000000"],
        &["--start", "+"],
        &["--end", "2020-09-13"],
        &["--duration", "-5s"],
        &["--duration", "5"],
        &["--end", "5s", "--duration", "5s"],
    ] {
        let run = folder.tlog(&[&["cat", "a.tlog"], range].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{range:?}");
        assert!(!run.err.is_empty());
    }
}

#[test]
fn relative_times_reach_over_records_without_any() {
    let data = [("n", None, "1"), ("n", Some(START), "2"), ("n", Some(START + 9), "3"), ("n", None, "4")];
    let folder = Folder::with("a.tlog", log(&WriterOptions::new(), &[("n", "\"varuint\"")], &data));
    assert_eq!(printed(&folder, &["a.tlog", "--start", "+1us"]).len(), 1);
    folder.put("b.tlog", log(&WriterOptions::new(), &[("n", "\"varuint\"")], &data[..1]));
    assert_eq!(printed(&folder, &["b.tlog", "--start", "+1us"]), [""; 0]);
}
