//! `tlog import`: formats told by their content, what is kept, what is said, what is left behind.

mod support;

use std::io::Cursor;

use support::{Folder, small, small_lines};
use tlog_convert::mcap::{Completeness, Compression, Exporter, Options};

/// The small log of all tests as MCAP.
fn small_mcap() -> Vec<u8> {
    let log = small();
    let mut exporter =
        Exporter::new(Cursor::new(Vec::new()), &Options { compression: Compression::None, ..Options::default() })
            .unwrap();
    let mut reader = tlog::read::SliceReader::new(&log, Default::default());
    while let Some(data) = reader.next_data().unwrap() {
        exporter.put(&data).unwrap();
    }
    exporter.finish(&Completeness::default()).unwrap().0.into_inner()
}

fn lines(folder: &Folder, log: &str) -> Vec<String> {
    folder.tlog(&["cat", log, "--format", "ndjson"]).good().lines().map(str::to_owned).collect()
}

#[test]
fn a_log_comes_back_from_mcap() {
    // The extension does not matter.
    let folder = Folder::with("small.bin", small_mcap());
    let run = folder.tlog(&["import", "small.bin", "-o", "new.tlog"]);
    assert_eq!(
        (run.code, run.out.as_str(), run.err.as_str()),
        (0, "", "tlog: 15 data blocks from small.bin in new.tlog\n")
    );
    assert_eq!(lines(&folder, "new.tlog"), small_lines());
    folder.put("old.tlog", small());
    folder.tlog(&["schema", "diff", "--exit-code", "old.tlog", "new.tlog"]).good();
    assert_eq!(folder.tlog(&["import", "-q", "small.bin", "-o", "quiet.tlog"]).good(), "");
    folder.tlog(&["verify", "new.tlog"]).good();
}

#[test]
fn from_a_pipe_and_into_one() {
    let folder = Folder::with("small.mcap", small_mcap());
    let run = folder.tlog_with(&["import", "-", "-o", "new.tlog"], &small_mcap());
    assert_eq!((run.code, run.err.as_str()), (0, "tlog: 15 data blocks from standard input in new.tlog\n"));
    assert_eq!(lines(&folder, "new.tlog"), small_lines());
    let piped = folder.tlog(&["import", "small.mcap", "-o", "-"]);
    assert_eq!((piped.code, piped.out.get(..8)), (0, Some("TLOG0003")));
}

#[test]
fn what_is_broken_is_skipped_and_told() {
    let mcap = small_mcap();
    let middle = mcap.windows(7).position(|bytes| bytes == b"\"seq\":5").unwrap();
    let folder = Folder::with("cut.mcap", &mcap[..middle]);
    let run = folder.tlog(&["import", "cut.mcap", "-o", "new.tlog"]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("cut.mcap: skipped bytes "), "{}", run.err);
    let (some, all) = (lines(&folder, "new.tlog"), small_lines());
    assert!(some == all[..some.len()] && some.len() == 8);
    // Where its first bytes do not tell, the user does.
    folder.put("headless.mcap", &mcap[9..]);
    assert!(folder.tlog(&["import", "headless.mcap", "-o", "rest.tlog"]).refused(1).contains("--format"));
    let run = folder.tlog(&["import", "--format", "mcap", "headless.mcap", "-o", "rest.tlog"]);
    assert_eq!((run.code, lines(&folder, "rest.tlog").len()), (3, all.len()), "{}", run.err);
}

#[test]
fn nothing_is_overwritten_and_nothing_half_done_is_left() {
    let folder = Folder::with("small.mcap", small_mcap());
    folder.put("there.tlog", b"keep me");
    assert!(folder.tlog(&["import", "small.mcap", "-o", "there.tlog"]).refused(2).contains("--force"));
    assert_eq!(folder.get("there.tlog"), b"keep me");
    assert!(folder.tlog(&["import", "small.mcap", "-o", "small.mcap", "--force"]).refused(2).contains("same file"));
    folder.put("none.mcap", b"\x89MCAP0\r\n");
    folder.put("log.tlog", small());
    folder.put("packed.gz", b"\x1f\x8b\x08\0\0");
    folder.put("void", b"");
    let before = folder.names();
    for (input, says) in
        [("log.tlog", "already"), ("packed.gz", "gunzip"), ("void", "it is empty"), ("missing", "os error 2")]
    {
        let refused = folder.tlog(&["import", input, "-o", "new.tlog"]).refused(1);
        assert!(refused.contains(says), "{refused}");
        assert_eq!(refused.matches(input).count(), 1, "{refused}");
    }
    let refused = folder.tlog(&["import", "--format", "mcap", "log.tlog", "-o", "new.tlog"]).refused(1);
    assert!(refused.contains("log.tlog: MCAP at byte 0: this is no MCAP file"), "{refused}");
    assert!(
        folder.tlog(&["import", "--max-record", "many", "small.mcap", "-o", "new.tlog"]).refused(2).contains("many")
    );
    assert_eq!(folder.names(), before);
    assert_eq!(folder.tlog(&["import", "small.mcap", "-o", "there.tlog", "--force"]).code, 0);
    assert_eq!(folder.tlog(&["import", "none.mcap", "-o", "none.tlog"]).code, 3);
}

#[test]
fn what_is_too_large_can_be_allowed() {
    let folder = Folder::with("small.mcap", small_mcap());
    let run = folder.tlog(&["import", "--max-record", "100", "small.mcap", "-o", "few.tlog"]);
    assert_eq!(run.code, 3, "{}", run.err);
    let run = folder.tlog(&["import", "--max-record", "1MiB", "small.mcap", "-o", "all.tlog"]);
    assert_eq!((run.code, lines(&folder, "all.tlog").len()), (0, small_lines().len()), "{}", run.err);
}

/// Runs the command under a limit of the system's for its memory, in KiB.
#[cfg(target_os = "linux")]
fn limited(folder: &Folder, limit: u32, input: &str) -> (Option<i32>, String) {
    let shell = format!("ulimit -v {limit} && exec \"$0\" import {input} -o new.tlog --force");
    let mut command = std::process::Command::new("sh");
    let output = command.args(["-c", &shell, support::TLOG]).current_dir(folder.path("")).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded_by_the_chunk_not_by_the_file() {
    let text = tlog::schema::Schema::new(tlog::schema::Type::String).unwrap();
    let mut log = tlog::Writer::new(Vec::new());
    let id = log.declare("text", &text).unwrap();
    for i in 0..16 {
        let value = tlog::value::Value::from(" ".repeat(60_000));
        let mut payload = Vec::new();
        value.encode(text.root(), &mut payload).unwrap();
        log.write(id, tlog::Micros(i), &payload).unwrap();
    }
    let log = log.finish().unwrap();
    let mut exporter = Exporter::new(Cursor::new(Vec::new()), &Options::default()).unwrap();
    let mut reader = tlog::read::SliceReader::new(&log, Default::default());
    while let Some(data) = reader.next_data().unwrap() {
        exporter.put(&data).unwrap();
    }
    let mcap = exporter.finish(&Completeness::default()).unwrap().0.into_inner();
    // One chunk, again and again: 86 MB when unpacked.
    let header = 17 + u64::from_le_bytes(mcap[9..17].try_into().unwrap()) as usize;
    let chunk = 9 + u64::from_le_bytes(mcap[header + 1..header + 9].try_into().unwrap()) as usize;
    let long = [&mcap[..header], &mcap[header..header + chunk].repeat(90)].concat();
    let folder = Folder::with("long.mcap", long);
    let (code, said) = limited(&folder, 60_000, "long.mcap");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("1440 data blocks"), "{said}");
    // Lengths that are lies: of the chunk, unpacked, packed.
    for (at, claim) in [(1, 1_u64 << 25), (1, u64::MAX), (25, 1 << 25), (25, 1 << 60), (41, 1 << 25), (41, u64::MAX)] {
        let mut liar = mcap.clone();
        liar[header + at..header + at + 8].copy_from_slice(&claim.to_le_bytes());
        folder.put("liar.mcap", liar);
        let (code, said) = limited(&folder, 60_000, "liar.mcap");
        assert_eq!(code, Some(3), "{at} {claim}: {said}");
    }
}
