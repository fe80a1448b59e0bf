//! PX4's ULog, as its specification (docs.px4.io, "ULog File Format") has it, broken files included.
//!
//! | in a ULog | in the log |
//! |---|---|
//! | topic, instance 0 | a record with the topic's name |
//! | topic, instance *n* | a record with `_n` behind the topic's name |
//! | `timestamp` of a topic | the time of the data, and a field: see [`TimeBase`] |
//! | intN, uintN, float, double, bool | fixedint, fixeduint, float32, float64, boolean |
//! | `char[n]`, `char` | string, up to the first zero byte |
//! | other arrays | fixedarray |
//! | nested type | object |
//! | `_padding…` | nothing |
//! | header and flags | `ulog_header` |
//! | information, lists of it | `ulog_info`, `ulog_info_multi` with every part on its own |
//! | parameters, initial and changed | `ulog_parameter` |
//! | defaults of parameters | `ulog_parameter_default` |
//! | logged strings, tagged or not | `ulog_message` |
//! | dropouts | `ulog_dropout` |
//! | synchronisation, unsubscription | nothing |
//!
//! What a ULog gives no time of its own (parameters, dropouts) has that of the last data in front of it in the file, at
//! first that of the header, which is when logging started; PX4's own tools do the same.

mod format;
mod message;
mod records;
mod stream;
mod time;
mod topics;
mod window;

use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;

use tlog::Micros;

use self::message::Message;
use self::records::Records;
use self::stream::{Piece, Stream};
use self::time::Clock;
use self::topics::{Put, Subscriptions};
use self::window::Window;
use super::Summary;
use crate::{Error, Result};

/// What every ULog starts with; a version and the time in microseconds follow.
pub const MAGIC: [u8; 7] = *b"ULog\x01\x12\x35";

/// How long a file's header is, in bytes.
pub const HEADER: usize = 16;

/// The bit that says that parts were appended to the file.
const APPENDED: u8 = 1;

/// What the times of a ULog count from. They are microseconds since the system was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeBase {
    /// From the moment that the log itself tells: by a satellite receiver's UTC, of which the first with a fix counts;
    /// or they are UTC already. If the log does not tell, as [`Boot`](Self::Boot).
    #[default]
    Told,
    /// From the start of the system, whenever that was: `timestamp` becomes a duration, and data has no time.
    Boot,
    /// The system was started then. `Micros(0)` keeps the numbers, as times in 1970.
    At(Micros),
}

/// How a ULog is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What times count from.
    pub time_base: TimeBase,
    /// Stop at the first thing that is broken.
    pub strict: bool,
}

/// Writes everything of a ULog into a log. The input is read twice where the time has to be looked for.
///
/// # Errors
/// [`Error::Input`] for what is no ULog, or one with flags that nobody defined; with [`Options::strict`] for anything
/// broken. [`Error::Io`] and [`Error::Log`] as reading and writing fail.
pub fn read<R: Read + Seek, W: Write>(mut input: R, out: &mut tlog::Writer<W>, options: &Options) -> Result<Summary> {
    let start = input.stream_position()?;
    let clock = match options.time_base {
        TimeBase::Boot => Clock::Boot,
        TimeBase::At(boot) => Clock::Utc(boot.0),
        TimeBase::Told => {
            let told = time::find(&mut input)?;
            input.seek(SeekFrom::Start(start))?;
            told
        }
    };
    let (window, version, since) = open(input)?;
    let mut import = Import {
        topics: Subscriptions::new(clock),
        records: Records::new(clock),
        out,
        summary: Summary::default(),
        since,
        now: since,
        is_flagged: false,
        strict: options.strict,
    };
    import.records.header(version, since);
    if options.time_base == TimeBase::Told && clock == Clock::Boot {
        import.summary.note("the log does not tell the time of day: times are durations since the system was started");
    }
    import.all(Stream::new(window))?;
    import.records.flags(import.out, since, &[])?;
    Ok(import.summary)
}

/// Reads the header: what follows it, the version, and when logging started.
fn open<R: Read>(input: R) -> Result<(Window<R>, u8, u64)> {
    let mut window = Window::new(input);
    window.ensure(HEADER)?;
    let header = window.bytes().get(..HEADER).and_then(|header| header.strip_prefix(&MAGIC));
    let Some((&version, time)) = header.and_then(<[u8]>::split_first) else {
        return Err(input_error(0, "no ULog starts like this"));
    };
    let time = time.first_chunk().map_or(0, |&time| u64::from_le_bytes(time));
    window.pass(HEADER);
    Ok((window, version, time))
}

fn input_error(at: u64, problem: impl Into<String>) -> Error {
    Error::Input { format: "ULog", place: format!("byte {at}"), problem: problem.into() }
}

/// A file on its way into a log.
struct Import<'w, W: Write> {
    topics: Subscriptions,
    records: Records,
    out: &'w mut tlog::Writer<W>,
    summary: Summary,
    /// When logging started.
    since: u64,
    /// The time of the last data that is not before that, as the file counts.
    now: u64,
    is_flagged: bool,
    strict: bool,
}

impl<W: Write> Import<'_, W> {
    fn all<R: Read>(&mut self, mut stream: Stream<R>) -> Result<()> {
        loop {
            let appended = match stream.next(&self.topics)? {
                None => return Ok(()),
                Some(Piece::Skipped(range, cause)) => {
                    self.skip(range, cause)?;
                    None
                }
                Some(Piece::Message(message, range)) => self.message(message, range)?,
            };
            if let Some(appended) = appended {
                stream.appended_at(&appended);
            }
        }
    }

    fn skip(&mut self, range: Range<u64>, cause: impl Into<String>) -> Result<()> {
        let cause = cause.into();
        if self.strict {
            return Err(input_error(range.start, cause));
        }
        self.summary.skip(range, cause);
        Ok(())
    }

    /// Takes up a message; where parts were appended, if that is what it says.
    fn message(&mut self, message: Message<'_>, range: Range<u64>) -> Result<Option<[u64; 3]>> {
        let now = self.now;
        if !matches!(message, Message::Flags { .. }) {
            self.records.flags(self.out, now, &[])?;
        }
        match message {
            Message::Flags { compatible, incompatible, appended } => {
                return self.flags(compatible, incompatible, appended, range);
            }
            Message::Format(text) => {
                if let Err(cause) = self.topics.add_format(text) {
                    self.skip(range, cause)?;
                }
                return Ok(None);
            }
            Message::Subscribe { id, multi_id, name } => {
                if let Err(cause) = self.topics.subscribe(self.out, id, multi_id, name)? {
                    self.skip(range, cause)?;
                }
                return Ok(None);
            }
            Message::Data { id, payload } => match self.topics.put(self.out, id, payload)? {
                Put::Timed(time) if time >= self.since => self.now = time,
                Put::Timed(_) | Put::Untimed => {}
                Put::Refused(cause) => {
                    self.skip(range, cause)?;
                    return Ok(None);
                }
            },
            Message::Info { key, value, continued } => self.records.info(self.out, now, key, value, continued)?,
            Message::Parameter { key, value } => self.records.parameter(self.out, now, key, value)?,
            Message::Default { key, value, kinds } => self.records.default(self.out, now, key, value, kinds)?,
            Message::Text { level, tag, time, text } => self.records.text(self.out, time, level, tag, text)?,
            Message::Dropout(milliseconds) => self.records.dropout(self.out, now, milliseconds)?,
            Message::Sync | Message::Unsubscribe | Message::Unknown => return Ok(None),
        }
        self.summary.taken += 1;
        Ok(None)
    }

    fn flags(
        &mut self,
        compatible: &[u8],
        incompatible: &[u8],
        appended: [u64; 3],
        range: Range<u64>,
    ) -> Result<Option<[u64; 3]>> {
        if std::mem::replace(&mut self.is_flagged, true) {
            self.skip(range, "flags once more")?;
            return Ok(None);
        }
        let [first, rest @ ..] = incompatible else { return Ok(None) };
        if first & !APPENDED != 0 || rest.iter().any(|&byte| byte != 0) {
            return Err(input_error(range.start, "it needs a reader that knows flags which this one does not"));
        }
        self.records.flags(self.out, self.now, compatible)?;
        Ok((first & APPENDED != 0).then_some(appended))
    }
}
