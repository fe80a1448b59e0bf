//! Replays every committed fuzz input through the check of its target: the seeds,
//! and the inputs that failed once and must not again.

#[path = "../../fuzz/src/lib.rs"]
mod checks;

use std::fs;
use std::path::Path;

/// Runs one check over the committed inputs of its target; how many there were.
fn replay(target: &str, check: fn(&[u8])) -> usize {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let folders = ["seeds", "regressions"].map(|kind| fuzz.join(kind).join(target));
    let files = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let mut count = 0;
    for file in files {
        let path = file.unwrap().path();
        println!("{}", path.display());
        check(&fs::read(&path).unwrap());
        count += 1;
    }
    count
}

#[test]
fn schema_binary() {
    assert!(replay("schema_binary", checks::schema_binary) >= 7);
}

#[test]
fn payload_walk() {
    assert!(replay("payload_walk", checks::payload_walk) >= 7);
}

#[test]
fn columns() {
    assert!(replay("columns", checks::columns) >= 7);
}

#[test]
fn file_read() {
    assert!(replay("file_read", checks::file_read) >= 7);
}

#[test]
fn schema_json() {
    assert!(replay("schema_json", checks::schema_json) >= 5);
}

#[test]
fn json_to_binary() {
    assert!(replay("json_to_binary", checks::json_to_binary) >= 5);
}

#[test]
fn index_scan() {
    assert!(replay("index_scan", checks::index_scan) >= 15);
}

#[test]
fn seek_markers() {
    assert!(replay("seek_markers", checks::seek_markers) >= 10);
}

#[test]
fn recover() {
    assert!(replay("recover", checks::recover) >= 10);
}

#[test]
fn sidecar() {
    assert!(replay("sidecar", checks::sidecar) >= 5);
}

#[test]
fn predicate() {
    assert!(replay("predicate", checks::predicate) >= 10);
}

#[test]
fn import_mcap() {
    assert!(replay("import_mcap", checks::import_mcap) >= 6);
}

#[test]
fn import_ulog() {
    assert!(replay("import_ulog", checks::import_ulog) >= 4);
}

#[test]
fn batches() {
    assert!(replay("batches", checks::batches) >= 10);
}

#[test]
fn card() {
    assert!(replay("card", checks::card) >= 5);
}

/// A target whose seeds nobody replays would rot; this finds it.
#[test]
fn every_target_is_replayed() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/targets");
    let here = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz_replay.rs")).unwrap();
    for target in fs::read_dir(targets).unwrap() {
        let name = target.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(here.contains(&format!("replay(\"{name}\"")), "{name} is not replayed");
    }
}
