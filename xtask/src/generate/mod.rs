//! `cargo xtask generate`: writes the files in testdata/ that are made by rule.
//!
//! Every one of them is also compared with what would be generated, by the tests here: what we write
//! does not change by accident.

mod corrupt;
mod firmware;
mod golden;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::project::{cargo, files, root};
use crate::quadruped;

/// A generated file: its path from the root, and its bytes.
type Generated = (PathBuf, Vec<u8>);

/// What to write.
#[derive(clap::Args)]
pub struct Options {
    /// Write the big log of the benchmarks to this file, instead of those in testdata/
    #[arg(long, value_name = "PATH")]
    bench: Option<PathBuf>,
    /// How many records the big log has
    #[arg(long, default_value_t = 900_000, requires = "bench")]
    records: u32,
}

/// Writes all files in testdata/, or the big log.
///
/// # Errors
/// When one cannot be made or written.
pub fn run(options: &Options) -> Result<()> {
    if let Some(path) = &options.bench {
        return big_log(path, options.records);
    }
    for (path, bytes) in all()? {
        fs::write(root().join(&path), &bytes).with_context(|| path.display().to_string())?;
        println!("{}: {} bytes", path.display(), bytes.len());
    }
    Ok(())
}

/// The benchmarks have their own crate, whose rivals the chores need not build.
fn big_log(path: &Path, records: u32) -> Result<()> {
    let mut writer = cargo("run --quiet --release -p tlog-bench --bin big-log --");
    let status = writer.arg(std::path::absolute(path)?).arg(records.to_string()).status()?;
    ensure!(status.success(), "the big log was not written");
    Ok(())
}

fn all() -> Result<Vec<Generated>> {
    let mut all = vec![("testdata/quadruped.tlog".into(), quadruped::log()?)];
    let [closed, unclosed] = firmware::files()?;
    all.push(("testdata/firmware/closed.tlog".into(), closed));
    all.push(("testdata/firmware/unclosed.tlog".into(), unclosed));
    for (path, text) in golden_texts()? {
        let log = golden::log_of(&text).with_context(|| path.display().to_string())?;
        all.push((path.with_extension("tlog"), log));
    }
    let broken = corrupt::all()?.into_iter();
    all.extend(broken.map(|broken| (format!("testdata/corrupt/{}.tlog", broken.name).into(), broken.bytes)));
    all.push(("testdata/corrupt/expected.txt".into(), corrupt::expectations()?.into_bytes()));
    Ok(all)
}

/// The hand-written halves of the golden pairs.
fn golden_texts() -> Result<Vec<(PathBuf, String)>> {
    let mut paths = files()?;
    paths.retain(|path| path.starts_with("testdata/golden") && path.extension().is_some_and(|end| end == "ndjson"));
    let read = |path: PathBuf| fs::read_to_string(root().join(&path)).map(|text| (path, text));
    Ok(paths.into_iter().map(read).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlog::read::{Event, ReadOptions, SliceReader};
    use tlog::value::{Cursor, write_json};

    /// The text that describes a log: `log_of` the other way. Reading is strict: nothing is left out.
    fn text_of(log: &[u8]) -> Result<String> {
        let mut reader = SliceReader::new(log, ReadOptions { strict: true, ..ReadOptions::default() });
        let mut text = String::new();
        while let Some(event) = reader.next_event()? {
            match event {
                Event::Schema(record) => {
                    text += &format!("{{\"record\":{:?},\"schema\":{}}}\n", record.name, record.schema.to_json());
                }
                Event::Data(data) => {
                    let time = data.time.map_or_else(|| "null".to_owned(), |time| format!("\"{time}\""));
                    let mut json = Vec::new();
                    write_json(data.record.schema.root(), &mut Cursor::new(data.payload), &mut json)?;
                    let (name, json) = (&data.record.name, String::from_utf8(json)?);
                    text += &format!("{{\"time\":{time},\"record\":{name:?},\"data\":{json}}}\n");
                }
                _ => {}
            }
        }
        Ok(text)
    }

    #[test]
    fn committed_files_are_the_generated_ones() {
        for (path, bytes) in all().unwrap() {
            let committed = fs::read(root().join(&path)).unwrap();
            assert!(committed == bytes, "{}: run `cargo xtask generate`, look at what changed", path.display());
        }
    }

    #[test]
    fn golden_logs_say_what_their_texts_say() {
        let texts = golden_texts().unwrap();
        assert!(texts.len() >= 5);
        for (path, text) in texts {
            let log = fs::read(root().join(path.with_extension("tlog"))).unwrap();
            assert_eq!(text_of(&log).unwrap(), text, "{}", path.display());
        }
    }

    #[test]
    fn the_run_round_trips_byte_for_byte() {
        let log = fs::read(root().join("testdata/quadruped.tlog")).unwrap();
        assert!(golden::log_of(&text_of(&log).unwrap()).unwrap() == log);
    }
}
