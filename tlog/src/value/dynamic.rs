//! A payload as a tree of owned values: easy to build, to compare and to pick apart.
//!
//! Hot loops have [`walk`](super::walk) and [`FieldPath`](super::FieldPath) instead.
//!
//! ```
//! use tlog::schema::{Field, Object, Type, Width};
//! use tlog::value::{Cursor, Value};
//!
//! let ty = Type::from(Object::new([Field::new("id", Type::FixedUint(Width::W1)), Field::new("name", Type::String)]));
//! let value = Value::object([("name", Value::from("left")), ("id", Value::from(7))]);
//! let mut bytes = Vec::new();
//! value.encode(&ty, &mut bytes)?;
//! assert_eq!(bytes, b"\x07\x04left");
//!
//! let read = Value::decode(&ty, &mut Cursor::new(&bytes))?;
//! assert_eq!(read.field("id").and_then(Value::as_u64), Some(7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use encode::{EncodeError, EncodeErrorKind};

use crate::time::Micros;

/// A value of any type of the format.
///
/// Decoding keeps everything but overlong varuints and booleans other than 0 and 1, so that encoding
/// gives the same bytes again. A NaN is unequal to itself here as everywhere.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A null.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A fixedint or varint.
    Int(i64),
    /// A fixeduint or varuint.
    Uint(u64),
    /// A float32.
    Float32(f32),
    /// A float64.
    Float64(f64),
    /// Bytes, or a string that is not UTF-8.
    Bytes(Vec<u8>),
    /// A string.
    String(String),
    /// An object's fields in the order of the schema. Objects decoded together share their names.
    Object(Vec<(Arc<str>, Value)>),
    /// An enum's number, and its symbol if it has one.
    Enum {
        /// The number on the wire, which is all that encoding looks at.
        value: i128,
        /// Its first name in the schema.
        symbol: Option<Arc<str>>,
    },
    /// The items of an array or fixed array.
    Array(Vec<Value>),
    /// The pairs of a map as they stand in the payload. Keys need be neither UTF-8 nor unique.
    Map(Vec<(Vec<u8>, Value)>),
    /// The value of one member of a union, optional ones included.
    Union {
        /// Which member.
        index: usize,
        /// Its value.
        value: Box<Value>,
    },
    /// A timestamp.
    Timestamp(Micros),
    /// A duration in microseconds.
    Duration(i64),
}

impl Value {
    /// An object with these fields, in any order.
    pub fn object<N: Into<Arc<str>>>(fields: impl IntoIterator<Item = (N, Self)>) -> Self {
        Self::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// A map with these pairs.
    pub fn map<K: Into<Vec<u8>>>(pairs: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// Member `index` of a union.
    pub fn union(index: usize, value: impl Into<Self>) -> Self {
        Self::Union { index, value: Box::new(value.into()) }
    }

    /// A value of the [optional](crate::schema::Type::optional) type.
    pub fn optional(value: Option<Self>) -> Self {
        value.map_or(Self::union(0, Self::Null), |some| Self::union(1, some))
    }

    /// What a union holds; every other value is its own.
    pub fn inner(&self) -> &Self {
        match self {
            Self::Union { value, .. } => value.inner(),
            other => other,
        }
    }

    /// The first field with this name, or the last value of a map with this key.
    /// Like all that follow, it looks into unions.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self.inner() {
            Self::Object(fields) => fields.iter().find(|(field, _)| **field == *name).map(|(_, value)| value),
            Self::Map(pairs) => pairs.iter().rfind(|(key, _)| key == name.as_bytes()).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The item of an array with this index.
    pub fn item(&self, index: usize) -> Option<&Self> {
        match self.inner() {
            Self::Array(items) => items.get(index),
            _ => None,
        }
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.inner() {
            Self::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// An integer or enum.
    fn integer(&self) -> Option<i128> {
        match self.inner() {
            Self::Int(value) => Some(i128::from(*value)),
            Self::Uint(value) => Some(i128::from(*value)),
            Self::Enum { value, .. } => Some(*value),
            _ => None,
        }
    }

    /// An integer or enum that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.integer()?.try_into().ok()
    }

    /// An integer or enum that fits.
    pub fn as_u64(&self) -> Option<u64> {
        self.integer()?.try_into().ok()
    }

    /// Any number, rounded to the nearest float64.
    pub fn as_f64(&self) -> Option<f64> {
        match self.inner() {
            Self::Float32(value) => Some(f64::from(*value)),
            Self::Float64(value) => Some(*value),
            other => other.integer().map(|value| value as f64),
        }
    }

    /// A string, or the symbol of an enum.
    pub fn as_str(&self) -> Option<&str> {
        match self.inner() {
            Self::String(value) => Some(value),
            Self::Enum { symbol, .. } => symbol.as_deref(),
            _ => None,
        }
    }

    /// Bytes, or those of a string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self.inner() {
            Self::Bytes(value) => Some(value),
            Self::String(value) => Some(value.as_bytes()),
            _ => None,
        }
    }

    /// The name of what this is, for messages.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Int(_) | Self::Uint(_) => "an integer",
            Self::Float32(_) => "a float32",
            Self::Float64(_) => "a float64",
            Self::Bytes(_) => "bytes",
            Self::String(_) => "a string",
            Self::Object(_) => "an object",
            Self::Enum { .. } => "an enum",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
            Self::Union { .. } => "a union",
            Self::Timestamp(_) => "a timestamp",
            Self::Duration(_) => "a duration",
        }
    }
}

/// Conversions that need no more than a name: `type => variant`.
macro_rules! from {
    ($($ty:ty => $variant:ident),* $(,)?) => {
        $(impl From<$ty> for Value {
            fn from(value: $ty) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from! {
    bool => Boolean,
    i8 => Int, i16 => Int, i32 => Int, i64 => Int,
    u8 => Uint, u16 => Uint, u32 => Uint, u64 => Uint,
    f32 => Float32, f64 => Float64,
    &[u8] => Bytes,
    &str => String, String => String,
    Vec<Value> => Array,
    Micros => Timestamp,
}
