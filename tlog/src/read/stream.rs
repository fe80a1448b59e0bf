//! Reading anything that reads, pipes included, in bounded memory.

use std::io::{ErrorKind, Read};
use std::sync::Arc;

use super::machine::{Found, Machine, Progress, State};
use super::{Damage, Data, Event, ReadOptions, RecordType, Standing};
use crate::error::Result;

/// How much is read at once, in bytes.
const CHUNK: usize = 256 << 10;

/// Reads a log from a stream. The buffer grows with the largest block that really comes, up to
/// [`max_block`](ReadOptions::max_block), never by what a size merely claims.
#[derive(Debug)]
pub struct StreamReader<R> {
    source: R,
    buffer: Vec<u8>,
    /// How much of the buffer is the window.
    filled: usize,
    ended: bool,
    machine: Machine,
}

/// Something found in a log, not looked at yet: from [`StreamReader::find`].
#[derive(Debug)]
pub struct Finding(Found);

impl Finding {
    /// Whether it is data.
    pub const fn is_data(&self) -> bool {
        matches!(self.0, Found::Data)
    }
}

impl<R: Read> StreamReader<R> {
    /// A reader of the log that `source` delivers from here on.
    pub fn new(source: R, options: ReadOptions) -> Self {
        Self { source, buffer: Vec::new(), filled: 0, ended: false, machine: Machine::new(options) }
    }

    /// The next thing in the log. `None` at its end or, when the log is followed, for now: try again later.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), and [`Error::Format`](crate::Error::Format) as [`SliceReader::next_event`](super::SliceReader::next_event).
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>> {
        match self.advance()? {
            Some(found) => Ok(self.machine.view(found, &self.buffer[..self.filled])),
            None => Ok(None),
        }
    }

    /// Goes on to the next thing in the log, which [`view`](Self::view) then shows. For who owns the reader and cannot
    /// lend it out before knowing whether there is anything. `None` as for [`next_event`](Self::next_event).
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn find(&mut self) -> Result<Option<Finding>> {
        if self.machine.next_is_data(&self.buffer[..self.filled]) {
            return Ok(Some(Finding(Found::Data)));
        }
        Ok(self.advance()?.map(Finding))
    }

    /// What [`find`](Self::find) found last. `None` for an earlier finding, whose bytes may be gone.
    pub fn view(&self, finding: Finding) -> Option<Event<'_>> {
        self.machine.view(finding.0, &self.buffer[..self.filled])
    }

    /// The next data that is selected; everything else is passed over, damage counted.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn next_data(&mut self) -> Result<Option<Data<'_>>> {
        loop {
            if self.machine.next_is_data(&self.buffer[..self.filled]) {
                return Ok(self.machine.view_data(&self.buffer[..self.filled]));
            }
            match self.advance()? {
                Some(Found::Data) => return Ok(self.machine.view_data(&self.buffer[..self.filled])),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    fn advance(&mut self) -> Result<Option<Found>> {
        loop {
            let progress = self.machine.advance(&self.buffer[..self.filled], self.ended);
            match progress.inspect_err(|_| self.machine.state = State::End)? {
                Progress::Found(found) => return Ok(Some(found)),
                Progress::End => return Ok(None),
                // All there is has been given, so nothing can be needed.
                Progress::Need(_) if self.ended => return Ok(None),
                Progress::Need(needed) if !self.fill(needed)? => return Ok(None),
                Progress::Need(_) => {}
            }
        }
    }

    /// Reads until `needed` bytes from the machine's place on are there, or the end; `false` when a followed
    /// file has no more for now. The machine is not asked in between: it may have to begin again each time.
    fn fill(&mut self, needed: usize) -> Result<bool> {
        self.drop_spent();
        loop {
            let room = needed.clamp(self.filled + CHUNK, 2 * self.filled + CHUNK);
            if self.buffer.len() < room {
                // Exactly: it is doubled already.
                self.buffer.reserve_exact(room - self.buffer.len());
                self.buffer.resize(room, 0);
            }
            match self.source.read(&mut self.buffer[self.filled..]) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
                Ok(0) => {
                    self.ended = !self.machine.options.follow;
                    return Ok(self.ended);
                }
                Ok(read) => self.filled += read,
            }
            if self.filled >= needed {
                return Ok(true);
            }
        }
    }

    fn drop_spent(&mut self) {
        let spent = self.machine.spent();
        if spent > 0 {
            self.buffer.copy_within(spent..self.filled, 0);
            self.filled -= spent;
            self.machine.dropped_spent();
        }
        // One huge block must not keep its memory for the rest of a long stream.
        if self.filled <= CHUNK && self.buffer.len() > 16 * CHUNK {
            self.buffer.truncate(CHUNK);
            self.buffer.shrink_to_fit();
        }
    }

    /// Ends following: what is there is all that comes.
    pub const fn end_follow(&mut self) {
        self.machine.options.follow = false;
    }

    /// How the reader stands: what it has met that decides how it goes on.
    pub const fn standing(&self) -> Standing {
        self.machine.standing()
    }

    /// What was skipped so far.
    pub const fn damage(&self) -> &Damage {
        &self.machine.damage
    }

    /// The records declared so far; of logs that were concatenated, by the one that is being read.
    pub fn records(&self) -> impl Iterator<Item = &Arc<RecordType>> {
        self.machine.catalog.records()
    }

    /// Where reading stands, in bytes from the start of the stream.
    pub const fn offset(&self) -> u64 {
        self.machine.offset(self.machine.at)
    }
}
