//! Batches: how firmware lays out TLOG in a preallocated file, so that a cut of power costs no batch that was complete.
//!
//! A file is a whole number of sectors, all there before logging begins. Batch after batch follows from its start, each
//! a whole number of sectors:
//!
//! ```text
//!  file header │ schema of tlog.batch │ HEAD │ schemas, data … │ filler     the first batch
//!                                       HEAD │ data …          │ filler     each further one
//!  filler to the end of the file                                            behind the last one: one sector written
//!                                                            … │ index      at the very end, once the log is closed
//!
//!  HEAD = seek marker │ data of tlog.batch │ filler of the length that is left of the room for the head
//! ```
//!
//! * The filler behind the last batch starts on a sector of its own and spans all that is left of the file, or all up to
//!   the index; it is written with its batch, as the last sector, and overwritten by the next batch. So the file as it
//!   is on the card is valid TLOG to its end whenever a batch is complete, whatever older bytes are further behind.
//! * All data has a timestamp and a checksum. Previous offsets reach no further than the batch's own start; the seek
//!   marker has those that reach further. So a batch can be written elsewhere with another head.
//! * [`Batch::checksum`] covers what the head does not: see [`Checksum`].
//! * [`Batch::session`] is greater in each file than in all those before on the same card, so that no batch of an
//!   earlier use of the same sectors can pass for one of this.

use crc32fast::Hasher;

use super::{Fields, Filler};

/// The record in each batch's head.
pub const NAME: &str = "tlog.batch";

/// The bytes of sectors, of which each batch has a whole number.
pub const SECTOR: usize = 512;

/// The head of a batch. All counts are since the writer began, so that a batch that is lost takes none of them along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Which use of the file this is: greater than all before on the card.
    pub session: u32,
    /// Its place in the file, from 0 on.
    pub sequence: u32,
    /// How many sectors it has, without the filler behind it.
    pub sectors: u32,
    /// Records that found no room in a ring.
    pub dropped: u32,
    /// Records that were overwritten in a ring before they were read.
    pub overwritten: u32,
    /// Writes that had to be repeated.
    pub retries: u32,
    /// The longest time that the card took for a batch, in microseconds.
    pub longest_write: u32,
    /// The most bytes that were ever waiting in the rings.
    pub high_water: u32,
    /// The [`Checksum`] of all that follows the data block of the head, to the batch's end.
    pub checksum: u32,
}

impl Batch {
    /// How many bytes its payload has.
    pub const LEN: usize = 9 * 4;

    /// Its binary type encoding: an object of nine fields, each a fixeduint32.
    pub const SCHEMA: &'static [u8] = b"\x10\x00\
        \x00\x07session\x00\x04\x04\x00\
        \x00\x08sequence\x00\x04\x04\x00\
        \x00\x07sectors\x00\x04\x04\x00\
        \x00\x07dropped\x00\x04\x04\x00\
        \x00\x0boverwritten\x00\x04\x04\x00\
        \x00\x07retries\x00\x04\x04\x00\
        \x00\x10longest_write_us\x00\x04\x04\x00\
        \x00\x10high_water_bytes\x00\x04\x04\x00\
        \x00\x08checksum\x00\x04\x04\x00\
        \x00\x00\x00\x00\x00";

    /// Reads the payload.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(payload);
        let mut next = || Some(u32::from_le_bytes(fields.array().ok()?));
        Some(Self {
            session: next()?,
            sequence: next()?,
            sectors: next()?,
            dropped: next()?,
            overwritten: next()?,
            retries: next()?,
            longest_write: next()?,
            high_water: next()?,
            checksum: next()?,
        })
    }

    /// Its payload.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut payload = [0; Self::LEN];
        let mut filler = Filler::new(&mut payload);
        for value in [
            self.session,
            self.sequence,
            self.sectors,
            self.dropped,
            self.overwritten,
            self.retries,
            self.longest_write,
            self.high_water,
            self.checksum,
        ] {
            // Nine times four bytes fit.
            let _ = filler.array(value.to_le_bytes());
        }
        payload
    }
}

/// The checksum of a batch: the CRC of its blocks behind the head, each data block represented by its own checksum, as
/// that is a checksum of all its bytes, and every other block by its bytes.
#[derive(Clone, Debug, Default)]
pub struct Checksum(Hasher);

impl Checksum {
    /// Of no block yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more data block, with this checksum.
    pub fn data(&mut self, checksum: u32) {
        self.0.update(&checksum.to_le_bytes());
    }

    /// One more block of another kind, from its type byte to its end.
    pub fn block(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all of them.
    pub fn finish(self) -> u32 {
        self.0.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let batch = Batch { session: 1, sequence: 2, sectors: 3, checksum: 0xffff_ffff, ..Batch::default() };
        assert_eq!(Batch::parse(&batch.encode()), Some(batch));
        assert_eq!(Batch::parse(&batch.encode()[1..]), None);
    }

    #[cfg(feature = "std")]
    #[test]
    fn its_schema_names_all_fields() {
        let schema = crate::schema::Schema::from_bytes(Batch::SCHEMA).unwrap();
        assert_eq!(schema.to_json().to_string().matches("\"name\"").count(), 9);
    }
}
