//! What a writer does beyond the bare blocks.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::builder::WriterBuilder;
use super::catalogue::Catalogue;
use super::output::{Output, create_new};
use super::writer::Writer;
use crate::error::Result;
use crate::time::Micros;
use crate::wire::DataFlags;

/// Where the time of a data block comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Timestamps {
    /// From the caller; a block that is given none has none.
    #[default]
    Given,
    /// From the caller; a block that is given none gets the system clock's.
    SystemClock,
    /// No block has one, whatever the caller gives.
    Never,
}

/// How a log is written. The defaults are those of the reference writer, but for
/// the time of a block that is given none: see [`Timestamps`].
#[derive(Clone, Debug)]
pub struct WriterOptions {
    pub(super) compression: bool,
    pub(super) checksums: bool,
    pub(super) previous_offsets: bool,
    pub(super) timestamps: Timestamps,
    pub(super) seek_period: Option<Duration>,
    pub(super) index: bool,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            compression: true,
            checksums: true,
            previous_offsets: true,
            timestamps: Timestamps::Given,
            seek_period: Some(Duration::from_secs(1)),
            index: true,
        }
    }
}

impl WriterOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether payloads are compressed with snappy where that makes them shorter. On by default.
    #[must_use]
    pub const fn compression(mut self, on: bool) -> Self {
        self.compression = on;
        self
    }

    /// Whether each data block has a checksum. On by default; markers always have one.
    #[must_use]
    pub const fn checksums(mut self, on: bool) -> Self {
        self.checksums = on;
        self
    }

    /// Whether each data block says where the one before it of the same record is. On by default.
    #[must_use]
    pub const fn previous_offsets(mut self, on: bool) -> Self {
        self.previous_offsets = on;
        self
    }

    /// Where times come from. [`Timestamps::Given`] by default.
    #[must_use]
    pub const fn timestamps(mut self, from: Timestamps) -> Self {
        self.timestamps = from;
        self
    }

    /// How much time, by the records' own, lies between two seek markers: one second by default. `None` or zero for none.
    #[must_use]
    pub const fn seek_period(mut self, period: Option<Duration>) -> Self {
        self.seek_period = period;
        self
    }

    /// Whether the log ends with an index. On by default.
    #[must_use]
    pub const fn index(mut self, on: bool) -> Self {
        self.index = on;
        self
    }

    /// Collects declarations before the log is opened.
    pub fn builder(&self) -> WriterBuilder {
        WriterBuilder::new(self.clone())
    }

    /// A writer into any sink. Its own buffer makes a `BufWriter` superfluous.
    #[must_use = "a writer that is dropped has written a header and nothing else"]
    pub fn open<W: Write>(&self, sink: W) -> Writer<W> {
        Writer::start(Output::new(sink, None), self, Catalogue::default())
    }

    /// A writer into a new file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), also when there is a file already: nothing is overwritten.
    pub fn create(&self, path: impl AsRef<Path>) -> Result<Writer<File>> {
        Ok(Writer::start(create_new(path.as_ref())?, self, Catalogue::default()))
    }

    pub(super) const fn mode(&self) -> Mode {
        Mode {
            previous_offset: self.previous_offsets,
            checksum: self.checksums,
            compression: self.compression,
            timestamps: self.timestamps,
        }
    }
}

/// What one record, or one block, has otherwise than the options say. `None` keeps to the options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// As [`WriterOptions::compression`].
    pub compression: Option<bool>,
    /// As [`WriterOptions::checksums`].
    pub checksum: Option<bool>,
    /// As [`WriterOptions::previous_offsets`].
    pub previous_offset: Option<bool>,
    /// As [`WriterOptions::timestamps`].
    pub timestamps: Option<Timestamps>,
}

/// What a block has: the options with all overrides applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    pub(super) previous_offset: bool,
    pub(super) checksum: bool,
    pub(super) compression: bool,
    pub(super) timestamps: Timestamps,
}

impl Mode {
    pub(super) fn with(self, overrides: Overrides) -> Self {
        Self {
            previous_offset: overrides.previous_offset.unwrap_or(self.previous_offset),
            checksum: overrides.checksum.unwrap_or(self.checksum),
            compression: overrides.compression.unwrap_or(self.compression),
            timestamps: overrides.timestamps.unwrap_or(self.timestamps),
        }
    }

    /// The time of a block for which the caller gives this.
    pub(super) fn time(self, given: Option<Micros>) -> Option<Micros> {
        match self.timestamps {
            Timestamps::Given => given,
            Timestamps::SystemClock => Some(given.unwrap_or_else(Micros::now)),
            Timestamps::Never => None,
        }
    }

    pub(super) fn flags(self, timed: bool, compressed: bool) -> DataFlags {
        [
            (self.previous_offset, DataFlags::PREVIOUS_OFFSET),
            (timed, DataFlags::TIMESTAMP),
            (self.checksum, DataFlags::CHECKSUM),
            (compressed, DataFlags::SNAPPY),
        ]
        .into_iter()
        .fold(DataFlags::default(), |flags, (on, flag)| if on { flags.with(flag) } else { flags })
    }
}
