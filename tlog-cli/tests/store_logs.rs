//! Stores as arguments of the commands: a folder of segments is one log.

mod support;

use serde_json::{Value, json};
use support::{Folder, GPS, IMU, START, TLOG, log, small_data, small_lines};
use tlog::Micros;
use tlog::schema::Schema;
use tlog::value::read_json;
use tlog::write::{RecordId, WriterOptions};
use tlog_index::store::{Store, StoreOptions};

/// A store with segments of a few blocks, and what it is to hold.
struct Filled {
    folder: Folder,
    /// Still writing.
    store: Option<Store>,
}

const RECORDS: [(&str, &str); 3] = [("imu", IMU), ("gps", GPS), ("note", "\"string\"")];

/// What is written: all of [`small_data`], which has times for all in a store, ten times over.
fn data() -> Vec<(&'static str, i64, String)> {
    let mut data = Vec::new();
    for round in 0..10 {
        for (number, (name, time, json)) in small_data().into_iter().enumerate() {
            // The last rounds have no gps: it is found further in front.
            if round < 5 || name != "gps" {
                data.push((name, time.unwrap_or(START + number as i64 * 70_000) + round * 1_000_000, json));
            }
        }
    }
    data.sort_by_key(|&(_, time, _)| time);
    data
}

impl Filled {
    fn growing() -> Self {
        let folder = Folder::new();
        let options = StoreOptions::new().rotate_bytes(1500).writer(WriterOptions::new().compression(false));
        let (store, _) = Store::open(folder.path("store"), options).unwrap();
        let schemas = RECORDS.map(|(_, schema)| Schema::from_json(schema).unwrap());
        let ids: Vec<RecordId> =
            RECORDS.iter().zip(&schemas).map(|((name, _), schema)| store.declare(name, schema).unwrap()).collect();
        for (name, time, json) in data() {
            let at = RECORDS.iter().position(|(known, _)| *known == name).unwrap();
            let mut payload = Vec::new();
            read_json(schemas[at].root(), &json, &mut payload).unwrap();
            store.write(ids[at], Micros(time), &payload).unwrap();
        }
        store.sync().unwrap();
        Self { folder, store: Some(store) }
    }

    fn closed() -> Self {
        let mut filled = Self::growing();
        filled.store.take().unwrap().finish().unwrap();
        filled
    }

    /// The paths of the segments, as the commands show them.
    fn segments(&self) -> Vec<String> {
        let segments = tlog_index::store::segments(self.folder.path("store")).unwrap();
        segments.iter().map(|path| format!("store/{}", path.file_name().unwrap().to_str().unwrap())).collect()
    }

    fn json(&self, args: &[&str]) -> Value {
        let run = self.folder.tlog(&[args, &["--format", "json"]].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        serde_json::from_str(&run.out).unwrap()
    }

    /// The figures of one log with the same data.
    fn as_one_log(&self) -> Value {
        let data = data();
        let data: Vec<_> = data.iter().map(|(name, time, json)| (*name, Some(*time), json.as_str())).collect();
        self.folder.put("one.tlog", log(&WriterOptions::new().compression(false), &RECORDS, &data));
        self.json(&["info", "one.tlog"])["logs"][0].clone()
    }
}

#[test]
fn info_is_that_of_one_log() {
    let (growing, closed) = (Filled::growing(), Filled::closed());
    assert!(closed.segments().len() > 3);
    for filled in [&growing, &closed] {
        let one = filled.as_one_log();
        let found = &filled.json(&["info", "store"])["logs"][0];
        for figure in ["first_time", "last_time", "duration_us", "data_blocks", "payload_bytes", "time_steps_back"] {
            assert_eq!(found[figure], one[figure], "{figure}");
        }
        for (record, of_one) in found["records"].as_array().unwrap().iter().zip(one["records"].as_array().unwrap()) {
            for figure in ["name", "identifier", "count", "rate_hz", "first_time", "last_time", "largest_gap_us"] {
                assert_eq!(record[figure], of_one[figure], "{figure}");
            }
        }
        assert_eq!(found["store"]["segments"], filled.segments().len());
    }
    let found = &closed.json(&["info", "store"])["logs"][0];
    assert_eq!((&found["state"], &found["index"]), (&json!("complete"), &json!("present")));
    assert_eq!(found["store"]["growing"], Value::Null);
    let found = &growing.json(&["info", "store"])["logs"][0];
    assert_eq!((&found["state"], &found["index"]), (&json!("growing"), &json!("present")));
    let last = growing.segments().pop().unwrap();
    assert_eq!(found["store"]["growing"], last);
    let text = growing.folder.tlog(&["info", "store"]).good();
    assert!(text.contains(&format!("state       growing: {last} is being written\n")), "{text}");
    assert!(text.contains(&format!(" in {} segments\n", growing.segments().len())), "{text}");
}

#[test]
fn info_quick() {
    for filled in [Filled::growing(), Filled::closed()] {
        let mut full = filled.json(&["info", "store"])["logs"][0].clone();
        let quick = &filled.json(&["info", "store", "--quick"])["logs"][0];
        assert_eq!((&quick["data_blocks"], &quick["size"]), (&Value::Null, &full["size"]));
        assert_eq!(quick["left_out"][0], "counts");
        filled.folder.tlog(&["index", "store"]).good();
        full["saved"] = true.into();
        assert_eq!(filled.json(&["info", "store", "--quick"])["logs"][0], full);
    }
}

#[test]
fn all_segments_are_indexed_but_the_growing_one() {
    let filled = Filled::growing();
    let segments = filled.segments();
    let text = filled.folder.tlog(&["index", "store"]).good();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), segments.len());
    for (line, segment) in lines.iter().zip(&segments) {
        let state = if Some(segment) == segments.last() { "left out, as it is being written" } else { "built: " };
        assert!(line.starts_with(&format!("{segment}: index {state}")), "{line}");
    }
    filled.folder.tlog(&["index", "store", "--check"]).good();
    let reports = &filled.json(&["index", "store"])["logs"];
    assert_eq!((&reports[0]["state"], reports[0]["saved"].as_bool()), (&json!("up to date"), Some(true)));
    assert_eq!(reports[segments.len() - 1]["state"], "left out");
    // They are files beside the segments, not segments.
    assert_eq!(filled.segments(), segments);
}

/// What a look at all data finds: the latest time of each record.
fn naive(time: i64) -> Vec<(String, String)> {
    let latest = |name: &str| {
        let of_it = data().into_iter().filter(|(record, at, _)| *record == name && *at <= time);
        of_it.map(|(_, at, _)| at).max().map(|at| (name.to_owned(), Micros(at).to_string()))
    };
    RECORDS.iter().filter_map(|(name, _)| latest(name)).collect()
}

#[test]
fn seek_goes_over_all_segments() {
    for filled in [Filled::growing(), Filled::closed()] {
        for _ in 0..2 {
            for after in [-1, 0, 70_000, 3_333_333, 4_999_999, 6_500_000, 9_900_000, 99_000_000] {
                let found = filled.json(&["seek", "store", &format!("{}us", START + after), "-q"]);
                let places = found["records"].as_array().unwrap();
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let told: Vec<_> = places.iter().map(|place| (text(&place["record"]), text(&place["time"]))).collect();
                assert_eq!(told, naive(START + after), "{after}");
                assert_eq!(found["time_steps_back"], false);
                for place in places {
                    // The place is one that has this.
                    let args = ["seek", place["segment"].as_str().unwrap(), place["time"].as_str().unwrap()];
                    let there = filled.json(&[&args[..], &["--record", place["record"].as_str().unwrap()]].concat());
                    assert_eq!(there["records"][0]["offset"], place["offset"]);
                }
            }
            filled.folder.tlog(&["index", "store"]).good();
        }
    }
}

#[test]
fn seek_looks_no_further_than_it_needs() {
    let filled = Filled::closed();
    let segments = filled.segments();
    let looked = |args: &[&str]| {
        let run = filled.folder.tlog(&[&["seek", "-v", "store"], args].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        run.err.lines().filter(|line| line.starts_with("tlog: note: store/")).count()
    };
    assert_eq!(looked(&["-10ms", "--record", "imu"]), 1);
    // There is none of it in the second half.
    let for_gps = looked(&["-10ms", "--record", "gps"]);
    assert!(for_gps > 2 && for_gps < segments.len(), "{for_gps}");
    let text = filled.folder.tlog(&["seek", "store", "+4.2s", "--record", "imu"]).good();
    let row = text.lines().nth(1).unwrap();
    assert!(segments.iter().any(|segment| row.ends_with(&format!("  {segment}"))), "{text}");
    assert!(filled.folder.tlog(&["seek", "store", "+1s", "--record", "imv"]).refused(2).contains("gps, imu, note"));
}

#[test]
fn a_clock_that_is_set_back_between_segments() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("store")).unwrap();
    let segment = |start: i64| {
        let data: Vec<_> = (0..9).map(|i| ("n", Some(START + start + i), "1")).collect();
        log(&WriterOptions::new(), &[("n", "\"varuint\"")], &data)
    };
    [(1, 100), (2, 50), (3, 60)].iter().for_each(|(number, start)| {
        folder.put(&format!("store/000000000{number}.tlog"), segment(*start));
    });
    for (time, expected) in
        [(49, None), (55, Some((55, 2))), (59, Some((58, 2))), (80, Some((68, 3))), (200, Some((108, 1)))]
    {
        let run = folder.tlog(&["seek", "store", &format!("{}us", START + time), "--format", "json"]);
        assert!(run.err.contains("store: time steps back"), "{}", run.err);
        let found: Value = serde_json::from_str(&run.out).unwrap();
        let place = &found["records"][0];
        let told = place.is_object().then(|| (place["time"].clone(), place["segment"].clone()));
        let expected = expected.map(|(time, number)| {
            (json!(Micros(START + time).to_string()), json!(format!("store/000000000{number}.tlog")))
        });
        assert_eq!((told, &found["time_steps_back"]), (expected, &json!(true)), "{time}");
    }
    let found: Value = serde_json::from_str(&folder.tlog(&["info", "store", "--format", "json"]).good()).unwrap();
    assert_eq!(
        (&found["logs"][0]["time_steps_back"], &found["logs"][0]["largest_step_back_us"]),
        (&json!(1), &json!(58))
    );
}

#[test]
fn schemas_are_those_of_all_segments() {
    let filled = Filled::growing();
    let folder = &filled.folder;
    filled.as_one_log();
    let of_store = folder.tlog(&["schema", "show", "store"]).good();
    assert_eq!(of_store, folder.tlog(&["schema", "show", "one.tlog"]).good());
    assert_eq!(folder.tlog(&["schema", "diff", "--exit-code", "store", "one.tlog"]).good(), "no difference\n");
    let lines = small_lines().join("\n");
    let write = ["write", "--schema-from", "store", "-", "-o", "again.tlog"];
    folder.tlog_with(&write, lines.as_bytes()).good();
    assert_eq!(folder.tlog(&["cat", "--format", "ndjson", "again.tlog"]).good().lines().count(), small_lines().len());
}

#[test]
fn one_broken_segment_does_not_hide_the_others() {
    let filled = Filled::closed();
    let segments = filled.segments();
    filled.folder.put(&segments[1], "hello, world");
    for args in [&["info", "store"][..], &["seek", "store", "1600000099s"], &["index", "store"]] {
        let run = filled.folder.tlog(args);
        assert_eq!((run.code, run.err.lines().count()), (1, 1), "{}", run.err);
        assert!(run.err.starts_with(&format!("tlog: error: {}: not a TLOG0003 log", segments[1])), "{}", run.err);
        assert!(run.out.lines().count() > 3, "{}", run.out);
    }
    // A damaged one is read around.
    let mut bytes = filled.folder.get(&segments[2]);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    filled.folder.put(&segments[2], bytes);
    filled.folder.put(&segments[1], filled.folder.get(&segments[0]));
    let run = filled.folder.tlog(&["info", "store", "--format", "json", "-q"]);
    let found: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((run.code, &found["logs"][0]["state"]), (3, &json!("damaged")));
    assert_eq!(found["logs"][0]["damage"]["first"][0]["segment"], segments[2]);
}

#[test]
fn a_store_with_nothing_in_it_yet() {
    let folder = Folder::new();
    let (store, _) = Store::open(folder.path("store"), StoreOptions::new()).unwrap();
    let found: Value = serde_json::from_str(&folder.tlog(&["info", "store", "--format", "json"]).good()).unwrap();
    assert_eq!((&found["logs"][0]["data_blocks"], &found["logs"][0]["records"]), (&json!(0), &json!([])));
    assert_eq!(folder.tlog(&["index", "store"]).code, 0);
    assert_eq!(folder.tlog(&["seek", "store", "+1s"]).code, 0);
    assert_eq!(folder.tlog(&["schema", "show", "store"]).good(), "");
    store.finish().unwrap();
}

#[test]
fn many_lines_into_a_closed_pipe() {
    use std::process::{Command, Stdio};
    let filled = Filled::closed();
    let mut child = Command::new(TLOG)
        .args(["index", "store"])
        .current_dir(filled.folder.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn what_a_lake_has_of_segments_stays_when_they_are_deleted() {
    let closed = Filled::closed();
    let segments = closed.segments();
    let convert = ["convert", "store", "--parquet", "lake", "--partition", "day"];
    closed.folder.tlog(&convert).good();
    let manifests = || {
        let lake = std::fs::read_dir(closed.folder.path("lake/_tlog")).unwrap();
        let read = lake.map(|entry| serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap());
        let mut manifests: Vec<Value> = read.collect();
        manifests.sort_by_key(|manifest| manifest["source"].to_string());
        manifests
    };
    let first = manifests();
    assert_eq!(first.len(), segments.len());
    let rows: u64 = first.iter().map(|manifest| manifest["rows"].as_u64().unwrap()).sum();
    assert_eq!(rows, data().len() as u64);
    std::fs::remove_file(closed.folder.path(&segments[0])).unwrap();
    closed.folder.tlog(&convert).good();
    assert_eq!(manifests(), first);
    for made in first.iter().flat_map(|manifest| manifest["files"].as_array().unwrap()) {
        assert!(closed.folder.path("lake").join(made["path"].as_str().unwrap()).is_file(), "{made}");
    }
}
