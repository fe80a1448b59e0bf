//! Logs as arguments: files that are mapped, everything else as a stream.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Cursor, IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use tlog::Log;
use tlog::read::{Damage, Data, Event, ReadOptions, RecordType, SliceReader, StreamReader};
use tlog_index::plan::{Plan, PlanReader};

use crate::exit::usage;
use crate::sniff;

/// An open log.
pub enum Input {
    /// A regular file, mapped.
    Mapped(Arc<Log>),
    /// Standard input, a pipe, or a file that is followed.
    Stream(Box<dyn Read>),
}

impl Input {
    /// Opens the log at `path`, or standard input for `-`.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if is_dash(path) {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                return Err(usage("standard input is a terminal; give a log or pipe one in"));
            }
            return stream(Box::new(stdin.lock())).context("standard input");
        }
        let (file, shown) = (open_file(path)?, || name(path));
        if !file.metadata().with_context(shown)?.is_file() {
            return stream(Box::new(file)).with_context(shown);
        }
        refuse_foreign(&head_of(&mut (&file))?).with_context(shown)?;
        // The library names the file itself when the system refuses it.
        match Log::open(path) {
            Err(e @ tlog::Error::Io { .. }) => Err(e.into()),
            other => Ok(Self::Mapped(Arc::new(other.with_context(shown)?))),
        }
    }

    /// Opens a file that is still growing, perhaps from nothing: it is read, never mapped.
    pub fn follow(path: &Path) -> anyhow::Result<Self> {
        if is_dash(path) {
            return Self::open(path);
        }
        let (mut file, shown) = (open_file(path)?, || name(path));
        let head = head_of(&mut file).with_context(shown)?;
        if !head.is_empty() {
            refuse_foreign(&head).with_context(shown)?;
        }
        Ok(Self::Stream(Box::new(Cursor::new(head).chain(file))))
    }

    /// The log, if it is a file that is mapped.
    pub fn mapped(&self) -> Option<Arc<Log>> {
        match self {
            Self::Mapped(log) => Some(Arc::clone(log)),
            Self::Stream(_) => None,
        }
    }

    /// Has `act` run before each read that may have to wait for more. A mapped file never waits.
    pub fn before_waiting(self, act: impl FnMut() -> io::Result<()> + 'static) -> Self {
        match self {
            Self::Stream(source) => Self::Stream(Box::new(BeforeRead { act, source })),
            mapped => mapped,
        }
    }

    /// Reads what the plan says, of a file; a stream is read from its start to its end.
    pub fn planned(self: &mut Input, options: ReadOptions, plan: Option<Plan>) -> Reader<'_> {
        match (self, plan) {
            (Self::Mapped(log), Some(plan)) => Reader::Planned(Box::new(PlanReader::new(log.bytes(), options, plan))),
            (input, _) => input.reader(options),
        }
    }

    /// Reads the log.
    pub fn reader(self: &mut Input, options: ReadOptions) -> Reader<'_> {
        match self {
            Self::Mapped(log) => Reader::Slice(log.reader(options)),
            Self::Stream(stream) => Reader::Stream(StreamReader::new(stream, options)),
        }
    }
}

/// Any reader of the libraries.
pub enum Reader<'a> {
    Slice(SliceReader<'a>),
    Stream(StreamReader<&'a mut Box<dyn Read>>),
    Planned(Box<PlanReader<'a>>),
}

impl Reader<'_> {
    /// The next thing in the log; of a plan only its data.
    pub fn next_event(&mut self) -> tlog::Result<Option<Event<'_>>> {
        match self {
            Self::Slice(reader) => reader.next_event(),
            Self::Stream(reader) => reader.next_event(),
            Self::Planned(reader) => Ok(reader.next_data()?.map(Event::Data)),
        }
    }

    pub fn next_data(&mut self) -> tlog::Result<Option<Data<'_>>> {
        match self {
            Self::Slice(reader) => reader.next_data(),
            Self::Stream(reader) => reader.next_data(),
            Self::Planned(reader) => reader.next_data(),
        }
    }

    pub fn damage(&self) -> Cow<'_, Damage> {
        match self {
            Self::Slice(reader) => Cow::Borrowed(reader.damage()),
            Self::Stream(reader) => Cow::Borrowed(reader.damage()),
            Self::Planned(reader) => Cow::Owned(reader.damage()),
        }
    }

    /// All records declared so far.
    pub fn records(&self) -> Vec<Arc<RecordType>> {
        match self {
            Self::Slice(reader) => reader.records().cloned().collect(),
            Self::Stream(reader) => reader.records().cloned().collect(),
            Self::Planned(reader) => reader.records().cloned().collect(),
        }
    }

    pub fn offset(&self) -> u64 {
        match self {
            Self::Slice(reader) => reader.offset(),
            Self::Stream(reader) => reader.offset(),
            Self::Planned(reader) => reader.bytes_read(),
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

/// Opens a file of a log.
pub fn open_file(path: &Path) -> anyhow::Result<File> {
    let file = File::open(path).with_context(|| name(path))?;
    if file.metadata().with_context(|| name(path))?.is_dir() {
        return Err(usage(format!("{} is a folder; give one log file", name(path))));
    }
    Ok(file)
}

/// Opens a file of a log for looking at single places of it.
pub fn open_blocks(path: &Path) -> anyhow::Result<File> {
    let file = open_file(path)?;
    if !file.metadata().with_context(|| name(path))?.is_file() {
        return Err(usage(format!("{} is a stream, which has no end to look at", name(path))));
    }
    refuse_foreign(&head_of(&mut (&file))?).with_context(|| name(path))?;
    Ok(file)
}

/// Standard input can be read to its end only once.
pub fn refuse_stdin_twice<'a>(paths: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<()> {
    match paths.into_iter().filter(|path| is_dash(path)).count() {
        0 | 1 => Ok(()),
        _ => Err(usage("standard input is given twice")),
    }
}

struct BeforeRead<F, R> {
    act: F,
    source: R,
}

impl<F: FnMut() -> io::Result<()>, R: Read> Read for BeforeRead<F, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        (self.act)()?;
        self.source.read(out)
    }
}

fn stream(mut source: Box<dyn Read>) -> anyhow::Result<Input> {
    let head = head_of(&mut source)?;
    refuse_foreign(&head)?;
    tlog::wire::block::check_file_header(&head).map_err(|e| tlog::Error::Format { offset: 0, cause: e.into() })?;
    Ok(Input::Stream(Box::new(Cursor::new(head).chain(source))))
}

fn head_of(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    source.take(sniff::LEN as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn refuse_foreign(head: &[u8]) -> anyhow::Result<()> {
    match sniff::foreign(head) {
        Some(what) => bail!("not a TLOG0003 log: it is {what}"),
        None if head.is_empty() => bail!("not a TLOG0003 log: it is empty"),
        None => Ok(()),
    }
}
