//! Schema evolution: data written under one schema, read as another.
//!
//! [`build`] decides from the two types and leaves a [`program`]: moves of bytes, in order, which is all that is
//! left to do at the records. [`Resolver`] has the rules.

mod build;
mod object;
mod program;
#[cfg(test)]
mod tests;

use std::fmt;

use super::Schema;
use crate::value::ValueError;

/// How large a payload can become unless [`Resolver::with_limit`] says otherwise.
const DEFAULT_LIMIT: usize = 64 << 20;

/// Reads data of one schema as another.
///
/// What can be decided from the two schemas is decided when a resolver is built, and everything that
/// cannot be read is refused there, with the path of the field.
///
/// | writer | reader | rule |
/// |---|---|---|
/// | object | object | Fields by name; see below. |
/// | integer | integer | Whatever the width or form, if the reader's type holds every number of the writer's. |
/// | integer | float32, float64 | If each number is exact: up to 16 bits, up to 32 bits. |
/// | float32 | float64 | Always. |
/// | enum | enum | By symbol; see below. |
/// | string | bytes | Always; bytes are no strings. |
/// | array, fixedarray | array | If the items can be read. |
/// | fixedarray | fixedarray | If they are of equal length, too. |
/// | map | map | If the values can be read. |
/// | union | union | Each member as the member that is equal, else of equal encoding, else the first possible. |
/// | any other | union | The same: a value becomes optional. |
/// | union | any other | If every member can be read as that. |
///
/// Null, boolean, timestamp, duration and bytes are read as themselves only, and nothing is ever narrowed.
///
/// **Fields.** A reader's field takes the writer's field of the same name; if there is none, the writer's
/// field whose name is one of the reader's aliases (the reader has renamed it); if there is none, the
/// writer's field that has the reader's name among its aliases (the writer has renamed it). Each field of the
/// writer is taken once at most, names before aliases; of fields with equal names, the first by the first.
/// A field that the writer does not have takes its default and must have one. A writer's field that nobody
/// takes is dropped.
///
/// **Enums.** A number goes to the number that has the same symbol at the reader. Where the reader does not
/// know the symbol, the number stays if the reader has no symbol for it; the schemas are refused if it has:
/// it would mean something else. A number without a symbol stays; if the reader's type cannot hold it, that
/// is an error at the record.
///
/// ```
/// use tlog::schema::{Field, Object, Resolver, Schema, Type, Width};
///
/// let old = Schema::new(Object::new([Field::new("rpm", Type::FixedInt(Width::W2))]).into())?;
/// let new = Schema::new(Object::new([
///     Field::new("speed", Type::Float64).alias("rpm"),
///     Field::new("gear", Type::FixedUint(Width::W1)).with_default(&1.into())?,
/// ]).into())?;
///
/// let resolver = Resolver::new(&old, &new)?;
/// let mut out = Vec::new();
/// assert_eq!(resolver.resolve(&[7, 0], &mut out)?, [&7f64.to_le_bytes()[..], &[1]].concat());
///
/// let refused = Resolver::new(&new, &old).unwrap_err();
/// assert_eq!(refused.to_string(), "rpm: float64 cannot become fixedint16");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Resolver {
    /// `None` when the encodings are the same.
    program: Option<program::Program>,
    limit: usize,
}

impl Resolver {
    /// Prepares to read data of `writer` as `reader`.
    ///
    /// # Errors
    /// [`ResolveError`] with every field that cannot be read.
    pub fn new(writer: &Schema, reader: &Schema) -> Result<Self, ResolveError> {
        let program = build::build(writer.root(), reader.root())?;
        Ok(Self { program, limit: DEFAULT_LIMIT })
    }

    /// Sets how many bytes one payload may become, 64 MiB at first: a default for every item of an array can
    /// make much out of little.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Whether both schemas encode the same values by the same bytes, whatever else is different.
    pub const fn is_identity(&self) -> bool {
        self.program.is_none()
    }

    /// The payload in the encoding of the reader's schema. It is `payload` itself, unchecked, when the encodings
    /// [are the same](Self::is_identity); otherwise it is written to `out` in place of what is there, and bytes
    /// that follow the value in `payload` are left out.
    ///
    /// # Errors
    /// [`TranscodeError`].
    pub fn resolve<'a>(&self, payload: &'a [u8], out: &'a mut Vec<u8>) -> Result<&'a [u8], TranscodeError> {
        let Some(program) = &self.program else { return Ok(payload) };
        out.clear();
        program::run(program, payload, out, self.limit)?;
        Ok(out)
    }
}

/// Why data of one schema cannot be read as another: all the reasons, or as many as one can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveError {
    problems: Vec<Problem>,
}

impl ResolveError {
    /// The reasons, at least one, in the order of the reader's fields.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::error::Error for ResolveError {}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if index > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl From<ResolveError> for crate::Error {
    fn from(error: ResolveError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", if path.is_empty() { "the record" } else { path })]
pub struct Problem {
    /// Where in the reader's schema: `servos[].torque`, with `[]` for every item and `{}` for every value of a map.
    pub path: String,
    /// What is not possible there.
    pub reason: String,
}

/// Why one payload cannot be read as the reader's schema says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscodeError {
    /// It is not what the writer's schema says.
    #[error(transparent)]
    Payload(#[from] ValueError),
    /// An enum has a number without a symbol that the reader's type does not hold.
    #[error("at byte {offset} of the payload: the reader's enum cannot hold {value}")]
    EnumValue {
        /// Where, in bytes from the start of the payload.
        offset: usize,
        /// The number.
        value: i128,
    },
    /// It becomes larger than allowed.
    #[error("the payload becomes larger than {limit} bytes")]
    TooLarge {
        /// The limit in force, in bytes.
        limit: usize,
    },
}
