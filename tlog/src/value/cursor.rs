//! Integers of any type, off the front of a payload and onto the end of one.

use crate::schema::{IntegerType, Width};
use crate::wire::varuint;

pub use crate::wire::cursor::{Cursor, MAX_ZERO_WIDTH, ValueError, ValueErrorKind};

/// Takes an integer of this type.
///
/// # Errors
/// As the methods of [`Cursor`].
pub fn read_integer(ty: IntegerType, cursor: &mut Cursor<'_>) -> Result<i128, ValueError> {
    Ok(match ty {
        IntegerType::FixedInt(width) => i128::from(read_int(width, cursor)?),
        IntegerType::FixedUint(width) => i128::from(read_uint(width, cursor)?),
        IntegerType::Varint => i128::from(cursor.varint()?),
        IntegerType::Varuint => i128::from(cursor.varuint()?),
    })
}

pub(super) fn read_int(width: Width, cursor: &mut Cursor<'_>) -> Result<i64, ValueError> {
    Ok(match width {
        Width::W1 => i64::from(i8::from_le_bytes(cursor.array()?)),
        Width::W2 => i64::from(i16::from_le_bytes(cursor.array()?)),
        Width::W4 => i64::from(i32::from_le_bytes(cursor.array()?)),
        Width::W8 => i64::from_le_bytes(cursor.array()?),
    })
}

pub(super) fn read_uint(width: Width, cursor: &mut Cursor<'_>) -> Result<u64, ValueError> {
    Ok(match width {
        Width::W1 => u64::from(cursor.byte()?),
        Width::W2 => u64::from(u16::from_le_bytes(cursor.array()?)),
        Width::W4 => u64::from(u32::from_le_bytes(cursor.array()?)),
        Width::W8 => u64::from_le_bytes(cursor.array()?),
    })
}

/// Appends an integer in the encoding of this type; the low bits of one that the type does not hold.
pub fn put_integer(ty: IntegerType, value: i128, out: &mut Vec<u8>) {
    match ty {
        IntegerType::FixedInt(width) | IntegerType::FixedUint(width) => {
            out.extend(&value.to_le_bytes()[..width.bytes()]);
        }
        IntegerType::Varint => put_varuint(varuint::zigzag(value as i64), out),
        IntegerType::Varuint => put_varuint(value as u64, out),
    }
}

/// Appends a varuint in its shortest form.
pub fn put_varuint(value: u64, out: &mut Vec<u8>) {
    let mut bytes = [0; varuint::MAX_LEN];
    let len = varuint::encode(value, &mut bytes);
    out.extend(&bytes[..len]);
}
