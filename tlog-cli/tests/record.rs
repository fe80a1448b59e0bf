//! `tlog record`: into a store, whatever comes and however it ends.
#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use support::{Folder, IMU, START, TLOG, blocks, small, small_lines};
use tlog::Micros;
use tlog::wire::BlockType;
use tlog::write::WriterOptions;

fn cat(folder: &Folder, store: &str) -> Vec<String> {
    folder.tlog(&["cat", store, "--format", "ndjson"]).good().lines().map(str::to_owned).collect()
}

/// Lines of imu, as many as one wants.
fn imu_line(at: usize) -> String {
    let time = Micros(START + at as i64 * 1000);
    format!("{{\"time\":\"{time}\",\"record\":\"imu\",\"data\":{{\"seq\":{at},\"accel\":[0.5,0.0,-9.75]}}}}")
}

/// A recorder that is fed line by line.
struct Recorder {
    child: Child,
    stdin: Option<ChildStdin>,
    acks: BufReader<ChildStdout>,
}

impl Recorder {
    fn start(folder: &Folder, more: &[&str]) -> Self {
        folder.put("imu.json", IMU);
        let mut command = Command::new(TLOG);
        command.args(["record", "-", "--store", "store", "--schema", "imu.json", "--record", "imu", "--ack"]);
        command.args(more).current_dir(folder.path(""));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, stdin, acks: BufReader::new(stdout) }
    }

    fn feed(&mut self, at: usize) {
        writeln!(self.stdin.as_mut().unwrap(), "{}", imu_line(at)).unwrap();
    }

    /// The next number that is told of as safe.
    fn ack(&mut self) -> usize {
        let mut line = String::new();
        assert!(self.acks.read_line(&mut line).unwrap() > 0, "the recorder ended by itself");
        line.trim().parse().unwrap()
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end: the exit code, and what was said.
    fn end(mut self) -> (Option<i32>, String) {
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), err)
    }
}

#[test]
fn logs_and_lines() {
    let folder = Folder::with("a.tlog", small());
    folder.put("a.ndjson", small_lines().join("\n"));
    let run = folder.tlog(&["record", "a.ndjson", "--store", "store", "--schema-from", "a.tlog"]);
    assert_eq!((run.code, run.out.as_str()), (0, ""));
    assert_eq!(run.err, "tlog: 15 records recorded; store has 1 segment\n");
    assert_eq!(cat(&folder, "store"), small_lines());
    folder.tlog(&["schema", "diff", "--exit-code", "a.tlog", "store/0000000001.tlog"]).good();
    let run = folder.tlog_with(&["record", "-", "--store", "store"], &small());
    assert_eq!(run.code, 0);
    assert!(run.err.starts_with("tlog: continuing store, which has 1 segment\n"), "{}", run.err);
    assert_eq!(cat(&folder, "store"), [small_lines(), small_lines()].concat());
    let run = folder.tlog(&["record", "a.tlog", "a.ndjson", "--store", "other", "--schema-from", "a.tlog", "-q"]);
    assert_eq!(run.good(), "");
    assert_eq!(cat(&folder, "other"), [small_lines(), small_lines()].concat());
    let run = folder.tlog_with(&["record", "-", "--store", "other", "--ack", "-q"], &small()).good();
    assert_eq!(run.lines().last(), Some("15"));
    folder.tlog(&["verify", "-q", "store", "other"]).good();
}

#[test]
fn segments_rotate_and_old_ones_go() {
    let folder = Folder::with("a.tlog", small());
    let lines: Vec<String> = (0..2000).map(imu_line).collect();
    folder.put("in.ndjson", lines.join("\n"));
    let record = |store: &str, more: &[&str]| {
        let args = ["record", "in.ndjson", "--store", store, "--schema-from", "a.tlog", "--rotate-size", "10KiB"];
        let run = folder.tlog(&[&args, more].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        (tlog_index::store::segments(folder.path(store)).unwrap().len(), run.err)
    };
    let (all, _) = record("all", &[]);
    assert!(all > 5);
    assert_eq!(cat(&folder, "all"), lines);
    let (kept, err) = record("few", &["--keep-segments", "2"]);
    assert_eq!(kept, 2);
    assert!(err.contains(&format!("{} old ones deleted", all - 2)), "{err}");
    let kept = cat(&folder, "few");
    assert_eq!(kept, lines[lines.len() - kept.len()..]);
    let (kept, _) = record("small", &["--keep-size", "35K"]);
    assert!((1..=4).contains(&kept), "{kept}");
    folder.tlog(&["verify", "-q", "all", "few", "small"]).good();
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    for (durability, count) in [("each", 1), ("each", 40), ("sync=5ms", 40), ("flush=5ms", 40), ("each", 300)] {
        let folder = Folder::new();
        let mut total = 0;
        for round in 0..3 {
            let mut recorder = Recorder::start(&folder, &["--durability", durability, "--rotate-size", "4K"]);
            (total..total + count).for_each(|at| recorder.feed(at));
            let mut safe = 0;
            while safe < count {
                safe = recorder.ack();
            }
            // More is on its way when it is hit.
            (total + count..total + count + 20).for_each(|at| recorder.feed(at));
            recorder.signal("KILL");
            let (code, err) = recorder.end();
            assert_eq!(code, None, "{err}");
            let there = cat_of_torn(&folder);
            assert!(there.len() >= total + safe, "{durability}, round {round}: {safe} were safe");
            let expected: Vec<String> = (0..there.len()).map(imu_line).collect();
            assert_eq!(there, expected, "{durability}, round {round}");
            total = there.len();
        }
        let recorder = Recorder::start(&folder, &[]);
        let (code, err) = ended_input(recorder);
        assert_eq!(code, Some(0), "{err}");
        assert!(err.contains(": had not been closed; ") && err.contains("tlog: continuing store"), "{err}");
        assert_eq!(cat(&folder, "store").len(), total);
        folder.tlog(&["verify", "-q", "store"]).good();
    }
}

/// What is in the store of a recorder that was killed, perhaps inside a block.
fn cat_of_torn(folder: &Folder) -> Vec<String> {
    let run = folder.tlog(&["cat", "store", "--format", "ndjson", "-q"]);
    assert!(matches!(run.code, 0 | 3), "{}", run.err);
    run.out.lines().map(str::to_owned).collect()
}

fn ended_input(mut recorder: Recorder) -> (Option<i32>, String) {
    recorder.stdin = None;
    recorder.end()
}

#[test]
fn signals_end_it_properly() {
    for signal in ["INT", "TERM"] {
        let folder = Folder::new();
        let mut recorder = Recorder::start(&folder, &["--durability", "each"]);
        recorder.feed(0);
        recorder.feed(1);
        while recorder.ack() < 2 {}
        // It waits for more, and is stopped all the same.
        recorder.signal(signal);
        let (code, err) = recorder.end();
        assert_eq!((code, err.as_str()), (Some(0), "tlog: 2 records recorded; store has 1 segment\n"), "{signal}");
        assert_eq!(cat(&folder, "store"), [imu_line(0), imu_line(1)]);
        let info = folder.tlog(&["info", "store/0000000001.tlog"]).good();
        assert!(info.contains("state       complete"), "{info}");
    }
}

#[test]
fn what_becomes_safe_while_nothing_comes_is_told() {
    let folder = Folder::new();
    let mut recorder = Recorder::start(&folder, &["--durability", "sync=50ms"]);
    recorder.feed(0);
    assert_eq!(recorder.ack(), 1);
    assert_eq!(ended_input(recorder).0, Some(0));
}

#[test]
fn a_log_is_recorded_while_it_comes() {
    let bytes = small();
    let folder = Folder::new();
    let mut recorder = Recorder::start(&folder, &["--durability", "each"]);
    let (mut sent, mut count) = (0, 0);
    for (kind, _, end) in blocks(&bytes) {
        recorder.stdin.as_mut().unwrap().write_all(&bytes[sent..end]).unwrap();
        sent = end;
        if kind == BlockType::Data {
            count += 1;
            // Hangs here if the command keeps what it could write.
            assert_eq!(recorder.ack(), count);
        }
    }
    // In the middle of another log.
    recorder.stdin.as_mut().unwrap().write_all(&bytes[..bytes.len() / 2]).unwrap();
    while recorder.ack() < count + 4 {}
    recorder.signal("TERM");
    assert_eq!(recorder.end().0, Some(0));
    let lines = cat(&folder, "store");
    assert_eq!(lines[..15], small_lines());
    assert_eq!(lines[15..], small_lines()[..lines.len() - 15]);
    assert!(lines.len() >= 19);
}

#[test]
fn nobody_listens_to_acknowledgements() {
    let folder = Folder::with("in.ndjson", (0..100).map(|at| imu_line(at) + "\n").collect::<String>());
    folder.put("imu.json", IMU);
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let mut command = Command::new(TLOG);
    command.args(["record", "in.ndjson", "--store", "store", "--schema", "imu.json", "--record", "imu", "--ack", "-q"]);
    command.args(["--durability", "each"]).current_dir(folder.path(""));
    let output = command.stdout(write).output().unwrap();
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""));
    // That nobody listens is noticed while recording goes on: how soon is up to the machine.
    let lines = cat(&folder, "store");
    assert!(!lines.is_empty());
    assert_eq!(lines, (0..lines.len()).map(imu_line).collect::<Vec<_>>());
}

#[test]
fn there_is_one_writer() {
    let folder = Folder::with("a.tlog", small());
    let mut recorder = Recorder::start(&folder, &["--durability", "each"]);
    recorder.feed(0);
    recorder.ack();
    let err = folder.tlog(&["record", "a.tlog", "--store", "store"]).refused(1);
    assert!(err.contains("store: another writer has this store open"), "{err}");
    recorder.feed(1);
    assert_eq!(recorder.ack(), 2);
    assert_eq!(ended_input(recorder).0, Some(0));
    assert_eq!(cat(&folder, "store").len(), 2);
}

#[test]
fn a_line_that_does_not_fit_ends_it_and_what_came_before_is_kept() {
    let folder = Folder::with("a.tlog", small());
    let lines = [&small_lines()[..3], &["{\"record\":\"imu\"}".to_owned()], &small_lines()[3..]].concat().join("\n");
    let run = folder.tlog_with(&["record", "-", "--store", "store", "--schema-from", "a.tlog"], lines.as_bytes());
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("tlog: error: standard input: line 4: "), "{}", run.err);
    assert_eq!(cat(&folder, "store"), small_lines()[..3]);
    folder.tlog(&["verify", "-q", "store"]).good();
}

#[test]
fn damaged_logs_are_recorded_as_far_as_they_go() {
    let mut bytes = small();
    let data: Vec<_> = blocks(&bytes).into_iter().filter(|(kind, ..)| *kind == BlockType::Data).collect();
    bytes[data[3].2 - 1] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["record", "a.tlog", "--store", "store"]);
    assert_eq!(run.code, 3);
    assert!(run.err.starts_with("tlog: warning: a.tlog: skipped bytes "), "{}", run.err);
    assert_eq!(cat(&folder, "store").len(), small_lines().len() - 1);
    folder.tlog(&["verify", "-q", "store"]).good();
}

#[test]
fn records_that_clash_are_renamed() {
    let options = WriterOptions::new();
    let folder = Folder::with("a.tlog", support::log(&options, &[("x", "\"string\"")], &[("x", Some(1), "\"a\"")]));
    folder.put("b.tlog", support::log(&options, &[("x", "\"varint\"")], &[("x", Some(2), "7")]));
    let run = folder.tlog(&["record", "a.tlog", "b.tlog", "a.tlog", "--store", "store"]);
    assert_eq!(run.code, 0);
    let warning = "tlog: warning: record x (identifier 1) is x_2 (identifier 2) in the store";
    assert_eq!(run.err.lines().filter(|line| *line == warning).count(), 1, "{}", run.err);
    let lines = cat(&folder, "store").concat();
    assert_eq!((lines.matches("\"x\",").count(), lines.matches("\"x_2\",").count()), (2, 1), "{lines}");
}

#[test]
fn what_cannot_be_leaves_no_store() {
    let folder = Folder::with("a.tlog", small());
    folder.put("text", b"hello");
    std::fs::create_dir(folder.path("dir")).unwrap();
    std::fs::write(folder.path("dir/other"), b"").unwrap();
    let names = folder.names();
    for (args, code, says) in [
        (&["missing", "--store", "s"][..], 1, "missing: No such file"),
        (&["dir", "--store", "s"], 2, "dir is a folder"),
        (&["a.tlog", "--store", "dir"], 2, "other files"),
        (&["a.tlog", "--store", "text"], 2, "not a folder"),
        (&["a.tlog", "--store", "s", "--rotate-size", "big"], 2, "--rotate-size: `big` is not a size"),
        (&["a.tlog", "--store", "s", "--keep-age", "5"], 2, "--keep-age: "),
        (&["a.tlog", "--store", "s", "--durability", "often"], 2, "none, flush=1s, sync=1s, each"),
        (&["a.tlog", "--store", "s", "--durability", "sync=0s"], 2, "must not be zero"),
        (&["a.tlog", "--store", "s", "--keep-segments", "0"], 2, "must not be zero"),
        (&["-", "-", "--store", "s"], 2, "given twice"),
        (&["a.tlog", "--store", "s", "--schema", "text", "--record", "x"], 1, "text: "),
    ] {
        let err = folder.tlog(&[&["record"], args].concat()).refused(code);
        assert!(err.contains(says), "{args:?}: {err}");
        assert_eq!(folder.names(), names, "{args:?}");
    }
    for (args, says) in [(&["text"][..], "neither a TLOG0003 log nor NDJSON"), (&["-"], "lines need --schema")] {
        let run = folder.tlog_with(&[&["record", "--store", "s", "-q"], args].concat(), b"{}");
        assert!(run.err.contains(says) && run.code > 0, "{}", run.err);
    }
}

/// A small file system of memory, mounted for a test.
#[cfg(target_os = "linux")]
struct Disk(Folder);

#[cfg(target_os = "linux")]
impl Disk {
    /// `None` where this user cannot mount anything, which CI must be able to.
    fn mount() -> Option<Self> {
        let folder = Folder::new();
        let mounted = mount(&["-t", "tmpfs", "-o", "size=256k", "tmpfs"], &folder.path(""));
        let is_ci = std::env::var_os("CI").is_some_and(|value| value != "false" && !value.is_empty());
        assert!(mounted || !is_ci, "CI must run this as a user who can mount a tmpfs");
        if !mounted {
            eprintln!("!! a tmpfs could not be mounted: this test did NOT run");
        }
        mounted.then_some(Self(folder))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path("")).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[cfg(target_os = "linux")]
fn mount(arguments: &[&str], on: &Path) -> bool {
    Command::new("mount").args(arguments).arg(on).output().is_ok_and(|output| output.status.success())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_and_a_read_only_one() {
    let Some(disk) = Disk::mount() else { return };
    let input = Folder::with("a.tlog", small());
    let lines: Vec<String> = (0..10_000).map(imu_line).collect();
    input.put("in.ndjson", lines.join("\n"));
    let (lines_in, schemas) = (input.path("in.ndjson"), input.path("a.tlog"));
    let (lines_in, schemas) = (lines_in.to_str().unwrap(), schemas.to_str().unwrap());
    let record = |more: &[&str]| {
        let args = ["record", lines_in, "--store", "store", "--schema-from", schemas, "--rotate-size", "40K"];
        disk.0.tlog(&[&args, more].concat())
    };
    let run = record(&["--ack"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.err.contains("tlog: error: ") && run.err.contains("No space left on device"), "{}", run.err);
    assert!(run.err.contains("records are safe"), "{}", run.err);
    let there = cat(&disk.0, "store");
    assert_eq!(there, lines[..there.len()]);
    let safe: usize = run.out.lines().last().map_or(0, |line| line.parse().unwrap());
    assert!(there.len() >= safe && there.len() > 1000, "{} of {safe}", there.len());
    disk.0.tlog(&["verify", "-q", "store"]).good();

    let run = record(&["--on-full", "make-room"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(cat(&disk.0, "store").last(), lines.last());
    disk.0.tlog(&["verify", "-q", "store"]).good();
    // There is no room for a second copy of it.
    let names = disk.0.names();
    let err = disk.0.tlog(&["cut", "store", "-o", "copy.tlog"]).refused(1);
    assert!(err.contains("No space left on device"), "{err}");
    let err = disk.0.tlog(&["recover", "store", "-o", "copy.tlog"]).refused(1);
    assert!(err.contains("copy.tlog: No space left on device"), "{err}");
    assert_eq!(disk.0.names(), names);

    assert!(mount(&["-o", "remount,ro"], &disk.0.path("")));
    for args in [
        &["record", lines_in, "--store", "store", "--schema-from", schemas][..],
        &["record", lines_in, "--store", "other", "--schema-from", schemas],
        &["cut", "store", "-o", "copy.tlog"],
        &["recover", "store", "-o", "copy.tlog"],
    ] {
        let err = disk.0.tlog(args).refused(1);
        assert!(err.to_lowercase().contains("read-only"), "{args:?}: {err}");
    }
    assert_eq!(cat(&disk.0, "store").last(), lines.last());
}
