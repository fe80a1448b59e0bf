//! The parts of a condition, and their text.

use std::cmp::Ordering;
use std::fmt;

use tlog::value::{Path, Segment};

/// The words of the language, which cannot begin a path.
pub(super) const WORDS: [&str; 9] = ["and", "or", "not", "in", "true", "false", "null", "nan", "inf"];

/// A condition. Its nesting is bounded by the parser.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// All of these, at least two.
    And(Vec<Self>),
    /// Any of these, at least two.
    Or(Vec<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// A path with a literal.
    Compare { path: Placed<Path>, op: Op, literal: Placed<Literal> },
    /// A path with a path.
    ComparePaths { left: Placed<Path>, op: Op, right: Placed<Path> },
    /// Equal to any of these.
    In { path: Placed<Path>, literals: Vec<Placed<Literal>> },
    /// A path to a boolean.
    Bare(Placed<Path>),
}

/// A part of a condition and where it stands, which does not count when parts are compared.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub part: T,
    /// In bytes from the start of the text.
    pub at: usize,
}

impl<T: PartialEq> PartialEq for Placed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.part == other.part
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Op {
    /// In the order in which they must be looked for: `<` begins `<=`.
    pub const ALL: [(&'static str, Self); 6] =
        [("==", Self::Eq), ("!=", Self::Ne), ("<=", Self::Le), (">=", Self::Ge), ("<", Self::Lt), (">", Self::Gt)];

    /// What holds between b and a when this holds between a and b.
    pub const fn swapped(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            Self::Eq | Self::Ne => self,
        }
    }

    /// Whether it is `==` or `!=`.
    pub const fn is_equality(self) -> bool {
        matches!(self, Self::Eq | Self::Ne)
    }

    /// Whether it holds between two values that stand so; with a NaN there is no order.
    pub fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Eq => order == Some(Ordering::Equal),
            Self::Ne => order != Some(Ordering::Equal),
            Self::Lt => order == Some(Ordering::Less),
            Self::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::Gt => order == Some(Ordering::Greater),
            Self::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// A value in the text.
#[derive(Clone, Debug)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    /// Any number of an i64 or u64.
    Int(i128),
    Float(f64),
    String(Box<[u8]>),
}

impl Literal {
    /// What it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::String(_) => "a string",
        }
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            // A literal is what is written: `nan` is the same as `nan`.
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::String(a), Self::String(b)) => a == b,
            _ => false,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => joined(f, parts, " and ", |part| matches!(part, Self::And(_) | Self::Or(_))),
            Self::Or(parts) => joined(f, parts, " or ", |part| matches!(part, Self::Or(_))),
            Self::Not(part) => {
                f.write_str("not ")?;
                enclosed(f, part, matches!(**part, Self::And(_) | Self::Or(_)))
            }
            Self::Compare { path, op, literal } => write!(f, "{} {op} {}", Shown(&path.part), literal.part),
            Self::ComparePaths { left, op, right } => write!(f, "{} {op} {}", Shown(&left.part), Shown(&right.part)),
            Self::In { path, literals } => {
                write!(f, "{} in [", Shown(&path.part))?;
                for (index, literal) in literals.iter().enumerate() {
                    write!(f, "{}{}", if index > 0 { ", " } else { "" }, literal.part)?;
                }
                f.write_str("]")
            }
            Self::Bare(path) => Shown(&path.part).fmt(f),
        }
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    parts: &[Condition],
    word: &str,
    parentheses: fn(&Condition) -> bool,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        f.write_str(if index > 0 { word } else { "" })?;
        enclosed(f, part, parentheses(part))?;
    }
    Ok(())
}

fn enclosed(f: &mut fmt::Formatter<'_>, part: &Condition, parentheses: bool) -> fmt::Result {
    if parentheses { write!(f, "({part})") } else { write!(f, "{part}") }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::ALL.iter().filter(|(_, op)| op == self).try_for_each(|(text, _)| f.write_str(text))
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) if value.is_nan() => f.write_str("nan"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::String(bytes) => string(f, bytes),
        }
    }
}

fn string(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("\"")?;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
    }
    f.write_str("\"")
}

/// A path as it stands in a condition: a first name that would be read as something else is quoted.
pub(super) struct Shown<'p>(pub &'p Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        match self.0.segments().first() {
            Some(Segment::Name(name)) if is_taken(name) => match text.strip_prefix(&**name) {
                Some(rest) => write!(f, "[\"{name}\"]{rest}"),
                None => f.write_str(&text),
            },
            _ => f.write_str(&text),
        }
    }
}

fn is_taken(name: &str) -> bool {
    WORDS.contains(&name) || name.starts_with(|c: char| c.is_ascii_digit() || c == '-')
}
