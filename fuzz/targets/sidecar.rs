//! Fuzzes loading saved indices.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::sidecar(data));
