//! `tlog recover`: what it keeps, what it says, what it leaves behind.

mod support;

use std::process::{Command, Stdio};

use support::{Folder, TLOG, blocks, small, small_lines};
use tlog::wire::BlockType;

/// The small log with one bit flipped in each of these data blocks.
fn flipped(which: &[usize]) -> Vec<u8> {
    let mut bytes = small();
    let data: Vec<_> = blocks(&bytes).into_iter().filter(|(kind, ..)| *kind == BlockType::Data).collect();
    which.iter().for_each(|&at| bytes[data[at].2 - 1] ^= 1);
    bytes
}

/// The lines of the small log without these.
fn lines_without(which: &[usize]) -> Vec<String> {
    small_lines().into_iter().enumerate().filter(|(at, _)| !which.contains(at)).map(|(_, line)| line).collect()
}

fn cat(folder: &Folder, log: &str) -> Vec<String> {
    folder.tlog(&["cat", log, "--format", "ndjson"]).good().lines().map(str::to_owned).collect()
}

#[test]
fn everything_intact_is_in_a_whole_log() {
    let folder = Folder::with("a.tlog", flipped(&[2, 7]));
    let run = folder.tlog(&["recover", "a.tlog", "-o", "b.tlog"]);
    assert_eq!((run.code, run.err.as_str()), (3, ""), "{}", run.out);
    assert!(run.out.contains("lost ") && run.out.contains(" in 2 stretches"), "{}", run.out);
    assert_eq!(run.out.matches(": checksum mismatch").count(), 2, "{}", run.out);
    assert!(
        run.out.contains("kept 13 data blocks in b.tlog") && run.out.contains("read again and right"),
        "{}",
        run.out
    );
    assert_eq!(cat(&folder, "b.tlog"), lines_without(&[2, 7]));
    folder.tlog(&["verify", "b.tlog"]).good();
    assert!(folder.tlog(&["info", "b.tlog"]).good().contains("index       present"));
    assert_eq!(folder.names(), ["a.tlog", "b.tlog"]);
    assert_eq!(folder.get("a.tlog"), flipped(&[2, 7]));
}

#[test]
fn cuts() {
    let bytes = small();
    for i in 1..20 {
        let cut = 60 + i * (bytes.len() - 60) / 20;
        let data = blocks(&bytes).into_iter().filter(|(kind, ..)| *kind == BlockType::Data);
        let kept = data.filter(|(_, _, end)| *end <= cut).count();
        let folder = Folder::with("a.tlog", &bytes[..cut]);
        let run = folder.tlog(&["recover", "a.tlog", "-o", "b.tlog"]);
        assert_eq!(run.err, "", "cut at {cut}");
        let ends: Vec<usize> = blocks(&bytes).iter().map(|(.., end)| *end).collect();
        assert_eq!(run.code, if ends.contains(&cut) { 0 } else { 3 }, "cut at {cut}: {}", run.out);
        assert_eq!(cat(&folder, "b.tlog"), small_lines()[..kept], "cut at {cut}");
    }
}

#[test]
fn nothing_lost_is_exit_code_0() {
    let folder = Folder::with("a.tlog", small());
    let out = folder.tlog(&["recover", "a.tlog", "-o", "b.tlog"]).good();
    assert!(out.starts_with("a.tlog: nothing is lost\nkept 15 data blocks in b.tlog"), "{out}");
    // Without an index, too.
    let index = blocks(&small()).last().unwrap().1;
    folder.put("c.tlog", &small()[..index]);
    folder.tlog(&["recover", "c.tlog", "-o", "d.tlog"]).good();
    assert_eq!(cat(&folder, "d.tlog"), small_lines());
}

#[test]
fn the_report_as_json() {
    let folder = Folder::with("a.tlog", flipped(&[4]));
    let run = folder.tlog(&["recover", "a.tlog", "-o", "b.tlog", "--format", "json"]);
    assert_eq!(run.code, 3);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(
        (&report["version"], &report["output"], &report["verified"]),
        (&1.into(), &"b.tlog".into(), &true.into())
    );
    assert_eq!(report["output_bytes"], folder.get("b.tlog").len());
    assert_eq!(report["kept"], 14);
    let (_, start, end) = blocks(&small()).into_iter().filter(|(kind, ..)| *kind == BlockType::Data).nth(4).unwrap();
    let lost = &report["inputs"][0]["lost"][0];
    assert_eq!((&lost["range"]["start"], &lost["range"]["end"]), (&start.into(), &end.into()));
    assert!(lost["cause"].as_str().unwrap().contains("checksum mismatch"));
    assert_eq!(report["records"].as_array().unwrap().len(), 3);
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = Folder::with("a.tlog", flipped(&[4]));
    let run = folder.tlog(&["recover", "a.tlog", "--dry-run"]);
    assert_eq!((run.code, run.err.as_str()), (3, ""));
    assert!(run.out.contains("which was not written"), "{}", run.out);
    assert_eq!(folder.names(), ["a.tlog"]);
}

#[test]
fn what_is_no_log_leaves_nothing() {
    let folder = Folder::with("garbage", (0..5000_u32).map(|i| ((i * i) >> 3) as u8).collect::<Vec<u8>>());
    folder.put("empty", b"");
    folder.put("text", b"hello, this is no log\n".repeat(50));
    folder.put("gzip", [b"\x1f\x8b\x08\0".as_slice(), &[7; 100]].concat());
    std::fs::create_dir(folder.path("dir")).unwrap();
    let names = folder.names();
    for (input, code, says) in [
        ("garbage", 1, "nothing of a TLOG0003 log"),
        ("empty", 1, "it is empty"),
        ("text", 1, "a log starts with TLOG0003"),
        ("gzip", 1, "gunzip"),
        ("missing", 1, "missing: No such file"),
        ("dir", 2, "not one of a store"),
        ("/dev/null", 1, "it is empty"),
    ] {
        let err = folder.tlog(&["recover", input, "-o", "out"]).refused(code);
        assert!(err.contains(says), "{err}");
        assert_eq!(folder.names(), names, "{input}");
    }
}

#[test]
fn outputs_that_cannot_be() {
    let folder = Folder::with("a.tlog", small());
    folder.put("b.tlog", b"mine");
    std::fs::create_dir(folder.path("dir")).unwrap();
    for (args, code, says) in [
        (&["a.tlog", "-o", "b.tlog"][..], 2, "use --force"),
        (&["a.tlog", "-o", "a.tlog", "--force"], 2, "the same file"),
        (&["a.tlog", "-o", "b.tlog", "--schemas-from", "b.tlog", "--force"], 1, "not a TLOG0003 log"),
        (&["a.tlog", "-o", "dir", "--force"], 2, "not a regular file"),
        (&["a.tlog", "-o", "none/b.tlog"], 1, "no such folder"),
        (&["-", "-", "-o", "c.tlog"], 2, "given twice"),
    ] {
        let err = folder.tlog(&[&["recover"], args].concat()).refused(code);
        assert!(err.contains(says), "{args:?}: {err}");
    }
    assert_eq!(folder.tlog(&["recover", "a.tlog"]).code, 2);
    assert_eq!((folder.get("a.tlog"), folder.get("b.tlog")), (small(), b"mine".to_vec()));
    assert_eq!(folder.names(), ["a.tlog", "b.tlog", "dir"]);
    folder.tlog(&["recover", "a.tlog", "-o", "b.tlog", "--force"]).good();
    assert_eq!(cat(&folder, "b.tlog"), small_lines());
}

#[test]
fn schemas_come_from_a_sibling() {
    let mut bytes = small();
    // The declaration of imu.
    let (_, start, end) = blocks(&bytes)[0];
    bytes[start..end].fill(0);
    let folder = Folder::with("a.tlog", &bytes);
    folder.put("sibling.tlog", small());
    let run = folder.tlog(&["recover", "a.tlog", "-o", "b.tlog"]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("10 data blocks") && run.out.contains("whose schema is lost"), "{}", run.out);
    assert!(run.out.contains("advice: "), "{}", run.out);
    assert_eq!(cat(&folder, "b.tlog").len(), 5);
    let run = folder.tlog(&["recover", "a.tlog", "-o", "c.tlog", "--schemas-from", "sibling.tlog"]);
    assert!(run.out.contains("schema taken from elsewhere"), "{}", run.out);
    assert_eq!(cat(&folder, "c.tlog"), small_lines());
}

#[test]
fn pipes() {
    let folder = Folder::new();
    let run = folder.tlog_with(&["recover", "-", "-o", "b.tlog"], &flipped(&[0]));
    assert_eq!(run.code, 3);
    assert_eq!(cat(&folder, "b.tlog"), lines_without(&[0]));
    let mut command = assert_cmd::Command::new(TLOG);
    let output = command.args(["recover", "-", "-o", "-"]).write_stdin(flipped(&[0])).output().unwrap();
    assert_eq!((output.status.code(), &output.stdout), (Some(3), &folder.get("b.tlog")));
    assert!(String::from_utf8_lossy(&output.stderr).contains("tlog: kept 14 data blocks in standard output"));
}

#[test]
fn several_logs_and_stores_become_one() {
    let folder = Folder::with("a.tlog", flipped(&[1]));
    // Cut off inside a block: what is missing must not be taken out of the next log.
    folder.put("b.tlog", &small()[..small().len() - 200]);
    folder.put("garbage", [0x5a; 300]);
    let run = folder.tlog(&["recover", "a.tlog", "b.tlog", "garbage", "-o", "c.tlog"]);
    assert_eq!((run.code, run.err.lines().count()), (3, 1), "{}", run.err);
    assert!(run.err.starts_with("tlog: warning: garbage: there is nothing"), "{}", run.err);
    let b = cat_of_cut(&folder);
    assert_eq!(cat(&folder, "c.tlog"), [lines_without(&[1]), b].concat());
    folder.tlog(&["verify", "c.tlog"]).good();

    folder.tlog(&["record", "-q", "c.tlog", "--store", "store", "--rotate-size", "500"]).good();
    let segments: Vec<_> = tlog_index::store::segments(folder.path("store")).unwrap();
    assert!(segments.len() > 2);
    let mut torn = std::fs::read(&segments[1]).unwrap();
    let (_, _, end) = *blocks(&torn).iter().find(|(kind, ..)| *kind == BlockType::Data).unwrap();
    torn[end - 1] ^= 1;
    std::fs::write(&segments[1], torn).unwrap();
    let run = folder.tlog(&["recover", "store", "-o", "d.tlog"]);
    assert_eq!((run.code, run.err.as_str()), (3, ""));
    let (whole, recovered) = (cat(&folder, "c.tlog"), cat(&folder, "d.tlog"));
    assert_eq!(recovered.len() + 1, whole.len());
    assert_eq!(folder.tlog(&["recover", "store", "-o", "store/0000000001.tlog", "--force"]).code, 2);
}

fn cat_of_cut(folder: &Folder) -> Vec<String> {
    let run = folder.tlog(&["cat", "b.tlog", "--format", "ndjson", "-q"]);
    assert_eq!(run.code, 3);
    run.out.lines().map(str::to_owned).collect()
}

#[test]
fn lists_are_bounded_unless_asked_for() {
    let options = tlog::write::WriterOptions::new().compression(false);
    let data: Vec<(&str, Option<i64>, String)> = (0..80).map(|i| ("n", Some(i), format!("\"{i}\""))).collect();
    let data: Vec<_> = data.iter().map(|(name, time, json)| (*name, *time, json.as_str())).collect();
    let mut bytes = support::log(&options, &[("n", "\"string\"")], &data);
    let damaged: Vec<_> = blocks(&bytes).into_iter().filter(|(kind, ..)| *kind == BlockType::Data).step_by(2).collect();
    damaged.iter().for_each(|(_, _, end)| bytes[end - 1] ^= 1);
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["recover", "a.tlog", "-o", "b.tlog"]);
    assert_eq!(run.out.matches("  bytes ").count(), 10, "{}", run.out);
    assert!(run.out.contains("  and 30 more; --verbose lists them"), "{}", run.out);
    let run = folder.tlog(&["recover", "a.tlog", "-o", "b.tlog", "--force", "-v"]);
    assert_eq!(run.out.matches("  bytes ").count(), 40, "{}", run.out);
}

#[cfg(unix)]
#[test]
fn an_interrupted_recovery_leaves_nothing() {
    let folder = Folder::new();
    let mut command = Command::new(TLOG);
    command.args(["recover", "-", "-o", "b.tlog"]).current_dir(folder.path(""));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    while folder.names().is_empty() {
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    // Waiting would close its input, and empty input is another error.
    let _open = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}
