//! Writing the big log into memory: `tlog` with checksums and markers, the `mcap` crate in chunks with CRCs.
#![allow(missing_docs, reason = "a program")]

use std::io::{Cursor, Result, Seek, SeekFrom, Write};

use tlog::write::WriterOptions;
use tlog_bench::big_log::{Payloads, RECORDS};
use tlog_bench::rivals::write_mcap;
use tlog_bench::runner::{Case, compare};

/// A megabyte that is written over again and again: what remains is the writer's own time.
struct Megabyte {
    memory: Vec<u8>,
    at: u64,
    end: u64,
}

impl Megabyte {
    fn new() -> Self {
        Self { memory: vec![0; 1 << 20], at: 0, end: 0 }
    }
}

impl Write for Megabyte {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let start = (self.at % self.memory.len() as u64) as usize;
        let len = bytes.len().min(self.memory.len() - start);
        self.memory[start..start + len].copy_from_slice(&bytes[..len]);
        self.at += len as u64;
        self.end = self.end.max(self.at);
        Ok(len)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Seek for Megabyte {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
            SeekFrom::End(by) => self.end.saturating_add_signed(by),
        };
        Ok(self.at)
    }
}

fn main() {
    let payloads = Payloads::generate(RECORDS);
    let plain = WriterOptions::new().compression(false);
    let packed = WriterOptions::new();
    let log_len = payloads.log(&plain, Vec::new()).len();
    let done = payloads.total_len() as u64;
    compare(
        "write every payload into a megabyte of memory, over and over",
        vec![
            Case::new("tlog, checksums and markers", log_len, || payloads.log(&plain, Megabyte::new()).end.min(done)),
            Case::new("mcap crate, chunk CRCs", log_len, || write_mcap(&payloads, Megabyte::new()).end.min(done)),
            Case::new("tlog, compressed with snappy too", log_len, || {
                let len = payloads.log(&packed, Megabyte::new()).end;
                assert!(len > 0);
                done
            }),
        ],
    );
    // Memory that has been written to before: page faults are the kernel's time, not the writer's.
    let (mut ours, mut theirs) = (vec![1; 2 * log_len], vec![1; 2 * log_len]);
    compare(
        "write every payload into memory for the whole log",
        vec![
            Case::new("tlog, checksums and markers", log_len, || {
                let mut sink = std::mem::take(&mut ours);
                sink.clear();
                ours = payloads.log(&plain, sink);
                done
            }),
            Case::new("mcap crate, chunk CRCs", log_len, || {
                let mut sink = std::mem::take(&mut theirs);
                sink.clear();
                theirs = write_mcap(&payloads, Cursor::new(sink)).into_inner();
                done
            }),
        ],
    );
}
