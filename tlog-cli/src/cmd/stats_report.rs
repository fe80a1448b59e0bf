//! What `tlog stats` tells, for programs: JSON and CSV.

use serde_json::{Map, Value, json};
use tlog::Micros;
use tlog_convert::stats::numbers::{Extremes, Numbers};
use tlog_convert::stats::sequence::Sequence;
use tlog_convert::stats::timing::{Gap, Timing};
use tlog_convert::stats::{FieldStats, Kind, RecordStats, Report, Spot, Values};

use super::figures::integer;

/// How quantiles come about.
const QUANTILES: &str = "nearest rank; exact where quantile_error is 0, else within that, relative to the value";

/// The whole document.
pub fn document(logs: Vec<Value>) -> Value {
    json!({ "version": 1, "quantiles": QUANTILES, "logs": logs })
}

/// What is told of one log, or of several that are taken as one.
pub fn json(name: &str, report: &Report, sequences: &[String]) -> anyhow::Result<Value> {
    let records: Vec<Value> =
        report.records.iter().map(|record| record_json(record, sequences)).collect::<anyhow::Result<_>>()?;
    let damage = &report.damage;
    let undecodable = (!damage.is_none()).then(|| json!({ "blocks": damage.stretches, "bytes": damage.bytes }));
    Ok(json!({ "file": name, "undecodable": undecodable, "records": records }))
}

fn record_json(record: &RecordStats, sequences: &[String]) -> anyhow::Result<Value> {
    let (mut fields, mut counters) = (Vec::new(), Vec::new());
    record.each_field(&mut |field| {
        fields.push(field_json(&field));
        counters.extend(counter(&field, sequences).map(|sequence| counter_json(field.name, sequence)));
        anyhow::Ok(())
    })?;
    let mut told = timing_json(record, &record.timing);
    told.insert("sequences".to_owned(), counters.into());
    told.insert("fields_left_out".to_owned(), record.is_without_fields().into());
    told.insert("fields".to_owned(), fields.into());
    Ok(told.into())
}

/// How the field counts up, if that is wanted.
pub fn counter<'a>(field: &FieldStats<'a>, sequences: &[String]) -> Option<&'a Sequence> {
    let Values::Numbers(numbers) = field.values else { return None };
    let sequence = numbers.sequence.as_deref()?;
    let is_wanted = match sequences.is_empty() {
        true => sequence.is_counter(field.name),
        false => sequences.iter().any(|name| name == field.name),
    };
    is_wanted.then_some(sequence)
}

fn timing_json(record: &RecordStats, timing: &Timing) -> Map<String, Value> {
    let intervals = timing.interval_moments().map(|moments| {
        let [p50, p99] = timing.intervals.at([0.5, 0.99]).unwrap_or_default();
        let (min, max) = timing.interval_range().unwrap_or_default();
        let error = timing.intervals.quantiles.error();
        json!({ "min": min, "max": max, "mean": float(moments.mean), "std": moments.std().map(float),
            "p50": float(p50), "p99": float(p99), "quantile_error": error,
            "deviation_p99": timing.jitter_p99().map(float) })
    });
    let told = json!({
        "name": record.record.name,
        "identifier": record.record.identifier,
        "count": timing.count,
        "timed": timing.timed,
        "first_time": timing.range.map(|(first, _)| first.to_string()),
        "last_time": timing.range.map(|(_, last)| last.to_string()),
        "rate_hz": timing.rate_hz(),
        "interval_us": intervals,
        "gaps": timing.gaps.iter().map(gap_json).collect::<Vec<_>>(),
        "steps_back": timing.steps_back,
        "largest_step_back": timing.largest_step_back.as_ref().map(gap_json),
    });
    match told {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn gap_json(gap: &Gap) -> Value {
    json!({ "us": gap.micros, "from": gap.from.to_string(), "to": time(gap.spot), "offset": gap.spot.offset })
}

fn time(spot: Spot) -> Value {
    spot.time.map_or(Value::Null, |time| time.to_string().into())
}

fn counter_json(name: &str, sequence: &Sequence) -> Value {
    let largest =
        sequence.largest.map(|drop| json!({ "lost": drop.lost, "time": time(drop.spot), "offset": drop.spot.offset }));
    json!({ "field": name, "bits": sequence.bits(), "steps": sequence.steps, "lost": sequence.lost,
        "drops": sequence.drops, "largest_drop": largest, "repeats": sequence.repeats, "steps_back": sequence.back })
}

/// The name of a type.
pub const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Integer => "integer",
        Kind::Float => "float",
        Kind::Timestamp => "timestamp",
        Kind::Duration => "duration",
        Kind::Boolean => "boolean",
        Kind::Enum => "enum",
        Kind::String => "string",
        Kind::Bytes => "bytes",
    }
}

fn field_json(field: &FieldStats<'_>) -> Value {
    let mut told = Map::new();
    let mut put = |key: &str, value: Value| drop(told.insert(key.to_owned(), value));
    put("name", field.name.into());
    put("type", kind(field.kind).into());
    put("count", field.count().into());
    put("nulls", field.nulls.into());
    match field.values {
        Values::Nothing => {}
        Values::Numbers(numbers) => {
            if field.kind == Kind::Float {
                put("nan", numbers.nan.into());
                put("infinite", numbers.infinite.into());
            }
            figures(numbers, field.kind).into_iter().for_each(|(key, value)| put(key, value));
        }
        Values::Lengths(numbers) => {
            let lengths = figures(numbers, Kind::Integer).into_iter();
            put("length", Value::Object(lengths.map(|(key, value)| (key.to_owned(), value)).collect()));
        }
        Values::Symbols(symbols) => {
            let counts = symbols.sorted().into_iter();
            put("symbols", Value::Object(counts.map(|(text, count)| (text.to_owned(), count.into())).collect()));
            if symbols.others > 0 {
                put("other_symbols", symbols.others.into());
            }
        }
    }
    told.into()
}

/// The figures of numbers. Points in time are text, lengths of time and spreads of times are microseconds.
fn figures(numbers: &Numbers, kind: Kind) -> [(&'static str, Value); 7] {
    let point = |value: f64| match kind {
        Kind::Timestamp => Micros(value.round() as i64).to_string().into(),
        Kind::Integer | Kind::Duration if value.fract() == 0.0 && value.abs() < 9e15 => Value::from(value as i64),
        _ => float(value),
    };
    let (min, max) = match numbers.extremes {
        None => (Value::Null, Value::Null),
        Some(Extremes::Integers(min, max)) if kind != Kind::Timestamp => (integer(min), integer(max)),
        Some(Extremes::Integers(min, max)) => (micros(min), micros(max)),
        Some(Extremes::Floats(min, max)) => (float(min), float(max)),
    };
    let mean = match kind {
        _ if numbers.moments.count == 0 => Value::Null,
        Kind::Timestamp => point(numbers.moments.mean),
        _ => float(numbers.moments.mean),
    };
    let [p50, p99] = numbers.at([0.5, 0.99]).map_or([Value::Null, Value::Null], |found| found.map(point));
    let std = numbers.moments.std().map_or(Value::Null, float);
    let std_key = if kind == Kind::Timestamp { "std_us" } else { "std" };
    let error = numbers.quantiles.error().into();
    [("min", min), ("max", max), ("mean", mean), (std_key, std), ("p50", p50), ("p99", p99), ("quantile_error", error)]
}

fn micros(value: i128) -> Value {
    i64::try_from(value).map_or(Value::Null, |micros| Micros(micros).to_string().into())
}

/// A float; null if it is beyond what a float can be.
fn float(value: f64) -> Value {
    value.into()
}

/// A line for each field.
#[derive(Default)]
pub struct Csv {
    has_header: bool,
}

const HEADER: &str =
    "log,record,field,type,unit,count,nulls,nan,infinite,min,max,mean,std,p50,p99,quantile_error,symbols\n";

impl Csv {
    /// Adds the fields of a log.
    pub fn put(&mut self, name: &str, report: &Report, out: &mut Vec<u8>) -> anyhow::Result<()> {
        if !std::mem::replace(&mut self.has_header, true) {
            out.extend(HEADER.as_bytes());
        }
        for record in &report.records {
            record.each_field(&mut |field| {
                put_line(&[name, &record.record.name], &field, out);
                anyhow::Ok(())
            })?;
        }
        Ok(())
    }
}

fn put_line(of: &[&str], field: &FieldStats<'_>, out: &mut Vec<u8>) {
    let mut cells: Vec<String> = of.iter().map(|&text| text.to_owned()).collect();
    let unit = match field.kind {
        Kind::Duration | Kind::Timestamp => "us",
        Kind::String | Kind::Bytes => "bytes",
        _ => "",
    };
    cells.extend([field.name, kind(field.kind), unit].map(str::to_owned));
    cells.extend([field.count(), field.nulls].map(|count| count.to_string()));
    let is_float = field.kind == Kind::Float;
    match field.values {
        Values::Numbers(numbers) | Values::Lengths(numbers) => {
            let count = |count: u64| if is_float { count.to_string() } else { String::new() };
            cells.extend([count(numbers.nan), count(numbers.infinite)]);
            let kind = if matches!(field.values, Values::Lengths(_)) { Kind::Integer } else { field.kind };
            cells.extend(figures(numbers, kind).map(|(_, value)| cell(value)));
            cells.push(String::new());
        }
        Values::Symbols(symbols) => {
            cells.extend(std::iter::repeat_n(String::new(), 9));
            let counts = symbols.sorted().into_iter().map(|(text, count)| format!("{text}={count}"));
            cells.push(counts.collect::<Vec<_>>().join(" "));
        }
        Values::Nothing => cells.extend(std::iter::repeat_n(String::new(), 10)),
    }
    let cells: Vec<String> = cells.into_iter().map(quoted).collect();
    out.extend(cells.join(",").as_bytes());
    out.push(b'\n');
}

fn cell(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// In quotes where the text would otherwise be more than one cell.
fn quoted(text: String) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}
