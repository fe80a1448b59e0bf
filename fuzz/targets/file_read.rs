//! Fuzzes the readers of whole logs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::file_read(data));
