//! The segments of a store, read in order as one log, also while they are written and deleted.
//!
//! A writer begins a segment only when the one before it is closed. So the end of a segment is known to be the end when
//! there is a later one, and what is read after that was seen is all of it. A segment that is gone before it was opened
//! was deleted; one that is deleted while it is read stays readable to its end.
//!
//! Segments are read, not mapped: the one that grows may shrink, when a full disk makes its writer cut off half a block.

use std::fs::{File, TryLockError};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlog::read::{Cause, Damage, Data, Event, Finding, ReadOptions, Skipped, StreamReader};
use tlog::{Error, Result};

use super::names;
use super::segment::locate;

/// How many damaged segments are remembered.
const KEPT: usize = 64;

/// A segment of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number, by which segments are ordered.
    pub number: u64,
    /// Its file, which may be gone by now.
    pub path: PathBuf,
}

/// What a store's reader comes across, in order.
#[derive(Debug)]
pub enum StoreEvent<'a> {
    /// Something in a segment. Offsets are in bytes from the start of that segment.
    Log {
        /// Which.
        segment: &'a Segment,
        /// What.
        event: Event<'a>,
    },
    /// Segments that were deleted before they could be read: these numbers.
    Deleted(Range<u64>),
}

/// Data, and where it is.
#[derive(Clone, Copy, Debug)]
pub struct StoreData<'a> {
    /// The segment.
    pub segment: &'a Segment,
    /// The data; its offset is in bytes from the start of the segment.
    pub data: Data<'a>,
}

/// What was skipped in a segment.
#[derive(Clone, Debug)]
pub struct SegmentDamage {
    /// Which.
    pub segment: Segment,
    /// What was skipped there.
    pub damage: Damage,
}

/// Reads the segments of a store in order.
///
/// Each segment declares its records anew, and another writer may have given them other identifiers: what belongs to
/// several segments is recognised by its name and type. Each record comes at most once and in order, whatever the writer does meanwhile. Without
/// [`follow`](ReadOptions::follow) it ends with what the newest segment holds that there was when the reader was opened; with
/// it, the reader goes on into the segments to come, and `None` means that there is nothing for now.
#[derive(Debug)]
pub struct StoreReader {
    dir: PathBuf,
    options: ReadOptions,
    /// Behind the last segment that is to be read, when the store is not followed.
    end: Option<u64>,
    /// The segment that is read now, or the last one that was.
    segment: Segment,
    state: State,
    /// Of the segments that were read to their end.
    damage: Vec<SegmentDamage>,
    stretches: u64,
    deleted: u64,
}

#[derive(Debug)]
enum State {
    /// Inside the segment.
    In(Box<Inside>),
    /// The segment with this number is next.
    Next(u64),
}

#[derive(Debug)]
struct Inside {
    file: Arc<File>,
    reader: StreamReader<Arc<File>>,
    /// Whether nothing more will be written to it.
    is_final: bool,
    /// What was skipped of a segment whose header is none.
    headless: Option<Damage>,
}

/// What comes next.
enum Step {
    Found(Finding),
    Unreadable(Skipped),
    Deleted(Range<u64>),
    /// Nothing, or nothing for now.
    Nothing,
}

impl Inside {
    fn damage(&self) -> &Damage {
        self.headless.as_ref().unwrap_or_else(|| self.reader.damage())
    }
}

impl StoreReader {
    /// A reader of the store in the folder `dir`.
    ///
    /// # Errors
    /// [`Error::Io`], when the folder cannot be read.
    pub fn open(dir: impl AsRef<Path>, options: ReadOptions) -> Result<Self> {
        let dir = dir.as_ref();
        let numbers = names::numbers(dir)?;
        let first = numbers.first().copied().unwrap_or(1);
        let behind_last = numbers.last().map_or(0, |last| last.saturating_add(1));
        Ok(Self {
            dir: dir.to_owned(),
            end: (!options.follow).then_some(behind_last),
            options,
            segment: Segment { number: first, path: names::segment(dir, first) },
            state: State::Next(first),
            damage: Vec::new(),
            stretches: 0,
            deleted: 0,
        })
    }

    /// The next thing in the store. `None` at its end or, when it is followed, for now: try again later.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Format`] at the first defect if reading is strict; its offset is in [`segment`](Self::segment).
    pub fn next_event(&mut self) -> Result<Option<StoreEvent<'_>>> {
        let event = match self.step()? {
            Step::Nothing => return Ok(None),
            Step::Deleted(numbers) => return Ok(Some(StoreEvent::Deleted(numbers))),
            Step::Unreadable(skipped) => Event::Skipped(skipped),
            Step::Found(finding) => match self.view(finding) {
                Some(event) => event,
                None => return Ok(None),
            },
        };
        Ok(Some(StoreEvent::Log { segment: &self.segment, event }))
    }

    /// The next data that is selected; everything else is passed over, damage and deleted segments are counted.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn next_data(&mut self) -> Result<Option<StoreData<'_>>> {
        let finding = loop {
            match self.step()? {
                Step::Found(finding) if finding.is_data() => break finding,
                Step::Nothing => return Ok(None),
                _ => {}
            }
        };
        match self.view(finding) {
            Some(Event::Data(data)) => Ok(Some(StoreData { segment: &self.segment, data })),
            _ => Ok(None),
        }
    }

    /// Ends following: what is there is all that comes.
    ///
    /// # Errors
    /// [`Error::Io`], when the folder cannot be read.
    pub fn end_follow(&mut self) -> Result<()> {
        self.end = Some(names::numbers(&self.dir)?.last().map_or(0, |last| last.saturating_add(1)));
        Ok(())
    }

    /// The segment that the latest event is from.
    pub const fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Segments in which something was skipped, the first 64.
    pub fn damage(&self) -> Vec<SegmentDamage> {
        let mut damage = self.damage.clone();
        if let State::In(inside) = &self.state
            && !inside.damage().is_none()
            && damage.len() < KEPT
        {
            damage.push(SegmentDamage { segment: self.segment.clone(), damage: inside.damage().clone() });
        }
        damage
    }

    /// How many stretches were skipped in all segments.
    pub fn skipped(&self) -> u64 {
        let here = if let State::In(inside) = &self.state { inside.damage().stretches } else { 0 };
        self.stretches.saturating_add(here)
    }

    /// How many segments were deleted before they could be read.
    pub const fn deleted(&self) -> u64 {
        self.deleted
    }

    fn view(&self, finding: Finding) -> Option<Event<'_>> {
        match &self.state {
            State::In(inside) => inside.reader.view(finding),
            State::Next(_) => None,
        }
    }

    fn step(&mut self) -> Result<Step> {
        loop {
            let inside = match &mut self.state {
                State::In(inside) => inside,
                State::Next(number) => {
                    let number = *number;
                    match self.enter(number)? {
                        Some(step) => return Ok(step),
                        None => continue,
                    }
                }
            };
            match inside.reader.find() {
                Ok(Some(finding)) => return Ok(Step::Found(finding)),
                Ok(None) if inside.is_final => self.leave(),
                Ok(None) if self.finalize()? => {}
                Ok(None) => return Ok(Step::Nothing),
                Err(Error::Format { offset: 0, cause }) if !self.options.strict => return self.pass_headless(cause),
                Err(e) => return Err(locate(&self.segment.path, e)),
            }
        }
    }

    /// Opens the segment with this number or the first behind it that is there. `None` when that is done.
    fn enter(&mut self, number: u64) -> Result<Option<Step>> {
        if self.end.is_some_and(|end| number >= end) {
            return Ok(Some(Step::Nothing));
        }
        if self.try_enter(number)? {
            return Ok(None);
        }
        let Some(&there) = names::numbers(&self.dir)?.iter().find(|&&there| there >= number) else {
            return Ok(Some(Step::Nothing));
        };
        // A later segment is there: this one was there before it. If it is not now, it has been deleted.
        if there == number || self.try_enter(number)? {
            return Ok(None);
        }
        let next = self.end.map_or(there, |end| there.min(end));
        self.state = State::Next(next);
        self.deleted = self.deleted.saturating_add(next - number);
        Ok(Some(Step::Deleted(number..next)))
    }

    fn try_enter(&mut self, number: u64) -> Result<bool> {
        let path = names::segment(&self.dir, number);
        let file = match File::open(&path) {
            Ok(file) => Arc::new(file),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(Error::io_at(path, e)),
        };
        self.segment = Segment { number, path };
        let options = ReadOptions { follow: true, ..self.options.clone() };
        let reader = StreamReader::new(Arc::clone(&file), options);
        self.state = State::In(Box::new(Inside { file, reader, is_final: false, headless: None }));
        Ok(true)
    }

    /// The segment does not start as a log does: nothing of it is read.
    fn pass_headless(&mut self, cause: Cause) -> Result<Step> {
        let State::In(inside) = &mut self.state else { return Ok(Step::Nothing) };
        let len = inside.file.metadata().map_err(|e| Error::io_at(&self.segment.path, e))?.len();
        let skipped = Skipped { range: 0..len, cause };
        inside.headless.get_or_insert_default().add(&skipped);
        inside.is_final = true;
        Ok(Step::Unreadable(skipped))
    }

    /// The segment has been read to its end.
    fn leave(&mut self) {
        let State::In(inside) = std::mem::replace(&mut self.state, State::Next(self.segment.number + 1)) else {
            return;
        };
        let damage = inside.damage();
        self.stretches = self.stretches.saturating_add(damage.stretches);
        if !damage.is_none() && self.damage.len() < KEPT {
            self.damage.push(SegmentDamage { segment: self.segment.clone(), damage: damage.clone() });
        }
    }

    /// There is nothing more in the segment for now. Whether there is something to go on with: the rest of it, now that
    /// it is known to be final, or its successor.
    fn finalize(&mut self) -> Result<bool> {
        let State::In(inside) = &mut self.state else { return Ok(true) };
        let number = self.segment.number;
        let len = inside.file.metadata().map_err(|e| Error::io_at(&self.segment.path, e))?.len();
        if len == 0 && inside.reader.offset() == 0 && !self.segment.path.exists() {
            // It was taken back before anything was written to it.
            self.state = State::Next(number);
            return Ok(true);
        }
        let has_successor = names::segment(&self.dir, number + 1).exists()
            || names::numbers(&self.dir)?.last().is_some_and(|&last| last > number);
        // What ends inside a block is either about to be completed, or never will be.
        let is_torn = || inside.reader.offset() < len || len == 0;
        let is_final = has_successor || (self.end.is_some() && is_torn() && !is_being_written(&self.dir));
        if is_final {
            inside.reader.end_follow();
            inside.is_final = true;
        }
        Ok(is_final)
    }
}

/// Whether a writer has the store in the folder `dir` open just now.
pub fn is_being_written(dir: impl AsRef<Path>) -> bool {
    let Ok(lock) = File::open(dir.as_ref().join(names::LOCK)) else { return false };
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}
