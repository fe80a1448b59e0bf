//! Fuzzes the import of MCAP.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::import_mcap(data));
