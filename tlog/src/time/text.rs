//! Points in time as text, and from the system clock.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Micros;

impl Micros {
    /// The system clock's time.
    pub fn now() -> Self {
        let micros = |duration: std::time::Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX - 1);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => Self(micros(after)),
            Err(before) => Self(-micros(before.duration())),
        }
    }
}

/// The longest text of a point in time: that of `i64::MIN`, or `0000-01-01T00:00:00.000001Z`.
const MAX_TEXT: usize = 27;

impl Micros {
    /// The text that [`Display`](fmt::Display) shows, in `buffer`. Every line of NDJSON needs one
    /// (`benches/ndjson`), and the calendar of jiff ends a day before RFC 3339's.
    fn write(self, buffer: &mut [u8; MAX_TEXT]) -> &str {
        let len = if self.is_writable() { self.write_calendar(buffer) } else { self.write_number(buffer) };
        std::str::from_utf8(&buffer[..len]).unwrap_or_default()
    }

    fn write_number(self, buffer: &mut [u8; MAX_TEXT]) -> usize {
        let mut digits = itoa::Buffer::new();
        let text = digits.format(self.0).as_bytes();
        buffer[..text.len()].copy_from_slice(text);
        text.len()
    }

    fn write_calendar(self, buffer: &mut [u8; MAX_TEXT]) -> usize {
        const DAY: i64 = 86_400_000_000;
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY));
        let in_day = self.0.rem_euclid(DAY);
        let (seconds, micros) = (in_day / 1_000_000, in_day % 1_000_000);
        buffer.copy_from_slice(b"0000-00-00T00:00:00.000000Z");
        put_digits(&mut buffer[0..4], year);
        put_digits(&mut buffer[5..7], month);
        put_digits(&mut buffer[8..10], day);
        put_digits(&mut buffer[11..13], seconds / 3600);
        put_digits(&mut buffer[14..16], seconds / 60 % 60);
        put_digits(&mut buffer[17..19], seconds % 60);
        put_digits(&mut buffer[20..26], micros);
        let mut end = 26;
        while buffer[end - 1] == b'0' && end > 20 {
            end -= 1;
        }
        let end = if micros == 0 { 19 } else { end };
        buffer[end] = b'Z';
        end + 1
    }

    /// Appends the text that [`Display`](fmt::Display) shows.
    pub fn append_to(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.write(&mut [0; MAX_TEXT]).as_bytes());
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.write(&mut [0; MAX_TEXT]))
    }
}

/// Right-aligned decimal digits over zeros.
fn put_digits(out: &mut [u8], mut value: i64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Year, month and day of the proleptic Gregorian calendar from days since 1970-01-01.
///
/// Counts in eras of 400 years that start on 1 March, so that the leap day comes last.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097;
    let since_march_0000 = days + 719_468;
    let era = since_march_0000.div_euclid(ERA_DAYS);
    let day_of_era = since_march_0000.rem_euclid(ERA_DAYS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / (ERA_DAYS - 1)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

impl FromStr for Micros {
    type Err = jiff::Error;

    /// Reads RFC 3339 with any offset. Digits finer than a microsecond are dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The calendar of jiff's instants ends a day early; its civil calendar does not.
        let Some(civil) = text.strip_suffix(['Z', 'z']) else {
            return Ok(Self(text.parse::<jiff::Timestamp>()?.as_microsecond()));
        };
        let epoch = jiff::civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        let since = civil.parse::<jiff::civil::DateTime>()?.duration_since(epoch);
        // Years 0000 to 9999 in microseconds are far inside an i64.
        Ok(Self(since.as_micros() as i64))
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
    fn agrees_with_another_calendar() {
        for step in -70_000..70_000i64 {
            let micros = step * 3_548_999_333_333;
            let Ok(expected) = jiff::Timestamp::from_microsecond(micros) else { continue };
            if Micros(micros).is_writable() {
                assert_eq!(Micros(micros).to_string(), expected.to_string());
            }
        }
    }

    #[test]
    fn reads_offsets() {
        assert_eq!("1970-01-01T02:00:00+02:00".parse::<Micros>().unwrap(), Micros(0));
        assert!("1970-01-01".parse::<Micros>().is_err());
        assert!("yesterday".parse::<Micros>().is_err());
    }

    #[test]
    fn shows_what_no_calendar_writes_as_a_number() {
        for micros in [i64::MIN, i64::MIN + 1, i64::MAX, Micros::LAST_WRITABLE + 1, Micros::FIRST_WRITABLE - 1] {
            assert_eq!(Micros(micros).to_string(), micros.to_string());
        }
    }
}
