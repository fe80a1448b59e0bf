//! `tlog convert --mcap`: logs, one after the other, into an MCAP that viewers open as it is.

use std::collections::HashSet;
use std::io::{BufWriter, Seek, Write};
use std::num::NonZero;
use std::path::Path;

use anyhow::Context;
use tlog::read::{Damage, RecordType};
use tlog_convert::import::Summary;
use tlog_convert::mcap::{Completeness, Compression, Exporter, Options};

use crate::args::Convert;
use crate::exit::{Outcome, usage};
use crate::input::is_dash;
use crate::output::Binary;
use crate::selected::{Selected, Taken};
use crate::source::{self, Source};
use crate::terminal::{Terminal, count};

/// So many threads compress at once, at most: they wait for the one that reads.
const MAX_THREADS: usize = 3;

pub fn run(args: &Convert, out: &Path, sources: &[Source], terminal: &Terminal) -> anyhow::Result<Outcome> {
    if !args.tables.partition.is_empty() {
        return Err(usage("--partition is for --parquet"));
    }
    let options = options(args)?;
    let output = Binary::create(out, args.force, &source::files(sources))?;
    let name = output.name();
    let shown = || name.clone();
    let buffer = BufWriter::with_capacity(1 << 20, output);
    let (buffer, outcome) = match is_dash(out) {
        true => {
            let exporter = Exporter::streaming(buffer, &options).with_context(shown)?;
            let (sink, outcome) = write(args, exporter, sources, terminal)?;
            (sink.into_inner(), outcome)
        }
        false => write(args, Exporter::new(buffer, &options).with_context(shown)?, sources, terminal)?,
    };
    buffer.into_inner().map_err(|e| e.into_error()).with_context(shown)?.commit()?;
    Ok(outcome)
}

fn options(args: &Convert) -> anyhow::Result<Options> {
    let text = args.tables.compression.as_deref().unwrap_or("zstd");
    let level = |text: &str| text.parse().ok().filter(|level| (1..=22).contains(level));
    let (compression, level) = match text.split_once(':').map_or((text, None), |(kind, rest)| (kind, Some(rest))) {
        ("zstd", rest) => (Compression::Zstd, rest.map_or(Some(0), level)),
        ("lz4", None) => (Compression::Lz4, Some(0)),
        ("none", None) => (Compression::None, Some(0)),
        _ => (Compression::None, None),
    };
    let wrong = || usage(format!("`{text}` is none of zstd, zstd:1 to zstd:22, lz4 and none, which MCAP has"));
    let jobs = args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get), usize::from);
    let threads = jobs.saturating_sub(1).min(MAX_THREADS) as u32;
    Ok(Options { compression, level: level.ok_or_else(wrong)?, threads, ..Options::default() })
}

fn write<W: Write + Seek>(
    args: &Convert,
    mut exporter: Exporter<W>,
    sources: &[Source],
    terminal: &Terminal,
) -> anyhow::Result<(W, Outcome)> {
    let mut selected = Selected::new(&args.selection, sources.len(), terminal)?;
    let (mut outcome, mut declared) = (Outcome::Complete, HashSet::new());
    for source in sources {
        let read = selected.read(source, |taken| {
            match taken {
                Taken::Log => {}
                Taken::Schema(record) => {
                    declared.insert(record.name.clone());
                    exporter.declare(record)?;
                }
                Taken::Data(data) => exporter.put(data)?,
            }
            Ok(Ok(()))
        });
        outcome = outcome.and(read?);
    }
    let is_unused = |record: &RecordType| selected.wants(record) && !declared.contains(&record.name);
    if !selected.has_condition() {
        // Where only parts of a log are read, what is declared elsewhere is not told of before.
        let unused: Vec<_> = selected.met().iter().filter(|record| is_unused(record)).collect();
        unused.into_iter().try_for_each(|record| exporter.declare(record))?;
    }
    if outcome == Outcome::Complete {
        selected.check(sources)?;
    }
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let end = Completeness { source: names.join(", "), damage: selected.damage().clone() };
    let (sink, summary) = exporter.finish(&end)?;
    Ok((sink, outcome.and(tell(&summary, &end.damage, terminal))))
}

fn tell(summary: &Summary, damage: &Damage, terminal: &Terminal) -> Outcome {
    summary.notes.iter().for_each(|note| terminal.warn(note));
    for skipped in &summary.first {
        terminal.warn(&format!("skipped bytes {}..{}: {}", skipped.range.start, skipped.range.end, skipped.cause));
    }
    terminal.note(&count(summary.taken, "message"));
    if summary.skipped == 0 && damage.is_none() { Outcome::Complete } else { Outcome::Damaged }
}
