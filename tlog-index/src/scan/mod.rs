//! Reading a log with several workers, to the same result as with one.
//!
//! What a reader makes of a block depends on what it met before: which records are declared, whether blocks have
//! checksums, how much was damaged. So a part of a log can only be read ahead of its turn on a guess:
//!
//! ```text
//! split   choose places in the log where a block seems to start, and guess what a reader knows there
//! read    every part by a worker of its own, from its place to the next one
//! join    front to back: where the reader of the front part ends *at* the next place, knowing what was
//!         guessed, the next part is what it would have read. Otherwise that part is read again, from where
//!         the front ends, and the rest with better guesses.
//! ```
//!
//! Guesses are good (`split.rs`): the joining never has to read again in a whole log, nor in one that is
//! merely cut off. They need not be: `tests/scan.rs` holds scans of whole, broken and hostile logs against a
//! single reader's.

mod part;
mod queue;
mod split;

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use tlog::read::{Place, ReadOptions, StreamReader};
use tlog::wire::block;
use tlog::{Error, Result};

use crate::index::{self, LogIndex, MIN_SPAN_SHIFT, Tally};
use part::How;
use split::Known;

/// Parts are at least so long, in bytes.
const MIN_PART: u64 = 512 << 10;

/// So many parts for each worker: one that waits for the memory longer then does not hold up the others.
const PARTS_PER_WORKER: u64 = 4;

/// After so many rounds of guesses that were wrong the rest is read by one worker.
const MAX_ROUNDS: usize = 3;

/// The end of a log is a part of its own, so that an index can grow from there.
const TAIL: u64 = 128 << 10;

/// How to scan.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    /// How many workers; 0 for as many as the machine has processors.
    pub workers: usize,
    /// Verify checksums. Without, damage that still looks like blocks is counted as such.
    pub verify: bool,
    /// Look at the values of fields: what [`RecordIndex::fields`](index::RecordIndex::fields) tells.
    pub fields: bool,
    /// How long a part of the log is at least that is given to a worker, in bytes.
    pub min_part: u64,
    /// How long the end of the log is that an index which is to grow with its log starts again from, in bytes.
    pub tail: u64,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { workers: 0, verify: true, fields: false, min_part: MIN_PART, tail: TAIL }
    }
}

impl ScanOptions {
    fn read_options(&self) -> ReadOptions {
        ReadOptions { verify: self.verify, raw_payloads: !self.fields, ..ReadOptions::default() }
    }
}

/// How far a scan has come, for others to watch.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
}

impl Progress {
    /// How many bytes have been read; more than there are when some had to be read again.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// An index, and from where on it can grow when its log does.
#[derive(Clone, Debug, Default)]
pub struct Scanned {
    /// The index of the log up to `place`, which holds however the log goes on there.
    pub front: LogIndex,
    /// Where the front ends: the start of the log, if it is too short to say more.
    pub place: Place,
    /// The index of what is behind `place`.
    pub tail: LogIndex,
}

impl Scanned {
    /// A front holds if nothing in it was damaged or had to be looked at twice: what is made of damage can depend
    /// on where the log ends. Otherwise growing starts from the start.
    fn new(front: LogIndex, place: Place, tail: LogIndex) -> Result<Self> {
        let is_damaged = place.standing.damaged || place.standing.effort > 0;
        let scanned = Self { front, place, tail };
        if is_damaged || !index::may_join(&scanned.front, &scanned.tail) {
            let tail = scanned.into_index();
            tail.check_limits()?;
            return Ok(Self { tail, ..Self::default() });
        }
        Ok(scanned)
    }

    /// The index of the whole log.
    pub fn into_index(self) -> LogIndex {
        let mut index = self.front;
        index.append(self.tail);
        index
    }
}

/// Scans a log.
///
/// # Errors
/// [`Error::Format`] when it does not start as a log does, [`Error::Limit`] when it declares too many records,
/// [`Error::Usage`] when the workers cannot be started.
pub fn scan(bytes: &[u8], options: &ScanOptions) -> Result<LogIndex> {
    scan_with(bytes, options, &Progress::default()).map(Scanned::into_index)
}

/// As [`scan`], and others can watch.
///
/// # Errors
/// As there.
pub fn scan_with(bytes: &[u8], options: &ScanOptions, progress: &Progress) -> Result<Scanned> {
    let first_block = block::check_file_header(bytes).map_err(|e| Error::Format { offset: 0, cause: e.into() })?;
    let start = Place { offset: first_block as u64, ..Place::default() };
    resume(bytes, options, progress, Scanned { place: start, ..Scanned::default() })
}

/// Scans what a reader has yet to read of a log that comes front to back: a stream, or a file that must not be mapped.
/// What is verified is up to the reader, and the values of fields are not looked at. When the log is followed, what
/// is there so far.
///
/// # Errors
/// As [`StreamReader::next_event`].
pub fn scan_stream<R: Read>(reader: &mut StreamReader<R>, progress: &Progress) -> Result<LogIndex> {
    let mut tally = Tally::new(MIN_SPAN_SHIFT, false);
    let mut told = reader.offset();
    loop {
        let standing = reader.standing();
        let Some(event) = reader.next_event()? else { break };
        tally.event(&event, standing)?;
        let at = reader.offset();
        progress.add(at.saturating_sub(told));
        told = at;
    }
    progress.add(reader.offset().saturating_sub(told));
    Ok(tally.finish(reader.offset()))
}

/// Scans what is behind the place up to which `known` has an index, of a log that has grown there.
///
/// # Errors
/// As [`scan`].
pub fn grow(bytes: &[u8], options: &ScanOptions, progress: &Progress, known: Scanned) -> Result<Scanned> {
    match known.front.size {
        0 => scan_with(bytes, options, progress),
        _ => resume(bytes, options, progress, known),
    }
}

fn resume(bytes: &[u8], options: &ScanOptions, progress: &Progress, known: Scanned) -> Result<Scanned> {
    let workers = rayon::ThreadPoolBuilder::new().num_threads(options.workers).build();
    let workers = workers.map_err(|e| Error::Usage(format!("workers cannot be started: {e}")))?;
    let read = &options.read_options();
    let span_shift = index::span_shift(bytes.len() as u64).max(known.front.span_shift);
    let how = How { bytes, options, read, span_shift, progress };
    let mut front = known.front;
    front.coarsen(span_shift);
    workers.install(|| run(&how, front, known.place))
}

/// Scans from `place` on, in front of which is what `front` tells.
fn run(how: &How<'_>, mut front: LogIndex, mut place: Place) -> Result<Scanned> {
    let targets = targets(how, place.offset);
    let mut known = Known::look(how.bytes, how.read, &place);
    let mut guesses = split::guesses(how.bytes, how.read, &known, &targets);
    for round in 1.. {
        let joined = queue::read(how, front, place, &guesses, &known)?;
        (front, place) = (joined.front, joined.place);
        if let Some(last) = joined.last {
            return Scanned::new(front, place, last);
        }
        guesses.retain(|guess| round < MAX_ROUNDS && guess.offset > place.offset);
        known = Known::at(&place);
    }
    // Not reached: the first part of each round follows, and without guesses it is the last.
    Scanned::new(front, place, LogIndex::default())
}

/// About where the parts should end.
fn targets(how: &How<'_>, from: u64) -> Vec<u64> {
    let len = how.bytes.len() as u64;
    let left = len.saturating_sub(from);
    let workers = rayon::current_num_threads() as u64;
    let parts = if workers > 1 { workers * PARTS_PER_WORKER } else { 1 };
    let part = left.div_ceil(parts).max(how.options.min_part).max(1);
    let tail = len.saturating_sub(how.options.tail);
    let behind = |target: &u64| target.checked_add(part).filter(|&target| target < tail);
    let mut targets: Vec<u64> = std::iter::successors(behind(&from), behind).collect();
    targets.extend(Some(tail).filter(|&tail| tail > from));
    targets
}
