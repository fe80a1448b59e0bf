//! Indexing a log of 20 GB takes less than 300 MB of memory, the mapped file aside.
//!
//! The log is made of blocks whose payloads are holes in the file, so it takes little of the disk. The scan runs in
//! a child process that may not have more than 300 MB of its own: its limit counts private writable memory, not
//! the pages of a file that is mapped to be read.
#![cfg(target_os = "linux")]

use std::env;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path as FilePath;
use std::process::Command;
use std::time::Instant;

use tlog::schema::{Field, Object, Schema, Type};
use tlog::value::Path;
use tlog::wire::block::FILE_HEADER;
use tlog::wire::{DataFlags, DataHeader, SeekMarker, data};
use tlog::{Log, Micros};
use tlog_index::scan::{ScanOptions, scan};

/// How much memory of its own the child may have, in KiB.
const MEMORY_KIB: u64 = 300 << 10;

/// The child knows by this variable that it is one: the log's path, and whether fields are looked at.
const CHILD: &str = "TLOG_LARGE_CHILD";

/// So many records have small blocks, in turn.
const RECORDS: u64 = 400;

/// A row is so many small blocks, and one of a record of its own that is mostly hole.
const PER_ROW: u64 = 12;

/// How much time is between two rows, in microseconds, and how many come before a seek marker: a second.
const STEP: u64 = 20_000;
const PER_MARKER: u64 = 50;

/// How many numbers the small blocks have: so many that the ranges of all in all spans would not fit.
const FIELDS: u64 = 20;

const START: i64 = 1_700_000_000_000_000;

fn put_schema(identifier: u64, root: Type, out: &mut Vec<u8>) {
    let name = format!("record_{identifier}");
    let mut body = Vec::new();
    tlog::value::put_varuint(identifier, &mut body);
    body.extend([0, name.len() as u8]);
    body.extend_from_slice(name.as_bytes());
    body.extend(Schema::new(root).unwrap().to_bytes());
    out.push(1);
    tlog::value::put_varuint(body.len() as u64, out);
    out.extend_from_slice(&body);
}

/// A log in the making.
struct Large {
    file: BufWriter<File>,
    at: u64,
    /// Where each record was seen last; that with the holes is the first.
    latest: Vec<u64>,
    time: i64,
}

impl Large {
    fn new(path: &FilePath) -> Self {
        let mut front = FILE_HEADER.to_vec();
        put_schema(0, Type::Bytes, &mut front);
        for identifier in 1..=RECORDS {
            let fields = (0..FIELDS).map(|number| Field::new(format!("value_{number}"), Type::Float64));
            put_schema(identifier, Object::new(fields.collect::<Vec<_>>()).into(), &mut front);
        }
        let mut file = BufWriter::new(File::create(path).unwrap());
        file.write_all(&front).unwrap();
        Self { file, at: front.len() as u64, latest: vec![0; RECORDS as usize + 1], time: START }
    }

    /// Writes a block whose payload goes on with a hole.
    fn block(&mut self, identifier: u64, payload: &[u8], hole: u64) {
        let latest = &mut self.latest[identifier as usize];
        let previous = if *latest > 0 { self.at - *latest } else { 0 };
        *latest = self.at;
        let header = DataHeader {
            identifier,
            flags: DataFlags::PREVIOUS_OFFSET.with(DataFlags::TIMESTAMP),
            previous_offset: Some(previous),
            timestamp: Some(self.time),
            checksum: None,
            len: 0,
        };
        let mut front = [0; data::MAX_FRONT_LEN];
        let len = header.encode(payload.len() + hole as usize, &mut front);
        self.file.write_all(&front[..len]).unwrap();
        self.file.write_all(payload).unwrap();
        self.at += (len + payload.len()) as u64 + hole;
        if hole > 0 {
            self.file.seek(SeekFrom::Start(self.at)).unwrap();
        }
    }

    fn row(&mut self, row: u64) {
        for block in row * PER_ROW..(row + 1) * PER_ROW {
            let numbers = (0..FIELDS).flat_map(|number| ((block + number) as f64).to_le_bytes());
            self.block(1 + block % RECORDS, &numbers.collect::<Vec<u8>>(), 0);
        }
        let hole = (384 << 10) + row.wrapping_mul(2_654_435_761) % (256 << 10);
        let mut payload = Vec::new();
        tlog::value::put_varuint(hole, &mut payload);
        self.block(0, &payload, hole);
    }

    fn marker(&mut self) {
        let seen = self.latest.iter().zip(0..).filter(|&(&latest, _)| latest > 0);
        let elements = seen.map(|(latest, identifier): (&u64, u64)| (identifier, self.at - latest));
        let mut marker = vec![0; SeekMarker::encoded_len(elements.clone())];
        let len = SeekMarker::encode(self.time, elements, &mut marker).unwrap();
        self.file.write_all(&marker[..len]).unwrap();
        self.at += len as u64;
    }
}

/// Writes a log of about `size` bytes; how many rows it has, and how long it is.
fn make(path: &FilePath, size: u64) -> (u64, u64) {
    let mut log = Large::new(path);
    let mut rows = 0;
    while log.at < size {
        log.time = START + (rows * STEP) as i64;
        log.row(rows);
        rows += 1;
        if rows.is_multiple_of(PER_MARKER) {
            log.marker();
        }
    }
    log.file.flush().unwrap();
    log.file.get_ref().set_len(log.at).unwrap();
    (rows, log.at)
}

/// Has a child scan the log: it fails if that takes more memory than it may have.
fn scan_in_child(log: &FilePath, fields: bool) -> String {
    let child = Command::new("sh")
        .args([
            "-c",
            &format!("ulimit -d {MEMORY_KIB} && exec \"$0\" --exact the_child_scans --nocapture --include-ignored"),
        ])
        .arg(env::current_exe().unwrap())
        .env(CHILD, format!("{}:{fields}", log.display()))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{}: {told}{}", child.status, String::from_utf8_lossy(&child.stderr));
    let told = told.lines().find_map(|line| Some(line.split_once("told: ")?.1.to_owned()));
    told.expect("the child has scanned")
}

/// What a scan of a log of so many rows and bytes tells.
fn expected(rows: u64, size: u64, fields: bool) -> String {
    let last = START + ((rows - 1) * STEP) as i64;
    let (count, markers) = (rows * (PER_ROW + 1), rows / PER_MARKER);
    format!("{size} bytes, {count} blocks, {START} to {last}, {markers} markers, intact true, fields {fields}")
}

/// The part of the child; nothing when run by itself.
#[test]
#[ignore = "is run by the other test"]
fn the_child_scans() {
    let Ok(task) = env::var(CHILD) else { return };
    let (path, fields) = task.rsplit_once(':').unwrap();
    let log = Log::open(path).unwrap();
    let index =
        scan(log.bytes(), &ScanOptions { workers: 2, fields: fields == "true", ..ScanOptions::default() }).unwrap();
    let times = index.times().unwrap();
    let (Micros(first), Micros(last)) = (times.first, times.last);
    let wrong_links: u64 = index.records.iter().map(|record| record.links.wrong).sum();
    let value = Path::parse("value_3").unwrap();
    let knows_fields = index.records.iter().skip(1).enumerate().all(|(at, record)| {
        let range = record.fields.as_ref().and_then(|fields| fields.range(0..u32::MAX, &value));
        range.is_some_and(|range| range.min == (at + 3) as f64 && range.max > 450_000.0 && !range.has_null)
    });
    assert_eq!((index.records.len() as u64, wrong_links), (RECORDS + 1, 0));
    assert!(index.order.is_monotonic());
    println!(
        "told: {} bytes, {} blocks, {first} to {last}, {} markers, intact {}, fields {knows_fields}",
        index.size,
        index.count(),
        index.markers,
        index.damage.is_none()
    );
}

/// How much of the disk a file takes, in megabytes.
fn on_disk(path: &FilePath) -> u64 {
    std::fs::metadata(path).unwrap().blocks() * 512 / 1_000_000
}

#[test]
fn memory_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("large.tlog");
    let started = Instant::now();
    let (rows, size) = make(&log, 20_000_000_000);
    println!("made in {:?}: {rows} rows, {} MB on the disk", started.elapsed(), on_disk(&log));
    for fields in [false, true] {
        let started = Instant::now();
        assert_eq!(scan_in_child(&log, fields), expected(rows, size, fields));
        println!("scanned in {:?}, fields {fields}", started.elapsed());
    }
}

/// The limit means something: the child cannot have as much memory as that.
#[test]
fn the_limit_holds() {
    let child = Command::new("sh")
        .args([
            "-c",
            &format!("ulimit -d {MEMORY_KIB} && head -c {} /dev/zero | tail -n 1 | wc -c", 2 * MEMORY_KIB * 1024),
        ])
        .output()
        .unwrap();
    let count = String::from_utf8_lossy(&child.stdout).trim().to_owned();
    assert_eq!(count, "0", "`tail` had to remember all of it");
}
