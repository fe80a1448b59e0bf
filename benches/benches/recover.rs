//! Recovering the big log, cut in its last block and with a hole in the middle, and reading the output again before
//! that counts; beside it what writing and reading alone cost.
#![allow(missing_docs, reason = "a program")]

use tlog::read::{ReadOptions, SliceReader};
use tlog_bench::big_log::{self, RECORDS};
use tlog_bench::runner::{Case, compare};
use tlog_index::recover::{RecoverOptions, recover};
use tlog_index::scan::{ScanOptions, scan};
use tlog_index::verify::{VerifyOptions, verify};

fn recovered(log: &[u8]) -> u64 {
    let out = Vec::with_capacity(log.len() + (1 << 20));
    let (recovered, output) = recover(log, &RecoverOptions::default(), out).expect("memory does not fail");
    recovered.verify(&output).expect("what was written is there");
    recovered.report.kept
}

fn read(log: &[u8]) -> u64 {
    let mut reader = SliceReader::new(log, ReadOptions { raw_payloads: true, ..ReadOptions::default() });
    let mut count = 0;
    while reader.next_data().expect("a log").is_some() {
        count += 1;
    }
    count
}

fn verified(log: &[u8], payloads: bool) -> u64 {
    let options = VerifyOptions { payloads, ..VerifyOptions::default() };
    let summary = verify(log, &options, |_| {}).expect("a log");
    assert!(summary.worst().is_some());
    read(log)
}

fn main() {
    let mut log = big_log::log();
    log.truncate(log.len() - 100);
    let middle = log.len() / 2;
    log[middle..middle + 512].fill(0);
    let kept = scan(&log, &ScanOptions::default()).expect("a log").count();
    assert!(kept < RECORDS as u64 && kept > RECORDS as u64 - 20);
    compare(
        "recover a log with a hole and a torn end",
        vec![
            Case::new("recover, output read again", log.len(), || recovered(&log)),
            Case::new("reading it", log.len(), || read(&log)),
        ],
    );
    compare(
        "verify it (reading it once more is counted too)",
        vec![
            Case::new("with payloads", log.len(), || verified(&log, true)),
            Case::new("without payloads", log.len(), || verified(&log, false)),
        ],
    );
}
