//! Conditions at random: parsing never panics, text and meaning agree, ranges never rule out what matches.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tlog::Micros;
use tlog::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use tlog::value::{Path, Scalar, Value};
use tlog_index::predicate::{Predicate, Range, Ranges};

const CASES: u32 = if cfg!(debug_assertions) { 2_000 } else { 50_000 };

/// Fields of all kinds of which ranges are kept, and two of which none are.
const PATHS: [&str; 14] =
    ["a", "r.b", "wide", "big", "f", "s", "s2", "mode", "at", "took", "some", "list[1]", "fixed[0]", "name"];

fn schema() -> Schema {
    let symbols = ["x", "y", "z"].into_iter().enumerate();
    let mode = symbols.map(|(at, name)| Symbol { value: at as i128 - 1, name: name.to_owned() });
    let fields = [
        ("a", Type::Boolean),
        ("b", Type::FixedInt(Width::W1)),
        ("wide", Type::Varint),
        ("big", Type::Varuint),
        ("f", Type::Float64),
        ("s", Type::Float32),
        ("s2", Type::Float32),
        ("mode", Enum::new(IntegerType::Varint, mode).into()),
        ("at", Type::Timestamp),
        ("took", Type::Duration),
        ("some", Type::optional(Type::Float64)),
        ("list", Type::array(Type::Varint)),
        ("fixed", Type::fixed_array(1, Type::Varint)),
        ("name", Type::String),
    ];
    Schema::new(Object::new(fields.map(|(name, ty)| Field::new(name, ty))).into()).unwrap()
}

/// Small integers mostly, and some about which f64 and i64 disagree.
fn integer() -> impl Strategy<Value = i64> {
    let edges = [0, 53, 62].map(|bits| 1i64 << bits).into_iter().flat_map(|at| [at - 1, at, at + 1, -at, -at - 1]);
    let edges: Vec<i64> = edges.chain([i64::MIN, i64::MAX]).collect();
    prop_oneof![4 => -2..3i64, 1 => prop::sample::select(edges)]
}

fn float() -> impl Strategy<Value = f64> {
    let special = vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.1, 1e300, 9_007_199_254_740_993.0, 5e-324];
    prop_oneof![4 => (-4..5i8).prop_map(|half| f64::from(half) / 2.0), 1 => prop::sample::select(special)]
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let numbers = (any::<bool>(), -2..3i8, integer(), integer(), float(), float(), float());
    let others =
        (-2..3i64, integer(), integer(), proptest::option::of(float()), prop::collection::vec(integer(), 0..3));
    (numbers, others, integer(), "[ab]?").prop_map(|((a, b, wide, big, f, s, s2), others, fixed, name)| {
        let (mode, at, took, some, list) = others;
        let value = Value::object([
            ("a", a.into()),
            ("b", Value::from(i64::from(b))),
            ("wide", wide.into()),
            ("big", Value::from(big as u64)),
            ("f", f.into()),
            ("s", Value::from(s as f32)),
            ("s2", Value::from(s2 as f32)),
            ("mode", mode.into()),
            ("at", Micros(at).into()),
            ("took", Value::Duration(took)),
            ("some", Value::optional(some.map(Value::from))),
            ("list", list.into_iter().map(Value::from).collect::<Vec<_>>().into()),
            ("fixed", vec![Value::from(fixed)].into()),
            ("name", name.as_str().into()),
        ]);
        let mut out = Vec::new();
        value.encode(schema().root(), &mut out).unwrap();
        out
    })
}

fn literal_for(path: &str) -> BoxedStrategy<String> {
    let number = prop_oneof![
        integer().prop_map(|value| value.to_string()),
        (1..3u64).prop_map(|below| (u64::MAX - below).to_string()),
        float().prop_filter("nan has no operators", |value| !value.is_nan()).prop_map(|value| format!("{value:?}")),
    ];
    match path {
        "a" => any::<bool>().prop_map(|value| value.to_string()).boxed(),
        "name" => "'[ab]?'".boxed(),
        "mode" => prop_oneof![2 => "'[xyz]'", 1 => number].boxed(),
        "at" => prop_oneof![1 => Just("'1970-01-01T00:00:00Z'".to_owned()), 2 => number].boxed(),
        "f" | "s" | "some" => prop_oneof![1 => Just("nan".to_owned()), 4 => number].boxed(),
        _ => number.boxed(),
    }
}

/// A comparison that fits the schema, or has a path that is not in it.
fn comparison() -> impl Strategy<Value = String> {
    let path = || prop::sample::select(PATHS.to_vec());
    let with_literal = path().prop_flat_map(|path| {
        let orders = !matches!(path, "a");
        let ops = if orders { vec!["==", "!=", "<", "<=", ">", ">="] } else { vec!["==", "!="] };
        (literal_for(path), prop::sample::select(ops), any::<bool>()).prop_map(move |(literal, op, left)| {
            let op = if path == "mode" && literal.starts_with('\'') && op.len() == 1 { "!=" } else { op };
            let op = if path == "mode" && literal.starts_with('\'') && op != "!=" { "==" } else { op };
            if left { format!("{literal} {op} {path}") } else { format!("{path} {op} {literal}") }
        })
    });
    let list = path().prop_flat_map(|path| {
        (prop::collection::vec(prop_oneof![4 => literal_for(path), 1 => Just("null".to_owned())], 0..4), any::<bool>())
            .prop_map(move |(items, not)| format!("{path} {}in [{}]", if not { "not " } else { "" }, items.join(",")))
    });
    let number = || path().prop_filter("a number", |path| !matches!(*path, "a" | "name"));
    let op = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    prop_oneof![
        6 => with_literal,
        2 => list,
        2 => (number(), op, number()).prop_map(|(left, op, right)| format!("{left} {op} {right}")),
        1 => (path(), any::<bool>()).prop_map(|(path, is)| format!("{path} {} null", if is { "==" } else { "!=" })),
        1 => Just("a".to_owned()),
        1 => Just("other.x > 1".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    comparison().prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" || "))),
            inner.prop_map(|part| format!("not {part}")),
        ]
    })
}

/// The true ranges of some payloads.
struct True(HashMap<String, Range>);

impl Ranges for True {
    fn range(&self, path: &Path) -> Option<Range> {
        self.0.get(&path.to_string()).copied()
    }
}

impl True {
    fn of(payloads: &[Vec<u8>], schema: &Schema) -> Self {
        Self(
            PATHS
                .iter()
                .map(|path| path.trim_start_matches("r."))
                .map(|path| (path.to_owned(), range(path, payloads, schema)))
                .collect(),
        )
    }
}

fn range(path: &str, payloads: &[Vec<u8>], schema: &Schema) -> Range {
    let path = Path::parse(path).unwrap().compile(schema).unwrap();
    let mut range = Range { min: f64::INFINITY, max: f64::NEG_INFINITY, has_nan: false, has_null: false };
    for payload in payloads {
        let (low, high) = match path.read(payload).unwrap() {
            Some(Scalar::Boolean(value)) => outwards(value.into()),
            Some(Scalar::Int(value) | Scalar::Duration(value)) => outwards(value.into()),
            Some(Scalar::Uint(value)) => outwards(value.into()),
            Some(Scalar::Enum { value, .. }) => outwards(value),
            Some(Scalar::Timestamp(value)) => outwards(value.0.into()),
            Some(Scalar::Float32(value)) => (value.into(), value.into()),
            Some(Scalar::Float64(value)) => (value, value),
            _ => {
                range.has_null = true;
                continue;
            }
        };
        range.has_nan |= low.is_nan();
        range.min = range.min.min(low);
        range.max = range.max.max(high);
    }
    range
}

/// The nearest f64 that is not above, and that is not below.
fn outwards(value: i128) -> (f64, f64) {
    let near = value as f64;
    match (near as i128).cmp(&value) {
        std::cmp::Ordering::Less => (near, near.next_up()),
        std::cmp::Ordering::Equal => (near, near),
        std::cmp::Ordering::Greater => (near.next_down(), near),
    }
}

/// Text made of what conditions are made of.
fn nearly_conditions() -> impl Strategy<Value = String> {
    let parts = [
        "a",
        "b.c",
        "[\"",
        "\"",
        "'",
        "\\",
        "\\x",
        "\\u{",
        "}",
        "[",
        "]",
        "[1]",
        "(",
        ")",
        "!",
        "=",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        "and",
        "or",
        "not",
        "in",
        "null",
        "true",
        "nan",
        "inf",
        "-",
        "+",
        ".",
        "0x",
        "1",
        "1e",
        "9999999999999999999",
        ",",
        " ",
        "ä",
        "\u{1f600}",
        "\n",
    ];
    prop::collection::vec(prop::sample::select(parts.to_vec()), 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: CASES,
        rng_seed: RngSeed::Fixed(0x7106),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn parsing_never_panics(text in prop_oneof![nearly_conditions(), any::<String>()]) {
        match Predicate::parse(&text) {
            Ok(predicate) => prop_assert_eq!(Predicate::parse(&predicate.to_string()).unwrap(), predicate),
            Err(error) => {
                prop_assert!(error.column >= 1 && error.column <= text.chars().count() + 1);
                prop_assert_eq!(error.snippet().lines().count().max(2), 2);
            }
        }
    }

    #[test]
    fn what_is_shown_asks_the_same(text in condition(), payload in payload()) {
        let schema = schema();
        let predicate = Predicate::parse(&text).unwrap();
        let shown = Predicate::parse(&predicate.to_string()).unwrap();
        prop_assert_eq!(&shown, &predicate);
        let answer = |predicate: &Predicate| predicate.compile("r", &schema).unwrap().map(|c| c.matches(&payload).unwrap());
        prop_assert_eq!(answer(&shown), answer(&predicate));
        let negated = Predicate::parse(&format!("not ({text})")).unwrap();
        prop_assert!(answer(&predicate) != Some(true) || answer(&negated) != Some(true));
    }

    #[test]
    fn ranges_never_rule_out_what_matches(
        text in condition(),
        payloads in prop::collection::vec(payload(), 1..4),
        kept in prop::collection::vec(any::<bool>(), PATHS.len()),
    ) {
        let schema = schema();
        let Some(compiled) = Predicate::parse(&text).unwrap().compile("r", &schema).unwrap() else { return Ok(()) };
        if payloads.iter().any(|payload| compiled.matches(payload).unwrap()) {
            let all = True::of(&payloads, &schema);
            prop_assert!(compiled.may_match(&all), "{}", text);
            let mut kept = kept.into_iter();
            let some = True(all.0.into_iter().filter(|_| kept.next().unwrap_or(true)).collect());
            prop_assert!(compiled.may_match(&some), "{}", text);
        }
    }

    #[test]
    fn a_single_payload_with_exact_ranges_is_ruled_out_unless_it_matches(text in comparison(), payload in payload()) {
        let schema = schema();
        let Some(compiled) = Predicate::parse(&text).unwrap().compile("r", &schema).unwrap() else { return Ok(()) };
        let ranges = True::of(std::slice::from_ref(&payload), &schema);
        let exact = ranges.0.values().all(|range| range.min >= range.max);
        if exact && !text.contains("name") {
            prop_assert_eq!(compiled.may_match(&ranges), compiled.matches(&payload).unwrap(), "{}", text);
        }
    }
}

struct Only(&'static str, Range);

impl Ranges for Only {
    fn range(&self, path: &Path) -> Option<Range> {
        (path.to_string() == self.0).then_some(self.1)
    }
}

#[test]
fn ranges_rule_out() {
    let numbers = |min, max| Range { min, max, has_nan: false, has_null: false };
    let none = numbers(f64::INFINITY, f64::NEG_INFINITY);
    let nan = Range { has_nan: true, ..none };
    let null = Range { has_null: true, ..none };
    let nan_too = Range { has_nan: true, ..numbers(1.0, 2.0) };
    let null_too = Range { has_null: true, ..numbers(1.0, 2.0) };
    for (text, field, range, expected) in [
        ("f > 2", "f", numbers(1.0, 2.0), false),
        ("f >= 2", "f", numbers(1.0, 2.0), true),
        ("not f < 1", "f", numbers(0.0, 0.5), false),
        ("not f < 1", "f", Range { has_nan: true, ..numbers(0.0, 0.5) }, true),
        ("f == 3 or f == 0", "f", numbers(1.0, 2.0), false),
        ("f in [0, 1.5]", "f", numbers(1.0, 2.0), true),
        ("f in [0, 3]", "f", numbers(1.0, 2.0), false),
        ("f != 1", "f", numbers(1.0, 1.0), false),
        ("f == nan", "f", numbers(1.0, 2.0), false),
        ("f == nan", "f", nan_too, true),
        ("f != nan", "f", nan, false),
        ("f < 9", "f", nan, false),
        ("f < 9", "f", null, false),
        ("f < 9", "f", none, false),
        ("f < 9", "f", numbers(f64::NAN, f64::NAN), true),
        ("some == null", "some", numbers(1.0, 2.0), false),
        ("some == null", "some", null_too, true),
        ("some != null", "some", null, false),
        ("f > 2 and name == 'a'", "f", numbers(1.0, 2.0), false),
        ("f > 2 or name == 'a'", "f", numbers(1.0, 2.0), true),
        ("mode == 'z'", "mode", numbers(-1.0, 0.0), false),
        ("mode == 'y'", "mode", numbers(-1.0, 0.0), true),
        ("a", "a", numbers(0.0, 0.0), false),
        ("not a", "a", numbers(0.0, 0.0), true),
        ("at > '1970-01-01T00:00:01Z'", "at", numbers(0.0, 1e6), false),
        ("list[1] > 3", "list[1]", numbers(0.0, 1.0), false),
        ("list[0] > 3", "list[1]", numbers(0.0, 1.0), true),
        ("r.b > 1", "b", numbers(0.0, 1.0), false),
        ("f < f", "f", numbers(1.0, 1.0), false),
        ("f != f", "f", numbers(1.0, 1.0), false),
        ("f == s", "f", numbers(1.0, 1.0), true),
        ("name == 'a'", "name", null, true),
        ("big == 18446744073709551615", "big", numbers(0.0, 18_446_744_073_709_549_568.0), false),
        ("big == 18446744073709551615", "big", numbers(0.0, 18_446_744_073_709_551_616.0), true),
    ] {
        let compiled = Predicate::parse(text).unwrap().compile("r", &schema()).unwrap().unwrap();
        assert_eq!(compiled.may_match(&Only(field, range)), expected, "{text} {range:?}");
    }
}
