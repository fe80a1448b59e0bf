//! Schemas and payloads made to cost more than they are: each is refused, or its table stays small.
//!
//! Memory is counted: an allocator that knows how much is in use, and how much ever was.

use std::sync::Mutex;

use arrow_array::RecordBatch;
use peak_alloc::PeakAlloc;
use tlog::read::RecordType;
use tlog::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use tlog_convert::columns::{Columns, Options, Refused};
use tlog_convert::rows::Rows;
use tlog_convert::{Error, Result};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One test at a time: what is counted is of all threads.
static ONE: Mutex<()> = Mutex::new(());

const MIB: usize = 1 << 20;

/// The tables of these payloads in both forms: how many rows, how many were refused, and at most so much memory at once.
#[track_caller]
fn convert(ty: Type, payloads: &[Vec<u8>], most: usize) -> [Result<(usize, Vec<Refused>)>; 2] {
    let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let record = RecordType::from_parts(1, "r", &Schema::new(ty).unwrap().to_bytes(), 0).unwrap();
    let mut rows = Rows::default();
    payloads.iter().for_each(|payload| rows.push_parts(None, 0, payload));
    [false, true].map(|flatten| {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let done = table(&record, &rows, &Options { flatten, raw_enums: true, ..Options::default() });
        let used = MEMORY.peak_usage() - before;
        assert!(used <= most, "{} KiB in use at once", used / 1024);
        done
    })
}

fn table(record: &RecordType, rows: &Rows, options: &Options) -> Result<(usize, Vec<Refused>)> {
    let mut builder = Columns::new(record, options)?.builder();
    let (mut count, mut refused, mut from) = (0, Vec::new(), 0);
    while from < rows.len() {
        let (batch, end): (RecordBatch, _) = builder.batch(rows, from, &mut |_, why| refused.push(why))?;
        count += batch.num_rows();
        from = end;
    }
    Ok((count, refused))
}

fn byte() -> Type {
    Type::FixedUint(Width::W1)
}

fn fields(count: usize, field: impl Fn(usize) -> Field) -> Type {
    Object::new((0..count).map(field)).into()
}

fn bytes_of(varuint: u64) -> Vec<u8> {
    let mut out = Vec::new();
    tlog::value::put_varuint(varuint, &mut out);
    out
}

#[track_caller]
fn all_refused(done: [Result<(usize, Vec<Refused>)>; 2], count: usize) {
    for done in done {
        let (rows, refused) = done.unwrap();
        assert_eq!((rows, refused.len()), (0, count));
    }
}

#[track_caller]
fn all_there(done: [Result<(usize, Vec<Refused>)>; 2], count: usize) {
    for done in done {
        assert_eq!(done.unwrap(), (count, vec![]));
    }
}

#[test]
fn fixed_arrays_without_end() {
    for item in [byte(), Type::Null, Type::String, Object::new([]).into(), Type::optional(Type::Null)] {
        let huge = || Type::fixed_array(1 << 40, item.clone());
        all_refused(convert(huge(), &[vec![], vec![0; 100]], MIB), 2);
        let nested = Type::fixed_array(1 << 40, Type::fixed_array(1 << 40, item.clone()));
        all_refused(convert(nested, &[vec![0; 9]], MIB), 1);
        all_refused(convert(fields(1, |_| Field::new("a", huge())), &[vec![0; 9]], MIB), 1);
    }
}

#[test]
fn lists_that_claim_more_than_there_is() {
    for item in [byte(), Type::String, Type::optional(byte()), Type::map(byte())] {
        let claims = [bytes_of(1 << 40), bytes_of(u64::MAX), [bytes_of(1 << 20), vec![0; 9]].concat()];
        all_refused(convert(Type::array(item.clone()), &claims, MIB), 3);
        all_refused(convert(Type::map(item), &claims, MIB), 3);
    }
}

#[test]
fn a_million_items_without_bytes() {
    // The format lets a payload have so many.
    let most = bytes_of(1 << 20);
    for item in [Type::Null, Object::new([]).into()] {
        all_there(convert(Type::array(item.clone()), &vec![most.clone(); 2], 64 * MIB), 2);
        all_refused(convert(Type::array(item), &[bytes_of((1 << 20) + 1)], 16 * MIB), 1);
    }
}

#[test]
fn items_without_bytes_that_are_many_columns() {
    // Each takes no byte, and is a thousand cells or characters.
    let wide = || fields(1_000, |at| Field::new(format!("{at}"), Type::Null));
    let wordy = || fields(1, |_| Field::new("n".repeat(10_000), Type::Null));
    all_there(convert(Type::array(wide()), &vec![bytes_of(1_000); 3], 100 * MIB), 3);
    all_there(convert(Type::array(wordy()), &vec![bytes_of(1_000); 5], 100 * MIB), 5);
}

#[test]
fn json_that_is_much_longer_than_its_payload() {
    // A byte becomes 20 kB of JSON: refused alone, where one payload is too much; in small batches, where all are.
    let item = || fields(1, |_| Field::new("n".repeat(20_000), byte()));
    let [nested, flat] = convert(Type::array(item()), &[[bytes_of(20_000), vec![7; 20_000]].concat()], 700 * MIB);
    assert_eq!(nested.unwrap(), (1, vec![]));
    assert_eq!(flat.unwrap().1.len(), 1);
    all_there(convert(Type::array(item()), &vec![vec![100; 101]; 50], 100 * MIB), 50);
    all_there(convert(Type::fixed_array(70_000, byte()), &vec![vec![100; 70_000]; 10], 32 * MIB), 10);
}

#[test]
fn unions_of_thousands() {
    let members = |count| Type::Union((0..count).map(|_| Type::array(byte())).collect());
    let payloads: Vec<Vec<u8>> = (0..500).map(|at| [bytes_of(at * 7 % 3_000), vec![1, 5]].concat()).collect();
    all_there(convert(members(3_000), &payloads, 64 * MIB), 500);
    // Of which there are many in one payload.
    let [nested, flat] = convert(Type::array(members(3_000)), &[[bytes_of(9_000), vec![0; 18_000]].concat()], 64 * MIB);
    assert_eq!((nested.unwrap().1.len(), flat.unwrap().0), (1, 1));
    for done in convert(members(70_000), &[], 64 * MIB) {
        assert_eq!(done.is_err(), done.as_ref().err().is_some_and(is_limit));
    }
}

fn is_limit(error: &Error) -> bool {
    matches!(error, Error::Limit { .. })
}

#[test]
fn more_columns_than_a_table_may_have() {
    let grid = || Type::fixed_array(60_000, byte());
    let [nested, flat] = convert(fields(100, |at| Field::new(format!("{at}"), grid())), &[], 64 * MIB);
    assert!(nested.is_ok());
    assert!(is_limit(&flat.unwrap_err()));
    for done in convert(fields(70_000, |at| Field::new(format!("{at}"), byte())), &[], 64 * MIB) {
        assert!(is_limit(&done.unwrap_err()));
    }
}

#[test]
fn names_that_are_equal_or_nearly() {
    // As many as there may be: naming them takes no longer than they are many.
    all_there(convert(fields(20_000, |_| Field::new("x", byte())), &[vec![1; 20_000]], 100 * MIB), 1);
    let names =
        ["a", "A", "a", "a_2", "A_2", "", "", "time", "TIME", "_time", "ß", "SS", "i\u{307}", "İ", "value", "a_raw"];
    let odd = fields(names.len(), |at| Field::new(names[at], byte()));
    all_there(convert(odd, &[vec![1; 16]], MIB), 1);
}

#[test]
fn enums_with_odd_symbols() {
    let symbols = |symbols: &[(i128, &str)]| {
        symbols.iter().map(|&(value, name)| Symbol { value, name: name.into() }).collect::<Vec<_>>()
    };
    let of = |list| Type::from(Enum::new(IntegerType::Varint, symbols(list)));
    let twins = of(&[(1, "same"), (2, "same"), (3, ""), (4, "5"), (5, "4"), (5, "five")]);
    let varint = |value: i128| {
        let mut out = Vec::new();
        tlog::value::put_integer(IntegerType::Varint, value, &mut out);
        out
    };
    let all: Vec<_> = (-2..8).chain([i64::MIN.into(), i64::MAX.into()]).map(varint).collect();
    all_there(convert(twins, &all, MIB), 12);
    // Values without a symbol are forgotten with each batch.
    let many: Vec<_> = (0..10_000).map(|at| varint(at << 20)).collect();
    all_there(convert(of(&[]), &many, 64 * MIB), 10_000);
}

#[test]
fn maps_with_equal_keys_and_what_is_no_text() {
    let pair = |key: &[u8]| [bytes_of(key.len() as u64), key.to_vec(), vec![1]].concat();
    let keys =
        [[&b"k"[..]; 5].map(pair).concat(), [b"\xff", b"\xfe", b"\xff", b"\x80", b"k"].map(|key| pair(key)).concat()];
    let payloads = keys.map(|pairs| [bytes_of(5), pairs].concat());
    all_there(convert(Type::map(byte()), &payloads, MIB), 2);
    // Three times as long as text.
    let noise = [bytes_of(1 << 20), vec![0xff; 1 << 20]].concat();
    all_there(convert(Type::String, &vec![noise; 8], 64 * MIB), 8);
}

#[test]
fn an_absurd_schema_costs_its_length_and_not_that_for_each_value() {
    // Empty arrays of a wide type: what they could hold is not looked at for each of them.
    let wide = fields(10_000, |at| Field::new(format!("{at}"), byte()));
    let map = Type::map(Type::array(wide));
    let pairs: Vec<u8> = (0..50_000u32).flat_map(|at| [&[4][..], &at.to_le_bytes(), &[0]].concat()).collect();
    all_there(convert(map, &[[bytes_of(50_000), pairs].concat()], 256 * MIB), 1);
}
