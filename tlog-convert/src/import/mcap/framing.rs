//! The records of an MCAP file in their order, chunks opened, damage passed over.
//!
//! The readers of the crate `mcap` stop at the first defect and believe lengths; this one goes on, and has no more in
//! memory than one chunk, packed and unpacked. Records outside of chunks have no checksum: they are believed when
//! something that may be a record follows them.

use std::io::Read;
use std::ops::Range;

use ::mcap::MAGIC;
use ::mcap::records::op;

use super::layout::{self, HEAD, chunk_head};
use super::source::Source;
use super::unpack::{Unpacked, unpack};
use crate::{Error, Result};

/// How far it is looked ahead for the next record after damage, in bytes.
const WINDOW: usize = 256 << 10;

/// So much of an attachment tells whether it is one.
const ATTACHMENT_FRONT: usize = 4 << 10;

/// Who takes what is found.
pub trait Sink {
    /// A record, and where it is, or the chunk that it is in.
    fn record(&mut self, opcode: u8, body: &[u8], place: Range<u64>) -> Result<()>;
    /// Whether a channel with this identifier has been told of.
    fn knows(&self, channel: u16) -> bool;
    /// What could not be used.
    fn skipped(&mut self, range: Range<u64>, cause: String);
    /// What is wrong and costs nothing.
    fn note(&mut self, note: String);
}

/// Reads records.
pub struct Framing<R> {
    source: Source<R>,
    /// How long a record may be, packed and unpacked.
    limit: u64,
    unpacked: Vec<u8>,
    /// Whether the data has ended, and only what repeats it follows.
    is_summary: bool,
    /// Whether the end was as it should be.
    is_closed: bool,
    has_skipped: bool,
}

impl<R: Read> Framing<R> {
    pub fn new(input: R, limit: u64) -> Self {
        let source = Source::new(input);
        Self { source, limit, unpacked: Vec::new(), is_summary: false, is_closed: false, has_skipped: false }
    }

    /// Reads all that there is.
    ///
    /// # Errors
    /// Those of the system, those of the sink, and [`Error::Input`] for what is no MCAP at all.
    pub fn run(&mut self, sink: &mut impl Sink) -> Result<()> {
        let start = self.source.fill(MAGIC.len())?;
        if start.starts_with(MAGIC) {
            self.source.consume(MAGIC.len());
        } else if !self.resync(sink, "it does not start as MCAP does")? {
            let problem = "this is no MCAP file".to_owned();
            return Err(Error::Input { format: "MCAP", place: "byte 0".to_owned(), problem });
        }
        while !self.is_closed && self.step(sink)? {}
        self.end(sink)
    }

    /// Takes the next record. False at the end of the input.
    fn step(&mut self, sink: &mut impl Sink) -> Result<bool> {
        let front = self.source.fill(HEAD)?;
        if front.is_empty() {
            return Ok(false);
        }
        let Some((opcode, len)) = layout::head(front) else {
            self.skip_rest(sink, "the file ends inside a record")?;
            return Ok(false);
        };
        match opcode {
            op::CHUNK if len <= self.limit => self.chunk(len, sink),
            op::ATTACHMENT if len > self.limit => self.large_attachment(len, sink),
            _ if layout::is_plausible(front, self.limit) => self.record(opcode, len, sink),
            _ => self.resync(sink, "what should be a record is none"),
        }
    }

    /// A record outside of chunks, which is shorter than the limit.
    fn record(&mut self, opcode: u8, len: u64, sink: &mut impl Sink) -> Result<bool> {
        let len = usize::try_from(len).unwrap_or(usize::MAX).saturating_add(HEAD);
        let calculated = self.source.checksum_if(opcode == op::DATA_END);
        let offset = self.source.offset();
        let at_hand = self.source.fill(len.saturating_add(HEAD))?;
        let Some((record, next)) = at_hand.split_at_checked(len) else {
            return self.resync(sink, "the file ends inside a record");
        };
        let body = record.get(HEAD..).unwrap_or_default();
        if !layout::is_plausible(next, self.limit) && !layout::is_proved(opcode, body) {
            return self.resync(sink, "no record follows what should be one");
        }
        match opcode {
            op::DATA_END => {
                let stored = layout::Fields(body).u32().unwrap_or_default();
                self.is_summary = true;
                if stored != 0 && calculated.is_some_and(|calculated| calculated != stored) && !self.has_skipped {
                    sink.skipped(0..offset, "the checksum of all data is wrong".to_owned());
                }
            }
            op::FOOTER => self.is_closed = next.starts_with(MAGIC),
            // What comes behind the data only repeats or indexes it.
            _ if self.is_summary && !matches!(opcode, op::SCHEMA | op::CHANNEL) => {}
            _ => sink.record(opcode, body, offset..offset.saturating_add(len as u64))?,
        }
        self.source.consume(len);
        Ok(true)
    }

    fn chunk(&mut self, len: u64, sink: &mut impl Sink) -> Result<bool> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let offset = self.source.offset();
        let at_hand = self.source.fill(len.saturating_add(2 * HEAD))?;
        let body = at_hand.get(HEAD..).unwrap_or_default();
        let (body, next) = body.split_at_checked(len).unwrap_or((body, &[]));
        let head = chunk_head(body);
        let Some((head, total)) = head.and_then(|head| Some((head, usize::try_from(head.total()?).ok()?))) else {
            return self.resync(sink, "what should be a chunk is none");
        };
        if total > len {
            return self.resync(sink, "what should be a chunk is none");
        }
        let data = body.get(head.len..total.min(body.len())).unwrap_or_default();
        let came = unpack(&head, data, self.limit, &mut self.unpacked);
        // Something may stand between the data and the end of the chunk. If not, its end is proved twice.
        let is_tight = total == len;
        let taken = if is_tight || layout::is_plausible(next, self.limit) && body.len() == len { len } else { total };
        let taken = HEAD + taken.min(body.len());
        let place = offset..offset.saturating_add(taken as u64);
        let cause = match came {
            Unpacked::Nothing(cause) | Unpacked::Front(cause) if !is_tight => return self.resync(sink, &cause),
            Unpacked::Nothing(cause) => Some(cause),
            Unpacked::Front(cause) => {
                records_of(&self.unpacked, &place, sink)?;
                Some(cause)
            }
            Unpacked::Whole if records_of(&self.unpacked, &place, sink)? => None,
            Unpacked::Whole => Some("a chunk ends inside a record".to_owned()),
        };
        if let Some(cause) = cause {
            self.has_skipped = true;
            sink.skipped(place, cause);
        }
        self.source.consume(taken);
        Ok(true)
    }

    /// An attachment that is too long to be kept.
    fn large_attachment(&mut self, len: u64, sink: &mut impl Sink) -> Result<bool> {
        let front = self.source.fill(HEAD + ATTACHMENT_FRONT)?;
        let front = front.get(HEAD..).unwrap_or_default();
        if !layout::is_attachment(front, len) {
            return self.resync(sink, "what should be an attachment is none");
        }
        let offset = self.source.offset();
        let passed = self.source.pass(len.saturating_add(HEAD as u64))?;
        self.has_skipped = true;
        let cause = format!("an attachment of {len} bytes exceeds the limit of {}", self.limit);
        sink.skipped(offset..offset.saturating_add(passed), cause);
        Ok(true)
    }

    /// Passes over what is damaged, to the next record. False if there is none.
    fn resync(&mut self, sink: &mut impl Sink, cause: &str) -> Result<bool> {
        let start = self.source.offset();
        let mut from = 1;
        let found = loop {
            let at_hand = self.source.fill(2 * WINDOW)?;
            let has_ended = at_hand.len() < 2 * WINDOW;
            let until = if has_ended { at_hand.len() } else { WINDOW };
            let limit = self.limit;
            let is_start =
                |at: &usize| layout::is_start(at_hand.get(*at..).unwrap_or_default(), limit, |id| sink.knows(id));
            match (from..until).find(is_start) {
                Some(at) => {
                    self.source.consume(at);
                    break true;
                }
                None => self.source.consume(until),
            }
            if has_ended {
                break false;
            }
            from = 0;
        };
        self.report(start, cause, sink);
        Ok(found)
    }

    fn skip_rest(&mut self, sink: &mut impl Sink, cause: &str) -> Result<()> {
        let start = self.source.offset();
        self.source.pass(u64::MAX)?;
        self.report(start, cause, sink);
        Ok(())
    }

    /// Tells of what was passed over since `start`.
    fn report(&mut self, start: u64, cause: &str, sink: &mut impl Sink) {
        self.has_skipped = true;
        let range = start..self.source.offset();
        match self.is_summary {
            true => sink.note(format!("its index is damaged at byte {start} ({cause}); nothing is lost with it")),
            false => sink.skipped(range, cause.to_owned()),
        }
    }

    /// Looks at how the file ends.
    fn end(&mut self, sink: &mut impl Sink) -> Result<()> {
        if !self.is_closed {
            let end = self.source.offset();
            match self.is_summary {
                true if self.has_skipped => {}
                true => sink.note("it ends inside its index; nothing is lost with it".to_owned()),
                false => sink.skipped(end..end, "the file was not finished, or is cut off here".to_owned()),
            }
            return Ok(());
        }
        self.source.pass(MAGIC.len() as u64)?;
        if !self.source.fill(1)?.is_empty() {
            self.is_summary = false;
            self.skip_rest(sink, "this comes behind the end of the MCAP file")?;
        }
        Ok(())
    }
}

/// Takes the records of a chunk. False if the last is not whole.
fn records_of(unpacked: &[u8], place: &Range<u64>, sink: &mut impl Sink) -> Result<bool> {
    let mut fields = layout::Fields(unpacked);
    while !fields.0.is_empty() {
        let Some((opcode, len)) = layout::head(fields.0) else { return Ok(false) };
        let record = fields.take(HEAD).and_then(|_| fields.take(usize::try_from(len).ok()?));
        let Some(body) = record else { return Ok(false) };
        if matches!(opcode, op::SCHEMA | op::CHANNEL | op::MESSAGE) {
            sink.record(opcode, body, place.clone())?;
        }
    }
    Ok(true)
}
