//! Times in text formats: RFC 3339, and numbers of some unit since 1970.
//!
//! A number tells its unit by its size if it means a time after 1973; a smaller one is no time of day, and is taken for
//! one only where the unit is given.

use tlog::Micros;

/// What a number counts that tells when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Microseconds since 1970.
    Micros,
    /// Nanoseconds since 1970.
    Nanos,
}

impl TimeUnit {
    const fn nanos(self) -> i128 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Millis => 1_000_000,
            Self::Micros => 1_000,
            Self::Nanos => 1,
        }
    }

    /// What a number of this size counts, if it is a time of day.
    fn of_size(size: f64) -> Option<Self> {
        Some(match size {
            // What no nanoseconds reach in this century is a marker rather than a time.
            s if s >= 4e18 => return None,
            s if s >= 1e17 => Self::Nanos,
            s if s >= 1e14 => Self::Micros,
            s if s >= 1e11 => Self::Millis,
            s if s >= 1e8 => Self::Seconds,
            _ => return None,
        })
    }
}

/// The names under which a time is looked for, the likeliest first; in any case, with a unit behind them or without.
const NAMES: [&str; 10] =
    ["time", "timestamp", "datetime", "date_time", "utc", "time_utc", "utc_time", "epoch", "stamp", "t"];

/// How likely a column with this name tells the time (0 the likeliest), and the unit that the name has.
pub fn named(name: &str) -> Option<(usize, Option<TimeUnit>)> {
    let name = name.trim().to_ascii_lowercase();
    let exact = |name: &str| NAMES.iter().position(|known| *known == name);
    if let Some(rank) = exact(&name) {
        return Some((rank, None));
    }
    let (base, unit) = name.trim_end_matches([']', ')']).rsplit_once(['_', '[', '(', ' '])?;
    let unit = match unit.trim() {
        "s" | "sec" | "seconds" => TimeUnit::Seconds,
        "ms" | "msec" | "millis" => TimeUnit::Millis,
        "us" | "usec" | "µs" | "micros" => TimeUnit::Micros,
        "ns" | "nsec" | "nanos" => TimeUnit::Nanos,
        _ => return None,
    };
    exact(base.trim()).map(|rank| (rank, Some(unit)))
}

/// How a column tells the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As RFC 3339; whole microseconds where that cannot write it, as this project's own text has it.
    Text,
    /// As a number of this unit.
    Number(TimeUnit),
}

/// What the values of a column have shown so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Witness {
    texts: bool,
    numbers: bool,
    others: bool,
    /// Whether a text named no zone.
    pub is_naive: bool,
    size: f64,
}

impl Witness {
    /// Takes a value into account.
    pub fn see(&mut self, value: &str) {
        match (value.trim(), calendar(value)) {
            ("", _) => {}
            (_, Some((_, is_naive))) => {
                self.texts = true;
                self.is_naive |= is_naive;
            }
            (value, None) => match value.parse::<f64>() {
                Ok(number) if number.is_finite() => {
                    self.numbers = true;
                    self.size = self.size.max(number.abs());
                }
                _ => self.others = true,
            },
        }
    }

    /// Whether there was no value.
    pub const fn is_empty(&self) -> bool {
        !(self.texts || self.numbers || self.others)
    }

    /// How the column tells the time: nothing if it does not, or not without a unit.
    pub fn form(&self, unit: Option<TimeUnit>) -> Option<Form> {
        match (unit, self.texts, self.numbers) {
            (Some(unit), _, true) => Some(Form::Number(unit)),
            (_, true, _) => Some(Form::Text),
            (None, false, true) if !self.others => TimeUnit::of_size(self.size).map(Form::Number),
            _ => None,
        }
    }
}

/// The time that a value tells.
pub fn parse(value: &str, form: Form) -> Option<Micros> {
    let value = value.trim();
    if let Some((time, _)) = calendar(value) {
        return Some(time);
    }
    match form {
        Form::Text => value.parse().ok().map(Micros),
        Form::Number(unit) => number(value, unit),
    }
}

/// The time, and whether it named no zone, in which case it is taken for UTC.
fn calendar(value: &str) -> Option<(Micros, bool)> {
    let value = value.trim();
    let bytes = value.as_bytes();
    let is_date = bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-') && bytes.get(13) == Some(&b':');
    if !is_date || bytes.len() > 64 || !value.is_ascii() {
        return None;
    }
    let (date, time) = (value.get(..10)?, value.get(11..)?);
    let between = *bytes.get(10)?;
    if !matches!(between, b'T' | b't' | b' ') || time.len() < 8 {
        return None;
    }
    let is_naive = !time.contains(['Z', 'z', '+', '-']);
    let text = format!("{date}T{time}{}", if is_naive { "Z" } else { "" });
    text.parse().ok().map(|time| (time, is_naive))
}

/// Whether a text is the one way in which the log itself would write the time that it tells.
pub fn is_canonical(value: &str) -> bool {
    value.ends_with('Z') && calendar(value).is_some_and(|(time, _)| time.to_string() == value)
}

/// A decimal number of a unit, to the microsecond below.
fn number(value: &str, unit: TimeUnit) -> Option<Micros> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let is_plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    if digits.is_empty() || digits.len() > 20 || !is_plain(digits) || !is_plain(fraction) {
        let number = value.parse::<f64>().ok().filter(|number| number.is_finite())?;
        let micros = number * (unit.nanos() as f64 / 1000.0);
        return (micros.abs() < 9.2e18).then(|| Micros(micros.floor() as i64));
    }
    let nine = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let fraction = nine.fold(0_i128, |sum, digit| sum * 10 + i128::from(digit.wrapping_sub(b'0')));
    let size = digits.parse::<i128>().ok()?.checked_mul(1_000_000_000)?.checked_add(fraction)?;
    let size = if whole.starts_with('-') { -size } else { size };
    let micros = size.checked_mul(unit.nanos())?.div_euclid(1_000_000_000_000);
    i64::try_from(micros).ok().map(Micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form() {
        let at = Some(Micros(1_549_900_112_574_307));
        for (value, unit) in [
            ("1549900112.574307", TimeUnit::Seconds),
            ("1549900112574.3079", TimeUnit::Millis),
            ("1549900112574307", TimeUnit::Micros),
            ("1549900112574307999", TimeUnit::Nanos),
            (" 2019-02-11T16:48:32.574307+01:00", TimeUnit::Seconds),
            ("2019-02-11 15:48:32.574307", TimeUnit::Seconds),
        ] {
            assert_eq!(parse(value, Form::Number(unit)), at, "{value}");
            let mut witness = Witness::default();
            witness.see(value);
            assert_eq!(witness.form(None).and_then(|form| parse(value, form)), at, "{value}");
        }
        assert_eq!(parse("-0.0000001", Form::Number(TimeUnit::Seconds)), Some(Micros(-1)));
        assert_eq!(parse("1e3", Form::Number(TimeUnit::Millis)), Some(Micros(1_000_000)));
        assert_eq!(parse("-9223372036854775808", Form::Text), Some(Micros(i64::MIN)));
        for value in ["", "x", "NaN", "1e300", "99999999999999999999", "2019-02-31T00:00:00Z", "2019-02-11"] {
            assert_eq!(parse(value, Form::Number(TimeUnit::Seconds)), None, "{value}");
        }
    }

    #[test]
    fn small_numbers_are_no_times() {
        let mut witness = Witness::default();
        (0..100).for_each(|t| witness.see(&format!("{t}.5")));
        assert_eq!(witness.form(None), None);
        assert_eq!(witness.form(Some(TimeUnit::Millis)), Some(Form::Number(TimeUnit::Millis)));
        assert_eq!(named("Time [ms]"), Some((0, Some(TimeUnit::Millis))));
        assert_eq!(named("timestamp_ns"), Some((1, Some(TimeUnit::Nanos))));
        assert_eq!(named("torque"), None);
    }
}
