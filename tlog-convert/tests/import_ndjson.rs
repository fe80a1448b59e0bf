//! Lines of JSON as logs: what values become, and lines that are broken.

mod import_support;

use std::io::Cursor;

use import_support::{Imported, import};
use proptest::prelude::*;
use serde_json::Value;
use tlog_convert::Error;
use tlog_convert::import::TimeUnit;
use tlog_convert::import::ndjson::{self, Options};

fn with(text: &str, options: &Options) -> Imported {
    import(|out| ndjson::read(Cursor::new(text), out, options))
}

fn read(text: &str) -> Imported {
    with(text, &Options::default())
}

fn refused(text: &str, options: &Options) -> Error {
    ndjson::read(Cursor::new(text), &mut tlog::Writer::new(Vec::new()), options).unwrap_err()
}

fn ours(lines: &[&str]) -> String {
    lines.iter().map(|data| format!("{{\"time\":null,\"record\":\"r\",\"data\":{data}}}\n")).collect()
}

#[test]
fn our_own_lines_come_back() {
    let lines = [
        r#"{"time":"2024-06-10T06:13:20Z","record":"a.b","data":{"n":1,"x":[1.5,"NaN"],"at":"2024-06-10T06:13:20.25Z"}}"#,
        r#"{"time":null,"record":"c","data":true}"#,
        r#"{"time":-9223372036854775808,"record":"a.b","data":{"n":-7,"x":["-Infinity",0.1],"at":"1969-12-31T23:59:59Z"}}"#,
    ];
    let imported = read(&lines.join("\n"));
    let again = |line: &String| {
        let mut parts = line.splitn(3, ' ');
        let (time, record, data) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let time = if time == "-" { "null".into() } else { serde_json::to_string(time).unwrap() };
        let time = time.replace("\"-9223372036854775808\"", "-9223372036854775808");
        format!(r#"{{"time":{time},"record":"{record}","data":{data}}}"#)
    };
    assert_eq!(imported.lines.iter().map(again).collect::<Vec<_>>(), lines);
    let schema = &imported.schemas.iter().find(|(name, _)| name == "a.b").unwrap().1;
    assert!(schema.contains("fixedarray") && schema.contains("timestamp"), "{schema}");
}

/// What nests deeper than schemas are made for, and what it becomes beside other values.
const DEEP: [&str; 2] = [
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\"",
];

#[test]
fn values_that_differ_find_a_common_type() {
    for (values, expected) in [
        (["1", "2.5"], ["1.0", "2.5"]),
        (["1", "18446744073709551615"], ["1", "18446744073709551615"]),
        (["1", "\"NaN\""], ["1.0", "\"NaN\""]),
        (["9007199254740993", "0.5"], ["\"9007199254740993\"", "\"0.5\""]),
        (["1", "\"one\""], ["\"1\"", "\"\\\"one\\\"\""]),
        (["null", "[1]"], ["null", "[1]"]),
        (["[]", "[1,2.5]"], ["[]", "[1.0,2.5]"]),
        (["[null]", "[]"], ["[null]", "[]"]),
        (["[{}]", "[]"], ["[\"{}\"]", "[]"]),
        (["{\"a\":1}", "{\"b\":[true]}"], ["{\"a\":1,\"b\":null}", "{\"a\":null,\"b\":[true]}"]),
        (["{\"a b\":1}", "{\"a_b\":2}"], ["{\"a_b\":1,\"a_b_2\":null}", "{\"a_b\":null,\"a_b_2\":2}"]),
        (["{\"a\":1}", "[1]"], ["\"{\\\"a\\\":1}\"", "\"[1]\""]),
        (["\"2024-06-10T06:13:20Z\"", "\"soon\""], ["\"2024-06-10T06:13:20Z\"", "\"soon\""]),
        (["null", "null"], ["null", "null"]),
        ([DEEP[0], "1"], [DEEP[1], "\"1\""]),
        (["{\"a\":1,\"a\":2}", "{}"], ["{\"a\":2}", "{\"a\":null}"]),
        (["{}", "{\"a\":1,\"a\":2}"], ["{\"a\":null}", "{\"a\":2}"]),
    ] {
        let imported = read(&ours(&values));
        let expected = expected.map(|data| format!("- r {data}"));
        assert_eq!(imported.lines, expected, "{values:?} {:?}", imported.summary);
    }
}

#[test]
fn other_objects_are_one_record() {
    let text = "{\"t\":1718000000.25,\"temp\":20}\n\n{\"temp\":21.5,\"ok\":true,\"t\":null}\n";
    let options = Options { record: "room 1".into(), ..Options::default() };
    let imported = with(text, &options);
    assert_eq!(
        imported.lines,
        [r#"2024-06-10T06:13:20.25Z room_1 {"temp":20.0,"ok":null}"#, r#"- room_1 {"temp":21.5,"ok":true}"#]
    );
    let small = read("{\"t\":0.5,\"x\":1}\n");
    assert_eq!((small.lines[0].as_str(), small.summary.notes.len()), (r#"- lines {"t":0.5,"x":1}"#, 1));
    let given = Options { time_field: Some("x".into()), time_unit: Some(TimeUnit::Millis), ..Options::default() };
    assert_eq!(with("{\"t\":0.5,\"x\":1}\n", &given).lines, [r#"1970-01-01T00:00:00.001Z lines {"t":0.5}"#]);
    assert!(matches!(refused("{\"y\":1}\n", &given), Error::Usage(_)));
}

#[test]
fn broken_lines_are_skipped_and_told() {
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let bad_time = r#"{"time":"soon","record":"r","data":1}"#;
    let text = format!("{{\"x\":1}}\n{{\"x\":\nnull\n[1]\n{deep}\n{bad_time}\n{{\"x\":2}}");
    let imported = read(&text);
    assert_eq!(imported.summary.taken, 2);
    let lines: Vec<&str> = imported.summary.first.iter().map(|part| part.cause.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["line 2", "line 3", "line 4", "line 5", "line 6"]);
    let strict = refused(&text, &Options { strict: true, ..Options::default() });
    assert!(strict.to_string().starts_with("NDJSON at line 2: "), "{strict}");
    assert_eq!(read("").summary.taken, 0);
}

#[test]
fn hostile_lines_end() {
    let long = format!("{{\"x\":\"{}\"}}\n{{\"x\":1}}\n", "x".repeat(17 << 20));
    let imported = read(&long);
    assert_eq!((imported.lines.len(), imported.summary.skipped), (1, 1));
    // New names with every line: their number is bounded.
    let name = "r".repeat(1000);
    let names: String = (0..9000).map(|n| format!("{{\"time\":null,\"record\":\"{name}{n}\",\"data\":1}}\n")).collect();
    assert!(matches!(refused(&names, &Options::default()), Error::Limit { .. }));
    // What nests too deep for a schema is text from there on.
    let deep = format!("{{\"x\":{}1{},\"y\":2}}", "[".repeat(100), "]".repeat(100));
    let line = &read(&deep).lines[0];
    assert!(line.contains("[[\"[[") && line.ends_with("]]\"]]]]]]]]]]]]]]]]]]]]]]],\"y\":2}"), "{line}");
    // An object with very many names has data for names.
    let keys: String = (0..70_000).map(|n| format!("{{\"m\":{{\"k{n}\":1}}}}\n")).collect();
    assert_eq!(read(&keys).lines[69_999], "- lines {\"m\":\"{\\\"k69999\\\":1}\"}");
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        "[a-c ]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Whether a value of the log is that of the input: whole numbers may be floats, what is missing null, what is mixed text.
fn same(read: &Value, value: &Value) -> bool {
    match (read, value) {
        (Value::Array(read), Value::Array(value)) => {
            read.len() == value.len() && read.iter().zip(value).all(|(read, value)| same(read, value))
        }
        (Value::Object(read), Value::Object(value)) => {
            value.keys().all(|key| read.contains_key(key))
                && read.iter().all(|(key, read)| same(read, value.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Number(read), Value::Number(value)) => read == value || read.as_f64() == value.as_f64(),
        (Value::String(text), value) if !value.is_string() => {
            serde_json::from_str::<Value>(text).is_ok_and(|read| read == *value)
        }
        (Value::String(text), Value::String(value)) => {
            text == value || serde_json::from_str::<String>(text).ok().as_ref() == Some(value)
        }
        _ => read == value,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(6), ..Default::default() })]

    /// Whatever values come together, each is in the log.
    #[test]
    fn no_value_is_lost(values in proptest::collection::vec(json(), 1..12)) {
        let lines: Vec<String> = values.iter().map(Value::to_string).collect();
        let imported = read(&ours(&lines.iter().map(String::as_str).collect::<Vec<_>>()));
        prop_assert_eq!(imported.lines.len(), values.len(), "{:?}", imported.summary);
        for (line, value) in imported.lines.iter().zip(&values) {
            let read: Value = serde_json::from_str(line.splitn(3, ' ').nth(2).unwrap()).unwrap();
            prop_assert!(same(&read, value), "{} {}", read, value);
        }
    }
}
