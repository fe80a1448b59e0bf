//! Ticks for the time of the day, with the date told where it changes.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

use super::{Span, Tick, Ticks, number};

const SECOND: i128 = 1_000_000;
const MINUTE: i128 = 60 * SECOND;
const HOUR: i128 = 60 * MINUTE;
const DAY: i128 = 24 * HOUR;

/// Steps of equal length from a second on; shorter ones are decimal.
const STEPS: [i128; 20] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
];

/// Steps by the calendar, in months.
const MONTHS: [i32; 11] = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 12_000];

/// Microseconds since the epoch.
type Instant = i128;

/// At most so many ticks, at least 2, for microseconds after the origin.
pub fn ticks(origin: i64, span: Span, most: usize) -> Ticks {
    let most = most.max(2);
    // Beyond all times a float that is cast saturates, and no date is found.
    let at = |offset: f64| i128::from(origin).saturating_add(offset as i128);
    let (lo, hi) = (at(span.lo()), at(span.hi()));
    if date_time(lo).is_none() || date_time(hi).is_none() {
        return number::ticks(span, most);
    }
    let decimal = (0..6).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_i128.pow(power)));
    let even = decimal.chain(STEPS).filter(|step| (hi - lo) / step <= most as i128).find_map(|step| {
        let instants: Vec<Instant> = multiples(lo, hi, step).collect();
        labelled(origin, span, most, &instants, |at| of_day(at, step))
    });
    let by_calendar = || MONTHS.iter().find_map(|months| calendar(origin, span, most, (lo, hi), *months));
    even.or_else(by_calendar).unwrap_or_else(|| number::ticks(span, most))
}

fn multiples(lo: Instant, hi: Instant, step: i128) -> impl Iterator<Item = Instant> {
    let first = lo.div_euclid(step) + i128::from(lo.rem_euclid(step) != 0);
    (first..=hi.div_euclid(step)).map(move |index| index * step)
}

/// The beginnings of every so many months.
fn calendar(origin: i64, span: Span, most: usize, (lo, hi): (Instant, Instant), months: i32) -> Option<Ticks> {
    let month_of = |at: Instant| date_time(at).map(|at| i32::from(at.year()) * 12 + i32::from(at.month()) - 1);
    let (from, to) = (month_of(lo)?, month_of(hi)?);
    let (from, to) = (from.div_euclid(months), to.div_euclid(months));
    if usize::try_from(to - from).ok()? > most + 1 {
        return None;
    }
    let begin = |month: i32| {
        let year = i16::try_from(month.div_euclid(12)).ok()?;
        let date = Date::new(year, i8::try_from(month.rem_euclid(12) + 1).ok()?, 1).ok()?;
        let start = Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()?;
        Some(Instant::from(start.as_microsecond()))
    };
    let instants: Vec<Instant> = (from..=to).filter_map(|index| begin(index.checked_mul(months)?)).collect();
    let year = |at: DateTime| Some((format!("{}", at.year()), String::new()));
    let month = |at: DateTime| Some((at.strftime("%b").to_string(), format!("{}", at.year())));
    let label = |at| date_time(at).and_then(if months % 12 == 0 { year } else { month });
    labelled(origin, span, most, &instants, label)
}

/// Ticks with the lower label where it changes; `None` when they are too few or too many.
fn labelled(
    origin: i64,
    span: Span,
    most: usize,
    instants: &[Instant],
    label: impl Fn(Instant) -> Option<(String, String)>,
) -> Option<Ticks> {
    let mut ticks: Ticks = Vec::new();
    let mut told = String::new();
    for instant in instants {
        let at = (instant - i128::from(origin)) as f64;
        if span.contains(at) && ticks.last().is_none_or(|last| last.at < at) {
            let (label, below) = label(*instant)?;
            let below = (below != told).then_some(below);
            told = below.clone().unwrap_or(told);
            ticks.push(Tick { at, label, below });
        }
    }
    (2..=most).contains(&ticks.len()).then_some(ticks)
}

/// The label of a time in a row of such, this far from each other, and that below it.
fn of_day(at: Instant, step: i128) -> Option<(String, String)> {
    let at = date_time(at)?;
    let (date, time) = (at.date(), at.time());
    let label = match step {
        step if step >= DAY => return Some((at.strftime("%b %-d").to_string(), format!("{}", at.year()))),
        step if step >= MINUTE => at.strftime("%H:%M").to_string(),
        step if step >= SECOND => at.strftime("%H:%M:%S").to_string(),
        step => {
            let digits = 6 - step.ilog10() as usize;
            let micros = time.subsec_nanosecond() / 1_000;
            let fraction = format!("{micros:06}");
            format!("{}.{}", at.strftime("%H:%M:%S"), fraction.get(..digits).unwrap_or(&fraction))
        }
    };
    Some((label, date.to_string()))
}

fn date_time(at: Instant) -> Option<DateTime> {
    let at = Timestamp::from_microsecond(i64::try_from(at).ok()?).ok()?;
    Some(Offset::UTC.to_datetime(at))
}
