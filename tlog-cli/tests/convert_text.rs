//! `tlog convert` into NDJSON and CSV: the same as `tlog cat` prints, and what only tables have.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use support::{Folder, START, log, small, small_lines, small_with};
use tlog::write::WriterOptions;

fn options() -> WriterOptions {
    WriterOptions::new()
}

fn text(folder: &Folder, name: &str) -> String {
    String::from_utf8(folder.get(name)).unwrap()
}

/// The names of the files in a folder of the folder.
fn names(folder: &Folder, name: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path(name)).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Converts a log to everything that `tlog cat` prints too, and compares; of the tables each so many.
fn check_equals_cat(log: &str, more: &[&str], each: usize) {
    let folder = Folder::new();
    let run = |args: &[&str]| folder.tlog(&[args, &[log], more].concat()).good();
    run(&["convert", "--ndjson", "all.ndjson"]);
    let lines = run(&["cat", "--format", "ndjson"]);
    assert!(text(&folder, "all.ndjson") == lines);
    run(&["convert", "--csv", "tables"]);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        *counts.entry(line["record"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let files = names(&folder, "tables");
    assert!(!counts.is_empty() && counts.keys().all(|record| files.contains(&format!("{record}.csv"))), "{files:?}");
    for (at, file) in files.iter().enumerate() {
        let (record, table) = (file.strip_suffix(".csv").unwrap(), text(&folder, &format!("tables/{file}")));
        assert_eq!(table.lines().count(), 1 + counts.get(record).copied().unwrap_or(0), "{record}");
        if at % each == 0 {
            let cat = folder.tlog(&[&["cat", "--format", "csv", log], more, &["--record", record]].concat()).good();
            assert!(table == cat, "{record}");
        }
    }
}

#[test]
fn all_is_as_cat_prints_it() {
    let folder = Folder::with("a.tlog", small());
    let log = folder.path("a.tlog").to_string_lossy().into_owned();
    for more in [&[][..], &["--start", "+300ms"], &["--where", "imu.seq > 3"]] {
        check_equals_cat(&log, more, 1);
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/golden");
    for name in ["choices", "compound", "compressed", "primitives", "times"] {
        let log = golden.join(format!("{name}.tlog"));
        folder.tlog(&["convert", log.to_str().unwrap(), "--ndjson", "out.ndjson", "--force"]).good();
        let expected = std::fs::read_to_string(golden.join(format!("{name}.ndjson"))).unwrap();
        // Lines that declare records are for writing only.
        let expected: String =
            expected.lines().filter(|line| !line.starts_with("{\"record\"")).map(|line| format!("{line}\n")).collect();
        assert_eq!(text(&folder, "out.ndjson"), expected, "{name}");
    }
}

#[cfg(feature = "reference-vectors")]
#[test]
fn a_flight_is_as_cat_prints_it() {
    let here = || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
    let flight = std::env::var_os("TLOG_SHARED").map_or_else(here, Into::into).join("testdata/px4-flight.tlog");
    check_equals_cat(flight.to_str().unwrap(), &[], 10);
}

#[test]
fn a_table_is_one_file_or_standard_output() {
    let folder = Folder::with("a.tlog", small());
    let cat = folder.tlog(&["cat", "a.tlog", "--format", "csv", "--record", "gps"]).good();
    folder.tlog(&["convert", "a.tlog", "--record", "gps", "--csv", "gps.CSV"]).good();
    assert_eq!(text(&folder, "gps.CSV"), cat);
    assert_eq!(folder.tlog(&["convert", "a.tlog", "--record", "gps", "--csv", "-"]).good(), cat);
    assert_eq!(folder.tlog_with(&["convert", "-", "--record", "gps", "--csv", "-"], &small()).good(), cat);
    let refused = folder.tlog(&["convert", "a.tlog", "--csv", "all.csv"]).refused(2);
    assert!(refused.contains("--record, or name a folder: gps, imu, note"), "{refused}");
    assert!(folder.tlog_with(&["convert", "-", "--csv", "all.csv"], &small()).refused(2).contains("one record"));
    let never = ["convert", "a.tlog", "--record", "gps", "--start", "2030-01-01T00:00:00Z", "--csv"];
    assert_eq!(folder.tlog(&[&never[..], &["-"]].concat()).good(), "time,lat,fix\n");
    assert_eq!(folder.tlog(&[&never[..], &["none"]].concat()).good(), "");
    assert_eq!(
        (names(&folder, "none"), text(&folder, "none/gps.csv")),
        (vec!["gps.csv".into()], "time,lat,fix\n".into())
    );
    let nothing = folder.tlog(&[&never[..], &["nothing", "--where", "lat > 100"]].concat());
    let warning = "tlog: warning: nothing was selected: nothing has no tables\n";
    assert_eq!((nothing.code, nothing.err.as_str()), (0, warning));
    assert_eq!(folder.names(), ["a.tlog", "gps.CSV", "none"]);
}

#[test]
fn nothing_is_overwritten_unless_asked() {
    let folder = Folder::with("a.tlog", small());
    std::fs::create_dir(folder.path("out")).unwrap();
    folder.put("out/gps.csv", "mine");
    let refused = folder.tlog(&["convert", "a.tlog", "--csv", "out"]).refused(2);
    assert!(refused.contains("out/gps.csv exists"), "{refused}");
    assert_eq!(names(&folder, "out"), ["gps.csv"]);
    folder.tlog(&["convert", "a.tlog", "--csv", "out", "--force"]).good();
    assert_eq!(names(&folder, "out"), ["gps.csv", "imu.csv", "note.csv"]);
    // A log that has the name of a table is not lost either.
    folder.put("out/imu.csv", small());
    let refused = folder.tlog(&["convert", "out/imu.csv", "--csv", "out", "--force"]).refused(2);
    assert!(refused.contains("input and output are the same file"), "{refused}");
    assert_eq!(folder.get("out/imu.csv"), small());
}

#[test]
fn what_is_nowhere_is_refused() {
    let folder = Folder::with("a.tlog", small());
    for (args, problem) in [
        (&["--csv", "out", "--record", "imv"][..], "there is no record imv"),
        (&["--csv", "out", "--field", "sec"], "--field sec"),
        (&["--ndjson", "out", "--field", "lat", "--record", "imu"], "--field lat"),
        (&["--csv", "out.csv", "--long", "--field", ""], "--field needs"),
        (&["--csv", "out.csv", "--resample", "1Hz", "--record", "imv"], "there is no record imv"),
    ] {
        let refused = folder.tlog(&[&["convert", "a.tlog"], args].concat()).refused(2);
        assert!(refused.contains(problem), "{args:?}: {refused}");
    }
    // One that the part in question happens not to have is not.
    let run = folder.tlog(&["convert", "a.tlog", "--ndjson", "-", "--field", "fix", "--start", "+800ms"]);
    assert_eq!((run.code, run.out.as_str()), (0, ""), "{}", run.err);
    assert_eq!(folder.names(), ["a.tlog"]);
    for args in [
        &["--ndjson", "x", "--long"][..],
        &["--csv", "x", "--long", "--resample", "1Hz"],
        &["--csv", "x", "--max-age", "1s"],
    ] {
        assert_eq!(folder.tlog(&[&["convert", "a.tlog"], args].concat()).code, 2, "{args:?}");
    }
}

#[test]
fn broken_logs_are_converted_as_far_as_they_are_whole() {
    // The payload of the second block is cut short; no checksum tells.
    let records = [("n", "\"fixeduint32\"")];
    let mut bytes = log(&options().checksums(false).index(false), &records, &[("n", Some(START), "1"); 3]);
    let (_, start, end) = support::blocks(&bytes)[2];
    bytes[start + 1] -= 1;
    bytes.remove(end - 1);
    let folder = Folder::with("a.tlog", &bytes);
    let row = "2020-09-13T12:26:40Z";
    for (args, expected) in [
        (&["--csv", "-"][..], format!("time,\n{row},1\n{row},1\n")),
        (&["--csv", "-", "--long"], format!("time,record,field,value\n{row},n,,1\n{row},n,,1\n")),
        (&["--csv", "-", "--resample", "1s"], format!("time,n\n{row},1\n")),
    ] {
        let run = folder.tlog(&[&["convert", "a.tlog"], args].concat());
        assert_eq!((run.code, run.out), (3, expected), "{}", run.err);
        assert_eq!(run.err.lines().count(), 1, "{}", run.err);
    }
    let run = folder.tlog(&["convert", "a.tlog", "--csv", "out"]);
    assert_eq!((run.code, names(&folder, "out")), (3, vec!["n.csv".to_owned()]), "{}", run.err);
}

#[test]
fn a_long_table_has_all_values() {
    let folder = Folder::with("a.tlog", small());
    let long = folder.tlog(&["convert", "a.tlog", "--csv", "-", "--long"]).good();
    assert_eq!(long.lines().count(), 1 + 10 * 4 + 2 * 2 + 3);
    let first = "time,record,field,value\n2020-09-13T12:26:40Z,imu,seq,0\n2020-09-13T12:26:40Z,imu,accel[0],0.5\n";
    assert!(long.starts_with(first), "{long}");
    assert!(long.contains("\n2020-09-13T12:26:40Z,gps,fix,\n,note,,at 0\n"), "{long}");
    assert_eq!(small_lines().len(), 15);
}

#[test]
fn a_resampled_table_is_exact() {
    let folder = Folder::with("a.tlog", small());
    let run =
        folder.tlog(&["convert", "a.tlog", "--csv", "-", "--resample", "4Hz", "--field", "seq", "--field", "lat"]);
    let expected = "time,imu.seq,gps.lat\n\
        2020-09-13T12:26:40Z,0,40.25\n\
        2020-09-13T12:26:40.25Z,2,40.25\n\
        2020-09-13T12:26:40.5Z,5,45.25\n\
        2020-09-13T12:26:40.75Z,7,45.25\n\
        2020-09-13T12:26:41Z,9,45.25\n";
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, expected, ""));
    let run = folder.tlog(&["convert", "a.tlog", "--csv", "b.csv", "--resample", "250ms", "--max-age", "100ms"]);
    assert_eq!(
        (run.code, run.err.as_str()),
        (0, "tlog: warning: 3 data blocks without a time left out of the table\n")
    );
    let rows = text(&folder, "b.csv");
    assert_eq!(rows.lines().next(), Some("time,imu.seq,imu.accel[0],imu.accel[1],imu.accel[2],gps.lat,gps.fix,note"));
    assert_eq!(rows.lines().nth(2), Some("2020-09-13T12:26:40.25Z,2,2.5,0.0,-9.75,,,"));
    let refused = folder.tlog_with(&["convert", "-", "--csv", "-", "--resample", "1Hz"], &small()).refused(2);
    assert!(refused.contains("needs a file"), "{refused}");
}

#[test]
fn a_resampled_table_that_would_explode_is_refused() {
    // One time is wrong: it is from 1970.
    let data = [("n", Some(0), "1"), ("n", Some(START), "2"), ("n", Some(START + 1_000_000), "3")];
    let folder = Folder::with("a.tlog", log(&options(), &[("n", "\"varuint\"")], &data));
    let args = ["convert", "a.tlog", "--csv", "a.csv", "--resample", "100Hz"];
    let refused = folder.tlog(&args).refused(2);
    assert!(refused.contains("from 1970-01-01T00:00:00Z to 2020-09-13T12:26:41Z"), "{refused}");
    assert!(refused.contains("160000000101 rows × 1 columns, about 5920.0 GB"), "{refused}");
    assert_eq!(folder.names(), ["a.tlog"]);
    folder.tlog(&[&args[..], &["--start", "2020-01-01T00:00:00Z"]].concat()).good();
    assert_eq!(text(&folder, "a.csv").lines().count(), 102);
}

#[test]
fn what_steps_back_in_time_is_put_in_order_or_told() {
    let at = |seconds: i64| Some(START + seconds * 1_000_000);
    let data = [
        ("n", at(0), "0"),
        ("n", at(3), "3"),
        ("n", at(1), "1"),
        ("n", at(60), "60"),
        ("n", at(80), "80"),
        ("n", at(30), "30"),
    ];
    let folder = Folder::with("a.tlog", log(&options(), &[("n", "\"varuint\"")], &data));
    let run = folder.tlog(&["convert", "a.tlog", "--csv", "-", "--resample", "1s"]);
    assert_eq!(run.code, 3);
    assert!(run.err.contains("1 data block too far behind in time"), "{}", run.err);
    let cells: Vec<&str> = run.out.lines().skip(1).map(|line| line.split_once(',').unwrap().1).collect();
    assert_eq!((cells.len(), &cells[..5]), (81, &["0", "1", "1", "3", "3"][..]));
    assert_eq!((cells[30], cells[60], cells[80]), ("3", "60", "80"));
}

#[test]
fn logs_with_the_same_records_are_one_table() {
    let folder = Folder::with("a.tlog", small());
    folder.put("b.tlog", small_with(&options().index(false)));
    folder.tlog(&["convert", "a.tlog", "b.tlog", "--csv", "out"]).good();
    let cat = folder.tlog(&["cat", "a.tlog", "b.tlog", "--format", "csv", "--record", "imu"]).good();
    assert_eq!(text(&folder, "out/imu.csv"), cat);
    // Records have columns for those fields that they have.
    folder.tlog(&["convert", "a.tlog", "--csv", "few", "--field", "seq", "--field", "lat"]).good();
    assert_eq!(names(&folder, "few"), ["gps.csv", "imu.csv"]);
    let cat = folder.tlog(&["cat", "a.tlog", "--format", "csv", "--record", "imu", "--field", "seq"]).good();
    assert_eq!(text(&folder, "few/imu.csv"), cat);
}

#[cfg(unix)]
#[test]
fn a_conversion_that_is_ended_leaves_no_tables() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
        let folder = Folder::new();
        let mut command = Command::new(support::TLOG);
        command.args(["convert", "-", "--csv", "out"]).current_dir(folder.path(""));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        // Waiting would close its input, and that is where the log ends.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&small()).unwrap();
        while !folder.path("out").is_dir() || names(&folder, "out").is_empty() {
            std::thread::yield_now();
        }
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), code);
        let left = names(&folder, "out");
        match code {
            Some(_) => assert!(left.is_empty(), "{left:?}"),
            // Nobody could remove it; it says what it is.
            None => assert!(left.iter().all(|name| name.starts_with(".tlog-") && name.ends_with(".tmp")), "{left:?}"),
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn many_records_and_wide_ones_take_few_handles_and_little_memory() {
    let wide = r#"{"type":"fixedarray","size":20000,"items":"fixeduint8"}"#;
    let zeros = format!("[{}0]", "0,".repeat(19_999));
    let many: Vec<String> = (0..200).map(|n| format!("r{n}")).collect();
    let records: Vec<(&str, &str)> =
        many.iter().map(|name| (name.as_str(), "\"varuint\"")).chain([("wide", wide)]).collect();
    let mut data: Vec<(&str, Option<i64>, &str)> = many.iter().map(|name| (name.as_str(), Some(START), "1")).collect();
    data.extend((0..3).map(|n| ("wide", Some(START + n), zeros.as_str())));
    let folder = Folder::with("a.tlog", log(&options(), &records, &data));
    for (args, lines) in [
        (&["--csv", "out"][..], None),
        (&["--csv", "long.csv", "--long"], Some(1 + 200 + 60_000)),
        (&["--csv", "grid.csv", "--resample", "1us"], Some(4)),
    ] {
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", "ulimit -n 90 && ulimit -v 400000 && exec \"$0\" \"$@\"", support::TLOG, "convert", "a.tlog"])
            .args(args);
        let output = command.current_dir(folder.path("")).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        match lines {
            None => assert_eq!(names(&folder, "out").len(), 201),
            Some(lines) => assert_eq!(text(&folder, args[1]).lines().count(), lines),
        }
    }
    assert_eq!(text(&folder, "grid.csv").lines().last().unwrap().split(',').count(), 1 + 200 + 20_000);
}
