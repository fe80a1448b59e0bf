//! How the process ends. `tlog help exit-codes` prints this table.

use std::io::ErrorKind;
use std::process::ExitCode;

use crate::terminal::Terminal;

/// The topic `exit-codes`.
pub const HELP: &str = "\
Exit codes:
  0  all good
  1  failed: the message on standard error says what and where; also what was asked about with
     `index --check` and `schema diff --exit-code`: not up to date, different
  2  bad usage: unknown options, records or fields
  3  finished, but some data was damaged and skipped

A closed pipe (tlog cat … | head) ends the command quietly with 0.
";

/// How a command that came to its end did, from good to bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Everything was there.
    #[default]
    Complete,
    /// Something was damaged and skipped.
    Damaged,
    /// What was looked for with `--exit-code` is so.
    Differs,
    /// One of the files failed, which has been said.
    Failed,
}

impl Outcome {
    /// The worse of both.
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

/// A request that cannot be met however the files are.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    tlog::Error::Usage(message.into()).into()
}

/// Ends with what clap has to say: help and version are not errors.
pub fn on_parse(e: &clap::Error) -> ExitCode {
    match e.print() {
        // Nothing can be done about a closed standard error.
        _ if e.use_stderr() => ExitCode::from(2),
        Err(io) if io.kind() != ErrorKind::BrokenPipe => {
            eprintln!("tlog: error: standard output: {io}");
            ExitCode::from(1)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Prints the error, if there is one worth printing, and picks the code.
pub fn on_result(result: anyhow::Result<Outcome>, terminal: &Terminal) -> ExitCode {
    match result {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::Differs | Outcome::Failed) => ExitCode::from(1),
        Ok(Outcome::Damaged) => ExitCode::from(3),
        Err(e) if is_broken_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => {
            terminal.error(&message(&e));
            ExitCode::from(if is_usage(&e) { 2 } else { 1 })
        }
    }
}

/// The error and what caused it in one line. Some errors show their cause themselves: it is said once.
pub fn message(e: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in e.chain().map(ToString::to_string) {
        if message.is_empty() {
            message = cause;
        } else if !message.ends_with(&cause) {
            message.push_str(": ");
            message.push_str(&cause);
        }
    }
    message
}

/// Whether the request was wrong, not the files.
pub fn is_usage(e: &anyhow::Error) -> bool {
    let of_log = |e: &tlog::Error| matches!(e, tlog::Error::Usage(_));
    e.chain().any(|cause| match cause.downcast_ref::<tlog_convert::Error>() {
        Some(tlog_convert::Error::Usage(_)) => true,
        Some(tlog_convert::Error::Log(log)) => of_log(log),
        _ => cause.downcast_ref::<tlog::Error>().is_some_and(of_log),
    })
}

/// Whether the reader of our output has gone away.
fn is_broken_pipe(e: &anyhow::Error) -> bool {
    e.chain().any(|cause| match cause.downcast_ref::<tlog_convert::Error>() {
        Some(tlog_convert::Error::Io(io)) => io.kind() == ErrorKind::BrokenPipe,
        Some(tlog_convert::Error::Log(log)) => log.is_broken_pipe(),
        _ => cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == ErrorKind::BrokenPipe),
    })
}
