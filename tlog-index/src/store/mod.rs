//! A folder of rotating segments, written by one process and read by others as one log.
//!
//! ```text
//!  Store ─► 0000000041.tlog │ 0000000042.tlog │ 0000000043.tlog (growing)  ─► StoreReader
//!              ▲ closed: complete logs, indexed, synced   ▲ whole blocks
//!              └ deleted oldest first, by retention or for room
//! ```
//!
//! Each segment is a log on its own: header, all declarations so far under the same identifiers, data, seek markers,
//! and the index when it is closed. Names sort in order of writing; a number is never used twice. Identifiers hold for one
//! writer, from opening to finishing: the next one may give them to other records, in segments of its own.
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path().join("log");
//! use tlog::Micros;
//! use tlog::schema::{Schema, Type};
//! use tlog_index::store::{Store, StoreOptions, StoreReader};
//!
//! let options = StoreOptions::new().rotate_bytes(64 << 20).keep_bytes(1 << 30);
//! let (store, opened) = Store::open(&dir, options)?;
//! for recovered in &opened.recovered {
//!     eprintln!("{}: {} records recovered", recovered.segment.display(), recovered.records);
//! }
//! let volts = store.declare("volts", &Schema::new(Type::Float32)?)?;
//! store.write(volts, Micros(1_718_000_000_000_000), &12.6f32.to_le_bytes())?;
//! store.sync()?; // now neither kill nor power loss takes it away
//! store.finish()?;
//!
//! let mut reader = StoreReader::open(&dir, Default::default())?;
//! let data = reader.next_data()?.map(|found| found.data.payload.to_vec());
//! assert_eq!(data, Some(12.6f32.to_le_bytes().to_vec()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What holds, whatever happens (`tests.rs` cuts the power at every call to the system, `sim.rs` is that system):
//!
//! - What was acknowledged as synced is there after a kill and after a power loss, once, in order.
//! - What is in a store that has been opened is as good as synced.
//! - A record of an older segment was synced before any of a newer one was written.
//! - Each segment consists of whole blocks as far as this process could see to it; a tail torn by a kill or a power loss
//!   is cut off in a copy at the next start, and reported, and kept.
//! - An index stands only behind data that is synced.
//!
//! The parts: `names.rs` knows file names, `core.rs` decides, `segment.rs` and `sink.rs` write, `shelf.rs` deletes,
//! `recovery.rs` closes what was left open, `timer.rs` acts when nobody writes, `reader.rs` reads. `system.rs` is what
//! all of these but the reader ask of the operating system.

mod core;
mod names;
mod options;
mod reader;
mod recovery;
mod segment;
mod shelf;
mod sink;
mod system;
mod timer;
mod writing;

#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use names::{is_store, segments};
pub use options::{Durability, FullDisk, StoreOptions};
pub use reader::{Segment, SegmentDamage, StoreData, StoreEvent, StoreReader, is_being_written};
pub use recovery::Recovered;
pub use writing::{Opened, Status, Store};

use writing::Shared;

/// Nothing that is locked here is left half changed by a panic: what panics is what callers pass in, before any change.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
