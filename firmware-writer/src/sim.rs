//! A simulated card, for tests: it counts, stalls, fails and goes away as it is told, and remembers every write, so that
//! a cut of power can be made of any of them afterwards.
//!
//! A write that has not been acknowledged when the card goes away, or is reset, leaves each of its sectors old or new, and
//! one torn. One of several sectors was announced, as a driver does that tells the card how many there will be; it may
//! leave those blank that are not new, also those that were never handed over. All that the contract of [`crate::device`]
//! allows.

use core::task::Poll;
use std::boxed::Box;
use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

use crate::device::{BlockDevice, CardId, DeviceError, SECTOR, Sector};

/// How often each operation was asked for and done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    /// Sectors read.
    pub reads: u64,
    /// Sectors handed over.
    pub pushes: u64,
    /// Writes begun.
    pub begins: u64,
    /// Writes acknowledged.
    pub finishes: u64,
    /// Times that the card was made ready.
    pub resets: u64,
}

/// What a write did, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A write was begun: its first sector, and how many it will be.
    Begun(u32, u32),
    /// The card took a sector.
    Pushed(u32, Box<Sector>),
    /// All sectors of the write are on the card.
    Acknowledged,
}

/// A card in memory.
#[derive(Debug)]
pub struct SimCard {
    image: Vec<u8>,
    id: CardId,
    now: u64,
    reads: u64,
    busy_until: u64,
    /// From so many pushes on, how long the card is busy once, in microseconds.
    stalls: VecDeque<(u64, u64)>,
    /// How long it is busy after each sector, and at the end of each write.
    busy: (u64, u64),
    /// From so many pushes on, the errors that follow one another.
    faults: VecDeque<(u64, DeviceError)>,
    bad: Vec<core::ops::Range<u32>>,
    unreadable: Vec<core::ops::Range<u32>>,
    absent: bool,
    /// It was put in, and not made ready since.
    is_strange: bool,
    protected: bool,
    /// The next sector of the write that is under way, and its end.
    write: Option<(u32, u32)>,
    /// How many sectors it was to have.
    announced: u32,
    pending: Vec<(u32, Sector)>,
    journal: Vec<Event>,
    operations: Operations,
}

impl SimCard {
    /// A card with these bytes: a whole number of sectors.
    pub fn new(image: Vec<u8>) -> Self {
        Self {
            image,
            id: [1; 16],
            now: 0,
            reads: 0,
            busy_until: 0,
            stalls: VecDeque::new(),
            busy: (0, 0),
            faults: VecDeque::new(),
            bad: Vec::new(),
            unreadable: Vec::new(),
            absent: false,
            is_strange: false,
            protected: false,
            write: None,
            announced: 0,
            pending: Vec::new(),
            journal: Vec::new(),
            operations: Operations::default(),
        }
    }

    /// A card of so many sectors of zeros.
    pub fn blank(sectors: u32) -> Self {
        Self::new(vec![0; sectors as usize * SECTOR])
    }

    /// Sets the time, in microseconds.
    pub fn at(&mut self, now: u64) {
        self.now = now;
    }

    /// How long the card is busy after each sector and at the end of each write, in microseconds.
    pub fn set_busy(&mut self, sector: u64, end: u64) {
        self.busy = (sector, end);
    }

    /// Once the card has taken `pushes` sectors, it is busy once for so many microseconds. In ascending order.
    pub fn stall(&mut self, pushes: u64, micros: u64) {
        self.stalls.push_back((pushes, micros));
    }

    /// Once the card has taken `pushes` sectors, its next operation of a write fails so. In ascending order.
    pub fn fail(&mut self, pushes: u64, error: DeviceError) {
        self.faults.push_back((pushes, error));
    }

    /// These sectors can no longer be written.
    pub fn make_bad(&mut self, sectors: core::ops::Range<u32>) {
        self.bad.push(sectors);
    }

    /// These sectors can no longer be read.
    pub fn make_unreadable(&mut self, sectors: core::ops::Range<u32>) {
        self.unreadable.push(sectors);
    }

    /// Takes the card out. What a write under way leaves is derived from `seed`.
    pub fn remove(&mut self, seed: u64) {
        self.absent = true;
        self.abandon(seed);
    }

    /// Puts it in again, or another one. It takes nothing before it is made ready.
    pub fn insert(&mut self, other: Option<(Vec<u8>, CardId)>) {
        (self.absent, self.is_strange) = (false, true);
        self.busy_until = 0;
        if let Some((image, id)) = other {
            (self.image, self.id) = (image, id);
        }
    }

    /// Slides its lock.
    pub fn protect(&mut self, protected: bool) {
        self.protected = protected;
    }

    /// How many sectors were asked for.
    pub const fn reads(&self) -> u64 {
        self.reads
    }

    /// What is on it.
    pub fn image(&self) -> &[u8] {
        &self.image
    }

    /// All writes so far.
    pub fn journal(&self) -> &[Event] {
        &self.journal
    }

    /// What was done so far.
    pub const fn operations(&self) -> Operations {
        self.operations
    }

    /// Ends a write that will not be acknowledged.
    fn abandon(&mut self, seed: u64) {
        let mut random = Random::new(seed);
        let torn = random.below(self.pending.len() as u64 + 1) as usize;
        let blank = blank(&mut random).filter(|_| self.announced > 1);
        let pending = core::mem::take(&mut self.pending);
        let (next, end) = self.write.take().unwrap_or_default();
        for (at, (sector, new)) in pending.into_iter().enumerate() {
            let old = sector_of(&self.image, sector);
            let left = match random.below(2) {
                _ if at == torn => tear(&old, &new, 16 * random.below(32) as usize, Fill::Random(random.next())),
                0 => blank.unwrap_or(old),
                _ => new,
            };
            put_sector(&mut self.image, sector, &left);
        }
        for sector in next..end {
            blank.iter().for_each(|blank| put_sector(&mut self.image, sector, blank));
        }
    }

    fn ready(&mut self) -> Poll<Result<(), DeviceError>> {
        if self.absent {
            return Poll::Ready(Err(DeviceError::Absent));
        }
        if self.is_strange {
            return Poll::Ready(Err(DeviceError::Failed));
        }
        if let Some(&(pushes, micros)) = self.stalls.front()
            && self.operations.pushes >= pushes
        {
            self.stalls.pop_front();
            self.busy_until = self.busy_until.max(self.now + micros);
        }
        if self.now < self.busy_until {
            return Poll::Pending;
        }
        match self.faults.front() {
            Some(&(pushes, error)) if self.operations.pushes >= pushes => {
                self.faults.pop_front();
                Poll::Ready(Err(error))
            }
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl BlockDevice for SimCard {
    fn sectors(&mut self) -> Result<u32, DeviceError> {
        if self.absent { Err(DeviceError::Absent) } else { Ok((self.image.len() / SECTOR) as u32) }
    }

    fn read(&mut self, sector: u32, into: &mut Sector) -> Result<(), DeviceError> {
        self.reads += 1;
        if self.absent {
            return Err(DeviceError::Absent);
        }
        if u64::from(sector) >= (self.image.len() / SECTOR) as u64 {
            return Err(DeviceError::OutOfRange);
        }
        self.operations.reads += 1;
        if self.unreadable.iter().any(|range| range.contains(&sector)) {
            return Err(DeviceError::Failed);
        }
        *into = sector_of(&self.image, sector);
        Ok(())
    }

    fn begin(&mut self, first: u32, count: u32) -> Poll<Result<(), DeviceError>> {
        let polled = self.ready();
        if polled != Poll::Ready(Ok(())) {
            return polled;
        }
        assert!(self.write.is_none(), "a write was begun within another");
        if self.protected {
            return Poll::Ready(Err(DeviceError::WriteProtected));
        }
        let end = u64::from(first) + u64::from(count);
        if end > (self.image.len() / SECTOR) as u64 {
            return Poll::Ready(Err(DeviceError::OutOfRange));
        }
        self.operations.begins += 1;
        (self.write, self.announced) = (Some((first, first + count)), count);
        self.journal.push(Event::Begun(first, count));
        Poll::Ready(Ok(()))
    }

    fn push(&mut self, sector: &Sector) -> Poll<Result<(), DeviceError>> {
        let polled = self.ready();
        if polled != Poll::Ready(Ok(())) {
            return polled;
        }
        let Some((next, end)) = self.write.filter(|(next, end)| next < end) else {
            return Poll::Ready(Err(DeviceError::OutOfRange));
        };
        if self.bad.iter().any(|bad| bad.contains(&next)) {
            return Poll::Ready(Err(DeviceError::Failed));
        }
        self.write = Some((next + 1, end));
        self.operations.pushes += 1;
        self.pending.push((next, *sector));
        self.journal.push(Event::Pushed(next, Box::new(*sector)));
        self.busy_until = self.now + self.busy.0;
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self) -> Poll<Result<(), DeviceError>> {
        let polled = self.ready();
        if polled != Poll::Ready(Ok(())) {
            return polled;
        }
        assert!(self.write.is_some_and(|(next, end)| next == end), "a write was ended too early");
        for (sector, bytes) in core::mem::take(&mut self.pending) {
            put_sector(&mut self.image, sector, &bytes);
        }
        self.write = None;
        self.journal.push(Event::Acknowledged);
        self.operations.finishes += 1;
        self.busy_until = self.now + self.busy.1;
        Poll::Ready(Ok(()))
    }

    fn reset(&mut self) -> Poll<Result<CardId, DeviceError>> {
        if self.absent {
            return Poll::Ready(Err(DeviceError::Absent));
        }
        self.operations.resets += 1;
        self.is_strange = false;
        self.busy_until = 0;
        self.abandon(self.operations.resets);
        Poll::Ready(Ok(self.id))
    }
}

/// A sector of an image.
pub fn sector_of(image: &[u8], sector: u32) -> Sector {
    let start = sector as usize * SECTOR;
    let mut bytes = [0; SECTOR];
    if let Some(from) = image.get(start..start + SECTOR) {
        bytes.copy_from_slice(from);
    }
    bytes
}

/// Puts a sector into an image.
pub fn put_sector(image: &mut [u8], sector: u32, bytes: &Sector) {
    let start = sector as usize * SECTOR;
    if let Some(to) = image.get_mut(start..start + SECTOR) {
        to.copy_from_slice(bytes);
    }
}

/// What is behind the place up to which a torn sector was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// What was there before.
    Old,
    /// Ones.
    Ones,
    /// Zeros.
    Zeros,
    /// Anything, from this seed.
    Random(u64),
}

/// A torn sector: new up to `at`.
pub fn tear(old: &Sector, new: &Sector, at: usize, fill: Fill) -> Sector {
    let mut torn = *old;
    let at = at.min(SECTOR);
    torn[..at].copy_from_slice(&new[..at]);
    match fill {
        Fill::Old => {}
        Fill::Ones => torn[at..].fill(0xff),
        Fill::Zeros => torn[at..].fill(0),
        Fill::Random(seed) => {
            let mut random = Random::new(seed);
            torn[at..].iter_mut().for_each(|byte| *byte = random.next() as u8);
        }
    }
    torn
}

/// What the sectors of a write that was announced are left with where they are not new: nothing else, ones or zeros.
pub fn blank(random: &mut Random) -> Option<Sector> {
    [None, None, Some([0xff; SECTOR]), Some([0; SECTOR])][random.below(4) as usize]
}

/// Numbers that look random and are the same for the same seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// The next number, below `end`; 0 when that is 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        match end {
            0 => 0,
            end => self.next() % end,
        }
    }
}
