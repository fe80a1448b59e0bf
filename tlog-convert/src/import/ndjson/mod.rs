//! Lines of JSON without a schema: each an object. (With a schema at hand, `tlog write` keeps its exact types.)
//!
//! | a line | becomes |
//! |---|---|
//! | `{"time":…,"record":"name","data":…}`, as `tlog cat --format ndjson` prints it | data of that record at that time |
//! | any other object | data of one record, [`Options::record`]; the field that tells the time stays no field |
//!
//! The input is read twice: first for what all values at one place have in common, then into the log.
//!
//! | all values at a place | type |
//! |---|---|
//! | `true`, `false` | boolean |
//! | whole numbers | fixedint64; fixeduint64 where that is too small |
//! | numbers, `"NaN"`, `"Infinity"`, `"-Infinity"` | float64, unless a whole number among them would lose digits |
//! | RFC 3339 as the log itself would write it | timestamp |
//! | other text | string |
//! | arrays | fixedarray if all are of one length up to 256, else array |
//! | objects | object |
//! | only null | null |
//! | anything else, and what nests deeper than 24 | string that holds JSON |
//!
//! A place where some values are null or missing is optional.

mod json;
mod shape;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use tlog::Micros;
use tlog::schema::Schema;
use tlog::write::RecordId;

use self::json::Json;
use self::shape::{Budget, Plan, Shape};
use super::moment::{self, Form, TimeUnit, Witness};
use super::names::Names;
use super::{Summary, clip};
use crate::{Error, Result};

/// Longer lines are passed over, in bytes.
const MAX_LINE: usize = 16 << 20;

/// So many fields may be in all records together.
const MAX_FIELDS: usize = 1 << 18;

/// So many fields are tried for the time.
const MAX_TIMES: usize = 16;

/// How lines are read.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of the record of lines that name none.
    pub record: String,
    /// The field of such lines that tells the time; without one it is looked for by its name.
    pub time_field: Option<String>,
    /// What numbers in it count; without one their size tells.
    pub time_unit: Option<TimeUnit>,
    /// Stop at the first line that is broken.
    pub strict: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { record: "lines".into(), time_field: None, time_unit: None, strict: false }
    }
}

/// Writes lines into a log.
///
/// # Errors
/// [`Error::Input`] with [`Options::strict`] for a broken line; [`Error::Limit`] for more fields than memory is given
/// to; [`Error::Usage`] for options that do not fit the input; [`Error::Io`] and [`Error::Log`] as reading and writing
/// fail.
pub fn read<R: Read + Seek, W: Write>(mut input: R, out: &mut tlog::Writer<W>, options: &Options) -> Result<Summary> {
    let start = input.stream_position()?;
    let mut summary = Summary::default();
    let mut survey =
        Survey { options, shapes: Vec::new(), by_name: HashMap::new(), times: Vec::new(), budget: Budget(MAX_FIELDS) };
    let mut lines = Lines::new(&mut input);
    while let Some(line) = lines.next()? {
        if let Ok(json) = line.json() {
            survey.see(&json)?;
        }
    }
    let mut import = survey.plan(out, &mut summary)?;
    input.seek(SeekFrom::Start(start))?;
    let mut lines = Lines::new(&mut input);
    while let Some(line) = lines.next()? {
        match line.json().and_then(|json| import.encode(json)) {
            Ok((id, time)) => {
                out.write(id, time, &import.payload)?;
                summary.taken += 1;
            }
            Err(problem) if options.strict => {
                return Err(Error::Input { format: "NDJSON", place: format!("line {}", line.number), problem });
            }
            Err(problem) => summary.skip(line.range.clone(), format!("line {}: {problem}", line.number)),
        }
    }
    Ok(summary)
}

/// Lines that are not empty.
struct Lines<R> {
    input: BufReader<R>,
    bytes: Vec<u8>,
    number: u64,
    offset: u64,
}

struct Line<'a> {
    bytes: &'a [u8],
    number: u64,
    range: Range<u64>,
    is_whole: bool,
}

impl Line<'_> {
    /// The object that the line is.
    fn json(&self) -> std::result::Result<Json<'_>, String> {
        if !self.is_whole {
            return Err(format!("longer than {MAX_LINE} bytes"));
        }
        let text =
            std::str::from_utf8(self.bytes).map_err(|e| format!("not UTF-8 at column {}", e.valid_up_to() + 1))?;
        match Json::parse(text)? {
            object @ Json::Object(_) => Ok(object),
            _ => Err("no JSON object".into()),
        }
    }
}

impl<R: Read> Lines<R> {
    fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(256 << 10, input), bytes: Vec::new(), number: 0, offset: 0 }
    }

    fn next(&mut self) -> Result<Option<Line<'_>>> {
        loop {
            self.bytes.clear();
            let start = self.offset;
            let read = (&mut self.input).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut self.bytes)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.offset += read as u64;
            let is_whole = read <= MAX_LINE;
            if !is_whole && self.bytes.last() != Some(&b'\n') {
                self.offset += self.input.skip_until(b'\n')? as u64;
            }
            let range = start..self.offset;
            // The mark that some editors put in front of UTF-8.
            let is_blank = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.bytes).trim_ascii().is_empty();
            if !is_blank {
                let bytes = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.bytes);
                return Ok(Some(Line { bytes: bytes.trim_ascii(), number: self.number, range, is_whole }));
            }
        }
    }
}

/// What a line is.
enum Kind<'j, 'a> {
    /// As this project prints it: time, record, data.
    Ours(Option<Option<Micros>>, &'j str, &'j Json<'a>),
    Other,
}

fn kind<'j, 'a>(json: &'j Json<'a>) -> Kind<'j, 'a> {
    let Json::Object(fields) = json else { return Kind::Other };
    match (fields.len(), json.get("record"), json.get("data")) {
        (2 | 3, Some(Json::Text(record)), Some(data)) => match json.get("time") {
            Some(Json::Null) => Kind::Ours(Some(None), record, data),
            Some(time) => {
                Kind::Ours(text_of(time).and_then(|time| moment::parse(&time, Form::Text)).map(Some), record, data)
            }
            None if fields.len() == 2 => Kind::Ours(Some(None), record, data),
            None => Kind::Other,
        },
        _ => Kind::Other,
    }
}

/// What may tell a time as text.
fn text_of(value: &Json<'_>) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.to_string()),
        Json::Int(_) | Json::Large(_) | Json::Float(_) => {
            let mut text = String::new();
            value.write(&mut text);
            Some(text)
        }
        _ => None,
    }
}

fn too_many() -> Error {
    Error::Limit { what: "number of fields", size: MAX_FIELDS as u64 + 1, limit: MAX_FIELDS as u64 }
}

/// The first reading.
struct Survey<'o> {
    options: &'o Options,
    /// Each record's name, nothing for that of lines that name none.
    shapes: Vec<(Option<String>, Shape)>,
    by_name: HashMap<Option<String>, usize>,
    /// The fields that may tell the time, and what they showed.
    times: Vec<(String, Option<TimeUnit>, usize, Witness)>,
    budget: Budget,
}

impl Survey<'_> {
    fn see(&mut self, json: &Json<'_>) -> Result<()> {
        let (name, value) = match kind(json) {
            Kind::Ours(_, record, data) => (Some(record.to_owned()), data),
            Kind::Other => {
                self.see_times(json);
                (None, json)
            }
        };
        let at = match self.by_name.get(&name) {
            Some(&at) => at,
            None => {
                self.budget.spend(name.as_deref().unwrap_or_default()).ok_or_else(too_many)?;
                self.by_name.insert(name.clone(), self.shapes.len());
                self.shapes.push((name, Shape::default()));
                self.shapes.len() - 1
            }
        };
        let seen = self.shapes.get_mut(at).and_then(|(_, shape)| shape.see(value, &mut self.budget, 0));
        seen.ok_or_else(too_many)
    }

    fn see_times(&mut self, json: &Json<'_>) {
        let Json::Object(fields) = json else { return };
        for (name, value) in fields {
            let at = match self.times.iter().position(|(known, ..)| known == name) {
                Some(at) => at,
                None => match self.candidate(name) {
                    Some((rank, unit)) if self.times.len() < MAX_TIMES => {
                        self.times.push((name.to_string(), unit, rank, Witness::default()));
                        self.times.len() - 1
                    }
                    _ => continue,
                },
            };
            if let Some((.., witness)) = self.times.get_mut(at) {
                match (value, text_of(value)) {
                    (Json::Null, _) => {}
                    (_, text) => witness.see(&text.unwrap_or_else(|| "no time".into())),
                }
            }
        }
    }

    /// Whether a field may tell the time: how likely, and the unit if one is given.
    fn candidate(&self, name: &str) -> Option<(usize, Option<TimeUnit>)> {
        match &self.options.time_field {
            Some(wanted) => (wanted == name).then_some((0, self.options.time_unit)),
            // No name under which a time is looked for is longer, or starts otherwise.
            None if name.len() > 24 || !name.starts_with(['t', 'T', 'd', 'D', 'u', 'U', 'e', 'E', 's', 'S']) => None,
            None => moment::named(name).map(|(rank, unit)| (rank, self.options.time_unit.or(unit))),
        }
    }

    /// The field that tells the time of lines that name no record.
    fn time(&mut self, summary: &mut Summary) -> Result<Option<(String, Form)>> {
        let is_asked = self.options.time_field.as_ref().filter(|_| self.by_name.contains_key(&None));
        self.times.sort_by_key(|(_, _, rank, _)| *rank);
        for (name, unit, _, witness) in &self.times {
            if let Some(form) = witness.form(*unit) {
                if witness.is_naive {
                    summary.note("times without a zone were taken for UTC");
                }
                return Ok(Some((name.clone(), form)));
            }
        }
        match (is_asked, self.times.first()) {
            (Some(name), None) => Err(Error::Usage(format!("no line has a field {name:?}"))),
            (Some(name), Some(_)) => Err(Error::Usage(format!(
                "field {name:?} does not tell the time of day; say its unit, or take another"
            ))),
            (None, Some((name, ..))) => {
                summary.note(format!("field {name:?} does not tell the time of day, so data has no time; say its unit to have it all the same"));
                Ok(None)
            }
            (None, None) => Ok(None),
        }
    }

    /// Declares all records.
    fn plan<W: Write>(mut self, out: &mut tlog::Writer<W>, summary: &mut Summary) -> Result<Import> {
        let time = self.time(summary)?;
        let (mut names, mut records) = (Names::default(), Vec::new());
        for (name, mut shape) in self.shapes {
            if let (None, Some((field, _))) = (&name, &time) {
                shape.remove(field);
            }
            let wanted = name.as_deref().unwrap_or(&self.options.record);
            let record = names.take_record(wanted);
            if record != wanted {
                summary.note(format!("record {:?} is {record} in the log", clip(wanted)));
            }
            let plan = shape.plan();
            plan.each_change(&record, &mut |change| summary.note(change));
            let schema = Schema::new(plan.ty()).map_err(|e| Error::Usage(format!("record {record}: {e}")))?;
            records.push((out.declare(&record, &schema)?, plan));
        }
        Ok(Import { records, by_name: self.by_name, time, payload: Vec::new() })
    }
}

/// The second reading.
struct Import {
    records: Vec<(RecordId, Plan)>,
    by_name: HashMap<Option<String>, usize>,
    time: Option<(String, Form)>,
    payload: Vec<u8>,
}

impl Import {
    /// Encodes a line into `self.payload`; whose it is, and when.
    fn encode(&mut self, json: Json<'_>) -> std::result::Result<(RecordId, Option<Micros>), String> {
        if let Kind::Ours(time, record, data) = kind(&json) {
            let time = time.ok_or("its time is neither RFC 3339, nor whole microseconds, nor null")?;
            return Ok((self.put(Some(record), data)?, time));
        }
        let (time, rest) = self.split(json)?;
        Ok((self.put(None, &rest)?, time))
    }

    /// A line's time, and the line without it.
    fn split<'a>(&self, json: Json<'a>) -> std::result::Result<(Option<Micros>, Json<'a>), String> {
        let Some((name, form)) = &self.time else { return Ok((None, json)) };
        let time = match json.get(name) {
            None | Some(Json::Null) => None,
            Some(value) => {
                let time = text_of(value).and_then(|text| moment::parse(&text, *form));
                Some(time.ok_or_else(|| format!("field {name:?} is no time"))?)
            }
        };
        let Json::Object(mut fields) = json else { return Ok((time, json)) };
        fields.retain(|(key, _)| key != name);
        Ok((time, Json::Object(fields)))
    }

    fn put(&mut self, record: Option<&str>, value: &Json<'_>) -> std::result::Result<RecordId, String> {
        let at = self.by_name.get(&record.map(str::to_owned));
        let (id, plan) = at.and_then(|&at| self.records.get(at)).ok_or("of a record that came up since")?;
        self.payload.clear();
        plan.encode(Some(value), &mut self.payload)
            .ok_or("not of the types that were found at first: the input has changed")?;
        Ok(*id)
    }
}
