//! Taking scalars off the front of a payload.

use super::varuint::{self, VaruintError};

/// How many items that take no bytes (nulls, empty objects, empty fixed arrays) one payload may
/// have. The bytes at hand bound everything else; only this could make five bytes run for years.
pub const MAX_ZERO_WIDTH: u32 = 1 << 20;

/// Why a payload cannot be decoded by its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset} of the payload: {kind}")]
pub struct ValueError {
    /// Where, in bytes from the start of the payload.
    pub offset: usize,
    /// What is wrong there.
    pub kind: ValueErrorKind,
}

/// What can be wrong with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueErrorKind {
    /// The payload ends inside a value.
    #[error("the payload ends inside a value")]
    Truncated,
    /// A varuint does not fit into 64 bits.
    #[error("a varuint does not fit into 64 bits")]
    Overflow,
    /// A union index without a member.
    #[error("union index {index}, but the union has {members} members")]
    UnionIndex {
        /// The index in the payload.
        index: u64,
        /// How many members the schema declares.
        members: usize,
    },
    /// A string that is not UTF-8, where the type read into requires it.
    #[error("a string is not UTF-8")]
    Utf8,
    /// A number that does not fit into the type read into.
    #[error("a number does not fit into its type")]
    Range,
    /// A value of an enum for which the type read into has no symbol.
    #[error("{0} is not a value of the enum")]
    EnumValue(u64),
    /// More than [`MAX_ZERO_WIDTH`] items without bytes.
    #[error("more than {MAX_ZERO_WIDTH} items that take no bytes")]
    ZeroWidth,
    /// Its JSON would be longer than the limit, in bytes.
    #[error("its JSON would be longer than {0} bytes")]
    JsonLength(usize),
    /// Bytes are left over where exactly one value is required.
    #[error("{0} bytes follow the value")]
    Surplus(usize),
}

/// A position in a payload.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    zero_width_left: u32,
}

impl<'a> Cursor<'a> {
    /// A cursor at the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, zero_width_left: MAX_ZERO_WIDTH }
    }

    /// The same with another limit than [`MAX_ZERO_WIDTH`], if it is lower.
    pub fn with_zero_width(bytes: &'a [u8], limit: u32) -> Self {
        Self { zero_width_left: limit.min(MAX_ZERO_WIDTH), ..Self::new(bytes) }
    }

    /// How many bytes have been taken.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// What has not been taken yet.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or(&[])
    }

    /// An error of this kind at this position.
    pub const fn fail(&self, kind: ValueErrorKind) -> ValueError {
        ValueError { offset: self.at, kind }
    }

    /// An error at this position.
    pub(crate) const fn union_index(&self, index: u64, members: usize) -> ValueError {
        self.fail(ValueErrorKind::UnionIndex { index, members })
    }

    /// Takes exactly `N` bytes.
    ///
    /// # Errors
    /// [`ValueErrorKind::Truncated`].
    #[inline] // once per scalar: `benches/ndjson`
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], ValueError> {
        match self.rest().first_chunk::<N>() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => Err(self.fail(ValueErrorKind::Truncated)),
        }
    }

    /// Takes one byte.
    ///
    /// # Errors
    /// [`ValueErrorKind::Truncated`].
    #[inline] // once per scalar: `benches/ndjson`
    pub fn byte(&mut self) -> Result<u8, ValueError> {
        self.array().map(|[byte]| byte)
    }

    /// Takes a varuint.
    ///
    /// # Errors
    /// [`ValueErrorKind::Truncated`] and [`ValueErrorKind::Overflow`].
    #[inline] // once per scalar: `benches/ndjson`
    pub fn varuint(&mut self) -> Result<u64, ValueError> {
        match varuint::decode(self.rest()) {
            Ok((value, len)) => {
                self.at += len;
                Ok(value)
            }
            Err(VaruintError::Truncated) => Err(self.fail(ValueErrorKind::Truncated)),
            Err(VaruintError::Overflow) => Err(self.fail(ValueErrorKind::Overflow)),
        }
    }

    /// Takes a zigzag varint.
    ///
    /// # Errors
    /// As [`varuint`](Self::varuint).
    pub fn varint(&mut self) -> Result<i64, ValueError> {
        self.varuint().map(varuint::unzigzag)
    }

    /// Takes `len` bytes.
    ///
    /// # Errors
    /// [`ValueErrorKind::Truncated`].
    pub fn bytes(&mut self, len: u64) -> Result<&'a [u8], ValueError> {
        let taken = usize::try_from(len).ok().and_then(|len| self.rest().get(..len));
        let taken = taken.ok_or_else(|| self.fail(ValueErrorKind::Truncated))?;
        self.at += taken.len();
        Ok(taken)
    }

    /// Takes a length and that many bytes: a string or bytes.
    ///
    /// # Errors
    /// As [`varuint`](Self::varuint) and [`bytes`](Self::bytes).
    pub fn sized_bytes(&mut self) -> Result<&'a [u8], ValueError> {
        let len = self.varuint()?;
        self.bytes(len)
    }

    /// Counts an item that takes no bytes.
    ///
    /// # Errors
    /// [`ValueErrorKind::ZeroWidth`] past the limit.
    pub fn zero_width(&mut self) -> Result<(), ValueError> {
        self.zero_width_items(1)
    }

    fn zero_width_items(&mut self, count: u64) -> Result<(), ValueError> {
        let left = u64::from(self.zero_width_left).checked_sub(count);
        let left = left.ok_or_else(|| self.fail(ValueErrorKind::ZeroWidth))?;
        // Never more than it was before.
        self.zero_width_left = left as u32;
        Ok(())
    }

    /// Passes over `count` items, each of `width` bytes and with `zero_width` items in it that take none.
    ///
    /// # Errors
    /// [`ValueErrorKind::Truncated`] and [`ValueErrorKind::ZeroWidth`].
    pub fn skip_run(&mut self, count: u64, width: usize, zero_width: u64) -> Result<(), ValueError> {
        self.zero_width_items(count.saturating_mul(zero_width))?;
        let len = count.checked_mul(width as u64).ok_or_else(|| self.fail(ValueErrorKind::Truncated))?;
        self.bytes(len).map(drop)
    }
}
