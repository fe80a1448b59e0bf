//! What takes no bytes must not cost time, and what takes bytes must not be counted as if it took none.

use tlog::schema::{Field, Object, Type};
use tlog::value::{Cursor, MAX_ZERO_WIDTH, ValueErrorKind, check_exact, put_varuint, skip};

/// Twenty to the power of forty places for nothing.
fn places_for_nothing(nothing: Type) -> Type {
    (0..40).fold(nothing, |item, _| Type::fixed_array(20, item))
}

#[test]
fn nested_places_for_nothing_are_refused_at_once() {
    for nothing in [Type::Null, Object::new([]).into(), Type::fixed_array(0, Type::array(Type::String))] {
        let ty = places_for_nothing(nothing);
        assert_eq!(check_exact(&ty, &[]).unwrap_err().kind, ValueErrorKind::ZeroWidth);
        assert_eq!(skip(&ty, &mut Cursor::new(&[])).unwrap_err().kind, ValueErrorKind::ZeroWidth);
    }
}

#[test]
fn empty_arrays_take_a_byte_and_are_not_limited() {
    let count = 2 * MAX_ZERO_WIDTH;
    let mut payload = Vec::new();
    put_varuint(u64::from(count), &mut payload);
    payload.resize(payload.len() + count as usize, 0);
    check_exact(&Type::array(Type::array(Type::String)), &payload).unwrap();
}

#[test]
fn skipping_counts_as_walking_does() {
    let nulls =
        |len| Object::new([Field::new("nulls", Type::fixed_array(len, Type::Null)), Field::new("on", Type::Boolean)]);
    for (len, is_allowed) in [(u64::from(MAX_ZERO_WIDTH) / 2, true), (u64::from(MAX_ZERO_WIDTH) / 2 + 1, false)] {
        let ty = Type::array(nulls(len).into());
        let payload = [2, 1, 1];
        assert_eq!(check_exact(&ty, &payload).is_ok(), is_allowed);
        assert_eq!(skip(&ty, &mut Cursor::new(&payload)).is_ok(), is_allowed);
    }
}
