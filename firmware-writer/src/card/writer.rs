//! The state machine of the writer. Each call of [`Writer::poll`] drains what is waiting into the batch at hand and makes
//! one step with the card: none waits for a card that is busy.

use core::task::Poll;

use tlog::Record;
use tlog::wire::batch::{self, Batch};
use tlog::wire::{crc, session};

use super::buffer::{Buffer, Mark};
use super::job::{Job, Step};
use super::log::{Log, What};
use super::scan::{Found, Scan, Wanted};
use super::stream::Declarations;
use super::{Config, Counts, TooSmall, Trouble};
use crate::clock::{ClockRecord, widen};
use crate::device::{BlockDevice, DeviceError, SECTOR};
use crate::drain::Table;
use crate::kinds::Kind;
use crate::source::{Lost, Source};

/// So often a write is tried before its file is given up.
const ATTEMPTS: u8 = 3;

/// So many files are given up one after the other before the card is.
const ABANDONED: u8 = 4;

/// How long the payload of `tlog.clock` is.
const CLOCK_LEN: usize = 8 + 8 + 1;

/// After so many, the next file by number follows, so that two that fail do not take all the attempts.
const IN_TURN: u8 = 2;

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
        let now = now as u32;
        match self.stage {
            Stage::Reset => self.reset(now),
            Stage::Scan => self.search(now),
            Stage::Ready if self.is_due(now) => self.write(What::Control, now),
            Stage::Logging if self.is_due(now) => self.write_batch(now),
            Stage::Ready if self.can_close() => self.closed(),
            Stage::Logging if self.can_close() => self.end(now),
            Stage::Ready | Stage::Logging => Progress::Idle,
            Stage::Writing(what) => self.go_on(what, now),
            Stage::Waiting(_) if now.wrapping_sub(self.since) >= self.config.pause => self.look_again(now),
            Stage::Waiting(trouble) => Progress::Stopped(trouble),
            Stage::Closed => Progress::Closed,
        }
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

    fn head(&self) -> Batch {
        Batch {
            session: self.log.file.session,
            sequence: self.log.sequence,
            dropped: self.lost.dropped.wrapping_add(self.counts.oversized),
            overwritten: self.lost.overwritten,
            retries: self.counts.retries,
            longest_write: self.counts.longest_write,
            high_water: self.high_water,
            ..Batch::default()
        }
    }

    fn write_batch(&mut self, now: u32) -> Progress {
        self.log.sealed = self.log.buffer.seal(self.head());
        self.write(What::Data, now)
    }

    #[inline(never)] // called from many places: flash
    fn write(&mut self, what: What, now: u32) -> Progress {
        let (first, count) = self.log.sectors(what);
        self.job = Job::new(first, count, now);
        self.stage = Stage::Writing(what);
        Progress::Working
    }

    fn go_on(&mut self, what: What, now: u32) -> Progress {
        let mut scratch = [0; SECTOR];
        let head = self.head();
        let started = self.job.started;
        let sector = self.job.next().map(|at| self.log.sector(what, at, head, &mut scratch));
        match self.job.step(&mut self.device, sector, now, self.config.timeout) {
            Ok(Step::Moved) => Progress::Working,
            Ok(Step::Busy) => Progress::Busy,
            Ok(Step::Done) => self.written(what, started, now),
            Err(error) => self.failed(what, error, now),
        }
    }

    /// The card has acknowledged a write.
    fn written(&mut self, what: What, started: u32, now: u32) -> Progress {
        self.attempts = 0;
        match what {
            What::Control => self.write(What::Wipe, now),
            What::Wipe => self.write(What::Declare, now),
            What::Declare => self.begun(),
            What::Data => self.acknowledged(started, now),
            What::Index => self.write(What::Trailer, now),
            What::Trailer => self.write(What::Tail, now),
            What::Tail => self.completed(),
        }
    }

    /// The file has its first batch: what is at hand, sealed or not, comes behind it.
    fn begun(&mut self) -> Progress {
        let (base, head_at) = (self.log.declarations.len(), self.log.declarations.head_at);
        self.log.next = self.log.declarations.sectors;
        self.log.sequence = 1;
        self.log.buffer.move_to(base, head_at);
        self.counts.files = self.counts.files.wrapping_add(1);
        self.stage = Stage::Logging;
        Progress::Working
    }

    #[inline(never)] // flash
    fn acknowledged(&mut self, started: u32, now: u32) -> Progress {
        let (log, counts) = (&mut self.log, &mut self.counts);
        let took = now.wrapping_sub(started);
        counts.longest_write = counts.longest_write.max(took);
        counts.acknowledged = counts.acknowledged.wrapping_add(log.buffer.records);
        self.is_own = log.buffer.records == 0;
        counts.batches = counts.batches.wrapping_add(1);
        let sequence = log.sequence;
        log.next += log.sealed;
        log.sequence = log.sequence.wrapping_add(1);
        log.sealed = 0;
        // The file's sectors were counted to fit into 32 bits as bytes.
        log.buffer.open(log.next.saturating_mul(SECTOR as u32));
        (self.is_full, self.abandoned, self.behind) = (false, 0, 0);
        self.stage = Stage::Logging;
        if !self.log.has_room() {
            self.end(now);
        }
        Progress::Acknowledged(sequence)
    }

    /// Closes the file. Nothing was drained since its last batch, nor is before there is another file: a record would move a
    /// mark, and the index, which may have to be written again, needs those of this file.
    fn end(&mut self, now: u32) -> Progress {
        self.is_full = true;
        self.write(if self.log.declarations.index_sectors() == 1 { What::Trailer } else { What::Index }, now)
    }

    /// The file is closed.
    fn completed(&mut self) -> Progress {
        if self.can_close() {
            return self.closed();
        }
        self.begin_file();
        self.stage = Stage::Scan;
        Progress::Working
    }

    #[inline(never)] // called from many places: flash
    fn closed(&mut self) -> Progress {
        self.stage = Stage::Closed;
        Progress::Closed
    }

    /// Looks for another file. What is at hand will go there.
    fn begin_file(&mut self) {
        if self.log.buffer.is_empty() {
            self.is_full = false;
            self.log.buffer.forget();
            self.log.buffer.open(self.log.declarations.len());
        }
        self.log.buffer.forget_losses();
        (self.told, self.log.sequence) = (0, 0);
        self.is_clock_due = self.has_clock;
        self.scan.restart(self.behind);
        self.again = None;
        self.attempts = 0;
    }

    fn failed(&mut self, what: What, error: DeviceError, now: u32) -> Progress {
        if let DeviceError::Absent | DeviceError::WriteProtected = error {
            return self.wait(error.into(), now);
        }
        self.counts.retries = self.counts.retries.wrapping_add(1);
        self.attempts += 1;
        self.again = Some(what);
        if self.attempts >= ATTEMPTS {
            self.attempts = 0;
            self.again = None;
            self.counts.abandoned = self.counts.abandoned.wrapping_add(1);
            self.abandoned = self.abandoned.saturating_add(1);
            self.behind = u32::from(self.log.file.number) + 1;
            if self.can_close() && matches!(what, What::Index | What::Trailer | What::Tail) {
                return self.closed();
            }
        }
        if self.abandoned >= ABANDONED {
            // The turns go on behind this file.
            self.abandoned = IN_TURN;
            return self.wait(Trouble::Failing, now);
        }
        self.look_again(now)
    }

    #[inline(never)] // called from many places: flash
    fn wait(&mut self, trouble: Trouble, now: u32) -> Progress {
        self.counts.troubles = self.counts.troubles.wrapping_add(1);
        self.again = None;
        // Nor is an index written again: the batch behind it takes records meanwhile.
        self.is_full &= !self.log.buffer.is_empty();
        self.stage = Stage::Waiting(trouble);
        self.since = now;
        Progress::Stopped(trouble)
    }

    #[inline(never)] // called from many places: flash
    fn look_again(&mut self, now: u32) -> Progress {
        self.stage = Stage::Reset;
        self.job = Job::new(0, 0, now);
        Progress::Working
    }

    fn reset(&mut self, now: u32) -> Progress {
        let job = &mut self.job;
        if job.moved == 0 {
            job.moved = now;
        }
        match &self.device.reset() {
            Poll::Pending if now.wrapping_sub(job.moved) > self.config.timeout => self.wait(Trouble::Failing, now),
            Poll::Pending => Progress::Busy,
            Poll::Ready(Err(error)) => self.wait((*error).into(), now),
            Poll::Ready(Ok(card)) => self.identified(crc::hash(card), now),
        }
    }

    /// The card is ready: the same write again if it is the same card, otherwise a new file.
    fn identified(&mut self, card: u32, now: u32) -> Progress {
        let is_same = self.card == card;
        self.card = card;
        let again = self.again.take().filter(|_| is_same);
        if let Some(what) = again.filter(|&what| self.is_there(what)) {
            return if what == What::Data { self.write_batch(now) } else { self.write(what, now) };
        }
        if !is_same {
            // What failed were files of the other one: here, the oldest comes first again.
            (self.behind, self.abandoned) = (0, 0);
        }
        self.begin_file();
        self.stage = Stage::Scan;
        Progress::Working
    }

    /// Whether what was written before this is still on the card: while nothing was written, somebody may have taken it
    /// out, prepared it anew, and put it in again.
    fn is_there(&mut self, what: What) -> bool {
        let is_begun = match what {
            What::Control => return true,
            What::Wipe | What::Declare => false,
            What::Data | What::Index | What::Trailer | What::Tail => true,
        };
        let file = &self.log.file;
        let mut sector = [0; SECTOR];
        if self.device.read(if is_begun { file.extent.first } else { file.control }, &mut sector).is_err() {
            return false;
        }
        let there = if is_begun { batch::session_at_start(&sector) } else { session::parse(&sector) };
        there == Some(file.session)
    }

    #[inline(never)] // flash
    fn search(&mut self, now: u32) -> Progress {
        let &Config { place, when_full, .. } = self.config;
        let wanted = Wanted { place, when_full, in_turn: self.abandoned >= IN_TURN, least: self.log.least() };
        let found = match self.scan.step(&mut self.device, &wanted) {
            Ok(false) => return Progress::Working,
            Ok(true) => self.scan.found(&wanted),
            Err(trouble) => Err(trouble),
        };
        match found {
            Ok(found) => (self.log.file, self.stage) = (found, Stage::Ready),
            Err(trouble) => return self.wait(trouble, now),
        }
        Progress::Working
    }
}

/// Whether something up to a time waits in the source.
#[inline(never)] // called from many places: flash
fn waits<S: Source + ?Sized>(source: &mut S, now: u64, until: u64) -> bool {
    source.peek().is_some_and(|head| widen(now, head.time) <= until)
}
