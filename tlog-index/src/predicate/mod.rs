//! Conditions on the values of records: parsing, deciding, and ruling out by ranges.
//!
//! ```
//! use tlog::schema::{Field, Object, Schema, Type};
//! use tlog_index::predicate::Predicate;
//!
//! let servo = Object::new([Field::new("torque", Type::Float32), Field::new("on", Type::Boolean)]);
//! let schema = Schema::new(servo.into())?;
//! let hot = Predicate::parse("servo.torque > 2.5 and not on")?.compile("servo", &schema)?.ok_or("never true")?;
//! assert!(hot.matches(&[0, 0, 0x40, 0x40, 0])?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The language
//!
//! ```text
//! condition  = term { ("or" | "||") term }
//! term       = factor { ("and" | "&&") factor }
//! factor     = { "not" | "!" } ( "(" condition ")" | comparison )
//! comparison = side operator side | path [ "not" ] "in" "[" [ literal { "," literal } ] "]" | path
//! operator   = "==" | "!=" | "<" | "<=" | ">" | ">="
//! side       = path | literal                          at least one of the two is a path
//! literal    = integer | float | string | "true" | "false" | "null"
//! ```
//!
//! * Paths are those of [`tlog::value::Path`]. A first name that is a word of the language, or begins with a digit
//!   or `-`, stands in brackets and quotes: `["in"] == 3`.
//! * Integers are decimal or `0x…` in hexadecimal, −2⁶³ to 2⁶⁴−1; floats have a point or an exponent, or are `nan`,
//!   `inf`, `-inf`. Strings stand in `"…"` or `'…'`, with the escapes `\"`, `\'`, `\\`, `\n`, `\r`, `\t`, `\0`,
//!   `\u{2192}`, and `\xff` for a single byte.
//!
//! # Which record a path is in
//!
//! In a record R, a path is first looked for as it is; failing that, when its first segment is R's name, the rest
//! of it is. What is found neither way is *unknown* in R. With several records, [`Fitting`] tells a path
//! that is in another record from one that is in none, which is an error.
//!
//! # What is true
//!
//! Logic is three-valued, as in SQL: true, false, unknown. A comparison with an unknown value is unknown. So is one
//! with a value that is not there (null, an index beyond the array, a key that the map lacks, a union that holds
//! another member), except that `== null` and `!= null` ask for just that. `not` leaves unknown as it is, and a
//! record matches only when the whole is true. Hence a record without the field never matches, with `not` or without.
//!
//! | field | compares with |
//! |---|---|
//! | integer, float | numbers, exactly: nothing is rounded to make the two sides alike, but for the next line |
//! | float32 | a float literal is rounded to float32 first, so that `== 0.1` finds what is shown as 0.1 |
//! | boolean | `true`, `false`, by `==` and `!=`; or stands alone |
//! | enum | numbers; a symbol as a string, by `==` and `!=` |
//! | string, bytes | strings, byte by byte |
//! | timestamp | RFC 3339 in a string; numbers of microseconds |
//! | duration | numbers of microseconds |
//! | any | `null`, by `==` and `!=` |
//!
//! Two paths compare when both are numbers (enums, timestamps and durations count as such), both strings or bytes,
//! or both booleans.
//!
//! With NaN every comparison is false but `!=`, as in IEEE 754. The literal `nan` is the exception: `x == nan` is
//! true of NaN, and `x != nan` of all other numbers, for nothing else could find it.

mod compile;
mod compiled;
mod error;
mod fit;
mod number;
mod outcomes;
mod parse;
mod scan;
mod syntax;

pub use compiled::Compiled;
pub use error::PredicateError;
pub use fit::Fitting;
pub use outcomes::{Range, Ranges};
pub use parse::MAX_NESTING;

use std::fmt;
use std::sync::Arc;

use tlog::read::RecordType;
use tlog::schema::Schema;

use self::syntax::Condition;

/// A condition that has been understood, but not yet looked for in any record. Equal ones ask the same, however
/// they were spaced and quoted. Shown, it reads as it was meant, with no more parentheses than it takes.
#[derive(Clone, Debug)]
pub struct Predicate {
    text: Arc<str>,
    condition: Condition,
}

impl Predicate {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`PredicateError`] with the column where the text goes wrong.
    pub fn parse(text: &str) -> Result<Self, PredicateError> {
        Ok(Self { text: text.into(), condition: parse::parse(text)? })
    }

    /// The text that it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the condition asks of the only record in question; `None` when it cannot be true there. With
    /// several records, use [`compile_all`](Self::compile_all) or [`Fitting`]: what one lacks another may have.
    ///
    /// # Errors
    /// [`PredicateError`], when a field is there but cannot be compared so. A field that is not there is no error.
    pub fn compile(&self, record: &str, schema: &Schema) -> Result<Option<Compiled>, PredicateError> {
        let mut fitting = Fitting::new(self);
        let compiled = fitting.compile(record, schema);
        fitting.check_types()?;
        Ok(compiled)
    }

    /// What the condition asks of each record of a log, in their order; `None` where it cannot be true, so that
    /// the data need not even be decoded.
    ///
    /// # Errors
    /// [`PredicateError`], when there are records and some comparison fits none of them.
    pub fn compile_all(&self, records: &[Arc<RecordType>]) -> Result<Vec<Option<Compiled>>, PredicateError> {
        let mut fitting = Fitting::new(self);
        let compiled = records.iter().map(|record| fitting.compile(&record.name, &record.schema)).collect();
        fitting.check()?;
        Ok(compiled)
    }
}

impl PartialEq for Predicate {
    fn eq(&self, other: &Self) -> bool {
        self.condition == other.condition
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl std::str::FromStr for Predicate {
    type Err = PredicateError;

    fn from_str(text: &str) -> Result<Self, PredicateError> {
        Self::parse(text)
    }
}
