//! The command line as clap sees it. What the flags mean together is decided in [`crate::cmd`].

mod card;
mod convert;
mod convert_text;
mod import;
mod plot;
mod rewrite;
mod stats;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::times::TimeArg;

pub use card::{Batched, Card, CardInit, CardLs, CardPull};
pub use convert::Convert;
pub use convert_text::TextTables;
pub use import::{Import, ImportFormat, TimeUnit};
pub use plot::{Plot, PlotFormat, PlotTime};
pub use rewrite::{Compress, Concat, Cut, Decompress, IntoLog, Merge, Sort, Split};
pub use stats::{Du, Stats, StatsFormat};

/// Show, search and write TLOG0003 logs of robots, drones, vehicles and instruments.
///
/// Results go to standard output, everything else to standard error; `-` stands for standard input or
/// output. Broken logs are read as far as they go: what is skipped is reported and exit code 3 says so.
#[derive(Debug, Parser)]
#[command(name = "tlog", version, disable_help_subcommand = true, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "See `tlog help exit-codes` for the exit codes, `tlog help times` for the forms of times.")]
pub struct Args {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, ClapArgs)]
pub struct Common {
    /// Say less: no warnings, no progress
    #[arg(short, long, global = true, help_heading = "Common options")]
    pub quiet: bool,
    /// Say more: every skipped stretch instead of a summary
    #[arg(short, long, global = true, help_heading = "Common options", conflicts_with = "quiet")]
    pub verbose: bool,
    /// When to use colors
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Common options"
    )]
    pub color: When,
    /// When to show progress on standard error
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Common options"
    )]
    pub progress: When,
}

/// When to do something that suits only terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Info(Info),
    Cat(Cat),
    Index(Index),
    Seek(Seek),
    /// Show or compare the schemas of logs
    #[command(subcommand, arg_required_else_help = true)]
    Schema(Schema),
    Write(Write),
    #[command(name = "record")]
    Record(RecordInto),

    Convert(Convert),
    Cut(Cut),
    Concat(Concat),
    Merge(Merge),
    Sort(Sort),
    Split(Split),
    Compress(Compress),
    Decompress(Decompress),
    Import(Import),
    Plot(Plot),
    Recover(Recover),
    /// Prepare memory cards for firmware, list and pull the logs on them
    #[command(subcommand, arg_required_else_help = true)]
    Card(Card),
    Verify(Verify),
    Stats(Stats),
    Du(Du),
    Completion(Completion),
    Man(Man),
    Help(Help),
}

/// Summarize logs: records with counts, rates, sizes and times
///
/// Reads each log whole, with all processors, and verifies its checksums. With --quick only the index beside the
/// log is read, if it is up to date (`tlog index`), which tells the same; otherwise the index at the end of a
/// properly closed log, and the blocks that it points at. A store is shown as one log.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  tlog info flight.tlog\n  tlog info --quick --format json *.tlog")]
pub struct Info {
    /// Logs or folders of stores to summarize; `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    pub files: Vec<PathBuf>,
    /// Read only the index beside the log, or the one in it; says which figures it leaves out
    #[arg(long)]
    pub quick: bool,
    /// How to show the summary
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: ReportFormat,
}

/// How to show a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For reading
    Text,
    /// One JSON document
    Json,
}

/// Print the contents of logs
///
/// Lines of ndjson are {"time":…,"record":…,"data":{…}} with the fields in the order of the schema; a time
/// that a block lacks is null. csv prints one record, `time` first, nested fields as columns `a.b[2]`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog cat flight.tlog | head\n  tlog cat flight.tlog --record 'vehicle_*' --start +30s --duration 10s\n  tlog cat flight.tlog --record vehicle_attitude --format csv > attitude.csv\n  tlog cat flight.tlog --format ndjson --field 'q[0]' --field 'q[3]'\n  tlog cat flight.tlog --where 'servo.servos[3].torque > 2.5 and mode == \"position\"'\n  tlog cat /media/card/now.tlog --follow"
)]
pub struct Cat {
    /// Logs or folders of stores to print, one after the other; `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    pub files: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: CatFormat,
    #[command(flatten)]
    pub selection: Selection,
    /// Print only this field, such as `servos[3].torque` (repeatable)
    #[arg(long = "field", value_name = "PATH")]
    pub fields: Vec<String>,
    /// Stop after this many records
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Wait for more when the file ends: it is still being written
    #[arg(long, conflicts_with = "explain")]
    pub follow: bool,
    /// Stop at the first defect with exit code 1 instead of skipping it
    #[arg(long)]
    pub strict: bool,
    /// Do not verify checksums
    #[arg(long)]
    pub no_verify: bool,
}

/// How `tlog cat` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CatFormat {
    /// For reading: time, record, fields
    Text,
    /// One JSON object a line
    Ndjson,
    /// One JSON array
    Json,
    /// One record as a table
    Csv,
}

/// What of a log.
#[derive(Debug, Clone, ClapArgs)]
pub struct Selection {
    /// Only this record; `*` and `?` are wildcards (repeatable)
    #[arg(long = "record", value_name = "NAME")]
    pub records: Vec<String>,
    /// From this time on: RFC 3339, 1718000000s, +30s from the start, -10s from the end
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub start: Option<TimeArg>,
    /// Until before this time, in the same forms
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub end: Option<TimeArg>,
    /// For so long after the start, such as 10s, 500ms, 1m30s
    #[arg(long, value_name = "DURATION", conflicts_with = "end")]
    pub duration: Option<String>,
    /// Only data for which this holds: 'servo.torque > 2.5 and mode == "position"' (`tlog help conditions`)
    #[arg(long = "where", value_name = "CONDITION")]
    pub condition: Option<String>,
    /// Read everything, as if there were no index and no seek markers
    #[arg(long)]
    pub read_all: bool,
    /// Say what would be read, and read nothing more
    #[arg(long)]
    pub explain: bool,
}

/// Make the index beside a log, or bring it up to date
///
/// Reads the log once and saves in flight.tlogx what is where in it. `tlog cat`, `seek` and `info --quick` then find
/// times, records and values without reading the rest. An index that is up to date stays as it is, one whose log
/// has grown grows with it. Of a store all segments are indexed but the one that is being written.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog index flight.tlog\n  tlog index --no-ranges /data/logs/*.tlog\n  tlog index --check flight.tlog || tlog index flight.tlog"
)]
pub struct Index {
    /// Logs or folders of stores to index
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<PathBuf>,
    /// How many processors to use at once; all by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Leave out between which values each field lies: quicker, but then a --where passes over nothing
    #[arg(long)]
    pub no_ranges: bool,
    /// Do not verify checksums. Such an index is taken only by `tlog index --no-verify`
    #[arg(long)]
    pub no_verify: bool,
    /// Change nothing; end with exit code 1 if an index is not up to date
    #[arg(long, conflicts_with = "force")]
    pub check: bool,
    /// Make it anew even if it is up to date, and overwrite a file in its place that is no index
    #[arg(long)]
    pub force: bool,
    /// How to say what was done
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: ReportFormat,
}

/// Find the latest data of each record at or before a time
///
/// Tells for each record when its latest data is, and at which byte of the file. Takes the index beside the log if
/// there is one (`tlog index`), else its seek markers; where these do not suffice, the log is read whole. If nothing
/// is found the result is empty, which is said, and the exit code is 0.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog seek flight.tlog 2019-02-11T15:48:32Z\n  tlog seek flight.tlog +30s --record 'vehicle_*'\n  tlog seek /data/store -10s --format json"
)]
pub struct Seek {
    /// The log or the folder of a store; `-` for standard input
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// The time: RFC 3339, 1718000000s, +30s from the start, -10s from the end (`tlog help times`)
    #[arg(value_name = "TIME", allow_hyphen_values = true)]
    pub time: TimeArg,
    /// Only this record; `*` and `?` are wildcards (repeatable)
    #[arg(long = "record", value_name = "NAME")]
    pub records: Vec<String>,
    /// How to show what was found
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: ReportFormat,
}

#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum Schema {
    Show(SchemaShow),
    Diff(SchemaDiff),
}

/// Show the schemas of a log
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog schema show flight.tlog\n  tlog schema show flight.tlog --record imu --format json > imu.json"
)]
pub struct SchemaShow {
    /// The log or the folder of a store; `-` for standard input
    #[arg(value_name = "LOG")]
    pub file: PathBuf,
    /// Only this record; `*` and `?` are wildcards (repeatable)
    #[arg(long = "record", value_name = "NAME")]
    pub records: Vec<String>,
    /// How to show them
    #[arg(long, value_enum, default_value = "tree", value_name = "FORMAT")]
    pub format: SchemaFormat,
}

/// How to show schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaFormat {
    /// A tree for reading
    #[value(alias = "text")]
    Tree,
    /// JSON, as `tlog write --schema` takes it
    Json,
}

/// Compare the schemas of two logs
///
/// Lists the records and fields that were added, removed or changed, and whether data of A can be read
/// as B (by name and alias, with defaults and widening).
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog schema diff monday.tlog friday.tlog\n  tlog schema diff --exit-code a.tlog b.tlog || echo changed"
)]
pub struct SchemaDiff {
    /// The older log or store
    #[arg(value_name = "A")]
    pub a: PathBuf,
    /// The newer log or store
    #[arg(value_name = "B")]
    pub b: PathBuf,
    /// How to show the differences
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: ReportFormat,
    /// End with exit code 1 if there is a difference
    #[arg(long)]
    pub exit_code: bool,
}

/// Write a log from NDJSON
///
/// Takes lines as `tlog cat --format ndjson` prints them, and schemas from a JSON file or from another log.
/// The first line that does not fit ends it with its number, and no output is left behind.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog cat a.tlog --format ndjson | tlog write --schema-from a.tlog - -o b.tlog\n  tlog write --schema imu.json imu.ndjson -o imu.tlog"
)]
pub struct Write {
    /// The lines; `-` for standard input
    #[arg(value_name = "NDJSON", default_value = "-")]
    pub input: PathBuf,
    /// The log to write; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    #[command(flatten)]
    pub schemas: Schemas,
    /// Overwrite the output if it exists
    #[arg(long)]
    pub force: bool,
    /// Do not compress payloads
    #[arg(long)]
    pub no_compression: bool,
    /// Do not write checksums
    #[arg(long)]
    pub no_checksums: bool,
    /// Do not write the index
    #[arg(long)]
    pub no_index: bool,
    /// Write schemas that the reference readers cannot read too (odd names, signed enums, versions)
    #[arg(long)]
    pub any_schema: bool,
    /// Time between seek markers; 0s for none
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    pub seek_interval: String,
}

/// Record into a store: a folder of rotating log files
///
/// Takes logs as they are, and NDJSON as `tlog cat --format ndjson` prints it, while it still comes. A store that an
/// earlier recording left behind, however that ended, is put in order first and continued. Ctrl-C and SIGTERM end a
/// recording properly, with exit code 0.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  nc robot 7000 | tlog record - --store logs --rotate-size 64MiB --keep-size 10G\n  sensors | tlog record - --store logs --schema imu.json --durability sync=200ms --ack\n  tlog record flight.tlog --store logs\n  tlog cat logs --follow"
)]
pub struct RecordInto {
    /// Logs or NDJSON, told apart by how they start; `-` for standard input
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// The folder of the store; it is created if need be
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,
    #[command(flatten)]
    pub schemas: Schemas,
    /// Begin a new file when one would become larger than this, such as 64MiB, 500MB or 1G
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    pub rotate_size: String,
    /// Begin a new file after so long, such as 10m or 1h30m
    #[arg(long, value_name = "DURATION")]
    pub rotate_time: Option<String>,
    /// Delete the oldest files so that all together stay below this
    #[arg(long, value_name = "SIZE")]
    pub keep_size: Option<String>,
    /// Delete files that were written to last so long ago
    #[arg(long, value_name = "DURATION")]
    pub keep_age: Option<String>,
    /// Delete the oldest files above this number
    #[arg(long, value_name = "N")]
    pub keep_segments: Option<u64>,
    /// Delete the oldest files so that this much of the disk stays free
    #[arg(long, value_name = "SIZE")]
    pub keep_free: Option<String>,
    /// When what is recorded is safe: none, flush=1s, sync=1s, each
    ///
    /// flush=T passes it on to the system at least each T, so that it survives a kill. sync=T has it on the disk each T,
    /// so that it survives a power loss; `each` has that before the next record is taken. With none it is safe when a
    /// file is full.
    #[arg(long, value_name = "WHAT", default_value = "sync=1s")]
    pub durability: String,
    /// What to do when the disk is full
    #[arg(long, value_enum, value_name = "POLICY", default_value = "stop")]
    pub on_full: OnFull,
    /// Print how many records are safe, in the sense of --durability, each time that there are more
    #[arg(long)]
    pub ack: bool,
}

/// Where schemas of NDJSON come from.
#[derive(Debug, Clone, ClapArgs)]
pub struct Schemas {
    /// Schemas as `tlog schema show --format json` prints them, or one type with --record; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// The name of the record, when the schema file holds just its type
    #[arg(long, value_name = "NAME", requires = "schema")]
    pub record: Option<String>,
    /// Take names, identifiers and schemas from this log or store
    #[arg(long, value_name = "LOG", conflicts_with = "schema")]
    pub schema_from: Option<PathBuf>,
}

/// What to do when the disk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnFull {
    /// End with an error
    Stop,
    /// Delete the oldest files
    MakeRoom,
}

/// Make a whole log of what is left of a broken one
///
/// Keeps everything intact: a damaged stretch costs only the blocks that it touches. The new log has an index and seek
/// markers, and is read again and compared before it gets its name. The old one is not touched. Several inputs, or the
/// files of a store, are joined. Ends with exit code 3 when something was lost.
///
/// Of a file that firmware wrote to a card, TLOG0001.TLG and so on, the batches that are whole are kept: nothing of one
/// that was being written when the power went, and nothing that was in the file before. See `tlog card pull`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog recover crash.tlog -o whole.tlog\n  tlog recover crash.tlog --dry-run\n  tlog recover TLOG0001.TLG --rebase -o flight.tlog\n  tlog recover no-schemas.tlog --schemas-from sibling.tlog -o whole.tlog --format json"
)]
pub struct Recover {
    /// Broken logs, or folders of stores; `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    pub files: Vec<PathBuf>,
    /// The log to write; `-` for standard output
    #[arg(short, long, value_name = "FILE", required_unless_present = "dry_run")]
    pub output: Option<PathBuf>,
    /// Take schemas that are lost from this log of the same program (repeatable)
    #[arg(long = "schemas-from", value_name = "LOG")]
    pub schemas_from: Vec<PathBuf>,
    /// Believe --schemas-from where the broken log says otherwise
    #[arg(long, requires = "schemas_from")]
    pub prefer_schemas_from: bool,
    /// Keep also what is proved to be in the file twice
    #[arg(long)]
    pub keep_duplicates: bool,
    #[command(flatten)]
    pub batches: Batched,
    /// Only report, write nothing
    #[arg(long, conflicts_with_all = ["output", "force"])]
    pub dry_run: bool,
    /// Overwrite the output if it exists
    #[arg(long)]
    pub force: bool,
    /// How to show the report
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: ReportFormat,
}

/// Find everything that is wrong with logs
///
/// Tells of each defect where it is, how bad it is, and what to do about it. An error is lost data or a false
/// statement; a warning means that some reader or operation will not do what one expects. Ends with exit code 3 when
/// there are errors, 0 when there are none, 1 when a file is no log.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog verify flight.tlog\n  tlog verify -q flight.tlog || tlog recover flight.tlog -o whole.tlog\n  tlog verify logs --format ndjson | jq 'select(.severity == \"error\")'"
)]
pub struct Verify {
    /// Logs, or folders of stores; `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    pub files: Vec<PathBuf>,
    /// Do not look into payloads: about as quick as reading
    #[arg(long)]
    pub no_payloads: bool,
    /// How to show the findings
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: VerifyFormat,
}

/// How `tlog verify` shows findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerifyFormat {
    /// For reading: no notes, and of each kind the first three, unless --verbose
    Text,
    /// One JSON document, with the first hundred of each kind
    Json,
    /// One JSON object a line, the same, the summary last
    Ndjson,
}

/// Print a completion script for a shell
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  tlog completion bash > ~/.local/share/bash-completion/completions/tlog")]
pub struct Completion {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Write the man pages
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  tlog man ~/.local/share/man/man1")]
pub struct Man {
    /// The folder for one page a command; without it the main page goes to standard output
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Explain a command or a topic: conditions, exit-codes, times
#[derive(Debug, ClapArgs)]
pub struct Help {
    /// A command, or one of the topics conditions, exit-codes and times
    #[arg(value_name = "COMMAND|TOPIC")]
    pub topic: Vec<String>,
}
