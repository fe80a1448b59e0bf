//! The storage engine over TLOG0003 logs: scan and index them in parallel, seek, select, verify, recover, store.
//!
//! ```text
//!                 ┌► index ─► sidecar (FILE.tlogx)
//!  bytes ─► scan ─┤     └──► plan ─► the parts of a log that a time range, a record or a predicate needs
//!                 ├► verify
//!                 └► recover ─► a new, whole log            store: a folder of segments ─► one log
//!
//!  data of logs ─► reorder ─► data in order of time ─► copy ─► a new log
//! ```
//!
//! What a block is, the crate `tlog` knows; nothing here looks at terminals or output formats.

pub mod batches;
mod by_id;
pub mod card;
pub mod copy;
pub mod index;
pub mod plan;
pub mod predicate;
pub mod ranges;
pub mod recover;
pub mod reorder;
pub mod scan;
pub mod seek;
pub mod sidecar;
pub mod store;
pub mod verify;
