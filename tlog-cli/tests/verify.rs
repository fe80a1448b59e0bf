//! `tlog verify`: what it finds, how it says so, how it ends.

mod support;

use std::process::{Command, Stdio};

use support::{Folder, TLOG, blocks, small, small_lines};
use tlog::wire::BlockType;
use tlog::write::WriterOptions;

fn data_blocks(bytes: &[u8]) -> Vec<(usize, usize)> {
    let data = blocks(bytes).into_iter().filter(|(kind, ..)| *kind == BlockType::Data);
    data.map(|(_, start, end)| (start, end)).collect()
}

#[test]
fn a_good_log() {
    let folder = Folder::with("a.tlog", small());
    let out = folder.tlog(&["verify", "a.tlog"]).good();
    let size = small().len();
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(
        out.starts_with("a.tlog: good: ") && out.ends_with(&format!("; 15 data blocks in {size} bytes\n")),
        "{out}"
    );
    assert_eq!(folder.tlog(&["verify", "-q", "a.tlog"]).good(), "");
    assert_eq!(folder.tlog_with(&["verify", "-q", "-"], &small()).good(), "");
    let out = folder.tlog(&["verify", "a.tlog", "--no-payloads"]).good();
    assert!(out.contains("payloads not checked"), "{out}");
    // Notes are told when all is to be told: some data of the small log has no time.
    let out = folder.tlog(&["verify", "-v", "a.tlog"]).good();
    assert!(out.contains(": note: "), "{out}");
}

#[test]
fn warnings_are_no_errors() {
    let index = blocks(&small()).last().unwrap().1;
    let folder = Folder::with("a.tlog", &small()[..index]);
    let out = folder.tlog(&["verify", "a.tlog"]).good();
    let line = format!("a.tlog: byte {index}: warning: there is no index at the end (index-missing)\n");
    assert!(out.starts_with(&line) && out.contains("a.tlog: advice for index-missing: recover the log"), "{out}");
    assert!(out.contains("a.tlog: good: 1 warning"), "{out}");
}

#[test]
fn damage_is_told_with_its_place_and_what_to_do() {
    let mut bytes = small();
    let (start, end) = data_blocks(&bytes)[3];
    bytes[end - 1] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["verify", "a.tlog"]);
    assert_eq!((run.code, run.err.as_str()), (3, ""));
    assert!(run.out.starts_with(&format!("a.tlog: bytes {start}..{end}: error: checksum mismatch")), "{}", run.out);
    assert!(run.out.contains("a.tlog: advice for checksum: recover the log"), "{}", run.out);
    assert!(
        run.out.contains(&format!("a.tlog: damaged, {} bytes cannot be used: 1 error", end - start)),
        "{}",
        run.out
    );
    let quiet = folder.tlog(&["verify", "-q", "a.tlog"]);
    assert_eq!((quiet.code, quiet.out.as_str(), quiet.err.as_str()), (3, "", ""));
    // What recover makes of it is good.
    assert_eq!(folder.tlog(&["recover", "a.tlog", "-o", "b.tlog"]).code, 3);
    folder.tlog(&["verify", "b.tlog"]).good();
}

#[test]
fn as_json() {
    let mut bytes = small();
    let (start, end) = data_blocks(&bytes)[3];
    bytes[end - 1] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    folder.put("b.tlog", small());
    let run = folder.tlog(&["verify", "a.tlog", "b.tlog", "--format", "json"]);
    assert_eq!(run.code, 3);
    let document: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(document["version"], 1);
    let log = &document["logs"][0];
    let error = log["findings"].as_array().unwrap().iter().find(|finding| finding["severity"] == "error").unwrap();
    assert_eq!((&error["range"]["start"], &error["range"]["end"]), (&start.into(), &end.into()));
    assert_eq!((&error["kind"], &log["summary"]["errors"]), (&"checksum".into(), &1.into()));
    assert_eq!(
        (&document["logs"][1]["file"], &document["logs"][1]["summary"]["errors"]),
        (&"b.tlog".into(), &0.into())
    );

    let run = folder.tlog(&["verify", "a.tlog", "b.tlog", "--format", "ndjson"]);
    assert_eq!(run.code, 3);
    let lines: Vec<serde_json::Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter(|line| line["severity"] == "error" && line["file"] == "a.tlog").count(), 1);
    assert_eq!(lines.iter().filter(|line| line["summary"].is_object()).count(), 2);
}

#[test]
fn what_is_no_log() {
    let folder = Folder::with("garbage", [0xa5; 3000]);
    folder.put("empty", b"");
    folder.put("old", b"TLOG0002\0abc");
    folder.put("a.tlog", small());
    std::fs::create_dir(folder.path("dir")).unwrap();
    for (input, code, says) in [
        ("garbage", 1, "not a TLOG0003 log"),
        ("empty", 1, "it is empty"),
        ("old", 1, "TLOG0002"),
        ("missing", 1, "No such file"),
        ("dir", 2, "not one of a store"),
    ] {
        let err = folder.tlog(&["verify", input]).refused(code);
        assert!(err.contains(says) && err.contains(input), "{err}");
        let quiet = folder.tlog(&["verify", "-q", input]);
        assert_eq!((quiet.code, quiet.out.as_str()), (code, ""));
    }
    // The others are looked at all the same.
    let run = folder.tlog(&["verify", "garbage", "a.tlog"]);
    assert_eq!((run.code, run.err.lines().count()), (1, 1), "{}", run.err);
    assert!(run.out.starts_with("a.tlog: good"), "{}", run.out);
    // A log that lost only its header is one.
    let mut headless = small();
    headless[..9].fill(0);
    folder.put("headless", headless);
    let run = folder.tlog(&["verify", "headless"]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("(file-header)"), "{}", run.out);
}

#[test]
fn payloads_that_do_not_fit_are_found_by_looking_into_them() {
    let options = WriterOptions::new().compression(false);
    let mut bytes =
        support::log(&options, &[("n", "\"string\"")], &[("n", Some(1), "\"ab\""), ("n", Some(2), "\"cd\"")]);
    let (start, end) = data_blocks(&bytes)[0];
    bytes[end - 3] = 9;
    let crc = tlog::wire::crc::block_crc(&bytes[start..end], end - 3 - 4 - start);
    bytes[end - 7..end - 3].copy_from_slice(&crc.to_le_bytes());
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["verify", "a.tlog"]);
    assert_eq!(run.code, 3);
    assert!(run.out.starts_with(&format!("a.tlog: bytes {start}..{end}: error: ")), "{}", run.out);
    assert!(run.out.contains("(payload)") && run.out.contains("wrong in places"), "{}", run.out);
    folder.tlog(&["verify", "a.tlog", "--no-payloads"]).good();
}

#[test]
fn what_is_found_often_is_counted() {
    let data: Vec<_> = (0..400).map(|i| ("n", Some(i), "\"abc\"")).collect();
    let mut bytes = support::log(&WriterOptions::new().compression(false), &[("n", "\"string\"")], &data);
    data_blocks(&bytes).into_iter().step_by(2).for_each(|(_, end)| bytes[end - 1] ^= 1);
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["verify", "a.tlog"]);
    assert_eq!((run.code, run.out.matches("checksum mismatch").count()), (3, 3), "{}", run.out);
    assert!(run.out.contains("a.tlog: 197 more errors of the kind checksum; --verbose lists them"), "{}", run.out);
    assert!(run.out.lines().count() < 10, "{}", run.out);
    let all = folder.tlog(&["verify", "-v", "a.tlog"]);
    assert_eq!(all.out.matches("checksum mismatch").count(), 200);
    let json = folder.tlog(&["verify", "a.tlog", "--format", "json"]).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["logs"][0]["findings"].as_array().unwrap().iter().filter(|f| f["kind"] == "checksum").count(), 100);
    assert_eq!(json["logs"][0]["summary"]["errors"], 200);
}

#[test]
fn stores_and_those_that_are_written() {
    let folder = Folder::with("a.tlog", small());
    folder.tlog(&["record", "-q", "a.tlog", "--store", "store", "--rotate-size", "600"]).good();
    let segments = tlog_index::store::segments(folder.path("store")).unwrap();
    let out = folder.tlog(&["verify", "store"]).good();
    assert_eq!((out.matches(": good: ").count(), out.matches("warning").count()), (segments.len(), 0), "{out}");

    let mut writer = Command::new(TLOG);
    writer.args(["record", "-", "--store", "live", "--schema-from", "a.tlog", "--durability", "each", "--ack"]);
    writer.current_dir(folder.path("")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut writer = writer.spawn().unwrap();
    let mut stdin = writer.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, format!("{}\n", small_lines()[0]).as_bytes()).unwrap();
    let mut acknowledged = String::new();
    let mut acks = std::io::BufReader::new(writer.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut acks, &mut acknowledged).unwrap();
    let out = folder.tlog(&["verify", "live"]).good();
    assert!(out.contains("1 data block in "), "{out}");
    drop(stdin);
    assert!(writer.wait().unwrap().success());
}

#[test]
fn a_closed_pipe() {
    let mut bytes = small();
    let (_, end) = data_blocks(&bytes)[3];
    bytes[end - 1] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let mut command = Command::new(TLOG);
    let output = command.args(["verify", "a.tlog"]).current_dir(folder.path("")).stdout(write).output().unwrap();
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""));
}
