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
    after_help = "Examples:\n  tlog import drive.mcap -o drive.tlog\n  curl -s https://example.com/drive.mcap | tlog import - -o drive.tlog\n  tlog import --format mcap broken.bin -o rest.tlog --force"
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
    /// Overwrite the output if it exists
    #[arg(long)]
    pub force: bool,
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
