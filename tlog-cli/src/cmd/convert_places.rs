//! Where the tables of a log go: one file, a folder, or Hive partitions.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tlog::Micros;
use tlog_convert::file_names::{FileNames, file_stem};

use crate::exit::usage;
use crate::terminal::printable;

/// What stands for a value that is missing, in the paths of Hive partitions.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// The years 0 to 9999 in microseconds: other times have no date as text, and are as if missing.
const DATED: std::ops::Range<i64> = -62_167_219_200_000_000..253_402_300_800_000_000;

/// A log is cut into so many tables at most: times may be anything.
const MAX_TABLES: usize = 1 << 16;

/// Where the tables of a log go.
#[derive(Clone, Debug)]
pub enum Target {
    /// Into one file: there must be one table only.
    File(PathBuf),
    /// A file for each record into this folder.
    Folder(PathBuf),
    /// Below this folder, in partitions; the log gives each of its files this stem.
    Partitions { folder: PathBuf, keys: Keys, stem: String },
    /// To standard output.
    Stdout,
}

/// What partitions are made by.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Key>);

#[derive(Clone, Debug)]
enum Key {
    Fixed(String),
    Month,
    Day,
    Hour,
}

/// Which stretch of time data belongs to.
pub type Bucket = Option<i64>;

impl Keys {
    /// Keys such as `robot=r7`, `month`, `day` and `hour`.
    pub fn parse(texts: &[String]) -> anyhow::Result<Self> {
        let (mut keys, mut names) = (Vec::new(), vec!["record"]);
        for text in texts {
            let (name, key) = match (text.as_str(), text.split_once('=')) {
                ("month", None) => ("month", Key::Month),
                ("day", None) => ("day", Key::Day),
                ("hour", None) => ("hour", Key::Hour),
                (_, Some((name, value))) => (name, Key::Fixed(format!("{name}={}", file_stem(value)))),
                _ => return Err(usage(format!("--partition {text}: give KEY=VALUE, month, day or hour"))),
            };
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_word) || name.starts_with('_') {
                return Err(usage(format!("--partition {text}: a key has letters, digits and underscores")));
            }
            if names.contains(&name) {
                return Err(usage(format!("--partition {text}: there is a key `{name}` already")));
            }
            names.push(name);
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// The keys that have one value for all of a log, with these.
    pub fn values(&self) -> String {
        let fixed = self.0.iter().filter_map(|key| if let Key::Fixed(text) = key { Some(text.as_str()) } else { None });
        fixed.collect::<Vec<_>>().join("/")
    }

    /// How many microseconds the shortest stretch has that the keys tell apart.
    fn step(&self) -> Option<i64> {
        let steps = self.0.iter().filter_map(|key| match key {
            Key::Fixed(_) => None,
            Key::Month | Key::Day => Some(86_400_000_000),
            Key::Hour => Some(3_600_000_000),
        });
        steps.min()
    }

    /// The folders of a stretch of time that starts then.
    fn folders(&self, start: Option<Micros>) -> PathBuf {
        let text = start.map(|start| start.to_string());
        let part = |name: &str, len: usize| {
            let value = text.as_deref().and_then(|text| text.get(..len)).unwrap_or(NO_VALUE);
            format!("{name}={value}")
        };
        let folders = self.0.iter().map(|key| match key {
            Key::Fixed(text) => text.clone(),
            Key::Month => part("month", 7),
            Key::Day => part("day", 10),
            Key::Hour => part("hour", 13),
        });
        folders.collect()
    }
}

impl Target {
    /// Which tables data of this time is kept apart in.
    pub fn bucket(&self, time: Option<Micros>) -> Bucket {
        match self {
            Self::Partitions { keys, .. } => {
                let step = keys.step()?;
                let dated = time.filter(|time| DATED.contains(&time.0));
                Some(dated.map_or(i64::MIN, |time| time.0.div_euclid(step)))
            }
            _ => None,
        }
    }

    /// Whether records without data have a table too.
    pub fn takes_empty(&self) -> bool {
        match self {
            Self::Partitions { keys, .. } => keys.step().is_none(),
            _ => true,
        }
    }
}

/// The places of the tables of a log.
#[derive(Debug)]
pub struct Places {
    target: Target,
    extension: &'static str,
    names: FileNames,
    /// For each table its folder and the stem of its files.
    tables: Vec<(PathBuf, String)>,
    /// How the table is called, for the one that there may be.
    first: Option<String>,
    /// Which table each record has for each stretch of time.
    by_bucket: HashMap<(u64, Bucket), usize>,
    /// The tables of partitions: several days are of one month.
    by_folder: HashMap<(u64, PathBuf), usize>,
}

impl Places {
    /// No table so far.
    pub fn new(target: Target, extension: &'static str) -> Self {
        Self {
            target,
            extension,
            names: FileNames::default(),
            tables: Vec::new(),
            first: None,
            by_bucket: HashMap::new(),
            by_folder: HashMap::new(),
        }
    }

    /// Where the tables go.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// The number of the table for data of this record in this stretch of time; `true` when there was none yet.
    pub fn table(&mut self, id: u64, name: &str, bucket: Bucket) -> anyhow::Result<(usize, bool)> {
        if let Some(&table) = self.by_bucket.get(&(id, bucket)) {
            return Ok((table, false));
        }
        let next = self.tables.len();
        let (table, place) = match self.place(id, name, bucket)? {
            Ok(place) => (next, Some(place)),
            Err(known) => (known, None),
        };
        self.by_bucket.insert((id, bucket), table);
        let is_new = place.is_some();
        self.tables.extend(place);
        Ok((table, is_new))
    }

    /// Folder and stem of a new table, or the table that has this place already.
    fn place(&mut self, id: u64, name: &str, bucket: Bucket) -> anyhow::Result<Result<(PathBuf, String), usize>> {
        match &self.target {
            Target::Partitions { folder, keys, stem } => {
                let start = bucket.zip(keys.step()).and_then(|(bucket, step)| bucket.checked_mul(step)).map(Micros);
                let folder = folder.join(format!("record={}", file_stem(name))).join(keys.folders(start));
                let next = self.tables.len();
                let table = *self.by_folder.entry((id, folder.clone())).or_insert(next);
                if next >= MAX_TABLES {
                    return Err(usage(format!("the times of the log are in more than {MAX_TABLES} partitions")));
                }
                Ok(if table == next { Ok((folder, stem.clone())) } else { Err(table) })
            }
            Target::Folder(folder) => Ok(Ok((folder.clone(), self.names.claim(name)))),
            Target::File(_) | Target::Stdout => {
                if let Some(first) = &self.first {
                    let (first, name) = (printable(first), printable(name));
                    let advice = "choose one with --record, or give a folder";
                    return Err(usage(format!("one file has one table, and there are {first} and {name}: {advice}")));
                }
                self.first = Some(name.to_owned());
                Ok(Ok((PathBuf::new(), String::new())))
            }
        }
    }

    /// The path of a table's file with this number, from 1. `None` for standard output.
    pub fn path(&self, table: usize, part: usize) -> Option<PathBuf> {
        match &self.target {
            Target::Stdout => None,
            Target::File(path) if part == 1 => Some(path.clone()),
            Target::File(path) => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                Some(path.with_file_name(self.file_name(&stem, part)))
            }
            _ => {
                let (folder, stem) = self.tables.get(table)?;
                Some(folder.join(self.file_name(stem, part)))
            }
        }
    }

    fn file_name(&self, stem: &str, part: usize) -> String {
        match part {
            1 => format!("{stem}.{}", self.extension),
            _ => format!("{stem}~part{part}.{}", self.extension),
        }
    }
}

/// Whether the path names a file of the format, not a folder.
pub fn names_file(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| extensions.contains(&extension.as_str())) && !path.is_dir()
}
