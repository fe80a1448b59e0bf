//! What a table must hold, said in another way: values to cells by the table in `columns`, and cells out of arrays one by one.

use std::collections::HashSet;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use tlog::schema::{Enum, IntegerType, Type};
use tlog::value::{Cursor, Value, member_label, write_json};
use tlog_convert::columns::Options;

/// A value in a table. Floats are their bits.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Bool(bool),
    Int(i128),
    Bits32(u32),
    Bits64(u64),
    Bytes(Vec<u8>),
    Text(String),
    Micros(i64),
    Struct(Vec<Cell>),
    List(Vec<Cell>),
    Map(Vec<(String, Cell)>),
}

/// The cells of one row, that of its time aside.
pub fn expected(ty: &Type, value: &Value, options: &Options) -> Vec<Cell> {
    if options.flatten {
        let mut cells = Vec::new();
        flat(ty, Some(value), options, &mut cells);
        return cells;
    }
    match (ty, cell(ty, value, options)) {
        (Type::Object(_), Cell::Struct(cells)) => cells,
        (_, cell) => vec![cell],
    }
}

fn cell(ty: &Type, value: &Value, options: &Options) -> Cell {
    match (ty, value) {
        (_, Value::Null) => Cell::Null,
        (_, Value::Boolean(value)) => Cell::Bool(*value),
        (_, Value::Int(value) | Value::Duration(value)) => Cell::Int((*value).into()),
        (_, Value::Uint(value)) => Cell::Int((*value).into()),
        (_, Value::Float32(value)) => Cell::Bits32(value.to_bits()),
        (_, Value::Float64(value)) => Cell::Bits64(value.to_bits()),
        (Type::String, Value::Bytes(value)) => Cell::Text(String::from_utf8_lossy(value).into_owned()),
        (_, Value::Bytes(value)) => Cell::Bytes(value.clone()),
        (_, Value::String(value)) => Cell::Text(value.clone()),
        (_, Value::Timestamp(value)) => Cell::Micros(value.0),
        (Type::Enum(ty), Value::Enum { value, .. }) => Cell::Text(symbol(ty, *value)),
        (Type::Object(_), Value::Object(fields)) if fields.is_empty() => Cell::Bool(true),
        (Type::Object(ty), Value::Object(fields)) => {
            let mut cells = Vec::new();
            for (field, (_, value)) in ty.fields().iter().zip(fields) {
                cells.push(cell(field.ty(), value, options));
                if let Some((raw, value)) = raw(field.ty(), value).filter(|_| options.raw_enums) {
                    cells.push(cell(&raw, &value, options));
                }
            }
            Cell::Struct(cells)
        }
        (Type::Array(item), Value::Array(items)) => {
            Cell::List(items.iter().map(|value| cell(item, value, options)).collect())
        }
        (Type::FixedArray(ty), Value::Array(items)) => {
            Cell::List(items.iter().map(|value| cell(ty.item(), value, options)).collect())
        }
        (Type::Map(of), Value::Map(pairs)) => {
            let pairs = pairs.iter().map(|(key, value)| (String::from_utf8_lossy(key).into_owned(), value));
            let (mut kept, mut seen) = (Vec::new(), HashSet::new());
            for (key, value) in pairs.rev() {
                if seen.insert(key.clone()) {
                    kept.insert(0, (key, cell(of, value, options)));
                }
            }
            Cell::Map(kept)
        }
        (Type::Union(members), Value::Union { index, value }) => match ty.as_optional() {
            Some(some) if *index == 1 => cell(some, value, options),
            Some(_) => Cell::Null,
            None => {
                let mut cells = vec![Cell::Text(member_label(members, *index))];
                let is_column = |(_, member): &(usize, &Type)| !matches!(member, Type::Null);
                cells.extend(members.iter().enumerate().filter(is_column).map(|(at, member)| match at == *index {
                    true => cell(member, value, options),
                    false => Cell::Null,
                }));
                Cell::Struct(cells)
            }
        },
        (ty, value) => panic!("{value:?} is no {ty:?}"),
    }
}

fn symbol(ty: &Enum, value: i128) -> String {
    let first = ty.symbols().iter().find(|symbol| symbol.value == value);
    let means_it = |name: &str| ty.symbols().iter().find(|symbol| symbol.name == name).unwrap().value == value;
    first.filter(|symbol| means_it(&symbol.name)).map_or_else(|| value.to_string(), |symbol| symbol.name.clone())
}

/// The number of an enum, or of what holds nothing but one.
fn raw(ty: &Type, value: &Value) -> Option<(Type, Value)> {
    Some((raw_type(ty)?, raw_value(value)))
}

fn raw_type(ty: &Type) -> Option<Type> {
    match ty {
        Type::Enum(ty) => Some(ty.underlying().into()),
        Type::Array(item) => Some(Type::array(raw_type(item)?)),
        Type::FixedArray(ty) => Some(Type::fixed_array(ty.len(), raw_type(ty.item())?)),
        Type::Map(value) => Some(Type::map(raw_type(value)?)),
        Type::Union(_) => Some(Type::optional(raw_type(ty.as_optional()?)?)),
        _ => None,
    }
}

fn raw_value(value: &Value) -> Value {
    match value {
        Value::Enum { value, .. } => i64::try_from(*value).map_or(Value::Uint(*value as u64), Value::Int),
        Value::Array(items) => Value::Array(items.iter().map(raw_value).collect()),
        Value::Map(pairs) => Value::Map(pairs.iter().map(|(key, value)| (key.clone(), raw_value(value))).collect()),
        Value::Union { index, value } => Value::union(*index, raw_value(value)),
        other => other.clone(),
    }
}

/// The cells of a value, or of one that is missing, in a table without nesting.
fn flat(ty: &Type, value: Option<&Value>, options: &Options, cells: &mut Vec<Cell>) {
    if let Some(some) = ty.as_optional() {
        let inner = value.and_then(|value| match value {
            Value::Union { index: 1, value } => Some(&**value),
            _ => None,
        });
        return flat(some, inner, options, cells);
    }
    match (ty, value) {
        (Type::Object(ty), value) if !ty.fields().is_empty() => {
            for (at, field) in ty.fields().iter().enumerate() {
                let value = value.map(|value| match value {
                    Value::Object(fields) => &fields[at].1,
                    other => panic!("{other:?} is no object"),
                });
                flat(field.ty(), value, options, cells);
                if let Some(raw) = raw_type(field.ty()).filter(|_| options.raw_enums) {
                    flat(&raw, value.map(raw_value).as_ref(), options, cells);
                }
            }
        }
        (Type::FixedArray(ty), value) if ty.len() > 0 => {
            for at in 0..ty.len() as usize {
                flat(ty.item(), value.and_then(|value| value.item(at)), options, cells);
            }
        }
        (_, None) => cells.push(Cell::Null),
        (Type::Array(_) | Type::FixedArray(_) | Type::Map(_) | Type::Union(_), Some(value)) => {
            let (mut payload, mut json) = (Vec::new(), Vec::new());
            value.encode(ty, &mut payload).unwrap();
            write_json(ty, &mut Cursor::new(&payload), &mut json).unwrap();
            cells.push(Cell::Text(String::from_utf8(json).unwrap()));
        }
        (ty, Some(value)) => cells.push(cell(ty, value, options)),
    }
}

/// The cells of one row of a batch, that of its time first.
pub fn found(batch: &RecordBatch, row: usize) -> Vec<Cell> {
    batch.columns().iter().map(|column| value_of(column, row)).collect()
}

fn value_of(array: &dyn Array, at: usize) -> Cell {
    if array.is_null(at) {
        return Cell::Null;
    }
    let all = |array: &dyn Array| (0..array.len()).map(|at| value_of(array, at)).collect();
    macro_rules! int {
        ($ty:ty) => {
            Cell::Int(array.as_primitive::<$ty>().value(at).into())
        };
    }
    match array.data_type() {
        DataType::Null => Cell::Null,
        DataType::Boolean => Cell::Bool(array.as_boolean().value(at)),
        DataType::Int8 => int!(Int8Type),
        DataType::Int16 => int!(Int16Type),
        DataType::Int32 => int!(Int32Type),
        DataType::Int64 => int!(Int64Type),
        DataType::UInt8 => int!(UInt8Type),
        DataType::UInt16 => int!(UInt16Type),
        DataType::UInt32 => int!(UInt32Type),
        DataType::UInt64 => int!(UInt64Type),
        DataType::Float32 => Cell::Bits32(array.as_primitive::<Float32Type>().value(at).to_bits()),
        DataType::Float64 => Cell::Bits64(array.as_primitive::<Float64Type>().value(at).to_bits()),
        DataType::Binary => Cell::Bytes(array.as_binary::<i32>().value(at).to_vec()),
        DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(at).to_owned()),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => {
            Cell::Micros(array.as_primitive::<TimestampMicrosecondType>().value(at))
        }
        DataType::Dictionary(..) => {
            let array = array.as_dictionary::<Int32Type>();
            value_of(array.values(), array.key(at).unwrap())
        }
        DataType::Struct(_) => Cell::Struct(array.as_struct().columns().iter().map(|of| value_of(of, at)).collect()),
        DataType::List(_) => Cell::List(all(&array.as_list::<i32>().value(at))),
        DataType::FixedSizeList(..) => Cell::List(all(&array.as_fixed_size_list().value(at))),
        DataType::Map(..) => {
            let entries = array.as_map().value(at);
            let pair = |at| match value_of(entries.column(0), at) {
                Cell::Text(key) => (key, value_of(entries.column(1), at)),
                other => panic!("the key {other:?}"),
            };
            Cell::Map((0..entries.len()).map(pair).collect())
        }
        other => panic!("no column has the type {other}"),
    }
}

/// The Arrow type that the table says a scalar has.
pub fn scalar_type(ty: &Type) -> Option<DataType> {
    Some(match ty {
        Type::Null => DataType::Null,
        Type::Boolean => DataType::Boolean,
        Type::Float32 => DataType::Float32,
        Type::Float64 => DataType::Float64,
        Type::Bytes => DataType::Binary,
        Type::String => DataType::Utf8,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Duration => DataType::Int64,
        Type::Enum(_) => DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into()),
        other => match (IntegerType::of(other)?, other.fixed_len()) {
            (IntegerType::FixedInt(_), Some(1)) => DataType::Int8,
            (IntegerType::FixedInt(_), Some(2)) => DataType::Int16,
            (IntegerType::FixedInt(_), Some(4)) => DataType::Int32,
            (IntegerType::FixedInt(_) | IntegerType::Varint, _) => DataType::Int64,
            (IntegerType::FixedUint(_), Some(1)) => DataType::UInt8,
            (IntegerType::FixedUint(_), Some(2)) => DataType::UInt16,
            (IntegerType::FixedUint(_), Some(4)) => DataType::UInt32,
            (IntegerType::FixedUint(_) | IntegerType::Varuint, _) => DataType::UInt64,
        },
    })
}
