//! How `tlog cat` prints a record: as the library does for other tools, or for reading.

use tlog::read::Data;
use tlog::schema::Type;
use tlog::value::{Cursor, ValueError, write_json};
use tlog_convert::text::{AnotherTable, Csv, Json, Ndjson, Plan, Printer, put_column};

use crate::args::CatFormat;
use crate::exit::usage;
use crate::terminal::printable;

/// The printer of a format.
pub fn printer(format: CatFormat) -> Box<dyn Printer> {
    match format {
        CatFormat::Text => Box::new(Text),
        CatFormat::Ndjson => Box::new(Ndjson),
        CatFormat::Json => Box::new(Json::default()),
        CatFormat::Csv => Box::new(Csv::default()),
    }
}

/// Says how to get one table out of records that are several.
pub fn several_tables(error: AnotherTable) -> anyhow::Error {
    usage(match error {
        AnotherTable::Record { known, other } => {
            format!("csv shows one record; choose one with --record: {known}, {other}, …")
        }
        AnotherTable::Columns { .. } => format!("{error}; choose --field or ndjson"),
    })
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
        out.extend(printable(&data.record.name).as_bytes());
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
