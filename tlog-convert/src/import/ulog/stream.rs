//! Messages off the front of a file, over whatever is broken in it.
//!
//! A message counts if its own content keeps to what the specification says of its type: data of a known topic has
//! that topic's length, a value its key's, text no control characters. What does not count is passed, byte by byte, up
//! to the next message that does; a search never looks at a byte more than a fixed number of times.
//!
//! Data has no checksum. If what follows an instance of a topic is no message, then bytes within the instance are
//! missing or overwritten more probably than just the next three, and it is given up together with what follows.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::Range;

use super::format;
use super::message::{self, HEADER, MAX_MESSAGE, Message};
use super::window::Window;
use crate::Result;

/// Longer formats, and longer texts, are taken for damage.
const MAX_TEXT: usize = 16 << 10;

/// What the stream must know of the topics to tell data from damage.
pub trait Topics {
    /// Whether data with this number can have this length; nothing if the number means no topic.
    fn fits(&self, id: u16, len: usize) -> Option<bool>;
}

/// What is next in a file.
pub enum Piece<'a> {
    /// A message, and where it is.
    Message(Message<'a>, Range<u64>),
    /// Bytes that are none, and why.
    Skipped(Range<u64>, &'static str),
}

/// What bytes at a place are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// A message of this length with its header.
    Message(usize),
    /// Data of this length that makes no sense here.
    Data(usize, &'static str),
    /// Something of this length and of a type that the specification does not know.
    Alien(usize),
    /// No message.
    Nothing(&'static str),
}

const CUT: Verdict = Verdict::Nothing("a message that is cut short");

/// A file's messages, from behind its header.
pub struct Stream<R> {
    window: Window<R>,
    /// How long the message is that was given last, and is passed next.
    given: usize,
    /// Where appended parts start; messages do not reach over these places.
    borders: VecDeque<u64>,
    clean: Clean,
    /// What is known of the next bytes.
    next: Option<(u64, Verdict)>,
}

impl<R: Read> Stream<R> {
    /// The messages of what follows.
    pub fn new(window: Window<R>) -> Self {
        Self { window, given: 0, borders: VecDeque::new(), clean: Clean::default(), next: None }
    }

    /// From the next message on, messages end where appended parts start.
    pub fn appended_at(&mut self, offsets: &[u64]) {
        let mut offsets: Vec<u64> = offsets.iter().copied().filter(|&at| at > self.window.offset()).collect();
        offsets.sort_unstable();
        self.borders = offsets.into();
        self.next = None;
    }

    /// The next message or gap; nothing at the end.
    pub fn next(&mut self, topics: &impl Topics) -> Result<Option<Piece<'_>>> {
        self.window.pass(std::mem::take(&mut self.given));
        self.cross_borders();
        self.window.ensure(3 * MAX_MESSAGE)?;
        let start = self.window.offset();
        if self.window.bytes().is_empty() {
            return Ok(None);
        }
        let cause = match self.verdict(0, topics) {
            Verdict::Message(len) if !self.is_torn(len, topics) => return Ok(Some(self.give(len))),
            Verdict::Message(_) => "data that is followed by no message",
            Verdict::Data(len, cause) if self.leads_on(len, topics) => {
                self.given = len;
                return Ok(Some(Piece::Skipped(start..start + len as u64, cause)));
            }
            Verdict::Alien(len) if self.is_sound(len, topics) => {
                self.given = len;
                return Ok(Some(Piece::Skipped(start..start + len as u64, "a message of an unknown type")));
            }
            Verdict::Data(_, cause) | Verdict::Nothing(cause) => cause,
            Verdict::Alien(_) => "no message",
        };
        self.search(topics)?;
        Ok(Some(Piece::Skipped(start..self.window.offset(), cause)))
    }

    /// Passes bytes up to the next that start a message, or to the end.
    fn search(&mut self, topics: &impl Topics) -> Result<()> {
        loop {
            self.window.pass(1);
            self.cross_borders();
            self.window.ensure(3 * MAX_MESSAGE)?;
            if self.window.bytes().is_empty() {
                return Ok(());
            }
            let kind = self.window.bytes().get(2).copied().unwrap_or_default();
            if !message::is_known(kind) {
                continue;
            }
            if let Verdict::Message(len) = self.verdict(0, topics) {
                // These are too short to be believed alone.
                let is_weak = matches!(kind, b'R' | b'O');
                if !is_weak || matches!(self.verdict(len, topics), Verdict::Message(_)) {
                    return Ok(());
                }
            }
        }
    }

    /// The message of this length that was found at the front.
    fn give(&mut self, len: usize) -> Piece<'_> {
        self.given = len;
        let start = self.window.offset();
        let range = start..start + len as u64;
        let frame = self.window.bytes().get(..len).unwrap_or_default();
        match frame.get(HEADER..).map(|body| message::parse(frame[2], body)) {
            Some(Ok(message)) => Piece::Message(message, range),
            Some(Err(cause)) => Piece::Skipped(range, cause),
            None => Piece::Skipped(range, "no message"),
        }
    }

    /// Whether the data of this length at the front is followed by what cannot follow it.
    fn is_torn(&mut self, len: usize, topics: &impl Topics) -> bool {
        let is_data = self.window.bytes().get(2) == Some(&b'D');
        is_data && !self.leads_on(len, topics) && !self.is_tail(len, topics)
    }

    /// Whether messages go on behind so many bytes, those of unknown types included.
    fn leads_on(&mut self, at: usize, topics: &impl Topics) -> bool {
        match self.verdict(at, topics) {
            Verdict::Alien(len) => self.is_sound(at + len, topics),
            _ => self.is_sound(at, topics),
        }
    }

    /// Whether there is a message of a known type behind so many bytes.
    fn is_sound(&mut self, at: usize, topics: &impl Topics) -> bool {
        matches!(self.verdict(at, topics), Verdict::Message(_) | Verdict::Data(..))
    }

    /// Whether what starts behind so many bytes is the front of a message that the file ends in.
    fn is_tail(&self, at: usize, topics: &impl Topics) -> bool {
        match self.section().get(at..).unwrap_or_default() {
            [] | [_] | [_, _] => true,
            [low, high, b'D', rest @ ..] => {
                let len = usize::from(u16::from_le_bytes([*low, *high]));
                let fits = |id: &[u8; 2]| topics.fits(u16::from_le_bytes(*id), len.saturating_sub(2)) == Some(true);
                len > rest.len() && rest.first_chunk().is_none_or(fits)
            }
            [low, high, kind, rest @ ..] => {
                message::is_known(*kind) && usize::from(u16::from_le_bytes([*low, *high])) > rest.len()
            }
        }
    }

    /// The bytes at hand up to the next border.
    fn section(&self) -> &[u8] {
        let bytes = self.window.bytes();
        let left = self.borders.front().map(|border| border.saturating_sub(self.window.offset()));
        let len = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
        bytes.get(..len).unwrap_or(bytes)
    }

    fn cross_borders(&mut self) {
        while self.borders.front().is_some_and(|&border| border <= self.window.offset()) {
            self.borders.pop_front();
            // Seen from the other side, the part ended here.
            self.next = None;
        }
    }

    /// What starts behind so many of the bytes at hand.
    fn verdict(&mut self, at: usize, topics: &impl Topics) -> Verdict {
        let offset = self.window.offset() + at as u64;
        if let Some((known, verdict)) = self.next
            && known == offset
        {
            return verdict;
        }
        let verdict = self.judge(at, topics);
        if at > 0 {
            self.next = Some((offset, verdict));
        }
        verdict
    }

    fn judge(&mut self, at: usize, topics: &impl Topics) -> Verdict {
        let section = self.section();
        if section.len() <= at {
            // At the end of a part everything is well; it never leads on.
            return Verdict::Message(0);
        }
        let rest = section.get(at..).unwrap_or_default();
        let Some((&[low, high, kind], rest)) = rest.split_first_chunk() else { return CUT };
        let Some(body) = rest.get(..usize::from(u16::from_le_bytes([low, high]))) else { return CUT };
        let len = HEADER + body.len();
        let text = message::text_from(kind).map(|from| (from, body.len()));
        if text.is_some_and(|(from, len)| len.saturating_sub(from) > MAX_TEXT) {
            return Verdict::Nothing("a text longer than texts are");
        }
        let parsed = match message::parse(kind, body) {
            Err(cause) => return Verdict::Nothing(cause),
            Ok(_) if body.is_empty() => return Verdict::Nothing("a message without content"),
            // All types are letters, and those to come will be; anything else is more probably damage.
            Ok(Message::Unknown) if kind.is_ascii_alphabetic() => return Verdict::Alien(len),
            Ok(Message::Unknown) => return Verdict::Nothing("no message"),
            Ok(Message::Data { id, payload }) => return of_data(topics.fits(id, payload.len()), len),
            Ok(Message::Format(text)) => format::is_format(text),
            Ok(_) => true,
        };
        if !parsed {
            return Verdict::Nothing("a format that is none");
        }
        if let Some((from, to)) = text
            && !self.clean.is_clean(&self.window, at + HEADER + from..at + HEADER + to)
        {
            return Verdict::Nothing("a text with control characters");
        }
        Verdict::Message(len)
    }
}

fn of_data(fits: Option<bool>, len: usize) -> Verdict {
    match fits {
        Some(true) => Verdict::Message(len),
        Some(false) => Verdict::Data(len, "data of another length than its topic has"),
        None => Verdict::Data(len, "data of a topic that is not known"),
    }
}

/// Which bytes were found to be text: a search may ask of the same ones again and again.
#[derive(Debug, Default)]
struct Clean {
    /// Where in the input bytes are text.
    range: Range<u64>,
    /// Whether the one behind them is not.
    ends: bool,
}

impl Clean {
    fn is_clean<R: Read>(&mut self, window: &Window<R>, part: Range<usize>) -> bool {
        let absolute = |at: usize| window.offset() + at as u64;
        let (from, to) = (absolute(part.start), absolute(part.end));
        if from > self.range.end {
            *self = Self { range: from..from, ends: false };
        } else if from < self.range.start {
            self.extend_down(window, from);
        }
        while self.range.end < to && !self.ends {
            match is_text(window, self.range.end) {
                true => self.range.end += 1,
                false => self.ends = true,
            }
        }
        self.range.end >= to
    }

    /// Starts earlier, if the bytes between are text too.
    fn extend_down<R: Read>(&mut self, window: &Window<R>, from: u64) {
        match (from..self.range.start).find(|&at| !is_text(window, at)) {
            None => self.range.start = from,
            Some(end) => *self = Self { range: from..end, ends: true },
        }
    }
}

fn is_text<R: Read>(window: &Window<R>, at: u64) -> bool {
    let at = at.checked_sub(window.offset()).and_then(|at| usize::try_from(at).ok());
    at.and_then(|at| window.bytes().get(at)).is_some_and(|&byte| !message::is_control(byte))
}
