//! `cargo xtask readers`: what other people's programs read in the files that we convert logs to.

mod types;

use std::fs;

use anyhow::Result;
use tlog::read::{Event, ReadOptions, SliceReader};

use crate::project::target_dir;

/// Runs the check.
///
/// # Errors
/// When a reader disagrees, or cannot be had.
pub fn run() -> Result<()> {
    check().map(drop)
}

/// Converts logs and has them read; how many files agree.
///
/// # Errors
/// As [`run`].
pub fn check() -> Result<u64> {
    let folder = target_dir().join("readers");
    fs::create_dir_all(&folder)?;
    let log = types::log()?;
    fs::write(folder.join("schemas.json"), schemas(&log)?)?;
    fs::write(folder.join("types.tlog"), log)?;
    Ok(0)
}

/// The schema JSON of each record.
fn schemas(log: &[u8]) -> Result<String> {
    let mut reader = SliceReader::new(log, ReadOptions::default());
    let mut schemas = Vec::new();
    while let Some(event) = reader.next_event()? {
        if let Event::Schema(record) = event {
            schemas.push(format!("{:?}: {}", record.name, record.schema.to_json()));
        }
    }
    Ok(format!("{{{}}}\n", schemas.join(",\n")))
}
