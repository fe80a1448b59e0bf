//! Data of logs in order of time: sorting one, merging several, in bounded memory. And where to split one.
//!
//! ```text
//!  input ─► Gather ─► entries: time, record, where the payload is ─► sorted runs ─► k-way merge ─► Ordered
//!              └────► payloads of what is not mapped ─► stash ──────────────────────────┘
//! ```
//!
//! What is sorted are entries of 48 bytes, not data: the payload of a mapped log stays where it is until its turn
//! comes, that of a stream waits in a temporary file. Entries beyond the limit of memory become sorted runs in a
//! temporary file, of some eight bytes each. Data that comes in order makes one run per input, however long it is, so
//! that inputs in order are merged as they are; and more runs than memory has buffers for are merged in several passes.
//!
//! # The order
//!
//! | data | stands |
//! |---|---|
//! | with a time | by that time, ascending; the reserved values (±infinity, no time) by their numbers |
//! | of one input at the same time | as it stood in the input: the order is stable |
//! | without a time | directly behind the data of its input that it stood behind; at the front, if there was none with a time |
//! | of several inputs at the same time | by input, in their order |
//!
//! The order of inputs does not depend on the order in which they come: by their least time, then by their names, then by
//! a digest of their contents; those without any time are last. Inputs that have the same place by all of that
//! have the same contents. In this order their records get names and identifiers too, see [`copy`](crate::copy): where
//! two clash, the log that begins first keeps what it has.

mod chunk;
mod gather;
mod inputs;
mod merge;
mod ordered;
mod runs;
mod split;
mod stash;

use std::path::PathBuf;

pub use gather::Gather;
pub use ordered::{Form, Item, Ordered, Stats};
pub use split::{Cuts, Splitter, Standing};

/// How data is brought into order.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much memory entries, buffers and waiting payloads may take, in bytes. Schemas, and the single payload whose
    /// turn it is, come on top. 128 MiB by default.
    pub memory: usize,
    /// Where temporary files go, which have no names and are gone with the process. The system's folder by default.
    pub folder: PathBuf,
    /// Whether payloads come as they are stored, compressed or not. True by default.
    pub raw_payloads: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { memory: 128 << 20, folder: std::env::temp_dir(), raw_payloads: true }
    }
}
