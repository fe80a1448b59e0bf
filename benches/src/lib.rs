//! What the benchmarks share: the big log that all of them work on, and the side-by-side runner.
//!
//! ```text
//! cargo bench -p tlog-bench                 # all of them
//! cargo bench -p tlog-bench --bench read    # one
//! ```

pub mod big_log;
pub mod rivals;
pub mod runner;
