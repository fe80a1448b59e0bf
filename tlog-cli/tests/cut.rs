//! `tlog cut`: what it selects, that it copies that as it is, what it refuses.

mod support;

use std::time::Duration;

use support::{Folder, GPS, IMU, START, blocks, small, small_lines, small_with};
use tlog::wire::BlockType;
use tlog::write::WriterOptions;

fn cat(folder: &Folder, log: &str, more: &[&str]) -> Vec<String> {
    let args = [&["cat", log, "--format", "ndjson"], more].concat();
    folder.tlog(&args).good().lines().map(str::to_owned).collect()
}

#[test]
fn all_of_a_log_is_the_same_log() {
    // Markers each second, as a cut has them.
    let bytes = small_with(&WriterOptions::new());
    let folder = Folder::with("a.tlog", &bytes);
    assert_eq!(folder.tlog(&["cut", "a.tlog", "-o", "b.tlog"]).good(), "");
    assert_eq!(folder.get("b.tlog"), bytes);
    let piped = folder.tlog_with(&["cut", "-", "-o", "c.tlog"], &bytes);
    assert_eq!(piped.good(), "");
    assert_eq!(folder.get("c.tlog"), bytes);
    assert_eq!(folder.names(), ["a.tlog", "b.tlog", "c.tlog"]);
}

#[test]
fn a_cut_has_what_cat_shows() {
    let folder = Folder::with("a.tlog", small());
    for selection in [
        &["--record", "imu"][..],
        &["--record", "imu", "--record", "no*"],
        &["--start", "+300ms"],
        &["--start", "+300ms", "--duration", "400ms"],
        &["--end", "-1ms"],
        &["--start", "-200ms", "--record", "gps"],
        &["--where", "imu.seq >= 3 and imu.seq < 6"],
        &["--where", "fix == 3"],
        &["--record", "imu", "--start", "+100ms", "--where", "seq in [0, 1, 5]"],
        &["--start", "+300ms", "--duration", "100ms", "--read-all"],
    ] {
        let args = [&["cut", "a.tlog", "-o", "b.tlog", "--force"], selection].concat();
        assert_eq!(folder.tlog(&args).code, 0, "{selection:?}");
        assert_eq!(cat(&folder, "b.tlog", &[]), cat(&folder, "a.tlog", selection), "{selection:?}");
        folder.tlog(&["verify", "b.tlog"]).good();
        assert!(folder.tlog(&["info", "b.tlog"]).good().contains("state       complete"));
    }
}

#[test]
fn schemas_come_along_and_payloads_are_copied_as_stored() {
    let text = format!("\"{}\"", "abc".repeat(300));
    let records = [("note", "\"string\""), ("imu", IMU)];
    let data = [("note", Some(START), text.as_str()), ("note", Some(START + 2_000_000), text.as_str())];
    let folder = Folder::with("a.tlog", support::log(&WriterOptions::new(), &records, &data));
    folder.tlog(&["cut", "a.tlog", "-o", "b.tlog", "--start", "+1s"]).good();
    folder.tlog(&["schema", "diff", "--exit-code", "a.tlog", "b.tlog"]).good();
    // The stored block is the same but for the distance to the one before.
    let stored = |name: &str| {
        let bytes = folder.get(name);
        let (_, _, end) = *blocks(&bytes).iter().rfind(|(kind, ..)| *kind == BlockType::Data).unwrap();
        bytes[end - 30..end].to_vec()
    };
    assert_eq!(stored("a.tlog"), stored("b.tlog"));
    let info = folder.tlog(&["info", "b.tlog", "--format", "json"]).good();
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["logs"][0]["compressed_blocks"], 1);
    // Only records that were asked for.
    folder.tlog(&["cut", "a.tlog", "-o", "c.tlog", "--record", "note"]).good();
    let shown = folder.tlog(&["schema", "show", "c.tlog"]).good();
    assert!(shown.contains("note") && !shown.contains("imu"), "{shown}");
}

#[test]
fn logs_and_stores_are_joined() {
    let folder = Folder::with("a.tlog", small());
    folder.tlog(&["record", "-q", "a.tlog", "--store", "store", "--rotate-size", "600"]).good();
    assert!(tlog_index::store::segments(folder.path("store")).unwrap().len() > 1);
    folder.tlog(&["cut", "store", "-o", "b.tlog"]).good();
    assert_eq!(cat(&folder, "b.tlog", &[]), small_lines());
    folder.tlog(&["schema", "diff", "--exit-code", "a.tlog", "b.tlog"]).good();
    folder.tlog(&["cut", "store", "a.tlog", "-o", "c.tlog", "--record", "imu"]).good();
    let twice = cat(&folder, "c.tlog", &[]);
    assert_eq!((twice.len(), &twice[..10]), (20, &twice[10..]));
    let info = folder.tlog(&["info", "c.tlog", "--format", "json"]).good();
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["logs"][0]["records"].as_array().unwrap().len(), 1);
}

#[test]
fn what_clashes_is_renamed_and_told() {
    let options = WriterOptions::new();
    let folder = Folder::with("a.tlog", support::log(&options, &[("x", "\"string\"")], &[("x", Some(1), "\"a\"")]));
    folder.put("b.tlog", support::log(&options, &[("x", "\"varint\""), ("y", GPS)], &[("x", Some(2), "7")]));
    let run = folder.tlog(&["cut", "a.tlog", "b.tlog", "-o", "c.tlog"]);
    assert_eq!(run.code, 0);
    assert_eq!(
        run.err,
        "tlog: warning: record x (identifier 1) is x_2 (identifier 2) in c.tlog\ntlog: warning: record y (identifier 2) is y (identifier 3) in c.tlog\n"
    );
    let records: Vec<bool> =
        cat(&folder, "c.tlog", &[]).iter().map(|line| line.contains("\"x_2\",\"data\":7")).collect();
    assert_eq!(records, [false, true]);
}

#[test]
fn damage_in_what_is_read_is_told() {
    let mut bytes = small();
    let data: Vec<_> = blocks(&bytes).into_iter().filter(|(kind, ..)| *kind == BlockType::Data).collect();
    bytes[data[3].2 - 1] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["cut", "a.tlog", "-o", "b.tlog"]);
    assert_eq!((run.code, run.out.as_str()), (3, ""));
    assert!(
        run.err.starts_with("tlog: warning: a.tlog: skipped bytes ") && run.err.lines().count() == 1,
        "{}",
        run.err
    );
    assert_eq!(cat(&folder, "b.tlog", &[]).len(), small_lines().len() - 1);
    let quiet = folder.tlog(&["cut", "a.tlog", "-o", "b.tlog", "--force", "-q"]);
    assert_eq!((quiet.code, quiet.err.as_str()), (3, ""));
}

#[test]
fn what_cannot_be() {
    let folder = Folder::with("a.tlog", small());
    folder.put("b.tlog", b"mine");
    std::fs::create_dir(folder.path("dir")).unwrap();
    for (args, code, says) in [
        (&["a.tlog", "-o", "b.tlog"][..], 2, "use --force"),
        (&["a.tlog", "-o", "a.tlog", "--force"], 2, "the same file"),
        (&["dir", "-o", "c.tlog"], 2, "not one of a store"),
        (&["missing", "-o", "c.tlog"], 1, "No such file"),
        (&["b.tlog", "-o", "c.tlog"], 1, "not a TLOG0003 log"),
        (&["a.tlog", "-o", "c.tlog", "--record", "nope"], 2, "there is no record nope; there are: gps, imu, note"),
        (&["a.tlog", "-o", "c.tlog", "--start", "+1s", "--record", "nope"], 2, "there is no record nope"),
        (&["-", "-o", "c.tlog", "--start", "+1s"], 2, "need a file"),
        (&["-", "--explain"], 2, "--explain needs a file"),
    ] {
        let err = folder.tlog_with(&[&["cut"], args].concat(), &small()).refused(code);
        assert!(err.contains(says), "{args:?}: {err}");
    }
    let run = folder.tlog(&["cut", "a.tlog", "-o", "c.tlog", "--where", "imu.sequence > 3"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
    assert_eq!(folder.names(), ["a.tlog", "b.tlog", "dir"]);
    assert_eq!(folder.get("b.tlog"), b"mine");
}

#[test]
fn nothing_selected_is_a_whole_log_and_a_warning() {
    let folder = Folder::with("a.tlog", small());
    let run = folder.tlog(&["cut", "a.tlog", "-o", "b.tlog", "--start", "2030-01-01T00:00:00Z"]);
    assert_eq!((run.code, run.err.as_str()), (0, "tlog: warning: nothing was selected: b.tlog has no data\n"));
    folder.tlog(&["schema", "diff", "--exit-code", "a.tlog", "b.tlog"]).good();
}

#[test]
fn only_what_is_needed_is_read() {
    let data: Vec<_> = (0..60_000).map(|i| ("n", Some(START + i * 10_000), "\"abcdefgh\"")).collect();
    let options = WriterOptions::new().seek_period(Some(Duration::from_secs(1))).compression(false);
    let mut bytes = support::log(&options, &[("n", "\"string\"")], &data);
    // Damage far from what is asked for.
    let at = bytes.len() / 5;
    bytes[at] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    let range = ["--start", "+500s", "--duration", "10s"];
    let explained = folder.tlog(&[&["cut", "a.tlog", "--explain"][..], &range].concat()).good();
    assert!(explained.contains("by its seek markers"), "{explained}");
    folder.tlog(&[&["cut", "a.tlog", "-o", "b.tlog"][..], &range].concat()).good();
    assert_eq!(cat(&folder, "b.tlog", &[]).len(), 1000);
    let all = folder.tlog(&[&["cut", "a.tlog", "-o", "c.tlog", "--read-all"][..], &range].concat());
    assert_eq!(all.code, 3);
    assert_eq!(folder.get("b.tlog"), folder.get("c.tlog"));
}
