//! `tlog convert` into NDJSON and CSV.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tlog::Micros;
use tlog::read::{Data, RecordType, Selection};
use tlog::value::ValueError;
use tlog_convert::files::FilesOptions;
use tlog_convert::text::{
    Csv, CsvTables, Estimate, Grid, Long, Ndjson, Printer, Projection, ResampleOptions, Resampled, Resampler,
    TextWriter,
};
use tlog_index::index::LogIndex;
use tlog_index::scan::{ScanOptions, scan};

use crate::args::Convert;
use crate::exit::{Outcome, usage};
use crate::input::{Input, is_dash};
use crate::output::{self, Binary, STDOUT};
use crate::selected::{Selected, Taken};
use crate::source::{self, Source};
use crate::terminal::{Terminal, count, printable};
use crate::{interrupt, planning, project};

/// NDJSON into one file.
pub fn ndjson(args: &Convert, out: &Path, sources: Vec<Source>, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let all = All::new(args, sources, terminal)?;
    all.into_file(out, |all, name, file| all.lines::<Ndjson>(name, file))
}

/// CSV: a table for each record, one of all values, or one that is resampled.
pub fn csv(args: &Convert, out: &Path, sources: Vec<Source>, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let all = All::new(args, sources, terminal)?;
    match args.text.resample {
        Some(grid) => all.into_file(out, |all, name, file| all.resampled(grid, name, file)),
        None if args.text.long => all.into_file(out, |all, name, file| all.lines::<Long>(name, file)),
        None if is_file(out) => {
            all.check_is_one_record()?;
            all.into_file(out, |all, name, file| all.lines::<Csv>(name, file))
        }
        None => all.into_folder(out),
    }
}

/// Whether an output for tables is one file, not a folder.
fn is_file(out: &Path) -> bool {
    let is_csv = out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    is_dash(out) || (is_csv && !out.is_dir())
}

/// All logs, of which something is converted.
struct All<'a> {
    args: &'a Convert,
    terminal: &'a Terminal,
    sources: Vec<Source>,
    selected: Selected<'a>,
}

impl<'a> All<'a> {
    fn new(args: &'a Convert, sources: Vec<Source>, terminal: &'a Terminal) -> anyhow::Result<Self> {
        let selected = Selected::new(&args.selection, sources.len(), terminal)?;
        Ok(Self { args, terminal, sources, selected })
    }

    fn projection(&self) -> anyhow::Result<Projection> {
        project::projection(&self.args.text.fields)
    }

    /// Converts into one file, which appears when it is whole, or to standard output.
    fn into_file(
        self,
        place: &Path,
        convert: impl FnOnce(Self, &str, &mut dyn Write) -> anyhow::Result<Outcome>,
    ) -> anyhow::Result<Outcome> {
        if is_dash(place) {
            let mut out = output::stdout();
            let outcome = convert(self, STDOUT, &mut out)?;
            out.flush().context(STDOUT)?;
            return Ok(outcome);
        }
        let mut file = Binary::create(place, self.args.force, &source::files(&self.sources))?;
        let outcome = convert(self, &file.name(), &mut file)?;
        file.commit()?;
        Ok(outcome)
    }

    /// Converts what is selected of all logs, and refuses what was asked for by name and is nowhere.
    fn read(
        &mut self,
        mut put: impl FnMut(&Data<'_>) -> anyhow::Result<Result<(), ValueError>>,
    ) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome::Complete;
        for source in &self.sources {
            outcome = outcome.and(self.selected.read(source, |taken| match taken {
                Taken::Data(data) => put(data),
                Taken::Log | Taken::Schema(_) => Ok(Ok(())),
            })?);
        }
        if outcome == Outcome::Complete {
            self.selected.check(&self.sources)?;
        }
        Ok(outcome)
    }

    /// The records that were met and can be selected.
    fn met(&self) -> Vec<Arc<RecordType>> {
        self.selected.met().iter().filter(|record| self.selected.wants(record)).cloned().collect()
    }

    /// Refuses fields that no record has, if all of all logs is known.
    fn check_fields(&self, projection: &mut Projection, outcome: Outcome) -> anyhow::Result<()> {
        if outcome != Outcome::Complete || self.args.text.fields.is_empty() {
            return Ok(());
        }
        self.met().iter().for_each(|record| projection.try_on(record));
        if projection.check().is_ok() {
            return Ok(());
        }
        // What was read may be only a part.
        self.declared()?.iter().for_each(|record| projection.try_on(record));
        project::check(projection)
    }

    /// The records of all files that can be selected.
    fn declared(&self) -> anyhow::Result<Vec<Arc<RecordType>>> {
        let mut declared = Vec::new();
        for source in &self.sources {
            for part in source.parts.iter().filter(|part| !is_dash(&part.path)) {
                if let Some(Input::Mapped(log)) = part.open(source)? {
                    declared.extend(log.records().with_context(|| part.name.clone())?);
                }
            }
        }
        declared.retain(|record| self.selected.wants(record));
        Ok(declared)
    }

    fn check_is_one_record(&self) -> anyhow::Result<()> {
        let declared = self.declared()?;
        let names: BTreeSet<String> = declared.iter().map(|record| printable(&record.name).into_owned()).collect();
        let names: Vec<String> = names.into_iter().collect();
        match names.len() {
            0 | 1 => Ok(()),
            _ => Err(usage(format!(
                "one file of csv shows one record; choose one with --record, or name a folder: {}",
                names.join(", ")
            ))),
        }
    }

    fn lines<P: Printer + Default>(mut self, name: &str, file: &mut dyn Write) -> anyhow::Result<Outcome> {
        let mut out = TextWriter::<P, _>::new(file, self.projection()?);
        let outcome = self.read(|data| out.put(data).with_context(|| name.to_owned()))?;
        self.check_fields(out.projection(), outcome)?;
        if out.count() == 0 {
            // A table without rows still has its header.
            self.met().iter().try_for_each(|record| out.declare(record))?;
        }
        out.finish().with_context(|| name.to_owned())?;
        Ok(outcome)
    }

    fn into_folder(mut self, folder: &Path) -> anyhow::Result<Outcome> {
        let protected = source::files(&self.sources).into_iter().map(Path::to_owned).collect();
        let options = FilesOptions { force: self.args.force, protected, ..FilesOptions::default() };
        let projection = self.projection()?;
        let create = || CsvTables::new(folder, projection, options);
        let mut out = interrupt::create_temporary_folder(create, CsvTables::temporary_folder)?;
        let outcome = self.read(|data| Ok(out.put(data)?))?;
        self.check_fields(out.projection(), outcome)?;
        self.declare_rest(&mut out)?;
        let temporary = out.temporary_folder();
        let tables = out.finish()?;
        temporary.iter().for_each(|folder| interrupt::finished(folder));
        let shown = folder.display();
        if tables.is_empty() {
            self.terminal.warn(&format!("nothing was selected: {shown} has no tables"));
        }
        self.terminal.note(&format!("{} in {shown}", count(tables.len() as u64, "table")));
        Ok(outcome)
    }

    /// Tables of what has no data, unless a condition chooses what has.
    fn declare_rest(&self, out: &mut CsvTables) -> tlog_convert::Result<()> {
        if self.selected.has_condition() {
            return Ok(());
        }
        let mut unused = self.met();
        unused.retain(|record| !out.has(&record.name));
        unused.sort_by_key(|record| record.identifier);
        unused.iter().try_for_each(|record| out.declare(record))
    }

    fn resampled(mut self, grid: Grid, name: &str, file: &mut dyn Write) -> anyhow::Result<Outcome> {
        let survey = self.survey()?;
        let text = &self.args.text;
        let mut options = ResampleOptions::new(grid);
        options.max_age = text.max_age.and_then(|micros| u64::try_from(micros).ok());
        options.max_bytes = if text.force_size { u64::MAX } else { options.max_bytes };
        // Nothing needs to be put in order.
        options.window = if survey.steps_back { options.window } else { 0 };
        let limit = options.max_bytes;
        let mut out = Resampler::new(file, self.projection()?, options);
        survey.records.iter().try_for_each(|record| out.declare(record))?;
        self.check_size(&survey, limit, |first, last| out.estimate(first, last))?;
        let outcome = self.read(|data| out.put(data).with_context(|| name.to_owned()))?;
        self.check_fields(out.projection(), outcome)?;
        let (_, done) = out.finish().with_context(|| name.to_owned())?;
        Ok(self.tell(&done, outcome))
    }

    /// Refuses a table that would become too large.
    fn check_size(
        &self,
        survey: &Survey,
        limit: u64,
        estimate: impl Fn(Micros, Micros) -> Estimate,
    ) -> anyhow::Result<()> {
        let too_large = |times: Option<(Micros, Micros)>| {
            let (first, last) = times?;
            Some((first, last, estimate(first, last))).filter(|(.., estimate)| estimate.bytes > limit)
        };
        let mut found = too_large(survey.times);
        // What is known of whole logs may be far more than what is selected.
        if found.is_some() {
            found = too_large(self.ends()?);
        }
        let Some((first, last, estimate)) = found else { return Ok(()) };
        let advice = "take less with --record, --field or --start and --end, or a longer period, or --force-size";
        Err(usage(format!("from {first} to {last} there are {estimate}: {advice}")))
    }

    /// The first and the last time of what is selected, by reading it.
    fn ends(&self) -> anyhow::Result<Option<(Micros, Micros)>> {
        let silent = self.terminal.silent();
        let mut selected = Selected::new(&self.args.selection, self.sources.len(), &silent)?.with_raw_payloads();
        let mut ends: Option<(Micros, Micros)> = None;
        for source in &self.sources {
            selected.read(source, |taken| {
                if let Taken::Data(&Data { time: Some(time), .. }) = taken {
                    let (first, last) = ends.unwrap_or((time, time));
                    ends = Some((first.min(time), last.max(time)));
                }
                Ok(Ok(()))
            })?;
        }
        Ok(ends)
    }

    fn tell(&self, done: &Resampled, outcome: Outcome) -> Outcome {
        if done.untimed > 0 {
            let data = count(done.untimed, "data block");
            self.terminal.warn(&format!("{data} without a time left out of the table"));
        }
        if done.late == 0 {
            return outcome;
        }
        let late = count(done.late, "data block");
        let advice = "rows before stay as they are; `tlog sort` puts a log in order";
        self.terminal.warn(&format!("{late} too far behind in time: {advice}"));
        outcome.and(Outcome::Damaged)
    }

    /// The records and times of what is selected, before it is read.
    fn survey(&self) -> anyhow::Result<Survey> {
        let mut survey = Survey::default();
        let parts = self.sources.iter().flat_map(|source| source.parts.iter().map(move |part| (source, part)));
        for (at, (source, part)) in parts.enumerate() {
            let selection = self.selected.selection(source)?;
            match part.open(source)? {
                None => {}
                Some(Input::Stream(_)) => {
                    return Err(usage(format!(
                        "{}: --resample needs a file that is whole, as its columns come before its rows",
                        part.name
                    )));
                }
                Some(Input::Mapped(log)) => {
                    let saved = planning::saved_index(&part.path, &log, false)?;
                    let index = match saved {
                        Some(index) => index,
                        None => scan(log.bytes(), &ScanOptions::default()).with_context(|| part.name.clone())?,
                    };
                    survey.add(&index, &selection);
                    survey.steps_back |= at > 0 || index.order.steps_back > 0;
                }
            }
        }
        Ok(survey)
    }
}

/// What is known of logs before they are converted.
#[derive(Default)]
struct Survey {
    records: Vec<Arc<RecordType>>,
    /// The first and the last time of them.
    times: Option<(Micros, Micros)>,
    /// Whether any time may be before one that comes before it.
    steps_back: bool,
}

impl Survey {
    fn add(&mut self, index: &LogIndex, selection: &Selection) {
        for known in index.records.iter().filter(|known| selection.wants_record(&known.record.name)) {
            self.records.push(Arc::clone(&known.record));
            let Some(times) = known.times else { continue };
            let first = selection.start.map_or(times.first, |start| times.first.max(start));
            let last = selection.end.map_or(times.last, |end| times.last.min(end));
            if first <= last {
                let (before, after) = self.times.unwrap_or((first, last));
                self.times = Some((before.min(first), after.max(last)));
            }
        }
    }
}
