//! Logs as arguments: files that are mapped, everything else as a stream.

use std::fs::File;
use std::io::{Cursor, IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tlog::Log;
use tlog::read::{Damage, Data, Event, ReadOptions, RecordType, SliceReader, StreamReader};

use crate::exit::usage;
use crate::sniff;

/// An open log.
pub enum Input {
    /// A regular file, mapped.
    Mapped(Log),
    /// Standard input, a pipe, or a file that is followed.
    Stream(Box<dyn Read>),
}

impl Input {
    /// Opens the log at `path`, or standard input for `-`.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if is_dash(path) {
            let stdin = std::io::stdin();
            if stdin.is_terminal() {
                return Err(usage("standard input is a terminal; give a log or pipe one in"));
            }
            return stream(Box::new(stdin.lock())).context("standard input");
        }
        let shown = || name(path);
        let file = File::open(path).with_context(shown)?;
        let kind = file.metadata().with_context(shown)?;
        if kind.is_dir() {
            return Err(usage(format!("{} is a folder; give the log files in it", shown())));
        }
        if !kind.is_file() {
            return stream(Box::new(file)).with_context(shown);
        }
        refuse_foreign(&head_of(&mut (&file))?).with_context(shown)?;
        // The library names the file itself when the system refuses it.
        match Log::open(path) {
            Err(e @ tlog::Error::Io { .. }) => Err(e.into()),
            other => Ok(Self::Mapped(other.with_context(shown)?)),
        }
    }

    /// Opens a file that is still growing: it is read, never mapped.
    pub fn follow(path: &Path) -> anyhow::Result<Self> {
        if is_dash(path) {
            return Self::open(path);
        }
        let file = File::open(path).with_context(|| name(path))?;
        stream(Box::new(file)).with_context(|| name(path))
    }

    /// Reads the log.
    pub fn reader(self: &mut Input, options: ReadOptions) -> Reader<'_> {
        match self {
            Self::Mapped(log) => Reader::Slice(log.reader(options)),
            Self::Stream(stream) => Reader::Stream(StreamReader::new(stream, options)),
        }
    }
}

/// Either reader of the library.
pub enum Reader<'a> {
    Slice(SliceReader<'a>),
    Stream(StreamReader<&'a mut Box<dyn Read>>),
}

impl Reader<'_> {
    pub fn next_event(&mut self) -> tlog::Result<Option<Event<'_>>> {
        match self {
            Self::Slice(reader) => reader.next_event(),
            Self::Stream(reader) => reader.next_event(),
        }
    }

    pub fn next_data(&mut self) -> tlog::Result<Option<Data<'_>>> {
        match self {
            Self::Slice(reader) => reader.next_data(),
            Self::Stream(reader) => reader.next_data(),
        }
    }

    pub fn damage(&self) -> &Damage {
        match self {
            Self::Slice(reader) => reader.damage(),
            Self::Stream(reader) => reader.damage(),
        }
    }

    pub fn record_names(&self) -> Vec<String> {
        match self {
            Self::Slice(reader) => reader.records().map(|record| record.name.clone()).collect(),
            Self::Stream(reader) => reader.records().map(|record| record.name.clone()).collect(),
        }
    }

    /// All records declared so far.
    pub fn into_records(self) -> Vec<Arc<RecordType>> {
        match self {
            Self::Slice(reader) => reader.records().cloned().collect(),
            Self::Stream(reader) => reader.records().cloned().collect(),
        }
    }

    pub fn offset(&self) -> u64 {
        match self {
            Self::Slice(reader) => reader.offset(),
            Self::Stream(reader) => reader.offset(),
        }
    }
}

/// Whether the argument stands for standard input or output.
pub fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// How messages call this input.
pub fn name(path: &Path) -> String {
    if is_dash(path) { "standard input".to_owned() } else { path.display().to_string() }
}

fn stream(mut source: Box<dyn Read>) -> anyhow::Result<Input> {
    let head = head_of(&mut source)?;
    refuse_foreign(&head)?;
    Ok(Input::Stream(Box::new(Cursor::new(head).chain(source))))
}

fn head_of(source: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    source.take(sniff::LEN as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn refuse_foreign(head: &[u8]) -> anyhow::Result<()> {
    match sniff::foreign(head) {
        Some(what) => anyhow::bail!("not a TLOG0003 log: this is {what}"),
        None => Ok(()),
    }
}
