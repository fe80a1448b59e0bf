//! `tlog convert --parquet` and `--arrow`: what files there are, what they say of themselves, and what becomes of broken logs.

mod support;
#[path = "support/tables.rs"]
mod tables;

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType, UInt32Type};
use support::{Folder, IMU, START, TLOG, data_offsets, log, small};
use tables::{metadata, names, read, rows};
use tlog::write::WriterOptions;

const DAY: i64 = 86_400_000_000;

#[test]
fn a_file_for_each_record() {
    let folder = Folder::with("a.tlog", small());
    folder.tlog(&["convert", "a.tlog", "--parquet", "out/deep"]).good();
    assert_eq!(names(&folder.path("out")), ["deep/gps.parquet", "deep/imu.parquet", "deep/note.parquet"]);
    let imu = read(&folder.path("out/deep/imu.parquet"));
    let times = imu.column(0).as_primitive::<TimestampMicrosecondType>();
    assert_eq!(times.values().to_vec(), (0..10).map(|i| START + i * 100_000).collect::<Vec<_>>());
    assert_eq!(
        imu.column_by_name("seq").unwrap().as_primitive::<UInt32Type>().values(),
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    );
    let note = read(&folder.path("out/deep/note.parquet"));
    assert_eq!(note.column(0).null_count(), 3);
    assert_eq!(note.column_by_name("value").unwrap().as_string::<i32>().value(2), "at 8");
    let told = metadata(&folder.path("out/deep/gps.parquet"));
    assert_eq!((told["tlog.record"].as_str(), told["tlog.source"].as_str()), ("gps", "a.tlog"));
    assert_eq!((told["tlog.time_column"].as_str(), told["tlog.completeness"].as_str()), ("time", "complete"));
    assert!(told["tlog.schema"].contains("\"lat\""));
}

#[test]
fn one_record_into_one_file_from_a_pipe() {
    let folder = Folder::new();
    folder
        .tlog_with(
            &["convert", "-", "--parquet", "imu.parquet", "--record", "imu", "--start", "2020-09-13T12:26:40.5Z"],
            &small(),
        )
        .good();
    assert_eq!((folder.names(), rows(&folder.path("imu.parquet"))), (vec!["imu.parquet".to_owned()], 5));
    assert_eq!(metadata(&folder.path("imu.parquet"))["tlog.selected_start"], "2020-09-13T12:26:40.5Z");
    let error = folder.tlog_with(&["convert", "-", "--parquet", "all.parquet"], &small()).refused(2);
    assert!(error.contains("imu and gps"), "{error}");
    assert_eq!(folder.names(), ["imu.parquet"]);
}

#[test]
fn nothing_is_overwritten_unless_asked() {
    let folder = Folder::with("a.tlog", small());
    std::fs::create_dir(folder.path("out")).unwrap();
    folder.put("out/gps.parquet", "mine");
    let error = folder.tlog(&["convert", "a.tlog", "--parquet", "out"]).refused(2);
    assert!(error.contains("out/gps.parquet exists; use --force"), "{error}");
    assert_eq!(
        (names(&folder.path("out")), folder.get("out/gps.parquet")),
        (vec!["gps.parquet".to_owned()], b"mine".to_vec())
    );
    folder.tlog(&["convert", "a.tlog", "--parquet", "out", "--force"]).good();
    assert_eq!(rows(&folder.path("out/gps.parquet")), 2);
    folder.tlog(&["convert", "a.tlog", "--parquet", "-"]).refused(2);
    folder.tlog(&["convert", "a.tlog", "--parquet", "other", "--compression", "zip"]).refused(2);
    folder.tlog(&["convert", "a.tlog", "--parquet", "other", "--record", "mag"]).refused(2);
}

#[test]
fn records_without_data_and_records_declared_twice() {
    let records = [("imu", IMU), ("empty", "\"float64\"")];
    let first = log(&WriterOptions::new(), &records, &[("imu", Some(START), "{\"seq\":1,\"accel\":[1,2,3]}")]);
    let second = log(&WriterOptions::new(), &[("imu", "\"string\"")], &[("imu", Some(START), "\"other\"")]);
    let folder = Folder::with("a.tlog", &first);
    folder.tlog(&["convert", "a.tlog", "--parquet", "out"]).good();
    assert_eq!(rows(&folder.path("out/empty.parquet")), 0);
    assert_eq!(read(&folder.path("out/empty.parquet")).num_columns(), 2);
    // Two logs in one file.
    folder.put("ab.tlog", [first, second].concat());
    let run = folder.tlog(&["convert", "ab.tlog", "--parquet", "both"]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("record imu (identifier 1) is imu_2"), "{}", run.err);
    assert_eq!(names(&folder.path("both")), ["empty.parquet", "imu.parquet", "imu_2.parquet"]);
    assert_eq!(metadata(&folder.path("both/imu_2.parquet"))["tlog.record"], "imu");
}

#[test]
fn what_is_intact_of_a_broken_log() {
    let mut bytes = small();
    let offsets = data_offsets(&bytes);
    bytes[offsets[4] + 20] ^= 1;
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["convert", "a.tlog", "--parquet", "out"]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains(&format!("bytes {}..", offsets[4])), "{}", run.err);
    let all: usize = ["imu", "gps", "note"].iter().map(|name| rows(&folder.path(&format!("out/{name}.parquet")))).sum();
    assert_eq!(all, offsets.len() - 1);
    let told = metadata(&folder.path("out/note.parquet"));
    assert_eq!((told["tlog.completeness"].as_str(), told["tlog.damaged_stretches"].as_str()), ("damaged", "1"));
}

#[test]
fn rows_that_do_not_decode_are_damage() {
    let mut writer = WriterOptions::new().open(Vec::new());
    let schema = tlog::schema::Schema::from_json(r#"{"type":"array","items":"string"}"#).unwrap();
    let id = writer.declare("words", &schema).unwrap();
    for payload in [&b"\x01\x02hi"[..], b"\x09\x02hi", b"\x00"] {
        writer.write(id, None, payload).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let folder = Folder::with("a.tlog", &bytes);
    for (format, jobs) in [("--parquet", "1"), ("--parquet", "2"), ("--arrow", "2")] {
        let run = folder.tlog(&["convert", "a.tlog", format, "out", "--jobs", jobs, "--force"]);
        assert_eq!(run.code, 3, "{}", run.err);
        assert!(run.err.contains(&format!("bytes {}..", data_offsets(&bytes)[1])), "{}", run.err);
    }
    let told = metadata(&folder.path("out/words.parquet"));
    assert_eq!((told["tlog.completeness"].as_str(), told["tlog.refused_rows"].as_str()), ("damaged", "1"));
    assert_eq!(rows(&folder.path("out/words.parquet")), 2);
    let file = std::fs::File::open(folder.path("out/words.arrow")).unwrap();
    let reader = arrow_ipc::reader::FileReader::try_new(file, None).unwrap();
    assert_eq!(reader.custom_metadata()["tlog.completeness"], "damaged");
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 2);
}

/// Many values without a symbol.
fn modes() -> Vec<u8> {
    let schema = tlog::schema::Schema::new(tlog::schema::Type::Enum(tlog::schema::Enum::new(
        tlog::schema::IntegerType::Varuint,
        ["off", "on"].iter().zip(0..).map(|(name, value)| tlog::schema::Symbol { value, name: (*name).to_owned() }),
    )));
    let mut writer = WriterOptions::new().open(Vec::new());
    let id = writer.declare("mode", &schema.unwrap()).unwrap();
    for n in 0..200_000_u32 {
        let value = if n % 3 == 0 { n % 2 } else { n % 1000 };
        writer
            .write_with(id, tlog::Micros(START + i64::from(n)), |out| match value {
                0..128 => out.push(value as u8),
                _ => out.extend([value as u8 | 0x80, (value >> 7) as u8]),
            })
            .unwrap();
    }
    writer.finish().unwrap()
}

fn texts(batches: impl Iterator<Item = arrow_array::RecordBatch>) -> Vec<String> {
    let mut texts = Vec::new();
    for batch in batches {
        let modes = batch.column(1).as_dictionary::<Int32Type>();
        let modes = modes.downcast_dict::<arrow_array::StringArray>().unwrap();
        texts.extend(modes.into_iter().map(|text| text.unwrap().to_owned()));
    }
    texts
}

#[test]
fn dictionaries_of_arrow_grow() {
    let folder = Folder::with("a.tlog", modes());
    folder.tlog(&["convert", "a.tlog", "--arrow", "mode.arrow", "--compression", "lz4"]).good();
    let expected = |n: u32| match if n.is_multiple_of(3) { n % 2 } else { n % 1000 } {
        0 => "off".to_owned(),
        1 => "on".to_owned(),
        other => other.to_string(),
    };
    let expected: Vec<String> = (0..200_000).map(expected).collect();
    let file = std::fs::File::open(folder.path("mode.arrow")).unwrap();
    let reader = arrow_ipc::reader::FileReader::try_new(file, None).unwrap();
    assert_eq!(reader.schema().metadata()["tlog.record"], "mode");
    assert!(reader.num_batches() > 1);
    assert!(texts(reader.map(Result::unwrap)) == expected);
    let mut command = assert_cmd::Command::new(TLOG);
    let stream = command.current_dir(folder.path("")).args(["convert", "a.tlog", "--arrow", "-"]).output().unwrap();
    assert!(stream.status.success());
    let reader = arrow_ipc::reader::StreamReader::try_new(stream.stdout.as_slice(), None).unwrap();
    assert!(texts(reader.map(Result::unwrap)) == expected);
}

/// A log of three days and of data without a time.
fn days(count: i64) -> Vec<u8> {
    let data: Vec<(Option<i64>, String)> = (0..count)
        .map(|i| ((i % 10 < 9).then_some(START + i * DAY / 10), format!("{{\"seq\":{i},\"accel\":[0,0,0]}}")))
        .collect();
    let data: Vec<_> = data.iter().map(|(time, json)| ("imu", *time, json.as_str())).collect();
    log(&WriterOptions::new().index(false), &[("imu", IMU)], &data)
}

#[test]
fn a_lake_grows_by_logs_and_is_the_same_when_they_come_again() {
    let folder = Folder::with("a.tlog", days(25));
    std::fs::create_dir(folder.path("more")).unwrap();
    // Another log of the same name.
    folder.put("more/a.tlog", small());
    let convert =
        ["convert", "a.tlog", "more/a.tlog", "--parquet", "lake", "--partition", "robot=r/7,day", "--jobs", "2"];
    folder.tlog(&convert).good();
    let first = names(&folder.path("lake"));
    let of_day = |day: &str| -> Vec<&String> { first.iter().filter(|name| name.contains(day)).collect() };
    assert_eq!(of_day("record=imu/robot=r%2F7/day=2020-09-13/a-").len(), 2, "{first:?}");
    assert_eq!(of_day("record=imu/robot=r%2F7/day=2020-09-15/a-").len(), 1, "{first:?}");
    assert_eq!(of_day("record=imu/robot=r%2F7/day=__HIVE_DEFAULT_PARTITION__/a-").len(), 1, "{first:?}");
    assert_eq!(of_day("record=note/robot=r%2F7/day=__HIVE_DEFAULT_PARTITION__/a-").len(), 1, "{first:?}");
    assert_eq!(of_day("_tlog/a-").len(), 2, "{first:?}");
    let count = |names: &[String]| -> usize {
        let data = names.iter().filter(|name| name.contains("record=imu"));
        data.map(|name| rows(&folder.path("lake").join(name))).sum()
    };
    assert_eq!(count(&first), 25 + 10);

    let modified = |name: &String| folder.path("lake").join(name).metadata().unwrap().modified().unwrap();
    let before: Vec<SystemTime> = first.iter().map(modified).collect();
    folder.tlog(&convert).good();
    assert_eq!(names(&folder.path("lake")), first);
    assert_eq!(first.iter().map(modified).collect::<Vec<_>>(), before);

    // It has grown: its own files are replaced.
    folder.put("a.tlog", days(45));
    folder.tlog(&convert).good();
    let second = names(&folder.path("lake"));
    assert_eq!((second.len(), count(&second)), (first.len() + 2, 45 + 10));
    // Other options make it anew, without leaving anything of before.
    folder.tlog(&["convert", "a.tlog", "more/a.tlog", "--parquet", "lake", "--partition", "robot=r/7,month"]).good();
    let third = names(&folder.path("lake"));
    assert!(third.iter().all(|name| !name.contains("day=")), "{third:?}");
    assert_eq!(count(&third), 45 + 10);
    for wrong in ["week", "a b=1", "record=x", "day,day", "=x"] {
        folder.tlog(&["convert", "a.tlog", "--parquet", "lake", "--partition", wrong]).refused(2);
    }
}

#[test]
fn logs_of_a_lake_that_begin_alike_do_not_take_the_place_of_each_other() {
    let folder = Folder::with("a.tlog", days(25));
    std::fs::create_dir(folder.path("more")).unwrap();
    folder.put("more/a.tlog", days(30));
    let of_robot = |log: &str, robot: &str| {
        folder.tlog(&["convert", log, "--parquet", "lake", "--partition", &format!("robot={robot},day")])
    };
    let count = |folder: &Folder, robot: &str| -> usize {
        let names = names(&folder.path("lake"));
        let data = names.iter().filter(|name| name.starts_with(&format!("record=imu/robot={robot}/")));
        data.map(|name| rows(&folder.path("lake").join(name))).sum()
    };
    of_robot("a.tlog", "r1").good();
    of_robot("more/a.tlog", "r2").good();
    assert_eq!((count(&folder, "r1"), count(&folder, "r2")), (25, 30));
    // Nothing tells them apart: what was there first stays, together or one after the other.
    let error = of_robot("more/a.tlog", "r1").refused(1);
    assert!(error.contains("more/a.tlog") && error.contains("another log"), "{error}");
    let both = ["convert", "a.tlog", "more/a.tlog", "--parquet", "lake", "--partition", "robot=r3,day"];
    folder.tlog(&both).refused(1);
    assert_eq!((count(&folder, "r1"), count(&folder, "r2"), count(&folder, "r3")), (25, 30, 25));
    // The same bytes are the same log; so is one that was moved and has grown.
    folder.put("more/a.tlog", days(25));
    of_robot("more/a.tlog", "r1").good();
    std::fs::remove_file(folder.path("more/a.tlog")).unwrap();
    folder.put("a.tlog", days(40));
    of_robot("a.tlog", "r1").good();
    assert_eq!((count(&folder, "r1"), count(&folder, "r2")), (40, 30));
}

#[test]
fn a_log_that_is_none_does_not_keep_others_from_the_lake() {
    let folder = Folder::with("a.tlog", small());
    folder.put("empty.tlog", "");
    let convert = ["convert", "empty.tlog", "a.tlog", "--parquet", "lake", "--partition", "day"];
    let error = folder.tlog(&convert).refused(1);
    assert!(error.contains("empty.tlog"), "{error}");
    assert!(names(&folder.path("lake")).iter().any(|name| name.starts_with("record=imu/day=2020-09-13/a-")));
}

#[test]
fn what_is_nowhere_takes_the_place_of_nothing() {
    let folder = Folder::with("a.tlog", days(25));
    folder.put("b.tlog", small());
    let convert = |more: &[&str]| {
        let lake = ["convert", "a.tlog", "b.tlog", "--parquet", "lake", "--partition", "day"];
        folder.tlog(&[&lake[..], more].concat())
    };
    convert(&[]).good();
    let first = names(&folder.path("lake"));
    convert(&["--record", "typo"]).refused(2);
    assert_eq!(convert(&["--where", "typo > 3"]).code, 2);
    let one = ["convert", "a.tlog", "--parquet", "lake", "--partition", "day", "--record", "imu", "--record", "typo"];
    folder.tlog(&one).refused(2);
    assert_eq!(names(&folder.path("lake")), first);
    folder.tlog(&["convert", "b.tlog", "--parquet", "out", "--record", "imu", "--record", "typo"]).refused(2);
    assert!(names(&folder.path("out")).is_empty());
    // What only one of the logs has is there: the other one has no more files.
    convert(&["--record", "gps"]).good();
    let second = names(&folder.path("lake"));
    assert_eq!(second.iter().filter(|name| !name.starts_with("_tlog/")).count(), 1, "{second:?}");
}

#[test]
fn what_an_interrupted_conversion_put_into_a_lake_is_known_to_the_next() {
    let folder = Folder::with("a.tlog", days(25));
    let convert = |keys| folder.tlog(&["convert", "a.tlog", "--parquet", "lake", "--partition", keys]);
    // As if it had ended between its files and the last of its manifest.
    convert("day").good();
    let first = names(&folder.path("lake"));
    let in_the_way = first.iter().rfind(|name| name.starts_with("record=imu/")).unwrap();
    let manifest = first.iter().find(|name| name.starts_with("_tlog/")).unwrap();
    let kept = folder.get(&format!("lake/{manifest}"));
    let mut begun: serde_json::Value = serde_json::from_slice(&kept).unwrap();
    begun["stamp"] = serde_json::json!([]);
    std::fs::remove_file(folder.path("lake").join(in_the_way)).unwrap();
    folder.put(&format!("lake/{manifest}"), begun.to_string());
    convert("month").good();
    let names = names(&folder.path("lake"));
    assert!(names.iter().all(|name| !name.contains("day=")), "{names:?}");
}

#[test]
fn several_logs_have_folders_of_their_own() {
    let folder = Folder::with("a.tlog", small());
    std::fs::create_dir(folder.path("more")).unwrap();
    folder.put("more/a.tlog", small());
    folder.put("b.tlog", "no log");
    folder.tlog(&["convert", "a.tlog", "more/a.tlog", "--parquet", "out", "--record", "imu"]).good();
    assert_eq!(names(&folder.path("out")), ["a/imu.parquet", "a~2/imu.parquet"]);
    let run = folder.tlog(&["convert", "b.tlog", "a.tlog", "--parquet", "some", "--record", "imu"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert_eq!(names(&folder.path("some")), ["a/imu.parquet"]);
}

/// A log that takes a while.
fn large() -> Vec<u8> {
    let mut writer = WriterOptions::new().open(Vec::new());
    let schema = tlog::schema::Schema::from_json(IMU).unwrap();
    let ids: Vec<_> = (0..8).map(|n| writer.declare(&format!("imu{n}"), &schema).unwrap()).collect();
    for n in 0..20_000_u32 {
        let payload = [n.to_le_bytes(), [1; 4], n.to_be_bytes(), [3; 4]].concat();
        writer.write(ids[n as usize % 8], tlog::Micros(START + i64::from(n)), &payload).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
#[cfg(unix)]
fn a_killed_conversion_leaves_no_partial_file() {
    let folder = Folder::with("a.tlog", large());
    let convert = |out: &str| {
        let mut command = std::process::Command::new(TLOG);
        command.args(["convert", "a.tlog", "--parquet", out, "--row-group-bytes", "64KiB"]);
        command.current_dir(folder.path("")).stderr(Stdio::null());
        command
    };
    let started = std::time::Instant::now();
    assert!(convert("whole").status().unwrap().success());
    let whole = started.elapsed();
    let (mut left, mut unfinished) = (0, 0);
    for round in 0..20_u32 {
        let out = format!("out{round}");
        let mut child = convert(&out).spawn().unwrap();
        // The last rounds are when files are put in their places.
        std::thread::sleep(whole.mul_f64(f64::from(round + 1) / 20.0) + Duration::from_micros(u64::from(round) * 313));
        child.kill().unwrap();
        child.wait().unwrap();
        for name in names(&folder.path(&out)) {
            match name.ends_with(".parquet") {
                true => {
                    assert_eq!(rows(&folder.path(&out).join(&name)), 2500, "{name}");
                    left += 1;
                }
                false => unfinished += 1,
            }
        }
    }
    assert!(left + unfinished > 0);
}

#[test]
#[cfg(unix)]
fn an_interrupted_conversion_leaves_nothing() {
    let folder = Folder::new();
    let mut command = std::process::Command::new(TLOG);
    command.args(["convert", "-", "--parquet", "out", "--row-group-bytes", "8KiB"]);
    let mut child = command.current_dir(folder.path("")).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, &large()[..400_000]).unwrap();
    // It has begun, and waits for more.
    while names(&folder.path("out")).len() < 4 {
        std::thread::sleep(Duration::from_millis(5));
        assert!(child.try_wait().unwrap().is_none());
    }
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(names(&folder.path("out")), Vec::<String>::new());
}

#[test]
fn mcap_comes_back_as_the_log_it_was() {
    let folder = Folder::with("a.tlog", small());
    let run = folder.tlog(&["convert", "a.tlog", "--mcap", "a.mcap"]);
    assert!(run.code == 0 && run.err.contains("without a time of their own"), "{}", run.err);
    folder.tlog(&["import", "-q", "a.mcap", "-o", "back.tlog"]).good();
    let lines = |log: &str| folder.tlog(&["cat", log, "--format", "ndjson"]).good();
    assert_eq!(lines("back.tlog"), lines("a.tlog"));
    let error = folder.tlog(&["convert", "a.tlog", "--mcap", "a.mcap"]).refused(2);
    assert!(error.contains("a.mcap exists"), "{error}");
    let mut command = assert_cmd::Command::new(TLOG);
    let args = ["convert", "a.tlog", "--mcap", "-", "--compression", "lz4", "--record", "imu"];
    let stream = command.current_dir(folder.path("")).args(args).output().unwrap();
    assert!(stream.status.success());
    folder.put("stream.mcap", stream.stdout);
    folder.tlog(&["import", "-q", "stream.mcap", "-o", "imu.tlog"]).good();
    assert_eq!(lines("imu.tlog").lines().count(), 10);
    let mut bytes = small();
    let offsets = data_offsets(&bytes);
    bytes[offsets[4] + 20] ^= 1;
    folder.put("broken.tlog", bytes);
    let run = folder.tlog(&["convert", "broken.tlog", "--mcap", "broken.mcap"]);
    assert_eq!(run.code, 3, "{}", run.err);
    folder.tlog(&["convert", "a.tlog", "--mcap", "b.mcap", "--compression", "snappy"]).refused(2);
}
