//! Long CSV: one row for each value without parts.
//!
//! | column | is |
//! |---|---|
//! | `time` | as in the CSV of one record; empty where the instance has none |
//! | `record` | the record's name |
//! | `field` | the path of the value, as [`Path`](tlog::value::Path) writes it: `pose.q[3]`, `tags["any key"]`, `shape.float32` inside of a union; empty where the record itself is the value |
//! | `value` | as a cell in the CSV of one record: empty for null |
//!
//! Arrays and maps are taken apart too. Each value stands there exactly once, also those of keys that come again; what
//! has nothing in it (an empty array, map or object) makes no row.

use tlog::read::Data;
use tlog::schema::{Object, Type};
use tlog::value::{Cursor, MAX_JSON, ValueError, ValueErrorKind, write_json};

use super::csv::{put_cell, put_quoted};
use super::{Plan, Printer};

/// A union with more members than this has them numbered, without looking whether their names tell them apart.
const MAX_NAMED: usize = 32;

/// One table of all values: the printer of long CSV.
#[derive(Debug, Default)]
pub struct Long {
    /// The first cells of each row of an instance.
    start: Vec<u8>,
    /// The path of the value at hand.
    path: String,
    cell: Vec<u8>,
}

impl Printer for Long {
    fn print(&mut self, data: &Data<'_>, plan: &Plan, out: &mut Vec<u8>) -> Result<(), ValueError> {
        self.start.clear();
        if let Some(time) = data.time {
            time.append_to(&mut self.start);
        }
        self.start.push(b',');
        put_quoted(&data.record.name, &mut self.start);
        self.start.push(b',');
        self.path.clear();
        let mut rows = Rows { long: self, limit: out.len().saturating_add(MAX_JSON), out };
        let Some(columns) = &plan.columns else {
            return rows.value(data.record.schema.root(), &mut Cursor::new(data.payload));
        };
        columns.iter().filter_map(|column| Some((column, column.path.as_ref()?))).try_for_each(|(column, path)| {
            rows.long.path.clone_from(&column.name);
            match path.bytes(data.payload)? {
                Some(bytes) => rows.value(path.ty(), &mut Cursor::new(bytes)),
                None => Ok(()),
            }
        })
    }

    fn prologue(&self) -> &'static [u8] {
        b"time,record,field,value\n"
    }
}

/// The rows of one instance.
struct Rows<'r> {
    long: &'r mut Long,
    out: &'r mut Vec<u8>,
    /// How long `out` may become: long paths can make a small payload into any amount of text.
    limit: usize,
}

impl Rows<'_> {
    /// Appends the rows of the value at the cursor. The depth is that of the schema, which is bounded.
    fn value(&mut self, ty: &Type, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        match ty {
            Type::Object(object) => self.object(object, cursor),
            Type::Array(item) => {
                let len = cursor.varuint()?;
                self.items(item, len, cursor)
            }
            Type::FixedArray(array) => {
                if array.len() == 0 {
                    cursor.zero_width()?;
                }
                self.items(array.item(), array.len(), cursor)
            }
            Type::Map(value) => (0..cursor.varuint()?).try_for_each(|_| {
                let key = String::from_utf8_lossy(cursor.sized_bytes()?);
                self.inside(|path| push_name(path, &key), value, cursor)
            }),
            Type::Union(members) => self.union(ty, members, cursor),
            _ => self.row(ty, cursor),
        }
    }

    fn object(&mut self, object: &Object, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        if object.fields().is_empty() {
            cursor.zero_width()?;
        }
        let mut fields = object.fields().iter();
        fields.try_for_each(|field| self.inside(|path| push_name(path, field.name()), field.ty(), cursor))
    }

    fn items(&mut self, item: &Type, len: u64, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        (0..len).try_for_each(|index| self.inside(|path| push_index(path, index), item, cursor))
    }

    fn union(&mut self, ty: &Type, members: &[Type], cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        let before = *cursor;
        let stored = cursor.varuint()?;
        let found = usize::try_from(stored).ok().and_then(|index| Some((index, members.get(index)?)));
        let Some((index, member)) = found else {
            return Err(before.fail(ValueErrorKind::UnionIndex { index: stored, members: members.len() }));
        };
        match ty.as_optional() {
            Some(_) => self.value(member, cursor),
            None => self.inside(|path| push_member(path, members, index, member), member, cursor),
        }
    }

    fn inside(&mut self, name: impl FnOnce(&mut String), ty: &Type, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        let outside = self.long.path.len();
        name(&mut self.long.path);
        self.value(ty, cursor)?;
        self.long.path.truncate(outside);
        Ok(())
    }

    fn row(&mut self, ty: &Type, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        let Long { start, path, cell } = &mut *self.long;
        cell.clear();
        write_json(ty, cursor, cell)?;
        self.out.extend_from_slice(start);
        put_quoted(path, self.out);
        self.out.push(b',');
        put_cell(cell, self.out);
        self.out.push(b'\n');
        match self.out.len() <= self.limit {
            true => Ok(()),
            false => Err(cursor.fail(ValueErrorKind::JsonLength(MAX_JSON))),
        }
    }
}

/// Appends a name to a path, as [`Path`](tlog::value::Path) writes it.
fn push_name(path: &mut String, name: &str) {
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if is_plain {
        path.push_str(if path.is_empty() { "" } else { "." });
        path.push_str(name);
        return;
    }
    path.push_str("[\"");
    for c in name.chars() {
        path.push_str(if matches!(c, '"' | '\\') { "\\" } else { "" });
        path.push(c);
    }
    path.push_str("\"]");
}

fn push_index(path: &mut String, index: u64) {
    path.push('[');
    path.push_str(&index.to_string());
    path.push(']');
}

/// Appends what data JSON calls this member of a union: the name of its type, with its index if others have that too.
fn push_member(path: &mut String, members: &[Type], index: usize, member: &Type) {
    let is_namesake = |(at, other): (usize, &Type)| at != index && other.name() == member.name();
    match members.len() > MAX_NAMED || members.iter().enumerate().any(is_namesake) {
        true => push_name(path, &format!("{}#{index}", member.name())),
        false => push_name(path, member.name()),
    }
}
