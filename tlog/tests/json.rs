//! JSON of data and of schemas: what it looks like, that it comes back, what is refused.
#![cfg(feature = "std")]

mod arbitrary;

use arbitrary::{Payloads, payload, sized, varuint};
use proptest::prelude::*;
use tlog::schema::{Enum, Field, IntegerType, MAX_DEPTH, MAX_ELEMENTS, Object, Schema, Symbol, Type, Width};
use tlog::value::{Cursor, JsonError, read_json, write_json};

fn written(ty: &Type, payload: &[u8]) -> String {
    let mut json = Vec::new();
    write_json(ty, &mut Cursor::new(payload), &mut json).unwrap();
    String::from_utf8(json).unwrap()
}

fn read(ty: &Type, json: &str) -> Result<Vec<u8>, JsonError> {
    let mut payload = b"kept".to_vec();
    let result = read_json(ty, json, &mut payload);
    assert_eq!(&payload[..4], b"kept");
    assert!(result.is_ok() || payload.len() == 4, "an error leaves nothing behind");
    result.map(|()| payload[4..].to_vec())
}

#[track_caller]
fn both_ways(ty: &Type, payload: &[u8], json: &str) {
    assert_eq!(written(ty, payload), json);
    assert_eq!(read(ty, json).unwrap(), payload);
}

#[track_caller]
fn refused(ty: &Type, json: &str, path: &str, message: &str) {
    let error = read(ty, json).map(|payload| payload.len()).unwrap_err();
    assert_eq!(error.path, path);
    assert!(error.message.contains(message), "{error}");
}

fn object(fields: impl IntoIterator<Item = (&'static str, Type)>) -> Type {
    Object::new(fields.into_iter().map(|(name, ty)| Field::new(name, ty))).into()
}

fn enumeration(underlying: IntegerType, symbols: &[(i128, &str)]) -> Type {
    let symbol = |&(value, name): &(i128, &str)| Symbol { value, name: name.to_owned() };
    Enum::new(underlying, symbols.iter().map(symbol)).into()
}

const BYTE: Type = Type::FixedUint(Width::W1);

#[test]
fn scalars_both_ways() {
    both_ways(&Type::Null, &[], "null");
    both_ways(&Type::Boolean, &[1], "true");
    both_ways(&Type::FixedInt(Width::W8), &i64::MIN.to_le_bytes(), "-9223372036854775808");
    both_ways(&Type::FixedUint(Width::W8), &[0xff; 8], "18446744073709551615");
    both_ways(&Type::Varint, &[1], "-1");
    both_ways(&Type::Bytes, &sized(b"\x00\xff\x10\x20"), "\"AP8QIA==\"");
    both_ways(&Type::Bytes, &sized(&[0xfb; 1000]), &format!("\"{}+w==\"", "+/v7".repeat(333)));
    both_ways(&Type::Duration, &(-5i64).to_le_bytes(), "-5");
    assert_eq!(written(&Type::Boolean, &[7]), "true");
}

#[test]
fn floats_are_shortest_at_their_own_width() {
    both_ways(&Type::Float32, &0.1f32.to_le_bytes(), "0.1");
    both_ways(&Type::Float64, &0.1f64.to_le_bytes(), "0.1");
    both_ways(&Type::Float64, &f64::from(0.1f32).to_le_bytes(), "0.10000000149011612");
    both_ways(&Type::Float32, &(-0.0f32).to_le_bytes(), "-0.0");
    both_ways(&Type::Float32, &f32::from_bits(1).to_le_bytes(), "1e-45");
    both_ways(&Type::Float32, &f32::from_bits(0x7fc0_0000).to_le_bytes(), "\"NaN\"");
    both_ways(&Type::Float64, &f64::NEG_INFINITY.to_le_bytes(), "\"-Infinity\"");
    // By way of a float64 this one is rounded twice, to 1.0.
    assert_eq!(read(&Type::Float32, "1.000000059604644775390626").unwrap(), 1.0000001f32.to_le_bytes());
    assert_eq!(read(&Type::Float32, "-0").unwrap(), (-0.0f32).to_le_bytes());
    assert_eq!(read(&Type::Float64, "\"\\u004eaN\"").unwrap(), read(&Type::Float64, "\"NaN\"").unwrap());
    refused(&Type::Float32, "1e39", "", "expected float32 (a number in its range");
    refused(&Type::Float64, "\"nan\"", "", "found \"nan\"");
    assert!(read(&Type::Float64, "NaN").is_err());
}

#[test]
fn times_are_text_where_a_calendar_has_them() {
    both_ways(&Type::Timestamp, &1_549_900_112_574_307i64.to_le_bytes(), "\"2019-02-11T15:48:32.574307Z\"");
    both_ways(&Type::Timestamp, &i64::MIN.to_le_bytes(), "-9223372036854775808");
    assert_eq!(read(&Type::Timestamp, "\"1970-01-01T01:00:00+01:00\"").unwrap(), [0; 8]);
    assert_eq!(read(&Type::Timestamp, "17").unwrap(), 17i64.to_le_bytes());
    refused(&Type::Timestamp, "\"now\"", "", "RFC 3339");
    refused(&Type::Timestamp, "9223372036854775808", "", "RFC 3339");
}

#[test]
fn strings_are_escaped() {
    let text = "\"\\/\u{8}\t\n\u{c}\r\u{0}\u{1f}\u{7f}é\u{1f600}";
    both_ways(&Type::String, &sized(text.as_bytes()), r#""\"\\/\b\t\n\f\r\u0000\u001f\u007fé😀""#);
    assert_eq!(written(&Type::String, &sized(b"a\xff\xe2\x82b")), "\"a\u{fffd}\u{fffd}b\"");
    assert_eq!(read(&Type::String, r#""😀""#).unwrap(), sized("😀".as_bytes()));
    assert!(read(&Type::String, r#""\ud83d""#).is_err(), "half a surrogate pair");
    refused(&Type::String, "3", "", "expected string, found 3");
    refused(&Type::Bytes, "\"AA\"", "", "base64");
}

#[test]
fn enums_show_symbols_that_mean_their_value() {
    let mode = enumeration(IntegerType::FixedInt(Width::W1), &[(-1, "off"), (0, "a\"b"), (0, "other"), (5, "off")]);
    both_ways(&mode, &[0xff], "\"off\"");
    both_ways(&mode, &[0], r#""a\"b""#);
    both_ways(&mode, &[5], "5");
    both_ways(&mode, &[0x80], "-128");
    assert_eq!(read(&mode, "\"other\"").unwrap(), [0]);
    refused(&mode, "\"on\"", "", "`off`, `a\"b`, `other`");
    refused(&mode, "128", "", "-128 to 127");
    let gaps = enumeration(IntegerType::Varuint, &[(7, "seven"), (1, "one"), (1000, "many")]);
    for (value, json) in [(7, "\"seven\""), (1, "\"one\""), (1000, "\"many\""), (0, "0"), (2, "2")] {
        both_ways(&gaps, &varuint(value), json);
    }
}

#[test]
fn objects_arrays_and_maps() {
    let servo = object([("id", BYTE), ("name \"x\"", Type::String), ("torque", Type::array(Type::Float32))]);
    let bytes = [&[7][..], &sized(b"hip"), &[2], &0.5f32.to_le_bytes(), &1f32.to_le_bytes()].concat();
    both_ways(&servo, &bytes, r#"{"id":7,"name \"x\"":"hip","torque":[0.5,1.0]}"#);
    let shuffled = " {\"torque\" : [ 0.5, 1 ],\n \"id\":7, \"name \\u0022x\\u0022\": \"hip\" } ";
    assert_eq!(read(&servo, shuffled).unwrap(), bytes);
    both_ways(&object([]), &[], "{}");
    both_ways(&Type::fixed_array(2, BYTE), &[3, 4], "[3,4]");
    both_ways(&Type::map(BYTE), &[2, 1, b'b', 1, 1, b'a', 2], r#"{"b":1,"a":2}"#);
    let long: Vec<u8> = (0..300).map(|at| at as u8).collect();
    assert_eq!(read(&Type::array(BYTE), &written(&Type::array(BYTE), &sized(&long))).unwrap(), sized(&long));
}

#[test]
fn of_equal_keys_the_last_stays() {
    let map = Type::map(Type::map(BYTE));
    let pairs = |pairs: &[(u8, u8)]| {
        let pair = |&(key, value): &(u8, u8)| [1, key, value];
        [vec![pairs.len() as u8], pairs.iter().flat_map(pair).collect()].concat()
    };
    let entry = |key: u8, value: Vec<u8>| [vec![1, key], value].concat();
    let inner = pairs(&[(b'x', 10), (b'y', 2), (b'x', 30), (b'z', 4), (b'y', 55)]);
    let payload = [vec![3], entry(b'a', inner), entry(b'b', pairs(&[])), entry(b'a', pairs(&[(b'q', 1)]))].concat();
    assert_eq!(written(&map, &payload), r#"{"b":{},"a":{"q":1}}"#);
    let payload = [vec![1], entry(b'a', pairs(&[(b'x', 10), (b'y', 2), (b'x', 30), (b'z', 4), (b'y', 55)]))].concat();
    assert_eq!(written(&map, &payload), r#"{"a":{"x":30,"z":4,"y":55}}"#);
    // Two keys that are not UTF-8 look the same.
    assert_eq!(written(&Type::map(BYTE), &[2, 1, 0xfe, 1, 1, 0xff, 2]), "{\"\u{fffd}\":2}");
}

#[test]
fn unions_are_plain_only_where_null_is_enough() {
    both_ways(&Type::optional(BYTE), &[0], "null");
    both_ways(&Type::optional(BYTE), &[1, 9], "9");
    let nested = Type::optional(Type::optional(BYTE));
    both_ways(&nested, &[0], r#"{"null":null}"#);
    both_ways(&nested, &[1, 0], r#"{"union":null}"#);
    both_ways(&nested, &[1, 1, 9], r#"{"union":9}"#);
    both_ways(&Type::Union(vec![Type::Null, Type::Null]), &[1], r#"{"null#1":null}"#);
    let either = Type::Union(vec![object([("a", BYTE)]), BYTE, object([("a", BYTE)])]);
    both_ways(&either, &[0, 5], r#"{"object#0":{"a":5}}"#);
    both_ways(&either, &[1, 5], r#"{"fixeduint8":5}"#);
    both_ways(&either, &[2, 5], r#"{"object#2":{"a":5}}"#);
    both_ways(&Type::array(nested), &[2, 1, 1, 9, 0], r#"[{"union":9},{"null":null}]"#);
    both_ways(&Type::Union(vec![BYTE; 200]), &[0xc7, 1, 5], r#"{"fixeduint8#199":5}"#);
    for bad in [r#"{"object":{"a":5}}"#, r#"{"object#1":5}"#, r#"{"object#3":5}"#, "{}", r#"{"fixeduint8#1":5}"#] {
        refused(&either, bad, "", "one key out of `object#0`, `fixeduint8`, `object#2`");
    }
    assert!(read(&either, r#"{"fixeduint8":5,"fixeduint8":5}"#).is_err());
    assert!(read(&either, "5").is_err());
}

#[test]
fn a_union_with_more_members_than_names_numbers_them_all() {
    let fixed = |width| [Type::FixedInt(width), Type::FixedUint(width)];
    let mut members: Vec<Type> = [Width::W1, Width::W2, Width::W4, Width::W8].into_iter().flat_map(fixed).collect();
    members.extend([Type::Null, Type::Boolean, Type::Varint, Type::Varuint, Type::Float32, Type::Float64]);
    members.extend([Type::Bytes, Type::String, Type::Timestamp, Type::Duration, object([])]);
    members.extend([enumeration(IntegerType::Varint, &[]), Type::array(BYTE), Type::fixed_array(1, BYTE)]);
    members.extend([Type::map(BYTE), Type::Union(vec![BYTE])]);
    both_ways(&Type::Union(members.clone()), &[1, 5], r#"{"fixeduint8":5}"#);
    members.push(Type::Null);
    both_ways(&Type::Union(members), &[1, 5], r#"{"fixeduint8#1":5}"#);
}

#[test]
fn fields_that_are_missing_take_their_defaults() {
    let with_default = Field::new("b", Type::FixedUint(Width::W2)).with_default_bytes([1, 2]).unwrap();
    let optional = Field::new("c", Type::optional(BYTE));
    let ty = Type::from(Object::new([Field::new("a", BYTE), with_default, optional]));
    assert_eq!(read(&ty, r#"{"c":null,"a":9}"#).unwrap(), [9, 1, 2, 0]);
    assert_eq!(read(&ty, r#"{"a":9,"b":3,"c":4}"#).unwrap(), [9, 3, 0, 1, 4]);
    refused(&ty, r#"{"c":null}"#, "", "field `a` is missing");
    refused(&ty, r#"{"a":1}"#, "", "field `c` is missing");
    refused(&ty, r#"{"a":1,"c":2,"d":3}"#, "", "unknown field `d`");
    refused(&ty, r#"{"a":1,"c":2,"a":3}"#, "", "field `a` appears twice");
}

#[test]
fn fields_of_one_name_are_all_there_and_come_back() {
    let ty = object([("x", BYTE), ("y", BYTE), ("x", Type::String)]);
    both_ways(&ty, &[1, 2, 1, b'a'], r#"{"x":1,"y":2,"x":"a"}"#);
    assert_eq!(read(&ty, r#"{"y":2,"x":1,"x":"a"}"#).unwrap(), [1, 2, 1, b'a']);
}

#[test]
fn errors_say_where() {
    let servo = object([("torque", Type::map(BYTE))]);
    let ty = object([("servos", Type::array(servo)), ("n", Type::FixedInt(Width::W1))]);
    let json = "{\"servos\":[{\"torque\":{}},\n{\"torque\":{\"a b\":300}}],\"n\":1}";
    let error = read(&ty, json).unwrap_err();
    let message = "expected fixeduint8 (0 to 255), found 300";
    assert_eq!(error.to_string(), format!("servos[1].torque[\"a b\"]: {message} (line 2, column 21)"));
    refused(&ty, r#"{"servos":[{}]}"#, "servos[0]", "field `torque` is missing");
    refused(&ty, r#"{"servos":3}"#, "servos", "expected an array");
    refused(&ty, r#"{"servos":[{"torque":{"a":1,"a":2}}]}"#, "servos[0].torque[\"a\"]", "twice");
    refused(&ty, r#"{"n":1.0}"#, "n", "expected fixedint8 (-128 to 127), found 1.0");
    refused(&ty, r#"{"n":1"#, "", "EOF");
    refused(&ty, "{\"n\":1}}", "", "field `servos` is missing");
    refused(&BYTE, "1 1", "", "trailing characters");
    refused(&BYTE, &format!("\"{}\"", "é".repeat(99)), "", &format!("found \"{}…", "é".repeat(39)));
    refused(&Type::fixed_array(2, BYTE), "[1]", "", "expected 2 items, found 1");
    refused(&Type::fixed_array(2, BYTE), "[1,2,3]", "", "expected 2 items, found more");
}

#[test]
fn sizes_that_a_type_claims_are_not_believed() {
    let huge = Type::fixed_array(1 << 60, BYTE);
    refused(&huge, "[1,2]", "", "found 2");
    assert!(write_json(&huge, &mut Cursor::new(&[1, 2]), &mut Vec::new()).is_err());
    let nulls = Type::array(Type::fixed_array(1 << 60, Type::Null));
    refused(&nulls, &format!("[[{}null]]", "null,".repeat(1 << 20)), "[0]", "found");
    let many = Type::array(Type::Null);
    refused(&many, &format!("[{}null]", "null,".repeat(1 << 20)), "", "take no bytes");
}

#[test]
fn defaults_do_not_multiply_without_end() {
    let (mut ty, mut default) = (BYTE, vec![1]);
    for _ in 0..3 {
        let field = Field::new("f", ty).with_default_bytes(default).unwrap();
        ty = Type::array(Object::new([field]).into());
        default = read(&ty, &format!("[{}{{}}]", "{},".repeat(99))).unwrap();
    }
    assert!(default.len() > 1_000_000);
    refused(&ty, &format!("[{}{{}}]", "{},".repeat(99_999)), "[6643]", "too much of it comes from defaults");
}

#[test]
fn schemas_in_their_written_form() {
    let mode = enumeration(IntegerType::FixedUint(Width::W1), &[(0, "idle"), (3, "walk")]);
    let fields = [
        Field::new("mode", mode).alias("state").with_default_bytes([3]).unwrap(),
        Field::new("rows", Type::array(Type::fixed_array(3, Type::map(Type::Timestamp)))).with_flags(2),
        Field::new("gap", Type::optional(Type::Float32)).with_default_bytes([0]).unwrap(),
        Field::new("odd", Type::Float32).with_default_bytes([1, 0, 0xc0, 0x7f]).unwrap(),
    ];
    let schema = Schema::new(Object::new(fields).with_version(Some(7)).into()).unwrap();
    let json = concat!(
        r#"{"type":"object","fields":["#,
        r#"{"name":"mode","type":{"type":"enum","underlying":"fixeduint8","symbols":"#,
        r#"[{"name":"idle","value":0},{"name":"walk","value":3}]},"aliases":["state"],"default":"walk"},"#,
        r#"{"name":"rows","type":{"type":"array","items":{"type":"fixedarray","size":3,"#,
        r#""items":{"type":"map","values":"timestamp"}}},"flags":2},"#,
        r#"{"name":"gap","type":["null","float32"],"default":null},"#,
        r#"{"name":"odd","type":"float32","default_base64":"AQDAfw=="}],"version":7}"#,
    );
    assert_eq!(schema.to_json(), json);
    assert_eq!(Schema::from_json(json).unwrap(), schema);
    assert_eq!(Schema::from_json(&schema.to_json_pretty()).unwrap(), schema);
    assert!(schema.to_json_pretty().contains("\n      \"default\": \"walk\"\n"));
}

#[test]
fn schemas_in_the_simple_forms_of_the_document() {
    let same = |json: &str, ty: Type| assert_eq!(Schema::from_json(json).unwrap().root(), &ty, "{json}");
    let counted = enumeration(IntegerType::Varint, &[(0, "a"), (1, "b")]);
    same(r#"{"type":"enum","name":"E","aliases":["O"],"type":"varint","symbols":["a","b"]}"#, counted.clone());
    same(r#"{"type":"varint","symbols":["a","b"],"type":"enum","default":"a"}"#, counted.clone());
    same(r#"{"underlying":{"type":"varint"},"symbols":["a",{"value":1,"name":"b"}],"type":"enum"}"#, counted);
    same(r#"{"type":"float32"}"#, Type::Float32);
    same(r#"{"type":"union","types":["null","bytes"]}"#, Type::optional(Type::Bytes));
    same(r#"{"type":"array","name":"A","aliases":["B"],"items":"string"}"#, Type::array(Type::String));
    same(r#"{"size":3,"items":"string","type":"fixedarray"}"#, Type::fixed_array(3, Type::String));
    let value2 = Field::new("value2", Type::FixedInt(Width::W4)).with_default_bytes([123, 0, 0, 0]).unwrap();
    same(
        r#"{ "type" : "object", "name" : "MyName", "aliases" : ["MyOldName"], "fields" : [
            { "name" : "value1",  "type" : "boolean" },
            { "default" : 123, "name" : "value2",  "type" : "fixedint32" } ] }"#,
        Object::new([Field::new("value1", Type::Boolean), value2]).into(),
    );
    same("[]", Type::Union(vec![]));
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    let cases = [
        ("", "", "not JSON"),
        ("{\"type\":\"float32\"", "", "not JSON"),
        ("3", "", "a type is a name"),
        ("\"float\"", "", "there is no type `float`"),
        ("\"object\"", "", "there is no type `object`"),
        ("{}", "", "the key `type` is missing"),
        (r#"{"type":["null"]}"#, "type", "expected a string"),
        (r#"{"type":"array"}"#, "", "the key `items` is missing"),
        (r#"{"type":"array","items":"null","items":"null"}"#, "", "the key `items` is unknown here, or appears twice"),
        (r#"{"type":"float32","type":"float32"}"#, "", "the key `type` appears twice"),
        (r#"{"type":"enum","symbols":[]}"#, "", "`underlying`"),
        (r#"{"type":"enum","underlying":"string","symbols":[]}"#, "underlying", "must be over an integer"),
        (r#"{"type":"enum","underlying":"fixeduint8","symbols":[{"name":"a","value":256}]}"#, "symbols[0]", "256"),
        (r#"{"type":"fixedarray","size":-1,"items":"null"}"#, "size", "-1"),
        (r#"["null",{"type":"map","values":"x"}]"#, "[1].values", "there is no type `x`"),
        (
            r#"{"type":"object","fields":[{"name":"a","type":{"type":"array","items":"x"}}]}"#,
            "fields[0].type.items",
            "there is no type `x`",
        ),
        (r#"{"type":"object","fields":[{"name":"a","type":"null","alias":[]}]}"#, "fields[0]", "`alias` is unknown"),
        (
            r#"{"type":"object","fields":[{"name":"a","type":{"type":"array","items":"boolean"},"default":[true,2]}]}"#,
            "fields[0].default",
            "[1]: expected boolean, found 2",
        ),
        (
            r#"{"type":"object","fields":[{"name":"a","type":"float32","default_base64":"AAAA"}]}"#,
            "fields[0].default_base64",
            "ends inside a value",
        ),
        (
            r#"{"type":"object","fields":[{"name":"a","type":"null","default":null,"default_base64":""}]}"#,
            "fields[0]",
            "exclude each other",
        ),
    ];
    for (json, path, message) in cases {
        let error = Schema::from_json(json).unwrap_err();
        assert_eq!(error.path, path, "{json}");
        assert!(error.message.contains(message), "{json}: {error}");
    }
}

#[test]
fn depth_is_bounded_alike_in_every_form() {
    let leaves = [BYTE, object([]), Type::Union(vec![]), enumeration(IntegerType::Varint, &[])];
    for leaf in leaves {
        for depth in MAX_DEPTH - 3..MAX_DEPTH + 3 {
            let ty = (0..depth).fold(leaf.clone(), |ty, _| Type::array(ty));
            let bare = (0..depth).fold("\"null\"".to_owned(), |json, _| format!("[{json}]"));
            assert_eq!(Schema::from_json(&bare).is_ok(), depth < MAX_DEPTH, "{depth}");
            let Ok(schema) = Schema::new(ty) else {
                assert!(depth >= MAX_DEPTH - 1);
                continue;
            };
            assert_eq!(Schema::from_bytes(&schema.to_bytes()).unwrap(), schema);
            assert_eq!(Schema::from_json(&schema.to_json()).unwrap(), schema);
        }
    }
    assert!(Schema::from_json(&"[".repeat(1 << 20)).is_err());
    assert!(Schema::from_json(&format!("{}{}", "[".repeat(1 << 16), "]".repeat(1 << 16))).is_err());
}

#[test]
fn size_is_bounded_alike_in_every_form() {
    // The object and its end count as well.
    let of = |fields: usize| Schema::new(Object::new((0..fields).map(|_| Field::new("x", Type::Null))).into());
    let largest = of(MAX_ELEMENTS - 2).unwrap();
    assert_eq!(Schema::from_bytes(&largest.to_bytes()).unwrap(), largest);
    assert_eq!(Schema::from_json(&largest.to_json()).unwrap(), largest);
    assert!(of(MAX_ELEMENTS - 1).is_err());
}

#[test]
fn the_deepest_data_comes_back() {
    let nest = |ty, level| if level % 2 == 0 { object([("o", ty)]) } else { Type::Union(vec![Type::Null, ty]) };
    let ty = (0..MAX_DEPTH - 2).fold(BYTE, nest);
    let schema = Schema::new(ty).unwrap();
    let payload = [vec![1; MAX_DEPTH / 2 - 1], vec![9]].concat();
    let json = written(schema.root(), &payload);
    assert_eq!(read(schema.root(), &json).unwrap(), payload);
    assert_eq!(Schema::from_json(&schema.to_json()).unwrap(), schema);
}

fn typed(payloads: Payloads) -> impl Strategy<Value = (Type, Vec<u8>)> {
    arbitrary::ty().prop_flat_map(move |ty| {
        let payload = payload(&ty, payloads);
        (Just(ty), payload)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn canonical_data_comes_back((ty, payload) in typed(Payloads::Canonical)) {
        let json = written(&ty, &payload);
        prop_assert_eq!(read(&ty, &json).map_err(|e| TestCaseError::fail(format!("{json}: {e}")))?, payload);
    }

    #[test]
    fn any_payload_becomes_one_line_of_json((ty, payload) in typed(Payloads::Any)) {
        let json = written(&ty, &payload);
        prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&json).is_ok(), "{}", json);
        prop_assert!(!json.contains(|c: char| c.is_ascii_control()));
        let _ = read(&ty, &json);
    }

    #[test]
    fn hostile_payloads_are_errors_or_json(ty in arbitrary::ty(), payload in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut json = b"kept".to_vec();
        match write_json(&ty, &mut Cursor::new(&payload), &mut json) {
            Ok(()) => prop_assert!(serde_json::from_slice::<&serde_json::value::RawValue>(&json[4..]).is_ok()),
            Err(_) => prop_assert_eq!(json, b"kept"),
        }
    }

    #[test]
    fn hostile_json_is_an_error_or_data(
        (ty, payload) in typed(Payloads::Canonical),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}\",:0-9a-e#-]{0,3}"), 1..4),
    ) {
        let mut json: Vec<char> = written(&ty, &payload).chars().collect();
        for (at, patch) in cuts {
            let at = at.index(json.len() + 1);
            let end = json.len().min(at + 1);
            json.splice(at..end, patch.chars());
        }
        if let Ok(payload) = read(&ty, &String::from_iter(json)) {
            tlog::value::check_exact(&ty, &payload).unwrap();
        }
    }

    #[test]
    fn schemas_come_back(ty in arbitrary::ty()) {
        let schema = Schema::new(ty).unwrap();
        let json = schema.to_json();
        let back = Schema::from_json(&json).map_err(|e| TestCaseError::fail(format!("{json}: {e}")))?;
        prop_assert_eq!(back.to_bytes(), schema.to_bytes());
        prop_assert_eq!(&back, &schema);
        prop_assert_eq!(&Schema::from_json(&schema.to_json_pretty()).unwrap(), &schema);
        prop_assert_eq!(Schema::from_bytes(&schema.to_bytes()).unwrap(), schema);
    }

    #[test]
    fn hostile_schema_json_is_an_error_or_a_schema(
        ty in arbitrary::ty(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}\",:0-9a-e#-]{0,3}"), 1..4),
    ) {
        let mut json: Vec<char> = Schema::new(ty).unwrap().to_json().chars().collect();
        for (at, patch) in cuts {
            let at = at.index(json.len() + 1);
            let end = json.len().min(at + 1);
            json.splice(at..end, patch.chars());
        }
        if let Ok(schema) = Schema::from_json(&String::from_iter(json)) {
            prop_assert_eq!(Schema::from_json(&schema.to_json()).unwrap(), schema);
        }
    }
}
