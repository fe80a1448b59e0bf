//! `tlog cat`: the contents of logs as text, NDJSON, JSON or CSV.

use std::cell::RefCell;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tlog::read::{Cause, Damage, Data, Event, ReadOptions, RecordType, Selection, Skipped};

use super::cat_format::{Printer, printer};
use super::cat_known::Known;
use crate::args::{Cat, CatFormat};
use crate::exit::{Outcome, usage};
use crate::input::{self, Input, Reader};
use crate::output::{self, STDOUT};
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::times::Range;

/// How often a followed file is looked at.
const POLL: Duration = Duration::from_millis(100);

pub fn run(args: &Cat, terminal: &Terminal) -> anyhow::Result<Outcome> {
    if args.follow && args.files.len() != 1 {
        return Err(usage("--follow takes one file"));
    }
    input::refuse_stdin_twice(args.files.iter().map(AsRef::as_ref))?;
    let mut cat = Concatenation {
        args,
        terminal,
        out: Rc::new(RefCell::new(output::stdout())),
        printer: printer(args.format),
        known: Known::new(args)?,
        line: Vec::new(),
        left: args.limit.unwrap_or(u64::MAX),
    };
    // Kept back until the first record, so that a refusal leaves the output empty.
    cat.line.extend(cat.printer.prologue());
    let mut outcome = Outcome::Complete;
    for file in &args.files {
        if cat.left > 0 || args.limit == Some(0) {
            outcome = outcome.and(cat.file(file)?);
        }
    }
    cat.finish(outcome)?;
    Ok(outcome)
}

struct Concatenation<'a> {
    args: &'a Cat,
    terminal: &'a Terminal,
    /// Shared with the input, which flushes before it waits.
    out: Rc<RefCell<BufWriter<StdoutLock<'static>>>>,
    printer: Box<dyn Printer>,
    known: Known<'a>,
    line: Vec<u8>,
    /// How many more records may be printed.
    left: u64,
}

impl Concatenation<'_> {
    fn file(&mut self, path: &Path) -> anyhow::Result<Outcome> {
        let name = input::name(path);
        let mut input = self.open(path)?;
        let (start, end) = Range::new(&self.args.selection)?.resolve(&input).with_context(|| name.clone())?;
        let selection = Selection { records: self.args.selection.records.clone(), start, end };
        let mut total = None;
        if let Input::Mapped(log) = &input {
            total = Some(log.bytes().len() as u64);
            self.known.look_ahead(log)?;
            self.begin_table(&self.known.selected(log)?)?;
        }
        let mut progress = Progress::beside_output(self.terminal, &name, total);
        let mut reader = input.reader(self.options(selection));
        let damage = self.records(&mut reader, &name, &mut progress)?;
        drop(progress);
        self.known.meet(&reader.records());
        self.terminal.report_damage(&name, &damage);
        Ok(if damage.is_none() { Outcome::Complete } else { Outcome::Damaged })
    }

    fn open(&self, path: &Path) -> anyhow::Result<Input> {
        let input = if self.args.follow { Input::follow(path)? } else { Input::open(path)? };
        let out = Rc::clone(&self.out);
        Ok(input.before_waiting(move || {
            out.borrow_mut().flush().map_err(|e| io::Error::new(e.kind(), format!("{STDOUT}: {e}")))
        }))
    }

    fn options(&self, selection: Selection) -> ReadOptions {
        ReadOptions {
            selection,
            strict: self.args.strict,
            verify: !self.args.no_verify,
            follow: self.follows(),
            ..ReadOptions::default()
        }
    }

    /// Whether the end of the file is not final. That of a pipe always is.
    fn follows(&self) -> bool {
        self.args.follow && !self.args.files.iter().any(|file| input::is_dash(file))
    }

    /// Prints what the reader delivers; returns what was skipped.
    fn records(&mut self, reader: &mut Reader<'_>, name: &str, progress: &mut Progress) -> anyhow::Result<Damage> {
        let mut undecodable = Damage::default();
        if self.args.format == CatFormat::Csv {
            self.first_of_table(reader, name, &mut undecodable)?;
        }
        let mut told = 0;
        while self.left > 0 {
            let Some(data) = reader.next_data().with_context(|| name.to_owned())? else {
                if !self.follows() {
                    break;
                }
                told = self.terminal.report_skipped(name, reader.damage(), told);
                std::thread::sleep(POLL);
                continue;
            };
            progress.at(|| data.offset);
            self.show(&data, name, &mut undecodable)?;
        }
        Ok(joined(reader.damage(), undecodable))
    }

    /// Reads up to the first data. A table must know its record before it is printed.
    fn first_of_table(&mut self, reader: &mut Reader<'_>, name: &str, undecodable: &mut Damage) -> anyhow::Result<()> {
        let mut declared = Vec::new();
        while self.left > 0
            && let Some(event) = reader.next_event().with_context(|| name.to_owned())?
        {
            match event {
                Event::Schema(record) if self.known.wants(record) => declared.push(Arc::clone(record)),
                Event::Data(data) => {
                    self.begin_table(&declared)?;
                    return self.show(&data, name, undecodable);
                }
                _ => {}
            }
        }
        self.begin_table(&declared)
    }

    /// CSV is one table: with several records the user must choose, before anything is printed.
    fn begin_table(&mut self, records: &[Arc<RecordType>]) -> anyhow::Result<()> {
        if self.args.format != CatFormat::Csv {
            return Ok(());
        }
        let mut names: Vec<&str> = records.iter().map(|record| record.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() > 1 {
            return Err(usage(format!("csv shows one record; choose one with --record: {}", names.join(", "))));
        }
        for record in records {
            if let Some(plan) = self.known.projection.plan(record, true)? {
                self.printer.begin(record, plan, &mut self.line)?;
            }
        }
        Ok(())
    }

    /// Prints one record, or counts it as damage.
    fn show(&mut self, data: &Data<'_>, name: &str, undecodable: &mut Damage) -> anyhow::Result<()> {
        let Err(cause) = self.print(data)? else { return Ok(()) };
        if self.args.strict {
            return Err(tlog::Error::Format { offset: data.offset, cause }).with_context(|| name.to_owned());
        }
        undecodable.add(&Skipped { range: data.offset..data.offset + data.block_len, cause });
        Ok(())
    }

    fn print(&mut self, data: &Data<'_>) -> anyhow::Result<Result<(), Cause>> {
        let plan = self.known.projection.plan(data.record, self.printer.flattens())?;
        let Some(plan) = plan else { return Ok(Ok(())) };
        self.printer.begin(data.record, plan, &mut self.line)?;
        let kept = self.line.len();
        if let Err(error) = self.printer.print(data, plan, &mut self.line) {
            self.line.truncate(kept);
            return Ok(Err(Cause::Payload { record: data.record.name.clone(), error }));
        }
        self.left -= 1;
        self.put_line()?;
        Ok(Ok(()))
    }

    fn put_line(&mut self) -> anyhow::Result<()> {
        self.out.borrow_mut().write_all(&self.line).context(STDOUT)?;
        self.line.clear();
        Ok(())
    }

    fn finish(mut self, outcome: Outcome) -> anyhow::Result<()> {
        // What was not read to its end, or is damaged, may have had what is missing.
        if self.left > 0 && outcome == Outcome::Complete {
            self.known.check()?;
        }
        self.line.extend(self.printer.epilogue());
        self.put_line()?;
        self.out.borrow_mut().flush().context(STDOUT)
    }
}

/// What the reader skipped and what could not be decoded, in file order.
fn joined(skipped: &Damage, undecodable: Damage) -> Damage {
    let mut first = [skipped.first.clone(), undecodable.first].concat();
    first.sort_by_key(|skipped| skipped.range.start);
    first.truncate(Damage::KEPT);
    let (stretches, bytes) = (skipped.stretches + undecodable.stretches, skipped.bytes + undecodable.bytes);
    Damage { stretches, bytes, first }
}
