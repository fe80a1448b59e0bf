//! The arguments of `tlog import`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

/// Make a log of a file in another format: MCAP, CSV, NDJSON, PX4 ULog
///
/// The format is told by the content, never by the extension; --format says it where the content leaves it open. What
/// is broken is skipped and told of, everything intact arrives; then the exit code is 3. What could not become as it was
/// (a name that a log cannot have, a type that a column does not keep to) is told on standard error.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog import drive.mcap -o drive.tlog\n  curl -s https://example.com/drive.mcap | tlog import - -o drive.tlog\n  tlog import --format mcap broken.bin -o rest.tlog --force\n  tlog import flight.ulg -o flight.tlog --time-base 2024-06-10T07:30:00Z\n  tlog import bench.csv -o bench.tlog --record motor --time-column t --time-unit ms --type torque=float32\n  tlog cat old.tlog --format ndjson | jq -c 'select(.data.ok)' | tlog import - -o ok.tlog"
)]
pub struct Import {
    /// The file to import; `-` for standard input
    #[arg(value_name = "FILE")]
    pub input: PathBuf,
    /// The log to write; `-` for standard output
    #[arg(short, long, value_name = "LOG")]
    pub output: PathBuf,
    /// The format of the file, when its content does not tell
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<ImportFormat>,
    /// How long a record of MCAP may be, a chunk packed and unpacked; longer ones are skipped
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub max_record: String,
    /// What the times of a ULog count from: `told` by the log itself, `boot` of the system, or when that was as RFC 3339
    #[arg(long, value_name = "WHEN", long_help = TIME_BASE)]
    pub time_base: Option<String>,
    #[command(flatten)]
    pub table: Table,
    /// Stop at the first thing that is broken
    #[arg(long)]
    pub strict: bool,
    /// Overwrite the output if it exists
    #[arg(long)]
    pub force: bool,
}

const TIME_BASE: &str = "What the times of a ULog count from.

A ULog counts microseconds since the system was started.
  told    (the default) from when the log itself says that was, by a satellite receiver's UTC; without one, as boot
  boot    from whenever that was: `timestamp` becomes a duration, and data has no time
  2019-02-11T15:46:40Z
          from then; `1970-01-01T00:00:00Z` keeps the numbers";

/// How lines become records: CSV and NDJSON.
#[derive(Debug, ClapArgs)]
pub struct Table {
    /// The record's name, where the file gives none [default: the name of the file]
    #[arg(long, value_name = "NAME")]
    pub record: Option<String>,
    /// The column or field that tells when [default: time, timestamp, t and the like, if what is in it tells a time]
    #[arg(long, value_name = "COLUMN")]
    pub time_column: Option<String>,
    /// What that counts, since 1970 [default: RFC 3339, or by the size of the numbers]
    #[arg(long, value_enum, value_name = "UNIT")]
    pub time_unit: Option<TimeUnit>,
    /// A column's type, such as `torque=float32`, instead of one that fits all its cells; only of CSV
    #[arg(long = "type", value_name = "COLUMN=TYPE")]
    pub types: Vec<String>,
    /// What stands between columns [default: , or ; or a tab, by the first line]; only of CSV
    #[arg(long, value_name = "CHARACTER")]
    pub delimiter: Option<String>,
    /// The first line is data; columns are named `column_1`, …; only of CSV
    #[arg(long)]
    pub no_header: bool,
}

/// What a number counts that tells when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TimeUnit {
    /// Seconds, with a fraction or without
    S,
    /// Milliseconds
    Ms,
    /// Microseconds
    Us,
    /// Nanoseconds
    Ns,
}

/// What `tlog import` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// MCAP, as ROS 2 and Foxglove have it
    Mcap,
    /// Lines of fields with commas between them, the first with their names
    Csv,
    /// One JSON object a line
    Ndjson,
    /// The logs of PX4
    Ulog,
}
