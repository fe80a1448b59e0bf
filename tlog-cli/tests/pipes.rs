//! Closed pipes, endless pipes, growing files, full disks, terminals.

mod support;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use support::{Folder, START, TLOG, blocks, log, small, small_lines};
use tlog::write::WriterOptions;

fn start(args: &[&str], stdin: Stdio) -> Child {
    Command::new(TLOG).args(args).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for the end: quiet and good.
#[track_caller]
fn ends_quietly(mut child: Child) {
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

fn first_line(stdout: &mut Option<ChildStdout>) -> String {
    let mut line = String::new();
    BufReader::with_capacity(64, stdout.take().unwrap()).read_line(&mut line).unwrap();
    line
}

/// A log too large for any pipe or buffer: header and schema, and blocks that can be repeated for ever.
fn endless() -> (Vec<u8>, Vec<u8>) {
    let text = format!("\"{}\"", "x".repeat(200));
    let data = vec![("note", Some(START), text.as_str()); 1000];
    let options = WriterOptions::new().index(false).seek_period(None).previous_offsets(false).compression(false);
    let mut bytes = log(&options, &[("note", "\"string\"")], &data);
    let body = bytes.split_off(blocks(&bytes)[0].2);
    (bytes, body)
}

/// Feeds the pipe until nobody reads it; how many bytes went in.
fn feed(mut stdin: ChildStdin) -> u64 {
    let (head, body) = endless();
    let mut fed = 0;
    stdin.write_all(&head).unwrap();
    while stdin.write_all(&body).is_ok() {
        fed += body.len() as u64;
    }
    fed
}

#[test]
fn a_closed_pipe_ends_an_endless_one() {
    for args in [&["cat", "-"][..], &["cat", "-", "--format", "ndjson"], &["cat", "-", "--format", "csv"]] {
        let mut child = start(args, Stdio::piped());
        let stdin = child.stdin.take().unwrap();
        let feeder = std::thread::spawn(|| feed(stdin));
        assert!(!first_line(&mut child.stdout).is_empty());
        // Returns only because the command stops reading.
        feeder.join().unwrap();
        ends_quietly(child);
    }
}

#[test]
fn a_closed_pipe_ends_the_reading_of_a_file() {
    let folder = Folder::new();
    let (head, body) = endless();
    let mut file = File::create(folder.path("big.tlog")).unwrap();
    file.write_all(&head).unwrap();
    (0..100).for_each(|_| file.write_all(&body).unwrap());
    // Damage at the end: who reads that far says so.
    file.write_all(b"broken").unwrap();
    let mut child = start(&["cat", folder.path("big.tlog").to_str().unwrap()], Stdio::null());
    assert!(first_line(&mut child.stdout).starts_with("2020-09-13T12:26:40Z note \"xxx"));
    ends_quietly(child);
}

#[test]
fn nobody_listening_is_no_error() {
    let folder = Folder::with("a.tlog", small());
    let file = folder.path("a.tlog");
    let file = file.to_str().unwrap();
    for args in [
        &["cat", file][..],
        &["cat", file, "--format", "json"],
        &["info", file],
        &["info", file, "--format", "json"],
        &["schema", "show", file],
        &["schema", "diff", file, file],
        &["completion", "bash"],
        &["help", "times"],
        &["--help"],
    ] {
        let mut child = Command::new(TLOG);
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let output = child.args(args).stdout(write).output().unwrap();
        assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_slow_pipe_is_printed_as_it_comes() {
    let bytes = small();
    let mut child = start(&["cat", "-", "--format", "ndjson"], Stdio::piped());
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut expected = small_lines().into_iter();
    let mut sent = 0;
    for (kind, _, end) in blocks(&bytes) {
        stdin.write_all(&bytes[sent..end]).unwrap();
        sent = end;
        if kind == tlog::wire::BlockType::Data {
            // Hangs here if the command keeps what it could print.
            assert_eq!(lines.next().unwrap().unwrap(), expected.next().unwrap());
        }
    }
    drop(stdin);
    assert!(lines.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn follow_prints_what_is_appended() {
    let bytes = small();
    let folder = Folder::with("a.tlog", b"");
    let mut file = OpenOptions::new().append(true).open(folder.path("a.tlog")).unwrap();
    let args = ["cat", "--follow", "--format", "ndjson", folder.path("a.tlog").to_str().unwrap()].map(str::to_owned);
    let mut child = start(&args.each_ref().map(String::as_str), Stdio::null());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut expected = small_lines().into_iter();
    // Pieces end inside the magic, in block headers, in payloads; and lie a while so that the end is seen each time.
    let mut sent = 0;
    for (kind, start, end) in blocks(&bytes) {
        for cut in [5.min(end), start + 1, start + (end - start) / 2, end] {
            if cut > sent {
                file.write_all(&bytes[sent..cut]).unwrap();
                sent = cut;
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
        if kind == tlog::wire::BlockType::Data {
            assert_eq!(lines.next().unwrap().unwrap(), expected.next().unwrap());
        }
    }
    // Still waiting behind a log that was closed properly.
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(err, "");
}

#[test]
fn follow_tells_of_damage_when_it_meets_it() {
    let mut bytes = small();
    let (_, start, end) = blocks(&bytes)[5];
    bytes[end - 1] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    let path = folder.path("a.tlog");
    let mut child = self::start(&["cat", "--follow", path.to_str().unwrap()], Stdio::null());
    let line = BufReader::new(child.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    assert!(line.contains(&format!("skipped bytes {start}..{end}: checksum mismatch")), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn follow_of_a_pipe_ends_with_it() {
    let folder = Folder::new();
    let out = folder.tlog_with(&["cat", "--follow", "-", "--format", "ndjson"], &small()).good();
    assert_eq!(out.lines().collect::<Vec<_>>(), small_lines());
}

#[test]
fn a_full_disk_is_an_error() {
    let folder = Folder::with("a.tlog", small());
    folder.put("a.ndjson", small_lines().join("\n"));
    for line in [
        "cat a.tlog",
        "cat a.tlog --format json --limit 0",
        "cat -",
        "info a.tlog",
        "info a.tlog --format json",
        "schema show a.tlog",
        "schema diff a.tlog a.tlog",
        "write --schema-from a.tlog a.ndjson -o -",
        "completion zsh",
        "man",
        "help times",
        "help",
        "--help",
        "--version",
    ] {
        let mut command = Command::new(TLOG);
        command.args(line.split(' ')).current_dir(folder.path(""));
        command.stdin(File::open(folder.path("a.tlog")).unwrap());
        let output = command.stdout(OpenOptions::new().write(true).open("/dev/full").unwrap()).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}: {err}");
        assert_eq!((err.lines().count(), err.matches("os error 28").count()), (1, 1), "{line}: {err}");
        assert!(err.contains("standard output: "), "{line}: {err}");
    }
}

/// Runs a line of shell with all standard streams on a terminal; what appeared there, and the exit code.
fn on_a_terminal(folder: &Folder, line: &str) -> (String, Option<i32>) {
    let mut script = Command::new("script");
    script.args(["-qefc", line, "/dev/null"]).current_dir(folder.path("")).stdin(Stdio::null());
    script.env("TERM", "xterm").env_remove("NO_COLOR");
    let output = script.output().expect("script(1), of the package bsdutils");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

#[test]
fn terminals_give_no_logs_and_take_none() {
    let folder = Folder::with("a.tlog", small());
    folder.put("a.ndjson", small_lines().join("\n"));
    for (line, says) in [
        ("cat -", "standard input is a terminal"),
        ("info -", "standard input is a terminal"),
        ("write --schema-from a.tlog -o x.tlog", "standard input is a terminal"),
        ("write --schema-from a.tlog a.ndjson -o -", "refusing to write a log to a terminal"),
    ] {
        let (out, code) = on_a_terminal(&folder, &format!("{TLOG} {line}"));
        assert!(out.contains(says) && !out.contains("TLOG0003"), "{line}: {out}");
        assert_eq!(code, Some(2), "{line}: {out}");
    }
    assert_eq!(folder.names(), ["a.ndjson", "a.tlog"]);
}

#[test]
fn terminals_have_colors_unless_told_otherwise() {
    let folder = Folder::with("a.tlog", small());
    for (line, colored) in [
        (format!("{TLOG} info a.tlog"), true),
        (format!("NO_COLOR=1 {TLOG} info a.tlog"), false),
        (format!("TERM=dumb {TLOG} info a.tlog"), false),
        (format!("{TLOG} info --color never a.tlog"), false),
    ] {
        let (out, _) = on_a_terminal(&folder, &line);
        assert_eq!(out.contains("\x1b[1m"), colored, "{line}: {out:?}");
    }
}
