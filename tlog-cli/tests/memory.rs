//! Memory is bounded by what comes, not by what a file claims: under a limit of the system's.
#![cfg(target_os = "linux")]

mod support;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use support::{Folder, TLOG, blocks};
use tlog::schema::{Schema, Type};
use tlog::write::{Writer, WriterOptions};

/// What the process may have of memory of its own, in KiB; the program and what it maps of files do not count.
const LIMIT_KIB: u32 = 24_000;

const LIE: u64 = 1_600_000_000;
const LEN: usize = 191_000;

/// The command under the limit.
fn limited(folder: &Folder, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -d {LIMIT_KIB} && exec \"$0\" \"$@\""), TLOG]).args(args);
    command.current_dir(folder.path("")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn varuint(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    tlog::value::read_json(&Type::Varuint, &value.to_string(), &mut bytes).unwrap();
    bytes
}

/// A log of small notes of the length that files here have, and how many notes it has.
fn notes(lie: impl Fn(&mut Writer<Vec<u8>>)) -> (Vec<u8>, usize) {
    let mut log = WriterOptions::new().open(Vec::new());
    let note = log.declare("note", &Schema::new(Type::String).unwrap()).unwrap();
    let mut count = 0;
    while log.stats().bytes < LEN as u64 {
        if count == 1000 {
            lie(&mut log);
        }
        log.write(note, None, b"\x05hello").unwrap();
        count += 1;
    }
    (log.finish().unwrap(), count)
}

/// Logs that claim what they do not have, and how many notes each holds.
fn liars() -> Vec<(&'static str, Vec<u8>, usize)> {
    let with_block = |block: Vec<u8>| {
        let (mut bytes, count) = notes(|_| {});
        let (_, start, _) = blocks(&bytes)[1000];
        bytes.splice(start..start, block);
        (bytes, count)
    };
    let with_payload = |schema: Type, payload: Vec<u8>| {
        notes(move |log| {
            let liar = log.declare("liar", &Schema::new(schema.clone()).unwrap()).unwrap();
            log.write(liar, None, &payload).unwrap();
        })
    };
    let nulls = Type::Array(Box::new(Type::Null));
    let block = |kind: u8, body: &[u8]| [&[kind], &varuint(body.len() as u64)[..], body].concat();
    let logs = [
        ("size of a block", with_block([&[2], &varuint(LIE)[..], &[1, 0]].concat())),
        ("size of a schema block", with_block([&[1], &varuint(LIE)[..], &[9, 0]].concat())),
        ("length of a name", with_block(block(1, &[&[9, 0], &varuint(LIE)[..], b"name"].concat()))),
        ("elements of an index", with_block(block(3, &[&[0], &varuint(LIE)[..], &[1; 20]].concat()))),
        ("length of a string", with_payload(Type::String, [varuint(LIE), vec![b'x'; 100]].concat())),
        ("length of bytes", with_payload(Type::Bytes, varuint(LIE))),
        ("items of an array", with_payload(nulls, varuint(LIE))),
        ("unpacked length", with_block(block(2, &[&[1, 0x10], &varuint(LIE)[..], &[b'x'; 100]].concat()))),
        (
            "unpacked length in the limits",
            with_block(block(2, &[&[1, 0x10], &varuint(200_000_000)[..], &[b'x'; 100]].concat())),
        ),
    ];
    logs.into_iter().map(|(what, (bytes, count))| (what, bytes, count)).collect()
}

fn shown(output: &Output) -> String {
    format!("{:?}: {}", output.status, String::from_utf8_lossy(&output.stderr))
}

#[test]
fn claims_cost_nothing() {
    for (what, bytes, count) in liars() {
        let folder = Folder::with("a.tlog", &bytes);
        for input in ["a.tlog", "-"] {
            let run = |args: &[&str]| {
                let mut command = limited(&folder, args);
                command.stdin(std::fs::File::open(folder.path("a.tlog")).unwrap());
                command.output().unwrap()
            };
            for format in ["text", "ndjson", "json"] {
                let output = run(&["cat", input, "--record", "note", "--format", format]);
                assert!(matches!(output.status.code(), Some(0 | 3)), "{what}, {input}: {}", shown(&output));
                let notes = String::from_utf8_lossy(&output.stdout).matches("\"hello\"").count();
                assert_eq!(notes, count, "{what}, {input}: {}", shown(&output));
            }
            for args in [&["cat", input][..], &["info", input], &["schema", "show", input]] {
                let output = run(args);
                assert!(matches!(output.status.code(), Some(0 | 3)), "{what}, {args:?}: {}", shown(&output));
            }
            let output = run(&["cat", input, "--format", "ndjson"]);
            assert_eq!(output.status.code(), Some(3), "{what}, {input}: {}", shown(&output));
        }
        let output = limited(&folder, &["info", "--quick", "a.tlog"]).output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{what}: {}", shown(&output));
    }
}

#[test]
fn the_limit_is_one() {
    // What is really there has to be held: a block that is larger than the limit.
    let mut log = WriterOptions::new().compression(false).open(Vec::new());
    let note = log.declare("note", &Schema::new(Type::Bytes).unwrap()).unwrap();
    let len = u64::from(LIMIT_KIB) * 1024;
    log.write_with(note, None, |out| {
        out.extend(varuint(len));
        out.resize(out.len() + len as usize, 0);
    })
    .unwrap();
    let folder = Folder::with("a.tlog", log.finish().unwrap());
    let mut command = limited(&folder, &["info", "-"]);
    command.stdin(std::fs::File::open(folder.path("a.tlog")).unwrap());
    assert!(!command.status().unwrap().success());
}

#[test]
fn a_pipe_of_two_gigabytes_is_read_in_constant_memory() {
    let options = WriterOptions::new().index(false).seek_period(None).previous_offsets(false).compression(false);
    let mut log = options.open(Vec::new());
    let note = log.declare("note", &Schema::new(Type::Bytes).unwrap()).unwrap();
    // Large blocks, or a build without optimization takes a minute, and small ones between.
    for len in [[60_000_u64; 16].as_slice(), [100; 300].as_slice()].concat() {
        log.write_with(note, None, |out| {
            out.extend(varuint(len));
            out.resize(out.len() + len as usize, 7);
        })
        .unwrap();
    }
    let mut head = log.finish().unwrap();
    let body = head.split_off(blocks(&head)[0].2);
    let times = (2 << 30) / body.len() + 1;
    let mut child = limited(&Folder::new(), &["info", "-", "--format", "json"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        stdin.write_all(&head)?;
        (0..times).try_for_each(|_| stdin.write_all(&body))
    });
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    feeder.join().unwrap().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["logs"][0]["data_blocks"], 316 * times);
    assert!(document["logs"][0]["size"].as_u64().unwrap() > 2 << 30);
}

/// A log of 20 MB in disorder, from a stream: none of it can stay in memory.
#[test]
fn a_log_is_sorted_that_does_not_fit_into_memory() {
    let mut log = WriterOptions::new().compression(false).seek_period(None).open(Vec::new());
    let note = log.declare("note", &Schema::new(Type::Bytes).unwrap()).unwrap();
    let mut payload = vec![0; 402];
    payload[..2].copy_from_slice(&[0x90, 3]);
    let count = 50_000;
    for i in 0..count {
        payload[2..10].copy_from_slice(&i64::to_le_bytes(i));
        log.write(note, tlog::Micros((i * 7_919) % count), &payload).unwrap();
    }
    let folder = Folder::with("a.tlog", log.finish().unwrap());
    let mut command = limited(&folder, &["sort", "-", "-o", "b.tlog", "--memory", "2MiB", "-v"]);
    let input = std::fs::File::open(folder.path("a.tlog")).unwrap();
    let Output { status, stderr, .. } = command.stdin(input).output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success() && said.contains("sorted runs"), "{status} {said}");
    let sorted = tlog::Log::open(folder.path("b.tlog")).unwrap();
    let mut reader = sorted.reader(tlog::read::ReadOptions { strict: true, ..Default::default() });
    let mut next = 0;
    while let Some(data) = reader.next_data().unwrap() {
        let number = i64::from_le_bytes(data.payload[2..10].try_into().unwrap());
        assert_eq!((data.time, (number * 7_919) % count), (Some(tlog::Micros(next)), next));
        next += 1;
    }
    assert_eq!(next, count);
}
