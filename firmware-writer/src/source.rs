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

    /// What was lost so far of what this reader wants.
    fn lost(&self) -> Lost;

    /// What was lost so far of one kind. A source that does not tell kinds apart says that there is nothing to say.
    fn lost_of(&self, id: u16) -> Lost {
        let _ = id;
        Lost::default()
    }

    /// The most bytes that were ever waiting.
    fn high_water(&self) -> u32;
}

impl<S: Source + ?Sized> Source for &mut S {
    fn peek(&mut self) -> Option<Head> {
        (**self).peek()
    }

    fn take(&mut self, into: &mut [u8]) -> bool {
        (**self).take(into)
    }

    fn skip(&mut self) {
        (**self).skip();
    }

    fn lost(&self) -> Lost {
        (**self).lost()
    }

    fn lost_of(&self, id: u16) -> Lost {
        (**self).lost_of(id)
    }

    fn high_water(&self) -> u32 {
        (**self).high_water()
    }
}
