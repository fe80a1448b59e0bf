//! The arguments of `tlog convert`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{Selection, TextTables};
use crate::sizes;

/// Convert logs into formats of other tools
///
/// Each record becomes a table of its own. Directories are made if there are none; a file appears when it is whole, and
/// none is overwritten without --force. Broken logs are converted as far as they are intact: the exit code is 3 then,
/// and the files say that they are incomplete.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog convert flight.tlog --parquet flight\n  tlog convert flight.tlog --record imu --parquet imu.parquet\n  tlog convert /data/logs/*.tlog --parquet lake --partition robot=r7,day\n  tlog convert flight.tlog --record imu --arrow - | python3 analyse.py\n  tlog convert flight.tlog --mcap flight.mcap\n  tlog convert flight.tlog --csv flight\n  tlog convert flight.tlog --record 'vehicle_*' --csv table.csv --resample 10Hz --max-age 1s"
)]
pub struct Convert {
    /// Logs or folders of stores; `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub to: ConvertTo,
    #[command(flatten)]
    pub selection: Selection,
    #[command(flatten)]
    pub tables: Tables,
    #[command(flatten)]
    pub text: TextTables,
    /// Overwrite outputs that exist
    #[arg(long)]
    pub force: bool,
    /// How many processors to use at once; all by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
}

/// What to convert to: one of these.
#[derive(Debug, Clone, ClapArgs)]
#[group(id = "to", required = true, multiple = false)]
pub struct ConvertTo {
    /// Apache Parquet: a directory with a file for each record, or one file NAME.parquet with --record
    #[arg(long, value_name = "OUT", help_heading = "Formats")]
    pub parquet: Option<PathBuf>,
    /// Apache Arrow IPC: a directory, or one file NAME.arrow with --record; `-` for a stream on standard output
    #[arg(long, value_name = "OUT", help_heading = "Formats")]
    pub arrow: Option<PathBuf>,
    /// MCAP that Foxglove and other viewers open as it is: JSON messages with their JSON Schema; `-` for standard output
    #[arg(long, value_name = "OUT", help_heading = "Formats")]
    pub mcap: Option<PathBuf>,
    /// CSV as `tlog cat` prints it: a directory, or one file NAME.csv with --record; `-` for standard output. Several
    /// logs follow each other in the same tables; what is incomplete is told by the exit code only
    #[arg(long, value_name = "OUT", help_heading = "Formats")]
    pub csv: Option<PathBuf>,
    /// NDJSON as `tlog cat` prints it, of all records in one file; `-` for standard output
    #[arg(long, value_name = "OUT", help_heading = "Formats")]
    pub ndjson: Option<PathBuf>,
}

/// How tables are made.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Tables")]
pub struct Tables {
    /// Only columns of scalars such as `a.b[2]`: arrays, maps and unions become their JSON
    #[arg(long)]
    pub flatten: bool,
    /// Beside each enum NAME its number as NAME_raw
    #[arg(long)]
    pub raw_enums: bool,
    /// How to compress: zstd, zstd:1 to zstd:22, snappy (Parquet only), lz4 or none; zstd by default, none for Arrow
    #[arg(long, value_name = "CODEC")]
    pub compression: Option<String>,
    /// About how many bytes of payloads make a row group, such as 32MiB
    #[arg(long, value_name = "SIZE", default_value = "32MiB", value_parser = sizes::bytes)]
    pub row_group_bytes: u64,
    /// Parquet as Hive partitions, OUT/record=imu/robot=r7/day=2026-11-21/LOG.parquet: KEY=VALUE, month, day, hour
    ///
    /// Days are those of the data, in UTC. What was converted before and has not changed is passed over; what a log that
    /// has grown gave before is replaced. So the same command can run each night over all logs. Segments of a store are a
    /// log each: what was made of them stays when they are deleted.
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    pub partition: Vec<String>,
}
