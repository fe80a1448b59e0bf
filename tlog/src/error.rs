//! Errors, sorted by who must act.

use std::path::{Path, PathBuf};

use crate::read::Cause;

/// What can go wrong, by who can do something about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system: a file that is not there, a full disk, a broken pipe.
    #[error("{}{source}", path.as_ref().map(|p| format!("{}: ", p.display())).unwrap_or_default())]
    Io {
        /// The file, when it is known.
        path: Option<PathBuf>,
        /// What the system said.
        source: std::io::Error,
    },
    /// The log: bytes that are not what the format says. Its keeper must repair or re-record it.
    #[error("at byte {offset}: {cause}")]
    Format {
        /// Where in the file, in bytes from its start: the beginning of the block concerned.
        offset: u64,
        /// What is wrong there.
        cause: Cause,
    },
    /// The caller: a request that contradicts itself or the log's schemas.
    #[error("{0}")]
    Usage(String),
    /// A limit of the options in force; raise it, or split the data.
    #[error("{what} of {size} exceeds the limit of {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
}

/// The result of nearly everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An I/O error on a file whose name is known.
    pub fn io_at(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { path: Some(path.as_ref().to_owned()), source }
    }

    /// Whether this is the closed pipe that ends `tlog cat | head`.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        Self::Io { path: None, source }
    }
}
