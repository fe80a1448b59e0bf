//! Times as arguments. `tlog help times` prints [`HELP`].

use std::path::Path;
use std::str::FromStr;

use anyhow::Context;
use tlog::Micros;
use tlog::read::{ReadOptions, StreamReader};
use tlog_index::index::LogIndex;
use tlog_index::scan::{Progress, ScanOptions, scan, scan_stream};

use crate::exit::usage;
use crate::input::Input;
use crate::source::{Part, Source};
use crate::{args, planning};

/// The topic `times`.
pub const HELP: &str = "\
Times (--start, --end, and the time to seek):
  2019-02-11T15:48:32.574307Z   RFC 3339, with any offset
  1549900112s                   since the Unix epoch, with a unit: s, ms, us, ns
  +30s                          after the first record of the log
  -10s                          before its last record

Durations (--duration, and behind + and -):
  10s  500ms  250us  1.5s  2m  1h30m

All times are UTC; the start belongs to the range, the end does not.
";

/// A point in time, perhaps counted from an end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeArg {
    At(Micros),
    /// Microseconds after the first record.
    AfterStart(i64),
    /// Microseconds before the last.
    BeforeEnd(i64),
}

impl FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(duration) = text.strip_prefix('+') {
            return duration_micros(duration).map(Self::AfterStart);
        }
        if let Some(duration) = text.strip_prefix('-') {
            return duration_micros(duration).map(Self::BeforeEnd);
        }
        if let Some(epoch) = epoch_micros(text) {
            return epoch.map(|micros| Self::At(Micros(micros)));
        }
        let parsed = text.parse::<Micros>().map(Self::At);
        parsed.map_err(|_| {
            "expected RFC 3339 such as 2019-02-11T15:48:32Z, 1549900112s, +30s or -10s (`tlog help times`)".to_owned()
        })
    }
}

impl TimeArg {
    /// The time that it means in this log, whose ends are looked up if it is counted from them; `None` if the log has
    /// no times.
    pub fn resolve(self, source: &Source) -> anyhow::Result<Option<Micros>> {
        match self {
            Self::At(time) => Ok(Some(time)),
            relative => Ok(ends_of(source)?.map(|ends| relative.counted_from(ends))),
        }
    }

    /// The time that it means in a log with this earliest and latest time.
    fn counted_from(self, (first, last): (Micros, Micros)) -> Micros {
        match self {
            Self::At(time) => time,
            Self::AfterStart(micros) => Micros(first.0.saturating_add(micros)),
            Self::BeforeEnd(micros) => Micros(last.0.saturating_sub(micros)),
        }
    }
}

/// Microseconds of a duration such as `1m30s`.
pub fn duration_micros(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is not a duration such as 10s, 500ms or 1m30s");
    let duration: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    let micros = i64::try_from(duration.as_micros()).map_err(|_| wrong())?;
    if micros < 0 { Err(wrong()) } else { Ok(micros) }
}

/// Microseconds of a number with a unit; `None` when the text is something else.
fn epoch_micros(text: &str) -> Option<Result<i64, String>> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let nanos_per_unit: i128 = match &text[digits.len()..] {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        "" if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Some(Err(format!("`{text}` needs a unit: {text}s, {text}ms, {text}us or {text}ns")));
        }
        _ => return None,
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    let scale = 10_i128.pow(fraction.len() as u32);
    let number = format!("{whole}{fraction}").parse::<i128>().ok();
    let micros = number.and_then(|number| number.checked_mul(nanos_per_unit)).map(|nanos| nanos / scale / 1_000);
    Some(micros.and_then(|micros| i64::try_from(micros).ok()).ok_or_else(|| format!("`{text}` is too large")))
}

/// What a selection's times mean for one log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Range {
    start: Option<TimeArg>,
    end: Option<TimeArg>,
    duration: Option<i64>,
}

impl Range {
    pub fn new(selection: &args::Selection) -> anyhow::Result<Self> {
        let duration = selection.duration.as_deref().map(duration_micros).transpose().map_err(usage)?;
        Ok(Self { start: selection.start, end: selection.end, duration })
    }

    fn is_relative(&self) -> bool {
        let relative = |time: Option<TimeArg>| matches!(time, Some(TimeArg::AfterStart(_) | TimeArg::BeforeEnd(_)));
        relative(self.start) || relative(self.end) || (self.start.is_none() && self.duration.is_some())
    }

    /// The range in absolute times, for a log whose ends are looked up where they are needed.
    pub fn resolve(&self, source: &Source) -> anyhow::Result<(Option<Micros>, Option<Micros>)> {
        let ends = if self.is_relative() { ends_of(source)? } else { None };
        let ends = ends.unwrap_or_default();
        let absolute = |time: TimeArg| time.counted_from(ends);
        let start = self.start.map(absolute);
        let until = self.duration.map(|duration| Micros(start.unwrap_or(ends.0).0.saturating_add(duration)));
        Ok((start, self.end.map(absolute).or(until)))
    }
}

/// The time of the first record of a log, and the latest of the last times of its records: also where times step
/// back these are what every way of finding them gives.
fn ends_of(source: &Source) -> anyhow::Result<Option<(Micros, Micros)>> {
    let mut ends: Option<(Micros, Micros)> = None;
    for part in &source.parts {
        ends = match (ends, ends_of_part(source, part)?) {
            (Some((first, last)), Some((_, later))) => Some((first, last.max(later))),
            (ends, found) => ends.or(found),
        };
    }
    Ok(ends)
}

/// The same of one file of a log.
pub fn ends_of_part(source: &Source, part: &Part) -> anyhow::Result<Option<(Micros, Micros)>> {
    let named = || part.name.clone();
    match part.open(source)? {
        None => Ok(None),
        Some(Input::Mapped(log)) => ends_of_log(&part.path, &log).with_context(named),
        Some(Input::Stream(stream)) if source.is_store => {
            let index = scan_stream(&mut StreamReader::new(stream, part.read_options()), &Progress::default());
            Ok(ends_in(&index.with_context(named)?))
        }
        Some(Input::Stream(_)) => Err(usage("times counted from the ends of the log need a file, not a stream")),
    }
}

/// Through the index beside the log; else the first and, through the index in the log, the last time; else by reading
/// all of it.
fn ends_of_log(path: &Path, log: &tlog::Log) -> anyhow::Result<Option<(Micros, Micros)>> {
    if let Some(index) = planning::saved_index(path, log, false)? {
        return Ok(ends_in(&index));
    }
    let last = log.index().and_then(|index| index.records.iter().filter_map(|record| record.last_time).max());
    let Some(last) = last else {
        return Ok(ends_in(&scan(log.bytes(), &ScanOptions::default())?));
    };
    let mut reader = log.reader(ReadOptions { raw_payloads: true, ..ReadOptions::default() });
    while let Some(data) = reader.next_data()? {
        if let Some(first) = data.time {
            return Ok(Some((first, last)));
        }
    }
    Ok(None)
}

fn ends_in(index: &LogIndex) -> Option<(Micros, Micros)> {
    let last = index.records.iter().filter_map(|record| record.ends).map(|ends| ends.last).max();
    Some((index.order.ends?.first, last?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms() {
        for (text, expected) in [
            ("2019-02-11T15:48:32.574307Z", TimeArg::At(Micros(1_549_900_112_574_307))),
            ("2019-02-11T17:48:32+02:00", TimeArg::At(Micros(1_549_900_112_000_000))),
            ("1549900112s", TimeArg::At(Micros(1_549_900_112_000_000))),
            ("1549900112.25s", TimeArg::At(Micros(1_549_900_112_250_000))),
            ("1500ms", TimeArg::At(Micros(1_500_000))),
            ("7us", TimeArg::At(Micros(7))),
            ("+30s", TimeArg::AfterStart(30_000_000)),
            ("+1m30s", TimeArg::AfterStart(90_000_000)),
            ("-500ms", TimeArg::BeforeEnd(500_000)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in ["", "now", "1549900112", "+", "+-3s", "1.s2s", "99999999999999999999s", "2019-02-11"] {
            assert!(text.parse::<TimeArg>().is_err(), "{text}");
        }
    }
}
