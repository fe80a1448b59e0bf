//! Handing out what was ordered.

use std::sync::Arc;

use tlog::read::RecordType;
use tlog::{Error, Log, Micros, Result};

use super::chunk::Entry;
use super::merge::Merge;
use super::stash::{Stash, Window};

/// How the payload of an item is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it was stored, which is plain.
    Plain,
    /// As it was stored, which is a raw snappy block.
    Snappy,
    /// Plain, and it is not told how it was stored.
    Unpacked,
}

/// Data whose turn it is.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Number of its record, as [`Ordered::records`] tells it.
    pub record: usize,
    /// Its time, moved if that was asked for.
    pub time: Option<Micros>,
    /// Its payload.
    pub payload: &'a [u8],
    /// How that is to be taken.
    pub form: Form,
}

/// What ordering took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How many bytes all payloads have.
    pub bytes: u64,
    /// How many sorted runs went to a temporary file; none if everything fitted into memory.
    pub runs: u64,
    /// How often these were read.
    pub passes: u64,
    /// How many bytes of payloads of streams went to a temporary file.
    pub stashed_bytes: u64,
}

/// Where the payloads of a log are.
#[derive(Debug)]
pub(super) enum Bytes {
    Mapped(Arc<Log>),
    Stashed,
}

/// Entries in order.
#[derive(Debug)]
pub(super) enum Source {
    Memory(std::vec::IntoIter<Entry>),
    Runs(Box<Merge>),
}

impl Source {
    fn next(&mut self) -> Result<Option<Entry>> {
        match self {
            Self::Memory(entries) => Ok(entries.next()),
            Self::Runs(merge) => merge.next(),
        }
    }
}

/// The data of all inputs in order.
#[derive(Debug)]
pub struct Ordered {
    records: Vec<Vec<(u32, Arc<RecordType>)>>,
    logs: Vec<(Bytes, Window)>,
    stash: Stash,
    source: Source,
    stats: Stats,
    raw_payloads: bool,
}

impl Ordered {
    pub(super) fn new(
        records: Vec<Vec<(u32, Arc<RecordType>)>>,
        logs: Vec<Bytes>,
        mut stash: Stash,
        source: Source,
        stats: Stats,
        raw_payloads: bool,
    ) -> Result<Self> {
        stash.seal()?;
        let logs = logs.into_iter().map(|bytes| (bytes, Window::default())).collect();
        Ok(Self { records, logs, stash, source, stats, raw_payloads })
    }

    /// The records of one input after the other, with their numbers, which count through all inputs from 0. Within an
    /// input no two have the same identifier.
    pub fn records(&self) -> impl Iterator<Item = impl Iterator<Item = (usize, &Arc<RecordType>)>> {
        self.records.iter().map(|records| records.iter().map(|(number, record)| (*number as usize, record)))
    }

    /// What ordering took.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// The next data in order.
    ///
    /// # Errors
    /// [`Error::Io`] of temporary files.
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>> {
        let Some(entry) = self.source.next()? else { return Ok(None) };
        let Some((bytes, window)) = self.logs.get_mut(entry.log as usize) else { return Err(gone()) };
        let (payload, form) = match bytes {
            Bytes::Mapped(log) => (stored(log, &entry)?, None),
            Bytes::Stashed => {
                let payload = self.stash.get(entry.offset, entry.len, window)?;
                (payload, (!self.raw_payloads).then_some(Form::Unpacked))
            }
        };
        let form = form.unwrap_or(if entry.is_packed { Form::Snappy } else { Form::Plain });
        let time = entry.key.filter(|_| entry.is_timed).map(Micros);
        Ok(Some(Item { record: entry.record as usize, time, payload, form }))
    }
}

fn stored<'a>(log: &'a Log, entry: &Entry) -> Result<&'a [u8]> {
    let end = entry.offset.checked_add(entry.len).and_then(|end| usize::try_from(end).ok());
    let range = end.and_then(|end| Some(usize::try_from(entry.offset).ok()?..end));
    range.and_then(|range| log.bytes().get(range)).ok_or_else(gone)
}

fn gone() -> Error {
    std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()
}
