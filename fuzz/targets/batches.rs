//! Fuzzes files that firmware wrote in batches.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::batches(data));
