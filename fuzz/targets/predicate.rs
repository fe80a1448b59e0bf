//! Fuzzes conditions on values.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::predicate(data));
