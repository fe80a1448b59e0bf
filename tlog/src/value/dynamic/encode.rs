//! From a [`Value`] to a payload.

use std::sync::Arc;

use super::Value;
use crate::schema::{Enum, Field, IntegerType, Object, Type};
use crate::value::path::{Path, Segment};
use crate::value::{MAX_ZERO_WIDTH, put_integer, put_varuint};

/// Why a value cannot be encoded as a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {kind}", path.or_whole("the value"))]
pub struct EncodeError {
    /// Which part of the value.
    pub path: Path,
    /// What is wrong with it.
    pub kind: EncodeErrorKind,
}

/// What can be wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// It is of another kind than the type.
    #[error("{expected} is needed, not {found}")]
    Mismatch {
        /// The name of the type.
        expected: &'static str,
        /// What the value is.
        found: &'static str,
    },
    /// A number that the integer type does not hold.
    #[error("{value} does not fit into {ty}")]
    OutOfRange {
        /// The number.
        value: i128,
        /// The name of the type.
        ty: &'static str,
    },
    /// The enum has no such symbol.
    #[error("the enum has no symbol {0:?}")]
    Symbol(String),
    /// A field that has no default is missing.
    #[error("the field is missing and has no default")]
    Missing,
    /// The object has no such field.
    #[error("the schema has no such field")]
    Unknown,
    /// Another number of items than the fixed array has.
    #[error("{expected} items are needed, not {found}")]
    Len {
        /// How many the schema says.
        expected: u64,
        /// How many there are.
        found: usize,
    },
    /// The union has no member with this index.
    #[error("the union has {members} members, none with index {index}")]
    Member {
        /// The index in the value.
        index: usize,
        /// How many members the schema declares.
        members: usize,
    },
    /// More items that take no bytes than decoding allows.
    #[error("more than {MAX_ZERO_WIDTH} items that take no bytes")]
    ZeroWidth,
}

type Encoded = Result<(), EncodeError>;

impl From<EncodeErrorKind> for EncodeError {
    fn from(kind: EncodeErrorKind) -> Self {
        Self { path: Path::default(), kind }
    }
}

impl EncodeError {
    fn within(mut self, segment: Segment) -> Self {
        self.path.prepend(segment);
        self
    }
}

impl Value {
    /// Appends the value in the data encoding of `ty`; nothing when it fails.
    ///
    /// Each kind of value goes into the types that it is decoded from, and beyond that
    /// integers into every integer type and enum that holds them, strings into enums as symbols,
    /// bytes into strings. Fields are found by name in any order; one that is missing takes its default.
    ///
    /// # Errors
    /// [`EncodeError`] with the path of the part that does not fit.
    pub fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Encoded {
        let start = out.len();
        put(self, ty, out).inspect_err(|_| out.truncate(start))
    }
}

impl Field {
    /// Sets the default.
    ///
    /// # Errors
    /// [`EncodeError`], when the value does not fit the field's type.
    pub fn with_default(self, value: &Value) -> Result<Self, EncodeError> {
        let mut bytes = Vec::new();
        value.encode(self.ty(), &mut bytes)?;
        // Of what was just encoded, decoding can only refuse the amount.
        self.with_default_bytes(bytes).map_err(|_| EncodeErrorKind::ZeroWidth.into())
    }
}

fn put(value: &Value, ty: &Type, out: &mut Vec<u8>) -> Encoded {
    match (ty, value) {
        (Type::Null, Value::Null) => {}
        (Type::Boolean, Value::Boolean(value)) => out.push(u8::from(*value)),
        (Type::Float32, Value::Float32(value)) => out.extend(value.to_le_bytes()),
        (Type::Float64, Value::Float64(value)) => out.extend(value.to_le_bytes()),
        (Type::Bytes | Type::String, Value::Bytes(value)) => put_sized(value, out),
        (Type::String, Value::String(value)) => put_sized(value.as_bytes(), out),
        (Type::Timestamp, Value::Timestamp(value)) => out.extend(value.0.to_le_bytes()),
        (Type::Duration, Value::Duration(value)) => out.extend(value.to_le_bytes()),
        (Type::Object(object), Value::Object(fields)) => return put_object(fields, object, out),
        (Type::Enum(enumeration), value) => return put_enum(value, enumeration, out),
        (Type::Array(item), Value::Array(items)) => {
            put_varuint(items.len() as u64, out);
            return put_items(items, item, out);
        }
        (Type::FixedArray(array), Value::Array(items)) if items.len() as u64 == array.len() => {
            return put_items(items, array.item(), out);
        }
        (Type::FixedArray(array), Value::Array(items)) => {
            return Err(EncodeErrorKind::Len { expected: array.len(), found: items.len() }.into());
        }
        (Type::Map(ty), Value::Map(pairs)) => return put_map(pairs, ty, out),
        (Type::Union(members), Value::Union { index, value }) => return put_member(*index, value, members, out),
        _ => return put_number(value, ty, out),
    }
    Ok(())
}

fn mismatch(value: &Value, ty: &Type) -> EncodeError {
    EncodeErrorKind::Mismatch { expected: ty.name(), found: value.kind() }.into()
}

fn put_number(value: &Value, ty: &Type, out: &mut Vec<u8>) -> Encoded {
    match (IntegerType::of(ty), value) {
        (Some(integer), Value::Int(value)) => put_checked((*value).into(), integer, out),
        (Some(integer), Value::Uint(value)) => put_checked((*value).into(), integer, out),
        _ => Err(mismatch(value, ty)),
    }
}

fn put_checked(value: i128, ty: IntegerType, out: &mut Vec<u8>) -> Encoded {
    if !ty.holds(value) {
        return Err(EncodeErrorKind::OutOfRange { value, ty: ty.name() }.into());
    }
    put_integer(ty, value, out);
    Ok(())
}

fn put_enum(value: &Value, ty: &Enum, out: &mut Vec<u8>) -> Encoded {
    let number = match value {
        Value::Enum { value, .. } => *value,
        Value::Int(value) => (*value).into(),
        Value::Uint(value) => (*value).into(),
        Value::String(symbol) => ty.value_of(symbol).ok_or_else(|| EncodeErrorKind::Symbol(symbol.clone()))?,
        other => return Err(EncodeErrorKind::Mismatch { expected: "enum", found: other.kind() }.into()),
    };
    put_checked(number, ty.underlying(), out)
}

fn put_object(fields: &[(Arc<str>, Value)], ty: &Object, out: &mut Vec<u8>) -> Encoded {
    let mut in_order = fields.len() == ty.fields().len();
    for (index, field) in ty.fields().iter().enumerate() {
        let here = fields.get(index).filter(|(name, _)| **name == *field.name());
        in_order &= here.is_some();
        let found = here.or_else(|| fields.iter().find(|(name, _)| **name == *field.name()));
        let encoded = match (found, field.default_bytes()) {
            (Some((_, value)), _) => put(value, field.ty(), out),
            (None, Some(default)) => {
                out.extend(default);
                Ok(())
            }
            (None, None) => Err(EncodeErrorKind::Missing.into()),
        };
        encoded.map_err(|e| e.within(Segment::Name(field.name().into())))?;
    }
    let unknown = |(name, _): &&(Arc<str>, Value)| ty.field(name).is_none();
    match fields.iter().find(|pair| !in_order && unknown(pair)) {
        Some((name, _)) => Err(EncodeError::from(EncodeErrorKind::Unknown).within(Segment::Name(name.clone()))),
        None => Ok(()),
    }
}

fn put_items(items: &[Value], ty: &Type, out: &mut Vec<u8>) -> Encoded {
    for (index, item) in items.iter().enumerate() {
        put(item, ty, out).map_err(|e| e.within(Segment::Index(index as u64)))?;
    }
    Ok(())
}

fn put_map(pairs: &[(Vec<u8>, Value)], ty: &Type, out: &mut Vec<u8>) -> Encoded {
    put_varuint(pairs.len() as u64, out);
    for (key, value) in pairs {
        put_sized(key, out);
        put(value, ty, out).map_err(|e| e.within(Segment::Name(String::from_utf8_lossy(key).into())))?;
    }
    Ok(())
}

fn put_member(index: usize, value: &Value, members: &[Type], out: &mut Vec<u8>) -> Encoded {
    let member = members.get(index).ok_or(EncodeErrorKind::Member { index, members: members.len() })?;
    put_varuint(index as u64, out);
    put(value, member, out)
}

fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    put_varuint(bytes.len() as u64, out);
    out.extend(bytes);
}
