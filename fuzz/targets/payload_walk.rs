//! Fuzzes the walk over a payload by its schema.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::payload_walk(data));
