//! `tlog seek`: the latest data of each record at or before a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::Arc;

use anyhow::Context;
use serde::Serialize;
use tlog::read::{Damage, Event, ReadAt, RecordType, Selection};
use tlog::{Log, Micros};
use tlog_index::index::LogIndex;
use tlog_index::seek::{self, Head};

use super::info_summary::DamageSummary;
use crate::args::{ReportFormat, Seek};
use crate::exit::{Outcome, usage};
use crate::input::Input;
use crate::progress::Progress;
use crate::source::{Part, Source};
use crate::terminal::{Terminal, printable};
use crate::{exit, output, planning, times};

pub fn run(args: &Seek, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let source = Source::of(&args.log)?;
    let time = args.time.resolve(&source)?;
    let selection = Selection { records: args.records.clone(), ..Selection::default() };
    let search = Search { source: &source, time: time.unwrap_or(Micros(i64::MIN)), selection: &selection, terminal };
    let answer = search.all()?;
    answer.check_names(&args.records)?;
    if answer.time_steps_back {
        terminal.warn(&format!("{}: time steps back in this log: later data may have earlier times", source.name));
    }
    for (part, damage) in &answer.damage {
        terminal.report_damage(part, damage);
    }
    if answer.found.is_empty() {
        let before = time.map_or_else(|| "that has a time".to_owned(), |time| format!("at or before {time}"));
        let of = if args.records.is_empty() { String::new() } else { format!(" of {}", args.records.join(", ")) };
        terminal.warn(&format!("{}: there is no data{of} {before}", source.name));
    }
    output::print(&match args.format {
        ReportFormat::Text => answer.render(&source, terminal),
        ReportFormat::Json => answer.to_json(&source, time)?,
    })?;
    Ok(match answer.damage.is_empty() {
        _ if answer.failed => Outcome::Failed,
        true => Outcome::Complete,
        false => Outcome::Damaged,
    })
}

/// How places are found, from quick to slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum By {
    /// Through the index beside the log.
    #[default]
    Sidecar,
    /// Through its seek markers.
    Markers,
    /// By reading all of it.
    Scan,
}

/// A record: its identifier and name.
type Key = (u64, String);

/// The latest data of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    time: Micros,
    /// Which file of the log: a position.
    part: usize,
    /// In bytes from the start of the file.
    offset: u64,
}

/// What was found, in one file or in all.
#[derive(Debug, Default)]
struct Answer {
    found: BTreeMap<Key, Place>,
    /// The records that were met, found or not.
    known: BTreeSet<Key>,
    by: By,
    bytes_read: u64,
    time_steps_back: bool,
    /// What was skipped, by file.
    damage: Vec<(String, Damage)>,
    /// Whether a file could not be read, which has been said.
    failed: bool,
}

/// What is looked for, and where.
struct Search<'a> {
    source: &'a Source,
    time: Micros,
    selection: &'a Selection,
    terminal: &'a Terminal,
}

impl Search<'_> {
    fn all(&self) -> anyhow::Result<Answer> {
        let parts = &self.source.parts;
        if let [part] = &parts[..] {
            return Ok(self.part(0, part)?.unwrap_or_default());
        }
        let order = self.order();
        if let Order::Forward(starts) = &order {
            let mut answer = Answer::default();
            for (at, part) in parts.iter().enumerate().rev() {
                // The last one is asked in any case: it knows all records.
                let is_last = at + 1 == parts.len();
                if !is_last && answer.is_complete(self.selection) {
                    break;
                }
                if is_last || starts[at].is_none_or(|start| start <= self.time) {
                    self.add(&mut answer, at, part);
                }
            }
            if !answer.time_steps_back {
                return Ok(answer);
            }
        }
        // Any of them can have the latest time.
        let mut answer = Answer { time_steps_back: order == Order::StepsBack, ..Answer::default() };
        parts.iter().enumerate().for_each(|(at, part)| self.add(&mut answer, at, part));
        Ok(answer)
    }

    /// One file that cannot be read must not keep the others from being looked through.
    fn add(&self, answer: &mut Answer, at: usize, part: &Part) {
        match self.part(at, part) {
            Ok(Some(more)) => answer.add(more),
            // Deleted since.
            Ok(None) => {}
            Err(e) => {
                self.terminal.error(&exit::message(&e));
                answer.failed = true;
            }
        }
    }

    /// In which order the times of the files are.
    fn order(&self) -> Order {
        let mut starts = Vec::new();
        let mut latest = None;
        for part in &self.source.parts {
            // Of the one that is being written only the start matters: it is the last.
            let ends = match part.grows() {
                true => start_of(part).map(|start| start.map(|start| (start, start))),
                false => times::ends_of_part(self.source, part),
            };
            // What is wrong with it is told when it is looked through.
            let Ok(ends) = ends else { return Order::Unknown };
            starts.push(ends.map(|(first, _)| first));
            let Some((first, last)) = ends else { continue };
            if latest.is_some_and(|latest| first < latest) || last < first {
                return Order::StepsBack;
            }
            latest = Some(last);
        }
        Order::Forward(starts)
    }

    /// The quickest way that gives a certain answer.
    fn part(&self, at: usize, part: &Part) -> anyhow::Result<Option<Answer>> {
        let named = || part.name.clone();
        let Some(mut input) = part.open(self.source)? else { return Ok(None) };
        let quick = match &input {
            Input::Mapped(log) => match planning::saved_index(&part.path, log, false)? {
                Some(index) => Some(self.by_index(at, log, &index).with_context(named)?),
                None => self.by_markers(at, log.bytes()).with_context(named)?,
            },
            Input::Stream(_) if part.grows() => {
                let file = File::open(&part.path).with_context(named)?;
                self.by_markers(at, &file).with_context(named)?
            }
            Input::Stream(_) => None,
        };
        let answer = match quick {
            Some(answer) => answer,
            None => self.by_reading(at, part, &mut input).with_context(named)?,
        };
        let (by, bytes) = (answer.by.describe(), answer.bytes_read);
        self.terminal.note(&format!("{}: {by}, {bytes} bytes read", part.name));
        Ok(Some(answer))
    }

    fn by_index(&self, at: usize, log: &Log, index: &LogIndex) -> tlog::Result<Answer> {
        let found = index.seek(log.bytes(), self.time)?;
        let mut answer = Answer { by: By::Sidecar, bytes_read: found.bytes_read, ..Answer::default() };
        answer.time_steps_back = !index.order.is_monotonic();
        if !index.damage.is_none() {
            answer.damage.push((self.source.parts[at].name.clone(), index.damage.clone()));
        }
        answer.known = index.records.iter().map(|record| key(&record.record)).collect();
        for found in found.instances {
            let Some(record) = index.records.get(found.record as usize) else { continue };
            self.meet(&mut answer, &record.record, Place { time: found.time, part: at, offset: found.offset });
        }
        Ok(answer)
    }

    /// `None` where markers do not suffice, or do not tell what the records are.
    fn by_markers<S: ReadAt + ?Sized>(&self, at: usize, log: &S) -> tlog::Result<Option<Answer>> {
        let found = seek::seek(log, self.time)?;
        if found.by == seek::By::FullScan {
            return Ok(None);
        }
        let head = match Head::read(log) {
            Err(tlog::Error::Format { .. }) => return Ok(None),
            head => head?,
        };
        let mut records: BTreeMap<u64, RecordType> =
            head.records.into_iter().map(|record| (record.identifier, record)).collect();
        for indexed in head.index.into_iter().flat_map(|index| index.records) {
            records.entry(indexed.record.identifier).or_insert_with(|| (*indexed.record).clone());
        }
        let mut answer = Answer { by: By::Markers, bytes_read: found.cost.bytes, ..Answer::default() };
        answer.known = records.values().map(key).collect();
        answer.time_steps_back = found.order == seek::TimeOrder::StepsBack;
        for latest in found.records {
            let Some(record) = records.get(&latest.identifier) else { return Ok(None) };
            self.meet(&mut answer, record, Place { time: latest.time, part: at, offset: latest.offset });
        }
        Ok(answer.knows(&self.selection.records).then_some(answer))
    }

    fn by_reading(&self, at: usize, part: &Part, input: &mut Input) -> tlog::Result<Answer> {
        let size = if let Input::Mapped(log) = &input { Some(log.bytes().len() as u64) } else { None };
        let mut progress = Progress::new(self.terminal, &part.name, size);
        let mut reader = input.reader(part.read_options());
        // By where the record is declared, as that is quick to compare.
        let mut latest: BTreeMap<u64, (Arc<RecordType>, Option<Place>)> = BTreeMap::new();
        let mut answer = Answer { by: By::Scan, ..Answer::default() };
        let mut before = Micros(i64::MIN);
        while let Some(event) = reader.next_event()? {
            let data = match event {
                Event::Schema(record) => {
                    latest.insert(record.location, (Arc::clone(record), None));
                    continue;
                }
                Event::Data(data) => data,
                _ => continue,
            };
            progress.at(|| data.offset);
            let Some(time) = data.time else { continue };
            answer.time_steps_back |= time < before;
            before = time;
            let place = Some(Place { time, part: at, offset: data.offset });
            if let Some((_, best)) = latest.get_mut(&data.record.location).filter(|_| time <= self.time) {
                *best = place.max(*best);
            }
        }
        for (record, place) in latest.values() {
            answer.known.insert(key(record));
            place.iter().for_each(|&place| self.meet(&mut answer, record, place));
        }
        answer.bytes_read = reader.offset();
        if !reader.damage().is_none() {
            answer.damage.push((part.name.clone(), reader.damage().into_owned()));
        }
        Ok(answer)
    }

    fn meet(&self, answer: &mut Answer, record: &RecordType, place: Place) {
        if self.selection.wants_record(&record.name) {
            answer.put(key(record), place);
        }
    }
}

/// In which order the times of a log's files are.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    /// One after the other, starting at these times.
    Forward(Vec<Option<Micros>>),
    StepsBack,
    Unknown,
}

/// The time of the first data.
fn start_of(part: &Part) -> anyhow::Result<Option<Micros>> {
    let file = File::open(&part.path).with_context(|| part.name.clone())?;
    Ok(Head::read(&file)?.first_data.and_then(|first| first.time))
}

fn key(record: &RecordType) -> Key {
    (record.identifier, record.name.clone())
}

impl By {
    const fn describe(self) -> &'static str {
        match self {
            Self::Sidecar => "through the index beside it",
            Self::Markers => "through its seek markers",
            Self::Scan => "read whole",
        }
    }
}

impl Answer {
    fn put(&mut self, key: Key, place: Place) {
        let latest = self.found.entry(key).or_insert(place);
        *latest = place.max(*latest);
    }

    fn add(&mut self, more: Self) {
        more.found.into_iter().for_each(|(key, place)| self.put(key, place));
        self.known.extend(more.known);
        self.by = self.by.max(more.by);
        self.bytes_read += more.bytes_read;
        self.time_steps_back |= more.time_steps_back;
        self.damage.extend(more.damage);
    }

    /// Whether each of these names is that of a record, those with wildcards aside.
    fn knows(&self, names: &[String]) -> bool {
        self.unknown(names).is_none()
    }

    fn unknown<'n>(&self, names: &'n [String]) -> Option<&'n String> {
        let is_known = |name: &str| self.known.iter().any(|(_, known)| known == name);
        names.iter().find(|name| !name.contains(['*', '?']) && !is_known(name))
    }

    /// Whether nothing that comes before can add to it, where times are in order.
    fn is_complete(&self, selection: &Selection) -> bool {
        let is_found = |known: &Key| !selection.wants_record(&known.1) || self.found.contains_key(known);
        !self.known.is_empty() && self.known.iter().all(is_found) && self.knows(&selection.records)
    }

    /// Refuses names that no record has.
    fn check_names(&self, names: &[String]) -> anyhow::Result<()> {
        // What could not be read may have had it.
        let Some(name) = self.unknown(names).filter(|_| !self.failed && self.damage.is_empty()) else { return Ok(()) };
        let known: BTreeSet<&str> = self.known.iter().map(|(_, name)| name.as_str()).collect();
        let known: Vec<&str> = known.into_iter().collect();
        Err(usage(match known.is_empty() {
            true => format!("there is no record {name}, nor any other"),
            false => format!("there is no record {name}; there are: {}", known.join(", ")),
        }))
    }

    fn render(&self, source: &Source, terminal: &Terminal) -> String {
        if self.found.is_empty() {
            return String::new();
        }
        let width = self.found.keys().map(|(_, name)| printable(name).chars().count()).max().unwrap_or(0).max(6);
        let segment = if source.is_store { "  segment" } else { "" };
        let mut out =
            format!("{}\n", terminal.bold(&format!("{:<width$}  {:<27} {:>12}{segment}", "record", "time", "offset")));
        for ((_, name), place) in &self.found {
            let (name, time) = (printable(name), place.time.to_string());
            out += &format!("{name:<width$}  {time:<27} {:>12}", place.offset);
            if source.is_store {
                out += &format!("  {}", source.parts[place.part].name);
            }
            out.push('\n');
        }
        out
    }

    fn to_json(&self, source: &Source, time: Option<Micros>) -> anyhow::Result<String> {
        let record = |((identifier, name), place): (&Key, &Place)| {
            let mut record = serde_json::json!({
                "record": name,
                "identifier": identifier,
                "time": place.time.to_string(),
                "offset": place.offset,
            });
            if source.is_store {
                record["segment"] = source.parts[place.part].name.as_str().into();
            }
            record
        };
        let damage: Vec<_> = self
            .damage
            .iter()
            .map(|(name, damage)| DamageSummary::of(damage, source.is_store.then_some(name)))
            .collect();
        let document = serde_json::json!({
            "version": 1,
            "file": source.name,
            "time": time.map(|time| time.to_string()),
            "by": self.by,
            "bytes_read": self.bytes_read,
            "time_steps_back": self.time_steps_back,
            "damage": DamageSummary::joined(damage),
            "records": self.found.iter().map(record).collect::<Vec<_>>(),
        });
        Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
    }
}
