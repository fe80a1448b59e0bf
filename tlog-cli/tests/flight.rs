//! A real flight, line by line, against what an independent decoder of the original file says.
//!
//! The log lies beside the project, in `../shared` or where `TLOG_SHARED` says.

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use support::Folder;
use tlog::Micros;

/// What is known of a column.
#[derive(Default)]
struct Column {
    values: u64,
    integers: Option<(i128, i128, i128)>,
    floats: Option<(f64, f64, f64)>,
    nonfinite: u64,
    times: Option<(i64, i64)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Integer,
    Float32,
    Float64,
}

#[derive(Default)]
struct Record {
    count: u64,
    columns: BTreeMap<String, Column>,
    /// The names of its fields that are float64.
    doubles: Vec<String>,
}

fn shared(path: &str) -> PathBuf {
    let here = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
    std::env::var_os("TLOG_SHARED").map_or_else(here, PathBuf::from).join(path)
}

impl Column {
    fn add(&mut self, value: &Value, kind: Kind) {
        self.values += 1;
        match value {
            Value::Bool(flag) => self.add_integer(i128::from(*flag)),
            Value::Number(number) if kind == Kind::Integer => {
                let unsigned = number.as_u64().map(i128::from);
                self.add_integer(unsigned.or(number.as_i64().map(i128::from)).unwrap());
            }
            // Text as short as a float32 needs it: the sums are of what it stands for.
            Value::Number(number) if kind == Kind::Float32 => {
                self.add_float(f64::from(number.as_f64().unwrap() as f32))
            }
            Value::Number(number) => self.add_float(number.as_f64().unwrap()),
            Value::String(text) if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => self.nonfinite += 1,
            Value::String(text) => {
                let time = text.parse::<Micros>().unwrap().0;
                self.times = Some((self.times.map_or(time, |(first, _)| first), time));
            }
            other => panic!("{other}"),
        }
    }

    fn add_integer(&mut self, n: i128) {
        let (sum, min, max) = self.integers.unwrap_or((0, n, n));
        self.integers = Some((sum + n, min.min(n), max.max(n)));
    }

    fn add_float(&mut self, x: f64) {
        let (sum, min, max) = self.floats.unwrap_or((0.0, x, x));
        self.floats = Some((sum + x, min.min(x), max.max(x)));
    }

    fn check(&self, name: &str, expected: &Value) {
        let number = |key: &str| expected[key].as_f64().unwrap_or(f64::NAN);
        if let Some(first) = expected.get("first") {
            assert_eq!(
                self.times.map(|(a, z)| [a, z]),
                Some([first, &expected["last"]].map(|t| t.as_i64().unwrap())),
                "{name}"
            );
        } else if let Some(nonfinite) = expected.get("nonfinite") {
            assert_eq!(self.nonfinite, nonfinite.as_u64().unwrap(), "{name}");
            let Some((sum, min, max)) = self.floats else { return assert_eq!(self.nonfinite, self.values, "{name}") };
            assert_eq!((min, max), (number("min"), number("max")), "{name}");
            let scale = self.values as f64 * min.abs().max(max.abs());
            assert!((sum - number("sum")).abs() <= 1e-12 * scale, "{name}: {sum} {expected}");
        } else {
            let (sum, min, max) = self.integers.unwrap_or_else(|| panic!("{name} has no integers"));
            assert_eq!(
                [sum, min, max].map(|n| n.to_string()),
                ["sum", "min", "max"].map(|key| expected[key].to_string()),
                "{name}"
            );
        }
    }
}

fn add(record: &mut Record, path: &str, value: &Value, floats: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                add(record, &path, value, floats);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| add(record, &format!("{path}[{at}]"), item, floats));
        }
        leaf => {
            let kind = match floats[path].get("nonfinite") {
                None => Kind::Integer,
                Some(_) if record.doubles.iter().any(|name| name == path) => Kind::Float64,
                Some(_) => Kind::Float32,
            };
            record.columns.entry(path.to_owned()).or_default().add(leaf, kind);
        }
    }
}

/// The records by the log's own schemas.
fn declared(log: &str) -> BTreeMap<String, Record> {
    let schemas = Folder::new().tlog(&["schema", "show", log, "--format", "json"]).good();
    let schemas: Value = serde_json::from_str(&schemas).unwrap();
    let doubles = |record: &Value| -> Vec<String> {
        let fields = record["schema"]["fields"].as_array().unwrap().iter();
        fields
            .filter(|field| field["type"] == "float64")
            .map(|field| field["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let record = |record: &Value| {
        (record["name"].as_str().unwrap().to_owned(), Record { doubles: doubles(record), ..Record::default() })
    };
    schemas["records"].as_array().unwrap().iter().map(record).collect()
}

#[test]
fn every_value_of_the_flight() {
    let log = shared("testdata/px4-flight.tlog");
    let expected = std::fs::read(shared("testdata/px4-flight.expect.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let out = Folder::new().tlog(&["cat", log.to_str().unwrap(), "--format", "ndjson"]).good();
    let mut records = declared(log.to_str().unwrap());
    for line in out.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let name = line["record"].as_str().unwrap();
        let record = records.get_mut(name).unwrap();
        record.count += 1;
        // The time of a block is that of its record's own.
        assert_eq!(line["time"], line["data"]["timestamp"]);
        add(record, "", &line["data"], &expected[name]["columns"]);
    }
    assert_eq!(out.lines().count(), 64_542);
    assert_eq!(records.len(), expected.as_object().unwrap().len());
    for (name, record) in &records {
        assert_eq!(record.count, expected[name]["count"].as_u64().unwrap(), "{name}");
        let columns = expected[name]["columns"].as_object().unwrap();
        assert_eq!(record.columns.len(), columns.len(), "{name}");
        for (column, expected) in columns {
            let path = format!("{name}.{column}");
            let found = record.columns.get(column).unwrap_or_else(|| panic!("{path} is missing"));
            assert_eq!(found.values, record.count, "{path}");
            found.check(&path, expected);
        }
    }
}

#[test]
fn the_flight_copied_through_its_lines_is_the_same() {
    let log = shared("testdata/px4-flight.tlog");
    let log = log.to_str().unwrap();
    let folder = Folder::new();
    let lines = folder.tlog(&["cat", log, "--format", "ndjson"]).good();
    folder.tlog_with(&["write", "--schema-from", log, "-", "-o", "copy.tlog"], lines.as_bytes()).good();
    assert!(folder.tlog(&["cat", "copy.tlog", "--format", "ndjson"]).good() == lines);
    folder.tlog(&["schema", "diff", "--exit-code", log, "copy.tlog"]).good();
}
