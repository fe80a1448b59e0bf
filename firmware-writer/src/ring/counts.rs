//! What became of records, per kind.

use crate::sync::{AtomicU32, Ordering, Zero, zero};

/// Counters for the kinds 1 to `KINDS`, and one for all others.
pub struct Tally<const KINDS: usize> {
    kinds: [AtomicU32; KINDS],
    others: AtomicU32,
}

impl<const KINDS: usize> Zero for Tally<KINDS> {
    #[cfg(not(loom))]
    const ZERO: Self = Self { kinds: zero!(), others: AtomicU32::new(0) };

    #[cfg(loom)]
    fn zero() -> Self {
        Self { kinds: zero!(), others: AtomicU32::new(0) }
    }
}

impl<const KINDS: usize> Tally<KINDS> {
    #[inline]
    fn of(&self, id: u16) -> &AtomicU32 {
        self.kinds.get(usize::from(id).wrapping_sub(1)).unwrap_or(&self.others)
    }
}

/// Counters per kind, or none where nothing has to be counted.
pub trait Tallies {
    /// The same, in one context.
    type Local: Local + Send;

    /// One more, where only one context counts.
    fn add_alone(&self, id: u16);

    /// One more, where others may count at the same time.
    fn add(&self, id: u16);

    /// How many of a kind.
    fn get(&self, id: u16) -> u32;

    /// All of them, less what is in `from`.
    fn less(&self, from: &Self::Local) -> Self::Local;
}

impl<const KINDS: usize> Tallies for Tally<KINDS> {
    type Local = Counted<KINDS>;

    #[inline]
    fn add_alone(&self, id: u16) {
        let counter = self.of(id);
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    #[inline]
    fn add(&self, id: u16) {
        self.of(id).fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self, id: u16) -> u32 {
        self.of(id).load(Ordering::Relaxed)
    }

    fn less(&self, from: &Counted<KINDS>) -> Counted<KINDS> {
        let less = |counter: &AtomicU32, from: u32| counter.load(Ordering::Relaxed).wrapping_sub(from);
        let mut kinds = from.kinds;
        self.kinds.iter().zip(&mut kinds).for_each(|(counter, kind)| *kind = less(counter, *kind));
        Counted { kinds, others: less(&self.others, from.others) }
    }
}

/// Nothing to count.
pub struct NoTally;

impl Zero for NoTally {
    #[cfg(not(loom))]
    const ZERO: Self = Self;

    #[cfg(loom)]
    fn zero() -> Self {
        Self
    }
}

impl Tallies for NoTally {
    type Local = ();

    fn add_alone(&self, _: u16) {}

    fn add(&self, _: u16) {}

    fn get(&self, _: u16) -> u32 {
        0
    }

    fn less(&self, (): &()) {}
}

/// Counters of one context.
pub trait Local: Default {
    /// One more.
    fn add(&mut self, id: u16);

    /// How many of a kind.
    fn get(&self, id: u16) -> u32;
}

/// Counters of one context for the kinds 1 to `KINDS`, and one for all others.
pub struct Counted<const KINDS: usize> {
    kinds: [u32; KINDS],
    others: u32,
}

impl<const KINDS: usize> Default for Counted<KINDS> {
    fn default() -> Self {
        Self { kinds: [0; KINDS], others: 0 }
    }
}

impl<const KINDS: usize> Local for Counted<KINDS> {
    fn add(&mut self, id: u16) {
        let counter = self.kinds.get_mut(usize::from(id).wrapping_sub(1)).unwrap_or(&mut self.others);
        *counter = counter.wrapping_add(1);
    }

    fn get(&self, id: u16) -> u32 {
        self.kinds.get(usize::from(id).wrapping_sub(1)).copied().unwrap_or(self.others)
    }
}

impl Local for () {
    fn add(&mut self, _: u16) {}

    fn get(&self, _: u16) -> u32 {
        0
    }
}
