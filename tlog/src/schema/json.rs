//! Schema JSON, out of schemas. [`parse`] is the other way.
//!
//! | type | what is written | what is read as well |
//! |---|---|---|
//! | primitive, timestamp, duration | `"float32"` | `{"type":"float32"}` |
//! | object | `{"type":"object","fields":[…]}`, `"version":3` behind it if there is one | |
//! | its fields | `{"name":"x","type":…}`, and where there are any `"aliases":["y"]`, `"default":…`, `"flags":1` | |
//! | enum | `{"type":"enum","underlying":"fixeduint8","symbols":[{"name":"idle","value":0}]}` | the underlying type as a second `"type"`; symbols as plain strings, whose value is their position |
//! | array | `{"type":"array","items":…}` | |
//! | fixedarray | `{"type":"fixedarray","size":3,"items":…}` | |
//! | map | `{"type":"map","values":…}` | |
//! | union | `["null","float32"]` | `{"type":"union","types":[…]}` |
//!
//! Keys may come in any order. On everything but fields, `"name"`, `"aliases"` and (on enums)
//! `"default"`, which the format's document shows, are read and dropped: the binary form has no
//! place for them. Every other key is an error.
//!
//! A default is [data JSON](crate::value::write_json) of the field's type. Where that would not
//! come back to the same bytes (the payload of a NaN, equal keys in a map, text that is not
//! UTF-8, overlong numbers) or is very long, `"default_base64"` has the bytes instead.

mod parse;

pub use parse::SchemaJsonError;

use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::Schema;
use super::types::{Enum, Field, Object, Symbol, Type};
use crate::value::{Cursor, read_json_within, write_json_within};

/// How long the data JSON of all defaults of a schema may become in all; what is beyond becomes base64.
const MAX_DEFAULT_TEXT: usize = 1 << 24;

impl Schema {
    /// The schema as JSON on one line. Reading it back gives the same schema.
    pub fn to_json(&self) -> String {
        // Fails neither in writing to memory nor by keys that are not strings.
        serde_json::to_string(&self.as_json(&Cell::new(MAX_DEFAULT_TEXT))).unwrap_or_default()
    }

    /// The same, indented over many lines.
    pub fn to_json_pretty(&self) -> String {
        serde_json::to_string_pretty(&self.as_json(&Cell::new(MAX_DEFAULT_TEXT))).unwrap_or_default()
    }

    fn as_json<'a>(&'a self, text_left: &'a Cell<usize>) -> TypeJson<'a> {
        TypeJson { ty: self.root(), text_left }
    }

    /// Reads schema JSON: what [`to_json`](Self::to_json) writes and the simpler forms of the
    /// format's own document.
    ///
    /// ```
    /// use tlog::schema::Schema;
    ///
    /// let schema = Schema::from_json(r#"{"type": "enum", "type": "varuint", "symbols": ["idle", "walk"]}"#)?;
    /// let idle_and_walk = r#"[{"name":"idle","value":0},{"name":"walk","value":1}]"#;
    /// assert_eq!(schema.to_json(), format!(r#"{{"type":"enum","underlying":"varuint","symbols":{idle_and_walk}}}"#));
    /// # Ok::<(), tlog::schema::SchemaJsonError>(())
    /// ```
    ///
    /// # Errors
    /// [`SchemaJsonError`] for what is not JSON or not a schema, and past the limits of this module.
    pub fn from_json(json: &str) -> Result<Self, SchemaJsonError> {
        let root = parse::parse(json)?;
        Self::new(root).map_err(|e| SchemaJsonError { path: String::new(), message: e.kind.to_string() })
    }
}

struct TypeJson<'a> {
    ty: &'a Type,
    /// How much text defaults may still take.
    text_left: &'a Cell<usize>,
}

impl<'a> TypeJson<'a> {
    const fn of(&self, ty: &'a Type) -> Self {
        Self { ty, text_left: self.text_left }
    }

    fn object<S: Serializer>(&self, object: &'a Object, serializer: S) -> Result<S::Ok, S::Error> {
        let field = |field| FieldJson { field, text_left: self.text_left };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.ty.name())?;
        map.serialize_entry("fields", &Each(object.fields(), field))?;
        if let Some(version) = object.version() {
            map.serialize_entry("version", &version)?;
        }
        map.end()
    }

    fn enumeration<S: Serializer>(&self, enumeration: &'a Enum, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.ty.name())?;
        map.serialize_entry("underlying", enumeration.underlying().name())?;
        map.serialize_entry("symbols", &Each(enumeration.symbols(), SymbolJson))?;
        map.end()
    }

    fn container<S: Serializer>(&self, size: Option<u64>, item: (&str, &'a Type), s: S) -> Result<S::Ok, S::Error> {
        let (key, item) = item;
        let mut map = s.serialize_map(None)?;
        map.serialize_entry("type", self.ty.name())?;
        if let Some(size) = size {
            map.serialize_entry("size", &size)?;
        }
        map.serialize_entry(key, &self.of(item))?;
        map.end()
    }
}

impl Serialize for TypeJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.ty {
            Type::Object(object) => self.object(object, serializer),
            Type::Enum(enumeration) => self.enumeration(enumeration, serializer),
            Type::Array(item) => self.container(None, ("items", item), serializer),
            Type::FixedArray(array) => self.container(Some(array.len()), ("items", array.item()), serializer),
            Type::Map(value) => self.container(None, ("values", value), serializer),
            Type::Union(members) => Each(members, |member| self.of(member)).serialize(serializer),
            primitive => serializer.serialize_str(primitive.name()),
        }
    }
}

/// A list of things, each shown by a wrapper.
struct Each<'a, T, F>(&'a [T], F);

impl<'a, T, W: Serialize, F: Fn(&'a T) -> W> Serialize for Each<'a, T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(&self.1))
    }
}

struct SymbolJson<'a>(&'a Symbol);

impl Serialize for SymbolJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.0.name)?;
        map.serialize_entry("value", &self.0.value)?;
        map.end()
    }
}

struct FieldJson<'a> {
    field: &'a Field,
    text_left: &'a Cell<usize>,
}

impl FieldJson<'_> {
    /// The default as data JSON, if that comes back to the same bytes.
    fn default_text(&self, default: &[u8]) -> Option<Box<RawValue>> {
        let (ty, limit) = (self.field.ty(), self.text_left.take());
        let mut text = Vec::new();
        // Past the limit nothing is left for later defaults either: each try costs time.
        write_json_within(limit, ty, &mut Cursor::new(default), &mut text).ok()?;
        self.text_left.set(limit.saturating_sub(text.len()));
        let text = String::from_utf8(text).ok()?;
        let mut back = Vec::new();
        read_json_within(&mut 0, ty, &text, &mut back).ok()?;
        RawValue::from_string(text).ok().filter(|_| back == default)
    }
}

impl Serialize for FieldJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let field = self.field;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", field.name())?;
        map.serialize_entry("type", &TypeJson { ty: field.ty(), text_left: self.text_left })?;
        if !field.aliases().is_empty() {
            map.serialize_entry("aliases", field.aliases())?;
        }
        if let Some(default) = field.default_bytes() {
            match self.default_text(default) {
                Some(text) => map.serialize_entry("default", &text)?,
                None => map.serialize_entry("default_base64", &BASE64.encode(default))?,
            }
        }
        if field.flags() != 0 {
            map.serialize_entry("flags", &field.flags())?;
        }
        map.end()
    }
}
