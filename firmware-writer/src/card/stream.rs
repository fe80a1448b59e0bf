//! What is written without being held in memory: the first batch of a file, with all schemas, and the index.
//!
//! Both are made anew for each of their sectors, from the front, and only what lies in that sector is kept. They are
//! written once per file; that takes less than a buffer for them would.

use tlog::wire::batch::{Batch, Checksum, FILLER_FRONT, fill};
use tlog::wire::index::{TRAILER_LEN, TRAILER_MAGIC};
use tlog::wire::{BlockType, FILE_HEADER};

use super::buffer::Mark;
use super::marker;
use crate::device::{SECTOR, Sector};
use crate::drain::{Table, number, put, varuint_len};

/// A sector of something longer.
struct Window<'a> {
    /// Where the next byte belongs.
    at: u32,
    /// Where the sector starts.
    from: u32,
    sector: Option<&'a mut Sector>,
}

impl Window<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let start = self.at;
        self.at = start.saturating_add(bytes.len() as u32);
        let Some(sector) = self.sector.as_deref_mut() else { return };
        let skipped = self.from.saturating_sub(start) as usize;
        let place = start.saturating_sub(self.from) as usize;
        let (Some(bytes), Some(room)) = (bytes.get(skipped..), sector.get_mut(place..)) else { return };
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
        }
    }
}

/// The first batch of a file.
pub(crate) struct Declarations<'k> {
    pub table: Table<'k>,
    /// How many sectors it has.
    pub sectors: u32,
    /// Where its head's data block is, in bytes from the start of the file.
    pub head_at: u32,
    checksum: u32,
}

impl<'k> Declarations<'k> {
    pub(crate) fn new(table: Table<'k>) -> Self {
        let mut this = Self { table, sectors: 0, head_at: 0, checksum: 0 };
        let mut window = Window { at: 0, from: 0, sector: None };
        this.write(&mut window, &Batch::default(), 0);
        // A gap of one byte cannot be filled.
        let is_short = window.at as usize % SECTOR == SECTOR - 1;
        this.sectors = (window.at + 2 * u32::from(is_short)).div_ceil(SECTOR as u32);
        this
    }

    /// The kinds that are declared behind the head: all but `tlog.batch`.
    fn others(&self) -> impl Iterator<Item = u16> + use<> {
        let batch = self.table.batch_id();
        (1..=self.table.last()).filter(move |&id| id != batch)
    }

    /// Its bytes, in the unit of marks.
    pub(crate) const fn len(&self) -> u32 {
        self.sectors * SECTOR as u32
    }

    /// Writes all but the filler at its end, and finds out where the head is and what the checksum.
    #[inline(never)] // flash
    fn write(&mut self, window: &mut Window<'_>, head: &Batch, time: u64) {
        window.put(&FILE_HEADER);
        self.table.block(self.table.batch_id(), &mut |bytes| window.put(bytes));
        let mut block = [0; 64];
        // Both fit: a marker without elements has 27 bytes.
        let len = marker::write(time, 0, &[], &mut block).unwrap_or(0);
        window.put(block.get(..len).unwrap_or(&[]));
        self.head_at = window.at;
        head_block(self.table.batch_id(), head, time, &mut block);
        window.put(block.get(..HEAD_BLOCK).unwrap_or(&[]));
        let mut checksum = Checksum::new();
        for id in self.others() {
            self.table.block(id, &mut |bytes| {
                window.put(bytes);
                checksum.block(bytes);
            });
        }
        self.checksum = checksum.finish();
    }

    /// One of its sectors.
    pub(crate) fn sector(&mut self, at: u32, mut head: Batch, time: u64, sector: &mut Sector) {
        head.sectors = self.sectors;
        head.checksum = self.checksum;
        sector.fill(0);
        let mut window = Window { at: 0, from: at * SECTOR as u32, sector: Some(sector) };
        self.write(&mut window, &head, time);
        let mut front = [0; FILLER_FRONT];
        fill(self.len().saturating_sub(window.at), &mut front);
        window.put(&front);
    }

    /// The length of the index.
    #[inline(never)] // flash
    pub(crate) fn index_len(&self) -> u32 {
        let body = self.index_body();
        1 + varuint_len(body) as u32 + body
    }

    fn index_body(&self) -> u32 {
        1 + 1 + u32::from(self.table.last()) * 17 + TRAILER_LEN as u32
    }

    /// How many sectors the index has at most.
    pub(crate) fn index_sectors(&self) -> u32 {
        self.index_len().div_ceil(SECTOR as u32)
    }

    /// One of the sectors of the index, which ends with the last of them.
    pub(crate) fn index_sector(&self, at: u32, marks: &[Mark], sector: &mut Sector) {
        sector.fill(0);
        let start = self.index_sectors() * SECTOR as u32 - self.index_len();
        let mut window = Window { at: start, from: at * SECTOR as u32, sector: Some(sector) };
        window.put(&[BlockType::Index.code() as u8]);
        number(self.index_body() as usize, &mut |bytes| window.put(bytes));
        // No flags, and fewer than 128 entries.
        window.put(&[0, self.table.last() as u8]);
        let mut others = self.head_at + HEAD_BLOCK as u32;
        for (id, mark) in (1..=self.table.last()).zip(marks) {
            let schema = if id == self.table.batch_id() {
                FILE_HEADER.len() as u32
            } else {
                let at = others;
                others += self.table.block_len(id) as u32;
                at
            };
            // Two numbers of 64 bits; all ones are none.
            let high = if mark.at().is_some() { 0 } else { u8::MAX };
            let ([a, b, c, d], [e, f, g, h]) = (schema.to_le_bytes(), mark.at.to_le_bytes());
            window.put(&[id as u8, a, b, c, d, 0, 0, 0, 0, e, f, g, h, high, high, high, high]);
        }
        window.put(&self.index_len().to_le_bytes());
        window.put(&TRAILER_MAGIC);
    }
}

/// The bytes of the data block of `tlog.batch`: header, kind, flags, timestamp, checksum, payload.
pub(crate) const HEAD_BLOCK: usize = 2 + 2 + 8 + 4 + Batch::LEN;

/// Writes the data block of a head to the front of `out`; whether it fits.
pub(crate) fn head_block(id: u16, head: &Batch, time: u64, out: &mut [u8]) -> bool {
    put(id, 0, time, &head.encode(), out).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kind;
    use std::vec;
    use std::vec::Vec;
    use tlog::wire::batch;
    use tlog::wire::index::IndexBlock;

    #[test]
    fn the_first_batch_is_one_whatever_its_length() {
        for name in 0..600 {
            let text = "n".repeat(name + 2);
            let kinds = [Kind { name: std::boxed::Box::leak(text.into_boxed_str()), schema: &[7] }];
            let mut declarations = Declarations::new(Table::new(&kinds));
            let mut bytes: Vec<u8> = Vec::new();
            for at in 0..declarations.sectors {
                let mut sector = [0xaa; SECTOR];
                declarations.sector(at, Batch { session: 9, ..Batch::default() }, 5, &mut sector);
                bytes.extend(sector);
            }
            let head = batch::at_start(&bytes[..SECTOR]).unwrap();
            assert_eq!((head.session, head.sectors), (9, declarations.sectors));
            let mut reader =
                tlog::read::SliceReader::new(&bytes, tlog::read::ReadOptions { strict: true, ..Default::default() });
            let mut schemas = 0;
            while let Some(event) = reader.next_event().unwrap() {
                schemas += u32::from(matches!(event, tlog::read::Event::Schema(_)));
            }
            assert_eq!(schemas, 4, "{name}");
        }
    }

    #[test]
    fn the_index_is_one_across_sectors() {
        let kinds = vec![Kind { name: "kind", schema: &[7] }; 90];
        let declarations = Declarations::new(Table::new(&kinds));
        let mut marks = vec![Mark::NONE; 93];
        marks[5].set(77_777);
        let mut bytes: Vec<u8> = Vec::new();
        for at in 0..declarations.index_sectors() {
            let mut sector = [0xaa; SECTOR];
            declarations.index_sector(at, &marks, &mut sector);
            bytes.extend(sector);
        }
        assert_eq!(IndexBlock::trailer(&bytes), Some(declarations.index_len()));
        let index = IndexBlock::parse(&bytes[bytes.len() - declarations.index_len() as usize..]).unwrap();
        assert_eq!(index.count, 93);
        assert_eq!(index.entries().nth(5).unwrap().final_record, Some(77_777));
        assert_eq!(index.entries().nth(90).unwrap().schema_location, 9);
    }
}
