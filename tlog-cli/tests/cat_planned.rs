//! `tlog cat` with an index beside the log, or by seek markers, prints and says what it does without.

mod support;

use std::path::Path;
use std::time::Duration;

use support::{Folder, START, log};
use tlog::write::WriterOptions;
use tlog_index::scan::{Progress, ScanOptions};
use tlog_index::sidecar;

/// Some 800 KB in which times are in order: `often` each 10 ms, `late` behind three quarters.
fn large(options: &WriterOptions) -> Vec<u8> {
    let options = options.clone().compression(false).seek_period(Some(Duration::from_secs(1)));
    let text = "x".repeat(400);
    let often = |i: i64| format!("{{\"seq\":{i},\"text\":\"{text}\"}}");
    let texts: Vec<String> = (0..2_000).map(often).collect();
    let time = |i: usize| Some(START + i as i64 * 10_000);
    let data = texts.iter().enumerate();
    let data =
        data.map(|(i, text)| if i == 1_500 { ("late", time(i), "7") } else { ("often", time(i), text.as_str()) });
    let schema = r#"{"type":"object","fields":[{"name":"seq","type":"fixeduint32"},{"name":"text","type":"string"}]}"#;
    log(&options, &[("often", schema), ("late", "\"varuint\"")], &data.collect::<Vec<_>>())
}

fn indexed(bytes: &[u8]) -> Folder {
    let folder = Folder::with("a.tlog", bytes);
    refresh(&folder.path("a.tlog"));
    folder
}

fn refresh(log: &Path) {
    let options = ScanOptions { fields: true, ..ScanOptions::default() };
    sidecar::refresh(log, &options, &Progress::default()).unwrap();
}

const CAT: [&str; 4] = ["cat", "a.tlog", "--format", "ndjson"];

/// The same with an index and without.
#[track_caller]
fn check(folder: &Folder, args: &[&str], code: i32) {
    let args = [&CAT, args].concat();
    let by_index = folder.tlog(&args);
    let whole = folder.tlog(&[&args[..], &["--read-all"]].concat());
    assert_eq!((by_index.code, by_index.err.as_str()), (whole.code, whole.err.as_str()), "{args:?}");
    assert!(by_index.out == whole.out, "{args:?}");
    assert_eq!(whole.code, code, "{args:?}");
}

#[test]
fn damage_elsewhere_is_told_of_through_an_index_too() {
    let mut bytes = large(&WriterOptions::new());
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let folder = indexed(&bytes);
    let explained = folder.tlog(&["cat", "a.tlog", "--record", "late", "--explain"]);
    assert!(explained.out.contains("by the index"), "{}", explained.out);
    check(&folder, &["--record", "late"], 3);
    check(&folder, &["--where", "seq == 10"], 3);
    check(&folder, &["--record", "late", "--strict"], 1);
    check(&folder, &["--record", "late", "--no-verify"], 0);
}

#[test]
fn what_checksums_deny_is_printed_on_request_through_an_index_too() {
    let mut bytes = large(&WriterOptions::new());
    let index = tlog_index::scan::scan(&bytes, &ScanOptions::default()).unwrap();
    let late = index.records.iter().find(|record| record.record.name == "late").unwrap().cells[0].last as usize;
    let len = index.records.iter().find(|record| record.record.name == "late").unwrap().bytes as usize;
    // Its value.
    bytes[late + len - 1] ^= 1;
    let folder = indexed(&bytes);
    check(&folder, &["--record", "late", "--no-verify"], 0);
    let printed = folder.tlog(&[&CAT[..], &["--record", "late", "--no-verify"]].concat());
    assert!(printed.out.contains(":6"), "{}", printed.out);
}

#[test]
fn a_record_that_comes_later_is_not_refused() {
    let folder = Folder::with("a.tlog", large(&WriterOptions::new().index(false)));
    let mut bytes = folder.get("a.tlog");
    // Declared where it comes first, as an application does that finds out late.
    let name = bytes.windows(6).position(|name| name == b"\x04late\x06").unwrap();
    let schema = bytes.drain(name - 4..name + 6).collect::<Vec<_>>();
    assert_eq!(schema[0], 1);
    bytes.extend(schema);
    folder.put("a.tlog", bytes);
    let args = ["--record", "late", "--end", "+1s"];
    let explained = folder.tlog(&[&["cat", "a.tlog", "--explain"], &args[..]].concat());
    assert!(explained.out.contains("by its seek markers"), "{}", explained.out);
    let printed = folder.tlog(&[&CAT, &args[..]].concat());
    assert_eq!((printed.code, printed.out.as_str()), (0, ""), "{}", printed.err);
}

#[test]
fn an_index_that_cannot_be_read_is_none() {
    let folder = Folder::with("a.tlog", large(&WriterOptions::new()));
    std::fs::create_dir(folder.path("a.tlogx")).unwrap();
    check(&folder, &["--record", "late"], 0);
    check(&folder, &["--start", "+19s"], 0);
}
