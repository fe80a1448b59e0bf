//! Whole blocks on their way to the sink, in batches; and what becomes of an error there.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::wire::{FILE_HEADER, crc};

/// How many bytes are passed on at once. A block larger than this goes alone.
pub(super) const BATCH: usize = 128 << 10;

/// A sink that can make what was written to it survive a power failure.
pub trait SyncData: Write {
    /// Returns once everything written and flushed so far is as safe as this sink makes it.
    ///
    /// # Errors
    /// What the system says. The data may then be lost, even if a later call succeeds.
    fn sync_data(&mut self) -> io::Result<()>;
}

impl SyncData for File {
    fn sync_data(&mut self) -> io::Result<()> {
        Self::sync_data(self)
    }
}

impl SyncData for &File {
    fn sync_data(&mut self) -> io::Result<()> {
        File::sync_data(self)
    }
}

/// Memory is as safe as it gets at once.
impl SyncData for Vec<u8> {
    fn sync_data(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SyncData for io::Sink {
    fn sync_data(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: SyncData> SyncData for BufWriter<W> {
    fn sync_data(&mut self) -> io::Result<()> {
        self.flush()?;
        self.get_mut().sync_data()
    }
}

impl<W: SyncData + ?Sized> SyncData for &mut W {
    fn sync_data(&mut self) -> io::Result<()> {
        (**self).sync_data()
    }
}

impl<W: SyncData + ?Sized> SyncData for Box<W> {
    fn sync_data(&mut self) -> io::Result<()> {
        (**self).sync_data()
    }
}

/// What went wrong first; after it nothing is written.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    operation: &'static str,
    path: Option<PathBuf>,
    kind: io::ErrorKind,
    message: Cow<'static, str>,
}

impl Failure {
    /// A failure that all users of a log are to learn of.
    pub(super) fn of(operation: &'static str, error: &Error) -> Self {
        match error {
            Error::Io { path, source } => {
                Self { operation, path: path.clone(), kind: source.kind(), message: source.to_string().into() }
            }
            other => Self { operation, path: None, kind: io::ErrorKind::Other, message: other.to_string().into() },
        }
    }

    /// The error of every later call: of the same kind, and with the first one's message.
    pub(super) fn to_error(&self) -> Error {
        let message = format!("the log ended when its {} failed: {}", self.operation, self.message);
        Error::Io { path: self.path.clone(), source: io::Error::new(self.kind, message) }
    }
}

/// A block whose checksum is still zero. It is computed when the next block comes, or the buffer
/// goes: bytes that were written a moment ago would have to be waited for (`benches/write`).
struct Unsealed {
    /// Where the block starts in the buffer; it ends with the buffer.
    start: usize,
    /// Where its checksum is in the block.
    checksum_at: usize,
}

/// A sink behind a buffer of whole blocks.
pub(super) struct Output<W: Write> {
    /// `None` once it has been handed back.
    sink: Option<W>,
    path: Option<PathBuf>,
    /// Whether the file's name is still to be made to last, which syncing the file alone does not promise.
    name_unsynced: bool,
    buffer: Vec<u8>,
    /// The last block in the buffer, if its checksum is still to be filled in.
    unsealed: Option<Unsealed>,
    /// How many bytes the sink has taken.
    passed: u64,
    failure: Option<Failure>,
}

pub(super) fn create_new(path: &Path) -> Result<Output<File>> {
    let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|e| Error::io_at(path, e))?;
    Ok(Output::new(file, Some(path.to_owned())))
}

impl<W: Write> Output<W> {
    /// Starts with the file header in its buffer.
    pub(super) fn new(sink: W, path: Option<PathBuf>) -> Self {
        let mut buffer = Vec::with_capacity(BATCH);
        buffer.extend(FILE_HEADER);
        Self { sink: Some(sink), name_unsynced: path.is_some(), path, buffer, unsealed: None, passed: 0, failure: None }
    }

    /// Where the next block starts, in bytes from the start of the log, with room in the buffer for `len` bytes.
    ///
    /// # Errors
    /// [`Error::Io`] from the batch that had to go first, or from an earlier failure.
    #[inline]
    pub(super) fn room_for(&mut self, len: usize) -> Result<u64> {
        self.check()?;
        self.seal();
        if self.buffer.len().saturating_add(len) > BATCH {
            self.pass()?;
        }
        Ok(self.position())
    }

    /// Where a block is to be appended, complete, after [`room_for`](Self::room_for).
    #[inline]
    pub(super) const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// The block of `len` bytes at the end of the buffer wants its checksum, `checksum_at` in it.
    #[inline]
    pub(super) const fn leave_unsealed(&mut self, len: usize, checksum_at: usize) {
        self.unsealed = Some(Unsealed { start: self.buffer.len() - len, checksum_at });
    }

    #[inline]
    fn seal(&mut self) {
        let Some(Unsealed { start, checksum_at }) = self.unsealed.take() else { return };
        let block = &mut self.buffer[start..];
        // Its own bytes are zeros already: there is nothing to blank.
        let crc = crc::block_crc(block, usize::MAX);
        block[checksum_at..checksum_at + crc::LEN].copy_from_slice(&crc.to_le_bytes());
    }

    /// Passes a large block on at once.
    ///
    /// # Errors
    /// As [`pass`](Self::pass).
    #[inline]
    pub(super) fn settle(&mut self) -> Result<()> {
        if self.buffer.len() > BATCH { self.pass() } else { Ok(()) }
    }

    /// The length of the log so far.
    #[inline]
    pub(super) const fn position(&self) -> u64 {
        // No machine fills 2^64 bytes.
        self.passed + self.buffer.len() as u64
    }

    pub(super) const fn passed(&self) -> u64 {
        self.passed
    }

    /// # Errors
    /// The failure that there has been.
    #[inline]
    pub(super) fn check(&self) -> Result<()> {
        self.failure.as_ref().map_or(Ok(()), |failure| Err(failure.to_error()))
    }

    /// Passes the buffer to the sink.
    ///
    /// # Errors
    /// [`Error::Io`]; what was in the buffer may then be torn and is given up.
    pub(super) fn pass(&mut self) -> Result<()> {
        self.seal();
        // Not in its place while the sink has it, so that after an error or a panic there nothing is written twice.
        let mut batch = std::mem::take(&mut self.buffer);
        if !batch.is_empty() {
            self.attempt("write", |sink| sink.write_all(&batch))?;
        }
        self.passed += batch.len() as u64;
        batch.clear();
        batch.shrink_to(BATCH);
        self.buffer = batch;
        Ok(())
    }

    /// Passes the buffer on and flushes the sink.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub(super) fn flush(&mut self) -> Result<()> {
        self.check()?;
        self.pass()?;
        self.attempt("flush", Write::flush)
    }

    /// Flushes, and gives the sink back.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub(super) fn finish(mut self) -> Result<W> {
        self.flush()?;
        self.sink.take().ok_or_else(finished)
    }

    fn attempt(&mut self, operation: &'static str, act: impl FnOnce(&mut W) -> io::Result<()>) -> Result<()> {
        let sink = self.sink.as_mut().ok_or_else(finished)?;
        // Stands if the sink panics.
        self.failure = Some(Failure {
            operation,
            path: self.path.clone(),
            kind: io::ErrorKind::Other,
            message: "the sink panicked".into(),
        });
        let error = act(sink).err().map(|source| Error::Io { path: self.path.clone(), source });
        self.failure = error.as_ref().map(|error| Failure::of(operation, error));
        error.map_or(Ok(()), Err)
    }
}

impl<W: SyncData> Output<W> {
    /// Flushes, and has the sink make it last.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub(super) fn sync(&mut self) -> Result<()> {
        self.flush()?;
        self.attempt("sync", SyncData::sync_data)?;
        if std::mem::take(&mut self.name_unsynced) {
            self.path.as_deref().map(sync_directory);
        }
        Ok(())
    }
}

impl<W: Write> Drop for Output<W> {
    /// What the buffer holds goes out if it can. Nobody learns whether it did.
    fn drop(&mut self) {
        if self.sink.is_some() {
            let _ = self.flush();
        }
    }
}

/// As well as possible: not every system lets a directory be opened, nor every user.
fn sync_directory(file: &Path) {
    let directory = file.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
}

fn finished() -> Error {
    Error::Usage("the log is finished".to_owned())
}
