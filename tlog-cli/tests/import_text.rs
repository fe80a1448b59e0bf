//! `tlog import` of tables, lines and ULogs: the flags of each, and what is said.

mod support;

use support::{Folder, small, small_lines};

fn lines(folder: &Folder, log: &str) -> Vec<String> {
    folder.tlog(&["cat", log, "--format", "ndjson"]).good().lines().map(str::to_owned).collect()
}

/// The smallest ULog with data: a topic with two instances of a time and a number, and something broken between them.
fn ulog() -> Vec<u8> {
    let mut file = b"ULog\x01\x12\x35\x01\x00\x00\x00\x00\x00\x00\x00\x00".to_vec();
    let mut put = |kind: u8, body: &[u8]| {
        file.extend((body.len() as u16).to_le_bytes());
        file.push(kind);
        file.extend(body);
    };
    put(b'F', b"imu:uint64_t timestamp;int16_t x;");
    put(b'A', b"\x00\x07\x00imu");
    put(b'D', b"\x07\x00\x40\x42\x0f\x00\x00\x00\x00\x00\xff\xff");
    put(b'D', b"\x08\x00what is this");
    put(b'D', b"\x07\x00\x80\x84\x1e\x00\x00\x00\x00\x00\x02\x00");
    file
}

#[test]
fn our_own_text_comes_back() {
    let folder = Folder::with("small.tlog", small());
    folder.put("small.ndjson", small_lines().join("\n"));
    let run = folder.tlog(&["import", "small.ndjson", "-o", "lines.tlog"]);
    assert_eq!((run.code, run.err.as_str()), (0, "tlog: 15 data blocks from small.ndjson in lines.tlog\n"));
    assert_eq!(lines(&folder, "lines.tlog"), small_lines());
    let piped = folder.tlog_with(&["import", "-", "-o", "piped.tlog"], small_lines().join("\n").as_bytes());
    assert_eq!(piped.code, 0, "{}", piped.err);
    assert_eq!(lines(&folder, "piped.tlog"), small_lines());

    let record: serde_json::Value = serde_json::from_str(&small_lines()[0]).unwrap();
    let record = record["record"].as_str().unwrap();
    let csv = |log: &str| folder.tlog(&["cat", log, "--format", "csv", "--record", record]).good();
    let table = csv("small.tlog");
    folder.put("table.csv", &table);
    let run = folder.tlog(&["import", "table.csv", "-o", "table.tlog", "--record", record]);
    assert_eq!(run.code, 0, "{}", run.err);
    let rows = |table: &str| table.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(&csv("table.tlog")), rows(&table));
}

#[test]
fn a_table_by_its_flags() {
    let folder = Folder::with("bench.csv", "t|torque|note\n1500|0.1|a\n2500|x|b\n3500|0.3|\n");
    let import =
        ["import", "bench.csv", "-o", "bench.tlog", "--force", "--time-unit", "ms", "--type", "torque=float32"];
    let run = folder.tlog(&[&import[..], &["--delimiter", "|"]].concat());
    let said = concat!(
        "tlog: warning: bench.csv: skipped bytes 25..34: line 3: column \"torque\": \"x\" is no float32\n",
        "tlog: 2 data blocks from bench.csv in bench.tlog\n"
    );
    assert_eq!((run.code, run.err.as_str()), (3, said));
    assert_eq!(
        lines(&folder, "bench.tlog"),
        [
            r#"{"time":"1970-01-01T00:00:01.5Z","record":"bench","data":{"torque":0.1,"note":"a"}}"#,
            r#"{"time":"1970-01-01T00:00:03.5Z","record":"bench","data":{"torque":0.3,"note":null}}"#
        ]
    );
    let strict = folder.tlog(&[&import[..], &["--delimiter", "|", "--strict"]].concat());
    assert!(strict.refused(1).contains("CSV at line 3: "));
    // What was there before is still there.
    assert_eq!(lines(&folder, "bench.tlog").len(), 2);
}

#[test]
fn a_ulog_and_its_time() {
    let folder = Folder::with("flight.bin", ulog());
    let run = folder.tlog(&["import", "flight.bin", "-o", "boot.tlog"]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(
        run.err.contains("does not tell the time of day") && run.err.contains("skipped bytes 76..93: data of"),
        "{}",
        run.err
    );
    let imu = |log: &str| lines(&folder, log).into_iter().filter(|line| line.contains("\"imu\"")).collect::<Vec<_>>();
    assert_eq!(
        imu("boot.tlog"),
        [
            r#"{"time":null,"record":"imu","data":{"timestamp":1000000,"x":-1}}"#,
            r#"{"time":null,"record":"imu","data":{"timestamp":2000000,"x":2}}"#
        ]
    );
    let run = folder.tlog_with(&["import", "-", "-o", "at.tlog", "--time-base", "2024-06-10T06:13:20Z"], &ulog());
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(imu("at.tlog")[0].starts_with(r#"{"time":"2024-06-10T06:13:21Z","#), "{:?}", imu("at.tlog"));
    assert!(
        folder.tlog(&["import", "flight.bin", "-o", "s.tlog", "--strict"]).refused(1).contains("ULog at byte 76: ")
    );
}

#[test]
fn flags_that_mean_nothing_are_refused() {
    let folder = Folder::with("a.csv", "a\n1\n");
    folder.put("a.ulg", ulog());
    for (args, says) in [
        (&["a.csv", "--time-base", "boot"][..], "--time-base means nothing"),
        (&["a.ulg", "--record", "x"], "--record means nothing"),
        (&["a.ulg", "--time-base", "yesterday"], "2024-06-10T07:30:00Z"),
        (&["a.csv", "--type", "a"], "COLUMN=TYPE"),
        (&["a.csv", "--type", "a=float128"], "float64"),
        (&["a.csv", "--type", "b=int8"], "there are: a"),
        (&["a.csv", "--time-column", "b"], "there are: a"),
        (&["a.csv", "--delimiter", "::"], "one character"),
    ] {
        let run = folder.tlog(&[&["import", "-o", "new.tlog"], args].concat());
        assert!(run.refused(2).contains(says), "{args:?}");
        assert!(!folder.path("new.tlog").exists());
    }
}
