//! What the card writer asks of a card, and what a card may leave behind when the power goes.
//!
//! The contract, which `sim.rs` breaks in every way that it allows:
//! * A sector that was acknowledged ([`BlockDevice::finish`] returned `Ready(Ok)`) keeps its bytes.
//! * The sectors of a write that was not acknowledged each hold their old bytes or the new ones, whatever the order, or,
//!   where the driver tells the card beforehand how many there will be, all ones or all zeros;
//!   one of them may be torn: new bytes up to some place, and from there on old ones, zeros, ones, or anything.
//! * No other sector changes. Cards that lose earlier data in a cut exist; no software can promise anything with them.

use core::task::Poll;

/// The size of a sector in bytes. All cards above 2 GB have no other, and smaller ones can.
pub const SECTOR: usize = 512;

/// A sector's bytes.
pub type Sector = [u8; SECTOR];

/// What went wrong, by what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// No card answers: it was taken out, or has no power.
    Absent,
    /// The card refuses to be written to.
    WriteProtected,
    /// The card was busy for longer than its specification allows.
    Timeout,
    /// The card says that it could not write or read: a bad sector, a bad transfer.
    Failed,
    /// A sector beyond the end of the card.
    OutOfRange,
}

/// A card, sector by sector. Nothing here waits while a card is busy writing: `Poll::Pending` says so, to be asked again.
pub trait BlockDevice {
    /// How many sectors it has.
    ///
    /// # Errors
    /// [`DeviceError`].
    fn sectors(&mut self) -> Result<u32, DeviceError>;

    /// Reads a sector. Waits. Only asked for where a file is looked for: at first, after an error, and ahead, while
    /// nothing is to be written.
    ///
    /// # Errors
    /// [`DeviceError`].
    fn read(&mut self, sector: u32, into: &mut Sector) -> Result<(), DeviceError>;

    /// Begins to write `count` sectors from `first` on, one after the other.
    fn begin(&mut self, first: u32, count: u32) -> Poll<Result<(), DeviceError>>;

    /// Hands over the next sector of the write. `Pending`: the card is busy and took nothing.
    fn push(&mut self, sector: &Sector) -> Poll<Result<(), DeviceError>>;

    /// Ends the write. `Ready(Ok)`: the card has acknowledged all its sectors.
    fn finish(&mut self) -> Poll<Result<(), DeviceError>>;

    /// Gives up a write, if one has begun, and makes the card ready again: after an error, and for a card that was put
    /// in. Returns what tells cards apart: its identification register.
    fn reset(&mut self) -> Poll<Result<CardId, DeviceError>>;
}

/// A card's identification register (CID), or whatever else tells one from another.
pub type CardId = [u8; 16];
