//! The writer as its user sees it. Each call of [`Writer::poll`] drains what is waiting into the batch at hand and makes
//! one step with the card (`stages.rs`): none waits for a card that is busy.

mod stages;

use core::task::Poll;

use tlog::Record;

use super::buffer::{Buffer, Mark};
use super::job::Job;
use super::log::{Log, What};
use super::scan::{Found, Scan};
use super::stream::Declarations;
use super::{Config, Counts, TooSmall, Trouble};
use crate::clock::{ClockRecord, widen};
use crate::device::BlockDevice;
use crate::drain::Table;
use crate::kinds::Kind;
use crate::source::{Lost, Source};

/// How long the payload of `tlog.clock` is.
const CLOCK_LEN: usize = 8 + 8 + 1;

/// What came of a call of [`Writer::poll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is to be done until there are records, or time has passed.
    Idle,
    /// The card is busy.
    Busy,
    /// There is more to do at once.
    Working,
    /// The card has acknowledged the batch with this sequence: its records are safe.
    Acknowledged(u32),
    /// Nothing can be written for now.
    Stopped(Trouble),
    /// The log is closed.
    Closed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Making the card ready.
    Reset,
    /// Looking for a file.
    Scan,
    /// There is a file, and nothing has been written for its session.
    Ready,
    /// There is a file with a first batch.
    Logging,
    Writing(What),
    Waiting(Trouble),
    Closed,
}

/// What was asked for, about all records up to [`Writer::until`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    None,
    Flush,
    Close,
}

/// Writes the records of a [`Source`] to a card.
///
/// The batch buffer is a whole number of sectors, at least a few; 16 (8 KiB) are a good size: with each batch one more
/// sector is written than it has. There is one [`Mark`] for each kind.
pub struct Writer<'m, D> {
    device: D,
    config: &'m Config<'m>,
    log: Log<'m>,
    stage: Stage,
    job: Job,
    scan: Scan,
    request: Request,
    /// The time that the request is about; the end of time without one.
    until: u64,
    /// The write to be repeated once the card is ready again.
    again: Option<What>,
    attempts: u8,
    abandoned: u8,
    /// The number behind the file that was given up last; 0 for none.
    behind: u32,
    /// What tells its card from others: of its identification.
    card: u32,
    /// When waiting for the card began: from there on the pause counts, as polls may come late by any time.
    since: u32,
    /// When the first record came into the batch at hand.
    oldest: u32,
    /// Whether the batch at hand takes no more records.
    is_full: bool,
    /// Whether the file that comes next is still looked for.
    is_looking: bool,
    /// Whether the last batch had nothing but what the writer itself has to say.
    is_own: bool,
    /// Whether what is to be written before the log is closed still waits in the source.
    is_behind: bool,
    /// The payload of `tlog.clock`.
    clock: [u8; CLOCK_LEN],
    /// Whether it is known.
    has_clock: bool,
    is_clock_due: bool,
    lost: Lost,
    /// What of that the file at hand says by kind.
    told: u32,
    high_water: u32,
    counts: Counts,
}

impl<'m, D: BlockDevice> Writer<'m, D> {
    /// A writer of these kinds of records. Nothing happens before the first [`poll`](Self::poll).
    ///
    /// # Errors
    /// [`TooSmall`], when `batch` is not a whole number of sectors or too few for the kinds, or there are fewer `marks`
    /// than kinds and [`OWN_KINDS`](crate::drain::OWN_KINDS).
    pub fn new(
        device: D,
        config: &'m Config<'m>,
        kinds: &'m [Kind],
        batch: &'m mut [u8],
        marks: &'m mut [Mark],
    ) -> Result<Self, TooSmall> {
        Self::of_table(device, config, Table::new(kinds), batch, marks)
    }

    /// A writer of kinds of C.
    #[cfg(feature = "c-api")]
    pub(crate) fn of_c(
        device: D,
        config: &'m Config<'m>,
        kinds: crate::c_api::kinds::Kinds<'m>,
        batch: &'m mut [u8],
        marks: &'m mut [Mark],
    ) -> Result<Self, TooSmall> {
        Self::of_table(device, config, Table::of_c(kinds), batch, marks)
    }

    fn of_table(
        device: D,
        config: &'m Config<'m>,
        table: Table<'m>,
        batch: &'m mut [u8],
        marks: &'m mut [Mark],
    ) -> Result<Self, TooSmall> {
        let declarations = Declarations::new(table);
        let mut buffer = Buffer::new(table, batch, marks)?;
        buffer.open(declarations.len());
        Ok(Self {
            device,
            config,
            log: Log { declarations, buffer, file: Found::NONE, next: 0, sequence: 0, sealed: 0 },
            stage: Stage::Reset,
            job: Job::NONE,
            scan: Scan::NONE,
            request: Request::None,
            until: u64::MAX,
            again: None,
            attempts: 0,
            abandoned: 0,
            behind: 0,
            card: 0,
            since: 0,
            oldest: 0,
            is_full: false,
            is_looking: false,
            is_own: false,
            is_behind: false,
            clock: [0; CLOCK_LEN],
            has_clock: false,
            is_clock_due: false,
            lost: Lost::default(),
            told: 0,
            high_water: 0,
            counts: Counts::default(),
        })
    }

    /// Drains what is waiting and makes one step with the card. `now` is in microseconds since boot and never goes back.
    /// A [`flush`](Self::flush) that is under way is given up by it.
    pub fn poll<S: Source + ?Sized>(&mut self, source: &mut S, now: u64) -> Progress {
        if self.request == Request::Flush {
            self.ask(Request::None, u64::MAX);
        }
        self.advance(source, now)
    }

    fn advance<S: Source + ?Sized>(&mut self, source: &mut S, now: u64) -> Progress {
        self.fill(source, now);
        self.is_behind = self.is_closing() && waits(source, now, self.until);
        // What is compared are spans of less than an hour: 32 bits are enough.
        self.step(now as u32)
    }

    /// Writes what was logged up to the first call, full batch or not: to be called until it is ready. `Ok`: the card has
    /// acknowledged all of it. Polls by itself. One that was not called until it was ready goes on with the next call, about
    /// what it was about, unless [`poll`](Self::poll) was called meanwhile.
    ///
    /// # Errors
    /// [`Trouble`], when it cannot be written for now; it is not forgotten.
    #[inline(never)] // flash
    pub fn flush<S: Source + ?Sized>(&mut self, source: &mut S, now: u64) -> Poll<Result<(), Trouble>> {
        if self.request == Request::None {
            self.ask(Request::Flush, now);
        }
        let outcome = match self.advance(source, now) {
            Progress::Stopped(trouble) => Err(trouble),
            Progress::Closed if waits(source, now, now) => Err(Trouble::Closed),
            Progress::Closed => Ok(()),
            _ if waits(source, now, self.until) || self.log.sealed != 0 || !self.log.buffer.is_empty() => {
                return Poll::Pending;
            }
            _ => Ok(()),
        };
        self.ask(Request::None, u64::MAX);
        Poll::Ready(outcome)
    }

    /// As [`flush`](Self::flush), and closes the log then: with an index, and nothing is written any more.
    ///
    /// # Errors
    /// As [`flush`](Self::flush); [`Trouble::Closed`], when it was closed before and more has been logged since.
    pub fn close<S: Source + ?Sized>(&mut self, source: &mut S, now: u64) -> Poll<Result<(), Trouble>> {
        if !self.is_closing() {
            self.ask(Request::Close, now);
        }
        let outcome = match self.advance(source, now) {
            Progress::Stopped(trouble) => Err(trouble),
            Progress::Closed if waits(source, now, self.until) => Err(Trouble::Closed),
            Progress::Closed => Ok(()),
            _ => return Poll::Pending,
        };
        self.ask(Request::None, u64::MAX);
        Poll::Ready(outcome)
    }

    /// Tells what UTC it is; a record says so in this file and in each further one.
    pub fn set_clock(&mut self, clock: ClockRecord) {
        self.has_clock = clock.encode_to_slice(&mut self.clock).is_ok();
        self.is_clock_due = self.has_clock;
    }

    /// What has happened so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The session of the file at hand; `None` while nothing of it is being written or on the card.
    pub fn session(&self) -> Option<u32> {
        let is_begun = self.log.sequence != 0 || matches!(self.stage, Stage::Writing(_));
        is_begun.then_some(self.log.file.session)
    }

    /// The card.
    pub const fn device(&mut self) -> &mut D {
        &mut self.device
    }

    /// Gives the card back.
    pub fn into_device(self) -> D {
        self.device
    }

    fn is_closing(&self) -> bool {
        self.request == Request::Close
    }

    #[inline(never)] // called from many places: flash
    const fn ask(&mut self, request: Request, until: u64) {
        (self.request, self.until) = (request, until);
    }

    /// Whether all that was asked for has been drained.
    fn can_close(&self) -> bool {
        self.is_closing() && !self.is_behind
    }

    /// Drains into the batch at hand, unless that is being written, or takes no more.
    fn fill<S: Source + ?Sized>(&mut self, source: &mut S, now: u64) {
        self.lost = source.lost();
        self.high_water = source.high_water();
        if self.stage == Stage::Closed || self.log.sealed != 0 || self.is_full {
            return;
        }
        let table = self.log.declarations.table;
        let buffer = &mut self.log.buffer;
        let (was_empty, before) = (buffer.is_empty(), buffer.records);
        buffer.begin_time(source, now);
        // Losses that go on must not take the room of a record as long as a batch for ever.
        if was_empty && !self.is_own && source.peek().is_some() {
            self.own_records(source);
        }
        let buffer = &mut self.log.buffer;
        let (is_full, oversized) = buffer.fill(source, table.firmware(), now, self.until);
        if was_empty && !buffer.is_empty() {
            self.oldest = now as u32;
        }
        self.is_full = is_full;
        self.counts.taken = self.counts.taken.wrapping_add(buffer.records.wrapping_sub(before));
        self.counts.oversized = self.counts.oversized.wrapping_add(oversized);
    }

    /// What the writer itself has to say, at the start of a batch.
    fn own_records<S: Source + ?Sized>(&mut self, source: &S) {
        let table = self.log.declarations.table;
        if self.is_clock_due {
            self.is_clock_due = !self.log.buffer.own(table.clock_id(), &self.clock);
        }
        let lost = self.lost.dropped.wrapping_add(self.lost.overwritten);
        if lost != self.told && self.log.buffer.losses(source, table.firmware(), table.drops_id()) {
            self.told = lost;
        }
    }

    /// Whether the batch at hand is to be written now.
    fn is_due(&self, now: u32) -> bool {
        let is_old = now.wrapping_sub(self.oldest) >= self.config.latency;
        let is_wanted = self.is_full || is_old || self.request != Request::None;
        self.log.sealed != 0 || (is_wanted && !self.log.buffer.is_empty())
    }
}

/// Whether something up to a time waits in the source.
#[inline(never)] // called from many places: flash
fn waits<S: Source + ?Sized>(source: &mut S, now: u64, until: u64) -> bool {
    source.peek().is_some_and(|head| widen(now, head.time) <= until)
}
