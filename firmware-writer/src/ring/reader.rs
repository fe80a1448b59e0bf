//! A reader of a ring: its own cursor, its own choice of kinds, its own count of what it lost.

use crate::source::{Head, Lost, Source};
use crate::sync::{AtomicU32, Ordering, fence};

use super::counts::{Local, Tallies};
use super::filter::Filter;
use super::policy::{Cursors, Policy};
use super::record::{self, First, HEADER_WORDS};

/// What a reader asks of a ring.
pub trait Ring {
    /// What it does when it is full.
    type Policy: Policy;
    /// What it counts of records stored.
    type Stored: Tallies;
    /// What it counts of records rejected.
    type Dropped: Tallies;
    /// How many words it has: a power of two.
    const WORDS: u32;
    /// How many kinds are counted one by one.
    const KINDS: u16;

    /// Its words.
    fn words(&self) -> &[AtomicU32];

    /// Up to where records are complete that begin at `at`, or `at`.
    fn complete(&self, at: u32) -> u32;

    /// Up to where space was given to records. What is `WORDS` or more behind may be overwritten.
    fn reserved(&self) -> u32;

    /// Where a reader goes on that was overtaken: where the oldest record begins, or, the more `parts` of the ring it
    /// leaves to those who write, a later one.
    fn oldest(&self, parts: u32) -> u32;

    /// Where its readers are.
    fn cursors(&self) -> &<Self::Policy as Policy>::Cursors;

    /// Records stored.
    fn stored(&self) -> &Self::Stored;

    /// Records rejected.
    fn dropped(&self) -> &Self::Dropped;
}

type Counted<R> = <<R as Ring>::Stored as Tallies>::Local;

/// How often a reader that is overtaken starts anew before it says that there is nothing: writers may be faster than it.
const ATTEMPTS: u32 = 4;

/// A reader of a ring. With [`DropNewest`](super::DropNewest) it holds the space of what it has not read, and goes on
/// doing so when it is dropped; who takes it next goes on where it was.
///
/// What is logged while it is not asked costs it nothing, and it costs those who log nothing.
pub struct Reader<'a, R: Ring> {
    ring: &'a R,
    reader: usize,
    /// Everything in front of it has been passed.
    at: u32,
    /// Records are complete up to here.
    complete: u32,
    /// The record at `at` that was told of.
    front: Option<Head>,
    filter: Filter,
    high_water: u32,
    /// Per kind, how many were passed, and how many were overwritten before.
    passed: Counted<R>,
    overwritten: Counted<R>,
}

impl<'a, R: Ring> Reader<'a, R> {
    pub(super) fn take(ring: &'a R, filter: Filter) -> Option<Self> {
        let (reader, at) = ring.cursors().take()?;
        Some(Self {
            ring,
            reader,
            at,
            complete: at,
            front: None,
            filter,
            high_water: 0,
            passed: Default::default(),
            overwritten: Default::default(),
        })
    }

    /// What was lost of one kind; of all those that are not counted one by one, for an identifier that is not.
    pub fn lost_of(&self, id: u16) -> Lost {
        Lost { dropped: self.ring.dropped().get(id), overwritten: self.overwritten.get(id) }
    }

    /// Passes over everything there is: for a live link that has fallen behind, and holds up the others.
    pub fn catch_up(&mut self) {
        while self.peek().is_some() {
            self.skip();
        }
    }

    fn words(&self, at: u32, count: usize) -> Option<&'a [AtomicU32]> {
        let start = (at & (R::WORDS - 1)) as usize;
        self.ring.words().get(start..start.checked_add(count)?)
    }

    /// Whether what was read at the cursor was still there after it was read.
    fn is_intact(&self) -> bool {
        if !R::Policy::OVERWRITES {
            return true;
        }
        // Pairs with the fence between a reservation and the words written to it: whoever read such a word sees the
        // reservation here.
        fence(Ordering::Acquire);
        self.ring.reserved().wrapping_sub(self.at) <= R::WORDS
    }

    /// Goes on behind the `words` at the cursor.
    #[inline(never)] // flash
    fn pass(&mut self, words: u32) {
        let waiting = self.ring.reserved().wrapping_sub(self.at);
        // Where nothing is overwritten, no more can wait than there is room for, unless callers in C log from two contexts.
        let waiting = if R::Policy::OVERWRITES { waiting.min(R::WORDS) } else { waiting }.wrapping_mul(4);
        self.high_water = self.high_water.max(waiting);
        self.at = self.at.wrapping_add(words);
        self.front = None;
        self.ring.cursors().passed(self.reader, self.at);
    }

    fn pass_record(&mut self, head: Head) {
        self.passed.add(head.id);
        self.pass(record::words_of(head.len.into()) as u32);
    }

    /// Goes on where nothing is overwritten yet, further from those who write each time.
    fn recover(&mut self, attempts: u32) {
        self.front = None;
        self.at = self.ring.oldest(attempts);
        self.complete = self.at;
    }

    /// Everything has been passed: what was stored and not passed has been overwritten, if nothing came meanwhile.
    fn settle(&mut self) {
        if !R::Policy::OVERWRITES {
            return;
        }
        let overwritten = self.ring.stored().less(&self.passed);
        // Pairs with the fence between a reservation and its count: whoever saw the count sees the reservation here.
        fence(Ordering::Acquire);
        if self.ring.reserved() == self.at {
            self.overwritten = overwritten;
        }
    }

    /// The record at the cursor, if it is complete; or what is there instead.
    fn look(&self) -> Step {
        let Some([first, time]) = self.words(self.at, HEADER_WORDS) else {
            // One word is left at the end of the ring, which no record has.
            return Step::Pass(1);
        };
        let (word, time) = (first.load(Ordering::Relaxed), time.load(Ordering::Relaxed));
        if !self.is_intact() {
            return Step::Overtaken;
        }
        match record::first(word) {
            First::Nothing(words) => Step::Pass(words.max(1)),
            First::Record { id, .. } if !self.filter.has(id) => Step::Skip(Head { id, len: (word >> 16) as u16, time }),
            First::Record { id, len, .. } => Step::Record(Head { id, len, time }),
        }
    }
}

/// What is at a reader's cursor.
enum Step {
    Record(Head),
    /// A record that the filter does not let through.
    Skip(Head),
    /// No record for as many words.
    Pass(u32),
    /// It was overwritten.
    Overtaken,
}

impl<R: Ring> Source for Reader<'_, R> {
    fn peek(&mut self) -> Option<Head> {
        let mut attempts = 0;
        while self.front.is_none() {
            if self.at == self.complete {
                self.complete = self.ring.complete(self.at);
                if self.at == self.complete && self.is_intact() {
                    self.settle();
                    return None;
                }
            }
            match self.look() {
                Step::Record(head) => self.front = Some(head),
                Step::Skip(head) => self.pass_record(head),
                Step::Pass(words) => self.pass(words),
                Step::Overtaken if attempts < ATTEMPTS => {
                    self.recover(attempts);
                    attempts += 1;
                }
                Step::Overtaken => return None,
            }
        }
        self.front
    }

    fn take(&mut self, into: &mut [u8]) -> bool {
        let Some(head) = self.front else { return false };
        let words = record::words_of(head.len.into());
        let Some([_, _, payload @ ..]) = self.words(self.at, words) else { return false };
        record::copy_out(payload, into);
        if !self.is_intact() {
            self.recover(0);
            return false;
        }
        self.pass_record(head);
        true
    }

    fn skip(&mut self) {
        match self.front {
            Some(_) if !self.is_intact() => self.recover(0),
            Some(head) => self.pass_record(head),
            None => {}
        }
    }

    fn lost(&self) -> Lost {
        let mut lost = Lost::default();
        for id in (0..=R::KINDS).filter(|id| self.filter.has(*id)) {
            let of = self.lost_of(id);
            lost.dropped = lost.dropped.wrapping_add(of.dropped);
            lost.overwritten = lost.overwritten.wrapping_add(of.overwritten);
        }
        lost
    }

    fn lost_of(&self, id: u16) -> Lost {
        Reader::lost_of(self, id)
    }

    fn high_water(&self) -> u32 {
        self.high_water
    }
}

impl<R: Ring> Drop for Reader<'_, R> {
    fn drop(&mut self) {
        self.ring.cursors().give_back(self.reader);
    }
}
