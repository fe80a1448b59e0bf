//! A type out of JSON Schema, where that is unambiguous.
//!
//! | JSON Schema | type |
//! |---|---|
//! | `object` with `properties` | object; what is not `required` may be null, and is null where it is missing |
//! | `object` with a schema as `additionalProperties` and no `properties` | map |
//! | `array` of `items` | array; fixedarray where `minItems` and `maxItems` are the same |
//! | `integer` | the smallest fixedint or fixeduint that holds `minimum` and `maximum`; without them fixedint64 |
//! | `number` | float64 |
//! | `boolean`, `string`, `null` | boolean, string, null |
//! | `string` with `contentEncoding` `base64` | bytes |
//! | `[T, "null"]` as `type` | union of null and T |
//! | `oneOf` numbers as `const` with a `title` each | enum |
//! | `$ref` into the same document | what stands there |
//!
//! Everything else (no type, several types, other combinations, tuples, objects of which nothing is said, names that
//! are no identifiers) leaves open what values look like: such messages are kept as text.

use serde_json::{Map, Value};
use tlog::schema::{Enum, Field, IntegerType, MAX_DEPTH, Object, Schema, Symbol, Type, Width};

/// How many parts a schema may have: references can make a small text into any number.
const MAX_PARTS: usize = 1 << 16;

/// How long a schema may be, in bytes: as a tree it takes many times as much.
const MAX_TEXT: usize = 1 << 20;

/// The type of what a JSON Schema describes; `None` where it leaves that open.
pub fn schema_of(text: &[u8]) -> Option<Schema> {
    let root: Value = serde_json::from_slice(Some(text).filter(|text| text.len() <= MAX_TEXT)?).ok()?;
    let mut reader = Reader { root: &root, left: MAX_PARTS };
    let schema = Schema::new(reader.ty(&root, 0)?).ok()?;
    (schema.check_names().is_ok() && schema.check_reference_readable().is_ok()).then_some(schema)
}

struct Reader<'r> {
    root: &'r Value,
    left: usize,
}

impl Reader<'_> {
    fn ty(&mut self, schema: &Value, depth: usize) -> Option<Type> {
        self.left = self.left.checked_sub(1)?;
        if depth > MAX_DEPTH {
            return None;
        }
        let schema = schema.as_object()?;
        if let Some(reference) = schema.get("$ref") {
            let root = self.root;
            return self.ty(root.pointer(reference.as_str()?.strip_prefix('#')?)?, depth + 1);
        }
        if let Some(alternatives) = schema.get("oneOf") {
            return constants(alternatives);
        }
        if ["anyOf", "allOf", "not", "if", "patternProperties"].iter().any(|key| schema.contains_key(*key)) {
            return None;
        }
        match schema.get("type")? {
            Value::String(name) => self.named(name, schema, depth),
            Value::Array(names) => match names.as_slice() {
                [Value::String(null), Value::String(some)] | [Value::String(some), Value::String(null)]
                    if null == "null" && some != "null" =>
                {
                    Some(Type::optional(self.named(some, schema, depth)?))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn named(&mut self, name: &str, schema: &Map<String, Value>, depth: usize) -> Option<Type> {
        match name {
            "null" => Some(Type::Null),
            "boolean" => Some(Type::Boolean),
            "number" => Some(Type::Float64),
            "integer" => Some(integer(schema)),
            "string" => match schema.get("contentEncoding").map(Value::as_str) {
                None => Some(Type::String),
                Some(Some("base64")) => Some(Type::Bytes),
                Some(_) => None,
            },
            "array" => self.array(schema, depth),
            "object" => self.object(schema, depth),
            _ => None,
        }
    }

    fn array(&mut self, schema: &Map<String, Value>, depth: usize) -> Option<Type> {
        if schema.contains_key("prefixItems") {
            return None;
        }
        let item = self.ty(schema.get("items")?, depth + 1)?;
        let len = |key| schema.get(key).and_then(Value::as_u64);
        match (len("minItems"), len("maxItems")) {
            (Some(least), Some(most)) if least == most && most <= MAX_PARTS as u64 => {
                Some(Type::fixed_array(most, item))
            }
            _ => Some(Type::array(item)),
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Option<Type> {
        let properties = schema.get("properties").and_then(Value::as_object).filter(|some| !some.is_empty());
        let Some(properties) = properties else {
            return Some(Type::map(self.ty(schema.get("additionalProperties")?, depth + 1)?));
        };
        if schema.get("additionalProperties").is_some_and(Value::is_object) {
            return None;
        }
        let listed = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let required: std::collections::HashSet<&str> = listed.iter().filter_map(Value::as_str).collect();
        let mut fields = Vec::with_capacity(properties.len());
        for (name, property) in properties {
            let ty = self.ty(property, depth + 1)?;
            let is_required = required.contains(name.as_str());
            fields.push(if is_required { Field::new(name, ty) } else { nullable(name, ty)? });
        }
        Some(Object::new(fields).into())
    }
}

/// A field that may be missing, which is as good as null.
fn nullable(name: &str, ty: Type) -> Option<Field> {
    let ty = match ty {
        Type::Null => return Field::new(name, Type::Null).with_default_bytes([]).ok(),
        optional if optional.as_optional().is_some() => optional,
        other => Type::optional(other),
    };
    Field::new(name, ty).with_default_bytes([0]).ok()
}

fn integer(schema: &Map<String, Value>) -> Type {
    let bound =
        |key| schema.get(key).and_then(|value| value.as_i64().map(i128::from).or(value.as_u64().map(i128::from)));
    let (low, high) = match (bound("minimum"), bound("maximum")) {
        (None, None) => return Type::FixedInt(Width::W8),
        (low, high) => {
            let low = low.unwrap_or_else(|| i64::MIN.into());
            (low, high.unwrap_or_else(|| if low >= 0 { u64::MAX.into() } else { i64::MAX.into() }))
        }
    };
    let widths = [Width::W1, Width::W2, Width::W4, Width::W8];
    let unsigned = widths.map(IntegerType::FixedUint).into_iter().find(|ty| ty.holds(low) && ty.holds(high));
    let signed = || widths.map(IntegerType::FixedInt).into_iter().find(|ty| ty.holds(low) && ty.holds(high));
    unsigned.or_else(signed).unwrap_or(IntegerType::FixedInt(Width::W8)).into()
}

/// The numbers of an enum, each with its title.
fn constants(alternatives: &Value) -> Option<Type> {
    let alternatives = alternatives.as_array()?;
    let symbol = |alternative: &Value| {
        let name = alternative.get("title")?.as_str()?.to_owned();
        Some(Symbol { value: alternative.get("const")?.as_u64()?.into(), name })
    };
    let symbols: Vec<Symbol> = alternatives.iter().map(symbol).collect::<Option<_>>()?;
    Some(Enum::new(IntegerType::Varuint, symbols).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(json_schema: &str, expected: &str) {
        let found = schema_of(json_schema.as_bytes()).map(|schema| schema.to_json());
        let expected = Schema::from_json(expected).unwrap().to_json();
        assert_eq!(found, Some(expected), "{json_schema}");
    }

    #[test]
    fn what_is_unambiguous_has_a_type() {
        is(r#"{"type":"number"}"#, r#""float64""#);
        is(r#"{"type":["string","null"],"contentEncoding":"base64"}"#, r#"["null","bytes"]"#);
        is(r#"{"type":"integer","minimum":0,"maximum":255}"#, r#""fixeduint8""#);
        is(r#"{"type":"integer","minimum":-1,"maximum":255}"#, r#""fixedint16""#);
        is(r#"{"type":"integer","minimum":0}"#, r#""fixeduint64""#);
        is(r#"{"type":"integer"}"#, r#""fixedint64""#);
        is(r#"{"type":"array","items":{"type":"boolean"}}"#, r#"{"type":"array","items":"boolean"}"#);
        is(r#"{"type":"object","additionalProperties":{"type":"null"}}"#, r#"{"type":"map","values":"null"}"#);
        let times = r##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"array","minItems":2,"maxItems":2,"items":{"type":"string"}}}}"##;
        is(times, r#"{"type":"fixedarray","size":2,"items":"string"}"#);
        let level = r#"{"title":"level","oneOf":[{"title":"LOW","const":0},{"title":"HIGH","const":3}]}"#;
        let symbols = r#"[{"name":"LOW","value":0},{"name":"HIGH","value":3}]"#;
        is(level, &format!(r#"{{"type":"enum","underlying":"varuint","symbols":{symbols}}}"#));
        is(
            r#"{"type":"object","required":["a"],"properties":{"a":{"type":"boolean"},"b":{"type":"string"}}}"#,
            r#"{"type":"object","fields":[{"name":"a","type":"boolean"},{"name":"b","type":["null","string"],"default":null}]}"#,
        );
    }

    #[test]
    fn what_is_open_has_none() {
        for open in [
            "",
            "[]",
            "{}",
            r#"{"type":"object"}"#,
            r#"{"type":["string","number"]}"#,
            r#"{"anyOf":[{"type":"string"}],"type":"string"}"#,
            r#"{"type":"array"}"#,
            r#"{"type":"array","items":[{"type":"string"}]}"#,
            r#"{"type":"object","properties":{"not a name":{"type":"string"}}}"#,
            r##"{"$ref":"#"}"##,
            r##"{"type":"array","items":{"$ref":"#"}}"##,
            r#"{"oneOf":[{"const":"a"}]}"#,
        ] {
            assert_eq!(schema_of(open.as_bytes()), None, "{open}");
        }
    }
}
