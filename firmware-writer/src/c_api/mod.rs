//! The C API: what `include/tlog_firmware.h` declares, and explains to those who use it.
//!
//! | here | in the header |
//! |---|---|
//! | [`kinds`]: tables of fields in flash, from which the drain makes schemas | `TLOG_RECORD`, `TLOG_KINDS` |
//! | [`rings`]: each geometry of a ring is a table of functions; C names the one it wants, only that one is linked | `TLOG_RING`, `TLOG_LANE`, `TLOG_LOG` |
//! | [`readers`] | `tlog_reader_*` |
//! | [`writer`], [`card`], [`packets`] | `tlog_writer_*`, `tlog_card`, `tlog_packets_*` |
//!
//! Memory is the caller's: `static`, zero at first, of the sizes in [`sizes`], which the compiler compares with what
//! lies in it. A ring of zeros is an empty ring, so that it can be logged to before anything is set up.
//!
//! What all functions rely on: a pointer is null, which is answered by an error, or points to what the header says,
//! aligned and alive; objects begin as zeros; one context at a time uses an object that is not a ring.

pub mod card;
pub mod kinds;
pub mod packets;
pub mod readers;
pub mod rings;
pub mod sizes;
pub mod writer;

use crate::card::Trouble;

/// What functions return: 0 and above when it is good, below 0 when not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Outcome {
    /// Done.
    Ok = 0,
    /// Nothing is to be done until there are records, or time has passed.
    Idle = 1,
    /// The card is busy, or there is more to do: to be called again.
    Busy = 2,
    /// There is more to do at once.
    Working = 3,
    /// The card has acknowledged a batch.
    Acknowledged = 4,
    /// The log is closed.
    Closed = 5,
    /// A pointer is null.
    Null = -1,
    /// Not open, open already, or used within itself.
    State = -2,
    /// A buffer is too small, or a batch no whole number of sectors.
    Memory = -3,
    /// All readers of the ring are taken.
    Taken = -4,
    /// A name is not one: of a record printable ASCII without spaces, not `tlog.…`; of a field `[A-Za-z][A-Za-z0-9_]*`.
    Name = -5,
    /// Two kinds or two fields of one kind have the same name.
    Duplicate = -6,
    /// Kinds are not 1, 2, 3, … in this order, or too many.
    Kinds = -7,
    /// Fields are not what the size of the record says.
    Fields = -8,
    /// No card.
    Absent = -16,
    /// The card refuses to be written to.
    WriteProtected = -17,
    /// Not a card that `tlog card init` has prepared.
    NotPrepared = -18,
    /// Each file has a log.
    Full = -19,
    /// Reading or writing fails again and again.
    Failing = -20,
}

/// All outcomes, with their names in C and a sentence.
pub const OUTCOMES: [(Outcome, &core::ffi::CStr, &core::ffi::CStr); 19] = [
    (Outcome::Ok, c"TLOG_OK", c"done"),
    (Outcome::Idle, c"TLOG_IDLE", c"nothing is to be done until there are records, or time has passed"),
    (Outcome::Busy, c"TLOG_BUSY", c"the card is busy: call again"),
    (Outcome::Working, c"TLOG_WORKING", c"there is more to do at once"),
    (Outcome::Acknowledged, c"TLOG_ACKNOWLEDGED", c"the card has acknowledged a batch: its records are safe"),
    (Outcome::Closed, c"TLOG_CLOSED", c"the log is closed"),
    (Outcome::Null, c"TLOG_ERROR_NULL", c"a pointer is null"),
    (Outcome::State, c"TLOG_ERROR_STATE", c"not open, open already, or called from within itself"),
    (Outcome::Memory, c"TLOG_ERROR_MEMORY", c"a buffer is too small"),
    (Outcome::Taken, c"TLOG_ERROR_TAKEN", c"all readers of the ring are taken"),
    (Outcome::Name, c"TLOG_ERROR_NAME", c"the name of a record or of a field is not allowed"),
    (Outcome::Duplicate, c"TLOG_ERROR_DUPLICATE", c"two records, or two fields of one, have the same name"),
    (Outcome::Kinds, c"TLOG_ERROR_KINDS", c"kinds are not numbered 1, 2, 3 in their order, or are too many"),
    (Outcome::Fields, c"TLOG_ERROR_FIELDS", c"the fields of a record do not make up its size"),
    (Outcome::Absent, c"TLOG_STOPPED_ABSENT", c"there is no card"),
    (Outcome::WriteProtected, c"TLOG_STOPPED_WRITE_PROTECTED", c"the card refuses to be written to"),
    (Outcome::NotPrepared, c"TLOG_STOPPED_NOT_PREPARED", c"the card was not prepared by tlog card init"),
    (Outcome::Full, c"TLOG_STOPPED_FULL", c"each file of the card has a log"),
    (Outcome::Failing, c"TLOG_STOPPED_FAILING", c"the card fails again and again"),
];

impl From<Trouble> for Outcome {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Absent => Self::Absent,
            Trouble::WriteProtected => Self::WriteProtected,
            Trouble::NotPrepared => Self::NotPrepared,
            Trouble::Full => Self::Full,
            Trouble::Failing => Self::Failing,
            Trouble::Closed => Self::Closed,
        }
    }
}

/// The number of an outcome, as C has it.
fn code(result: Result<Outcome, Outcome>) -> i32 {
    match result {
        Ok(outcome) | Err(outcome) => outcome as i32,
    }
}
