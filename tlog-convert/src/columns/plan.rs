//! From a schema to empty columns and their Arrow fields.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};
use tlog::schema::{IntegerType, Type};
use tlog::value::member_label;

use super::column::{Blobs, Column, FixedList, List, Map, Object, Optional, Raw, Slot};
use super::enumeration::{Symbols, Tags};
use super::leaf::Leaf;
use super::names::{Names, time_name};
use super::union::{Member, Union};
use super::{JSON_OF_A_CELL, MAX_COLUMNS, MAX_FIXED_LIST, Options};
use crate::{Error, Result};

/// The columns of a record.
pub struct Table {
    /// Of the columns, without that of time.
    pub fields: Vec<FieldRef>,
    /// All of them, empty: an object of exactly these, or the one column of a record that is none.
    pub root: Column,
}

/// The columns of a record of this type.
pub fn compile(ty: &Type, options: &Options) -> Result<Table> {
    let mut compiler = Compiler { options, left: MAX_COLUMNS, may_miss: false };
    let (root, field) = compiler.column("value", ty)?;
    let fields = match &root {
        Column::Object(object) => object.fields.iter().cloned().collect(),
        _ => vec![Arc::new(field)],
    };
    Ok(Table { fields, root })
}

/// The column of the time of the block, beside these.
pub fn time_field(others: &[FieldRef]) -> Field {
    let name = time_name(others.iter().map(|field| field.name().as_str()));
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true)
}

struct Compiler<'a> {
    options: &'a Options,
    /// How many more columns there may be.
    left: usize,
    /// Whether values may be missing here, because what they are part of may be.
    may_miss: bool,
}

impl Compiler<'_> {
    /// An empty column of this type and its field.
    fn column(&mut self, name: &str, ty: &Type) -> Result<(Column, Field)> {
        self.left = self.left.checked_sub(1).ok_or(Error::Limit {
            what: "the number of columns",
            size: MAX_COLUMNS as u64 + 1,
            limit: MAX_COLUMNS as u64,
        })?;
        let (column, data_type) = self.of(ty)?;
        let is_nullable = matches!(column, Column::Null(_) | Column::Optional(_));
        let mut field = Field::new(name, data_type, is_nullable);
        if matches!(ty.as_optional().unwrap_or(ty), Type::Duration) {
            field.set_metadata(HashMap::from([("unit".to_owned(), "us".to_owned())]));
        }
        Ok((column, field))
    }

    fn of(&mut self, ty: &Type) -> Result<(Column, DataType)> {
        if let Some(leaf) = Leaf::of(ty) {
            let data_type = leaf.data_type();
            return Ok((Column::Leaf(leaf), data_type));
        }
        if let Some(some) = ty.as_optional() {
            let (item, data_type) = self.where_missing(true, |compiler| compiler.of(some))?;
            return Ok((Column::Optional(Box::new(Optional { item, is_there: Vec::new() })), data_type));
        }
        match ty {
            Type::Bytes => Ok((Column::Bytes(Blobs::default()), DataType::Binary)),
            Type::String => Ok((Column::Text(Blobs::default()), DataType::Utf8)),
            Type::Enum(ty) => Ok((Column::Enum(Symbols::new(ty, self.options.keep_texts)), dictionary())),
            Type::Object(object) if object.fields().is_empty() => Ok((Column::Empty(0), DataType::Boolean)),
            Type::Object(object) => self.object(object),
            Type::FixedArray(array) => self.fixed_array(array.len(), array.item()),
            Type::Array(_) | Type::Map(_) | Type::Union(_) if self.options.flatten => Ok(json(1)),
            Type::Array(item) => self.list(item),
            Type::Map(value) => self.map(value),
            Type::Union(members) => self.union(members),
            // All other types are scalars.
            _ => Ok((Column::Null(0), DataType::Null)),
        }
    }

    fn object(&mut self, object: &tlog::schema::Object) -> Result<(Column, DataType)> {
        let (mut names, mut slots, mut fields) = (Names::default(), Vec::new(), Vec::new());
        // The fields have their names; what is added gives way.
        let own: Vec<String> = object.fields().iter().map(|field| names.unique(field.name())).collect();
        for (field, name) in object.fields().iter().zip(own) {
            let (column, of_it) = self.column(&name, field.ty())?;
            fields.push(of_it);
            let raw = raw_type(field.ty()).filter(|_| self.options.raw_enums);
            let raw = raw.map(|ty| self.raw(&names.unique(&format!("{name}_raw")), ty)).transpose()?;
            let (raw, of_raw) = raw.unzip();
            fields.extend(of_raw);
            slots.push(Slot { column, raw });
        }
        let fields = Fields::from(fields);
        Ok((Column::Object(Object { slots, fields: fields.clone(), len: 0 }), DataType::Struct(fields)))
    }

    fn raw(&mut self, name: &str, ty: Type) -> Result<(Raw, Field)> {
        let (column, field) = self.column(name, &ty)?;
        Ok((Raw { column, ty }, field))
    }

    /// What is done where values may be missing, or may not.
    fn where_missing<T>(&mut self, may_miss: bool, act: impl FnOnce(&mut Self) -> T) -> T {
        let outside = std::mem::replace(&mut self.may_miss, may_miss);
        let done = act(self);
        self.may_miss = outside;
        done
    }

    fn list(&mut self, item: &Type) -> Result<(Column, DataType)> {
        // A list that is missing has no items that could be.
        let (item, field) = self.where_missing(false, |compiler| compiler.column("item", item))?;
        let field = Arc::new(field);
        let list = List { item, field: Arc::clone(&field), ends: vec![0], items: None };
        Ok((Column::List(Box::new(list)), DataType::List(field)))
    }

    fn fixed_array(&mut self, len: u64, item: &Type) -> Result<(Column, DataType)> {
        let (column, field) = self.column("item", item)?;
        let cells = len.saturating_mul(column.cells());
        // pyarrow refuses Parquet with fixed-size lists in structs that are missing. There, a list is smaller as well.
        let is_there = self.options.flatten || !self.may_miss;
        let (Ok(items), true) = (i32::try_from(len), is_there && (1..=MAX_FIXED_LIST).contains(&cells)) else {
            if self.options.flatten {
                return Ok(json(json_len(item).saturating_add(1).saturating_mul(len) / JSON_OF_A_CELL));
            }
            let field = Arc::new(field);
            let list = List { item: column, field: Arc::clone(&field), ends: vec![0], items: Some(len) };
            return Ok((Column::List(Box::new(list)), DataType::List(field)));
        };
        let field = Arc::new(field);
        let list = FixedList { item: column, field: Arc::clone(&field), items: items as usize, len: 0 };
        Ok((Column::FixedList(Box::new(list)), DataType::FixedSizeList(field, items)))
    }

    fn map(&mut self, value: &Type) -> Result<(Column, DataType)> {
        let (value, field) = self.where_missing(false, |compiler| compiler.column("value", value))?;
        let fields = Fields::from(vec![Field::new("key", DataType::Utf8, false), field]);
        let entries = Arc::new(Field::new("entries", DataType::Struct(fields), false));
        let map = Map { keys: Blobs::default(), value, entries: Arc::clone(&entries), ends: vec![0] };
        Ok((Column::Map(Box::new(map)), DataType::Map(entries, false)))
    }

    fn union(&mut self, members: &[Type]) -> Result<(Column, DataType)> {
        let labels = (0..members.len()).map(|index| member_label(members, index));
        let (mut columns, mut fields) = (Vec::new(), vec![Field::new("tag", dictionary(), false)]);
        for (index, member) in members.iter().enumerate() {
            if matches!(member, Type::Null) {
                columns.push(None);
                continue;
            }
            let label = member_label(members, index);
            let (column, field) = self.where_missing(true, |compiler| compiler.column(&label, member))?;
            columns.push(Some(Member { column, is_there: Vec::new() }));
            fields.push(field.with_nullable(true));
        }
        let fields = Fields::from(fields);
        let union = Union { tags: Tags::new(labels), members: columns, fields: fields.clone() };
        Ok((Column::Union(Box::new(union)), DataType::Struct(fields)))
    }
}

/// A column of JSON, each of which counts as so many cells, or more if it turns out to be longer.
fn json(cells: u64) -> (Column, DataType) {
    (Column::Json(Blobs::default(), cells.max(1)), DataType::Utf8)
}

/// How long the JSON of a value of this type may be, if all values take the same bytes.
fn json_len(ty: &Type) -> u64 {
    // A character takes six where it is escaped.
    let text = |name: &str| name.len() as u64 * 6 + 4;
    match ty {
        Type::Object(object) => object
            .fields()
            .iter()
            .fold(2, |sum: u64, field| sum.saturating_add(text(field.name())).saturating_add(json_len(field.ty()))),
        Type::FixedArray(array) => {
            json_len(array.item()).saturating_add(1).saturating_mul(array.len()).saturating_add(2)
        }
        Type::Enum(ty) => ty.symbols().iter().map(|symbol| text(&symbol.name)).max().unwrap_or(0).max(24),
        // Numbers and times.
        _ => 32,
    }
}

fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// The type with the number in place of the enum, of an enum and of what holds nothing else.
fn raw_type(ty: &Type) -> Option<Type> {
    if let Some(some) = ty.as_optional() {
        return raw_type(some).map(Type::optional);
    }
    match ty {
        Type::Enum(ty) => Some(IntegerType::into(ty.underlying())),
        Type::Array(item) => raw_type(item).map(Type::array),
        Type::FixedArray(array) => raw_type(array.item()).map(|item| Type::fixed_array(array.len(), item)),
        Type::Map(value) => raw_type(value).map(Type::map),
        _ => None,
    }
}
