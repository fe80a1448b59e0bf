//! What single columns look like; properties over all types are in `tests/columns.rs`.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type, UInt8Type};
use tlog::Micros;
use tlog::read::RecordType;
use tlog::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};

use super::{Columns, Options};
use crate::rows::Rows;

fn record(ty: Type) -> RecordType {
    RecordType::from_parts(1, "r", &Schema::new(ty).unwrap().to_bytes(), 0).unwrap()
}

fn mode() -> Type {
    let symbol = |value, name: &str| Symbol { value, name: name.to_owned() };
    Type::Enum(Enum::new(IntegerType::FixedUint(Width::W1), [symbol(0, "off"), symbol(7, "on")]))
}

#[test]
fn places_that_are_fixed_and_those_behind() {
    let servo = Object::new([Field::new("id", Type::FixedUint(Width::W1)), Field::new("torque", Type::Float32)]);
    let object = Object::new([
        Field::new("mode", mode()),
        Field::new("servos", Type::fixed_array(2, servo.into())),
        Field::new("name", Type::String),
        Field::new("maybe", Type::optional(Type::FixedUint(Width::W1))),
    ]);
    let columns = Columns::new(&record(object.into()), &Options { raw_enums: true, ..Options::default() }).unwrap();
    let names: Vec<_> = columns.schema().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["time", "mode", "mode_raw", "servos", "name", "maybe"]);
    let mut rows = Rows::default();
    let payload = |mode: u8, rest: &[u8]| [&[mode, 1, 0, 0, 0, 0x3f, 2, 0, 0, 0x80, 0x3f][..], rest].concat();
    rows.push_parts(Some(Micros(5)), 24, &payload(7, &[2, b'h', b'i', 0]));
    rows.push_parts(None, 48, &payload(9, &[0, 1, 200]));
    rows.push_parts(None, 72, &payload(9, &[0, 2]));
    rows.push_parts(Some(Micros(6)), 96, &payload(0, &[1, 0xff, 1, 0]));
    let mut refused = Vec::new();
    let (batch, end) = columns.builder().batch(&rows, 0, &mut |at, why| refused.push((at, why.to_string()))).unwrap();
    assert_eq!((batch.num_rows(), end, refused.len(), refused[0].0), (3, 4, 1, 2));
    let mode = batch.column(1).as_dictionary::<Int32Type>().downcast_dict::<arrow_array::StringArray>().unwrap();
    assert_eq!(mode.into_iter().map(Option::unwrap).collect::<Vec<_>>(), ["on", "9", "off"]);
    assert_eq!(batch.column(2).as_primitive::<UInt8Type>().values(), &[7, 9, 0]);
    let torque = batch.column(3).as_fixed_size_list().values().as_struct().column(1);
    assert_eq!(torque.as_primitive::<Float32Type>().values(), &[0.5, 1.0, 0.5, 1.0, 0.5, 1.0]);
    assert_eq!(batch.column(4).as_string::<i32>().value(2), "\u{fffd}");
    let maybe = batch.column(5).as_primitive::<UInt8Type>();
    assert_eq!(maybe.iter().collect::<Vec<_>>(), [None, Some(200), Some(0)]);
}
