//! Writing what is selected of logs in order of time.

use std::path::Path;

use anyhow::Context;
use tlog::RecordId;
use tlog_index::reorder::{Gather, Options, Ordered};

use crate::args::IntoLog;
use crate::exit::{Outcome, usage};
use crate::input::is_dash;
use crate::new_log::{NewLog, Payloads};
use crate::output;
use crate::progress::Progress;
use crate::selected::{Selected, Taken};
use crate::sizes;
use crate::source::Source;
use crate::terminal::{Terminal, count};

/// How inputs are put in order.
pub struct Ordering<'a> {
    /// How much memory that may take, as it is given.
    pub memory: &'a str,
    /// How the times of each input are moved, in microseconds.
    pub shifts: Vec<i64>,
}

impl Ordering<'_> {
    /// Writes the data of all sources in order.
    pub fn write(&self, sources: &[Source], into: &IntoLog, terminal: &Terminal) -> anyhow::Result<Outcome> {
        let memory = sizes::bytes(self.memory).map_err(usage)?;
        let mut selected = Selected::new(&into.selection, sources.len(), terminal)?.with_raw_payloads();
        if into.selection.explain {
            return selected.explain(sources);
        }
        let output = into.binary(sources)?;
        let options = Options {
            memory: usize::try_from(memory).unwrap_or(usize::MAX),
            // Where the new log has room, this has; a system's folder may lie in memory.
            folder: match into.output.as_deref().filter(|place| !is_dash(place)) {
                Some(place) => output::folder_of(place).to_owned(),
                None => std::env::temp_dir(),
            },
            raw_payloads: !selected.has_condition(),
        };
        let mut new = NewLog::create(output, Payloads::AsStored, &selected);
        let (ordered, outcome) = self.gather(sources, &mut selected, options)?;
        if outcome == Outcome::Complete {
            selected.check(sources)?;
        }
        put(ordered, &mut new, into.output.as_deref().unwrap_or(Path::new("-")), terminal)?;
        new.finish(&selected, terminal)?;
        Ok(outcome)
    }

    fn gather(
        &self,
        sources: &[Source],
        selected: &mut Selected<'_>,
        options: Options,
    ) -> anyhow::Result<(Ordered, Outcome)> {
        let mut gather = Gather::new(options);
        let mut outcome = Outcome::Complete;
        for (source, &shift) in sources.iter().zip(&self.shifts) {
            gather.next_input(&source.name, shift);
            let read = selected.read_mapped(source, |taken, mapped| {
                match taken {
                    Taken::Log => gather.next_log(mapped),
                    Taken::Schema(record) => gather.declare(record).with_context(|| source.name.clone())?,
                    Taken::Data(data) => gather.push(data).with_context(|| source.name.clone())?,
                }
                Ok(Ok(()))
            })?;
            outcome = outcome.and(read);
        }
        Ok((gather.finish()?, outcome))
    }
}

/// Writes what was ordered.
fn put(mut ordered: Ordered, new: &mut NewLog, place: &Path, terminal: &Terminal) -> anyhow::Result<()> {
    let mut ids = Vec::new();
    for records in ordered.records() {
        new.next_log();
        for (number, record) in records {
            ids.resize(ids.len().max(number + 1), RecordId(0));
            if let Some(id) = ids.get_mut(number) {
                *id = new.target(record)?;
            }
        }
    }
    let stats = ordered.stats();
    if stats.runs > 0 {
        terminal.note(&format!("{}, merged in {}", count(stats.runs, "sorted run"), count(stats.passes, "step")));
    }
    let mut progress = Progress::new(terminal, &place.display().to_string(), Some(stats.bytes));
    let mut done = 0;
    while let Some(item) = ordered.next_item()? {
        progress.at(|| done);
        done += item.payload.len() as u64;
        let id = ids.get(item.record).copied().unwrap_or(RecordId(0));
        new.put(id, item.time, item.payload, item.form)?;
    }
    Ok(())
}
