//! What the tests of the command share: running it, and logs to run it on.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use tlog::Micros;
use tlog::schema::Schema;
use tlog::value::read_json;
use tlog::wire::{BlockHeader, BlockType, FILE_HEADER};
use tlog::write::WriterOptions;

/// A command that takes longer hangs, however slow the machine.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The program under test.
pub const TLOG: &str = env!("CARGO_BIN_EXE_tlog");

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// The standard output of a run that must be all good.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// The one line of standard error of a run that must end with `code`; standard output is empty.
    #[track_caller]
    pub fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        assert!(self.err.starts_with("tlog: error: "), "{}", self.err);
        self.err
    }
}

/// Runs the command in `folder` with `stdin`.
pub fn run_in(folder: &Path, args: &[&str], stdin: &[u8]) -> Run {
    let mut command = assert_cmd::Command::new(TLOG);
    command.current_dir(folder).args(args).write_stdin(stdin).timeout(TIMEOUT);
    let output = command.output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A folder of its own for a test, in which commands run.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn with(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let folder = Self::new();
        folder.put(name, bytes);
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub fn get(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// The names of all files, hidden ones too.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn tlog(&self, args: &[&str]) -> Run {
        self.tlog_with(args, b"")
    }

    pub fn tlog_with(&self, args: &[&str], stdin: &[u8]) -> Run {
        run_in(self.0.path(), args, stdin)
    }
}

/// A log of records that are each declared by a name and schema JSON, with data as JSON.
pub fn log(options: &WriterOptions, records: &[(&str, &str)], data: &[(&str, Option<i64>, &str)]) -> Vec<u8> {
    let mut log = options.open(Vec::new());
    let schemas: Vec<Schema> = records.iter().map(|(_, schema)| Schema::from_json(schema).unwrap()).collect();
    let ids: Vec<_> =
        records.iter().zip(&schemas).map(|((name, _), schema)| log.declare(name, schema).unwrap()).collect();
    for (name, time, json) in data {
        let at = records.iter().position(|(known, _)| known == name).unwrap();
        let mut payload = Vec::new();
        read_json(schemas[at].root(), json, &mut payload).unwrap();
        log.write(ids[at], time.map(Micros), &payload).unwrap();
    }
    log.finish().unwrap()
}

/// 2020-09-13T12:26:40Z
pub const START: i64 = 1_600_000_000_000_000;

pub const IMU: &str = r#"{"type":"object","fields":[{"name":"seq","type":"fixeduint32"},
    {"name":"accel","type":{"type":"fixedarray","size":3,"items":"float32"}}]}"#;
pub const GPS: &str =
    r#"{"type":"object","fields":[{"name":"lat","type":"float64"},{"name":"fix","type":["null","fixeduint8"]}]}"#;

/// The data of [`small`]: ten times imu each 100 ms from [`START`], gps with each fifth, a note without time with each fourth.
pub fn small_data() -> Vec<(&'static str, Option<i64>, String)> {
    let mut data = Vec::new();
    for i in 0..10_i64 {
        let time = Some(START + i * 100_000);
        data.push(("imu", time, format!("{{\"seq\":{i},\"accel\":[{i}.5,0.0,-9.75]}}")));
        if i % 5 == 0 {
            data.push(("gps", time, format!("{{\"lat\":4{i}.25,\"fix\":{}}}", if i == 0 { "null" } else { "3" })));
        }
        if i % 4 == 0 {
            data.push(("note", None, format!("\"at {i}\"")));
        }
    }
    data
}

/// A small log with three records, checksums, markers and an index.
pub fn small() -> Vec<u8> {
    small_with(&WriterOptions::new().seek_period(Some(Duration::from_millis(300))))
}

pub fn small_with(options: &WriterOptions) -> Vec<u8> {
    let data = small_data();
    let data: Vec<_> = data.iter().map(|(name, time, json)| (*name, *time, json.as_str())).collect();
    log(options, &[("imu", IMU), ("gps", GPS), ("note", "\"string\"")], &data)
}

/// The lines of NDJSON that [`small`] holds, in file order.
pub fn small_lines() -> Vec<String> {
    let time = |time: Option<i64>| time.map_or("null".to_owned(), |time| format!("\"{}\"", Micros(time)));
    let line = |(name, at, json): (&str, Option<i64>, String)| {
        format!("{{\"time\":{},\"record\":\"{name}\",\"data\":{json}}}", time(at))
    };
    small_data().into_iter().map(line).collect()
}

/// Where each of [`small_data`] starts in a log that holds them.
pub fn data_offsets(bytes: &[u8]) -> Vec<usize> {
    let data = blocks(bytes).into_iter().filter(|(kind, ..)| *kind == BlockType::Data);
    data.map(|(_, start, _)| start).collect()
}

/// The blocks of an intact log: type, start, end.
pub fn blocks(bytes: &[u8]) -> Vec<(BlockType, usize, usize)> {
    let mut blocks = Vec::new();
    let mut at = FILE_HEADER.len();
    while at < bytes.len() {
        let header = BlockHeader::parse(&bytes[at..]).unwrap();
        let end = at + header.block_len().unwrap() as usize;
        blocks.push((header.block_type, at, end));
        at = end;
    }
    blocks
}
