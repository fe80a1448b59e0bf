//! What a store does under its lock.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tlog::schema::Schema;
use tlog::write::{Handle, RecordId, WriterBuilder};
use tlog::{Error, Micros, Record, Result};

use super::names;
use super::options::{FullDisk, StoreOptions};
use super::segment::{Active, Place};
use super::shelf::Shelf;
use super::sink::SegmentFile;
use super::system::System;

/// What a block takes beside its payload, at most, when a segment's size is reckoned, in bytes.
const BLOCK_FRONT: u64 = 64;

/// What an index takes beside its entries, and a seek marker, at most.
const INDEX_FRONT: u64 = 64;

/// What a record takes in the index and in a seek marker together, at most.
const PER_RECORD: u64 = 64;

/// The writing side of a store.
pub(super) struct Core {
    system: Arc<dyn System>,
    dir: PathBuf,
    options: StoreOptions,
    shelf: Arc<Shelf>,
    /// All declarations so far, which each segment begins with.
    builder: WriterBuilder,
    /// Their identifiers.
    declared: BTreeSet<u64>,
    /// Whether there are declarations that no segment has.
    declared_unsaved: bool,
    active: Option<Active>,
    next_number: u64,
    /// How many records were taken, flushed, synced, since the store was opened.
    written: u64,
    flushed: u64,
    synced: u64,
    failure: Option<Failure>,
    /// Where values are encoded.
    scratch: Vec<u8>,
}

/// What ended the store.
struct Failure {
    path: Option<PathBuf>,
    kind: io::ErrorKind,
    message: String,
}

/// How far records have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) written: u64,
    pub(super) flushed: u64,
    pub(super) synced: u64,
}

/// What is to be synced while others go on writing.
pub(super) struct SyncJob {
    file: Arc<SegmentFile>,
    number: u64,
    path: PathBuf,
    dir: Option<PathBuf>,
    /// How many records are then synced.
    target: u64,
}

impl SyncJob {
    /// # Errors
    /// [`Error::Io`]
    pub(super) fn run(&self, system: &dyn System) -> Result<()> {
        self.file.sync().map_err(|e| Error::io_at(&self.path, e))?;
        self.dir.as_deref().map_or(Ok(()), |dir| system.sync_dir(dir).map_err(|e| Error::io_at(dir, e)))
    }
}

impl Core {
    pub(super) fn new(
        system: Arc<dyn System>,
        dir: PathBuf,
        options: StoreOptions,
        shelf: Arc<Shelf>,
        next: u64,
    ) -> Self {
        Self {
            system,
            dir,
            builder: options.writer.clone().index(true).builder(),
            options,
            shelf,
            declared: BTreeSet::new(),
            declared_unsaved: false,
            active: None,
            next_number: next,
            written: 0,
            flushed: 0,
            synced: 0,
            failure: None,
            scratch: Vec::new(),
        }
    }

    pub(super) const fn progress(&self) -> Progress {
        Progress { written: self.written, flushed: self.flushed, synced: self.synced }
    }

    pub(super) fn segment(&self) -> Option<(PathBuf, u64)> {
        self.active.as_ref().map(|active| (active.path.clone(), active.writer.position()))
    }

    /// # Errors
    /// The failure that there has been.
    pub(super) fn check(&self) -> Result<()> {
        let Some(failure) = &self.failure else { return Ok(()) };
        let source = io::Error::new(failure.kind, format!("the store ended when this failed: {}", failure.message));
        Err(Error::Io { path: failure.path.clone(), source })
    }

    /// Ends the store, if it is an error that does.
    pub(super) fn fail(&mut self, error: Error) -> Error {
        let Error::Io { path, source } = &error else { return error };
        if self.failure.is_none() {
            self.failure = Some(Failure { path: path.clone(), kind: source.kind(), message: source.to_string() });
        }
        if let Some(active) = self.active.take() {
            active.give_up(&*self.system);
        }
        error
    }

    fn guard<T>(&mut self, result: Result<T>) -> Result<T> {
        result.map_err(|e| self.fail(e))
    }

    pub(super) fn declare(&mut self, name: &str, schema: &Schema) -> Result<RecordId> {
        self.check()?;
        let id = self.builder.declare(name, schema)?;
        self.declared(id, name, schema)?;
        Ok(id)
    }

    pub(super) fn declare_as(&mut self, id: RecordId, name: &str, schema: &Schema) -> Result<()> {
        self.check()?;
        self.builder.declare_as(id, name, schema)?;
        self.declared(id, name, schema)
    }

    pub(super) fn record<R: Record>(&mut self) -> Result<Handle<R>> {
        self.check()?;
        let handle = self.builder.record::<R>()?;
        let schema = Schema::of::<R>().map_err(|e| Error::Usage(e.to_string()))?;
        self.declared(handle.id(), R::NAME, &schema)?;
        Ok(handle)
    }

    fn declared(&mut self, id: RecordId, name: &str, schema: &Schema) -> Result<()> {
        if !self.declared.insert(id.0) {
            return Ok(());
        }
        match &mut self.active {
            None => self.declared_unsaved = true,
            Some(active) => {
                let declared = active.writer.declare_as(id, name, schema);
                let path = active.path.clone();
                return self.guard(declared.map_err(|e| super::segment::locate(&path, e)));
            }
        }
        Ok(())
    }

    /// Takes one record; how many there are then.
    ///
    /// # Errors
    /// As [`Store::write`](super::Store::write).
    pub(super) fn write(&mut self, id: RecordId, time: Option<Micros>, payload: &[u8]) -> Result<u64> {
        self.check()?;
        if self.is_full_for(payload.len() as u64) {
            self.rotate()?;
        }
        let active = self.active()?;
        match active.writer.write(id, time, payload) {
            Ok(()) => {
                active.records += 1;
                self.written += 1;
                Ok(self.written)
            }
            Err(e) => {
                let e = super::segment::locate(&active.path, e);
                Err(self.fail(e))
            }
        }
    }

    /// As [`write`](Self::write) with a payload that is encoded on the way.
    pub(super) fn write_with(
        &mut self,
        id: RecordId,
        time: Option<Micros>,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<u64> {
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        encode(&mut payload);
        let written = self.write(id, time, &payload);
        self.scratch = payload;
        written
    }

    /// Whether a payload of so many bytes, with what else may have to be written, makes the segment too long.
    fn is_full_for(&self, payload: u64) -> bool {
        let (Some(limit), Some(active)) = (self.options.rotate_bytes, &self.active) else { return false };
        let end = INDEX_FRONT + PER_RECORD.saturating_mul(self.declared.len() as u64);
        let len = [payload, BLOCK_FRONT, end].into_iter().fold(active.writer.position(), u64::saturating_add);
        active.records > 0 && len > limit
    }

    /// The segment that is being written, begun if need be.
    fn active(&mut self) -> Result<&mut Active> {
        if self.active.is_none() {
            let begun = self.begin();
            self.active = Some(self.guard(begun)?);
            self.declared_unsaved = false;
            self.shelf.newer_exists();
            self.tidy();
        }
        self.active.as_mut().ok_or_else(|| Error::Usage("the store is finished".to_owned()))
    }

    fn begin(&mut self) -> Result<Active> {
        let number = self.next_number;
        if number > names::MAX_NUMBER {
            return Err(Error::Limit { what: "the number of a segment", size: number, limit: names::MAX_NUMBER });
        }
        let path = names::segment(&self.dir, number);
        let make_room = (self.options.full_disk == FullDisk::MakeRoom).then_some(&self.shelf);
        let place = Place { system: &*self.system, path: &path, make_room };
        let active = Active::begin(number, self.builder.clone(), &place)?;
        self.next_number = number + 1;
        Ok(active)
    }

    /// Deletes what is not to be kept.
    pub(super) fn tidy(&self) {
        let len = self.active.as_ref().map_or(0, |active| active.writer.position());
        let growing = match &self.active {
            Some(_) => self.options.rotate_bytes.map_or(len, |limit| limit.max(len)),
            None => 0,
        };
        self.shelf.tidy(&self.options.keep, growing);
    }

    /// Passes everything on.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.check()?;
        if let Some(active) = &mut self.active {
            let flushed = active.writer.flush().map_err(|e| super::segment::locate(&active.path, e));
            self.guard(flushed)?;
        }
        self.flushed = self.written;
        Ok(())
    }

    /// Passes everything on and says what is to be synced then; `None` when all is.
    pub(super) fn begin_sync(&mut self) -> Result<Option<SyncJob>> {
        self.flush()?;
        let Some(active) = self.active.as_ref().filter(|_| self.synced < self.written) else { return Ok(None) };
        Ok(Some(SyncJob {
            file: Arc::clone(&active.file),
            number: active.number,
            path: active.path.clone(),
            dir: (!active.name_synced).then(|| self.dir.clone()),
            target: self.written,
        }))
    }

    pub(super) fn end_sync(&mut self, job: &SyncJob, result: Result<()>) -> Result<()> {
        self.guard(result)?;
        self.synced = self.synced.max(job.target);
        if let Some(active) = self.active.as_mut().filter(|active| active.number == job.number) {
            active.name_synced = true;
        }
        Ok(())
    }

    /// Closes the segment that is being written, if there is one.
    pub(super) fn rotate(&mut self) -> Result<()> {
        self.check()?;
        let Some(active) = self.active.take() else { return Ok(()) };
        let closed = active.close(&*self.system, &self.dir);
        let closed = self.guard(closed)?;
        self.flushed = self.written;
        self.synced = self.written;
        self.shelf.push(closed);
        self.tidy();
        Ok(())
    }

    /// Closes the segment if its time is up; how long that is still to be waited for.
    pub(super) fn rotate_if_old(&mut self) -> Result<Option<Duration>> {
        let Some(limit) = self.options.rotate_time else { return Ok(None) };
        let Some(active) = self.active.as_ref().filter(|_| self.failure.is_none()) else { return Ok(Some(limit)) };
        let left = limit.saturating_sub(self.system.now().saturating_duration_since(active.started));
        if left.is_zero() {
            self.rotate()?;
            return Ok(Some(limit));
        }
        Ok(Some(left))
    }

    /// Closes the last segment; declarations that no record followed are kept in one of their own.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.check()?;
        if self.declared_unsaved {
            self.active()?;
        }
        self.rotate()
    }
}
