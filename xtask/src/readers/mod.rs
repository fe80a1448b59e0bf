//! `cargo xtask readers`: what other people's programs read in the files that we convert logs to.
//!
//! ```text
//!  a log with every type in every other ─► Parquet, Arrow ─► pyarrow, DuckDB, polars, Spark ─► what `tlog cat` prints?
//!  a real flight                        ─► Parquet, Arrow, Hive partitions, MCAP ─► DuckDB, polars, mcap ─► as it should be?
//! ```
//!
//! The readers are Python packages, pinned in `xtask/readers/requirements.txt` and fetched once into the target folder; the
//! scripts beside that file compare. Spark is Sail, which speaks Spark's protocol and needs no JVM.

mod packages;
mod types;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use tlog::read::{Event, ReadOptions, SliceReader};

use crate::project::{cargo, is_ci, output_of, root, shared_dir, target_dir};

/// Runs the check.
///
/// # Errors
/// When a reader disagrees, or cannot be had.
pub fn run() -> Result<()> {
    check().map(drop)
}

/// Converts logs and has them read; how many tables agree.
///
/// # Errors
/// As [`run`].
pub fn check() -> Result<u64> {
    let folder = target_dir().join("readers");
    let (work, tlog) = (folder.join("files"), tlog()?);
    let python = packages::installed(&folder.join("packages"))?;
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    types_log(&tlog, &work)?;
    let mut passed = python.script("read_types.py", [&work])? + python.script("read_spark.py", [&work])?;
    let mut logs = vec![work.join("types.tlog")];
    if let Some(flight) = flight()? {
        convert(&tlog, &flight, &work, &FLIGHT)?;
        passed += python.script("read_flight.py", [&work, &flight.with_extension("expect.json")])?;
        logs.push(flight);
    }
    Ok(passed + mcap(&tlog, &python, &work, &logs)?)
}

/// What the log of all types becomes: in which folder, by which options.
const TYPES: [(&str, &str); 4] = [
    ("nested", "--parquet"),
    ("flat", "--flatten --raw-enums --parquet"),
    ("arrow", "--arrow"),
    ("raw", "--raw-enums --parquet"),
];

/// What the flight becomes.
const FLIGHT: [(&str, &str); 3] =
    [("flight", "--flatten --parquet"), ("flight_arrow", "--arrow"), ("lake", "--partition robot=r7,day --parquet")];

/// Writes the log of all types, what is in it as lines, and its tables.
fn types_log(tlog: &Path, work: &Path) -> Result<()> {
    let (log, bytes) = (work.join("types.tlog"), types::log()?);
    fs::write(work.join("schemas.json"), schemas(&bytes)?)?;
    fs::write(&log, bytes)?;
    let lines = File::create(work.join("types.ndjson"))?;
    let status = Command::new(tlog).args(["cat", "--format", "ndjson"]).arg(&log).stdout(lines).status()?;
    ensure!(status.success(), "tlog cat failed");
    convert(tlog, &log, work, &TYPES)
}

fn convert(tlog: &Path, log: &Path, work: &Path, all: &[(&str, &str)]) -> Result<()> {
    for (name, options) in all {
        let mut convert = Command::new(tlog);
        convert.arg("convert").arg(log).args(options.split(' ')).arg(work.join(name));
        output_of(&mut convert)?;
    }
    Ok(())
}

/// Has MCAP's own reader read these logs.
fn mcap(tlog: &Path, python: &Python, work: &Path, logs: &[PathBuf]) -> Result<u64> {
    let mut args = Vec::new();
    for log in logs {
        let name = log.with_extension("mcap").file_name().context("a log has a name")?.to_owned();
        convert(tlog, log, work, &[(&name.to_string_lossy(), "--mcap")])?;
        args.extend([work.join(name).into_os_string(), counts(&fs::read(log)?)?.into()]);
    }
    python.script("read_mcap.py", args)
}

/// How many instances each record has that has any, as JSON.
fn counts(log: &[u8]) -> Result<String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut reader = SliceReader::new(log, ReadOptions { strict: true, ..ReadOptions::default() });
    while let Some(data) = reader.next_data()? {
        *counts.entry(data.record.name.to_string()).or_default() += 1;
    }
    Ok(serde_json::to_string(&counts)?)
}

/// The command, built.
fn tlog() -> Result<PathBuf> {
    ensure!(cargo("build --quiet -p tlog-cli").status()?.success(), "tlog does not build");
    Ok(target_dir().join("debug/tlog"))
}

/// The real flight, if it is there.
fn flight() -> Result<Option<PathBuf>> {
    let flight = shared_dir().join("testdata/px4-flight.tlog");
    match flight.is_file() {
        true => Ok(Some(flight)),
        false if is_ci() => bail!("CI must have {}", flight.display()),
        false => {
            println!("!! {} not found: nothing of it was read", flight.display());
            Ok(None)
        }
    }
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

/// Python with the packages.
struct Python {
    packages: PathBuf,
}

impl Python {
    /// Runs a script of `xtask/readers`; how many comparisons it says passed.
    fn script(&self, name: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<u64> {
        println!("   {name}");
        let mut python = Command::new("python3");
        python.arg("-B").arg(root().join("xtask/readers").join(name)).args(args).env("PYTHONPATH", &self.packages);
        let output = python.output().context("python3")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        print!("{text}");
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{name} found what should not be:\n{errors}");
        let last = text.lines().last().and_then(|line| line.strip_suffix(" passed, 0 failed"));
        Ok(last.context("the script did not come to its end")?.parse()?)
    }
}
