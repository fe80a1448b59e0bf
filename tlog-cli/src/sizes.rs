//! Sizes as arguments.

/// Units, longest first where one ends with another. A bare letter counts in powers of 1024, as other tools have it.
const UNITS: [(&str, u64); 13] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("kb", 1000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("t", 1 << 40),
    ("b", 1),
];

/// Bytes of a size such as `64MiB`, `1.5G`, `100 kB` or `4096`.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size such as 64MiB, 500MB, 1G or 4096");
    let lower = text.trim().to_ascii_lowercase();
    let unit = UNITS.iter().find_map(|(unit, scale)| Some((lower.strip_suffix(unit)?, *scale)));
    let (number, scale) = unit.unwrap_or((&lower, 1));
    let (whole, fraction) = number.trim_end().split_once('.').unwrap_or((number.trim_end(), ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return Err(wrong());
    }
    let digits: u128 = format!("{whole}{fraction}").parse().map_err(|_| wrong())?;
    let scaled = digits.checked_mul(scale.into()).ok_or_else(wrong)? / 10_u128.pow(fraction.len() as u32);
    u64::try_from(scaled).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms() {
        for (text, expected) in [
            ("0", 0),
            ("4096", 4096),
            ("7B", 7),
            ("64MiB", 64 << 20),
            ("64mib", 64 << 20),
            ("64MB", 64_000_000),
            ("1G", 1 << 30),
            ("1.5K", 1536),
            ("100 kB", 100_000),
            ("2TiB", 2 << 40),
            ("3t", 3 << 40),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in
            ["", "x", "MiB", "-1", "1e3", "1.2.3K", ".5G", "1 000", "99999999999999999999", "18446744073709551616B"]
        {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
