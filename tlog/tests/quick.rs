//! A quick look at a log reads its ends and what the index points at: bytes and places are counted.

use std::cell::RefCell;
use std::io;
use std::ops::Range;

use tlog::Micros;
use tlog::read::{Blocks, ReadAt};
use tlog::schema::{Schema, Type};
use tlog::wire::block::MAX_HEADER_LEN;
use tlog::wire::index::TRAILER_LEN;
use tlog::wire::{BlockHeader, BlockType, FILE_HEADER, IndexBlock, MAGIC, varuint};
use tlog::write::WriterOptions;

/// Notes what is read of it.
struct Counted {
    bytes: Vec<u8>,
    reads: RefCell<Vec<Range<u64>>>,
}

impl Counted {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, reads: RefCell::default() }
    }

    fn total(&self) -> u64 {
        self.reads.borrow().iter().map(|read| read.end - read.start).sum()
    }
}

impl ReadAt for Counted {
    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.reads.borrow_mut().push(offset..offset + out.len() as u64);
        self.bytes.as_slice().read_exact_at(offset, out)
    }
}

const RECORDS: u64 = 5;

/// A log of several megabytes; one more record is declared and never written.
fn several_megabytes(index: bool) -> Vec<u8> {
    let mut log = WriterOptions::new().compression(false).index(index).open(Vec::new());
    let schema = Schema::new(Type::fixed_array(300, Type::Float32)).unwrap();
    let ids: Vec<_> = (0..RECORDS).map(|i| log.declare(&format!("record_{i}"), &schema).unwrap()).collect();
    log.declare("silent", &schema).unwrap();
    for i in 0..3_000_i64 {
        log.write(ids[i as usize % ids.len()], Micros(i * 1_000), &[i as u8; 1200]).unwrap();
    }
    log.finish().unwrap()
}

/// Where the block at `offset` lies.
fn block_at(bytes: &[u8], offset: u64) -> Range<u64> {
    let header = BlockHeader::parse(&bytes[offset as usize..]).unwrap();
    offset..offset + header.block_len().unwrap()
}

#[test]
fn the_index_costs_what_it_points_at() {
    let log = Counted::new(several_megabytes(true));
    assert!(log.bytes.len() > 3 << 20);
    let index = Blocks::open(&log).unwrap().index().unwrap().unwrap();
    assert_eq!(index.records.len() as u64, RECORDS + 1);
    let times: Vec<_> = index.records.iter().map(|record| record.last_time.map(|time| time.0 / 1_000)).collect();
    assert_eq!(times, [Some(2995), Some(2996), Some(2997), Some(2998), Some(2999), None]);

    // What may be read: the file header, the trailer, the index, and per record its schema and last data. Of each
    // block the front is read for its length first, which may reach into the next block.
    let size = log.bytes.len() as u64;
    let front = MAX_HEADER_LEN as u64;
    let schemas = index.records.iter().map(|record| record.record.location);
    let lasts = index.records.iter().filter_map(|record| record.last_offset);
    let mut allowed: Vec<Range<u64>> = schemas.chain(lasts).map(|at| block_at(&log.bytes, at)).collect();
    allowed.push(index.offset..size);
    let exact: u64 = allowed.iter().map(|block| block.end - block.start).sum();
    allowed.iter_mut().for_each(|block| block.end = block.end.max((block.start + front).min(size)));
    allowed.push(0..(MAGIC.len() + varuint::MAX_LEN) as u64);
    for read in log.reads.borrow().iter() {
        let inside = |block: &Range<u64>| block.start <= read.start && read.end <= block.end;
        assert!(allowed.iter().any(inside), "{read:?} was read");
    }
    let blocks = 2 * RECORDS + 2;
    let header = (MAGIC.len() + varuint::MAX_LEN + TRAILER_LEN) as u64;
    assert!(log.total() <= exact + header + blocks * front, "{} of {exact}", log.total());
    assert!(log.total() < 8 << 10, "{}", log.total());
}

#[test]
fn opening_reads_the_header_alone() {
    let log = Counted::new(several_megabytes(true));
    Blocks::open(&log).unwrap();
    let header = 0..(MAGIC.len() + varuint::MAX_LEN) as u64;
    assert_eq!(*log.reads.borrow(), vec![header]);
}

#[test]
fn without_an_index_the_trailer_tells() {
    let log = Counted::new(several_megabytes(false));
    assert!(Blocks::open(&log).unwrap().index().unwrap().is_none());
    assert_eq!(log.total(), (MAGIC.len() + varuint::MAX_LEN + TRAILER_LEN) as u64);
}

#[test]
fn one_block_costs_itself() {
    let log = Counted::new(several_megabytes(true));
    let blocks = Blocks::open(&log).unwrap();
    log.reads.borrow_mut().clear();
    let (header, bytes) = blocks.block(FILE_HEADER.len() as u64).unwrap();
    assert_eq!(header.block_type, BlockType::Schema);
    assert!(log.total() <= bytes.len() as u64 + MAX_HEADER_LEN as u64);
    assert!(IndexBlock::parse(&bytes).is_err());
}
