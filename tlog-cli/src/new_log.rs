//! A new log that is made of what is in others: copied, one after the other, or put in by whoever orders it.

use std::sync::Arc;

use anyhow::Context;
use tlog::Micros;
use tlog::read::{Data, RecordType};
use tlog::wire::DataFlags;
use tlog::write::{RecordId, Writer, WriterOptions};
use tlog_index::copy::Joined;
use tlog_index::reorder::{Form, Standing};

use crate::args::IntoLog;
use crate::exit::{Outcome, usage};
use crate::output::Binary;
use crate::selected::{Selected, Taken};
use crate::source::{self, Source};
use crate::terminal::{Terminal, count, printable};

/// How payloads come into the new log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payloads {
    /// As they are stored, where no condition looks into them.
    AsStored,
    /// Packed, where that makes them shorter.
    Packed,
    /// Unpacked.
    Plain,
}

/// Whether times go on where one log follows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// It is told of if they step back.
    Told,
    Untold,
}

/// Copies what is selected of logs, one after the other, into a new one.
pub fn copy(
    sources: &[Source],
    into: &IntoLog,
    payloads: Payloads,
    steps: Steps,
    terminal: &Terminal,
) -> anyhow::Result<Outcome> {
    let mut selected = Selected::new(&into.selection, sources.len(), terminal)?;
    if payloads == Payloads::AsStored {
        selected = selected.with_raw_payloads();
    }
    if into.selection.explain {
        return selected.explain(sources);
    }
    let mut new = NewLog::create(into.binary(sources)?, payloads, &selected);
    let mut outcome = Outcome::Complete;
    for source in sources {
        let before = new.begin_input();
        outcome = outcome.and(selected.read(source, |taken| new.take(taken).map(Ok))?);
        if steps == Steps::Told {
            new.tell_step(before, source, terminal);
        }
    }
    if outcome == Outcome::Complete {
        selected.check(sources)?;
    }
    new.finish(&selected, terminal)?;
    Ok(outcome)
}

impl IntoLog {
    /// The output, prepared, which is none of these inputs.
    pub fn binary(&self, sources: &[Source]) -> anyhow::Result<Binary> {
        let place = self.output.as_deref().ok_or_else(|| usage("-o is needed"))?;
        Binary::create(place, self.force, &source::files(sources))
    }
}

/// The new log in the making, or one of several that have the same records.
pub struct NewLog {
    /// How messages call it.
    name: String,
    writer: Writer<Binary>,
    options: WriterOptions,
    /// Whether payloads come as they are stored.
    is_raw: bool,
    has_condition: bool,
    joined: Joined,
    /// What is declared, in order: identifier and name here, and what it was.
    declared: Vec<(RecordId, Arc<str>, Arc<RecordType>)>,
    /// Data blocks in this file, and in those before.
    blocks: u64,
    copied: u64,
    times: Times,
}

/// Times of the data, reserved values left out.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    latest: Option<Micros>,
    /// Of the input that is read.
    first: Option<Micros>,
}

impl NewLog {
    /// Begins it; `selected` is what its data will be.
    pub fn create(output: Binary, payloads: Payloads, selected: &Selected<'_>) -> Self {
        let options = WriterOptions::new().compression(payloads != Payloads::Plain);
        Self {
            name: output.name(),
            writer: options.open(output),
            options,
            is_raw: payloads == Payloads::AsStored && !selected.has_condition(),
            has_condition: selected.has_condition(),
            joined: Joined::default(),
            declared: Vec::new(),
            blocks: 0,
            copied: 0,
            times: Times::default(),
        }
    }

    /// Copies what is taken of a log.
    pub fn take(&mut self, taken: Taken<'_>) -> anyhow::Result<()> {
        match taken {
            Taken::Log => self.joined.next_log(),
            // In the order of the log, so that all of a log gives the same log again.
            Taken::Schema(record) => drop(self.target(record)?),
            Taken::Data(data) => self.data(data)?,
        }
        Ok(())
    }

    fn data(&mut self, data: &Data<'_>) -> anyhow::Result<()> {
        let id = self.target(data.record)?;
        let form = match (self.is_raw, data.flags.contains(DataFlags::SNAPPY)) {
            (true, true) => Form::Snappy,
            (true, false) => Form::Plain,
            (false, _) => Form::Unpacked,
        };
        self.put(id, data.time, data.payload, form)
    }

    /// Identifiers mean something else from here on.
    pub fn next_log(&mut self) {
        self.joined.next_log();
    }

    /// Writes data of a record that has been declared.
    pub fn put(&mut self, id: RecordId, time: Option<Micros>, payload: &[u8], form: Form) -> anyhow::Result<()> {
        let written = match form {
            Form::Snappy => self.writer.write_stored(id, time, payload, true),
            Form::Plain => self.writer.write_stored(id, time, payload, false),
            Form::Unpacked => self.writer.write(id, time, payload),
        };
        written.with_context(|| self.name.clone())?;
        self.blocks += 1;
        self.copied += 1;
        self.times.note(time);
        Ok(())
    }

    /// What the record is here; it is declared if it is new.
    pub fn target(&mut self, record: &Arc<RecordType>) -> anyhow::Result<RecordId> {
        let target = self.joined.target(record)?;
        if target.is_new {
            let declared = self.writer.declare_raw(target.id, &*target.name, &record.schema_bytes);
            declared.with_context(|| self.name.clone())?;
            self.declared.push((target.id, target.name, Arc::clone(record)));
        }
        Ok(target.id)
    }

    /// How far it is, for who decides whether another file begins.
    pub fn standing(&self) -> Standing {
        Standing { position: self.writer.position(), records: self.declared.len() as u64, blocks: self.blocks }
    }

    /// Puts the log in its place and goes on in another one, which declares the same records. That is begun afterwards:
    /// an interrupt finds one that is unfinished at most.
    pub fn next_file(
        self,
        output: impl FnOnce() -> anyhow::Result<Binary>,
        terminal: &Terminal,
    ) -> anyhow::Result<Self> {
        let Self { writer, name, blocks, options, .. } = self;
        place(writer, &name, blocks, terminal)?;
        let output = output()?;
        let (name, writer) = (output.name(), options.open(output));
        let mut next = Self { name, writer, options, blocks: 0, ..self };
        for (id, name, record) in &next.declared {
            let declared = next.writer.declare_raw(*id, &**name, &record.schema_bytes);
            declared.with_context(|| next.name.clone())?;
        }
        Ok(next)
    }

    /// Notes that another input begins; the latest time before it.
    fn begin_input(&mut self) -> Option<Micros> {
        self.times.first = None;
        self.times.latest
    }

    /// Tells if the input that was read begins before this.
    fn tell_step(&self, before: Option<Micros>, source: &Source, terminal: &Terminal) {
        let (Some(before), Some(first)) = (before, self.times.first) else { return };
        if first < before {
            let name = &source.name;
            terminal.warn(&format!("{name} begins at {first}, before {before} in front of it: times step back there; `tlog merge` puts them in order"));
        }
    }

    /// Declares what has no data there, and puts the log in its place.
    pub fn finish(mut self, selected: &Selected<'_>, terminal: &Terminal) -> anyhow::Result<()> {
        self.joined.next_log();
        let mut unused = selected.met().to_vec();
        unused.retain(|record| !self.has_condition && selected.wants(record));
        // In an order that does not depend on that of the logs.
        unused.sort_by(|a, b| (a.identifier, &a.name, &a.schema_bytes).cmp(&(b.identifier, &b.name, &b.schema_bytes)));
        for record in unused {
            if !self.joined.has_name(&record.name) {
                self.target(&record)?;
            }
        }
        for renamed in self.joined.renamed() {
            let (old, new) = (printable(&renamed.old_name), printable(&renamed.name));
            let (old_id, id) = (renamed.old_identifier, renamed.identifier);
            terminal.warn(&format!("record {old} (identifier {old_id}) is {new} (identifier {id}) in {}", self.name));
        }
        if self.copied == 0 {
            terminal.warn(&format!("nothing was selected: {} has no data", self.name));
        }
        place(self.writer, &self.name, self.blocks, terminal)
    }
}

/// Puts a log with so many data blocks in its place.
fn place(writer: Writer<Binary>, name: &str, blocks: u64, terminal: &Terminal) -> anyhow::Result<()> {
    writer.finish().with_context(|| name.to_owned())?.commit()?;
    terminal.note(&format!("{} in {name}", count(blocks, "data block")));
    Ok(())
}

impl Times {
    /// Notes the time of data.
    fn note(&mut self, time: Option<Micros>) {
        let reserved = [Micros::NEG_INFINITY, Micros::NOT_A_TIME, Micros::INFINITY];
        let Some(time) = time.filter(|time| !reserved.contains(time)) else { return };
        self.first.get_or_insert(time);
        self.latest = self.latest.max(Some(time));
    }
}
