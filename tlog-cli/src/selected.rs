//! What a command takes of logs: the data of some records, in a stretch of time, for which a condition holds. Only the
//! parts of a file that can have it are read.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tlog::Log;
use tlog::read::{Cause, Damage, Data, Event, ReadOptions, RecordType, Selection, Skipped};
use tlog::value::ValueError;
use tlog_index::plan::{By, Filter, Plan, Request};
use tlog_index::predicate::Predicate;

use crate::args;
use crate::exit::{Outcome, usage};
use crate::input::{self, Input, Reader};
use crate::output;
use crate::planning;
use crate::progress::Progress;
use crate::source::{Part, Source};
use crate::terminal::{Terminal, printable};
use crate::times::Range;

/// What there is of logs for who takes a part of them.
pub enum Taken<'a> {
    /// A log begins, or another one inside the same file: identifiers of records mean something else from here on.
    Log,
    /// A record that was selected is declared. Not told of a file of which only parts are read, nor under a condition.
    Schema(&'a Arc<RecordType>),
    /// Data that was selected.
    Data(&'a Data<'a>),
}

/// What is taken of logs, and what was met in them.
pub struct Selected<'a> {
    args: &'a args::Selection,
    terminal: &'a Terminal,
    condition: Option<Predicate>,
    filter: Option<Filter>,
    /// Whether there is just one log, so that what it lacks is nowhere.
    is_single: bool,
    /// Whether payloads are passed on as they are stored, compressed or not.
    raw_payloads: bool,
    /// Records of the logs, by name, identifier and schema each once.
    met: Vec<Arc<RecordType>>,
    /// What was skipped of all that was read.
    damage: Damage,
}

impl<'a> Selected<'a> {
    /// What these arguments select of so many logs.
    pub fn new(args: &'a args::Selection, logs: usize, terminal: &'a Terminal) -> anyhow::Result<Self> {
        let condition = planning::parse_condition(args.condition.as_deref())?;
        let filter = condition.as_ref().map(Filter::new);
        let is_single = logs == 1;
        Ok(Self {
            args,
            terminal,
            condition,
            filter,
            is_single,
            raw_payloads: false,
            met: Vec::new(),
            damage: Damage::default(),
        })
    }

    /// Passes payloads on as they are stored, unless a condition must look into them. What is compressed must be right
    /// nevertheless: data that no reader could unpack is damage here too, and not copied.
    pub fn with_raw_payloads(mut self) -> Self {
        self.raw_payloads = self.filter.is_none();
        self
    }

    /// Whether a condition chooses among the data.
    pub const fn has_condition(&self) -> bool {
        self.filter.is_some()
    }

    /// The records met so far, selected or not.
    pub fn met(&self) -> &[Arc<RecordType>] {
        &self.met
    }

    /// What was skipped of all that was read so far.
    pub const fn damage(&self) -> &Damage {
        &self.damage
    }

    /// Whether data of this record can be selected.
    pub fn wants(&self, record: &RecordType) -> bool {
        let records = self.args.records.clone();
        Selection { records, ..Selection::default() }.wants_record(&record.name)
    }

    /// What of a log is selected, times resolved.
    pub fn selection(&self, source: &Source) -> anyhow::Result<Selection> {
        let (start, end) = Range::new(self.args)?.resolve(source)?;
        Ok(Selection { records: self.args.records.clone(), start, end })
    }

    /// What of a file must be read.
    fn plan(&self, part: &Part, log: &Log, selection: &Selection) -> anyhow::Result<Plan> {
        let request = Request { selection, predicate: self.condition.as_ref() };
        match self.args.read_all {
            true => Ok(Plan::whole(log.bytes().len() as u64)),
            false => planning::plan(&part.path, log, &request).with_context(|| part.name.clone()),
        }
    }

    /// Says what would be read of the logs.
    pub fn explain(&self, sources: &[Source]) -> anyhow::Result<Outcome> {
        for source in sources {
            let selection = self.selection(source)?;
            for part in &source.parts {
                match part.open(source)? {
                    None => {}
                    Some(Input::Stream(_)) => return Err(usage("--explain needs a file, not a stream")),
                    Some(Input::Mapped(log)) => {
                        let plan = self.plan(part, &log, &selection)?;
                        output::print(&planning::explain(&part.name, &part.path, &plan))?;
                    }
                }
            }
        }
        Ok(Outcome::Complete)
    }

    /// Passes on what is selected of a log. Data that `take` cannot decode counts as damage.
    pub fn read(
        &mut self,
        source: &Source,
        mut take: impl FnMut(Taken<'_>) -> anyhow::Result<Result<(), ValueError>>,
    ) -> anyhow::Result<Outcome> {
        self.read_mapped(source, |taken, _| take(taken))
    }

    /// The same for who comes back to the data later: tells also of the file that it is in, if that is mapped.
    pub fn read_mapped(
        &mut self,
        source: &Source,
        mut take: impl FnMut(Taken<'_>, Option<&Arc<Log>>) -> anyhow::Result<Result<(), ValueError>>,
    ) -> anyhow::Result<Outcome> {
        let selection = self.selection(source)?;
        let mut outcome = Outcome::Complete;
        for part in &source.parts {
            match part.open(source)? {
                Some(input) => {
                    let mapped = input.mapped();
                    let take = |taken: Taken<'_>| take(taken, mapped.as_ref());
                    outcome = outcome.and(self.part(part, input, &selection, take)?);
                }
                None => self.terminal.warn(&format!("{}: deleted before it was read", part.name)),
            }
        }
        Ok(outcome)
    }

    fn part(
        &mut self,
        part: &Part,
        mut input: Input,
        selection: &Selection,
        take: impl FnMut(Taken<'_>) -> anyhow::Result<Result<(), ValueError>>,
    ) -> anyhow::Result<Outcome> {
        let mut plan = None;
        if let Input::Mapped(log) = &input {
            let made = self.plan(part, log, selection)?;
            if self.is_single {
                planning::check_early(self.filter.as_mut(), &made)?;
            }
            plan = Some(made);
        }
        let options = ReadOptions {
            selection: selection.clone(),
            raw_payloads: self.raw_payloads,
            // The header is right: that was seen when the input was opened.
            salvage: self.raw_payloads && !part.grows(),
            ..part.read_options()
        };
        let mut progress = Progress::new(self.terminal, &part.name, plan.as_ref().map(Plan::bytes));
        // Who reads all of a file sees where another log begins in it.
        let mut reader = input.planned(options, plan.filter(|plan| plan.by != By::Nothing));
        let damage = self.each(&mut reader, &part.name, &mut progress, take)?;
        drop(progress);
        for record in reader.records() {
            self.meet(&record);
        }
        self.terminal.report_damage(&part.name, &damage);
        self.damage.append(&damage);
        Ok(if damage.is_none() { Outcome::Complete } else { Outcome::Damaged })
    }

    /// Passes on what the reader delivers; what was skipped.
    fn each(
        &mut self,
        reader: &mut Reader<'_>,
        name: &str,
        progress: &mut Progress,
        mut take: impl FnMut(Taken<'_>) -> anyhow::Result<Result<(), ValueError>>,
    ) -> anyhow::Result<Damage> {
        // Only data can be undecodable.
        let _ = take(Taken::Log)?;
        let mut undecodable = Damage::default();
        while let Some(event) = reader.next_event().with_context(|| name.to_owned())? {
            match event {
                Event::Data(data) => {
                    progress.at(|| data.offset);
                    let taken = match self.filter.as_mut().map_or(Ok(true), |filter| filter.matches(&data)) {
                        Ok(true) => take(Taken::Data(&data))?,
                        Ok(false) => Ok(()),
                        Err(error) => Err(error),
                    };
                    if let Err(error) = taken {
                        let cause = Cause::Payload { record: data.record.name.clone(), error };
                        undecodable.add(&Skipped { range: data.offset..data.offset + data.block_len, cause });
                    }
                }
                Event::Schema(record) if self.filter.is_none() && self.wants(record) => {
                    let _ = take(Taken::Schema(record))?;
                }
                Event::Skipped(Skipped { cause: Cause::AnotherLog, .. }) => {
                    let _ = take(Taken::Log)?;
                }
                _ => {}
            }
        }
        let mut damage = reader.damage().into_owned();
        damage.append(&undecodable);
        Ok(damage)
    }

    /// Notes that there is this record.
    pub fn meet(&mut self, record: &Arc<RecordType>) {
        if let Some(filter) = &mut self.filter {
            filter.meet(record);
        }
        let is_known = |known: &Arc<RecordType>| {
            known.identifier == record.identifier
                && known.name == record.name
                && known.schema_bytes == record.schema_bytes
        };
        if !self.met.iter().any(is_known) {
            self.met.push(Arc::clone(record));
        }
    }

    /// Refuses what was asked for by name and is in none of the logs, all of which were read.
    pub fn check(&self, sources: &[Source]) -> anyhow::Result<()> {
        let names: BTreeSet<&str> = self.met.iter().map(|record| record.name.as_str()).collect();
        let is_missing = |name: &&String| !name.contains(['*', '?']) && !names.contains(name.as_str());
        if let Some(missing) = self.args.records.iter().find(is_missing) {
            let mut names = names_of(sources)?;
            if !names.remove(missing) {
                let names: Vec<String> = names.iter().map(|name| printable(name).into_owned()).collect();
                return Err(usage(format!("there is no record {missing}; there are: {}", names.join(", "))));
            }
        }
        self.filter.as_ref().map_or(Ok(()), Filter::check).map_err(|e| planning::refused(&e))
    }
}

/// The names of all records, by reading everything: a plan may leave out where they are declared.
fn names_of(sources: &[Source]) -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for source in sources {
        for part in source.parts.iter().filter(|part| !input::is_dash(&part.path)) {
            let Some(mut input) = part.open(source)? else { continue };
            let mut reader = input.reader(part.read_options());
            while reader.next_data().map_err(|e| anyhow!("{}: {e}", part.name))?.is_some() {}
            names.extend(reader.records().into_iter().map(|record| record.name.clone()));
        }
    }
    Ok(names)
}
