//! Numbers that are compared exactly, whatever they are.

use std::cmp::Ordering;

use tlog::schema::{IntegerType, Type};

/// 2¹²⁷, the first power of two beyond an i128.
const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

/// A number of a field or of a literal.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    /// How it stands to another, without rounding either; `None` if one of them is NaN.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Int(a), Self::Float(b)) => compare_mixed(a, b),
            (Self::Float(a), Self::Int(b)) => compare_mixed(b, a).map(Ordering::reverse),
        }
    }

    pub const fn is_nan(self) -> bool {
        matches!(self, Self::Float(value) if value.is_nan())
    }
}

fn compare_mixed(a: i128, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        return None;
    }
    if b >= BEYOND {
        return Some(Ordering::Less);
    }
    if b < -BEYOND {
        return Some(Ordering::Greater);
    }
    // The whole part fits, and a cast of it is exact; only then does the fraction decide.
    let whole = b.trunc();
    Some(a.cmp(&(whole as i128)).then(whole.partial_cmp(&b)?))
}

/// A float literal as it compares with float32: rounded to it, so that the shortest text of a value finds that
/// value. Not where that would make it zero or infinite, which it is not.
pub(super) fn as_float32(value: f64) -> f64 {
    let rounded = f64::from(value as f32);
    let changed_kind = rounded.is_infinite() != value.is_infinite() || (rounded == 0.0) != (value == 0.0);
    if changed_kind { value } else { rounded }
}

/// Whether values of this type compare as numbers with those of any other such type.
pub(super) const fn is_number(ty: &Type) -> bool {
    IntegerType::of(ty).is_some()
        || matches!(ty, Type::Float32 | Type::Float64 | Type::Enum(_) | Type::Timestamp | Type::Duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_numbers_compare_exactly() {
        let order = |a: i128, b: f64| Number::Int(a).compare(Number::Float(b));
        for (a, b, expected) in [
            (3, 3.0, Ordering::Equal),
            (3, 3.5, Ordering::Less),
            (4, 3.5, Ordering::Greater),
            (-3, -3.5, Ordering::Greater),
            (-4, -3.5, Ordering::Less),
            (0, -0.0, Ordering::Equal),
            (0, 5e-324, Ordering::Less),
            (0, -5e-324, Ordering::Greater),
            ((1 << 53) + 1, 9_007_199_254_740_992.0, Ordering::Greater),
            (u64::MAX.into(), 18_446_744_073_709_551_616.0, Ordering::Less),
            (i64::MIN.into(), -9_223_372_036_854_775_808.0, Ordering::Equal),
            (i64::MAX.into(), 9_223_372_036_854_775_808.0, Ordering::Less),
            (i128::MAX, BEYOND, Ordering::Less),
            (i128::MIN, -BEYOND, Ordering::Equal),
            (i128::MIN, f64::NEG_INFINITY, Ordering::Greater),
            (i128::MAX, f64::INFINITY, Ordering::Less),
        ] {
            assert_eq!(order(a, b), Some(expected), "{a} {b}");
            assert_eq!(Number::Float(b).compare(Number::Int(a)), Some(expected.reverse()), "{b} {a}");
        }
        assert_eq!(order(1, f64::NAN), None);
    }

    #[test]
    fn literals_meet_the_float32_that_they_name() {
        assert_eq!(as_float32(0.1), f64::from(0.1f32));
        assert_eq!(as_float32(f64::INFINITY), f64::INFINITY);
        assert_eq!(as_float32(-0.0), 0.0);
        assert!(as_float32(f64::NAN).is_nan());
        for unlike_any in [1e300, -1e300, 3.5e38, 1e-60] {
            assert_eq!(as_float32(unlike_any), unlike_any);
        }
    }
}
