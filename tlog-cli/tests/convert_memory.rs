//! The memory that conversions take is bounded whatever the log has: under a limit of the system's.
#![cfg(target_os = "linux")]

mod support;
#[path = "support/tables.rs"]
mod tables;

use std::io::{self, Write};
use std::process::{ChildStdin, Command, Output, Stdio};

use support::{Folder, START, TLOG, blocks};
use tables::{metadata, names, rows};
use tlog::Micros;
use tlog::schema::{Field, Object, Schema, Type, Width};
use tlog::write::{Writer, WriterOptions};

/// What the process may have of data in all, in KiB.
const LIMIT_KIB: u32 = 500_000;

/// Converts what is written to standard input, under the limit.
fn limited(folder: &Folder, args: &[&str], feed: impl FnOnce(ChildStdin) -> io::Result<()> + Send + 'static) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -d {LIMIT_KIB} && exec \"$0\" \"$@\""), TLOG, "convert", "-"]).args(args);
    command.current_dir(folder.path("")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || feed(stdin));
    let output = child.wait_with_output().unwrap();
    let fed = feeder.join().unwrap();
    assert!(output.status.success(), "{:?}: {} {fed:?}", output.status, String::from_utf8_lossy(&output.stderr));
    fed.unwrap();
    output
}

fn plain() -> WriterOptions {
    WriterOptions::new().index(false).seek_period(None).previous_offsets(false).compression(false)
}

/// Enough for two files with several row groups each.
const ROWS: u32 = 300;

#[test]
fn a_log_of_twenty_thousand_fields() {
    for (nested, name, count) in [(false, "wide", ROWS), (true, "deep", ROWS / 3)] {
        let fields: Vec<Field> = (0..20_000).map(|n| Field::new(format!("signal_{n:05}"), Type::Float32)).collect();
        let object = Type::from(Object::new(fields));
        let schema = if nested { Type::from(Object::new([Field::new("all", object)])) } else { object };
        let folder = Folder::new();
        limited(&folder, &["--parquet", "out", "--jobs", "2", "--row-group-bytes", "4MiB"], move |stdin| {
            let mut log = plain().open(stdin);
            let id = log.declare(name, &Schema::new(schema).unwrap()).unwrap();
            let mut payload = Vec::new();
            for row in 0..count {
                payload.clear();
                payload.extend((0..20_000_u32).flat_map(|n| ((row * n) as f32).to_le_bytes()));
                log.write(id, Micros(START + i64::from(row)), &payload).map_err(io::Error::other)?;
            }
            log.finish().map_err(io::Error::other).map(drop)
        });
        let files = names(&folder.path("out"));
        let files: Vec<_> = files.iter().map(|file| folder.path("out").join(file)).collect();
        assert_eq!(
            files.iter().map(|file| metadata(file)["tlog.completeness"].clone()).next_back().unwrap(),
            "complete"
        );
        assert!(nested || files.len() > 1, "{files:?}");
        let in_all: i64 = files.iter().map(|file| tables::said_rows(file)).sum();
        assert_eq!(in_all, i64::from(count), "{name}");
    }
}

#[test]
fn a_log_of_many_records() {
    const RECORDS: usize = 1_500;
    const ROWS: usize = 70;
    let folder = Folder::new();
    limited(&folder, &["--parquet", "out", "--jobs", "2"], |stdin| {
        let mut log = plain().open(stdin);
        let schema = Schema::new(Type::from(Object::new([
            Field::new("n", Type::FixedUint(Width::W4)),
            Field::new("what", Type::Bytes),
        ])));
        let schema = schema.unwrap();
        let ids: Vec<_> = (0..RECORDS).map(|n| log.declare(&format!("record_{n}"), &schema).unwrap()).collect();
        let payload = [&[1, 0, 0, 0, 0xd0, 0x0f][..], &[7; 2000]].concat();
        for n in 0..ROWS * RECORDS {
            log.write(ids[n * 7 % RECORDS], Micros(START + n as i64), &payload).map_err(io::Error::other)?;
        }
        log.finish().map_err(io::Error::other).map(drop)
    });
    let files = names(&folder.path("out"));
    assert_eq!(files.len(), RECORDS);
    for file in files.iter().step_by(150) {
        assert_eq!(rows(&folder.path("out").join(file)), ROWS, "{file}");
    }
}

/// How much comes through the pipe, in bytes: a build without optimization takes its time.
const PIPE: usize = if cfg!(debug_assertions) { 2 << 30 } else { 4 << 30 };

/// Large payloads, and then small ones, again and again.
#[test]
fn a_pipe_of_gigabytes() {
    let mut log: Writer<Vec<u8>> = plain().open(Vec::new());
    let note = log.declare("note", &Schema::new(Type::Bytes).unwrap()).unwrap();
    for len in [&[50_000_000][..], &[1000; 300]].concat() {
        log.write_with(note, Micros(START), |out| {
            tlog::value::read_json(&Type::Varuint, &len.to_string(), out).unwrap();
            out.resize(out.len() + len, 7);
        })
        .unwrap();
    }
    let mut head = log.finish().unwrap();
    let body = head.split_off(blocks(&head)[0].2);
    let times = PIPE / body.len() + 1;
    let folder = Folder::new();
    limited(&folder, &["--parquet", "out", "--jobs", "2"], move |mut stdin| {
        stdin.write_all(&head)?;
        (0..times).try_for_each(|_| stdin.write_all(&body))
    });
    assert_eq!(tables::said_rows(&folder.path("out/note.parquet")), 301 * times as i64);
}

/// A small file whose payloads claim much: items that take no bytes.
#[test]
fn a_hostile_file_of_few_megabytes() {
    let folder = Folder::new();
    let nulls = Type::array(Type::Null);
    let schema =
        Schema::new(Type::from(Object::new([Field::new("a", nulls.clone()), Field::new("b", nulls)]))).unwrap();
    limited(&folder, &["--parquet", "out", "--jobs", "2"], move |stdin| {
        let mut log = plain().open(stdin);
        let id = log.declare("liar", &schema).map_err(io::Error::other)?;
        let mut payload = Vec::new();
        for _ in 0..2 {
            tlog::value::read_json(&Type::Varuint, "500000", &mut payload).unwrap();
        }
        for _ in 0..40 {
            log.write(id, Micros(START), &payload).map_err(io::Error::other)?;
        }
        log.finish().map_err(io::Error::other).map(drop)
    });
    assert_eq!(tables::said_rows(&folder.path("out/liar.parquet")), 40);
}
