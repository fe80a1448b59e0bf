//! The clock that rings read when a record is logged.

/// Microseconds since boot, of which rings keep the low 32 bits. The drain widens them again.
///
/// Any `fn() -> u32` is one. A type of its own, without size, lets the compiler put the reading of the timer into
/// the logging function:
///
/// ```
/// use firmware_writer::clock::Clock;
///
/// struct Timer;
///
/// impl Clock for Timer {
///     fn now(&self) -> u32 {
///         0 // read a register that counts microseconds
///     }
/// }
/// ```
///
/// It must not run backwards, other than by wrapping, and must not log by itself. It is read in interrupts.
pub trait Clock {
    /// The low 32 bits of the microseconds since boot.
    fn now(&self) -> u32;
}

impl<F: Fn() -> u32> Clock for F {
    #[inline]
    fn now(&self) -> u32 {
        self()
    }
}
