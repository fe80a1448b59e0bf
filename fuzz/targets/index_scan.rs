//! Fuzzes scans with several workers, and what an index of the log is asked.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::index_scan(data));
