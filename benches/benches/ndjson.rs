//! NDJSON of every field of the big log, and a field picked from each record.
#![allow(missing_docs, reason = "a program")]

use tlog::read::{ReadOptions, SliceReader};
use tlog::value::{Cursor, FieldPath, Path, Scalar, write_json};
use tlog_bench::big_log;
use tlog_bench::runner::{Case, compare};

/// Lines as `tlog cat --format ndjson` prints them; their length in all.
fn ndjson(log: &[u8]) -> u64 {
    let mut reader = SliceReader::new(log, ReadOptions::default());
    let (mut line, mut len) = (Vec::new(), 0);
    while let Some(data) = reader.next_data().expect("a whole log") {
        line.clear();
        line.extend(b"{\"time\":\"");
        data.time.into_iter().for_each(|time| time.append_to(&mut line));
        line.extend(b"\",\"record\":\"");
        line.extend(data.record.name.as_bytes());
        line.extend(b"\",\"data\":");
        write_json(data.record.schema.root(), &mut Cursor::new(data.payload), &mut line).expect("a whole log");
        line.extend(b"}\n");
        len += line.len() as u64;
    }
    len
}

fn pick(log: &[u8], path: &FieldPath, record: &str) -> u64 {
    let mut reader = SliceReader::new(log, ReadOptions::default());
    let mut sum = 0.0;
    while let Some(data) = reader.next_data().expect("a whole log") {
        if data.record.name == record {
            sum += path.read(data.payload).expect("a whole log").and_then(Scalar::as_f64).unwrap_or(0.0);
        }
    }
    (sum as i64).unsigned_abs()
}

fn main() {
    let log = big_log::log();
    let len = ndjson(&log);
    println!("{} bytes of log make {len} bytes of NDJSON", log.len());
    compare("NDJSON of every field", vec![Case::new("tlog", log.len(), || ndjson(&log))]);
    let schemas = big_log::schemas();
    let (name, schema) = &schemas[1];
    let path = Path::parse("joints[3].torque").and_then(|path| path.compile(schema)).expect("a path of the schema");
    compare("one field of every joints record", vec![Case::new("tlog", log.len(), || pick(&log, &path, name))]);
}
