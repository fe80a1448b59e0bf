//! Writing logs.
//!
//! ```
//! use tlog::Micros;
//! use tlog::schema::{Schema, Type};
//! use tlog::write::Writer;
//!
//! let mut log = Writer::new(Vec::new());
//! let battery = log.declare("battery", &Schema::new(Type::Float32)?)?;
//! log.write(battery, Micros(1_718_000_000_000_000), &12.6f32.to_le_bytes())?;
//! let bytes = log.finish()?;
//! assert!(bytes.starts_with(b"TLOG0003\0"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Whatever [`Writer::declare`] accepts gives a log that both reference readers
//! read; what they would refuse is refused here, with advice. The one door past that is
//! [`Writer::declare_raw`], for copying logs as they are.
//!
//! A block is assembled complete in memory, then passed on in batches. A writer
//! that failed stays failed: no block follows one that may be torn. A control loop that must not wait
//! for the disk writes through a [`BackgroundWriter`].
//!
//! It is not an editor: nothing is ever appended to or changed in a log that exists.

mod background;
mod builder;
mod catalogue;
mod compress;
mod drain;
mod frame;
mod marker;
mod options;
mod output;
mod portable;
mod queue;
mod stats;
mod table;
mod typed;
mod writer;

pub use background::{BackgroundOptions, BackgroundWriter, Logger};
pub use builder::WriterBuilder;
pub use options::{Overrides, Timestamps, WriterOptions};
pub use output::SyncData;
pub use queue::{Counts, DROPS_RECORD, Outcome, Overflow};
pub use stats::{RecordStats, Stats};
pub use typed::Handle;
pub use writer::{RecordId, Writer};
