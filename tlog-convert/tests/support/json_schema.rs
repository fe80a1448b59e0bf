//! A validator for the part of JSON Schema, draft 7, that the exporter uses: anything else in a schema fails the test.

use serde_json::{Map, Value};

/// Why `value` is not what the schema says; `None` if it is.
pub fn violation(root: &Value, value: &Value) -> Option<String> {
    assert_eq!(root["$schema"], "http://json-schema.org/draft-07/schema#");
    check(root, root, value).err()
}

fn check(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let schema = schema.as_object().expect("a schema is an object");
    if let Some(reference) = schema.get("$ref") {
        // What stands beside it is ignored, as this draft says.
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        return check(root, root.pointer(pointer).expect("what is referred to is there"), value);
    }
    for (key, rule) in schema {
        let holds = match key.as_str() {
            "$schema" | "title" | "definitions" | "contentEncoding" | "format" => true,
            "type" => is_type(rule.as_str().unwrap(), value),
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => integer(value) >= integer(rule),
            "maximum" => integer(value) <= integer(rule),
            "minItems" => value.as_array().unwrap().len() as u64 >= rule.as_u64().unwrap(),
            "maxItems" => value.as_array().unwrap().len() as u64 <= rule.as_u64().unwrap(),
            "minProperties" => value.as_object().unwrap().len() as u64 >= rule.as_u64().unwrap(),
            "maxProperties" => value.as_object().unwrap().len() as u64 <= rule.as_u64().unwrap(),
            "required" => rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "items" => return_on(value.as_array().unwrap().iter().map(|item| check(root, rule, item)))?,
            "anyOf" => rule.as_array().unwrap().iter().any(|option| check(root, option, value).is_ok()),
            "properties" => return_on(known(rule, value).map(|(rule, value)| check(root, rule, value)))?,
            "additionalProperties" => others(schema, value).all(|other| match rule {
                Value::Bool(allowed) => *allowed,
                rule => check(root, rule, other).is_ok(),
            }),
            other => panic!("the exporter says {other}, which is new"),
        };
        if !holds {
            return Err(format!("{value} does not keep to {key} {rule}"));
        }
    }
    Ok(())
}

fn return_on(results: impl Iterator<Item = Result<(), String>>) -> Result<bool, String> {
    results.collect::<Result<(), String>>().map(|()| true)
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

fn integer(value: &Value) -> i128 {
    value.as_i64().map(i128::from).or(value.as_u64().map(i128::from)).expect("an integer")
}

fn known<'a>(properties: &'a Value, value: &'a Value) -> impl Iterator<Item = (&'a Value, &'a Value)> {
    value.as_object().unwrap().iter().filter_map(|(name, value)| Some((properties.get(name)?, value)))
}

fn others<'a>(schema: &'a Map<String, Value>, value: &'a Value) -> impl Iterator<Item = &'a Value> {
    let properties = schema["properties"].as_object().unwrap();
    value.as_object().unwrap().iter().filter(|(name, _)| !properties.contains_key(*name)).map(|(_, value)| value)
}

/// Whether Foxglove can make types of its own out of the schema, by the rules that it has for that.
pub fn assert_foxglove_reads(schema: &Value) {
    let schema = schema.as_object().unwrap();
    assert_eq!(schema["type"], "object", "of {schema:?}");
    for property in schema["properties"].as_object().unwrap().values() {
        assert!(property.get("oneOf").is_none());
        match property["type"].as_str().unwrap() {
            "boolean" | "number" | "integer" => {}
            "string" => assert!(
                ["base64"].map(Value::from).contains(property.get("contentEncoding").unwrap_or(&"base64".into()))
            ),
            "object" => assert_foxglove_reads(property),
            "array" => match property["items"]["type"].as_str().unwrap() {
                "boolean" | "number" | "integer" => {}
                "string" => assert!(property["items"].get("contentEncoding").is_none()),
                "object" => assert_foxglove_reads(&property["items"]),
                other => panic!("an array of {other}"),
            },
            other => panic!("a field of type {other}"),
        }
    }
}
