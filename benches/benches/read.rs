//! Verified reading of the big log: `tlog` from memory, `tlog` from a stream, the `mcap` crate.
#![allow(missing_docs, reason = "a program")]

use tlog::read::{Data, ReadOptions, SliceReader, StreamReader};
use tlog_bench::big_log;
use tlog_bench::rivals::{checksum, mcap, read_mcap};
use tlog_bench::runner::{Case, compare};

fn read_slice(log: &[u8], options: ReadOptions) -> u64 {
    let mut reader = SliceReader::new(log, options);
    let mut sum = 0u64;
    while let Some(data) = reader.next_data().expect("a whole log") {
        sum = sum.wrapping_add(checksum(data.payload));
    }
    assert!(reader.damage().is_none());
    sum
}

fn read_stream(log: &[u8]) -> u64 {
    let mut reader = StreamReader::new(log, ReadOptions::default());
    let mut sum = 0u64;
    while let Some(Data { payload, .. }) = reader.next_data().expect("a whole log") {
        sum = sum.wrapping_add(checksum(payload));
    }
    sum
}

fn main() {
    let (log, mcap) = (big_log::log(), mcap());
    println!("{} records; tlog {} bytes, mcap {} bytes", big_log::RECORDS, log.len(), mcap.len());
    compare(
        "read every payload, checksums verified",
        vec![
            Case::new("tlog, mapped or in memory", log.len(), || read_slice(&log, ReadOptions::default())),
            Case::new("tlog, as a stream", log.len(), || read_stream(&log)),
            Case::new("mcap crate, chunk CRCs validated", mcap.len(), || read_mcap(&mcap)),
        ],
    );
    let unverified = || ReadOptions { verify: false, ..ReadOptions::default() };
    compare(
        "what verification costs",
        vec![
            Case::new("tlog", log.len(), || read_slice(&log, ReadOptions::default())),
            Case::new("tlog, checksums not verified", log.len(), || read_slice(&log, unverified())),
        ],
    );
}
