//! Time: microseconds since the Unix epoch, and nothing else.

#[cfg(feature = "std")]
mod text;

/// A point in time: microseconds since 1970-01-01T00:00:00Z, before it when negative.
///
/// Shown as RFC 3339 in UTC with as many fractional digits as needed. The three
/// values that the reference reserves, and years outside 0000–9999, are shown as the plain number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// The reference's "minus infinity".
    pub const NEG_INFINITY: Self = Self(i64::MIN);
    /// The reference's "not a date and time".
    pub const NOT_A_TIME: Self = Self(i64::MIN + 1);
    /// The reference's "plus infinity".
    pub const INFINITY: Self = Self(i64::MAX);

    /// 0000-01-01T00:00:00Z, the first that RFC 3339 can write.
    const FIRST_WRITABLE: i64 = -62_167_219_200_000_000;
    /// 9999-12-31T23:59:59.999999Z, the last.
    const LAST_WRITABLE: i64 = 253_402_300_799_999_999;

    /// Whether RFC 3339 can write it: years 0000–9999.
    pub const fn is_writable(self) -> bool {
        self.0 >= Self::FIRST_WRITABLE && self.0 <= Self::LAST_WRITABLE
    }
}

/// A span of time in microseconds, the format's duration. A point in time is [`Micros`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct DurationMicros(pub i64);
