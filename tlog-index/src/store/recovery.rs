//! Segments that were never closed: a whole copy takes their place, and what could not be used is kept beside it.
//!
//! Nothing is edited where it is. The steps, each of which may be the last one before the power goes:
//!
//! 1. every intact record goes into a copy (`NAME.tmp`) that is closed and synced, everything else into `NAME.torn.tmp`;
//! 2. the copy is read again: it must hold as many records, all intact;
//! 3. the unusable bytes get their name (`NAME.torn`), the folder is synced, the copy takes the segment's name, and the
//!    folder is synced again.
//!
//! Before the last rename the segment is what it was, and all of it is done again at the next start; unfinished files
//! are deleted then.

use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlog::read::{Blocks, Damage, Data, Event, ReadOptions, Skipped, StreamReader};
use tlog::wire::index::TRAILER_LEN;
use tlog::wire::{DataFlags, IndexBlock};
use tlog::write::{Overrides, RecordId, Timestamps, Writer};
use tlog::{Error, Result};

use super::names;
use super::options::StoreOptions;
use super::segment::Place;
use super::shelf::Shelf;
use super::sink::{SegmentFile, Sink};
use super::system::{Growing, System};

/// How many bytes are copied at once.
const CHUNK: usize = 64 << 10;

/// A segment that had not been closed, and now is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recovered {
    /// The segment.
    pub segment: PathBuf,
    /// How many records it has: all that were intact.
    pub records: u64,
    /// Which bytes of the old file could not be used, and why. Nothing, when its writer ended between two blocks.
    pub damage: Damage,
    /// Where those bytes are now, one stretch after the other.
    pub torn: Option<PathBuf>,
}

/// Whether a segment was closed. Of the last one the whole index is checked.
///
/// # Errors
/// [`Error::Io`]
pub(super) fn is_closed(system: &dyn System, path: &Path, is_last: bool) -> Result<bool> {
    let io = |e| Error::io_at(path, e);
    let file = system.open(path).map_err(io)?;
    if is_last {
        return match Blocks::open(&*file).and_then(|blocks| blocks.index()) {
            Ok(index) => Ok(index.is_some()),
            // Torn data may end as if there were an index of any size.
            Err(Error::Format { .. } | Error::Limit { .. }) => Ok(false),
            Err(e) => Err(e),
        };
    }
    let mut trailer = [0; TRAILER_LEN];
    let size = file.size().map_err(io)?;
    let Some(at) = size.checked_sub(TRAILER_LEN as u64) else { return Ok(false) };
    file.read_exact_at(at, &mut trailer).map_err(io)?;
    Ok(IndexBlock::trailer(&trailer).is_some_and(|len| u64::from(len) <= size))
}

/// Closes a segment that nobody writes any more.
///
/// # Errors
/// [`Error::Io`]; the segment is then what it was.
pub(super) fn recover(
    system: &dyn System,
    path: &Path,
    options: &StoreOptions,
    make_room: Option<&Arc<Shelf>>,
) -> Result<Recovered> {
    let unfinished = Unfinished { system, path, make_room, options };
    let recovered = unfinished.recover();
    if recovered.is_err() {
        for name in [unfinished.copy(), unfinished.torn()] {
            let _ = system.remove(&name);
        }
    }
    recovered
}

/// A segment being recovered.
struct Unfinished<'a> {
    system: &'a dyn System,
    path: &'a Path,
    make_room: Option<&'a Arc<Shelf>>,
    options: &'a StoreOptions,
}

impl Unfinished<'_> {
    fn copy(&self) -> PathBuf {
        names::beside(self.path, ".tmp")
    }

    fn torn(&self) -> PathBuf {
        names::beside(self.path, ".torn.tmp")
    }

    fn reader(&self, path: &Path) -> Result<StreamReader<Box<dyn super::system::Stored>>> {
        let source = self.system.open(path).map_err(|e| Error::io_at(path, e))?;
        let defaults = ReadOptions::default();
        let max_block = defaults.max_block.max(self.options.rotate_bytes.unwrap_or(0));
        Ok(StreamReader::new(source, ReadOptions { max_block, max_payload: u64::MAX, ..defaults }))
    }

    fn recover(&self) -> Result<Recovered> {
        let torn_path = self.torn();
        let mut torn = Torn {
            place: Place { system: self.system, path: &torn_path, make_room: self.make_room },
            segment: self.path,
            file: None,
        };
        let (records, damage) = self.copy_intact(&mut torn)?;
        self.verify(records)?;
        let torn = torn.finish()?;
        let io = |e| Error::io_at(self.path, e);
        let sync_names = || self.system.sync_dir(self.path.parent().unwrap_or(Path::new("."))).map_err(io);
        if torn.is_some() {
            // Not all file systems keep the order of renames, and behind the next one there is no second copy of these bytes.
            sync_names()?;
        }
        self.system.rename(&self.copy(), self.path).map_err(io)?;
        sync_names()?;
        Ok(Recovered { segment: self.path.to_owned(), records, damage, torn })
    }

    fn copy_intact(&self, torn: &mut Torn<'_>) -> Result<(u64, Damage)> {
        let copy = self.copy();
        let place = Place { system: self.system, path: &copy, make_room: self.make_room };
        let file = Arc::new(SegmentFile::new(place.create()?));
        let mut writer = self.options.writer.clone().index(true).open(place.sink(&file));
        let mut reader = self.reader(self.path)?;
        let mut records = 0;
        let mut headless = None;
        loop {
            let event = match reader.next_event() {
                // Without a header nothing of the file is believed.
                Err(Error::Format { cause, .. }) => {
                    let size = self.system.open(self.path).and_then(|file| file.size());
                    let range = 0..size.map_err(|e| Error::io_at(self.path, e))?;
                    torn.keep(&range)?;
                    headless.get_or_insert_with(Damage::default).add(&Skipped { range, cause });
                    break;
                }
                event => event.map_err(|e| super::segment::locate(self.path, e))?,
            };
            match event {
                None => break,
                Some(Event::Skipped(skipped)) => torn.keep(&skipped.range)?,
                Some(event) => records += put(&mut writer, event).map_err(|e| place.locate(e))?,
            }
        }
        writer.sync().and_then(|()| writer.finish()).map_err(|e| place.locate(e))?;
        file.sync().map_err(|e| Error::io_at(&copy, e))?;
        Ok((records, headless.unwrap_or_else(|| reader.damage().clone())))
    }

    /// Reads the copy.
    fn verify(&self, records: u64) -> Result<()> {
        let copy = self.copy();
        let mut reader = self.reader(&copy)?;
        let mut found = 0;
        while reader.next_data()?.is_some() {
            found += 1;
        }
        if found == records && reader.damage().is_none() {
            return Ok(());
        }
        let what = format!("of {records} records that were written, {found} could be read again");
        Err(Error::io_at(copy, io::Error::new(io::ErrorKind::InvalidData, what)))
    }
}

/// Writes what an event says; how many records that was.
fn put(writer: &mut Writer<Sink>, event: Event<'_>) -> Result<u64> {
    match event {
        Event::Schema(record) => {
            writer.declare_raw(RecordId(record.identifier), &record.name, &record.schema_bytes)?;
            Ok(0)
        }
        Event::Data(data) => {
            writer.write_data(RecordId(data.record.identifier), data.time, data.payload, as_before(&data)).map(|()| 1)
        }
        Event::Marker { .. } | Event::Index { .. } | Event::Filler { .. } | Event::Skipped(_) => Ok(0),
    }
}

/// What the block has now it has in the copy too.
fn as_before(data: &Data<'_>) -> Overrides {
    Overrides {
        compression: Some(data.flags.contains(DataFlags::SNAPPY)),
        checksum: Some(data.flags.contains(DataFlags::CHECKSUM)),
        previous_offset: Some(data.flags.contains(DataFlags::PREVIOUS_OFFSET)),
        timestamps: Some(Timestamps::Given),
    }
}

/// The bytes that cannot be used, on their way into a file of their own.
struct Torn<'a> {
    place: Place<'a>,
    segment: &'a Path,
    /// Where they go; `None` before the first.
    file: Option<Arc<dyn Growing>>,
}

impl Torn<'_> {
    /// Copies these bytes of the segment.
    fn keep(&mut self, range: &Range<u64>) -> Result<()> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(self.file.insert(self.place.create()?)),
        };
        let io = |e| Error::io_at(self.segment, e);
        let source = self.place.system.open(self.segment).map_err(io)?;
        let mut at = range.start;
        while at < range.end {
            let len = (range.end - at).min(CHUNK as u64);
            let mut bytes = vec![0; len as usize];
            source.read_exact_at(at, &mut bytes).map_err(io)?;
            self.append(&*file, &bytes)?;
            at += len;
        }
        Ok(())
    }

    fn append(&self, file: &dyn Growing, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match file.append(bytes) {
                Ok(0) => self.place.make_room(io::ErrorKind::WriteZero.into())?,
                Ok(more) => bytes = bytes.get(more..).unwrap_or(&[]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => self.place.make_room(e)?,
            }
        }
        Ok(())
    }

    /// Gives the file its name, beside any that an earlier recovery left; the same bytes are not kept twice.
    fn finish(self) -> Result<Option<PathBuf>> {
        let Some(file) = self.file else { return Ok(None) };
        let system = self.place.system;
        let io = |e| Error::io_at(self.place.path, e);
        file.sync().map_err(io)?;
        for attempt in 1.. {
            let name = names::torn(self.segment, attempt);
            match system.open(&name) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    system.rename(self.place.path, &name).map_err(io)?;
                    return Ok(Some(name));
                }
                Err(e) => return Err(Error::io_at(name, e)),
                Ok(known) => {
                    if same(known, system.open(self.place.path).map_err(io)?).map_err(io)? {
                        system.remove(self.place.path).map_err(io)?;
                        return Ok(Some(name));
                    }
                }
            }
        }
        Ok(None)
    }
}

fn same(mut a: impl Read, mut b: impl Read) -> io::Result<bool> {
    loop {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        (&mut a).take(CHUNK as u64).read_to_end(&mut left)?;
        (&mut b).take(CHUNK as u64).read_to_end(&mut right)?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}
