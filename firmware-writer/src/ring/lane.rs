//! The lane: one producer, wait-free, without any read-modify-write.

use crate::clock::Clock;
use crate::kinds::Logged;
use crate::sync::{AtomicBool, AtomicU32, Line, Ordering, const_fn, fence, zero};

use super::cells::Words;
use super::counts::{Tallies, Tally};
use super::filter::Filter;
use super::policy::{Cursors, DropNewest, MARKS, Policy};
use super::reader::{Reader, Ring};
use super::record::{self, Payload, Raw};

/// A ring of `BYTES` bytes, a power of two, for one producer: a thread, a core, an interrupt. It counts the kinds 1 to
/// `KINDS` one by one and all others together.
///
/// The longest payload is `BYTES / 2 - 8` bytes, and at most 65,535.
///
/// ```
/// use firmware_writer::ring::{Filter, Lane};
/// use firmware_writer::source::Source;
///
/// fn now() -> u32 {
///     7 // microseconds since boot
/// }
///
/// static LANE: Lane<1024, 4> = Lane::new(now);
///
/// // In the one thread or interrupt that logs here:
/// let mut producer = LANE.producer().expect("nobody else has it");
/// assert!(producer.log_bytes(1, b"payload"));
///
/// // In the task that drains:
/// let mut reader = LANE.reader(Filter::ALL).expect("nobody else has it");
/// let head = reader.peek().expect("a record");
/// let mut payload = [0; 7];
/// assert_eq!((head.id, head.len, head.time), (1, 7, 7));
/// assert!(reader.take(&mut payload));
/// assert_eq!(&payload, b"payload");
/// ```
// In this order, so that everything in front of the words is near the beginning, where instructions reach.
#[repr(C)]
pub struct Lane<const BYTES: usize, const KINDS: usize, P: Policy = DropNewest, C = fn() -> u32> {
    producer: Line<Ends<KINDS, P>>,
    readers: Line<P::Cursors>,
    taken: AtomicBool,
    clock: C,
    words: Words<1, BYTES>,
}

/// What the producer alone writes.
struct Ends<const KINDS: usize, P: Policy> {
    /// Up to here, records can be read.
    head: AtomicU32,
    /// Up to here, words may have been written.
    reserved: AtomicU32,
    /// Up to here, the producer may write without further ado.
    limit: AtomicU32,
    dropped: Tally<KINDS>,
    stored: P::Stored<KINDS>,
    marks: P::Marks,
}

impl<const BYTES: usize, const KINDS: usize, P: Policy, C> Lane<BYTES, KINDS, P, C> {
    const WORDS: u32 = (BYTES / 4) as u32;
    /// A record of at most half the ring fits in when the ring is empty, wherever its end is.
    const MOST_WORDS: usize = BYTES / 8;
    /// Words from one mark to the next.
    const STEP: u32 = Self::WORDS / MARKS as u32;

    const_fn! {
        /// An empty lane.
        pub fn new(clock: C) -> Self {
            const { assert!(BYTES.is_power_of_two() && BYTES >= 64 && BYTES <= 1 << 30, "a power of two from 64 on") };
            Self {
                producer: Line(Ends {
                    head: AtomicU32::new(0),
                    reserved: AtomicU32::new(0),
                    // The first record finds the true one. All zeros, so that the ring is not kept in flash to begin with.
                    limit: AtomicU32::new(0),
                    dropped: zero!(),
                    stored: zero!(),
                    marks: zero!(),
                }),
                readers: Line(zero!()),
                taken: AtomicBool::new(false),
                clock,
                words: Words::new(),
            }
        }
    }

    /// The one producer, unless somebody has it. Dropping it gives it back.
    pub fn producer(&self) -> Option<Producer<'_, BYTES, KINDS, P, C>> {
        (!self.taken.swap(true, Ordering::Acquire)).then_some(Producer { lane: self })
    }

    /// The producer, for callers who see to it themselves that nobody else logs here at the same time: C cannot be made
    /// to. Two that do spoil each other's records, but no memory: all of it is atomic words within the ring.
    #[cfg(feature = "c-api")]
    pub(crate) const fn sole_producer(&self) -> core::mem::ManuallyDrop<Producer<'_, BYTES, KINDS, P, C>> {
        core::mem::ManuallyDrop::new(Producer { lane: self })
    }

    /// A reader of the kinds in `filter`, unless all that the policy has are taken.
    pub fn reader(&self, filter: Filter) -> Option<Reader<'_, Self>> {
        Reader::take(self, filter)
    }

    /// How many records of a kind were rejected.
    pub fn dropped(&self, id: u16) -> u32 {
        self.producer.0.dropped.get(id)
    }
}

/// The one producer of a [`Lane`]. It can be sent to another thread, and lies well in an interrupt's own `static mut`,
/// as cortex-m-rt and RTIC make safe.
pub struct Producer<'a, const BYTES: usize, const KINDS: usize, P: Policy = DropNewest, C = fn() -> u32> {
    lane: &'a Lane<BYTES, KINDS, P, C>,
}

impl<const BYTES: usize, const KINDS: usize, P: Policy, C: Clock> Producer<'_, BYTES, KINDS, P, C> {
    /// Logs a record: `false` when it was dropped, and counted as such.
    #[inline]
    pub fn log<T: Logged>(&mut self, record: &T) -> bool {
        self.put(record)
    }

    /// Logs a payload of a kind: `false` when it was dropped, and counted as such. The identifier 0 is no kind.
    #[inline]
    pub fn log_bytes(&mut self, id: u16, payload: &[u8]) -> bool {
        self.put(Raw(id, payload))
    }

    #[inline]
    fn put(&mut self, payload: impl Payload) -> bool {
        let lane = self.lane;
        let ends = &lane.producer.0;
        let (id, len) = (payload.id(), payload.len());
        let words = record::words_of(len);
        if id == 0 || len > record::MAX_LEN || words > Lane::<BYTES, KINDS, P, C>::MOST_WORDS {
            return self.reject(id);
        }
        let head = ends.head.load(Ordering::Relaxed);
        let room = ends.limit.load(Ordering::Relaxed).wrapping_sub(head);
        let start = if words as u32 <= room {
            head
        } else {
            match lane.make_room(head, words as u32) {
                Some(start) => start,
                None => return self.reject(id),
            }
        };
        let end = start.wrapping_add(words as u32);
        lane.announce(end);
        let at = (start & (Lane::<BYTES, KINDS, P, C>::WORDS - 1)) as usize;
        let Some([first, time, slot @ ..]) = lane.words.words().get(at..at + words) else { return self.reject(id) };
        time.store(lane.clock.now(), Ordering::Relaxed);
        let written = payload.write(slot);
        first.store(if written { record::header(id, len) } else { record::no_record(words) }, Ordering::Relaxed);
        if written {
            ends.stored.add_alone(id);
        } else {
            ends.dropped.add_alone(id);
        }
        ends.head.store(end, Ordering::Release);
        written
    }

    #[cold]
    #[inline(never)]
    fn reject(&self, id: u16) -> bool {
        self.lane.producer.0.dropped.add_alone(id);
        false
    }
}

impl<const BYTES: usize, const KINDS: usize, P: Policy, C> Lane<BYTES, KINDS, P, C> {
    /// Says that words up to `end` will be written, before they are.
    #[inline]
    fn announce(&self, end: u32) {
        if P::OVERWRITES {
            self.producer.0.reserved.store(end, Ordering::Relaxed);
            // Whoever reads one of the words that follow sees the announcement, see `Reader::is_intact`.
            fence(Ordering::Release);
        }
    }

    /// Where a record of `words` goes that does not fit in front of the limit, which moves; `None`: the ring is full.
    #[cold]
    #[inline(never)]
    fn make_room(&self, head: u32, words: u32) -> Option<u32> {
        let to_wrap = Self::WORDS - (head & (Self::WORDS - 1));
        let start = if words <= to_wrap { head } else { head.wrapping_add(to_wrap) };
        let end = start.wrapping_add(words);
        let free = if P::OVERWRITES { end } else { self.free_from(head, start, end)? };
        if start != head {
            self.announce(end);
            let no_record = self.words.words().get((head & (Self::WORDS - 1)) as usize)?;
            no_record.store(record::no_record(to_wrap as usize), Ordering::Relaxed);
            // Now, so that the limit is right whatever becomes of the record.
            self.producer.0.head.store(start, Ordering::Release);
        }
        let limit = if P::OVERWRITES { self.mark(start, end) } else { free };
        self.producer.0.limit.store(limit, Ordering::Relaxed);
        Some(start)
    }

    /// The limit for a record from `start` to `end`: where the ring ends, or what readers have not read.
    fn free_from(&self, head: u32, start: u32, end: u32) -> Option<u32> {
        let oldest = self.readers.0.oldest(head);
        if end.wrapping_sub(oldest) > Self::WORDS {
            return None;
        }
        let free = oldest.wrapping_add(Self::WORDS).wrapping_sub(start);
        let to_wrap = Self::WORDS - (start & (Self::WORDS - 1));
        Some(start.wrapping_add(free.min(to_wrap)))
    }

    /// Marks where the first record begins in each part of the ring, for a record from `start` to `end`. The limit is
    /// where the next mark may be due.
    fn mark(&self, start: u32, end: u32) -> u32 {
        let part = start / Self::STEP;
        if let Some(mark) = self.producer.0.marks.as_ref().get(part as usize % MARKS)
            && mark.load(Ordering::Relaxed) / Self::STEP != part
        {
            mark.store(start, Ordering::Relaxed);
        }
        let end_of_part = (start | (Self::STEP - 1)).wrapping_add(1);
        if end.wrapping_sub(start) < end_of_part.wrapping_sub(start) { end_of_part } else { end }
    }
}

impl<const BYTES: usize, const KINDS: usize, P: Policy, C> Ring for Lane<BYTES, KINDS, P, C> {
    type Policy = P;
    type Stored = P::Stored<KINDS>;
    type Dropped = Tally<KINDS>;
    const WORDS: u32 = Self::WORDS;
    const KINDS: u16 = KINDS as u16;

    fn words(&self) -> &[AtomicU32] {
        self.words.words()
    }

    fn complete(&self, _: u32) -> u32 {
        self.producer.0.head.load(Ordering::Acquire)
    }

    fn reserved(&self) -> u32 {
        let ends = &self.producer.0;
        if P::OVERWRITES { &ends.reserved } else { &ends.head }.load(Ordering::Relaxed)
    }

    /// The oldest mark in the rest of the ring, or else the newest record.
    fn oldest(&self, parts: u32) -> u32 {
        let head = self.complete(0);
        let rest = Self::WORDS - parts.min(MARKS as u32) * Self::STEP;
        let marks = self.producer.0.marks.as_ref().iter();
        let ages = marks.map(|mark| head.wrapping_sub(mark.load(Ordering::Relaxed)));
        head.wrapping_sub(ages.filter(|age| *age <= rest).max().unwrap_or(0))
    }

    fn cursors(&self) -> &P::Cursors {
        &self.readers.0
    }

    fn stored(&self) -> &Self::Stored {
        &self.producer.0.stored
    }

    fn dropped(&self) -> &Tally<KINDS> {
        &self.producer.0.dropped
    }
}

impl<const BYTES: usize, const KINDS: usize, P: Policy, C> Drop for Producer<'_, BYTES, KINDS, P, C> {
    fn drop(&mut self) {
        self.lane.taken.store(false, Ordering::Release);
    }
}
