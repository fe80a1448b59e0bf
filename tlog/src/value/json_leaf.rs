//! Data JSON of the types that hold no others, into payloads.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::cursor::{put_integer, put_varuint};
use crate::schema::{Enum, IntegerType, Type};
use crate::time::Micros;

/// Appends a value of a type that is neither object, array, map nor union, from the text of a JSON value.
pub(super) fn read_leaf(ty: &Type, text: &str, out: &mut Vec<u8>) -> Option<()> {
    match ty {
        Type::Null => (text == "null").then_some(()),
        Type::Boolean => text.parse().ok().map(|value: bool| out.push(u8::from(value))),
        Type::Float32 => read_float32(text).map(|value| out.extend(value.to_le_bytes())),
        Type::Float64 => read_float64(text).map(|value| out.extend(value.to_le_bytes())),
        Type::Bytes => read_bytes(&unquote(text)?, out),
        Type::String => unquote(text).map(|text| put_sized(text.as_bytes(), out)),
        Type::Enum(enumeration) => {
            let value = read_symbol(enumeration, text)?;
            put_integer(enumeration.underlying(), value, out);
            Some(())
        }
        Type::Timestamp => read_timestamp(text).map(|micros| out.extend(micros.to_le_bytes())),
        Type::Duration => text.parse().ok().map(|micros: i64| out.extend(micros.to_le_bytes())),
        _ => {
            let integer = IntegerType::of(ty)?;
            let value = text.parse().ok().filter(|&value| integer.holds(value))?;
            put_integer(integer, value, out);
            Some(())
        }
    }
}

/// Parsed at its own width: by way of a float64 it would be rounded twice.
fn read_float32(text: &str) -> Option<f32> {
    match unquote(text) {
        None => text.parse().ok().filter(|value: &f32| value.is_finite()),
        Some(name) => Some(match &*name {
            "NaN" => f32::from_bits(0x7fc0_0000),
            "Infinity" => f32::INFINITY,
            "-Infinity" => f32::NEG_INFINITY,
            _ => return None,
        }),
    }
}

fn read_float64(text: &str) -> Option<f64> {
    match unquote(text) {
        None => text.parse().ok().filter(|value: &f64| value.is_finite()),
        Some(name) => Some(match &*name {
            "NaN" => f64::from_bits(0x7ff8_0000_0000_0000),
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            _ => return None,
        }),
    }
}

fn read_symbol(enumeration: &Enum, text: &str) -> Option<i128> {
    match unquote(text) {
        Some(name) => enumeration.value_of(&name),
        None => text.parse().ok().filter(|&value| enumeration.underlying().holds(value)),
    }
}

fn read_timestamp(text: &str) -> Option<i64> {
    match unquote(text) {
        Some(time) => time.parse().ok().map(|Micros(micros)| micros),
        None => text.parse().ok(),
    }
}

fn read_bytes(base64: &str, out: &mut Vec<u8>) -> Option<()> {
    let bytes = BASE64.decode(base64).ok()?;
    put_sized(&bytes, out);
    Some(())
}

pub(super) fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    put_varuint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// What a JSON string says; `None` for any other JSON value.
fn unquote(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    match inner.contains('\\') {
        false => Some(Cow::Borrowed(inner)),
        true => serde_json::from_str(text).ok().map(Cow::Owned),
    }
}

/// What to say of a JSON value that [`read_leaf`] refused.
pub(super) fn mismatch(ty: &Type, found: &str) -> String {
    const ENOUGH: usize = 40;
    let name = ty.name();
    let expected = match ty {
        Type::Float32 | Type::Float64 => {
            format!("{name} (a number in its range, \"NaN\", \"Infinity\", \"-Infinity\")")
        }
        Type::Bytes => format!("{name} (a string of base64 with padding)"),
        Type::Timestamp => format!("{name} (a string of RFC 3339, or an integer of microseconds)"),
        Type::Duration => format!("{name} (an integer of microseconds)"),
        Type::Enum(enumeration) => {
            let symbols = some_of(enumeration.symbols().len(), |at| &enumeration.symbols()[at].name);
            let (low, high) = enumeration.underlying().range();
            format!("one of the symbols {symbols}, or a number from {low} to {high}")
        }
        _ => match IntegerType::of(ty).map(IntegerType::range) {
            Some((low, high)) => format!("{name} ({low} to {high})"),
            None => name.to_owned(),
        },
    };
    match found.char_indices().nth(ENOUGH) {
        None => format!("expected {expected}, found {found}"),
        Some((end, _)) => format!("expected {expected}, found {}…", &found[..end]),
    }
}

/// The first few of many names, for messages.
pub(super) fn some_of<T: fmt::Display>(count: usize, name: impl Fn(usize) -> T) -> String {
    const ENOUGH: usize = 8;
    let mut names: Vec<String> = (0..count.min(ENOUGH)).map(|at| format!("`{}`", name(at))).collect();
    if count > ENOUGH {
        names.push("…".to_owned());
    }
    names.join(", ")
}
