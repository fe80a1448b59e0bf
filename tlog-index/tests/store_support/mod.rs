//! What the tests of the store share: numbered records, and what a store holds of them.
#![allow(dead_code, reason = "each test uses a part")]

use std::path::Path;

use tlog::read::{Event, ReadOptions};
use tlog::schema::{Schema, Type, Width};
use tlog::write::{RecordId, WriterOptions};
use tlog::{Log, Micros, Result};
use tlog_index::store::{Store, StoreEvent, StoreOptions, StoreReader};

/// Segments of a few dozen records each.
pub fn options() -> StoreOptions {
    StoreOptions::new().rotate_bytes(2000).writer(WriterOptions::new().compression(false))
}

pub fn declare(store: &Store) -> RecordId {
    store.declare("number", &Schema::new(Type::FixedUint(Width::W8)).unwrap()).unwrap()
}

/// Its length and all its bytes follow from the number.
pub fn payload(number: u64) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    payload.extend(std::iter::repeat_n(number as u8, (number * 7 % 50) as usize));
    payload
}

pub fn number(payload_read: &[u8]) -> u64 {
    let number = u64::from_le_bytes(*payload_read.first_chunk().unwrap());
    assert_eq!(payload_read, payload(number));
    number
}

pub fn write(store: &Store, id: RecordId, number: u64) -> Result<u64> {
    store.write(id, Micros(number as i64 * 1000), &payload(number))
}

/// The numbers in the store, in order.
pub fn numbers(dir: &Path) -> Vec<u64> {
    let mut reader = StoreReader::open(dir, ReadOptions::default()).unwrap();
    let mut numbers = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        if let StoreEvent::Log { event: Event::Data(data), .. } = event {
            numbers.push(number(data.payload));
        }
    }
    numbers
}

/// Each file that is called a segment is a whole log; how many have an index.
pub fn check_whole(dir: &Path) -> usize {
    let mut indexed = 0;
    for path in tlog_index::store::segments(dir).unwrap() {
        let log = Log::open(&path).unwrap();
        let mut reader = log.reader(ReadOptions { strict: true, ..ReadOptions::default() });
        while reader.next_event().unwrap_or_else(|e| panic!("{}: {e}", path.display())).is_some() {}
        indexed += usize::from(log.index().is_some());
    }
    indexed
}

/// This test program again, running only `test`.
pub fn again(test: &str) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command
}
