//! Logs in files with their sidecars.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tlog::Micros;
use tlog::read::Cause;
use tlog::schema::{Field, Object, Schema, Type, Width};
use tlog::write::WriterOptions;
use tlog_index::index::LogIndex;
use tlog_index::scan::{Progress, ScanOptions, Scanned, scan_with};
use tlog_index::sidecar::{self, LogState};

/// What a sidecar takes at most whatever is in it, records and spans of a small log included.
pub const HEAD: u64 = 1_500;

/// A log in a folder of its own.
pub struct Saved {
    folder: TempDir,
    pub log: PathBuf,
    bytes: Vec<u8>,
}

impl Saved {
    pub fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log.tlog");
        std::fs::write(&log, bytes).unwrap();
        Self { folder, log, bytes: bytes.to_vec() }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Scans the log and saves the index; `Err` for what is no log.
    pub fn scan_and_save(&self, options: &ScanOptions) -> tlog::Result<Scanned> {
        let state = LogState::of(&self.log, &self.bytes)?;
        let scanned = scan_with(&self.bytes, options, &Progress::default())?;
        assert_eq!(
            sidecar::save(&self.log, &self.bytes, state, &scanned, options).unwrap(),
            sidecar::path_of(&self.log)
        );
        Ok(scanned)
    }
}

/// The same index with the causes of damage as they are kept.
pub fn in_words(index: &LogIndex) -> LogIndex {
    let mut index = index.clone();
    for skipped in &mut index.damage.first {
        if matches!(
            skipped.cause,
            Cause::FileHeader(_)
                | Cause::Body { .. }
                | Cause::Schema { .. }
                | Cause::Limit { .. }
                | Cause::Payload { .. }
        ) {
            skipped.cause = Cause::Kept(skipped.cause.to_string());
        }
    }
    index
}

/// A log of two records, about 140 bytes a row.
pub fn plain_log(rows: u32) -> Vec<u8> {
    let state = Object::new([
        Field::new("sequence", Type::FixedUint(Width::W4)),
        Field::new("torque", Type::Float32),
        Field::new("current", Type::optional(Type::Float64)),
        Field::new("errors", Type::array(Type::Varint)),
    ]);
    let mut log = WriterOptions::new().compression(false).open(Vec::new());
    let state = log.declare("state", &Schema::new(state.into()).unwrap()).unwrap();
    let note = log.declare("note", &Schema::new(Type::String).unwrap()).unwrap();
    for row in 0..rows {
        let mut payload = row.to_le_bytes().to_vec();
        payload.extend((row as f32).sin().to_le_bytes());
        payload.push((row % 2) as u8);
        payload.extend((row % 2 == 1).then_some((f64::from(row) / 3.0).to_le_bytes()).into_iter().flatten());
        payload.extend([2, row as u8 & 0x7f, 1]);
        let time = Micros(1_700_000_000_000_000 + i64::from(row) * 1_000);
        log.write(state, time, &payload).unwrap();
        let text = format!("{row:080}");
        log.write(note, time, &[&[80], text.as_bytes()].concat()).unwrap();
    }
    log.finish().unwrap()
}
