//! The log as it is written: which bytes belong into which sector.

use tlog::wire::batch::{self, Batch};
use tlog::wire::session;

use super::buffer::Buffer;
use super::scan::Found;
use super::stream::Declarations;
use crate::device::{SECTOR, Sector};

/// What a write is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The number of the session.
    Control,
    /// Zeros over the end of an earlier index.
    Wipe,
    /// The first batch.
    Declare,
    /// The batch at hand.
    Data,
    /// The index but for its last sector, if it has more than one.
    Index,
    /// Its last sector, by which readers find it: so that one of an earlier use is never found in front of it.
    Trailer,
    /// The filler that ends in front of it.
    Tail,
}

/// The file at hand and what goes into it.
pub(crate) struct Log<'m> {
    pub declarations: Declarations<'m>,
    pub buffer: Buffer<'m>,
    pub file: Found,
    /// The first sector behind the last batch that is acknowledged.
    pub next: u32,
    /// The sequence of the batch at hand.
    pub sequence: u32,
    /// How many sectors it has; 0 while it is being filled.
    pub sealed: u32,
}

impl Log<'_> {
    /// Which sectors a write goes to: the first one and how many.
    pub(crate) fn sectors(&self, what: What) -> (u32, u32) {
        let extent = self.file.extent;
        // Within the extent: what is written was compared with its length before.
        let at = |sector: u32| extent.first.saturating_add(sector);
        let behind = |count: u32| at(extent.sectors.saturating_sub(count));
        match what {
            What::Control => (self.file.control, 1),
            What::Wipe => (behind(1), 1),
            What::Declare => (at(0), self.declarations.sectors + 1),
            What::Data => (at(self.next), self.sealed + 1),
            What::Index => (behind(self.declarations.index_sectors()), self.declarations.index_sectors() - 1),
            What::Trailer => (behind(1), 1),
            What::Tail => (at(self.next), 1),
        }
    }

    /// Whether another batch of full length fits behind the last one, with filler and index.
    pub(crate) fn has_room(&self) -> bool {
        let needed = self.buffer.max_sectors() + 1 + self.declarations.index_sectors();
        self.file.extent.sectors.checked_sub(self.next).is_some_and(|left| left >= needed)
    }

    /// How many sectors a file must have to be of use.
    pub(crate) fn least(&self) -> u32 {
        self.declarations.sectors + self.buffer.max_sectors() + 1 + self.declarations.index_sectors()
    }

    /// One of the sectors of a write, in `scratch` unless it is in the buffer. `head` is that of the first batch.
    #[inline(never)] // flash
    pub(crate) fn sector<'a>(&'a mut self, what: What, at: u32, head: Batch, scratch: &'a mut Sector) -> &'a Sector {
        match what {
            What::Control => *scratch = session::encode(self.file.session),
            What::Wipe => scratch.fill(0),
            What::Declare if at < self.declarations.sectors => {
                self.declarations.sector(at, head, self.buffer.head_time, scratch);
            }
            What::Declare => self.filler(self.declarations.sectors, 0, scratch),
            What::Data => match self.buffer.sector(at).filter(|_| at < self.sealed) {
                Some(sector) => return sector,
                None => self.filler(self.next.saturating_add(self.sealed), 0, scratch),
            },
            What::Index | What::Trailer => {
                let skipped = if what == What::Index { 0 } else { self.declarations.index_sectors() - 1 };
                self.declarations.index_sector(skipped + at, self.buffer.marks, scratch);
            }
            What::Tail => self.filler(self.next, self.declarations.index_len(), scratch),
        }
        scratch
    }

    /// The first sector of filler from sector `at` of the file to `short` bytes before its end.
    #[inline(never)] // flash
    fn filler(&self, at: u32, short: u32, sector: &mut Sector) {
        // What an extent has in bytes fits into 32 bits.
        let gap = self.file.extent.sectors.saturating_sub(at).saturating_mul(SECTOR as u32);
        batch::fill(gap.saturating_sub(short), sector);
    }
}
