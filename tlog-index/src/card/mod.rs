//! Memory cards that firmware logs to: prepared, looked at, read. Nothing here writes to a card that has logs.
//!
//! A prepared card has one FAT32 partition, in whose root directory are `TLOG.CTL`, which keeps the number of the last
//! session, and `TLOG0001.TLG`, `TLOG0002.TLG`, …, each one stretch of sectors and of its full size from the start. So
//! firmware writes to sectors that it found once, and never to the file system.
//!
//! ```text
//!  partition table │ gap │ boot sectors │ two FATs │ root directory │ TLOG.CTL │ TLOG0001.TLG │ TLOG0002.TLG │ …
//! ```
//!
//! Everything on a card may be anything: what is read is checked, sizes are limited by the card's own.

mod fat;
mod make;
mod read;
mod session;

use std::fs::File;
use std::io;
use std::sync::Arc;

pub use make::{Before, Layout, LayoutError, make};
pub use read::{CardError, open, open_folder};
pub use session::{Ending, Glance, glance, used};

/// What the files of sessions are called, but for their number.
pub const PREFIX: &str = "TLOG";
/// How their names end.
pub const EXTENSION: &str = "TLG";
/// What keeps the number of the last session.
pub const CONTROL: &str = "TLOG.CTL";

/// A card, or a folder with the files of one.
#[derive(Clone, Debug)]
pub struct Card {
    /// The number of the last session that was begun; `None` if nothing tells.
    pub last_session: Option<u32>,
    /// The files of sessions, by name.
    pub files: Vec<Extent>,
    /// What is wrong with other files, one sentence each.
    pub faults: Vec<String>,
}

/// A file of a card: one stretch of bytes.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Its name, such as `TLOG0001.TLG`.
    pub name: String,
    /// How long it is, in bytes.
    pub len: u64,
    /// Where it starts, in bytes from the start of what it lies in.
    start: u64,
    within: Arc<File>,
}

impl Extent {
    /// Reads what is at `at`, in bytes from its start, as far as it reaches; how many bytes that is.
    ///
    /// # Errors
    /// Those of the system.
    pub fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX);
        let len = into.len().min(room);
        read_full_at(&self.within, self.start.saturating_add(at), into.get_mut(..len).unwrap_or_default())
    }
}

/// Whether this is what a file of a session is called.
pub fn is_session_name(name: &str) -> bool {
    let number = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(EXTENSION)?.strip_suffix('.'));
    number.is_some_and(|number| number.len() == 4 && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Fills `into` from a place of the file, as far as the file reaches.
fn read_full_at(file: &File, at: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match read_some_at(file, at.saturating_add(done as u64), rest) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

#[cfg(unix)]
fn read_some_at(file: &File, at: u64, into: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(not(unix))]
fn read_some_at(mut file: &File, at: u64, into: &mut [u8]) -> io::Result<usize> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(at))?;
    file.read(into)
}
