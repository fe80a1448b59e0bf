//! Schema JSON, into schemas.
//!
//! A type is parsed from the text of its own JSON value, level by level: so a default can wait for
//! the type that it needs, and the document's enum may have its key `type` twice.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::types::{Enum, Field, IntegerType, Object, Symbol, Type, Width};
use super::super::{MAX_DEPTH, SchemaErrorKind};
use crate::value::{bare_message, read_json_within};

/// How many bytes and fields that defaults leave out may come from other defaults, in all.
const MAX_FROM_DEFAULTS: usize = 1 << 24;

/// The types that are nothing but their name.
const PRIMITIVES: [Type; 18] = [
    Type::Null,
    Type::Boolean,
    Type::FixedInt(Width::W1),
    Type::FixedInt(Width::W2),
    Type::FixedInt(Width::W4),
    Type::FixedInt(Width::W8),
    Type::FixedUint(Width::W1),
    Type::FixedUint(Width::W2),
    Type::FixedUint(Width::W4),
    Type::FixedUint(Width::W8),
    Type::Varint,
    Type::Varuint,
    Type::Float32,
    Type::Float64,
    Type::Bytes,
    Type::String,
    Type::Timestamp,
    Type::Duration,
];

/// Why JSON is not a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaJsonError {
    /// The JSON value concerned, as in `fields[3].type.items`; empty for the whole.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

impl std::error::Error for SchemaJsonError {}

impl fmt::Display for SchemaJsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.is_empty() {
            true => f.write_str(&self.message),
            false => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

pub(super) fn parse(json: &str) -> Result<Type, SchemaJsonError> {
    let mut parser = Parser { path: Vec::new(), from_defaults: MAX_FROM_DEFAULTS };
    let text: &RawValue = serde_json::from_str(json)
        .map_err(|e| SchemaJsonError { path: String::new(), message: format!("this is not JSON: {e}") })?;
    parser.ty(text.get(), 0)
}

type Parsed<T> = Result<T, SchemaJsonError>;

struct Parser {
    /// Where we are; after an error, where it happened.
    path: Vec<Step>,
    /// How much defaults may still take from other defaults.
    from_defaults: usize,
}

enum Step {
    Key(&'static str),
    Index(usize),
}

impl Parser {
    fn fail<T>(&self, message: impl fmt::Display) -> Parsed<T> {
        let path = self.path.iter().fold(String::new(), |text, step| match step {
            Step::Key(key) if text.is_empty() => (*key).to_owned(),
            Step::Key(key) => format!("{text}.{key}"),
            Step::Index(index) => format!("{text}[{index}]"),
        });
        Err(SchemaJsonError { path, message: message.to_string() })
    }

    fn at<T>(&mut self, step: Step, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.path.push(step);
        let parsed = parse(self)?;
        self.path.pop();
        Ok(parsed)
    }

    fn ty(&mut self, text: &str, depth: usize) -> Parsed<Type> {
        if depth >= MAX_DEPTH {
            return self.fail(SchemaErrorKind::TooDeep);
        }
        match text.as_bytes().first() {
            Some(b'"') => self.primitive(&self.json::<String>(text)?),
            Some(b'[') => self.union(text, depth),
            Some(b'{') => self.complex(text, depth),
            _ => self.fail("a type is a name, an object with the key `type`, or for a union a list of types"),
        }
    }

    fn primitive(&self, name: &str) -> Parsed<Type> {
        match PRIMITIVES.iter().find(|ty| ty.name() == name) {
            Some(ty) => Ok(ty.clone()),
            None => self.fail(format_args!("there is no type `{name}`")),
        }
    }

    fn union(&mut self, text: &str, depth: usize) -> Parsed<Type> {
        self.each(text, |parser, member| parser.ty(member, depth + 1)).map(Type::Union)
    }

    /// A type written as a JSON object.
    fn complex(&mut self, text: &str, depth: usize) -> Parsed<Type> {
        let mut keys: Keys<'_> = self.json(text)?;
        let (name, underlying) = self.type_keys(&mut keys)?;
        let name: String = self.at(Step::Key("type"), |parser| parser.json(name))?;
        let ty = match name.as_str() {
            "object" => self.object(&mut keys, depth)?.into(),
            "enum" => self.enumeration(&mut keys, underlying, depth)?.into(),
            "array" => Type::array(self.child(&mut keys, "items", depth)?),
            "map" => Type::map(self.child(&mut keys, "values", depth)?),
            "fixedarray" => {
                let size = self.require(&mut keys, "size")?;
                let size = self.at(Step::Key("size"), |parser| parser.json(size))?;
                Type::fixed_array(size, self.child(&mut keys, "items", depth)?)
            }
            "union" => {
                let types = self.require(&mut keys, "types")?;
                self.at(Step::Key("types"), |parser| parser.union(types, depth))?
            }
            other => self.at(Step::Key("type"), |parser| parser.primitive(other))?,
        };
        keys.drop_names(matches!(ty, Type::Enum(_)));
        self.no_more(&keys).map(|()| ty)
    }

    /// The value of the key `type`, and of the second one that the format's document has on
    /// enums: `enum` and the integer type, in either order.
    fn type_keys<'de>(&self, keys: &mut Keys<'de>) -> Parsed<(&'de str, Option<&'de str>)> {
        let is_enum = |text: &str| text == "\"enum\"";
        match (keys.take("type"), keys.take("type")) {
            (None, _) => self.fail("the key `type` is missing"),
            (Some(only), None) => Ok((only, None)),
            (Some(first), Some(second)) if is_enum(first) => Ok((first, Some(second))),
            (Some(first), Some(second)) if is_enum(second) => Ok((second, Some(first))),
            _ => self.fail("the key `type` appears twice"),
        }
    }

    fn child(&mut self, keys: &mut Keys<'_>, key: &'static str, depth: usize) -> Parsed<Type> {
        let text = self.require(keys, key)?;
        self.at(Step::Key(key), |parser| parser.ty(text, depth + 1))
    }

    fn object(&mut self, keys: &mut Keys<'_>, depth: usize) -> Parsed<Object> {
        let fields = self.require(keys, "fields")?;
        let fields =
            self.at(Step::Key("fields"), |parser| parser.each(fields, |parser, field| parser.field(field, depth)))?;
        let version = self.optional(keys, "version")?;
        Ok(Object::new(fields).with_version(version))
    }

    fn field(&mut self, text: &str, depth: usize) -> Parsed<Field> {
        let mut keys: Keys<'_> = self.json(text)?;
        let name = self.require(&mut keys, "name")?;
        let name: String = self.at(Step::Key("name"), |parser| parser.json(name))?;
        let ty = self.child(&mut keys, "type", depth)?;
        let aliases: Vec<String> = self.optional(&mut keys, "aliases")?.unwrap_or_default();
        let flags = self.optional(&mut keys, "flags")?.unwrap_or_default();
        let default = self.default(&mut keys, &ty)?;
        self.no_more(&keys)?;
        let field = aliases.into_iter().fold(Field::new(name, ty), Field::alias).with_flags(flags);
        match default.map(|(key, bytes)| (key, field.clone().with_default_bytes(bytes))) {
            None => Ok(field),
            Some((_, Ok(field))) => Ok(field),
            Some((key, Err(e))) => self.at(Step::Key(key), |parser| parser.fail(e)),
        }
    }

    /// The bytes of a field's default and the key that gave it.
    fn default(&mut self, keys: &mut Keys<'_>, ty: &Type) -> Parsed<Option<(&'static str, Vec<u8>)>> {
        match (keys.take("default"), keys.take("default_base64")) {
            (None, None) => Ok(None),
            (Some(text), None) => {
                let parsed = self.at(Step::Key("default"), |parser| parser.default_value(ty, text))?;
                Ok(Some(("default", parsed)))
            }
            (None, Some(text)) => {
                let parsed = self.at(Step::Key("default_base64"), |parser| parser.base64(text))?;
                Ok(Some(("default_base64", parsed)))
            }
            (Some(_), Some(_)) => self.fail("`default` and `default_base64` exclude each other"),
        }
    }

    fn default_value(&mut self, ty: &Type, text: &str) -> Parsed<Vec<u8>> {
        let mut bytes = Vec::new();
        match read_json_within(&mut self.from_defaults, ty, text, &mut bytes) {
            Ok(()) => Ok(bytes),
            Err(e) if e.path.is_empty() => self.fail(e.message),
            Err(e) => self.fail(format_args!("{}: {}", e.path, e.message)),
        }
    }

    fn base64(&mut self, text: &str) -> Parsed<Vec<u8>> {
        let text: String = self.json(text)?;
        match BASE64.decode(text) {
            Ok(bytes) => Ok(bytes),
            Err(e) => self.fail(format_args!("this is not base64: {e}")),
        }
    }

    fn enumeration(&mut self, keys: &mut Keys<'_>, second_type: Option<&str>, depth: usize) -> Parsed<Enum> {
        let (key, underlying) = match (second_type, keys.take("underlying")) {
            (Some(text), None) => ("type", text),
            (None, Some(text)) => ("underlying", text),
            (None, None) => return self.fail("the key `underlying`, the integer type of the enum, is missing"),
            (Some(_), Some(_)) => return self.fail("`underlying` and a second `type` exclude each other"),
        };
        let underlying = self.at(Step::Key(key), |parser| {
            let ty = parser.ty(underlying, depth + 1)?;
            IntegerType::of(&ty).map_or_else(|| parser.fail(SchemaErrorKind::EnumType), Ok)
        })?;
        let symbols = self.require(keys, "symbols")?;
        let mut position = 0;
        let symbols = self.at(Step::Key("symbols"), |parser| {
            parser.each(symbols, |parser, symbol| {
                position += 1;
                parser.symbol(symbol, position - 1, underlying)
            })
        })?;
        Ok(Enum::new(underlying, symbols))
    }

    /// A symbol with its value, or a plain string whose value is its position.
    fn symbol(&mut self, text: &str, position: i128, underlying: IntegerType) -> Parsed<Symbol> {
        let symbol = match text.starts_with('"') {
            true => Symbol { name: self.json(text)?, value: position },
            false => {
                let mut keys: Keys<'_> = self.json(text)?;
                let (name, value) = (self.require(&mut keys, "name")?, self.require(&mut keys, "value")?);
                let name = self.at(Step::Key("name"), |parser| parser.json(name))?;
                let value = self.at(Step::Key("value"), |parser| parser.json(value))?;
                self.no_more(&keys)?;
                Symbol { name, value }
            }
        };
        match underlying.holds(symbol.value) {
            true => Ok(symbol),
            false => self.fail(format_args!("{} does not hold the value {}", underlying.name(), symbol.value)),
        }
    }

    /// Parses each item of a JSON list.
    fn each<T>(&mut self, text: &str, mut parse: impl FnMut(&mut Self, &str) -> Parsed<T>) -> Parsed<Vec<T>> {
        let items: Vec<&RawValue> = self.json(text)?;
        let items = items.into_iter().enumerate();
        items.map(|(index, item)| self.at(Step::Index(index), |parser| parse(parser, item.get()))).collect()
    }

    fn optional<'de, T: Deserialize<'de>>(&mut self, keys: &mut Keys<'de>, key: &'static str) -> Parsed<Option<T>> {
        keys.take(key).map(|text| self.at(Step::Key(key), |parser| parser.json(text))).transpose()
    }

    fn require<'de>(&self, keys: &mut Keys<'de>, key: &str) -> Parsed<&'de str> {
        keys.take(key).map_or_else(|| self.fail(format_args!("the key `{key}` is missing")), Ok)
    }

    fn no_more(&self, keys: &Keys<'_>) -> Parsed<()> {
        match keys.0.first() {
            None => Ok(()),
            Some((key, _)) => self.fail(format_args!("the key `{key}` is unknown here, or appears twice")),
        }
    }

    fn json<'de, T: Deserialize<'de>>(&self, text: &'de str) -> Parsed<T> {
        serde_json::from_str(text).or_else(|e| self.fail(bare_message(&e)))
    }
}

/// The pairs of a JSON object, as often and in the order as they are there.
struct Keys<'de>(Vec<(String, &'de RawValue)>);

impl<'de> Keys<'de> {
    /// Takes the first pair with this key.
    fn take(&mut self, key: &str) -> Option<&'de str> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(at).1.get())
    }

    /// Drops what the document shows but the binary form has no place for.
    fn drop_names(&mut self, is_enum: bool) {
        self.0.retain(|(key, _)| !(matches!(key.as_str(), "name" | "aliases") || is_enum && key == "default"));
    }
}

impl<'de> Deserialize<'de> for Keys<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys<'de>, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Keys(pairs))
    }
}
