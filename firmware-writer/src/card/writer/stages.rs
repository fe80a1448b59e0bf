//! The steps with the card, one for each call: what a stage does, and which one follows.

use core::task::Poll;

use tlog::wire::batch::{self, Batch};
use tlog::wire::{crc, session};

use super::{Progress, Stage, Writer};
use crate::card::Config;
use crate::card::Trouble;
use crate::card::job::{Job, Step};
use crate::card::log::What;
use crate::card::scan::Wanted;
use crate::device::{BlockDevice, DeviceError, SECTOR};

/// So often a write is tried before its file is given up.
const ATTEMPTS: u8 = 3;

/// So many files are given up one after the other before the card is.
const ABANDONED: u8 = 4;

/// After so many, the next file by number follows, so that two that fail do not take all the attempts.
const IN_TURN: u8 = 2;

impl<D: BlockDevice> Writer<'_, D> {
    /// Makes one step with the card.
    pub(super) fn step(&mut self, now: u32) -> Progress {
        match self.stage {
            Stage::Reset => self.reset(now),
            Stage::Scan => self.search(now),
            Stage::Ready if self.is_due(now) => self.write(What::Control, now),
            Stage::Logging if self.is_due(now) => self.write_batch(now),
            Stage::Ready if self.can_close() => self.closed(),
            Stage::Logging if self.can_close() => self.end(now),
            Stage::Logging if self.is_looking => self.look_ahead(),
            Stage::Ready | Stage::Logging => Progress::Idle,
            Stage::Writing(what) => self.go_on(what, now),
            Stage::Waiting(_) if now.wrapping_sub(self.since) >= self.config.pause => self.look_again(now),
            Stage::Waiting(trouble) => Progress::Stopped(trouble),
            Stage::Closed => Progress::Closed,
        }
    }

    fn head(&self) -> Batch {
        Batch {
            session: self.log.file.session,
            sequence: self.log.sequence,
            dropped: self.lost.dropped.wrapping_add(self.counts.oversized),
            overwritten: self.lost.overwritten,
            retries: self.counts.retries,
            abandoned: self.counts.abandoned,
            troubles: self.counts.troubles,
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
        self.look_anew();
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
        Progress::Working
    }

    #[inline(never)] // called from many places: flash
    fn closed(&mut self) -> Progress {
        self.stage = Stage::Closed;
        Progress::Closed
    }

    /// Goes on in another file, once it is found. What is at hand will go there.
    fn begin_file(&mut self) {
        if self.log.buffer.is_empty() {
            self.is_full = false;
            self.log.buffer.forget();
            self.log.buffer.open(self.log.declarations.len());
        }
        self.log.buffer.forget_losses();
        (self.told, self.log.sequence) = (0, 0);
        self.is_clock_due = self.has_clock;
        self.again = None;
        self.attempts = 0;
        self.stage = Stage::Scan;
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
        if !is_same {
            // What failed were files of the other one: here, the oldest comes first again.
            (self.behind, self.abandoned) = (0, 0);
        }
        // Somebody may have had it elsewhere: what was found so far counts no more.
        self.look_anew();
        let again = self.again.take().filter(|_| is_same);
        if let Some(what) = again.filter(|&what| self.is_there(what)) {
            return if what == What::Data { self.write_batch(now) } else { self.write(what, now) };
        }
        self.begin_file();
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

    fn look_anew(&mut self) {
        self.scan.restart(self.behind);
        self.is_looking = true;
    }

    /// Makes a step of the search; whether a file is found.
    #[inline(never)] // flash
    fn look(&mut self) -> Result<bool, Trouble> {
        let &Config { place, when_full, .. } = self.config;
        let wanted = Wanted { place, when_full, in_turn: self.abandoned >= IN_TURN, least: self.log.least() };
        self.scan.step(&mut self.device, &wanted)
    }

    fn search(&mut self, now: u32) -> Progress {
        let found = match self.look() {
            Ok(false) => return Progress::Working,
            Ok(true) => self.scan.found(&self.config.place),
            Err(trouble) => Err(trouble),
        };
        match found {
            Ok(found) => (self.log.file, self.stage) = (found, Stage::Ready),
            Err(trouble) => return self.wait(trouble, now),
        }
        Progress::Working
    }

    /// While there is nothing to write: looks for the file that comes next, so that it is known when this one is full.
    fn look_ahead(&mut self) -> Progress {
        let looked = self.look();
        if looked.is_err() {
            // It is said when the file is needed.
            self.scan.restart(self.behind);
        }
        self.is_looking = looked == Ok(false);
        if self.is_looking { Progress::Working } else { Progress::Idle }
    }
}
