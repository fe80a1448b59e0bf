//! Reading what has no right start: files searched from their first byte on, schemas known from a sibling log.

mod support;

use std::sync::Arc;

use support::Dribble;
use tlog::read::{Cause, Data, Event, ReadOptions, RecordType, Skipped, SliceReader, StreamReader};
use tlog::schema::{Schema, Type};
use tlog::wire::{BlockHeader, BlockType};
use tlog::write::WriterOptions;
use tlog::{Error, Micros, Writer};

/// Two records, alternately: texts that get longer, and counters.
fn log(options: &WriterOptions) -> Vec<u8> {
    let mut log = options.open(Vec::new());
    let text = log.declare("text", &Schema::new(Type::Bytes).unwrap()).unwrap();
    let counter = log.declare("counter", &Schema::new(Type::Varuint).unwrap()).unwrap();
    for i in 0..60_u8 {
        let len = i % 100;
        let payload: Vec<u8> = std::iter::once(len).chain((0..len).map(|at| at.wrapping_mul(37) ^ i)).collect();
        log.write(text, Micros(i64::from(i) * 1000), &payload).unwrap();
        log.write(counter, Micros(i64::from(i) * 1000 + 1), &[i]).unwrap();
    }
    log.finish().unwrap()
}

/// Where the blocks of an intact log start, by kind.
fn starts(bytes: &[u8], kind: BlockType) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 9;
    while at < bytes.len() {
        let header = BlockHeader::parse(&bytes[at..]).unwrap();
        if header.block_type == kind {
            starts.push(at);
        }
        at += header.block_len().unwrap() as usize;
    }
    starts
}

type Instance = (String, Option<Micros>, Vec<u8>);

fn instance(data: &Data<'_>) -> Instance {
    (data.record.name.clone(), data.time, data.payload.to_vec())
}

/// What is delivered and what is skipped; by both readers the same.
fn read(bytes: &[u8], options: &ReadOptions) -> (Vec<Instance>, Vec<Skipped>) {
    let (mut data, mut skipped) = (Vec::new(), Vec::new());
    let mut reader = SliceReader::new(bytes, options.clone());
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            Event::Data(found) => data.push(instance(&found)),
            Event::Skipped(found) => skipped.push(found),
            _ => {}
        }
    }
    let mut stream = StreamReader::new(Dribble::new(bytes, 61), options.clone());
    let mut streamed = Vec::new();
    while let Some(found) = stream.next_data().unwrap() {
        streamed.push(instance(&found));
    }
    assert_eq!(streamed, data);
    assert!(stream.damage().first.iter().eq(skipped.iter().take(64)));
    (data, skipped)
}

fn records(bytes: &[u8]) -> Vec<Arc<RecordType>> {
    let mut reader = SliceReader::new(bytes, ReadOptions::default());
    while reader.next_event().unwrap().is_some() {}
    reader.records().cloned().collect()
}

fn salvage() -> ReadOptions {
    ReadOptions { salvage: true, ..ReadOptions::default() }
}

#[test]
fn a_file_without_its_header_is_read_only_when_asked_for() {
    let bytes = log(&WriterOptions::new());
    let (all, _) = read(&bytes, &ReadOptions::default());
    let mut overwritten = bytes.clone();
    overwritten[..9].fill(0x55);
    for damaged in [&bytes[9..], &overwritten] {
        let refused = SliceReader::new(damaged, ReadOptions::default()).next_event().map(drop);
        assert!(matches!(refused, Err(Error::Format { offset: 0, cause: Cause::FileHeader(_) })));
        let (found, skipped) = read(damaged, &salvage());
        assert_eq!(found, all);
        // Right behind, where the index is, nothing is where it says.
        assert_eq!(skipped[0].range, 0..(damaged.len() + 9 - bytes.len()) as u64);
        assert!(matches!(skipped[0].cause, Cause::FileHeader(_)));
    }
    for nothing in [&b""[..], b"TLO", b"TLOG0003", &[0; 700]] {
        assert_eq!(read(nothing, &salvage()).0, []);
    }
}

#[test]
fn lost_schemas_are_made_up_for_by_a_sibling() {
    let bytes = log(&WriterOptions::new());
    let (all, _) = read(&bytes, &ReadOptions::default());
    let first_data = starts(&bytes, BlockType::Data)[0];
    let (found, skipped) = read(&bytes[first_data..], &salvage());
    assert!(found.is_empty() && skipped.iter().any(|s| s.cause == Cause::Undeclared(1)), "{skipped:?}");
    let with_sibling = ReadOptions { known: records(&bytes), ..salvage() };
    assert_eq!(read(&bytes[first_data..], &with_sibling).0, all);
    // Behind the header of another log they are known again.
    let twice = [&bytes[..], &bytes[..9], &bytes[first_data..]].concat();
    assert_eq!(read(&twice, &with_sibling).0, [all.clone(), all].concat());
}

#[test]
fn the_logs_own_declarations_replace_known_ones() {
    let bytes = log(&WriterOptions::new());
    let mut other = Writer::new(Vec::new());
    other.declare("other", &Schema::new(Type::Float64).unwrap()).unwrap();
    let known = records(&other.finish().unwrap());
    let (all, _) = read(&bytes, &ReadOptions::default());
    assert_eq!(read(&bytes, &ReadOptions { known, ..ReadOptions::default() }), (all, Vec::new()));
}

#[test]
fn what_cannot_be_decompressed_is_not_delivered_as_stored_either() {
    let mut log = WriterOptions::new().checksums(false).open(Vec::new());
    let text = log.declare("text", &Schema::new(Type::Bytes).unwrap()).unwrap();
    for i in 0..9_u8 {
        let payload: Vec<u8> = std::iter::once(100).chain([i; 100]).collect();
        log.write(text, None, &payload).unwrap();
    }
    let mut bytes = log.finish().unwrap();
    let third = starts(&bytes, BlockType::Data)[2];
    // The length that the compressed payload claims.
    let claim = bytes[third..].iter().position(|&byte| byte == 101).unwrap() + third;
    bytes[claim] = 90;
    for raw_payloads in [false, true] {
        let (found, skipped) = read(&bytes, &ReadOptions { raw_payloads, ..ReadOptions::default() });
        assert_eq!((found.len(), skipped.len()), (8, 1), "{skipped:?}");
        assert!(matches!(skipped[0].cause, Cause::Snappy(_)));
    }
}

#[test]
fn stored_payloads_are_written_as_they_are() {
    for compression in [true, false] {
        let bytes = log(&WriterOptions::new().compression(compression));
        let mut reader = SliceReader::new(&bytes, ReadOptions { raw_payloads: true, ..ReadOptions::default() });
        let mut copy = Writer::new(Vec::new());
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                Event::Schema(record) => {
                    copy.declare_as(tlog::RecordId(record.identifier), &record.name, &record.schema).unwrap();
                }
                Event::Data(data) => {
                    let compressed = data.flags.contains(tlog::wire::DataFlags::SNAPPY);
                    let id = tlog::RecordId(data.record.identifier);
                    copy.write_stored(id, data.time, data.payload, compressed).unwrap();
                }
                _ => {}
            }
        }
        let payload: u64 = records(&bytes)
            .iter()
            .map(|r| copy.record_stats(tlog::RecordId(r.identifier)).unwrap().payload_bytes)
            .sum();
        let (all, _) = read(&bytes, &ReadOptions::default());
        assert_eq!(payload, all.iter().map(|(.., payload)| payload.len() as u64).sum::<u64>());
        assert!(copy.finish().unwrap() == bytes, "compression {compression}");
    }
}

/// A block that is long enough to seem to cover what was moved under it.
fn log_with_a_long_block() -> (Vec<u8>, usize, usize) {
    let mut log = WriterOptions::new().compression(false).open(Vec::new());
    let image = log.declare("image", &Schema::new(Type::Bytes).unwrap()).unwrap();
    let counter = log.declare("counter", &Schema::new(Type::Varuint).unwrap()).unwrap();
    let mut time = 0..;
    let mut now = || Micros(time.next().unwrap());
    for i in 0..40_u8 {
        log.write(counter, now(), &[i]).unwrap();
        if i == 9 {
            log.write(image, now(), &[&[0xb8, 0x08][..], &[0x7e; 1080]].concat()).unwrap();
        }
    }
    let bytes = log.finish().unwrap();
    let long = starts(&bytes, BlockType::Data)[10];
    let len = BlockHeader::parse(&bytes[long..]).unwrap().block_len().unwrap() as usize;
    (bytes, long, len)
}

#[test]
fn bytes_missing_from_a_block_do_not_cost_the_blocks_that_it_then_seems_to_cover() {
    let (bytes, long, len) = log_with_a_long_block();
    let followers: Vec<usize> = starts(&bytes, BlockType::Data).into_iter().filter(|&at| at > long).collect();
    // Just so many that the size leads to a block again.
    for follower in &followers[1..20] {
        let missing = follower - (long + len);
        let damaged = [&bytes[..long + 200], &bytes[long + 200 + missing..]].concat();
        let (found, _) = read(&damaged, &ReadOptions::default());
        assert_eq!(found.len(), 40, "{missing} bytes missing");
    }
}

#[test]
fn a_log_that_is_payload_stays_payload_when_its_block_is_damaged() {
    let inner = log(&WriterOptions::new().compression(false));
    let mut log = WriterOptions::new().compression(false).open(Vec::new());
    let file = log.declare("file", &Schema::new(Type::Bytes).unwrap()).unwrap();
    let counter = log.declare("counter", &Schema::new(Type::Varuint).unwrap()).unwrap();
    for i in 0..20_u8 {
        log.write(counter, Micros(i.into()), &[i]).unwrap();
        if i == 9 {
            let mut payload = Vec::new();
            tlog::value::put_varuint(inner.len() as u64, &mut payload);
            payload.extend(&inner);
            log.write(file, Micros(i.into()), &payload).unwrap();
        }
    }
    let mut bytes = log.finish().unwrap();
    let long = starts(&bytes, BlockType::Data)[10];
    bytes[long + 25] ^= 0x10;
    let (found, skipped) = read(&bytes, &ReadOptions::default());
    assert_eq!((found.len(), skipped.len()), (20, 1), "{skipped:?}");
    assert!(found.iter().all(|(name, ..)| name == "counter"));
}
