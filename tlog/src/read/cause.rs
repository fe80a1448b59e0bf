//! What can be wrong with a log.

use crate::schema::SchemaError;
use crate::value::ValueError;
use crate::wire::BodyError;
use crate::wire::block::HeaderError;

/// What is wrong at some place of a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The file does not start as a TLOG0003 log does.
    #[error("{0}")]
    FileHeader(#[from] HeaderError),
    /// The file ends inside a block.
    #[error("the file ends inside a block")]
    Truncated,
    /// What stands here is no block: its type or size cannot be.
    #[error("no block starts here")]
    NotABlock,
    /// A block whose type the format does not define.
    #[error("block type {0} is not defined by the format")]
    BlockType(u64),
    /// A block whose own header is malformed.
    #[error("{block} block: {error}")]
    Body {
        /// What kind of block.
        block: &'static str,
        /// What is wrong with it.
        error: BodyError,
    },
    /// The stored checksum is not that of the block.
    #[error("checksum mismatch: stored {stored:08x}, computed {computed:08x}")]
    Checksum {
        /// In the file.
        stored: u32,
        /// Of the bytes in the file.
        computed: u32,
    },
    /// A block without a checksum that has a right one if its checksum flag is set.
    #[error("the checksum flag was lost: with it the block's checksum is right")]
    ChecksumFlag,
    /// The checksum of a seek marker is wrong.
    #[error("checksum mismatch in a seek marker")]
    MarkerChecksum,
    /// The index at the end of the file points at blocks that are not what it says.
    #[error("the index is wrong")]
    Index,
    /// A second file header: logs were concatenated.
    #[error("another log starts here")]
    AnotherLog,
    /// The type encoding in a schema block is malformed.
    #[error("schema of record {name:?}: {error}")]
    Schema {
        /// The record's name.
        name: String,
        /// What is wrong with it.
        error: SchemaError,
    },
    /// A schema block that says it is longer than its schema, where the next block starts behind the schema:
    /// the schema is used, its size is not.
    #[error("the schema block claims {claimed} bytes, but the next block starts after {needed}")]
    SchemaSize {
        /// How long the block says it is, in bytes.
        claimed: u64,
        /// How long it is, in bytes.
        needed: u64,
    },
    /// Data of a record that no schema block before it declares.
    #[error("data of record {0}, which is not declared before it")]
    Undeclared(u64),
    /// The payload is marked as snappy and is not.
    #[error("compressed payload: {0}")]
    Snappy(String),
    /// Larger than the options allow.
    #[error("{what} of {size} bytes exceeds the limit of {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// How large it claims to be, in bytes.
        size: u64,
        /// The limit in force, in bytes.
        limit: u64,
    },
    /// The payload is not what the record's schema says.
    #[error("record {record:?}: {error}")]
    Payload {
        /// The record's name.
        record: String,
        /// What is wrong with it.
        error: ValueError,
    },
    /// What it was when an index was made that was kept since, in words.
    #[error("{0}")]
    Kept(String),
}

impl Cause {
    /// How many bytes of a malformed schema had to be read to find this out.
    pub(super) const fn read_len(&self) -> usize {
        match self {
            Self::Schema { error, .. } => error.offset,
            _ => 0,
        }
    }
}
