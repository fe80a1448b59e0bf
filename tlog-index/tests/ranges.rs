//! The ranges of fields are what all payloads give, whoever reads them and however the log is cut.

#[path = "../../tlog/tests/arbitrary/mod.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod arbitrary;

use std::collections::BTreeMap;

use arbitrary::{Payloads, payload, ty};
use proptest::collection::vec;
use proptest::prelude::*;
use tlog::read::{ReadOptions, SliceReader};
use tlog::schema::{Field, Object, Schema, Type, Width};
use tlog::value::{Cursor, Path, Value};
use tlog::write::{RecordId, WriterOptions};
use tlog_index::index::LogIndex;
use tlog_index::predicate::Range;
use tlog_index::scan::{ScanOptions, scan};

/// What the values of one field are like, computed the plain way.
#[derive(Clone, Debug, PartialEq)]
struct Plain {
    min: f64,
    max: f64,
    nans: usize,
    values: usize,
    is_one_of_many: bool,
}

/// What is in one span: how many instances, whether all decode, and their fields by what the index calls them.
#[derive(Default)]
struct PlainSpan {
    count: usize,
    broken: bool,
    fields: BTreeMap<String, (Path, Plain)>,
}

/// A number with the path to it, and whether that goes through something of variable length.
struct Found {
    path: String,
    value: Number,
    is_one_of_many: bool,
}

enum Number {
    Float(f64),
    Integer(i128),
}

impl Number {
    /// The next float64 that is not greater, and the next that is not less.
    fn around(&self) -> (f64, f64) {
        match *self {
            Self::Float(value) => (value, value),
            Self::Integer(value) => {
                let near = value as f64;
                let (greater, less) = (near as i128 > value, (near as i128) < value);
                (if greater { near.next_down() } else { near }, if less { near.next_up() } else { near })
            }
        }
    }
}

fn name(name: &str) -> String {
    format!("[\"{}\"]", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// All numbers in a value. Of fields with one name a path leads to the first alone.
fn numbers(ty: &Type, value: &Value, path: &str, many: bool, found: &mut Vec<Found>) {
    let mut push = |value| found.push(Found { path: path.to_owned(), value, is_one_of_many: many });
    match (ty, value) {
        (_, Value::Boolean(value)) => push(Number::Float(f64::from(u8::from(*value)))),
        (_, Value::Int(value) | Value::Duration(value)) => push(Number::Integer(i128::from(*value))),
        (_, Value::Uint(value)) => push(Number::Integer(i128::from(*value))),
        (_, Value::Timestamp(value)) => push(Number::Integer(i128::from(value.0))),
        (_, Value::Enum { value, .. }) => push(Number::Integer(*value)),
        (_, Value::Float32(value)) => push(Number::Float(f64::from(*value))),
        (_, Value::Float64(value)) => push(Number::Float(*value)),
        (Type::Object(object), Value::Object(values)) => {
            for (at, (field, (_, value))) in object.fields().iter().zip(values).enumerate() {
                if object.fields()[..at].iter().all(|before| before.name() != field.name()) {
                    numbers(field.ty(), value, &format!("{path}{}", name(field.name())), many, found);
                }
            }
        }
        (Type::FixedArray(array), Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                numbers(array.item(), item, &format!("{path}[{at}]"), many, found);
            }
        }
        (Type::Array(ty), Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                numbers(ty, item, &format!("{path}[{at}]"), true, found);
            }
        }
        (Type::Map(ty), Value::Map(pairs)) => {
            for (_, value) in pairs {
                numbers(ty, value, &format!("{path}[\"any key\"]"), true, found);
            }
        }
        (Type::Union(members), Value::Union { index, value }) => {
            let path = if ty.as_optional().is_some() { path.to_owned() } else { format!("{path}[{index}]") };
            numbers(&members[*index], value, &path, many, found);
        }
        _ => {}
    }
}

/// The spans of each record of the index, by position.
fn plain(bytes: &[u8], index: &LogIndex) -> Vec<BTreeMap<u32, PlainSpan>> {
    let mut records: Vec<BTreeMap<u32, PlainSpan>> = Vec::new();
    records.resize_with(index.records.len(), BTreeMap::new);
    let mut reader = SliceReader::new(bytes, ReadOptions::default());
    while let Some(data) = reader.next_data().unwrap() {
        let same = |at: &&u32| index.records[**at as usize].record.schema_bytes == data.record.schema_bytes;
        let at = *index.with_identifier(data.record.identifier).iter().find(same).unwrap() as usize;
        let span = records[at].entry(index.span_number(data.offset)).or_default();
        span.count += 1;
        let root = data.record.schema.root();
        let Ok(value) = Value::decode(root, &mut Cursor::new(data.payload)) else {
            span.broken = true;
            continue;
        };
        let mut found = Vec::new();
        numbers(root, &value, "", false, &mut found);
        for Found { path, value, is_one_of_many } in found {
            let path = Path::parse(&path).unwrap();
            let field = index.records[at].fields.as_ref().unwrap().field(&path).unwrap();
            let none = Plain { min: f64::INFINITY, max: f64::NEG_INFINITY, nans: 0, values: 0, is_one_of_many };
            let (_, plain) = span.fields.entry(format!("{field:?}")).or_insert((path, none));
            let (min, max) = value.around();
            plain.min = plain.min.min(min);
            plain.max = plain.max.max(max);
            plain.nans += usize::from(min.is_nan());
            plain.values += 1;
        }
    }
    records
}

fn check(bytes: &[u8], index: &LogIndex) {
    for (record, spans) in index.records.iter().zip(plain(bytes, index)) {
        let Some(fields) = &record.fields else {
            assert!(spans.is_empty());
            continue;
        };
        for (number, span) in spans {
            for (path, plain) in span.fields.values() {
                let expected = Range {
                    min: plain.min,
                    max: plain.max,
                    has_nan: plain.nans > 0,
                    has_null: plain.is_one_of_many || plain.values < span.count,
                };
                let expected = (!span.broken).then_some(expected);
                assert_eq!(fields.range(number..number + 1, path), expected, "{path} in span {number}");
            }
        }
    }
}

fn options(workers: usize) -> ScanOptions {
    ScanOptions { workers, fields: true, min_part: 3_000, tail: 2_000, ..ScanOptions::default() }
}

/// A log of records of these types, its payloads in turns, with enough between them that there are several spans.
fn log(records: &[(Type, Vec<Vec<u8>>)], compression: bool, filler: usize) -> Vec<u8> {
    let mut log = WriterOptions::new().compression(compression).open(Vec::new());
    let filling = RecordId(records.len() as u64 + 1);
    log.declare_raw(filling, "filler", &Schema::new(Type::Bytes).unwrap().to_bytes()).unwrap();
    for (at, (ty, _)) in records.iter().enumerate() {
        let schema = Schema::new(ty.clone()).unwrap();
        log.declare_raw(RecordId(at as u64 + 1), format!("record{at}"), &schema.to_bytes()).unwrap();
    }
    let longest = records.iter().map(|(_, payloads)| payloads.len()).max().unwrap_or(0);
    for turn in 0..longest {
        for (at, (_, payloads)) in records.iter().enumerate() {
            payloads.get(turn).into_iter().for_each(|payload| {
                log.write(RecordId(at as u64 + 1), None, payload).unwrap();
            });
        }
        log.write(filling, None, &arbitrary::sized(&vec![turn as u8; filler])).unwrap();
    }
    log.finish().unwrap()
}

/// A type and payloads of it; now and then one that is cut off.
fn record() -> impl Strategy<Value = (Type, Vec<Vec<u8>>)> {
    ty().prop_filter("schemas have limits", |ty| Schema::new(ty.clone()).is_ok()).prop_flat_map(|ty| {
        let whole = payload(&ty, Payloads::Any);
        let cut = (whole.clone(), any::<proptest::sample::Index>()).prop_map(|(mut payload, at)| {
            payload.truncate(at.index(payload.len() + 1));
            payload
        });
        (Just(ty), vec(prop_oneof![40 => whole, 1 => cut], 0..40))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 150 } else { 3_000 }))]

    #[test]
    fn ranges_are_those_of_all_payloads(records in vec(record(), 1..4), compression: bool, wide in prop::bool::weighted(0.3)) {
        let log = log(&records, compression, if wide { 9_000 } else { 100 });
        let index = scan(&log, &options(1)).unwrap();
        check(&log, &index);
        for workers in [2, 7] {
            prop_assert_eq!(&scan(&log, &options(workers)).unwrap(), &index);
        }
    }
}

fn range(index: &LogIndex, path: &str) -> Option<Range> {
    index.records[1].fields.as_ref().unwrap().range(0..u32::MAX, &Path::parse(path).unwrap())
}

fn of_numbers(values: &[f64]) -> Vec<Vec<u8>> {
    values.iter().map(|value| value.to_le_bytes().to_vec()).collect()
}

#[test]
fn several_spans_have_the_range_of_all() {
    let log = log(&[(Type::Float64, of_numbers(&[1.0, 5.0, -2.0, f64::NAN]))], false, 70_000);
    let index = scan(&log, &options(1)).unwrap();
    assert!(index.spans.len() > 3);
    let fields = index.records[1].fields.as_ref().unwrap();
    let at = |spans| fields.range(spans, &Path::default()).unwrap();
    let range = |min, max, has_nan| Range { min, max, has_nan, has_null: false };
    assert_eq!(at(0..1), range(1.0, 1.0, false));
    assert_eq!(at(0..2), range(1.0, 5.0, false));
    assert_eq!(at(1..3), range(-2.0, 5.0, false));
    assert_eq!(at(0..9), range(-2.0, 5.0, true));
    let none = range(f64::INFINITY, f64::NEG_INFINITY, false);
    assert_eq!((at(9..20), at(2..2)), (none, none));
}

#[test]
fn what_is_no_number_has_no_range() {
    let object = Object::new([
        Field::new("text", Type::String),
        Field::new("x", Type::Float32),
        Field::new("nothing", Type::Null),
        Field::new("inside", Object::new([Field::new("y", Type::optional(Type::Varint))]).into()),
    ]);
    let mut payload = vec![1, b'a'];
    payload.extend(2.5f32.to_le_bytes());
    payload.push(0);
    let index = scan(&log(&[(object.into(), vec![payload])], false, 0), &options(1)).unwrap();
    for path in ["text", "nothing", "inside", "inside.z", "x.y", ""] {
        assert_eq!(range(&index, path), None, "{path}");
    }
    assert_eq!(range(&index, "x").map(|range| range.max), Some(2.5));
    let null = Range { min: f64::INFINITY, max: f64::NEG_INFINITY, has_nan: false, has_null: true };
    assert_eq!(range(&index, "inside.y"), Some(null));
}

#[test]
fn long_arrays_share_a_range_and_short_ones_do_not() {
    let object = Object::new([
        Field::new("long", Type::fixed_array(5_000, Type::FixedUint(Width::W1))),
        Field::new("short", Type::fixed_array(3, Type::FixedUint(Width::W1))),
    ]);
    let mut payload: Vec<u8> = (0..5_000).map(|i| 3 + (i % 100) as u8).collect();
    payload.extend([200, 201, 202]);
    let index = scan(&log(&[(object.into(), vec![payload])], false, 0), &options(1)).unwrap();
    let of = |path| range(&index, path).map(|range| (range.min, range.max, range.has_null));
    assert_eq!(of("long[17]"), Some((3.0, 102.0, true)));
    assert_eq!(of("short[1]"), Some((201.0, 201.0, false)));
    assert_eq!(of("long[5000]"), None);
}

#[test]
fn a_record_of_too_many_fields_has_ranges_of_the_first() {
    let fields = (0..5_000).map(|i| Field::new(format!("f{i}"), Type::FixedUint(Width::W1)));
    let record: Type = Object::new(fields).into();
    let payload = (0..5_000).map(|i| (i % 251) as u8).collect();
    let index = scan(&log(&[(record, vec![payload])], false, 0), &options(1)).unwrap();
    let of = |path| range(&index, path).map(|range| range.max);
    assert_eq!(of("f4095"), Some(f64::from(4095 % 251)));
    assert_eq!(of("f4096"), None);
}

/// A type with so many numbers, and the payload in which they are all `value`.
fn wide(numbers: u64, value: u8) -> (Type, Vec<u8>) {
    (Type::fixed_array(numbers, Type::FixedUint(Width::W1)), vec![value; numbers as usize])
}

#[test]
fn too_many_ranges_become_fewer_whatever_the_workers() {
    // 40 records of 4096 numbers each in each of twelve spans: two million ranges.
    let records: Vec<_> =
        (0..40).map(|record| (wide(4096, 0).0, (0..12).map(|turn| wide(4096, record + turn).1).collect())).collect();
    let log = log(&records, false, 0);
    let index = scan(&log, &options(1)).unwrap();
    assert!(index.spans.len() > 8 && index.span_shift == 16);
    let fields = |at: usize| index.records[at].fields.as_ref().unwrap();
    let path = Path::parse("[4095]").unwrap();
    let narrow = fields(1).range(0..1, &path).unwrap();
    // A group is longer than a span, so its range is that of several turns.
    assert!(narrow.min == 0.0 && narrow.max >= 1.0, "{narrow:?}");
    assert_eq!(fields(40).range(0..u32::MAX, &path).map(|range| (range.min, range.max)), Some((39.0, 50.0)));
    for workers in [2, 7] {
        assert!(scan(&log, &options(workers)).unwrap() == index);
    }
}

#[test]
fn of_more_fields_than_there_may_be_ranges_nothing_is_known() {
    let records: Vec<_> = (0..260u16).map(|record| (wide(4096, 0).0, vec![wide(4096, record as u8).1])).collect();
    let log = log(&records, false, 0);
    let index = scan(&log, &options(1)).unwrap();
    assert!(index.records.iter().all(|record| record.fields.as_ref().unwrap().field(&Path::default()).is_none()));
    assert_eq!(index.records[7].fields.as_ref().unwrap().range(0..9, &Path::parse("[1]").unwrap()), None);
    assert!(scan(&log, &options(7)).unwrap() == index);
}
