//! Several rings as one source, in the order of time.

use crate::source::{Head, Lost, Source};

/// The records of several sources, the earliest first: of the lanes of several interrupts and threads.
///
/// In order as far as records are there: where several cores log, one that is being written while another, later one is
/// read comes after it. With sources of several types, `S` is `&mut dyn Source`.
///
/// ```
/// use firmware_writer::ring::{Filter, Lane, Merged};
/// use firmware_writer::source::Source;
///
/// static FAST: Lane<1024, 4> = Lane::new(|| 20);
/// static SLOW: Lane<256, 4> = Lane::new(|| 10);
///
/// FAST.producer().expect("free").log_bytes(1, b"later");
/// SLOW.producer().expect("free").log_bytes(2, b"sooner");
/// let (mut fast, mut slow) = (FAST.reader(Filter::ALL).expect("free"), SLOW.reader(Filter::ALL).expect("free"));
/// let mut merged = Merged::new([&mut fast as &mut dyn Source, &mut slow]);
/// assert_eq!(merged.peek().map(|head| head.time), Some(10));
/// ```
pub struct Merged<S, const N: usize> {
    sources: [S; N],
    /// The one that was told of.
    front: Option<usize>,
}

impl<S: Source, const N: usize> Merged<S, N> {
    /// All these in one.
    pub const fn new(sources: [S; N]) -> Self {
        Self { sources, front: None }
    }

    fn front(&mut self) -> Option<&mut S> {
        self.sources.get_mut(self.front?)
    }

    /// The source with the earliest record, and this record.
    fn earliest(&mut self) -> Option<(usize, Head)> {
        let mut earliest: Option<(usize, Head)> = None;
        for (at, source) in self.sources.iter_mut().enumerate() {
            let Some(head) = source.peek() else { continue };
            if earliest.is_none_or(|(_, first)| is_before(head.time, first.time)) {
                earliest = Some((at, head));
            }
        }
        earliest
    }
}

/// Whether a time of a clock that wraps is before another, when they are less than half its range apart.
const fn is_before(time: u32, other: u32) -> bool {
    (time.wrapping_sub(other) as i32) < 0
}

impl<S: Source, const N: usize> Source for Merged<S, N> {
    fn peek(&mut self) -> Option<Head> {
        // The same until it is taken: what comes earlier meanwhile waits.
        if let Some(head) = self.front().and_then(Source::peek) {
            return Some(head);
        }
        let (at, head) = self.earliest()?;
        self.front = Some(at);
        Some(head)
    }

    fn take(&mut self, into: &mut [u8]) -> bool {
        let taken = self.front().is_some_and(|source| source.take(into));
        self.front = None;
        taken
    }

    fn skip(&mut self) {
        if let Some(source) = self.front() {
            source.skip();
        }
        self.front = None;
    }

    fn lost(&self) -> Lost {
        sum(self.sources.iter().map(Source::lost))
    }

    fn lost_of(&self, id: u16) -> Lost {
        sum(self.sources.iter().map(|source| source.lost_of(id)))
    }

    /// The sum of what ever waited in each: at most this much ever waited in all.
    fn high_water(&self) -> u32 {
        self.sources.iter().map(Source::high_water).fold(0, u32::saturating_add)
    }
}

fn sum(lost: impl Iterator<Item = Lost>) -> Lost {
    lost.fold(Lost::default(), |sum, lost| Lost {
        dropped: sum.dropped.wrapping_add(lost.dropped),
        overwritten: sum.overwritten.wrapping_add(lost.overwritten),
    })
}
