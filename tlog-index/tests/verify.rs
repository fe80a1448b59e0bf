//! Each defect is found, called what it is, and nothing else is said.

use std::time::Duration;

use tlog::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use tlog::wire::{BlockHeader, BlockType, IndexBlock, IndexEntry, SeekMarker, crc};
use tlog::write::{Overrides, Writer, WriterOptions};
use tlog::{Micros, RecordId};
use tlog_index::verify::{Finding, Kind, Severity, Summary, VerifyOptions, verify};

fn schema(ty: impl Into<Type>) -> Schema {
    Schema::new(ty.into()).unwrap()
}

fn found(bytes: &[u8]) -> (Summary, Vec<Finding>) {
    let mut findings = Vec::new();
    let summary = verify(bytes, &VerifyOptions::default(), |finding| findings.push(finding)).unwrap();
    assert_eq!(summary.errors + summary.warnings + summary.notes, findings.len() as u64);
    (summary, findings)
}

fn kinds(bytes: &[u8]) -> Vec<Kind> {
    found(bytes).1.into_iter().map(|finding| finding.kind).collect()
}

fn writer() -> Writer<Vec<u8>> {
    WriterOptions::new().seek_period(Some(Duration::from_millis(10))).open(Vec::new())
}

/// Two records, markers, an index.
fn log() -> Vec<u8> {
    let mut log = writer();
    let text = log.declare("text", &schema(Type::String)).unwrap();
    let counter = log.declare("counter", &schema(Type::FixedUint(Width::W2))).unwrap();
    for i in 0..30_u16 {
        log.write(counter, Micros(i64::from(i) * 2000), &i.to_le_bytes()).unwrap();
        if i % 3 == 0 {
            log.write(text, Micros(i64::from(i) * 2000 + 1), b"\x02hi").unwrap();
        }
    }
    log.finish().unwrap()
}

/// The blocks of this type: where they are.
fn blocks(bytes: &[u8], wanted: BlockType) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 9;
    while at < bytes.len() {
        let header = BlockHeader::parse(&bytes[at..]).unwrap();
        let end = at + header.block_len().unwrap() as usize;
        if header.block_type == wanted {
            found.push(at..end);
        }
        at = end;
    }
    found
}

#[test]
fn a_whole_log_has_no_defects() {
    let (summary, findings) = found(&log());
    assert!(findings.is_empty() && summary.worst().is_none(), "{findings:?}");
    assert_eq!((summary.data_blocks, summary.largest_step_back, summary.payloads_checked), (40, None, true));
    let without_payloads = VerifyOptions { payloads: false, ..VerifyOptions::default() };
    let summary = verify(&log(), &without_payloads, |finding| panic!("{finding:?}")).unwrap();
    assert!(!summary.payloads_checked);
}

#[test]
fn damage_is_called_by_its_name() {
    let bytes = log();
    let data = blocks(&bytes, BlockType::Data);
    let index = blocks(&bytes, BlockType::Index)[0].clone();
    let damaged = |at: usize, flip: u8| {
        let mut bytes = bytes.clone();
        bytes[at] ^= flip;
        bytes
    };
    let (_, findings) = found(&damaged(data[7].end - 1, 1));
    assert_eq!((findings[0].kind, findings.len()), (Kind::Checksum, 1));
    assert_eq!(findings[0].range, data[7].start as u64..data[7].end as u64);
    assert_eq!(kinds(&damaged(3, 1)), [Kind::FileHeader]);
    assert_eq!(kinds(&bytes[9..])[0], Kind::FileHeader);
    assert_eq!(kinds(&bytes[..bytes.len() - 1]), [Kind::Truncated, Kind::IndexMissing]);
    assert_eq!(kinds(&bytes[..index.start]), [Kind::IndexMissing]);
    assert_eq!(kinds(&[&bytes[..], &[0; 40]].concat()), [Kind::Trailing, Kind::IndexMissing]);
    let schemas = blocks(&bytes, BlockType::Schema);
    let without_schema = [&bytes[..schemas[0].start], &bytes[schemas[0].end..]].concat();
    let (summary, _) = found(&without_schema);
    assert_eq!(summary.count(Kind::Undeclared), 10);
    let unknown = [&bytes[..data[3].start], &[77, 3, 1, 2, 3], &bytes[data[3].start..]].concat();
    assert_eq!(found(&unknown).1[0].kind, Kind::UnknownBlock);
    let marker = blocks(&bytes, BlockType::SeekMarker)[1].clone();
    assert_eq!(kinds(&damaged(marker.start + 20, 1)), [Kind::Checksum]);
}

#[test]
fn the_index_is_compared_with_the_log() {
    let bytes = log();
    let at = blocks(&bytes, BlockType::Index)[0].start;
    let entries: Vec<IndexEntry> = IndexBlock::parse(&bytes[at..]).unwrap().entries().collect();
    let with = |entries: &[IndexEntry]| {
        let mut out = [0; 200];
        let len = IndexBlock::encode(entries.iter().copied(), &mut out).unwrap();
        [&bytes[..at], &out[..len]].concat()
    };
    assert_eq!(with(&entries), bytes);
    assert_eq!(kinds(&with(&entries[..1])), [Kind::IndexIncomplete]);
    let first = entries[0];
    let earlier = blocks(&bytes, BlockType::Data)[1].start as u64;
    for (changed, kind) in [
        (IndexEntry { final_record: Some(earlier), ..first }, Kind::IndexWrong),
        (IndexEntry { schema_location: 9 + 1, ..first }, Kind::IndexWrong),
        (IndexEntry { final_record: None, ..first }, Kind::IndexIncomplete),
    ] {
        assert_eq!(kinds(&with(&[changed, entries[1]])), [kind], "{changed:?}");
    }
    let (_, findings) = found(&with(&[entries[0], entries[1], IndexEntry { identifier: 9, ..first }]));
    assert_eq!(findings[0].kind, Kind::IndexWrong);
    assert!(findings[0].message.contains("record 9"));
}

#[test]
fn markers_must_tell_the_truth() {
    let bytes = log();
    let at = blocks(&bytes, BlockType::SeekMarker)[2].clone();
    let marker = SeekMarker::parse(&bytes[at.clone()]).unwrap().unwrap();
    let elements: Vec<(u64, u64)> = marker.elements().collect();
    let with = |time: i64, elements: &[(u64, u64)]| {
        let mut out = [0; 200];
        let len = SeekMarker::encode(time, elements.iter().copied(), &mut out).unwrap();
        // Of the same length, so that nothing else moves.
        assert!(len <= at.len());
        [&bytes[..at.start], &out[..len], &bytes[at.end..]].concat()
    };
    let time = marker.timestamp;
    assert_eq!(kinds(&with(time, &elements)), []);
    assert_eq!(kinds(&with(time + 1, &elements)), [Kind::MarkerTime]);
    assert_eq!(kinds(&with(1, &elements)), [Kind::MarkerTime, Kind::MarkerOrder]);
    assert_eq!(kinds(&with(time, &[elements[0], (elements[1].0, elements[1].1 + 1)])), [Kind::MarkerElement]);
    assert_eq!(kinds(&with(time, &[elements[0], (5, 3)])), [Kind::MarkerElement]);
    assert!(kinds(&with(time, &elements[..1])).contains(&Kind::MarkerElement));
}

#[test]
fn times_that_step_back_are_measured() {
    let mut log = writer();
    let id = log.declare("state", &schema(Type::Null)).unwrap();
    for time in [100, 200, 150, 160, 400, 390, i64::MAX, 500] {
        log.write(id, Micros(time), &[]).unwrap();
    }
    let (summary, findings) = found(&log.finish().unwrap());
    assert_eq!(summary.count(Kind::TimeStepsBack), 2);
    assert_eq!((summary.largest_step_back, summary.largest_delay), (Some(50), Some(50)));
    assert!(findings.iter().all(|finding| finding.severity == Severity::Warning));
}

#[test]
fn previous_offsets_must_lead_to_the_block_before() {
    let bytes = log();
    let block = blocks(&bytes, BlockType::Data)[9].clone();
    // type, size, identifier, flags, then the distance in one byte, the time, the checksum.
    for (distance, kinds_expected) in
        [(bytes[block.start + 4] + 1, vec![Kind::PreviousOffset]), (0, vec![Kind::PreviousOffset])]
    {
        let mut changed = bytes.clone();
        changed[block.start + 4] = distance;
        let at = 4 + 1 + 8;
        let checksum = crc::block_crc(&changed[block.clone()], at);
        changed[block.start + at..block.start + at + 4].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(kinds(&changed), kinds_expected);
    }
    // What leads into a stretch that was lost is right.
    let mut damaged = bytes.clone();
    damaged[block.end - 1] ^= 1;
    assert_eq!(kinds(&damaged), [Kind::Checksum]);
}

#[test]
fn payloads_must_be_what_the_schema_says() {
    let mut log = writer();
    let number = log.declare("number", &schema(Type::FixedUint(Width::W4))).unwrap();
    log.write(number, Micros(1), &[1, 2, 3, 4]).unwrap();
    log.write(number, Micros(2), &[1, 2, 3]).unwrap();
    log.write(number, Micros(3), &[1, 2, 3, 4, 5]).unwrap();
    let text = log.declare("text", &schema(Type::String)).unwrap();
    let mut long = vec![99];
    long.extend([b'x'; 98]);
    log.write(text, Micros(4), &long).unwrap();
    let bytes = log.finish().unwrap();
    let (_, findings) = found(&bytes);
    let told: Vec<_> = findings.iter().map(|f| (f.kind, f.record.as_deref())).collect();
    let number = Some("number");
    assert_eq!(told, [(Kind::Payload, number), (Kind::PayloadSurplus, number), (Kind::Payload, Some("text"))]);
    let without_payloads = VerifyOptions { payloads: false, ..VerifyOptions::default() };
    verify(&bytes, &without_payloads, |finding| panic!("{finding:?}")).unwrap();
}

#[test]
fn declarations_that_readers_stumble_over_are_named() {
    let signed = Enum::new(IntegerType::Varint, [Symbol { value: 1, name: "on".to_owned() }]);
    for (name, ty, kind) in [
        ("9lives", Type::Null, Kind::NamePortability),
        ("mode", signed.into(), Kind::SchemaPortability),
        ("a", Object::new([Field::new("x y", Type::Null)]).into(), Kind::SchemaPortability),
    ] {
        let mut log = writer();
        log.declare_raw(RecordId(1), name, &schema(ty).to_bytes()).unwrap();
        assert_eq!(kinds(&log.finish().unwrap()), [kind, Kind::NoData], "{name}");
    }
    let mut log = writer();
    log.declare_raw(RecordId(1), "a", &[&schema(Type::Null).to_bytes()[..], &[9, 9]].concat()).unwrap();
    log.write(RecordId(1), Micros(1), &[]).unwrap();
    // The same again is nothing to tell of.
    log.declare_raw(RecordId(1), "a", &[&schema(Type::Null).to_bytes()[..], &[9, 9]].concat()).unwrap();
    log.write(RecordId(1), Micros(2), &[]).unwrap();
    log.declare_raw(RecordId(1), "b", &schema(Type::Null).to_bytes()).unwrap();
    log.write(RecordId(1), Micros(3), &[]).unwrap();
    log.declare_raw(RecordId(2), "b", &schema(Type::Null).to_bytes()).unwrap();
    log.write(RecordId(2), Micros(4), &[]).unwrap();
    let expected = [Kind::SchemaSurplus, Kind::SchemaSurplus, Kind::Redeclared, Kind::NameReused];
    assert_eq!(kinds(&log.finish().unwrap()), expected);
}

#[test]
fn missing_checksums_and_times_are_told() {
    let mut log = writer();
    let id = log.declare("state", &schema(Type::Null)).unwrap();
    log.write(id, Micros(1), &[]).unwrap();
    log.write_data(id, Micros(2), &[], Overrides { checksum: Some(false), ..Overrides::default() }).unwrap();
    log.write(id, None, &[]).unwrap();
    log.write(id, None, &[]).unwrap();
    assert_eq!(kinds(&log.finish().unwrap()), [Kind::ChecksumMissing, Kind::NoTime]);
    let mut log = WriterOptions::new().checksums(false).open(Vec::new());
    let id = log.declare("state", &schema(Type::Null)).unwrap();
    log.write(id, Micros(1), &[]).unwrap();
    assert_eq!(kinds(&log.finish().unwrap()), []);
}

#[test]
fn concatenated_logs_are_two_logs() {
    let bytes = log();
    let (summary, _) = found(&[&bytes[..], &bytes].concat());
    assert_eq!((summary.count(Kind::AnotherLog), summary.count(Kind::IndexWrong)), (1, 2));
    assert_eq!((summary.count(Kind::Redeclared), summary.count(Kind::MarkerElement)), (0, 0));
}

#[test]
fn what_repeats_is_counted_and_not_told() {
    let mut log = WriterOptions::new().index(false).open(Vec::new());
    let id = log.declare("state", &schema(Type::Null)).unwrap();
    for i in 0..1000 {
        log.write(id, Micros(-i), &[]).unwrap();
    }
    let bytes = log.finish().unwrap();
    let mut told = 0;
    let summary = verify(&bytes, &VerifyOptions { listed: 5, ..VerifyOptions::default() }, |_| told += 1).unwrap();
    assert_eq!((told, summary.count(Kind::TimeStepsBack), summary.warnings), (6, 999, 1000));
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["counts"][0]["kind"], "time-steps-back");
    assert_eq!(
        (json["counts"][0]["told"].clone(), json["counts"][0]["severity"].clone()),
        (5.into(), "warning".into())
    );
}

#[test]
fn any_bytes_can_be_verified() {
    let bytes = log();
    for cut in 0..bytes.len() {
        found(&bytes[..cut]);
        let mut flipped = bytes.clone();
        flipped[cut] ^= 0x11;
        let (summary, _) = found(&flipped);
        // A schema may stay valid, with another name: only what stands elsewhere tells, and not always.
        let in_schema = blocks(&bytes, BlockType::Schema).iter().any(|block| block.contains(&cut));
        assert!(summary.worst().is_some() || in_schema, "byte {cut}");
    }
}
