//! Fuzzes data JSON into payloads.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::json_to_binary(data));
