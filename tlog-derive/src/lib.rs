//! `#[derive(Record)]` for the `tlog` crate.
