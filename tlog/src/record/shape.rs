//! The type of a record, as a tree that exists at compile time.

use super::schema_bytes::SchemaWriter;
use crate::wire::Width;

/// A type of the format, made of constants only, so that the schema of a Rust type can be
/// put together by the compiler: [`Encode::SHAPE`](super::Encode::SHAPE).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Shape {
    /// No value, no bytes.
    Null,
    /// One byte, 0 or 1.
    Boolean,
    /// Two's complement, little endian.
    FixedInt(Width),
    /// Unsigned, little endian.
    FixedUint(Width),
    /// Zigzag, then as a varuint.
    Varint,
    /// Unsigned LEB128.
    Varuint,
    /// IEEE 754 binary32.
    Float32,
    /// IEEE 754 binary64.
    Float64,
    /// A length and that many bytes.
    Bytes,
    /// A length and that many bytes of UTF-8.
    String,
    /// Named fields, one after the other.
    Object(&'static [FieldShape]),
    /// A fixeduint of this width, or a varuint without one, whose values have names. The format
    /// has enums over signed integers too, but the reference reader aborts on them.
    Enum(Option<Width>, &'static [SymbolShape]),
    /// A count and that many items.
    Array(&'static Shape),
    /// So many items.
    FixedArray(u64, &'static Shape),
    /// A count and that many pairs of a string and a value.
    Map(&'static Shape),
    /// An index and a value of the member with that index.
    Union(&'static [&'static Shape]),
    /// i64 microseconds since the Unix epoch.
    Timestamp,
    /// i64 microseconds.
    Duration,
}

impl Shape {
    /// How many bytes every value takes, if all take the same.
    pub const fn fixed_len(&self) -> Option<usize> {
        match self {
            Self::Null => Some(0),
            Self::Boolean => Some(1),
            Self::FixedInt(width) | Self::FixedUint(width) | Self::Enum(Some(width), _) => Some(width.bytes()),
            Self::Float32 => Some(4),
            Self::Float64 | Self::Timestamp | Self::Duration => Some(8),
            Self::Object(fields) => fields_len(fields),
            Self::FixedArray(len, item) => match item.fixed_len() {
                Some(width) if *len <= usize::MAX as u64 => width.checked_mul(*len as usize),
                _ => None,
            },
            Self::Varint | Self::Varuint | Self::Bytes | Self::String | Self::Enum(None, _) => None,
            Self::Array(_) | Self::Map(_) | Self::Union(_) => None,
        }
    }

    /// How many bytes [`schema_bytes`](Self::schema_bytes) has.
    pub const fn schema_len(&self) -> usize {
        let mut counter = SchemaWriter::new(&mut []);
        counter.shape(self);
        counter.len()
    }

    /// The binary type encoding. `N` must be [`schema_len`](Self::schema_len): it is how this is
    /// called in a constant, where alone it makes sense.
    ///
    /// ```
    /// use tlog::record::{Encode, Shape};
    ///
    /// const SHAPE: &Shape = <Option<u16> as Encode>::SHAPE;
    /// const SCHEMA: [u8; SHAPE.schema_len()] = SHAPE.schema_bytes();
    /// assert_eq!(SCHEMA, [0x15, 0x01, 0x04, 0x02, 0x00]);
    /// ```
    ///
    /// # Panics
    /// When `N` is another number; in a constant, that is an error of the compiler.
    #[track_caller]
    pub const fn schema_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        let mut writer = SchemaWriter::new(&mut bytes);
        writer.shape(self);
        assert!(writer.len() == N, "the array must have Shape::schema_len() bytes");
        bytes
    }

    /// The union of null and `some`.
    ///
    /// # Panics
    /// When `some` may be null itself: the format does not allow a union in a union, nor a member
    /// twice. In a constant, that is an error of the compiler.
    pub(super) const fn members_of_optional(some: &'static Self) -> [&'static Self; 2] {
        assert!(!matches!(some, Self::Null | Self::Union(_)), "an Option of an Option: TLOG has no union in a union");
        [&Self::Null, some]
    }
}

const fn fields_len(fields: &[FieldShape]) -> Option<usize> {
    let mut sum = 0usize;
    let mut at = 0;
    while at < fields.len() {
        let Some(len) = fields[at].shape.fixed_len() else { return None };
        let Some(more) = sum.checked_add(len) else { return None };
        sum = more;
        at += 1;
    }
    Some(sum)
}

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub struct FieldShape {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) shape: &'static Shape,
    pub(super) default: Option<DefaultValue>,
}

impl FieldShape {
    /// A field without aliases and default.
    pub const fn new(name: &'static str, shape: &'static Shape) -> Self {
        Self { name, aliases: &[], shape, default: None }
    }

    /// Sets the names under which the field was known before.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Sets what stands for the field in data of a schema that did not have it.
    ///
    /// # Panics
    /// When the value is not one of the field's type; in a constant, that is an error of the compiler.
    #[must_use]
    #[track_caller]
    pub const fn default(mut self, value: DefaultValue) -> Self {
        let fits = SchemaWriter::new(&mut []).default(self.shape, &value);
        assert!(fits, "the default is not a value of the field's type, or out of its range");
        self.default = Some(value);
        self
    }
}

/// One named value of an enum.
#[derive(Clone, Copy, Debug)]
pub struct SymbolShape {
    pub(super) value: u64,
    pub(super) name: &'static str,
}

impl SymbolShape {
    /// A value and its name.
    ///
    /// # Panics
    /// When the value is negative or above [`u64::MAX`]; in a constant, that is an error of the compiler.
    #[track_caller]
    pub const fn new(value: i128, name: &'static str) -> Self {
        assert!(value >= 0, "negative values are refused: the reference reader aborts on enums over signed integers");
        assert!(value <= u64::MAX as i128, "the value does not fit into 64 bits");
        Self { value: value as u64, name }
    }
}

/// The default of a field, before its type is known.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum DefaultValue {
    /// The zero of the type: false, 0, an empty string, array or map, the first member of a union
    /// (which is null for an `Option`), zeros in all fields of an object and all items of an array.
    Zero,
    /// For a boolean.
    Boolean(bool),
    /// For integers, timestamps and durations.
    Integer(i128),
    /// For floats: the literal rounded to each of the two widths.
    Float(f32, f64),
    /// For a string, or the symbol of an enum.
    Text(&'static str),
}
