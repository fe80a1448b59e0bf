//! From payload bytes to Rust values, without a heap.

use super::encode::{Bytes, Natural, Varint};
use super::plain::try_array;
use crate::time::{DurationMicros, Micros};
use crate::wire::cursor::{Cursor, ValueError, ValueErrorKind};

/// The other way of [`Encode`](super::Encode). `'de` is the lifetime of the payload, from which
/// `&str` and `&[u8]` borrow. An implementation by hand for a type that may take no bytes must call
/// [`Cursor::zero_width`], or an array of them can take years.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a TLOG record (form: `{Form}`)",
    label = "not a type that can be read here",
    note = "#[tlog(encode_only)] on the container makes a record that is only written"
)]
pub trait Decode<'de, Form = Natural>: Sized {
    /// Takes one value off the front.
    ///
    /// # Errors
    /// [`ValueError`] with the offset into the payload. The cursor is somewhere in the value then.
    fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError>;
}

macro_rules! scalar {
    ($($ty:ty => $from:expr;)+) => {$(
        impl<'de> Decode<'de> for $ty {
            fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
                cursor.array().map($from)
            }
        }
    )+};
}

scalar! {
    bool => |[byte]| byte != 0;
    u8 => u8::from_le_bytes;
    u16 => u16::from_le_bytes;
    u32 => u32::from_le_bytes;
    u64 => u64::from_le_bytes;
    i8 => i8::from_le_bytes;
    i16 => i16::from_le_bytes;
    i32 => i32::from_le_bytes;
    i64 => i64::from_le_bytes;
    f32 => f32::from_le_bytes;
    f64 => f64::from_le_bytes;
    Micros => |bytes| Micros(i64::from_le_bytes(bytes));
    DurationMicros => |bytes| DurationMicros(i64::from_le_bytes(bytes));
}

macro_rules! variable_length {
    ($($ty:ty => $take:ident;)+) => {$(
        impl<'de> Decode<'de, Varint> for $ty {
            fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
                let start = *cursor;
                cursor.$take()?.try_into().map_err(|_| start.fail(ValueErrorKind::Range))
            }
        }
    )+};
}

variable_length! {
    u8 => varuint;
    u16 => varuint;
    u32 => varuint;
    u64 => varuint;
    i8 => varint;
    i16 => varint;
    i32 => varint;
    i64 => varint;
}

impl<'de: 'a, 'a> Decode<'de> for &'a str {
    fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
        let start = *cursor;
        core::str::from_utf8(cursor.sized_bytes()?).map_err(|_| start.fail(ValueErrorKind::Utf8))
    }
}

/// An array of `u8` has the bytes of the format's bytes.
impl<'de: 'a, 'a> Decode<'de> for &'a [u8] {
    fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
        cursor.sized_bytes()
    }
}

impl<'de: 'a, 'a> Decode<'de, Bytes> for &'a [u8] {
    fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
        cursor.sized_bytes()
    }
}

impl<'de, Form, T: Decode<'de, Form>, const N: usize> Decode<'de, Form> for [T; N] {
    fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
        if N == 0 {
            cursor.zero_width()?;
        }
        try_array(|| T::decode(cursor))
    }
}

impl<'de, Form, T: Decode<'de, Form>> Decode<'de, Form> for Option<T> {
    fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
        let start = *cursor;
        match cursor.varuint()? {
            0 => {
                cursor.zero_width()?;
                Ok(None)
            }
            1 => T::decode(cursor).map(Some),
            index => Err(start.union_index(index, 2)),
        }
    }
}
