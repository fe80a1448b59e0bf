//! The vectors' own JSON form of values: nothing is lost in it, floats stand as their bits.

use serde_json::{Value as Json, json};
use tlog::Micros;
use tlog::schema::{Enum, Field, Object, Type};
use tlog::value::{Cursor, ValueError, Visitor, walk};

/// One value at the cursor in the canonical form.
pub fn canonical(ty: &Type, cursor: &mut Cursor<'_>) -> Result<Json, ValueError> {
    let mut builder = Builder::default();
    walk(ty, cursor, &mut builder)?;
    Ok(builder.done.unwrap())
}

enum Open {
    Object(Vec<(String, Json)>, String),
    Array(Vec<Json>),
    Map(Vec<Json>, String),
    Union(usize),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    done: Option<Json>,
}

impl Builder {
    fn put(&mut self, value: Json) -> Result<(), ValueError> {
        match self.open.last_mut() {
            Some(Open::Object(fields, name)) => fields.push((name.clone(), value)),
            Some(Open::Array(items)) => items.push(value),
            Some(Open::Map(pairs, key)) => pairs.push(json!([key, value])),
            Some(Open::Union(index)) => {
                let index = *index;
                self.open.pop();
                return self.put(json!({"union": index, "value": value}));
            }
            None => self.done = Some(value),
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl<'s, 'a> Visitor<'s, 'a> for Builder {
    type Error = ValueError;

    fn null(&mut self) -> Result<(), ValueError> {
        self.put(Json::Null)
    }
    fn boolean(&mut self, value: bool) -> Result<(), ValueError> {
        self.put(json!(value))
    }
    fn int(&mut self, value: i64) -> Result<(), ValueError> {
        self.put(json!(value))
    }
    fn uint(&mut self, value: u64) -> Result<(), ValueError> {
        self.put(json!(value))
    }
    fn float32(&mut self, value: f32) -> Result<(), ValueError> {
        self.put(json!({"f32": format!("{:08x}", value.to_bits())}))
    }
    fn float64(&mut self, value: f64) -> Result<(), ValueError> {
        self.put(json!({"f64": format!("{:016x}", value.to_bits())}))
    }
    fn bytes(&mut self, value: &'a [u8]) -> Result<(), ValueError> {
        self.put(json!({"bytes": hex(value)}))
    }
    fn string(&mut self, value: &'a [u8]) -> Result<(), ValueError> {
        self.put(json!(String::from_utf8_lossy(value)))
    }
    fn enumeration(&mut self, ty: &'s Enum, value: i128) -> Result<(), ValueError> {
        let number = u64::try_from(value).map_or_else(|_| json!(value as i64), |value| json!(value));
        self.put(json!({"enum": number, "name": ty.name_of(value)}))
    }
    fn timestamp(&mut self, value: Micros) -> Result<(), ValueError> {
        self.put(json!({"timestamp_us": value.0}))
    }
    fn duration(&mut self, micros: i64) -> Result<(), ValueError> {
        self.put(json!({"duration_us": micros}))
    }
    fn begin_object(&mut self, _: &'s Object) -> Result<(), ValueError> {
        self.open.push(Open::Object(Vec::new(), String::new()));
        Ok(())
    }
    fn field(&mut self, _: usize, field: &'s Field) -> Result<(), ValueError> {
        if let Some(Open::Object(_, name)) = self.open.last_mut() {
            *name = field.name().to_owned();
        }
        Ok(())
    }
    fn end_object(&mut self) -> Result<(), ValueError> {
        let Some(Open::Object(fields, _)) = self.open.pop() else { unreachable!() };
        self.put(json!({"object": fields.into_iter().collect::<serde_json::Map<_, _>>()}))
    }
    fn begin_array(&mut self, _: &'s Type, _: u64) -> Result<(), ValueError> {
        self.open.push(Open::Array(Vec::new()));
        Ok(())
    }
    fn end_array(&mut self) -> Result<(), ValueError> {
        let Some(Open::Array(items)) = self.open.pop() else { unreachable!() };
        self.put(Json::Array(items))
    }
    fn begin_map(&mut self, _: &'s Type, _: u64) -> Result<(), ValueError> {
        self.open.push(Open::Map(Vec::new(), String::new()));
        Ok(())
    }
    fn key(&mut self, key: &'a [u8]) -> Result<(), ValueError> {
        if let Some(Open::Map(_, open)) = self.open.last_mut() {
            *open = String::from_utf8_lossy(key).into_owned();
        }
        Ok(())
    }
    fn end_map(&mut self) -> Result<(), ValueError> {
        let Some(Open::Map(pairs, _)) = self.open.pop() else { unreachable!() };
        self.put(json!({"map": pairs}))
    }
    fn begin_union(&mut self, _: &'s Type, index: usize) -> Result<(), ValueError> {
        self.open.push(Open::Union(index));
        Ok(())
    }
}

/// The expected value without the texts that stand beside float bits.
pub fn drop_float_texts(value: &mut Json) {
    match value {
        Json::Object(map) => {
            if map.contains_key("f32") || map.contains_key("f64") {
                map.remove("text");
            }
            map.values_mut().for_each(drop_float_texts);
        }
        Json::Array(items) => items.iter_mut().for_each(drop_float_texts),
        _ => {}
    }
}
