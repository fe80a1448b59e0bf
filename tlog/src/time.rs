//! Time: microseconds since the Unix epoch, and nothing else.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// A point in time: microseconds since 1970-01-01T00:00:00Z, before it when negative.
///
/// Shown as RFC 3339 in UTC with as many fractional digits as needed. The three
/// values that the reference reserves, and years outside 0000–9999, are shown as the plain number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    /// The system clock's time.
    pub fn now() -> Self {
        let micros = |duration: std::time::Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX - 1);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => Self(micros(after)),
            Err(before) => Self(-micros(before.duration())),
        }
    }

    /// Whether RFC 3339 can write it: years 0000–9999.
    pub const fn is_writable(self) -> bool {
        self.0 >= Self::FIRST_WRITABLE && self.0 <= Self::LAST_WRITABLE
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(timestamp) if self.is_writable() => timestamp.fmt(f),
            _ => self.0.fmt(f),
        }
    }
}

impl FromStr for Micros {
    type Err = jiff::Error;

    /// Reads RFC 3339, with any offset; digits finer than a microsecond are refused by rounding down.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.parse::<jiff::Timestamp>()?.as_microsecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_as_many_digits_as_needed() {
        for (micros, text) in [
            (1_549_900_112_574_307, "2019-02-11T15:48:32.574307Z"),
            (0, "1970-01-01T00:00:00Z"),
            (500_000, "1970-01-01T00:00:00.5Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (Micros::LAST_WRITABLE, "9999-12-31T23:59:59.999999Z"),
            (Micros::FIRST_WRITABLE, "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(Micros(micros).to_string(), text);
            assert_eq!(text.parse::<Micros>().unwrap(), Micros(micros));
        }
    }

    #[test]
    fn shows_what_no_calendar_writes_as_a_number() {
        for micros in [i64::MIN, i64::MIN + 1, i64::MAX, Micros::LAST_WRITABLE + 1, Micros::FIRST_WRITABLE - 1] {
            assert_eq!(Micros(micros).to_string(), micros.to_string());
        }
    }
}
