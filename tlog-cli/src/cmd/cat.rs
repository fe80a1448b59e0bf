//! `tlog cat`: the contents of logs as text, NDJSON, JSON or CSV.

use std::cell::RefCell;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tlog::Log;
use tlog::read::{Cause, Damage, Data, Event, ReadOptions, RecordType, Selection, Skipped};
use tlog_convert::text::Printer;
use tlog_index::plan::{By, Filter, Plan, Request};
use tlog_index::predicate::Predicate;

use super::cat_format::{printer, several_tables};
use super::cat_known::Known;
use crate::args::{Cat, CatFormat};
use crate::exit::{Outcome, usage};
use crate::input::{self, Input, Reader};
use crate::output::{self, STDOUT};
use crate::planning;
use crate::progress::Progress;
use crate::source::{Part, Source};
use crate::terminal::Terminal;
use crate::times::Range;

/// How often a followed file is looked at.
pub(super) const POLL: Duration = Duration::from_millis(100);

pub fn run(args: &Cat, terminal: &Terminal) -> anyhow::Result<Outcome> {
    if args.follow && args.files.len() != 1 {
        return Err(usage("--follow takes one file"));
    }
    let sources = Source::all(&args.files)?;
    let is_single = matches!(&sources[..], [source] if !source.is_store);
    let condition = planning::parse_condition(args.selection.condition.as_deref())?;
    let mut cat = Concatenation {
        args,
        filter: condition.as_ref().map(Filter::new),
        condition,
        terminal,
        out: Rc::new(RefCell::new(output::stdout())),
        printer: printer(args.format),
        known: Known::new(args, is_single)?,
        is_single,
        line: Vec::new(),
        knows_all: true,
        left: args.limit.unwrap_or(u64::MAX),
    };
    // Kept back until the first record, so that a refusal leaves the output empty.
    if !args.selection.explain {
        cat.line.extend(cat.printer.prologue());
    }
    let mut outcome = Outcome::Complete;
    for source in &sources {
        if cat.left > 0 || args.limit == Some(0) {
            outcome = outcome.and(cat.source(source)?);
        }
    }
    cat.finish(outcome)?;
    Ok(outcome)
}

pub(super) struct Concatenation<'a> {
    pub(super) args: &'a Cat,
    pub(super) terminal: &'a Terminal,
    /// Shared with the input, which flushes before it waits.
    pub(super) out: Rc<RefCell<BufWriter<StdoutLock<'static>>>>,
    printer: Box<dyn Printer>,
    known: Known<'a>,
    /// Whether there is just one file, so that what it lacks is nowhere.
    is_single: bool,
    condition: Option<Predicate>,
    filter: Option<Filter>,
    line: Vec<u8>,
    /// Whether all records of what was read are known: those behind a part that markers lead to may not be.
    knows_all: bool,
    /// How many more records may be printed.
    pub(super) left: u64,
}

impl Concatenation<'_> {
    fn source(&mut self, source: &Source) -> anyhow::Result<Outcome> {
        if self.args.follow && source.is_store {
            return self.follow_store(source);
        }
        let (start, end) = Range::new(&self.args.selection)?.resolve(source)?;
        let selection = Selection { records: self.args.selection.records.clone(), start, end };
        let mut outcome = Outcome::Complete;
        for part in &source.parts {
            let input = if self.follows() { Some(Input::follow(&part.path)?) } else { part.open(source)? };
            match input {
                Some(input) if self.left > 0 || self.args.limit == Some(0) => {
                    outcome = outcome.and(self.part(part, input, &selection)?);
                }
                Some(_) => {}
                None => self.terminal.warn(&format!("{}: deleted before it was read", part.name)),
            }
        }
        Ok(outcome)
    }

    fn part(&mut self, part: &Part, input: Input, selection: &Selection) -> anyhow::Result<Outcome> {
        let name = &part.name;
        let mut input = self.flush_before_waiting(input);
        let mut plan = None;
        if let Input::Mapped(log) = &input {
            let made = self.plan(part, log, selection)?;
            if self.args.selection.explain {
                self.line.extend(planning::explain(name, &part.path, &made).bytes());
                self.put_line()?;
                return Ok(Outcome::Complete);
            }
            self.known.look_ahead(log)?;
            self.begin_table(&self.known.selected(log, &made)?)?;
            plan = Some(made);
        } else if self.args.selection.explain {
            return Err(usage("--explain needs a file, not a stream"));
        }
        let end = plan.as_ref().map(|plan| plan.parts.last().map_or(0, |part| part.range.end));
        let mut progress = Progress::beside_output(self.terminal, name, end);
        // Half a block at the end of what somebody writes is still to come, not broken.
        let options = self.options(selection.clone());
        let options = ReadOptions { follow: options.follow || part.grows(), ..options };
        let mut reader = input.planned(options, plan);
        let damage = self.records(&mut reader, name, &mut progress)?;
        drop(progress);
        self.meet(&reader.records());
        self.terminal.report_damage(name, &damage);
        Ok(if damage.is_none() { Outcome::Complete } else { Outcome::Damaged })
    }

    /// What of a file must be read. A condition that fits none of its records is refused if they are known.
    fn plan(&mut self, part: &Part, log: &Log, selection: &Selection) -> anyhow::Result<Plan> {
        let request = Request { selection, predicate: self.condition.as_ref() };
        let whole = || Plan::whole(log.bytes().len() as u64);
        let plan = match self.args.selection.read_all {
            true => whole(),
            false => planning::plan(&part.path, log, &request).with_context(|| part.name.clone())?,
        };
        // An index knows nothing of what checksums deny, and a defect anywhere ends strict reading.
        let is_otherwise = (self.args.strict || self.args.no_verify) && !plan.damage.is_none();
        let plan = if is_otherwise { whole() } else { plan };
        self.knows_all &= plan.by != By::Markers || log.index().is_some();
        if self.is_single {
            planning::check_early(self.filter.as_mut(), &plan)?;
        }
        Ok(plan)
    }

    fn meet(&mut self, records: &[Arc<RecordType>]) {
        self.known.meet(records);
        if let Some(filter) = &mut self.filter {
            records.iter().for_each(|record| filter.meet(record));
        }
    }

    fn flush_before_waiting(&self, input: Input) -> Input {
        let out = Rc::clone(&self.out);
        input.before_waiting(move || {
            out.borrow_mut().flush().map_err(|e| io::Error::new(e.kind(), format!("{STDOUT}: {e}")))
        })
    }

    pub(super) fn options(&self, selection: Selection) -> ReadOptions {
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
        if self.args.format == CatFormat::Csv && !matches!(reader, Reader::Planned(_)) {
            self.first_of_table(reader, name, &mut undecodable)?;
        }
        let mut told = 0;
        while self.left > 0 {
            let Some(data) = reader.next_data().with_context(|| name.to_owned())? else {
                if !self.follows() {
                    break;
                }
                told = self.terminal.report_skipped(name, &reader.damage(), told);
                std::thread::sleep(POLL);
                continue;
            };
            progress.at(|| data.offset);
            self.show(&data, name, &mut undecodable)?;
        }
        Ok(joined(&reader.damage(), undecodable))
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
                self.printer.begin(record, plan, &mut self.line).map_err(several_tables)?;
            }
        }
        Ok(())
    }

    /// Prints one record, or counts it as damage.
    pub(super) fn show(&mut self, data: &Data<'_>, name: &str, undecodable: &mut Damage) -> anyhow::Result<()> {
        let Err(cause) = self.print(data)? else { return Ok(()) };
        if self.args.strict {
            return Err(tlog::Error::Format { offset: data.offset, cause }).with_context(|| name.to_owned());
        }
        undecodable.add(&Skipped { range: data.offset..data.offset + data.block_len, cause });
        Ok(())
    }

    fn print(&mut self, data: &Data<'_>) -> anyhow::Result<Result<(), Cause>> {
        match self.filter.as_mut().map_or(Ok(true), |filter| filter.matches(data)) {
            Ok(true) => {}
            Ok(false) => return Ok(Ok(())),
            Err(error) => return Ok(Err(Cause::Payload { record: data.record.name.clone(), error })),
        }
        let plan = self.known.projection.plan(data.record, self.printer.flattens())?;
        let Some(plan) = plan else { return Ok(Ok(())) };
        self.printer.begin(data.record, plan, &mut self.line).map_err(several_tables)?;
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
        if self.left > 0 && outcome == Outcome::Complete && self.knows_all && !self.args.selection.explain {
            self.known.check()?;
            self.filter.as_ref().map_or(Ok(()), Filter::check).map_err(|e| planning::refused(&e))?;
        }
        if !self.args.selection.explain {
            self.line.extend(self.printer.epilogue());
        }
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
