//! What a ring does when it is full, and who holds its space.

use crate::sync::{AtomicBool, AtomicU32, Ordering, Zero, zero};

use super::counts::{NoTally, Tallies, Tally};

/// What a ring does when it is full: [`DropNewest`] or [`Overwrite`].
pub trait Policy: sealed::Sealed {
    /// Whether records are overwritten before they were read.
    #[doc(hidden)]
    const OVERWRITES: bool;

    /// The readers for whom space is held.
    #[doc(hidden)]
    type Cursors: Cursors + Send + Sync;

    /// How many records of each kind were stored, where that has to be known.
    #[doc(hidden)]
    type Stored<const KINDS: usize>: Tallies + Zero + Send + Sync;

    /// Positions where records begin, for readers that were overtaken.
    #[doc(hidden)]
    type Marks: AsRef<[AtomicU32]> + Zero + Send + Sync;
}

/// A full ring rejects what is logged, and counts it: what is in it is kept until `READERS` readers have read it.
///
/// Each of them holds the space of what it has not read yet from the beginning on, whether it has been taken or
/// not: nothing is lost between power-up and the moment at which the card is ready. A reader that is not read from
/// fills the ring, for all of them.
#[derive(Clone, Copy, Debug)]
pub struct DropNewest<const READERS: usize = 1>;

/// A full ring overwrites the oldest: a flight recorder. Any number of readers, none of which holds space.
#[derive(Clone, Copy, Debug)]
pub struct Overwrite;

/// Marks per lane; loom would try each load of each of them.
pub const MARKS: usize = if cfg!(loom) { 2 } else { 8 };

impl<const READERS: usize> Policy for DropNewest<READERS> {
    const OVERWRITES: bool = false;
    type Cursors = Held<READERS>;
    type Stored<const KINDS: usize> = NoTally;
    type Marks = [AtomicU32; 0];
}

impl Policy for Overwrite {
    const OVERWRITES: bool = true;
    type Cursors = ();
    type Stored<const KINDS: usize> = Tally<KINDS>;
    type Marks = [AtomicU32; MARKS];
}

mod sealed {
    /// Keeps the policies to these two.
    pub trait Sealed {}
    impl<const READERS: usize> Sealed for super::DropNewest<READERS> {}
    impl Sealed for super::Overwrite {}
}

/// Where the readers are.
pub trait Cursors: Zero {
    /// A reader nobody has, and where it is.
    fn take(&self) -> Option<(usize, u32)>;

    /// Gives a reader back. It goes on holding what it has not read.
    fn give_back(&self, reader: usize);

    /// A reader has read everything in front of `at`.
    fn passed(&self, reader: usize, at: u32);

    /// The furthest behind of the readers, seen from `head`, with all that it has read done with.
    fn oldest(&self, head: u32) -> u32;

    /// All begin at `at`.
    #[cfg(test)]
    fn start_at(&self, at: u32);
}

/// Readers that hold space.
pub struct Held<const READERS: usize> {
    at: [AtomicU32; READERS],
    taken: [AtomicBool; READERS],
}

impl<const READERS: usize> Zero for Held<READERS> {
    #[cfg(not(loom))]
    const ZERO: Self = Self { at: zero!(), taken: zero!() };

    #[cfg(loom)]
    fn zero() -> Self {
        Self { at: zero!(), taken: zero!() }
    }
}

impl<const READERS: usize> Cursors for Held<READERS> {
    fn take(&self) -> Option<(usize, u32)> {
        let reader = self.taken.iter().position(|taken| !taken.swap(true, Ordering::Acquire))?;
        Some((reader, self.at.get(reader)?.load(Ordering::Relaxed)))
    }

    fn give_back(&self, reader: usize) {
        if let Some(taken) = self.taken.get(reader) {
            taken.store(false, Ordering::Release);
        }
    }

    #[inline]
    fn passed(&self, reader: usize, at: u32) {
        if let Some(cursor) = self.at.get(reader) {
            cursor.store(at, Ordering::Release);
        }
    }

    fn oldest(&self, head: u32) -> u32 {
        let behind = self.at.iter().map(|cursor| head.wrapping_sub(cursor.load(Ordering::Acquire)));
        head.wrapping_sub(behind.max().unwrap_or(0))
    }

    #[cfg(test)]
    fn start_at(&self, at: u32) {
        self.at.iter().for_each(|cursor| cursor.store(at, Ordering::Relaxed));
    }
}

/// No reader holds anything.
impl Cursors for () {
    fn take(&self) -> Option<(usize, u32)> {
        Some((0, 0))
    }

    fn give_back(&self, _: usize) {}

    fn passed(&self, _: usize, _: u32) {}

    fn oldest(&self, head: u32) -> u32 {
        head
    }

    #[cfg(test)]
    fn start_at(&self, _: u32) {}
}
