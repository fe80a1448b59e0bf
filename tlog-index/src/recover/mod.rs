//! From a broken log to a whole one.
//!
//! The log is read twice. A first look finds out which records it declares only behind their data, so that the second
//! can read that data too. The second copies everything intact, in file order: payloads as they are stored; previous
//! offsets, checksums, seek markers and index made anew. Damage costs the blocks that it touches and no other.
//!
//! ```
//! use tlog_index::recover::{RecoverOptions, recover};
//! # let schema = tlog::schema::Schema::new(tlog::schema::Type::String).unwrap();
//! # let mut log = tlog::Writer::new(Vec::new());
//! # let id = log.declare("text", &schema)?;
//! # log.write(id, None, b"\x02hi")?;
//! # let mut broken = log.finish()?;
//! # broken.truncate(broken.len() - 7);
//! let (recovered, whole) = recover(&broken, &RecoverOptions::default(), Vec::new())?;
//! recovered.verify(&whole)?; // reads all of it again: only now it is success
//! assert_eq!(recovered.report.kept, 1);
//! # Ok::<(), tlog::Error>(())
//! ```
//!
//! | damage | what becomes of it |
//! |---|---|
//! | cut off, zeroed, overwritten | what is left of the blocks concerned is skipped and reported |
//! | the file header | blocks are looked for from the first byte on |
//! | lost schemas | taken from [`known`](RecoverOptions::known), or from a later declaration in the same file |
//! | blocks written twice | the second ones are dropped, if previous offsets prove it: see `duplicates.rs` |
//! | several logs in one file | joined; where names clash, renamed: see `names.rs` |
//! | a wrong index | there is a new one |
//! | power lost while firmware wrote a batch | what [whole batches](crate::batches) prove is kept, nothing else |
//!
//! What cannot be repaired because nothing in the file tells: a schema block has no checksum, so that a flipped bit in
//! the name of a field makes another valid schema. A sibling's schemas decide if
//! [`known_wins`](RecoverOptions::known_wins) says so.

mod copy;
mod duplicates;
mod losses;
mod names;
mod options;
mod promise;
mod rebase;
mod report;
mod stretches;
mod survey;

pub use copy::recover;
pub(crate) use losses::Losses;
pub(crate) use names::Names;
pub use options::RecoverOptions;
pub use promise::Recovered;
pub use rebase::ClockReport;
pub use report::{Duplicate, IgnoredDeclaration, Lost, RecordReport, Renamed, Report, Undeclared};
