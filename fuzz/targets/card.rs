//! Fuzzes images of memory cards.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog_fuzz::card(data));
