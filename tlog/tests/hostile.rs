//! Logs made to cost time or memory, or to have something else read than what was recorded.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use tlog::Error;
use tlog::read::{Blocks, Cause, Event, ReadAt, ReadOptions, SliceReader, StreamReader};
use tlog::wire::{BlockHeader, BlockType, FILE_HEADER, IndexBlock, IndexEntry, crc, marker};

/// A varuint of five bytes, however small the number.
fn long_varuint(value: usize) -> [u8; 5] {
    std::array::from_fn(|i| (value >> (7 * i)) as u8 & 0x7f | if i < 4 { 0x80 } else { 0 })
}

fn framed(block_type: BlockType, body: &[u8]) -> Vec<u8> {
    let (header, len) = BlockHeader::encode(block_type, body.len() as u64);
    [&header[..len], body].concat()
}

fn schema(identifier: u8, name: &str, ty: &[u8]) -> Vec<u8> {
    let name = [&long_varuint(name.len()), name.as_bytes()].concat();
    framed(BlockType::Schema, &[&[identifier, 0], &name[..], ty].concat())
}

/// The smallest block with a checksum, of record 1.
fn small() -> Vec<u8> {
    let mut block = vec![2, 8, 1, 4, 0, 0, 0, 0, 1, 9];
    let crc = crc::block_crc(&block, 4);
    block[4..8].copy_from_slice(&crc.to_le_bytes());
    block
}

/// A log of record 1, which is bytes.
fn log(blocks: &[Vec<u8>]) -> Vec<u8> {
    [FILE_HEADER.to_vec(), schema(1, "one", &[9]), blocks.concat()].concat()
}

/// How much is delivered, and why the rest is not.
fn read(bytes: &[u8]) -> (usize, Vec<Cause>) {
    let begin = Instant::now();
    let mut reader = SliceReader::new(bytes, ReadOptions::default());
    let (mut delivered, mut causes) = (0, Vec::new());
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            Event::Data(_) => delivered += 1,
            Event::Skipped(skipped) => causes.push(skipped.cause),
            _ => {}
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "it must not take hours");
    }
    (delivered, causes)
}

/// Blocks that all claim to reach to the same place, where none starts, each with a small block behind its `body`.
fn overlapping(code: u8, body: &[u8]) -> (Vec<u8>, usize) {
    const END: usize = 2 << 20;
    let (mut bytes, mut many) = (log(&[small()]), 1);
    while bytes.len() < END / 2 {
        let claimed = END - bytes.len() - 6;
        bytes.extend([&[code], &long_varuint(claimed)[..], body, &small()].concat());
        many += 1;
    }
    bytes.resize(END + 64, 0xff);
    (bytes, many)
}

#[test]
fn blocks_that_overlap_are_not_read_over_and_over() {
    let marker = [&marker::MARKER[..], &[1, 2, 3, 4, 6]].concat();
    let packed = [&[1, 0x10][..], &long_varuint(900_000), &[63 << 2], &800_000_u32.to_le_bytes()].concat();
    let bodies: [(u8, &[u8]); 6] = [
        (1, &[5, 0, 1, b'x', 9]),
        (1, &[5, 0, 1, b'x', 21, 1, 1, 1, 1]),
        (2, &[1, 4, 1, 2, 3, 4]),
        (2, &[1, 0, 0x80, 0x80, 0x80]),
        (2, &packed),
        (5, &marker),
    ];
    for (code, body) in bodies {
        let (bytes, many) = overlapping(code, body);
        let (delivered, _) = read(&bytes);
        assert_eq!(delivered, many, "type {code}, {body:?}");
    }
}

#[test]
fn payloads_of_nothing_cost_no_more_than_their_bytes() {
    let fields = [0, 0, 0, 1, 0].repeat(50_000);
    let ty = [&[16, 0], &fields[..], &[0, 0, 0, 6, 0], &[0; 5]].concat();
    let one = framed(BlockType::Data, &[2, 0, 5]);
    let bytes = log(&[schema(2, "two", &ty), one.repeat(200_000)]);
    assert_eq!(read(&bytes), (200_000, vec![]));
}

#[test]
fn schemas_are_limited_by_the_memory_that_they_take() {
    let ty = [&[21], &[1; 250_000][..], &[0]].concat();
    let schemas: Vec<Vec<u8>> = (2..20).map(|identifier| schema(identifier, "many", &ty)).collect();
    let (delivered, causes) = read(&log(&[schemas.concat(), small()]));
    assert_eq!(delivered, 1);
    let is_limit = |cause: &Cause| matches!(cause, Cause::Limit { what: "the memory for schemas", .. });
    assert!(!causes.is_empty() && causes.iter().all(is_limit), "{causes:?}");
    // The same record declared again takes the place of the one before.
    let again = schema(2, "many", &ty).repeat(18);
    assert_eq!(read(&log(&[again, small()])), (1, vec![]));
}

#[test]
fn names_of_records_are_limited() {
    let (delivered, causes) = read(&log(&[schema(2, &"n".repeat(1 << 17), &[9]), small()]));
    assert_eq!(delivered, 1);
    assert!(matches!(causes[..], [Cause::Limit { what: "the name of a record", .. }]), "{causes:?}");
}

#[test]
fn a_schema_in_more_bytes_than_it_needs_keeps_its_size() {
    // The entry that ends an object may have a name, which counts for nothing; here with a block in it, just where
    // the shortest encoding would end.
    let name = [b"abc", &small()[..]].concat();
    let ty = [&[16, 0, 0, name.len() as u8], &name[..], &[0, 0, 0]].concat();
    let bytes = log(&[schema(2, "two", &ty), small()]);
    assert_eq!(read(&bytes), (1, vec![]));
    let mut reader = SliceReader::new(&bytes, ReadOptions::default());
    while reader.next_event().unwrap().is_some() {}
    assert_eq!(reader.records().last().unwrap().schema_bytes, ty);
}

/// What both readers tell: kind, start and end.
fn told(bytes: &[u8], options: &ReadOptions) -> Vec<(char, u64, u64)> {
    let mut slice = SliceReader::new(bytes, options.clone());
    let mut stream = StreamReader::new(bytes, options.clone());
    let mut told = Vec::new();
    while let Some(event) = slice.next_event().unwrap() {
        let this = brief(&event);
        assert_eq!(stream.next_event().unwrap().map(|event| brief(&event)), Some(this));
        told.push(this);
    }
    assert!(stream.next_event().unwrap().is_none());
    told
}

fn brief(event: &Event<'_>) -> (char, u64, u64) {
    match event {
        Event::Data(data) => ('d', data.offset, data.offset + data.block_len),
        Event::Filler { range } => ('f', range.start, range.end),
        Event::Skipped(skipped) => ('x', skipped.range.start, skipped.range.end),
        Event::Schema(record) => ('s', record.location, record.location),
        Event::Marker { offset, .. } | Event::Index { offset, .. } => ('m', *offset, *offset),
    }
}

#[test]
fn filler_is_passed_over_whatever_is_in_it() {
    // Preallocated files hold what was on the card before.
    let stale = small().repeat(100);
    let filler = framed(BlockType::Dictionary, &[b"TLOGFILL", &stale[..]].concat());
    let start = log(&[small()]).len() as u64;
    let end = start + filler.len() as u64;
    let whole = log(&[small(), filler.clone(), small()]);
    let next = whole.len() as u64;
    // With the second limit it is longer than what is buffered.
    for max_block in [64 << 20, 500] {
        let options = ReadOptions { max_block, ..ReadOptions::default() };
        assert_eq!(told(&whole, &options)[2..], [('f', start, end), ('d', end, next)]);
        assert_eq!(told(&whole[..end as usize], &options)[2..], [('f', start, end)]);
        assert_eq!(told(&whole[..end as usize - 5], &options)[2..], [('x', start, end - 5)]);
    }
}

#[test]
fn filler_that_is_shorter_than_its_magic_is_filler() {
    for len in 0..8 {
        let filler = framed(BlockType::Dictionary, &b"TLOGFILL"[..len]);
        let bytes = log(&[small(), filler, small()]);
        let kinds: String = told(&bytes, &ReadOptions::default()).iter().map(|told| told.0).collect();
        assert_eq!(kinds, "sdfd", "{len} bytes");
    }
}

#[test]
fn filler_with_a_wrong_size_swallows_nothing() {
    let filler = framed(BlockType::Dictionary, b"TLOGFILL and more");
    let bytes = log(&[small(), filler, small().repeat(20)]);
    let at = log(&[small()]).len() + 1;
    for bit in 0..8 {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        let (delivered, causes) = read(&flipped);
        assert_eq!((delivered, causes.len()), (21, 1), "bit {bit}: {causes:?}");
    }
}

/// A file that is mostly a hole.
struct Sparse {
    size: u64,
    start: Vec<u8>,
    end: Vec<u8>,
    read: Cell<u64>,
}

impl Sparse {
    fn new(size: u64, start: Vec<u8>, end: Vec<u8>) -> Self {
        Self { size, start, end, read: Cell::new(0) }
    }

    fn byte(&self, at: u64) -> u8 {
        let in_end = at.checked_sub(self.size - self.end.len() as u64);
        let byte = in_end.map_or_else(|| self.start.get(at as usize), |at| self.end.get(at as usize));
        byte.copied().unwrap_or(0)
    }
}

impl ReadAt for Sparse {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.read.set(self.read.get() + out.len() as u64);
        out.iter_mut().zip(offset..).for_each(|(byte, at)| *byte = self.byte(at));
        Ok(())
    }
}

const HUNDRED_GB: u64 = 100 << 30;

#[test]
fn a_block_of_a_hundred_gigabytes_is_refused_before_it_is_read() {
    let (header, len) = BlockHeader::encode(BlockType::Data, HUNDRED_GB - 100);
    let file = Sparse::new(HUNDRED_GB, [&FILE_HEADER, &header[..len]].concat(), Vec::new());
    let blocks = Blocks::open(&file).unwrap();
    assert!(matches!(blocks.block(9), Err(Error::Limit { limit: 0x400_0000, .. })));
    assert!(matches!(blocks.with_max_block(1 << 20).block(9), Err(Error::Limit { limit: 0x10_0000, .. })));
    assert!(file.read.get() < 100);
}

fn index(entries: &[(u64, u64)]) -> Vec<u8> {
    let entries = entries.iter().map(|&(identifier, schema_location)| IndexEntry {
        identifier,
        schema_location,
        final_record: None,
    });
    let mut out = vec![0; IndexBlock::encoded_len(entries.clone())];
    IndexBlock::encode(entries, &mut out).unwrap();
    out
}

#[test]
fn an_index_cannot_have_the_same_bytes_read_over_and_over() {
    // Schema blocks that overlap: each claims to reach to the same place.
    let (mut start, mut entries) = (FILE_HEADER.to_vec(), Vec::new());
    for identifier in 0..100_u8 {
        entries.push((u64::from(identifier), start.len() as u64));
        let claimed = (8 << 20) - start.len() - 6;
        start.extend([&[1], &long_varuint(claimed)[..], &[identifier, 0, 1, b'x', 9]].concat());
    }
    let size = 10 << 20;
    let overlapping = Sparse::new(size, start, index(&entries));
    let blocks = Blocks::open(&overlapping).unwrap();
    assert!(matches!(blocks.index(), Err(Error::Format { cause: Cause::Index, .. })));
    assert!(overlapping.read.get() < 3 * size, "{}", overlapping.read.get());

    let start = [FILE_HEADER.to_vec(), schema(1, "one", &[9])].concat();
    let twice = [start.clone(), index(&[(1, 9), (1, 9)])].concat();
    assert!(matches!(Blocks::open(&twice[..]).unwrap().index(), Err(Error::Format { cause: Cause::Index, .. })));
    let once = [start, index(&[(1, 9)])].concat();
    assert_eq!(Blocks::open(&once[..]).unwrap().index().unwrap().unwrap().records.len(), 1);
}
