//! `tlog write`: what it takes, what it refuses, what it leaves behind.

#[path = "../../tlog/tests/support/judge.rs"]
#[allow(dead_code, reason = "the judge of the library's tests; only its verdict is asked here")]
mod judge;
mod support;

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::{Folder, IMU, TLOG, small, small_lines};

/// A schema with every type of the format.
const RICH: &str = r#"{"type":"object","fields":[
    {"name":"nothing","type":"null"},{"name":"flag","type":"boolean"},
    {"name":"i8","type":"fixedint8"},{"name":"i16","type":"fixedint16"},
    {"name":"i32","type":"fixedint32"},{"name":"i64","type":"fixedint64"},
    {"name":"u8","type":"fixeduint8"},{"name":"u16","type":"fixeduint16"},
    {"name":"u32","type":"fixeduint32"},{"name":"u64","type":"fixeduint64"},
    {"name":"vi","type":"varint"},{"name":"vu","type":"varuint"},
    {"name":"f32","type":"float32"},{"name":"f64","type":"float64"},
    {"name":"raw","type":"bytes"},{"name":"text","type":"string"},
    {"name":"mode","type":{"type":"enum","underlying":"fixeduint8","symbols":[{"name":"idle","value":0},{"name":"run","value":7}]}},
    {"name":"list","type":{"type":"array","items":{"type":"object","fields":[{"name":"xx","type":"varint"}]}}},
    {"name":"three","type":{"type":"fixedarray","size":3,"items":"float32"}},
    {"name":"maybe","type":["null","string"]},{"name":"any","type":["null","string","float64"]},
    {"name":"at","type":"timestamp"},{"name":"took","type":"duration"},
    {"name":"tags","type":{"type":"map","values":"fixeduint16"},"aliases":["labels"],"default":{}}]}"#;

const RICH_DATA: [&str; 2] = [
    r#"{"nothing":null,"flag":true,"i8":-128,"i16":-32768,"i32":-2147483648,"i64":-9223372036854775808,"u8":255,"u16":65535,"u32":4294967295,"u64":18446744073709551615,"vi":-9223372036854775808,"vu":18446744073709551615,"f32":3.4028235e+38,"f64":"NaN","raw":"AP8Q","text":"a\"b\\\n\u0001 é€😀","mode":"run","list":[{"xx":-1},{"xx":1}],"three":["-Infinity",-0.0,1e-45],"maybe":"x","any":{"float64":0.1},"at":"2020-09-13T12:26:40.000001Z","took":-1500000,"tags":{"b":2,"a":1}}"#,
    r#"{"nothing":null,"flag":false,"i8":0,"i16":0,"i32":0,"i64":9223372036854775807,"u8":0,"u16":0,"u32":0,"u64":9007199254740993,"vi":9223372036854775807,"vu":0,"f32":0.1,"f64":5e-324,"raw":"","text":"","mode":9,"list":[],"three":[0.0,0.0,0.0],"maybe":null,"any":{"null":null},"at":9223372036854775807,"took":9223372036854775807,"tags":{}}"#,
];

fn rich_lines() -> String {
    let line = |time: &str, data: &str| format!("{{\"time\":{time},\"record\":\"rich\",\"data\":{data}}}\n");
    [
        line("null", RICH_DATA[0]),
        line("\"2020-09-13T12:26:40.5Z\"", RICH_DATA[1]),
        line("-9223372036854775808", RICH_DATA[1]),
        line("253402300800000000", RICH_DATA[0]),
        line("9223372036854775807", RICH_DATA[0]),
    ]
    .concat()
}

#[test]
fn every_type_comes_back_as_the_same_line() {
    let folder = Folder::with("schema.json", RICH);
    folder.put("in.ndjson", rich_lines());
    folder.tlog(&["write", "--schema", "schema.json", "--record", "rich", "in.ndjson", "-o", "a.tlog"]).good();
    let lines = folder.tlog(&["cat", "a.tlog", "--format", "ndjson"]).good();
    assert_eq!(lines, rich_lines());
    let copied = folder.tlog_with(&["write", "--schema-from", "a.tlog", "-", "-o", "b.tlog"], lines.as_bytes());
    copied.good();
    assert_eq!(folder.get("b.tlog"), folder.get("a.tlog"));
    assert_eq!(judge::check_reference_readable(&folder.get("b.tlog")).data.len(), rich_lines().lines().count());
}

#[test]
fn a_log_is_copied_through_its_lines() {
    let folder = Folder::with("a.tlog", small());
    let lines = folder.tlog(&["cat", "a.tlog", "--format", "ndjson"]).good();
    let args = ["write", "--schema-from", "a.tlog", "-o", "b.tlog", "--seek-interval", "300ms"];
    assert_eq!(folder.tlog_with(&args, lines.as_bytes()).good(), "");
    assert_eq!(folder.tlog(&["cat", "b.tlog", "--format", "ndjson"]).good(), lines);
    assert_eq!(folder.get("b.tlog"), small());
    folder.tlog(&["schema", "diff", "--exit-code", "a.tlog", "b.tlog"]).good();
}

#[test]
fn into_a_pipe() {
    let folder = Folder::with("a.tlog", small());
    folder.put("in.ndjson", small_lines().join("\n"));
    let out = File::create(folder.path("out")).unwrap();
    let mut command = Command::new(TLOG);
    command.args(["write", "--schema-from", "a.tlog", "in.ndjson", "-o", "-", "--seek-interval", "0.3s"]);
    assert!(command.current_dir(folder.path("")).stdout(out).status().unwrap().success());
    assert_eq!(folder.get("out"), small());
}

#[test]
fn the_options_do_what_they_say() {
    let folder = Folder::with("a.tlog", small());
    folder.put("in.ndjson", small_lines().join("\n"));
    folder.put("text.ndjson", format!("{{\"record\":\"note\",\"data\":\"{}\"}}", "a".repeat(500)));
    let info = |input: &str, options: &[&str]| -> serde_json::Value {
        let args = ["write", "--schema-from", "a.tlog", input, "-o", "b.tlog", "--force"];
        folder.tlog(&[&args, options].concat()).good();
        let json = folder.tlog(&["info", "b.tlog", "--format", "json"]).good();
        serde_json::from_str::<serde_json::Value>(&json).unwrap()["logs"][0].clone()
    };
    let plain = info("in.ndjson", &[]);
    assert_eq!((&plain["checksummed_blocks"], &plain["index"]), (&15.into(), &"present".into()));
    assert_eq!(info("in.ndjson", &["--no-checksums"])["checksummed_blocks"], 0);
    assert_eq!(info("in.ndjson", &["--no-index"])["index"], "absent");
    assert_eq!(plain["seek_markers"], 0);
    assert_eq!(info("in.ndjson", &["--seek-interval", "100ms"])["seek_markers"], 9);
    assert_eq!(info("in.ndjson", &["--seek-interval", "0s"])["seek_markers"], 0);
    assert_eq!(info("text.ndjson", &[])["compressed_blocks"], 1);
    assert_eq!(info("text.ndjson", &["--no-compression"])["compressed_blocks"], 0);
    folder.tlog(&["write", "--schema-from", "a.tlog", "in.ndjson", "-o", "c.tlog", "--seek-interval", "5"]).refused(2);
}

#[test]
fn schemas_in_each_form() {
    let folder = Folder::with("a.tlog", small());
    let line = br#"{"time":"2020-09-13T12:26:40Z","record":"imu","data":{"seq":1,"accel":[1,2,3]}}"#;
    folder.put("shown.json", folder.tlog(&["schema", "show", "a.tlog", "--format", "json"]).good());
    folder.put("bare.json", IMU);
    folder.put("listed.json", format!("{{\"records\":[{{\"name\":\"imu\",\"schema\":{IMU}}}]}}"));
    for (file, more) in [("shown.json", &[][..]), ("listed.json", &[]), ("bare.json", &["--record", "imu"])] {
        let args = [&["write", "--schema", file, "-o", "b.tlog", "--force"], more].concat();
        folder.tlog_with(&args, line).good();
        assert_eq!(
            folder.tlog(&["cat", "b.tlog", "--format", "csv", "--record", "imu", "--field", "seq"]).good(),
            "time,seq\n2020-09-13T12:26:40Z,1\n"
        );
    }
    // The identifiers of the shown schemas are kept.
    assert_eq!(folder.tlog(&["schema", "show", "b.tlog"]).good().lines().next(), Some("imu (identifier 1): object"));
    folder.put("line.ndjson", line);
    folder.tlog_with(&["write", "--schema", "-", "line.ndjson", "-o", "c.tlog"], &folder.get("shown.json")).good();
    folder.tlog_with(&["write", "--schema-from", "-", "line.ndjson", "-o", "d.tlog"], &small()).good();
    assert_eq!(folder.get("c.tlog"), folder.get("d.tlog"));
}

#[test]
fn wrong_schemas_leave_nothing() {
    let folder = Folder::with("bare.json", IMU);
    folder.put("broken.json", "{\"records\":[");
    folder.put("odd.json", r#"{"records":[{"name":"imu","schema":"float31"}]}"#);
    folder.put(
        "varint.json",
        r#"{"records":[{"name":"imu","schema":{"type":"enum","underlying":"varint","symbols":[]}}]}"#,
    );
    let before = folder.names();
    for (file, code, says) in [
        ("bare.json", 1, "for a bare type give its --record NAME"),
        ("broken.json", 1, "broken.json: "),
        ("odd.json", 1, "record imu: "),
        ("varint.json", 2, "an enum over varint"),
        ("missing.json", 1, "missing.json: No such file"),
    ] {
        let refused = folder.tlog(&["write", "--schema", file, "-o", "b.tlog"]).refused(code);
        assert!(refused.contains(says), "{refused}");
    }
    let neither = folder.tlog(&["write", "-o", "b.tlog"]);
    assert_eq!(neither.code, 2);
    assert_eq!(folder.names(), before);
}

#[test]
fn a_line_that_does_not_fit_leaves_nothing_but_its_number() {
    let folder = Folder::with("a.tlog", small());
    let good = small_lines()[..2].join("\n");
    let before = folder.names();
    for (bad, says) in [
        ("hello", "expected value at column 1"),
        (r#"{"record":"imu"}"#, "missing field `data`"),
        (r#"{"data":{}}"#, "missing field `record`"),
        (r#"{"record":"imv","data":1}"#, "no schema for record \"imv\"; there are schemas for: gps, imu, note"),
        (r#"{"record":"imu","data":{"seq":1}}"#, "record imu, field `accel` is missing"),
        (r#"{"record":"imu","data":{"seq":-1,"accel":[1,2,3]}}"#, "record imu, seq: "),
        (r#"{"record":"imu","data":{"seq":1,"accel":[1,2]}}"#, "record imu, accel"),
        (r#"{"record":"note","data":5}"#, "record note"),
        (r#"{"time":"noon","record":"note","data":""}"#, "time \"noon\" is neither"),
        (r#"{"time":0.5,"record":"note","data":""}"#, "time 0.5 is neither"),
        (r#"{"time":9223372036854775808,"record":"note","data":""}"#, "time 9223372036854775808 is neither"),
    ] {
        let lines = format!("{good}\n\n{bad}\n{good}\n");
        let refused =
            folder.tlog_with(&["write", "--schema-from", "a.tlog", "-o", "b.tlog"], lines.as_bytes()).refused(1);
        assert!(refused.starts_with("tlog: error: standard input: line 4: "), "{refused}");
        assert!(refused.contains(says), "{bad}: {refused}");
        assert_eq!(folder.names(), before, "{bad}");
    }
    folder.put("in.ndjson", b"\xff\n");
    let refused = folder.tlog(&["write", "--schema-from", "a.tlog", "in.ndjson", "-o", "b.tlog"]).refused(1);
    assert!(refused.contains("in.ndjson: line 1: "), "{refused}");
    assert!(!folder.path("b.tlog").exists());
}

#[test]
fn overwrites_only_when_forced_and_never_its_inputs() {
    let folder = Folder::with("a.tlog", small());
    folder.put("in.ndjson", small_lines()[0].clone());
    folder.put("b.tlog", "precious");
    folder.put("shown.json", folder.tlog(&["schema", "show", "a.tlog", "--format", "json"]).good());
    let write = |output: &str, more: &[&str]| {
        folder.tlog(&[&["write", "--schema-from", "a.tlog", "in.ndjson", "-o", output], more].concat())
    };
    assert!(write("b.tlog", &[]).refused(2).contains("b.tlog exists; use --force"));
    assert_eq!(folder.get("b.tlog"), b"precious");
    for output in ["a.tlog", "in.ndjson", "./a.tlog"] {
        let refused = write(output, &["--force"]).refused(2);
        assert!(refused.contains("input and output are the same file"), "{refused}");
    }
    let schema = folder.tlog(&["write", "--schema", "shown.json", "in.ndjson", "-o", "shown.json", "--force"]);
    assert!(schema.refused(2).contains("input and output are the same file"));
    // A failure keeps what was there.
    let args = ["write", "--schema-from", "a.tlog", "-o", "b.tlog", "--force"];
    folder.tlog_with(&args, b"hello").refused(1);
    assert_eq!(folder.get("b.tlog"), b"precious");
    write("b.tlog", &["--force"]).good();
    assert_eq!(folder.tlog(&["cat", "b.tlog"]).good().lines().count(), 1);
    assert_eq!(folder.get("a.tlog"), small());
    assert_eq!(folder.names(), ["a.tlog", "b.tlog", "in.ndjson", "shown.json"]);
}

#[cfg(unix)]
#[test]
fn outputs_that_cannot_be() {
    let folder = Folder::with("a.tlog", small());
    folder.put("in.ndjson", small_lines()[0].clone());
    std::fs::create_dir(folder.path("folder")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap().success());
    let write = |output: &str| folder.tlog(&["write", "--schema-from", "a.tlog", "in.ndjson", "--force", "-o", output]);
    for (output, code, says) in [
        ("missing/b.tlog", 1, "missing: there is no such folder"),
        // Below a file, where nobody may create anything, not even root.
        ("in.ndjson/b.tlog", 1, "in.ndjson: there is no such folder"),
        ("folder", 2, "folder is not a regular file"),
        // A device in its place would be replaced by a file, if it could: not tried on one of the system's.
        ("pipe", 2, "pipe is not a regular file"),
    ] {
        let refused = write(output).refused(code);
        assert!(refused.contains(says) && !refused.contains(".tmp"), "{refused}");
    }
    assert!(!std::fs::metadata(folder.path("pipe")).unwrap().is_file());
}

#[cfg(unix)]
#[test]
fn results_are_files_like_any_others() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::with("a.tlog", small());
    folder.put("in.ndjson", small_lines()[0].clone());
    folder.put("target.tlog", "old");
    symlink("target.tlog", folder.path("link.tlog")).unwrap();
    for (mask, mode) in [("022", 0o644), ("077", 0o600)] {
        let line = format!("umask {mask}; exec {TLOG} write --schema-from a.tlog in.ndjson -o {mask}.tlog");
        assert!(Command::new("sh").args(["-c", &line]).current_dir(folder.path("")).status().unwrap().success());
        let permissions = std::fs::metadata(folder.path(&format!("{mask}.tlog"))).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode);
    }
    folder.tlog(&["write", "--schema-from", "a.tlog", "in.ndjson", "-o", "link.tlog", "--force"]).good();
    assert!(std::fs::symlink_metadata(folder.path("link.tlog")).unwrap().is_symlink());
    assert!(folder.get("target.tlog").starts_with(b"TLOG0003"));
}

#[test]
fn schemas_of_a_damaged_log_are_taken_and_told() {
    let cut = &small()[..400];
    let folder = Folder::with("cut.tlog", cut);
    let run = folder.tlog_with(&["write", "--schema-from", "cut.tlog", "-o", "b.tlog"], small_lines()[0].as_bytes());
    assert_eq!((run.code, run.err.lines().count()), (3, 1), "{}", run.err);
    assert_eq!(folder.tlog(&["cat", "b.tlog"]).good().lines().count(), 1);
}

#[test]
fn no_lines_make_an_empty_log() {
    let folder = Folder::with("a.tlog", small());
    folder.tlog(&["write", "--schema-from", "a.tlog", "-o", "b.tlog"]).good();
    assert_eq!(folder.tlog(&["cat", "b.tlog", "--format", "json"]).good(), "[\n]\n");
    assert!(folder.tlog(&["info", "b.tlog"]).good().contains("0 blocks"));
}

#[test]
fn an_interrupted_process_leaves_nothing_behind() {
    for signal in ["INT", "TERM"] {
        let folder = Folder::with("a.tlog", small());
        let mut process = Command::new(TLOG);
        process.args(["write", "--schema-from", "a.tlog", "-", "-o", "b.tlog"]).current_dir(folder.path(""));
        let mut process = process.stdin(Stdio::piped()).spawn().unwrap();
        while folder.names().len() < 2 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let sent = Command::new("kill").args(["-s", signal, &process.id().to_string()]).status().unwrap();
        assert!(sent.success());
        // Waiting would close its input, and an output that is finished before the signal comes stays.
        let _open = process.stdin.take();
        assert_eq!(process.wait().unwrap().code(), Some(130), "{signal}");
        assert_eq!(folder.names(), ["a.tlog"], "{signal}");
    }
}

#[test]
fn schemas_that_references_cannot_read_must_be_asked_for() {
    let schema = r#"{"records":[{"name":"old","identifier":4,"schema":{"type":"object","version":3,"fields":[{"name":"_x","type":"fixeduint8"}]}}]}"#;
    let folder = Folder::with("schema.json", schema);
    let line = "{\"time\":null,\"record\":\"old\",\"data\":{\"_x\":7}}\n";
    let args = ["write", "--schema", "schema.json", "-", "-o", "a.tlog"];
    assert!(folder.tlog_with(&args, line.as_bytes()).refused(2).contains("--any-schema writes it all the same"));
    folder.tlog_with(&[&args[..], &["--any-schema"]].concat(), line.as_bytes()).good();
    assert_eq!(folder.tlog(&["cat", "a.tlog", "--format", "ndjson"]).good(), line);
}
