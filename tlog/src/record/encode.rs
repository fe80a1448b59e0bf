//! From Rust values to payload bytes, without a heap.

use super::plain::{Plain, Primitive};
use super::shape::Shape;
use super::sink::{Sink, put_varuint};
use crate::time::{DurationMicros, Micros};
use crate::wire::{Width, varuint};

/// The form that a type has by itself.
pub struct Natural;

/// `#[tlog(varint)]`: integers of variable length.
pub struct Varint;

/// `#[tlog(bytes)]`: a sequence of `u8` as the format's bytes. They take the same room as an
/// array of `u8`, but are shown as base64, and copied where an array is walked item by item.
pub struct Bytes;

/// A Rust type with a type of the format. Derived for structs and enums with
/// [`Record`](macro@crate::Record); by hand for what else should go into a record.
///
/// `Form` chooses among several encodings of the same Rust type: [`Natural`], [`Varint`], [`Bytes`].
///
/// By hand, go through a type that has an encoding already:
///
/// ```
/// use tlog::record::{Cursor, Decode, Encode, Shape, Sink, ValueError};
///
/// struct Celsius(f32);
///
/// impl Encode for Celsius {
///     const SHAPE: &'static Shape = <f32 as Encode>::SHAPE;
///
///     fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
///         <f32 as Encode>::encode(&self.0, sink)
///     }
/// }
///
/// impl<'de> Decode<'de> for Celsius {
///     fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
///         <f32 as Decode>::decode(cursor).map(Self)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a TLOG record (form: `{Form}`)",
    label = "not a type that TLOG can store here",
    note = "it stores bool, u8–u64, i8–i64, f32, f64, strings, Micros, DurationMicros, Option, arrays, Vec, maps with String keys, and types with #[derive(Record)]",
    note = "#[tlog(varint)] takes integers, #[tlog(bytes)] takes Vec<u8> and &[u8]"
)]
pub trait Encode<Form = Natural> {
    /// The type in the format.
    const SHAPE: &'static Shape;

    /// The proof that the memory of a value is its encoding, if it is: then it is encoded by one copy.
    const PLAIN: Option<Plain<Self>> = None;

    /// Puts the value's encoding into the sink.
    ///
    /// # Errors
    /// Those of the sink.
    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error>;
}

macro_rules! scalar {
    ($($ty:ty => $shape:expr, $bytes:expr;)+) => {$(
        impl Encode for $ty {
            const SHAPE: &'static Shape = &$shape;
            const PLAIN: Option<Plain<Self>> = <Self as Primitive>::PLAIN;

            fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
                let to_bytes: fn($ty) -> _ = $bytes;
                sink.put(&to_bytes(*self))
            }
        }
    )+};
}

scalar! {
    bool => Shape::Boolean, |v| [u8::from(v)];
    u8 => Shape::FixedUint(Width::W1), u8::to_le_bytes;
    u16 => Shape::FixedUint(Width::W2), u16::to_le_bytes;
    u32 => Shape::FixedUint(Width::W4), u32::to_le_bytes;
    u64 => Shape::FixedUint(Width::W8), u64::to_le_bytes;
    i8 => Shape::FixedInt(Width::W1), i8::to_le_bytes;
    i16 => Shape::FixedInt(Width::W2), i16::to_le_bytes;
    i32 => Shape::FixedInt(Width::W4), i32::to_le_bytes;
    i64 => Shape::FixedInt(Width::W8), i64::to_le_bytes;
    f32 => Shape::Float32, f32::to_le_bytes;
    f64 => Shape::Float64, f64::to_le_bytes;
    Micros => Shape::Timestamp, |v| v.0.to_le_bytes();
    DurationMicros => Shape::Duration, |v| v.0.to_le_bytes();
}

macro_rules! variable_length {
    ($($ty:ty => $shape:ident, $stored:expr;)+) => {$(
        impl Encode<Varint> for $ty {
            const SHAPE: &'static Shape = &Shape::$shape;

            fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
                let stored: fn($ty) -> u64 = $stored;
                put_varuint(stored(*self), sink)
            }
        }
    )+};
}

variable_length! {
    u8 => Varuint, u64::from;
    u16 => Varuint, u64::from;
    u32 => Varuint, u64::from;
    u64 => Varuint, |v| v;
    i8 => Varint, |v| varuint::zigzag(v.into());
    i16 => Varint, |v| varuint::zigzag(v.into());
    i32 => Varint, |v| varuint::zigzag(v.into());
    i64 => Varint, varuint::zigzag;
}

impl Encode for str {
    const SHAPE: &'static Shape = &Shape::String;

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        put_varuint(self.len() as u64, sink)?;
        sink.put(self.as_bytes())
    }
}

impl Encode<Bytes> for [u8] {
    const SHAPE: &'static Shape = &Shape::Bytes;

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        put_varuint(self.len() as u64, sink)?;
        sink.put(self)
    }
}

impl<Form, T: Encode<Form>> Encode<Form> for [T] {
    const SHAPE: &'static Shape = &Shape::Array(T::SHAPE);

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        put_varuint(self.len() as u64, sink)?;
        put_items(self, sink)
    }
}

impl<Form, T: Encode<Form>, const N: usize> Encode<Form> for [T; N] {
    const SHAPE: &'static Shape = &Shape::FixedArray(N as u64, T::SHAPE);
    const PLAIN: Option<Plain<Self>> = match T::PLAIN {
        Some(plain) => Some(plain.array()),
        None => None,
    };

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        put_items(self, sink)
    }
}

fn put_items<Form, T: Encode<Form>, S: Sink>(items: &[T], sink: &mut S) -> Result<(), S::Error> {
    match T::PLAIN {
        Some(plain) => sink.put(plain.items(items)),
        None => items.iter().try_for_each(|item| item.encode(sink)),
    }
}

impl<Form, T: Encode<Form>> Encode<Form> for Option<T> {
    const SHAPE: &'static Shape = &Shape::Union(&Shape::members_of_optional(T::SHAPE));

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        match self {
            None => sink.put(&[0]),
            Some(value) => {
                sink.put(&[1])?;
                value.encode(sink)
            }
        }
    }
}

impl<Form, T: Encode<Form> + ?Sized> Encode<Form> for &T {
    const SHAPE: &'static Shape = T::SHAPE;

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        (**self).encode(sink)
    }
}
