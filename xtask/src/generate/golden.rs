//! Golden pairs: `testdata/golden/NAME.ndjson`, written by hand, and `NAME.tlog`, the same as a log.
//!
//! A line of the text declares a record, `{"record":…,"schema":…}`, or is a line of NDJSON.

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;

use tlog::schema::Schema;
use tlog::value::read_json;
use tlog::{Micros, RecordId, Writer};

#[derive(Deserialize)]
struct Line<'a> {
    record: &'a str,
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The log that the text describes, written with the default options.
///
/// # Errors
/// With the number of the line that is wrong.
pub fn log_of(text: &str) -> Result<Vec<u8>> {
    let mut log = Writer::new(Vec::new());
    let mut records = HashMap::new();
    for (at, line) in text.lines().enumerate() {
        put(&mut log, &mut records, line).with_context(|| format!("line {}", at + 1))?;
    }
    Ok(log.finish()?)
}

fn put(log: &mut Writer<Vec<u8>>, records: &mut HashMap<String, (RecordId, Schema)>, line: &str) -> Result<()> {
    let line: Line<'_> = serde_json::from_str(line)?;
    if let Some(json) = line.schema {
        let schema = Schema::from_json(json.get()).map_err(|e| anyhow!("{e}"))?;
        records.insert(line.record.to_owned(), (log.declare(line.record, &schema)?, schema));
        return Ok(());
    }
    let (id, schema) = records.get(line.record).context("the record is not declared")?;
    let mut payload = Vec::new();
    // A null is taken for nothing on its way here.
    read_json(schema.root(), line.data.map_or("null", RawValue::get), &mut payload)?;
    let time = line.time.map(|time| time.get().trim_matches('"').parse::<Micros>()).transpose()?;
    Ok(log.write(*id, time, &payload)?)
}
