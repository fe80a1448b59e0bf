//! Which payloads are values of the type at all, and how many of them make a batch.
//!
//! What passes here is pushed without a way back: so everything that can be wrong is found here.

use tlog::schema::Type;
use tlog::value::{Cursor, MAX_JSON, ValueErrorKind, skip, skip_items, write_json_within};

use super::column::Column;
use super::{BATCH_BYTES, BATCH_CELLS, Columns, JSON_OF_A_CELL, MAX_BYTES, MAX_CELLS, Refused};
use crate::rows::Rows;

/// The rows of a batch.
pub struct Checked {
    /// Where the next batch begins.
    pub end: usize,
    /// Those that are intact, if not all are.
    pub intact: Option<Rows>,
}

/// Looks at the rows from `from` on, as many as one batch takes.
pub fn rows(columns: &Columns, rows: &Rows, from: usize, refuse: &mut dyn FnMut(usize, Refused)) -> Checked {
    let ty = columns.record.root();
    let (mut cells, mut bytes, mut at) = (0, 0, from);
    let mut intact: Option<Rows> = None;
    while at < rows.len() && cells < BATCH_CELLS && bytes < BATCH_BYTES {
        let payload = rows.payload(at);
        match row(&columns.root, ty, columns.cells, payload) {
            Ok(more) => {
                cells += more;
                bytes += payload.len();
                if let Some(intact) = &mut intact {
                    intact.push_from(rows, at);
                }
            }
            Err(refused) => {
                intact.get_or_insert_with(|| rows.part(from..at));
                refuse(at, refused);
            }
        }
        at += 1;
    }
    Checked { end: at, intact }
}

/// How many cells this payload makes.
fn row(root: &Column, ty: &Type, least: u64, payload: &[u8]) -> Result<u64, Refused> {
    // Large arrays have about as many cells as bytes.
    let mut cells = Cells { count: least, limit: MAX_CELLS.max(payload.len() as u64 * 2) };
    if payload.len() > MAX_BYTES {
        return Err(Refused::Size(payload.len() as u64));
    }
    cells.add(0)?;
    count(root, ty, &mut Cursor::new(payload), &mut cells)?;
    Ok(cells.count)
}

/// The cells of an instance so far.
struct Cells {
    count: u64,
    limit: u64,
}

impl Cells {
    /// Counts so many more. What is beyond the limit is not looked at any further: that alone might take long.
    fn add(&mut self, more: u64) -> Result<(), Refused> {
        self.count = self.count.saturating_add(more);
        match self.count > self.limit {
            true => Err(Refused::Size(self.count)),
            false => Ok(()),
        }
    }

    /// How many more there may be.
    const fn left(&self) -> u64 {
        self.limit.saturating_sub(self.count)
    }
}

/// How long the JSON of a value is, of which there may be as much as so many cells.
fn json_len(ty: &Type, cursor: &mut Cursor<'_>, cells: u64) -> Result<u64, Refused> {
    let limit = usize::try_from(cells.saturating_mul(JSON_OF_A_CELL)).unwrap_or(MAX_JSON).min(MAX_JSON);
    let mut json = Vec::new();
    match write_json_within(limit, ty, cursor, &mut json) {
        Ok(()) => Ok(json.len() as u64),
        Err(e) if matches!(e.kind, ValueErrorKind::JsonLength(_)) => Err(Refused::Size(limit as u64)),
        Err(e) => Err(e.into()),
    }
}

/// Passes over a value and counts the cells of its lists and maps.
fn count(column: &Column, ty: &Type, cursor: &mut Cursor<'_>, cells: &mut Cells) -> Result<(), Refused> {
    if ty.fixed_len().is_some() {
        return Ok(skip(ty, cursor)?);
    }
    match (column, ty) {
        (Column::Object(object), Type::Object(ty)) => {
            let mut slots = object.slots.iter().zip(ty.fields());
            slots.try_for_each(|(slot, field)| count(&slot.column, field.ty(), cursor, cells))
        }
        (Column::List(list), Type::Array(item)) => {
            let len = cursor.varuint()?;
            if len > 0 {
                cells.add(len.saturating_mul(list.item.cells()))?;
            }
            count_items(&list.item, item, len, cursor, cells)
        }
        (Column::List(list), Type::FixedArray(array)) => {
            count_items(&list.item, array.item(), array.len(), cursor, cells)
        }
        (Column::FixedList(list), Type::FixedArray(array)) => {
            count_items(&list.item, array.item(), array.len(), cursor, cells)
        }
        (Column::Map(map), Type::Map(value)) => {
            for _ in 0..cursor.varuint()? {
                cursor.sized_bytes()?;
                cells.add(map.value.cells().saturating_add(1))?;
                count(&map.value, value, cursor, cells)?;
            }
            Ok(())
        }
        (Column::Optional(_) | Column::Union(_), Type::Union(members)) => {
            let mut inside = *cursor;
            let index = usize::try_from(inside.varuint()?).unwrap_or(usize::MAX);
            match (members.get(index), column.member(index)) {
                (Some(ty), Some(member)) => {
                    *cursor = inside;
                    count(member, ty, cursor, cells)
                }
                // Null, or an index that it says is wrong.
                _ => Ok(skip(ty, cursor)?),
            }
        }
        (Column::Json(..), ty) => cells.add(json_len(ty, cursor, cells.left())? / JSON_OF_A_CELL),
        _ => Ok(skip(ty, cursor)?),
    }
}

fn count_items(
    column: &Column,
    ty: &Type,
    len: u64,
    cursor: &mut Cursor<'_>,
    cells: &mut Cells,
) -> Result<(), Refused> {
    match ty.fixed_len() {
        Some(_) => Ok(skip_items(ty, len, cursor)?),
        None => (0..len).try_for_each(|_| count(column, ty, cursor, cells)),
    }
}
