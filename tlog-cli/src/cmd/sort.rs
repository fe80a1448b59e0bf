//! `tlog sort`: the data of a log in order of time.

use crate::args::Sort;
use crate::exit::Outcome;
use crate::ordering::Ordering;
use crate::source::Source;
use crate::terminal::Terminal;

pub fn run(args: &Sort, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let sources = [Source::of(&args.file)?];
    let ordering = Ordering { memory: &args.ordering.memory, shifts: vec![0] };
    ordering.write(&sources, &args.into, terminal)
}
