//! The formats of `tlog cat`, to the byte.

mod support;

use serde_json::Value;
use support::{Folder, IMU, START, log, small, small_lines};
use tlog::write::WriterOptions;

fn options() -> WriterOptions {
    WriterOptions::new()
}

#[test]
fn ndjson_lines_are_exact() {
    let folder = Folder::with("a.tlog", small());
    let out = folder.tlog(&["cat", "a.tlog", "--format", "ndjson"]).good();
    assert_eq!(out.lines().collect::<Vec<_>>(), small_lines());
    assert!(out.ends_with("}\n"));
    let first = r#"{"time":"2020-09-13T12:26:40Z","record":"imu","data":{"seq":0,"accel":[0.5,0.0,-9.75]}}"#;
    assert_eq!(out.lines().next(), Some(first));
    assert!(out.contains("{\"time\":null,\"record\":\"note\",\"data\":\"at 4\"}\n"));
}

#[test]
fn times_that_no_calendar_writes_are_numbers() {
    let times = [i64::MIN, -62_167_219_200_000_001, -1, 253_402_300_799_999_999, 253_402_300_800_000_000, i64::MAX];
    let data: Vec<_> = times.iter().map(|time| ("n", Some(*time), "1")).collect();
    let folder = Folder::with("a.tlog", log(&options(), &[("n", "\"varuint\"")], &data));
    let out = folder.tlog(&["cat", "a.tlog", "--format", "ndjson"]).good();
    let expected = [
        "-9223372036854775808",
        "-62167219200000001",
        "\"1969-12-31T23:59:59.999999Z\"",
        "\"9999-12-31T23:59:59.999999Z\"",
        "253402300800000000",
        "9223372036854775807",
    ];
    let expected: String = expected.map(|time| format!("{{\"time\":{time},\"record\":\"n\",\"data\":1}}\n")).concat();
    assert_eq!(out, expected);
}

#[test]
fn json_is_one_array_of_the_same() {
    let folder = Folder::with("a.tlog", small());
    let array = |args: &[&str]| -> Vec<Value> {
        let run = folder.tlog(&[&["cat", "--format", "json"], args].concat());
        serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("{args:?}: {e}\n{}", run.out))
    };
    let lines: Vec<Value> = small_lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(array(&["a.tlog"]), lines);
    assert_eq!(array(&["a.tlog", "a.tlog"]), [&lines[..], &lines[..]].concat());
    assert!(array(&["a.tlog", "--limit", "0"]).is_empty());
    assert!(array(&["a.tlog", "--record", "z*"]).is_empty());
    assert_eq!(array(&["a.tlog", "--limit", "1"]), lines[..1]);
}

#[test]
fn json_stays_valid_around_data_that_does_not_decode() {
    // The payload of the middle block is cut short; no checksum tells.
    let records = [("n", "\"fixeduint32\"")];
    let bytes = log(&options().checksums(false).index(false), &records, &[("n", Some(START), "1"); 3]);
    for damaged in 0..3 {
        let (_, start, end) = support::blocks(&bytes)[1 + damaged];
        let mut bytes = bytes.clone();
        bytes[start + 1] -= 1;
        bytes.remove(end - 1);
        let folder = Folder::with("a.tlog", &bytes);
        let json = folder.tlog(&["cat", "a.tlog", "--format", "json"]);
        assert_eq!((json.code, json.err.lines().count()), (3, 1), "{}", json.err);
        assert_eq!(serde_json::from_str::<Vec<Value>>(&json.out).unwrap().len(), 2, "{}", json.out);
        let csv = folder.tlog(&["cat", "a.tlog", "--format", "csv"]);
        assert_eq!(csv.out.lines().next(), Some("time,"), "{}", csv.out);
        assert_eq!(csv.out.lines().count(), 3, "{}", csv.out);
    }
}

#[test]
fn csv_quotes_what_needs_it() {
    let schema = r#"{"type":"object","fields":[{"name":"text","type":"string"},{"name":"pair","type":{"type":"object",
        "fields":[{"name":"a","type":"boolean"},{"name":"b","type":{"type":"fixedarray","size":2,"items":"float64"}}]}},
        {"name":"maybe","type":["null","fixeduint8"]},{"name":"list","type":{"type":"array","items":"fixeduint8"}}]}"#;
    let data = |text: &str, b: &str, maybe: &str| {
        format!(r#"{{"text":{text},"pair":{{"a":true,"b":{b}}},"maybe":{maybe},"list":[1,2]}}"#)
    };
    let first = data(r#""plain""#, r#"["NaN",1e300]"#, "7");
    let second = data(r#""a,\"b\"\n""#, "[0.1,-2]", "null");
    let data = [("rec", Some(START + 1), first.as_str()), ("rec", None, second.as_str())];
    let folder = Folder::with("a.tlog", log(&options(), &[("rec", schema)], &data));
    let out = folder.tlog(&["cat", "a.tlog", "--format", "csv"]).good();
    let expected = "time,text,pair.a,pair.b[0],pair.b[1],maybe,list\n\
        2020-09-13T12:26:40.000001Z,plain,true,NaN,1e+300,7,\"[1,2]\"\n\
        ,\"a,\"\"b\"\"\n\",true,0.1,-2.0,,\"[1,2]\"\n";
    assert_eq!(out, expected);
}

#[test]
fn csv_is_one_table() {
    let folder = Folder::with("a.tlog", small());
    for (args, stdin) in [(["cat", "--format", "csv", "a.tlog"], vec![]), (["cat", "--format", "csv", "-"], small())] {
        let refused = folder.tlog_with(&args, &stdin).refused(2);
        assert!(refused.contains("--record: gps, imu, note"), "{refused}");
    }
    let unindexed = support::small_with(&options().index(false));
    folder.put("unindexed.tlog", unindexed);
    assert!(folder.tlog(&["cat", "--format", "csv", "unindexed.tlog"]).refused(2).contains("gps, imu, note"));
    let gps = folder.tlog(&["cat", "--format", "csv", "a.tlog", "--record", "g*"]).good();
    assert_eq!(gps, "time,lat,fix\n2020-09-13T12:26:40Z,40.25,\n2020-09-13T12:26:40.5Z,45.25,3\n");
    assert_eq!(folder.tlog_with(&["cat", "--format", "csv", "-", "--record", "gps"], &small()).good(), gps);
}

#[test]
fn csv_without_rows_has_its_header() {
    let folder = Folder::with("a.tlog", small());
    let never = ["cat", "--format", "csv", "--record", "gps", "--start", "2030-01-01T00:00:00Z"];
    assert_eq!(folder.tlog(&[&never[..], &["a.tlog"]].concat()).good(), "time,lat,fix\n");
    assert_eq!(folder.tlog_with(&[&never[..], &["-"]].concat(), &small()).good(), "time,lat,fix\n");
}

#[test]
fn csv_refuses_another_table_under_the_same_name() {
    let other = r#"{"type":"object","fields":[{"name":"seq","type":"fixeduint32"},{"name":"gyro","type":"float32"}]}"#;
    let folder =
        Folder::with("a.tlog", log(&options(), &[("imu", IMU)], &[("imu", None, r#"{"seq":1,"accel":[0,0,0]}"#)]));
    folder.put("b.tlog", log(&options(), &[("imu", other)], &[("imu", None, r#"{"seq":2,"gyro":1}"#)]));
    let run = folder.tlog(&["cat", "--format", "csv", "a.tlog", "b.tlog"]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("record imu is declared again with other fields"), "{}", run.err);
    let both = folder.tlog(&["cat", "--format", "csv", "a.tlog", "b.tlog", "--field", "seq"]).good();
    assert_eq!(both, "time,seq\n,1\n,2\n");
}

#[test]
fn text_shows_fields_and_no_control_characters() {
    let mut writer = options().open(Vec::new());
    let id = tlog::RecordId(1);
    writer.declare_raw(id, "evil\x1b[2J\n", &[4, 1]).unwrap();
    writer.write(id, None, &[7]).unwrap();
    let folder = Folder::with("evil.tlog", writer.finish().unwrap());
    folder.put("a.tlog", small());
    assert_eq!(folder.tlog(&["cat", "evil.tlog"]).good(), "- evil\\u{1b}[2J\\n 7\n");
    for args in [&["info", "evil.tlog"][..], &["info", "--quick", "evil.tlog"], &["schema", "show", "evil.tlog"]] {
        assert!(!folder.tlog(args).good().contains('\x1b'), "{args:?}");
    }
    let text = folder.tlog(&["cat", "a.tlog", "--limit", "2"]).good();
    assert_eq!(
        text,
        "2020-09-13T12:26:40Z imu seq=0 accel=[0.5,0.0,-9.75]\n2020-09-13T12:26:40Z gps lat=40.25 fix=null\n"
    );
}
