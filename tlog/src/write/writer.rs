//! The writer.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::catalogue::{Catalogue, Declared};
use super::compress::{Compressor, Packed};
use super::frame;
use super::marker::MarkerTimer;
use super::options::{Mode, Overrides, WriterOptions};
use super::output::{Output, SyncData};
use super::stats::{RecordStats, Stats};
use super::table::Table;
use crate::error::{Error, Result};
use crate::schema::Schema;
use crate::time::Micros;
use crate::wire::{DataHeader, IndexBlock, IndexEntry, SeekMarker, data};

/// The number by which a log's data blocks refer to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub u64);

/// Writes a log into a sink.
///
/// Ends with [`finish`](Self::finish), which alone tells whether everything arrived. A
/// writer that is dropped passes on what it has buffered, as well as it can, without an index.
///
/// Times may come in any order. A reader that seeks by time needs them non-decreasing over the whole log, to
/// within the time between two markers.
#[must_use = "finish() writes the index and tells of errors"]
pub struct Writer<W: Write> {
    output: Output<W>,
    records: Table<Record>,
    catalogue: Catalogue,
    timer: MarkerTimer,
    compressor: Compressor,
    /// Where `write_with` encodes.
    scratch: Vec<u8>,
    defaults: Mode,
    index: bool,
    schema_blocks: u64,
    seek_markers: u64,
}

/// What is known of a declared record while the log is written. Places are in bytes from the start of the log.
struct Record {
    mode: Mode,
    /// Its latest schema block.
    schema_location: u64,
    /// Its latest data block since then.
    last: Option<u64>,
    stats: RecordStats,
}

impl Writer<File> {
    /// Writes a log into a new file, with the default options.
    ///
    /// # Errors
    /// [`Error::Io`], also when there is a file already: nothing is overwritten.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        WriterOptions::default().create(path)
    }
}

impl<W: Write> Writer<W> {
    /// Writes a log into `sink`, with the default options.
    pub fn new(sink: W) -> Self {
        WriterOptions::default().open(sink)
    }

    pub(super) fn start(output: Output<W>, options: &WriterOptions, catalogue: Catalogue) -> Self {
        Self {
            output,
            records: Table::new(),
            catalogue,
            timer: MarkerTimer::new(options.seek_period),
            compressor: Compressor::new(),
            scratch: Vec::new(),
            defaults: options.mode(),
            index: options.index,
            schema_blocks: 0,
            seek_markers: 0,
        }
    }

    /// The identifier that `name` has or will have when it is declared. Nothing is written.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that cannot be declared.
    pub fn reserve(&mut self, name: &str) -> Result<RecordId> {
        self.catalogue.reserve(name).map(RecordId)
    }

    /// Declares a record and chooses its identifier, the next that is free from 1 on. The
    /// same declaration again gives the same identifier and writes nothing.
    ///
    /// # Errors
    /// [`Error::Usage`] for what a reference could not read: a name declared before with another schema,
    /// bad names, objects with a version, enums over signed integers. [`Error::Io`].
    pub fn declare(&mut self, name: &str, schema: &Schema) -> Result<RecordId> {
        self.declare_checked(None, name, schema)
    }

    /// Declares a record under an identifier of the caller's.
    ///
    /// # Errors
    /// As [`declare`](Self::declare), and [`Error::Usage`] for an identifier that is taken or not below 2⁵⁶.
    pub fn declare_as(&mut self, id: RecordId, name: &str, schema: &Schema) -> Result<()> {
        self.declare_checked(Some(id.0), name, schema).map(drop)
    }

    fn declare_checked(&mut self, wanted: Option<u64>, name: &str, schema: &Schema) -> Result<RecordId> {
        self.output.check()?;
        let declared = self.catalogue.declare(wanted, name, schema)?;
        if let Declared::Now(identifier) = declared {
            self.put_schema(identifier, name.as_bytes(), &schema.to_bytes())?;
        }
        Ok(RecordId(declared.identifier()))
    }

    /// Writes a schema block exactly as given, for copying logs as they are. Nothing is checked: not whether the schema is one, not
    /// whether identifier and name are free. Data before and after the block are not linked by previous offsets.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn declare_raw(&mut self, id: RecordId, name: impl AsRef<[u8]>, schema: &[u8]) -> Result<()> {
        let name = name.as_ref();
        self.put_schema(id.0, name, schema)?;
        self.catalogue.declare_raw(id.0, name, schema);
        Ok(())
    }

    /// Writes the schema blocks of everything in the catalogue.
    pub(super) fn write_declared(&mut self) -> Result<()> {
        let catalogue = std::mem::take(&mut self.catalogue);
        let written =
            catalogue.declared().try_for_each(|(identifier, name, schema)| self.put_schema(identifier, name, schema));
        self.catalogue = catalogue;
        written
    }

    /// Sets what a record's blocks have otherwise than the options say, from now on.
    ///
    /// # Errors
    /// [`Error::Usage`] for a record that is not declared.
    pub fn set_overrides(&mut self, id: RecordId, overrides: Overrides) -> Result<()> {
        let defaults = self.defaults;
        self.records.get_mut(id.0).ok_or_else(|| undeclared(id))?.mode = defaults.with(overrides);
        Ok(())
    }

    /// Writes one instance of a record. `payload` must be encoded as the record's schema says; it is not looked at.
    ///
    /// # Errors
    /// [`Error::Usage`] for a record that is not declared. [`Error::Io`], from then on at every call.
    #[inline]
    pub fn write(&mut self, id: RecordId, time: impl Into<Option<Micros>>, payload: &[u8]) -> Result<()> {
        self.put_data(id, time.into(), payload, Overrides::default(), Compressor::pack)
    }

    /// Writes one instance of a record whose payload is stored as it is given, already a raw snappy block if `compressed`:
    /// for copying logs. It is not looked at.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_stored(
        &mut self,
        id: RecordId,
        time: impl Into<Option<Micros>>,
        stored: &[u8],
        compressed: bool,
    ) -> Result<()> {
        let pack = if compressed { Compressor::keep_packed } else { Compressor::keep_plain };
        self.put_data(id, time.into(), stored, Overrides::default(), pack)
    }

    /// As [`write`](Self::write), with this block's own settings.
    ///
    /// # Errors
    /// As there.
    pub fn write_data(
        &mut self,
        id: RecordId,
        time: impl Into<Option<Micros>>,
        payload: &[u8],
        overrides: Overrides,
    ) -> Result<()> {
        self.put_data(id, time.into(), payload, overrides, Compressor::pack)
    }

    /// As [`write`](Self::write), with the payload that `encode` appends to the empty buffer it is
    /// given. The buffer is used again each time, so that nothing is allocated.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn write_with(
        &mut self,
        id: RecordId,
        time: impl Into<Option<Micros>>,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        encode(&mut payload);
        let written = self.put_data(id, time.into(), &payload, Overrides::default(), Compressor::pack);
        self.scratch = payload;
        written
    }

    /// Passes everything on to the sink and flushes that.
    ///
    /// # Errors
    /// [`Error::Io`], from then on at every call.
    pub fn flush(&mut self) -> Result<()> {
        self.output.flush()
    }

    /// Writes the index, flushes, and gives the sink back. What is in a file is not synced: [`sync`](Self::sync) before, or the
    /// file's own `sync_all` after.
    ///
    /// # Errors
    /// [`Error::Io`], also when the writer has failed before. [`Error::Limit`] when the index would
    /// be longer than the 4 GiB that its trailer can tell.
    pub fn finish(mut self) -> Result<W> {
        if self.index {
            self.put_index()?;
        }
        self.output.finish()
    }

    /// What has been written so far.
    pub fn stats(&self) -> Stats {
        Stats {
            bytes: self.output.position(),
            bytes_passed: self.output.passed(),
            schema_blocks: self.schema_blocks,
            seek_markers: self.seek_markers,
            data: self.records.iter().fold(RecordStats::default(), |sum, (_, record)| sum.add(&record.stats)),
        }
    }

    /// How long the log is so far, in bytes, with what is still buffered. Cheap, unlike [`stats`](Self::stats).
    pub const fn position(&self) -> u64 {
        self.output.position()
    }

    /// What has been written of one record; `None` when it is not declared.
    pub fn record_stats(&self, id: RecordId) -> Option<RecordStats> {
        self.records.get(id.0).map(|record| record.stats)
    }

    /// All declared records, ascending, with what has been written of them.
    pub fn records(&self) -> impl Iterator<Item = (RecordId, RecordStats)> {
        self.records.iter().map(|(identifier, record)| (RecordId(identifier), record.stats))
    }

    pub(super) const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(super) const fn defaults(&self) -> Mode {
        self.defaults
    }

    pub(super) fn modes(&self) -> impl Iterator<Item = (u64, Mode)> {
        self.records.iter().map(|(identifier, record)| (identifier, record.mode))
    }

    fn put_schema(&mut self, identifier: u64, name: &[u8], schema: &[u8]) -> Result<()> {
        let start = self.output.room_for(frame::max_schema_len(name, schema))?;
        frame::put_schema(identifier, name, schema, self.output.buffer());
        self.output.settle()?;
        let new = Record { mode: self.defaults, schema_location: start, last: None, stats: RecordStats::default() };
        let record = self.records.get_or_insert(identifier, new);
        record.schema_location = start;
        record.last = None;
        self.schema_blocks += 1;
        Ok(())
    }

    #[inline] // so that how to pack is known at compile time: `benches/write`
    fn put_data(
        &mut self,
        id: RecordId,
        time: Option<Micros>,
        payload: &[u8],
        overrides: Overrides,
        pack: impl for<'c> FnOnce(&'c mut Compressor, &'c [u8], bool) -> Packed<'c>,
    ) -> Result<()> {
        let record = self.records.get_mut(id.0).ok_or_else(|| undeclared(id))?;
        let mode = record.mode.with(overrides);
        let time = mode.time(time);
        let Packed { stored, compressed, plain_len } = pack(&mut self.compressor, payload, mode.compression);

        let start = self.output.room_for(stored.len().saturating_add(data::MAX_FRONT_LEN))?;
        let header = DataHeader {
            identifier: id.0,
            flags: mode.flags(time.is_some(), compressed),
            previous_offset: Some(record.last.map_or(0, |last| start - last)),
            timestamp: time.map(|time| time.0),
            checksum: None,
            len: 0,
        };
        let checksum_at = frame::put_data(&header, stored, self.output.buffer());
        let len = (self.output.position() - start) as usize;
        if let Some(checksum_at) = checksum_at {
            self.output.leave_unsealed(len, checksum_at);
        }
        self.output.settle()?;

        record.last = Some(start);
        record.stats.count(len, plain_len, stored.len());
        match time {
            Some(time) if self.timer.fires(time) => self.put_marker(time),
            _ => Ok(()),
        }
    }

    fn put_marker(&mut self, time: Micros) -> Result<()> {
        let elements = |start: u64| {
            self.records.iter().filter_map(move |(identifier, record)| Some((identifier, start - record.last?)))
        };
        let start = self.output.position();
        let len = SeekMarker::encoded_len(elements(start));
        self.output.room_for(len)?;
        frame::put_marker(time.0, elements(start), len, self.output.buffer());
        self.output.settle()?;
        self.seek_markers += 1;
        Ok(())
    }

    fn put_index(&mut self) -> Result<()> {
        let entries = self.records.iter().map(|(identifier, record)| IndexEntry {
            identifier,
            schema_location: record.schema_location,
            final_record: record.last,
        });
        let len = IndexBlock::encoded_len(entries.clone());
        self.output.room_for(len)?;
        frame::put_index(entries, len, self.output.buffer()).map(drop).ok_or(Error::Limit {
            what: "an index",
            size: len as u64,
            limit: u64::from(u32::MAX),
        })
    }
}

impl<W: SyncData> Writer<W> {
    /// Returns when everything so far survives a power failure, as far as the sink can.
    ///
    /// # Errors
    /// [`Error::Io`], from then on at every call.
    pub fn sync(&mut self) -> Result<()> {
        self.output.sync()
    }
}

pub(super) fn undeclared(id: RecordId) -> Error {
    Error::Usage(format!("record {} is not declared in this log; declare it before its first data", id.0))
}
