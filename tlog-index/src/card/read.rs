//! Finding the files of a card: in an image, on a device, or in a folder where it is mounted.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlog::wire::{batch, session};

use super::fat::{ENTRY, Entry, Geometry, SECTOR, Slot, number, slot};
use super::{CONTROL, Card, Extent, is_session_name, read_full_at};
use crate::batches::first_head;

/// No directory is longer, by the specification of FAT, in bytes.
const MAX_DIRECTORY: u64 = 65_536 * ENTRY as u64;

/// How many entries of a FAT are read at once.
const ENTRIES: usize = 1 << 14;

/// How many faults are told.
const MAX_FAULTS: usize = 100;

/// Why a card cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no card of this kind.
    #[error("not a card that was prepared for logs: {0}")]
    NotACard(&'static str),
}

/// Opens an image or a device.
///
/// # Errors
/// [`CardError`].
pub fn open(file: File) -> Result<Card, CardError> {
    // A device has no length, but an end.
    let len = (&file).seek(SeekFrom::End(0))?;
    let volume = Volume::find(Arc::new(file), len)?;
    volume.card()
}

/// Opens a folder that has the files of a card.
///
/// # Errors
/// [`CardError`].
pub fn open_folder(folder: &Path) -> Result<Card, CardError> {
    let mut paths: Vec<(String, PathBuf)> = Vec::new();
    let mut control = None;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        // Mounted cards often have names in small letters.
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_uppercase();
        if name == CONTROL {
            control = Some(path);
        } else if is_session_name(&name) {
            paths.push((name, path));
        }
    }
    paths.sort();
    let extent = |(name, path): (String, PathBuf)| -> io::Result<Extent> {
        let file = File::open(path)?;
        let len = file.metadata()?.len() / SECTOR * SECTOR;
        Ok(Extent { name, len, start: 0, within: Arc::new(file) })
    };
    let control = control.map(|path| extent((CONTROL.to_owned(), path))).transpose()?;
    let files: Vec<Extent> = paths.into_iter().map(extent).collect::<io::Result<_>>()?;
    if files.is_empty() && control.is_none() {
        return Err(CardError::NotACard("there is no TLOG0001.TLG in this folder"));
    }
    finish(control.as_ref(), files, Vec::new())
}

fn finish(control: Option<&Extent>, files: Vec<Extent>, faults: Vec<String>) -> Result<Card, CardError> {
    let mut last = control.map(numbers).transpose()?.flatten();
    let mut sector = [0; SECTOR as usize];
    for file in &files {
        let read = file.read_at(0, &mut sector)?;
        let head = sector.get(..read).and_then(first_head);
        last = last.max(head.map(|head| head.batch.session));
    }
    Ok(Card { last_session: last, files, faults })
}

/// The number in the two sectors of the control file.
fn numbers(control: &Extent) -> io::Result<Option<u32>> {
    let mut last = None;
    for at in [0, control.len / 2 / SECTOR * SECTOR] {
        let mut sector = [0; batch::SECTOR];
        control.read_at(at, &mut sector)?;
        last = last.max(session::parse(&sector));
    }
    Ok(last)
}

/// A file system on a card.
struct Volume {
    file: Arc<File>,
    /// Where it starts, in bytes.
    start: u64,
    geometry: Geometry,
    /// How many entries of the FAT may still be looked at: no more than there are clusters.
    budget: u64,
}

impl Volume {
    /// In the first partition of FAT32, or without partitions.
    fn find(file: Arc<File>, len: u64) -> Result<Self, CardError> {
        let mut first = [0; SECTOR as usize];
        if read_full_at(&file, 0, &mut first)? < first.len() {
            return Err(CardError::NotACard("it has no 512 bytes"));
        }
        if number(&first, 510, 2) != 0xaa55 {
            return Err(CardError::NotACard("it has neither a partition table nor a file system"));
        }
        let mut why = "it has no partition of FAT32";
        let partitions = (0..4).map(|at| (number(&first, 446 + at * 16 + 4, 1), number(&first, 446 + at * 16 + 8, 4)));
        let of_fat = partitions.filter(|&(kind, _)| matches!(kind, 0x0b | 0x0c)).map(|(_, start)| start * SECTOR);
        for start in of_fat.chain([0]) {
            let mut boot = [0; SECTOR as usize];
            if read_full_at(&file, start, &mut boot)? < boot.len() {
                why = "its partition starts behind its end";
                continue;
            }
            match Geometry::parse(&boot) {
                Ok(geometry) if geometry.sectors.saturating_mul(SECTOR) > len.saturating_sub(start) => {
                    why = "its file system is larger than it is itself: it was cut off";
                }
                Ok(geometry) => {
                    let budget = geometry.clusters().unwrap_or(0);
                    return Ok(Self { file, start, geometry, budget });
                }
                // What the table points at tells more than that there is nothing else.
                Err(e) if start > 0 => why = e,
                Err(_) => {}
            }
        }
        Err(CardError::NotACard(why))
    }

    fn card(mut self) -> Result<Card, CardError> {
        let (mut files, mut control, mut faults) = (Vec::<Extent>::new(), None, Vec::new());
        let mut names = HashSet::new();
        for entry in self.root()? {
            let is_control = entry.name == CONTROL;
            if !is_control && !is_session_name(&entry.name) {
                continue;
            }
            let is_known = names.contains(&entry.name);
            let extent = if is_known { Err("there are two of this name") } else { self.extent(&entry)? };
            if extent.is_ok() {
                names.insert(entry.name.clone());
            }
            match extent {
                Ok(extent) if is_control => control = Some(extent),
                Ok(extent) => files.push(extent),
                Err(why) if faults.len() < MAX_FAULTS => faults.push(format!("{}: {why}", entry.name)),
                Err(_) => {}
            }
        }
        if files.is_empty() && control.is_none() {
            let none = "neither TLOG.CTL nor TLOG0001.TLG is in its root directory, each in one piece";
            return Err(CardError::NotACard(none));
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        finish(control.as_ref(), files, faults)
    }

    /// The entries of the root directory.
    fn root(&mut self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut cluster = self.geometry.root;
        let bytes = usize::try_from(self.geometry.cluster_bytes()).unwrap_or(0);
        // As many clusters as a directory can have: a chain in a circle ends too.
        for _ in 0..MAX_DIRECTORY.div_ceil(self.geometry.cluster_bytes()) {
            let Some(sector) = self.geometry.sector_of(cluster) else { break };
            let mut slots = vec![0; bytes];
            let read = read_full_at(&self.file, self.start.saturating_add(sector * SECTOR), &mut slots)?;
            for bytes in slots.get(..read).unwrap_or_default().chunks_exact(ENTRY) {
                match slot(bytes) {
                    Slot::File(entry) => entries.push(entry),
                    Slot::Other => {}
                    Slot::End => return Ok(entries),
                }
            }
            let mut next = [0; 4];
            self.entries(cluster, &mut next)?;
            cluster = u32::from_le_bytes(next) & 0x0fff_ffff;
        }
        Ok(entries)
    }

    /// Reads the FAT from the entry of this cluster on.
    fn entries(&self, cluster: u32, into: &mut [u8]) -> io::Result<usize> {
        let at = self.geometry.reserved * SECTOR + 4 * u64::from(cluster);
        read_full_at(&self.file, self.start.saturating_add(at), into)
    }

    /// Where a file lies, if it is in one piece; what is wrong with it else.
    fn extent(&mut self, entry: &Entry) -> io::Result<Result<Extent, &'static str>> {
        // Whole sectors, as firmware counts.
        let len = entry.len / SECTOR * SECTOR;
        let clusters = len.div_ceil(self.geometry.cluster_bytes());
        let last = u32::try_from(u64::from(entry.first) + clusters.saturating_sub(1)).ok();
        let (first, last) = (self.geometry.sector_of(entry.first), last.and_then(|last| self.geometry.sector_of(last)));
        let (Some(first), Some(_), true) = (first, last, clusters > 0) else {
            return Ok(Err("it is empty, or lies outside of the file system"));
        };
        let Some(left) = self.budget.checked_sub(clusters) else {
            return Ok(Err("it shares its room with other files"));
        };
        self.budget = left;
        if !self.is_chain(entry.first, clusters)? {
            return Ok(Err("it is not in one piece, so firmware does not use it"));
        }
        let start = self.start.saturating_add(first * SECTOR);
        Ok(Ok(Extent { name: entry.name.clone(), len, start, within: Arc::clone(&self.file) }))
    }

    /// Whether so many clusters follow each other from this one on. Then they end, or go on in one piece: firmware uses
    /// files that have more clusters than their size needs.
    fn is_chain(&self, first: u32, clusters: u64) -> io::Result<bool> {
        let mut buffer = vec![0; 4 * ENTRIES.min(usize::try_from(clusters).unwrap_or(ENTRIES))];
        let mut done = 0;
        while done < clusters {
            let now = usize::try_from(clusters - done).unwrap_or(ENTRIES).min(ENTRIES);
            let Some(part) = buffer.get_mut(..4 * now) else { return Ok(false) };
            let from = u64::from(first) + done;
            let Ok(cluster) = u32::try_from(from) else { return Ok(false) };
            if self.entries(cluster, part)? < part.len() {
                return Ok(false);
            }
            for (at, next) in part.chunks_exact(4).enumerate() {
                let (next, at) = (number(next, 0, 4) & 0x0fff_ffff, from + at as u64);
                let is_last = at + 1 == u64::from(first) + clusters;
                if next != at + 1 && !(is_last && next >= 0x0fff_fff8) {
                    return Ok(false);
                }
            }
            done += now as u64;
        }
        Ok(true)
    }
}
