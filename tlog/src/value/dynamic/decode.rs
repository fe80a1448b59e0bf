//! From a payload to a [`Value`].

use super::Value;
use crate::schema::{Enum, Field, Object, Type};
use crate::time::Micros;
use crate::value::shared_names::SharedNames;
use crate::value::{Cursor, ValueError, Visitor, walk};

impl Value {
    /// Decodes one value of type `ty` at the cursor. What follows it is left alone.
    ///
    /// Memory grows with the bytes that are there (by 64 bytes or so for each, at worst), never with
    /// what they claim; items without bytes are limited by [`MAX_ZERO_WIDTH`](crate::value::MAX_ZERO_WIDTH).
    ///
    /// # Errors
    /// [`ValueError`], as [`walk`].
    pub fn decode(ty: &Type, cursor: &mut Cursor<'_>) -> Result<Self, ValueError> {
        let mut builder = Builder { open: Vec::new(), root: Self::Null, names: SharedNames::default() };
        walk(ty, cursor, &mut builder)?;
        Ok(builder.root)
    }
}

struct Builder {
    /// The containers that have begun and not ended, outermost first. In each object and map the
    /// last value is a placeholder until it comes.
    open: Vec<Value>,
    root: Value,
    names: SharedNames,
}

impl Builder {
    fn put(&mut self, new: Value) -> Result<(), ValueError> {
        match self.open.last_mut() {
            Some(Value::Object(fields)) => replace_last(fields, new),
            Some(Value::Map(pairs)) => replace_last(pairs, new),
            Some(Value::Array(items)) => items.push(new),
            Some(Value::Union { value, .. }) => **value = new,
            _ => self.root = new,
        }
        Ok(())
    }

    fn begin(&mut self, container: Value) -> Result<(), ValueError> {
        self.open.push(container);
        Ok(())
    }

    fn end(&mut self) -> Result<(), ValueError> {
        match self.open.pop() {
            Some(container) => self.put(container),
            None => Ok(()),
        }
    }
}

fn replace_last<N>(named: &mut [(N, Value)], new: Value) {
    if let Some((_, value)) = named.last_mut() {
        *value = new;
    }
}

impl<'s, 'a> Visitor<'s, 'a> for Builder {
    type Error = ValueError;

    fn null(&mut self) -> Result<(), ValueError> {
        self.put(Value::Null)
    }
    fn boolean(&mut self, value: bool) -> Result<(), ValueError> {
        self.put(Value::Boolean(value))
    }
    fn int(&mut self, value: i64) -> Result<(), ValueError> {
        self.put(Value::Int(value))
    }
    fn uint(&mut self, value: u64) -> Result<(), ValueError> {
        self.put(Value::Uint(value))
    }
    fn float32(&mut self, value: f32) -> Result<(), ValueError> {
        self.put(Value::Float32(value))
    }
    fn float64(&mut self, value: f64) -> Result<(), ValueError> {
        self.put(Value::Float64(value))
    }
    fn bytes(&mut self, value: &'a [u8]) -> Result<(), ValueError> {
        self.put(Value::Bytes(value.to_vec()))
    }
    fn string(&mut self, value: &'a [u8]) -> Result<(), ValueError> {
        self.put(match std::str::from_utf8(value) {
            Ok(text) => Value::String(text.to_owned()),
            Err(_) => Value::Bytes(value.to_vec()),
        })
    }
    fn enumeration(&mut self, ty: &'s Enum, value: i128) -> Result<(), ValueError> {
        let symbol = ty.name_of(value).map(|name| self.names.get(name));
        self.put(Value::Enum { value, symbol })
    }
    fn timestamp(&mut self, value: Micros) -> Result<(), ValueError> {
        self.put(Value::Timestamp(value))
    }
    fn duration(&mut self, micros: i64) -> Result<(), ValueError> {
        self.put(Value::Duration(micros))
    }
    fn begin_object(&mut self, ty: &'s Object) -> Result<(), ValueError> {
        self.begin(Value::Object(Vec::with_capacity(ty.fields().len())))
    }
    fn field(&mut self, _: usize, field: &'s Field) -> Result<(), ValueError> {
        let name = self.names.get(field.name());
        if let Some(Value::Object(fields)) = self.open.last_mut() {
            fields.push((name, Value::Null));
        }
        Ok(())
    }
    fn end_object(&mut self) -> Result<(), ValueError> {
        self.end()
    }
    fn begin_array(&mut self, _: &'s Type, _: u64) -> Result<(), ValueError> {
        self.begin(Value::Array(Vec::new()))
    }
    fn end_array(&mut self) -> Result<(), ValueError> {
        self.end()
    }
    fn begin_map(&mut self, _: &'s Type, _: u64) -> Result<(), ValueError> {
        self.begin(Value::Map(Vec::new()))
    }
    fn key(&mut self, key: &'a [u8]) -> Result<(), ValueError> {
        if let Some(Value::Map(pairs)) = self.open.last_mut() {
            pairs.push((key.to_vec(), Value::Null));
        }
        Ok(())
    }
    fn end_map(&mut self) -> Result<(), ValueError> {
        self.end()
    }
    fn begin_union(&mut self, _: &'s Type, index: usize) -> Result<(), ValueError> {
        self.begin(Value::Union { index, value: Box::new(Value::Null) })
    }
    fn end_union(&mut self) -> Result<(), ValueError> {
        self.end()
    }
}
