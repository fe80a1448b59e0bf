//! `tlog card ls`: which sessions are on a card.

use anyhow::Context;
use serde::Serialize;
use tlog_index::batches::Counts;
use tlog_index::card::{Card, Ending, Extent, Glance, glance};

use super::card::{open, time};
use super::info_text::bytes;
use crate::args::{CardLs, ReportFormat};
use crate::exit::Outcome;
use crate::output;
use crate::terminal::{Terminal, printable};

/// What is told of a file. Times are those of the device, in microseconds.
#[derive(Debug, Serialize)]
struct Listed {
    file: String,
    size: u64,
    state: Ending,
    session: Option<u32>,
    batches: u64,
    used_bytes: u64,
    first_time: Option<i64>,
    last_time: Option<i64>,
    #[serde(flatten)]
    counts: Counts,
}

impl Listed {
    fn new(file: &Extent, glance: Glance) -> Self {
        Self {
            file: file.name.clone(),
            size: file.len,
            state: glance.ending,
            session: glance.session,
            batches: glance.batches,
            used_bytes: glance.bytes,
            first_time: glance.first_time,
            last_time: glance.last_time,
            counts: glance.counts,
        }
    }
}

pub fn run(args: &CardLs, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let card = open(&args.card)?;
    card.faults.iter().for_each(|fault| terminal.warn(&printable(fault)));
    let look = |file: &Extent| {
        let glance = glance(file).with_context(|| format!("{}: {}", args.card.display(), file.name))?;
        Ok(Listed::new(file, glance))
    };
    let files: Vec<Listed> = card.files.iter().map(look).collect::<anyhow::Result<_>>()?;
    let text = match args.format {
        ReportFormat::Text => render(&args.card.display().to_string(), &card, &files, terminal),
        ReportFormat::Json => {
            let document = serde_json::json!({
                "version": 1,
                "card": args.card.display().to_string(),
                "last_session": card.last_session,
                "files": files,
                "faults": card.faults,
            });
            format!("{}\n", serde_json::to_string_pretty(&document)?)
        }
    };
    output::print(&text)?;
    let is_damaged = files.iter().any(|file| file.state == Ending::Unknown) || !card.faults.is_empty();
    Ok(if is_damaged { Outcome::Damaged } else { Outcome::Complete })
}

fn render(name: &str, card: &Card, files: &[Listed], terminal: &Terminal) -> String {
    let last = match card.last_session {
        None => "nothing tells which session was the last".to_owned(),
        Some(0) => "no session yet".to_owned(),
        Some(last) => format!("last session {last}"),
    };
    let count = crate::terminal::count(files.len() as u64, "file");
    let mut text = format!("{}: {count}, {last}\n", terminal.bold(&printable(name)));
    text += &row(["file", "session", "state", "batches", "used", "size", "dropped", "time"].map(str::to_owned));
    for file in files {
        let session = file.session.map_or("-".to_owned(), |session| session.to_string());
        let times =
            file.first_time.zip(file.last_time).map(|(first, last)| format!("{} to {}", time(first), time(last)));
        let dropped = u64::from(file.counts.dropped) + u64::from(file.counts.overwritten);
        let has_log = file.session.is_some();
        let figure = |figure: String| if has_log { figure } else { "-".to_owned() };
        text += &row([
            printable(&file.file).into_owned(),
            session,
            state(file.state).to_owned(),
            figure(file.batches.to_string()),
            figure(bytes(file.used_bytes)),
            bytes(file.size),
            figure(dropped.to_string()),
            times.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    text
}

fn row([file, session, state, batches, used, size, dropped, time]: [String; 8]) -> String {
    format!("  {file:<12} {session:>7}  {state:<7} {batches:>8} {used:>10} {size:>10} {dropped:>8}  {time}\n")
}

/// A state for reading.
pub const fn state(ending: Ending) -> &'static str {
    match ending {
        Ending::Empty => "empty",
        Ending::Closed => "closed",
        Ending::Open => "open",
        Ending::Cut => "cut",
        Ending::Unknown => "unknown",
    }
}
