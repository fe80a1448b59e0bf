//! The frame around everything: the file header and each block's type and size.

use super::Filler;
use super::varuint::{self, VaruintError};

/// What a TLOG0003 file starts with.
pub const MAGIC: [u8; 8] = *b"TLOG0003";

/// The whole file header: magic and header flags, of which none is defined.
pub const FILE_HEADER: [u8; 9] = *b"TLOG0003\0";

/// The longest block header: two varuints.
pub const MAX_HEADER_LEN: usize = 2 * varuint::MAX_LEN;

/// The body of a filler block written by firmware into preallocated files starts with this, cut short where
/// the body is shorter. It travels in blocks of type [`BlockType::Dictionary`], which both reference readers skip.
pub const FILLER_MAGIC: [u8; 8] = *b"TLOGFILL";

/// What a block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockType {
    /// 1: declares a record: identifier, name, type.
    Schema,
    /// 2: one instance of a record.
    Data,
    /// 3: where schemas and last instances are; the last block of a closed log.
    Index,
    /// 4: reserved for a compression dictionary that nothing writes; carries filler too.
    Dictionary,
    /// 5: a point where reading can start, with the time and where each record was last seen.
    SeekMarker,
    /// Anything else.
    Unknown(u64),
}

impl BlockType {
    /// The type with this number.
    pub const fn from_code(code: u64) -> Self {
        match code {
            1 => Self::Schema,
            2 => Self::Data,
            3 => Self::Index,
            4 => Self::Dictionary,
            5 => Self::SeekMarker,
            other => Self::Unknown(other),
        }
    }

    /// The number on the wire.
    pub const fn code(self) -> u64 {
        match self {
            Self::Schema => 1,
            Self::Data => 2,
            Self::Index => 3,
            Self::Dictionary => 4,
            Self::SeekMarker => 5,
            Self::Unknown(code) => code,
        }
    }
}

/// Type and size, the two varuints in front of each body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// What the block is for.
    pub block_type: BlockType,
    /// How many bytes the header itself takes: 2 to [`MAX_HEADER_LEN`].
    pub header_len: usize,
    /// How many bytes of body follow, as the file claims. Not checked against anything.
    pub body_len: u64,
}

impl BlockHeader {
    /// Reads the header at the front of `bytes`.
    ///
    /// # Errors
    /// As [`varuint::decode`].
    #[inline] // once per record: `benches/read`
    pub const fn parse(bytes: &[u8]) -> Result<Self, VaruintError> {
        let (code, type_len) = match varuint::decode(bytes) {
            Ok(decoded) => decoded,
            Err(e) => return Err(e),
        };
        let (_, rest) = bytes.split_at(type_len);
        let (body_len, size_len) = match varuint::decode(rest) {
            Ok(decoded) => decoded,
            Err(e) => return Err(e),
        };
        Ok(Self { block_type: BlockType::from_code(code), header_len: type_len + size_len, body_len })
    }

    /// Header and body together; `None` when that is more than a `u64` holds.
    pub const fn block_len(&self) -> Option<u64> {
        self.body_len.checked_add(self.header_len as u64)
    }

    /// Whether this is filler, from as much of its body as is at hand; `None` when that is too little to tell.
    pub fn is_filler(&self, body: &[u8]) -> Option<bool> {
        let magic_len = usize::try_from(self.body_len).unwrap_or(usize::MAX).min(FILLER_MAGIC.len());
        let known = &body[..body.len().min(magic_len)];
        match self.block_type == BlockType::Dictionary && FILLER_MAGIC.starts_with(known) {
            true => (known.len() == magic_len).then_some(true),
            false => Some(false),
        }
    }

    /// The shortest header of a block with this type and body length, and how many bytes of it count.
    /// Inlined because it runs once per record: `benches/write`.
    #[inline]
    pub fn encode(block_type: BlockType, body_len: u64) -> ([u8; MAX_HEADER_LEN], usize) {
        let mut out = [0; MAX_HEADER_LEN];
        let mut filler = Filler::new(&mut out);
        // The buffer holds two varuints of any length.
        let _ = filler.varuint(block_type.code());
        let _ = filler.varuint(body_len);
        let len = filler.len();
        (out, len)
    }
}

/// Why a file does not start as a TLOG0003 log does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Fewer bytes than the header needs, all of them right so far.
    #[error("the file ends inside its 9-byte header")]
    Truncated,
    /// The first eight bytes are not [`MAGIC`].
    #[error("the file does not start with TLOG0003")]
    Magic,
    /// Header flags are set; the format defines none, so the file needs a newer reader.
    #[error("header flags {0:#x} are not defined by TLOG0003: the file needs a newer reader")]
    Flags(u64),
}

/// Checks the file header; where the first block starts.
///
/// # Errors
/// One of [`HeaderError`].
pub fn check_file_header(bytes: &[u8]) -> Result<usize, HeaderError> {
    let known = bytes.len().min(MAGIC.len());
    if bytes[..known] != MAGIC[..known] {
        return Err(HeaderError::Magic);
    }
    match varuint::decode(&bytes[known..]) {
        Ok((0, len)) => Ok(MAGIC.len() + len),
        Ok((flags, _)) => Err(HeaderError::Flags(flags)),
        Err(VaruintError::Truncated) => Err(HeaderError::Truncated),
        Err(VaruintError::Overflow) => Err(HeaderError::Flags(u64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_round_trips_and_is_shortest() {
        for (block_type, len, bytes) in [
            (BlockType::Data, 15, &[2, 15][..]),
            (BlockType::Schema, 171, &[1, 0xab, 1]),
            (BlockType::Unknown(300), 0, &[0xac, 2, 0]),
        ] {
            let (out, n) = BlockHeader::encode(block_type, len);
            assert_eq!(&out[..n], bytes);
            let header = BlockHeader::parse(&out[..n]).unwrap();
            assert_eq!(header, BlockHeader { block_type, header_len: n, body_len: len });
        }
    }

    #[test]
    fn filler_is_known_by_the_start_of_its_body() {
        let filler = |body_len| BlockHeader { block_type: BlockType::Dictionary, header_len: 2, body_len };
        assert_eq!(filler(500).is_filler(b"TLOGFILL and anything"), Some(true));
        assert_eq!(filler(u64::MAX).is_filler(b"TLOGFIL"), None);
        assert_eq!(filler(500).is_filler(b""), None);
        assert_eq!(filler(500).is_filler(b"TLOGFULL"), Some(false));
        assert_eq!(filler(3).is_filler(b"TLO\x02\x05"), Some(true));
        assert_eq!(filler(0).is_filler(b""), Some(true));
        let other = BlockHeader { block_type: BlockType::Data, ..filler(8) };
        assert_eq!(other.is_filler(b"TLOGFILL"), Some(false));
    }

    #[test]
    fn file_header_is_checked() {
        assert_eq!(check_file_header(b"TLOG0003\0rest"), Ok(9));
        assert_eq!(check_file_header(b"TLOG0003"), Err(HeaderError::Truncated));
        assert_eq!(check_file_header(b"TLOG"), Err(HeaderError::Truncated));
        assert_eq!(check_file_header(b""), Err(HeaderError::Truncated));
        assert_eq!(check_file_header(b"TLOG0002\0"), Err(HeaderError::Magic));
        assert_eq!(check_file_header(b"TLOG0003\x01"), Err(HeaderError::Flags(1)));
        assert_eq!(check_file_header(b"TLOG0003\x80\0"), Ok(10));
    }
}
