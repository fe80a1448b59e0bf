//! Pictures of series that may have any number of points.
//!
//! ```text
//!  points ─► Series ─► Trace ─► Figure ─┬► svg ─► png
//!            (bounded)                  └► braille
//! ```
//!
//! ```
//! use tlog_plot::{Figure, Gap, Line, Order, Panel, Series, Size, XAxis, svg};
//!
//! let mut series = Series::new(Order::ByX, 4_000);
//! for i in 0..100_000 {
//!     let seconds = f64::from(i) / 1_000.0;
//!     series.push(seconds * 1e6, seconds.sin());
//! }
//! let line = Line { name: "imu.rate".into(), trace: series.finish(Gap::Auto), is_step: false };
//! let panel = Panel { lines: vec![line], symbols: Vec::new() };
//! let x = XAxis::Elapsed { label: "time since start".into() };
//! let figure = Figure { title: "flight".into(), x, panels: vec![panel] };
//! let picture = svg::render(&figure, Size { width: 800, height: 400 })?;
//! assert!(picture.starts_with("<svg"));
//! # Ok::<(), tlog_plot::Error>(())
//! ```
//!
//! A [`Series`] takes points as they come, in memory that does not grow with their number, and loses no extreme of
//! them. What it keeps is drawn: as [`svg`], as [`png`], or in the cells of a terminal as [`braille`]. Time is in
//! microseconds, as a difference from an origin that the caller chooses, so that a float64 holds it exactly.
//!
//! This is not a library for every chart: it draws lines over a shared x axis, and knows no logs and no files.

mod axis;
pub mod braille;
mod error;
mod figure;
pub mod png;
mod series;
pub mod svg;

pub use axis::{Span, Tick, clock_ticks, elapsed_ticks, number_ticks};
pub use error::{Error, Result};
pub use figure::{Figure, Line, Panel, Size, XAxis};
pub use series::{Gap, Order, Point, Series, Trace};
