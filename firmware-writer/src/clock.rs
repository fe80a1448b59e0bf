//! Time: microseconds since boot, of which rings keep the low half, and what UTC that is once it is known.

use tlog::{Micros, Record};

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

/// How far behind `now` a record may seem to be; what seems older was logged after `now` was read.
const OLDEST: u32 = 0xf000_0000;

/// The time of which `low` is the low half, given the time `now`: at most 67 minutes before it, or 4 minutes after it.
#[inline]
pub const fn widen(now: u64, low: u32) -> u64 {
    let age = (now as u32).wrapping_sub(low);
    if age < OLDEST { now.wrapping_sub(age as u64) } else { now.wrapping_add(age.wrapping_neg() as u64) }
}

/// Where UTC comes from.
#[derive(Record, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ClockSource {
    /// It is not known.
    Unknown = 0,
    /// A clock with a battery.
    Rtc = 1,
    /// A satellite receiver.
    Gnss = 2,
    /// Another computer.
    Host = 3,
}

/// What UTC a time of this log is: one record each time that it becomes known. Times in the log are not changed by it.
#[derive(Record, Clone, Copy, Debug, PartialEq, Eq)]
#[tlog(name = "tlog.clock")]
pub struct ClockRecord {
    /// Microseconds since boot.
    pub mono_us: u64,
    /// The same moment in UTC.
    pub utc_us: Micros,
    /// Who says so.
    pub source: ClockSource,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_low_half_of_a_time_is_enough() {
        let hour = 3_600_000_000u64;
        for now in [0x1_0000_0000, 0x1_0000_0005, 5 * hour, u64::from(u32::MAX) + hour] {
            for age in [0, 1, 1_000_000, hour] {
                assert_eq!(widen(now, now.wrapping_sub(age) as u32), now - age, "{now} {age}");
            }
            assert_eq!(widen(now, now.wrapping_add(77) as u32), now + 77);
        }
    }
}
