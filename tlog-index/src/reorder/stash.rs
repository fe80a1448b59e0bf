//! Payloads of streams, which wait for their turn: the first ones in memory, the rest in a temporary file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tlog::{Error, Result};

/// How much of the file is read at once where payloads are wanted in the order of the file, in bytes.
const WINDOW: usize = 16 << 10;

/// How much is written at once, in bytes.
const PENDING: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Stash {
    folder: PathBuf,
    memory: Vec<u8>,
    most: usize,
    file: Option<File>,
    /// What is still to be written to the file.
    pending: Vec<u8>,
    /// How long the file is with that, in bytes.
    file_len: u64,
}

/// The stretch of the file that was read last.
#[derive(Debug, Default)]
pub(super) struct Window {
    start: u64,
    bytes: Vec<u8>,
    /// Where the payload that was wanted last ends.
    end: u64,
}

impl Stash {
    /// A stash that keeps so many bytes in memory, though growing may take three times that for a moment.
    pub fn new(most: usize, folder: &Path) -> Self {
        let (memory, pending) = (Vec::new(), Vec::new());
        Self { folder: folder.to_owned(), memory, most, file: None, pending, file_len: 0 }
    }

    /// Keeps the payload; where.
    pub fn put(&mut self, payload: &[u8]) -> Result<u64> {
        if self.file.is_none() && self.memory.len().saturating_add(payload.len()) <= self.most {
            let at = self.memory.len() as u64;
            self.memory.extend_from_slice(payload);
            return Ok(at);
        }
        if self.file.is_none() {
            self.file = Some(scratch(&self.folder)?);
        }
        let at = self.memory.len() as u64 + self.file_len;
        self.file_len += payload.len() as u64;
        self.pending.extend_from_slice(payload);
        if self.pending.len() >= PENDING {
            self.flush()?;
        }
        Ok(at)
    }

    fn flush(&mut self) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(&self.pending).map_err(|e| Error::io_at(&self.folder, e))?;
        self.pending.clear();
        if self.pending.capacity() > 16 * PENDING {
            self.pending = Vec::new();
        }
        Ok(())
    }

    /// All has been put: what comes now is getting.
    pub fn seal(&mut self) -> Result<()> {
        self.flush()?;
        self.pending = Vec::new();
        Ok(())
    }

    /// How many bytes went to the temporary file.
    pub const fn file_bytes(&self) -> u64 {
        self.file_len
    }

    /// What was put at `offset`, through a window that is best kept for one stream.
    pub fn get<'s>(&'s self, offset: u64, len: u64, window: &'s mut Window) -> Result<&'s [u8]> {
        let lost = || Error::io_at(&self.folder, std::io::ErrorKind::UnexpectedEof.into());
        let wanted = usize::try_from(len).map_err(|_| lost())?;
        let Some(at) = offset.checked_sub(self.memory.len() as u64) else {
            let bytes = usize::try_from(offset).ok().and_then(|offset| self.memory.get(offset..)?.get(..wanted));
            return bytes.ok_or_else(lost);
        };
        let is_inside =
            at.checked_sub(window.start).is_some_and(|skip| skip.saturating_add(len) <= window.bytes.len() as u64);
        if !is_inside {
            self.read(at, wanted, window).map_err(|e| Error::io_at(&self.folder, e))?;
        }
        window.end = at.saturating_add(len);
        let skip = at.saturating_sub(window.start) as usize;
        window.bytes.get(skip..).and_then(|rest| rest.get(..wanted)).ok_or_else(lost)
    }

    fn read(&self, at: u64, wanted: usize, window: &mut Window) -> std::io::Result<()> {
        let Some(mut file) = self.file.as_ref() else { return Ok(()) };
        window.bytes.clear();
        window.bytes.shrink_to(WINDOW);
        window.start = at;
        file.seek(SeekFrom::Start(at))?;
        // Where they jump, what follows is read in vain.
        let ahead = if window.end == at { WINDOW } else { 0 };
        file.take(wanted.max(ahead) as u64).read_to_end(&mut window.bytes).map(drop)
    }
}

/// A file without a name, which is gone with the process.
pub(super) fn scratch(folder: &Path) -> Result<File> {
    tempfile::tempfile_in(folder).map_err(|e| Error::io_at(folder, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_there() {
        for most in [0, 100, 10_000_000] {
            let mut stash = Stash::new(most, &std::env::temp_dir());
            let payload = |i: usize| vec![i as u8; (i * 7919) % 40_000];
            let places: Vec<u64> = (0..50).map(|i| stash.put(&payload(i)).unwrap()).collect();
            stash.seal().unwrap();
            let mut window = Window::default();
            for i in (0..50).chain([3, 49, 0, 7]).chain((0..50).rev()) {
                assert_eq!(stash.get(places[i], payload(i).len() as u64, &mut window).unwrap(), payload(i));
            }
            assert_eq!(stash.file_bytes() == 0, most > 1_000_000);
            assert!(stash.get(places[49], 1 << 40, &mut window).is_err());
        }
    }
}
