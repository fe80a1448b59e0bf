//! `tlog recover`: a whole log out of what is left of broken ones.
//!
//! One input is recovered straight into the output. Several, and the segments of a store, are recovered one by one into
//! a temporary file, and that, now whole logs one after the other, into the output: so that what one of them is cut off
//! in cannot reach into the next.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, anyhow, bail};
use tlog::Log;
use tlog_index::recover::{RecoverOptions, Recovered, Report, recover};

use super::recover_text::{self, Summary};
use super::schema;
use crate::args::{Recover, ReportFormat};
use crate::exit::Outcome;
use crate::input::{self, is_dash};
use crate::output::{self, Binary};
use crate::progress::watch;
use crate::sniff;
use crate::source::Source;
use crate::terminal::Terminal;
use crate::whole;

/// How many entries of each list are told at most, and when verbose.
const LISTED: usize = 1000;
const LISTED_VERBOSE: usize = 100_000;

pub fn run(args: &Recover, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let all: Vec<&Path> = args.files.iter().chain(&args.schemas_from).map(AsRef::as_ref).collect();
    input::refuse_stdin_twice(all.iter().copied())?;
    let sources: Vec<Source> = args.files.iter().map(|file| Source::of(file)).collect::<anyhow::Result<_>>()?;
    let recovery = Recovery { args, terminal, options: options(args, terminal)? };
    // Standard output cannot be read again: what goes there is checked first.
    let place = args.output.as_deref().filter(|place| !is_dash(place));
    let parts = sources.iter().flat_map(|source| source.parts.iter().map(|part| part.path.as_path()));
    let refused: Vec<&Path> = all.iter().copied().chain(parts).collect();
    let output = place.map(|place| Binary::create(place, args.force, &refused)).transpose()?;
    let to_stdout = args.output.is_some() && place.is_none();
    let stdout = if to_stdout { Some(Binary::create(Path::new("-"), false, &[])?) } else { None };

    let is_one = matches!(sources.as_slice(), [source] if !source.is_store);
    let summary = match (output, stdout) {
        (Some(output), _) => {
            let (summary, output) = recovery.all(&sources, is_one, output, Binary::read_back)?;
            output.commit()?;
            summary
        }
        (None, Some(mut stdout)) => {
            let read_back = |file: &File| Ok(Some(Log::map_any(file)?));
            let (summary, copy) = recovery.all(&sources, is_one, whole::scratch(&recovery.folder())?, read_back)?;
            stdout.write_all(Log::map_any(&copy)?.bytes()).context(output::STDOUT)?;
            stdout.commit()?;
            summary
        }
        (None, None) => recovery.all(&sources, is_one, io::sink(), |_| Ok(None))?.0,
    };
    let text = match args.format {
        ReportFormat::Text => recover_text::render(&summary, terminal),
        ReportFormat::Json => format!("{}\n", serde_json::to_string_pretty(&summary)?),
    };
    match to_stdout {
        // The log is there; the report must not be mixed with it.
        true => text.lines().for_each(|line| terminal.tell(line)),
        false => output::print(&text)?,
    }
    Ok(if summary.is_everything() { Outcome::Complete } else { Outcome::Damaged })
}

fn options(args: &Recover, terminal: &Terminal) -> anyhow::Result<RecoverOptions> {
    let mut known = Vec::new();
    for path in &args.schemas_from {
        known.extend(schema::load(path, terminal)?.0);
    }
    Ok(RecoverOptions {
        known,
        known_wins: args.prefer_schemas_from,
        keep_duplicates: args.keep_duplicates,
        unverified: args.batches.unverified,
        rebase: args.batches.rebase,
        listed: if terminal.is_verbose() { LISTED_VERBOSE } else { LISTED },
        ..RecoverOptions::default()
    })
}

struct Recovery<'a> {
    args: &'a Recover,
    terminal: &'a Terminal,
    options: RecoverOptions,
}

impl Recovery<'_> {
    /// Where large temporary files go: to where there must be room for the output, if it is a file.
    fn folder(&self) -> PathBuf {
        let place = self.args.output.as_deref().filter(|place| !is_dash(place));
        place.map_or_else(std::env::temp_dir, |place| output::folder_of(place).to_owned())
    }

    /// Recovers everything into `out`, from which `read_back` reads it again, where it can be.
    fn all<W: Write>(
        &self,
        sources: &[Source],
        is_one: bool,
        out: W,
        read_back: impl Fn(&W) -> anyhow::Result<Option<Log>>,
    ) -> anyhow::Result<(Summary, W)> {
        let mut summary = Summary::new(self.args.output.as_deref());
        let out = if is_one {
            self.one(sources, out, &read_back, &mut summary)?
        } else {
            self.several(sources, out, &read_back, &mut summary)?
        };
        Ok((summary, out))
    }

    fn one<W: Write>(
        &self,
        sources: &[Source],
        out: W,
        read_back: impl Fn(&W) -> anyhow::Result<Option<Log>>,
        summary: &mut Summary,
    ) -> anyhow::Result<W> {
        let (source, part) = parts(sources).next().ok_or_else(|| anyhow!("there is nothing to recover"))?;
        let log = whole::open(source, part)?.ok_or_else(|| anyhow!("{}: it was deleted", part.name))?;
        let (recovered, out) = self.recover(&part.name, log.bytes(), &self.options, out)?;
        if is_nothing(&recovered.report) {
            bail!("{}: {}", part.name, what_it_is(&recovered.report, &log));
        }
        let read = read_back(&out)?;
        summary.verified = verify(&recovered, read.as_ref().map(Log::bytes))?;
        summary.take_result(&recovered.report);
        summary.add(&part.name, recovered.report);
        Ok(out)
    }

    fn several<W: Write>(
        &self,
        sources: &[Source],
        out: W,
        read_back: impl Fn(&W) -> anyhow::Result<Option<Log>>,
        summary: &mut Summary,
    ) -> anyhow::Result<W> {
        let between = whole::scratch(&self.folder())?;
        let mut done: Vec<(String, Recovered)> = Vec::new();
        for (source, part) in parts(sources) {
            let Some(log) = whole::open(source, part)? else {
                self.terminal.warn(&format!("{}: deleted before it was read", part.name));
                continue;
            };
            if part.grows() {
                self.terminal
                    .warn(&format!("{}: it is being written; what is being written now may count as lost", part.name));
            }
            let (recovered, _) = self.recover(&part.name, log.bytes(), &self.options, &between)?;
            if is_nothing(&recovered.report) {
                self.terminal.warn(&format!("{}: {}", part.name, what_it_is(&recovered.report, &log)));
            }
            done.push((part.name.clone(), recovered));
        }
        if done.iter().all(|(_, recovered)| is_nothing(&recovered.report)) {
            bail!("nothing could be recovered");
        }
        let between = Log::map_any(&between)?;
        let mut rest = between.bytes();
        for (name, recovered) in &done {
            let len = usize::try_from(recovered.report.output_bytes).unwrap_or(usize::MAX);
            let (log, behind) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            verify(recovered, Some(log)).with_context(|| name.clone())?;
            rest = behind;
        }
        // What is twice in it has been kept on purpose by now.
        let options =
            RecoverOptions { known: Vec::new(), keep_duplicates: true, rebase: false, ..self.options.clone() };
        let (joined, out) = self.recover("joining", between.bytes(), &options, out)?;
        let kept: u64 = done.iter().map(|(_, recovered)| recovered.report.kept).sum();
        if joined.report.kept != kept || joined.report.lost_stretches > 0 {
            bail!("the recovered logs could not be joined: {} of {kept} data blocks came through", joined.report.kept);
        }
        let read = read_back(&out)?;
        summary.verified = verify(&joined, read.as_ref().map(Log::bytes))?;
        summary.take_result(&joined.report);
        for (name, recovered) in done {
            summary.merge_losses(&recovered.report);
            summary.add(&name, recovered.report);
        }
        Ok(out)
    }

    fn recover<W: Write>(
        &self,
        name: &str,
        bytes: &[u8],
        options: &RecoverOptions,
        out: W,
    ) -> anyhow::Result<(Recovered, W)> {
        let done = Arc::new(AtomicU64::new(0));
        let options = RecoverOptions { progress: Some(Arc::clone(&done)), ..options.clone() };
        let total = Some(RecoverOptions::work(bytes.len() as u64));
        let place = self.args.output.as_deref().map_or_else(|| name.to_owned(), input::name);
        let work = || recover(bytes, &options, out).with_context(|| place);
        watch(self.terminal, name, total, || done.load(Ordering::Relaxed), work)
    }
}

fn parts(sources: &[Source]) -> impl Iterator<Item = (&Source, &crate::source::Part)> {
    sources.iter().flat_map(|source| source.parts.iter().map(move |part| (source, part)))
}

/// Whether the output is what it should be; `false` when it cannot be read again.
fn verify(recovered: &Recovered, output: Option<&[u8]>) -> anyhow::Result<bool> {
    output.map_or(Ok(false), |output| recovered.verify(output).map(|()| true).map_err(Into::into))
}

/// Whether there was nothing in the file that makes a log.
fn is_nothing(report: &Report) -> bool {
    report.kept == 0 && report.records.is_empty() && (report.header_was_lost || !report.undeclared.is_empty())
}

fn what_it_is(report: &Report, log: &Log) -> String {
    if let Some(advice) = report.advice().first() {
        return format!("no data could be kept: {advice} (--schemas-from)");
    }
    let head = log.bytes().get(..sniff::LEN.min(log.bytes().len())).unwrap_or(&[]);
    match sniff::foreign(head) {
        _ if head.is_empty() => "there is nothing of a log in it: it is empty".to_owned(),
        Some(what) => format!("there is nothing of a TLOG0003 log in it: it is {what}"),
        None => "there is nothing of a TLOG0003 log in it".to_owned(),
    }
}
