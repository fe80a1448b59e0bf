//! Columns of scalars of one width.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{DataType, TimeUnit};
use tlog::schema::{IntegerType, Type, Width};
use tlog::value::{Cursor, ValueError};

/// The values of a column so far. Where a value is missing stands a zero; what is missing is known outside.
#[derive(Clone, Debug)]
pub enum Leaf {
    Boolean(Vec<bool>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Micros(Vec<i64>),
}

/// Does the same with the vector of any kind of leaf.
macro_rules! each {
    ($leaf:expr, $values:ident => $act:expr) => {
        match $leaf {
            Leaf::Boolean($values) => $act,
            Leaf::I8($values) => $act,
            Leaf::I16($values) => $act,
            Leaf::I32($values) => $act,
            Leaf::I64($values) | Leaf::Micros($values) => $act,
            Leaf::U8($values) => $act,
            Leaf::U16($values) => $act,
            Leaf::U32($values) => $act,
            Leaf::U64($values) => $act,
            Leaf::F32($values) => $act,
            Leaf::F64($values) => $act,
        }
    };
}

/// A scalar of fixed width, little endian.
pub trait Fixed: Copy + Default {
    /// How many bytes it takes.
    const LEN: usize;

    /// Its value in exactly these bytes.
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! fixed {
    ($($number:ty),*) => {$(
        impl Fixed for $number {
            const LEN: usize = size_of::<$number>();

            #[inline] // once per value: `benches/columns`
            fn read(bytes: &[u8]) -> Self {
                bytes.try_into().map_or_else(|_| Self::default(), Self::from_le_bytes)
            }
        }
    )*};
}

fixed!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);

impl Fixed for bool {
    const LEN: usize = 1;

    fn read(bytes: &[u8]) -> Self {
        bytes.first().is_some_and(|&byte| byte != 0)
    }
}

impl Leaf {
    /// The column of a scalar of this type; `None` if it is none of one width.
    pub fn of(ty: &Type) -> Option<Self> {
        Some(match ty {
            Type::Boolean => Self::Boolean(Vec::new()),
            Type::FixedInt(_) | Type::FixedUint(_) | Type::Varint | Type::Varuint => {
                Self::of_integer(IntegerType::of(ty)?)
            }
            Type::Float32 => Self::F32(Vec::new()),
            Type::Float64 => Self::F64(Vec::new()),
            Type::Timestamp => Self::Micros(Vec::new()),
            Type::Duration => Self::I64(Vec::new()),
            _ => return None,
        })
    }

    /// The column of integers of this type.
    pub const fn of_integer(ty: IntegerType) -> Self {
        match ty {
            IntegerType::FixedInt(Width::W1) => Self::I8(Vec::new()),
            IntegerType::FixedInt(Width::W2) => Self::I16(Vec::new()),
            IntegerType::FixedInt(Width::W4) => Self::I32(Vec::new()),
            IntegerType::FixedInt(Width::W8) | IntegerType::Varint => Self::I64(Vec::new()),
            IntegerType::FixedUint(Width::W1) => Self::U8(Vec::new()),
            IntegerType::FixedUint(Width::W2) => Self::U16(Vec::new()),
            IntegerType::FixedUint(Width::W4) => Self::U32(Vec::new()),
            IntegerType::FixedUint(Width::W8) | IntegerType::Varuint => Self::U64(Vec::new()),
        }
    }

    /// The Arrow type.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Boolean(_) => DataType::Boolean,
            Self::I8(_) => DataType::Int8,
            Self::I16(_) => DataType::Int16,
            Self::I32(_) => DataType::Int32,
            Self::I64(_) => DataType::Int64,
            Self::U8(_) => DataType::UInt8,
            Self::U16(_) => DataType::UInt16,
            Self::U32(_) => DataType::UInt32,
            Self::U64(_) => DataType::UInt64,
            Self::F32(_) => DataType::Float32,
            Self::F64(_) => DataType::Float64,
            Self::Micros(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        each!(self, values => values.len())
    }

    /// Takes the value at the cursor, which is of type `ty`.
    pub fn push(&mut self, ty: &Type, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        match (&mut *self, ty) {
            (Self::I64(values), Type::Varint) => values.push(cursor.varint()?),
            (Self::U64(values), Type::Varuint) => values.push(cursor.varuint()?),
            (leaf, _) => each!(leaf, values => take(values, cursor)?),
        }
        Ok(())
    }

    /// Adds so many zeros, for values that are missing.
    pub fn pad(&mut self, count: usize) {
        each!(self, values => values.resize(values.len() + count, Default::default()));
    }

    /// Adds `count` values, one behind the other, from each of the payloads at this offset. Payloads are long enough.
    pub fn gather<'a>(&mut self, payloads: impl Iterator<Item = &'a [u8]> + Clone, offset: usize, count: usize) {
        each!(self, values => gather(values, payloads, offset, count));
    }

    /// The column as an array, which is then empty again.
    pub fn finish(&mut self, nulls: Option<NullBuffer>) -> ArrayRef {
        match self {
            Self::Boolean(values) => {
                let bits = BooleanBuffer::from(std::mem::take(values));
                Arc::new(BooleanArray::new(bits, nulls))
            }
            Self::I8(values) => array::<Int8Type>(values, nulls),
            Self::I16(values) => array::<Int16Type>(values, nulls),
            Self::I32(values) => array::<Int32Type>(values, nulls),
            Self::I64(values) => array::<Int64Type>(values, nulls),
            Self::U8(values) => array::<UInt8Type>(values, nulls),
            Self::U16(values) => array::<UInt16Type>(values, nulls),
            Self::U32(values) => array::<UInt32Type>(values, nulls),
            Self::U64(values) => array::<UInt64Type>(values, nulls),
            Self::F32(values) => array::<Float32Type>(values, nulls),
            Self::F64(values) => array::<Float64Type>(values, nulls),
            Self::Micros(values) => {
                let values = std::mem::take(values).into();
                let array = PrimitiveArray::<TimestampMicrosecondType>::new(values, nulls);
                Arc::new(array.with_timezone("UTC"))
            }
        }
    }
}

fn take<T: Fixed>(values: &mut Vec<T>, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
    values.push(T::read(cursor.bytes(T::LEN as u64)?));
    Ok(())
}

fn gather<'a, T: Fixed>(
    values: &mut Vec<T>,
    payloads: impl Iterator<Item = &'a [u8]> + Clone,
    offset: usize,
    count: usize,
) {
    let range = offset..offset + count * T::LEN;
    if count == 1 {
        // The length is then known to the compiler.
        values.extend(
            payloads.map(|payload| payload.get(offset..).map_or_else(T::default, |from| T::read(head(from, T::LEN)))),
        );
        return;
    }
    for payload in payloads {
        let items = payload.get(range.clone()).unwrap_or_default();
        values.extend(items.chunks_exact(T::LEN).map(T::read));
    }
}

fn head(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(..len).unwrap_or_default()
}

fn array<T: ArrowPrimitiveType>(values: &mut Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(std::mem::take(values).into(), nulls))
}
