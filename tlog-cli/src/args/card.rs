//! The arguments of the commands for memory cards.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::ReportFormat;

#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum Card {
    Init(CardInit),
    Ls(CardLs),
    Pull(CardPull),
}

/// Prepare a memory card, or an image of one, for firmware that logs to it
///
/// Makes one FAT32 partition with files that are one stretch each and have their full size from the start. Firmware
/// logs one session into each, and never changes the file system. Everything else on the card is lost: it is asked for
/// before, and a card that is mounted is refused. A card that was prepared before goes on with its session numbers.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog card init /dev/sdX --files 16 --size 1G\n  tlog card init card.img --files 4 --size 16MiB\n  tlog card init card.img --files 4 --size 16MiB --card-size 2G --force"
)]
pub struct CardInit {
    /// The device of the card, or a file for an image of one
    #[arg(value_name = "DEVICE|IMAGE")]
    pub target: PathBuf,
    /// How many files, one for each session
    #[arg(long, value_name = "N")]
    pub files: u64,
    /// How large each file is at least, such as 512MiB or 2G, below 4 GiB
    #[arg(long, value_name = "SIZE")]
    pub size: String,
    /// How large the image is; by default the power of two in which the files fit
    #[arg(long, value_name = "SIZE")]
    pub card_size: Option<String>,
    /// Overwrite the files of a device with zeros, not only what tells of them
    #[arg(long)]
    pub wipe: bool,
    /// Do not ask before a device is overwritten
    #[arg(long)]
    pub yes: bool,
    /// Overwrite the image if it exists
    #[arg(long)]
    pub force: bool,
    /// How to say what was done
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: ReportFormat,
}

/// List the sessions on a card
///
/// Looks at a few places of each file: nothing is verified but what is shown. A session is closed if its writer ended
/// it; open if it ends behind a batch, as after a loss of power between two; cut if it ends inside one.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog card ls /dev/sdX\n  tlog card ls card.img --format json\n  tlog card ls /media/me/TLOG"
)]
pub struct CardLs {
    /// The device of a card, an image of one, or the folder where it is mounted
    #[arg(value_name = "CARD")]
    pub card: PathBuf,
    /// How to show the list
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: ReportFormat,
}

/// Make a log of each session on a card
///
/// Keeps the batches that are whole, as `tlog recover` does, closes each log with an index, reads it again and compares.
/// Nothing that an earlier use of the card left behind is taken. A log that is there already and is the same stays as it
/// is. Nothing is written to the card. Ends with exit code 3 when something was lost.
///
/// With --rebase, times since the device began to run become those of the world: by what the session's records tlog.clock
/// say, the first of them also for all times before it, each for the times behind it. Between two of the same source
/// whose difference changes by no more than clocks drift (1 in 1000), it changes evenly.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog card pull /dev/sdX -o logs\n  tlog card pull card.img -o logs --rebase\n  tlog card pull /media/me/TLOG -o logs --session 17 --unverified"
)]
pub struct CardPull {
    /// The device of a card, an image of one, or the folder where it is mounted
    #[arg(value_name = "CARD")]
    pub card: PathBuf,
    /// The folder for the logs, session-000001.tlog and so on; it is created if need be
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Only this session (repeatable)
    #[arg(long = "session", value_name = "N")]
    pub sessions: Vec<u32>,
    #[command(flatten)]
    pub batches: Batched,
    /// Overwrite logs that are there and differ
    #[arg(long)]
    pub force: bool,
    /// How to show the report
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: ReportFormat,
}

/// What becomes of a file that firmware wrote.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct Batched {
    /// Keep also what is intact in batches that are not whole, though nothing proves that it belongs to the log
    #[arg(long)]
    pub unverified: bool,
    /// Turn times since the device began to run into those of the world, by the log's records tlog.clock
    #[arg(long)]
    pub rebase: bool,
}
