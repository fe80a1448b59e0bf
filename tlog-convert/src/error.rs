//! Why a conversion cannot go on, sorted by who must act.

/// The result of whatever can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a conversion cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The log, or the log that is written.
    #[error(transparent)]
    Log(#[from] tlog::Error),
    /// The system refused to read or to write.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// What is read is not of the format that it should have.
    #[error("{format} at {place}: {problem}")]
    Input {
        /// The format, such as `MCAP`.
        format: &'static str,
        /// Where: `byte 17`, `line 3`.
        place: String,
        /// What is wrong there.
        problem: String,
    },
    /// What was asked for cannot be done.
    #[error("{0}")]
    Usage(String),
    /// More than memory is given to.
    #[error("{what} {size} is beyond the limit of {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// How large.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
    /// A library for the format of the output refused what it was given.
    #[error("{format}: {problem}")]
    Output {
        /// The format, such as `Parquet`.
        format: &'static str,
        /// What it says.
        problem: String,
    },
}

impl From<parquet::errors::ParquetError> for Error {
    fn from(error: parquet::errors::ParquetError) -> Self {
        match error {
            parquet::errors::ParquetError::External(inner) if inner.is::<std::io::Error>() => inner
                .downcast()
                .map_or_else(|e| Self::Output { format: "Parquet", problem: e.to_string() }, |e| Self::Io(*e)),
            other => Self::Output { format: "Parquet", problem: other.to_string() },
        }
    }
}

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Self {
        match error {
            arrow_schema::ArrowError::IoError(_, inner) => Self::Io(inner),
            other => Self::Output { format: "Arrow", problem: other.to_string() },
        }
    }
}

impl From<crate::text::AnotherTable> for Error {
    fn from(error: crate::text::AnotherTable) -> Self {
        Self::Usage(error.to_string())
    }
}
