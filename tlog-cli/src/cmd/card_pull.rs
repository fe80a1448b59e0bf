//! `tlog card pull`: a whole log of each session on a card.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use serde::Serialize;
use tlog::Log;
use tlog_index::card::{self, Ending, Extent};
use tlog_index::recover::{RecoverOptions, Recovered, Report, recover};

use super::card::open;
use super::{card_ls, recover_text};
use crate::args::{CardPull, ReportFormat};
use crate::exit::{self, Outcome, usage};
use crate::output::{self, Binary};
use crate::outputs::make_folder;
use crate::progress::watch;
use crate::terminal::{Terminal, count, printable};
use crate::whole;

/// What became of a file.
#[derive(Debug, Serialize)]
struct Pulled {
    file: String,
    session: Option<u32>,
    state: Ending,
    /// The log; null when nothing of the session could be kept.
    output: Option<String>,
    /// Whether the same log was there already.
    was_there: bool,
    report: Report,
    advice: Vec<String>,
}

pub fn run(args: &CardPull, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let card = open(&args.card)?;
    // Where no folder can be is said once, not of each session. Where there is nothing to pull, none is made.
    if args.output.exists() {
        make_folder(&args.output)?;
    }
    card.faults.iter().for_each(|fault| terminal.warn(&printable(fault)));
    let mut pull = Pull { args, terminal, names: HashSet::new() };
    let mut outcome = if card.faults.is_empty() { Outcome::Complete } else { Outcome::Damaged };
    let mut pulled = Vec::new();
    for file in &card.files {
        let one = pull.file(file).with_context(|| format!("{}: {}", args.card.display(), printable(&file.name)));
        match one {
            Ok(None) => {}
            Ok(Some(one)) => {
                let is_whole = one.report.lost_stretches == 0 && one.report.undeclared.is_empty();
                outcome = outcome.and(if is_whole { Outcome::Complete } else { Outcome::Damaged });
                if args.format == ReportFormat::Text {
                    output::print(&render(&one, terminal))?;
                }
                pulled.push(one);
            }
            // One session must not keep the others from being saved.
            Err(e) if !exit::is_usage(&e) || card.files.len() > 1 => {
                terminal.error(&exit::message(&e));
                outcome = Outcome::Failed;
            }
            Err(e) => return Err(e),
        }
    }
    pull.check_sessions(&pulled, outcome)?;
    if args.format == ReportFormat::Json {
        let document = serde_json::json!({ "version": 1, "card": args.card.display().to_string(),
            "last_session": card.last_session, "faults": card.faults, "sessions": pulled });
        output::print(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
    } else if pulled.is_empty() && outcome == Outcome::Complete {
        output::print(&format!("{}: no session\n", args.card.display()))?;
    }
    Ok(outcome)
}

struct Pull<'a> {
    args: &'a CardPull,
    terminal: &'a Terminal,
    /// Of logs that have been made.
    names: HashSet<String>,
}

impl Pull<'_> {
    /// Whoever asks for a session wants to know that it is not there.
    fn check_sessions(&self, pulled: &[Pulled], outcome: Outcome) -> anyhow::Result<()> {
        let has = |wanted: &u32| pulled.iter().any(|one| one.session == Some(*wanted));
        match self.args.sessions.iter().find(|wanted| !has(wanted)) {
            Some(missing) if outcome != Outcome::Failed => {
                Err(usage(format!("there is no session {missing} on the card")))
            }
            _ => Ok(()),
        }
    }

    /// Makes the log of one file; `None` if there is none in it that is wanted.
    fn file(&mut self, file: &Extent) -> anyhow::Result<Option<Pulled>> {
        let glance = card::glance(file)?;
        let is_wanted = self.args.sessions.is_empty()
            || glance.session.is_some_and(|session| self.args.sessions.contains(&session));
        if glance.ending == Ending::Empty || !is_wanted {
            return Ok(None);
        }
        make_folder(&self.args.output)?;
        let used = self.used(file)?;
        let bytes = Log::map_any(&used)?;
        let place = self.args.output.join(self.name(file, glance.session));
        let made = self.log(bytes.bytes(), &place)?;
        let (recovered, output, was_there) = match made {
            Made::Nothing(recovered) => (recovered, None, false),
            Made::New(recovered) => (recovered, Some(place), false),
            Made::Same(recovered) => (recovered, Some(place), true),
        };
        Ok(Some(Pulled {
            file: file.name.clone(),
            session: glance.session,
            state: glance.ending,
            output: output.map(|place| place.display().to_string()),
            was_there,
            advice: recovered.report.advice(),
            report: recovered.report,
        }))
    }

    /// A copy of what is used of the file: a card may be taken out, but must not be mapped then.
    fn used(&self, file: &Extent) -> anyhow::Result<File> {
        let mut scratch = whole::scratch(&self.args.output)?;
        let done = AtomicU64::new(0);
        let work = || card::used(file, &mut scratch, |bytes| done.store(bytes, Ordering::Relaxed));
        watch(self.terminal, &file.name, None, || done.load(Ordering::Relaxed), work)?;
        Ok(scratch)
    }

    fn name(&mut self, file: &Extent, session: Option<u32>) -> String {
        let number = session.map_or("unknown".to_owned(), |session| format!("{session:06}"));
        let stem = file.name.split('.').next().unwrap_or_default();
        let mut name = format!("session-{number}.tlog");
        // A card has each session once; a damaged one may say otherwise.
        if session.is_none() || !self.names.insert(name.clone()) {
            name = format!("session-{number}-{stem}.tlog");
        }
        name
    }

    fn log(&self, bytes: &[u8], place: &Path) -> anyhow::Result<Made> {
        let options = RecoverOptions {
            card: true,
            unverified: self.args.batches.unverified,
            rebase: self.args.batches.rebase,
            ..RecoverOptions::default()
        };
        let shown = || place.display().to_string();
        if place.exists() && !self.args.force {
            let (recovered, copy) = recover(bytes, &options, whole::scratch(&self.args.output)?)?;
            let new = Log::map_any(&copy)?;
            let old = Log::map_any(&File::open(place).with_context(shown)?).with_context(shown)?;
            return match new.bytes() == old.bytes() {
                true => Ok(Made::Same(recovered)),
                false => bail!(
                    "{} is there and differs: use another folder if it is of another card, or --force to overwrite it",
                    shown()
                ),
            };
        }
        let refused: PathBuf = self.args.card.clone();
        let (recovered, mut output) =
            recover(bytes, &options, Binary::create(place, self.args.force, &[refused.as_path()])?)?;
        if recovered.report.kept == 0 {
            return Ok(Made::Nothing(recovered));
        }
        output.flush().with_context(shown)?;
        if let Some(log) = output.read_back()? {
            recovered.verify(log.bytes()).with_context(shown)?;
        }
        output.commit()?;
        Ok(Made::New(recovered))
    }
}

enum Made {
    Nothing(Recovered),
    New(Recovered),
    Same(Recovered),
}

fn render(one: &Pulled, terminal: &Terminal) -> String {
    let session = one.session.map_or("a session".to_owned(), |session| format!("session {session}"));
    let name = terminal.bold(&session);
    let blocks = count(one.report.kept, "data block");
    let place = match (&one.output, one.was_there) {
        (None, _) => "nothing could be kept".to_owned(),
        (Some(output), false) => {
            format!("{blocks} in {output} ({} bytes, read again and right)", one.report.output_bytes)
        }
        (Some(output), true) => format!("{blocks}, the same as in {output}"),
    };
    let mut text = format!("{name} ({}, {}): {place}\n", printable(&one.file), card_ls::state(one.state));
    recover_text::losses(&one.file, &one.report, &one.advice, terminal, &mut text);
    text
}
