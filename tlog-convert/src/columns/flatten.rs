//! Tables without nesting: structs and fixed-size lists taken apart into columns such as `a.b[2]`.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, UInt64Array};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, FieldRef};
use arrow_select::nullif::nullif;
use arrow_select::take::take;
use tlog::value::{Path, Segment};

use super::MAX_COLUMNS;
use super::names::Names;
use crate::{Error, Result};

/// The columns of these, taken apart.
///
/// # Errors
/// [`Error::Limit`] for more than [`MAX_COLUMNS`].
pub fn fields(nested: &[FieldRef]) -> Result<Vec<FieldRef>> {
    let count = nested.iter().fold(0, |sum: usize, field| sum.saturating_add(count(field)));
    if count > MAX_COLUMNS {
        return Err(Error::Limit { what: "the number of columns", size: count as u64, limit: MAX_COLUMNS as u64 });
    }
    let (mut flat, mut names) = (Vec::new(), Names::default());
    for field in nested {
        let mut path = vec![Segment::Name(field.name().as_str().into())];
        add_field(field, &mut path, false, &mut names, &mut flat);
    }
    Ok(flat)
}

/// How many columns it becomes.
fn count(field: &Field) -> usize {
    match field.data_type() {
        DataType::Struct(fields) => fields.iter().fold(0, |sum: usize, field| sum.saturating_add(count(field))),
        DataType::FixedSizeList(item, len) => count(item).saturating_mul(usize::try_from(*len).unwrap_or(0)),
        _ => 1,
    }
}

fn add_field(field: &Field, path: &mut Vec<Segment>, is_nullable: bool, names: &mut Names, flat: &mut Vec<FieldRef>) {
    let is_nullable = is_nullable || field.is_nullable();
    match field.data_type() {
        DataType::Struct(fields) => {
            for field in fields {
                path.push(Segment::Name(field.name().as_str().into()));
                add_field(field, path, is_nullable, names, flat);
                path.pop();
            }
        }
        DataType::FixedSizeList(item, len) => {
            for at in 0..u64::try_from(*len).unwrap_or(0) {
                path.push(Segment::Index(at));
                add_field(item, path, is_nullable, names, flat);
                path.pop();
            }
        }
        data_type => {
            let name = names.unique(&path.iter().cloned().collect::<Path>().to_string());
            let flat_field = Field::new(name, data_type.clone(), is_nullable);
            flat.push(Arc::new(flat_field.with_metadata(field.metadata().clone())));
        }
    }
}

/// The arrays of these columns, taken apart.
pub fn arrays(nested: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    let mut flat = Vec::new();
    nested.iter().try_for_each(|array| add_array(array, None, &mut flat))?;
    Ok(flat)
}

/// What is missing outside is missing inside.
fn add_array(array: &ArrayRef, outside: Option<&NullBuffer>, flat: &mut Vec<ArrayRef>) -> Result<()> {
    match array.data_type() {
        DataType::Struct(_) => {
            let array = array.as_struct();
            let nulls = NullBuffer::union(outside, array.nulls());
            array.columns().iter().try_for_each(|column| add_array(column, nulls.as_ref(), flat))
        }
        DataType::FixedSizeList(_, len) => {
            let (list, len) = (array.as_fixed_size_list(), u64::try_from(*len).unwrap_or(0));
            let nulls = NullBuffer::union(outside, list.nulls());
            for at in 0..len {
                let places: UInt64Array = (0..array.len() as u64).map(|row| row * len + at).collect();
                add_array(&take(list.values(), &places, None)?, nulls.as_ref(), flat)?;
            }
            Ok(())
        }
        _ => {
            let missing = outside.map(|nulls| BooleanArray::new(!nulls.inner(), None));
            flat.push(missing.map_or_else(|| Ok(Arc::clone(array)), |missing| nullif(array, &missing))?);
            Ok(())
        }
    }
}
