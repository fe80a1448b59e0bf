//! One log into tables of a format.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tlog::read::{Cause, Damage, Data, RecordType, Skipped};
use tlog_convert::columns::Refused;
use tlog_convert::tables::{Format, Sink, Summary, Table, TableOptions, Tables};
use tlog_index::copy::Joined;

use crate::args;
use crate::cmd::convert_places::{Bucket, Places, Target};
use crate::exit::{self, Outcome};
use crate::outputs::{Outputs, Stdout};
use crate::selected::{Selected, Taken};
use crate::source::Source;
use crate::terminal::{Terminal, count, printable};

/// What all logs of one conversion have in common.
pub struct Conversion<'a> {
    pub selection: &'a args::Selection,
    pub terminal: &'a Terminal,
    /// Files that must not be overwritten in any case.
    pub inputs: Vec<PathBuf>,
    pub force: bool,
    pub options: TableOptions,
    /// How many bytes of all logs have been read, for who watches.
    pub done: AtomicU64,
}

/// What became of a log.
#[derive(Debug)]
pub struct Converted {
    pub outcome: Outcome,
    /// The records met.
    pub met: Vec<Arc<RecordType>>,
    pub damage: Damage,
    pub rows: u64,
    /// The files, which are not in their places yet.
    pub outputs: Outputs,
}

/// Converts a log: its files are whole then, and still have temporary names.
pub fn convert<F: Format>(
    conversion: &Conversion<'_>,
    source: &Source,
    logs: usize,
    target: Target,
    format: F,
    extension: &'static str,
) -> anyhow::Result<Converted> {
    let mut selected = Selected::new(conversion.selection, logs, conversion.terminal)?;
    let places = Rc::new(RefCell::new(Places::new(target, extension)));
    let outputs = Rc::new(RefCell::new(Outputs::default()));
    let (of_tables, made) = (Rc::clone(&places), Rc::clone(&outputs));
    let make = move |table: usize, part: usize| -> tlog_convert::Result<Box<dyn Sink>> {
        let Some(path) = of_tables.borrow().path(table, part) else { return Ok(Box::new(Stdout)) };
        // The library's errors carry text only.
        let refused = |e: anyhow::Error| match exit::is_usage(&e) {
            true => tlog_convert::Error::Usage(exit::message(&e)),
            false => io::Error::other(exit::message(&e)).into(),
        };
        Ok(Box::new(made.borrow_mut().create(&path, conversion.force, &conversion.inputs).map_err(refused)?))
    };
    let tables = Tables::new(format, Box::new(make), conversion.options.clone())?;
    let mut taking = Taking {
        source: source.name.as_str().into(),
        narrowed: narrowed(&selected, conversion, source)?,
        tables,
        places,
        joined: Joined::default(),
        known: HashMap::new(),
        names: Vec::new(),
    };
    let mut last = 0;
    let read = selected.read(source, |taken| {
        if let Taken::Data(data) = &taken {
            // They begin again with each file of a store.
            conversion.done.fetch_add(data.offset.saturating_sub(last), Ordering::Relaxed);
            last = data.offset;
        }
        taking.take(taken).map(Ok)
    })?;
    let mut damage = selected.damage().clone();
    if !selected.has_condition() {
        taking.declare_rest(&selected)?;
    }
    let Taking { tables, joined, names, .. } = taking;
    tell_renamed(&joined, source, conversion.terminal);
    let summary = tables.finish(&damage)?;
    let refused = refused(&summary, &names);
    conversion.terminal.report_damage(&source.name, &refused);
    damage.append(&refused);
    let outcome = read.and(if refused.is_none() { Outcome::Complete } else { Outcome::Damaged });
    conversion.terminal.note(&format!("{}: {}", source.name, count(summary.rows, "row")));
    let met = selected.met().to_vec();
    Ok(Converted { outcome, met, damage, rows: summary.rows, outputs: outputs.take() })
}

struct Taking<'a, F: Format> {
    /// How the log is called.
    source: Arc<str>,
    narrowed: Arc<[(&'static str, String)]>,
    tables: Tables<'a, F>,
    places: Rc<RefCell<Places>>,
    joined: Joined,
    /// For each identifier of the log what it was last, and the table of that.
    known: HashMap<u64, (Arc<RecordType>, Bucket, usize)>,
    /// How each table is called.
    names: Vec<String>,
}

impl<F: Format> Taking<'_, F> {
    fn take(&mut self, taken: Taken<'_>) -> anyhow::Result<()> {
        match taken {
            Taken::Log => {
                self.joined.next_log();
                self.known.clear();
            }
            Taken::Schema(record) => {
                let takes_empty = self.places.borrow().target().takes_empty();
                if takes_empty {
                    self.table(record, None)?;
                }
            }
            Taken::Data(data) => self.data(data)?,
        }
        Ok(())
    }

    fn data(&mut self, data: &Data<'_>) -> anyhow::Result<()> {
        let bucket = self.places.borrow().target().bucket(data.time);
        let table = match self.known.get(&data.record.identifier) {
            Some((record, known, table)) if *known == bucket && Arc::ptr_eq(record, data.record) => *table,
            _ => self.table(data.record, bucket)?,
        };
        Ok(self.tables.push(table, data.time, data.offset, data.payload)?)
    }

    fn table(&mut self, record: &Arc<RecordType>, bucket: Bucket) -> anyhow::Result<usize> {
        let target = self.joined.target(record)?;
        let (table, is_new) = self.places.borrow_mut().table(target.id.0, &target.name, bucket)?;
        if is_new {
            self.names.push(record.name.clone());
            let (record, name) = (Arc::clone(record), target.name.to_string());
            let (source, selected) = (Arc::clone(&self.source), Arc::clone(&self.narrowed));
            self.tables.add(Table { record, name, source, selected });
        }
        self.known.insert(record.identifier, (Arc::clone(record), bucket, table));
        Ok(table)
    }

    /// Tables of what has no data in the parts of the log that were read.
    fn declare_rest(&mut self, selected: &Selected<'_>) -> anyhow::Result<()> {
        if !self.places.borrow().target().takes_empty() {
            return Ok(());
        }
        self.joined.next_log();
        self.known.clear();
        let mut unused: Vec<_> = selected.met().iter().filter(|record| selected.wants(record)).cloned().collect();
        unused.sort_by_key(|record| record.identifier);
        for record in unused {
            if !self.joined.has_name(&record.name) {
                self.table(&record, None)?;
            }
        }
        Ok(())
    }
}

/// What of the log is selected, for the metadata of the files.
fn narrowed(
    selected: &Selected<'_>,
    conversion: &Conversion<'_>,
    source: &Source,
) -> anyhow::Result<Arc<[(&'static str, String)]>> {
    let args = conversion.selection;
    let mut narrowed: Vec<_> = args.condition.iter().map(|text| ("tlog.selected_where", text.clone())).collect();
    if args.start.is_some() || args.end.is_some() || args.duration.is_some() {
        let selection = selected.selection(source)?;
        narrowed.extend(selection.start.map(|time| ("tlog.selected_start", time.to_string())));
        narrowed.extend(selection.end.map(|time| ("tlog.selected_end", time.to_string())));
    }
    Ok(narrowed.into())
}

fn tell_renamed(joined: &Joined, source: &Source, terminal: &Terminal) {
    for renamed in joined.renamed().iter().filter(|renamed| renamed.name != renamed.old_name) {
        let (old, new) = (printable(&renamed.old_name), printable(&renamed.name));
        terminal.warn(&format!("{}: record {old} (identifier {}) is {new}", source.name, renamed.old_identifier));
    }
}

/// Rows that do not decode, as damage of the log.
fn refused(summary: &Summary, names: &[String]) -> Damage {
    let mut damage = Damage::default();
    for row in &summary.first {
        let record = names.get(row.table).cloned().unwrap_or_default();
        let cause = match &row.why {
            Refused::Value(error) => Cause::Payload { record, error: *error },
            other => Cause::Kept(format!("record {record:?}: {other}")),
        };
        damage.add(&Skipped { range: row.offset..row.offset.saturating_add(row.len), cause });
    }
    damage.stretches = summary.refused;
    damage
}
