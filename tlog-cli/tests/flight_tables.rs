//! A real flight as Parquet, column by column, against what an independent decoder of the original file says.
//!
//! The log lies beside the project, in `../shared` or where `TLOG_SHARED` says.

mod support;
#[path = "support/tables.rs"]
mod tables;

use std::path::PathBuf;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use serde_json::Value;
use support::Folder;
use tables::{metadata, read};

fn shared(path: &str) -> PathBuf {
    let here = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
    std::env::var_os("TLOG_SHARED").map_or_else(here, PathBuf::from).join(path)
}

fn check_integers(values: impl Iterator<Item = i128>, expected: &Value, name: &str) {
    let (mut sum, mut min, mut max) = (0, i128::MAX, i128::MIN);
    values.for_each(|value| (sum, min, max) = (sum + value, min.min(value), max.max(value)));
    let keys = ["sum", "min", "max"];
    assert_eq!([sum, min, max].map(|n| n.to_string()), keys.map(|key| expected[key].to_string()), "{name}");
}

fn check_floats(values: impl Iterator<Item = f64>, expected: &Value, name: &str) {
    let (mut finite, mut nonfinite, mut sum) = (Vec::new(), 0, 0.0);
    for value in values {
        match value.is_finite() {
            true => finite.push(value),
            false => nonfinite += 1,
        }
    }
    assert_eq!(nonfinite, expected["nonfinite"].as_u64().unwrap(), "{name}");
    let (min, max) = (finite.iter().copied().reduce(f64::min), finite.iter().copied().reduce(f64::max));
    assert_eq!((min, max), (expected["min"].as_f64(), expected["max"].as_f64()), "{name}");
    finite.iter().for_each(|value| sum += value);
    let scale = finite.len() as f64 * min.map_or(0.0, |min| min.abs().max(max.unwrap().abs()));
    assert!((sum - expected["sum"].as_f64().unwrap_or(0.0)).abs() <= 1e-12 * scale, "{name}: {sum} {expected}");
}

fn check(column: &ArrayRef, expected: &Value, name: &str) {
    assert_eq!(column.null_count(), 0, "{name}");
    macro_rules! integers {
        ($type:ty) => {
            check_integers(column.as_primitive::<$type>().values().iter().map(|&n| i128::from(n)), expected, name)
        };
    }
    match column.data_type() {
        DataType::Boolean => check_integers(column.as_boolean().values().iter().map(i128::from), expected, name),
        DataType::Int8 => integers!(Int8Type),
        DataType::Int16 => integers!(Int16Type),
        DataType::Int32 => integers!(Int32Type),
        DataType::Int64 => integers!(Int64Type),
        DataType::UInt8 => integers!(UInt8Type),
        DataType::UInt16 => integers!(UInt16Type),
        DataType::UInt32 => integers!(UInt32Type),
        DataType::UInt64 => integers!(UInt64Type),
        DataType::Float32 => {
            check_floats(column.as_primitive::<Float32Type>().values().iter().map(|&x| f64::from(x)), expected, name)
        }
        DataType::Float64 => {
            check_floats(column.as_primitive::<Float64Type>().values().iter().copied(), expected, name)
        }
        DataType::Timestamp(..) => {
            let times = column.as_primitive::<TimestampMicrosecondType>().values();
            let ends = [times.first(), times.last()].map(|time| time.copied());
            assert_eq!(ends, ["first", "last"].map(|key| expected[key].as_i64()), "{name}");
        }
        other => panic!("{name}: {other}"),
    }
}

fn check_record(batch: &RecordBatch, expected: &Value, record: &str) {
    assert_eq!(batch.num_rows() as u64, expected["count"].as_u64().unwrap(), "{record}");
    let columns = expected["columns"].as_object().unwrap();
    assert_eq!(batch.num_columns(), columns.len() + 1, "{record}");
    for (name, expected) in columns {
        let column = batch.column_by_name(name).unwrap_or_else(|| panic!("{record}.{name} is missing"));
        check(column, expected, &format!("{record}.{name}"));
    }
    // The time of a block is that of its record's own.
    let times = |name| batch.column_by_name(name).unwrap().as_primitive::<TimestampMicrosecondType>();
    assert_eq!(times("time").values(), times("timestamp").values(), "{record}");
}

#[test]
fn every_column_of_the_flight() {
    let log = shared("testdata/px4-flight.tlog");
    let expected = std::fs::read(shared("testdata/px4-flight.expect.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let expected = expected.as_object().unwrap();
    for args in [&["--jobs", "2"][..], &["--jobs", "1", "--row-group-bytes", "50kB", "--compression", "snappy"]] {
        let folder = Folder::new();
        let args = [&["convert", log.to_str().unwrap(), "--parquet", "out", "--flatten"], args].concat();
        folder.tlog(&args).good();
        assert_eq!(std::fs::read_dir(folder.path("out")).unwrap().count(), expected.len());
        for (record, expected) in expected {
            let path = folder.path(&format!("out/{record}.parquet"));
            check_record(&read(&path), expected, record);
            assert_eq!(metadata(&path)["tlog.record"], *record);
            assert_eq!(metadata(&path)["tlog.completeness"], "complete");
        }
    }
}
