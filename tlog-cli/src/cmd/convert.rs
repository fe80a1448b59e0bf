//! `tlog convert`: logs into formats of other tools. Here is decided which; each has a module of its own.

use std::path::Path;

use crate::args::{Convert, ConvertTo};
use crate::exit::{Outcome, usage};
use crate::selected::Selected;
use crate::source::Source;
use crate::terminal::Terminal;

/// What to convert to, and where that goes.
pub enum Format<'a> {
    Parquet(&'a Path),
    Arrow(&'a Path),
}

pub fn run(args: &Convert, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let sources = Source::all(&args.files)?;
    if args.selection.explain {
        return Selected::new(&args.selection, sources.len(), terminal)?.explain(&sources);
    }
    match format(&args.to)? {
        Format::Parquet(out) | Format::Arrow(out) => {
            Err(usage(format!("{}: no tables are written yet", out.display())))
        }
    }
}

fn format(to: &ConvertTo) -> anyhow::Result<Format<'_>> {
    let given = [to.parquet.as_deref().map(Format::Parquet), to.arrow.as_deref().map(Format::Arrow)];
    // The command line has exactly one.
    given.into_iter().flatten().next().ok_or_else(|| usage("say what to convert to, such as --parquet OUT"))
}
