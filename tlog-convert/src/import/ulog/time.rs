//! The time of day that a ULog counts from, as far as it tells it.

use std::collections::HashMap;
use std::io::Read;

use tlog::Micros;
use tlog::schema::Type;

use super::format::{Formats, Layout};
use super::message::Message;
use super::stream::{Piece, Stream, Topics};
use crate::Result;

/// 2000-01-01T00:00:00Z. No system runs for thirty years, and no receiver is in the time before.
const YEAR_2000: u64 = 946_684_800_000_000;

/// Receivers number the quality of their fix so; from here on it has a position in space, and its time is sure.
const FIX_3D: u8 = 3;

/// How the times of a file become those of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Not: they count from a moment that nobody knows.
    Boot,
    /// The microseconds to add.
    Utc(i64),
}

impl Clock {
    /// The type of fields that hold times.
    pub const fn ty(self) -> Type {
        match self {
            Self::Boot => Type::Duration,
            Self::Utc(_) => Type::Timestamp,
        }
    }

    /// A time of the file as the content of a field, if there is room for it.
    pub fn field(self, time: u64) -> Option<i64> {
        let time = i64::try_from(time).ok()?;
        match self {
            Self::Boot => Some(time),
            Self::Utc(shift) => time.checked_add(shift),
        }
    }

    /// A time of the file as that of data, if it is one.
    pub fn block(self, time: u64) -> Option<Micros> {
        match self {
            Self::Boot => None,
            Self::Utc(_) => self.field(time).map(Micros),
        }
    }
}

/// Looks for the time that a receiver tells: the first with a fix, else the first.
pub fn find<R: Read>(input: R) -> Result<Clock> {
    let (window, _, since) = super::open(input)?;
    if since >= YEAR_2000 {
        return Ok(Clock::Utc(0));
    }
    let (mut stream, mut receivers, mut found) = (Stream::new(window), Receivers::default(), None);
    while let Some(piece) = stream.next(&receivers)? {
        let Piece::Message(message, _) = piece else { continue };
        match message {
            Message::Data { id, payload } => match receivers.told(id, payload) {
                Some(Told { shift, is_fix: true }) => return Ok(Clock::Utc(shift)),
                told => found = found.or(told),
            },
            Message::Flags { appended, .. } => stream.appended_at(&appended),
            other => receivers.note(other),
        }
    }
    Ok(found.map_or(Clock::Boot, |told| Clock::Utc(told.shift)))
}

#[derive(Clone, Copy)]
struct Told {
    shift: i64,
    is_fix: bool,
}

/// The topics of a file, of which only those matter that tell the time.
#[derive(Default)]
struct Receivers {
    formats: Formats,
    by_id: HashMap<u16, Layout>,
}

impl Topics for Receivers {
    fn fits(&self, id: u16, len: usize) -> Option<bool> {
        self.by_id.get(&id).map(|layout| layout.fits(len))
    }
}

impl Receivers {
    fn note(&mut self, message: Message<'_>) {
        match message {
            // What is refused here is told of when the file is imported.
            Message::Format(text) => self.formats.add(text).unwrap_or_default(),
            Message::Subscribe { id, name, .. } => {
                let layout = self.formats.layout(name, Type::Duration);
                self.by_id.extend(layout.ok().map(|layout| (id, layout)));
            }
            _ => {}
        }
    }

    fn told(&self, id: u16, payload: &[u8]) -> Option<Told> {
        let layout = self.by_id.get(&id)?;
        let number = |at: usize| payload.get(at..)?.first_chunk().map(|&bytes| u64::from_le_bytes(bytes));
        let (time, utc) = (number(layout.time_at?)?, number(layout.utc_at?)?);
        let shift = i64::try_from(utc).ok()?.checked_sub(i64::try_from(time).ok()?)?;
        let is_fix = layout.fix_at.is_none_or(|at| payload.get(at).is_some_and(|&fix| fix >= FIX_3D));
        (utc >= YEAR_2000).then_some(Told { shift, is_fix })
    }
}
