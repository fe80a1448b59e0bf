//! `tlog stats`: figures that are right, in every form, of files, pipes, stores and broken logs.

mod support;

use serde_json::{Value, json};
use support::{Folder, START, data_offsets, log, small};
use tlog::schema::Schema;
use tlog::value::read_json;
use tlog::write::{RecordId, WriterOptions};

fn stats(folder: &Folder, args: &[&str], stdin: &[u8]) -> Value {
    let json = folder.tlog_with(&[&["stats", "--format", "json"], args].concat(), stdin).good();
    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["version"], 1);
    document["logs"].clone()
}

fn field<'a>(log: &'a Value, record: &str, field: &str) -> &'a Value {
    let named = |all: &'a Value, name: &str| {
        let mut all = all.as_array().unwrap().iter();
        all.find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}"))
    };
    let record = named(&log["records"], record);
    named(&record["fields"], field)
}

/// A counter that skips 3 values, with a gap and a step back in time.
fn dropping() -> Vec<u8> {
    let schema = r#"{"type":"object","fields":[{"name":"seq","type":"fixeduint8"},{"name":"v","type":"float64"}]}"#;
    let mut data = Vec::new();
    for i in 0..100_i64 {
        let seq = (i + 200 + if i >= 60 { 3 } else { 0 }) % 256;
        let late = if i >= 50 { 70_000 } else { 0 } - if i == 90 { 15_000 } else { 0 };
        let v = if i % 10 == 0 { "\"NaN\"".to_owned() } else { format!("{i}") };
        data.push((Some(START + i * 10_000 + late), format!("{{\"seq\":{seq},\"v\":{v}}}")));
    }
    let data: Vec<_> = data.iter().map(|(time, json)| ("imu", *time, json.as_str())).collect();
    log(&WriterOptions::new(), &[("imu", schema)], &data)
}

#[test]
fn json_has_every_figure() {
    let folder = Folder::with("a.tlog", small());
    let found = &stats(&folder, &["a.tlog"], b"")[0];
    let imu = &found["records"][0];
    let interval = json!({"min": 100_000, "max": 100_000, "mean": 100_000.0, "std": 0.0, "p50": 100_000.0,
        "p99": 100_000.0, "quantile_error": 0.0, "deviation_p99": 0.0});
    assert_eq!(
        (&imu["name"], &imu["identifier"], &imu["count"], &imu["timed"], &imu["rate_hz"], &imu["interval_us"]),
        (&json!("imu"), &json!(1), &json!(10), &json!(10), &json!(10.0), &interval)
    );
    assert_eq!((&imu["first_time"], &imu["steps_back"]), (&json!("2020-09-13T12:26:40Z"), &json!(0)));
    assert_eq!(imu["sequences"][0]["field"], "seq");
    let seq = json!({"name": "seq", "type": "integer", "count": 10, "nulls": 0, "min": 0, "max": 9, "mean": 4.5,
        "std": 8.25_f64.sqrt(), "p50": 4, "p99": 9, "quantile_error": 0.0});
    assert_eq!(field(found, "imu", "seq"), &seq);
    let accel = json!({"name": "accel[2]", "type": "float", "count": 10, "nulls": 0, "nan": 0, "infinite": 0,
        "min": -9.75, "max": -9.75, "mean": -9.75, "std": 0.0, "p50": -9.75, "p99": -9.75, "quantile_error": 0.0});
    assert_eq!(field(found, "imu", "accel[2]"), &accel);
    let fix = field(found, "gps", "fix");
    assert_eq!((&fix["count"], &fix["nulls"], &fix["max"]), (&json!(1), &json!(1), &json!(3)));
    let note = field(found, "note", "value");
    assert_eq!((&note["type"], &note["length"]["max"]), (&json!("string"), &json!(4)));
    let mut piped = stats(&folder, &["-"], &small());
    assert_eq!(piped[0]["file"].take(), "standard input");
    piped[0]["file"] = "a.tlog".into();
    assert_eq!(&piped[0], found);
    for jobs in ["1", "3"] {
        assert_eq!(&stats(&folder, &["a.tlog", "--jobs", jobs], b"")[0], found);
    }
}

#[test]
fn gaps_drops_and_steps_back() {
    let folder = Folder::with("a.tlog", dropping());
    let found = &stats(&folder, &["a.tlog"], b"")[0]["records"][0];
    let gap = &found["gaps"][0];
    assert_eq!((&gap["us"], &gap["from"]), (&json!(80_000), &json!("2020-09-13T12:26:40.49Z")));
    assert_eq!(gap["to"], "2020-09-13T12:26:40.57Z");
    assert_eq!(gap["offset"], data_offsets(&folder.get("a.tlog"))[50]);
    assert_eq!((&found["steps_back"], &found["largest_step_back"]["us"]), (&json!(1), &json!(5_000)));
    let counter = &found["sequences"][0];
    let largest =
        json!({"lost": 3, "time": "2020-09-13T12:26:40.67Z", "offset": data_offsets(&folder.get("a.tlog"))[60]});
    assert_eq!((&counter["lost"], &counter["drops"], &counter["bits"]), (&json!(3), &json!(1), &json!(8)));
    assert_eq!(counter["largest_drop"], largest);
    let v = field(&stats(&folder, &["a.tlog"], b"")[0], "imu", "v").clone();
    assert_eq!((&v["nan"], &v["count"], &v["min"], &v["max"]), (&json!(10), &json!(100), &json!(1.0), &json!(99.0)));
    let text = folder.tlog(&["stats", "a.tlog"]).good();
    for part in [
        "a.tlog\n  100 instances of 1 record, 2020-09-13T12:26:40Z to 2020-09-13T12:26:41.06Z (1.06 s)\n\nimu\n",
        "  count    100 at 93.4 Hz, 2020-09-13T12:26:40Z and 1.06 s on\n",
        "  interval 10 ms to 80 ms, p50 10 ms, p99 80 ms; jitter ",
        "  gaps     80 ms until 2020-09-13T12:26:40.57Z, 25 ms until 2020-09-13T12:26:40.98Z",
        "  order    1 step back in time, the largest of 5 ms to 2020-09-13T12:26:40.955Z",
        "  counter  seq: 3 lost in 1 drop, the largest of 3 before 2020-09-13T12:26:40.67Z\n",
        "  field  min  p50  p99  max    mean     std\n",
        "  v        1   49   99   99      50  28.839  10 NaN\n",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}

#[test]
fn counters_by_name() {
    let folder = Folder::with("a.tlog", dropping());
    folder.tlog(&["stats", "a.tlog", "--sequence", "seq"]).good();
    assert!(folder.tlog(&["stats", "a.tlog", "--sequence", "v"]).refused(2).contains("--sequence v: no record"));
    let schema = r#"{"type":"object","fields":[{"name":"tick","type":"varuint"},{"name":"seq","type":"fixeduint8"}]}"#;
    let data = [("r", None, "{\"tick\":1,\"seq\":1}"), ("r", None, "{\"tick\":5,\"seq\":2}")];
    folder.put("b.tlog", log(&WriterOptions::new(), &[("r", schema)], &data));
    let of = |args: &[&str]| stats(&folder, args, b"")[0]["records"][0]["sequences"].clone();
    assert_eq!(of(&["b.tlog"])[0]["field"], "seq");
    let named = of(&["b.tlog", "--sequence", "tick"]);
    assert_eq!((named.as_array().unwrap().len(), &named[0]["lost"]), (1, &json!(3)));
}

#[test]
fn only_what_is_selected() {
    let folder = Folder::with("a.tlog", small());
    let found = stats(&folder, &["a.tlog", "--record", "imu", "--field", "accel", "--start", "+200ms"], b"");
    let records = found[0]["records"].as_array().unwrap();
    assert_eq!((records.len(), &records[0]["count"]), (1, &json!(8)));
    assert_eq!(records[0]["fields"].as_array().unwrap().len(), 3);
    let found = stats(&folder, &["a.tlog", "--where", "imu.seq >= 7"], b"");
    assert_eq!((&found[0]["records"][0]["count"], &found[0]["records"][1]), (&json!(3), &Value::Null));
    assert!(folder.tlog(&["stats", "a.tlog", "--field", "nope"]).refused(2).contains("has a field nope"));
    assert!(folder.tlog(&["stats", "a.tlog", "--record", "nope"]).refused(2).contains("there is no record nope"));
    assert!(folder.tlog(&["stats", "a.tlog", "--end", "1s"]).good().ends_with("a.tlog\n  no data\n"));
    assert!(folder.tlog(&["stats", "a.tlog", "--explain"]).good().contains("a.tlog: reads "));
}

#[test]
fn several_logs_apart_or_as_one() {
    let folder = Folder::with("a.tlog", small());
    folder.put("b.tlog", small());
    let apart = stats(&folder, &["a.tlog", "b.tlog"], b"");
    assert_eq!((&apart[0]["records"], apart.as_array().unwrap().len()), (&apart[1]["records"], 2));
    let joined = stats(&folder, &["a.tlog", "b.tlog", "--join"], b"");
    assert_eq!((&joined[0]["file"], joined.as_array().unwrap().len()), (&json!("a.tlog, b.tlog"), 1));
    let imu = &joined[0]["records"][0];
    assert_eq!((&imu["count"], &imu["steps_back"]), (&json!(20), &json!(1)));
    assert_eq!(imu["largest_step_back"]["us"], 900_000);
    folder.tlog(&["record", "a.tlog", "b.tlog", "--store", "store"]);
    let store = stats(&folder, &["store"], b"");
    assert_eq!((&store[0]["file"], &store[0]["records"][0]["count"]), (&json!("store"), &json!(20)));
}

#[test]
fn csv_has_a_line_for_each_field() {
    let folder = Folder::with("a,b.tlog", small());
    let csv = folder.tlog(&["stats", "a,b.tlog", "--format", "csv"]).good();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 4 + 2 + 1);
    let columns = lines[0].split(',').count();
    assert!(lines[1].starts_with("\"a,b.tlog\",imu,seq,integer,,10,0,,,0,9,4.5,"), "{}", lines[1]);
    assert_eq!(lines[7], "\"a,b.tlog\",note,value,string,bytes,3,0,,,4,4,4.0,0.0,4,4,0.0,");
    assert!(lines[1..].iter().all(|line| line.split(',').count() == columns + 1), "{csv}");
}

#[test]
fn symbols_times_and_names_that_are_not_harmless() {
    let schema = r#"{"type":"object","fields":[
        {"name":"evil\u001b[2J","type":"fixeduint8"},
        {"name":"mode","type":{"type":"enum","underlying":"fixeduint8","symbols":["off","go\u0007"]}},
        {"name":"on","type":"boolean"},{"name":"off","type":"boolean"},{"name":"no","type":"boolean"},
        {"name":"at","type":"timestamp"},{"name":"took","type":"duration"}]}"#;
    let data = |i: u8, mode: &str| {
        let at = format!("2020-01-01T00:00:0{i}Z");
        format!(
            r#"{{"evil\u001b[2J":{i},"mode":"{mode}","on":false,"off":false,"no":false,"at":"{at}","took":{i}500}}"#
        )
    };
    let data = [data(1, "off"), data(2, "go\\u0007"), data(3, "off")];
    let (name, schema) = ("r\u{1b}[31m", Schema::from_json(schema).unwrap());
    let (mut log, id) = (WriterOptions::new().open(Vec::new()), RecordId(1));
    log.declare_raw(id, name, &schema.to_bytes()).unwrap();
    for json in data {
        let mut payload = Vec::new();
        read_json(schema.root(), &json, &mut payload).unwrap();
        log.write(id, None, &payload).unwrap();
    }
    let folder = Folder::with("a.tlog", log.finish().unwrap());
    let text = folder.tlog(&["stats", "a.tlog"]).good();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text:?}");
    for part in [
        "off 2, go\\u{7} 1\n",
        "2020-01-01T00:00:01Z to 2020-01-01T00:00:03Z\n",
        "  always false: on, off, no\n",
        "1.5 ms",
        "  count    3, without times\n",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}

#[test]
fn damage_ends_with_exit_code_3() {
    let mut bytes = small();
    let at = data_offsets(&bytes)[3];
    bytes[at + 8] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["stats", "a.tlog", "--format", "json"]);
    assert_eq!((run.code, run.err.lines().count()), (3, 1), "{}", run.err);
    // A payload that does not decode, in a block whose checksum is right.
    let mut log = WriterOptions::new().open(Vec::new());
    let id = log.declare("r", &Schema::from_json("\"fixeduint16\"").unwrap()).unwrap();
    log.write(id, None, &[1, 2]).unwrap();
    log.write(id, None, &[1]).unwrap();
    folder.put("b.tlog", log.finish().unwrap());
    let run = folder.tlog(&["stats", "b.tlog", "--format", "json"]);
    assert!(run.err.contains("b.tlog: skipped bytes "), "{}", run.err);
    let document: Value = serde_json::from_str(&run.out).unwrap();
    let found = &document["logs"][0];
    assert_eq!((run.code, &found["undecodable"]["blocks"]), (3, &json!(1)));
    assert_eq!(found["records"][0]["count"], 1);
}

#[test]
fn many_fields_are_no_trouble() {
    let schema = r#"{"type":"fixedarray","size":20000,"items":"fixeduint8"}"#;
    let mut log = WriterOptions::new().open(Vec::new());
    let id = log.declare("wide", &Schema::from_json(schema).unwrap()).unwrap();
    for i in 0..3 {
        log.write(id, None, &[i; 20_000]).unwrap();
    }
    let folder = Folder::with("a.tlog", log.finish().unwrap());
    let text = folder.tlog(&["stats", "a.tlog"]).good();
    assert_eq!(text.lines().count(), 6 + 20_000);
    assert!(text.ends_with("value[19999]    0    1    2    2     1  0.8165\n"), "{}", &text[text.len() - 100..]);
}
