//! Any payloads by any schema as columns, and those as Parquet.
//!
//! Behind the schema is a byte of options, then the payloads, each with its length in front in one byte.

use parquet::arrow::ArrowWriter;
use tlog::read::RecordType;
use tlog::value::{Cursor, skip};
use tlog_convert::columns::{Columns, Options, Refused};
use tlog_convert::rows::Rows;

use super::split_schema;

/// Larger batches are not written as Parquet: that is slow, and tells nothing new.
const MAX_WRITTEN: usize = 4 << 20;

/// Each payload is in a batch or refused, in order; refused is what does not decode, or is very large.
pub fn columns(data: &[u8]) {
    let Some((schema, rest)) = split_schema(data) else { return };
    let Some((&bits, rest)) = rest.split_first() else { return };
    let options = Options { flatten: bits & 1 != 0, raw_enums: bits & 2 != 0, keep_texts: bits & 4 != 0 };
    let Ok(record) = RecordType::from_parts(1, "r", &schema.to_bytes(), 0) else { return };
    let Ok(columns) = Columns::new(&record, &options) else { return };
    let rows = rows(rest);
    let (mut builder, mut from, mut taken, mut refused) = (columns.builder(), 0, 0, Vec::new());
    while from < rows.len() {
        let built = builder.batch(&rows, from, &mut |at, why| refused.push((at, why)));
        let (batch, end) = built.expect("what was checked fits");
        assert!(from < end && end <= rows.len());
        (from, taken) = (end, taken + batch.num_rows());
        if batch.get_array_memory_size() <= MAX_WRITTEN {
            let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("Parquet has all types");
            writer.write(&batch).expect("Parquet has all values");
            writer.close().expect("nothing in a vector fails");
        }
    }
    assert_eq!(taken + refused.len(), rows.len());
    for (at, why) in refused {
        let decodes = skip(schema.root(), &mut Cursor::new(rows.payload(at))).is_ok();
        assert!(!decodes || matches!(why, Refused::Size(_)), "payload {at} decodes, but {why}");
    }
}

fn rows(mut data: &[u8]) -> Rows {
    let mut rows = Rows::default();
    while let Some((&len, rest)) = data.split_first() {
        let (payload, rest) = rest.split_at(usize::from(len).min(rest.len()));
        rows.push_parts(None, 0, payload);
        data = rest;
    }
    rows
}
