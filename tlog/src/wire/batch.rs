//! Batches: how firmware lays out TLOG in a preallocated file, so that a cut of power costs no batch that was complete.
//!
//! A file is a whole number of sectors, all there before logging begins. Batch after batch follows from its start, each
//! a whole number of sectors:
//!
//! ```text
//!  file header │ schema of tlog.batch │ HEAD │ schemas │ filler     the first batch
//!                                       HEAD │ data …  │ filler     each further one
//!  filler to the end of the file                                   behind the last one: one sector written
//!                                             … │ index            at the very end, once the log is closed
//!
//!  HEAD = seek marker │ data of tlog.batch │ filler of the length that is left of the room for the head
//! ```
//!
//! * Each batch ends with a sector: what its last block leaves of it is filler. Wherever filler stands, it is one block
//!   or two, see [`fill`]; it may be missing where nothing is left.
//! * The filler behind the last batch starts on a sector of its own and spans all that is left of the file, or all up to
//!   the index; it is written with its batch, as the last sector, and overwritten by the next batch. So the file as it
//!   is on the card is valid TLOG to its end whenever a batch is complete, whatever older bytes are further behind.
//! * The first batch declares; further ones have the data. It has as many sectors as it takes, and the data of
//!   `tlog.batch` lies in its first one: [`at_start`] tells from that sector which session a file holds. Readers must
//!   not rely on the first batch having no data.
//! * Before the first batch of a session, the last sector of the file is overwritten with zeros: the index of an earlier
//!   use must not pass for one of this.
//! * A clean close writes the index first, its last sector by itself and after the others, so that the end of an index
//!   says that all of it is there; then, once that is acknowledged, the filler that ends in front of it. Between the two
//!   the filler covers the index, which is right all the same.
//! * All data has a timestamp and a checksum. Previous offsets reach no further than the batch's own start; the seek
//!   marker has those that reach further. So a batch can be written elsewhere with another head.
//! * The seek marker and `tlog.batch` have the time of the record before them, so that times do not go back in the file.
//! * [`Batch::checksum`] covers what the head does not: see [`Checksum`].
//! * [`Batch::session`] is greater in each file than in all those before on the same card, so that no batch of an
//!   earlier use of the same sectors can pass for one of this.
//! * A batch counts when its head is right, its session is that of the first batch, its sequence is the next one, its
//!   blocks fill its sectors exactly, every data block's checksum is right, and the checksum of the batch is. Behind the
//!   first one that does not count, none does.

use super::block;
use super::crc::{self, Hasher};

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
    /// Files that were given up, as writing to them failed again and again.
    pub abandoned: u32,
    /// How often nothing could be written: no card, or one that is locked, of something else, full, or failing.
    pub troubles: u32,
    /// The longest time that the card took for a batch, in microseconds.
    pub longest_write: u32,
    /// The most bytes that were ever waiting in the rings.
    pub high_water: u32,
    /// The [`Checksum`] of all blocks but filler behind the data block of the head, to the batch's end.
    pub checksum: u32,
}

impl Batch {
    /// How many bytes its payload has.
    pub const LEN: usize = 11 * 4;

    /// Its binary type encoding: an object of eleven fields, each a fixeduint32.
    pub const SCHEMA: &'static [u8] = b"\x10\x00\
        \x00\x07session\x00\x04\x04\x00\
        \x00\x08sequence\x00\x04\x04\x00\
        \x00\x07sectors\x00\x04\x04\x00\
        \x00\x07dropped\x00\x04\x04\x00\
        \x00\x0boverwritten\x00\x04\x04\x00\
        \x00\x07retries\x00\x04\x04\x00\
        \x00\x09abandoned\x00\x04\x04\x00\
        \x00\x08troubles\x00\x04\x04\x00\
        \x00\x10longest_write_us\x00\x04\x04\x00\
        \x00\x10high_water_bytes\x00\x04\x04\x00\
        \x00\x08checksum\x00\x04\x04\x00\
        \x00\x00\x00\x00\x00";

    /// Reads the payload.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let (fields, _) = payload.first_chunk::<{ Self::LEN }>()?.as_chunks();
        let mut fields = fields.iter().map(|field| u32::from_le_bytes(*field));
        let mut next = || fields.next();
        Some(Self {
            session: next()?,
            sequence: next()?,
            sectors: next()?,
            dropped: next()?,
            overwritten: next()?,
            retries: next()?,
            abandoned: next()?,
            troubles: next()?,
            longest_write: next()?,
            high_water: next()?,
            checksum: next()?,
        })
    }

    /// Its payload.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut payload = [0; Self::LEN];
        let values = [
            self.session,
            self.sequence,
            self.sectors,
            self.dropped,
            self.overwritten,
            self.retries,
            self.abandoned,
            self.troubles,
            self.longest_write,
            self.high_water,
            self.checksum,
        ];
        for (field, value) in payload.as_chunks_mut().0.iter_mut().zip(values) {
            *field = value.to_le_bytes();
        }
        payload
    }
}

/// The checksum of a batch: the CRC of its blocks behind the data block of the head, in their order. Each data block is
/// represented by its own checksum, as that is a checksum of all its bytes; filler is left out, as it means nothing and
/// that of the head changes when a batch is moved; every other block is there with all its bytes.
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

    /// One more block of another kind but filler, from its type byte to its end, whole or piece by piece.
    pub fn block(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all of them.
    pub fn finish(self) -> u32 {
        self.0.finalize()
    }
}

/// The most bytes that mean something at the front of filler: a block of two bytes, the header of a block, and the magic.
pub const FILLER_FRONT: usize = 2 + 6 + block::FILLER_MAGIC.len();

/// The type byte of filler.
const FILLER: u8 = 4;

/// Writes `gap` bytes of filler, as much of it as there is room for in `out`; what follows its front means nothing, and is
/// zeros. A gap of one byte stays zeros: no block is as short. Some gaps no single block fills with the shortest form of
/// its length (130 bytes is the first); there, a block without a body comes before it.
pub fn fill(mut gap: u32, out: &mut [u8]) {
    out.fill(0);
    let mut out = out.iter_mut();
    let mut put = |byte: u8| {
        if let Some(place) = out.next() {
            *place = byte;
        }
    };
    let Some(body) = filler_body(gap).or_else(|| {
        gap = gap.checked_sub(2)?;
        put(FILLER);
        put(0);
        filler_body(gap)
    }) else {
        return;
    };
    put(FILLER);
    let mut rest = body;
    while rest >= 0x80 {
        put(rest as u8 | 0x80);
        rest >>= 7;
    }
    put(rest as u8);
    block::FILLER_MAGIC.iter().take(body as usize).for_each(|byte| put(*byte));
}

/// How long the body of one block is that has this length with its header.
fn filler_body(len: u32) -> Option<u32> {
    let mut body = len.checked_sub(2)?;
    let mut limit = 0x80;
    // Each byte more in the header is one less in the body.
    while body >= limit {
        body -= 1;
        if body < limit {
            return None;
        }
        limit = limit.saturating_mul(0x80);
    }
    Some(body)
}

/// The head of the first batch, from the first sector of a file; `None` when none starts there, or it is torn.
///
/// Reads what firmware writes: lengths in their shortest form, and no block that reaches beyond the sector before the head.
pub fn at_start(sector: &[u8]) -> Option<Batch> {
    Batch::parse(payload_at_start(sector)?)
}

/// The session alone of [`at_start`], for whom flash is dear.
pub fn session_at_start(sector: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*payload_at_start(sector)?.first_chunk()?))
}

fn payload_at_start(sector: &[u8]) -> Option<&[u8; Batch::LEN]> {
    let mut rest = sector.strip_prefix(&block::FILE_HEADER)?;
    let mut identifier = None;
    loop {
        let (&kind, mut body) = rest.split_first()?;
        let len = short(&mut body)?;
        let (fields, behind) = body.split_at_checked(len)?;
        match kind {
            1 => {
                let ([id, _flags], name) = fields.split_first_chunk()?;
                identifier = name.starts_with(NAME_FIELD).then_some(id);
            }
            2 => {
                let ([id, flags, ..], fields) = fields.split_first_chunk::<{ 1 + 1 + 8 }>()?;
                let (stored, payload) = fields.split_first_chunk()?;
                let block = rest.get(..rest.len() - behind.len())?;
                let crc = crc::block_crc(block, block.len() - payload.len() - crc::LEN);
                let is_head = Some(id) == identifier && *flags == HEAD_FLAGS && crc == u32::from_le_bytes(*stored);
                return payload.first_chunk().filter(|_| is_head);
            }
            4 | 5 => {}
            _ => return None,
        }
        rest = behind;
    }
}

/// The name of the record, as its schema block has it.
const NAME_FIELD: &[u8] = b"\x0atlog.batch";

/// A timestamp and a checksum.
const HEAD_FLAGS: u8 = 6;

/// Takes a varuint of one or two bytes off the front.
fn short(bytes: &mut &[u8]) -> Option<usize> {
    let (&low, rest) = bytes.split_first()?;
    *bytes = rest;
    if low < 0x80 {
        return Some(usize::from(low));
    }
    let (&high, rest) = bytes.split_first()?;
    *bytes = rest;
    (high < 0x80).then_some(usize::from(low & 0x7f) | usize::from(high) << 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gap_but_one_byte_is_filled() {
        let fill = |gap: u32| {
            let mut front = [0xaa; FILLER_FRONT + 4];
            super::fill(gap, front.get_mut(..gap as usize).unwrap_or(&mut [0; 1]));
            super::fill(gap, &mut front);
            front
        };
        assert_eq!((fill(0), fill(1)), ([0; 20], [0; 20]));
        for gap in (2..600).chain(16_380..16_400).chain(2_097_150..2_097_160).chain([u32::MAX - 1, u32::MAX]) {
            let front = fill(gap);
            let mut at = 0;
            let mut left = u64::from(gap);
            while left > 0 {
                let header = crate::wire::BlockHeader::parse(&front[at..]).unwrap();
                let body = &front[at + header.header_len..];
                let len = body.len().min(header.body_len as usize);
                assert_eq!(header.is_filler(&body[..len]), Some(true), "{gap}");
                left -= header.block_len().unwrap();
                at += header.header_len;
            }
        }
        assert_eq!(fill(130)[..12], *b"\x04\x00\x04\x7eTLOGFILL");
        assert_eq!(fill(5)[..6], *b"\x04\x03TLO\0");
        let mut short = *b"1234";
        super::fill(500, &mut short[..3]);
        assert_eq!(short, *b"\x04\xf1\x034");
        assert_eq!(u64::from(FILLER), crate::wire::BlockType::Dictionary.code());
        let flags = crate::wire::DataFlags::TIMESTAMP.with(crate::wire::DataFlags::CHECKSUM);
        assert_eq!(flags.bits(), u64::from(HEAD_FLAGS));
        assert_eq!((usize::from(NAME_FIELD[0]), &NAME_FIELD[1..]), (NAME.len(), NAME.as_bytes()));
    }

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
        assert_eq!(schema.to_json().to_string().matches("\"name\"").count(), 11);
    }
}
