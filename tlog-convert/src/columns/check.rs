//! Which payloads are values of the type at all, and how many of them make a batch.
//!
//! What passes here is pushed without a way back: so everything that can be wrong is found here.

use tlog::schema::Type;
use tlog::value::{Cursor, ValueError, skip, skip_items};

use super::column::Column;
use super::{BATCH_BYTES, BATCH_BYTES_OF_JSON, BATCH_CELLS, Columns, MAX_BYTES, MAX_CELLS, Refused};
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
    let max_bytes = if columns.options.flatten && ty.fixed_len().is_none() { BATCH_BYTES_OF_JSON } else { BATCH_BYTES };
    let (mut cells, mut bytes, mut at) = (0, 0, from);
    let mut intact: Option<Rows> = None;
    while at < rows.len() && cells < BATCH_CELLS && bytes < max_bytes {
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
    let (limit, mut cells) = (MAX_CELLS.max(payload.len() as u64 * 2), least);
    if payload.len() > MAX_BYTES {
        return Err(Refused::Size(payload.len() as u64));
    }
    count(root, ty, &mut Cursor::new(payload), &mut cells)?;
    match cells > limit {
        true => Err(Refused::Size(cells)),
        false => Ok(cells),
    }
}

/// Passes over a value and counts the cells of its lists and maps.
fn count(column: &Column, ty: &Type, cursor: &mut Cursor<'_>, cells: &mut u64) -> Result<(), ValueError> {
    if ty.fixed_len().is_some() {
        return skip(ty, cursor);
    }
    match (column, ty) {
        (Column::Object(object), Type::Object(ty)) => {
            let mut slots = object.slots.iter().zip(ty.fields());
            slots.try_for_each(|(slot, field)| count(&slot.column, field.ty(), cursor, cells))
        }
        (Column::List(list), Type::Array(item)) => {
            let len = cursor.varuint()?;
            *cells = cells.saturating_add(len.saturating_mul(list.item.cells()));
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
                *cells = cells.saturating_add(map.value.cells().saturating_add(1));
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
                _ => skip(ty, cursor),
            }
        }
        _ => skip(ty, cursor),
    }
}

fn count_items(
    column: &Column,
    ty: &Type,
    len: u64,
    cursor: &mut Cursor<'_>,
    cells: &mut u64,
) -> Result<(), ValueError> {
    match ty.fixed_len() {
        Some(_) => skip_items(ty, len, cursor),
        None => (0..len).try_for_each(|_| count(column, ty, cursor, cells)),
    }
}
