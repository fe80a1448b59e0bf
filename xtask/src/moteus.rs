//! `cargo xtask moteus`: what mjbots' own Python reader makes of our logs.
//!
//! The reader is a part of the package `moteus`. Only its wheel is fetched, pinned by its hash, and
//! only that one module is run: see `python/check_moteus.py`, which compares. Files as firmware leaves them are
//! read as they are, and recovered.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use tlog::read::{Event, ReadOptions, SliceReader};
use tlog::value::{Cursor, write_json};
use tlog_index::batches::Batches;
use tlog_index::recover::{RecoverOptions, recover};

use crate::project::{files, output_of, root, target_dir};

/// Logs in these folders of testdata/ are not meant to be read by everyone.
const NOT_FOR_OTHERS: &str = "testdata/corrupt";

/// Runs the check.
///
/// # Errors
/// When the two sides disagree, or Python or the package cannot be had.
pub fn run() -> Result<()> {
    check().map(drop)
}

/// Compares every log in testdata/, and what is recovered of those from firmware; how many agree.
///
/// # Errors
/// As [`run`].
pub fn check() -> Result<u64> {
    let folder = target_dir().join("moteus");
    fs::create_dir_all(&folder)?;
    let wheel = wheel(&folder)?;
    let mut compared = Vec::new();
    for log in logs()? {
        let name = folder.join(log.to_string_lossy().replace('/', "-"));
        let log = root().join(log);
        let recovered = recovered(&log, &name.with_extension("recovered.tlog"))?;
        for log in [Some(log), recovered].into_iter().flatten() {
            let lines = if log.starts_with(&folder) { &log } else { &name }.with_extension("ndjson");
            describe(&log, &lines).with_context(|| log.display().to_string())?;
            compared.push([log, lines]);
        }
    }
    ensure!(!compared.is_empty(), "there are no logs in testdata/");
    let script = root().join("xtask/python/check_moteus.py");
    let status = Command::new("python3").arg(script).arg(wheel).args(compared.as_flattened()).status();
    ensure!(status.context("python3")?.success(), "the Python reader does not agree with us");
    Ok(compared.len() as u64)
}

/// Recovers a log into `copy` if firmware wrote it.
fn recovered(log: &Path, copy: &Path) -> Result<Option<PathBuf>> {
    let bytes = fs::read(log)?;
    if Batches::recognise(&bytes).is_none() {
        return Ok(None);
    }
    let (recovered, whole) = recover(&bytes, &RecoverOptions::default(), Vec::new())?;
    recovered.verify(&whole)?;
    fs::write(copy, whole)?;
    Ok(Some(copy.to_owned()))
}

fn logs() -> Result<Vec<PathBuf>> {
    let mut logs = files()?;
    logs.retain(|path| path.starts_with("testdata") && !path.starts_with(NOT_FOR_OTHERS));
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "tlog"));
    Ok(logs)
}

/// The package's wheel, fetched if it is not there yet.
fn wheel(folder: &Path) -> Result<PathBuf> {
    if let Some(wheel) = find_wheel(folder)? {
        return Ok(wheel);
    }
    let requirements = root().join("xtask/python/requirements.txt");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--dest"]).arg(folder);
    output_of(pip.arg("--requirement").arg(requirements)).context("cannot fetch the package moteus")?;
    match find_wheel(folder)? {
        Some(wheel) => Ok(wheel),
        None => bail!("pip left no wheel in {}", folder.display()),
    }
}

fn find_wheel(folder: &Path) -> Result<Option<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "whl")))
}

/// Writes what is in a log as the lines that the script reads.
fn describe(log: &Path, lines: &Path) -> Result<()> {
    let bytes = fs::read(log)?;
    let mut out = BufWriter::new(File::create(lines)?);
    let mut reader = SliceReader::new(&bytes, ReadOptions { strict: true, ..ReadOptions::default() });
    while let Some(event) = reader.next_event()? {
        match event {
            Event::Schema(record) => {
                let (hex, schema) = (hex(&record.schema_bytes), record.schema.to_json());
                writeln!(out, r#"{{"record":{:?},"schema_hex":"{hex}","schema":{schema}}}"#, record.name)?;
            }
            Event::Data(data) => {
                let mut json = Vec::new();
                write_json(data.record.schema.root(), &mut Cursor::new(data.payload), &mut json)?;
                let (hex, json) = (hex(data.payload), String::from_utf8(json)?);
                writeln!(out, r#"{{"record":{:?},"payload_hex":"{hex}","data":{json}}}"#, data.record.name)?;
            }
            _ => {}
        }
    }
    Ok(out.flush()?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
