//! The real writer on cards that fail, stall, go away, come back, are swapped and lose power, and the real reader as the
//! judge: what was acknowledged is there, and nothing is that was not logged in that very session.
//!
//! `TLOG_CARD_CAMPAIGN_ROUNDS` and `TLOG_CARD_CAMPAIGN_SEED` make it longer, or another one.

#[path = "support/firmware.rs"]
mod firmware;
#[path = "../../firmware-writer/tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::task::Poll;

use firmware::recovered;
use firmware_writer::card::{Config, Counts, Extent, Progress, Trouble, WhenFull, Writer};
use firmware_writer::clock::{ClockRecord, ClockSource};
use firmware_writer::device::DeviceError;
use firmware_writer::sim::{Event, Random, SimCard};
use support::{Logged, Memory, Queue, aligned_record, fat, reading, record};
use tlog::Micros;
use tlog_index::card::{self, Ending};

/// Sectors of the files of each card.
const FILES: [u32; 5] = [40, 70, 55, 120, 100];

/// Those of a card that is soon written over.
const FEW_FILES: [u32; 2] = [24, 40];

/// So many calls a flush may take: more than the worst of faults, stalls and pauses here needs.
const CALLS: u32 = 200_000;

/// A session as it really was.
#[derive(Clone, Debug)]
struct Truth {
    /// Which power cycle.
    boot: usize,
    /// The first of its records, in the order of those that the cycle logged.
    start: usize,
    /// How many the card has acknowledged.
    acknowledged: usize,
    /// The file.
    extent: Option<usize>,
    /// Whether another session has that file since.
    is_gone: bool,
}

/// All cards and all that ever happened to them.
struct World {
    random: Random,
    extents: Vec<Extent>,
    /// Those that are not in the device.
    drawer: Vec<(Vec<u8>, usize)>,
    /// The one that is.
    card: usize,
    /// By card and number.
    truths: BTreeMap<(usize, u32), Truth>,
    /// What each power cycle logged.
    logged: Vec<Vec<Logged>>,
    when_full: WhenFull,
    sectors: usize,
    /// Whether each power cycle logs the same.
    is_same: bool,
    /// Whether blocks end where sectors end, so that stale sectors between new ones are noticed by nothing but the sum.
    is_aligned: bool,
    what: String,
}

/// A power cycle.
struct Boot<'w, 'm> {
    world: &'w mut World,
    writer: Writer<'m, SimCard>,
    queue: Queue,
    now: u64,
    number: u32,
    journal: usize,
    acknowledged: usize,
    counts: Counts,
    last_fault: u64,
    is_absent: bool,
    /// Whether nothing went wrong since the last batch was acknowledged.
    is_calm: bool,
}

impl World {
    fn new(seed: u64, files: &[u32]) -> Self {
        let mut random = Random::new(seed);
        let (image, extents) = fat::card(files);
        let drawer = vec![(image.clone(), 0), (image, 1)];
        let when_full = if random.below(2) == 0 { WhenFull::Stop } else { WhenFull::Recycle };
        let (mut sectors, mut is_same) = (2 + random.below(5) as usize, random.below(2) == 0);
        let is_aligned = random.below(4) == 0;
        if is_aligned {
            (sectors, is_same) = (4, false);
        }
        let what = format!("seed {seed}");
        let (truths, logged) = (BTreeMap::new(), Vec::new());
        Self { random, extents, drawer, card: 0, truths, logged, when_full, sectors, is_same, is_aligned, what }
    }

    /// One card, written over again and again with batches of the same geometry: what a cut leaves of a batch lies between
    /// sectors of an earlier one whose blocks begin and end where its own do.
    fn stale(seed: u64) -> Self {
        let mut world = Self::new(seed, &FEW_FILES);
        world.drawer.truncate(1);
        (world.when_full, world.sectors, world.is_same, world.is_aligned) = (WhenFull::Recycle, 4, false, true);
        world
    }

    /// Compares what the reader makes of this card with what happened. Whether all of it must be `whole`.
    fn judge(&self, image: &[u8], whole: Option<u32>) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(image).unwrap();
        let card = card::open(file).unwrap();
        assert_eq!((card.files.len(), card.faults.len()), (self.extents.len(), 0));
        let mut found = BTreeMap::new();
        for file in &card.files {
            let glance = card::glance(file).unwrap();
            let mut used = tempfile::NamedTempFile::new().unwrap();
            card::used(file, used.as_file_mut(), |_| ()).unwrap();
            let bytes = std::fs::read(used.path()).unwrap();
            let (report, records) = recovered(&bytes, true);
            let Some(session) = glance.session.filter(|_| glance.ending != Ending::Empty) else {
                assert!(records.is_empty(), "{}: records of no session in {}", self.what, file.name);
                continue;
            };
            if whole == Some(session) {
                assert_eq!(report.lost_stretches, 0, "{}: {:?}", self.what, report.lost);
            }
            let is_new = found.insert(session, ()).is_none();
            assert!(is_new, "{}: session {session} is there twice", self.what);
            self.compare(session, &records);
        }
        for ((_, session), truth) in self.truths.range((self.card, 0)..=(self.card, u32::MAX)) {
            let is_due = truth.acknowledged > 0 && !truth.is_gone;
            assert!(!is_due || found.contains_key(session), "{}: session {session} is lost: {truth:?}", self.what);
        }
    }

    fn compare(&self, session: u32, records: &[Logged]) {
        let truth = self.truths.get(&(self.card, session));
        let truth = truth.unwrap_or_else(|| panic!("{}: session {session} from nowhere", self.what));
        let logged = &self.logged[truth.boot][truth.start..];
        if truth.is_gone {
            let mut rest = logged.iter();
            assert!(records.iter().all(|record| rest.any(|logged| logged == record)), "{}: false records", self.what);
            return;
        }
        let is_start = logged.starts_with(records);
        assert!(is_start, "{}: session {session} has {} records, some false: {truth:?}", self.what, records.len());
        let count = truth.acknowledged;
        assert!(records.len() >= count, "{}: session {session} has {} of {count}", self.what, records.len());
    }

    /// Runs one power cycle; the card that is in the device then goes back to the drawer.
    fn boot(&mut self) {
        let at = self.random.below(self.drawer.len() as u64) as usize;
        let (image, card) = self.drawer.swap_remove(at);
        self.card = card;
        self.logged.push(Vec::new());
        let config = Config {
            when_full: self.when_full,
            latency: 20_000 + self.random.below(1_000_000) as u32,
            timeout: 2_000_000,
            ..Config::DEFAULT
        };
        let mut memory = Memory::new(self.sectors);
        let mut device = SimCard::blank(1);
        device.insert(Some((image, [card as u8 + 1; 16])));
        if self.random.below(3) == 0 {
            device.set_busy(self.random.below(900), self.random.below(20_000));
        }
        let mut writer = memory.writer(device, &config);
        if !self.is_aligned && self.random.below(2) == 0 {
            let (mono_us, utc_us) = (1, Micros(1_700_000_000_000_000));
            writer.set_clock(ClockRecord { mono_us, utc_us, source: ClockSource::Gnss });
        }
        let capacity = if !self.is_aligned && self.random.below(3) == 0 { 3_000 } else { 1 << 18 };
        // Some cycles begin shortly before the 32 bits of a ring's time are full.
        let now = if self.random.below(3) == 0 { (1 << 32) - self.random.below(3_000_000) } else { 1_000 };
        let (now, number) = if self.is_same { (1_000, 0) } else { (now, 10_000 * self.logged.len() as u32) };
        let mut boot = Boot {
            world: self,
            writer,
            queue: Queue::new(capacity),
            now,
            number,
            journal: 0,
            acknowledged: 0,
            counts: Counts::default(),
            last_fault: 0,
            is_absent: false,
            is_calm: false,
        };
        let operations = if boot.world.is_aligned { boot.world.random.below(12) } else { 60 };
        for _ in 0..boot.world.random.below(operations + 1) {
            if !boot.operation() {
                break;
            }
        }
        boot.cut();
    }
}

impl Boot<'_, '_> {
    /// Does something; whether it is not the end.
    fn operation(&mut self) -> bool {
        match self.world.random.below(20) {
            0..10 => self.log(),
            10 => self.late(),
            11..14 => self.flush(),
            14 => self.fault(),
            15 => self.stall(),
            16 => self.take_out_and_put_in(),
            17 => self.judge(None),
            18 if self.world.random.below(4) == 0 => return !self.close(),
            18 | 19 => self.half_a_flush(),
            _ => {}
        }
        true
    }

    fn log(&mut self) {
        if self.world.is_aligned {
            for _ in 0..1 + self.world.random.below(4) {
                self.log_batch();
                self.flush();
            }
            return;
        }
        for _ in 0..self.world.random.below(60) {
            // Those of interrupts have times behind the one that was read before.
            let ahead = self.world.random.below(3);
            let record = record(self.number, self.now + ahead);
            self.number += 1;
            if self.queue.log(record.clone()) {
                self.boot_log().push(record);
            }
            if self.world.random.below(3) > 0 {
                self.poll();
            }
            self.now += 3 + self.world.random.below(2_000);
        }
    }

    /// Logs as many records as are a batch.
    fn log_batch(&mut self) {
        for at in 0..3 {
            let record = aligned_record(self.number, self.now, at);
            self.number += 1;
            self.now += 10;
            assert!(self.queue.log(record.clone()));
            self.boot_log().push(record);
        }
    }

    fn boot_log(&mut self) -> &mut Vec<Logged> {
        self.world.logged.last_mut().unwrap()
    }

    fn poll(&mut self) -> Progress {
        self.writer.device().at(self.now);
        let progress = self.writer.poll(&mut self.queue, self.now);
        self.note();
        progress
    }

    /// Nobody polls for a while.
    fn late(&mut self) {
        self.now += self.world.random.below(12_000_000);
        self.poll();
    }

    /// How many records a flush that begins now is about.
    fn due(&mut self) -> usize {
        let now = self.now;
        self.boot_log().iter().take_while(|record| record.time <= now).count()
    }

    fn flush(&mut self) {
        // One that was not called until it was ready would go on else.
        self.poll();
        let due = self.due();
        for _ in 0..CALLS {
            self.writer.device().at(self.now);
            let flushed = self.writer.flush(&mut self.queue, self.now);
            self.note();
            match flushed {
                Poll::Pending => self.now += 100,
                Poll::Ready(Ok(())) => {
                    assert!(self.acknowledged >= due, "{}: {} of {due}", self.world.what, self.acknowledged);
                    return self.judge(self.whole());
                }
                Poll::Ready(Err(trouble)) => return self.troubled(trouble),
            }
        }
        panic!("{}: a flush without end", self.world.what);
    }

    fn half_a_flush(&mut self) {
        for _ in 0..self.world.random.below(12) {
            self.writer.device().at(self.now);
            let _ = self.writer.flush(&mut self.queue, self.now);
            self.note();
        }
    }

    /// Whether the log was closed.
    fn close(&mut self) -> bool {
        let due = self.due();
        for _ in 0..CALLS {
            self.writer.device().at(self.now);
            let closed = self.writer.close(&mut self.queue, self.now);
            self.note();
            match closed {
                Poll::Pending => self.now += 100,
                Poll::Ready(Ok(())) => {
                    assert!(self.acknowledged >= due, "{}: {} of {due}", self.world.what, self.acknowledged);
                    self.judge(self.whole());
                    return true;
                }
                Poll::Ready(Err(trouble)) => {
                    self.troubled(trouble);
                    return false;
                }
            }
        }
        panic!("{}: a close without end", self.world.what);
    }

    /// Not without a reason.
    fn troubled(&mut self, trouble: Trouble) {
        let is_right = match trouble {
            Trouble::Absent => self.is_absent,
            Trouble::Full => self.world.when_full == WhenFull::Stop,
            Trouble::Failing => self.counts.retries > 0 || self.last_fault > 0,
            Trouble::WriteProtected | Trouble::NotPrepared | Trouble::Closed => false,
        };
        assert!(is_right, "{}: {trouble:?}", self.world.what);
        self.now += 1_000_000;
    }

    fn fault(&mut self) {
        let pushes = self.writer.device().operations().pushes;
        for _ in 0..1 + self.world.random.below(4) {
            self.last_fault = self.last_fault.max(pushes) + self.world.random.below(5);
            let error = if self.world.random.below(2) == 0 { DeviceError::Failed } else { DeviceError::Timeout };
            self.writer.device().fail(self.last_fault, error);
        }
        self.is_calm = false;
    }

    fn stall(&mut self) {
        let pushes = self.writer.device().operations().pushes + self.world.random.below(4);
        let micros = self.world.random.below(4_000_000);
        self.writer.device().stall(pushes, micros);
    }

    fn take_out_and_put_in(&mut self) {
        let seed = self.world.random.next();
        self.is_calm = false;
        self.writer.device().remove(seed);
        self.is_absent = true;
        self.judge(None);
        for _ in 0..self.world.random.below(4) {
            self.now += self.world.random.below(700_000);
            self.log();
        }
        if self.world.random.below(2) == 0 {
            return self.put_in(None);
        }
        let other = self.world.drawer.pop();
        self.put_in(other);
    }

    fn put_in(&mut self, other: Option<(Vec<u8>, usize)>) {
        let Some((image, card)) = other else { return self.writer.device().insert(None) };
        let old = (self.writer.device().image().to_vec(), self.world.card);
        self.world.drawer.push(old);
        self.world.card = card;
        self.writer.device().insert(Some((image, [card as u8 + 1; 16])));
    }

    /// Looks at what the last call did.
    fn note(&mut self) {
        let counts = self.writer.counts();
        let session = self.writer.session();
        let new: Vec<u32> = self.writer.device().journal()[self.journal..]
            .iter()
            .filter_map(|event| if let Event::Pushed(sector, _) = event { Some(*sector) } else { None })
            .collect();
        self.journal = self.writer.device().journal().len();
        for sector in new {
            let session = session.unwrap_or_else(|| panic!("{}: written without a session", self.world.what));
            self.begun(session);
            self.pushed(session, sector);
        }
        let more = counts.acknowledged as usize - self.acknowledged;
        if more > 0 {
            self.acknowledged += more;
            let key = (self.world.card, session.unwrap());
            self.world.truths.get_mut(&key).unwrap().acknowledged += more;
        }
        if (counts.retries, counts.troubles) != (self.counts.retries, self.counts.troubles) {
            self.is_calm = false;
        } else if counts.batches > self.counts.batches {
            self.is_calm = true;
        }
        self.counts = counts;
    }

    fn begun(&mut self, session: u32) {
        let boot = self.world.logged.len() - 1;
        let truth = Truth { boot, start: self.acknowledged, acknowledged: 0, extent: None, is_gone: false };
        let known = self.world.truths.entry((self.world.card, session)).or_insert_with(|| truth.clone());
        if known.extent.is_none() {
            *known = truth;
        }
        assert_eq!(known.boot, boot, "{}: session {session} for the second time", self.world.what);
    }

    fn pushed(&mut self, session: u32, sector: u32) {
        let extents = &self.world.extents;
        let extent = extents.iter().position(|e| (e.first..e.first + e.sectors).contains(&sector));
        // Only the control sectors lie outside.
        let Some(extent) = extent else { return assert!((fat::DATA + 2..fat::DATA + 6).contains(&sector)) };
        let card = self.world.card;
        for ((of, number), truth) in &mut self.world.truths {
            if *of == card && *number != session && truth.extent == Some(extent) && !truth.is_gone {
                let may_be = self.world.when_full == WhenFull::Recycle || truth.acknowledged == 0;
                assert!(may_be, "{}: session {session} is written over {number}", self.world.what);
                truth.is_gone = true;
            }
        }
        let truth = self.world.truths.get_mut(&(card, session)).unwrap();
        assert!(truth.extent.is_none_or(|before| before == extent), "{}: {truth:?}", self.world.what);
        truth.extent = Some(extent);
    }

    /// The session whose file is now between two batches.
    fn whole(&self) -> Option<u32> {
        self.writer.session().filter(|_| self.is_calm)
    }

    fn judge(&mut self, whole: Option<u32>) {
        let image = self.writer.device().image().to_vec();
        if let Some(extent) = whole.and_then(|session| self.world.truths.get(&(self.world.card, session))?.extent) {
            reading::whole(reading::bytes(&image, self.world.extents[extent]));
        }
        self.world.judge(&image, whole);
    }

    /// The power goes, most often while something is written.
    fn cut(mut self) {
        if self.world.is_aligned {
            self.log_batch();
        }
        self.half_a_flush();
        let seed = self.world.random.next();
        self.writer.device().remove(seed);
        let image = self.writer.device().image().to_vec();
        self.world.judge(&image, None);
        let card = self.world.card;
        self.world.drawer.push((image, card));
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().unwrap())
}

/// Nothing but the checksum of a batch tells its own sectors from stale ones here.
#[test]
fn stale_sectors_between_new_ones_are_never_read() {
    let first = setting("TLOG_CARD_CAMPAIGN_SEED", 1);
    let mut recycled = 0;
    for seed in first..first + setting("TLOG_CARD_CAMPAIGN_ROUNDS", 6) {
        let mut world = World::stale(seed);
        (0..40).for_each(|_| world.boot());
        recycled += world.truths.values().filter(|truth| truth.is_gone).count();
    }
    assert!(recycled > 100);
    println!("{recycled} files written over");
}

#[test]
fn whatever_happens_to_cards_the_reader_has_what_was_acknowledged() {
    let first = setting("TLOG_CARD_CAMPAIGN_SEED", 1);
    let (mut sessions, mut acknowledged, mut recycled) = (0, 0, 0);
    for seed in first..first + setting("TLOG_CARD_CAMPAIGN_ROUNDS", 12) {
        let mut world = World::new(seed, &FILES);
        for _ in 0..2 + world.random.below(if world.is_aligned { 30 } else { 6 }) {
            world.boot();
        }
        sessions += world.truths.len();
        acknowledged += world.truths.values().map(|truth| truth.acknowledged).sum::<usize>();
        recycled += world.truths.values().filter(|truth| truth.is_gone).count();
    }
    assert!(sessions > 12 && acknowledged > 1_000);
    println!("{sessions} sessions, {acknowledged} records acknowledged, {recycled} files written over");
}
