//! `tlog index`: made, taken as it is, grown, checked; and where it cannot be.

mod support;

use serde_json::{Value, json};
use support::{Folder, START, blocks, log, small, small_with};
use tlog::write::WriterOptions;

const SMALL: &str = "15 data blocks, 3 records, 1 span\n";

/// [`small`] in front, and more data behind it.
fn grown() -> (Vec<u8>, Vec<u8>) {
    let data: Vec<_> = (0..20_000).map(|i| ("n", Some(START + i), "123456789")).collect();
    let long = log(&WriterOptions::new().index(false), &[("n", "\"varuint\"")], &data);
    let cut = blocks(&long)[15_000].1;
    (long[..cut].to_vec(), long)
}

fn json(folder: &Folder, args: &[&str]) -> Value {
    let run = folder.tlog(&[&["index", "--format", "json"], args].concat());
    let document: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(document["version"], 1);
    document["logs"].clone()
}

#[test]
fn is_made_and_then_up_to_date() {
    let folder = Folder::with("a.tlog", small());
    assert_eq!(folder.tlog(&["index", "a.tlog"]).good(), format!("a.tlog: index built: {SMALL}"));
    assert_eq!(folder.names(), ["a.tlog", "a.tlogx"]);
    let first = folder.get("a.tlogx");
    assert_eq!(folder.tlog(&["index", "a.tlog"]).good(), format!("a.tlog: index up to date: {SMALL}"));
    assert_eq!(folder.get("a.tlogx"), first);
    assert_eq!(folder.tlog(&["index", "--force", "a.tlog"]).good(), format!("a.tlog: index rebuilt: {SMALL}"));
    folder.put("a.tlogx", &first[..first.len() - 1]);
    let text = folder.tlog(&["index", "a.tlog"]).good();
    assert_eq!(text, format!("a.tlog: index built, as the saved one is damaged: {SMALL}"));
    assert_eq!(folder.get("a.tlogx").len(), first.len());
}

#[test]
fn is_used_by_cat() {
    let folder = Folder::with("a.tlog", small());
    let explain = ["cat", "a.tlog", "--where", "imu.seq > 100", "--explain"];
    assert!(folder.tlog(&explain).good().contains("reads 680 of 680 bytes"));
    folder.tlog(&["index", "a.tlog", "--no-ranges"]).good();
    assert!(!folder.tlog(&explain).good().contains("reads 0 of 680 bytes"));
    folder.tlog(&["index", "a.tlog"]).good();
    assert!(folder.tlog(&explain).good().contains("reads 0 of 680 bytes"));
}

#[test]
fn grows_with_its_log() {
    let (short, long) = grown();
    let folder = Folder::with("a.tlog", &short);
    folder.tlog(&["index", "a.tlog"]).good();
    folder.put("a.tlog", &long);
    let check = folder.tlog(&["index", "--check", "a.tlog"]);
    assert_eq!((check.code, check.out.as_str()), (1, "a.tlog: index behind, as the log has grown\n"));
    let text = folder.tlog(&["index", "a.tlog", "--jobs", "2"]).good();
    let by = long.len() - short.len();
    assert!(text.starts_with(&format!("a.tlog: index grown by {by} bytes: 20000 data blocks, 1 record, ")), "{text}");
    folder.tlog(&["index", "--check", "a.tlog"]).good();
}

#[test]
fn a_check_changes_nothing() {
    let folder = Folder::with("a.tlog", small());
    let stale = |args: &[&str]| {
        let run = folder.tlog(&[&["index", "--check", "a.tlog"], args].concat());
        assert_eq!((run.code, run.err.as_str()), (1, ""));
        run.out
    };
    assert_eq!(stale(&[]), "a.tlog: index stale, as there is none\n");
    assert_eq!(folder.names(), ["a.tlog"]);
    folder.tlog(&["index", "a.tlog", "--no-ranges", "--no-verify"]).good();
    assert_eq!(stale(&["--no-ranges"]), "a.tlog: index stale, as the saved one was made without verifying checksums\n");
    assert_eq!(stale(&["--no-verify"]), "a.tlog: index stale, as the saved one has no ranges of values\n");
    let good = folder.tlog(&["index", "--check", "a.tlog", "--no-verify", "--no-ranges"]).good();
    assert_eq!(good, format!("a.tlog: index up to date: {SMALL}"));
    folder.tlog(&["index", "a.tlog"]).good();
    folder.put("a.tlog", small_with(&WriterOptions::new().compression(false).checksums(false)));
    assert!(stale(&[]).starts_with("a.tlog: index stale, as the log was "));
    assert_eq!(folder.tlog(&["index", "--check", "--force", "a.tlog"]).code, 2);
}

#[test]
fn json_says_what_was_done() {
    let bytes = small();
    let folder = Folder::with("a.tlog", &bytes);
    folder.put("b.tlog", &bytes);
    let mut expected = json!({
        "file": "a.tlog", "sidecar": "a.tlogx", "state": "built", "reason": null, "grown_from": null, "saved": true,
        "size": bytes.len(), "records": 3, "data_blocks": 15, "spans": 1, "span_bytes": 65536, "ranges": true,
        "time_steps_back": 0, "damage": null,
    });
    assert_eq!(json(&folder, &["a.tlog"]), json!([expected]));
    expected["state"] = "up to date".into();
    assert_eq!(json(&folder, &["a.tlog", "b.tlog", "--check"])[0], expected);
    let missing = json!({
        "file": "b.tlog", "sidecar": "b.tlogx", "state": "stale", "reason": "there is none", "grown_from": null,
        "saved": false,
    });
    assert_eq!(json(&folder, &["b.tlog", "--check"]), json!([missing]));
}

#[test]
fn damage_is_told_and_indexed_around() {
    let mut bytes = small();
    let (_, start, end) = blocks(&bytes)[4];
    bytes[end - 1] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    for state in ["built", "up to date"] {
        let run = folder.tlog(&["index", "a.tlog"]);
        let expected = format!("a.tlog: index {state}: 14 data blocks, 3 records, 1 span, 1 stretch damaged\n");
        assert_eq!((run.code, run.out), (3, expected));
        assert!(run.err.contains(&format!("a.tlog: skipped bytes {start}..{end}: checksum mismatch")), "{}", run.err);
    }
    assert_eq!(json(&folder, &["-q", "a.tlog"])[0]["damage"]["stretches"], 1);
}

#[test]
fn steps_back_are_told() {
    let data = [("n", Some(START + 5), "1"), ("n", Some(START), "2"), ("n", Some(START + 3), "3")];
    let folder = Folder::with("a.tlog", log(&WriterOptions::new(), &[("n", "\"varuint\"")], &data));
    let text = folder.tlog(&["index", "a.tlog"]).good();
    assert!(text.ends_with("3 data blocks, 1 record, 1 span, time steps back once\n"), "{text}");
}

#[test]
fn one_that_cannot_be_saved_is_an_error() {
    let folder = Folder::with("a.tlog", small());
    folder.put("b.tlog", small());
    // A folder stands in its place.
    std::fs::create_dir(folder.path("a.tlogx")).unwrap();
    let run = folder.tlog(&["index", "a.tlog", "b.tlog"]);
    assert_eq!((run.code, run.err.lines().count()), (1, 1), "{}", run.err);
    assert!(run.err.starts_with("tlog: error: the index of a.tlog cannot be saved: a.tlogx: "), "{}", run.err);
    let built = format!("a.tlog: index built, as it cannot be read, not saved: {SMALL}b.tlog: index built: {SMALL}");
    assert_eq!(run.out, built);
    assert_eq!(json(&folder, &["a.tlog"])[0]["saved"], false);
    assert_eq!(folder.names(), ["a.tlog", "a.tlogx", "b.tlog", "b.tlogx"]);
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_keeps_no_index() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    std::fs::create_dir(folder.path("logs")).unwrap();
    folder.put("logs/a.tlog", small());
    let allow = |mode| std::fs::set_permissions(folder.path("logs"), PermissionsExt::from_mode(mode)).unwrap();
    allow(0o555);
    // Nothing is read-only for root.
    if std::fs::File::create(folder.path("logs/probe")).is_err() {
        let run = folder.tlog(&["index", "logs/a.tlog"]);
        assert_eq!(run.code, 1);
        let message = "tlog: error: the index of logs/a.tlog cannot be saved: logs/a.tlogx: permission denied\n";
        assert_eq!(run.err, message);
    }
    allow(0o755);
}

#[test]
fn what_is_no_index_is_not_overwritten() {
    let folder = Folder::with("a.tlog", small());
    folder.put("a.tlogx", "my notes");
    let refused = folder.tlog(&["index", "a.tlog"]).refused(1);
    assert!(refused.contains("a.tlogx is in the place of the index and is none; --force overwrites it"), "{refused}");
    assert_eq!(folder.get("a.tlogx"), b"my notes");
    let check = folder.tlog(&["index", "--check", "a.tlog"]);
    assert_eq!((check.code, check.out.as_str()), (1, "a.tlog: index stale, as what is in its place is none\n"));
    folder.tlog(&["index", "--force", "a.tlog"]).good();
    folder.tlog(&["index", "--check", "a.tlog"]).good();
}

#[test]
fn what_is_no_log_has_none() {
    let folder = Folder::with("a.tlog", small());
    folder.put("b.tlog", "hello, world");
    folder.put("empty.tlog", "");
    std::fs::create_dir(folder.path("logs")).unwrap();
    assert!(folder.tlog(&["index", "b.tlog"]).refused(1).contains("b.tlog: not a TLOG0003 log"));
    assert!(folder.tlog(&["index", "empty.tlog"]).refused(1).contains("empty.tlog: not a TLOG0003 log: it is empty"));
    assert!(folder.tlog(&["index", "missing.tlog"]).refused(1).contains("missing.tlog: No such file"));
    assert!(folder.tlog(&["index", "logs"]).refused(2).contains("logs is a folder, but not one of a store"));
    assert!(folder.tlog(&["index", "-"]).refused(2).contains("standard input has no such place"));
    assert_eq!(folder.tlog(&["index", "a.tlog", "--jobs", "0"]).code, 2);
    assert_eq!(folder.tlog(&["index"]).code, 2);
    // The others are indexed all the same; what a pattern catches besides is told.
    let run = folder.tlog(&["index", "b.tlog", "a.tlog"]);
    assert_eq!((run.code, run.out), (1, format!("a.tlog: index built: {SMALL}")));
    let sidecar = folder.tlog(&["index", "a.tlogx"]).refused(1);
    assert!(sidecar.contains("it is the index of a log, made by `tlog index`; give the log itself"), "{sidecar}");
    assert_eq!(folder.names(), ["a.tlog", "a.tlogx", "b.tlog", "empty.tlog", "logs"]);
}
