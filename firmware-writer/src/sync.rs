//! The atomics that the rings stand on: those of `core`, of `portable-atomic`, or of loom, which runs all their orders.
//!
//! Cores without compare-and-swap (Cortex-M0) take the feature `portable-atomic`: each read-modify-write is then a
//! handful of instructions with interrupts masked, which is shorter than any critical section that spans a reservation,
//! and right on other such cores too. Only [`Shared`](crate::ring::Shared) and what happens once (taking a producer or
//! a reader) needs them; a lane masks nothing. The program says that it is alone on its core, by
//! `--cfg portable_atomic_unsafe_assume_single_core`, or brings an implementation of the crate `critical-section`.

#[cfg(not(any(loom, feature = "portable-atomic")))]
pub use core::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
#[cfg(loom)]
pub use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
#[cfg(all(not(loom), feature = "portable-atomic"))]
pub use portable_atomic::{AtomicBool, AtomicU32, Ordering, fence};

#[cfg(not(any(loom, feature = "portable-atomic", target_has_atomic = "32")))]
compile_error!("this core has no compare-and-swap: enable the feature `portable-atomic` of firmware-writer");

/// Something of atomics that begins as zero, in a `static` too; loom's atomics cannot be made at compile time.
pub trait Zero: Sized {
    /// All zero.
    #[cfg(not(loom))]
    const ZERO: Self;

    /// All zero.
    #[cfg(loom)]
    fn zero() -> Self;
}

impl Zero for () {
    #[cfg(not(loom))]
    const ZERO: Self = ();

    #[cfg(loom)]
    fn zero() -> Self {}
}

impl<const N: usize> Zero for [AtomicU32; N] {
    #[cfg(not(loom))]
    const ZERO: Self = [const { AtomicU32::new(0) }; N];

    #[cfg(loom)]
    fn zero() -> Self {
        core::array::from_fn(|_| AtomicU32::new(0))
    }
}

impl<const N: usize> Zero for [AtomicBool; N] {
    #[cfg(not(loom))]
    const ZERO: Self = [const { AtomicBool::new(false) }; N];

    #[cfg(loom)]
    fn zero() -> Self {
        core::array::from_fn(|_| AtomicBool::new(false))
    }
}

/// [`Zero`], where `const fn` is not const under loom.
macro_rules! zero {
    () => {{
        #[cfg(not(loom))]
        {
            $crate::sync::Zero::ZERO
        }
        #[cfg(loom)]
        {
            $crate::sync::Zero::zero()
        }
    }};
}

/// A function that is const, but not under loom.
macro_rules! const_fn {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $out:ty $body:block) => {
        $(#[$meta])*
        #[cfg(not(loom))]
        $vis const fn $name($($arg: $ty),*) -> $out $body
        $(#[$meta])*
        #[cfg(loom)]
        $vis fn $name($($arg: $ty),*) -> $out $body
    };
}

pub(crate) use {const_fn, zero};

/// A place of its own in the cache where cores have caches, so that one side's writes do not disturb the other's.
#[cfg_attr(target_pointer_width = "64", repr(align(128)))]
pub struct Line<T>(pub T);

/// After another core was quicker: lets it finish with the cache line instead of tearing it away again. Short at first,
/// as most meet only once, then four times as long each time: two that do nothing but log take turns of many records,
/// which is several times as fast as one each, where a cache line takes 200 ns from core to core.
pub fn back_off(failures: u32) {
    #[cfg(not(loom))]
    for _ in 0..1u32 << (2 * failures).min(8) {
        core::hint::spin_loop();
    }
    #[cfg(loom)]
    let _ = failures;
}
