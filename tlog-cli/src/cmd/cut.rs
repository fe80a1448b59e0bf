//! `tlog cut`: a part of logs into a new log.

use std::sync::Arc;

use anyhow::Context;
use tlog::read::{Data, RecordType};
use tlog::wire::DataFlags;
use tlog::write::{RecordId, Writer, WriterOptions};
use tlog_index::copy::Joined;

use crate::args::Cut;
use crate::exit::{Outcome, usage};
use crate::output::Binary;
use crate::selected::{Selected, Taken};
use crate::source::{self, Source};
use crate::terminal::{Terminal, count, printable};

pub fn run(args: &Cut, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let sources = Source::all(&args.files)?;
    let mut selected = Selected::new(&args.selection, args.files.len(), terminal)?.with_raw_payloads();
    if args.selection.explain {
        return selected.explain(&sources);
    }
    let place = args.output.as_deref().ok_or_else(|| usage("-o is needed"))?;
    let output = Binary::create(place, args.force, &source::files(&sources))?;
    let mut new = NewLog {
        name: output.name(),
        is_raw: !selected.has_condition(),
        writer: WriterOptions::new().open(output),
        joined: Joined::default(),
        copied: 0,
    };
    let mut outcome = Outcome::Complete;
    for source in &sources {
        outcome = outcome.and(selected.read(source, |taken| new.take(taken).map(Ok))?);
    }
    if outcome == Outcome::Complete {
        selected.check(&sources)?;
    }
    new.finish(&selected, terminal)?;
    Ok(outcome)
}

/// The new log in the making.
struct NewLog {
    /// How messages call it.
    name: String,
    writer: Writer<Binary>,
    /// Whether payloads come as they are stored.
    is_raw: bool,
    joined: Joined,
    copied: u64,
}

impl NewLog {
    fn take(&mut self, taken: Taken<'_>) -> anyhow::Result<()> {
        match taken {
            Taken::Log => self.joined.next_log(),
            // In the order of the log, so that all of a log gives the same log again.
            Taken::Schema(record) => drop(self.target(record)?),
            Taken::Data(data) => self.data(data)?,
        }
        Ok(())
    }

    fn data(&mut self, data: &Data<'_>) -> anyhow::Result<()> {
        let id = self.target(data.record)?;
        let written = if self.is_raw {
            let is_compressed = data.flags.contains(DataFlags::SNAPPY);
            self.writer.write_stored(id, data.time, data.payload, is_compressed)
        } else {
            self.writer.write(id, data.time, data.payload)
        };
        written.with_context(|| self.name.clone())?;
        self.copied += 1;
        Ok(())
    }

    fn target(&mut self, record: &Arc<RecordType>) -> anyhow::Result<RecordId> {
        let target = self.joined.target(record)?;
        if target.is_new {
            let declared = self.writer.declare_raw(target.id, &*target.name, &record.schema_bytes);
            declared.with_context(|| self.name.clone())?;
        }
        Ok(target.id)
    }

    /// Declares what has no data there, and puts the log in its place.
    fn finish(mut self, selected: &Selected<'_>, terminal: &Terminal) -> anyhow::Result<()> {
        self.joined.next_log();
        let mut unused = selected.met().to_vec();
        unused.retain(|record| self.is_raw && selected.wants(record));
        unused.sort_by_key(|record| record.identifier);
        for record in unused {
            if !self.joined.has_name(&record.name) {
                self.target(&record)?;
            }
        }
        for renamed in self.joined.renamed() {
            let (old, new) = (printable(&renamed.old_name), printable(&renamed.name));
            let (old_id, id) = (renamed.old_identifier, renamed.identifier);
            terminal.warn(&format!("record {old} (identifier {old_id}) is {new} (identifier {id}) in {}", self.name));
        }
        if self.copied == 0 {
            terminal.warn(&format!("nothing was selected: {} has no data", self.name));
        }
        let name = self.name;
        self.writer.finish().with_context(|| name.clone())?.commit()?;
        terminal.note(&format!("{} in {name}", count(self.copied, "data block")));
        Ok(())
    }
}
