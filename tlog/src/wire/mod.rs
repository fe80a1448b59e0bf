//! The bytes of TLOG0003, without an allocator and without `std`.
//!
//! Everything here works on slices: a parser takes the bytes at hand and says
//! what they are, an encoder fills a buffer of the caller. Nothing is trusted,
//! nothing panics on any input. `docs/format.md` has the same layout in prose.

pub mod batch;
pub mod block;
pub mod crc;
pub mod cursor;
pub mod data;
pub mod index;
pub mod marker;
pub mod schema_block;
pub mod session;
pub mod type_code;
pub mod varuint;

pub use batch::Batch;
pub use block::{BlockHeader, BlockType, FILE_HEADER, HeaderError, MAGIC};
pub use cursor::Cursor;
pub use data::{DataFlags, DataHeader};
pub use index::{IndexBlock, IndexEntry};
pub use marker::SeekMarker;
pub use schema_block::SchemaBlock;
pub use type_code::Width;

/// Why a block's body could not be understood. Positions are the caller's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body ends inside one of its fields.
    #[error("the block ends inside its own header")]
    Truncated,
    /// A varuint has an eleventh byte, or bits beyond the 64th.
    #[error("a varuint does not fit into 64 bits")]
    Overflow,
    /// A flag is set that the format does not define.
    #[error("flags {0:#x} are not defined by the format")]
    Flags(u64),
    /// A constant that must be there is not (seek marker magic, index trailer, header length).
    #[error("its fixed fields are wrong")]
    Fixed,
    /// Bytes are left after the last field.
    #[error("{0} bytes follow its last field")]
    Surplus(usize),
}

impl From<varuint::VaruintError> for BodyError {
    fn from(e: varuint::VaruintError) -> Self {
        match e {
            varuint::VaruintError::Truncated => Self::Truncated,
            varuint::VaruintError::Overflow => Self::Overflow,
        }
    }
}

/// Takes fields off the front of a body, keeping count of where it is.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    len: usize,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(body: &'a [u8]) -> Self {
        Self { len: body.len(), rest: body }
    }

    pub(crate) const fn position(&self) -> usize {
        self.len - self.rest.len()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Inlined because it runs up to three times per record: `benches/read`.
    #[inline]
    pub(crate) fn varuint(&mut self) -> Result<u64, BodyError> {
        let (value, len) = varuint::decode(self.rest)?;
        self.rest = self.rest.get(len..).unwrap_or(&[]);
        Ok(value)
    }

    /// Inlined because it runs up to twice per record: `benches/read`.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], BodyError> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(BodyError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], BodyError> {
        let len = self.varuint()?;
        let len = usize::try_from(len).map_err(|_| BodyError::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(BodyError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn no_flags(&mut self) -> Result<(), BodyError> {
        match self.varuint()? {
            0 => Ok(()),
            flags => Err(BodyError::Flags(flags)),
        }
    }

    pub(crate) fn end(&self) -> Result<(), BodyError> {
        match self.rest().len() {
            0 => Ok(()),
            left => Err(BodyError::Surplus(left)),
        }
    }
}

/// Fills a buffer of the caller front to back; `None` once something does not fit.
pub(crate) struct Filler<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl<'a> Filler<'a> {
    pub(crate) fn new(out: &'a mut [u8]) -> Self {
        Self { out, at: 0 }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.at.checked_add(bytes.len())?;
        self.out.get_mut(self.at..end)?.copy_from_slice(bytes);
        self.at = end;
        Some(())
    }

    /// As [`put`](Self::put), for a length that the compiler knows: no call to copy a few bytes (`benches/write`).
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, bytes: [u8; N]) -> Option<()> {
        *self.out.get_mut(self.at..)?.first_chunk_mut()? = bytes;
        self.at += N;
        Some(())
    }

    /// Inlined because it runs four times per record: `benches/write`.
    #[inline]
    pub(crate) fn varuint(&mut self, mut value: u64) -> Option<()> {
        while value >= 0x80 {
            self.array([value as u8 | 0x80])?;
            value >>= 7;
        }
        self.array([value as u8])
    }

    pub(crate) const fn len(&self) -> usize {
        self.at
    }
}
