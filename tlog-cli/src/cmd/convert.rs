//! `tlog convert`: logs into formats of other tools. Here is decided which; each has a module of its own.

use crate::args::Convert;
use crate::cmd::{convert_mcap, convert_tables, convert_text};
use crate::exit::{Outcome, usage};
use crate::selected::Selected;
use crate::source::Source;
use crate::terminal::Terminal;

pub fn run(args: &Convert, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let sources = Source::all(&args.files)?;
    if args.selection.explain {
        return Selected::new(&args.selection, sources.len(), terminal)?.explain(&sources);
    }
    if let Some(out) = &args.to.parquet {
        return convert_tables::parquet(args, out, &sources, terminal);
    }
    if let Some(out) = &args.to.arrow {
        return convert_tables::arrow(args, out, &sources, terminal);
    }
    if let Some(out) = &args.to.mcap {
        return convert_mcap::run(args, out, &sources, terminal);
    }
    if let Some(out) = &args.to.csv {
        return convert_text::csv(args, out, sources, terminal);
    }
    if let Some(out) = &args.to.ndjson {
        return convert_text::ndjson(args, out, sources, terminal);
    }
    // The command line has exactly one.
    Err(usage("say what to convert to, such as --parquet OUT"))
}
