//! `tlog cut`: a part of logs into a new log.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tlog::read::{Cause, Damage, Data, Event, ReadOptions, RecordType, Selection, Skipped};
use tlog::wire::DataFlags;
use tlog::write::{RecordId, Writer, WriterOptions};
use tlog_index::copy::Joined;
use tlog_index::plan::{By, Filter, Plan, Request};
use tlog_index::predicate::Predicate;

use crate::args::Cut;
use crate::exit::{Outcome, usage};
use crate::input::{Input, Reader};
use crate::output::{self, Binary};
use crate::planning;
use crate::progress::Progress;
use crate::source::{Part, Source};
use crate::terminal::{Terminal, count, printable};
use crate::times::Range;

pub fn run(args: &Cut, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let sources = Source::all(&args.files)?;
    let condition = planning::parse_condition(args.selection.condition.as_deref())?;
    let asked = Asked { args, condition };
    if args.selection.explain {
        return asked.explain(&sources);
    }
    let place = args.output.as_deref().ok_or_else(|| usage("-o is needed"))?;
    let parts = sources.iter().flat_map(|source| source.parts.iter().map(|part| part.path.clone()));
    let inputs: Vec<PathBuf> = args.files.iter().cloned().chain(parts).collect();
    let inputs: Vec<&Path> = inputs.iter().map(AsRef::as_ref).collect();
    let output = Binary::create(place, args.force, &inputs)?;
    let mut cutting = Cutting {
        filter: asked.condition.as_ref().map(Filter::new),
        asked,
        terminal,
        name: output.name(),
        writer: WriterOptions::new().open(output),
        joined: Joined::default(),
        met: Vec::new(),
        copied: 0,
    };
    let mut outcome = Outcome::Complete;
    for source in &sources {
        outcome = outcome.and(cutting.source(source)?);
    }
    if outcome == Outcome::Complete {
        cutting.check(&sources)?;
    }
    cutting.finish()?;
    Ok(outcome)
}

/// What was asked for.
struct Asked<'a> {
    args: &'a Cut,
    condition: Option<Predicate>,
}

impl Asked<'_> {
    fn selection(&self, source: &Source) -> anyhow::Result<Selection> {
        let (start, end) = Range::new(&self.args.selection)?.resolve(source)?;
        Ok(Selection { records: self.args.selection.records.clone(), start, end })
    }

    /// What of a file must be read.
    fn plan(&self, part: &Part, log: &tlog::Log, selection: &Selection) -> anyhow::Result<Plan> {
        let request = Request { selection, predicate: self.condition.as_ref() };
        match self.args.selection.read_all {
            true => Ok(Plan::whole(log.bytes().len() as u64)),
            false => planning::plan(&part.path, log, &request).with_context(|| part.name.clone()),
        }
    }

    fn explain(&self, sources: &[Source]) -> anyhow::Result<Outcome> {
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
}

/// The new log in the making.
struct Cutting<'a> {
    asked: Asked<'a>,
    terminal: &'a Terminal,
    filter: Option<Filter>,
    /// How messages call the output.
    name: String,
    writer: Writer<Binary>,
    joined: Joined,
    /// Records of the logs, by name and identifier each once.
    met: Vec<Arc<RecordType>>,
    copied: u64,
}

impl Cutting<'_> {
    fn source(&mut self, source: &Source) -> anyhow::Result<Outcome> {
        let selection = self.asked.selection(source)?;
        let mut outcome = Outcome::Complete;
        for part in &source.parts {
            match part.open(source)? {
                Some(input) => outcome = outcome.and(self.part(part, input, &selection)?),
                None => self.terminal.warn(&format!("{}: deleted before it was read", part.name)),
            }
        }
        Ok(outcome)
    }

    fn part(&mut self, part: &Part, mut input: Input, selection: &Selection) -> anyhow::Result<Outcome> {
        let mut plan = None;
        if let Input::Mapped(log) = &input {
            let made = self.asked.plan(part, log, selection)?;
            if self.asked.args.files.len() == 1 {
                planning::check_early(self.filter.as_mut(), &made)?;
            }
            plan = Some(made);
        }
        let options = ReadOptions {
            selection: selection.clone(),
            // Without a condition nobody looks into payloads.
            raw_payloads: self.filter.is_none(),
            ..part.read_options()
        };
        let mut progress = Progress::new(self.terminal, &part.name, plan.as_ref().map(Plan::bytes));
        // Who reads all of a file sees where another log begins in it.
        let mut reader = input.planned(options, plan.filter(|plan| plan.by != By::Nothing));
        let damage = self.copy(&mut reader, &part.name, &mut progress)?;
        drop(progress);
        for record in reader.records() {
            self.meet(&record);
        }
        self.terminal.report_damage(&part.name, &damage);
        Ok(if damage.is_none() { Outcome::Complete } else { Outcome::Damaged })
    }

    /// Copies what the reader delivers; what was skipped.
    fn copy(&mut self, reader: &mut Reader<'_>, name: &str, progress: &mut Progress) -> anyhow::Result<Damage> {
        self.joined.next_log();
        let mut undecodable = Damage::default();
        while let Some(event) = reader.next_event().with_context(|| name.to_owned())? {
            match event {
                Event::Data(data) => {
                    progress.at(|| data.offset);
                    if let Err(skipped) = self.data(&data)? {
                        undecodable.add(&skipped);
                    }
                }
                // In the order of the log, so that all of a log gives the same log again.
                Event::Schema(record) if self.filter.is_none() && self.wants(record) => {
                    self.target(record)?;
                }
                Event::Skipped(Skipped { cause: Cause::AnotherLog, .. }) => self.joined.next_log(),
                _ => {}
            }
        }
        let mut damage = reader.damage().into_owned();
        damage.append(&undecodable);
        Ok(damage)
    }

    /// Copies one instance, if it meets the condition; or says why that cannot be told.
    fn data(&mut self, data: &Data<'_>) -> anyhow::Result<Result<(), Skipped>> {
        match self.filter.as_mut().map_or(Ok(true), |filter| filter.matches(data)) {
            Ok(true) => {}
            Ok(false) => return Ok(Ok(())),
            Err(error) => {
                let cause = Cause::Payload { record: data.record.name.clone(), error };
                return Ok(Err(Skipped { range: data.offset..data.offset + data.block_len, cause }));
            }
        }
        let id = self.target(data.record)?;
        let written = match self.filter {
            None => {
                let is_compressed = data.flags.contains(DataFlags::SNAPPY);
                self.writer.write_stored(id, data.time, data.payload, is_compressed)
            }
            Some(_) => self.writer.write(id, data.time, data.payload),
        };
        written.with_context(|| self.name.clone())?;
        self.copied += 1;
        Ok(Ok(()))
    }

    fn wants(&self, record: &RecordType) -> bool {
        let records = self.asked.args.selection.records.clone();
        Selection { records, ..Selection::default() }.wants_record(&record.name)
    }

    fn target(&mut self, record: &Arc<RecordType>) -> anyhow::Result<RecordId> {
        let target = self.joined.target(record)?;
        if target.is_new {
            let declared = self.writer.declare_raw(target.id, &*target.name, &record.schema_bytes);
            declared.with_context(|| self.name.clone())?;
        }
        Ok(target.id)
    }

    fn meet(&mut self, record: &Arc<RecordType>) {
        if let Some(filter) = &mut self.filter {
            filter.meet(record);
        }
        let is_known = |known: &Arc<RecordType>| known.name == record.name && known.identifier == record.identifier;
        if !self.met.iter().any(is_known) {
            self.met.push(Arc::clone(record));
        }
    }

    /// Refuses what was asked for by name and is in none of the logs.
    fn check(&mut self, sources: &[Source]) -> anyhow::Result<()> {
        let wanted = &self.asked.args.selection.records;
        let names: BTreeSet<&str> = self.met.iter().map(|record| record.name.as_str()).collect();
        let is_missing = |name: &&String| !name.contains(['*', '?']) && !names.contains(name.as_str());
        if let Some(missing) = wanted.iter().find(is_missing) {
            let mut names = names_of(sources)?;
            if !names.remove(missing) {
                let names: Vec<String> = names.iter().map(|name| printable(name).into_owned()).collect();
                return Err(usage(format!("there is no record {missing}; there are: {}", names.join(", "))));
            }
        }
        self.filter.as_ref().map_or(Ok(()), Filter::check).map_err(|e| planning::refused(&e))
    }

    /// Declares what has no data there, and puts the log in its place.
    fn finish(mut self) -> anyhow::Result<()> {
        self.joined.next_log();
        let mut unused = std::mem::take(&mut self.met);
        unused.retain(|record| self.filter.is_none() && self.wants(record));
        unused.sort_by_key(|record| record.identifier);
        for record in unused {
            if !self.joined.has_name(&record.name) {
                self.target(&record)?;
            }
        }
        for renamed in self.joined.renamed() {
            let (old, new) = (printable(&renamed.old_name), printable(&renamed.name));
            let (old_id, id) = (renamed.old_identifier, renamed.identifier);
            self.terminal
                .warn(&format!("record {old} (identifier {old_id}) is {new} (identifier {id}) in {}", self.name));
        }
        if self.copied == 0 {
            self.terminal.warn(&format!("nothing was selected: {} has no data", self.name));
        }
        let name = self.name;
        self.writer.finish().with_context(|| name.clone())?.commit()?;
        self.terminal.note(&format!("{} in {name}", count(self.copied, "data block")));
        Ok(())
    }
}

/// The names of all records, by reading everything: a plan may leave out where they are declared.
fn names_of(sources: &[Source]) -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for source in sources {
        for part in source.parts.iter().filter(|part| !crate::input::is_dash(&part.path)) {
            let Some(mut input) = part.open(source)? else { continue };
            let mut reader = input.reader(part.read_options());
            while reader.next_data().map_err(|e| anyhow!("{}: {e}", part.name))?.is_some() {}
            names.extend(reader.records().into_iter().map(|record| record.name.clone()));
        }
    }
    Ok(names)
}
