//! `tlog convert --parquet` and `--arrow`: logs into files of tables.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use tlog::read::{Damage, RecordType};
use tlog_convert::file_names::FileNames;
use tlog_convert::gather::GatherOptions;
use tlog_convert::parquet::{self, Parquet};
use tlog_convert::tables::{Format, TableOptions};
use tlog_convert::{columns, ipc};

use crate::args::Convert;
use crate::cmd::convert_lake as lake;
use crate::cmd::convert_log::{Conversion, Converted, convert};
use crate::cmd::convert_places::{Keys, Target, names_file};
use crate::exit::{self, Outcome, usage};
use crate::input::{self, is_dash};
use crate::output::folder_of;
use crate::outputs::{Outputs, make_folder};
use crate::progress;
use crate::selected::Selected;
use crate::source::{self, Source};
use crate::terminal::Terminal;

/// How many logs are converted at once, at most: they share the memory.
const LOGS_AT_ONCE: usize = 4;

/// What all rows may take that are gathered, and all that are being encoded, in bytes.
const GATHERED: usize = 64 << 20;
const IN_WORK: usize = 96 << 20;

/// What files that are being written may take of memory, in bytes.
const FILES: usize = 64 << 20;

/// Arrow batches are small, as they are read whole.
const BATCH_BYTES: usize = 4 << 20;

pub fn parquet(args: &Convert, out: &Path, sources: &[Source], terminal: &Terminal) -> anyhow::Result<Outcome> {
    if is_dash(out) {
        return Err(usage("Parquet needs a file or a folder, not standard output"));
    }
    let compression = parquet::compression(args.tables.compression.as_deref().unwrap_or("zstd"))?;
    let format = Parquet { columns: columns_of(args), compression };
    let group = usize::try_from(args.tables.row_group_bytes).unwrap_or(usize::MAX).clamp(1 << 10, 1 << 30);
    let run = Run { args, out, terminal, extension: "parquet", extensions: &["parquet"], group };
    match args.tables.partition.is_empty() {
        true => run.all(sources, &format),
        // The oldest segments of a store go, and what was made of them stays.
        false => run.all(&sources.iter().flat_map(Source::segments).collect::<Vec<_>>(), &format),
    }
}

pub fn arrow(args: &Convert, out: &Path, sources: &[Source], terminal: &Terminal) -> anyhow::Result<Outcome> {
    if !args.tables.partition.is_empty() {
        return Err(usage("--partition is for --parquet"));
    }
    let is_stream = is_dash(out);
    if is_stream && std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        return Err(usage("refusing to write Arrow to a terminal; redirect it or give a file"));
    }
    let compression = ipc::compression(args.tables.compression.as_deref().unwrap_or("none"))?;
    let format = ipc::Ipc { columns: columns_of(args), compression, is_stream };
    let extensions = &["arrow", "feather", "ipc"];
    Run { args, out, terminal, extension: "arrow", extensions, group: BATCH_BYTES }.all(sources, &format)
}

fn columns_of(args: &Convert) -> columns::Options {
    columns::Options { flatten: args.tables.flatten, raw_enums: args.tables.raw_enums, ..columns::Options::default() }
}

struct Run<'a> {
    args: &'a Convert,
    out: &'a Path,
    terminal: &'a Terminal,
    /// What files of the format end with, and what says that one is meant.
    extension: &'static str,
    extensions: &'a [&'a str],
    /// How many bytes of rows make a group.
    group: usize,
}

/// A log and where it goes.
struct Work<'a> {
    source: &'a Source,
    target: Target,
    /// Of a lake, what it is called there.
    entry: Option<lake::Entry>,
}

/// The records that were met.
type Met = Vec<Arc<RecordType>>;

/// What became of all logs.
#[derive(Default)]
struct All<'w> {
    outcome: Outcome,
    met: Met,
    /// What is put in its place only if some log has what this one lacks: a name that is wrong must not empty a lake.
    withheld: Vec<Ready<'w>>,
}

/// A log whose files are whole, and not in their places.
struct Ready<'w> {
    work: &'w Work<'w>,
    outputs: Outputs,
    damage: Damage,
    rows: u64,
}

impl Ready<'_> {
    fn put(self) -> anyhow::Result<()> {
        match &self.work.entry {
            Some(entry) => entry.replace(self.outputs, &self.damage, self.rows),
            None => self.outputs.commit(),
        }
        .with_context(|| self.work.source.name.clone())
    }
}

impl Run<'_> {
    fn all<F: Format + Clone>(&self, sources: &[Source], format: &F) -> anyhow::Result<Outcome> {
        let (work, passed_over) = self.work(sources)?;
        let jobs =
            self.args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get), usize::from);
        let at_once = jobs.min(work.len()).clamp(1, LOGS_AT_ONCE);
        // One bar for all logs together.
        let mut quiet = self.terminal.clone();
        quiet.show_progress = false;
        let conversion = Conversion {
            selection: &self.args.selection,
            terminal: if at_once > 1 { &quiet } else { self.terminal },
            inputs: source::files(sources).into_iter().map(Path::to_owned).collect(),
            force: self.args.force || !self.args.tables.partition.is_empty(),
            options: self.options(jobs / at_once, at_once)?,
            done: AtomicU64::new(0),
        };
        let convert_all = || self.convert_all(&work, &conversion, format, at_once);
        let All { outcome, met, withheld } = match at_once {
            1 => convert_all()?,
            _ => {
                let name = format!("{} logs", work.len());
                let done = || conversion.done.load(Ordering::Relaxed);
                progress::watch(self.terminal, &name, total(sources), done, convert_all)?
            }
        };
        let outcome = outcome.and(passed_over);
        let mut selected = Selected::new(&self.args.selection, sources.len(), self.terminal)?;
        met.iter().for_each(|record| selected.meet(record));
        if outcome == Outcome::Complete && !met.is_empty() {
            selected.check(sources)?;
        }
        withheld.into_iter().try_for_each(Ready::put)?;
        Ok(outcome)
    }

    /// Whether the log has all that was asked for by name, so that nothing but what was meant takes the place of files.
    fn has_what_was_asked(&self, source: &Source, outcome: Outcome, met: &Met) -> anyhow::Result<bool> {
        let mut selected = Selected::new(&self.args.selection, 1, self.terminal)?;
        met.iter().for_each(|record| selected.meet(record));
        Ok(outcome != Outcome::Complete || selected.check(std::slice::from_ref(source)).is_ok())
    }

    fn options(&self, jobs: usize, at_once: usize) -> anyhow::Result<TableOptions> {
        let folder = match self.out {
            out if is_dash(out) => std::env::temp_dir(),
            out if self.is_file() => folder_of(out).to_owned(),
            out => out.to_owned(),
        };
        make_folder(&folder)?;
        let memory = (GATHERED / at_once).max(self.group);
        let gather = GatherOptions { group_bytes: self.group, memory, folder, ..GatherOptions::default() };
        Ok(TableOptions { gather, jobs, in_work: (IN_WORK / at_once).max(self.group), files: FILES / at_once })
    }

    fn is_file(&self) -> bool {
        self.args.tables.partition.is_empty() && names_file(self.out, self.extensions)
    }

    /// What is to be done, and what became of the logs of which nothing can be.
    fn work<'s>(&self, sources: &'s [Source]) -> anyhow::Result<(Vec<Work<'s>>, Outcome)> {
        let one = |target| {
            sources.iter().map(|source| Work { source, target: Target::clone(&target), entry: None }).collect()
        };
        let out = self.out.to_owned();
        if !self.args.tables.partition.is_empty() {
            return self.partitions(sources);
        }
        if sources.len() == 1 {
            let target = match (is_dash(self.out), self.is_file()) {
                (true, _) => Target::Stdout,
                (_, true) => Target::File(out),
                _ => Target::Folder(out),
            };
            return Ok((one(target), Outcome::Complete));
        }
        if is_dash(self.out) || self.is_file() {
            return Err(usage("several logs need a folder: each has its own in it"));
        }
        let mut names = FileNames::default();
        let folders = sources.iter().map(|source| {
            let folder = self.out.join(names.claim(&stem_of(source)));
            Work { source, target: Target::Folder(folder), entry: None }
        });
        Ok((folders.collect(), Outcome::Complete))
    }

    fn partitions<'s>(&self, sources: &'s [Source]) -> anyhow::Result<(Vec<Work<'s>>, Outcome)> {
        let keys = Keys::parse(&self.args.tables.partition)?;
        let options = format!("{:?} {:?} {:?}", self.args.tables, self.args.selection, env!("CARGO_PKG_VERSION"));
        let (mut work, mut outcome) = (Vec::new(), Outcome::Complete);
        for source in sources {
            if source.parts.iter().any(|part| is_dash(&part.path)) {
                return Err(usage("partitions need the name of the log; standard input has none"));
            }
            match self.entry(source, &keys, &options, &work) {
                Ok(None) => {}
                Ok(Some(entry)) => {
                    let (folder, stem) = (self.out.to_owned(), entry.stem.clone());
                    let target = Target::Partitions { folder, keys: keys.clone(), stem };
                    work.push(Work { source, target, entry: Some(entry) });
                }
                // One log that is none must not keep the others from being converted.
                Err(e) if sources.len() > 1 && !exit::is_usage(&e) => {
                    self.terminal.error(&exit::message(&e));
                    outcome = Outcome::Failed;
                }
                Err(e) => return Err(e),
            }
        }
        Ok((work, outcome))
    }

    /// What the log is called in the lake, if it has to be converted.
    fn entry(
        &self,
        source: &Source,
        keys: &Keys,
        options: &str,
        work: &[Work<'_>],
    ) -> anyhow::Result<Option<lake::Entry>> {
        if source.is_store && source.parts.iter().all(|part| !part.path.exists()) {
            self.terminal.warn(&format!("{}: deleted before it was read", source.name));
            return Ok(None);
        }
        let entry = lake::Entry::of(self.out, source, &stem_of(source), &keys.values(), options)?;
        if !self.args.force && entry.is_up_to_date() {
            self.terminal.note(&format!("{}: has been converted before", source.name));
            return Ok(None);
        }
        let of_this = || source.name.clone();
        for other in work.iter().filter_map(|other| other.entry.as_ref()) {
            if entry.is_also(other).with_context(of_this)? {
                self.terminal.warn(&format!("{}: is the same log as one before it", source.name));
                return Ok(None);
            }
        }
        entry.check_owner().with_context(of_this)?;
        Ok(Some(entry))
    }

    fn convert_all<'w, F: Format + Clone>(
        &self,
        work: &'w [Work<'w>],
        conversion: &Conversion<'_>,
        format: &F,
        at_once: usize,
    ) -> anyhow::Result<All<'w>> {
        let next = AtomicUsize::new(0);
        let results = Mutex::new((All::default(), None));
        let convert_some = || {
            while let Some(one) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                let converted = self.one(one, conversion, format, work.len());
                let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                let (all, failed) = &mut *results;
                match converted {
                    Ok((outcome, met, withheld)) => {
                        all.outcome = all.outcome.and(outcome);
                        all.met.extend(met);
                        all.withheld.extend(withheld);
                    }
                    // One log that is none must not keep the others from being converted.
                    Err(e) if work.len() > 1 && !exit::is_usage(&e) => {
                        self.terminal.error(&exit::message(&e));
                        all.outcome = all.outcome.and(Outcome::Failed);
                    }
                    Err(e) => {
                        next.store(work.len(), Ordering::Relaxed);
                        failed.get_or_insert(e);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            (1..at_once).for_each(|_| drop(scope.spawn(convert_some)));
            convert_some();
        });
        let (all, failed) = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        failed.map_or(Ok(all), Err)
    }

    fn one<'w, F: Format + Clone>(
        &self,
        work: &'w Work<'w>,
        conversion: &Conversion<'_>,
        format: &F,
        logs: usize,
    ) -> anyhow::Result<(Outcome, Met, Option<Ready<'w>>)> {
        let converted = convert(conversion, work.source, logs, work.target.clone(), format.clone(), self.extension)?;
        let Converted { outcome, met, damage, rows, outputs } = converted;
        let ready = Ready { work, outputs, damage, rows };
        if !self.has_what_was_asked(work.source, outcome, &met)? {
            return Ok((outcome, met, Some(ready)));
        }
        ready.put()?;
        Ok((outcome, met, None))
    }
}

/// How many bytes all logs have, if that is known.
fn total(sources: &[Source]) -> Option<u64> {
    let lens = source::files(sources).into_iter().map(|path| path.metadata().ok().filter(|file| file.is_file()));
    lens.map(|file| file.map(|file| file.len())).sum()
}

/// How the log is called in the names of its outputs.
fn stem_of(source: &Source) -> String {
    let path = PathBuf::from(&source.name);
    let stem = if source.is_store { path.file_name() } else { path.file_stem() };
    stem.map_or_else(|| input::name(&path), |stem| stem.to_string_lossy().into_owned())
}
