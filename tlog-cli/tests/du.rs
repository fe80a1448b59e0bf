//! `tlog du`: every byte of a log is accounted for.

mod support;

use serde_json::{Value, json};
use support::{Folder, START, blocks, data_offsets, log, small, small_with};
use tlog::wire::BlockType;
use tlog::write::WriterOptions;

fn du(folder: &Folder, args: &[&str], stdin: &[u8]) -> Value {
    let json = folder.tlog_with(&[&["du", "--format", "json"], args].concat(), stdin).good();
    serde_json::from_str(&json).unwrap()
}

/// How many blocks of this type there are, and how many bytes they take.
fn share(bytes: &[u8], kind: BlockType) -> Value {
    let lens: Vec<usize> =
        blocks(bytes).iter().filter(|(of, ..)| *of == kind).map(|(_, start, end)| end - start).collect();
    json!({ "count": lens.len(), "bytes": lens.iter().sum::<usize>() })
}

#[test]
fn every_byte_is_in_one_place() {
    let bytes = small();
    let folder = Folder::with("a.tlog", &bytes);
    let found = &du(&folder, &["a.tlog"], b"")["logs"][0];
    let overhead = &found["overhead"];
    assert_eq!(found["size"], bytes.len());
    for (name, kind) in
        [("schemas", BlockType::Schema), ("markers_and_filler", BlockType::SeekMarker), ("index", BlockType::Index)]
    {
        assert_eq!(overhead[name], share(&bytes, kind), "{name}");
    }
    let data = share(&bytes, BlockType::Data);
    assert_eq!((&found["data"]["blocks"], &found["data"]["bytes"]), (&data["count"], &data["bytes"]));
    let sum = ["file_headers", "schemas", "markers_and_filler", "index", "damaged"]
        .map(|name| overhead[name]["bytes"].as_u64().unwrap());
    assert_eq!(sum.iter().sum::<u64>() + data["bytes"].as_u64().unwrap(), bytes.len() as u64);
    let imu = &found["records"][0];
    assert_eq!((&imu["name"], &imu["blocks"], &imu["payload_bytes"]), (&json!("imu"), &json!(10), &json!(160)));
    let rate = imu["bytes"].as_f64().unwrap() / 0.9;
    assert!((imu["bytes_per_second"].as_f64().unwrap() - rate).abs() < 1e-6, "{imu}");
    // The same through a pipe, and from the index beside the log.
    assert_eq!(du(&folder, &["-"], &bytes)["logs"][0]["records"], found["records"]);
    folder.tlog(&["index", "a.tlog"]).good();
    assert_eq!(&du(&folder, &["a.tlog"], b"")["logs"][0], found);
    assert_eq!(&du(&folder, &["a.tlog", "--read-all"], b"")["logs"][0], found);
}

#[test]
fn fields_divide_the_payloads() {
    let schema = r#"{"type":"object","fields":[
        {"name":"id","type":"fixeduint16"},
        {"name":"legs","type":{"type":"array","items":{"type":"object","fields":[
            {"name":"force","type":"float32"},{"name":"name","type":"string"}]}}},
        {"name":"tags","type":{"type":"map","values":"fixeduint8"}}]}"#;
    let data = [
        r#"{"id":1,"legs":[{"force":1.0,"name":"ab"},{"force":2.0,"name":""}],"tags":{"x":1}}"#,
        r#"{"id":1,"legs":[],"tags":{}}"#,
    ];
    let data: Vec<_> = data.iter().map(|json| ("r", Some(START), *json)).collect();
    let folder = Folder::with("a.tlog", log(&WriterOptions::new(), &[("r", schema)], &data));
    folder.put("b.tlog", small());
    let found = du(&folder, &["--fields", "a.tlog", "b.tlog"], b"");
    let fields = |record: &Value| -> Vec<(String, u64)> {
        let fields = record["fields"].as_array().unwrap().iter();
        fields
            .map(|field| (field["name"].as_str().unwrap().to_owned(), field["unpacked_bytes"].as_u64().unwrap()))
            .collect()
    };
    let expected = [("legs[].force", 8), ("tags", 5), ("id", 4), ("legs[].name", 4), ("legs", 2)];
    let record = &found["logs"][0]["records"][0];
    assert_eq!(fields(record), expected.map(|(name, bytes)| (name.to_owned(), bytes)));
    assert_eq!(record["payload_bytes"], 23);
    let imu = &found["logs"][1]["records"][0];
    assert_eq!(fields(imu), [("accel", 120), ("seq", 40)].map(|(name, bytes)| (name.to_owned(), bytes)));
    for record in found["total"]["records"].as_array().unwrap() {
        assert_eq!(
            fields(record).iter().map(|(_, bytes)| bytes).sum::<u64>(),
            record["payload_bytes"].as_u64().unwrap()
        );
    }
}

#[test]
fn several_logs_and_their_total() {
    let folder = Folder::with("a.tlog", small());
    folder.put("b.tlog", small_with(&WriterOptions::new().index(false)));
    let found = du(&folder, &["a.tlog", "b.tlog"], b"");
    let (a, b, total) = (&found["logs"][0], &found["logs"][1], &found["total"]);
    assert_eq!(total["size"], a["size"].as_u64().unwrap() + b["size"].as_u64().unwrap());
    assert_eq!((&total["records"][0]["blocks"], &total["overhead"]["schemas"]["count"]), (&json!(20), &json!(6)));
    assert_eq!((&b["overhead"]["index"]["count"], &b["overhead"]["index"]["bytes"]), (&json!(0), &json!(0)));
    let text = folder.tlog(&["du", "a.tlog", "b.tlog"]).good();
    assert!(text.contains("total of 2 logs  "), "{text}");
    let run = folder.tlog(&["du", "missing.tlog", "b.tlog"]);
    assert_eq!(run.code, 1);
    assert!(run.out.starts_with("b.tlog  "), "{}", run.out);
}

#[test]
fn text_is_a_table() {
    let text = format!("\"{}\"", "a".repeat(1000));
    let data = [("t", Some(START), text.as_str()), ("t", Some(START + 1_000_000), text.as_str())];
    let folder = Folder::with("a.tlog", log(&WriterOptions::new(), &[("t", "\"string\"")], &data));
    let text = folder.tlog(&["du", "--fields", "a.tlog"]).good();
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("a.tlog  "), "{text}");
    assert_eq!(
        lines.next().unwrap().split_whitespace().collect::<Vec<_>>().join(" "),
        "record blocks bytes share unpacked ratio bytes/s"
    );
    assert!(lines.next().unwrap().starts_with("  t "), "{text}");
    assert!(text.contains("    value "), "{text}");
    assert!(text.contains("  2.0 KiB  ") && text.contains("100.0 %"), "{text}");
    assert!(text.contains("  all data "), "{text}");
    assert!(text.contains("\n  headers of data blocks take "), "{text}");
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
}

#[test]
fn damage_has_its_share() {
    let mut bytes = small();
    let at = data_offsets(&bytes)[3];
    bytes[at + 8] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["du", "a.tlog", "--format", "json"]);
    assert_eq!((run.code, run.err.lines().count()), (3, 1), "{}", run.err);
    let found: Value = serde_json::from_str(&run.out).unwrap();
    let overhead = &found["logs"][0]["overhead"];
    let (_, start, end) = blocks(&small()).into_iter().find(|(_, start, _)| *start == at).unwrap();
    assert_eq!(overhead["damaged"], json!({ "count": 1, "bytes": end - start }));
    assert_eq!(overhead["markers_and_filler"], share(&small(), BlockType::SeekMarker));
}

#[test]
fn logs_that_were_joined() {
    let bytes = [small(), small()].concat();
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["du", "a.tlog", "--format", "json", "-q"]);
    let found: Value = serde_json::from_str(&run.out).unwrap();
    let found = &found["logs"][0];
    assert_eq!(
        (&found["overhead"]["file_headers"]["count"], &found["overhead"]["damaged"]["bytes"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(found["records"][0]["blocks"], 20);
}
