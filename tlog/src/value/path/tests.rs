//! Paths: what compiles, and what is read by them.

use super::*;
use crate::Error;
use crate::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use crate::time::Micros;
use crate::value::{Value, ValueErrorKind};

fn object<'n>(fields: impl IntoIterator<Item = (&'n str, Type)>) -> Type {
    Object::new(fields.into_iter().map(|(name, ty)| Field::new(name, ty))).into()
}

fn compile(path: &str, ty: &Type) -> FieldPath {
    Path::parse(path).unwrap().compile(&Schema::new(ty.clone()).unwrap()).unwrap()
}

fn refused(path: &str, ty: &Type) -> String {
    Path::parse(path).unwrap().compile(&Schema::new(ty.clone()).unwrap()).unwrap_err().to_string()
}

fn payload(value: &Value, ty: &Type) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(ty, &mut out).unwrap();
    out
}

#[test]
fn shows_what_it_reads() {
    for (text, shown) in [
        ("", ""),
        ("servos[3].torque", "servos[3].torque"),
        ("[0][18446744073709551615].x", "[0][18446744073709551615].x"),
        ("tags[\"any key\"].b", "tags[\"any key\"].b"),
        ("tags[\"key\"]", "tags.key"),
        ("[\"a\"].größe-2._x", "a.größe-2._x"),
        (r#"t["\"\\"]"#, r#"t["\"\\"]"#),
        ("t[\"\"]", "t[\"\"]"),
        ("t[\"a.b\"]", "t[\"a.b\"]"),
    ] {
        let path = Path::parse(text).unwrap();
        assert_eq!(path.to_string(), shown);
        assert_eq!(shown.parse::<Path>().unwrap(), path);
    }
}

#[test]
fn says_where_the_text_is_wrong() {
    for (text, column) in [
        (".a", 1),
        ("a.", 3),
        ("a..b", 3),
        ("ä b", 2),
        ("a[", 3),
        ("a[]", 3),
        ("a[-1]", 3),
        ("a[18446744073709551616]", 3),
        ("a[1", 4),
        ("a[1]b", 5),
        ("a[\"b", 5),
        ("a[\"ü\\n\"]", 6),
        ("a[\"b\"", 6),
        ("a]", 2),
    ] {
        match Path::parse(text) {
            Err(PathError::Syntax { path, column: found, .. }) => assert_eq!((path.as_str(), found), (text, column)),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_longer_text_may_begin_with_a_path() {
    for (text, path, len) in [
        ("a", "a", 1),
        ("a.b[3] > 2", "a.b[3]", 6),
        ("ä==1", "ä", 2),
        ("[\"a b\"].c)", "[\"a b\"].c", 9),
        ("a[\"]\"]and", "a[\"]\"]", 6),
    ] {
        assert_eq!(Path::parse_prefix(text), Ok((Path::parse(path).unwrap(), len)));
    }
    for (text, at) in [("", 1), (" a", 1), ("a. > 1", 3), ("a[1 > 2", 4)] {
        assert!(matches!(Path::parse_prefix(text), Err(PathError::Syntax { column, .. }) if column == at), "{text}");
    }
    let path = Path::parse("a.b[3]").unwrap();
    assert_eq!(path.segments()[1..].iter().cloned().collect::<Path>().to_string(), "b[3]");
}

#[test]
fn says_what_the_schema_has_instead() {
    let servo = object([("id", Type::Varuint), ("torque", Type::Float32)]);
    let ty = object([
        ("servos", Type::array(servo.clone())),
        ("four", Type::fixed_array(4, servo)),
        ("tags", Type::map(Type::String)),
        ("u", Type::Union(vec![Type::Null, Type::Float64, Type::String])),
        ("twice", Type::Union(vec![Type::Null, Type::String, Type::String])),
    ]);
    for (path, message) in [
        (
            "servo",
            "the record (object) has no field \"servo\" (did you mean \"servos\"?); it has servos, four, tags, u, twice",
        ),
        ("servos[0].Torqe", "servos[0] (object) has no field \"Torqe\" (did you mean \"torque\"?); it has id, torque"),
        ("servos[0].x", "servos[0] (object) has no field \"x\"; it has id, torque"),
        ("[0]", "the record (object) takes the name of a field: servos, four, tags, u, twice"),
        ("servos.torque", "servos (array) takes an index, as in [0]"),
        ("four[4].id", "four (fixedarray) takes an index below 4, as in [0]"),
        ("tags[0]", "tags (map) takes a key, as in [\"key\"]"),
        ("servos[1].torque.x", "servos[1].torque (float32) has no parts"),
        ("u.float46", "u (union) has no member \"float46\" (did you mean \"float64\"?); it has null, float64, string"),
        ("u[3]", "u (union) has 3 members"),
        (
            "u[\"string#1\"]",
            "u (union) has no member \"string#1\" (did you mean \"string\"?); it has null, float64, string",
        ),
        ("twice.string", "twice (union) has several members \"string\"; take one by index, as in [1]"),
    ] {
        assert_eq!(refused(path, &ty), message);
    }
}

#[test]
fn long_lists_are_cut() {
    let names: Vec<String> = (0..25).map(|n| format!("field{n}")).collect();
    let ty = object(names.iter().map(|name| (name.as_str(), Type::Null)));
    assert!(refused("zzz", &ty).ends_with("field19, 5 more"));
}

#[test]
fn what_is_fixed_is_one_offset() {
    let leg = object([("joint", Type::fixed_array(3, Type::Float32)), ("on", Type::Boolean)]);
    let ty = object([
        ("at", Type::Timestamp),
        ("legs", Type::fixed_array(4, leg)),
        ("name", Type::String),
        ("z", Type::Boolean),
    ]);
    for (path, offset) in [
        ("", Some(0)),
        ("at", Some(0)),
        ("legs", Some(8)),
        ("legs[3].on", Some(8 + 3 * 13 + 12)),
        ("legs[2].joint[1]", Some(8 + 2 * 13 + 4)),
        ("name", Some(60)),
        ("z", None),
    ] {
        assert_eq!(compile(path, &ty).fixed_offset(), offset, "{path}");
    }
    let torque = compile("legs[3].on", &ty);
    assert_eq!(torque.read(&[1; 60]), Ok(Some(Scalar::Boolean(true))));
    assert_eq!(torque.read(&[1; 59]).unwrap_err().kind, ValueErrorKind::Truncated);
}

#[test]
fn gets_past_what_varies() {
    let ty = object([
        ("a", Type::Boolean),
        ("s", Type::String),
        ("b", Type::FixedUint(Width::W2)),
        ("v", Type::Varint),
        ("c", Type::FixedUint(Width::W1)),
        ("inner", object([("t", Type::String), ("d", Type::Duration)])),
        ("rows", Type::fixed_array(3, Type::String)),
        ("last", Type::Timestamp),
    ]);
    let value = Value::object([
        ("a", true.into()),
        ("s", "text".into()),
        ("b", 513.into()),
        ("v", (-1000).into()),
        ("c", 7.into()),
        ("inner", Value::object([("t", Value::from("in")), ("d", Value::Duration(-9))])),
        ("rows", vec![Value::from("x"), "yy".into(), "".into()].into()),
        ("last", Micros(5).into()),
    ]);
    let bytes = payload(&value, &ty);
    let inner = payload(value.field("inner").unwrap(), compile("inner", &ty).ty());
    for (path, expected) in [
        ("a", Scalar::Boolean(true)),
        ("s", Scalar::String(b"text")),
        ("b", Scalar::Uint(513)),
        ("v", Scalar::Int(-1000)),
        ("c", Scalar::Uint(7)),
        ("inner.t", Scalar::String(b"in")),
        ("inner.d", Scalar::Duration(-9)),
        ("inner", Scalar::Composite(&inner)),
        ("rows[0]", Scalar::String(b"x")),
        ("rows[2]", Scalar::String(b"")),
        ("last", Scalar::Timestamp(Micros(5))),
        ("", Scalar::Composite(&bytes)),
    ] {
        let path = compile(path, &ty);
        assert_eq!(path.read(&bytes), Ok(Some(expected)), "{}", path.path());
        let part = path.bytes(&bytes).unwrap().unwrap();
        crate::value::check_exact(path.ty(), part).unwrap();
    }
    for len in 0..bytes.len() {
        assert!(compile("last", &ty).read(&bytes[..len]).is_err());
    }
}

#[test]
fn what_is_not_there_is_none() {
    let inner = object([("x", Type::FixedUint(Width::W1)), ("s", Type::String)]);
    let ty = object([
        ("list", Type::array(inner.clone())),
        ("bytes", Type::array(Type::FixedUint(Width::W2))),
        ("map", Type::map(inner.clone())),
        ("some", Type::optional(inner.clone())),
        ("none", Type::optional(inner)),
        ("u", Type::Union(vec![Type::Float64, Type::String, Type::Union(vec![Type::Null, Type::Boolean])])),
    ]);
    let item = |x: u8, s: &str| Value::object([("x", Value::from(x)), ("s", s.into())]);
    let value = Value::object([
        ("list", vec![item(1, "one"), item(2, "two")].into()),
        ("bytes", vec![Value::from(1), 2.into(), 3.into()].into()),
        ("map", Value::map([("k", item(3, "")), ("other", item(4, "four")), ("k", item(5, "five"))])),
        ("some", Value::optional(Some(item(6, "six")))),
        ("none", Value::optional(None)),
        ("u", Value::union(2, Value::union(1, true))),
    ]);
    let bytes = payload(&value, &ty);
    for (path, expected) in [
        ("list[1].x", Some(Scalar::Uint(2))),
        ("list[1].s", Some(Scalar::String(b"two"))),
        ("list[2].x", None),
        ("bytes[2]", Some(Scalar::Uint(3))),
        ("bytes[3]", None),
        ("map.k.s", Some(Scalar::String(b"five"))),
        ("map.other.x", Some(Scalar::Uint(4))),
        ("map.K.x", None),
        ("some.x", Some(Scalar::Uint(6))),
        ("some.s", Some(Scalar::String(b"six"))),
        ("none.x", None),
        ("none", None),
        ("u.string", None),
        ("u[0]", None),
        ("u.union", Some(Scalar::Boolean(true))),
        ("u[\"union#2\"]", Some(Scalar::Boolean(true))),
        ("u[\"string#1\"]", None),
    ] {
        let path = compile(path, &ty);
        assert_eq!(path.read(&bytes), Ok(expected), "{}", path.path());
        assert_eq!(path.bytes(&bytes).unwrap().is_some(), expected.is_some());
    }
    assert_eq!(compile("some", &ty).ty().name(), "object", "the type inside");
}

#[test]
fn every_scalar_is_read() {
    let modes = [Symbol { value: -1, name: "off".to_owned() }];
    let mode = Type::from(Enum::new(IntegerType::Varint, modes));
    for (ty, bytes, expected) in [
        (Type::Null, &[][..], Scalar::Null),
        (Type::Boolean, &[2], Scalar::Boolean(true)),
        (Type::FixedInt(Width::W2), &[0xff, 0xff], Scalar::Int(-1)),
        (Type::FixedUint(Width::W8), &[0xff; 8], Scalar::Uint(u64::MAX)),
        (Type::Varint, &[3], Scalar::Int(-2)),
        (Type::Varuint, &[0x80, 1], Scalar::Uint(128)),
        (Type::Float32, &[0, 0, 0xc0, 0x3f], Scalar::Float32(1.5)),
        (Type::Float64, &[0; 8], Scalar::Float64(0.0)),
        (Type::Bytes, &[1, 9], Scalar::Bytes(&[9])),
        (mode.clone(), &[1], Scalar::Enum { value: -1, name: Some("off") }),
        (mode, &[2], Scalar::Enum { value: 1, name: None }),
        (Type::Timestamp, &[1, 0, 0, 0, 0, 0, 0, 0], Scalar::Timestamp(Micros(1))),
        (Type::array(Type::Null), &[2], Scalar::Composite(&[2])),
    ] {
        assert_eq!(compile("", &ty).read(bytes), Ok(Some(expected)), "{}", ty.name());
    }
}

#[test]
fn hostile_payloads_are_errors() {
    let claim = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let kind = |path: &str, ty: &Type, bytes: &[u8]| compile(path, ty).read(bytes).unwrap_err().kind;
    let far = "[9223372036854775807]";
    assert_eq!(kind(far, &Type::array(Type::Float64), &claim), ValueErrorKind::Truncated);
    assert_eq!(kind(far, &Type::array(Type::String), &claim), ValueErrorKind::Truncated);
    assert_eq!(kind(far, &Type::array(Type::Null), &claim), ValueErrorKind::ZeroWidth);
    assert_eq!(kind("k", &Type::map(Type::Null), &claim), ValueErrorKind::Truncated);
    let fixed = |item| Type::fixed_array(u64::MAX, item);
    assert_eq!(kind(far, &fixed(Type::Float64), &claim), ValueErrorKind::Truncated);
    assert_eq!(kind(far, &fixed(Type::array(Type::Null)), &[0]), ValueErrorKind::Truncated);
    let union = Type::Union(vec![Type::Boolean, Type::Float64]);
    assert_eq!(kind("boolean", &union, &[2, 0]), ValueErrorKind::UnionIndex { index: 2, members: 2 });
}

#[test]
fn leaves_are_the_columns_of_a_table() {
    let ty = object([
        ("id", Type::Varuint),
        ("pos", Type::fixed_array(2, object([("x", Type::Float32), ("odd name", Type::Float32)]))),
        ("opt", Type::optional(object([("a", Type::Boolean), ("b", Type::String)]))),
        ("list", Type::array(Type::Boolean)),
        ("map", Type::map(Type::Boolean)),
        ("u", Type::Union(vec![Type::Boolean, Type::String])),
        ("empty", object([])),
        ("none", Type::fixed_array(0, Type::Boolean)),
        ("id", Type::Boolean),
    ]);
    let leaves = leaf_paths(&Schema::new(ty.clone()).unwrap(), 13).unwrap();
    let names: Vec<String> = leaves.iter().map(|leaf| leaf.path().to_string()).collect();
    let expected = [
        "id",
        "pos[0].x",
        "pos[0][\"odd name\"]",
        "pos[1].x",
        "pos[1][\"odd name\"]",
        "opt.a",
        "opt.b",
        "list",
        "map",
        "u",
        "empty",
        "none",
        "id",
    ];
    assert_eq!(names, expected);

    let pos = |x: f32| Value::object([("x", Value::from(x)), ("odd name", (x + 0.5).into())]);
    let value = Value::object([
        ("id", Value::from(300)),
        ("pos", vec![pos(1.0), pos(2.0)].into()),
        ("opt", Value::optional(Some(Value::object([("a", Value::from(true)), ("b", "b".into())])))),
        ("list", vec![].into()),
        ("map", Value::map([("k", true.into())])),
        ("u", Value::union(0, false)),
        ("empty", Value::object::<&str>([])),
        ("none", vec![].into()),
        ("id", true.into()),
    ]);
    let bytes = payload(&value, &ty);
    let read: Vec<_> = leaves.iter().map(|leaf| leaf.read(&bytes).unwrap().unwrap()).collect();
    assert_eq!(read[0], Scalar::Uint(300));
    assert_eq!(read[4], Scalar::Float32(2.5));
    assert_eq!(read[6], Scalar::String(b"b"));
    assert_eq!(read[8], Scalar::Composite(&[1, 1, b'k', 1]));
    assert_eq!(read[10..12], [Scalar::Composite(&[]); 2]);
    assert_eq!(read[12], Scalar::Boolean(true), "the second of equal names is read by position");
}

#[test]
fn too_many_columns_are_refused_before_they_are_made() {
    let leaves = |ty: Type, limit| leaf_paths(&Schema::new(ty).unwrap(), limit).map(|leaves| leaves.len());
    assert_eq!(leaves(Type::fixed_array(10, Type::Null), 10).unwrap(), 10);
    assert!(matches!(leaves(Type::fixed_array(11, Type::Null), 10), Err(Error::Limit { size: 11, limit: 10, .. })));
    let huge = Type::fixed_array(1 << 40, Type::fixed_array(1 << 40, Object::new([]).into()));
    assert!(matches!(leaves(huge, MAX_COLUMNS), Err(Error::Limit { size: u64::MAX, .. })));
    assert_eq!(leaves(Type::Float32, MAX_COLUMNS).unwrap(), 1);
}
