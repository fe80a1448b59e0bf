//! Schemas and data as JSON, from any text and back.

use std::collections::HashSet;

use tlog::schema::{Schema, Type};
use tlog::value::{Cursor, check_exact, read_json, write_json};

use super::split_schema;

/// Any text is a schema or an error, and a schema survives both of its forms.
pub fn schema_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(schema) = Schema::from_json(text) else { return };
    let json = schema.to_json();
    assert_eq!(Schema::from_json(&json).expect("what was written is read"), schema);
    assert_eq!(Schema::from_bytes(&schema.to_bytes()).expect("what was written is read"), schema);
    assert_eq!(Schema::from_json(&schema.to_json_pretty()).expect("what was written is read"), schema);
}

/// Any text is data of a schema or an error; as data it is exactly one value, whose JSON is read again.
pub fn json_to_binary(data: &[u8]) {
    let Some((schema, text)) = split_schema(data) else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let mut payload = vec![0xaa];
    let read = read_json(schema.root(), text, &mut payload);
    assert_eq!(payload[0], 0xaa, "what was there stays");
    if read.is_err() {
        assert_eq!(payload.len(), 1, "nothing is left of what failed");
        return;
    }
    let payload = &payload[1..];
    check_exact(schema.root(), payload).expect("what is written is one value");
    let Some(json) = json_of(&schema, payload) else { return };
    let mut again = Vec::new();
    read_json(schema.root(), &json, &mut again).expect("what was written is read");
    // Not the bytes: a default may bring a NaN that JSON cannot tell from the ordinary one.
    assert_eq!(json_of(&schema, &again), Some(json));
}

/// A payload that can be walked has JSON, which gives a payload with the same JSON.
pub fn there_and_back(schema: &Schema, payload: &[u8]) {
    let Some(json) = json_of(schema, payload) else { return };
    let mut again = Vec::new();
    match read_json(schema.root(), &json, &mut again) {
        Ok(()) => assert_eq!(json_of(schema, &again).as_ref(), Some(&json)),
        Err(e) => assert!(repeats_names(schema.root()), "{e}"),
    }
}

/// The JSON of a payload, unless it would be too long.
fn json_of(schema: &Schema, payload: &[u8]) -> Option<String> {
    let mut json = Vec::new();
    write_json(schema.root(), &mut Cursor::new(payload), &mut json).ok()?;
    Some(String::from_utf8(json).expect("JSON is UTF-8"))
}

/// Whether an object somewhere has two fields of one name, which JSON cannot tell apart.
fn repeats_names(ty: &Type) -> bool {
    match ty {
        Type::Object(object) => {
            let mut names = HashSet::new();
            object.fields().iter().any(|field| !names.insert(field.name()) || repeats_names(field.ty()))
        }
        Type::Array(item) | Type::Map(item) => repeats_names(item),
        Type::FixedArray(array) => repeats_names(array.item()),
        Type::Union(members) => members.iter().any(repeats_names),
        _ => false,
    }
}
