//! Random schemas, changed at random, against what the change means for the values.
//!
//! An [`Evolution`] knows both types and makes values in pairs: what the writer wrote and what the reader must see.
//! It says so from the change alone and knows nothing of how bytes are moved.

use proptest::prelude::*;
use proptest::sample::Index;
use tlog::Micros;
use tlog::schema::{Enum, Field, IntegerType, Object, Resolver, Schema, Symbol, TranscodeError, Type, Width};
use tlog::value::{Cursor, Path, Value, ValueErrorKind, check_exact, leaf_paths};

#[derive(Clone, Debug)]
enum Evolution {
    /// One of [`SCALARS`], unchanged.
    Scalar(Index),
    /// One of [`WIDENINGS`].
    Widened(Index),
    /// The same symbols with other numbers in another integer type.
    Renumbered,
    Object(Vec<FieldEvolution>),
    Array(Box<Evolution>),
    Fixed(u8, Box<Evolution>),
    FixedToArray(u8, Box<Evolution>),
    Map(Box<Evolution>),
    /// Optional before and after.
    Optional(Box<Evolution>),
    BecameOptional(Box<Evolution>),
    /// A union of a string and an object whose members change places.
    Union(Vec<FieldEvolution>),
}

#[derive(Clone, Debug)]
struct FieldEvolution {
    fate: Fate,
    value: Evolution,
    /// Where the reader has it: fields are in ascending order of this.
    place: u8,
    /// Makes the default.
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Kept,
    /// The reader has a new name, and the old one as alias.
    Renamed,
    /// The writer has a new name, and the one that the reader knows as alias.
    RenamedByWriter,
    Dropped,
    Added,
}

const SCALARS: [Type; 12] = [
    Type::Null,
    Type::Boolean,
    Type::FixedInt(Width::W1),
    Type::FixedUint(Width::W2),
    Type::Varint,
    Type::Varuint,
    Type::Float32,
    Type::Float64,
    Type::Bytes,
    Type::String,
    Type::Timestamp,
    Type::Duration,
];

const WIDENINGS: [(Type, Type); 8] = [
    (Type::FixedInt(Width::W1), Type::FixedInt(Width::W8)),
    (Type::FixedUint(Width::W2), Type::Varint),
    (Type::FixedUint(Width::W4), Type::Varuint),
    (Type::Varint, Type::FixedInt(Width::W8)),
    (Type::Varuint, Type::FixedUint(Width::W8)),
    (Type::FixedInt(Width::W2), Type::Float32),
    (Type::FixedUint(Width::W4), Type::Float64),
    (Type::Float32, Type::Float64),
];

/// A small generator, so that values follow from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn scalar(&mut self, ty: &Type) -> Value {
        let n = self.below(1 << 30);
        let text = || "näme".chars().cycle().take(n as usize % 9).collect::<String>();
        match ty {
            Type::Null => Value::Null,
            Type::Boolean => n.is_multiple_of(2).into(),
            Type::FixedInt(Width::W1) => (n as i8).into(),
            Type::FixedInt(Width::W2) => (n as i16).into(),
            Type::FixedUint(Width::W2) => (n as u16).into(),
            Type::FixedUint(_) => (n as u32).into(),
            Type::Varint => (n as i64 - (1 << 29)).into(),
            Type::Varuint => (n << (n % 35)).into(),
            Type::Float32 => (n as f32 / 7.0).into(),
            Type::Float64 => (n as f64 / -7.0).into(),
            Type::Bytes => Value::Bytes(text().into_bytes()),
            Type::String => text().into(),
            Type::Timestamp => Micros(n as i64).into(),
            Type::Duration => Value::Duration(-(n as i64)),
            other => panic!("no scalar: {other:?}"),
        }
    }

    fn many<T>(&mut self, len: u64, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..len).map(|_| make(self)).collect()
    }
}

/// The same number in the widened type.
fn widened(value: &Value, ty: &Type) -> Value {
    match (value, ty) {
        (Value::Uint(n), Type::Varint) => Value::Int(*n as i64),
        (value, Type::Float32) => Value::Float32(value.as_f64().unwrap() as f32),
        (value, Type::Float64) => Value::Float64(value.as_f64().unwrap()),
        (value, _) => value.clone(),
    }
}

fn enumeration(underlying: IntegerType, numbers: [i128; 3]) -> Enum {
    let symbols = numbers.into_iter().zip(["idle", "run", "stop"]);
    Enum::new(underlying, symbols.map(|(value, name)| Symbol { value, name: name.to_owned() }))
}

fn mode_before() -> Enum {
    enumeration(IntegerType::FixedUint(Width::W1), [0, 1, 2])
}

fn mode_after() -> Enum {
    enumeration(IntegerType::Varint, [-5, 300, 0])
}

fn enum_value(ty: &Enum, value: i128) -> Value {
    Value::Enum { value, symbol: ty.name_of(value).map(Into::into) }
}

impl Evolution {
    fn writer(&self) -> Type {
        match self {
            Self::Scalar(index) => index.get(&SCALARS).clone(),
            Self::Widened(index) => index.get(&WIDENINGS).0.clone(),
            Self::Renumbered => mode_before().into(),
            Self::Object(fields) => writer_object(fields),
            Self::Array(item) => Type::array(item.writer()),
            Self::Fixed(len, item) | Self::FixedToArray(len, item) => Type::fixed_array((*len).into(), item.writer()),
            Self::Map(value) => Type::map(value.writer()),
            Self::Optional(some) => Type::optional(some.writer()),
            Self::BecameOptional(some) => some.writer(),
            Self::Union(fields) => Type::Union(vec![Type::String, writer_object(fields)]),
        }
    }

    fn reader(&self) -> Type {
        match self {
            Self::Scalar(index) => index.get(&SCALARS).clone(),
            Self::Widened(index) => index.get(&WIDENINGS).1.clone(),
            Self::Renumbered => mode_after().into(),
            Self::Object(fields) => reader_object(fields),
            Self::Array(item) | Self::FixedToArray(_, item) => Type::array(item.reader()),
            Self::Fixed(len, item) => Type::fixed_array((*len).into(), item.reader()),
            Self::Map(value) => Type::map(value.reader()),
            Self::Optional(some) | Self::BecameOptional(some) => Type::optional(some.reader()),
            Self::Union(fields) => Type::Union(vec![reader_object(fields), Type::String]),
        }
    }

    /// What was written and what must be read.
    fn values(&self, random: &mut Random) -> (Value, Value) {
        match self {
            Self::Scalar(index) => {
                let value = random.scalar(index.get(&SCALARS));
                (value.clone(), value)
            }
            Self::Widened(index) => {
                let (from, to) = index.get(&WIDENINGS);
                let value = random.scalar(from);
                (value.clone(), widened(&value, to))
            }
            Self::Renumbered => {
                let (number, expected) = [(0, -5), (1, 300), (2, 0), (77, 77)][random.below(4) as usize];
                (enum_value(&mode_before(), number), enum_value(&mode_after(), expected))
            }
            Self::Object(fields) => object_values(fields, random),
            Self::Array(item) => {
                let len = random.below(4);
                arrays(random.many(len, |random| item.values(random)))
            }
            Self::Fixed(len, item) | Self::FixedToArray(len, item) => {
                arrays(random.many((*len).into(), |random| item.values(random)))
            }
            Self::Map(value) => map_values(value, random),
            Self::Optional(_) if random.below(3) == 0 => (Value::optional(None), Value::optional(None)),
            Self::Optional(some) => {
                let (before, after) = some.values(random);
                (Value::optional(Some(before)), Value::optional(Some(after)))
            }
            Self::BecameOptional(some) => {
                let (before, after) = some.values(random);
                (before, Value::optional(Some(after)))
            }
            Self::Union(_) if random.below(2) == 0 => {
                let text = random.scalar(&Type::String);
                (Value::union(0, text.clone()), Value::union(1, text))
            }
            Self::Union(fields) => {
                let (before, after) = object_values(fields, random);
                (Value::union(1, before), Value::union(0, after))
            }
        }
    }

    /// Whether an optional of it shows plainly which member is which.
    fn can_be_optional(&self) -> bool {
        let plain = |ty: Type| !matches!(ty, Type::Null | Type::Union(_));
        plain(self.writer()) && plain(self.reader())
    }
}

fn arrays(pairs: Vec<(Value, Value)>) -> (Value, Value) {
    let (before, after): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    (before.into(), after.into())
}

fn map_values(value: &Evolution, random: &mut Random) -> (Value, Value) {
    let len = random.below(4);
    let keyed = random.many(len, |random| {
        let key = random.scalar(&Type::String).as_bytes().unwrap().to_vec();
        let (before, after) = value.values(random);
        ((key.clone(), before), (key, after))
    });
    let (before, after): (Vec<_>, Vec<_>) = keyed.into_iter().unzip();
    (Value::Map(before), Value::Map(after))
}

fn writer_name(n: usize, field: &FieldEvolution) -> String {
    let prefix = if field.fate == Fate::RenamedByWriter { "new" } else { "field" };
    format!("{prefix}{n}")
}

fn reader_name(n: usize, field: &FieldEvolution) -> String {
    let prefix = if field.fate == Fate::Renamed { "renamed" } else { "field" };
    format!("{prefix}{n}")
}

fn writer_fields(fields: &[FieldEvolution]) -> impl Iterator<Item = (usize, &FieldEvolution)> {
    fields.iter().enumerate().filter(|(_, field)| field.fate != Fate::Added)
}

/// In the order of the reader.
fn reader_fields(fields: &[FieldEvolution]) -> Vec<(usize, &FieldEvolution)> {
    let mut there: Vec<_> = fields.iter().enumerate().filter(|(_, field)| field.fate != Fate::Dropped).collect();
    there.sort_by_key(|(_, field)| field.place);
    there
}

fn writer_object(fields: &[FieldEvolution]) -> Type {
    let of = |(n, field): (usize, &FieldEvolution)| {
        let new = Field::new(writer_name(n, field), field.value.writer());
        if field.fate == Fate::RenamedByWriter { new.alias(format!("field{n}")) } else { new }
    };
    Object::new(writer_fields(fields).map(of)).into()
}

fn reader_object(fields: &[FieldEvolution]) -> Type {
    let of = |(n, field): (usize, &FieldEvolution)| {
        let new = Field::new(reader_name(n, field), field.value.reader());
        match field.fate {
            Fate::Renamed => new.alias("never").alias(format!("field{n}")),
            Fate::Added => new.with_default(&default(field)).unwrap(),
            _ => new,
        }
    };
    Object::new(reader_fields(fields).into_iter().map(of)).into()
}

fn default(field: &FieldEvolution) -> Value {
    field.value.values(&mut Random(field.seed)).1
}

fn object_values(fields: &[FieldEvolution], random: &mut Random) -> (Value, Value) {
    let values: Vec<_> = fields.iter().map(|field| field.value.values(random)).collect();
    let written = writer_fields(fields).map(|(n, field)| (writer_name(n, field), values[n].0.clone()));
    let read = reader_fields(fields).into_iter().map(|(n, field)| {
        let value = if field.fate == Fate::Added { default(field) } else { values[n].1.clone() };
        (reader_name(n, field), value)
    });
    (Value::object(written), Value::object(read))
}

fn evolution() -> impl Strategy<Value = Evolution> {
    let leaf = prop_oneof![
        3 => any::<Index>().prop_map(Evolution::Scalar),
        3 => any::<Index>().prop_map(Evolution::Widened),
        1 => Just(Evolution::Renumbered),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let optional = boxed.clone().prop_filter("ambiguous", |some| some.can_be_optional());
        prop_oneof![
            4 => fields(inner.clone()).prop_map(Evolution::Object),
            1 => fields(inner).prop_map(Evolution::Union),
            1 => boxed.clone().prop_map(Evolution::Array),
            1 => (0..4u8, boxed.clone()).prop_map(|(len, item)| Evolution::Fixed(len, item)),
            1 => (0..4u8, boxed.clone()).prop_map(|(len, item)| Evolution::FixedToArray(len, item)),
            1 => boxed.prop_map(Evolution::Map),
            1 => optional.clone().prop_map(Evolution::Optional),
            1 => optional.prop_map(Evolution::BecameOptional),
        ]
    })
}

fn fields(value: impl Strategy<Value = Evolution>) -> impl Strategy<Value = Vec<FieldEvolution>> {
    let fate = prop_oneof![
        4 => Just(Fate::Kept),
        1 => Just(Fate::Renamed),
        1 => Just(Fate::RenamedByWriter),
        1 => Just(Fate::Dropped),
        1 => Just(Fate::Added),
    ];
    let field = (fate, value, 0..6u8, any::<u64>());
    let field = field.prop_map(|(fate, value, place, seed)| FieldEvolution { fate, value, place, seed });
    prop::collection::vec(field, 0..6)
}

fn schema(ty: Type) -> Schema {
    Schema::new(ty).unwrap()
}

fn encoded(value: &Value, schema: &Schema) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(schema.root(), &mut out).unwrap();
    out
}

/// The leaves of a value, one for each column; of one that is not there, as many `None`.
fn flatten(value: Option<&Value>, ty: &Type, parts: &mut Vec<Option<Value>>) {
    let (value, ty) = match (value, ty.as_optional()) {
        (Some(Value::Union { index: 1, value }), Some(some)) => (Some(&**value), some),
        (_, Some(some)) => (None, some),
        (value, None) => (value, ty),
    };
    match ty {
        Type::Object(object) if !object.fields().is_empty() => {
            for field in object.fields() {
                flatten(value.and_then(|value| value.field(field.name())), field.ty(), parts);
            }
        }
        Type::FixedArray(array) if array.len() > 0 => {
            for index in 0..array.len() as usize {
                flatten(value.and_then(|value| value.item(index)), array.item(), parts);
            }
        }
        _ => parts.push(value.cloned()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_reader_sees_what_the_change_means(change in evolution(), seed: u64) {
        let (writer, reader) = (schema(change.writer()), schema(change.reader()));
        let (written, expected) = change.values(&mut Random(seed));
        let payload = encoded(&written, &writer);
        let resolver = Resolver::new(&writer, &reader).unwrap();
        let mut out = Vec::new();
        let read = resolver.resolve(&payload, &mut out).unwrap();
        prop_assert_eq!(read, encoded(&expected, &reader));
        prop_assert_eq!(Value::decode(reader.root(), &mut Cursor::new(read)).unwrap(), expected);
    }

    #[test]
    fn a_schema_read_as_itself_moves_nothing(change in evolution(), payload: [u8; 8]) {
        for ty in [change.writer(), change.reader()] {
            let schema = schema(ty);
            let again = Schema::from_bytes(&schema.to_bytes()).unwrap();
            let resolver = Resolver::new(&schema, &again).unwrap();
            prop_assert!(resolver.is_identity());
            prop_assert!(std::ptr::eq(resolver.resolve(&payload, &mut Vec::new()).unwrap(), &payload[..]));
        }
    }

    #[test]
    fn damaged_payloads_are_an_error_or_exactly_one_value(
        change in evolution(),
        seed: u64,
        damage in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
        cut in 0..3usize,
    ) {
        let (writer, reader) = (schema(change.writer()), schema(change.reader()));
        let mut payload = encoded(&change.values(&mut Random(seed)).0, &writer);
        payload.truncate(payload.len().saturating_sub(cut));
        for (at, byte) in damage.iter().filter(|_| !payload.is_empty()).collect::<Vec<_>>() {
            let at = at.index(payload.len());
            payload[at] = *byte;
        }
        let limit = 1 << 16;
        let resolver = Resolver::new(&writer, &reader).unwrap().with_limit(limit);
        let decoded = Value::decode(writer.root(), &mut Cursor::new(&payload));
        let mut out = Vec::new();
        match (decoded, resolver.resolve(&payload, &mut out)) {
            _ if resolver.is_identity() => {}
            (Ok(_), Ok(resolved)) => {
                check_exact(reader.root(), resolved).unwrap();
                prop_assert!(out.len() <= limit + 4096);
            }
            (_, Err(TranscodeError::TooLarge { .. })) => {}
            (Err(_), Err(TranscodeError::Payload(_))) => {}
            (Err(error), Ok(_)) => prop_assert_eq!(error.kind, ValueErrorKind::ZeroWidth),
            (Ok(_), Err(error)) => prop_assert!(false, "{}", error),
            (Err(_), Err(error)) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn paths_read_what_decoding_finds(change in evolution(), seed: u64) {
        let schema = schema(change.writer());
        let value = change.values(&mut Random(seed)).0;
        let payload = encoded(&value, &schema);
        let Ok(leaves) = leaf_paths(&schema, 500) else { return Ok(()) };
        let mut parts = Vec::new();
        flatten(Some(&value), schema.root(), &mut parts);
        prop_assert_eq!(leaves.len(), parts.len());
        for (leaf, part) in leaves.iter().zip(parts) {
            let bytes = leaf.bytes(&payload).unwrap();
            let read = bytes.map(|bytes| Value::decode(leaf.ty(), &mut Cursor::new(bytes)).unwrap());
            prop_assert_eq!(read, part, "{}", leaf.path());
            let again = Path::parse(&leaf.path().to_string()).unwrap().compile(&schema).unwrap();
            prop_assert_eq!(again.fixed_offset(), leaf.fixed_offset());
            prop_assert_eq!(again.read(&payload), leaf.read(&payload));
        }
    }
}
