//! Data JSON, out of payloads.
//!
//! One line of JSON per payload, without spaces, that [`read_json`](super::read_json) understands:
//!
//! | type | JSON |
//! |---|---|
//! | object | an object, its fields in the order of the schema; a name that two fields bear stands there twice |
//! | integers, boolean, null | a number, `true` or `false`, `null` |
//! | float32, float64 | the shortest number that reads back to the same bits; else `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | bytes | base64 with padding |
//! | string | a string; what is not UTF-8 becomes U+FFFD |
//! | enum | the symbol; the number, where it has none or its symbol means another number |
//! | timestamp | RFC 3339 in UTC; the number of microseconds outside the years 0000–9999 |
//! | duration | the number of microseconds |
//! | array, fixedarray | an array |
//! | map | an object in the order of the payload; of equal keys the last |
//! | union of null and one other type, neither null nor a union | `null`, or the plain value |
//! | any other union | `{"<type>": value}`, where `<type>` is the member's type as in schema JSON |
//!
//! Where members of a union share their type's name (two objects, say), each of them is
//! numbered by its position among all members: `{"object#0": …}`, `{"object#2": …}`. In a union
//! with more members than there are names, all are numbered.

use std::collections::HashSet;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::cursor::{Cursor, ValueError, ValueErrorKind};
use super::walk::{Visitor, walk};
use crate::schema::{Enum, Field, Object, Type};
use crate::time::Micros;

/// How long the JSON of one payload may be. Long names and symbols can make a small payload
/// into any amount of text.
pub const MAX_JSON: usize = 1 << 28;

/// How many names of types there are: see [`Type::name`].
const TYPE_NAMES: usize = 24;

/// Appends the JSON of one value at the cursor, as this module's table says. `ty` is
/// the root of a [`Schema`](crate::schema::Schema) or a part of it.
///
/// ```
/// use tlog::schema::{Field, Object, Type, Width};
/// use tlog::value::{Cursor, write_json};
///
/// let servo = Object::new([Field::new("id", Type::FixedUint(Width::W1)), Field::new("torque", Type::Float32)]);
/// let mut json = Vec::new();
/// write_json(&servo.into(), &mut Cursor::new(&[7, 0, 0, 0, 0x3f]), &mut json)?;
/// assert_eq!(json, br#"{"id":7,"torque":0.5}"#);
/// # Ok::<(), tlog::value::ValueError>(())
/// ```
///
/// # Errors
/// [`ValueError`] for a payload that the type does not describe, and with
/// [`ValueErrorKind::JsonLength`] past [`MAX_JSON`]. `out` is then as it was.
pub fn write_json(ty: &Type, cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), ValueError> {
    write_json_within(MAX_JSON, ty, cursor, out)
}

/// As [`write_json`], with another limit than [`MAX_JSON`].
///
/// # Errors
/// As [`write_json`].
pub fn write_json_within(
    limit: usize,
    ty: &Type,
    cursor: &mut Cursor<'_>,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let start = out.len();
    let limit = start.saturating_add(limit);
    let mut writer = JsonWriter { out, limit, braces: 0, maps: Vec::new(), pairs: Vec::new() };
    walk(ty, cursor, &mut writer).map_err(|e| {
        out.truncate(start);
        match e.kind {
            ValueErrorKind::JsonLength(_) => ValueError { offset: cursor.position(), ..e },
            _ => e,
        }
    })
}

struct JsonWriter<'o> {
    out: &'o mut Vec<u8>,
    /// How long `out` may become.
    limit: usize,
    /// One bit for each union around the value, the innermost lowest: whether a brace closes it.
    /// As many as types may nest.
    braces: u64,
    /// For each map around the value, where in `pairs` its own begin.
    maps: Vec<usize>,
    /// The pairs of the maps around the value.
    pairs: Vec<Pair>,
}

/// A pair of a map in the text.
struct Pair {
    start: usize,
    key_end: usize,
}

impl JsonWriter<'_> {
    fn put(&mut self, text: &str) -> Result<(), ValueError> {
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn integer(&mut self, value: impl itoa::Integer) -> Result<(), ValueError> {
        self.put(itoa::Buffer::new().format(value))
    }

    fn non_finite(&mut self, value: f64) -> Result<(), ValueError> {
        self.put(match value {
            f64::INFINITY => "\"Infinity\"",
            f64::NEG_INFINITY => "\"-Infinity\"",
            _ => "\"NaN\"",
        })
    }

    /// Text grows without bounds only where a value repeats, so there it is checked.
    fn check_length(&self) -> Result<(), ValueError> {
        match self.out.len() <= self.limit {
            true => Ok(()),
            false => Err(ValueError { offset: 0, kind: ValueErrorKind::JsonLength(MAX_JSON) }),
        }
    }
}

impl<'s, 'a> Visitor<'s, 'a> for JsonWriter<'_> {
    type Error = ValueError;

    fn null(&mut self) -> Result<(), ValueError> {
        self.put("null")
    }

    fn boolean(&mut self, value: bool) -> Result<(), ValueError> {
        self.put(if value { "true" } else { "false" })
    }

    fn int(&mut self, value: i64) -> Result<(), ValueError> {
        self.integer(value)
    }

    fn uint(&mut self, value: u64) -> Result<(), ValueError> {
        self.integer(value)
    }

    fn float32(&mut self, value: f32) -> Result<(), ValueError> {
        match value.is_finite() {
            true => self.put(zmij::Buffer::new().format_finite(value)),
            false => self.non_finite(value.into()),
        }
    }

    fn float64(&mut self, value: f64) -> Result<(), ValueError> {
        match value.is_finite() {
            true => self.put(zmij::Buffer::new().format_finite(value)),
            false => self.non_finite(value),
        }
    }

    fn bytes(&mut self, value: &'a [u8]) -> Result<(), ValueError> {
        self.out.push(b'"');
        append_base64(value, self.out);
        self.out.push(b'"');
        Ok(())
    }

    fn string(&mut self, value: &'a [u8]) -> Result<(), ValueError> {
        append_json_string(value, self.out);
        Ok(())
    }

    fn enumeration(&mut self, ty: &'s Enum, value: i128) -> Result<(), ValueError> {
        match ty.json_of(value) {
            Some(text) => self.put(text),
            None => self.integer(value),
        }
    }

    fn timestamp(&mut self, value: Micros) -> Result<(), ValueError> {
        if !value.is_writable() {
            return self.integer(value.0);
        }
        self.out.push(b'"');
        value.append_to(self.out);
        self.out.push(b'"');
        Ok(())
    }

    fn duration(&mut self, micros: i64) -> Result<(), ValueError> {
        self.integer(micros)
    }

    fn begin_object(&mut self, _: &'s Object) -> Result<(), ValueError> {
        self.put("{")
    }

    fn field(&mut self, index: usize, field: &'s Field) -> Result<(), ValueError> {
        self.out.extend_from_slice(field.json_key(index == 0));
        Ok(())
    }

    fn end_object(&mut self) -> Result<(), ValueError> {
        self.put("}")
    }

    fn begin_array(&mut self, _: &'s Type, _: u64) -> Result<(), ValueError> {
        self.put("[")
    }

    fn element(&mut self, index: u64) -> Result<(), ValueError> {
        if index > 0 {
            self.out.push(b',');
        }
        self.check_length()
    }

    fn end_array(&mut self) -> Result<(), ValueError> {
        self.put("]")
    }

    fn begin_map(&mut self, _: &'s Type, _: u64) -> Result<(), ValueError> {
        self.maps.push(self.pairs.len());
        self.put("{")
    }

    fn key(&mut self, key: &'a [u8]) -> Result<(), ValueError> {
        if self.maps.last() != Some(&self.pairs.len()) {
            self.out.push(b',');
        }
        let start = self.out.len();
        append_json_string(key, self.out);
        self.pairs.push(Pair { start, key_end: self.out.len() });
        self.out.push(b':');
        self.check_length()
    }

    fn end_map(&mut self) -> Result<(), ValueError> {
        let first = self.maps.pop().unwrap_or_default();
        keep_last_of_equal_keys(&self.pairs[first..], self.out);
        self.pairs.truncate(first);
        self.put("}")
    }

    fn begin_union(&mut self, ty: &'s Type, index: usize) -> Result<(), ValueError> {
        let plain = ty.as_optional().is_some();
        self.braces = self.braces << 1 | u64::from(!plain);
        if let (Type::Union(members), false) = (ty, plain) {
            self.out.extend_from_slice(b"{\"");
            append_member_label(members, index, self.out);
            self.out.extend_from_slice(b"\":");
        }
        Ok(())
    }

    fn end_union(&mut self) -> Result<(), ValueError> {
        if self.braces & 1 == 1 {
            self.out.push(b'}');
        }
        self.braces >>= 1;
        Ok(())
    }
}

/// Takes out of the text, which ends with these pairs, each whose key comes again.
fn keep_last_of_equal_keys(pairs: &[Pair], out: &mut Vec<u8>) {
    let Some(first) = pairs.first().filter(|_| pairs.len() > 1) else { return };
    // A pair ends at the comma in front of the next.
    let next_starts = pairs[1..].iter().map(|pair| pair.start);
    let ends: Vec<usize> = next_starts.map(|start| start - 1).chain([out.len()]).collect();
    let mut seen = HashSet::with_capacity(pairs.len());
    let mut kept: Vec<Range<usize>> = Vec::with_capacity(pairs.len());
    for (pair, end) in pairs.iter().zip(ends).rev() {
        if seen.insert(&out[pair.start..pair.key_end]) {
            kept.push(pair.start..end);
        }
    }
    if kept.len() < pairs.len() {
        close_up(first.start, kept.into_iter().rev(), out);
    }
}

/// Moves these parts of the text, ascending, to `at`, with commas between them.
fn close_up(mut at: usize, parts: impl Iterator<Item = Range<usize>>, out: &mut Vec<u8>) {
    let begin = at;
    for part in parts {
        if at > begin {
            out[at] = b',';
            at += 1;
        }
        let len = part.len();
        out.copy_within(part, at);
        at += len;
    }
    out.truncate(at);
}

/// What names this member of a union in data JSON; empty if there is none.
pub fn member_label(members: &[Type], index: usize) -> String {
    let mut label = Vec::new();
    append_member_label(members, index, &mut label);
    String::from_utf8(label).unwrap_or_default()
}

/// Appends what names this member of a union: its type, and its index if that is not enough.
pub(super) fn append_member_label(members: &[Type], index: usize, out: &mut Vec<u8>) {
    let Some(member) = members.get(index) else { return };
    let is_namesake = |(at, other): (usize, &Type)| at != index && other.name() == member.name();
    out.extend_from_slice(member.name().as_bytes());
    // More members than names must share some; counting them each time would take as long as they are many.
    if members.len() > TYPE_NAMES || members.iter().enumerate().any(is_namesake) {
        out.push(b'#');
        out.extend_from_slice(itoa::Buffer::new().format(index).as_bytes());
    }
}

fn append_base64(bytes: &[u8], out: &mut Vec<u8>) {
    // Whole groups of three bytes, so that padding comes only at the end.
    for chunk in bytes.chunks(3 * 256) {
        let mut text = [0; 4 * 256];
        let len = BASE64.encode_slice(chunk, &mut text).unwrap_or_default();
        out.extend_from_slice(&text[..len]);
    }
}

/// Appends a JSON string of these bytes. What is not UTF-8 becomes U+FFFD.
pub(crate) fn append_json_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        append_escaped(chunk.valid().as_bytes(), out);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

fn append_escaped(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(plain) = text.iter().position(|&byte| ESCAPES[usize::from(byte)] != 0) {
        out.extend_from_slice(&text[..plain]);
        append_escape(text[plain], out);
        text = &text[plain + 1..];
    }
    out.extend_from_slice(text);
}

fn append_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match ESCAPES[usize::from(byte)] {
        b'u' => {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 0xf));
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[high], HEX[low]]);
        }
        letter => out.extend_from_slice(&[b'\\', letter]),
    }
}

/// What stands behind the backslash for each byte; 0 for those that stand for themselves.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        escapes[control] = b'u';
        control += 1;
    }
    escapes[0x7f] = b'u';
    escapes[0x08] = b'b';
    escapes[0x09] = b't';
    escapes[0x0a] = b'n';
    escapes[0x0c] = b'f';
    escapes[0x0d] = b'r';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Width;

    #[test]
    fn text_does_not_grow_without_end() {
        let wordy = Object::new([Field::new("n".repeat(990), Type::FixedUint(Width::W1))]);
        let (array, map) = (Type::array(wordy.clone().into()), Type::map(wordy.into()));
        // A kilobyte of text for each byte of the array, for each two of the map.
        let mut pairs = [0; 201];
        pairs[0] = 100;
        for (ty, payload, expected) in [(array, &[100; 101][..], 52), (map, &pairs, 102)] {
            let mut json = b"kept".to_vec();
            let within = |limit, json: &mut _| write_json_within(limit, &ty, &mut Cursor::new(payload), json);
            let error = within(50_000, &mut json).unwrap_err();
            assert_eq!(error.kind, ValueErrorKind::JsonLength(MAX_JSON));
            assert_eq!(error.offset, expected);
            assert_eq!(json, b"kept");
            assert!(within(200_000, &mut json).is_ok());
        }
    }
}
