//! Files that are open only while something is written to them: there may be thousands.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

/// What the bytes of a file go to.
pub trait Sink: Write + Send {
    /// Nothing comes for a while.
    ///
    /// # Errors
    /// What the system has against it.
    fn rest(&mut self) -> io::Result<()>;
}

/// A file that exists, to which is appended.
#[derive(Debug)]
pub struct Reopened {
    path: PathBuf,
    file: Option<File>,
}

impl Reopened {
    /// The file at `path`.
    pub const fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    fn file(&mut self) -> io::Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            none => Ok(none.insert(OpenOptions::new().append(true).open(&self.path)?)),
        }
    }
}

impl Write for Reopened {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Sink for Reopened {
    fn rest(&mut self) -> io::Result<()> {
        self.file = None;
        Ok(())
    }
}
