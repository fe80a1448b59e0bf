//! `tlog cat`: the contents of logs as text, NDJSON, JSON or CSV.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use tlog::read::{Cause, Damage, Data, ReadOptions, Selection, Skipped};

use super::cat_format::{Printer, printer};
use crate::args::{Cat, CatFormat};
use crate::exit::{Outcome, usage};
use crate::input::{self, Input, Reader};
use crate::output;
use crate::progress::Progress;
use crate::project::Projection;
use crate::terminal::Terminal;
use crate::times::Range;

/// How often a followed file is looked at.
const POLL: Duration = Duration::from_millis(100);

pub fn run(args: &Cat, terminal: &Terminal) -> anyhow::Result<Outcome> {
    if args.follow && args.files.len() != 1 {
        return Err(usage("--follow takes one file"));
    }
    let mut cat = Concatenation {
        out: output::stdout(),
        printer: printer(args.format),
        projection: Projection::new(&args.fields)?,
        line: Vec::new(),
        left: args.limit.unwrap_or(u64::MAX),
    };
    cat.line.extend(cat.printer.prologue());
    let mut outcome = Outcome::Complete;
    for file in &args.files {
        outcome = outcome.and(cat.file(file, args, terminal)?);
    }
    cat.projection.check_all_fit()?;
    cat.line.clear();
    cat.line.extend(cat.printer.epilogue());
    cat.out.write_all(&cat.line)?;
    cat.out.flush()?;
    Ok(outcome)
}

struct Concatenation {
    out: std::io::BufWriter<std::io::StdoutLock<'static>>,
    printer: Box<dyn Printer>,
    projection: Projection,
    line: Vec<u8>,
    /// How many more records may be printed.
    left: u64,
}

impl Concatenation {
    fn file(&mut self, path: &std::path::Path, args: &Cat, terminal: &Terminal) -> anyhow::Result<Outcome> {
        let name = input::name(path);
        let mut input = if args.follow { Input::follow(path)? } else { Input::open(path)? };
        let (start, end) = Range::new(&args.selection)?.resolve(&input).with_context(|| name.clone())?;
        let selection = Selection { records: args.selection.records.clone(), start, end };
        if args.format == CatFormat::Csv {
            refuse_several_records(&input, &selection)?;
        }
        let total = if let Input::Mapped(log) = &input { Some(log.bytes().len() as u64) } else { None };
        let mut progress = Progress::new(terminal, &name, total);
        let options = ReadOptions {
            selection,
            strict: args.strict,
            verify: !args.no_verify,
            follow: args.follow,
            ..ReadOptions::default()
        };
        let mut reader = input.reader(options);
        let undecodable = self.records(&mut reader, args, &mut progress).with_context(|| name.clone())?;
        drop(progress);
        refuse_unknown_records(&reader, &args.selection.records)?;
        terminal.report_damage(&name, reader.damage());
        terminal.report_damage(&name, &undecodable);
        let whole = reader.damage().is_none() && undecodable.is_none();
        Ok(if whole { Outcome::Complete } else { Outcome::Damaged })
    }

    /// Prints what the reader delivers; returns what could not be decoded.
    fn records(&mut self, reader: &mut Reader<'_>, args: &Cat, progress: &mut Progress) -> anyhow::Result<Damage> {
        let mut undecodable = Damage::default();
        while self.left > 0 {
            let Some(data) = reader.next_data()? else {
                if !args.follow {
                    break;
                }
                self.out.flush()?;
                std::thread::sleep(POLL);
                continue;
            };
            progress.at(|| data.offset);
            if let Err(cause) = self.record(&data)? {
                let range = data.offset..data.offset + data.block_len;
                if args.strict {
                    return Err(tlog::Error::Format { offset: data.offset, cause }.into());
                }
                undecodable.add(&Skipped { range, cause });
            }
        }
        Ok(undecodable)
    }

    fn record(&mut self, data: &Data<'_>) -> anyhow::Result<Result<(), Cause>> {
        let Some(plan) = self.projection.plan(data.record, self.printer.flattens())? else { return Ok(Ok(())) };
        let kept = self.line.len();
        if let Err(error) = self.printer.print(data, plan, &mut self.line)? {
            self.line.truncate(kept);
            return Ok(Err(Cause::Payload { record: data.record.name.clone(), error }));
        }
        self.left -= 1;
        self.out.write_all(&self.line)?;
        self.line.clear();
        Ok(Ok(()))
    }
}

/// CSV is one table: with several records the user must choose, before anything is printed.
fn refuse_several_records(input: &Input, selection: &Selection) -> anyhow::Result<()> {
    let Input::Mapped(log) = input else { return Ok(()) };
    let mut names: Vec<String> = log.records()?.iter().map(|record| record.name.clone()).collect();
    names.retain(|name| selection.wants_record(name));
    names.sort_unstable();
    names.dedup();
    match names.len() {
        0 | 1 => Ok(()),
        _ => Err(usage(format!("csv shows one record; choose one with --record: {}", names.join(", ")))),
    }
}

/// A name without wildcards that the log does not have is a mistake.
fn refuse_unknown_records(reader: &Reader<'_>, wanted: &[String]) -> anyhow::Result<()> {
    let names = reader.record_names();
    let unknown = wanted.iter().find(|name| !name.contains(['*', '?']) && !names.contains(name));
    match unknown {
        Some(name) if reader.damage().is_none() => {
            Err(usage(format!("the log has no record {name}; it has: {}", names.join(", "))))
        }
        _ => Ok(()),
    }
}
