//! Random logs with random damage: both readers tell the same, account for every byte, invent nothing
//! and lose nothing that is intact.

use std::io::Read;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tlog::read::{Cause, Event, ReadOptions, SliceReader, StreamReader};
use tlog::wire::{BlockHeader, BlockType, DataFlags, DataHeader, FILE_HEADER, IndexBlock, IndexEntry, SeekMarker};
use tlog::wire::{block, crc, data};

/// The types of the records, in binary: bytes, an array of varuints, an object of u8 and string, u32.
const TYPES: [&[u8]; 4] = [&[9], &[18, 6], b"\x10\0\0\x02ab\0\x04\x01\0\0\x02cd\0\x0a\0\0\0\0\0\0", &[4, 4]];

/// What a log is made of.
#[derive(Clone, Debug)]
enum Part {
    Data { record: usize, contents: Vec<u8>, checksum: bool, compress: bool, chained: bool, time: Option<i64> },
    Marker,
    Unknown(Vec<u8>),
    Filler(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Checksums {
    All,
    None,
    Some,
}

/// A data block of a log.
#[derive(Clone, Debug)]
struct Original {
    start: usize,
    end: usize,
    payload: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
struct Built {
    bytes: Vec<u8>,
    /// Where the schemas of the first log end.
    declared_at: usize,
    originals: Vec<Original>,
}

/// Many of the bytes are those that blocks start with.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![2 => select(vec![0u8, 1, 2, 3, 4, 5, 7, 9, 0x14, 0x80]), 1 => any::<u8>()];
    prop_oneof![9 => vec(byte, 0..40), 1 => vec(Just(7u8), 100..400)]
}

fn part(checksums: Checksums) -> impl Strategy<Value = Part> {
    let checksum = match checksums {
        Checksums::All => Just(true).boxed(),
        Checksums::None => Just(false).boxed(),
        Checksums::Some => any::<bool>().boxed(),
    };
    let flags = (checksum, any::<bool>(), prop::bool::weighted(0.8), prop::option::of(0..1000i64));
    let data =
        (0..TYPES.len(), contents(), flags).prop_map(|(record, contents, (checksum, compress, chained, time))| {
            Part::Data { record, contents, checksum, compress, chained, time }
        });
    prop_oneof![
        12 => data,
        1 => Just(Part::Marker),
        1 => contents().prop_map(Part::Unknown),
        1 => (0..60usize).prop_map(Part::Filler),
    ]
}

/// The contents as a value of the record's type.
fn payload(record: usize, contents: &[u8]) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&varuint(bytes.len() as u64), bytes].concat();
    match record {
        0 => sized(contents),
        1 => [varuint(contents.len() as u64), contents.iter().map(|byte| byte & 0x7f).collect()].concat(),
        2 => [vec![contents.len() as u8], sized(contents)].concat(),
        _ => [contents, &[0; 4]].concat()[..4].to_vec(),
    }
}

fn varuint(value: u64) -> Vec<u8> {
    let mut out = [0; 10];
    let len = tlog::wire::varuint::encode(value, &mut out);
    out[..len].to_vec()
}

fn framed(block_type: BlockType, body: &[u8]) -> Vec<u8> {
    let (header, len) = BlockHeader::encode(block_type, body.len() as u64);
    [&header[..len], body].concat()
}

impl Built {
    fn add_log(&mut self, parts: &[Part], with_index: bool) {
        let base = self.bytes.len();
        self.bytes.extend(FILE_HEADER);
        let mut schemas = Vec::new();
        for (id, ty) in (1u8..).zip(TYPES) {
            schemas.push(self.bytes.len() - base);
            self.bytes.extend(framed(BlockType::Schema, &[&[id, 0, 1, b'a' + id], ty].concat()));
        }
        if base == 0 {
            self.declared_at = self.bytes.len();
        }
        let mut latest = [None; TYPES.len()];
        for part in parts {
            self.add_part(part, &mut latest);
        }
        let entries = schemas.iter().zip(&latest).zip(1..).map(|((schema, last), identifier)| IndexEntry {
            identifier,
            schema_location: *schema as u64,
            final_record: last.map(|at: usize| (at - base) as u64),
        });
        if with_index {
            let mut out = [0; 256];
            let len = IndexBlock::encode(entries, &mut out).unwrap();
            self.bytes.extend(&out[..len]);
        }
    }

    fn add_part(&mut self, part: &Part, latest: &mut [Option<usize>; TYPES.len()]) {
        let start = self.bytes.len();
        match part {
            Part::Data { record, contents, checksum, compress, chained, time } => {
                let payload = payload(*record, contents);
                let previous = latest[*record].map_or(0, |last| (start - last) as u64);
                let chained = chained.then_some(previous);
                self.bytes.extend(data_block(*record as u64 + 1, &payload, *checksum, *compress, chained, *time));
                latest[*record] = Some(start);
                self.originals.push(Original { start, end: self.bytes.len(), payload });
            }
            Part::Marker => {
                let elements = latest.iter().zip(1u64..).filter_map(|(last, id)| Some((id, (start - (*last)?) as u64)));
                let mut out = [0; 256];
                let len = SeekMarker::encode(7, elements, &mut out).unwrap();
                self.bytes.extend(&out[..len]);
            }
            Part::Unknown(body) => self.bytes.extend(framed(BlockType::Unknown(77), body)),
            Part::Filler(len) => {
                let body: Vec<u8> = block::FILLER_MAGIC.into_iter().chain([0; 60]).take(*len).collect();
                self.bytes.extend(framed(BlockType::Dictionary, &body));
            }
        }
    }
}

fn data_block(
    id: u64,
    payload: &[u8],
    checksum: bool,
    compress: bool,
    chained: Option<u64>,
    time: Option<i64>,
) -> Vec<u8> {
    let packed = snap::raw::Encoder::new().compress_vec(payload).unwrap();
    let compress = compress && packed.len() < payload.len();
    let set = |on: bool, flag: DataFlags| if on { flag } else { DataFlags::default() };
    let header = DataHeader {
        identifier: id,
        flags: set(chained.is_some(), DataFlags::PREVIOUS_OFFSET)
            .with(set(time.is_some(), DataFlags::TIMESTAMP))
            .with(set(checksum, DataFlags::CHECKSUM))
            .with(set(compress, DataFlags::SNAPPY)),
        previous_offset: chained,
        timestamp: time,
        checksum: None,
        len: 0,
    };
    let stored = if compress { &packed } else { payload };
    let mut front = [0; data::MAX_FRONT_LEN];
    let front_len = header.encode(stored.len(), &mut front);
    let mut block = [&front[..front_len], stored].concat();
    if checksum {
        let at = front_len - crc::LEN;
        let crc = crc::block_crc(&block, at);
        block[at..at + crc::LEN].copy_from_slice(&crc.to_le_bytes());
    }
    block
}

/// Something that happens to a file.
#[derive(Clone, Debug)]
enum Accident {
    Flip(Index, u8),
    Zero(Index, usize),
    Cut(Index),
    Insert(Index, Vec<u8>),
    /// A copy of another stretch comes in between.
    Repeat(Index, Index, usize),
    Drop(Index, usize),
    Swap(Index, Index, usize),
}

fn accident() -> impl Strategy<Value = Accident> {
    let place = any::<Index>;
    prop_oneof![
        4 => (place(), 0..8u8).prop_map(|(at, bit)| Accident::Flip(at, bit)),
        1 => (place(), 1..200usize).prop_map(|(at, len)| Accident::Zero(at, len)),
        1 => place().prop_map(Accident::Cut),
        1 => (place(), contents()).prop_map(|(at, bytes)| Accident::Insert(at, bytes)),
        1 => (place(), place(), 1..200usize).prop_map(|(at, from, len)| Accident::Repeat(at, from, len)),
        1 => (place(), 1..200usize).prop_map(|(at, len)| Accident::Drop(at, len)),
        1 => (place(), place(), 1..100usize).prop_map(|(at, other, len)| Accident::Swap(at, other, len)),
    ]
}

/// A byte of the damaged file, and where it comes from if nothing happened to it.
type Byte = (u8, Option<usize>);

fn happen(file: &mut Vec<Byte>, accident: &Accident) {
    let len = file.len();
    if len == 0 {
        return;
    }
    match accident {
        Accident::Flip(at, bit) => file[at.index(len)] = (file[at.index(len)].0 ^ (1 << bit), None),
        Accident::Zero(at, many) => file.iter_mut().skip(at.index(len)).take(*many).for_each(|byte| *byte = (0, None)),
        Accident::Cut(at) => file.truncate(at.index(len)),
        Accident::Insert(at, bytes) => {
            file.splice(at.index(len)..at.index(len), bytes.iter().map(|byte| (*byte, None)));
        }
        Accident::Repeat(at, from, many) => {
            let copy: Vec<Byte> = file.iter().copied().skip(from.index(len)).take(*many).collect();
            file.splice(at.index(len)..at.index(len), copy);
        }
        Accident::Drop(at, many) => drop(file.drain(at.index(len)..len.min(at.index(len) + many))),
        Accident::Swap(at, other, many) => {
            let (low, high) = (at.index(len).min(other.index(len)), at.index(len).max(other.index(len)));
            let many = (*many).min(high - low).min(len - high);
            (0..many).for_each(|i| file.swap(low + i, high + i));
        }
    }
}

/// The bytes, the first `safe` of which nothing happens to.
fn damaged(bytes: &[u8], safe: usize, accidents: &[Accident]) -> Vec<Byte> {
    let mut file: Vec<Byte> = bytes.iter().zip(0..).map(|(byte, at)| (*byte, Some(at))).collect();
    let mut rest = file.split_off(safe.min(bytes.len()));
    accidents.iter().for_each(|accident| happen(&mut rest, accident));
    file.extend(rest);
    file
}

/// What an event says, in a form that outlives it.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    kind: char,
    start: u64,
    end: u64,
    payload: Vec<u8>,
    has_checksum: bool,
    cause: Option<Cause>,
}

fn tell(event: &Event<'_>, bytes: &[u8]) -> Told {
    let block_end = |start: u64| start + BlockHeader::parse(&bytes[start as usize..]).unwrap().block_len().unwrap();
    let told = |kind, start, end| Told { kind, start, end, payload: Vec::new(), has_checksum: false, cause: None };
    match event {
        Event::Schema(record) => told('s', record.location, block_end(record.location)),
        Event::Data(data) => {
            let told = told('d', data.offset, data.offset + data.block_len);
            Told { payload: data.payload.to_vec(), has_checksum: data.checksum.is_some(), ..told }
        }
        Event::Marker { offset, .. } => told('m', *offset, block_end(*offset)),
        Event::Index { offset, .. } => told('i', *offset, block_end(*offset)),
        Event::Filler { range } => told('f', range.start, range.end),
        Event::Skipped(skipped) => {
            Told { cause: Some(skipped.cause.clone()), ..told('x', skipped.range.start, skipped.range.end) }
        }
    }
}

type Reading = (Vec<Told>, Option<String>);

fn read_slice(bytes: &[u8], options: &ReadOptions) -> Reading {
    let mut reader = SliceReader::new(bytes, options.clone());
    read_all(|| Ok(reader.next_event()?.map(|event| tell(&event, bytes))))
}

fn read_stream(bytes: &[u8], sizes: &[usize], options: &ReadOptions) -> Reading {
    let pieces = Pieces { rest: bytes, sizes: sizes.iter().cycle() };
    let mut reader = StreamReader::new(pieces, options.clone());
    read_all(|| Ok(reader.next_event()?.map(|event| tell(&event, bytes))))
}

fn read_all(mut next: impl FnMut() -> tlog::Result<Option<Told>>) -> Reading {
    let mut told = Vec::new();
    loop {
        match next() {
            Ok(Some(this)) => told.push(this),
            Ok(None) => return (told, None),
            Err(e) => return (told, Some(e.to_string())),
        }
    }
}

/// Delivers bytes in pieces of the given sizes, over and over.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let size = *self.sizes.next().unwrap();
        let (now, later) = self.rest.split_at(size.min(out.len()).min(self.rest.len()));
        out[..now.len()].copy_from_slice(now);
        self.rest = later;
        Ok(now.len())
    }
}

/// Every byte behind the file header is told of once, in order; except that a schema block whose size is
/// wrong is told of first as far as it goes, and then its header as skipped.
fn check_account(told: &[Told], len: usize) {
    let mut at = FILE_HEADER.len() as u64;
    for (i, this) in told.iter().enumerate() {
        if let Some(Cause::SchemaSize { needed, .. }) = &this.cause {
            assert_eq!(at, this.start + needed);
            continue;
        }
        assert_eq!(this.start, at, "{told:?}");
        at = match told.get(i + 1).map(|next| &next.cause) {
            Some(Some(Cause::SchemaSize { needed, .. })) => this.start + needed,
            _ => this.end,
        };
        assert!(this.start < at, "{this:?} is empty");
    }
    assert_eq!(at, len as u64);
}

/// Where the untouched original starts in the damaged file, if it is there.
fn places(file: &[Byte], original: &Original) -> Vec<usize> {
    let len = original.end - original.start;
    let is_there = |at: &usize| (0..len).all(|i| file.get(at + i).is_some_and(|b| b.1 == Some(original.start + i)));
    (0..file.len()).filter(|&at| file[at].1 == Some(original.start)).filter(is_there).collect()
}

fn log(checksums: Checksums) -> impl Strategy<Value = (Vec<Part>, bool)> {
    (vec(part(checksums), 0..25), any::<bool>())
}

fn any_log() -> impl Strategy<Value = (Vec<Part>, bool)> {
    select(vec![Checksums::All, Checksums::None, Checksums::Some]).prop_flat_map(log)
}

fn build(logs: &[(Vec<Part>, bool)]) -> Built {
    let mut built = Built::default();
    logs.iter().for_each(|(parts, with_index)| built.add_log(parts, *with_index));
    built
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_readers_tell_the_same_and_account_for_every_byte(
        logs in vec(any_log(), 1..3),
        accidents in vec(accident(), 0..4),
        sizes in vec(prop_oneof![1..20usize, 1..3000usize], 1..4),
        verify in prop::bool::weighted(0.8),
        strict in prop::bool::weighted(0.1),
    ) {
        let file = damaged(&build(&logs).bytes, FILE_HEADER.len(), &accidents);
        let bytes: Vec<u8> = file.iter().map(|byte| byte.0).collect();
        let options = ReadOptions { verify, strict, ..ReadOptions::default() };
        let (told, error) = read_slice(&bytes, &options);
        prop_assert_eq!(&read_stream(&bytes, &sizes, &options), &(told.clone(), error.clone()));
        match error {
            None => check_account(&told, bytes.len()),
            Some(_) => prop_assert!(strict),
        }
    }

    #[test]
    fn what_has_a_checksum_is_neither_lost_nor_invented(
        parts in log(Checksums::All),
        accidents in vec(accident(), 1..4),
    ) {
        let built = build(&[parts]);
        let file = damaged(&built.bytes, built.declared_at, &accidents);
        let bytes: Vec<u8> = file.iter().map(|byte| byte.0).collect();
        let (told, error) = read_slice(&bytes, &ReadOptions::default());
        prop_assert_eq!(error, None);
        // Several bytes changed can make of a block one without a checksum that looks right.
        let one_bit = matches!(accidents[..], [Accident::Flip(..)]);
        for told in told.iter().filter(|told| told.kind == 'd' && (told.has_checksum || one_bit)) {
            prop_assert!(built.originals.iter().any(|original| original.payload == told.payload), "invented: {:?}", told);
        }
        // A block that came to lie in another one counts for that one's contents, unless it continues a chain:
        // it does not where distances have changed.
        let stays = |accident: &Accident| matches!(accident, Accident::Flip(..) | Accident::Zero(..) | Accident::Cut(_));
        let moved = !accidents.iter().all(stays);
        for original in built.originals.iter().filter(|_| !moved) {
            for place in places(&file, original) {
                let is_delivered = |told: &&Told| told.kind == 'd' && told.start == place as u64;
                let delivered = told.iter().find(is_delivered).map(|told| &told.payload);
                prop_assert_eq!(delivered, Some(&original.payload), "lost at {}: {:?}\n{:?}", place, original, told);
            }
        }
    }

    #[test]
    fn logs_that_were_concatenated_are_read_to_their_end(mut logs in vec(any_log(), 1..4)) {
        logs.iter_mut().for_each(|(parts, _)| parts.retain(|part| !matches!(part, Part::Unknown(_))));
        let built = build(&logs);
        let (told, error) = read_slice(&built.bytes, &ReadOptions::default());
        prop_assert_eq!(error, None);
        let payloads = |told: &Told| (told.kind == 'd').then(|| told.payload.clone());
        let delivered: Vec<Vec<u8>> = told.iter().filter_map(payloads).collect();
        let expected: Vec<Vec<u8>> = built.originals.iter().map(|original| original.payload.clone()).collect();
        prop_assert_eq!(delivered, expected);
        let headers = told.iter().filter(|told| told.cause == Some(Cause::AnotherLog)).count();
        prop_assert_eq!(headers, logs.len() - 1);
        prop_assert!(told.iter().all(|told| told.kind != 'x' || told.cause == Some(Cause::AnotherLog)), "{:?}", told);
    }
}
