//! Figures as people read them, and as JSON has them.

use serde_json::Value;

/// How many digits of a number are shown.
const DIGITS: i32 = 5;

/// How many of one that is far smaller than its neighbours.
const FEW_DIGITS: i32 = 3;

/// A number with five significant digits.
pub fn number(value: f64) -> String {
    significant(value, DIGITS)
}

/// A number beside others, the largest of them of this size, with as many decimals as that one needs.
pub fn number_beside(value: f64, size: f64) -> String {
    let is_plain = (1e-4..1e10).contains(&size) && (1e-4..1e10).contains(&value.abs());
    let decimals = if is_plain { decimals_of(size, DIGITS) } else { 0 };
    match is_plain && value.abs() >= 10.0_f64.powi(1 - decimals as i32) {
        true => trimmed(&format!("{value:.decimals$}")),
        false => significant(value, if value.abs() < size / 1000.0 { FEW_DIGITS } else { DIGITS }),
    }
}

/// How many decimals a positive number of this size has when it is shown with so many digits.
fn decimals_of(size: f64, digits: i32) -> usize {
    (digits - 1 - size.log10().floor() as i32).max(0) as usize
}

fn significant(value: f64, digits: i32) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "-".to_owned(),
        0.0 => "0".to_owned(),
        1e-4..1e10 if value.fract() == 0.0 => format!("{value:.0}"),
        1e-4..1e10 => trimmed(&format!("{value:.*}", decimals_of(size, digits))),
        _ => {
            let decimals = (digits - 1) as usize;
            let text = format!("{value:.decimals$e}");
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            format!("{}e{exponent}", trimmed(mantissa))
        }
    }
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
    let (whole, tenths) = (size / 1e6, (size / 1e5).round());
    let text = match size {
        _ if !size.is_finite() => return "-".to_owned(),
        0.0 => return "0 s".to_owned(),
        ..999.5 => format!("{} us", short(size)),
        ..999_500.0 => format!("{} ms", short(size / 1e3)),
        ..59_950_000.0 => format!("{} s", short(whole)),
        ..3_599_950_000.0 => format!("{} min {:.1} s", (tenths / 600.0).floor(), tenths % 600.0 / 10.0),
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
            (1.5e12, "1.5e12"),
            (146_974_930.4, "146974930"),
            (-1.227_447_390_556_335_4, "-1.2274"),
            (0.004_844_999, "0.004845"),
            (0.000_012_3, "1.23e-5"),
            (6_402.065_917, "6402.1"),
            (123_456.7, "123457"),
            (0.1, "0.1"),
            (f64::INFINITY, "-"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
    }

    #[test]
    fn numbers_in_a_row() {
        for (value, size, text) in [
            (-9.0568, 11.685, "-9.057"),
            (-5.811e-5, 2.7379, "-5.81e-5"),
            (0.0, 2.7379, "0"),
            (0.00025034, 1.7694, "0.00025"),
            (1.5, 1e12, "1.5"),
            (3.0, 3.0, "3"),
            (2.0, 0.0, "2"),
        ] {
            assert_eq!(number_beside(value, size), text, "{value}");
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
            (68_900_000.0, "1 min 8.9 s"),
            (899_999_181.0, "15 min 0.0 s"),
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
