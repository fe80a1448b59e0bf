//! One segment while it is written: begun, closed, given up.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tlog::read::{Event, ReadOptions, StreamReader};
use tlog::wire::{IndexBlock, IndexEntry};
use tlog::write::{Writer, WriterBuilder};
use tlog::{Error, Result};

use super::shelf::{Closed, Shelf};
use super::sink::{SegmentFile, Sink, make_room};
use super::system::{Growing, System};

/// The segment that is being written.
pub(super) struct Active {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) file: Arc<SegmentFile>,
    pub(super) writer: Writer<Sink>,
    pub(super) started: Instant,
    /// Whether the file's name is sure to last.
    pub(super) name_synced: bool,
    pub(super) records: u64,
}

/// Where a segment is to be.
pub(super) struct Place<'a> {
    pub(super) system: &'a dyn System,
    pub(super) path: &'a Path,
    /// As in [`Sink`].
    pub(super) make_room: Option<&'a Arc<Shelf>>,
}

impl Place<'_> {
    /// A new file there, on a full disk if room can be made.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub(super) fn create(&self) -> Result<Arc<dyn Growing>> {
        loop {
            match self.system.create(self.path) {
                Ok(file) => return Ok(file),
                Err(e) => self.make_room(e)?,
            }
        }
    }

    /// # Errors
    /// [`Error::Io`], when that does not help.
    pub(super) fn make_room(&self, error: io::Error) -> Result<()> {
        make_room(self.make_room.map(|shelf| &**shelf), error).map_err(|e| Error::io_at(self.path, e))
    }

    pub(super) fn sink(&self, file: &Arc<SegmentFile>) -> Sink {
        Sink { file: Arc::clone(file), make_room: self.make_room.cloned() }
    }

    /// The error of a writer, which does not know the path.
    pub(super) fn locate(&self, error: Error) -> Error {
        locate(self.path, error)
    }
}

pub(super) fn locate(path: &Path, error: Error) -> Error {
    match error {
        Error::Io { path: None, source } => Error::io_at(path, source),
        other => other,
    }
}

impl Active {
    /// Begins a segment: a file with a header and the declarations, so that it is a log from the start.
    ///
    /// # Errors
    /// [`Error::Io`]; no file is left then, unless it holds something.
    pub(super) fn begin(number: u64, builder: WriterBuilder, place: &Place<'_>) -> Result<Self> {
        let file = Arc::new(SegmentFile::new(place.create()?));
        let begun = builder.open(place.sink(&file)).and_then(|mut writer| writer.flush().map(|()| writer));
        match begun {
            Ok(writer) => Ok(Self {
                number,
                path: place.path.to_owned(),
                file,
                writer,
                started: place.system.now(),
                name_synced: false,
                records: 0,
            }),
            Err(e) => {
                if file.len() == 0 {
                    // Nothing that anybody could have read.
                    let _ = place.system.remove(place.path);
                }
                Err(place.locate(e))
            }
        }
    }

    /// Closes the segment: all of it is synced, index and name included. The index is not written before
    /// the data is synced, so that behind it there is no doubt about the data.
    ///
    /// # Errors
    /// [`Error::Io`]; the segment is then given up.
    pub(super) fn close(self, system: &dyn System, dir: &Path) -> Result<Closed> {
        let Self { number, path, file, mut writer, name_synced, .. } = self;
        let close = || {
            writer.sync()?;
            writer.finish()?;
            file.sync()?;
            if name_synced { Ok(()) } else { system.sync_dir(dir).map_err(|e| Error::io_at(dir, e)) }
        };
        if let Err(e) = close() {
            let _ = append_index(system, &path, &file);
            return Err(locate(&path, e));
        }
        Ok(Closed { number, bytes: file.len(), modified: system.wall_clock() })
    }

    /// Ends a segment after an error. It holds whole blocks already, and gets an index if there is room for one.
    pub(super) fn give_up(self, system: &dyn System) {
        let Self { path, file, writer, .. } = self;
        // A writer that has not failed itself passes on what it has, if the file still takes anything.
        drop(writer);
        let _ = append_index(system, &path, &file);
    }
}

/// Ends a segment that has no writer any more with an index, if it holds nothing but whole blocks.
fn append_index(system: &dyn System, path: &Path, file: &SegmentFile) -> Result<()> {
    file.sync()?;
    let Some(entries) = index_entries(system, path)? else { return Ok(()) };
    let mut index = vec![0; IndexBlock::encoded_len(entries.iter().copied())];
    if IndexBlock::encode(entries.iter().copied(), &mut index).is_some() {
        file.append(&index).map_err(|(_, e)| e)?;
        file.sync()?;
    }
    Ok(())
}

/// What an index of the log at `path` says; `None` when the log is damaged or has one.
fn index_entries(system: &dyn System, path: &Path) -> Result<Option<Vec<IndexEntry>>> {
    let source = system.open(path)?;
    let mut reader = StreamReader::new(source, ReadOptions { raw_payloads: true, ..ReadOptions::default() });
    let mut entries = std::collections::BTreeMap::new();
    while let Some(event) = reader.next_event()? {
        match event {
            Event::Schema(record) => {
                let (identifier, schema_location) = (record.identifier, record.location);
                entries.insert(identifier, IndexEntry { identifier, schema_location, final_record: None });
            }
            Event::Data(data) => {
                if let Some(entry) = entries.get_mut(&data.record.identifier) {
                    entry.final_record = Some(data.offset);
                }
            }
            Event::Skipped(_) | Event::Index { .. } => return Ok(None),
            Event::Marker { .. } | Event::Filler { .. } => {}
        }
    }
    Ok(Some(entries.into_values().collect()))
}
