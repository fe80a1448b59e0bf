//! Reading bytes that are all at hand, without copying them: `benches/read`.

use super::machine::{Found, Machine, Progress};
use super::{Damage, Data, Event, Place, ReadOptions, RecordType, Standing};
use crate::error::Result;
use std::sync::Arc;

/// Reads a log that lies in memory, or is mapped there.
///
/// ```
/// # fn main() -> tlog::Result<()> {
/// let bytes = b"TLOG0003\0\x01\x08\x01\x00\x04test\x0a\x02\x04\x01\x00\x01x";
/// let mut reader = tlog::read::SliceReader::new(bytes, Default::default());
/// while let Some(data) = reader.next_data()? {
///     assert_eq!(data.record.name, "test");
///     assert_eq!(data.payload, b"\x01x");
/// }
/// assert!(reader.damage().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SliceReader<'d> {
    bytes: &'d [u8],
    machine: Machine,
}

impl<'d> SliceReader<'d> {
    /// A reader of the log that `bytes` are.
    pub fn new(bytes: &'d [u8], options: ReadOptions) -> Self {
        Self { bytes, machine: Machine::new(options) }
    }

    /// A reader that goes on at `place` of the log that `bytes` are.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format), when the records of the place exceed the limit of their memory.
    pub fn resume(bytes: &'d [u8], options: ReadOptions, place: &Place) -> Result<Self> {
        Ok(Self { bytes, machine: Machine::resume(options, place, bytes.len())? })
    }

    /// A reader that looks for a block behind `place`, which may be anywhere, and goes on there. What it passes over
    /// on the way comes first, as [`Event::Skipped`].
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub fn search(bytes: &'d [u8], options: ReadOptions, place: &Place) -> Result<Self> {
        Ok(Self { bytes, machine: Machine::search(options, place, bytes.len())? })
    }

    /// The same reader, which ends in front of the first block that starts at `stop` or behind it, in bytes from the start of
    /// the file. What is there is still looked at where something in front of it is damaged: a reader of fewer
    /// bytes could make something else of that.
    #[must_use]
    pub fn until(mut self, stop: u64) -> Self {
        self.machine.stop = usize::try_from(stop).unwrap_or(usize::MAX);
        self
    }

    /// Where the reader stands, if that is between two blocks.
    pub fn place(&self) -> Option<Place> {
        self.machine.place()
    }

    /// Goes on to the next data that is selected; whether there is one. [`data`](Self::data) gives it: for callers
    /// that do something else when there is none.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn find_data(&mut self) -> Result<bool> {
        loop {
            if self.machine.next_is_data(self.bytes) {
                return Ok(true);
            }
            match self.advance()? {
                Some(Found::Data) => return Ok(true),
                Some(_) => {}
                None => return Ok(false),
            }
        }
    }

    /// The data that was found last.
    pub fn data(&self) -> Option<Data<'_>> {
        self.machine.view_data(self.bytes)
    }

    /// What a place says beside the records, wherever the reader stands.
    pub const fn standing(&self) -> Standing {
        self.machine.standing()
    }

    /// The next selected data, if nothing but intact data comes before it: the quick half of
    /// [`next_event`](Self::next_event), which tells of all else.
    #[inline] // once per record: `benches/index`
    pub fn next_intact(&mut self) -> Option<Data<'_>> {
        match self.machine.next_is_data(self.bytes) {
            true => self.machine.view_data(self.bytes),
            false => None,
        }
    }

    /// The next thing in the log; `None` at its end.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format), when the file header is wrong, and at the first defect if reading is strict.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>> {
        match self.advance()? {
            Some(found) => Ok(self.machine.view(found, self.bytes)),
            None => Ok(None),
        }
    }

    /// The next data that is selected; everything else is passed over, damage counted.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn next_data(&mut self) -> Result<Option<Data<'_>>> {
        // `find_data` again, with the data in place of an answer about it: a tenth of the time (`benches/read`).
        loop {
            if self.machine.next_is_data(self.bytes) {
                return Ok(self.machine.view_data(self.bytes));
            }
            match self.advance()? {
                Some(Found::Data) => return Ok(self.machine.view_data(self.bytes)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    #[inline] // `benches/read`
    fn advance(&mut self) -> Result<Option<Found>> {
        match self.machine.advance(self.bytes, true) {
            Ok(Progress::Found(found)) => Ok(Some(found)),
            // All there is has been given, so nothing can be needed.
            Ok(Progress::End | Progress::Need(_)) => Ok(None),
            Err(e) => {
                self.machine.state = super::machine::State::End;
                Err(e)
            }
        }
    }

    /// What was skipped so far.
    pub const fn damage(&self) -> &Damage {
        &self.machine.damage
    }

    /// The records declared so far; of logs that were concatenated, by the one that is being read.
    pub fn records(&self) -> impl Iterator<Item = &Arc<RecordType>> {
        self.machine.catalog.records()
    }

    /// Where reading stands, in bytes from the start of the file.
    pub const fn offset(&self) -> u64 {
        self.machine.offset(self.machine.at)
    }
}
