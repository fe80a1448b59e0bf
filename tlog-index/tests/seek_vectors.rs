//! Seeking returns what the reference's `Seek` returned.
//!
//! The vectors lie beside the project, in `../shared` or where `TLOG_SHARED` says.
#![cfg(feature = "reference-vectors")]

use std::path::PathBuf;

use tlog::Micros;
use tlog_index::seek::{By, SeekOptions, seek, seek_with};

fn shared(path: &str) -> Vec<u8> {
    let root = std::env::var_os("TLOG_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = root.join(path);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The identifiers and offsets of one result, ascending.
fn expected(result: &serde_json::Value) -> Vec<(u64, u64)> {
    let entries = result.as_object().unwrap().iter();
    let mut expected: Vec<_> = entries
        .map(|(name, offset)| (name.rsplit_once('#').unwrap().1.parse().unwrap(), offset.as_u64().unwrap()))
        .collect();
    expected.sort_unstable();
    expected
}

#[test]
fn seeking_returns_what_the_reference_returned() {
    for name in ["seek_large", "seek_large_no_index"] {
        let log = shared(&format!("vectors/tlog/{name}.tlog"));
        let told: serde_json::Value = serde_json::from_slice(&shared(&format!("vectors/tlog/{name}.json"))).unwrap();
        let results = told["reference_cpp_seek_results"].as_array().unwrap();
        assert!(results.len() >= 8);
        for result in results {
            let time = Micros(result["seek"].as_i64().unwrap());
            let by_default = seek(&log[..], time).unwrap();
            let by_small_windows = seek_with(&log[..], time, &SeekOptions { window: 2_048, probes: 32 }).unwrap();
            assert_eq!(by_small_windows.by, By::Markers, "{name} at {time:?}");
            for seek in [by_default, by_small_windows] {
                let found: Vec<_> = seek.records.iter().map(|latest| (latest.identifier, latest.offset)).collect();
                assert_eq!(found, expected(&result["result"]), "{name} at {time:?}, found by {:?}", seek.by);
            }
        }
    }
}
