//! Other formats into a log: each module reads one, in bounded memory, into a [`tlog::Writer`].
//!
//! What is broken is skipped where its format allows to go on, and told of in the [`Summary`]; everything intact arrives.

pub mod csv;
pub mod mcap;
mod moment;
mod names;
pub mod ndjson;
pub mod ulog;

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

pub use moment::TimeUnit;

/// A stream of which no more is held in memory when it must be read twice, in bytes.
const SPOOL: usize = 8 << 20;

/// The whole of a stream as something that can be read twice: in memory if it is short, else in a temporary file that
/// vanishes with the value.
///
/// # Errors
/// As reading it and writing the file fail.
pub fn spool<R: Read>(mut stream: R) -> std::io::Result<impl Read + Seek + use<R>> {
    let mut spooled = tempfile::spooled_tempfile(SPOOL);
    std::io::copy(&mut stream, &mut spooled)?;
    spooled.seek(SeekFrom::Start(0))?;
    Ok(spooled)
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many messages, lines or rows became data of the log.
    pub taken: u64,
    /// How many stretches of the input were broken and skipped.
    pub skipped: u64,
    /// The first of them, [`Summary::KEPT`] at most.
    pub first: Vec<Skipped>,
    /// What else the user should know: columns that were renamed, channels kept as bytes, times out of order.
    pub notes: Vec<String>,
}

/// A part of the input that is not in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which bytes of the input; of text also its line, in `cause`.
    pub range: Range<u64>,
    /// Why.
    pub cause: String,
}

impl Summary {
    /// So many skipped parts are remembered, and as many notes.
    pub const KEPT: usize = 1000;

    /// Counts a part that was skipped.
    pub fn skip(&mut self, range: Range<u64>, cause: impl Into<String>) {
        self.skipped += 1;
        if self.first.len() < Self::KEPT {
            self.first.push(Skipped { range, cause: cause.into() });
        }
    }

    /// Adds a note, once.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if self.notes.len() < Self::KEPT && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// A name of the input, short enough to be shown.
fn clip(text: &str) -> String {
    text.chars().take(60).collect()
}
