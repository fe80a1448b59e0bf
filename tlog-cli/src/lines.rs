//! NDJSON as `tlog cat` prints it, on its way into a log: schemas, lines, payloads.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, IsTerminal, Read as _};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use serde_json::value::RawValue;
use tlog::Micros;
use tlog::schema::Schema;
use tlog::value::{JsonError, read_json};
use tlog::write::RecordId;

use crate::args::Schemas;
use crate::cmd::load_schemas;
use crate::exit::{Outcome, usage};
use crate::input;
use crate::progress::Progress;
use crate::terminal::Terminal;

/// A longer line is not one of ours.
const MAX_LINE: u64 = 256 << 20;

/// Opens a file, or standard input, that somebody writes lines into.
pub fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if !input::is_dash(path) {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        return Ok(Box::new(BufReader::with_capacity(256 << 10, file)));
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(usage("standard input is a terminal; give a file or pipe one in"));
    }
    Ok(Box::new(BufReader::with_capacity(256 << 10, stdin.lock())))
}

/// A record to declare.
pub struct Declaration {
    pub name: String,
    pub identifier: Option<u64>,
    pub schema: Schema,
}

/// The records that lines can be of.
pub fn declarations(args: &Schemas, terminal: &Terminal) -> anyhow::Result<(Vec<Declaration>, Outcome)> {
    if let Some(path) = &args.schema_from {
        let (records, outcome) = load_schemas(path, terminal)?;
        let declare = |record: &std::sync::Arc<tlog::read::RecordType>| Declaration {
            name: record.name.clone(),
            identifier: Some(record.identifier),
            schema: record.schema.clone(),
        };
        return Ok((records.iter().map(declare).collect(), outcome));
    }
    let path = args.schema.as_deref().ok_or_else(|| usage("--schema or --schema-from is needed"))?;
    let shown = || input::name(path);
    let text = if input::is_dash(path) { std::io::read_to_string(std::io::stdin()) } else { fs::read_to_string(path) };
    let text = text.with_context(shown)?;
    let declarations = match &args.record {
        Some(name) => {
            let schema = Schema::from_json(&text).with_context(shown)?;
            vec![Declaration { name: name.clone(), identifier: None, schema }]
        }
        None => parse_declarations(&text).with_context(shown)?,
    };
    Ok((declarations, Outcome::Complete))
}

/// What `tlog schema show --format json` prints.
#[derive(Deserialize)]
struct SchemaFile<'a> {
    #[serde(borrow)]
    records: Vec<SchemaEntry<'a>>,
}

#[derive(Deserialize)]
struct SchemaEntry<'a> {
    name: String,
    identifier: Option<u64>,
    #[serde(borrow)]
    schema: &'a RawValue,
}

fn parse_declarations(text: &str) -> anyhow::Result<Vec<Declaration>> {
    let file: SchemaFile<'_> = serde_json::from_str(text)
        .context("expected {\"records\":[{\"name\":…,\"schema\":…}]}; for a bare type give its --record NAME")?;
    let declare = |entry: SchemaEntry<'_>| {
        let schema = Schema::from_json(entry.schema.get()).with_context(|| format!("record {}", entry.name))?;
        Ok(Declaration { name: entry.name, identifier: entry.identifier, schema })
    };
    file.records.into_iter().map(declare).collect()
}

/// One line of `tlog cat --format ndjson`.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    record: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Turns lines into payloads.
#[derive(Default)]
pub struct Encoder {
    records: HashMap<String, (RecordId, Schema)>,
    payload: Vec<u8>,
}

impl Encoder {
    /// Lines may be of this record too.
    pub fn add(&mut self, declaration: Declaration, id: RecordId) {
        self.records.insert(declaration.name, (id, declaration.schema));
    }

    /// Passes on what each line is: which record, when, and its payload.
    pub fn each(
        &mut self,
        mut lines: impl BufRead,
        from: &str,
        mut progress: Progress,
        mut put: impl FnMut(RecordId, Option<Micros>, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (mut line, mut done) = (String::new(), 0);
        for number in 1_u64.. {
            let place = || format!("{from}: line {number}");
            match next_line(&mut lines, &mut line).with_context(place)? {
                0 => break,
                len => done += len,
            }
            progress.at(|| done);
            if !line.trim_ascii().is_empty() {
                let (id, time) = self.encode(&line).with_context(place)?;
                put(id, time, &self.payload)?;
            }
        }
        Ok(())
    }

    /// Encodes the data of a line into `self.payload`; whose it is, and when.
    fn encode(&mut self, line: &str) -> anyhow::Result<(RecordId, Option<Micros>)> {
        let line: Line<'_> = serde_json::from_str(line).map_err(|e| anyhow!(on_one_line(&e)))?;
        let time = line.time.map(|time| parse_time(time.get())).transpose()?;
        let Some((id, schema)) = self.records.get(line.record.as_ref()) else {
            let mut known: Vec<&str> = self.records.keys().map(String::as_str).collect();
            known.sort_unstable();
            bail!("no schema for record {:?}; there are schemas for: {}", line.record, known.join(", "));
        };
        self.payload.clear();
        read_json(schema.root(), line.data.get(), &mut self.payload)
            .map_err(|e| anyhow!("record {}, {}", line.record, without_place(e)))?;
        Ok((*id, time))
    }
}

/// Reads a line, of which nothing was read before; how long it is, 0 at the end.
fn next_line(lines: &mut impl BufRead, line: &mut String) -> anyhow::Result<u64> {
    line.clear();
    match lines.take(MAX_LINE).read_line(line)? as u64 {
        MAX_LINE => bail!("longer than {MAX_LINE} bytes"),
        len => Ok(len),
    }
}

/// What the parser says; of a text that is one line, the column is all there is to say about the place.
fn on_one_line(e: &serde_json::Error) -> String {
    e.to_string().replace(" at line 1 column ", " at column ")
}

/// The error without its place, which counts from the start of the data, not of the line.
fn without_place(e: JsonError) -> JsonError {
    JsonError { line: 0, ..e }
}

/// A time as NDJSON has it: RFC 3339, or plain microseconds where that cannot write it.
fn parse_time(json: &str) -> anyhow::Result<Micros> {
    if let Ok(micros) = json.parse() {
        return Ok(Micros(micros));
    }
    let text: Option<String> = serde_json::from_str(json).ok();
    let time = text.and_then(|text| text.parse().ok());
    time.with_context(|| format!("time {json} is neither RFC 3339 in quotes, nor whole microseconds, nor null"))
}
