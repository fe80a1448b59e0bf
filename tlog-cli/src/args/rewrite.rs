//! The arguments of the commands that make new logs of what is in logs: cut, concat, merge, sort, split, compress.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::Selection;

/// What of logs goes into which new log.
#[derive(Debug, Clone, ClapArgs)]
pub struct IntoLog {
    /// The log to write; `-` for standard output
    #[arg(short, long, value_name = "FILE", required_unless_present = "explain")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub selection: Selection,
    /// Overwrite the output if it exists
    #[arg(long)]
    pub force: bool,
}

/// Write a part of logs to a new log
///
/// Records, times and a condition are chosen as in `tlog cat`. Data is copied as it is stored; index, seek markers and
/// checksums are made anew. The same record of several logs (by name and schema) is one record of the new log; what
/// clashes gets another identifier, or a name like NAME_2, and is told of.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog cut flight.tlog --start +60s --duration 10s -o landing.tlog\n  tlog cut logs --record 'imu*' --where 'imu.temperature > 70' -o hot.tlog\n  tlog cut monday.tlog tuesday.tlog -o both.tlog"
)]
pub struct Cut {
    /// Logs or folders of stores, one after the other; `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub into: IntoLog,
}

/// Write logs one after the other into one
///
/// The data stays in the order of the arguments, copied as it is stored; `tlog merge` puts it in order of time instead.
/// The same record of several logs (by name and schema) is one record of the new log; what clashes gets another
/// identifier, or a name like NAME_2, and is told of. Where a log begins before the one in front of it ends, that is
/// told too: times then step back, and seeking by time has to read all.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog concat flight-0001.tlog flight-0002.tlog -o flight.tlog\n  tlog concat parts/*.tlog -o - | tlog info -"
)]
pub struct Concat {
    /// Logs or folders of stores, in this order; `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub into: IntoLog,
}

/// Write the data of logs, in order of time, into one log
///
/// In which order the logs are given does not matter: the new log is the same. At equal times the log that begins first
/// comes first (if they begin at the same time, by their names), and data of one log keeps its order. Data without a
/// time stays directly behind the data of its log that it stood behind. Logs need not be in order themselves.
///
/// A record is the same in several logs if name and schema are. Where only the names are, the log that begins
/// first keeps its own, the others get names like NAME_2, which is told of. Nothing is left out as being
/// there twice.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog merge left.tlog right.tlog -o robot.tlog\n  tlog merge robot.tlog camera.tlog --offset camera.tlog=-1.5s -o both.tlog\n  tlog merge *.tlog --start 2019-02-11T15:48:30Z --duration 1m -o minute.tlog"
)]
pub struct Merge {
    /// Logs or folders of stores, in any order; `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    pub files: Vec<PathBuf>,
    /// Move all times of an input, written as it is given: right.tlog=+1.5s, right.tlog=-250ms (repeatable)
    ///
    /// For clocks that differ. --start and --end choose by the times as they are in the log, before they are moved.
    #[arg(long = "offset", value_name = "LOG=OFFSET")]
    pub offsets: Vec<String>,
    #[command(flatten)]
    pub ordering: Ordering,
    #[command(flatten)]
    pub into: IntoLog,
}

/// Write the data of a log in order of time into a new one
///
/// Data at equal times keeps its order. Data without a time stays directly behind the data that it stood behind, at
/// the front if there was none with a time before.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog sort flight.tlog -o sorted.tlog\n  nc robot 7000 | tlog sort - -o sorted.tlog --memory 32MiB"
)]
pub struct Sort {
    /// The log or the folder of a store; `-` for standard input
    #[arg(value_name = "LOG")]
    pub file: PathBuf,
    #[command(flatten)]
    pub ordering: Ordering,
    #[command(flatten)]
    pub into: IntoLog,
}

/// How data is put in order.
#[derive(Debug, Clone, ClapArgs)]
pub struct Ordering {
    /// How much memory to use; what exceeds it goes to temporary files beside the output
    #[arg(long, value_name = "SIZE", default_value = "128MiB")]
    pub memory: String,
}

/// Split a log into several
///
/// A new file begins where any of --size, --every and --gap says so; data stays in its order, copied as it is
/// stored. Each file is a whole log, with index and all schemas known by then, and appears under its name when it is
/// whole: who interrupts it finds only whole files. `tlog concat` puts them together again.
#[derive(Debug, ClapArgs)]
#[command(
    group = clap::ArgGroup::new("cuts").args(["size", "every", "gap", "explain"]).multiple(true).required(true),
    after_help = "Examples:\n  tlog split flight.tlog --size 64MiB -o parts\n  tlog split logs --every 10m -o 'parts/robot-{}.tlog'\n  tlog split day.tlog --gap 5s -o flights"
)]
pub struct Split {
    /// The log or the folder of a store; `-` for standard input
    #[arg(value_name = "LOG")]
    pub file: PathBuf,
    /// The folder for the files, which are named after the log: DIR/flight-0001.tlog and so on; or, with {} for
    /// the number, their name
    #[arg(short, long, value_name = "DIR|NAME-{}.tlog", required_unless_present = "explain")]
    pub output: Option<PathBuf>,
    /// No file is larger than this, such as 64MiB, unless it has a single data block
    #[arg(long, value_name = "SIZE")]
    pub size: Option<String>,
    /// Each file has so much time, such as 10m, counted from the first data of the log
    #[arg(long, value_name = "DURATION")]
    pub every: Option<String>,
    /// A new file where there was no data for so long, such as 5s
    #[arg(long, value_name = "DURATION")]
    pub gap: Option<String>,
    #[command(flatten)]
    pub selection: Selection,
    /// Overwrite files that exist
    #[arg(long)]
    pub force: bool,
}

/// Compress the payloads of a log into a new one
///
/// Each payload is packed on its own (snappy), where that makes it shorter; all else is the same: records, times, order.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  tlog compress flight.tlog -o small.tlog")]
pub struct Compress {
    /// The log or the folder of a store; `-` for standard input
    #[arg(value_name = "LOG")]
    pub file: PathBuf,
    #[command(flatten)]
    pub into: IntoLog,
}

/// Unpack the payloads of a log into a new one
///
/// All else is the same: records, times, order. For readers that know no compression.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  tlog decompress flight.tlog -o plain.tlog")]
pub struct Decompress {
    /// The log or the folder of a store; `-` for standard input
    #[arg(value_name = "LOG")]
    pub file: PathBuf,
    #[command(flatten)]
    pub into: IntoLog,
}
