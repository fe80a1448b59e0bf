//! What the arguments of `tlog import` mean for each format.

use std::path::Path;

use tlog::Micros;
use tlog::schema::Type;
use tlog_convert::import::{self, csv, mcap, ndjson, ulog};

use crate::args::{Import, ImportFormat, TimeUnit};
use crate::exit::usage;
use crate::input::is_dash;
use crate::sizes;

/// How the input is to be read.
pub enum Options {
    Mcap(mcap::Options),
    Ulog(ulog::Options),
    Csv(csv::Options),
    Ndjson(ndjson::Options),
}

impl Options {
    /// What the arguments ask for.
    pub fn new(args: &Import, format: ImportFormat) -> anyhow::Result<Self> {
        let (table, strict) = (&args.table, args.strict);
        let time_unit = table.time_unit.map(unit);
        let record = || table.record.clone().unwrap_or_else(|| stem(&args.input));
        refuse_foreign_options(args, format)?;
        Ok(match format {
            ImportFormat::Mcap => Self::Mcap(mcap::Options {
                max_record: sizes::bytes(&args.max_record).map_err(usage)?,
                ..mcap::Options::default()
            }),
            ImportFormat::Ulog => {
                Self::Ulog(ulog::Options { time_base: time_base(args.time_base.as_deref())?, strict })
            }
            ImportFormat::Csv => Self::Csv(csv::Options {
                record: record(),
                time_column: table.time_column.clone(),
                time_unit,
                types: table.types.iter().map(|text| column_type(text)).collect::<anyhow::Result<_>>()?,
                delimiter: table.delimiter.as_deref().map(delimiter).transpose()?,
                header: !table.no_header,
                strict,
            }),
            ImportFormat::Ndjson => {
                let time_field = table.time_column.clone();
                Self::Ndjson(ndjson::Options { record: record(), time_field, time_unit, strict })
            }
        })
    }
}

/// Refuses what the format has no use for: whoever gives it expects something of it.
fn refuse_foreign_options(args: &Import, format: ImportFormat) -> anyhow::Result<()> {
    let table = &args.table;
    let is_csv = format == ImportFormat::Csv;
    let is_lines = is_csv || format == ImportFormat::Ndjson;
    let given = [
        ("--time-base", args.time_base.is_some(), format == ImportFormat::Ulog),
        ("--record", table.record.is_some(), is_lines),
        ("--time-column", table.time_column.is_some(), is_lines),
        ("--time-unit", table.time_unit.is_some(), is_lines),
        ("--type", !table.types.is_empty(), is_csv),
        ("--delimiter", table.delimiter.is_some(), is_csv),
        ("--no-header", table.no_header, is_csv),
        ("--strict", args.strict, format != ImportFormat::Mcap),
    ];
    match given.iter().find(|(_, is_given, fits)| *is_given && !fits) {
        Some((name, ..)) => Err(usage(format!("{name} means nothing for this format"))),
        None => Ok(()),
    }
}

/// The name of a file without folder and extension.
fn stem(path: &Path) -> String {
    let stem = path.file_stem().filter(|_| !is_dash(path));
    stem.map_or_else(|| "data".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

const fn unit(unit: TimeUnit) -> import::TimeUnit {
    match unit {
        TimeUnit::S => import::TimeUnit::Seconds,
        TimeUnit::Ms => import::TimeUnit::Millis,
        TimeUnit::Us => import::TimeUnit::Micros,
        TimeUnit::Ns => import::TimeUnit::Nanos,
    }
}

/// `torque=float32`.
fn column_type(text: &str) -> anyhow::Result<(String, Type)> {
    let split = text.rsplit_once('=').and_then(|(column, ty)| Some((column.to_owned(), csv::type_named(ty)?)));
    split.ok_or_else(|| {
        let types = "int8 to uint64, float32, float64, boolean, string, timestamp, duration, bytes";
        usage(format!("--type {text}: give COLUMN=TYPE, with a type of {types}"))
    })
}

fn delimiter(text: &str) -> anyhow::Result<u8> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err(usage(format!("--delimiter {text}: give one character of ASCII, or \\t"))),
    }
}

fn time_base(text: Option<&str>) -> anyhow::Result<ulog::TimeBase> {
    match text {
        None | Some("told") => Ok(ulog::TimeBase::Told),
        Some("boot") => Ok(ulog::TimeBase::Boot),
        Some(text) => text.parse::<Micros>().map(ulog::TimeBase::At).map_err(|_| {
            usage(format!("--time-base {text}: give `told`, `boot`, or a time such as 2024-06-10T07:30:00Z"))
        }),
    }
}
