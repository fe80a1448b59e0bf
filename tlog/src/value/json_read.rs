//! Data JSON, into payloads: the inverse of [`write_json`](super::write_json), driven by the type.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::cursor::put_varuint;
use super::json_leaf::{mismatch, put_sized, read_leaf, some_of};
use super::json_write::append_member_label;
use super::walk::check_exact;
use crate::schema::{Object, Type};

/// How many bytes and fields that JSON leaves out may come from defaults. Everything else is as
/// long as its JSON; only defaults can make `{}` into any number of bytes.
const MAX_FROM_DEFAULTS: usize = 1 << 26;

/// Why JSON is not data of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The value concerned, as in `servos[3].torque`; empty for the whole.
    pub path: String,
    /// The line of the JSON, from 1; 0 when it is not known.
    pub line: usize,
    /// The column behind the value concerned, from 1; 0 when it is not known.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

impl std::error::Error for JsonError {}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match self.line {
            0 => Ok(()),
            line => write!(f, " (line {line}, column {})", self.column),
        }
    }
}

/// Appends the payload bytes of the one value that `json` holds, in the form that
/// [`write_json`](super::write_json) writes. Also accepted: the keys of an object in any order
/// and without those that have a default, any RFC 3339 offset, a timestamp or an enum as a number.
///
/// What JSON has no place for comes back as its canonical form: each NaN as the quiet
/// one, each number of bytes as its shortest varuint.
///
/// ```
/// use tlog::schema::{Field, Object, Type, Width};
/// use tlog::value::read_json;
///
/// let servo = Object::new([Field::new("id", Type::FixedUint(Width::W1)), Field::new("torque", Type::Float32)]);
/// let mut payload = Vec::new();
/// read_json(&servo.into(), r#"{"torque": 0.5, "id": 7}"#, &mut payload)?;
/// assert_eq!(payload, [7, 0, 0, 0, 0x3f]);
/// # Ok::<(), tlog::value::JsonError>(())
/// ```
///
/// # Errors
/// [`JsonError`] for what is not JSON, not of this type, a missing field that has no default, an
/// unknown or repeated key. `out` is then as it was.
pub fn read_json(ty: &Type, json: &str, out: &mut Vec<u8>) -> Result<(), JsonError> {
    read_json_within(&mut { MAX_FROM_DEFAULTS }, ty, json, out)
}

/// As [`read_json`]; `defaults` is how much more may come from defaults.
pub(crate) fn read_json_within(
    defaults: &mut usize,
    ty: &Type,
    json: &str,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    let start = out.len();
    let read = read_unchecked(defaults, ty, json, out).and_then(|()| {
        // What walking refuses (too many items without bytes) must not be written either.
        check_exact(ty, &out[start..]).map_err(|e| JsonError {
            path: String::new(),
            line: 0,
            column: 0,
            message: e.kind.to_string(),
        })
    });
    if read.is_err() {
        out.truncate(start);
    }
    read
}

fn read_unchecked(defaults: &mut usize, ty: &Type, json: &str, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let mut reader = Reader { path: Vec::new(), defaults, out };
    let mut json = serde_json::Deserializer::from_str(json);
    let read = Value { ty, reader: &mut reader }.deserialize(&mut json);
    read.and_then(|()| json.end()).map_err(|e| JsonError {
        path: path_text(&reader.path),
        line: e.line(),
        column: e.column(),
        message: bare_message(&e),
    })
}

/// The message of an error without the position that serde_json puts behind it.
pub(crate) fn bare_message(e: &serde_json::Error) -> String {
    let text = e.to_string();
    let position = format!(" at line {} column {}", e.line(), e.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

/// What all levels of the value share.
struct Reader<'s, 'o> {
    /// Where we are; after an error, where it happened.
    path: Vec<Step<'s>>,
    /// How much more may come from defaults.
    defaults: &'o mut usize,
    out: &'o mut Vec<u8>,
}

enum Step<'s> {
    Field(&'s str),
    Index(u64),
    Key(String),
}

fn path_text(path: &[Step<'_>]) -> String {
    path.iter().fold(String::new(), |text, step| match step {
        Step::Field(name) if text.is_empty() => (*name).to_owned(),
        Step::Field(name) => format!("{text}.{name}"),
        Step::Index(index) => format!("{text}[{index}]"),
        Step::Key(key) => format!("{text}[{key:?}]"),
    })
}

impl<'s> Reader<'s, '_> {
    /// Puts `count` in front of what was written since `start`.
    fn prefix(&mut self, start: usize, count: u64) {
        let end = self.out.len();
        put_varuint(count, self.out);
        let len = self.out.len() - end;
        self.out[start..].rotate_right(len);
    }

    /// Puts the fields written since `start` into the order of the schema, defaults where there are none.
    fn arrange(&mut self, object: &'s Object, slots: &[Option<Range<usize>>], start: usize) -> Result<(), String> {
        let mut ordered = Vec::with_capacity(self.out.len() - start);
        for (field, slot) in object.fields().iter().zip(slots) {
            match (slot, field.default_bytes()) {
                (Some(written), _) => ordered.extend_from_slice(&self.out[written.clone()]),
                (None, Some(default)) => {
                    let left = self.defaults.checked_sub(default.len().saturating_add(1));
                    *self.defaults = left.ok_or("too much of it comes from defaults")?;
                    ordered.extend_from_slice(default);
                }
                (None, None) => return Err(format!("field `{}` is missing and has no default", field.name())),
            }
        }
        self.out.truncate(start);
        self.out.extend_from_slice(&ordered);
        Ok(())
    }
}

/// Reads one value of a type.
struct Value<'r, 's, 'o> {
    ty: &'s Type,
    reader: &'r mut Reader<'s, 'o>,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let Self { ty, reader } = self;
        match ty {
            Type::Object(object) => json.deserialize_map(ObjectVisitor { object, reader }),
            Type::Array(item) => json.deserialize_seq(ItemsVisitor { item, len: None, reader }),
            Type::FixedArray(array) => {
                json.deserialize_seq(ItemsVisitor { item: array.item(), len: Some(array.len()), reader })
            }
            Type::Map(value) => json.deserialize_map(MapVisitor { value, reader }),
            Type::Union(members) => match ty.as_optional() {
                Some(some) => json.deserialize_option(OptionalVisitor { some, reader }),
                None => json.deserialize_map(UnionVisitor { members, reader }),
            },
            leaf => {
                let text = <&'de RawValue as serde::Deserialize>::deserialize(json)?;
                read_leaf(leaf, text.get(), reader.out).ok_or_else(|| D::Error::custom(mismatch(leaf, text.get())))
            }
        }
    }
}

struct ObjectVisitor<'r, 's, 'o> {
    object: &'s Object,
    reader: &'r mut Reader<'s, 'o>,
}

impl<'de> Visitor<'de> for ObjectVisitor<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { object, reader } = self;
        let start = reader.out.len();
        let mut slots = vec![None; object.fields().len()];
        let mut next = Some(0);
        while let Some(at) = map.next_key_seed(FieldKey { object, slots: &slots, next })? {
            let value_start = reader.out.len();
            reader.path.push(Step::Field(object.fields()[at].name()));
            map.next_value_seed(Value { ty: object.fields()[at].ty(), reader: &mut *reader })?;
            reader.path.pop();
            slots[at] = Some(value_start..reader.out.len());
            next = next.filter(|&next| at == next).map(|next| next + 1);
        }
        match next == Some(slots.len()) {
            true => Ok(()),
            false => reader.arrange(object, &slots, start).map_err(A::Error::custom),
        }
    }
}

/// Finds the field that a key names: of several the first that has no value yet.
struct FieldKey<'r, 's> {
    object: &'s Object,
    slots: &'r [Option<Range<usize>>],
    /// The first field without a value, as long as keys come in the order of the schema.
    next: Option<usize>,
}

impl FieldKey<'_, '_> {
    fn find(&self, name: &str) -> Result<usize, String> {
        let is_named = |at: &usize| self.object.fields().get(*at).is_some_and(|field| field.name() == name);
        if let Some(next) = self.next.filter(is_named) {
            return Ok(next);
        }
        let positions = self.object.positions(name);
        match positions.iter().map(|&at| at as usize).find(|&at| self.slots[at].is_none()) {
            Some(at) => Ok(at),
            None if positions.is_empty() => Err(format!("unknown field `{name}`")),
            None => Err(format!("field `{name}` appears twice")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for FieldKey<'_, '_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldKey<'_, '_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        self.find(name).map_err(E::custom)
    }
}

struct ItemsVisitor<'r, 's, 'o> {
    item: &'s Type,
    /// How many there must be, in a fixed array.
    len: Option<u64>,
    reader: &'r mut Reader<'s, 'o>,
}

impl<'de> Visitor<'de> for ItemsVisitor<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len {
            Some(len) => write!(f, "an array of {len} items"),
            None => f.write_str("an array"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { item, len, reader } = self;
        let start = reader.out.len();
        let mut count = 0;
        loop {
            reader.path.push(Step::Index(count));
            let item = seq.next_element_seed(Value { ty: item, reader: &mut *reader })?;
            reader.path.pop();
            if item.is_none() {
                break;
            }
            if Some(count) == len {
                return Err(A::Error::custom(format_args!("expected {count} items, found more")));
            }
            count += 1;
        }
        match len {
            None => reader.prefix(start, count),
            Some(len) if len > count => {
                return Err(A::Error::custom(format_args!("expected {len} items, found {count}")));
            }
            Some(_) => {}
        }
        Ok(())
    }
}

struct MapVisitor<'r, 's, 'o> {
    value: &'s Type,
    reader: &'r mut Reader<'s, 'o>,
}

impl<'de> Visitor<'de> for MapVisitor<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { value, reader } = self;
        let start = reader.out.len();
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            put_sized(key.as_bytes(), reader.out);
            reader.path.push(Step::Key(key.clone()));
            if !seen.insert(key) {
                return Err(A::Error::custom("the key appears twice"));
            }
            map.next_value_seed(Value { ty: value, reader: &mut *reader })?;
            reader.path.pop();
        }
        reader.prefix(start, seen.len() as u64);
        Ok(())
    }
}

struct OptionalVisitor<'r, 's, 'o> {
    some: &'s Type,
    reader: &'r mut Reader<'s, 'o>,
}

impl<'de> Visitor<'de> for OptionalVisitor<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "null or {}", self.some.name())
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        put_varuint(0, self.reader.out);
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        put_varuint(1, self.reader.out);
        Value { ty: self.some, reader: self.reader }.deserialize(json)
    }
}

struct UnionVisitor<'r, 's, 'o> {
    members: &'s [Type],
    reader: &'r mut Reader<'s, 'o>,
}

impl<'de> Visitor<'de> for UnionVisitor<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with one key out of {}", some_of(self.members.len(), |at| label(self.members, at)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let chosen = map.next_key::<String>()?;
        let index = chosen.as_deref().and_then(|chosen| find_member(self.members, chosen));
        let Some(index) = index else { return Err(A::Error::custom(format_args!("expected {}", Expected(&self)))) };
        put_varuint(index as u64, self.reader.out);
        map.next_value_seed(Value { ty: &self.members[index], reader: &mut *self.reader })?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok(()),
            Some(_) => Err(A::Error::custom(format_args!("expected {}", Expected(&self)))),
        }
    }
}

/// Shows what a visitor expects.
struct Expected<'v, V>(&'v V);

impl<'de, V: Visitor<'de>> fmt::Display for Expected<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}

fn label(members: &[Type], index: usize) -> String {
    let mut label = Vec::new();
    append_member_label(members, index, &mut label);
    String::from_utf8(label).unwrap_or_default()
}

fn find_member(members: &[Type], chosen: &str) -> Option<usize> {
    match chosen.split_once('#') {
        Some((_, number)) => number.parse().ok().filter(|&index| label(members, index) == chosen),
        None => (0..members.len()).find(|&index| members[index].name() == chosen && label(members, index) == chosen),
    }
}
