//! A system in memory that can be full, and whose power can go at any call: what was not synced is then gone, in part,
//! or replaced by zeros.
//!
//! What it promises is what POSIX promises and no more: bytes last once their file was synced, names once their folder was;
//! changes of names last in the order in which they were made.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tlog::read::ReadAt;

use super::locked;
use super::system::{Entry, Growing, Stored, System};

/// How much a disk loses at once.
const SECTOR: usize = 64;

/// How a run of the system ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accident {
    /// The process dies; what the system was told stays.
    Kill,
    /// What was not synced may be lost.
    PowerLoss,
}

/// The system; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Sim(Arc<Mutex<Disk>>);

#[derive(Debug)]
struct Disk {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    name_changes: Vec<NameChange>,
    next_inode: u64,
    /// How many calls that change something there were.
    calls: u64,
    /// Before which of them everything ends.
    end: Option<u64>,
    /// Which of them fails, alone.
    glitch: Option<u64>,
    /// How many bytes all files may have together.
    capacity: u64,
    started: Instant,
    elapsed: Duration,
    random: Random,
}

#[derive(Debug, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    changes: Vec<Change>,
    modified: Duration,
}

#[derive(Clone, Debug)]
enum Change {
    Append(Vec<u8>),
    Truncate(usize),
}

#[derive(Clone, Debug)]
enum NameChange {
    Set(PathBuf, u64),
    Remove(PathBuf),
}

/// Repeatable numbers (xorshift).
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Small seeds are spread, as they would give small numbers first.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11).checked_rem(limit).unwrap_or(0)
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Append(more) => bytes.extend_from_slice(more),
        Change::Truncate(len) => bytes.truncate(*len),
    }
}

fn apply_name(names: &mut BTreeMap<PathBuf, u64>, change: &NameChange) {
    match change {
        NameChange::Set(path, inode) => drop(names.insert(path.clone(), *inode)),
        NameChange::Remove(path) => drop(names.remove(path)),
    }
}

impl Inode {
    fn change(&mut self, change: Change, now: Duration) {
        apply(&mut self.bytes, &change);
        self.changes.push(change);
        self.modified = now;
    }

    fn sync(&mut self) {
        self.durable.clone_from(&self.bytes);
        self.changes.clear();
    }

    /// What is left of it after a power loss: what was synced, some of the changes since, some sectors of them zeros.
    fn lose_power(&mut self, random: &mut Random) {
        let kept = random.below(self.changes.len() as u64 + 1) as usize;
        let mut bytes = self.durable.clone();
        for change in &self.changes[..kept] {
            apply(&mut bytes, change);
        }
        if let Some(Change::Append(more)) = self.changes.get(kept) {
            bytes.extend_from_slice(&more[..random.below(more.len() as u64 + 1) as usize]);
        }
        let safe = self.durable.len().min(bytes.len());
        let sectors = bytes[safe..].chunks_mut(SECTOR);
        // Of all sectors half, one of them, or none.
        let lost = [2, sectors.len() as u64, 0][random.below(3) as usize];
        for sector in sectors {
            if lost > 0 && random.below(lost) == 0 {
                sector.fill(0);
            }
        }
        *self = Self { durable: bytes.clone(), bytes, changes: Vec::new(), modified: self.modified };
    }
}

impl Disk {
    /// One call. Dead systems do nothing.
    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        match self.end {
            Some(end) if self.calls > end => Err(io::Error::other("the system has ended")),
            _ if self.glitch == Some(self.calls) => Err(io::Error::other("a cable was loose")),
            _ => Ok(()),
        }
    }

    fn is_last_call(&self) -> bool {
        self.end == Some(self.calls)
    }

    fn inode(&self, path: &Path) -> io::Result<&Inode> {
        let inode = self.names.get(path).and_then(|inode| self.inodes.get(inode));
        inode.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change_name(&mut self, change: NameChange) {
        apply_name(&mut self.names, &change);
        self.name_changes.push(change);
    }

    fn used(&self) -> u64 {
        self.names.values().filter_map(|inode| self.inodes.get(inode)).map(|inode| inode.bytes.len() as u64).sum()
    }
}

impl Sim {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Disk {
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            name_changes: Vec::new(),
            next_inode: 0,
            calls: 0,
            end: None,
            glitch: None,
            capacity: u64::MAX,
            started: Instant::now(),
            elapsed: Duration::ZERO,
            random: Random::new(!seed),
        })))
    }

    /// Everything ends after so many more calls.
    pub(super) fn end_after(&self, calls: u64) {
        let mut disk = locked(&self.0);
        disk.end = Some(disk.calls + calls);
    }

    /// The call behind so many more fails, as on a device with a fault.
    pub(super) fn glitch_after(&self, calls: u64) {
        let mut disk = locked(&self.0);
        disk.glitch = Some(disk.calls + calls + 1);
    }

    /// Whether it has.
    pub(super) fn has_glitched(&self) -> bool {
        let disk = locked(&self.0);
        disk.glitch.is_some_and(|glitch| disk.calls >= glitch)
    }

    pub(super) fn has_ended(&self) -> bool {
        let disk = locked(&self.0);
        disk.end.is_some_and(|end| disk.calls > end)
    }

    pub(super) fn set_capacity(&self, capacity: u64) {
        locked(&self.0).capacity = capacity;
    }

    pub(super) fn elapse(&self, time: Duration) {
        locked(&self.0).elapsed += time;
    }

    /// What is there when the system comes up again.
    pub(super) fn restart(&self, after: Accident) {
        let mut disk = locked(&self.0);
        let disk = &mut *disk;
        disk.end = None;
        if after == Accident::PowerLoss {
            let kept = disk.random.below(disk.name_changes.len() as u64 + 1) as usize;
            for change in &disk.name_changes[..kept] {
                apply_name(&mut disk.durable_names, change);
            }
            disk.names = disk.durable_names.clone();
            disk.name_changes.clear();
            for inode in disk.inodes.values_mut() {
                inode.lose_power(&mut disk.random);
            }
        }
    }

    /// The names of all files.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        locked(&self.0).names.keys().cloned().collect()
    }

    pub(super) fn bytes(&self, path: &Path) -> Vec<u8> {
        locked(&self.0).inode(path).map(|inode| inode.bytes.clone()).unwrap_or_default()
    }

    /// Puts a file there as if it had always been.
    pub(super) fn put(&self, path: &Path, bytes: &[u8]) {
        let mut disk = locked(&self.0);
        let number = disk.next_inode;
        disk.next_inode += 1;
        let inode = Inode { bytes: bytes.to_vec(), durable: bytes.to_vec(), ..Inode::default() };
        disk.inodes.insert(number, inode);
        disk.names.insert(path.to_owned(), number);
        disk.durable_names.insert(path.to_owned(), number);
    }
}

#[derive(Debug)]
struct Open {
    sim: Sim,
    inode: u64,
}

impl Open {
    fn with<T>(&self, act: impl FnOnce(&mut Disk, u64) -> io::Result<T>) -> io::Result<T> {
        act(&mut locked(&self.sim.0), self.inode)
    }
}

impl Growing for Open {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|disk, number| {
            let called = disk.call();
            if called.is_err() && disk.glitch == Some(disk.calls) {
                // A part of it gets through.
                let len = disk.random.below(bytes.len() as u64 + 1) as usize;
                let now = disk.elapsed;
                let inode = disk.inodes.get_mut(&number).ok_or(io::ErrorKind::NotFound)?;
                inode.change(Change::Append(bytes[..len].to_vec()), now);
            }
            called?;
            let room = usize::try_from(disk.capacity.saturating_sub(disk.used())).unwrap_or(usize::MAX);
            let mut len = bytes.len().min(room);
            if len == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if disk.is_last_call() && disk.random.below(2) == 0 {
                len = disk.random.below(len as u64 + 1) as usize;
            }
            let now = disk.elapsed;
            let inode = disk.inodes.get_mut(&number).ok_or(io::ErrorKind::NotFound)?;
            inode.change(Change::Append(bytes[..len].to_vec()), now);
            Ok(len)
        })
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.with(|disk, number| {
            disk.call()?;
            let now = disk.elapsed;
            let inode = disk.inodes.get_mut(&number).ok_or(io::ErrorKind::NotFound)?;
            inode.change(Change::Truncate(len as usize), now);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|disk, number| {
            disk.call()?;
            disk.inodes.get_mut(&number).ok_or(io::ErrorKind::NotFound)?.sync();
            Ok(())
        })
    }
}

struct Content(Cursor<Vec<u8>>);

impl Read for Content {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

impl ReadAt for Content {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.get_ref().len() as u64)
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.get_ref().as_slice().read_exact_at(offset, out)
    }
}

impl System for Sim {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Growing>> {
        let mut disk = locked(&self.0);
        disk.call()?;
        if disk.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = disk.next_inode;
        disk.next_inode += 1;
        let modified = disk.elapsed;
        disk.inodes.insert(number, Inode { modified, ..Inode::default() });
        disk.change_name(NameChange::Set(path.to_owned(), number));
        Ok(Arc::new(Open { sim: self.clone(), inode: number }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Stored>> {
        let disk = locked(&self.0);
        Ok(Box::new(Content(Cursor::new(disk.inode(path)?.bytes.clone()))))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let disk = locked(&self.0);
        let there = disk.names.keys().filter(|path| path.parent() == Some(dir));
        there
            .map(|path| {
                let inode = disk.inode(path)?;
                Ok(Entry {
                    name: path.file_name().map(OsString::from).unwrap_or_default(),
                    bytes: inode.bytes.len() as u64,
                    modified: SystemTime::UNIX_EPOCH + inode.modified,
                })
            })
            .collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = locked(&self.0);
        disk.call()?;
        let inode = *disk.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        disk.change_name(NameChange::Set(to.to_owned(), inode));
        disk.change_name(NameChange::Remove(from.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = locked(&self.0);
        disk.call()?;
        disk.inode(path)?;
        disk.change_name(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        let mut disk = locked(&self.0);
        disk.call()?;
        let number = *disk.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        disk.inodes.get_mut(&number).ok_or(io::ErrorKind::NotFound)?.sync();
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut disk = locked(&self.0);
        disk.call()?;
        disk.durable_names = disk.names.clone();
        disk.name_changes.clear();
        Ok(())
    }

    fn free(&self, _: &Path) -> io::Result<u64> {
        let disk = locked(&self.0);
        Ok(disk.capacity.saturating_sub(disk.used()))
    }

    fn now(&self) -> Instant {
        let disk = locked(&self.0);
        disk.started + disk.elapsed
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + locked(&self.0).elapsed
    }
}
