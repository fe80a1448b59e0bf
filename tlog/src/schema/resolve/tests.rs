//! What resolving must do, case by case.

use super::*;
use crate::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use crate::value::{Cursor, Value, ValueErrorKind};

fn resolver(writer: &Type, reader: &Type) -> Result<Resolver, ResolveError> {
    Resolver::new(&Schema::new(writer.clone()).unwrap(), &Schema::new(reader.clone()).unwrap())
}

/// What `value`, written as `writer`, is for `reader`.
fn read(writer: &Type, reader: &Type, value: &Value) -> Value {
    let mut payload = Vec::new();
    value.encode(writer, &mut payload).unwrap();
    let mut out = vec![0xee];
    let resolver = resolver(writer, reader).unwrap();
    let read = resolver.resolve(&payload, &mut out).unwrap();
    assert!(!resolver.is_identity() || read == payload);
    let mut cursor = Cursor::new(read);
    let result = Value::decode(reader, &mut cursor).unwrap();
    assert_eq!(cursor.rest(), b"", "nothing but one value");
    result
}

fn refused(writer: &Type, reader: &Type) -> String {
    resolver(writer, reader).unwrap_err().to_string()
}

fn object(fields: impl IntoIterator<Item = Field>) -> Type {
    Object::new(fields).into()
}

fn enumeration<'n>(underlying: IntegerType, symbols: impl IntoIterator<Item = (i128, &'n str)>) -> Type {
    let symbols = symbols.into_iter().map(|(value, name)| Symbol { value, name: name.to_owned() });
    Enum::new(underlying, symbols).into()
}

const U8: IntegerType = IntegerType::FixedUint(Width::W1);

#[test]
fn integers_widen_where_the_whole_range_fits() {
    use IntegerType::{FixedInt, FixedUint, Varint, Varuint};
    const WIDTHS: [Width; 4] = [Width::W1, Width::W2, Width::W4, Width::W8];
    let all = || WIDTHS.map(FixedInt).into_iter().chain(WIDTHS.map(FixedUint)).chain([Varint, Varuint]);
    let mut possible = 0;
    for (from, to) in all().flat_map(|from| all().map(move |to| (from, to))) {
        let (low, high) = from.range();
        let fits = to.holds(low) && to.holds(high);
        assert_eq!(resolver(&from.into(), &to.into()).is_ok(), fits, "{from:?} to {to:?}");
        if !fits {
            continue;
        }
        possible += 1;
        for number in [low, high, 0, 1, high / 2].into_iter().filter(|number| from.holds(*number)) {
            let value = if low < 0 { Value::from(number as i64) } else { Value::from(number as u64) };
            let read = read(&from.into(), &to.into(), &value);
            let same = read.as_i64().map(i128::from).or(read.as_u64().map(i128::from));
            assert_eq!(same, Some(number), "{from:?} to {to:?}");
        }
    }
    let (int, uint, uint_to_int, var, uint_to_varint) = (10, 10, 6, 12, 3);
    assert_eq!(possible, int + uint + uint_to_int + var + uint_to_varint);
}

#[test]
fn integers_become_floats_where_each_is_exact() {
    let as_float = |from: Type, value: i64, to: Type| read(&from, &to, &value.into());
    assert_eq!(as_float(Type::FixedInt(Width::W2), -32_768, Type::Float32), Value::Float32(-32_768.0));
    assert_eq!(as_float(Type::FixedUint(Width::W1), 255, Type::Float32), Value::Float32(255.0));
    let most = i64::from(u32::MAX);
    assert_eq!(as_float(Type::FixedUint(Width::W4), most, Type::Float64), Value::Float64(4_294_967_295.0));
    assert_eq!(refused(&Type::FixedInt(Width::W4), &Type::Float32), "the record: fixedint32 cannot become float32");
    assert_eq!(refused(&Type::FixedInt(Width::W8), &Type::Float64), "the record: fixedint64 cannot become float64");
    assert_eq!(refused(&Type::Varint, &Type::Float64), "the record: varint cannot become float64");
    assert_eq!(read(&Type::Float32, &Type::Float64, &0.1f32.into()), Value::Float64(f64::from(0.1f32)));
}

#[test]
fn what_only_becomes_itself() {
    let lone = [Type::Null, Type::Boolean, Type::Timestamp, Type::Duration, Type::Bytes];
    let others =
        [Type::FixedInt(Width::W8), Type::Varint, Type::Float64, Type::String, Type::map(Type::Null), object([])];
    for one in &lone {
        assert!(resolver(one, one).unwrap().is_identity());
        for other in lone.iter().chain(&others).filter(|other| *other != one) {
            assert_eq!(refused(one, other), format!("the record: {} cannot become {}", one.name(), other.name()));
            assert!(*one == Type::Bytes || resolver(other, one).is_err(), "{} to {}", other.name(), one.name());
        }
    }
    assert!(resolver(&Type::String, &Type::Bytes).unwrap().is_identity());
    assert_eq!(refused(&Type::Float64, &Type::Float32), "the record: float64 cannot become float32");
}

#[test]
fn fields_by_name_then_alias_of_either_side() {
    let writer = object([
        Field::new("dropped", Type::String),
        Field::new("a", Type::FixedUint(Width::W1)),
        Field::new("old", Type::String),
        Field::new("renamed", Type::Boolean).alias("kept"),
    ]);
    let reader = object([
        Field::new("kept", Type::Boolean),
        Field::new("new", Type::String).alias("dropped-before").alias("old"),
        Field::new("added", Type::Varint).with_default(&(-7).into()).unwrap(),
        Field::new("a", Type::Varuint),
    ]);
    let value = Value::object([
        ("dropped", Value::from("x")),
        ("a", 200.into()),
        ("old", "text".into()),
        ("renamed", true.into()),
    ]);
    let expected = Value::object([
        ("kept", Value::from(true)),
        ("new", "text".into()),
        ("added", (-7).into()),
        ("a", 200u8.into()),
    ]);
    assert_eq!(read(&writer, &reader, &value), expected);
}

#[test]
fn a_writers_field_is_taken_once_and_names_come_first() {
    let default = Value::from(9u8);
    let field = |name: &str| Field::new(name, Type::FixedUint(Width::W1));
    let writer = object([field("a")]);
    let reader = object([field("b").alias("a").with_default(&default).unwrap(), field("a")]);
    let expected = Value::object([("b", default), ("a", 1u8.into())]);
    assert_eq!(read(&writer, &reader, &Value::object([("a", Value::from(1))])), expected);
    let strict = object([field("b").alias("a"), field("a")]);
    assert_eq!(refused(&writer, &strict), "b: the writer has no such field, and it has no default");
}

#[test]
fn fields_of_equal_names_are_taken_in_order() {
    let field = |ty| Field::new("a", ty);
    let writer = object([field(Type::FixedUint(Width::W1)), field(Type::Boolean)]);
    let reader = object([field(Type::Varuint), field(Type::Boolean)]);
    let bytes = resolver(&writer, &reader).unwrap().resolve(&[0xff, 1], &mut Vec::new()).unwrap().to_vec();
    assert_eq!(bytes, [0xff, 1, 1]);
}

#[test]
fn reordered_objects_inside_reordered_objects() {
    let pair =
        |first: &str, second: &str, ty: &Type| object([Field::new(first, ty.clone()), Field::new(second, ty.clone())]);
    let writer = Type::array(pair("a", "b", &pair("x", "y", &Type::String)));
    let reader = Type::array(pair("b", "a", &pair("y", "x", &Type::String)));
    let inner = |x: &str, y: &str| Value::object([("x", Value::from(x)), ("y", y.into())]);
    let turned = |x: &str, y: &str| Value::object([("y", Value::from(y)), ("x", x.into())]);
    let items = vec![Value::object([("a", inner("1", "22")), ("b", inner("333", ""))]); 3];
    let expected = vec![Value::object([("b", turned("333", "")), ("a", turned("1", "22"))]); 3];
    assert_eq!(read(&writer, &reader, &items.into()), expected.into());
}

#[test]
fn equal_encodings_are_passed_through() {
    let writer = object([
        Field::new("a", Type::optional(Type::String)),
        Field::new("m", enumeration(U8, [(0, "off"), (1, "on")])),
    ]);
    let reader = object([
        Field::new("b", Type::optional(Type::Bytes)).alias("a"),
        Field::new("m", enumeration(U8, [(1, "on"), (0, "off"), (2, "standby")])).alias("n"),
    ]);
    let resolver = resolver(&writer, &reader).unwrap();
    assert!(resolver.is_identity());
    let payload = [0, 1];
    assert!(std::ptr::eq(resolver.resolve(&payload, &mut Vec::new()).unwrap(), &payload[..]));
    let swapped = object([Field::new("m", Type::Null), Field::new("a", Type::Null)]);
    let straight = object([Field::new("a", Type::Null), Field::new("m", Type::Null)]);
    assert!(!self::resolver(&swapped, &straight).unwrap().is_identity());
}

#[test]
fn enums_go_by_symbol() {
    let writer = enumeration(U8, [(0, "idle"), (1, "run"), (2, "stop"), (2, "halt"), (7, "new")]);
    let reader = enumeration(IntegerType::Varint, [(-1, "idle"), (1, "run"), (0, "halt"), (200, "odd")]);
    for (number, expected) in [(0, -1), (1, 1), (2, 0), (7, 7), (9, 9), (200, 200)] {
        let value = Value::Enum { value: number, symbol: None };
        assert_eq!(read(&writer, &reader, &value).as_i64(), Some(expected), "{number}");
    }
}

#[test]
fn a_number_never_takes_another_meaning() {
    let writer = enumeration(U8, [(0, "idle"), (1, "armed")]);
    let reader = enumeration(U8, [(0, "idle"), (1, "flying")]);
    assert_eq!(
        refused(&object([Field::new("mode", writer)]), &object([Field::new("mode", reader)])),
        "mode: symbol \"armed\" is unknown to the reader, whose symbol for its number 1 is \"flying\""
    );
    let wide = enumeration(IntegerType::Varuint, [(256, "big")]);
    assert_eq!(
        refused(&wide, &enumeration(U8, [])),
        "the record: symbol \"big\" is unknown to the reader, and its number 256 does not fit into fixeduint8"
    );
}

#[test]
fn a_number_that_the_reader_cannot_hold_is_an_error_at_the_record() {
    let writer = enumeration(IntegerType::Varuint, [(300, "a")]);
    let resolver = resolver(&writer, &enumeration(U8, [(3, "a")])).unwrap();
    let mut out = Vec::new();
    assert_eq!(resolver.resolve(&[0xac, 0x02], &mut out), Ok(&[3][..]));
    let error = resolver.resolve(&[0xad, 0x02], &mut out).unwrap_err();
    assert_eq!(error, TranscodeError::EnumValue { offset: 0, value: 301 });
}

#[test]
fn unions_by_type() {
    let writer = Type::Union(vec![Type::String, Type::Null, Type::FixedInt(Width::W2), Type::Float32]);
    let reader = Type::Union(vec![Type::Float64, Type::Null, Type::Bytes, Type::Varint, Type::Float32]);
    let union = |index, value: Value| Value::union(index, value);
    for (written, expected) in [
        (union(0, "s".into()), union(2, (&b"s"[..]).into())),
        (union(1, Value::Null), union(1, Value::Null)),
        (union(2, (-5).into()), union(0, Value::Float64(-5.0))),
        (union(3, 0.5f32.into()), union(4, 0.5f32.into())),
    ] {
        assert_eq!(read(&writer, &reader, &written), expected);
    }
    assert_eq!(
        refused(&Type::Union(vec![Type::Boolean, Type::Duration]), &Type::Union(vec![Type::Boolean, Type::Null])),
        "the record: duration cannot become union of boolean, null"
    );
}

#[test]
fn values_become_optional_and_unions_plain() {
    let optional = Type::optional(Type::Varint);
    let narrow = Type::FixedInt(Width::W1);
    assert_eq!(read(&narrow, &optional, &(-3).into()), Value::optional(Some((-3).into())));
    assert_eq!(read(&Type::Null, &optional, &Value::Null), Value::optional(None));
    let both = Type::Union(vec![Type::FixedInt(Width::W1), Type::FixedUint(Width::W4)]);
    assert_eq!(read(&both, &Type::Varint, &Value::union(0, -1)), Value::Int(-1));
    assert_eq!(read(&both, &Type::Varint, &Value::union(1, 70_000)), Value::Int(70_000));
    assert_eq!(refused(&optional, &Type::Varint), "the record: null cannot become varint");
}

#[test]
fn what_is_wrong_inside_an_optional_is_told() {
    let inner = |ty| Type::optional(object([Field::new("x", ty)]));
    assert_eq!(refused(&inner(Type::Float64), &inner(Type::Float32)), "x: float64 cannot become float32");
    assert_eq!(
        refused(&Type::Null, &Type::Union(vec![Type::Boolean])),
        "the record: null cannot become union of boolean"
    );
}

#[test]
fn arrays_and_maps() {
    let (narrow, wide) = (Type::FixedInt(Width::W1), Type::Varint);
    let items = Value::from(vec![Value::from(-1), 2.into(), 3.into()]);
    for from in [Type::array(narrow.clone()), Type::fixed_array(3, narrow.clone())] {
        assert_eq!(read(&from, &Type::array(wide.clone()), &items), items_as_int());
        assert_eq!(read(&from, &Type::array(narrow.clone()), &items), items_as_int());
    }
    let fixed = |len, ty: &Type| Type::fixed_array(len, ty.clone());
    assert_eq!(read(&fixed(3, &narrow), &fixed(3, &wide), &items), items_as_int());
    assert_eq!(
        refused(&fixed(3, &narrow), &fixed(4, &narrow)),
        "the record: fixedarray of 3 cannot become fixedarray of 4"
    );
    assert_eq!(
        refused(&Type::array(wide.clone()), &fixed(3, &wide)),
        "the record: array cannot become fixedarray of 3"
    );
    assert_eq!(refused(&Type::array(wide.clone()), &Type::array(narrow.clone())), "[]: varint cannot become fixedint8");

    let map = Value::map([("a", Value::from(-1)), ("a", 5.into())]);
    let read_map = read(&Type::map(narrow.clone()), &Type::map(wide.clone()), &map);
    assert_eq!(read_map, Value::map([("a", Value::Int(-1)), ("a", Value::Int(5))]));
    assert_eq!(refused(&Type::map(wide), &Type::map(narrow)), "{}: varint cannot become fixedint8");
}

fn items_as_int() -> Value {
    vec![Value::Int(-1), Value::Int(2), Value::Int(3)].into()
}

#[test]
fn all_problems_are_told_with_their_paths() {
    let servo = |ty| object([Field::new("torque", ty), Field::new("id", Type::Varuint)]);
    let writer = object([Field::new("servos", Type::array(servo(Type::Float64))), Field::new("name", Type::Bytes)]);
    let reader = object([
        Field::new("servos", Type::array(servo(Type::Float32))),
        Field::new("name", Type::String),
        Field::new("mode", Type::Boolean),
    ]);
    assert_eq!(
        refused(&writer, &reader),
        "servos[].torque: float64 cannot become float32; name: bytes cannot become string; \
         mode: the writer has no such field, and it has no default"
    );
    let many = object((0..1000).map(|n| Field::new(format!("f{n}"), Type::Null)));
    assert_eq!(resolver(&object([]), &many).unwrap_err().problems().len(), 32);
}

#[test]
fn defaults_cannot_make_much_out_of_little() {
    let default = Value::from("x".repeat(1000).as_str());
    let reader = Type::array(object([Field::new("s", Type::String).with_default(&default).unwrap()]));
    let resolver = resolver(&Type::array(object([])), &reader).unwrap();
    let mut out = Vec::new();
    let million = [0xc0, 0x84, 0x3d];
    assert_eq!(resolver.resolve(&million, &mut out), Err(TranscodeError::TooLarge { limit: 64 << 20 }));
    assert!(out.capacity() <= 128 << 20);
    let ten = resolver.clone().with_limit(10_021);
    assert_eq!(ten.resolve(&[10], &mut out).map(<[u8]>::len), Ok(10 * 1002 + 1));
    assert_eq!(ten.resolve(&[11], &mut out), Err(TranscodeError::TooLarge { limit: 10_021 }));
}

#[test]
fn claimed_counts_end_with_the_payload() {
    let claim = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let kind = |writer: Type, reader: Type| match resolver(&writer, &reader).unwrap().resolve(&claim, &mut Vec::new()) {
        Err(TranscodeError::Payload(error)) => error.kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(kind(Type::array(Type::Float32), Type::array(Type::Float64)), ValueErrorKind::Truncated);
    assert_eq!(kind(Type::map(Type::Null), Type::map(Type::optional(Type::Null))), ValueErrorKind::Truncated);
    assert_eq!(kind(Type::array(Type::Null), Type::array(Type::optional(Type::Null))), ValueErrorKind::ZeroWidth);
    let fixed = |item| Type::fixed_array(u64::MAX, item);
    assert_eq!(kind(fixed(Type::Null), fixed(Type::optional(Type::Null))), ValueErrorKind::ZeroWidth);
}

#[test]
fn schemas_that_take_forever_to_compare_are_refused() {
    // Each member of the one has to be tried against each of the other, at every level.
    let nest = |leaf: Type| {
        (0..5).fold(leaf, |ty, level| {
            let item = |n: usize| object([Field::new("x", ty.clone()), Field::new(format!("{level}{n}"), Type::Null)]);
            Type::Union((0..6).map(item).collect())
        })
    };
    let started = std::time::Instant::now();
    assert!(resolver(&nest(Type::Float64), &nest(Type::Float32)).is_err());
    assert!(started.elapsed().as_secs() < 30);
}
