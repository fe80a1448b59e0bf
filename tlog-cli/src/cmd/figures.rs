//! Figures as people read them, and as JSON has them.

use serde_json::Value;

/// How many digits of a number are shown.
const DIGITS: i32 = 5;

/// A number with five significant digits.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if size < 1e10 && value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = (DIGITS - 1 - size.log10().floor() as i32).max(0) as usize;
    trimmed(&format!("{value:.decimals$}"))
}

/// Without zeros that say nothing.
fn trimmed(text: &str) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}

/// A length of time in a unit that suits it.
pub fn duration(micros: f64) -> String {
    let (size, sign) = (micros.abs(), if micros < 0.0 { "-" } else { "" });
    let whole = size / 1e6;
    let text = match size {
        _ if !size.is_finite() => return "-".to_owned(),
        0.0 => return "0 s".to_owned(),
        ..999.5 => format!("{} us", short(size)),
        ..999_500.0 => format!("{} ms", short(size / 1e3)),
        ..59_950_000.0 => format!("{} s", short(whole)),
        ..3_599_500_000.0 => format!("{} min {} s", (whole / 60.0).floor(), (whole % 60.0).floor()),
        ..86_400e6 => format!("{} h {} min", (whole / 3600.0).floor(), (whole / 60.0 % 60.0).floor()),
        _ => format!("{} d {} h", (whole / 86_400.0).floor(), (whole / 3600.0 % 24.0).floor()),
    };
    format!("{sign}{text}")
}

/// A rate in hertz.
pub fn rate(hz: f64) -> String {
    format!("{} Hz", short(hz))
}

/// Three or four digits.
pub fn short(value: f64) -> String {
    match value.abs() {
        1000.0.. => format!("{value:.0}"),
        100.0.. => trimmed(&format!("{value:.1}")),
        10.0.. => trimmed(&format!("{value:.2}")),
        0.01.. => trimmed(&format!("{value:.3}")),
        _ => number(value),
    }
}

/// A whole number with its thousands set apart.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share in percent.
pub fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

/// A whole number as JSON, as long as it fits 64 bits.
pub fn integer(value: i128) -> Value {
    let signed = i64::try_from(value).map(Value::from);
    signed.or_else(|_| u64::try_from(value).map(Value::from)).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (900.0, "900"),
            (181_470_216.0, "181470216"),
            (1.5e12, "1.500e12"),
            (-1.227_447_390_556_335_4, "-1.2274"),
            (0.004_844_999, "0.004845"),
            (0.000_012_3, "1.230e-5"),
            (6_402.065_917, "6402.1"),
            (123_456.7, "123457"),
            (0.1, "0.1"),
            (f64::INFINITY, "-"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
    }

    #[test]
    fn durations() {
        for (micros, text) in [
            (0.0, "0 s"),
            (12.34, "12.34 us"),
            (250.0, "250 us"),
            (4_010.0, "4.01 ms"),
            (999_499.0, "999.5 ms"),
            (1_530_000.0, "1.53 s"),
            (68_900_000.0, "1 min 8 s"),
            (7_300e6, "2 h 1 min"),
            (200_000e6, "2 d 7 h"),
            (-250.0, "-250 us"),
        ] {
            assert_eq!(duration(micros), text, "{micros}");
        }
    }

    #[test]
    fn whole_numbers() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(count), text);
        }
        assert_eq!(integer(u64::MAX.into()), Value::from(u64::MAX));
        assert_eq!(integer((-1).into()), Value::from(-1));
    }
}
