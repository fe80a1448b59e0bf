//! Conditions: what their text means, what they are true of, and what is said of wrong ones.

use std::sync::Arc;

use tlog::Micros;
use tlog::read::{ReadOptions, RecordType, SliceReader};
use tlog::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use tlog::value::Value;
use tlog_index::predicate::{MAX_NESTING, Predicate, PredicateError};

fn object<'n>(fields: impl IntoIterator<Item = (&'n str, Type)>) -> Type {
    Object::new(fields.into_iter().map(|(name, ty)| Field::new(name, ty))).into()
}

fn modes(names: &[&str]) -> Type {
    let symbols = names.iter().enumerate().map(|(at, name)| Symbol { value: at as i128, name: (*name).to_owned() });
    Enum::new(IntegerType::Varuint, symbols).into()
}

fn servo_type() -> Type {
    let leg = object([("torque", Type::Float32), ("odd name", Type::Varint)]);
    object([
        ("u", Type::FixedUint(Width::W8)),
        ("i", Type::Varint),
        ("f", Type::Float64),
        ("s", Type::Float32),
        ("on", Type::Boolean),
        ("off", Type::Boolean),
        ("mode", modes(&["stopped", "position", "velocity"])),
        ("name", Type::String),
        ("raw", Type::Bytes),
        ("at", Type::Timestamp),
        ("took", Type::Duration),
        ("some", Type::optional(Type::Varint)),
        ("none", Type::optional(Type::Varint)),
        ("nothing", Type::Null),
        ("either", Type::Union(vec![Type::Null, Type::Float64, Type::String])),
        ("legs", Type::array(leg)),
        ("tags", Type::map(Type::String)),
        ("nan", Type::Float64),
        ("in", Type::Varint),
        ("3d", Type::Varint),
    ])
}

fn servo_value() -> Value {
    let leg = |torque: f32| Value::object([("torque", Value::from(torque)), ("odd name", (-7).into())]);
    Value::object([
        ("u", Value::from(u64::MAX)),
        ("i", Value::from(i64::MIN)),
        ("f", 2.5.into()),
        ("s", Value::from(0.1f32)),
        ("on", true.into()),
        ("off", false.into()),
        ("mode", Value::from(1)),
        ("name", "ä\"b\n".into()),
        ("raw", Value::Bytes(vec![0, 0xff])),
        ("at", Micros(1_704_067_200_000_001).into()),
        ("took", Value::Duration(-5)),
        ("some", Value::optional(Some(Value::from(3)))),
        ("none", Value::optional(None)),
        ("nothing", Value::Null),
        ("either", Value::union(1, 0.5)),
        ("legs", vec![leg(1.0), leg(2.0)].into()),
        ("tags", Value::map([("key", Value::from("value")), ("a b", "c".into())])),
        ("nan", f64::NAN.into()),
        ("in", Value::from(1)),
        ("3d", Value::from(2)),
    ])
}

fn schema(ty: &Type) -> Schema {
    Schema::new(ty.clone()).unwrap()
}

fn payload(value: &Value, ty: &Type) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(ty, &mut out).unwrap();
    out
}

/// Whether the condition is true of the servo.
fn matches(text: &str) -> bool {
    let ty = servo_type();
    let compiled = Predicate::parse(text).and_then(|predicate| predicate.compile("servo", &schema(&ty)));
    match compiled.unwrap_or_else(|e| panic!("{text}: {e}\n{}", e.snippet())) {
        Some(compiled) => compiled.matches(&payload(&servo_value(), &ty)).unwrap(),
        None => false,
    }
}

#[test]
fn comparisons_mean_what_they_say() {
    for text in [
        "u == 18446744073709551615",
        "u == 0xffffffffffffffff",
        "u > 18446744073709551614 and u < 18446744073709551616.0",
        "i == -9223372036854775808 and i == -0x8000000000000000 and i < -1e3",
        "not (i > -9223372036854775808)",
        "f == 2.5 and f > 2 and f < 3 and f >= 2.5 and f <= 2.5 and f != 2",
        "2 < f and 3>f and 2.5==f and 2.5 <= f and 2.5 >= f and 2 != f",
        "f == .25e1 and f == 25.e-1 and f < inf and f > -inf and f < +inf",
        "s == 0.1 and s <= 0.1 and s >= 0.1 and not s > 0.1 and s > 0 and s < 1",
        "on and not off and !off and on == true and off != true and off == false",
        "mode == \"position\" and mode == 1 and mode != 'stopped' and mode >= 1 and mode < 1.5",
        r#"name == "ä\"b\n" and name == '\u{e4}"b\n' and name == "\xc3\xa4\"b\n" and name > "a" and name < "ö""#,
        r#"raw == "\0\xff" and raw > "" and raw < "\x01" and raw != 'ff'"#,
        "at > \"2024-01-01T00:00:00Z\" and at == '2024-01-01T02:00:00.000001+02:00' and at == 1704067200000001",
        "took == -5 and took < 0",
        "some == 3 and some != null and none == null and null == none and nothing == null and not some == null",
        "either.float64 == 0.5 and either[1] == 0.5 and either.string == null and either != null",
        "legs[1].torque == 2 and legs[0][\"odd name\"] == -7 and legs[2].torque == null and legs != null",
        "tags.key == \"value\" and tags[\"a b\"] == 'c' and tags.other == null",
        "[\"in\"] == 1 and [\"3d\"] == 2 and servo.in == 1 and servo.3d == 2 and [\"nan\"] == nan",
        "u > i and f > legs[0].torque and legs[0].torque < legs[1].torque and name != raw and on != off and mode < f",
        "took < at and on == on and u == u",
        "i in [1, -9223372036854775808] and mode in ['velocity', 'position'] and f not in [1,2] and none in [1,null]",
        "not f in []",
        "servo.f == 2.5 and servo != null and servo.legs[1].torque == 2",
        "f == 1 or f == 2.5 && on || off",
        "off and off or on",
        "!(off or !on)",
        "not not on",
        "\n ( on\t)\u{a0}",
    ] {
        assert!(matches(text), "{text}");
    }
}

#[test]
fn what_is_false_stays_false() {
    for text in [
        "u == 18446744073709551614",
        "u >= 18446744073709551616.0",
        "s != 0.1",
        "s == 1e300",
        "off",
        "not on",
        "mode == 'velocity'",
        "name == 'ä'",
        "at < '2024-01-01T00:00:00Z'",
        "none != null",
        "either == null",
        "legs[1].torque == null",
        "on and off",
        "off or off and on",
        "off and (off or on)",
        "f in []",
        "i == nan",
    ] {
        assert!(!matches(text), "{text}");
        assert!(matches(&format!("not ({text})")), "{text}");
    }
}

#[test]
fn nan_is_only_found_by_name() {
    let nan = "servo.nan";
    for op in ["==", "<", "<=", ">", ">="] {
        assert!(!matches(&format!("{nan} {op} 1")), "{op}");
        assert!(!matches(&format!("{nan} {op} {nan}")), "{op}");
        assert!(matches(&format!("not {nan} {op} 1")), "{op}");
    }
    assert!(matches(&format!("{nan} != 1 and {nan} != {nan} and {nan} == nan and {nan} in [1, nan]")));
    assert!(!matches(&format!("{nan} != nan")));
    assert!(matches("f != nan"));
    for never in ["f == nan", "f < nan", "f >= nan"] {
        assert!(!matches(never), "{never}");
    }
}

#[test]
fn unknown_is_neither_true_nor_false() {
    for unknown in [
        "none == 3",
        "none != 3",
        "none < some",
        "legs[9].torque > 0",
        "tags.x == 'y'",
        "missing == 1",
        "missing == null",
        "none in [1]",
    ] {
        for text in [
            unknown.to_owned(),
            format!("not {unknown}"),
            format!("not ({unknown} and on)"),
            format!("{unknown} and on"),
        ] {
            assert!(!matches(&text), "{text}");
        }
        assert!(matches(&format!("{unknown} or on")));
        assert!(matches(&format!("not ({unknown} and off)")));
    }
}

#[test]
fn what_cannot_be_true_is_recognised() {
    let schema = schema(&servo_type());
    for (text, possible) in [
        ("f > 1", true),
        ("other.f > 1", false),
        ("not other.f > 1", false),
        ("other.f > 1 and on", false),
        ("not (other.f > 1 and on)", true),
        ("other.f > 1 or on", true),
        ("not (other.f > 1 or on)", false),
        ("missing == null", false),
        ("f in []", false),
        ("not f in []", true),
    ] {
        let compiled = Predicate::parse(text).unwrap().compile("servo", &schema).unwrap();
        assert_eq!(compiled.is_some(), possible, "{text}");
    }
}

#[test]
fn payloads_are_read_only_as_far_as_needed() {
    let schema = schema(&object([("a", Type::Boolean), ("b", Type::Float64)]));
    let compiled = |text| Predicate::parse(text).unwrap().compile("r", &schema).unwrap().unwrap();
    assert_eq!(compiled("a and b > 0").matches(&[0]), Ok(false));
    assert!(compiled("a and b > 0").matches(&[1]).is_err());
    assert!(compiled("b > 0 or a").matches(&[1]).is_err());
    assert_eq!(compiled("a or b > 0").matches(&[1]), Ok(true));
}

fn syntax_error(text: &str) -> PredicateError {
    Predicate::parse(text).expect_err(text)
}

#[test]
fn syntax_errors_point_at_the_column() {
    for (text, column, expected) in [
        ("", 1, "a path, a literal, `not` or `(` is expected"),
        ("a >", 4, "a path, a literal"),
        ("a > > 1", 5, "a path, a literal"),
        ("ä = 1", 3, "equality is asked by `==`"),
        ("a == 1 b", 8, "`and`, `or` or the end is expected"),
        ("a b", 3, "a comparison (`==`, `<`, `in`, …), `and`, `or` or the end is expected"),
        ("(a b", 4, "`and`, `or` or `)` is expected"),
        ("(a == 1", 8, "a `)` is missing"),
        ("a == 1)", 7, "no `(` is open here"),
        ("a == 1 and", 11, "a path, a literal"),
        ("a == 1 and or", 12, "a path, a literal"),
        ("a & b", 3, "a comparison"),
        ("1 < a < 3", 3, "comparisons do not chain"),
        ("  1 == 2", 3, "one of the two sides must be a path"),
        ("true", 5, "a comparison (`==`, `!=`, `<`, …) must follow a literal"),
        ("a < null", 3, "with null, only `==` and `!=` compare"),
        ("true >= a", 6, "with a boolean, only"),
        ("ö.ü. > 1", 5, "a name is expected"),
        ("a[x] > 1", 3, "an index or a quoted name is expected"),
        ("a[1 > 1", 4, "a `]` is expected"),
        ("a == \"b", 6, "the closing quote of this string is missing"),
        ("a == 'ß\\q'", 8, "an escape is one of"),
        ("a == '\\xg0'", 7, "an escape is one of"),
        ("a == '\\u{d800}'", 7, "an escape is one of"),
        ("a == '\\", 7, "an escape is one of"),
        ("a == 18446744073709551616", 6, "does not fit into 64 bits"),
        ("a == -9223372036854775809", 6, "does not fit into 64 bits"),
        ("a == 0xfffffffffffffffffffffffffffffffffffffff", 6, "does not fit into 64 bits"),
        ("a == 1e999", 6, "too large for a float"),
        ("a == 0x", 6, "this is not a number"),
        ("a == 1e", 6, "this is not a number"),
        ("a == 1.2.3", 6, "this is not a number"),
        ("3d > 1", 1, "names that begin like one stand in quotes, as in [\"3d\"]"),
        ("a == -b", 6, "this is not a number"),
        ("a in 1", 6, "a list is expected"),
        ("a in [1 2]", 9, "a `,` or `]` is expected"),
        ("a in [1,]", 9, "a literal is expected"),
        ("a in [b]", 7, "a literal is expected"),
        ("a not == 1", 7, "`in` is expected after a path and `not`"),
        ("a AND b", 3, "`and`, `or`"),
    ] {
        let error = syntax_error(text);
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(error.problem.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_caret_stands_under_the_column() {
    let error = syntax_error("ä\t= 1");
    assert_eq!(error.to_string(), "column 3 of the condition: equality is asked by `==`");
    assert_eq!(error.snippet(), "ä = 1\n  ^");
    assert_eq!(syntax_error("a ==").snippet(), "a ==\n    ^");
    let long = format!("{} = 1 or {}", "b or ".repeat(50) + "a", "c or ".repeat(50));
    let snippet = syntax_error(&long).snippet();
    let (text, caret) = snippet.split_once('\n').unwrap();
    assert_eq!(text.chars().nth(caret.chars().count() - 1), Some('='));
    assert!(text.starts_with('…') && text.ends_with('…') && text.chars().count() < 130, "{text}");
    assert!(tlog::Error::from(error).to_string().ends_with("`==`\nä = 1\n  ^"));
}

#[test]
fn nesting_is_bounded_and_length_is_not() {
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Predicate::parse(&nested(MAX_NESTING)).is_ok());
    assert_eq!(syntax_error(&nested(MAX_NESTING + 1)).column, MAX_NESTING + 1);
    for start in ["(", "!", "not ", "!(", "a in [1] or (", "not a not in [1] and not ("] {
        assert!(syntax_error(&start.repeat(100_000)).problem.contains("nest"));
    }
    let long = Predicate::parse(&vec!["on and off"; 10_000].join(" or ")).unwrap();
    let compiled = long.compile("servo", &schema(&servo_type())).unwrap().unwrap();
    assert!(!compiled.matches(&payload(&servo_value(), &servo_type())).unwrap());
}

#[test]
fn shown_as_meant() {
    for (text, shown) in [
        ("a==1&&b||!c", "a == 1 and b or not c"),
        ("((a)) or (b or c)", "a or (b or c)"),
        ("a and (b and c or d)", "a and (b and c or d)"),
        ("not (a and b)", "not (a and b)"),
        ("1.0<a", "a > 1.0"),
        ("null == a", "a == null"),
        ("a == 'it\\'s \"\\xff\\u{1}'", r#"a == "it's \"\xff\u{1}""#),
        ("a not in[0x10,'x',nan]", "not a in [16, \"x\", nan]"),
        ("[\"not\"].x == -inf", "[\"not\"].x == -inf"),
        ("[\"-1\"][\"a\"] == 1e16", "[\"-1\"].a == 1e16"),
        ("[\"a b\"].c > [0]", "[\"a b\"].c > [0]"),
    ] {
        let predicate = Predicate::parse(text).unwrap();
        assert_eq!(predicate.to_string(), shown);
        assert_eq!(Predicate::parse(shown).unwrap(), predicate);
        assert_eq!(predicate.text(), text);
    }
    assert_ne!(Predicate::parse("a == 1").unwrap(), Predicate::parse("a == 1.0").unwrap());
}

/// A log's records, as a reader finds them.
fn records<const N: usize>(types: [(&str, Type); N]) -> Vec<Arc<RecordType>> {
    let mut writer = tlog::Writer::new(Vec::new());
    for (name, ty) in types {
        writer.declare(name, &schema(&ty)).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let mut reader = SliceReader::new(&bytes, ReadOptions::default());
    while reader.next_data().unwrap().is_some() {}
    reader.records().cloned().collect()
}

fn two_records() -> Vec<Arc<RecordType>> {
    let imu = object([
        ("temp", Type::Float32),
        ("mode", modes(&["asleep", "awake"])),
        ("id", Type::String),
        ("only", Type::Varint),
    ]);
    let servo = object([("torque", Type::Float32), ("mode", modes(&["stopped", "position"])), ("id", Type::Varuint)]);
    records([("imu", imu), ("servo", servo)])
}

#[test]
fn what_one_record_lacks_another_may_have() {
    for (text, fits) in [
        ("temp > 1", [true, false]),
        ("servo.torque > 1", [false, true]),
        ("temp > 1 or torque > 1", [true, true]),
        ("temp > 1 and torque > 1", [false, false]),
        ("id == 'left'", [true, false]),
        ("id == 3", [false, true]),
        ("id in [3, 'left']", [true, true]),
        ("mode == 'awake'", [true, false]),
        ("mode != 'awake'", [true, true]),
        ("servo != null", [false, true]),
        ("imu.temp < imu.only", [true, false]),
    ] {
        let compiled = Predicate::parse(text).unwrap().compile_all(&two_records()).unwrap();
        assert_eq!(compiled.iter().map(Option::is_some).collect::<Vec<_>>(), fits, "{text}");
    }
    assert!(Predicate::parse("x > 1").unwrap().compile_all(&[]).unwrap().is_empty());
}

#[test]
fn what_no_record_has_is_an_error() {
    for (text, column, problem) in [
        (
            "servo.torque > 1 and servo.torqe < 5",
            22,
            "record servo has no field \"torqe\" (did you mean \"torque\"?); it has torque, mode, id",
        ),
        ("tempe > 1", 1, "record imu has no field \"tempe\" (did you mean \"temp\"?); it has temp, mode, id, only"),
        ("torque.x > 1", 1, "in record servo, torque (float32) has no parts"),
        ("sevro.xyzzy > 1", 1, "none of the records has sevro.xyzzy (did you mean \"servo\"?); they are imu, servo"),
        (
            "temp > torque",
            8,
            "record imu has temp but not torque, which must be in one record: record imu has no field",
        ),
        (
            "mode == 'positon'",
            9,
            "in record servo, mode is an enum without the symbol \"positon\" (did you mean \"position\"?); it has \
             stopped, position",
        ),
        ("mode > 'awake'", 8, "in record imu, mode is an enum, whose symbols have no order; compare it by `>`"),
        ("torque == 'x'", 11, "in record servo, torque is a float32, and is compared with a number, not a string"),
        ("servo.id in [1, 'x']", 17, "in record servo, servo.id is a varuint, and is compared with a number, not"),
        ("imu.id > imu.temp", 10, "in record imu, imu.id is a string, which `>` cannot compare with a float32"),
        ("temp", 1, "in record imu, temp is a float32, and only a boolean can stand alone"),
        ("imu == 1", 8, "in record imu, imu is an object, and is compared with `null` only"),
    ] {
        let error = Predicate::parse(text).unwrap().compile_all(&two_records()).expect_err(text);
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(error.problem.starts_with(problem), "{text}: {error}");
    }
    let alone = |text: &str| Predicate::parse(text).unwrap().compile("r", &schema(&object([("at", Type::Timestamp)])));
    assert!(alone("at > 'noon'").unwrap_err().problem.contains("\"noon\" is not RFC 3339"));
    assert!(alone("to > 'noon'").unwrap().is_none());
}
