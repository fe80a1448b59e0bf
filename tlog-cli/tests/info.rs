//! `tlog info`: figures that are right, on files, pipes and by a quick look.

mod support;

use serde_json::{Value, json};
use support::{Folder, START, blocks, log, small, small_with};
use tlog::wire::BlockType;
use tlog::write::WriterOptions;

fn info(folder: &Folder, args: &[&str], stdin: &[u8]) -> Value {
    let json = folder.tlog_with(&[&["info", "--format", "json"], args].concat(), stdin).good();
    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["version"], 1);
    document["logs"].clone()
}

/// How many bytes the blocks of a record take.
fn bytes_of(bytes: &[u8], identifier: u8) -> usize {
    let data = blocks(bytes).into_iter().filter(|(kind, ..)| *kind == BlockType::Data);
    data.filter(|(_, start, _)| bytes[start + 2] == identifier).map(|(_, start, end)| end - start).sum()
}

#[test]
fn json_has_every_figure() {
    let bytes = small();
    let folder = Folder::with("a.tlog", &bytes);
    let markers = blocks(&bytes).iter().filter(|(kind, ..)| *kind == BlockType::SeekMarker).count();
    // imu: 4 + 3 × 4; gps: 8 + 1, and one more with a fix; notes of four characters behind their length.
    let payload = 10 * 16 + (9 + 10) + 3 * 5;
    let expected = json!([{
        "file": "a.tlog", "size": bytes.len(), "state": "complete",
        "first_time": "2020-09-13T12:26:40Z", "last_time": "2020-09-13T12:26:40.9Z", "duration_us": 900_000,
        "data_blocks": 15, "payload_bytes": payload, "stored_payload_bytes": payload,
        "compressed_blocks": 0, "checksummed_blocks": 15, "seek_markers": markers,
        "index": "present", "time_steps_back": 0, "largest_step_back_us": null, "damage": null, "left_out": [],
        "records": [
            {"name": "imu", "identifier": 1, "count": 10, "bytes": bytes_of(&bytes, 1), "rate_hz": 10.0,
                "first_time": "2020-09-13T12:26:40Z", "last_time": "2020-09-13T12:26:40.9Z",
                "largest_gap_us": 100_000, "wrong_previous_offsets": 0},
            {"name": "gps", "identifier": 2, "count": 2, "bytes": bytes_of(&bytes, 2), "rate_hz": 2.0,
                "first_time": "2020-09-13T12:26:40Z", "last_time": "2020-09-13T12:26:40.5Z",
                "largest_gap_us": 500_000, "wrong_previous_offsets": 0},
            {"name": "note", "identifier": 3, "count": 3, "bytes": bytes_of(&bytes, 3), "rate_hz": null,
                "first_time": null, "last_time": null, "largest_gap_us": null, "wrong_previous_offsets": 0},
        ],
    }]);
    assert_eq!(info(&folder, &["a.tlog"], b""), expected);
    let mut piped = info(&folder, &["-"], &bytes);
    assert_eq!(piped[0]["file"].take(), "standard input");
    piped[0]["file"] = "a.tlog".into();
    assert_eq!(piped, expected);
}

#[test]
fn text_says_the_same() {
    let folder = Folder::with("a.tlog", small());
    let text = folder.tlog(&["info", "a.tlog"]).good();
    for part in [
        "a.tlog\n  size        ",
        "  state       complete\n",
        "  time        2020-09-13T12:26:40Z to 2020-09-13T12:26:40.9Z  (0.900 s)\n",
        "  data        15 blocks, all checksummed, none compressed\n",
        "  index       present\n",
        "  record     count       rate      bytes  first                       last\n",
        "  imu           10    10.0 Hz      ",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}

#[test]
fn compression_and_steps_back() {
    let text = format!("\"{}\"", "a".repeat(1000));
    let data = [("t", Some(START + 5), text.as_str()), ("t", Some(START), text.as_str()), ("t", None, "\"\"")];
    let folder = Folder::with("a.tlog", log(&WriterOptions::new(), &[("t", "\"string\"")], &data));
    let found = &info(&folder, &["a.tlog"], b"")[0];
    assert_eq!((&found["compressed_blocks"], &found["time_steps_back"]), (&json!(2), &json!(1)));
    assert_eq!(found["payload_bytes"], 2 * 1002 + 1);
    assert!(found["stored_payload_bytes"].as_u64().unwrap() < 200);
    assert_eq!((&found["first_time"], &found["duration_us"]), (&json!("2020-09-13T12:26:40Z"), &json!(5)));
    let text = folder.tlog(&["info", "a.tlog"]).good();
    assert!(text.contains("67 % compressed, 2.0 KiB to "), "{text}");
    assert!(text.contains("time order  1 step back, the largest 0.000 s\n"), "{text}");
    assert_eq!(found["largest_step_back_us"], 5);
}

#[test]
fn a_quick_look_agrees_and_says_what_it_leaves_out() {
    let folder = Folder::with("a.tlog", small());
    let full = &info(&folder, &["a.tlog"], b"")[0];
    let quick = &info(&folder, &["--quick", "a.tlog"], b"")[0];
    let mut agreed = 0;
    let pairs = quick.as_object().unwrap().iter().map(|(key, value)| (value, &full[key]));
    let records = quick["records"].as_array().unwrap().iter().zip(full["records"].as_array().unwrap());
    let of_records =
        records.flat_map(|(quick, full)| quick.as_object().unwrap().iter().map(|(key, value)| (value, &full[key])));
    for (quick, full) in pairs.filter(|(value, _)| !value.is_array()).chain(of_records) {
        if !quick.is_null() {
            assert_eq!(quick, full);
            agreed += 1;
        }
    }
    assert_eq!(agreed, 5 + 3 + 3 + 2);
    let left_out = json!(["counts", "rates", "bytes", "first times", "duration", "compression", "markers", "damage"]);
    assert_eq!(quick["left_out"], left_out);
    let text = folder.tlog(&["info", "--quick", "a.tlog"]).good();
    assert!(
        text.contains("left out    counts, rates, bytes, first times, duration, compression, markers, damage"),
        "{text}"
    );
    assert!(text.contains("  note   no time\n"), "{text}");
}

#[test]
fn a_quick_look_takes_what_is_saved_beside_the_log() {
    let folder = Folder::with("a.tlog", small_with(&WriterOptions::new().index(false)));
    let mut full = info(&folder, &["a.tlog"], b"");
    folder.tlog(&["index", "a.tlog"]).good();
    full[0]["saved"] = true.into();
    assert_eq!(info(&folder, &["--quick", "a.tlog"], b""), full);
    let text = folder.tlog(&["info", "--quick", "a.tlog"]).good();
    assert!(text.contains("from        the index saved beside it (quick look)\n"), "{text}");
    assert!(text.contains("  imu           10    10.0 Hz "), "{text}");
    // What it is not of any more is not believed.
    folder.put("a.tlog", small());
    assert!(info(&folder, &["--quick", "a.tlog"], b"")[0]["data_blocks"].is_null());
    assert!(info(&folder, &["a.tlog"], b"")[0].get("saved").is_none());
}

#[test]
fn saved_damage_is_told_again() {
    let mut bytes = small();
    let (_, _, end) = blocks(&bytes)[4];
    bytes[end - 1] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    assert_eq!(folder.tlog(&["index", "-q", "a.tlog"]).code, 3);
    let (full, quick) = (folder.tlog(&["info", "a.tlog"]), folder.tlog(&["info", "--quick", "a.tlog"]));
    assert_eq!((quick.code, &quick.err), (3, &full.err));
    assert!(quick.out.contains("state       damaged: 1 stretch"), "{}", quick.out);
}

#[test]
fn wrong_previous_offsets_and_gaps() {
    let data = [("n", Some(START), "1"), ("n", Some(START + 10), "2"), ("n", Some(START + 510), "3")];
    let mut bytes = log(&WriterOptions::new().checksums(false), &[("n", "\"varuint\"")], &data);
    let (_, start, _) = blocks(&bytes)[2];
    // Behind type, size, identifier and flags.
    bytes[start + 4] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    let found = &info(&folder, &["a.tlog"], b"")[0];
    let record = &found["records"][0];
    assert_eq!((&record["largest_gap_us"], &record["wrong_previous_offsets"]), (&json!(500), &json!(1)));
    let text = folder.tlog(&["info", "a.tlog"]).good();
    assert!(text.contains("links       1 previous offset is wrong\n"), "{text}");
}

#[test]
fn a_quick_look_needs_an_index() {
    let folder = Folder::with("a.tlog", small_with(&WriterOptions::new().index(false)));
    assert!(folder.tlog(&["info", "--quick", "a.tlog"]).refused(1).contains("there is no index, try without --quick"));
    assert!(folder.tlog_with(&["info", "--quick", "-"], &small()).refused(2).contains("--quick needs a file"));
    let text = folder.tlog(&["info", "a.tlog"]).good();
    assert!(text.contains("no index: not closed by its writer, or written without"), "{text}");
}

#[test]
fn damage_is_counted() {
    let mut bytes = small();
    let (_, start, end) = blocks(&bytes)[4];
    bytes[end - 1] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["info", "a.tlog", "--format", "json", "-q"]);
    assert_eq!((run.code, run.err.as_str()), (3, ""));
    let document: Value = serde_json::from_str(&run.out).unwrap();
    let found = &document["logs"][0];
    assert_eq!((&found["state"], &found["data_blocks"]), (&json!("damaged"), &json!(14)));
    assert_eq!((&found["damage"]["stretches"], &found["damage"]["bytes"]), (&json!(1), &json!(end - start)));
    let first = &found["damage"]["first"][0];
    assert_eq!((&first["start"], &first["end"]), (&json!(start), &json!(end)));
    assert!(first["cause"].as_str().unwrap().starts_with("checksum mismatch"), "{first}");
    let text = folder.tlog(&["info", "a.tlog"]);
    assert!(
        text.out.contains(&format!("state       damaged: 1 stretch, {} bytes skipped", end - start)),
        "{}",
        text.out
    );
    assert_eq!((text.code, text.err.lines().count()), (3, 1), "{}", text.err);
}

#[test]
fn a_cut_log_is_told_from_a_damaged_one() {
    let bytes = small();
    let (_, start, end) = blocks(&bytes)[4];
    let folder = Folder::with("a.tlog", &bytes[..end - 1]);
    let run = folder.tlog(&["info", "a.tlog"]);
    let state = format!("state       truncated: ends inside a block, {} bytes skipped", end - 1 - start);
    assert!(run.out.contains(&state), "{}", run.out);
    assert_eq!(run.code, 3);
}

#[test]
fn one_that_is_no_log_does_not_hide_the_others() {
    let folder = Folder::with("a.tlog", small());
    folder.put("b.tlog", "hello, world");
    let run = folder.tlog(&["info", "b.tlog", "a.tlog", "missing.tlog"]);
    assert_eq!((run.code, run.err.lines().count()), (1, 2), "{}", run.err);
    assert!(run.out.starts_with("a.tlog\n"), "{}", run.out);
    let json = folder.tlog(&["info", "b.tlog", "a.tlog", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()["logs"].as_array().unwrap().len(), 1);
    assert_eq!(info(&folder, &["a.tlog", "a.tlog"], b"").as_array().unwrap().len(), 2);
}
