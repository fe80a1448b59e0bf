//! `tlog concat`: logs one after the other into one.

use crate::args::Concat;
use crate::exit::Outcome;
use crate::new_log::{self, Payloads, Steps};
use crate::source::Source;
use crate::terminal::Terminal;

pub fn run(args: &Concat, terminal: &Terminal) -> anyhow::Result<Outcome> {
    new_log::copy(&Source::all(&args.files)?, &args.into, Payloads::AsStored, Steps::Told, terminal)
}
