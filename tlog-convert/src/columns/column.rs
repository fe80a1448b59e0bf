//! A column in the making: values are pushed by the schema's type, and what is missing is padded.
//!
//! A column does not know which of its values are missing: what makes them so (an optional value, a union) does, and passes
//! that on when the array is made. Missing values stand there as zeros, as Arrow has it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, BooleanArray, ListArray, MapArray, NullArray, StringArray, StructArray};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, FieldRef, Fields};
use tlog::schema::Type;
use tlog::value::{Cursor, ValueError, ValueErrorKind, skip, write_json};

use super::MAX_BATCH_JSON;
use super::enumeration::Symbols;
use super::leaf::Leaf;
use super::union::Union;
use crate::Result;

/// A column so far.
#[derive(Clone, Debug)]
pub enum Column {
    /// Nulls: only how many.
    Null(usize),
    /// Objects without fields: only how many.
    Empty(usize),
    Leaf(Leaf),
    Bytes(Blobs),
    Text(Blobs),
    /// Any type as its JSON; how many cells each counts as at least.
    Json(Blobs, u64),
    Enum(Symbols),
    Object(Object),
    List(Box<List>),
    FixedList(Box<FixedList>),
    Map(Box<Map>),
    Optional(Box<Optional>),
    Union(Box<Union>),
}

/// Values of any length, one behind the other.
#[derive(Clone, Debug)]
pub struct Blobs {
    ends: Vec<i32>,
    bytes: Vec<u8>,
}

impl Default for Blobs {
    fn default() -> Self {
        Self { ends: vec![0], bytes: Vec::new() }
    }
}

/// The columns of the fields.
#[derive(Clone, Debug)]
pub struct Object {
    pub slots: Vec<Slot>,
    pub fields: Fields,
    pub len: usize,
}

/// The column of a field, and that of its number if it is an enum and the number was asked for.
#[derive(Clone, Debug)]
pub struct Slot {
    pub column: Column,
    pub raw: Option<Raw>,
}

/// The column of an enum's number.
#[derive(Clone, Debug)]
pub struct Raw {
    pub column: Column,
    /// The field's type with the number in place of the enum: what the column is filled by.
    pub ty: Type,
}

#[derive(Clone, Debug)]
pub struct List {
    pub item: Column,
    pub field: FieldRef,
    pub ends: Vec<i32>,
    /// How many items each has, if the schema says.
    pub items: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct FixedList {
    pub item: Column,
    pub field: FieldRef,
    pub items: usize,
    pub len: usize,
}

#[derive(Clone, Debug)]
pub struct Map {
    pub keys: Blobs,
    pub value: Column,
    /// Of the struct of key and value.
    pub entries: FieldRef,
    pub ends: Vec<i32>,
}

/// Values that may be missing.
#[derive(Clone, Debug)]
pub struct Optional {
    pub item: Column,
    pub is_there: Vec<bool>,
}

impl Column {
    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Null(len) | Self::Empty(len) => *len,
            Self::Leaf(leaf) => leaf.len(),
            Self::Bytes(blobs) | Self::Text(blobs) | Self::Json(blobs, _) => blobs.len(),
            Self::Enum(symbols) => symbols.len(),
            Self::Object(object) => object.len,
            Self::List(list) => list.ends.len() - 1,
            Self::FixedList(list) => list.len,
            Self::Map(map) => map.ends.len() - 1,
            Self::Optional(optional) => optional.is_there.len(),
            Self::Union(union) => union.len(),
        }
    }

    /// How many cells one value takes, without those of arrays and maps.
    pub fn cells(&self) -> u64 {
        match self {
            Self::Object(object) => {
                let raw = |slot: &Slot| slot.raw.as_ref().map_or(0, |raw| raw.column.cells());
                object
                    .slots
                    .iter()
                    .fold(1, |sum, slot| sum.saturating_add(slot.column.cells()).saturating_add(raw(slot)))
            }
            Self::Json(_, cells) => *cells,
            Self::List(list) => match list.items {
                // Without a look at the items: this is asked for each value.
                None | Some(0) => 1,
                Some(items) => items.saturating_mul(list.item.cells()),
            },
            Self::FixedList(list) => (list.items as u64).saturating_mul(list.item.cells()).max(1),
            Self::Optional(optional) => optional.item.cells(),
            Self::Union(union) => union.cells(),
            _ => 1,
        }
    }

    /// The column of a member of a union, if it needs one.
    pub fn member(&self, index: usize) -> Option<&Self> {
        match self {
            Self::Optional(optional) => Some(&optional.item).filter(|_| index == 1),
            Self::Union(union) => union.members.get(index)?.as_ref().map(|member| &member.column),
            _ => None,
        }
    }

    /// Takes the value at the cursor, which is of type `ty`: the one that this column was made for.
    pub fn push(&mut self, ty: &Type, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        match (self, ty) {
            (Self::Null(len) | Self::Empty(len), _) => {
                cursor.zero_width()?;
                *len += 1;
                Ok(())
            }
            (Self::Leaf(leaf), ty) => leaf.push(ty, cursor),
            (Self::Bytes(blobs), _) => blobs.push(cursor.sized_bytes()?),
            (Self::Text(blobs), _) => blobs.push_text(cursor.sized_bytes()?),
            (Self::Json(blobs, _), ty) => blobs.push_json(ty, cursor),
            (Self::Enum(symbols), Type::Enum(ty)) => symbols.push(ty, cursor),
            (Self::Object(object), Type::Object(ty)) => object.push(ty, cursor),
            (Self::List(list), Type::Array(item)) => {
                let len = cursor.varuint()?;
                list.push(item, len, cursor)
            }
            (Self::List(list), Type::FixedArray(array)) => list.push(array.item(), array.len(), cursor),
            (Self::FixedList(list), Type::FixedArray(array)) => {
                list.len += 1;
                (0..array.len()).try_for_each(|_| list.item.push(array.item(), cursor))
            }
            (Self::Map(map), Type::Map(value)) => map.push(value, cursor),
            (Self::Optional(optional), Type::Union(members)) => optional.push(members, cursor),
            (Self::Union(union), Type::Union(members)) => union.push(members, cursor),
            // A column is made from the very type that it is filled by.
            _ => Err(cursor.fail(ValueErrorKind::Truncated)),
        }
    }

    /// Adds so many values that are missing.
    pub fn pad(&mut self, count: usize) {
        match self {
            Self::Null(len) | Self::Empty(len) => *len += count,
            Self::Leaf(leaf) => leaf.pad(count),
            Self::Bytes(blobs) | Self::Text(blobs) | Self::Json(blobs, _) => blobs.pad(count),
            Self::Enum(symbols) => symbols.pad(count),
            Self::Object(object) => object.pad(count),
            Self::List(list) => pad_ends(&mut list.ends, count),
            Self::FixedList(list) => {
                list.len += count;
                list.item.pad(count.saturating_mul(list.items));
            }
            Self::Map(map) => pad_ends(&mut map.ends, count),
            Self::Optional(optional) => {
                optional.is_there.resize(optional.is_there.len() + count, false);
                optional.item.pad(count);
            }
            Self::Union(union) => union.pad(count),
        }
    }

    /// The column as an array, of which `nulls` are missing. It is then empty again.
    pub fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        Ok(match self {
            Self::Null(len) => Arc::new(NullArray::new(std::mem::take(len))),
            Self::Empty(len) => Arc::new(BooleanArray::new(BooleanBuffer::new_set(std::mem::take(len)), nulls)),
            Self::Leaf(leaf) => leaf.finish(nulls),
            Self::Bytes(blobs) => {
                let (ends, bytes) = blobs.take();
                Arc::new(BinaryArray::try_new(ends, bytes.into(), nulls)?)
            }
            Self::Text(blobs) | Self::Json(blobs, _) => {
                let (ends, bytes) = blobs.take();
                Arc::new(StringArray::try_new(ends, bytes.into(), nulls)?)
            }
            Self::Enum(symbols) => symbols.finish(nulls)?,
            Self::Object(object) => object.finish(nulls)?,
            Self::List(list) => {
                let (ends, item) = (take_ends(&mut list.ends), list.item.finish(None)?);
                Arc::new(ListArray::try_new(Arc::clone(&list.field), ends, item, nulls)?)
            }
            Self::FixedList(list) => list.finish(nulls)?,
            Self::Map(map) => map.finish(nulls)?,
            Self::Optional(optional) => {
                let is_there = std::mem::take(&mut optional.is_there);
                // What is missing outside was padded as missing here.
                optional.item.finish(Some(NullBuffer::from(is_there)))?
            }
            Self::Union(union) => union.finish(nulls)?,
        })
    }
}

impl Blobs {
    pub fn len(&self) -> usize {
        self.ends.len() - 1
    }

    fn end(&mut self, at: &Cursor<'_>) -> Result<(), ValueError> {
        let end = i32::try_from(self.bytes.len()).map_err(|_| at.fail(ValueErrorKind::Truncated))?;
        self.ends.push(end);
        Ok(())
    }

    /// Adds bytes; batches are far shorter than what `i32` counts.
    pub fn push(&mut self, value: &[u8]) -> Result<(), ValueError> {
        self.bytes.extend_from_slice(value);
        self.end(&Cursor::new(value))
    }

    /// Adds text. What is not UTF-8 becomes U+FFFD, as in JSON.
    pub fn push_text(&mut self, value: &[u8]) -> Result<(), ValueError> {
        match std::str::from_utf8(value) {
            Ok(text) => self.bytes.extend_from_slice(text.as_bytes()),
            Err(_) => self.bytes.extend_from_slice(String::from_utf8_lossy(value).as_bytes()),
        }
        self.end(&Cursor::new(value))
    }

    fn push_json(&mut self, ty: &Type, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        write_json(ty, cursor, &mut self.bytes)?;
        if self.bytes.len() > MAX_BATCH_JSON {
            return Err(cursor.fail(ValueErrorKind::JsonLength(MAX_BATCH_JSON)));
        }
        self.end(cursor)
    }

    fn pad(&mut self, count: usize) {
        pad_ends(&mut self.ends, count);
    }

    fn take(&mut self) -> (OffsetBuffer<i32>, Vec<u8>) {
        (take_ends(&mut self.ends), std::mem::take(&mut self.bytes))
    }
}

/// Repeats the last end: values without anything in them.
fn pad_ends(ends: &mut Vec<i32>, count: usize) {
    let last = ends.last().copied().unwrap_or_default();
    ends.resize(ends.len() + count, last);
}

fn take_ends(ends: &mut Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(ends, vec![0])))
}

/// Notes that a list ends here: batches have far fewer cells than what `i32` counts.
fn push_end(ends: &mut Vec<i32>, len: usize, at: &Cursor<'_>) -> Result<(), ValueError> {
    ends.push(i32::try_from(len).map_err(|_| at.fail(ValueErrorKind::Truncated))?);
    Ok(())
}

impl Object {
    fn push(&mut self, ty: &tlog::schema::Object, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        self.len += 1;
        self.slots.iter_mut().zip(ty.fields()).try_for_each(|(slot, field)| slot.push(field.ty(), cursor))
    }

    fn pad(&mut self, count: usize) {
        self.len += count;
        for slot in &mut self.slots {
            slot.column.pad(count);
            if let Some(raw) = &mut slot.raw {
                raw.column.pad(count);
            }
        }
    }

    /// The arrays of the fields.
    pub fn finish_fields(&mut self) -> Result<Vec<ArrayRef>> {
        self.len = 0;
        let mut arrays = Vec::with_capacity(self.fields.len());
        for slot in &mut self.slots {
            arrays.push(slot.column.finish(None)?);
            if let Some(raw) = &mut slot.raw {
                arrays.push(raw.column.finish(None)?);
            }
        }
        Ok(arrays)
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let arrays = self.finish_fields()?;
        Ok(Arc::new(StructArray::try_new(self.fields.clone(), arrays, nulls)?))
    }
}

impl Slot {
    pub fn push(&mut self, ty: &Type, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        if let Some(raw) = &mut self.raw {
            raw.column.push(&raw.ty, &mut cursor.clone())?;
        }
        self.column.push(ty, cursor)
    }
}

impl List {
    fn push(&mut self, item: &Type, len: u64, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        for _ in 0..len {
            self.item.push(item, cursor)?;
        }
        push_end(&mut self.ends, self.item.len(), cursor)
    }
}

impl FixedList {
    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        self.len = 0;
        // Lists of more items do not become fixed ones: `MAX_FIXED_LIST`.
        let items = i32::try_from(self.items).unwrap_or(i32::MAX);
        let item = self.item.finish(None)?;
        Ok(Arc::new(arrow_array::FixedSizeListArray::try_new(Arc::clone(&self.field), items, item, nulls)?))
    }
}

impl Map {
    fn push(&mut self, value: &Type, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        let len = cursor.varuint()?;
        let mut entries = Vec::new();
        for _ in 0..len {
            let key = cursor.sized_bytes()?;
            entries.push((key, *cursor));
            skip(value, cursor)?;
        }
        // Of equal keys the last counts, where it stands; keys that differ only in what is not UTF-8 become equal.
        let mut seen = HashSet::with_capacity(entries.len());
        let mut kept: Vec<(Cow<'_, str>, Cursor<'_>)> = Vec::with_capacity(entries.len());
        for (key, from) in entries.into_iter().rev() {
            let key = String::from_utf8_lossy(key);
            if seen.insert(key.clone()) {
                kept.push((key, from));
            }
        }
        for (key, mut from) in kept.into_iter().rev() {
            self.keys.push(key.as_bytes())?;
            self.value.push(value, &mut from)?;
        }
        push_end(&mut self.ends, self.keys.len(), cursor)
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let (ends, bytes) = self.keys.take();
        let keys: ArrayRef = Arc::new(StringArray::try_new(ends, bytes.into(), None)?);
        let values = self.value.finish(None)?;
        let DataType::Struct(fields) = self.entries.data_type() else {
            return Err(crate::Error::Usage("a map has keys and values".to_owned()));
        };
        let entries = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
        Ok(Arc::new(MapArray::try_new(Arc::clone(&self.entries), take_ends(&mut self.ends), entries, nulls, false)?))
    }
}

impl Optional {
    fn push(&mut self, members: &[Type], cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        let index = cursor.varuint()?;
        self.is_there.push(index == 1);
        match (index, members.get(1)) {
            (1, Some(some)) => self.item.push(some, cursor),
            _ => {
                cursor.zero_width()?;
                self.item.pad(1);
                Ok(())
            }
        }
    }
}
