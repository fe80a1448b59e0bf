//! Every file that the reference implementations produced decodes to what its manifest says.
//!
//! The vectors lie beside the project, in `../shared` or where `TLOG_SHARED` says.

mod support;

use serde_json::{Value as Json, json};
use sha2::Digest;
use support::canonical::{canonical, drop_float_texts};
use support::shared;
use tlog::read::{Cause, Event, ReadOptions, SliceReader, StreamReader};
use tlog::value::Cursor;

fn load(path: &str) -> Json {
    serde_json::from_slice(&shared(path)).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn sha256(item: &Json) -> String {
    hex(&sha2::Sha256::digest(unhex(item["data_hex"].as_str().unwrap())))
}

/// Everything a reader says of a log, in the manifest's terms.
#[derive(Default, PartialEq, Debug)]
struct Told {
    schemas: Vec<Json>,
    items: Vec<Json>,
    markers: Vec<Json>,
    index: Option<Json>,
    skipped: Vec<(u64, u64, Cause)>,
}

fn tell(event: Event<'_>, told: &mut Told) {
    match event {
        Event::Schema(record) => told.schemas.push(json!({
            "offset": record.location, "identifier": record.identifier, "name": record.name,
            "schema_hex": hex(&record.schema_bytes),
        })),
        Event::Data(data) => {
            let mut cursor = Cursor::new(data.payload);
            let value = canonical(data.record.schema.root(), &mut cursor);
            told.items.push(json!({
                "offset": data.offset, "identifier": data.record.identifier, "flags": data.flags.bits(),
                "previous_offset": data.previous_offset, "timestamp_us": data.time.map(|time| time.0),
                "crc32": data.checksum.map(|crc| format!("{crc:08x}")), "stored_len": data.stored_len,
                "len": data.payload.len(), "name": data.record.name, "data_hex": hex(data.payload),
                "value": value.ok(), "trailing_bytes": cursor.rest().len(),
            }));
        }
        Event::Marker { offset, marker } => told.markers.push(json!({
            "offset": offset, "timestamp_us": marker.timestamp,
            "elements": marker.elements().map(|(id, previous)| json!([id, previous])).collect::<Vec<_>>(),
        })),
        Event::Index { offset, index } => {
            told.index = Some(json!({
                "offset": offset,
                "elements": index.entries().map(|entry| json!([entry.identifier, entry.schema_location, entry.final_record.map_or(-1, |at| at as i64)])).collect::<Vec<_>>(),
            }));
        }
        Event::Filler { .. } => {}
        Event::Skipped(skipped) => told.skipped.push((skipped.range.start, skipped.range.end, skipped.cause)),
    }
}

fn read_slice(bytes: &[u8]) -> tlog::Result<Told> {
    let mut reader = SliceReader::new(bytes, ReadOptions::default());
    let mut told = Told::default();
    while let Some(event) = reader.next_event()? {
        tell(event, &mut told);
    }
    Ok(told)
}

/// As a pipe would deliver it: in small pieces.
fn read_stream(bytes: &[u8]) -> tlog::Result<Told> {
    let mut reader = StreamReader::new(support::Dribble::new(bytes, 7), ReadOptions::default());
    let mut told = Told::default();
    while let Some(event) = reader.next_event()? {
        tell(event, &mut told);
    }
    Ok(told)
}

fn vectors() -> Vec<(String, String)> {
    let manifest = load("vectors/manifest.json");
    let logs = manifest.as_array().unwrap().iter().filter_map(|vector| {
        let file = vector["file"].as_str()?;
        (file.starts_with("tlog/") && file.ends_with(".tlog"))
            .then(|| (file.to_owned(), vector["expected"].as_str().unwrap().to_owned()))
    });
    logs.collect()
}

#[test]
fn every_vector_decodes_to_its_manifest() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 28, "the vectors that this test was written for");
    for (file, expected) in vectors {
        let told = read_slice(&shared(&format!("vectors/{file}"))).unwrap();
        check(&file, &told, &load(&format!("vectors/{expected}")));
    }
}

fn check(file: &str, told: &Told, expected: &Json) {
    let keys = |told: &Json, expected: &Json| -> Json {
        let keep = expected.as_object().unwrap().keys().map(|key| (key.clone(), told[key].clone()));
        keep.collect::<serde_json::Map<_, _>>().into()
    };
    let strip = |item: &Json, dropped: &[&str]| -> Json {
        let kept = item
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| !dropped.iter().any(|d| key == d || (d.ends_with('_') && key.starts_with(d))));
        kept.map(|(key, value)| (key.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
    };

    let schemas: Vec<Json> =
        expected["schemas"].as_array().unwrap().iter().map(|s| strip(s, &["flags", "schema"])).collect();
    assert_eq!(told.schemas, schemas, "{file}: schemas");

    // What has no value in the manifest, or a wrong checksum, is what we must not deliver.
    let rows = expand_columns(expected);
    let delivered: Vec<&Json> =
        rows.iter().filter(|item| item["crc_ok"] != json!(false) && item.get("name").is_some()).collect();
    assert_eq!(told.items.len(), delivered.len(), "{file}: items");
    for (item, expected) in told.items.iter().zip(delivered) {
        let mut expected = strip(expected, &["crc_ok", "cpp_", "python_", "note"]);
        drop_float_texts(&mut expected);
        // Long payloads stand there as length and hash.
        let mut item = item.clone();
        if let Some(hash) = expected["data_hex"]["sha256"].as_str() {
            assert_eq!(sha256(&item), hash, "{file}: payload");
            item["data_hex"] = expected["data_hex"].clone();
            item["value"] = expected["value"].clone();
        }
        if let Some(start) = expected.as_object_mut().unwrap().remove("sha256_first_8_hex") {
            assert_eq!(sha256(&item)[..8], start, "{file}: payload");
        }
        assert_eq!(keys(&item, &expected), expected, "{file}: item");
    }

    let markers = expected["seek_markers"].as_array().unwrap().iter().filter(|marker| marker["crc_ok"] == json!(true));
    let markers: Vec<Json> = markers
        .map(|m| {
            json!({
                "offset": m["offset"], "timestamp_us": m["timestamp_us"],
                "elements": pick(&m["elements"], &["identifier", "previous_offset"]),
            })
        })
        .collect();
    assert_eq!(told.markers, markers, "{file}: markers");
    match &expected["incomplete_tail"] {
        Json::Null => assert!(!told.skipped.iter().any(|(.., cause)| *cause == Cause::Truncated), "{file}"),
        tail => {
            let offset = tail["offset"].as_u64().unwrap();
            let (start, end, cause) = told.skipped.last().unwrap();
            assert_eq!(
                (*start, *end, cause),
                (offset, offset + tail["bytes_present"].as_u64().unwrap(), &Cause::Truncated),
                "{file}"
            );
        }
    }
    let index = expected["index"].get("offset").map(|offset| json!({
        "offset": offset, "elements": pick(&expected["index"]["elements"], &["identifier", "schema_location", "final_record"]),
    }));
    assert_eq!(told.index, index, "{file}: index");
}

/// The named members of each element, as a list.
fn pick(elements: &Json, names: &[&str]) -> Json {
    let pick_one = |element: &Json| names.iter().map(|name| element[name].clone()).collect::<Json>();
    elements.as_array().unwrap().iter().map(pick_one).collect()
}

/// The two large vectors keep their items as rows under named columns.
fn expand_columns(expected: &Json) -> Vec<Json> {
    let Some(items) = expected["items"].as_array() else {
        // "identical to seek_large.json": so are the offsets, as only the index is missing.
        return expand_columns(&load("vectors/tlog/seek_large.json"));
    };
    let Some(columns) = expected["items_columns"].as_array() else { return items.clone() };
    let names: Vec<&str> = columns.iter().map(|c| c.as_str().unwrap()).collect();
    let expand = |row: &Json| -> Json {
        let mut item: serde_json::Map<_, _> =
            names.iter().map(|name| name.to_string()).zip(row.as_array().unwrap().iter().cloned()).collect();
        item.insert("len".into(), item["payload_len"].clone());
        item.remove("payload_len");
        let name = expected["schemas"].as_array().unwrap().iter().find(|s| s["identifier"] == item["identifier"]);
        item.insert("name".into(), name.unwrap()["name"].clone());
        item.into()
    };
    items.iter().map(expand).collect()
}

#[test]
fn a_stream_tells_what_a_slice_tells() {
    for (file, _) in vectors() {
        let bytes = shared(&format!("vectors/{file}"));
        assert_eq!(read_stream(&bytes).unwrap(), read_slice(&bytes).unwrap(), "{file}");
    }
}

/// What came of each edge case, one a line; `edge_cases.expected` was compared by eye with what
/// the vectors recommend for each.
#[test]
fn edge_cases_end_as_recommended() {
    let cases = load("vectors/tlog/edge_cases.json");
    let cases = cases["cases"].as_array().unwrap();
    let told: Vec<String> = cases.iter().map(edge_case).collect();
    let expected: Vec<&str> = include_str!("edge_cases.expected").lines().collect();
    assert_eq!(told, expected);
}

fn edge_case(case: &Json) -> String {
    let outcome = match read_slice(&unhex(case["hex"].as_str().unwrap())) {
        Ok(told) => {
            let values: Vec<String> = told.items.iter().map(|item| item["value"].to_string()).collect();
            let skipped = told.skipped.iter().map(|(start, end, cause)| format!("; skipped {start}..{end}: {cause}"));
            format!("[{}]{}", values.join(", "), skipped.collect::<String>())
        }
        Err(e) => format!("refused {e}"),
    };
    format!("{}: {outcome}", case["name"].as_str().unwrap())
}
