//! The codes of the type encoding, and the widths of its integers. Codes 11–15 and from 24 on are not assigned.

/// Ends the fields of an object and the members of a union.
pub const FINAL: u64 = 0;
/// Nothing.
pub const NULL: u64 = 1;
/// One byte.
pub const BOOLEAN: u64 = 2;
/// Followed by the width in bytes.
pub const FIXEDINT: u64 = 3;
/// Followed by the width in bytes.
pub const FIXEDUINT: u64 = 4;
/// Zigzag, then as a varuint.
pub const VARINT: u64 = 5;
/// LEB128.
pub const VARUINT: u64 = 6;
/// IEEE 754 binary32.
pub const FLOAT32: u64 = 7;
/// IEEE 754 binary64.
pub const FLOAT64: u64 = 8;
/// A length and bytes.
pub const BYTES: u64 = 9;
/// A length and UTF-8.
pub const STRING: u64 = 10;
/// Followed by flags and fields.
pub const OBJECT: u64 = 16;
/// Followed by the integer type and the symbols.
pub const ENUM: u64 = 17;
/// Followed by the type of the items.
pub const ARRAY: u64 = 18;
/// Followed by the count and the type of the items.
pub const FIXEDARRAY: u64 = 19;
/// Followed by the type of the values.
pub const MAP: u64 = 20;
/// Followed by the members.
pub const UNION: u64 = 21;
/// i64 microseconds since the Unix epoch.
pub const TIMESTAMP: u64 = 22;
/// i64 microseconds.
pub const DURATION: u64 = 23;

/// How many bytes a fixed-width integer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Width {
    /// 1 byte, 8 bits.
    W1,
    /// 2 bytes, 16 bits.
    W2,
    /// 4 bytes, 32 bits.
    W4,
    /// 8 bytes, 64 bits.
    W8,
}

impl Width {
    /// The width in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::W1 => 1,
            Self::W2 => 2,
            Self::W4 => 4,
            Self::W8 => 8,
        }
    }

    /// The width of so many bytes, if there is one.
    pub const fn from_bytes(bytes: u8) -> Option<Self> {
        match bytes {
            1 => Some(Self::W1),
            2 => Some(Self::W2),
            4 => Some(Self::W4),
            8 => Some(Self::W8),
            _ => None,
        }
    }
}
