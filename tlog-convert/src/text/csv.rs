//! One record as a table, and the cells of any table.

use std::borrow::Cow;
use std::sync::Arc;

use tlog::read::{Data, RecordType};
use tlog::value::ValueError;

use super::{Plan, Printer, put_column};

/// One record as a table, as RFC 4180 has it.
#[derive(Debug, Default)]
pub struct Csv {
    /// The record under the header, and its columns.
    record: Option<(Arc<RecordType>, Vec<String>)>,
    cell: Vec<u8>,
}

impl Printer for Csv {
    fn begin(&mut self, record: &Arc<RecordType>, plan: &Plan, out: &mut Vec<u8>) -> Result<(), AnotherTable> {
        if matches!(&self.record, Some((known, _)) if Arc::ptr_eq(known, record)) {
            return Ok(());
        }
        let columns: Vec<String> = plan.columns.iter().flatten().map(|column| column.name.clone()).collect();
        match &self.record {
            None => put_header(&columns, out),
            Some((known, _)) if known.name != record.name => {
                return Err(AnotherTable::Record { known: known.name.clone(), other: record.name.clone() });
            }
            Some((_, known)) if *known != columns => {
                return Err(AnotherTable::Columns { record: record.name.clone() });
            }
            Some(_) => {}
        }
        self.record = Some((Arc::clone(record), columns));
        Ok(())
    }

    fn print(&mut self, data: &Data<'_>, plan: &Plan, out: &mut Vec<u8>) -> Result<(), ValueError> {
        put_row(data, plan, &mut self.cell, out)
    }

    fn flattens(&self) -> bool {
        true
    }
}

/// Why data cannot be in the same table as that before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnotherTable {
    /// It is of another record.
    #[error("a table shows one record, not both {known} and {other}")]
    Record {
        /// The record of the table.
        known: String,
        /// The other one.
        other: String,
    },
    /// Its record has other columns since it was declared again.
    #[error("record {record} is declared again with other fields, which is another table")]
    Columns {
        /// The record.
        record: String,
    },
}

/// Appends an instance as a row, or as much of it as can be decoded. `cell` is for reuse.
pub(super) fn put_row(data: &Data<'_>, plan: &Plan, cell: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let columns = plan.columns.as_deref().unwrap_or(&[]);
    if let Some(time) = data.time {
        time.append_to(out);
    }
    let printed = columns.iter().try_for_each(|column| {
        out.push(b',');
        let start = out.len();
        put_column(column, data.payload, out)?;
        // Numbers, which are most, stand in CSV as in JSON.
        if matches!(out.get(start), Some(b'n' | b'"' | b'[' | b'{')) {
            cell.clear();
            cell.extend(out.drain(start..));
            put_cell(cell, out);
        }
        Ok(())
    });
    out.push(b'\n');
    printed
}

/// Appends the names of a table's columns, the time's first.
pub(super) fn put_header<T: AsRef<str>>(columns: &[T], out: &mut Vec<u8>) {
    out.extend(b"time");
    for column in columns {
        out.push(b',');
        put_quoted(column.as_ref(), out);
    }
    out.push(b'\n');
}

/// A value in JSON as a cell: null is empty, strings stand without JSON's quotes and escapes.
pub(super) fn put_cell(json: &[u8], out: &mut Vec<u8>) {
    match json.first() {
        Some(b'n') => {}
        Some(b'"') => match plain_string(json).map(Cow::Borrowed).or_else(|| serde_json::from_slice(json).ok()) {
            Some(text) => put_quoted(&text, out),
            None => put_quoted(&String::from_utf8_lossy(json), out),
        },
        Some(b'[' | b'{') => put_quoted(&String::from_utf8_lossy(json), out),
        _ => out.extend(json),
    }
}

/// What a JSON string says that has no escapes.
fn plain_string(json: &[u8]) -> Option<&str> {
    let inside = json.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    std::str::from_utf8(inside).ok().filter(|text| !text.contains('\\'))
}

/// In quotes where the text would otherwise be more than one cell.
pub(super) fn put_quoted(text: &str, out: &mut Vec<u8>) {
    if text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
        out.push(b'"');
        out.extend(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        for (json, cell) in [
            ("null", ""),
            ("1.5", "1.5"),
            ("true", "true"),
            ("\"NaN\"", "NaN"),
            ("\"a,b\"", "\"a,b\""),
            ("\"say \\\"hi\\\"\\n\"", "\"say \"\"hi\"\"\n\""),
            ("[1,2]", "\"[1,2]\""),
            ("[]", "[]"),
            ("{\"a\":1}", "\"{\"\"a\"\":1}\""),
        ] {
            let mut out = Vec::new();
            put_cell(json.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), cell, "{json}");
        }
    }
}
