//! How the process ends. `tlog help exit-codes` prints this table.

use std::process::ExitCode;

use crate::terminal::Terminal;

/// The topic `exit-codes`.
pub const HELP: &str = "\
Exit codes:
  0  all good
  1  failed: the message on standard error says what and where
  2  bad usage: unknown options, records or fields
  3  finished, but some data was damaged and skipped

A closed pipe (tlog cat … | head) ends the command quietly with 0.
";

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was there.
    Complete,
    /// Something was damaged and skipped.
    Damaged,
    /// What was looked for with `--exit-code` is so.
    Differs,
}

impl Outcome {
    /// The worse of both.
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Complete, other) => other,
            (this, _) => this,
        }
    }
}

/// A request that cannot be met however the files are.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    tlog::Error::Usage(message.into()).into()
}

/// Ends with what clap has to say: help and version are not errors.
pub fn on_parse(e: &clap::Error) -> ExitCode {
    // Nothing can be done about a closed standard error.
    let _ = e.print();
    ExitCode::from(u8::from(e.use_stderr()) * 2)
}

/// Prints the error, if there is one worth printing, and picks the code.
pub fn on_result(result: anyhow::Result<Outcome>, terminal: &Terminal) -> ExitCode {
    match result {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::Differs) => ExitCode::from(1),
        Ok(Outcome::Damaged) => ExitCode::from(3),
        Err(e) if is_broken_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => {
            terminal.error(&format!("{e:#}"));
            ExitCode::from(if is_usage(&e) { 2 } else { 1 })
        }
    }
}

fn is_usage(e: &anyhow::Error) -> bool {
    e.chain().any(|cause| matches!(cause.downcast_ref::<tlog::Error>(), Some(tlog::Error::Usage(_))))
}

/// Whether the reader of our output has gone away.
fn is_broken_pipe(e: &anyhow::Error) -> bool {
    e.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
