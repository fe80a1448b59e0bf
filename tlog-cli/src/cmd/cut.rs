//! `tlog cut`: a part of logs into a new log.

use crate::args::Cut;
use crate::exit::Outcome;
use crate::new_log::{self, Payloads, Steps};
use crate::source::Source;
use crate::terminal::Terminal;

pub fn run(args: &Cut, terminal: &Terminal) -> anyhow::Result<Outcome> {
    new_log::copy(&Source::all(&args.files)?, &args.into, Payloads::AsStored, Steps::Untold, terminal)
}
