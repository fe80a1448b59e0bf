//! Columns out of TLOG0003 logs, and other formats in and out.
//!
//! ```text
//!  payloads of one record ─► rows ─► columns ─► Arrow batches ─► Parquet, Arrow IPC, statistics
//!  data ─► text (NDJSON, JSON, CSV)        data ─► MCAP
//!  MCAP, CSV, NDJSON, ULog ─► import ─► declarations and payloads of a new log
//! ```
//!
//! Each record is a table of its own: records have their own rates, and a common table of all would be mostly empty.
//! Memory is bounded by options, not by the log. It is not a command: nothing here looks at terminals.

pub mod columns;
mod error;
pub mod file_names;
pub mod files;
pub mod gather;
pub mod import;
pub mod ipc;
pub mod mcap;
pub mod parquet;
pub mod rows;
pub mod stats;
pub mod tables;
pub mod text;

pub use error::{Error, Result};
