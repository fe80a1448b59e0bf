//! NDJSON of every field of the big log, and a field picked from each record.
#![allow(missing_docs, reason = "a program")]

use tlog::read::{ReadOptions, SliceReader};
use tlog::value::{FieldPath, Path, Scalar};
use tlog_bench::big_log;
use tlog_bench::runner::{Case, compare};
use tlog_convert::text::{NdjsonWriter, Projection};

/// An output that only counts.
struct Len(u64);

impl std::io::Write for Len {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Lines as `tlog cat --format ndjson` and `tlog convert --ndjson` print them; their length in all.
fn ndjson(log: &[u8]) -> u64 {
    let mut reader = SliceReader::new(log, ReadOptions::default());
    let mut out = NdjsonWriter::new(Len(0), Projection::default());
    while let Some(data) = reader.next_data().expect("a whole log") {
        out.put(&data).expect("an output that only counts").expect("a whole log");
    }
    out.finish().expect("an output that only counts").0
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
