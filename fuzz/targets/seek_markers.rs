//! Fuzzes seeking by markers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::seek_markers(data));
