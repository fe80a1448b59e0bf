//! Fuzzes the import of ULogs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::import_ulog(data));
