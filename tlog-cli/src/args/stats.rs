//! The arguments of the commands that tell figures: `stats` and `du`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::{ReportFormat, Selection};

/// Statistics of logs: rates, gaps and drops of each record, range and spread of each field
///
/// Tells of each record its rate, how even its intervals are, its largest gaps, steps back in time, and what was lost by
/// fields that count up; of each field its least and greatest value, median, 99th percentile, mean and standard
/// deviation. NaN, infinities and nulls are counted apart. Items of arrays of varying length are taken together, as
/// `a[]`.
///
/// Percentiles are exact while a field has at most 1024 different values (fewer where there are more than 4096 fields),
/// and then within a relative error that JSON and CSV state, mostly 0.4 to 1.6 %. All else is exact but for the rounding of
/// floats. The result does not depend on --jobs.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog stats flight.tlog\n  tlog stats flight.tlog --record vehicle_attitude --field q\n  tlog stats logs --start -1h --where 'mode == \"position\"'\n  tlog stats can.tlog --sequence header.counter\n  tlog stats *.tlog --join --format csv > fields.csv"
)]
pub struct Stats {
    /// Logs or folders of stores, each told of apart; `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<PathBuf>,
    #[command(flatten)]
    pub selection: Selection,
    /// Only this field and what is in it, such as `servos[3]` (repeatable)
    #[arg(long = "field", value_name = "PATH")]
    pub fields: Vec<String>,
    /// A field that counts up by one, whose drops are to be told (repeatable)
    ///
    /// Without it, these are integers called seq, sequence, counter, count or the like that go up by one more often than
    /// not, and all others that do so nine times out of ten.
    #[arg(long = "sequence", value_name = "PATH")]
    pub sequences: Vec<String>,
    /// Take all logs as one, one behind the other
    #[arg(long)]
    pub join: bool,
    /// How many processors to use at once; all by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// How to show the statistics
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: StatsFormat,
}

/// How `tlog stats` shows statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatsFormat {
    /// For reading
    Text,
    /// One JSON document
    Json,
    /// A table with a line for each field
    Csv,
}

/// What takes the space in logs: records, fields, and what is around them
///
/// Tells of each record how many bytes its blocks take, how well its payloads are compressed, its share of the log and
/// how fast it grows; and what schemas, seek markers and the index take. Takes the index beside the log if it is up to
/// date (`tlog index`), else reads the log once with all processors, as `tlog info`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog du flight.tlog\n  tlog du --fields flight.tlog\n  tlog du logs/*.tlog --format json"
)]
pub struct Du {
    /// Logs or folders of stores; `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<PathBuf>,
    /// Also by field: bytes of payloads that are not compressed
    #[arg(long)]
    pub fields: bool,
    /// Read everything, as if there were no index beside the log
    #[arg(long)]
    pub read_all: bool,
    /// How to show the sizes
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: ReportFormat,
}
