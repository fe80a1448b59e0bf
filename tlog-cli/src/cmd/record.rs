//! `tlog record`: logs and NDJSON into a store, while they come.

use std::io::{BufRead, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tlog::read::{Damage, Event, ReadOptions, RecordType, Skipped, StreamReader};
use tlog::write::RecordId;
use tlog_index::copy::Joined;
use tlog_index::store::{Durability, FullDisk, Opened, Store, StoreOptions};

use super::record_end::Recorder;
use crate::args::{OnFull, RecordInto};
use crate::exit::{Outcome, usage};
use crate::lines::{self, Declaration, Encoder};
use crate::progress::Progress;
use crate::terminal::{Terminal, count, printable};
use crate::times::duration_micros;
use crate::{input, sizes, sniff};

pub fn run(args: &RecordInto, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let schemas = [args.schemas.schema.as_deref(), args.schemas.schema_from.as_deref()];
    input::refuse_stdin_twice(args.inputs.iter().map(AsRef::as_ref).chain(schemas.into_iter().flatten()))?;
    let options = options(args)?;
    let has_schemas = args.schemas.schema.is_some() || args.schemas.schema_from.is_some();
    let (declarations, mut outcome) = match has_schemas {
        true => lines::declarations(&args.schemas, terminal)?,
        false => (Vec::new(), Outcome::Complete),
    };
    args.inputs.iter().try_for_each(|path| refuse_missing(path))?;
    refuse_other_folder(&args.store)?;
    let (store, opened) = Store::open(&args.store, options)?;
    tell_opened(&opened, &args.store, terminal);
    let recorder = Recorder::start(store, &args.store, args.ack, terminal)?;
    let mut recording = Recording {
        encoder: has_schemas.then(Encoder::default),
        recorder: &recorder,
        joined: Joined::default(),
        terminal,
    };
    let recorded = recording.declare_all(declarations).and_then(|()| {
        for path in &args.inputs {
            outcome = outcome.and(recording.input(path)?);
        }
        Ok(())
    });
    let renamed = recording.joined.renamed().to_vec();
    for renamed in renamed {
        let (old, new) = (printable(&renamed.old_name), printable(&renamed.name));
        let (old_id, id) = (renamed.old_identifier, renamed.identifier);
        terminal.warn(&format!("record {old} (identifier {old_id}) is {new} (identifier {id}) in the store"));
    }
    // What came before the failure is kept; the failure is what is told of.
    let ended = recorder.end(recorded.is_err());
    recorded.and(ended)?;
    Ok(outcome)
}

fn options(args: &RecordInto) -> anyhow::Result<StoreOptions> {
    let size = |text: &String| sizes::bytes(text).map_err(usage);
    let time = |text: &String| duration(text).map_err(usage);
    let full_disk = match args.on_full {
        OnFull::Stop => FullDisk::Stop,
        OnFull::MakeRoom => FullDisk::MakeRoom,
    };
    Ok(StoreOptions::new()
        .rotate_bytes(size(&args.rotate_size).map_err(|e| e.context("--rotate-size"))?)
        .rotate_time(args.rotate_time.as_ref().map(time).transpose().context("--rotate-time")?)
        .keep_bytes(args.keep_size.as_ref().map(size).transpose().context("--keep-size")?)
        .keep_age(args.keep_age.as_ref().map(time).transpose().context("--keep-age")?)
        .keep_segments(args.keep_segments)
        .keep_free(args.keep_free.as_ref().map(size).transpose().context("--keep-free")?)
        .durability(durability(&args.durability).map_err(usage).context("--durability")?)
        .full_disk(full_disk))
}

fn duration(text: &str) -> Result<Duration, String> {
    duration_micros(text).map(|micros| Duration::from_micros(micros.unsigned_abs()))
}

fn durability(text: &str) -> Result<Durability, String> {
    match text.split_once('=') {
        None if text == "none" => Ok(Durability::None),
        None if text == "each" => Ok(Durability::SyncEach),
        Some(("flush", interval)) => duration(interval).map(Durability::FlushEvery),
        Some(("sync", interval)) => duration(interval).map(Durability::SyncEvery),
        _ => Err(format!("`{text}` is none of none, flush=1s, sync=1s, each")),
    }
}

/// A typing error must not create a store.
fn refuse_missing(path: &Path) -> anyhow::Result<()> {
    let shown = || input::name(path);
    if !input::is_dash(path) && path.metadata().with_context(shown)?.is_dir() {
        return Err(usage(format!("{} is a folder; give log files or files of NDJSON", shown())));
    }
    Ok(())
}

/// A folder with other things in it is hardly meant.
fn refuse_other_folder(dir: &Path) -> anyhow::Result<()> {
    if dir.exists() && !dir.is_dir() {
        return Err(usage(format!("{} is not a folder", dir.display())));
    }
    let is_other = dir.is_dir()
        && !tlog_index::store::is_store(dir)
        && std::fs::read_dir(dir).with_context(|| dir.display().to_string())?.next().is_some();
    match is_other {
        true => Err(usage(format!("{} is a folder with other files, not one of a store", dir.display()))),
        false => Ok(()),
    }
}

fn tell_opened(opened: &Opened, dir: &Path, terminal: &Terminal) {
    for recovered in &opened.recovered {
        let records = recovered.records;
        let name = recovered.segment.display();
        terminal.tell(&format!("{name}: had not been closed; {} are in it", count(records, "record")));
        terminal.report_damage(&recovered.segment.display().to_string(), &recovered.damage);
        if let Some(torn) = &recovered.torn {
            terminal.tell(&format!("{name}: what could not be used is kept in {}", torn.display()));
        }
    }
    for leftover in &opened.leftovers {
        terminal.tell(&format!("{}: an unfinished copy was deleted", leftover.display()));
    }
    if opened.segments > 0 {
        terminal.tell(&format!("continuing {}, which has {}", dir.display(), count(opened.segments, "segment")));
    }
}

/// What is recorded into the store.
struct Recording<'a> {
    /// For lines, if there are schemas.
    encoder: Option<Encoder>,
    recorder: &'a Arc<Recorder>,
    joined: Joined,
    terminal: &'a Terminal,
}

impl Recording<'_> {
    fn declare_all(&mut self, declarations: Vec<Declaration>) -> anyhow::Result<()> {
        for (declaration, at) in declarations.into_iter().zip(1..) {
            let identifier = declaration.identifier.unwrap_or(at);
            let record = RecordType::from_parts(identifier, &declaration.name, &declaration.schema.to_bytes(), 0)?;
            let id = target(&mut self.joined, self.recorder, &Arc::new(record))?;
            if let Some(encoder) = &mut self.encoder {
                encoder.add(declaration, id);
            }
        }
        Ok(())
    }

    fn input(&mut self, path: &Path) -> anyhow::Result<Outcome> {
        self.joined.next_log();
        let name = input::name(path);
        let mut source = lines::open(path)?;
        // What has come so far is enough: lines do not start like logs do.
        let head = source.fill_buf().with_context(|| name.clone())?;
        match head.first() {
            Some(b'T') => self.log(source, &name),
            Some(byte) if !(byte.is_ascii_whitespace() || *byte == b'{') => {
                let head = head.get(..sniff::LEN).unwrap_or(head);
                let what = sniff::foreign(head).unwrap_or_default();
                bail!("{name}: neither a TLOG0003 log nor NDJSON: it is {what}")
            }
            _ => self.lines(source, &name).map(|()| Outcome::Complete),
        }
    }

    fn lines(&mut self, mut source: Box<dyn BufRead>, name: &str) -> anyhow::Result<()> {
        if source.fill_buf().with_context(|| name.to_owned())?.is_empty() {
            return Ok(());
        }
        let (recorder, terminal) = (self.recorder, self.terminal);
        let encoder = self.encoder.as_mut();
        let encoder = encoder.ok_or_else(|| usage(format!("{name}: lines need --schema or --schema-from")))?;
        encoder.each(source, name, Progress::new(terminal, name, None), |id, time, payload| {
            recorder.write(id, time, payload)
        })
    }

    fn log(&mut self, mut source: Box<dyn BufRead>, name: &str) -> anyhow::Result<Outcome> {
        let shown = || name.to_owned();
        let mut head = Vec::new();
        source.by_ref().take(sniff::LEN as u64).read_to_end(&mut head).with_context(shown)?;
        if let Some(what) = sniff::foreign(&head) {
            bail!("{name}: not a TLOG0003 log: it is {what}");
        }
        let mut progress = Progress::new(self.terminal, name, None);
        let mut reader = StreamReader::new(Cursor::new(head).chain(source), ReadOptions::default());
        while let Some(event) = reader.next_event().with_context(shown)? {
            match event {
                Event::Schema(record) => drop(target(&mut self.joined, self.recorder, record).with_context(shown)?),
                Event::Data(data) => {
                    progress.at(|| data.offset);
                    let id = target(&mut self.joined, self.recorder, data.record).with_context(shown)?;
                    self.recorder.write(id, data.time, data.payload)?;
                }
                Event::Skipped(Skipped { cause: tlog::read::Cause::AnotherLog, .. }) => self.joined.next_log(),
                _ => {}
            }
        }
        drop(progress);
        Ok(self.report(name, reader.damage()))
    }

    fn report(&self, name: &str, damage: &Damage) -> Outcome {
        self.terminal.report_damage(name, damage);
        if damage.is_none() { Outcome::Complete } else { Outcome::Damaged }
    }
}

/// The record of the store that this one is, declared if need be.
fn target(joined: &mut Joined, recorder: &Recorder, record: &Arc<RecordType>) -> anyhow::Result<RecordId> {
    let target = joined.target(record)?;
    if target.is_new {
        // Nothing that the caller could have said otherwise: not an error of usage.
        let declared = recorder.declare(target.id, &target.name, &record.schema);
        declared.map_err(|e| anyhow!("record {}: {}", printable(&record.name), crate::exit::message(&e)))?;
    }
    Ok(target.id)
}
