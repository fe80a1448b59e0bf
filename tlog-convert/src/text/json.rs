//! Data as JSON: a line for each instance, or all in one array.

use tlog::read::Data;
use tlog::value::{Cursor, ValueError, write_json};

use super::{Column, Plan, Printer, put_column};

/// One JSON object a line; other tools rely on its form.
#[derive(Debug, Default)]
pub struct Ndjson;

impl Printer for Ndjson {
    fn print(&mut self, data: &Data<'_>, plan: &Plan, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let printed = put_json(data, plan, out);
        out.push(b'\n');
        printed
    }
}

/// One JSON array of what [`Ndjson`] prints.
#[derive(Debug, Default)]
pub struct Json {
    has_items: bool,
}

impl Printer for Json {
    fn print(&mut self, data: &Data<'_>, plan: &Plan, out: &mut Vec<u8>) -> Result<(), ValueError> {
        out.extend(if self.has_items { &b",\n"[..] } else { b"\n" });
        let printed = put_json(data, plan, out);
        self.has_items |= printed.is_ok();
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
