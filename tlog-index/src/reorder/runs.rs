//! Sorted runs of entries in a temporary file.
//!
//! ```text
//! entry: flags u8 │ key varint │ record varuint │ log varuint │ offset varint │ len varuint
//! ```
//!
//! Keys are told as the distance to the one before in the run, offsets as that to the end of the payload before.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use tlog::wire::varuint;
use tlog::{Error, Result};

use super::chunk::Entry;
use super::stash::scratch;

/// The longest an entry is, in bytes.
const MAX_ENTRY: usize = 1 + 5 * varuint::MAX_LEN;

/// How much is written at once, in bytes.
const PENDING: usize = 64 << 10;

const HAS_KEY: u8 = 1;
const IS_TIMED: u8 = 2;
const IS_PACKED: u8 = 4;

/// A sorted run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Where in the file.
    bytes: Range<u64>,
    /// Which input it is from, if from one.
    input: Option<u32>,
    last: Entry,
}

/// Runs, one behind the other.
#[derive(Debug)]
pub(super) struct Runs {
    folder: PathBuf,
    file: Option<File>,
    pending: Vec<u8>,
    /// How long the file is with that, in bytes.
    len: u64,
    runs: Vec<Run>,
}

impl Runs {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), file: None, pending: Vec::new(), len: 0, runs: Vec::new() }
    }

    pub const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub const fn len(&self) -> usize {
        self.runs.len()
    }

    /// Adds sorted entries that came after all others of their input. Those that follow the last run are made part of it.
    pub fn add(&mut self, input: u32, entries: &[Entry]) -> Result<()> {
        let Some(first) = entries.first() else { return Ok(()) };
        let follows = |run: &Run| run.input == Some(input) && run.last.key <= first.key;
        if !self.runs.last().is_some_and(follows) {
            self.begin(Some(input));
        }
        entries.iter().try_for_each(|entry| self.push(entry))
    }

    /// Begins another run.
    pub fn begin(&mut self, input: Option<u32>) {
        self.runs.push(Run { bytes: self.len..self.len, input, last: Entry::default() });
    }

    /// Adds an entry to the last run.
    pub fn push(&mut self, entry: &Entry) -> Result<()> {
        let before = self.pending.len();
        if let Some(run) = self.runs.last_mut() {
            encode(entry, &run.last, &mut self.pending);
            run.last = *entry;
            self.len += (self.pending.len() - before) as u64;
            run.bytes.end = self.len;
        }
        if self.pending.len() >= PENDING { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if self.file.is_none() {
            self.file = Some(scratch(&self.folder)?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(&self.pending).map_err(|e| Error::io_at(&self.folder, e))?;
        self.pending.clear();
        Ok(())
    }

    /// The file and what is where in it.
    pub fn seal(mut self) -> Result<(Spilled, Vec<Run>)> {
        self.flush()?;
        match self.file {
            Some(file) => Ok((Spilled { file, folder: self.folder }, self.runs)),
            None => Err(Error::io_at(self.folder, ErrorKind::NotFound.into())),
        }
    }
}

/// A file of runs that is only read.
#[derive(Debug)]
pub(super) struct Spilled {
    file: File,
    folder: PathBuf,
}

/// Reads a run.
#[derive(Debug)]
pub(super) struct RunReader {
    /// What of it has not been read from the file.
    rest: Range<u64>,
    buffer: Vec<u8>,
    at: usize,
    size: usize,
    last: Entry,
}

impl RunReader {
    /// A reader that buffers so many bytes.
    pub fn new(run: &Run, size: usize) -> Self {
        let size = size.max(MAX_ENTRY);
        Self { rest: run.bytes.clone(), buffer: Vec::new(), at: 0, size, last: Entry::default() }
    }

    pub fn next(&mut self, spilled: &Spilled) -> Result<Option<Entry>> {
        if self.buffer.len() - self.at < MAX_ENTRY && !self.rest.is_empty() {
            self.fill(&spilled.file).map_err(|e| Error::io_at(&spilled.folder, e))?;
        }
        let bytes = self.buffer.get(self.at..).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(None);
        }
        let torn = || Error::io_at(&spilled.folder, ErrorKind::InvalidData.into());
        let (entry, len) = decode(bytes, &self.last).ok_or_else(torn)?;
        self.at += len;
        self.last = entry;
        Ok(Some(entry))
    }

    fn fill(&mut self, mut file: &File) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let room = self.size.saturating_sub(self.buffer.len()) as u64;
        let len = room.min(self.rest.end - self.rest.start);
        file.seek(SeekFrom::Start(self.rest.start))?;
        self.buffer.reserve_exact(len as usize);
        let read = file.take(len).read_to_end(&mut self.buffer)?;
        self.rest.start += read as u64;
        if (read as u64) < len { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

fn put(value: u64, out: &mut Vec<u8>) {
    let mut bytes = [0; varuint::MAX_LEN];
    let len = varuint::encode(value, &mut bytes);
    out.extend_from_slice(bytes.get(..len).unwrap_or_default());
}

fn encode(entry: &Entry, last: &Entry, out: &mut Vec<u8>) {
    let flag = |on: bool, flag: u8| if on { flag } else { 0 };
    out.push(flag(entry.key.is_some(), HAS_KEY) | flag(entry.is_timed, IS_TIMED) | flag(entry.is_packed, IS_PACKED));
    let distance = entry.key.unwrap_or_default().wrapping_sub(last.key.unwrap_or_default());
    put(varuint::zigzag(distance), out);
    put(entry.record.into(), out);
    put(entry.log.into(), out);
    let skipped = entry.offset.wrapping_sub(last.offset.wrapping_add(last.len));
    put(varuint::zigzag(skipped.cast_signed()), out);
    put(entry.len, out);
}

fn decode(bytes: &[u8], last: &Entry) -> Option<(Entry, usize)> {
    let (&flags, mut rest) = bytes.split_first()?;
    let mut next = || {
        let (value, len) = varuint::decode(rest).ok()?;
        rest = rest.get(len..)?;
        Some(value)
    };
    let key = last.key.unwrap_or_default().wrapping_add(varuint::unzigzag(next()?));
    let record = u32::try_from(next()?).ok()?;
    let log = u32::try_from(next()?).ok()?;
    let skipped = varuint::unzigzag(next()?).cast_unsigned();
    let offset = last.offset.wrapping_add(last.len).wrapping_add(skipped);
    let len = next()?;
    let has = |flag: u8| flags & flag != 0;
    let key = has(HAS_KEY).then_some(key);
    let entry = Entry { key, offset, len, record, log, is_timed: has(IS_TIMED), is_packed: has(IS_PACKED) };
    Some((entry, bytes.len() - rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: Option<i64>, offset: u64, len: u64) -> Entry {
        Entry { key, offset, len, record: 3, log: u32::MAX, is_timed: key == Some(7), is_packed: len > 9 }
    }

    #[test]
    fn entries_are_kept_as_they_are() {
        let entries = [
            entry(None, 5, 0),
            entry(Some(i64::MIN), u64::MAX, u64::MAX),
            entry(Some(7), 0, 1),
            entry(Some(7), 1, 1),
            entry(Some(i64::MAX), 1 << 63, 300),
        ];
        let mut runs = Runs::new(&std::env::temp_dir());
        for _ in 0..3000 {
            runs.add(0, &entries).unwrap();
        }
        // Each begins where the one before does not end.
        assert_eq!(runs.len(), 3000);
        runs.add(0, &entries[4..]).unwrap();
        runs.add(1, &entries[4..]).unwrap();
        assert_eq!(runs.len(), 3001);
        let (spilled, runs) = runs.seal().unwrap();
        for (size, run) in [(0, 0), (1, 1), (100, 1500), (1 << 20, 2999)] {
            let mut reader = RunReader::new(&runs[run], size);
            let mut read = Vec::new();
            while let Some(entry) = reader.next(&spilled).unwrap() {
                read.push(entry);
            }
            assert_eq!(read[..5], entries, "{run}");
            assert_eq!(read.len(), if run == 2999 { 6 } else { 5 });
        }
    }
}
