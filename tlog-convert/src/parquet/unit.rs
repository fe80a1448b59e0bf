//! What is encoded at a time: a column, or part of one that nests many scalars.
//!
//! Each encoder takes memory, and those of one unit are there at the same time. So a struct of thousands of fields is encoded
//! as if it had one field after the other: which rows are missing is the same in each.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, FixedSizeListArray, ListArray, RecordBatch, StructArray};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedFileWriter;

use crate::{Error, Result};

/// A column that nests more scalars is encoded in parts.
const MAX_LEAVES: usize = 32;

/// A column, or part of one.
#[derive(Debug)]
pub struct Unit {
    /// Which column of the table.
    column: usize,
    /// Which field of each struct on the way, from the outside; empty for all of the column.
    path: Vec<usize>,
    /// The column with nothing but this part.
    field: FieldRef,
    factory: ArrowRowGroupWriterFactory,
}

impl Unit {
    /// The units of all columns, in the order of their scalars.
    pub fn all(schema: &Schema, properties: &WriterPropertiesPtr) -> Result<Vec<Self>> {
        let mut units = Vec::new();
        for (column, field) in schema.fields().iter().enumerate() {
            let mut parts = Vec::new();
            match leaves(field) > MAX_LEAVES {
                true => split(field, &mut Vec::new(), &mut |path| parts.push(path.to_vec())),
                false => parts.push(Vec::new()),
            }
            for path in parts {
                units.push(Self::new(column, field, path, properties)?);
            }
        }
        Ok(units)
    }

    fn new(column: usize, field: &FieldRef, path: Vec<usize>, properties: &WriterPropertiesPtr) -> Result<Self> {
        let field = pruned(field, &path)?;
        let one = Arc::new(Schema::new(vec![Arc::clone(&field)]));
        let schema = ArrowSchemaConverter::new().convert(&one)?;
        let writer = SerializedFileWriter::new(std::io::sink(), schema.root_schema_ptr(), Arc::clone(properties))?;
        Ok(Self { column, path, factory: ArrowRowGroupWriterFactory::new(&writer, one), field })
    }

    /// The chunks of this part of the batches, one for each scalar in it.
    pub fn encode(&self, batches: &[RecordBatch]) -> Result<Vec<ArrowColumnChunk>> {
        let mut writers = self.factory.create_column_writers(0)?;
        for batch in batches {
            let array = project(batch.columns().get(self.column).ok_or_else(lost)?, &self.field, &self.path)?;
            for (writer, leaf) in writers.iter_mut().zip(compute_leaves(&self.field, &array)?) {
                writer.write(&leaf)?;
            }
        }
        Ok(writers.into_iter().map(|writer| writer.close()).collect::<Result<_, _>>()?)
    }
}

fn leaves(field: &Field) -> usize {
    match field.data_type() {
        DataType::Struct(fields) => fields.iter().map(|field| leaves(field)).sum(),
        DataType::List(item) | DataType::FixedSizeList(item, _) | DataType::Map(item, _) => leaves(item),
        _ => 1,
    }
}

/// Tells of each part of the column by the fields on the way to it. Maps stay whole.
fn split(field: &Field, path: &mut Vec<usize>, part: &mut dyn FnMut(&[usize])) {
    match field.data_type() {
        DataType::Struct(fields) => {
            for (at, field) in fields.iter().enumerate() {
                path.push(at);
                split(field, path, part);
                path.pop();
            }
        }
        DataType::List(item) | DataType::FixedSizeList(item, _) => split(item, path, part),
        _ => part(path),
    }
}

/// The field with only what is on the way.
fn pruned(field: &FieldRef, path: &[usize]) -> Result<FieldRef> {
    let Some((&first, rest)) = path.split_first() else { return Ok(Arc::clone(field)) };
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(vec![pruned(fields.get(first).ok_or_else(lost)?, rest)?].into()),
        DataType::List(item) => DataType::List(pruned(item, path)?),
        DataType::FixedSizeList(item, len) => DataType::FixedSizeList(pruned(item, path)?, *len),
        _ => return Ok(Arc::clone(field)),
    };
    Ok(Arc::new(field.as_ref().clone().with_data_type(data_type)))
}

/// The array with only what is on the way.
fn project(array: &ArrayRef, field: &FieldRef, path: &[usize]) -> Result<ArrayRef> {
    let Some((&first, rest)) = path.split_first() else { return Ok(Arc::clone(array)) };
    let nulls = array.nulls().cloned();
    Ok(match field.data_type() {
        DataType::Struct(fields) => {
            let child = array.as_struct().columns().get(first).ok_or_else(lost)?;
            let child = project(child, fields.first().ok_or_else(lost)?, rest)?;
            Arc::new(StructArray::try_new(fields.clone(), vec![child], nulls)?)
        }
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let values = project(list.values(), item, path)?;
            Arc::new(ListArray::try_new(Arc::clone(item), list.offsets().clone(), values, nulls)?)
        }
        DataType::FixedSizeList(item, len) => {
            let values = project(array.as_fixed_size_list().values(), item, path)?;
            Arc::new(FixedSizeListArray::try_new(Arc::clone(item), *len, values, nulls)?)
        }
        _ => Arc::clone(array),
    })
}

fn lost() -> Error {
    Error::Usage("a part of a column is not there".to_owned())
}
