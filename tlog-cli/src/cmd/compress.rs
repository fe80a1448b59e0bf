//! `tlog compress` and `tlog decompress`: the same log with its payloads packed or unpacked.

use crate::args::{Compress, Decompress};
use crate::exit::Outcome;
use crate::new_log::{self, Payloads, Steps};
use crate::source::Source;
use crate::terminal::Terminal;

pub fn compress(args: &Compress, terminal: &Terminal) -> anyhow::Result<Outcome> {
    new_log::copy(&[Source::of(&args.file)?], &args.into, Payloads::Packed, Steps::Untold, terminal)
}

pub fn decompress(args: &Decompress, terminal: &Terminal) -> anyhow::Result<Outcome> {
    new_log::copy(&[Source::of(&args.file)?], &args.into, Payloads::Plain, Steps::Untold, terminal)
}
