//! The easy door: a log in a file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::blocks::{Blocks, Index};
use super::{ReadOptions, RecordType, SliceReader};
use crate::error::{Error, Result};
use crate::mmap::Mapped;

/// A log file, mapped into memory. Opening it reads only the header.
///
/// ```no_run
/// let log = tlog::Log::open("flight.tlog")?;
/// let mut reader = log.reader(Default::default());
/// while let Some(data) = reader.next_data()? {
///     println!("{:?} {}", data.time, data.record.name);
/// }
/// # Ok::<(), tlog::Error>(())
/// ```
///
/// A file that still grows is better read with a [`StreamReader`](super::StreamReader), a file
/// that may shrink must be: the mapping has the length that the file had when it was opened.
#[derive(Debug)]
pub struct Log {
    bytes: Mapped,
}

impl Log {
    /// Opens the log at `path`.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Format`] when it does not start as a TLOG0003 log does.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|e| Error::io_at(path, e))?;
        let bytes = Mapped::new(&file).map_err(|e| Error::io_at(path, e))?;
        let log = Self { bytes };
        log.blocks()?;
        Ok(log)
    }

    /// Maps a file that was opened, whatever is in it: for recovering and verifying a log that may have lost its header.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn map_any(file: &File) -> Result<Self> {
        Ok(Self { bytes: Mapped::new(file)? })
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the log from its start.
    pub fn reader(&self, options: ReadOptions) -> SliceReader<'_> {
        SliceReader::new(self.bytes(), options)
    }

    /// Access to single blocks.
    ///
    /// # Errors
    /// As [`Blocks::open`].
    pub fn blocks(&self) -> Result<Blocks<'_, [u8]>> {
        Blocks::open(self.bytes())
    }

    /// The index, if there is one and it is right in every entry. It may leave out records: [`Blocks::index`].
    pub fn index(&self) -> Option<Index> {
        self.blocks().and_then(|blocks| blocks.index()).ok().flatten()
    }

    /// The records that the log declares: those of the index where it is right in every entry, which is quick,
    /// else those found by reading the whole log. What an index leaves out is left out here too: where that
    /// matters, read the log to its end and ask [`SliceReader::records`].
    ///
    /// # Errors
    /// As [`SliceReader::next_event`].
    pub fn records(&self) -> Result<Vec<Arc<RecordType>>> {
        if let Some(index) = self.index() {
            return Ok(index.records.into_iter().map(|indexed| indexed.record).collect());
        }
        let mut reader = self.reader(ReadOptions::default());
        while reader.next_event()?.is_some() {}
        Ok(reader.records().cloned().collect())
    }
}
