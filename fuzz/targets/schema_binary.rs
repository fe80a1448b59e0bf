//! Fuzzes the binary type encoding.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::schema_binary(data));
