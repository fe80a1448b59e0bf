//! How much memory C gives: the numbers of the header, which is generated from these.

use crate::drain::OWN_KINDS;

/// Two numbers: where pointers have 32 bits, and where they have 64.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Its name in the header.
    pub name: &'static str,
    /// With pointers of 32 bits.
    pub narrow: usize,
    /// With pointers of 64 bits, where rings keep their parts on cache lines of their own.
    pub wide: usize,
}

impl Size {
    /// The one of the target.
    pub const fn get(self) -> usize {
        if size_of::<usize>() > 4 { self.wide } else { self.narrow }
    }
}

/// The most kinds of records, which rings count one by one.
pub const MAX_KINDS: usize = 32;

/// The most rings that one writer reads.
pub const MAX_READERS: usize = 8;

/// The most fields of a record: what the macros of the header take.
pub const MAX_FIELDS: usize = 32;

/// The alignment of a ring.
pub const RING_ALIGN: Size = Size { name: "TLOG_RING_ALIGN", narrow: 8, wide: 128 };
/// What a ring that drops takes beyond its bytes, and 4 for each segment.
pub const RING_EXTRA: Size = Size { name: "TLOG_RING_EXTRA", narrow: 176, wide: 640 };
/// What a ring that overwrites takes beyond its bytes, and 4 for each segment.
pub const RECORDER_EXTRA: Size = Size { name: "TLOG_RECORDER_EXTRA", narrow: 336, wide: 704 };
/// What a reader takes, in words of 8 bytes.
pub const READER_WORDS: Size = Size { name: "TLOG_READER_WORDS", narrow: 40, wide: 42 };
/// What a writer takes, in words of 8 bytes.
pub const WRITER_WORDS: Size = Size { name: "TLOG_WRITER_WORDS", narrow: 60, wide: 72 };
/// What packets take, in words of 8 bytes.
pub const PACKETS_WORDS: Size = Size { name: "TLOG_PACKETS_WORDS", narrow: 4, wide: 8 };

/// All sizes that depend on the target.
pub const SIZES: [Size; 6] = [RING_ALIGN, RING_EXTRA, RECORDER_EXTRA, READER_WORDS, WRITER_WORDS, PACKETS_WORDS];

/// All numbers that do not, with their names.
pub const NUMBERS: [(&str, usize); 4] = [
    ("TLOG_MAX_KINDS", MAX_KINDS),
    ("TLOG_MAX_READERS", MAX_READERS),
    ("TLOG_MAX_FIELDS", MAX_FIELDS),
    ("TLOG_OWN_KINDS", OWN_KINDS),
];
