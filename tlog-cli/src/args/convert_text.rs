//! The arguments of `tlog convert` for CSV and NDJSON.

use clap::Args as ClapArgs;
use tlog_convert::text::Grid;

use crate::times::duration_micros;

/// How text is made.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "CSV and NDJSON")]
pub struct TextTables {
    /// Only this field, such as `servos[3].torque` (repeatable)
    #[arg(long = "field", value_name = "PATH", conflicts_with_all = ["parquet", "arrow"])]
    pub fields: Vec<String>,
    /// One CSV table of all values: time, record, field, value
    #[arg(long, requires = "csv", conflicts_with_all = ["parquet", "arrow", "ndjson", "resample"])]
    pub long: bool,
    /// One CSV table of all records with a row each 10ms, or at 100Hz
    ///
    /// Rows are at whole multiples of the period since the Unix epoch. Each cell has the latest value at that time or
    /// before it, and is empty before the first: nothing is interpolated. Data that steps back in time by up to 10 s is
    /// put in order; what comes later than that leaves the rows before it as they are (exit code 3). Data without a time
    /// is left out. Needs files, which are read twice unless they have an index.
    #[arg(long, value_name = "RATE", requires = "csv", conflicts_with_all = ["parquet", "arrow", "ndjson"], value_parser = grid)]
    pub resample: Option<Grid>,
    /// How old a resampled value may be, such as 500ms; any age by default
    #[arg(long, value_name = "DURATION", requires = "resample", value_parser = duration_micros)]
    pub max_age: Option<i64>,
    /// Write a resampled table however large it becomes; more than 4 GB are refused by default
    #[arg(long, requires = "resample")]
    pub force_size: bool,
}

/// The grid of a rate such as 100Hz or 2.5kHz, or of a period such as 10ms.
fn grid(text: &str) -> Result<Grid, String> {
    let wrong =
        || format!("`{text}` is neither a rate such as 100Hz nor a period such as 10ms, of a microsecond or more");
    let lower = text.trim().to_ascii_lowercase();
    let (points, micros) = match lower.strip_suffix("hz").map(str::trim_end) {
        Some(rate) => {
            let (number, scale) = rate.strip_suffix('k').map_or((rate, 1), |number| (number.trim_end(), 1000));
            rational(number).and_then(|(digits, unit)| Some((digits.checked_mul(scale)?, unit * 1_000_000)))
        }
        None => duration_micros(text.trim()).ok().and_then(|micros| Some((1, u64::try_from(micros).ok()?))),
    }
    .ok_or_else(wrong)?;
    Grid::new(points, micros).map_err(|_| wrong())
}

/// A decimal number as digits over a power of ten.
fn rational(text: &str) -> Option<(u64, u64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    Some((format!("{whole}{fraction}").parse().ok()?, 10_u64.pow(fraction.len() as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms() {
        for (text, points, micros) in [
            ("100Hz", 100, 1_000_000),
            ("2.5 Hz", 25, 10_000_000),
            ("1kHz", 1000, 1_000_000),
            ("0.001hz", 1, 1_000_000_000),
            ("10ms", 1, 10_000),
            ("1us", 1, 1),
            ("1m30s", 1, 90_000_000),
        ] {
            assert_eq!(grid(text), Ok(Grid::new(points, micros).unwrap()), "{text}");
        }
        for text in ["", "Hz", "0Hz", "0s", "-1Hz", "100", "2MHz", "1.5.2Hz", "100ns", "99999999999999999999Hz"] {
            assert!(grid(text).is_err(), "{text}");
        }
    }
}
