//! What the drain reads records from: a reader of one ring, or several merged by time.

/// A record at the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its kind.
    pub id: u16,
    /// How many bytes its payload has.
    pub len: u16,
    /// When it was logged: the low 32 bits of the clock, in microseconds.
    pub time: u32,
}

/// What a ring has not kept for this reader, in records since the ring was made; exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Rejected, as the ring was full.
    pub dropped: u32,
    /// Stored, and overwritten before this reader came to them.
    pub overwritten: u32,
}

/// Records in the order of their time, each read once.
pub trait Source {
    /// The next record. Says the same until it is taken or skipped, unless it was overwritten meanwhile.
    fn peek(&mut self) -> Option<Head>;

    /// Copies the payload of the record that [`peek`](Self::peek) told of into `into`, which is exactly as long, and goes
    /// on to the next. `false`: it was overwritten meanwhile, what is in `into` means nothing; peek again.
    fn take(&mut self, into: &mut [u8]) -> bool;

    /// Passes over the record that [`peek`](Self::peek) told of.
    fn skip(&mut self);

    /// What was lost so far.
    fn lost(&self) -> Lost;

    /// What was lost so far of this kind. Asked for when [`lost`](Self::lost) has changed.
    fn lost_of(&self, kind: u16) -> Lost {
        let _ = kind;
        Lost::default()
    }

    /// The most bytes that were ever waiting.
    fn high_water(&self) -> u32;
}
