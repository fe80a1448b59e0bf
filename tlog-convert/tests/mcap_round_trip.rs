//! Logs into MCAP and back: nothing is lost, and what is in between is what its schemas say.

#[path = "../../tlog/tests/arbitrary/mod.rs"]
#[allow(dead_code, reason = "the generators of the library's tests")]
mod arbitrary;
#[path = "support/json_schema.rs"]
mod json_schema;

use std::collections::{HashMap, HashSet};
use std::io::Cursor;

use arbitrary::{Payloads, payload};
use proptest::prelude::*;
use tlog::read::{ReadOptions, SliceReader};
use tlog::schema::{Schema, Type};
use tlog::write::{RecordId, WriterOptions};
use tlog::{Micros, Writer};
use tlog_convert::import::{self, Summary};
use tlog_convert::mcap::{Completeness, Compression, Exporter, Options};

/// What a log holds: name, identifier, schema, time, payload.
type Instance = (String, u64, Schema, Option<Micros>, Vec<u8>);

fn instances(log: &[u8]) -> Vec<Instance> {
    let mut reader = SliceReader::new(log, ReadOptions { strict: true, ..ReadOptions::default() });
    let mut all = Vec::new();
    while let Some(data) = reader.next_data().unwrap() {
        let record = data.record;
        all.push((record.name.clone(), record.identifier, record.schema.clone(), data.time, data.payload.to_vec()));
    }
    all
}

fn export_with(log: &[u8], options: &Options) -> (Vec<u8>, Summary) {
    let mut exporter = Exporter::new(Cursor::new(Vec::new()), options).unwrap();
    let mut reader = SliceReader::new(log, ReadOptions::default());
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            tlog::read::Event::Schema(record) => exporter.declare(record).unwrap(),
            tlog::read::Event::Data(data) => exporter.put(&data).unwrap(),
            _ => {}
        }
    }
    let end = Completeness { source: "some.tlog".to_owned(), damage: reader.damage().clone() };
    let (mcap, summary) = exporter.finish(&end).unwrap();
    (mcap.into_inner(), summary)
}

fn export(log: &[u8]) -> Vec<u8> {
    let (mcap, summary) = export_with(log, &Options::default());
    assert_eq!(summary.skipped, 0, "{:?}", summary.first);
    mcap
}

fn import(mcap: &[u8]) -> (Vec<u8>, Summary) {
    let mut log = WriterOptions::new().open(Vec::new());
    let summary = import::mcap::read(mcap, &mut log, &import::mcap::Options::default()).unwrap();
    (log.finish().unwrap(), summary)
}

/// Reads with the format's own reader, which checks the checksums: as many messages, each as its schema says.
fn assert_sound(mcap: &[u8], count: usize) {
    let summary = mcap::Summary::read(mcap).unwrap().unwrap();
    assert_eq!(summary.stats.unwrap().message_count, count as u64);
    for schema in summary.schemas.values() {
        let schema = serde_json::from_slice(&schema.data);
        // What nests as deeply as types may is more than this reader of JSON takes.
        schema.iter().for_each(json_schema::assert_foxglove_reads);
    }
    let mut found = 0;
    let mut schemas = HashMap::new();
    for message in mcap::MessageStream::new(mcap).unwrap() {
        let message = message.unwrap();
        let text = message.channel.schema.as_ref().unwrap();
        assert_eq!((text.encoding.as_str(), message.channel.message_encoding.as_str()), ("jsonschema", "json"));
        let value = serde_json::from_slice(&message.data).unwrap();
        let schema = schemas.entry(text.id).or_insert_with(|| serde_json::from_slice(&text.data).ok());
        if let Some(schema) = schema {
            assert_eq!(json_schema::violation(schema, &value), None, "{schema}");
        }
        found += 1;
    }
    assert_eq!(found, count);
}

/// JSON cannot tell fields of one name apart.
fn repeats_names(ty: &Type) -> bool {
    match ty {
        Type::Object(object) => {
            let mut names = HashSet::new();
            object.fields().iter().any(|field| !names.insert(field.name()) || repeats_names(field.ty()))
        }
        Type::Array(item) | Type::Map(item) => repeats_names(item),
        Type::FixedArray(array) => repeats_names(array.item()),
        Type::Union(members) => members.iter().any(repeats_names),
        _ => false,
    }
}

fn time() -> impl Strategy<Value = Option<Micros>> {
    prop_oneof![
        4 => (0..i64::MAX / 1000).prop_map(|micros| Some(Micros(micros))),
        2 => Just(None),
        1 => any::<i64>().prop_map(|micros| Some(Micros(micros))),
        1 => prop_oneof![Just(i64::MIN), Just(-1), Just(i64::MAX), Just(u64::MAX as i64 / 1000)].prop_map(|micros| Some(Micros(micros))),
    ]
}

/// Records by their types, each with its data.
type Records = Vec<(Type, Vec<(Option<Micros>, Vec<u8>)>)>;

fn records() -> impl Strategy<Value = Records> {
    let record = arbitrary::ty().prop_flat_map(|ty| {
        let data = proptest::collection::vec((time(), payload(&ty, Payloads::Canonical)), 0..4);
        (Just(ty), data)
    });
    proptest::collection::vec(record, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(4), ..ProptestConfig::default() })]

    #[test]
    fn every_type_in_every_other_comes_back(records in records()) {
        let mut log = Writer::new(Vec::new());
        let mut count = 0;
        for (at, (ty, _)) in records.iter().enumerate() {
            let schema = Schema::new(ty.clone()).unwrap();
            log.declare_raw(RecordId(at as u64 + 3), format!("r{at}"), &schema.to_bytes()).unwrap();
        }
        for row in 0..4 {
            for (at, (ty, data)) in records.iter().enumerate() {
                let Some((time, payload)) = data.get(row).filter(|_| !repeats_names(ty)) else { continue };
                log.write(RecordId(at as u64 + 3), *time, payload).unwrap();
                count += 1;
            }
        }
        let log = log.finish().unwrap();
        let mcap = export(&log);
        assert_sound(&mcap, count);
        let (back, summary) = import(&mcap);
        prop_assert_eq!((summary.taken, summary.skipped), (count as u64, 0));
        prop_assert_eq!(instances(&back), instances(&log));
    }
}

fn small() -> Vec<u8> {
    let mut log = Writer::new(Vec::new());
    let imu = Schema::from_json(
        r#"{"type":"object","fields":[{"name":"x","type":"float32"},{"name":"raw","type":"bytes"}]}"#,
    );
    let imu = log.declare("imu", &imu.unwrap()).unwrap();
    let note = log.declare("note", &Schema::new(Type::String).unwrap()).unwrap();
    log.declare("never", &Schema::new(Type::Boolean).unwrap()).unwrap();
    log.write(note, None, b"\x05first").unwrap();
    for i in 0..10_u8 {
        log.write(imu, Micros(1_600_000_000_000_000 + i64::from(i)), &[0, 0, i, 0x40, 1, i]).unwrap();
    }
    log.write(note, None, b"\x04last").unwrap();
    log.finish().unwrap()
}

#[test]
fn all_ways_of_writing_are_read() {
    let log = small();
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let options = Options { compression, chunk_size: 1, ..Options::default() };
        let (mcap, summary) = export_with(&log, &options);
        assert_eq!((summary.taken, summary.skipped), (12, 0));
        assert_sound(&mcap, 12);
        let (back, summary) = import(&mcap);
        assert_eq!((summary.taken, summary.skipped, summary.notes), (12, 0, vec![]));
        assert_eq!(instances(&back), instances(&log));
    }
}

#[test]
fn what_cannot_seek_is_written_as_well() {
    let log = small();
    let mut exporter = Exporter::streaming(Vec::new(), &Options::default()).unwrap();
    let mut reader = SliceReader::new(&log, ReadOptions::default());
    while let Some(data) = reader.next_data().unwrap() {
        exporter.put(&data).unwrap();
    }
    let (mcap, _) = exporter.finish(&Completeness::default()).unwrap();
    let mcap = mcap.into_inner();
    assert_sound(&mcap, 12);
    assert_eq!(instances(&import(&mcap).0), instances(&log));
}

#[test]
fn channels_say_what_they_were() {
    let mcap = export(&small());
    let summary = mcap::Summary::read(&mcap).unwrap().unwrap();
    let mut channels: Vec<_> = summary.channels.values().collect();
    channels.sort_by_key(|channel| channel.id);
    let topics: Vec<_> =
        channels.iter().map(|c| (c.topic.as_str(), c.metadata.get("tlog.time").map(String::as_str))).collect();
    assert_eq!(topics, [("note", Some("none")), ("imu", None), ("never", None)]);
    assert_eq!(channels[0].metadata["tlog.schema"], "\"string\"");
    assert_eq!(channels[0].metadata["tlog.wrapped"], "value");
    assert_eq!(channels[1].metadata["tlog.identifier"], "1");
    let first = mcap::MessageStream::new(&mcap).unwrap().next().unwrap().unwrap();
    // It has the time of the first that has one.
    assert_eq!(
        (first.log_time, first.publish_time, &*first.data),
        (1_600_000_000_000_000_000, 1_600_000_000_000_000_000, &br#"{"value":"first"}"#[..])
    );
    let sequences: Vec<_> = mcap::MessageStream::new(&mcap)
        .unwrap()
        .map(|m| m.unwrap())
        .map(|m| (m.channel.topic.clone(), m.sequence))
        .collect();
    assert_eq!(sequences.last(), Some(&("note".to_owned(), 1)));
    assert_eq!(sequences[10], ("imu".to_owned(), 9));
    let index = &summary.metadata_indexes[0];
    let about = mcap::read::metadata(&mcap, index).unwrap();
    assert_eq!((about.name.as_str(), about.metadata["source"].as_str()), ("tlog", "some.tlog"));
    assert_eq!((about.metadata["completeness"].as_str(), about.metadata["messages"].as_str()), ("complete", "12"));
    assert!(about.metadata["notes"].contains("2 without a time of their own"));
}

#[test]
fn damage_and_unreadable_payloads_are_told() {
    let mut log = Writer::new(Vec::new());
    let note = log.declare("note", &Schema::new(Type::String).unwrap()).unwrap();
    log.write(note, Micros(1), b"\x02hi").unwrap();
    log.write(note, Micros(2), b"\x09short").unwrap();
    log.write(note, Micros(3), b"\x05there").unwrap();
    let mut log = log.finish().unwrap();
    let at = log.windows(5).position(|bytes| bytes == b"there").unwrap();
    log[at] ^= 1;
    let (mcap, summary) = export_with(&log, &Options::default());
    assert_eq!((summary.taken, summary.skipped), (1, 1));
    assert!(summary.first[0].cause.starts_with("record note: "));
    let index = &mcap::Summary::read(&mcap).unwrap().unwrap().metadata_indexes[0].clone();
    let about = mcap::read::metadata(&mcap, index).unwrap().metadata;
    assert_eq!((about["completeness"].as_str(), about["skipped_stretches"].as_str()), ("damaged", "1"));
    assert!(about["skipped"].starts_with("bytes "));
    assert!(import(&mcap).1.notes[0].contains("damaged already"));
}

#[test]
fn a_record_declared_again_is_another_channel() {
    let mut log = Writer::new(Vec::new());
    for (ty, payload) in [(Type::String, &b"\x02hi"[..]), (Type::Boolean, b"\x01"), (Type::String, b"\x02ho")] {
        log.declare_raw(RecordId(1), "a", &Schema::new(ty).unwrap().to_bytes()).unwrap();
        log.write(RecordId(1), Micros(5), payload).unwrap();
    }
    let mcap = export(&log.finish().unwrap());
    assert_sound(&mcap, 3);
    let summary = mcap::Summary::read(&mcap).unwrap().unwrap();
    assert!(summary.channels.len() == 2 && summary.channels.values().all(|channel| channel.topic == "a"));
    let (back, summary) = import(&mcap);
    let all: Vec<_> = instances(&back).into_iter().map(|(name, .., payload)| (name, payload)).collect();
    let expected = [("a", &b"\x02hi"[..]), ("a_2", b"\x01"), ("a", b"\x02ho")].map(|(n, p)| (n.to_owned(), p.to_vec()));
    assert_eq!(all, expected);
    assert_eq!(summary.notes, ["another record a of another type is a_2"]);
}

#[test]
fn bytes_behind_a_value_are_left_out_and_told() {
    let mut log = Writer::new(Vec::new());
    let flag = log.declare("flag", &Schema::new(Type::Boolean).unwrap()).unwrap();
    log.write(flag, Micros(1), b"\x01more").unwrap();
    let (mcap, summary) = export_with(&log.finish().unwrap(), &Options::default());
    assert_eq!(summary.notes, ["bytes behind the values of record flag are left out"]);
    assert_eq!(instances(&import(&mcap).0)[0].4, b"\x01");
}

#[test]
fn what_is_given_up_is_no_file() {
    let log = small();
    let mut reader = SliceReader::new(&log, ReadOptions::default());
    let mut out = Vec::new();
    let mut exporter = Exporter::streaming(&mut out, &Options::default()).unwrap();
    exporter.put(&reader.next_data().unwrap().unwrap()).unwrap();
    drop(exporter);
    assert!(mcap::Summary::read(&out).is_err());
}

#[cfg(feature = "reference-vectors")]
#[test]
fn the_references_logs_come_back() {
    let shared = std::path::PathBuf::from(std::env::var("TLOG_SHARED").unwrap());
    let mut folders = vec![shared.join("vectors")];
    let mut files = vec![shared.join("testdata/px4-flight.tlog")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "tlog"));
    files.sort();
    let mut total = 0;
    for path in files {
        let log = std::fs::read(&path).unwrap();
        let mut reader = SliceReader::new(&log, ReadOptions::default());
        let mut before = Vec::new();
        while let Ok(Some(data)) = reader.next_data() {
            let mut json = Vec::new();
            let shown = tlog::value::write_json(
                data.record.schema.root(),
                &mut tlog::value::Cursor::new(data.payload),
                &mut json,
            );
            before.extend(shown.is_ok().then(|| (data.time, json)));
        }
        if before.is_empty() {
            continue;
        }
        let (mcap, summary) = export_with(&log, &Options::default());
        assert_eq!(summary.taken, before.len() as u64, "{}", path.display());
        assert_sound(&mcap, before.len());
        let after = instances(&import(&mcap).0);
        let json = |(_, _, schema, time, payload): &Instance| {
            let mut json = Vec::new();
            tlog::value::write_json(schema.root(), &mut tlog::value::Cursor::new(payload), &mut json).unwrap();
            (*time, json)
        };
        assert_eq!(after.iter().map(json).collect::<Vec<_>>(), before, "{}", path.display());
        total += before.len();
    }
    assert!(total > 10_000);
}
