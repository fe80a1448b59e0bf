//! Tables hold what payloads say: random schemas, random values, cut and damaged payloads.

#[path = "../../tlog/tests/arbitrary/mod.rs"]
#[allow(dead_code, reason = "each test file uses its own part")]
mod arbitrary;
mod naive;

use std::collections::HashSet;

use arbitrary::{Payloads, payload, ty};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Fields};
use naive::{Cell, expected, found, scalar_type};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use tlog::Micros;
use tlog::read::RecordType;
use tlog::schema::{Schema, Type};
use tlog::value::{Cursor, Value};
use tlog_convert::columns::{Builder, Columns, Options};
use tlog_convert::rows::Rows;

/// What is done to a payload before it is read.
#[derive(Clone, Debug)]
enum Damage {
    None,
    Cut(Index),
    Flip(Index, u8),
}

fn options() -> impl Strategy<Value = Options> {
    any::<[bool; 3]>().prop_map(|[flatten, raw_enums, keep_texts]| Options { flatten, raw_enums, keep_texts })
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        2 => Just(Damage::None),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
    ]
}

fn type_and_payloads() -> impl Strategy<Value = (Type, Vec<Vec<u8>>)> {
    ty().prop_flat_map(|ty| {
        let payloads = vec(payload(&ty, Payloads::Any), 0..12);
        (Just(ty), payloads)
    })
}

fn damaged(mut payload: Vec<u8>, damage: &Damage) -> Vec<u8> {
    match damage {
        Damage::Cut(at) if !payload.is_empty() => payload.truncate(at.index(payload.len())),
        Damage::Flip(at, bit) if !payload.is_empty() => {
            let at = at.index(payload.len());
            payload[at] ^= 1 << bit;
        }
        _ => {}
    }
    payload
}

fn record(ty: &Type) -> RecordType {
    RecordType::from_parts(1, "r", &Schema::new(ty.clone()).unwrap().to_bytes(), 0).unwrap()
}

/// Rows of these payloads; every third has no time.
fn rows(payloads: &[Vec<u8>]) -> Rows {
    let mut rows = Rows::default();
    for (at, payload) in payloads.iter().enumerate() {
        rows.push_parts((at % 3 != 1).then_some(Micros(at as i64)), 24 + at as u64, payload);
    }
    rows
}

/// All batches of the rows, and which rows were refused.
fn batches(builder: &mut Builder, rows: &Rows) -> (Vec<RecordBatch>, Vec<usize>) {
    let (mut batches, mut refused, mut from) = (Vec::new(), Vec::new(), 0);
    while from < rows.len() {
        let (batch, end) = builder.batch(rows, from, &mut |at, _| refused.push(at)).unwrap();
        assert!(end > from);
        batches.push(batch);
        from = end;
    }
    (batches, refused)
}

/// The rows that a table of these payloads must have, and the payloads that it must refuse.
fn wanted(ty: &Type, payloads: &[Vec<u8>], options: &Options) -> (Vec<Vec<Cell>>, Vec<usize>) {
    let (mut cells, mut refused) = (Vec::new(), Vec::new());
    for (at, payload) in payloads.iter().enumerate() {
        match Value::decode(ty, &mut Cursor::new(payload)) {
            Ok(value) => {
                let time = if at % 3 != 1 { Cell::Micros(at as i64) } else { Cell::Null };
                cells.push([vec![time], expected(ty, &value, options)].concat());
            }
            Err(_) => refused.push(at),
        }
    }
    (cells, refused)
}

fn all_rows(batches: &[RecordBatch]) -> Vec<Vec<Cell>> {
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| found(batch, row))).collect()
}

fn through_parquet(batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batches[0].schema(), None).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap().build().unwrap();
    reader.map(Result::unwrap).collect()
}

/// Names differ at every level, whatever their case.
fn check_names(fields: &Fields) {
    let mut names = HashSet::new();
    for field in fields {
        assert!(names.insert(field.name().to_lowercase()), "{} is there twice", field.name());
        check_type_names(field.data_type());
    }
}

fn check_type_names(ty: &DataType) {
    match ty {
        DataType::Struct(fields) => check_names(fields),
        DataType::List(item) | DataType::FixedSizeList(item, _) | DataType::Map(item, _) => {
            check_type_names(item.data_type());
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 400 } else { 10_000 },
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_table_holds_what_the_payloads_say((ty, payloads) in type_and_payloads(), options in options(), cut in any::<Index>()) {
        let columns = Columns::new(&record(&ty), &options).unwrap();
        check_names(columns.schema().fields());
        if let Some(scalar) = scalar_type(ty.as_optional().unwrap_or(&ty)) {
            prop_assert_eq!(columns.schema().field(1).data_type(), &scalar);
        }
        let (cells, refused) = wanted(&ty, &payloads, &options);
        prop_assert_eq!(refused, Vec::<usize>::new());
        // One builder makes all batches: nothing of one is left in the next.
        let mut builder = columns.builder();
        let (whole, refused) = batches(&mut builder, &rows(&payloads));
        prop_assert_eq!(&all_rows(&whole), &cells);
        prop_assert!(refused.is_empty());
        let cut = cut.index(payloads.len() + 1);
        for part in [&payloads[..cut], &payloads[cut..]] {
            let (of_part, _) = batches(&mut builder, &rows(part));
            prop_assert_eq!(all_rows(&of_part), wanted(&ty, part, &options).0);
        }
        if !whole.is_empty() {
            prop_assert_eq!(all_rows(&through_parquet(&whole)), cells);
        }
    }

    #[test]
    fn payloads_that_do_not_decode_are_refused_one_by_one(
        (ty, payloads) in type_and_payloads(),
        damages in vec(damage(), 12),
        options in options(),
    ) {
        let payloads: Vec<_> = payloads.into_iter().zip(&damages).map(|(of, damage)| damaged(of, damage)).collect();
        let mut builder = Columns::new(&record(&ty), &options).unwrap().builder();
        let (found, refused) = batches(&mut builder, &rows(&payloads));
        let (cells, wrong) = wanted(&ty, &payloads, &options);
        prop_assert_eq!(refused, wrong);
        prop_assert_eq!(all_rows(&found), cells);
    }
}
