//! Filling columns from rows: the same place in each payload is copied column by column, as far as places are fixed; from the
//! first field of varying size on, payloads are walked.
//!
//! Whether payloads are all of one length, so that they stand in one stride, is decided outside of the loops.

use std::ops::Range;

use tlog::schema::Type;
use tlog::value::{Cursor, ValueError};

use super::column::{Column, FixedList, Object, Slot};
use crate::rows::Rows;

/// Fills the columns from these rows, all of which are intact.
pub fn fill(root: &mut Column, ty: &Type, rows: &Rows, range: Range<usize>) -> Result<(), ValueError> {
    match rows.even_len() {
        Some(len) if len > 0 => {
            let bytes = rows.bytes().get(range.start * len..range.end * len).unwrap_or_default();
            fill_from(root, ty, bytes.chunks_exact(len))
        }
        _ => fill_from(root, ty, range.map(|at| rows.payload(at))),
    }
}

fn fill_from<'a>(
    root: &mut Column,
    ty: &Type,
    payloads: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<(), ValueError> {
    let (Column::Object(object), Type::Object(of)) = (&mut *root, ty) else {
        return match ty.fixed_len() {
            Some(_) => gather(root, ty, payloads, 0),
            None => payloads.into_iter().try_for_each(|payload| root.push(ty, &mut Cursor::new(payload))),
        };
    };
    let count = payloads.clone().count();
    object.len += count;
    let (mut offset, mut slots) = (0, object.slots.iter_mut().zip(of.fields()).peekable());
    while let Some((slot, field)) = slots.next_if(|(_, field)| field.ty().fixed_len().is_some()) {
        gather_slot(slot, field.ty(), payloads.clone(), offset)?;
        offset += field.ty().fixed_len().unwrap_or(0);
    }
    let mut rest: Vec<(&mut Slot, &Type)> = slots.map(|(slot, field)| (slot, field.ty())).collect();
    if rest.is_empty() {
        return Ok(());
    }
    for payload in payloads {
        let mut cursor = Cursor::new(payload.get(offset..).unwrap_or_default());
        rest.iter_mut().try_for_each(|(slot, ty)| slot.push(ty, &mut cursor))?;
    }
    Ok(())
}

/// Copies what is at this offset of each payload into the column. All values of the type take the same bytes.
fn gather<'a>(
    column: &mut Column,
    ty: &Type,
    payloads: impl Iterator<Item = &'a [u8]> + Clone,
    offset: usize,
) -> Result<(), ValueError> {
    match (column, ty) {
        (Column::Leaf(leaf), _) => {
            leaf.gather(payloads, offset, 1);
            Ok(())
        }
        (Column::FixedList(list), Type::FixedArray(array)) => match &mut **list {
            FixedList { item: Column::Leaf(leaf), items, len, .. } => {
                *len += payloads.clone().count();
                leaf.gather(payloads, offset, *items);
                Ok(())
            }
            list => {
                let width = array.item().fixed_len().unwrap_or(0);
                let (count, mut items) = (list.items, Vec::new());
                for payload in payloads {
                    list.len += 1;
                    let from = |at: usize| payload.get(offset + at * width..).unwrap_or_default();
                    items.extend((0..count).map(from));
                }
                gather(&mut list.item, array.item(), items.iter().copied(), 0)
            }
        },
        (Column::Object(object), Type::Object(of)) => gather_object(object, of, payloads, offset),
        (column, ty) => payloads
            .into_iter()
            .try_for_each(|payload| column.push(ty, &mut Cursor::new(payload.get(offset..).unwrap_or_default()))),
    }
}

fn gather_object<'a>(
    object: &mut Object,
    of: &tlog::schema::Object,
    payloads: impl Iterator<Item = &'a [u8]> + Clone,
    mut offset: usize,
) -> Result<(), ValueError> {
    object.len += payloads.clone().count();
    for (slot, field) in object.slots.iter_mut().zip(of.fields()) {
        gather_slot(slot, field.ty(), payloads.clone(), offset)?;
        offset += field.ty().fixed_len().unwrap_or(0);
    }
    Ok(())
}

fn gather_slot<'a>(
    slot: &mut Slot,
    ty: &Type,
    payloads: impl Iterator<Item = &'a [u8]> + Clone,
    offset: usize,
) -> Result<(), ValueError> {
    if let Some(raw) = &mut slot.raw {
        gather(&mut raw.column, &raw.ty, payloads.clone(), offset)?;
    }
    gather(&mut slot.column, ty, payloads, offset)
}
