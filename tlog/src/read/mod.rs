//! Reading logs, whole or broken.
//!
//! One state machine (`machine.rs`) turns bytes into events and never reads, maps or blocks. What is not intact
//! data goes its long way (`inspect.rs`), behind damage the next block is searched for (`resync.rs`, `inside.rs`), and what a
//! hostile log can make of that is bounded (`effort.rs`). Two thin adapters feed it: [`SliceReader`] over bytes
//! at hand, without copying, and [`StreamReader`] over anything that reads, in bounded memory. [`Blocks`] answers for single blocks at known
//! offsets, and [`Log`] is the easy door to all of it. Reading can go on at any [`Place`].
//!
//! What is broken is skipped, reported as [`Event::Skipped`] and counted in [`Damage`]; in strict
//! mode the first defect ends the reading instead.

mod blocks;
mod catalog;
mod cause;
mod effort;
mod event;
mod inside;
mod inspect;
mod log;
mod machine;
mod options;
mod place;
mod resync;
mod slice;
mod stream;

pub use blocks::{Blocks, Index, IndexedRecord, ReadAt};
pub use catalog::RecordType;
pub use cause::Cause;
pub use event::{Damage, Data, Event, Skipped};
pub use log::Log;
pub use options::{ReadOptions, Selection};
pub use place::{KnownRecord, Place, Standing};
pub use slice::SliceReader;
pub use stream::{Finding, StreamReader};
