//! The statistics of one scalar field.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field};

use super::MAX_CELLS;
use super::numbers::Numbers;
use super::sequence::Sequence;
use super::symbols::Symbols;
use super::tree::Filling;
use super::view::View;

/// A scalar field.
#[derive(Clone, Debug)]
pub struct Leaf {
    kind: Kind,
    nulls: u64,
    values: Values,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing but nulls.
    Null,
    /// Integers.
    Integer,
    /// Floats of 32 or 64 bits.
    Float,
    /// Points in time, in microseconds since the Unix epoch.
    Timestamp,
    /// In microseconds.
    Duration,
    /// Booleans, with the symbols `true` and `false`.
    Boolean,
    /// Enums, and the tags of unions.
    Enum,
    /// Text.
    String,
    /// Bytes.
    Bytes,
}

/// What is told of the values.
#[derive(Clone, Debug)]
pub enum Values {
    /// Only how many nulls there are.
    Nothing,
    /// Of numbers, and of points in time.
    Numbers(Box<Numbers>),
    /// Of enums and booleans.
    Symbols(Symbols),
    /// Of the lengths of strings and bytes, in bytes.
    Lengths(Box<Numbers>),
}

/// The statistics of a field.
#[derive(Clone, Copy, Debug)]
pub struct FieldStats<'a> {
    /// Its name, such as `a.b[2]`; `value` if the record is no object.
    pub name: &'a str,
    /// What its values are.
    pub kind: Kind,
    /// How often it is missing where it might be: optional values, other members of a union.
    pub nulls: u64,
    /// Its values.
    pub values: &'a Values,
}

impl FieldStats<'_> {
    /// How many values there are, without those that are missing.
    pub fn count(&self) -> u64 {
        match self.values {
            Values::Nothing => 0,
            Values::Numbers(numbers) | Values::Lengths(numbers) => numbers.count(),
            Values::Symbols(symbols) => symbols.count(),
        }
    }

    /// How it counts up, if it is an integer.
    pub fn sequence(&self) -> Option<&Sequence> {
        match self.values {
            Values::Numbers(numbers) => numbers.sequence.as_deref(),
            _ => None,
        }
    }
}

impl Leaf {
    /// Of this field, none yet.
    pub fn new(field: &Field) -> Self {
        let is_duration = field.metadata().contains_key("unit");
        let kind = match field.data_type() {
            DataType::Null => Kind::Null,
            DataType::Boolean => Kind::Boolean,
            DataType::Dictionary(..) => Kind::Enum,
            DataType::Utf8 => Kind::String,
            DataType::Binary => Kind::Bytes,
            DataType::Float32 | DataType::Float64 => Kind::Float,
            DataType::Timestamp(..) => Kind::Timestamp,
            _ if is_duration => Kind::Duration,
            _ => Kind::Integer,
        };
        let mut numbers = Box::new(Numbers::new(MAX_CELLS));
        let values = match kind {
            Kind::Null => Values::Nothing,
            Kind::Boolean | Kind::Enum => Values::Symbols(Symbols::default()),
            Kind::String | Kind::Bytes => Values::Lengths(numbers),
            _ => {
                let bits = field.data_type().primitive_width().and_then(|bytes| u32::try_from(bytes * 8).ok());
                let bits = bits.filter(|bits| kind == Kind::Integer && (1..=64).contains(bits));
                numbers.sequence = bits.map(|bits| Box::new(Sequence::new(bits)));
                Values::Numbers(numbers)
            }
        };
        Self { kind, nulls: 0, values }
    }

    /// Gives it so many cells for quantiles.
    pub fn set_cells(&mut self, cells: usize) {
        if let Values::Numbers(numbers) | Values::Lengths(numbers) = &mut self.values {
            numbers.quantiles.set_limit(cells);
        }
    }

    /// Does not count how it goes up.
    pub fn forget_order(&mut self) {
        if let Values::Numbers(numbers) = &mut self.values {
            numbers.sequence = None;
        }
    }

    pub fn fresh(&self, more: usize) -> Self {
        let values = match &self.values {
            Values::Nothing => Values::Nothing,
            Values::Numbers(numbers) => Values::Numbers(Box::new(numbers.fresh(more))),
            Values::Symbols(_) => Values::Symbols(Symbols::default()),
            Values::Lengths(numbers) => Values::Lengths(Box::new(numbers.fresh(more))),
        };
        Self { kind: self.kind, nulls: 0, values }
    }

    pub fn told<'a>(&'a self, name: &'a str) -> FieldStats<'a> {
        FieldStats { name, kind: self.kind, nulls: self.nulls, values: &self.values }
    }

    pub fn is_empty(&self) -> bool {
        self.nulls == 0 && self.told("").count() == 0
    }

    pub fn merge(&mut self, later: &Self) {
        self.nulls += later.nulls;
        match (&mut self.values, &later.values) {
            (Values::Numbers(a), Values::Numbers(b)) | (Values::Lengths(a), Values::Lengths(b)) => a.merge(b),
            (Values::Symbols(a), Values::Symbols(b)) => a.merge(b),
            _ => {}
        }
    }

    /// Adds what the view has of the array.
    pub fn add(&mut self, array: &ArrayRef, view: &View, filling: &mut Filling<'_>) {
        match &mut self.values {
            Values::Nothing => self.nulls += view.len() as u64,
            Values::Symbols(symbols) => add_symbols(symbols, array, view),
            Values::Lengths(lengths) => {
                let offsets = match array.data_type() {
                    DataType::Utf8 => array.as_string::<i32>().value_offsets(),
                    _ => array.as_binary::<i32>().value_offsets(),
                };
                let len = |at: usize| Some(offsets.get(at + 1)?.abs_diff(*offsets.get(at)?));
                let lens: Vec<u32> = view.present().filter_map(|(_, at)| len(at)).collect();
                lengths.add_integers(&lens, f64::from, &mut filling.scratch.floats);
            }
            Values::Numbers(numbers) => add_numbers(numbers, array, view, filling),
        }
        self.nulls += view.missing() as u64;
    }
}

fn add_symbols(symbols: &mut Symbols, array: &ArrayRef, view: &View) {
    if let Some(booleans) = array.as_boolean_opt() {
        let yes = view.present().filter(|(_, at)| booleans.value(*at)).count() as u64;
        let no = view.len() as u64 - yes;
        let counts = [("false", no), ("true", yes)];
        counts.into_iter().filter(|(_, count)| *count > 0).for_each(|(text, count)| symbols.add(text, count));
        return;
    }
    let Some(dictionary) = array.as_dictionary_opt::<Int32Type>() else { return };
    let texts = dictionary.values().as_string::<i32>();
    let mut counts = vec![0_u64; texts.len()];
    for key in view.of(dictionary.keys().values()).iter() {
        usize::try_from(*key).ok().and_then(|at| counts.get_mut(at)).into_iter().for_each(|count| *count += 1);
    }
    let found = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    found.for_each(|(at, count)| symbols.add(texts.value(at), *count));
}

/// Which function adds arrays of which type.
macro_rules! by_type {
    ($array:expr, $numbers:expr, $view:expr, $filling:expr; $($ty:ident: $data_type:pat => $float:expr),* $(,)?) => {
        match $array.data_type() {
            $($data_type => {
                let values = values_of::<$ty>($array, $view);
                add_integers($numbers, &values, $view, $filling, $float, |value| value as u64);
            })*
            DataType::Float32 => {
                let values = values_of::<Float32Type>($array, $view);
                $numbers.add_floats(values.iter().copied().map(f64::from), &mut $filling.scratch.floats);
            }
            DataType::Float64 => {
                let values = values_of::<Float64Type>($array, $view);
                $numbers.add_floats(values.iter().copied(), &mut $filling.scratch.floats);
            }
            _ => {}
        }
    };
}

fn add_numbers(numbers: &mut Numbers, array: &ArrayRef, view: &View, filling: &mut Filling<'_>) {
    by_type!(array, numbers, view, filling;
        Int8Type: DataType::Int8 => f64::from,
        Int16Type: DataType::Int16 => f64::from,
        Int32Type: DataType::Int32 => f64::from,
        Int64Type: DataType::Int64 => |value| value as f64,
        UInt8Type: DataType::UInt8 => f64::from,
        UInt16Type: DataType::UInt16 => f64::from,
        UInt32Type: DataType::UInt32 => f64::from,
        UInt64Type: DataType::UInt64 => |value| value as f64,
        TimestampMicrosecondType: DataType::Timestamp(..) => |value| value as f64,
    );
}

fn values_of<'a, T: ArrowPrimitiveType>(array: &'a ArrayRef, view: &View) -> Cow<'a, [T::Native]> {
    view.of(array.as_primitive::<T>().values())
}

fn add_integers<T: Copy + Ord + Into<i128>>(
    numbers: &mut Numbers,
    values: &[T],
    view: &View,
    filling: &mut Filling<'_>,
    float: impl Fn(T) -> f64,
    raw: impl Fn(T) -> u64,
) {
    numbers.add_integers(values, float, &mut filling.scratch.floats);
    if let Some(sequence) = &mut numbers.sequence {
        let rows = view.rows();
        let row = |at: usize| rows.as_ref().map_or(at, |rows| rows.get(at).copied().unwrap_or(at));
        sequence.add(values.iter().map(|&value| raw(value)), |at| (filling.spot)(row(at)));
    }
}
