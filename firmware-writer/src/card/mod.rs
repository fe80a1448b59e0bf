//! The card writer: batches into preallocated files, so that a cut of power takes nothing that was acknowledged.
//!
//! ```text
//!           reset ─► scan ─► ready ─► control, wipe, declare ─► log ◄─► data
//!             ▲                                                  │
//!             │  a write failed: the same again; three times: the next file
//!             └── waiting (no card, write-protected, not prepared, full)    └─► index, tail ─► scan, or closed
//! ```
//!
//! The file that comes next is looked for while there is nothing to write, so that a full one holds up nobody.
//!
//! A card is what `tlog card init` prepares: FAT32 with `TLOG.CTL` and `TLOGnnnn.TLG` in the root, each in one piece; or
//! extents given by hand. Neither directory nor FAT is ever written to. A session, which has a file of its own, begins
//! with the first batch that has something to write: `TLOG.CTL` gets its number, the last sector of the file is wiped,
//! the schemas go into its first batch. What a batch is, and what makes it count: [`tlog::wire::batch`].

mod buffer;
mod fat;
mod job;
mod log;
mod marker;
mod scan;
mod stream;
mod writer;

pub use buffer::Mark;
pub use writer::{Progress, Writer};

use crate::device::DeviceError;

/// Sectors in one piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Extent {
    /// The first one.
    pub first: u32,
    /// How many.
    pub sectors: u32,
}

/// Where to write on a device.
#[derive(Clone, Copy, Debug)]
pub enum Place<'k> {
    /// Into the files of a prepared card.
    Card,
    /// Here, on a device without a file system.
    Raw {
        /// The two sectors for the numbers of sessions; zeros at first.
        control: [u32; 2],
        /// What stands for the files. Whatever is in them counts as unused, unless a log starts there.
        extents: &'k [Extent],
    },
}

/// What happens when each file of the card has a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Nothing more is written: [`Trouble::Full`].
    Stop,
    /// The file with the oldest log is written over; after two files that failed one after the other, the next by number.
    Recycle,
}

/// How to write.
#[derive(Clone, Copy, Debug)]
pub struct Config<'k> {
    /// Where to.
    pub place: Place<'k>,
    /// What happens when each file has a log.
    pub when_full: WhenFull,
    /// How long a record waits in a batch that is not full before it is written all the same, in microseconds.
    pub latency: u32,
    /// How long a card may be busy with one sector, in microseconds, before the write counts as failed. Cards that are
    /// slow now and then, by seconds, exist: what is too short here makes a slow card a failing one.
    pub timeout: u32,
    /// How long to wait before a card that is missing or of no use is looked at again, in microseconds.
    pub pause: u32,
}

impl Config<'_> {
    /// On a prepared card, stopping when it is full, with records at most a second old; five seconds for a busy card.
    pub const DEFAULT: Self = Self {
        place: Place::Card,
        when_full: WhenFull::Stop,
        latency: 1_000_000,
        timeout: 5_000_000,
        pause: 1_000_000,
    };
}

/// Why nothing can be written. The writer looks again after [`Config::pause`]; records wait meanwhile: those in the batch
/// at hand are kept, the rings go on under their policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no card.
    Absent,
    /// The card refuses to be written to.
    WriteProtected,
    /// It is not a card that `tlog card init` has prepared: no FAT32, no `TLOG.CTL`, or no file in one piece.
    NotPrepared,
    /// Each file has a log, or is of no use: too small, not all of it on the card, or its first sector cannot be read.
    Full,
    /// The card answers, but reading or writing fails again and again.
    Failing,
    /// The log is closed: what was logged since is not written.
    Closed,
}

impl From<DeviceError> for Trouble {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Absent => Self::Absent,
            DeviceError::WriteProtected => Self::WriteProtected,
            DeviceError::Timeout | DeviceError::Failed | DeviceError::OutOfRange => Self::Failing,
        }
    }
}

/// The buffers given to the writer are too small, or the batch is no whole number of sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSmall;

/// What has happened since the writer was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counts {
    /// Records taken from the source into batches, in its order.
    pub taken: u32,
    /// Of these, how many the card has acknowledged.
    pub acknowledged: u32,
    /// Records that are larger than a batch, and were left out.
    pub oversized: u32,
    /// Batches that the card has acknowledged, the first ones of files not counted.
    pub batches: u32,
    /// Files begun.
    pub files: u32,
    /// Writes that had to be repeated.
    pub retries: u32,
    /// Files given up as writing to them failed again and again.
    pub abandoned: u32,
    /// How often there was [`Trouble`].
    pub troubles: u32,
    /// The longest time that the card took for a batch, in microseconds.
    pub longest_write: u32,
}
