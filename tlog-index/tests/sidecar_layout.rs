//! The bytes of a sidecar are those that `docs/sidecar.md` describes.

mod support;

use support::saved::Saved;
use tlog::Micros;
use tlog::schema::{Schema, Type, Width};
use tlog::write::WriterOptions;
use tlog_index::scan::ScanOptions;
use tlog_index::sidecar::{self, LogState, path_of};

/// A record `r` of two numbers, at 1 s and 2 s: blocks at 9, 17 and 31.
fn log() -> Vec<u8> {
    let options = WriterOptions::new().compression(false).checksums(false).previous_offsets(false).index(false);
    let mut log = options.seek_period(None).open(Vec::new());
    let id = log.declare("r", &Schema::new(Type::FixedUint(Width::W2)).unwrap()).unwrap();
    log.write(id, Micros(1_000_000), &300u16.to_le_bytes()).unwrap();
    log.write(id, Micros(2_000_000), &7u16.to_le_bytes()).unwrap();
    log.finish().unwrap()
}

const TYPES: &[u8] = &[
    1, // a list of one
    1, // identifier
    1, b'r', // name
    2, 4, 2, // type encoding: fixeduint of two bytes
];

/// 1,000,000 and 2,000,000 as int, and their difference as uint.
const SECOND_1: [u8; 3] = [0x80, 0x89, 0x7a];
const SECOND_2: [u8; 4] = [0x80, 0x92, 0xf4, 0x01];
const SECOND: [u8; 3] = [0xc0, 0x84, 0x3d];

fn index() -> Vec<u8> {
    let nothing: &[u8] = &[
        0, 16, // the front ends at 0; spans of 64 KiB
        0, 0, 0, 0, // no records, schema blocks, further headers, spans
        0, 0, 0, 0, 0, // order of times: no times, none missing, no steps back, no ends
        0, 0, // no markers, no index
        0, 0, 0, // nothing skipped
    ];
    let place: &[u8] = &[9, 0, 0]; // behind the file header; nothing seen, nothing declared
    [
        nothing,
        place,
        &[45, 16],               // the log's end; spans of 64 KiB
        &[1, 0, 9],              // one record: the first type, declared at 9
        &[2, 28, 4, 4, 0, 0, 2], // instances, bytes, stored, unpacked; compressed, with checksum, with time
        &[1],
        &SECOND_1,
        &SECOND, // earliest and latest time
        &[1],
        &SECOND_1,
        &[17],
        &SECOND_2, // first and last time
        &[1],
        &SECOND,
        &[31],       // longest time between two, which ends at 31
        &[0, 0, 0],  // no previous offsets
        &[2, 31, 0], // the latest is at 31; nothing unchecked
        &[1, 5, 31, 0],
        &SECOND_1,
        &SECOND,       // one cell: two instances with times, at 31 the last and the latest
        &[1, 9, 0],    // a schema block at 9, of the first record
        &[0],          // no further headers
        &[1, 9, 0],    // a span from 9, where nothing has been seen
        &[2, 0, 0, 0], // two times, none missing, no steps back
        &[1],
        &SECOND_1,
        &[17],
        &SECOND_2,  // first and last time
        &[0, 0],    // no markers, no index
        &[0, 0, 0], // nothing skipped
    ]
    .concat()
}

const FIELDS: &[u8] = &[
    1, // the tail's record has ranges; the front has no records
    1, // which are known
    1, 0, // one field; groups as long as spans
    1, 0, 2, 1, // one group: number 0, two instances, all decode
    1, 14, 0xa5, 0x02, // integers, as many as instances: 7, and 293 more
];

#[test]
fn every_byte_is_as_documented() {
    let log = log();
    let saved = Saved::new(&log);
    saved.scan_and_save(&ScanOptions { workers: 1, fields: true, ..ScanOptions::default() }).unwrap();
    let sections = [TYPES, &index(), FIELDS];
    let mut expected = b"TLOGX\r\n\x1a".to_vec();
    expected.extend([1, 0, 0, 0, 3, 0, 0, 0]);
    expected.extend((log.len() as u64).to_le_bytes());
    expected.extend(LogState::of(&saved.log, &log).unwrap().modified.to_le_bytes());
    expected.extend(crc32fast::hash(&log).to_le_bytes());
    for section in sections {
        expected.extend((section.len() as u64).to_le_bytes());
        expected.extend(crc32fast::hash(section).to_le_bytes());
    }
    expected.extend(crc32fast::hash(&expected).to_le_bytes());
    expected.extend(sections.concat());
    assert_eq!(std::fs::read(path_of(&saved.log)).unwrap(), expected);
    assert_eq!(sidecar::freshness(&saved.log).unwrap(), sidecar::Freshness::Fresh);
}
