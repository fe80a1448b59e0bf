//! The closed segments, and which of them go.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::options::Keep;
use super::system::System;
use super::{locked, names};

/// A closed segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    pub(super) number: u64,
    /// How long it is, in bytes.
    pub(super) bytes: u64,
    /// When it was written to last.
    pub(super) modified: SystemTime,
}

/// All closed segments.
#[derive(Debug)]
pub(super) struct Shelf {
    system: Arc<dyn System>,
    dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Ascending by number.
    closed: VecDeque<Closed>,
    /// What the closed ones take together.
    bytes: u64,
    /// Whether there is a segment behind the closed ones.
    has_newer: bool,
    deleted: u64,
    /// Why the latest attempt to delete one failed.
    failure: Option<String>,
}

/// What is on the shelf.
#[derive(Clone, Debug)]
pub(super) struct Stock {
    pub(super) segments: u64,
    pub(super) bytes: u64,
    pub(super) deleted: u64,
    pub(super) failure: Option<String>,
}

impl Shelf {
    pub(super) fn new(system: Arc<dyn System>, dir: &Path) -> Self {
        Self { system, dir: dir.to_owned(), state: Mutex::default() }
    }

    /// Puts a segment that has been closed behind all others.
    pub(super) fn push(&self, closed: Closed) {
        let mut state = locked(&self.state);
        state.bytes = state.bytes.saturating_add(closed.bytes);
        state.closed.push_back(closed);
        state.has_newer = false;
    }

    /// There is a segment now behind all that are here.
    pub(super) fn newer_exists(&self) {
        locked(&self.state).has_newer = true;
    }

    pub(super) fn stock(&self) -> Stock {
        let state = locked(&self.state);
        let segments = state.closed.len() as u64;
        Stock { segments, bytes: state.bytes, deleted: state.deleted, failure: state.failure.clone() }
    }

    /// Deletes the oldest segment; `false` when there is none that may go. The newest of all segments stays,
    /// as its number is what the next one is counted from.
    pub(super) fn delete_oldest(&self) -> io::Result<bool> {
        let mut state = locked(&self.state);
        state.delete_oldest(&*self.system, &self.dir)
    }

    /// Deletes what is not to be kept, beside a segment being written that takes `growing` bytes.
    /// A failure is noted and the next time tried again.
    pub(super) fn tidy(&self, keep: &Keep, growing: u64) {
        let mut state = locked(&self.state);
        let tidied = state.tidy(keep, growing, &*self.system, &self.dir);
        state.failure = tidied.err().map(|e| e.to_string());
    }
}

impl State {
    fn delete_oldest(&mut self, system: &dyn System, dir: &Path) -> io::Result<bool> {
        let Some(&oldest) = self.closed.front().filter(|_| self.has_newer || self.closed.len() > 1) else {
            return Ok(false);
        };
        delete(&names::segment(dir, oldest.number), system)?;
        self.closed.pop_front();
        self.bytes = self.bytes.saturating_sub(oldest.bytes);
        self.deleted += 1;
        Ok(true)
    }

    fn tidy(&mut self, keep: &Keep, growing: u64, system: &dyn System, dir: &Path) -> io::Result<()> {
        let now = system.wall_clock();
        let count = |state: &Self| state.closed.len() as u64 + u64::from(state.has_newer);
        let is_old = |closed: &Closed, limit| now.duration_since(closed.modified).is_ok_and(|age| age > limit);
        while keep.segments.is_some_and(|limit| count(self) > limit)
            || keep.bytes.is_some_and(|limit| self.bytes.saturating_add(growing) > limit)
            || keep.age.is_some_and(|limit| self.closed.front().is_some_and(|oldest| is_old(oldest, limit)))
        {
            if !self.delete_oldest(system, dir)? {
                break;
            }
        }
        self.tidy_for_space(keep, system, dir)
    }

    /// Counts what it deletes instead of asking again: a deleted segment that somebody still reads
    /// gives its space back later, and is not to take all others with it.
    fn tidy_for_space(&mut self, keep: &Keep, system: &dyn System, dir: &Path) -> io::Result<()> {
        let Some(limit) = keep.free else { return Ok(()) };
        let mut missing = limit.saturating_sub(system.free(dir)?);
        while missing > 0 {
            let freed = self.closed.front().map_or(0, |oldest| oldest.bytes);
            if !self.delete_oldest(system, dir)? {
                break;
            }
            missing = missing.saturating_sub(freed);
        }
        Ok(())
    }
}

/// Deletes a segment with all that belongs to it, itself last.
fn delete(segment: &Path, system: &dyn System) -> io::Result<()> {
    remove(&segment.with_extension("tlogx"), system)?;
    remove(&names::beside(segment, ".tlogx"), system)?;
    let mut attempt = 1;
    while remove(&names::torn(segment, attempt), system)? {
        attempt += 1;
    }
    remove(segment, system).map(drop)
}

/// Whether it was there.
fn remove(path: &Path, system: &dyn System) -> io::Result<bool> {
    match system.remove(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}
