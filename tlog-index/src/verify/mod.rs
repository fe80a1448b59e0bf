//! Every defect of a log: what it is, where, how bad, and what to do about it.
//!
//! The log is read once, in file order, and findings are told as they come. Memory does not grow with them: of each
//! kind so many are told in full as [`VerifyOptions::listed`] says, the rest is counted.
//!
//! ```
//! use tlog_index::verify::{Severity, VerifyOptions, verify};
//! # let mut log = tlog::Writer::new(Vec::new());
//! # let schema = tlog::schema::Schema::new(tlog::schema::Type::String).unwrap();
//! # let id = log.declare("text", &schema)?;
//! # log.write(id, None, b"\x02hi")?;
//! # let mut bytes = log.finish()?;
//! # bytes[30] ^= 1;
//! let summary = verify(&bytes, &VerifyOptions::default(), |finding| {
//!     println!("{:?}: {} {}", finding.range, finding.message, finding.advice);
//! })?;
//! assert_eq!(summary.worst(), Some(Severity::Error));
//! # Ok::<(), tlog::Error>(())
//! ```

mod declarations;
mod finding;
mod indices;
mod markers;
mod sequence;
mod verifier;

pub use finding::{Counted, Finding, Kind, Severity, Summary};
pub use verifier::{VerifyOptions, verify};
