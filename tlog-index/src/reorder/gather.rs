//! Taking in what is to be ordered.

use std::sync::Arc;

use tlog::read::{Data, RecordType};
use tlog::wire::DataFlags;
use tlog::{Error, Log, Micros, Result};

use super::Options;
use super::chunk::{Chunk, Entry};
use super::inputs::{Input, Shared, ranks};
use super::merge::merge;
use super::ordered::{Bytes, Ordered, Source, Stats};
use super::runs::Runs;
use super::stash::Stash;

/// Takes in the data of inputs, one after the other.
///
/// ```
/// # let schema = tlog::schema::Schema::new(tlog::schema::Type::String).unwrap();
/// # let log = |times: &[i64]| -> tlog::Result<Vec<u8>> {
/// #     let mut log = tlog::Writer::new(Vec::new());
/// #     let id = log.declare("text", &schema)?;
/// #     for &time in times {
/// #         log.write(id, tlog::Micros(time), b"\x02hi")?;
/// #     }
/// #     log.finish()
/// # };
/// use tlog::read::{ReadOptions, SliceReader};
/// use tlog_index::reorder::{Gather, Options};
///
/// let mut gather = Gather::new(Options::default());
/// for log in [log(&[1, 7, 5])?, log(&[2, 6])?] {
///     gather.next_input("", 0);
///     gather.next_log(None);
///     let options = ReadOptions { raw_payloads: true, ..ReadOptions::default() };
///     let mut reader = SliceReader::new(&log, options);
///     while let Some(data) = reader.next_data()? {
///         gather.push(&data)?;
///     }
/// }
/// let mut ordered = gather.finish()?;
/// let mut times = Vec::new();
/// while let Some(item) = ordered.next_item()? {
///     times.extend(item.time.map(|time| time.0));
/// }
/// assert_eq!(times, [1, 2, 5, 6, 7]);
/// # Ok::<(), tlog::Error>(())
/// ```
#[derive(Debug)]
pub struct Gather {
    options: Options,
    inputs: Vec<Input>,
    logs: Vec<Bytes>,
    /// Which input each log belongs to.
    input_of: Vec<u32>,
    chunk: Chunk,
    runs: Runs,
    stash: Stash,
    /// How many records there are, by input.
    records: u32,
    shared: Shared,
    /// Of all payloads.
    bytes: u64,
}

impl Gather {
    /// Nothing so far.
    pub fn new(options: Options) -> Self {
        let chunk = Chunk::of_bytes(options.memory / 2);
        let stash = Stash::new(options.memory / 8, &options.folder);
        let runs = Runs::new(&options.folder);
        Self {
            options,
            inputs: Vec::new(),
            logs: Vec::new(),
            input_of: Vec::new(),
            chunk,
            runs,
            stash,
            records: 0,
            shared: Shared::default(),
            bytes: 0,
        }
    }

    /// Another input begins: a log, or several that follow each other as one. Its times are moved by so many microseconds;
    /// its name decides between inputs that begin at the same time.
    pub fn next_input(&mut self, name: &str, shift: i64) {
        if let Some(before) = self.inputs.last_mut() {
            before.end();
        }
        self.inputs.push(Input::new(name, shift));
    }

    /// Another log of the input begins: identifiers mean something else from here on. If its file is mapped, payloads are
    /// left there.
    pub fn next_log(&mut self, mapped: Option<&Arc<Log>>) {
        if self.inputs.is_empty() {
            self.next_input("", 0);
        }
        if let Some(input) = self.inputs.last_mut() {
            input.next_log();
        }
        let input = self.inputs.len().saturating_sub(1) as u32;
        let is_same = match (self.logs.last(), mapped) {
            (Some(Bytes::Mapped(last)), Some(log)) => Arc::ptr_eq(last, log),
            (Some(Bytes::Stashed), None) => true,
            _ => false,
        };
        // A file may hold more logs than there is memory for.
        if !is_same || self.input_of.last() != Some(&input) {
            self.logs.push(mapped.map_or(Bytes::Stashed, |log| Bytes::Mapped(Arc::clone(log))));
            self.input_of.push(input);
        }
    }

    /// A record is declared, of which there may be no data.
    ///
    /// # Errors
    /// [`Error::Limit`] for more records than memory is given to.
    pub fn declare(&mut self, record: &Arc<RecordType>) -> Result<()> {
        self.number(record).map(drop)
    }

    fn number(&mut self, record: &Arc<RecordType>) -> Result<u32> {
        let Some(input) = self.inputs.last_mut().filter(|_| !self.logs.is_empty()) else {
            return Err(Error::Usage("no log has begun".to_owned()));
        };
        let number = input.number(record, self.records, &mut self.shared)?;
        if number == self.records {
            self.records = number.checked_add(1).ok_or_else(|| too_many("records"))?;
        }
        Ok(number)
    }

    /// Takes in data of the log that began last.
    ///
    /// # Errors
    /// [`Error::Io`] of temporary files. [`Error::Usage`] for a time that cannot be moved as wanted, [`Error::Limit`] for
    /// more records than memory is given to.
    pub fn push(&mut self, data: &Data<'_>) -> Result<()> {
        let record = self.number(data.record)?;
        let log = u32::try_from(self.logs.len().saturating_sub(1)).map_err(|_| too_many("logs"))?;
        let is_stored = self.options.raw_payloads || matches!(self.logs.last(), Some(Bytes::Mapped(_)));
        let is_packed = is_stored && data.flags.contains(DataFlags::SNAPPY);
        let (offset, len) = match self.logs.last() {
            // The payload is the end of its block.
            Some(Bytes::Mapped(_)) => ((data.offset + data.block_len).saturating_sub(data.stored_len), data.stored_len),
            _ => (self.stash.put(data.payload)?, data.payload.len() as u64),
        };
        let Some(input) = self.inputs.last_mut() else { return Err(too_many("inputs")) };
        let time = data.time.map(|time| moved(time, input.shift)).transpose()?;
        let key = time.or(input.latest);
        let entry = Entry { key, offset, len, record, log, is_timed: time.is_some(), is_packed };
        input.note(&entry, crc32fast::hash(data.payload));
        if self.chunk.is_full() {
            self.spill()?;
        }
        self.bytes = self.bytes.saturating_add(len);
        self.chunk.entries.push(entry);
        Ok(())
    }

    /// Makes runs of what is in memory, one or more per input.
    fn spill(&mut self) -> Result<()> {
        let input_of = |entry: &Entry| self.input_of.get(entry.log as usize);
        for part in self.chunk.entries.chunk_by_mut(|a, b| input_of(a) == input_of(b)) {
            part.sort_by_key(|entry| entry.key);
            let input = part.first().and_then(input_of).copied().unwrap_or_default();
            self.runs.add(input, part)?;
        }
        self.chunk.entries.clear();
        Ok(())
    }

    /// All that was taken in, in order.
    ///
    /// # Errors
    /// [`Error::Io`] of temporary files.
    pub fn finish(mut self) -> Result<Ordered> {
        let ranks = ranks(&self.inputs);
        let rank_of = |input: &u32| ranks.get(*input as usize).copied().unwrap_or_default();
        let rank_of_log: Vec<u32> = self.input_of.iter().map(rank_of).collect();
        let mut stats = Stats { bytes: self.bytes, ..Stats::default() };
        let source = if self.runs.is_empty() {
            let mut entries = self.chunk.entries;
            entries.sort_by_key(|entry| (entry.key, rank_of_log.get(entry.log as usize)));
            Source::Memory(entries.into_iter())
        } else {
            self.spill()?;
            self.chunk.entries = Vec::new();
            stats.runs = self.runs.len() as u64;
            let (merged, passes) = merge(self.runs, rank_of_log, self.options.memory / 2, &self.options.folder)?;
            stats.passes = passes;
            Source::Runs(Box::new(merged))
        };
        stats.stashed_bytes = self.stash.file_bytes();
        let mut inputs: Vec<(u32, Input)> = ranks.iter().copied().zip(self.inputs).collect();
        inputs.sort_unstable_by_key(|(rank, _)| *rank);
        let records = inputs.into_iter().map(|(_, input)| input.records).collect();
        Ordered::new(records, self.logs, self.stash, source, stats, self.options.raw_payloads)
    }
}

/// A time moved by so many microseconds. What stands for no time or an infinite one stays.
fn moved(time: Micros, shift: i64) -> Result<i64> {
    let is_reserved = |time: i64| [Micros::NEG_INFINITY, Micros::NOT_A_TIME, Micros::INFINITY].contains(&Micros(time));
    if shift == 0 || is_reserved(time.0) {
        return Ok(time.0);
    }
    let moved = time.0.checked_add(shift).filter(|&moved| !is_reserved(moved));
    moved.ok_or_else(|| Error::Usage(format!("the time {time} cannot be moved by {shift} microseconds")))
}

fn too_many(what: &'static str) -> Error {
    Error::Limit { what, size: u64::from(u32::MAX) + 1, limit: u32::MAX.into() }
}
