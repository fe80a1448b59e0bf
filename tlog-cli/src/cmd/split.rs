//! `tlog split`: a log into several.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use tlog::Micros;
use tlog::read::RecordType;
use tlog_index::reorder::{Cuts, Splitter};

use crate::args::Split;
use crate::exit::{Outcome, usage};
use crate::input::is_dash;
use crate::new_log::{NewLog, Payloads};
use crate::output::{self, Binary};
use crate::selected::{Selected, Taken};
use crate::sizes;
use crate::source::{self, Source};
use crate::terminal::{Terminal, count};
use crate::times::duration_micros;

/// What stands for the number in a pattern.
const NUMBER: &str = "{}";

/// What a declaration takes beside name and schema, in bytes: the front of its block, a suffix of its name, what the index
/// and a seek marker say of it.
const DECLARATION: usize = 128;

pub fn run(args: &Split, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let sources = [Source::of(&args.file)?];
    let mut selected = Selected::new(&args.selection, 1, terminal)?.with_raw_payloads();
    if args.selection.explain {
        return selected.explain(&sources);
    }
    let [source] = &sources;
    let mut splitter = Splitter::new(cuts(args)?);
    let mut needs = Needs::default();
    let mut files = Files::new(args, source)?;
    let mut new = Some(NewLog::create(files.next()?, Payloads::AsStored, &selected));
    let outcome = selected.read(source, |taken| {
        let mut log = new.take().ok_or_else(|| anyhow!("no log is being written"))?;
        let (time, len) = needs.of(&taken);
        if splitter.is_due(time, len, log.standing()) {
            log = log.next_file(|| files.next(), terminal)?;
        }
        log.take(taken)?;
        new = Some(log);
        Ok(Ok(()))
    })?;
    if outcome == Outcome::Complete {
        selected.check(&sources)?;
    }
    new.map_or(Ok(()), |log| log.finish(&selected, terminal))?;
    files.tell_others(terminal)?;
    Ok(outcome)
}

fn cuts(args: &Split) -> anyhow::Result<Cuts> {
    let bytes = args.size.as_deref().map(sizes::bytes).transpose().map_err(usage)?;
    let micros = |text: &Option<String>| text.as_deref().map(duration_micros).transpose().map_err(usage);
    let (every, gap) = (micros(&args.every)?, micros(&args.gap)?);
    if bytes == Some(0) || every == Some(0) || gap == Some(0) {
        return Err(usage("--size, --every and --gap need more than 0"));
    }
    Ok(Cuts { bytes, every, gap })
}

/// How much room what is taken needs, beside what stands in front of each block.
#[derive(Default)]
struct Needs {
    /// Declarations whose schemas have been counted: identifier and place.
    counted: HashSet<(u64, u64)>,
}

impl Needs {
    /// The time of what is taken, and how many bytes at most it needs.
    fn of(&mut self, taken: &Taken<'_>) -> (Option<Micros>, u64) {
        match taken {
            Taken::Log => {
                self.counted.clear();
                (None, 0)
            }
            Taken::Schema(record) => (None, self.declaration(record)),
            Taken::Data(data) => (data.time, self.declaration(data.record).saturating_add(data.payload.len() as u64)),
        }
    }

    /// What the record's declaration needs, if it has not been counted.
    fn declaration(&mut self, record: &RecordType) -> u64 {
        match self.counted.insert((record.identifier, record.location)) {
            true => (record.name.len() + record.schema_bytes.len() + DECLARATION) as u64,
            false => 0,
        }
    }
}

/// The files that the log is split into.
struct Files<'a> {
    folder: PathBuf,
    /// What stands in their names in front of the number, and behind it.
    prefix: OsString,
    suffix: OsString,
    /// How many have been begun.
    begun: u64,
    force: bool,
    inputs: Vec<&'a Path>,
}

impl<'a> Files<'a> {
    fn new(args: &Split, source: &'a Source) -> anyhow::Result<Self> {
        let place = args.output.as_deref().ok_or_else(|| usage("-o is needed"))?;
        if is_dash(place) {
            return Err(usage("several logs do not fit into standard output; give a folder"));
        }
        let pattern = place.file_name().and_then(OsStr::to_str).and_then(|name| name.split_once(NUMBER));
        let (folder, prefix, suffix) = match pattern {
            Some((prefix, suffix)) => (output::folder_of(place), prefix.into(), suffix.into()),
            None => {
                create_folder(place)?;
                (place, named_after(&args.file), ".tlog".into())
            }
        };
        let inputs = source::files(std::slice::from_ref(source));
        let files = Self { folder: folder.to_owned(), prefix, suffix, begun: 0, force: args.force, inputs };
        // Not only when it is their turn: who is refused has no files.
        match files.others()?.first() {
            Some(first) if !args.force => {
                Err(usage(format!("{} exists; use --force to overwrite it", first.display())))
            }
            _ => Ok(files),
        }
    }

    fn next(&mut self) -> anyhow::Result<Binary> {
        self.begun += 1;
        let mut name = self.prefix.clone();
        name.push(format!("{:04}", self.begun));
        name.push(&self.suffix);
        Binary::create(&self.folder.join(name), self.force, &self.inputs)
    }

    /// Files with such names and higher numbers than those that have been begun, in order.
    fn others(&self) -> anyhow::Result<Vec<PathBuf>> {
        let shown = || self.folder.display().to_string();
        let mut others = Vec::new();
        for entry in fs::read_dir(&self.folder).with_context(shown)? {
            let path = entry.with_context(shown)?.path();
            let number = path.file_name().and_then(|name| self.number(name));
            others.extend(number.filter(|number| *number > self.begun).map(|number| (number, path)));
        }
        others.sort();
        Ok(others.into_iter().map(|(_, path)| path).collect())
    }

    fn number(&self, name: &OsStr) -> Option<u64> {
        let rest = name.as_encoded_bytes().strip_prefix(self.prefix.as_encoded_bytes())?;
        let digits = rest.strip_suffix(self.suffix.as_encoded_bytes())?;
        let is_number = digits.len() >= 4 && digits.iter().all(u8::is_ascii_digit);
        str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
    }

    /// Says if files of an earlier time look as if they belonged to this one.
    fn tell_others(&self, terminal: &Terminal) -> anyhow::Result<()> {
        let others = self.others()?;
        if let Some(first) = others.first() {
            let (first, number) = (first.display(), count(others.len() as u64, "file"));
            terminal.warn(&format!("{number} from {first} on are of an earlier time, not of this log"));
        }
        Ok(())
    }
}

fn create_folder(place: &Path) -> anyhow::Result<()> {
    if place.exists() && !place.is_dir() {
        let shown = place.display();
        return Err(usage(format!(
            "{shown} is not a folder; for names of files give one with {NUMBER} for the number"
        )));
    }
    fs::create_dir_all(place).with_context(|| place.display().to_string())
}

/// What names begin with in a folder.
fn named_after(file: &Path) -> OsString {
    // Of `.` and `..` the folder's own name.
    let full = file.canonicalize().ok().filter(|_| file.file_name().is_none());
    let named = full.as_deref().or(Some(file)).filter(|_| !is_dash(file));
    let stem = named.map(|file| if file.is_dir() { file.file_name() } else { file.file_stem() });
    let mut name = stem.flatten().map_or_else(|| OsString::from("log"), OsStr::to_owned);
    name.push("-");
    name
}
