//! The store as its writer sees it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tlog::schema::Schema;
use tlog::write::{Handle, RecordId};
use tlog::{Error, Micros, Record, Result};

use super::core::Core;
use super::locked;
use super::names::{self, Role};
use super::options::{Durability, FullDisk, StoreOptions};
use super::recovery::{self, Recovered};
use super::shelf::{Closed, Shelf};
use super::system::{Os, System};
use super::timer::{Schedule, Timer};

/// How often a lock that is held is asked for, and how long is waited in between: a reader that wants to know whether
/// there is a writer holds it for a moment.
const LOCK_ATTEMPTS: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The writer of a store: the only one at a time, for any number of threads.
///
/// Ends with [`finish`](Self::finish), which alone tells whether everything arrived. A store that is dropped passes on what it
/// has, as well as it can; its last segment is closed when the store is opened again. After an error of the system
/// nothing more is written and every call fails.
pub struct Store {
    /// In front of what it uses, so that it ends first.
    timer: Option<Timer>,
    shared: Arc<Shared>,
    sync_each: bool,
    /// Given back when the store is dropped, or its process dies.
    _lock: Option<File>,
}

/// What the store shares with its timer.
pub(super) struct Shared {
    pub(super) core: Mutex<Core>,
    pub(super) system: Arc<dyn System>,
    shelf: Arc<Shelf>,
    /// Whether only what is synced counts as safe.
    syncs: bool,
}

/// What was found when a store was opened.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Opened {
    /// How many segments there are.
    pub segments: u64,
    /// Those that had not been closed, and are now.
    pub recovered: Vec<Recovered>,
    /// Files that a recovery had left unfinished, deleted: what they were made from was still there.
    pub leftovers: Vec<PathBuf>,
}

/// How a store is doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// How many records were taken since the store was opened.
    pub written: u64,
    /// How many of them have been passed on to the system, at least.
    pub flushed: u64,
    /// How many of them survive a power loss, at least.
    pub synced: u64,
    /// The segment that is being written.
    pub segment: Option<PathBuf>,
    /// How many segments there are, with that one.
    pub segments: u64,
    /// How many bytes they have, with those still buffered.
    pub bytes: u64,
    /// How many segments were deleted since the store was opened.
    pub deleted: u64,
    /// Why what is not to be kept could not be deleted, if that is so. It is tried again.
    pub not_deleted: Option<String>,
}

impl Store {
    /// Opens the store in the folder `dir`, which is created if need be. Segments that were not closed are recovered first,
    /// however their writer ended.
    ///
    /// # Errors
    /// [`Error::Usage`] for options that make no sense. [`Error::Io`]; of kind [`ResourceBusy`](io::ErrorKind::ResourceBusy)
    /// when another writer has the store open.
    pub fn open(dir: impl AsRef<Path>, options: StoreOptions) -> Result<(Self, Opened)> {
        options.check()?;
        let dir = dir.as_ref();
        create_dir(dir)?;
        let lock = lock(dir)?;
        let (mut store, opened) = Self::open_on(Arc::new(Os), dir, &options, Some(lock))?;
        store.timer = Schedule::new(&options, store.shared.system.now())
            .map(|schedule| Timer::start(schedule, Arc::clone(&store.shared)))
            .transpose()?;
        Ok((store, opened))
    }

    /// Opens a store on any system, without a timer.
    pub(super) fn open_on(
        system: Arc<dyn System>,
        dir: &Path,
        options: &StoreOptions,
        lock: Option<File>,
    ) -> Result<(Self, Opened)> {
        options.check()?;
        let shelf = Arc::new(Shelf::new(Arc::clone(&system), dir));
        let (opened, next) = take_over(&*system, dir, options, &shelf)?;
        let core = Core::new(Arc::clone(&system), dir.to_owned(), options.clone(), Arc::clone(&shelf), next);
        core.tidy();
        let sync_each = options.durability == Durability::SyncEach;
        let syncs = sync_each || matches!(options.durability, Durability::SyncEvery(_));
        let shared = Arc::new(Shared { core: Mutex::new(core), system, shelf, syncs });
        Ok((Self { timer: None, shared, sync_each, _lock: lock }, opened))
    }

    /// Declares a record, in this and all later segments. As [`Writer::declare`](tlog::Writer::declare).
    ///
    /// # Errors
    /// As there.
    pub fn declare(&self, name: &str, schema: &Schema) -> Result<RecordId> {
        locked(&self.shared.core).declare(name, schema)
    }

    /// Declares a record under an identifier of the caller's. As [`Writer::declare_as`](tlog::Writer::declare_as).
    ///
    /// # Errors
    /// As there.
    pub fn declare_as(&self, id: RecordId, name: &str, schema: &Schema) -> Result<()> {
        locked(&self.shared.core).declare_as(id, name, schema)
    }

    /// Declares the record that a Rust type is.
    ///
    /// # Errors
    /// As [`declare`](Self::declare).
    pub fn record<R: Record>(&self) -> Result<Handle<R>> {
        locked(&self.shared.core).record()
    }

    /// Writes one instance of a record; how many records the store has taken then since it was opened, which
    /// [`synced`](Self::synced) can be compared with. With [`Durability::SyncEach`] it is synced.
    ///
    /// # Errors
    /// [`Error::Usage`] for a record that is not declared. [`Error::Io`], from then on at every call; whether this record
    /// will be found in the store is then uncertain, as it is for all that were not acknowledged.
    pub fn write(&self, id: RecordId, time: impl Into<Option<Micros>>, payload: &[u8]) -> Result<u64> {
        let written = locked(&self.shared.core).write(id, time.into(), payload)?;
        self.acknowledge(written)
    }

    /// Encodes `value` and writes it.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn log<R: Record>(&self, record: Handle<R>, time: impl Into<Option<Micros>>, value: &R) -> Result<u64> {
        let encode = |payload: &mut Vec<u8>| {
            let Ok(()) = value.encode(payload);
        };
        let written = locked(&self.shared.core).write_with(record.id(), time.into(), encode)?;
        self.acknowledge(written)
    }

    fn acknowledge(&self, written: u64) -> Result<u64> {
        if self.sync_each {
            self.shared.sync()?;
        }
        Ok(written)
    }

    /// Passes everything on to the system, where it survives this process; how many records that makes.
    ///
    /// # Errors
    /// [`Error::Io`], from then on at every call.
    pub fn flush(&self) -> Result<u64> {
        let mut core = locked(&self.shared.core);
        core.flush()?;
        Ok(core.progress().flushed)
    }

    /// Returns when everything so far survives a power loss; how many records that makes. Other threads can
    /// write meanwhile.
    ///
    /// # Errors
    /// [`Error::Io`], from then on at every call.
    pub fn sync(&self) -> Result<u64> {
        self.shared.sync()
    }

    /// Closes the segment that is being written. The next record begins a new one.
    ///
    /// # Errors
    /// [`Error::Io`], from then on at every call.
    pub fn rotate(&self) -> Result<()> {
        locked(&self.shared.core).rotate()
    }

    /// Closes the last segment, synced, and ends.
    ///
    /// # Errors
    /// [`Error::Io`], also when the store has failed before.
    pub fn finish(mut self) -> Result<()> {
        self.timer = None;
        locked(&self.shared.core).finish()
    }

    /// How many records were taken since the store was opened.
    pub fn written(&self) -> u64 {
        locked(&self.shared.core).progress().written
    }

    /// How many records survive a power loss, at least.
    pub fn synced(&self) -> u64 {
        locked(&self.shared.core).progress().synced
    }

    /// How many records survive what the durability chosen is for: a power loss where it says `Sync`, else the end of
    /// this process.
    pub fn acknowledged(&self) -> u64 {
        let progress = locked(&self.shared.core).progress();
        if self.shared.syncs { progress.synced } else { progress.flushed }
    }

    /// How the store is doing.
    pub fn status(&self) -> Status {
        let (progress, segment) = {
            let core = locked(&self.shared.core);
            (core.progress(), core.segment())
        };
        let stock = self.shared.shelf.stock();
        let (segment, bytes) = segment.unzip();
        Status {
            written: progress.written,
            flushed: progress.flushed,
            synced: progress.synced,
            segments: stock.segments + u64::from(segment.is_some()),
            segment,
            bytes: stock.bytes.saturating_add(bytes.unwrap_or(0)),
            deleted: stock.deleted,
            not_deleted: stock.failure,
        }
    }

    /// What the timer has.
    #[cfg(test)]
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.status()).finish()
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// As [`Store::sync`].
    pub(super) fn sync(&self) -> Result<u64> {
        let job = locked(&self.core).begin_sync()?;
        if let Some(job) = job {
            let result = job.run(&*self.system);
            locked(&self.core).end_sync(&job, result)?;
        }
        Ok(locked(&self.core).progress().synced)
    }
}

/// Puts everything in order that an earlier writer left; what that was, and the number of the next segment.
fn take_over(system: &dyn System, dir: &Path, options: &StoreOptions, shelf: &Arc<Shelf>) -> Result<(Opened, u64)> {
    let mut opened = Opened::default();
    let mut segments = Vec::new();
    let mut last = 0;
    for entry in system.list(dir).map_err(|e| Error::io_at(dir, e))? {
        match names::role(&entry.name) {
            Some(Role::Unfinished) => {
                let path = dir.join(&entry.name);
                system.remove(&path).map_err(|e| Error::io_at(&path, e))?;
                opened.leftovers.push(path);
            }
            Some(Role::Segment(number)) => {
                last = last.max(number);
                segments.push((number, entry));
            }
            Some(Role::Torn(number)) => last = last.max(number),
            None => {}
        }
    }
    segments.sort_unstable_by_key(|(number, _)| *number);
    opened.segments = segments.len() as u64;
    for (number, entry) in segments {
        let path = names::segment(dir, number);
        let mut closed = Closed { number, bytes: entry.bytes, modified: entry.modified };
        // It is there, and newer than all on the shelf: those may go if room is needed.
        shelf.newer_exists();
        if !recovery::is_closed(system, &path, number == last)? {
            let make_room = (options.full_disk == FullDisk::MakeRoom).then_some(shelf);
            opened.recovered.push(recovery::recover(system, &path, options, make_room)?);
            closed.bytes = size_of(system, &path)?;
        } else if number == last {
            // Its writer may have been killed before it had synced the end of it, and the name.
            system.sync(&path).map_err(|e| Error::io_at(&path, e))?;
            system.sync_dir(dir).map_err(|e| Error::io_at(dir, e))?;
        }
        shelf.push(closed);
    }
    Ok((opened, last.saturating_add(1)))
}

fn size_of(system: &dyn System, path: &Path) -> Result<u64> {
    system.open(path).and_then(|file| file.size()).map_err(|e| Error::io_at(path, e))
}

/// Creates the folder and those above it, so that they last.
fn create_dir(dir: &Path) -> Result<()> {
    let missing: Vec<&Path> =
        dir.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    fs::create_dir_all(dir).map_err(|e| Error::io_at(dir, e))?;
    for created in missing {
        let parent = created.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Os.sync_dir(parent).map_err(|e| Error::io_at(parent, e))?;
    }
    Ok(())
}

/// Keeps other writers away, for as long as the file is open.
fn lock(dir: &Path) -> Result<File> {
    let path = dir.join(names::LOCK);
    let io = |e| Error::io_at(&path, e);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
    for attempt in 0..LOCK_ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(LOCK_PAUSE);
        }
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) => return Err(io(e)),
        }
    }
    let held = "another writer has this store open; there can be one at a time";
    Err(Error::io_at(dir, io::Error::new(io::ErrorKind::ResourceBusy, held)))
}
