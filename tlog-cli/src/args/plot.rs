//! The arguments of `tlog plot`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::Selection;

/// Draw fields of logs over time
///
/// Each FIELD is a panel of its own; fields joined by commas share one. A field is written with its record in front,
/// such as vehicle_attitude.q[0], or without where only one record has it. An array, an object or a whole record stands
/// for all numbers in it, and `*` for any part of a name or any index.
///
/// Without -o the picture is drawn in the terminal. However many points there are, each column of the picture shows the
/// least and greatest of its values: no spike is lost. A line is interrupted at NaN, at null, and where no data came
/// for longer than --gap. Booleans and enums are drawn as steps, with their names at the axis.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  tlog plot flight.tlog battery.voltage\n  tlog plot flight.tlog 'vehicle_attitude.q' 'accel[0],accel[1],accel[2]' -o attitude.svg\n  tlog plot flight.tlog 'servos[*].torque' --start +60s --duration 10s -o torque.png --width 2000\n  tlog plot flight.tlog gps.lat --x lon --title Track -o track.png\n  tlog plot monday.tlog --overlay friday.tlog battery.voltage -o both.svg\n  tlog plot flight.tlog mode battery.voltage --time utc --where 'battery.cell == 0'"
)]
pub struct Plot {
    /// The log or the folder of a store; `-` for standard input
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// What to draw: one panel each, several fields in one panel with commas in between
    #[arg(required = true, value_name = "FIELD[,FIELD…]")]
    pub fields: Vec<String>,
    /// The picture to write, an .svg or .png; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// What kind of picture, where the name of the output does not tell
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<PlotFormat>,
    /// Draw the same fields of this log too, each counted from its own start (repeatable)
    #[arg(long = "overlay", value_name = "LOG")]
    pub overlays: Vec<PathBuf>,
    /// Draw over this field of the same record in place of time
    #[arg(long, value_name = "FIELD")]
    pub x: Option<String>,
    /// How to show time
    #[arg(long, value_enum, default_value = "elapsed", value_name = "HOW")]
    pub time: PlotTime,
    /// Interrupt a line where data is farther apart than this, such as 500ms; `none` for nowhere
    ///
    /// auto: more than five times as far as nine of ten are.
    #[arg(long, default_value = "auto", value_name = "auto|DURATION|none")]
    pub gap: String,
    /// What stands above the picture; the names of the logs by default
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// How wide the picture is: 1200 pixels, in the terminal its width, by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub width: Option<u32>,
    /// How high it is, in pixels or rows; by default what suits so many panels
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub height: Option<u32>,
    #[command(flatten)]
    pub selection: Selection,
    /// Overwrite the output if it exists
    #[arg(long)]
    pub force: bool,
}

/// What kind of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlotFormat {
    /// Scalable, for documents and browsers
    Svg,
    /// Pixels
    Png,
    /// Braille characters, as in a terminal
    Text,
}

/// How to show time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlotTime {
    /// Since the first record of the log
    Elapsed,
    /// The time of the day in UTC
    Utc,
}
