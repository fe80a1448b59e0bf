//! The second look: copies what is intact.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use tlog::read::{Cause, Data, Event, KnownRecord, Place, ReadOptions, RecordType, Skipped, SliceReader};
use tlog::value::check_exact;
use tlog::wire::{BlockHeader, BlockType, DataFlags, DataHeader};
use tlog::write::{Writer, WriterOptions};
use tlog::{Micros, RecordId, Result};

use super::duplicates::{Chain, Duplicates};
use super::names::Names;
use super::promise::{Recovered, Sum};
use super::stretches::{self, Part, Parts};
use super::survey::{Survey, TELL_EVERY};
use super::{Duplicate, IgnoredDeclaration, Losses, Lost, RecordReport, RecoverOptions, Renamed, Report, Undeclared};
use crate::by_id::ById;

/// So many payloads of a record must fit a schema that the log itself does not give; then it is believed.
const PROOFS: u32 = 64;

/// Writes all that is intact in the log `bytes` into a new log.
///
/// It is not success before [`Recovered::verify`] says so. The sink is flushed and given back.
///
/// # Errors
/// [`Error::Io`](tlog::Error::Io) from the sink, and [`Error::Limit`](tlog::Error::Limit) when the log declares more
/// than memory is given to. Nothing in `bytes` is an error.
pub fn recover<W: Write>(bytes: &[u8], options: &RecoverOptions, out: W) -> Result<(Recovered, W)> {
    let parts = Parts::of(bytes, options)?;
    let mut known = unique(options.known.iter().chain(&parts.schemas));
    let survey = Survey::of(bytes, &parts, &known, options)?;
    known = unique(known.iter().chain(&survey.late));
    let mut copy = Copy::new(bytes, options, survey, &known, out);
    let mut place = None;
    for part in &parts.list {
        match part {
            Part::Lost { range, cause } => copy.lose(range.clone(), cause),
            Part::Read { range, proved } => {
                let mut reader = stretches::reader(bytes, range, options.read_options(known.clone()), place)?;
                copy.is_proved = *proved;
                copy.read(&mut reader)?;
                place = reader.place();
            }
        }
    }
    options.tell(RecoverOptions::work(bytes.len() as u64));
    copy.report.unverified = parts.unverified();
    copy.report.had_index |= parts.batches.as_ref().is_some_and(|batches| batches.closed);
    copy.report.batches = parts.batches;
    copy.finish()
}

/// The first record of each identifier.
fn unique<'r>(records: impl Iterator<Item = &'r Arc<RecordType>>) -> Vec<Arc<RecordType>> {
    let mut unique: Vec<Arc<RecordType>> = Vec::new();
    for record in records {
        if unique.iter().all(|other| other.identifier != record.identifier) {
            unique.push(Arc::clone(record));
        }
    }
    unique
}

/// What an identifier means now in the log that is read.
struct Source {
    /// As the reader knows it.
    declared: Arc<RecordType>,
    /// The record that its data is taken for; not the same where a known record wins.
    taken: Arc<RecordType>,
    /// Whether that is not what the log says.
    is_known: bool,
    /// The record of the new log, once there is data.
    output: Option<(usize, RecordId)>,
    /// How many payloads are still to be looked at before the schema is believed.
    proofs: u32,
    chain: Chain,
}

/// What was copied of a record of the new log.
#[derive(Default)]
struct Tally {
    kept: u64,
    lost: u64,
    first: Option<Micros>,
    last: Option<Micros>,
    schema_was_lost: bool,
}

struct Copy<'r, W: Write> {
    bytes: &'r [u8],
    options: &'r RecoverOptions,
    survey: Survey,
    known: ById<Arc<RecordType>>,
    writer: Writer<Counted<W>>,
    names: Names,
    tallies: Vec<Tally>,
    sources: ById<Source>,
    /// Which identifier of the log that is read uses a record of the new one.
    users: HashMap<usize, u64>,
    undeclared: HashMap<u64, Undeclared>,
    losses: Losses,
    duplicates: Duplicates<'r>,
    sum: Sum,
    /// Whether what is copied now is proved to belong to the log.
    is_proved: bool,
    report: Report,
}

impl<'r, W: Write> Copy<'r, W> {
    fn new(bytes: &'r [u8], options: &'r RecoverOptions, survey: Survey, known: &[Arc<RecordType>], out: W) -> Self {
        let mut by_id = ById::default();
        for record in known {
            by_id.insert(record.identifier, Arc::clone(record));
        }
        let report = Report { input_bytes: bytes.len() as u64, ..Report::default() };
        Self {
            bytes,
            options,
            survey,
            known: by_id,
            writer: WriterOptions::new().seek_period(options.seek_period).open(Counted { sink: out, written: 0 }),
            names: Names::default(),
            tallies: Vec::new(),
            sources: ById::default(),
            users: HashMap::new(),
            undeclared: HashMap::new(),
            losses: Losses::default(),
            duplicates: Duplicates::new(bytes, options),
            sum: Sum::default(),
            is_proved: true,
            report,
        }
    }

    /// Copies what this reader delivers.
    fn read(&mut self, reader: &mut SliceReader<'_>) -> Result<()> {
        let mut turns = 0_u64;
        loop {
            turns += 1;
            if turns.is_multiple_of(TELL_EVERY) {
                self.options.tell(self.bytes.len() as u64 + reader.offset());
            }
            if let Some(data) = reader.next_intact() {
                self.data(&data)?;
                continue;
            }
            match reader.next_event()? {
                Some(Event::Data(data)) => self.data(&data)?,
                Some(Event::Schema(record)) => self.declared(record),
                Some(Event::Skipped(skipped)) => self.skipped(&skipped),
                Some(Event::Index { .. }) => self.report.had_index = reader.offset() == self.bytes.len() as u64,
                Some(Event::Marker { .. } | Event::Filler { .. }) => {}
                None => return Ok(()),
            }
        }
    }

    fn data(&mut self, data: &Data<'_>) -> Result<()> {
        let identifier = data.record.identifier;
        if data.checksum.is_none() && self.survey.must_have_checksum(identifier) {
            let range = data.offset..data.offset.saturating_add(data.block_len);
            self.lose(range, &"a block without a checksum, where others of its record have one");
            return Ok(());
        }
        if !self.sources.get(identifier).is_some_and(|source| Arc::ptr_eq(&source.declared, data.record)) {
            // Not declared in this log, so it is a known record.
            self.bind(data.record, Arc::clone(data.record), true);
        }
        let Some(source) = self.sources.get_mut(identifier) else { return Ok(()) };
        if source.proofs > 0 {
            if !fits(self.bytes, data, &source.taken) {
                self.miss(identifier, data.block_len, true);
                self.losses.add(data.offset..data.offset.saturating_add(data.block_len));
                return Ok(());
            }
            source.proofs -= 1;
        }
        let (is_duplicate, ended) = self.duplicates.check(data, &source.chain, &self.losses);
        if is_duplicate {
            self.add_duplicates(ended);
            return Ok(());
        }
        if source.output.is_none() {
            self.open(identifier)?;
        }
        let Some(source) = self.sources.get_mut(identifier) else { return Ok(()) };
        let Some((output, output_id)) = source.output else { return Ok(()) };
        let tally = &mut self.tallies[output];
        let time = if self.options.rebase { data.time.map(|time| self.survey.clock.rebased(time)) } else { data.time };
        tally.kept += 1;
        tally.first = tally.first.into_iter().chain(time).min();
        tally.last = tally.last.max(time);
        self.report.unverified_kept += u64::from(!self.is_proved);
        tally.lost += u64::from(predecessor_is_lost(self.bytes, data, &source.chain, &self.losses));
        source.chain.add(data);
        let compressed = data.flags.contains(DataFlags::SNAPPY);
        self.sum.data(output_id.0, time, compressed, data.payload);
        self.writer.write_stored(output_id, time, data.payload, compressed)?;
        self.add_duplicates(ended);
        Ok(())
    }

    /// The log declares a record.
    fn declared(&mut self, record: &Arc<RecordType>) {
        let known = self.known.get(record.identifier).filter(|known| {
            self.options.known_wins && (known.name != record.name || known.schema_bytes != record.schema_bytes)
        });
        let Some(known) = known else { return self.bind(record, Arc::clone(record), false) };
        let known = Arc::clone(known);
        if self.report.ignored_declarations.len() < self.options.listed {
            self.report.ignored_declarations.push(IgnoredDeclaration {
                offset: record.location,
                identifier: record.identifier,
                name: record.name.clone(),
                known_name: known.name.clone(),
            });
        }
        self.bind(record, known, true);
    }

    /// From now on data of this identifier is taken for `taken`.
    fn bind(&mut self, declared: &Arc<RecordType>, taken: Arc<RecordType>, is_known: bool) {
        let declared = Arc::clone(declared);
        let identifier = declared.identifier;
        let proofs = if is_known { PROOFS } else { 0 };
        let source = Source { declared, taken, is_known, output: None, proofs, chain: Chain::default() };
        if let Some(before) = self.sources.insert(identifier, source) {
            self.release(&before);
        }
    }

    /// An identifier does not mean this any more.
    fn release(&mut self, source: &Source) {
        match source.output {
            Some((output, _)) => drop(self.users.remove(&output)),
            None => self.names.add_unused(&source.taken),
        }
    }

    /// The record of the new log that data of this identifier goes to. Chosen when there is data: a declaration may be
    /// damaged, and then must not take the name of another record.
    fn open(&mut self, identifier: u64) -> Result<()> {
        let Some(source) = self.sources.get(identifier) else { return Ok(()) };
        let (taken, is_known) = (Arc::clone(&source.taken), source.is_known);
        let users = &self.users;
        let output = match self.names.same(&taken, |output| users.contains_key(&output)) {
            Some(output) => output,
            None => self.add(&taken)?,
        };
        self.users.insert(output, identifier);
        self.tallies[output].schema_was_lost |= is_known;
        self.note_renamed(&taken, output);
        let output_id = RecordId(self.names.outputs[output].identifier);
        if let Some(source) = self.sources.get_mut(identifier) {
            source.output = Some((output, output_id));
        }
        Ok(())
    }

    fn add(&mut self, record: &RecordType) -> Result<usize> {
        let at = self.names.add(record)?;
        let output = &self.names.outputs[at];
        // Made anew: bytes behind a schema, which nobody reads, might look like a block in another place.
        let schema = record.schema.to_bytes();
        self.writer.declare_raw(RecordId(output.identifier), &output.name, &schema)?;
        self.sum.schema(output.identifier, &output.name, &schema);
        self.tallies.push(Tally::default());
        Ok(at)
    }

    fn note_renamed(&mut self, record: &RecordType, output: usize) {
        let output = &self.names.outputs[output];
        if output.identifier == record.identifier && output.name == record.name {
            return;
        }
        let renamed = Renamed {
            old_identifier: record.identifier,
            old_name: record.name.clone(),
            identifier: output.identifier,
            name: output.name.clone(),
        };
        let list = &mut self.report.renamed;
        if list.len() < self.options.listed && !list.contains(&renamed) {
            list.push(renamed);
        }
    }

    fn skipped(&mut self, skipped: &Skipped) {
        let Skipped { range, cause } = skipped;
        let len = range.end - range.start;
        match cause {
            Cause::AnotherLog => {
                self.report.more_logs += 1;
                self.end_log();
                return;
            }
            Cause::FileHeader(_) => self.report.header_was_lost = true,
            Cause::Undeclared(identifier) => self.miss(*identifier, len, false),
            _ => {}
        }
        match len == 0 || matches!(cause, Cause::Index | Cause::Undeclared(_)) {
            true => self.losses.add(range.clone()),
            false => self.lose(range.clone(), cause),
        }
    }

    fn lose(&mut self, range: Range<u64>, cause: &dyn Display) {
        self.losses.add(range.clone());
        self.report.lost_bytes += range.end - range.start;
        self.report.lost_stretches += 1;
        if self.report.lost.len() < self.options.listed {
            self.report.lost.push(Lost { range: range.clone(), cause: cause.to_string() });
        }
        if let Some(source) = data_at(self.bytes, range.start).and_then(|identifier| self.sources.get(identifier)) {
            let lost = source.output.and_then(|(output, _)| self.tallies.get_mut(output));
            lost.into_iter().for_each(|tally| tally.lost += 1);
        }
    }

    /// One of the logs in the file is at its end.
    fn end_log(&mut self) {
        let sources = std::mem::take(&mut self.sources);
        sources.iter().for_each(|(_, source)| self.release(source));
        self.users.clear();
    }

    /// A block whose schema is not known.
    fn miss(&mut self, identifier: u64, bytes: u64, is_misfit: bool) {
        if self.undeclared.len() >= self.options.listed && !self.undeclared.contains_key(&identifier) {
            self.report.undeclared_unlisted += 1;
            return;
        }
        let undeclared = self.undeclared.entry(identifier).or_default();
        undeclared.identifier = identifier;
        undeclared.blocks += 1;
        undeclared.bytes += bytes;
        undeclared.misfits += u64::from(is_misfit);
    }

    fn add_duplicates(&mut self, run: Option<Duplicate>) {
        let Some(run) = run else { return };
        self.report.duplicate_blocks += run.blocks;
        self.report.duplicate_bytes += run.bytes;
        if self.report.duplicates.len() < self.options.listed {
            self.report.duplicates.push(run);
        }
    }

    fn finish(mut self) -> Result<(Recovered, W)> {
        let run = self.duplicates.finish();
        self.add_duplicates(run);
        self.end_log();
        for record in self.names.take_unused() {
            self.add(&record)?;
        }
        let mut report = self.report;
        report.clock = self.options.rebase.then(|| self.survey.clock.report());
        let named = self.names.outputs.into_iter().zip(self.tallies);
        report.records = named
            .map(|(output, tally)| RecordReport {
                identifier: output.identifier,
                name: output.name,
                kept: tally.kept,
                lost_seen: tally.lost,
                first_time: tally.first.map(|time| time.0),
                last_time: tally.last.map(|time| time.0),
                schema_was_lost: tally.schema_was_lost,
            })
            .collect();
        report.records.sort_by_key(|record| record.identifier);
        report.kept = report.records.iter().map(|record| record.kept).sum();
        report.undeclared = self.undeclared.into_values().collect();
        report.undeclared.sort_by_key(|undeclared| undeclared.identifier);
        let Counted { sink, written } = self.writer.finish()?;
        report.output_bytes = written;
        Ok((Recovered { report, sum: self.sum }, sink))
    }
}

/// Whether the payload is one value of this record's type and nothing else.
fn fits(bytes: &[u8], data: &Data<'_>, record: &Arc<RecordType>) -> bool {
    let records = vec![KnownRecord { record: Arc::clone(record), latest: None }];
    let place = Place { offset: data.offset, records, ..Place::default() };
    let Ok(mut reader) = SliceReader::resume(bytes, ReadOptions::default(), &place) else { return false };
    matches!(reader.next_event(), Ok(Some(Event::Data(plain)))
        if plain.offset == data.offset && check_exact(record.schema.root(), plain.payload).is_ok())
}

/// Whether the block before this one of its record was in a stretch that was skipped, and was not counted there, as
/// nothing was left of its front.
fn predecessor_is_lost(bytes: &[u8], data: &Data<'_>, chain: &Chain, losses: &Losses) -> bool {
    let Some(distance) = data.previous_offset.filter(|&distance| distance != 0) else { return false };
    if chain.leads_to(data.offset, distance) {
        return false;
    }
    let Some(previous) = data.offset.checked_sub(distance) else { return false };
    let is_counted = |start| start == previous && data_at(bytes, start) == Some(data.record.identifier);
    losses.range_of(previous).is_some_and(|range| !is_counted(range.start))
}

/// The record that a data block at `offset` belongs to, by what stands there.
fn data_at(bytes: &[u8], offset: u64) -> Option<u64> {
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    let frame = BlockHeader::parse(rest).ok().filter(|frame| frame.block_type == BlockType::Data)?;
    DataHeader::parse(rest.get(frame.header_len..)?).ok().map(|header| header.identifier)
}

/// A sink that counts.
struct Counted<W> {
    sink: W,
    written: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.sink.write(bytes)?;
        self.written += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
