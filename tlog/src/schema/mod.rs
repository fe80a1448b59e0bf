//! What a record looks like: its type, all the way down.
//!
//! A [`Schema`] is made by [`Schema::from_bytes`], [`Schema::from_json`], by the derive of
//! [`Record`](crate::Record), or by hand:
//!
//! ```
//! use tlog::schema::{Field, Object, Schema, Type, Width};
//!
//! let servo = Object::new([
//!     Field::new("id", Type::FixedUint(Width::W1)),
//!     Field::new("torque", Type::Float32).alias("torque_nm"),
//! ]);
//! let schema = Schema::new(Type::array(Type::from(servo)))?;
//! assert_eq!(Schema::from_bytes(&schema.to_bytes())?, schema);
//! # Ok::<(), tlog::schema::SchemaError>(())
//! ```

mod binary;
mod json;
mod names;
mod resolve;
mod types;

pub use json::SchemaJsonError;
pub use names::{PortabilityError, PortabilityErrorKind, check_record_name};
pub use resolve::{Problem, ResolveError, Resolver, TranscodeError};
pub use types::{Enum, Field, FixedArray, IntegerType, Object, Symbol, Type, Width};

use std::sync::Arc;

use crate::value::ValueError;

/// How deeply types may nest. The format sets no limit; without one a hostile schema overflows the stack.
pub const MAX_DEPTH: usize = 64;

/// How many fields, aliases, symbols and nested types one schema may have in all.
pub const MAX_ELEMENTS: usize = 1 << 18;

/// A complete, bounded type: the root of a record. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    root: Arc<Type>,
}

impl Schema {
    /// A schema with this root.
    ///
    /// # Errors
    /// [`SchemaErrorKind::TooDeep`] and [`SchemaErrorKind::TooLarge`], when it passes the limits of this module.
    pub fn new(root: Type) -> Result<Self, SchemaError> {
        let mut budget = MAX_ELEMENTS;
        types::check_size(&root, 0, &mut budget).map_err(|kind| SchemaError { offset: 0, kind })?;
        Ok(Self { root: Arc::new(root) })
    }

    /// The record's type.
    pub fn root(&self) -> &Type {
        &self.root
    }

    /// Reads the binary type encoding at the front of `bytes`. Bytes after it are
    /// ignored, as both reference readers do.
    ///
    /// # Errors
    /// [`SchemaError`] with the offset into `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SchemaError> {
        Self::decode(bytes).map(|(schema, _)| schema)
    }

    /// As [`from_bytes`](Self::from_bytes), and what was read.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, Encoding), SchemaError> {
        binary::decode(bytes).map(|(root, encoding)| (Self { root: Arc::new(root) }, encoding))
    }

    /// The binary type encoding, canonical: each number in its shortest form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        binary::encode(&self.root, &mut out);
        out
    }
}

/// What a schema takes in its binary form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoding {
    /// How many bytes, in the form that was read.
    pub len: usize,
    /// How many fields, aliases, symbols and types: see [`MAX_ELEMENTS`].
    pub elements: usize,
}

/// Why bytes or JSON are not a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset} of the schema: {kind}")]
pub struct SchemaError {
    /// Where, in bytes from the start of the type encoding; 0 when the schema was not read from bytes.
    pub offset: usize,
    /// What is wrong there.
    pub kind: SchemaErrorKind,
}

/// What can be wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaErrorKind {
    /// The bytes end inside the encoding.
    #[error("it ends too early")]
    Truncated,
    /// A varuint does not fit into 64 bits.
    #[error("a varuint does not fit into 64 bits")]
    Overflow,
    /// A type code that the format does not assign, or the end marker where a type is needed.
    #[error("type code {0} is not assigned")]
    TypeCode(u64),
    /// A width other than 1, 2, 4, 8.
    #[error("integers of {0} bytes do not exist")]
    Width(u8),
    /// Object flags beyond the version flag.
    #[error("object flags {0:#x} are not defined by the format")]
    ObjectFlags(u64),
    /// An enum over something that is not an integer.
    #[error("an enum must be over an integer type")]
    EnumType,
    /// A default discriminator other than 0 and 1.
    #[error("a default is announced by 0 or 1, not by {0}")]
    Default(u8),
    /// The default does not decode by the field's type.
    #[error("the default value is malformed: {0}")]
    DefaultValue(ValueError),
    /// More than [`MAX_DEPTH`] levels.
    #[error("types nest more than {MAX_DEPTH} deep")]
    TooDeep,
    /// More than [`MAX_ELEMENTS`] elements.
    #[error("it has more than {MAX_ELEMENTS} fields, symbols and types")]
    TooLarge,
}
