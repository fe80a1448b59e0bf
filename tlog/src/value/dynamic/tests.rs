//! Values as trees, there and back.

use super::*;
use crate::schema::{Enum, Field, IntegerType, Object, Symbol, Type, Width};
use crate::value::{Cursor, MAX_ZERO_WIDTH, ValueErrorKind};

fn encoded(value: &Value, ty: &Type) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(ty, &mut out).unwrap();
    out
}

fn refused(value: &Value, ty: &Type) -> String {
    let mut out = vec![1, 2];
    let error = value.encode(ty, &mut out).unwrap_err();
    assert_eq!(out, [1, 2], "nothing is left of a value that does not fit");
    error.to_string()
}

fn decoded(ty: &Type, bytes: &[u8]) -> Value {
    let mut cursor = Cursor::new(bytes);
    let value = Value::decode(ty, &mut cursor).unwrap();
    assert_eq!(cursor.rest(), b"");
    value
}

fn mode() -> Enum {
    let symbol = |value, name: &str| Symbol { value, name: name.to_owned() };
    Enum::new(IntegerType::FixedUint(Width::W1), [symbol(0, "idle"), symbol(9, "armed")])
}

/// Every type, nested in each way there is.
fn everything() -> Type {
    let inner = Object::new([Field::new("x", Type::Varint), Field::new("y", Type::optional(Type::Float32))]);
    Object::new([
        Field::new("null", Type::Null),
        Field::new("boolean", Type::Boolean),
        Field::new("int", Type::FixedInt(Width::W4)),
        Field::new("uint", Type::FixedUint(Width::W8)),
        Field::new("varuint", Type::Varuint),
        Field::new("float64", Type::Float64),
        Field::new("bytes", Type::Bytes),
        Field::new("string", Type::String),
        Field::new("object", inner.clone().into()),
        Field::new("mode", mode().into()),
        Field::new("array", Type::array(inner.into())),
        Field::new("fixed", Type::fixed_array(2, Type::fixed_array(1, Type::Boolean))),
        Field::new("map", Type::map(Type::array(Type::Boolean))),
        Field::new("union", Type::Union(vec![Type::String, Type::Union(vec![Type::Null, Type::Duration])])),
        Field::new("at", Type::Timestamp),
    ])
    .into()
}

fn everything_value() -> Value {
    let inner = |x: i64, y: Option<f32>| Value::object([("x", x.into()), ("y", Value::optional(y.map(Value::from)))]);
    Value::object([
        ("null", Value::Null),
        ("boolean", true.into()),
        ("int", (-70_000).into()),
        ("uint", u64::MAX.into()),
        ("varuint", 300u64.into()),
        ("float64", 0.1.into()),
        ("bytes", Value::from(&b"\0\xff"[..])),
        ("string", "größer".into()),
        ("object", inner(i64::MIN, None)),
        ("mode", Value::Enum { value: 9, symbol: Some("armed".into()) }),
        ("array", vec![inner(-1, Some(1.5)), inner(2, None)].into()),
        ("fixed", vec![Value::from(vec![true.into()]), vec![false.into()].into()].into()),
        ("map", Value::map([("k", vec![true.into()].into()), ("k", vec![].into()), ("", vec![].into())])),
        ("union", Value::union(1, Value::union(1, Value::Duration(-5)))),
        ("at", Micros(1_549_900_112_574_307).into()),
    ])
}

#[test]
fn every_type_comes_back() {
    let bytes = encoded(&everything_value(), &everything());
    assert_eq!(decoded(&everything(), &bytes), everything_value());
    for len in 0..bytes.len() {
        let error = Value::decode(&everything(), &mut Cursor::new(&bytes[..len])).unwrap_err();
        assert_eq!(error.kind, ValueErrorKind::Truncated, "cut to {len} bytes");
    }
}

#[test]
fn what_is_not_utf8_keeps_its_bytes() {
    let ty = Type::map(Type::String);
    let bytes = b"\x02\x01\xff\x02\xfe\xff\x01a\x01b";
    let value = decoded(&ty, bytes);
    assert_eq!(value, Value::map([(&b"\xff"[..], Value::from(&b"\xfe\xff"[..])), (b"a", "b".into())]));
    assert_eq!(encoded(&value, &ty), bytes);
}

#[test]
fn signalling_nans_keep_their_bits() {
    let ty = Type::fixed_array(1, Type::Float32);
    let bytes = 0x7fa0_0001u32.to_le_bytes();
    assert_eq!(encoded(&decoded(&ty, &bytes), &ty), bytes);
}

#[test]
fn a_claimed_length_costs_nothing() {
    let claim = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let decode = |ty: Type| Value::decode(&ty, &mut Cursor::new(&claim)).unwrap_err().kind;
    assert_eq!(decode(Type::array(Type::Boolean)), ValueErrorKind::Truncated);
    assert_eq!(decode(Type::map(Type::Null)), ValueErrorKind::Truncated);
    assert_eq!(decode(Type::Bytes), ValueErrorKind::Truncated);
    assert_eq!(decode(Type::array(Type::Null)), ValueErrorKind::ZeroWidth);
}

#[test]
fn items_share_their_names() {
    let item = Object::new([Field::new("long".repeat(1000), Type::Boolean)]);
    let value = decoded(&Type::fixed_array(2, item.into()), &[0, 1]);
    let name = |index| match value.item(index) {
        Some(Value::Object(fields)) => fields[0].0.clone(),
        other => panic!("{other:?}"),
    };
    assert!(Arc::ptr_eq(&name(0), &name(1)));
}

#[test]
fn fields_are_found_by_name_and_missing_ones_take_their_default() {
    let ty = Type::from(Object::new([
        Field::new("a", Type::Varint),
        Field::new("b", mode().into()).with_default(&"armed".into()).unwrap(),
        Field::new("c", Type::String),
    ]));
    let value = Value::object([("c", Value::from("z")), ("a", 1.into())]);
    assert_eq!(encoded(&value, &ty), b"\x02\x09\x01z");
    assert_eq!(refused(&Value::object([("a", 1.into())]), &ty), "c: the field is missing and has no default");
    let surplus = Value::object([("a", 1.into()), ("c", "".into()), ("d", Value::Null)]);
    assert_eq!(refused(&surplus, &ty), "d: the schema has no such field");
}

#[test]
fn fields_of_equal_names_stay_apart() {
    let ty = Type::from(Object::new([Field::new("a", Type::Boolean), Field::new("a", Type::Boolean)]));
    let value = decoded(&ty, &[0, 1]);
    assert_eq!(encoded(&value, &ty), [0, 1]);
}

#[test]
fn integers_go_where_they_fit() {
    let number = |value: i64, ty: Type| encoded(&value.into(), &ty);
    assert_eq!(number(200, Type::FixedUint(Width::W1)), [200]);
    assert_eq!(number(-2, Type::FixedInt(Width::W2)), [0xfe, 0xff]);
    assert_eq!(number(64, Type::Varint), [0x80, 0x01]);
    assert_eq!(number(9, mode().into()), [9]);
    assert_eq!(refused(&256.into(), &Type::FixedUint(Width::W1)), "the value: 256 does not fit into fixeduint8");
    assert_eq!(refused(&(-1).into(), &Type::Varuint), "the value: -1 does not fit into varuint");
    assert_eq!(refused(&u64::MAX.into(), &Type::Varint), format!("the value: {} does not fit into varint", u64::MAX));
    assert_eq!(refused(&1.into(), &Type::Float64), "the value: float64 is needed, not an integer");
    assert_eq!(refused(&1.5.into(), &Type::Float32), "the value: float32 is needed, not a float64");
}

#[test]
fn errors_name_the_part() {
    let ty = Type::map(Type::array(Type::from(Object::new([Field::new("mode", mode().into())]))));
    let item = |mode: &str| Value::object([("mode", Value::from(mode))]);
    let value = Value::map([("left leg", Value::from(vec![item("idle"), item("flying")]))]);
    assert_eq!(refused(&value, &ty), "[\"left leg\"][1].mode: the enum has no symbol \"flying\"");

    let fixed = Type::fixed_array(3, Type::Null);
    assert_eq!(refused(&vec![Value::Null].into(), &fixed), "the value: 3 items are needed, not 1");
    let union = Type::Union(vec![Type::Null]);
    assert_eq!(refused(&Value::union(1, Value::Null), &union), "the value: the union has 1 members, none with index 1");
    assert_eq!(refused(&Value::Null, &Type::Timestamp), "the value: timestamp is needed, not null");
}

#[test]
fn a_default_that_could_not_be_read_is_refused() {
    let nulls = Value::from(vec![Value::Null; MAX_ZERO_WIDTH as usize + 1]);
    let field = Field::new("a", Type::array(Type::Null));
    assert_eq!(field.with_default(&nulls).unwrap_err().kind, EncodeErrorKind::ZeroWidth);
}

#[test]
fn accessors() {
    let value = everything_value();
    let field = |name| value.field(name).unwrap();
    assert_eq!(field("boolean").as_bool(), Some(true));
    assert_eq!(field("int").as_i64(), Some(-70_000));
    assert_eq!(field("int").as_u64(), None);
    assert_eq!(field("uint").as_i64(), None);
    assert_eq!(field("mode").as_u64(), Some(9));
    assert_eq!(field("mode").as_str(), Some("armed"));
    assert_eq!(field("string").as_bytes(), Some("größer".as_bytes()));
    assert_eq!(field("float64").as_f64(), Some(0.1));
    assert_eq!(field("int").as_f64(), Some(-70_000.0));
    assert_eq!(field("array").item(0).and_then(|item| item.field("y")).and_then(Value::as_f64), Some(1.5));
    assert_eq!(field("union").inner(), &Value::Duration(-5));
    assert_eq!(field("map").field("k"), Some(&Value::from(vec![])), "the last of equal keys");
    assert_eq!(value.field("nothing"), None);
    assert_eq!(field("array").item(2), None);
    assert_eq!(field("null").field("x"), None);
}

#[test]
fn a_value_takes_no_more_memory_than_its_docs_say() {
    assert!(size_of::<Value>() <= 64, "{}", size_of::<Value>());
}
