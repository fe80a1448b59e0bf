//! Writing the big log into memory: `tlog` with checksums and markers, the `mcap` crate in chunks with CRCs.
#![allow(missing_docs, reason = "a program")]

use std::io::Cursor;

use tlog::write::WriterOptions;
use tlog_bench::big_log::{Payloads, RECORDS};
use tlog_bench::rivals::write_mcap;
use tlog_bench::runner::{Case, compare};

/// Memory that has been written to before: page faults are the kernel's time, not the writer's.
fn warm(len: usize) -> Vec<u8> {
    let mut memory = vec![1; len];
    memory.clear();
    memory
}

fn main() {
    let payloads = Payloads::generate(RECORDS);
    let plain = WriterOptions::new().compression(false);
    let packed = WriterOptions::new();
    let log_len = payloads.log(&plain, Vec::new()).len();
    let room = 2 * log_len;
    let (mut ours, mut ours_packed, mut theirs) = (warm(room), warm(room), warm(room));
    let write = |options: &WriterOptions, memory: &mut Vec<u8>| {
        let mut sink = std::mem::take(memory);
        sink.clear();
        *memory = payloads.log(options, sink);
        payloads.len() as u64
    };
    compare(
        "write every payload into memory",
        vec![
            Case::new("tlog, checksums and markers", log_len, || write(&plain, &mut ours)),
            Case::new("mcap crate, chunk CRCs", log_len, || {
                let mut sink = std::mem::take(&mut theirs);
                sink.clear();
                theirs = write_mcap(&payloads, Cursor::new(sink)).into_inner();
                payloads.len() as u64
            }),
            Case::new("tlog, and compressed with snappy", log_len, || write(&packed, &mut ours_packed)),
        ],
    );
}
