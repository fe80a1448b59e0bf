//! What several test files share.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod logs;
pub mod naive;
pub mod saved;

use std::path::{Path, PathBuf};

/// A file of the reference vectors and logs.
pub fn shared(path: &str) -> PathBuf {
    let root = std::env::var_os("TLOG_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    root.join(path)
}

/// All logs below a folder.
pub fn logs_in(folder: PathBuf) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths = Vec::new();
    find_logs(&folder, &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no logs in {}", folder.display());
    paths.into_iter().map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
}

fn find_logs(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            find_logs(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "tlog") {
            found.push(path);
        }
    }
}
