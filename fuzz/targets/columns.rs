//! Fuzzes columns out of payloads, and Parquet out of columns.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::columns(data));
