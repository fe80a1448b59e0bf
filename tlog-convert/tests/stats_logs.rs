//! Statistics of whole logs: every type, any number of workers, data that do not decode.

use std::collections::BTreeMap;

use tlog::Micros;
use tlog::read::{ReadOptions, SliceReader};
use tlog::schema::Schema;
use tlog::value::read_json;
use tlog::write::{RecordId, WriterOptions};
use tlog_convert::stats::{Options, Report, Statistics, Values};

fn statistics(bytes: &[u8], options: Options) -> Report {
    let mut statistics = Statistics::new(options).unwrap();
    let mut reader = SliceReader::new(bytes, ReadOptions::default());
    while let Some(data) = reader.next_data().unwrap() {
        statistics.push(&data).unwrap();
    }
    statistics.finish().unwrap()
}

/// All figures to the last digit.
fn figures(report: &Report) -> Vec<String> {
    let mut figures = Vec::new();
    for record in &report.records {
        let timing = &record.timing;
        let gaps = (&timing.gaps, timing.steps_back, timing.jitter_p99(), timing.intervals.moments);
        figures.push(format!("{} {} {:?} {gaps:?}", record.record.name, timing.count, timing.range));
        let each = record.each_field(&mut |field| {
            let values = match field.values {
                Values::Nothing => String::new(),
                Values::Symbols(symbols) => format!("{:?}", symbols.sorted()),
                Values::Numbers(numbers) | Values::Lengths(numbers) => {
                    let quantiles = (numbers.at([0.01, 0.5, 0.99]), numbers.quantiles.error());
                    let moments = (numbers.nan, numbers.infinite, numbers.moments, numbers.extremes);
                    format!("{moments:?} {quantiles:?} {:?}", numbers.sequence)
                }
            };
            figures.push(format!("{}: {:?} {} {values}", field.name, field.kind, field.nulls));
            Ok::<(), std::convert::Infallible>(())
        });
        each.unwrap();
    }
    figures
}

/// What is told of the fields of the only record, in short.
fn fields(report: &Report) -> BTreeMap<String, String> {
    let mut told = BTreeMap::new();
    let each = report.records[0].each_field(&mut |field| {
        let values = match field.values {
            Values::Nothing => "nothing".to_owned(),
            Values::Symbols(symbols) => {
                symbols.sorted().iter().map(|(text, count)| format!("{text}={count}")).collect::<Vec<_>>().join(" ")
            }
            Values::Numbers(numbers) => {
                numbers.extremes.map_or("none".to_owned(), |ends| format!("{}..{}", ends.min(), ends.max()))
            }
            Values::Lengths(numbers) => {
                numbers.extremes.map_or("none".to_owned(), |ends| format!("length {}..{}", ends.min(), ends.max()))
            }
        };
        let nulls = if field.nulls > 0 { format!(", {} null", field.nulls) } else { String::new() };
        told.insert(field.name.to_owned(), format!("{} {:?} {values}{nulls}", field.count(), field.kind));
        Ok::<(), std::convert::Infallible>(())
    });
    each.unwrap();
    told
}

fn log(schema: &str, data: &[&str]) -> Vec<u8> {
    let schema = Schema::from_json(schema).unwrap();
    let mut log = WriterOptions::new().open(Vec::new());
    // With names that not every writer writes.
    let id = RecordId(1);
    log.declare_raw(id, "r", &schema.to_bytes()).unwrap();
    for (at, json) in data.iter().enumerate() {
        let mut payload = Vec::new();
        read_json(schema.root(), json, &mut payload).unwrap();
        log.write(id, Some(Micros(at as i64 * 1000)), &payload).unwrap();
    }
    log.finish().unwrap()
}

const EVERYTHING: &str = r#"{"type":"object","fields":[
    {"name":"n","type":"fixedint16"},
    {"name":"f","type":"float32"},
    {"name":"on","type":"boolean"},
    {"name":"mode","type":{"type":"enum","underlying":"fixeduint8","symbols":["off","go"]}},
    {"name":"at","type":"timestamp"},
    {"name":"for","type":"duration"},
    {"name":"odd name","type":{"type":"object","fields":[{"name":"text","type":"string"},{"name":"raw","type":"bytes"}]}},
    {"name":"pair","type":{"type":"fixedarray","size":2,"items":{"type":"object","fields":[
        {"name":"v","type":{"type":"fixedarray","size":2,"items":"fixeduint8"}},
        {"name":"l","type":{"type":"array","items":"varint"}}]}}},
    {"name":"list","type":{"type":"array","items":{"type":"object","fields":[{"name":"x","type":"float64"}]}}},
    {"name":"map","type":{"type":"map","values":"fixeduint32"}},
    {"name":"maybe","type":["null",{"type":"object","fields":[{"name":"y","type":"varuint"}]}]},
    {"name":"either","type":["null","fixeduint8","string"]},
    {"name":"nothing","type":"null"}]}"#;

fn everything(i: i64, map: &str, maybe: &str, either: &str, list: &str) -> String {
    format!(
        r#"{{"n":{n},"f":{f},"on":{on},"mode":{mode},"at":"2020-01-01T00:00:0{i}Z","for":{d},
        "odd name":{{"text":"{text}","raw":"AAA="}},
        "pair":[{{"v":[{i},1],"l":[{i},-5]}},{{"v":[2,3{i}],"l":[]}}],
        "list":{list},"map":{map},"maybe":{maybe},"either":{either},"nothing":null}}"#,
        n = i - 1,
        f = if i == 2 { "\"NaN\"".to_owned() } else { format!("{i}.5") },
        on = i > 0,
        mode = if i == 2 { "7".to_owned() } else { "\"go\"".to_owned() },
        d = i * 10,
        text = "x".repeat(i as usize),
    )
}

#[test]
fn every_type_by_its_name() {
    let data = [
        everything(0, r#"{"a":1,"b c":2}"#, "null", r#"{"null":null}"#, "[]"),
        everything(1, r#"{"a":5}"#, r#"{"y":7}"#, r#"{"fixeduint8":9}"#, r#"[{"x":1.0},{"x":"Infinity"}]"#),
        everything(2, "{}", r#"{"y":3}"#, r#"{"string":"abc"}"#, r#"[{"x":-2.0}]"#),
    ];
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    let report = statistics(&log(EVERYTHING, &data), Options::default());
    let expected = [
        ("n", "3 Integer -1..1"),
        ("f", "3 Float 0.5..1.5"),
        ("on", "3 Boolean true=2 false=1"),
        ("mode", "3 Enum go=2 7=1"),
        ("at", "3 Timestamp 1577836800000000..1577836802000000"),
        ("for", "3 Duration 0..20"),
        (r#"["odd name"].text"#, "3 String length 0..2"),
        (r#"["odd name"].raw"#, "3 Bytes length 2..2"),
        ("pair[0].v[0]", "3 Integer 0..2"),
        ("pair[0].v[1]", "3 Integer 1..1"),
        ("pair[1].v[0]", "3 Integer 2..2"),
        ("pair[1].v[1]", "3 Integer 30..32"),
        ("pair[0].l[]", "6 Integer -5..2"),
        ("pair[1].l[]", "0 Integer none"),
        ("list[].x", "3 Float -2..1"),
        ("map.a", "2 Integer 1..5"),
        (r#"map["b c"]"#, "1 Integer 2..2"),
        ("maybe.y", "2 Integer 3..7, 1 null"),
        ("either.tag", "3 Enum null=1 fixeduint8=1 string=1"),
        ("either.fixeduint8", "1 Integer 9..9, 2 null"),
        ("either.string", "1 String length 3..3, 2 null"),
        ("nothing", "0 Null nothing, 3 null"),
    ];
    let expected: BTreeMap<String, String> =
        expected.into_iter().map(|(name, told)| (name.to_owned(), told.to_owned())).collect();
    assert_eq!(fields(&report), expected);
    let only = Options { fields: vec!["pair[0].v".to_owned(), "map".to_owned()], ..Options::default() };
    let names: Vec<String> = fields(&statistics(&log(EVERYTHING, &data), only)).into_keys().collect();
    assert_eq!(names, ["map.a", r#"map["b c"]"#, "pair[0].v[0]", "pair[0].v[1]"]);
}

#[test]
fn a_record_that_is_no_object() {
    let report = statistics(&log("\"fixeduint8\"", &["1", "2", "4"]), Options::default());
    assert_eq!(fields(&report), BTreeMap::from([("value".to_owned(), "3 Integer 1..4".to_owned())]));
}

#[test]
fn many_keys_are_told_together() {
    let data: Vec<String> = (0..100).map(|i| format!("{{\"m\":{{\"k{i}\":{i}}}}}")).collect();
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    let schema = r#"{"type":"object","fields":[{"name":"m","type":{"type":"map","values":"varint"}}]}"#;
    let found = fields(&statistics(&log(schema, &data), Options::default()));
    assert_eq!(found.len(), 65);
    assert_eq!(found["m.k63"], "1 Integer 63..63");
    assert_eq!(found["m[]"], "36 Integer 64..99");
}

/// Several chunks of two records, one of which has fields of varying size, with gaps and disorder.
fn large() -> Vec<u8> {
    let wide = Schema::from_json(
        r#"{"type":"object","fields":[{"name":"seq","type":"fixeduint8"},
        {"name":"v","type":{"type":"fixedarray","size":8,"items":"float32"}},
        {"name":"raw","type":"bytes"}]}"#,
    );
    let odd = Schema::from_json(
        r#"{"type":"object","fields":[{"name":"text","type":"string"},
        {"name":"m","type":{"type":"map","values":"float64"}},{"name":"maybe","type":["null","varint"]}]}"#,
    );
    let mut log = WriterOptions::new().checksums(false).compression(false).open(Vec::new());
    let (wide, odd) = (log.declare("wide", &wide.unwrap()).unwrap(), log.declare("odd", &odd.unwrap()).unwrap());
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for i in 0..12_000_i64 {
        let mut payload = vec![(i + i / 5000) as u8];
        for _ in 0..8 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            payload.extend(((random >> 40) as f32 / 1e6 - 8.0).to_le_bytes());
        }
        payload.extend([144, 3]);
        payload.resize(payload.len() + 400, 0);
        log.write(wide, Some(Micros(i * 1000 - (i % 997) * 3)), &payload).unwrap();
        if i % 4 == 0 {
            let key = b'a' + (i / 4 % 9) as u8;
            let mut payload = vec![3, b'x', b'y', key, 1, 1, key];
            payload.extend((random as f64).to_le_bytes());
            payload.extend(if i % 3 == 0 { vec![0] } else { vec![1, 12] });
            log.write(odd, None, &payload).unwrap();
        }
    }
    log.finish().unwrap()
}

#[test]
fn workers_change_nothing() {
    let bytes = large();
    let with = |workers| figures(&statistics(&bytes, Options { workers, ..Options::default() }));
    let alone = with(1);
    assert_eq!(alone.len(), 1 + 10 + 1 + 2 + 9);
    assert!(alone[0].starts_with("wide 12000 "), "{}", alone[0]);
    for workers in [2, 5] {
        assert_eq!(with(workers), alone);
    }
}

#[test]
fn what_does_not_decode_is_told_and_not_counted() {
    let schema = Schema::from_json("\"string\"").unwrap();
    let mut log = WriterOptions::new().open(Vec::new());
    let id = log.declare("r", &schema).unwrap();
    for payload in [&[1, b'a'][..], &[9, b'a'], &[2, b'a', b'b']] {
        log.write(id, Some(Micros(5)), payload).unwrap();
    }
    let report = statistics(&log.finish().unwrap(), Options::default());
    assert_eq!(report.damage.stretches, 1);
    assert!(report.damage.first[0].cause.to_string().contains('r'), "{:?}", report.damage);
    assert_eq!(report.records[0].timing.count, 2);
    assert_eq!(fields(&report)["value"], "2 String length 1..2");
}

#[test]
fn fields_beyond_the_limit_are_left_out() {
    let schema = Schema::from_json(r#"{"type":"fixedarray","size":40000,"items":"fixeduint8"}"#).unwrap();
    let mut log = WriterOptions::new().open(Vec::new());
    let (a, b) = (log.declare("a", &schema).unwrap(), log.declare("b", &schema).unwrap());
    for id in [a, b, b] {
        log.write(id, Some(Micros(5)), &[7; 40_000]).unwrap();
    }
    let bytes = log.finish().unwrap();
    let report = statistics(&bytes, Options::default());
    assert!(!report.records[0].is_without_fields());
    assert!(report.records[1].is_without_fields());
    assert_eq!(report.records[1].timing.count, 2);
    let report = statistics(&bytes, Options { fields: vec!["value[7]".to_owned()], ..Options::default() });
    assert!(report.records.iter().all(|record| !record.is_without_fields()));
}

#[cfg(feature = "reference-vectors")]
mod flight {
    use super::*;
    use serde_json::Value;

    fn shared(path: &str) -> std::path::PathBuf {
        let here = || concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").into();
        std::env::var_os("TLOG_SHARED").map_or_else(here, std::path::PathBuf::from).join(path)
    }

    /// A real flight, against what an independent decoder of the original file says of each column.
    #[test]
    fn every_column_of_the_flight() {
        let bytes = std::fs::read(shared("testdata/px4-flight.tlog")).unwrap();
        let expected = std::fs::read(shared("testdata/px4-flight.expect.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let report = statistics(&bytes, Options::default());
        assert_eq!(report.records.len(), expected.as_object().unwrap().len());
        for record in &report.records {
            let name = &record.record.name;
            assert_eq!(record.timing.count, expected[name]["count"].as_u64().unwrap(), "{name}");
            let (columns, mut found) = (&expected[name]["columns"], 0);
            let each = record.each_field(&mut |field| {
                found += 1;
                let path = format!("{name}.{}", field.name);
                assert_eq!(field.count(), record.timing.count, "{path}");
                check(&path, field.values, &columns[field.name]);
                Ok::<(), std::convert::Infallible>(())
            });
            each.unwrap();
            assert_eq!(found, columns.as_object().unwrap().len(), "{name}");
        }
    }

    fn check(path: &str, values: &Values, expected: &Value) {
        let number = |key: &str| expected[key].as_f64().unwrap_or_else(|| panic!("{path}: {key} of {expected}"));
        match values {
            Values::Numbers(numbers) => {
                let nonfinite = expected.get("nonfinite").map_or(0, |count| count.as_u64().unwrap());
                assert_eq!(numbers.nan + numbers.infinite, nonfinite, "{path}");
                let Some(ends) = numbers.extremes else { return };
                if expected.get("first").is_some() {
                    // The times of a record go up, or its first would not be its least.
                    return assert_eq!((ends.min(), ends.max()), (number("first"), number("last")), "{path}");
                }
                assert_eq!((ends.min(), ends.max()), (number("min"), number("max")), "{path}");
                let sum = numbers.moments.mean * numbers.moments.count as f64;
                let scale = numbers.moments.count as f64 * ends.min().abs().max(ends.max().abs());
                assert!((sum - number("sum")).abs() <= 1e-12 * scale, "{path}: {sum} {expected}");
            }
            Values::Symbols(symbols) => {
                let yes = symbols.sorted().iter().find(|(text, _)| *text == "true").map_or(0, |(_, count)| *count);
                assert_eq!(yes, expected["sum"].as_u64().unwrap(), "{path}");
            }
            other => panic!("{path}: {other:?}"),
        }
    }
}
