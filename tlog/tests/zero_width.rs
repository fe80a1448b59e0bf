//! What takes no bytes must not cost time, and what takes bytes must not be counted as if it took none.

use tlog::schema::{Object, Type};
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
        let mut cursor = Cursor::new(&[]);
        // Counted in one step or refused, but not walked.
        let _ = skip(&ty, &mut cursor);
        assert_eq!(cursor.position(), 0);
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
