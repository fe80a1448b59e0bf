//! The shared ring: any number of producers in any contexts, lock-free.

use crate::clock::Clock;
use crate::kinds::Logged;
use crate::sync::{AtomicU32, Line, Ordering, back_off, const_fn, fence, zero};

use super::cells::Words;
use super::counts::{Tallies, Tally};
use super::filter::Filter;
use super::policy::{Cursors, DropNewest, Policy};
use super::reader::{Reader, Ring};
use super::record::{self, Payload, Raw};

/// A ring of `SEGMENTS` segments of `BYTES` bytes, both powers of two, that any context may log to. It counts the kinds
/// 1 to `KINDS` one by one and all others together.
///
/// The longest payload is `BYTES - 8` bytes, and at most 65,535.
///
/// ```
/// use firmware_writer::ring::{Filter, Shared};
/// use firmware_writer::source::Source;
///
/// fn now() -> u32 {
///     7 // microseconds since boot
/// }
///
/// static RING: Shared<16, 256, 4> = Shared::new(now);
///
/// // Anywhere:
/// assert!(RING.log_bytes(1, b"payload"));
///
/// // In the task that drains:
/// let mut reader = RING.reader(Filter::ALL).expect("nobody else has it");
/// assert_eq!(reader.peek().map(|head| head.len), Some(7));
/// ```
// In this order, so that everything in front of the words is near the beginning, where instructions reach.
#[repr(C)]
pub struct Shared<
    const SEGMENTS: usize,
    const BYTES: usize,
    const KINDS: usize,
    P: Policy = DropNewest,
    C = fn() -> u32,
> {
    /// How many words of each segment were ever completed.
    completed: Line<[AtomicU32; SEGMENTS]>,
    head: Line<AtomicU32>,
    readers: Line<P::Cursors>,
    counts: Line<(Tally<KINDS>, P::Stored<KINDS>)>,
    clock: C,
    words: Words<SEGMENTS, BYTES>,
}

impl<const SEGMENTS: usize, const BYTES: usize, const KINDS: usize, P: Policy, C> Shared<SEGMENTS, BYTES, KINDS, P, C> {
    /// Words of a segment.
    const SEGMENT: u32 = (BYTES / 4) as u32;
    const WORDS: u32 = Self::SEGMENT * SEGMENTS as u32;
    /// Positions count all words modulo 2³², a segment's count its share of them.
    const COUNT_MASK: u32 = u32::MAX / SEGMENTS as u32;

    const_fn! {
        /// An empty ring.
        pub fn new(clock: C) -> Self {
            const {
                assert!(SEGMENTS.is_power_of_two() && SEGMENTS >= 2, "a power of two from 2 on");
                assert!(BYTES.is_power_of_two() && BYTES >= 16, "a power of two from 16 on");
                assert!(SEGMENTS <= 1 << 30 && BYTES <= 1 << 30 && SEGMENTS * BYTES <= 1 << 30, "at most a gigabyte");
            }
            Self {
                head: Line(AtomicU32::new(0)),
                completed: Line(zero!()),
                readers: Line(zero!()),
                counts: Line((zero!(), zero!())),
                clock,
                words: Words::new(),
            }
        }
    }

    /// A reader of the kinds in `filter`, unless all that the policy has are taken.
    pub fn reader(&self, filter: Filter) -> Option<Reader<'_, Self>> {
        Reader::take(self, filter)
    }

    /// How many records of a kind were rejected.
    pub fn dropped(&self, id: u16) -> u32 {
        self.counts.0.0.get(id)
    }

    /// How many words are left in the segment that has `head`: none at its beginning, as it has to be entered first.
    #[inline]
    const fn room(head: u32) -> u32 {
        head.wrapping_neg() & (Self::SEGMENT - 1)
    }

    /// How many words were completed of the segment that has `at`, in the same lap: more than it has, once it is used
    /// for the next one.
    #[inline]
    fn completed(&self, at: u32) -> Option<u32> {
        let ever = self.segment(at)?.load(Ordering::Acquire);
        Some(ever.wrapping_sub(at / Self::WORDS * Self::SEGMENT) & Self::COUNT_MASK)
    }

    /// The words of a record. Found by segment, so that the compiler can see that one which was found to fit does.
    #[inline]
    fn slot(&self, start: u32, words: usize) -> Option<&[AtomicU32]> {
        let segment = (start & (Self::WORDS - Self::SEGMENT)) as usize;
        let at = (start & (Self::SEGMENT - 1)) as usize;
        self.words.words().get(segment..segment + Self::SEGMENT as usize)?.get(at..at + words)
    }

    #[inline]
    fn segment(&self, at: u32) -> Option<&AtomicU32> {
        self.completed.0.get((at / Self::SEGMENT) as usize & (SEGMENTS - 1))
    }

    /// Whether the segment that begins at `at` may be used: everybody is done with its last lap.
    fn may_enter(&self, at: u32, head: u32) -> bool {
        // Those who write to it: a lap is complete when all of it has been completed, and nothing of the next one is.
        let quiet = self.completed(at) == Some(0);
        // Those who read it.
        let end = at.wrapping_add(Self::SEGMENT);
        quiet && (P::OVERWRITES || end.wrapping_sub(self.readers.0.oldest(head)) <= Self::WORDS)
    }

    /// Where a record goes that does not fit in the segment that has `head`, or comes to its beginning.
    #[cold]
    #[inline(never)]
    fn enter(&self, head: u32) -> Option<u32> {
        let start = head.wrapping_add(Self::room(head));
        if !self.may_enter(start, head) {
            return None;
        }
        // Whoever reserves behind this reservation writes after what was seen above, see `reserve`.
        fence(Ordering::Release);
        Some(start)
    }

    /// What is left of a segment that a record did not fit in.
    #[cold]
    #[inline(never)]
    fn leave(&self, head: u32, words: u32) {
        if let Some([word]) = self.slot(head, 1) {
            word.store(record::no_record(words as usize), Ordering::Relaxed);
        }
        self.finish(head, words);
    }

    /// `words` that were reserved at `at` have been written.
    #[inline]
    fn finish(&self, at: u32, words: u32) {
        if let Some(completed) = self.segment(at) {
            completed.fetch_add(words, Ordering::Release);
        }
    }

    #[cold]
    #[inline(never)]
    fn reject(&self, id: u16) -> bool {
        self.counts.0.0.add(id);
        false
    }
}

impl<const SEGMENTS: usize, const BYTES: usize, const KINDS: usize, P: Policy, C: Clock>
    Shared<SEGMENTS, BYTES, KINDS, P, C>
{
    /// Logs a record: `false` when it was dropped, and counted as such.
    #[inline]
    pub fn log<T: Logged>(&self, record: &T) -> bool {
        self.put(record)
    }

    /// Logs a payload of a kind: `false` when it was dropped, and counted as such. The identifier 0 is no kind.
    #[inline]
    pub fn log_bytes(&self, id: u16, payload: &[u8]) -> bool {
        self.put(Raw(id, payload))
    }

    #[inline]
    fn put(&self, payload: impl Payload) -> bool {
        let (id, len) = (payload.id(), payload.len());
        let words = record::words_of(len);
        if id == 0 || len > record::MAX_LEN || words > Self::SEGMENT as usize {
            return self.reject(id);
        }
        let Some((start, [first, _, slot @ ..])) = self.reserve(words) else { return self.reject(id) };
        let mut open = Open { ring: self, first, id, start, words, len: None };
        if payload.write(slot) {
            open.len = Some(len);
        }
        open.len.is_some()
    }

    /// Takes `words` at the end of the ring: where it starts, and the record's words, the second of which has the time;
    /// `None`: it is full.
    #[inline]
    fn reserve(&self, words: usize) -> Option<(u32, &[AtomicU32])> {
        let head = self.head.0.load(Ordering::Relaxed);
        // At the beginning of a segment, which has to be entered, this wraps.
        let before = (head & (Self::SEGMENT - 1)).wrapping_sub(1);
        if before < Self::SEGMENT - words as u32
            && let Ok(time) = self.exchange(head, head, words as u32)
        {
            let slot = self.slot(head, words)?;
            slot.get(1)?.store(time, Ordering::Relaxed);
            return Some((head, slot));
        }
        let start = self.reserve_slowly(words as u32)?;
        Some((start, self.slot(start, words)?))
    }

    /// The same where a segment has to be entered, or somebody else was quicker.
    #[cold]
    #[inline(never)]
    fn reserve_slowly(&self, words: u32) -> Option<u32> {
        let mut head = self.head.0.load(Ordering::Relaxed);
        let mut failures = 0;
        loop {
            let start = if words <= Self::room(head) { Some(head) } else { self.enter(head) };
            let Some(start) = start else {
                let now = self.head.0.load(Ordering::Relaxed);
                if now == head {
                    return None;
                }
                // It was not full, but old news.
                head = now;
                continue;
            };
            match self.exchange(head, start, words) {
                Ok(time) => {
                    if start != head {
                        self.leave(head, start.wrapping_sub(head));
                    }
                    if let Some([_, second]) = self.slot(start, record::HEADER_WORDS) {
                        second.store(time, Ordering::Relaxed);
                    }
                    return Some(start);
                }
                Err(now) => head = now,
            }
            failures += 1;
            back_off(failures);
        }
    }

    /// Reserves `words` at `start`, if nothing was reserved since `head` was read: the time; or else what it is now.
    #[inline]
    fn exchange(&self, head: u32, start: u32, words: u32) -> Result<u32, u32> {
        // Read between the load of the head and its exchange: whoever comes later in the ring read it later.
        let time = self.clock.now();
        let end = start.wrapping_add(words);
        self.head.0.compare_exchange_weak(head, end, Ordering::Relaxed, Ordering::Relaxed)?;
        // Acquire: after what who entered the segment saw, by the fence in `enter`, as all exchanges since continue
        // that one. Release: whoever reads one of the words that follow sees this reservation.
        fence(if P::OVERWRITES { Ordering::AcqRel } else { Ordering::Acquire });
        Ok(time)
    }
}

/// A record that is being written. It is completed in any case, also when its encoding unwinds: nobody could enter the
/// segment again otherwise.
struct Open<'a, const SEGMENTS: usize, const BYTES: usize, const KINDS: usize, P: Policy, C> {
    ring: &'a Shared<SEGMENTS, BYTES, KINDS, P, C>,
    first: &'a AtomicU32,
    id: u16,
    start: u32,
    words: usize,
    /// How long the payload is, once it is written: until then it is no record.
    len: Option<usize>,
}

impl<const SEGMENTS: usize, const BYTES: usize, const KINDS: usize, P: Policy, C> Drop
    for Open<'_, SEGMENTS, BYTES, KINDS, P, C>
{
    #[inline]
    fn drop(&mut self) {
        let header = match self.len {
            Some(len) => {
                self.ring.counts.0.1.add(self.id);
                record::header(self.id, len)
            }
            None => {
                self.ring.reject(self.id);
                record::no_record(self.words)
            }
        };
        self.first.store(header, Ordering::Relaxed);
        self.ring.finish(self.start, self.words as u32);
    }
}

impl<const SEGMENTS: usize, const BYTES: usize, const KINDS: usize, P: Policy, C> Ring
    for Shared<SEGMENTS, BYTES, KINDS, P, C>
{
    type Policy = P;
    type Stored = P::Stored<KINDS>;
    type Dropped = Tally<KINDS>;
    const WORDS: u32 = Self::WORDS;
    const KINDS: u16 = KINDS as u16;

    fn words(&self) -> &[AtomicU32] {
        self.words.words()
    }

    fn complete(&self, at: u32) -> u32 {
        let segment = at & !(Self::SEGMENT - 1);
        // First this, then the head: whoever completed something had moved the head before, so that equal counts say
        // that nobody is writing in front of it.
        let Some(completed) = self.completed(at) else { return at };
        if completed >= Self::SEGMENT {
            return segment.wrapping_add(Self::SEGMENT);
        }
        let head = self.head.0.load(Ordering::Relaxed);
        if head.wrapping_sub(segment) == completed { head } else { at }
    }

    fn reserved(&self) -> u32 {
        self.head.0.load(Ordering::Relaxed)
    }

    /// The segment behind the one that is being written to, or one further on.
    fn oldest(&self, parts: u32) -> u32 {
        let head = self.reserved();
        let end = head.wrapping_add(Self::room(head));
        let rest = Self::WORDS - parts.min(SEGMENTS as u32 - 1) * Self::SEGMENT;
        end.wrapping_sub(rest)
    }

    fn cursors(&self) -> &P::Cursors {
        &self.readers.0
    }

    fn stored(&self) -> &Self::Stored {
        &self.counts.0.1
    }

    fn dropped(&self) -> &Tally<KINDS> {
        &self.counts.0.0
    }
}
