//! What the tests of imports share: what is in the log that came of one.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod ulog;

use tlog::read::{Event, ReadOptions, SliceReader};
use tlog::value::{Cursor, check_exact, write_json};
use tlog::write::Writer;
use tlog_convert::Result;
use tlog_convert::import::Summary;

/// A log as it can be compared.
#[derive(Debug, Default)]
pub struct Imported {
    pub summary: Summary,
    /// Each record and its schema as JSON.
    pub schemas: Vec<(String, String)>,
    /// `time record data`, as `tlog cat` prints them.
    pub lines: Vec<String>,
}

impl Imported {
    /// The lines of one record.
    pub fn of(&self, record: &str) -> Vec<&str> {
        let of = |line: &'_ &String| line.split(' ').nth(1) == Some(record);
        self.lines.iter().filter(of).map(String::as_str).collect()
    }
}

/// Imports and reads what came of it, strictly.
#[track_caller]
pub fn import(read: impl FnOnce(&mut Writer<Vec<u8>>) -> Result<Summary>) -> Imported {
    let mut writer = Writer::new(Vec::new());
    let summary = read(&mut writer).unwrap();
    let mut imported = logged(&writer.finish().unwrap());
    imported.summary = summary;
    assert_eq!(imported.lines.len() as u64 - imported.of("ulog_header").len() as u64, imported.summary.taken);
    imported
}

/// What is in a log.
#[track_caller]
pub fn logged(bytes: &[u8]) -> Imported {
    let mut reader = SliceReader::new(bytes, ReadOptions { strict: true, ..ReadOptions::default() });
    let mut imported = Imported::default();
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            Event::Schema(record) => imported.schemas.push((record.name.clone(), record.schema.to_json())),
            Event::Data(data) => {
                check_exact(data.record.schema.root(), data.payload).unwrap();
                let mut line = data.time.map_or("-".into(), |time| time.to_string()).into_bytes();
                line.extend(format!(" {} ", data.record.name).as_bytes());
                write_json(data.record.schema.root(), &mut Cursor::new(data.payload), &mut line).unwrap();
                imported.lines.push(String::from_utf8(line).unwrap());
            }
            _ => {}
        }
    }
    imported
}
