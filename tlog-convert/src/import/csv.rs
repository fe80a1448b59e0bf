//! CSV: one table, one record.
//!
//! The input is read twice: first for what all cells of a column can be, then into the log.
//!
//! | all cells that are not empty | type |
//! |---|---|
//! | `true`, `false` | boolean |
//! | whole numbers, without zeros in front | fixedint64; fixeduint64 where that is too small |
//! | numbers, `NaN`, `inf`, `Infinity` | float64, unless a whole number among them would lose digits |
//! | RFC 3339 as the log itself would write it | timestamp |
//! | anything else | string |
//!
//! A column with an empty cell is optional. The column that tells the time becomes the time of the data and no field.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use ::csv::ByteRecord;
use tlog::schema::{Field, IntegerType, Object, Schema, Type, Width};
use tlog::value::{put_integer, put_varuint, read_json};
use tlog::write::RecordId;

use super::Summary;
use super::moment::{self, Form, TimeUnit, Witness};
use super::names::Names;
use crate::{Error, Result};

/// A longer row is an unclosed quote, in bytes.
const MAX_ROW: u64 = 16 << 20;

/// More columns are no table.
const MAX_COLUMNS: usize = 1 << 16;

/// So many renamed columns are told of by name.
const RENAMED: usize = 5;

/// How a table is read.
#[derive(Clone, Debug)]
pub struct Options {
    /// The record's name.
    pub record: String,
    /// The column that tells the time; without one it is looked for by its name.
    pub time_column: Option<String>,
    /// What numbers in it count; without one their size tells.
    pub time_unit: Option<TimeUnit>,
    /// The types of columns that are given, each a name in the header and a type.
    pub types: Vec<(String, Type)>,
    /// What stands between columns; without one the first line tells.
    pub delimiter: Option<u8>,
    /// Whether the first row names the columns.
    pub header: bool,
    /// Stop at the first row that is broken.
    pub strict: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            record: "table".into(),
            time_column: None,
            time_unit: None,
            types: Vec::new(),
            delimiter: None,
            header: true,
            strict: false,
        }
    }
}

/// The type with this name that a column can be given: `int8` to `uint64`, `float32`, `float64`, `boolean`, `string`,
/// `timestamp`, `duration`, `bytes` (in base64).
pub fn type_named(name: &str) -> Option<Type> {
    Some(match name {
        "int8" => Type::FixedInt(Width::W1),
        "int16" => Type::FixedInt(Width::W2),
        "int32" => Type::FixedInt(Width::W4),
        "int64" => Type::FixedInt(Width::W8),
        "uint8" => Type::FixedUint(Width::W1),
        "uint16" => Type::FixedUint(Width::W2),
        "uint32" => Type::FixedUint(Width::W4),
        "uint64" => Type::FixedUint(Width::W8),
        "float32" => Type::Float32,
        "float64" => Type::Float64,
        "boolean" | "bool" => Type::Boolean,
        "string" => Type::String,
        "timestamp" => Type::Timestamp,
        "duration" => Type::Duration,
        "bytes" => Type::Bytes,
        _ => return None,
    })
}

/// Writes a table into a log.
///
/// # Errors
/// [`Error::Input`] for an empty file, a row without end, or with [`Options::strict`] a broken row; [`Error::Limit`] for
/// too many columns; [`Error::Usage`] for options that do not fit the file; [`Error::Io`] and [`Error::Log`] as reading
/// and writing fail.
pub fn read<R: Read + Seek, W: Write>(mut input: R, out: &mut tlog::Writer<W>, options: &Options) -> Result<Summary> {
    let start = input.stream_position()?;
    let delimiter = match options.delimiter {
        Some(delimiter) => delimiter,
        None => delimiter(&mut input)?,
    };
    input.seek(SeekFrom::Start(start))?;
    let mut summary = Summary::default();
    let mut rows = Rows::open(&mut input, delimiter, options.header)?;
    let plan = Plan::new(&mut rows, options, &mut summary)?;
    input.seek(SeekFrom::Start(start))?;
    let mut rows = Rows::open(&mut input, delimiter, options.header)?;
    let mut import = Import { id: plan.declare(out, &options.record)?, plan, out, payload: Vec::new() };
    while rows.next()? {
        match import.row(&rows.record)? {
            Ok(()) => summary.taken += 1,
            Err(cause) => {
                let place = format!("line {}", rows.line());
                if options.strict {
                    return Err(Error::Input { format: "CSV", place, problem: cause });
                }
                summary.skip(rows.range(), format!("{place}: {cause}"));
            }
        }
    }
    Ok(summary)
}

/// The delimiter that is most frequent in the first line, outside quotes.
fn delimiter(input: &mut impl Read) -> Result<u8> {
    let mut line = Vec::new();
    BufReader::new(input.take(MAX_ROW)).read_until(b'\n', &mut line)?;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in line {
        quoted ^= byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += u64::from(byte == *delimiter && !quoted);
        }
    }
    // Of equal counts the first.
    Ok(counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter))
}

/// The rows behind the header.
struct Rows<R> {
    reader: ::csv::Reader<Limited<R>>,
    header: Vec<String>,
    record: ByteRecord,
    /// Whether the first row, which was read for the number of columns, is still to come.
    is_first: bool,
}

/// Lets only so much be read for each row.
struct Limited<R> {
    input: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, TooLong));
        }
        let len = self.input.read(out)?;
        self.left = self.left.saturating_sub(len as u64);
        Ok(len)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a row is longer than {MAX_ROW} bytes, or a quote is never closed")]
struct TooLong;

impl<R: Read> Rows<R> {
    fn open(input: R, delimiter: u8, has_header: bool) -> Result<Self> {
        let reader = ::csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(Limited { input, left: MAX_ROW });
        let mut rows = Self { reader, header: Vec::new(), record: ByteRecord::new(), is_first: false };
        if !rows.next()? {
            return Err(Error::Input {
                format: "CSV",
                place: "line 1".into(),
                problem: "there is nothing in it".into(),
            });
        }
        let limit = MAX_COLUMNS as u64;
        if rows.record.len() > MAX_COLUMNS {
            return Err(Error::Limit { what: "number of columns", size: rows.record.len() as u64, limit });
        }
        rows.is_first = !has_header;
        let name = |(at, cell): (usize, &[u8])| match has_header {
            true => String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().to_owned(),
            false => format!("column_{}", at + 1),
        };
        rows.header = rows.record.iter().enumerate().map(name).collect();
        Ok(rows)
    }

    /// Reads the next row; whether there was one.
    fn next(&mut self) -> Result<bool> {
        if std::mem::take(&mut self.is_first) {
            return Ok(true);
        }
        self.reader.get_mut().left = MAX_ROW;
        let read = self.reader.read_byte_record(&mut self.record);
        read.map_err(|e| {
            let line = e.position().map_or(self.reader.position().line(), ::csv::Position::line);
            match e.into_kind() {
                ::csv::ErrorKind::Io(e) if e.get_ref().is_none_or(|inner| !inner.is::<TooLong>()) => Error::Io(e),
                _ => Error::Input { format: "CSV", place: format!("line {line}"), problem: TooLong.to_string() },
            }
        })
    }

    /// The cells of the row, if they are as many as there are columns; an empty one behind the last is not counted.
    fn cells(record: &ByteRecord, columns: usize) -> std::result::Result<impl Iterator<Item = &[u8]>, String> {
        let is_trailing = record.len() == columns + 1 && record.get(columns).is_some_and(<[u8]>::is_empty);
        match record.len() == columns || is_trailing {
            true => Ok(record.iter().take(columns)),
            false => Err(format!("{} cells where there are {columns} columns", record.len())),
        }
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(0, ::csv::Position::line)
    }

    fn range(&self) -> Range<u64> {
        let start = self.record.position().map_or(0, ::csv::Position::byte);
        start..self.reader.position().byte().max(start)
    }
}

/// What becomes of the cells of a row.
struct Plan {
    columns: Vec<Column>,
    schema: Schema,
}

struct Column {
    /// The name in the header.
    header: String,
    role: Role,
}

enum Role {
    Time(Form),
    Field { ty: Type, is_optional: bool },
}

impl Plan {
    fn new<R: Read>(rows: &mut Rows<R>, options: &Options, summary: &mut Summary) -> Result<Self> {
        let times = time_columns(&rows.header, options)?;
        let mut seen = vec![Seen::default(); rows.header.len()];
        let mut witnesses = vec![Witness::default(); times.len()];
        while rows.next()? {
            let Ok(cells) = Rows::<R>::cells(&rows.record, rows.header.len()) else { continue };
            cells.zip(&mut seen).for_each(|(cell, seen)| seen.see(cell));
            for ((at, _), witness) in times.iter().zip(&mut witnesses) {
                witness.see(&String::from_utf8_lossy(rows.record.get(*at).unwrap_or_default()));
            }
        }
        let time = time_column(&times, &witnesses, &rows.header, options, summary)?;
        let header = std::mem::take(&mut rows.header);
        Self::of(header, &seen, time, options, summary)
    }

    fn of(
        header: Vec<String>,
        seen: &[Seen],
        time: Option<(usize, Form)>,
        options: &Options,
        summary: &mut Summary,
    ) -> Result<Self> {
        let given: std::collections::HashMap<&str, &Type> =
            options.types.iter().map(|(name, ty)| (name.as_str(), ty)).collect();
        if let Some(name) = given.keys().find(|name| !header.iter().any(|column| column == *name)) {
            return Err(no_column(name, &header));
        }
        let (mut names, mut fields, mut columns, mut renamed) = (Names::default(), Vec::new(), Vec::new(), Vec::new());
        for (at, (header, seen)) in header.into_iter().zip(seen).enumerate() {
            let role = match time {
                Some((column, form)) if column == at => Role::Time(form),
                _ => {
                    let ty = given.get(header.as_str()).map_or_else(|| seen.ty(), |&ty| ty.clone());
                    let name = names.take(&flat(&header));
                    if name != header {
                        renamed.push(format!("{header:?} is {name}"));
                    }
                    let is_optional = seen.empty;
                    fields.push(Field::new(name, if is_optional { Type::optional(ty.clone()) } else { ty.clone() }));
                    Role::Field { ty, is_optional }
                }
            };
            columns.push(Column { header, role });
        }
        tell_renamed(&renamed, summary);
        let schema = Schema::new(Object::new(fields).into()).map_err(|e| Error::Usage(e.to_string()))?;
        Ok(Self { columns, schema })
    }

    fn declare<W: Write>(&self, out: &mut tlog::Writer<W>, record: &str) -> Result<RecordId> {
        Ok(out.declare(&Names::default().take_record(record), &self.schema)?)
    }
}

fn tell_renamed(renamed: &[String], summary: &mut Summary) {
    if let Some(first) = renamed.get(..renamed.len().min(RENAMED)).filter(|first| !first.is_empty()) {
        let more = if renamed.len() > first.len() { ", …" } else { "" };
        summary.note(format!("{} columns have other names in the log: {}{more}", renamed.len(), first.join(", ")));
    }
}

/// `a.b[2]` as `a_b_2`: what separates becomes one `_`.
fn flat(header: &str) -> String {
    let parts: Vec<&str> = header.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|p| !p.is_empty()).collect();
    parts.join("_")
}

fn no_column(name: &str, header: &[String]) -> Error {
    let known: Vec<&str> = header.iter().map(String::as_str).take(20).collect();
    Error::Usage(format!("there is no column {name:?}; there are: {}", known.join(", ")))
}

/// The columns that may tell the time, the likeliest first, with the units that their names have.
fn time_columns(header: &[String], options: &Options) -> Result<Vec<(usize, Option<TimeUnit>)>> {
    if let Some(name) = &options.time_column {
        let at = header.iter().position(|column| column == name).ok_or_else(|| no_column(name, header))?;
        return Ok(vec![(at, options.time_unit)]);
    }
    let mut found: Vec<_> = header
        .iter()
        .enumerate()
        .filter_map(|(at, name)| moment::named(name).map(|(rank, unit)| (rank, at, options.time_unit.or(unit))))
        .collect();
    found.sort_by_key(|(rank, at, _)| (*rank, *at));
    // More cannot be meant.
    found.truncate(4);
    Ok(found.into_iter().map(|(_, at, unit)| (at, unit)).collect())
}

/// The column that tells the time, by what is in those that may.
fn time_column(
    columns: &[(usize, Option<TimeUnit>)],
    witnesses: &[Witness],
    header: &[String],
    options: &Options,
    summary: &mut Summary,
) -> Result<Option<(usize, Form)>> {
    for ((at, unit), witness) in columns.iter().zip(witnesses) {
        if let Some(form) = witness.form(*unit) {
            if witness.is_naive {
                summary.note("times without a zone were taken for UTC");
            }
            return Ok(Some((*at, form)));
        }
    }
    let Some((at, _)) = columns.first() else { return Ok(None) };
    let name = header.get(*at).map_or("", String::as_str);
    if options.time_column.is_some() && witnesses.iter().any(|witness| !witness.is_empty()) {
        return Err(Error::Usage(format!(
            "column {name:?} does not tell the time of day; say its unit, or take another"
        )));
    }
    summary.note(format!(
        "column {name:?} does not tell the time of day, so data has no time; say its unit to have it all the same"
    ));
    Ok(None)
}

/// What the cells of a column have been.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    empty: bool,
    bools: bool,
    /// Whole numbers that an i64 holds.
    ints: bool,
    negatives: bool,
    /// Whole numbers that only a u64 holds.
    large: bool,
    /// Whole numbers that a float64 would round.
    exact: bool,
    floats: bool,
    times: bool,
    texts: bool,
}

impl Seen {
    fn see(&mut self, cell: &[u8]) {
        let Ok(cell) = std::str::from_utf8(cell) else {
            self.texts = true;
            return;
        };
        let cell = cell.trim();
        if cell.is_empty() {
            self.empty = true;
        } else if let Some(number) = whole(cell) {
            self.large |= i64::try_from(number).is_err();
            self.ints |= i64::try_from(number).is_ok();
            self.negatives |= number < 0;
            self.exact |= number.unsigned_abs() > 1 << 53;
        } else if float(cell).is_some() {
            self.floats = true;
        } else if boolean(cell).is_some() {
            self.bools = true;
        } else if moment::is_canonical(cell) {
            self.times = true;
        } else {
            self.texts = true;
        }
    }

    fn ty(&self) -> Type {
        let numbers = self.ints || self.large || self.floats;
        match (numbers, self.bools, self.times, self.texts) {
            (true, false, false, false) => match (self.floats, self.large, self.negatives) {
                (false, false, _) => Type::FixedInt(Width::W8),
                (false, true, false) => Type::FixedUint(Width::W8),
                (true, _, _) if !self.exact => Type::Float64,
                _ => Type::String,
            },
            (false, true, false, false) => Type::Boolean,
            (false, false, true, false) => Type::Timestamp,
            _ => Type::String,
        }
    }
}

/// A whole number that some 64 bits hold, in its only spelling.
fn whole(cell: &str) -> Option<i128> {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let is_plain = !digits.is_empty() && digits.len() <= 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_only = !digits.starts_with('0') || cell == "0";
    let number: i128 = cell.parse().ok().filter(|_| is_plain && is_only)?;
    (number >= i128::from(i64::MIN) && number <= i128::from(u64::MAX)).then_some(number)
}

/// A number that is not text: neither a whole one too long for 64 bits nor one with zeros in front.
fn float(cell: &str) -> Option<f64> {
    if let "NaN" | "nan" | "NAN" | "inf" | "-inf" | "Infinity" | "-Infinity" = cell {
        return cell.parse().ok();
    }
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit()) && digits != "0";
    cell.parse().ok().filter(|number: &f64| is_number && !is_whole && number.is_finite())
}

fn boolean(cell: &str) -> Option<bool> {
    match cell {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A table on its way into a log.
struct Import<'w, W: Write> {
    plan: Plan,
    id: RecordId,
    out: &'w mut tlog::Writer<W>,
    payload: Vec<u8>,
}

impl<W: Write> Import<'_, W> {
    /// Writes a row; the inner error is what is wrong with it.
    fn row(&mut self, record: &ByteRecord) -> Result<std::result::Result<(), String>> {
        let cells = match Rows::<io::Empty>::cells(record, self.plan.columns.len()) {
            Ok(cells) => cells,
            Err(cause) => return Ok(Err(cause)),
        };
        let mut time = None;
        self.payload.clear();
        for (column, cell) in self.plan.columns.iter().zip(cells) {
            let cell = String::from_utf8_lossy(cell);
            let put = match &column.role {
                Role::Time(_) if cell.trim().is_empty() => Some(()),
                Role::Time(form) => moment::parse(&cell, *form).map(|at| time = Some(at)),
                Role::Field { is_optional: true, .. } if cell.trim().is_empty() => {
                    self.payload.push(0);
                    Some(())
                }
                Role::Field { ty, is_optional } => {
                    self.payload.extend(is_optional.then_some(1));
                    put_cell(ty, &cell, &mut self.payload)
                }
            };
            if put.is_none() {
                let ty = if let Role::Field { ty, .. } = &column.role { ty.name() } else { "time" };
                let shown: String = cell.chars().take(40).collect();
                return Ok(Err(format!("column {:?}: {shown:?} is no {ty}", column.header)));
            }
        }
        self.out.write(self.id, time, &self.payload)?;
        Ok(Ok(()))
    }
}

/// Appends a cell as this type, if it is one.
fn put_cell(ty: &Type, cell: &str, out: &mut Vec<u8>) -> Option<()> {
    let text = cell.trim();
    match ty {
        Type::String => {
            put_varuint(cell.len() as u64, out);
            out.extend_from_slice(cell.as_bytes());
        }
        Type::Boolean => out.push(u8::from(boolean(text)?)),
        Type::Float32 => out.extend(text.parse::<f32>().ok()?.to_le_bytes()),
        Type::Float64 => out.extend(text.parse::<f64>().ok()?.to_le_bytes()),
        Type::Timestamp => out.extend(moment::parse(text, Form::Text)?.0.to_le_bytes()),
        Type::Duration => out.extend(text.parse::<i64>().ok()?.to_le_bytes()),
        Type::Bytes => return read_json(ty, &serde_json::to_string(text).ok()?, out).ok(),
        other => {
            let ty = IntegerType::of(other)?;
            put_integer(ty, text.parse().ok().filter(|&number| ty.holds(number))?, out);
        }
    }
    Some(())
}
