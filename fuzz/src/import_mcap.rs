//! Any bytes as MCAP: a whole log of everything that could be read, or an error.

use tlog::Writer;
use tlog::read::{ReadOptions, SliceReader};
use tlog::value::check_exact;
use tlog_convert::import::mcap::{Options, read};

/// What is imported reads strictly, each payload is a value of its type, and none is counted that is not there.
pub fn import_mcap(input: &[u8]) {
    let mut log = Writer::new(Vec::new());
    let options = Options { max_record: 1 << 20, max_schemas: 1 << 20 };
    let Ok(summary) = read(input, &mut log, &options) else { return };
    assert!(
        summary.first.iter().all(|part| part.range.start <= part.range.end && part.range.end <= input.len() as u64)
    );
    let log = log.finish().expect("memory takes it");
    let options = ReadOptions { strict: true, ..ReadOptions::default() };
    let mut reader = SliceReader::new(&log, options);
    let mut count = 0;
    while let Some(data) = reader.next_data().expect("the new log is whole") {
        check_exact(data.record.schema.root(), data.payload).expect("a payload is of its type");
        count += 1;
    }
    // What is not a message is beside.
    assert!(count >= summary.taken);
}
