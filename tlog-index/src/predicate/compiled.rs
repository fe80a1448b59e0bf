//! A condition on one record, ready to be asked of payloads.

use tlog::schema::Type;
use tlog::value::{Cursor, FieldPath, Scalar, ValueError};

use super::number::Number;
use super::outcomes::Ranges;
use super::syntax::Op;

/// A condition on one record. Made by [`Predicate::compile`](super::Predicate::compile) and its like.
#[derive(Clone, Debug)]
pub struct Compiled {
    root: Node,
}

/// A condition on one record, by position.
#[derive(Clone, Debug)]
pub(super) enum Node {
    All(Box<[Self]>),
    Any(Box<[Self]>),
    Not(Box<Self>),
    Field(Field),
    Fields(Fields),
    /// About what this record does not have.
    Unknown,
}

/// A field that passes any of the tests.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub path: FieldPath,
    pub tests: Box<[Test]>,
}

/// Two fields that compare so.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub left: FieldPath,
    pub op: Op,
    pub right: FieldPath,
}

/// A test of a value. All but the first are unknown for null.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// Whether it is null, or is not when `wanted` is false.
    Null { wanted: bool },
    /// Whether it is NaN, or is not.
    Nan { wanted: bool },
    /// Against a number that is not NaN, unless the operator orders.
    Number(Op, Number),
    /// Against a string or bytes.
    Bytes(Op, Box<[u8]>),
    /// Always the same: for symbols that the enum does not have.
    Constant(bool),
}

/// A value as tests see it.
enum Value<'a> {
    Null,
    Number(Number),
    Bytes(&'a [u8]),
    Composite,
}

impl Compiled {
    /// `None` when the condition cannot be true.
    pub(super) fn new(root: Node) -> Option<Self> {
        root.can_be_true(&Unlimited).then_some(Self { root })
    }

    /// Whether the condition is true of this payload of the record that it was compiled for. Allocates nothing.
    ///
    /// # Errors
    /// [`ValueError`] for a payload that the schema does not describe, as far as it has to be looked at.
    pub fn matches(&self, payload: &[u8]) -> Result<bool, ValueError> {
        Ok(self.root.truth(payload)? == Some(true))
    }

    /// Whether the condition may be true of some payload whose values are within these ranges. `false` is a
    /// promise, `true` is none.
    pub fn may_match(&self, ranges: &(impl Ranges + ?Sized)) -> bool {
        self.root.can_be_true(ranges)
    }
}

/// Nothing known of any field.
struct Unlimited;

impl Ranges for Unlimited {
    fn range(&self, _: &tlog::value::Path) -> Option<super::Range> {
        None
    }
}

impl Node {
    /// True, false, or `None` for unknown. Looks no further than it must.
    fn truth(&self, payload: &[u8]) -> Result<Option<bool>, ValueError> {
        match self {
            Self::All(parts) => decided_by(false, parts, payload),
            Self::Any(parts) => decided_by(true, parts, payload),
            Self::Not(part) => Ok(part.truth(payload)?.map(|truth| !truth)),
            Self::Field(field) => field.truth(payload),
            Self::Fields(fields) => fields.truth(payload),
            Self::Unknown => Ok(None),
        }
    }
}

/// One part of that truth settles it; otherwise an unknown part makes it unknown.
fn decided_by(settling: bool, parts: &[Node], payload: &[u8]) -> Result<Option<bool>, ValueError> {
    let mut truth = Some(!settling);
    for part in parts {
        match part.truth(payload)? {
            Some(found) if found == settling => return Ok(Some(settling)),
            Some(_) => {}
            None => truth = None,
        }
    }
    Ok(truth)
}

impl Field {
    fn truth(&self, payload: &[u8]) -> Result<Option<bool>, ValueError> {
        let value = Value::read(&self.path, payload)?;
        let mut truth = Some(false);
        for test in &self.tests {
            match test.truth(&value) {
                Some(true) => return Ok(Some(true)),
                Some(false) => {}
                None => truth = None,
            }
        }
        Ok(truth)
    }
}

impl Fields {
    fn truth(&self, payload: &[u8]) -> Result<Option<bool>, ValueError> {
        let order = match (Value::read(&self.left, payload)?, Value::read(&self.right, payload)?) {
            (Value::Number(left), Value::Number(right)) => left.compare(right),
            (Value::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
            _ => return Ok(None),
        };
        Ok(Some(self.op.holds(order)))
    }
}

impl Test {
    fn truth(&self, value: &Value<'_>) -> Option<bool> {
        match (self, value) {
            (Self::Null { wanted }, Value::Null) => Some(*wanted),
            (Self::Null { wanted }, _) => Some(!wanted),
            (_, Value::Null | Value::Composite) => None,
            (Self::Nan { wanted }, Value::Number(number)) => Some(number.is_nan() == *wanted),
            (Self::Number(op, limit), Value::Number(number)) => Some(op.holds(number.compare(*limit))),
            (Self::Bytes(op, limit), Value::Bytes(bytes)) => Some(op.holds(Some((*bytes).cmp(limit)))),
            (Self::Constant(truth), _) => Some(*truth),
            // Compiling lets no test of numbers meet strings, or the other way round.
            (Self::Nan { .. } | Self::Number(..), Value::Bytes(_)) | (Self::Bytes(..), Value::Number(_)) => None,
        }
    }
}

impl<'a> Value<'a> {
    fn read(path: &'a FieldPath, payload: &'a [u8]) -> Result<Self, ValueError> {
        let Some(scalar) = path.read(payload)? else { return Ok(Self::Null) };
        Ok(match scalar {
            Scalar::Null => Self::Null,
            Scalar::Boolean(value) => Self::Number(Number::Int(value.into())),
            Scalar::Int(value) | Scalar::Duration(value) => Self::Number(Number::Int(value.into())),
            Scalar::Uint(value) => Self::Number(Number::Int(value.into())),
            Scalar::Float32(value) => Self::Number(Number::Float(value.into())),
            Scalar::Float64(value) => Self::Number(Number::Float(value)),
            Scalar::Enum { value, .. } => Self::Number(Number::Int(value)),
            Scalar::Timestamp(micros) => Self::Number(Number::Int(micros.0.into())),
            Scalar::Bytes(bytes) | Scalar::String(bytes) => Self::Bytes(bytes),
            Scalar::Composite(bytes) if holds_null(path.ty(), bytes)? => Self::Null,
            Scalar::Composite(_) => Self::Composite,
        })
    }
}

/// Whether the value is a union, or unions in each other, around a null.
fn holds_null(mut ty: &Type, bytes: &[u8]) -> Result<bool, ValueError> {
    let mut cursor = Cursor::new(bytes);
    while let Type::Union(members) = ty {
        let index = usize::try_from(cursor.varuint()?).unwrap_or(usize::MAX);
        // `read` has been over the value, and would have refused such an index.
        let Some(member) = members.get(index) else { return Ok(false) };
        ty = member;
    }
    Ok(*ty == Type::Null)
}
