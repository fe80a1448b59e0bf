//! Indexing the big log: one worker, two workers, and what reading alone costs.
#![allow(missing_docs, reason = "a program")]

use tlog::read::{ReadOptions, SliceReader};
use tlog_bench::big_log;
use tlog_bench::runner::{Case, compare};
use tlog_index::scan::{ScanOptions, scan};

fn index(log: &[u8], workers: usize, verify: bool, fields: bool) -> u64 {
    let options = ScanOptions { workers, verify, fields, ..ScanOptions::default() };
    let index = scan(log, &options).expect("a whole log");
    assert!(index.damage.is_none() && index.ends_with_index);
    assert!(index.records.iter().all(|record| record.fields.is_some() == fields));
    index.count()
}

fn read(log: &[u8], verify: bool) -> u64 {
    let options = ReadOptions { verify, raw_payloads: true, ..ReadOptions::default() };
    let mut reader = SliceReader::new(log, options);
    let mut count = 0;
    while reader.next_data().expect("a whole log").is_some() {
        count += 1;
    }
    count
}

fn main() {
    let log = big_log::log();
    for verify in [true, false] {
        compare(
            &format!("index of {} records, checksums verified: {verify}", big_log::RECORDS),
            vec![
                Case::new("one worker", log.len(), || index(&log, 1, verify, false)),
                Case::new("two workers", log.len(), || index(&log, 2, verify, false)),
                Case::new("one worker, with the ranges of all fields", log.len(), || index(&log, 1, verify, true)),
                Case::new("two workers, with the ranges of all fields", log.len(), || index(&log, 2, verify, true)),
                Case::new("reading without index", log.len(), || read(&log, verify)),
            ],
        );
    }
}
