//! A folder of Hive partitions that grows by many logs: which log made which files.
//!
//! For each log `_tlog/LOG.json` is written when all of its files are in their places, and in front of that without a
//! stamp, so that what an interrupted conversion leaves is known to the next:
//!
//! | key | value |
//! |---|---|
//! | `version` | 1 |
//! | `source` | where the log was, in full |
//! | `stamp` | size and time of modification of each of its files, in bytes and nanoseconds |
//! | `options` | what it was converted with |
//! | `files` | paths of what was made of it, from the folder, and their sizes in bytes |
//! | `rows` | how many rows they have |
//! | `damaged_stretches` | how much of the log was damaged |
//!
//! A log is known by the stem of its name, the values of keys such as `robot=r7`, and a hash of what it begins with, up to
//! the first data that has a time: so it is the same log when it has grown or was moved, and another one when it only has
//! the same name. Two logs that are there and differ, and that this does not tell apart, are refused: neither may take the
//! place of the other. The segments of a store are a log each, as the oldest of them go. Who reads partitions passes over
//! folders that begin with an underscore.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use tlog::read::{Damage, Event};
use tlog_convert::file_names::file_stem;

use crate::output::Binary;
use crate::outputs::{Outputs, make_folder};
use crate::source::Source;

/// The folder of the manifests.
const FOLDER: &str = "_tlog";

/// A log in the lake.
#[derive(Debug)]
pub struct Entry {
    folder: PathBuf,
    manifest: PathBuf,
    /// What the names of its files begin with.
    pub stem: String,
    source: PathBuf,
    stamp: Vec<Stamp>,
    options: String,
}

/// A file of a log, as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    modified: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    source: String,
    stamp: Vec<Stamp>,
    options: String,
    files: Vec<Made>,
    rows: u64,
    damaged_stretches: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Made {
    path: String,
    size: u64,
}

impl Entry {
    /// The log `source` in the lake at `folder`; `stem` is that of its name, `values` are those of the keys that it is given.
    pub fn of(folder: &Path, source: &Source, stem: &str, values: &str, options: &str) -> anyhow::Result<Self> {
        // Before it is read: what is changed from now on is noticed the next time.
        let stamp = source.parts.iter().map(|part| stamp(&part.path)).collect::<anyhow::Result<_>>()?;
        let mut options_hash = Fnv::default();
        options_hash.write(options.as_bytes());
        let options = format!("{:016x}", options_hash.finish());
        let stem = format!("{}-{:016x}", file_stem(stem), beginning(source, values)?);
        let manifest = folder.join(FOLDER).join(format!("{stem}.json"));
        let source = std::path::absolute(&source.name).with_context(|| source.name.clone())?;
        Ok(Self { folder: folder.to_owned(), manifest, stem, source, stamp, options })
    }

    /// Refuses to take the place of another log, which is there and differs.
    pub fn check_owner(&self) -> anyhow::Result<()> {
        let Some(manifest) = self.manifest() else { return Ok(()) };
        self.check_same(Path::new(&manifest.source))
    }

    /// Whether it is the log `other`; an error if that is another one, though its name and its beginning are the same.
    pub fn is_also(&self, other: &Self) -> anyhow::Result<bool> {
        if self.stem != other.stem {
            return Ok(false);
        }
        self.check_same(&other.source).map(|()| true)
    }

    fn check_same(&self, other: &Path) -> anyhow::Result<()> {
        match other.exists() && !is_same(&self.source, other).with_context(|| other.display().to_string())? {
            true => bail!(
                "its name and its beginning are those of {}, and it is another log: rename one, or tell them apart by a \
                 key such as --partition robot=r7",
                other.display()
            ),
            false => Ok(()),
        }
    }

    fn manifest(&self) -> Option<Manifest> {
        serde_json::from_slice(&fs::read(&self.manifest).ok()?).ok()
    }

    /// Whether its files are there, made of the log as it is now.
    pub fn is_up_to_date(&self) -> bool {
        self.manifest().is_some_and(|manifest| {
            let is_there =
                |made: &Made| self.folder.join(&made.path).metadata().is_ok_and(|file| file.len() == made.size);
            (manifest.version, manifest.stamp, manifest.options) == (1, self.stamp.clone(), self.options.clone())
                && manifest.files.iter().all(is_there)
        })
    }

    /// Puts its files in their places, removes those that it no longer makes, and writes the manifest last.
    pub fn replace(&self, outputs: Outputs, damage: &Damage, rows: u64) -> anyhow::Result<()> {
        let before: Vec<String> = self.manifest().into_iter().flat_map(|old| old.files).map(|made| made.path).collect();
        let places: Vec<PathBuf> = outputs.places().map(Path::to_owned).collect();
        let now: Vec<String> = places.iter().map(|place| self.within(place)).collect();
        let mut manifest = Manifest {
            version: 1,
            source: self.source.to_string_lossy().into_owned(),
            stamp: Vec::new(),
            options: self.options.clone(),
            files: before.iter().chain(&now).map(|path| Made { path: path.clone(), size: 0 }).collect(),
            rows,
            damaged_stretches: damage.stretches,
        };
        self.write(&manifest)?;
        outputs.commit()?;
        let kept: HashSet<&String> = now.iter().collect();
        for path in before.iter().filter(|path| !kept.contains(path) && self.is_own(path)) {
            // Whether it was there or not, it is gone.
            let _ = fs::remove_file(self.folder.join(path));
        }
        manifest.files =
            now.into_iter().zip(&places).map(|(path, place)| made(path, place)).collect::<Result<_, _>>()?;
        manifest.stamp.clone_from(&self.stamp);
        self.write(&manifest)
    }

    /// The path of one of its files from the folder.
    fn within(&self, place: &Path) -> String {
        place.strip_prefix(&self.folder).unwrap_or(place).to_string_lossy().into_owned()
    }

    fn write(&self, manifest: &Manifest) -> anyhow::Result<()> {
        make_folder(&self.folder.join(FOLDER))?;
        let mut file = Binary::create(&self.manifest, true, &[])?;
        file.write_all(serde_json::to_string_pretty(manifest)?.as_bytes()).context(file.name())?;
        file.commit()
    }

    /// Whether a path in a manifest, which may be anything, is one of this log in the lake.
    fn is_own(&self, path: &str) -> bool {
        let path = Path::new(path);
        let is_plain = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        is_plain && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&self.stem))
    }
}

fn made(path: String, place: &Path) -> anyhow::Result<Made> {
    Ok(Made { path, size: fs::metadata(place).with_context(|| place.display().to_string())?.len() })
}

fn stamp(path: &Path) -> anyhow::Result<Stamp> {
    let file = fs::metadata(path).with_context(|| path.display().to_string())?;
    let modified = file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified = modified.and_then(|time| i64::try_from(time.as_nanos()).ok()).unwrap_or(0);
    Ok(Stamp { size: file.len(), modified })
}

/// Whether two paths are of one file, or of files of the same bytes.
fn is_same(a: &Path, b: &Path) -> std::io::Result<bool> {
    if a.canonicalize()? == b.canonicalize()? {
        return Ok(true);
    }
    let (a, b) = (File::open(a)?, File::open(b)?);
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (BufReader::with_capacity(64 << 10, a), BufReader::with_capacity(64 << 10, b));
    loop {
        let (of_a, of_b) = (a.fill_buf()?, b.fill_buf()?);
        let len = of_a.len().min(of_b.len());
        match (len, of_a.get(..len) == of_b.get(..len)) {
            (0, _) => return Ok(of_a.len() == of_b.len()),
            (_, false) => return Ok(false),
            _ => {}
        }
        a.consume(len);
        b.consume(len);
    }
}

/// A hash of the values of keys and of what the log begins with, up to its first data with a time; of a log without, of what is declared in front of
/// its first data.
fn beginning(source: &Source, values: &str) -> anyhow::Result<u64> {
    let (mut hash, mut of_declarations) = (Fnv::default(), None);
    hash.write(values.as_bytes());
    for part in &source.parts {
        let Some(mut input) = part.open(source)? else { continue };
        let mut reader = input.reader(part.read_options());
        while let Some(event) = reader.next_event().with_context(|| part.name.clone())? {
            match event {
                Event::Schema(record) => {
                    hash.write(record.name.as_bytes());
                    hash.write(&record.identifier.to_le_bytes());
                    hash.write(&record.schema_bytes);
                }
                Event::Data(data) => {
                    of_declarations.get_or_insert_with(|| hash.finish());
                    hash.write(&data.record.identifier.to_le_bytes());
                    hash.write(data.payload);
                    if let Some(time) = data.time {
                        hash.write(&time.0.to_le_bytes());
                        return Ok(hash.finish());
                    }
                }
                _ => {}
            }
        }
    }
    Ok(of_declarations.unwrap_or_else(|| hash.finish()))
}

/// FNV-1a of 64 bits: names of files must stay the same from one version of the program to the next.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        let len = (bytes.len() as u64).to_le_bytes();
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        self.0 = len.iter().chain(bytes).fold(self.0, mix);
    }

    const fn finish(&self) -> u64 {
        self.0
    }
}
