//! What a condition can come to when only ranges of the values are known: interval analysis in three-valued logic.
//!
//! For each part it is worked out whether it can be true and whether it can be false. Unknown need not be followed:
//! neither `and`, `or` nor `not` makes a truth of it. The parts are taken to be independent of each other, which can
//! add outcomes, but not lose one.

use std::cmp::Ordering;

use tlog::schema::Type;
use tlog::value::{FieldPath, Path};

use super::compiled::{Field, Fields, Node, Test};
use super::number::{Number, is_number};
use super::syntax::Op;

/// What is known of a field's values over a stretch of the log.
///
/// Enums count by their number, booleans as 0 and 1, timestamps and durations in microseconds. Infinities are
/// numbers. All of these may be wider than the truth, never narrower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// No number is below this. Where an integer does not fit an f64, it is rounded down.
    pub min: f64,
    /// No number is above this. Where an integer does not fit an f64, it is rounded up. `min > max` says that
    /// there is no number at all.
    pub max: f64,
    /// Whether there may be a NaN.
    pub has_nan: bool,
    /// Whether there may be a null, a value that is not there, or one that is not a number.
    pub has_null: bool,
}

/// What is known of the fields of one record over a stretch of the log.
pub trait Ranges {
    /// The range of the values at this path within the record, without the record's name; `None` when nothing
    /// is known. A path into an array, map or union is asked for as it was written.
    fn range(&self, path: &Path) -> Option<Range>;
}

/// What something can be. Where neither is possible, it is unknown, or there is no value at all.
#[derive(Clone, Copy, Debug)]
struct Outcomes {
    is_true: bool,
    is_false: bool,
}

/// What the values of a field can be.
#[derive(Clone, Copy, Debug)]
struct Extent {
    /// The least and the greatest number.
    numbers: Option<(Number, Number)>,
    nan: bool,
    null: bool,
}

impl Node {
    pub(super) fn can_be_true(&self, ranges: &(impl Ranges + ?Sized)) -> bool {
        self.outcomes(ranges).is_true
    }

    fn outcomes(&self, ranges: &(impl Ranges + ?Sized)) -> Outcomes {
        match self {
            Self::All(parts) => {
                parts.iter().fold(Outcomes::of(true), |all, part| !Outcomes::any(!all, !part.outcomes(ranges)))
            }
            Self::Any(parts) => {
                parts.iter().fold(Outcomes::of(false), |any, part| Outcomes::any(any, part.outcomes(ranges)))
            }
            Self::Not(part) => !part.outcomes(ranges),
            Self::Field(field) => field.outcomes(ranges),
            Self::Fields(fields) => fields.outcomes(ranges),
            Self::Unknown => Outcomes { is_true: false, is_false: false },
        }
    }
}

impl Outcomes {
    const ANYTHING: Self = Self { is_true: true, is_false: true };

    const fn of(truth: bool) -> Self {
        Self { is_true: truth, is_false: !truth }
    }

    /// `a or b`.
    const fn any(a: Self, b: Self) -> Self {
        Self { is_true: a.is_true || b.is_true, is_false: a.is_false && b.is_false }
    }

    /// What "it is so" comes to, or "it is not so" unless that is `wanted`, where some values are and some are not.
    const fn wanted(wanted: bool, some_are: bool, some_are_not: bool) -> Self {
        match wanted {
            true => Self { is_true: some_are, is_false: some_are_not },
            false => Self { is_true: some_are_not, is_false: some_are },
        }
    }

    /// What a comparison comes to, by how its sides can stand to each other.
    fn of_orders(op: Op, orders: [(Option<Ordering>, bool); 4]) -> Self {
        let can_be = |truth| orders.iter().any(|&(order, possible)| possible && op.holds(order) == truth);
        Self { is_true: can_be(true), is_false: can_be(false) }
    }
}

impl std::ops::Not for Outcomes {
    type Output = Self;

    fn not(self) -> Self {
        Self { is_true: self.is_false, is_false: self.is_true }
    }
}

impl Field {
    fn outcomes(&self, ranges: &(impl Ranges + ?Sized)) -> Outcomes {
        let extent = Extent::known(&self.path, ranges);
        let tests = self.tests.iter().map(|test| test.outcomes(extent));
        tests.fold(Outcomes::of(false), Outcomes::any)
    }
}

impl Test {
    /// What the test can come to for values within this extent, or for any values at all.
    fn outcomes(&self, extent: Option<Extent>) -> Outcomes {
        match (self, extent) {
            (Self::Constant(truth), None) => Outcomes::of(*truth),
            (_, None) | (Self::Bytes(..), Some(_)) => Outcomes::ANYTHING,
            (Self::Constant(truth), Some(extent)) => Outcomes::wanted(*truth, extent.has_value(), false),
            (Self::Null { wanted }, Some(extent)) => Outcomes::wanted(*wanted, extent.null, extent.has_value()),
            (Self::Nan { wanted }, Some(extent)) => Outcomes::wanted(*wanted, extent.nan, extent.numbers.is_some()),
            (Self::Number(op, limit), Some(extent)) => Outcomes::of_orders(*op, extent.orders(Extent::only(*limit))),
        }
    }
}

impl Fields {
    fn outcomes(&self, ranges: &(impl Ranges + ?Sized)) -> Outcomes {
        match (Extent::known(&self.left, ranges), Extent::known(&self.right, ranges)) {
            (Some(left), Some(right)) => Outcomes::of_orders(self.op, left.orders(right)),
            _ => Outcomes::ANYTHING,
        }
    }
}

impl Extent {
    /// What is known of this field; `None` also when it has no numbers.
    fn known(path: &FieldPath, ranges: &(impl Ranges + ?Sized)) -> Option<Self> {
        if !is_number(path.ty()) && *path.ty() != Type::Boolean {
            return None;
        }
        let range = ranges.range(path.path())?;
        // An end that is no number is no end.
        let min = if range.min.is_nan() { f64::NEG_INFINITY } else { range.min };
        let max = if range.max.is_nan() { f64::INFINITY } else { range.max };
        let numbers = (min <= max).then_some((Number::Float(min), Number::Float(max)));
        Some(Self { numbers, nan: range.has_nan, null: range.has_null })
    }

    /// That of a literal.
    fn only(number: Number) -> Self {
        let nan = number.is_nan();
        Self { numbers: (!nan).then_some((number, number)), nan, null: false }
    }

    const fn has_value(self) -> bool {
        self.nan || self.numbers.is_some()
    }

    /// How a value of this can stand to a value of the other.
    fn orders(self, other: Self) -> [(Option<Ordering>, bool); 4] {
        let none = (self.nan && other.has_value()) || (other.nan && self.has_value());
        let (less, equal, greater) = match (self.numbers, other.numbers) {
            (Some((min, max)), Some((low, high))) => {
                let below = min.compare(high);
                let above = max.compare(low);
                (
                    below == Some(Ordering::Less),
                    below != Some(Ordering::Greater) && above != Some(Ordering::Less),
                    above == Some(Ordering::Greater),
                )
            }
            _ => (false, false, false),
        };
        [(Some(Ordering::Less), less), (Some(Ordering::Equal), equal), (Some(Ordering::Greater), greater), (None, none)]
    }
}
