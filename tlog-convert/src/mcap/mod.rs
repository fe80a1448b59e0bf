//! A log into MCAP that Foxglove and every MCAP reader open as it is: JSON messages with JSON Schema.
//!
//! ```
//! use std::io::Cursor;
//! use tlog_convert::mcap::{Completeness, Exporter, Options};
//! # let mut log = tlog::Writer::new(Vec::new());
//! # let id = log.declare("note", &tlog::schema::Schema::new(tlog::schema::Type::String)?)?;
//! # log.write(id, tlog::Micros(1_600_000_000_000_000), b"\x02hi")?;
//! # let log = log.finish()?;
//! let mut exporter = Exporter::new(Cursor::new(Vec::new()), &Options::default())?;
//! let mut reader = tlog::read::SliceReader::new(&log, Default::default());
//! while let Some(data) = reader.next_data()? {
//!     exporter.put(&data)?;
//! }
//! let end = Completeness { source: "note.tlog".to_owned(), damage: reader.damage().clone() };
//! let (mcap, summary) = exporter.finish(&end)?;
//! assert_eq!((&mcap.into_inner()[1..5], summary.taken), (&b"MCAP"[..], 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | in the log | in the MCAP |
//! |---|---|
//! | record | a channel: the record's name is its topic and the name of its schema; metadata `tlog.schema`, `tlog.identifier` |
//! | record declared again, another type | another channel of the same topic |
//! | record without data | a channel without messages |
//! | payload | a message of [data JSON](tlog::value::write_json); what is no JSON object is wrapped as `{"value":…}`, and metadata `tlog.wrapped` says `value` |
//! | time of a block, in microseconds | `log_time` and `publish_time`, in nanoseconds |
//! | block without time | a message of a channel of its own, with metadata `tlog.time` `none`; both times are those of the data before it, or, before any, of the first that has one |
//! | time before 1970, or after 2554 | a channel of its own, with `tlog.time` `outside`; `log_time` as if it had none, `publish_time` is its microseconds as two's complement |
//! | completeness, source, version of this tool | a metadata record `tlog` |
//! | payload that its schema does not describe | left out, and counted; of one with bytes behind its value these are left out |
//!
//! JSON has no place for the bits of a NaN, for bytes in strings that are not UTF-8, for keys of maps that repeat, and
//! viewers in browsers round integers beyond 2⁵³. Everything else comes back by [`import::mcap`](crate::import::mcap).
//!
//! Memory: a chunk or two, and for each chunk the places of the messages of each channel in it, as the format's index
//! at the end of the file has them. Chunks grow with the file so that these stay few.

mod schema;

use std::collections::{BTreeMap, HashMap};
use std::io::{Seek, Write};
use std::sync::Arc;

use ::mcap::records::{MessageHeader, Metadata};
use ::mcap::write::NoSeek;
use ::mcap::{McapError, WriteOptions, Writer};
use tlog::read::{Damage, Data, RecordType};
use tlog::value::{Cursor, write_json};

use crate::import::Summary;
use crate::{Error, Result};

pub(crate) use schema::WRAPPER;
pub use schema::json_schema;

/// What metadata says, and the importer reads.
pub(crate) mod keys {
    /// The metadata record about the whole log.
    pub const RECORD: &str = "tlog";
    /// The schema JSON of a channel's record.
    pub const SCHEMA: &str = "tlog.schema";
    /// Its identifier.
    pub const IDENTIFIER: &str = "tlog.identifier";
    /// Under which key the value stands, if the message is not the value itself.
    pub const WRAPPED: &str = "tlog.wrapped";
    /// Why the times of a channel's messages are not those of the log.
    pub const TIME: &str = "tlog.time";
    /// They had none.
    pub const NONE: &str = "none";
    /// They had some that MCAP cannot tell; `publish_time` has it as two's complement.
    pub const OUTSIDE: &str = "outside";
}

/// Identifiers of schemas and channels are 16 bits; 0 means none, and the writer counts one beyond the last.
const MAX_CHANNELS: usize = 65_000;

/// How much data without a time is held back until the first that has one, in bytes.
const MAX_HELD: usize = 8 << 20;

/// After so many chunks they become twice as large.
const CHUNKS_PER_SIZE: u32 = 4096;

/// Chunks become no larger than this, in bytes.
const MAX_CHUNK: u64 = 32 << 20;

/// What a message takes besides its data, in bytes.
const MESSAGE_OVERHEAD: u64 = 31;

/// How chunks are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Quick.
    Lz4,
    /// Small.
    #[default]
    Zstd,
}

/// How MCAP is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// How chunks are compressed.
    pub compression: Compression,
    /// How hard; 0 for the compressor's own default.
    pub level: u32,
    /// How large a chunk is before compression, in bytes, at the start of the file; they grow up to 32 MiB.
    pub chunk_size: u64,
    /// How many threads compress beside the caller's; 0 for none.
    pub threads: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { compression: Compression::Zstd, level: 0, chunk_size: 1 << 20, threads: 0 }
    }
}

impl Options {
    fn writer(&self) -> WriteOptions {
        let compression = match self.compression {
            Compression::None => None,
            Compression::Lz4 => Some(::mcap::Compression::Lz4),
            Compression::Zstd => Some(::mcap::Compression::Zstd),
        };
        WriteOptions::new()
            .compression(compression)
            .compression_level(self.level)
            .compression_threads(self.threads)
            // Chunks are ended here, not there.
            .chunk_size(None)
            .library(concat!("tlog ", env!("CARGO_PKG_VERSION")))
    }
}

/// What is told of the whole log.
#[derive(Clone, Debug, Default)]
pub struct Completeness {
    /// The log's name, or those of all logs.
    pub source: String,
    /// What was skipped in reading it.
    pub damage: Damage,
}

/// Writes the data of a log as MCAP, in bounded memory. What is dropped unfinished is no MCAP file.
pub struct Exporter<W: Write + Seek> {
    /// `None` only when it is finished.
    writer: Option<Writer<W>>,
    records: HashMap<u64, Entry>,
    /// The next sequence number of each channel.
    sequences: BTreeMap<u16, u32>,
    /// All identifiers of channels lie below.
    made: usize,
    /// The latest time, in nanoseconds.
    last: Option<u64>,
    held: Vec<Held>,
    held_bytes: usize,
    chunk: Chunk,
    json: Vec<u8>,
    without_time: u64,
    outside: u64,
    summary: Summary,
}

/// How far the chunk at hand is.
#[derive(Debug)]
struct Chunk {
    target: u64,
    bytes: u64,
    /// How many chunks of this size there have been.
    done: u32,
}

/// A record of the log and its channels.
struct Entry {
    record: Arc<RecordType>,
    is_wrapped: bool,
    channels: [Option<u16>; 3],
}

/// What the times of a channel's messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timing {
    Own = 0,
    None = 1,
    Outside = 2,
}

/// A message that waits for the first time.
struct Held {
    channel: u16,
    publish: Option<u64>,
    json: Vec<u8>,
}

impl<W: Write> Exporter<NoSeek<W>> {
    /// Writes into what cannot seek, such as a pipe: the compressed chunk at hand is kept in memory.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn streaming(out: W, options: &Options) -> Result<Self> {
        Self::with(NoSeek::new(out), options, options.writer().disable_seeking(true))
    }
}

impl<W: Write + Seek> Exporter<W> {
    /// Writes into a file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new(out: W, options: &Options) -> Result<Self> {
        Self::with(out, options, options.writer())
    }

    fn with(out: W, options: &Options, writer: WriteOptions) -> Result<Self> {
        Ok(Self {
            writer: Some(writer.create(out).map_err(failed)?),
            records: HashMap::new(),
            sequences: BTreeMap::new(),
            made: 0,
            last: None,
            held: Vec::new(),
            held_bytes: 0,
            chunk: Chunk { target: options.chunk_size.clamp(1 << 10, MAX_CHUNK), bytes: 0, done: 0 },
            json: Vec::new(),
            without_time: 0,
            outside: 0,
            summary: Summary::default(),
        })
    }

    /// Tells of a record, so that it has a channel even if no data comes.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Limit`] for more records than the format has identifiers for.
    pub fn declare(&mut self, record: &Arc<RecordType>) -> Result<()> {
        if let Some(entry) = self.records.get_mut(&record.identifier) {
            if is_same(&entry.record, record) {
                entry.record = Arc::clone(record);
                return Ok(());
            }
            self.settle(record.identifier)?;
        }
        let is_wrapped = !schema::is_object(record.schema.root());
        let entry = Entry { record: Arc::clone(record), is_wrapped, channels: [None; 3] };
        self.records.insert(record.identifier, entry);
        Ok(())
    }

    /// Writes one instance of a record. A payload that its schema does not describe is skipped, and counted in the
    /// [`Summary`].
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Output`] and [`Error::Limit`] for what MCAP cannot hold.
    pub fn put(&mut self, data: &Data<'_>) -> Result<()> {
        let is_known = |entry: &Entry| Arc::ptr_eq(&entry.record, data.record);
        if !self.records.get(&data.record.identifier).is_some_and(is_known) {
            self.declare(data.record)?;
        }
        if !self.show(data) {
            return Ok(());
        }
        self.summary.taken += 1;
        let (timing, log_time) = match data.time.map(|time| (time, nanoseconds(time.0))) {
            None => (Timing::None, None),
            Some((_, Some(time))) => (Timing::Own, Some(time)),
            Some((_, None)) => (Timing::Outside, None),
        };
        let channel = self.channel(data.record.identifier, timing)?;
        match (timing, data.time) {
            (Timing::Own, _) => {
                self.last = log_time;
                self.release()?;
                self.message(channel, log_time.unwrap_or_default(), None)
            }
            // The bits of a negative number as they are.
            (Timing::Outside, Some(time)) => self.untimed(channel, Some(time.0 as u64)),
            _ => self.untimed(channel, None),
        }
    }

    /// What came of it so far: messages taken, payloads skipped.
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Writes the rest, and what is to be told of the whole log, and gives the sink back.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn finish(mut self, end: &Completeness) -> Result<(W, Summary)> {
        self.release()?;
        let mut identifiers: Vec<u64> = self.records.keys().copied().collect();
        identifiers.sort_unstable();
        identifiers.into_iter().try_for_each(|identifier| self.settle(identifier))?;
        self.tell_times();
        let about = Metadata { name: keys::RECORD.to_owned(), metadata: self.about(end) };
        let mut writer = self.writer.take().ok_or_else(finished)?;
        writer.write_metadata(&about).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok((writer.into_inner(), std::mem::take(&mut self.summary)))
    }

    fn writer(&mut self) -> Result<&mut Writer<W>> {
        self.writer.as_mut().ok_or_else(finished)
    }

    /// Makes the JSON of a payload; whether that was possible.
    fn show(&mut self, data: &Data<'_>) -> bool {
        let is_wrapped = self.records.get(&data.record.identifier).is_some_and(|entry| entry.is_wrapped);
        self.json.clear();
        if is_wrapped {
            self.json.extend_from_slice(format!("{{\"{WRAPPER}\":").as_bytes());
        }
        let mut cursor = Cursor::new(data.payload);
        match write_json(data.record.schema.root(), &mut cursor, &mut self.json) {
            Ok(()) => {
                self.json.extend_from_slice(if is_wrapped { b"}" } else { b"" });
                if !cursor.rest().is_empty() {
                    let name = &data.record.name;
                    self.summary.note(format!("bytes behind the values of record {name} are left out"));
                }
                true
            }
            Err(e) => {
                let range = data.offset..data.offset.saturating_add(data.block_len);
                self.summary.skip(range, format!("record {}: {e}", data.record.name));
                false
            }
        }
    }

    /// The channel of a record for messages of this kind, made if need be.
    fn channel(&mut self, identifier: u64, timing: Timing) -> Result<u16> {
        let Some(entry) = self.records.get(&identifier) else { return Err(finished()) };
        if let Some(Some(channel)) = entry.channels.get(timing as usize) {
            return Ok(*channel);
        }
        if self.made >= MAX_CHANNELS {
            let size = self.made as u64 + 1;
            return Err(Error::Limit { what: "the number of MCAP channels", size, limit: MAX_CHANNELS as u64 });
        }
        self.made += 1;
        let (record, metadata) = (Arc::clone(&entry.record), channel_metadata(entry, timing));
        let schema = json_schema(&record.name, &record.schema);
        self.chunk.bytes += schema.len() as u64;
        let writer = self.writer()?;
        let schema = writer.add_schema(&record.name, "jsonschema", schema.as_bytes()).map_err(failed)?;
        let channel = writer.add_channel(schema, &record.name, "json", &metadata).map_err(failed)?;
        if let Some(place) = self.records.get_mut(&identifier).and_then(|entry| entry.channels.get_mut(timing as usize))
        {
            *place = Some(channel);
        }
        Ok(channel)
    }

    /// A record that will have no more data has a channel all the same.
    fn settle(&mut self, identifier: u64) -> Result<()> {
        match self.records.get(&identifier) {
            Some(entry) if entry.channels == [None; 3] => self.channel(identifier, Timing::Own).map(drop),
            _ => Ok(()),
        }
    }

    /// A message that has no time of its own, or none that MCAP can tell.
    fn untimed(&mut self, channel: u16, publish: Option<u64>) -> Result<()> {
        if publish.is_some() {
            self.outside += 1;
        } else {
            self.without_time += 1;
        }
        if let Some(last) = self.last {
            return self.message(channel, last, publish);
        }
        self.held_bytes += self.json.len() + size_of::<Held>();
        self.held.push(Held { channel, publish, json: std::mem::take(&mut self.json) });
        if self.held_bytes > MAX_HELD { self.release() } else { Ok(()) }
    }

    /// Writes what waited for the first time.
    fn release(&mut self) -> Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        if self.last.is_none() {
            self.summary.note("data without time comes before all that has one: it is shown at 1970-01-01T00:00:00Z");
        }
        let time = *self.last.get_or_insert(0);
        self.held_bytes = 0;
        let json = std::mem::take(&mut self.json);
        for held in std::mem::take(&mut self.held) {
            self.json = held.json;
            self.message(held.channel, time, held.publish)?;
        }
        self.json = json;
        Ok(())
    }

    /// Writes the JSON at hand.
    fn message(&mut self, channel_id: u16, log_time: u64, publish: Option<u64>) -> Result<()> {
        let next = self.sequences.entry(channel_id).or_default();
        let sequence = *next;
        *next = next.wrapping_add(1);
        let header = MessageHeader { channel_id, sequence, log_time, publish_time: publish.unwrap_or(log_time) };
        let Self { writer, json, .. } = self;
        let writer = writer.as_mut().ok_or_else(finished)?;
        writer.write_to_known_channel(&header, json).map_err(failed)?;
        self.chunk.bytes += MESSAGE_OVERHEAD + self.json.len() as u64;
        if self.chunk.bytes >= self.chunk.target {
            self.chunk.end();
            self.writer()?.flush().map_err(failed)?;
        }
        Ok(())
    }

    fn tell_times(&mut self) {
        if self.without_time > 0 {
            let count = self.without_time;
            self.summary.note(format!(
                "{count} without a time of their own are shown at that of the data before them (channels with tlog.time: none)"
            ));
        }
        if self.outside > 0 {
            let count = self.outside;
            self.summary.note(format!(
                "{count} with a time that MCAP cannot tell are shown at that of the data before them (channels with tlog.time: outside)"
            ));
        }
    }

    /// What the metadata record says.
    fn about(&self, end: &Completeness) -> BTreeMap<String, String> {
        let is_whole = end.damage.is_none() && self.summary.skipped == 0;
        let mut about = BTreeMap::from([
            ("tool".to_owned(), concat!("tlog ", env!("CARGO_PKG_VERSION")).to_owned()),
            ("source".to_owned(), end.source.clone()),
            ("completeness".to_owned(), if is_whole { "complete" } else { "damaged" }.to_owned()),
            ("messages".to_owned(), self.summary.taken.to_string()),
        ]);
        let mut add = |key: &str, value: String| drop(about.insert(key.to_owned(), value));
        if !end.damage.is_none() {
            add("skipped_stretches", end.damage.stretches.to_string());
            add("skipped_bytes", end.damage.bytes.to_string());
            let line = |s: &tlog::read::Skipped| format!("bytes {}..{}: {}", s.range.start, s.range.end, s.cause);
            add("skipped", end.damage.first.iter().map(line).collect::<Vec<_>>().join("\n"));
        }
        if self.summary.skipped > 0 {
            add("skipped_payloads", self.summary.skipped.to_string());
        }
        if !self.summary.notes.is_empty() {
            add("notes", self.summary.notes.join("\n"));
        }
        about
    }
}

impl<W: Write + Seek> Drop for Exporter<W> {
    /// What is given up must not look finished, which it would when the writer is dropped.
    fn drop(&mut self) {
        drop(self.writer.take().map(Writer::into_inner));
    }
}

impl Chunk {
    /// The chunk ends; the next ones may be larger.
    fn end(&mut self) {
        (self.bytes, self.done) = (0, self.done + 1);
        if self.done == CHUNKS_PER_SIZE {
            (self.target, self.done) = ((2 * self.target).min(MAX_CHUNK), 0);
        }
    }
}

/// Whether it makes no difference to the MCAP which of the two data belongs to.
fn is_same(a: &RecordType, b: &RecordType) -> bool {
    a.name == b.name && a.schema == b.schema
}

fn channel_metadata(entry: &Entry, timing: Timing) -> BTreeMap<String, String> {
    let record = &entry.record;
    let mut metadata = BTreeMap::from([
        (keys::SCHEMA.to_owned(), record.schema.to_json()),
        (keys::IDENTIFIER.to_owned(), record.identifier.to_string()),
    ]);
    if entry.is_wrapped {
        metadata.insert(keys::WRAPPED.to_owned(), WRAPPER.to_owned());
    }
    let time = match timing {
        Timing::Own => return metadata,
        Timing::None => keys::NONE,
        Timing::Outside => keys::OUTSIDE,
    };
    metadata.insert(keys::TIME.to_owned(), time.to_owned());
    metadata
}

/// A time as MCAP has it; `None` for what it cannot hold.
fn nanoseconds(micros: i64) -> Option<u64> {
    u64::try_from(micros).ok()?.checked_mul(1000)
}

fn finished() -> Error {
    Error::Output { format: "MCAP", problem: "it is finished already".to_owned() }
}

/// An error of the library; one of the system comes out of whatever it is wrapped in.
fn failed(e: McapError) -> Error {
    if let McapError::Io(e) = e {
        return Error::Io(e);
    }
    let mut problem = e.to_string();
    let mut cause = std::error::Error::source(&e);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return Error::Io(std::io::Error::new(io.kind(), io.to_string()));
        }
        problem = format!("{problem}: {inner}");
        cause = inner.source();
    }
    Error::Output { format: "MCAP", problem }
}
