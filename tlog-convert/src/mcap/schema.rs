//! JSON Schema of what [`write_json`](tlog::value::write_json) prints for a type.
//!
//! | type | JSON Schema |
//! |---|---|
//! | null | `null` |
//! | boolean, string | `boolean`, `string` |
//! | integers, duration | `integer` with its bounds |
//! | float32, float64 | `number`, or one of `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | bytes | `string` with `contentEncoding` `base64` |
//! | timestamp | `string` of `date-time`, or an `integer` of microseconds |
//! | enum | one of the symbols, or an `integer` with its bounds |
//! | object | `object`, all of its fields required, no others |
//! | array, fixedarray | `array`, the latter with `minItems` and `maxItems` |
//! | map | `object` with `additionalProperties` |
//! | union of null and one other type | `null`, or the other |
//! | any other union | `object` with exactly one of the members' names |
//!
//! Messages are objects, as viewers want them: any other value of a record is wrapped as `{"value":…}`.
//!
//! Foxglove builds its own types from the schema, and refuses a channel whose schema says anything but one plain type
//! for each field. So what takes more than that is said in `definitions`, and stands in its place as a `$ref` with the
//! nearest plain type beside it: of draft 7, which this is, readers must ignore what stands beside a `$ref`, and
//! Foxglove sees nothing else.

use std::fmt::Write as _;

use tlog::schema::{Enum, IntegerType, Object, Schema, Type};

/// The draft, which says that what stands beside a `$ref` is ignored.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// What is the same in all schemas, in front of the definitions of one.
const COMMON: &str = r#""null":{"type":"null"},"float":{"anyOf":[{"type":"number"},{"enum":["NaN","Infinity","-Infinity"]}]},"timestamp":{"anyOf":[{"type":"string","format":"date-time"},{"type":"integer"}]},"bytes":{"type":"string","contentEncoding":"base64"}"#;

/// The nearest plain type of what is a text, a number, and of what Foxglove has no type for.
const STRING: &str = r#"{"type":"string"}"#;
const NUMBER: &str = r#"{"type":"number"}"#;
const ANYTHING: &str = r#"{"type":"object","properties":{}}"#;

/// The key under which a value stands that is no JSON object.
pub const WRAPPER: &str = "value";

/// Whether the JSON of every value of this type is an object.
pub fn is_object(ty: &Type) -> bool {
    match ty {
        Type::Object(_) | Type::Map(_) => true,
        Type::Union(_) => ty.as_optional().is_none(),
        _ => false,
    }
}

/// The JSON Schema of a record's messages.
pub fn json_schema(name: &str, schema: &Schema) -> String {
    let mut builder = Builder { definitions: Vec::new() };
    let root = match schema.root() {
        root if is_object(root) => builder.of(root, false),
        root => builder.object([(WRAPPER, root)]),
    };
    let mut text = format!(r#"{{"$schema":"{DRAFT}","title":{},"definitions":{{{COMMON}"#, quoted(name));
    for (at, definition) in builder.definitions.iter().enumerate() {
        push(&mut text, format_args!(r#","{at}":{definition}"#));
    }
    push(&mut text, format_args!("}},{}", inside(&root)));
    text
}

struct Builder {
    definitions: Vec<String>,
}

impl Builder {
    /// The schema of a type. `is_item` in an array, where Foxglove knows less.
    fn of(&mut self, ty: &Type, is_item: bool) -> String {
        match ty {
            Type::Null => reference("null", ANYTHING),
            Type::Boolean => r#"{"type":"boolean"}"#.to_owned(),
            Type::Float32 | Type::Float64 => reference("float", NUMBER),
            Type::Bytes if is_item => reference("bytes", STRING),
            Type::Bytes => r#"{"type":"string","contentEncoding":"base64"}"#.to_owned(),
            Type::String => STRING.to_owned(),
            Type::Timestamp => reference("timestamp", STRING),
            Type::Duration => bounded(i64::MIN.into(), i64::MAX.into()),
            Type::Enum(enumeration) => self.defined(symbols(enumeration), STRING),
            Type::Object(object) => self.fields(object),
            Type::Array(_) | Type::FixedArray(_) if is_item => {
                let array = self.of(ty, false);
                self.defined(array, ANYTHING)
            }
            Type::Array(item) => format!(r#"{{"type":"array","items":{}}}"#, self.of(item, true)),
            Type::FixedArray(array) => {
                let (len, items) = (array.len(), self.of(array.item(), true));
                format!(r#"{{"type":"array","minItems":{len},"maxItems":{len},"items":{items}}}"#)
            }
            Type::Map(value) => {
                let value = self.of(value, false);
                format!(r#"{{"type":"object","properties":{{}},"additionalProperties":{value}}}"#)
            }
            Type::Union(members) => self.union(ty, members, is_item),
            integer => {
                let (low, high) = IntegerType::of(integer).map_or((0, 0), IntegerType::range);
                bounded(low, high)
            }
        }
    }

    fn fields(&mut self, object: &Object) -> String {
        self.object(object.fields().iter().map(|field| (field.name(), field.ty())))
    }

    /// An object with these fields and no others. Of fields with one name readers take the last.
    fn object<'a>(&mut self, fields: impl IntoIterator<Item = (&'a str, &'a Type)>) -> String {
        let mut properties: Vec<(&str, &Type)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for (name, ty) in fields {
            match places.get(name).and_then(|&at: &usize| properties.get_mut(at)) {
                Some(before) => *before = (name, ty),
                None => {
                    places.insert(name, properties.len());
                    properties.push((name, ty));
                }
            }
        }
        let names: Vec<String> = properties.iter().map(|(name, _)| quoted(name)).collect();
        let of = |(name, (_, ty)): (&String, &(&str, &Type))| format!("{name}:{}", self.of(ty, false));
        let shown: Vec<String> = names.iter().zip(&properties).map(of).collect();
        // Draft 4 wanted at least one name there, and some readers still do.
        let required = if names.is_empty() { String::new() } else { format!(r#""required":[{}],"#, names.join(",")) };
        let properties = shown.join(",");
        format!(r#"{{"type":"object","properties":{{{properties}}},{required}"additionalProperties":false}}"#)
    }

    fn union(&mut self, ty: &Type, members: &[Type], is_item: bool) -> String {
        if let Some(some) = ty.as_optional() {
            let hint = hint(some, is_item);
            let either = format!(r#"{{"anyOf":[{{"type":"null"}},{}]}}"#, self.of(some, is_item));
            return self.defined(either, &hint);
        }
        let labels: Vec<String> = labels(members);
        let of = |(label, member): (&String, &Type)| format!("{}:{}", quoted(label), self.of(member, false));
        let properties: Vec<String> = labels.iter().zip(members).map(of).collect();
        let properties = properties.join(",");
        let one = r#""minProperties":1,"maxProperties":1,"additionalProperties":false"#;
        format!(r#"{{"type":"object","properties":{{{properties}}},{one}}}"#)
    }

    /// A reference to a definition, with the nearest plain type beside it.
    fn defined(&mut self, definition: String, hint: &str) -> String {
        self.definitions.push(definition);
        reference(&(self.definitions.len() - 1).to_string(), hint)
    }
}

/// The nearest plain type, as Foxglove can read it, of what may be null instead. What is optional inside of it is told
/// of no further: else each level would tell all below it once more.
fn hint(ty: &Type, is_item: bool) -> String {
    match ty {
        Type::Boolean => r#"{"type":"boolean"}"#.to_owned(),
        Type::Float32 | Type::Float64 => NUMBER.to_owned(),
        Type::Bytes if !is_item => r#"{"type":"string","contentEncoding":"base64"}"#.to_owned(),
        Type::Bytes | Type::String | Type::Timestamp | Type::Enum(_) => STRING.to_owned(),
        Type::Duration | Type::FixedInt(_) | Type::FixedUint(_) | Type::Varint | Type::Varuint => {
            r#"{"type":"integer"}"#.to_owned()
        }
        // Foxglove looks into the items of an array without asking whether they are null.
        Type::Object(object) if !is_item => {
            let of = |field: &tlog::schema::Field| format!("{}:{}", quoted(field.name()), hint(field.ty(), false));
            let properties: Vec<String> = object.fields().iter().map(of).collect();
            format!(r#"{{"type":"object","properties":{{{}}}}}"#, properties.join(","))
        }
        Type::Array(item) if !is_item => format!(r#"{{"type":"array","items":{}}}"#, hint(item, true)),
        Type::FixedArray(array) if !is_item => format!(r#"{{"type":"array","items":{}}}"#, hint(array.item(), true)),
        _ => ANYTHING.to_owned(),
    }
}

/// How `write_json` names the members of a union: by their type, and by their position where that is not enough.
fn labels(members: &[Type]) -> Vec<String> {
    /// How many names of types there are.
    const NAMES: usize = 24;
    let mut counts = std::collections::HashMap::new();
    for member in members {
        *counts.entry(member.name()).or_insert(0_usize) += 1;
    }
    let is_shared = |name: &str| members.len() > NAMES || counts.get(name).is_some_and(|&count| count > 1);
    let label = |(at, member): (usize, &Type)| match is_shared(member.name()) {
        true => format!("{}#{at}", member.name()),
        false => member.name().to_owned(),
    };
    members.iter().enumerate().map(label).collect()
}

/// The symbols that are printed: those that mean the value that they name. Any other value is printed as its number.
fn symbols(enumeration: &Enum) -> String {
    let (low, high) = enumeration.underlying().range();
    let number = bounded(low, high);
    let is_printed = |symbol: &&tlog::schema::Symbol| {
        enumeration.value_of(&symbol.name) == Some(symbol.value)
            && enumeration.name_of(symbol.value) == Some(symbol.name.as_str())
    };
    let mut names: Vec<String> = enumeration.symbols().iter().filter(is_printed).map(|s| quoted(&s.name)).collect();
    names.dedup();
    match names.is_empty() {
        true => number,
        false => format!(r#"{{"anyOf":[{{"enum":[{}]}},{number}]}}"#, names.join(",")),
    }
}

fn bounded(low: i128, high: i128) -> String {
    format!(r#"{{"type":"integer","minimum":{low},"maximum":{high}}}"#)
}

fn reference(definition: &str, hint: &str) -> String {
    format!(r##"{{"$ref":"#/definitions/{definition}",{}"##, inside(hint))
}

/// An object's text without its first brace.
fn inside(object: &str) -> &str {
    object.strip_prefix('{').unwrap_or(object)
}

fn quoted(text: &str) -> String {
    // A text is always JSON.
    serde_json::to_string(text).unwrap_or_default()
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    // A text takes all that it is given.
    let _ = text.write_fmt(more);
}
