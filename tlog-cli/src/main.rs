//! The command `tlog`.
fn main() {}
