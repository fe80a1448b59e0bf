//! A place inside a record by name, and reading what is there without decoding the rest.
//!
//! ```
//! use tlog::schema::{Field, Object, Schema, Type, Width};
//! use tlog::value::{Path, Scalar};
//!
//! let servo = Object::new([Field::new("id", Type::FixedUint(Width::W1)), Field::new("torque", Type::Float32)]);
//! let record = Object::new([Field::new("servos", Type::fixed_array(2, servo.into()))]);
//! let schema = Schema::new(record.into())?;
//!
//! let torque = Path::parse("servos[1].torque")?.compile(&schema)?;
//! assert_eq!(torque.fixed_offset(), Some(6));
//! let payload = [1, 0, 0, 0, 0, 2, 0, 0, 0xc0, 0x3f];
//! assert_eq!(torque.read(&payload)?, Some(Scalar::Float32(1.5)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compile;
mod leaves;
mod parse;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use compile::did_you_mean;
pub use leaves::{MAX_COLUMNS, leaf_paths};
pub use read::{FieldPath, Scalar};

/// A step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Into the field with this name, the value of this key of a map, or the member of a union with this type name.
    Name(Arc<str>),
    /// Into the item of an array, or the member of a union, with this index.
    Index(u64),
}

/// Where in a record: `servos[3].torque`. No segments at all mean the whole record.
///
/// Names of letters, digits, `_` and `-` are separated by dots, indices stand in brackets, and
/// any other name stands in brackets and quotes, where `\` goes before a quote or backslash:
/// `tags["any key"]`. Quotes are a matter of writing only: `tags["key"]` is `tags.key`.
/// The name of the record is not part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path {
    segments: Vec<Segment>,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// [`PathError::Syntax`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        parse::parse(text).map(|segments| Self { segments })
    }

    /// Reads the path that a longer text begins with, which goes on as long as a `.` or `[` follows; with how many
    /// bytes it takes. It has at least one segment.
    ///
    /// # Errors
    /// [`PathError::Syntax`].
    pub fn parse_prefix(text: &str) -> Result<(Self, usize), PathError> {
        parse::parse_prefix(text).map(|(segments, len)| (Self { segments }, len))
    }

    /// The steps from the whole record inwards.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Adds a step at the outside.
    pub(super) fn prepend(&mut self, segment: Segment) {
        self.segments.insert(0, segment);
    }

    /// The path as text, or `whole` when it has no segments.
    pub(super) fn or_whole(&self, whole: &str) -> String {
        if self.segments.is_empty() { whole.to_owned() } else { self.to_string() }
    }
}

impl FromIterator<Segment> for Path {
    fn from_iter<T: IntoIterator<Item = Segment>>(segments: T) -> Self {
        Self { segments: segments.into_iter().collect() }
    }
}

impl std::str::FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Name(name) if !parse::is_plain(name) => {
                    write!(f, "[\"{}\"]", name.replace('\\', "\\\\").replace('"', "\\\""))?;
                }
                Segment::Name(name) if position == 0 => f.write_str(name)?,
                Segment::Name(name) => write!(f, ".{name}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Why a path cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The text is not a path.
    #[error("column {column} of path {path:?}: {problem}")]
    Syntax {
        /// The text.
        path: String,
        /// Where, in characters from 1.
        column: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// The schema has nothing at that place.
    #[error("{at} ({ty}) {problem}")]
    Nothing {
        /// The path up to where it cannot go on, or "the record".
        at: String,
        /// The type there.
        ty: &'static str,
        /// Why it cannot go on, and what would.
        problem: String,
    },
}

impl From<PathError> for crate::Error {
    fn from(error: PathError) -> Self {
        Self::Usage(error.to_string())
    }
}
