//! The queue between the callers of a background writer and its thread.
//!
//! ```text
//! callers ──memcpy──► filling ══swap══► batch ──► Writer ──► disk
//!         under the mutex       under the mutex    without it
//! ```
//!
//! Both buffers have all their memory from the start. The mutex is held for one
//! copy or one swap, never during compression or I/O, so that no caller waits for the disk unless it asked to.
//!
//! Entries stand one after the other: identifier, whether there is a time, time, length, payload.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::catalogue::{Catalogue, Declared};
use super::options::Mode;
use super::output::Failure;
use super::table::Table;
use super::writer::{RecordId, undeclared};
use crate::error::{Error, Result};
use crate::schema::Schema;
use crate::time::Micros;

/// The record that tells how many records were dropped.
pub const DROPS_RECORD: &str = "tlog.drops";

/// What a call does when the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// It waits for room: nothing is lost, and the disk sets the pace.
    Wait,
    /// It drops the record, counts that, and returns at once. The counts end up in the log as
    /// the record [`DROPS_RECORD`].
    Drop,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is in the queue and will be written, unless the log fails, which every later call tells.
    Queued,
    /// The queue was full; it is counted. Only with [`Overflow::Drop`].
    Dropped,
}

/// What became of all calls that wrote one record. A call that returned an error counts as none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// How many there were.
    pub attempted: u64,
    /// How many of them found the queue full.
    pub dropped: u64,
}

impl Counts {
    /// How many got into the queue and so into the log.
    pub const fn queued(&self) -> u64 {
        self.attempted - self.dropped
    }
}

/// What a record's callers need to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    mode: Mode,
}

/// A declaration on its way to the thread.
pub(super) struct NewSchema {
    pub(super) id: RecordId,
    pub(super) name: Box<[u8]>,
    pub(super) schema: Vec<u8>,
}

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With its index, and an answer.
    Finish,
    /// As well as possible, with nobody to tell.
    Abandon,
}

/// What the thread takes out at once. Used again and again, for its memory.
pub(super) struct Batch {
    pub(super) entries: Vec<u8>,
    pub(super) schemas: Vec<NewSchema>,
    /// The tallies, when something was dropped since the last batch, or at the end.
    pub(super) tallies: Table<Tally>,
    pub(super) counts_changed: bool,
    pub(super) sync: bool,
    pub(super) end: Option<End>,
    ticket: u64,
}

/// The queue. Shared by all handles and the thread.
pub(super) struct Queue {
    state: Mutex<State>,
    /// The thread waits here for something to do.
    work: Condvar,
    /// Callers wait here for room.
    room: Condvar,
    /// Callers wait here for their flush.
    done: Condvar,
    overflow: Overflow,
    /// Of one buffer, in bytes.
    capacity: usize,
    /// How long the thread lets entries gather.
    gather: Duration,
}

struct State {
    filling: Vec<u8>,
    schemas: Vec<NewSchema>,
    catalogue: Catalogue,
    tallies: Table<Tally>,
    counts_changed: bool,
    defaults: Mode,
    /// Flushes asked for and done so far: a flush is done when `completed` has reached what `requested` was for it.
    requested: u64,
    completed: u64,
    sync: bool,
    /// Somebody waits for room, or found none.
    crowded: bool,
    end: Option<End>,
    failure: Option<Failure>,
}

const HEAD: usize = 8 + 1 + 8 + 8;

impl Queue {
    pub(super) fn new(
        overflow: Overflow,
        capacity: usize,
        gather: Duration,
        catalogue: Catalogue,
        defaults: Mode,
        modes: impl Iterator<Item = (u64, Mode)>,
    ) -> Self {
        let mut tallies = Table::new();
        for (identifier, mode) in modes {
            tallies.get_or_insert(identifier, Tally { counts: Counts::default(), mode });
        }
        let state = State {
            filling: resident(capacity),
            schemas: Vec::new(),
            catalogue,
            tallies,
            counts_changed: false,
            defaults,
            requested: 0,
            completed: 0,
            sync: false,
            crowded: false,
            end: None,
            failure: None,
        };
        let [work, room, done] = [(); 3].map(|()| Condvar::new());
        Self { state: Mutex::new(state), work, room, done, overflow, capacity, gather }
    }

    /// A batch whose buffer is to be swapped with the queue's.
    pub(super) fn batch(&self) -> Batch {
        Batch {
            entries: resident(self.capacity),
            schemas: Vec::new(),
            tallies: Table::new(),
            counts_changed: false,
            sync: false,
            end: None,
            ticket: 0,
        }
    }

    /// Queues one instance of a record, or does what the overflow policy says.
    pub(super) fn push(&self, id: RecordId, time: Option<Micros>, payload: &[u8]) -> Result<Outcome> {
        let len = payload.len().saturating_add(HEAD);
        if len > self.capacity {
            let (size, limit) = (len as u64, self.capacity as u64);
            return Err(Error::Limit { what: "a record in one half of the queue", size, limit });
        }
        let mut state = self.lock();
        let time = state.tally(id)?.mode.time(time);
        while state.filling.len() + len > self.capacity {
            self.call_for_room(&mut state);
            if self.overflow == Overflow::Drop {
                state.counts_changed = true;
                let counts = &mut state.tally(id)?.counts;
                counts.attempted += 1;
                counts.dropped += 1;
                return Ok(Outcome::Dropped);
            }
            state = wait(&self.room, state);
            state.check()?;
        }
        state.tally(id)?.counts.attempted += 1;
        let before = state.filling.len();
        put_entry(id, time, payload, &mut state.filling);
        let after = state.filling.len();
        drop(state);
        // The thread is woken when there is something at all, and when it should gather no longer; not each time.
        if before == 0 || (before < self.capacity / 2 && after >= self.capacity / 2) {
            self.work.notify_one();
        }
        Ok(Outcome::Queued)
    }

    fn call_for_room(&self, state: &mut State) {
        if !state.crowded {
            state.crowded = true;
            self.work.notify_one();
        }
    }

    /// As `Writer::reserve`.
    pub(super) fn reserve(&self, name: &str) -> Result<RecordId> {
        let mut state = self.lock();
        state.check()?;
        state.catalogue.reserve(name).map(RecordId)
    }

    /// As `Writer::declare` and `declare_as`. Never waits: the declaration goes ahead of all entries, and none
    /// of its own is among them yet.
    pub(super) fn declare(&self, wanted: Option<u64>, name: &str, schema: &Schema) -> Result<RecordId> {
        let bytes = schema.to_bytes();
        let mut state = self.lock();
        state.check()?;
        let declared = state.catalogue.declare(wanted, name, schema)?;
        let id = RecordId(declared.identifier());
        if declared == Declared::Now(id.0) {
            let tally = Tally { counts: Counts::default(), mode: state.defaults };
            state.tallies.get_or_insert(id.0, tally);
            state.schemas.push(NewSchema { id, name: name.as_bytes().into(), schema: bytes });
            drop(state);
            self.work.notify_one();
        }
        Ok(id)
    }

    /// Returns when everything queued before is flushed, and synced if asked for.
    pub(super) fn flush(&self, sync: bool) -> Result<()> {
        let mut state = self.lock();
        state.check()?;
        state.requested += 1;
        state.sync |= sync;
        let ticket = state.requested;
        self.work.notify_one();
        while state.completed < ticket {
            state.check_failure()?;
            state = wait(&self.done, state);
        }
        Ok(())
    }

    pub(super) fn counts(&self) -> Vec<(RecordId, Counts)> {
        self.lock().tallies.iter().map(|(identifier, tally)| (RecordId(identifier), tally.counts)).collect()
    }

    pub(super) fn name(&self, id: RecordId) -> Vec<u8> {
        self.lock().catalogue.name(id.0).map(<[u8]>::to_vec).unwrap_or_default()
    }

    /// Takes the record that this thread writes itself away from the callers.
    pub(super) fn keep_for_itself(&self, id: RecordId) {
        self.lock().tallies.remove(id.0);
    }

    /// Lets nothing more in. What is in is still written.
    pub(super) fn close(&self, end: End) {
        self.lock().end.get_or_insert(end);
        self.work.notify_one();
        self.room.notify_all();
    }

    /// The log has failed, or its thread is gone: everyone is told.
    pub(super) fn fail(&self, failure: Failure) {
        self.lock().failure.get_or_insert(failure);
        self.room.notify_all();
        self.done.notify_all();
    }

    /// Waits for something to do, lets more gather unless it presses, and takes it all.
    pub(super) fn take(&self, batch: &mut Batch) {
        batch.entries.clear();
        let mut state = self.lock();
        while !state.has_work() {
            state = wait(&self.work, state);
        }
        let begun = Instant::now();
        while !state.presses(self.capacity / 2) {
            let Some(left) = self.gather.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) else { break };
            state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.hand_over(batch);
        drop(state);
        self.room.notify_all();
    }

    /// Everything in this batch is flushed, and synced if it asked for that.
    pub(super) fn complete(&self, batch: &Batch) {
        self.lock().completed = batch.ticket;
        self.done.notify_all();
    }

    /// Nothing panics while the lock is held, so a poisoned one guards good state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condition.wait(state).unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn check(&self) -> Result<()> {
        self.check_failure()?;
        match self.end {
            None => Ok(()),
            Some(_) => Err(Error::Usage("the log is finished".to_owned())),
        }
    }

    fn check_failure(&self) -> Result<()> {
        self.failure.as_ref().map_or(Ok(()), |failure| Err(failure.to_error()))
    }

    fn tally(&mut self, id: RecordId) -> Result<&mut Tally> {
        self.check()?;
        self.tallies.get_mut(id.0).ok_or_else(|| undeclared(id))
    }

    fn has_work(&self) -> bool {
        !self.filling.is_empty() || !self.schemas.is_empty() || self.presses(usize::MAX)
    }

    /// Whether the thread should gather no longer.
    fn presses(&self, enough: usize) -> bool {
        self.filling.len() >= enough || self.requested > self.completed || self.crowded || self.end.is_some()
    }

    fn hand_over(&mut self, batch: &mut Batch) {
        std::mem::swap(&mut self.filling, &mut batch.entries);
        std::mem::swap(&mut self.schemas, &mut batch.schemas);
        batch.counts_changed = self.counts_changed || self.end.is_some();
        if batch.counts_changed {
            batch.tallies.clone_from(&self.tallies);
        }
        batch.sync = std::mem::take(&mut self.sync);
        batch.ticket = self.requested;
        batch.end = self.end;
        self.counts_changed = false;
        self.crowded = false;
    }
}

/// An empty buffer whose memory is there: written to once, so that no caller meets a page fault.
fn resident(capacity: usize) -> Vec<u8> {
    let mut buffer = vec![0xff; capacity];
    buffer.clear();
    buffer
}

fn put_entry(id: RecordId, time: Option<Micros>, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&id.0.to_le_bytes());
    out.push(u8::from(time.is_some()));
    out.extend_from_slice(&time.map_or(0, |time| time.0).to_le_bytes());
    out.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    out.extend_from_slice(payload);
}

/// Takes the entry off the front; `None` when there is none left.
pub(super) fn next_entry<'a>(entries: &mut &'a [u8]) -> Option<(RecordId, Option<Micros>, &'a [u8])> {
    let (id, rest) = entries.split_first_chunk()?;
    let ([timed], rest) = rest.split_first_chunk()?;
    let (time, rest) = rest.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let (payload, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)?;
    *entries = rest;
    let time = (*timed != 0).then_some(Micros(i64::from_le_bytes(*time)));
    Some((RecordId(u64::from_le_bytes(*id)), time, payload))
}
