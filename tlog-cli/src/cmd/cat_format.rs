//! How `tlog cat` prints a record: one type for each format.

use std::sync::Arc;

use tlog::read::{Data, RecordType};
use tlog::schema::Type;
use tlog::value::{Cursor, ValueError, write_json};

use crate::args::CatFormat;
use crate::exit::usage;
use crate::project::{Column, Plan};
use crate::terminal::printable;

/// A format of output.
pub trait Printer {
    /// Appends one record, or as much of it as can be decoded.
    fn print(&mut self, data: &Data<'_>, plan: &Plan, out: &mut Vec<u8>) -> Result<(), ValueError>;

    /// Appends what must stand before data of this record; refuses a record that does not belong with those before.
    fn begin(&mut self, _: &Arc<RecordType>, _: &Plan, _: &mut Vec<u8>) -> anyhow::Result<()> {
        Ok(())
    }

    /// What comes before everything.
    fn prologue(&self) -> &'static [u8] {
        b""
    }

    /// What comes after everything.
    fn epilogue(&self) -> &'static [u8] {
        b""
    }

    /// Whether records are to be taken apart into columns.
    fn flattens(&self) -> bool {
        false
    }
}

/// The printer of a format.
pub fn printer(format: CatFormat) -> Box<dyn Printer> {
    match format {
        CatFormat::Text => Box::new(Text),
        CatFormat::Ndjson => Box::new(Ndjson),
        CatFormat::Json => Box::new(Json { is_first: true }),
        CatFormat::Csv => Box::new(Csv::default()),
    }
}

/// Time, record, fields: for reading.
struct Text;

impl Printer for Text {
    fn print(&mut self, data: &Data<'_>, plan: &Plan, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match data.time {
            Some(time) => time.append_to(out),
            None => out.push(b'-'),
        }
        out.push(b' ');
        out.extend(plan.text_name.as_bytes());
        let printed = match (&plan.columns, data.record.schema.root()) {
            (Some(columns), _) => columns.iter().try_for_each(|column| {
                out.extend(format!(" {}=", column.name).as_bytes());
                put_column(column, data.payload, out)
            }),
            (None, Type::Object(object)) => {
                let mut cursor = Cursor::new(data.payload);
                object.fields().iter().try_for_each(|field| {
                    out.push(b' ');
                    out.extend(printable(field.name()).as_bytes());
                    out.push(b'=');
                    write_json(field.ty(), &mut cursor, out)
                })
            }
            (None, root) => {
                out.push(b' ');
                write_json(root, &mut Cursor::new(data.payload), out)
            }
        };
        out.push(b'\n');
        printed
    }
}

/// One JSON object a line; other tools rely on its form.
struct Ndjson;

impl Printer for Ndjson {
    fn print(&mut self, data: &Data<'_>, plan: &Plan, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let printed = put_json(data, plan, out);
        out.push(b'\n');
        printed
    }
}

/// One JSON array of what [`Ndjson`] prints.
struct Json {
    is_first: bool,
}

impl Printer for Json {
    fn print(&mut self, data: &Data<'_>, plan: &Plan, out: &mut Vec<u8>) -> Result<(), ValueError> {
        out.extend(if self.is_first { &b"\n"[..] } else { b",\n" });
        let printed = put_json(data, plan, out);
        self.is_first &= printed.is_err();
        printed
    }

    fn prologue(&self) -> &'static [u8] {
        b"["
    }

    fn epilogue(&self) -> &'static [u8] {
        b"\n]\n"
    }
}

fn put_json(data: &Data<'_>, plan: &Plan, out: &mut Vec<u8>) -> Result<(), ValueError> {
    match data.time {
        Some(time) if time.is_writable() => {
            out.extend(b"{\"time\":\"");
            time.append_to(out);
            out.extend(b"\",\"record\":");
        }
        Some(time) => {
            out.extend(b"{\"time\":");
            time.append_to(out);
            out.extend(b",\"record\":");
        }
        None => out.extend(b"{\"time\":null,\"record\":"),
    }
    out.extend(plan.json_name.as_bytes());
    out.extend(b",\"data\":");
    match &plan.columns {
        None => write_json(data.record.schema.root(), &mut Cursor::new(data.payload), out)?,
        Some(columns) => put_columns(columns, data.payload, out)?,
    }
    out.push(b'}');
    Ok(())
}

fn put_columns(columns: &[Column], payload: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    for (at, column) in columns.iter().enumerate() {
        out.push(if at == 0 { b'{' } else { b',' });
        out.extend(column.json_name.as_bytes());
        out.push(b':');
        put_column(column, payload, out)?;
    }
    out.push(b'}');
    Ok(())
}

/// The column's value as JSON; null where the record or this instance of it has none.
fn put_column(column: &Column, payload: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let found = match &column.path {
        Some(path) => path.bytes(payload)?.map(|bytes| (path, bytes)),
        None => None,
    };
    match found {
        Some((path, bytes)) => write_json(path.ty(), &mut Cursor::new(bytes), out),
        None => {
            out.extend(b"null");
            Ok(())
        }
    }
}

/// One record as a table, as RFC 4180 has it.
#[derive(Default)]
struct Csv {
    /// The record under the header, and its columns.
    record: Option<(Arc<RecordType>, Vec<String>)>,
    cell: Vec<u8>,
}

impl Printer for Csv {
    fn begin(&mut self, record: &Arc<RecordType>, plan: &Plan, out: &mut Vec<u8>) -> anyhow::Result<()> {
        if matches!(&self.record, Some((known, _)) if Arc::ptr_eq(known, record)) {
            return Ok(());
        }
        let columns: Vec<String> = plan.columns.iter().flatten().map(|column| column.name.clone()).collect();
        match &self.record {
            None => put_header(&columns, out),
            Some((known, _)) if known.name != record.name => {
                let names = format!("{}, {}", known.name, record.name);
                return Err(usage(format!("csv shows one record; choose one with --record: {names}, …")));
            }
            Some((_, known)) if *known != columns => {
                let problem = "is declared again with other fields, which is another table";
                return Err(usage(format!("record {} {problem}; choose --field or ndjson", record.name)));
            }
            Some(_) => {}
        }
        self.record = Some((Arc::clone(record), columns));
        Ok(())
    }

    fn print(&mut self, data: &Data<'_>, plan: &Plan, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let columns = plan.columns.as_deref().unwrap_or(&[]);
        if let Some(time) = data.time {
            time.append_to(out);
        }
        let printed = columns.iter().try_for_each(|column| {
            self.cell.clear();
            put_column(column, data.payload, &mut self.cell)?;
            out.push(b',');
            put_cell(&self.cell, out);
            Ok(())
        });
        out.push(b'\n');
        printed
    }

    fn flattens(&self) -> bool {
        true
    }
}

fn put_header(columns: &[String], out: &mut Vec<u8>) {
    out.extend(b"time");
    for column in columns {
        out.push(b',');
        put_quoted(column, out);
    }
    out.push(b'\n');
}

/// A value in JSON as a cell: null is empty, strings stand without JSON's quotes and escapes.
fn put_cell(json: &[u8], out: &mut Vec<u8>) {
    match json.first() {
        Some(b'n') => {}
        Some(b'"') => match serde_json::from_slice::<String>(json) {
            Ok(text) => put_quoted(&text, out),
            Err(_) => put_quoted(&String::from_utf8_lossy(json), out),
        },
        Some(b'[' | b'{') => put_quoted(&String::from_utf8_lossy(json), out),
        _ => out.extend(json),
    }
}

/// In quotes where the text would otherwise be more than one cell.
fn put_quoted(text: &str, out: &mut Vec<u8>) {
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
