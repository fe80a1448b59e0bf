//! Walking a payload by its schema, without allocating.

use super::cursor::{Cursor, ValueError, read_int, read_integer, read_uint};
use crate::schema::{Enum, Field, Object, Type};
use crate::time::Micros;

/// What [`walk`] meets, in the order of the bytes. Each method does nothing unless implemented.
///
/// `'s` is the lifetime of the schema, `'a` that of the payload.
#[expect(unused_variables, reason = "defaults ignore what they are given")]
pub trait Visitor<'s, 'a> {
    /// What ends the walk early; a malformed payload does.
    type Error: From<ValueError>;

    /// A null.
    fn null(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
    /// A boolean; any byte but zero is true.
    fn boolean(&mut self, value: bool) -> Result<(), Self::Error> {
        Ok(())
    }
    /// A fixedint or varint.
    fn int(&mut self, value: i64) -> Result<(), Self::Error> {
        Ok(())
    }
    /// A fixeduint or varuint.
    fn uint(&mut self, value: u64) -> Result<(), Self::Error> {
        Ok(())
    }
    /// A float32.
    fn float32(&mut self, value: f32) -> Result<(), Self::Error> {
        Ok(())
    }
    /// A float64.
    fn float64(&mut self, value: f64) -> Result<(), Self::Error> {
        Ok(())
    }
    /// Bytes.
    fn bytes(&mut self, value: &'a [u8]) -> Result<(), Self::Error> {
        Ok(())
    }
    /// A string, not checked to be UTF-8.
    fn string(&mut self, value: &'a [u8]) -> Result<(), Self::Error> {
        Ok(())
    }
    /// An enum's value.
    fn enumeration(&mut self, ty: &'s Enum, value: i128) -> Result<(), Self::Error> {
        Ok(())
    }
    /// A timestamp.
    fn timestamp(&mut self, value: Micros) -> Result<(), Self::Error> {
        Ok(())
    }
    /// A duration in microseconds.
    fn duration(&mut self, micros: i64) -> Result<(), Self::Error> {
        Ok(())
    }
    /// An object starts; its fields follow, each after a call of [`field`](Self::field).
    fn begin_object(&mut self, ty: &'s Object) -> Result<(), Self::Error> {
        Ok(())
    }
    /// The value of this field comes next; `index` is its position in the object.
    fn field(&mut self, index: usize, field: &'s Field) -> Result<(), Self::Error> {
        Ok(())
    }
    /// The object has ended.
    fn end_object(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
    /// An array or fixed array starts, claiming `len` items; each follows a call of [`element`](Self::element).
    fn begin_array(&mut self, item: &'s Type, len: u64) -> Result<(), Self::Error> {
        Ok(())
    }
    /// The item with this index comes next.
    fn element(&mut self, index: u64) -> Result<(), Self::Error> {
        Ok(())
    }
    /// The array has ended.
    fn end_array(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
    /// A map starts, claiming `len` pairs; each value follows a call of [`key`](Self::key).
    fn begin_map(&mut self, value: &'s Type, len: u64) -> Result<(), Self::Error> {
        Ok(())
    }
    /// The value for this key comes next; not checked to be UTF-8, nor to be unique.
    fn key(&mut self, key: &'a [u8]) -> Result<(), Self::Error> {
        Ok(())
    }
    /// The map has ended.
    fn end_map(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
    /// A union: a value of member `index` of `ty` comes next. `ty` is always a [`Type::Union`] with that member.
    fn begin_union(&mut self, ty: &'s Type, index: usize) -> Result<(), Self::Error> {
        Ok(())
    }
    /// The union's value has ended.
    fn end_union(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Walks one value of type `ty` at the cursor. What follows it is left alone.
///
/// The depth is that of the schema, which [`MAX_DEPTH`](crate::schema::MAX_DEPTH) bounds.
///
/// # Errors
/// [`ValueError`] for a payload that the schema does not describe, and whatever the visitor returns.
pub fn walk<'s, 'a, V: Visitor<'s, 'a>>(
    ty: &'s Type,
    cursor: &mut Cursor<'a>,
    visitor: &mut V,
) -> Result<(), V::Error> {
    match ty {
        Type::Null => {
            cursor.zero_width()?;
            visitor.null()
        }
        Type::Boolean => visitor.boolean(cursor.byte()? != 0),
        Type::FixedInt(width) => visitor.int(read_int(*width, cursor)?),
        Type::FixedUint(width) => visitor.uint(read_uint(*width, cursor)?),
        Type::Varint => visitor.int(cursor.varint()?),
        Type::Varuint => visitor.uint(cursor.varuint()?),
        Type::Float32 => visitor.float32(f32::from_le_bytes(cursor.array()?)),
        Type::Float64 => visitor.float64(f64::from_le_bytes(cursor.array()?)),
        Type::Bytes => visitor.bytes(cursor.sized_bytes()?),
        Type::String => visitor.string(cursor.sized_bytes()?),
        Type::Enum(enumeration) => visitor.enumeration(enumeration, read_integer(enumeration.underlying(), cursor)?),
        Type::Timestamp => visitor.timestamp(Micros(i64::from_le_bytes(cursor.array()?))),
        Type::Duration => visitor.duration(i64::from_le_bytes(cursor.array()?)),
        Type::Object(object) => walk_object(object, cursor, visitor),
        Type::Array(item) => {
            let len = cursor.varuint()?;
            walk_items(item, len, cursor, visitor)
        }
        Type::FixedArray(array) => {
            if array.len() == 0 {
                cursor.zero_width()?;
            }
            walk_items(array.item(), array.len(), cursor, visitor)
        }
        Type::Map(value) => walk_map(value, cursor, visitor),
        Type::Union(members) => walk_union(ty, members, cursor, visitor),
    }
}

fn walk_object<'s, 'a, V: Visitor<'s, 'a>>(
    object: &'s Object,
    cursor: &mut Cursor<'a>,
    visitor: &mut V,
) -> Result<(), V::Error> {
    if object.fields().is_empty() {
        cursor.zero_width()?;
    }
    visitor.begin_object(object)?;
    for (index, field) in object.fields().iter().enumerate() {
        visitor.field(index, field)?;
        walk(field.ty(), cursor, visitor)?;
    }
    visitor.end_object()
}

fn walk_items<'s, 'a, V: Visitor<'s, 'a>>(
    item: &'s Type,
    len: u64,
    cursor: &mut Cursor<'a>,
    visitor: &mut V,
) -> Result<(), V::Error> {
    visitor.begin_array(item, len)?;
    for index in 0..len {
        visitor.element(index)?;
        walk(item, cursor, visitor)?;
    }
    visitor.end_array()
}

fn walk_map<'s, 'a, V: Visitor<'s, 'a>>(
    value: &'s Type,
    cursor: &mut Cursor<'a>,
    visitor: &mut V,
) -> Result<(), V::Error> {
    let len = cursor.varuint()?;
    visitor.begin_map(value, len)?;
    for _ in 0..len {
        visitor.key(cursor.sized_bytes()?)?;
        walk(value, cursor, visitor)?;
    }
    visitor.end_map()
}

fn walk_union<'s, 'a, V: Visitor<'s, 'a>>(
    ty: &'s Type,
    members: &'s [Type],
    cursor: &mut Cursor<'a>,
    visitor: &mut V,
) -> Result<(), V::Error> {
    let (index, member) = union_member(members, cursor)?;
    visitor.begin_union(ty, index)?;
    walk(member, cursor, visitor)?;
    visitor.end_union()
}

fn union_member<'s>(members: &'s [Type], cursor: &mut Cursor<'_>) -> Result<(usize, &'s Type), ValueError> {
    let before = *cursor;
    let stored = cursor.varuint()?;
    let index = usize::try_from(stored).unwrap_or(usize::MAX);
    let member = members.get(index).ok_or_else(|| before.union_index(stored, members.len()))?;
    Ok((index, member))
}

/// Visits nothing: what remains is the check that the payload is well formed.
struct Ignore;

impl Visitor<'_, '_> for Ignore {
    type Error = ValueError;
}

/// Moves the cursor over one value. Runs of items of one width are passed over in one step, so
/// the time is bounded by the bytes at hand even where a [`walk`] would visit a million nulls.
///
/// # Errors
/// [`ValueError`], as [`walk`].
pub fn skip(ty: &Type, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
    if let Some(extent) = ty.extent() {
        return cursor.skip_run(1, extent.len, extent.zero_width);
    }
    match ty {
        Type::Array(item) => {
            let len = cursor.varuint()?;
            skip_items(item, len, cursor)
        }
        Type::FixedArray(array) => skip_items(array.item(), array.len(), cursor),
        Type::Object(object) => object.fields().iter().try_for_each(|field| skip(field.ty(), cursor)),
        Type::Map(value) => {
            for _ in 0..cursor.varuint()? {
                cursor.sized_bytes()?;
                skip(value, cursor)?;
            }
            Ok(())
        }
        Type::Union(members) => skip(union_member(members, cursor)?.1, cursor),
        scalar => walk(scalar, cursor, &mut Ignore),
    }
}

/// Moves the cursor over so many values of one type, as [`skip`] does.
///
/// # Errors
/// [`ValueError`], as [`walk`].
pub fn skip_items(item: &Type, len: u64, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
    match item.extent() {
        Some(extent) => cursor.skip_run(len, extent.len, extent.zero_width),
        None => (0..len).try_for_each(|_| skip(item, cursor)),
    }
}

/// Checks that `bytes` are one value of this type and nothing else.
///
/// # Errors
/// [`ValueError`], as [`walk`], and [`ValueErrorKind::Surplus`](super::ValueErrorKind::Surplus).
pub fn check_exact(ty: &Type, bytes: &[u8]) -> Result<(), ValueError> {
    let mut cursor = Cursor::new(bytes);
    walk(ty, &mut cursor, &mut Ignore)?;
    match cursor.rest().len() {
        0 => Ok(()),
        left => Err(ValueError { offset: cursor.position(), kind: super::ValueErrorKind::Surplus(left) }),
    }
}
