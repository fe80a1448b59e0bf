//! What a store asks of the operating system, so that tests can stand in for it: with disks that are full, and
//! machines that lose their power at any of these calls.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tlog::read::ReadAt;

/// Files and clocks.
pub(super) trait System: Debug + Send + Sync {
    /// A new file; an error when there is one.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Growing>>;
    fn open(&self, path: &Path) -> io::Result<Box<dyn Stored>>;
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;
    /// Replaces `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the bytes of a file last that an earlier process wrote.
    fn sync(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder last.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// How many bytes of the file system can still be had.
    fn free(&self, dir: &Path) -> io::Result<u64>;
    fn now(&self) -> Instant;
    fn wall_clock(&self) -> SystemTime;
}

/// A file that grows at its end.
pub(super) trait Growing: Debug + Send + Sync {
    /// Appends the front of `bytes`; how many that was.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Cuts off what is behind `len`.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Makes the bytes last, not the name.
    fn sync(&self) -> io::Result<()>;
}

/// A file that is read.
pub(super) trait Stored: Read + ReadAt {}

impl<F: Read + ReadAt> Stored for F {}

/// A file in a folder.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
}

/// The operating system itself.
#[derive(Debug)]
pub(super) struct Os;

impl Growing for File {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut &*self, bytes)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

impl System for Os {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Growing>> {
        // Appending, so that what follows a truncation stands behind it.
        Ok(Arc::new(OpenOptions::new().append(true).create_new(true).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Stored>> {
        Ok(Box::new(File::open(path)?))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(metadata) => entries.push(Entry {
                    name: entry.file_name(),
                    bytes: metadata.len(),
                    modified: metadata.modified()?,
                }),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(entries)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        // Windows syncs only what could be written to.
        OpenOptions::new().append(true).open(path)?.sync_data()
    }

    #[cfg(unix)]
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    /// Other systems do not open folders, and make names last by themselves.
    #[cfg(not(unix))]
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    #[cfg(unix)]
    fn free(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    #[cfg(not(unix))]
    fn free(&self, _: &Path) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }
}
