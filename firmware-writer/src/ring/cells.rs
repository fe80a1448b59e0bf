//! The words of a ring in its `static`. All `unsafe` of the rings is in this file.
#![allow(unsafe_code, reason = "bytes as atomic words, as no array of them can be sized by a number of bytes")]

use crate::sync::AtomicU32;
#[cfg(not(loom))]
use core::cell::UnsafeCell;

/// `SEGMENTS` times `BYTES` bytes, which only ever are accessed as atomic words: no access of any two contexts is a
/// data race, whatever they do.
#[cfg(not(loom))]
#[repr(C, align(4))]
pub struct Words<const SEGMENTS: usize, const BYTES: usize>(UnsafeCell<[[u8; BYTES]; SEGMENTS]>);

// SAFETY: `words` is the only way to the bytes, and makes them atomics, which are `Sync`.
#[cfg(not(loom))]
unsafe impl<const SEGMENTS: usize, const BYTES: usize> Sync for Words<SEGMENTS, BYTES> {}

#[cfg(not(loom))]
impl<const SEGMENTS: usize, const BYTES: usize> Words<SEGMENTS, BYTES> {
    /// All zero.
    pub const fn new() -> Self {
        const { assert!(BYTES.is_multiple_of(4), "whole words") };
        Self(UnsafeCell::new([[0; BYTES]; SEGMENTS]))
    }

    /// The words.
    #[inline]
    pub const fn words(&self) -> &[AtomicU32] {
        // SAFETY:
        // * the bytes are `SEGMENTS * BYTES` in one allocation, that is `SEGMENTS * (BYTES / 4)` words, initialised;
        // * they are aligned to 4, which is what an `AtomicU32` asks for where it is of `core` or portable, as it has
        //   size and alignment of a `u32` there (asserted below), and any bits are a value;
        // * they may change through a shared reference: they lie in an `UnsafeCell`;
        // * they live as long as `self`, and nothing else ever makes another kind of reference to them.
        unsafe { core::slice::from_raw_parts(self.0.get().cast::<AtomicU32>(), SEGMENTS * (BYTES / 4)) }
    }
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<AtomicU32>() == 4 && align_of::<AtomicU32>() == 4);

/// The same for loom, whose atomics have no bytes.
#[cfg(loom)]
pub struct Words<const SEGMENTS: usize, const BYTES: usize>(std::vec::Vec<AtomicU32>);

#[cfg(loom)]
impl<const SEGMENTS: usize, const BYTES: usize> Words<SEGMENTS, BYTES> {
    /// All zero.
    pub fn new() -> Self {
        Self((0..SEGMENTS * (BYTES / 4)).map(|_| AtomicU32::new(0)).collect())
    }

    /// The words.
    pub fn words(&self) -> &[AtomicU32] {
        &self.0
    }
}
