//! Arbitrary schemas, and payloads of a given schema.

use proptest::collection::vec;
use proptest::prelude::*;
use tlog::schema::{Enum, Field, IntegerType, Object, Symbol, Type, Width};
use tlog::value::{put_integer, put_varuint};

/// Whether payloads keep to what data JSON can say: canonical NaNs, unique keys, UTF-8, booleans of 0 and 1.
#[derive(Clone, Copy, PartialEq)]
pub enum Payloads {
    Canonical,
    Any,
}

pub fn ty() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        Just(Type::Null),
        Just(Type::Boolean),
        integer_type().prop_map(Type::from),
        Just(Type::Float32),
        Just(Type::Float64),
        Just(Type::Bytes),
        Just(Type::String),
        Just(Type::Timestamp),
        Just(Type::Duration),
        enumeration().prop_map(Type::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            4 => object(inner.clone()).prop_map(Type::from),
            1 => inner.clone().prop_map(Type::array),
            1 => (0u64..4, inner.clone()).prop_map(|(len, item)| Type::fixed_array(len, item)),
            1 => inner.clone().prop_map(Type::map),
            2 => inner.clone().prop_map(Type::optional),
            2 => vec(inner, 1..5).prop_map(Type::Union),
        ]
    })
}

fn integer_type() -> impl Strategy<Value = IntegerType> {
    let width = || prop_oneof![Just(Width::W1), Just(Width::W2), Just(Width::W4), Just(Width::W8)];
    prop_oneof![
        width().prop_map(IntegerType::FixedInt),
        width().prop_map(IntegerType::FixedUint),
        Just(IntegerType::Varint),
        Just(IntegerType::Varuint),
    ]
}

/// Few names and few values, so that some repeat.
fn enumeration() -> impl Strategy<Value = Enum> {
    let symbol = (-3..6i128, prop_oneof!["[a-c]?", text()]);
    (integer_type(), vec(symbol, 0..6)).prop_map(|(underlying, symbols)| {
        Enum::new(underlying, symbols.into_iter().map(|(value, name)| Symbol { value, name }))
    })
}

fn object(inner: impl Strategy<Value = Type> + Clone + 'static) -> impl Strategy<Value = Object> {
    let version = prop_oneof![3 => Just(None), 1 => any::<u64>().prop_map(Some)];
    (vec(field(inner), 0..5), version).prop_map(|(fields, version)| Object::new(fields).with_version(version))
}

fn field(inner: impl Strategy<Value = Type> + Clone + 'static) -> impl Strategy<Value = Field> {
    let typed = inner.prop_flat_map(|ty| {
        let default = prop_oneof![payload(&ty, Payloads::Canonical), payload(&ty, Payloads::Any)];
        (Just(ty), proptest::option::of(default))
    });
    let flags = prop_oneof![3 => Just(0), 1 => any::<u64>()];
    (prop_oneof!["[a-c]", text()], vec(text(), 0..2), flags, typed).prop_map(|(name, aliases, flags, (ty, default))| {
        let field = aliases.into_iter().fold(Field::new(name, ty), Field::alias).with_flags(flags);
        match default {
            Some(bytes) => field.with_default_bytes(bytes).unwrap(),
            None => field,
        }
    })
}

fn text() -> impl Strategy<Value = String> {
    let hostile = prop_oneof![
        Just('"'),
        Just('\\'),
        Just('#'),
        Just('\u{7f}'),
        Just('\u{2028}'),
        (0..0x20u8).prop_map(char::from)
    ];
    vec(prop_oneof![any::<char>(), hostile], 0..6).prop_map(String::from_iter)
}

pub fn payload(ty: &Type, payloads: Payloads) -> BoxedStrategy<Vec<u8>> {
    let canonical = payloads == Payloads::Canonical;
    match ty {
        Type::Null => Just(vec![]).boxed(),
        Type::Boolean => any::<u8>().prop_map(move |byte| vec![if canonical { byte % 2 } else { byte }]).boxed(),
        Type::Float32 => float32(canonical).boxed(),
        Type::Float64 => float64(canonical).boxed(),
        Type::Timestamp | Type::Duration => {
            let extremes = prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(i64::MIN + 1), Just(-1), Just(0)];
            let near = -62_200_000_000_000_000..253_500_000_000_000_000i64;
            prop_oneof![extremes, near, any::<i64>()].prop_map(|micros| micros.to_le_bytes().to_vec()).boxed()
        }
        Type::Bytes => vec(any::<u8>(), 0..9).prop_map(|bytes| sized(&bytes)).boxed(),
        Type::String => string(canonical).boxed(),
        Type::Enum(enumeration) => integer(enumeration.underlying()).boxed(),
        Type::Object(object) => {
            let fields: Vec<_> = object.fields().iter().map(|field| payload(field.ty(), payloads)).collect();
            fields.prop_map(|values| values.concat()).boxed()
        }
        Type::Array(item) => vec(payload(item, payloads), 0..4).prop_map(|items| counted(&items)).boxed(),
        Type::FixedArray(array) => {
            vec(payload(array.item(), payloads), array.len() as usize).prop_map(|items| items.concat()).boxed()
        }
        Type::Map(value) => {
            let pairs = vec((string(canonical), payload(value, payloads)), 0..4);
            pairs.prop_map(move |pairs| map(pairs, canonical)).boxed()
        }
        Type::Union(members) => {
            let member = |(index, member): (usize, &Type)| {
                payload(member, payloads).prop_map(move |value| [varuint(index as u64), value].concat())
            };
            proptest::strategy::Union::new(members.iter().enumerate().map(member)).boxed()
        }
        other => integer(IntegerType::of(other).unwrap()).boxed(),
    }
}

fn integer(ty: IntegerType) -> impl Strategy<Value = Vec<u8>> {
    let (low, high) = ty.range();
    prop_oneof![Just(low), Just(high), low..=high, low.max(-3)..6].prop_map(move |value| {
        let mut out = Vec::new();
        put_integer(ty, value, &mut out);
        out
    })
}

fn float32(canonical: bool) -> impl Strategy<Value = Vec<u8>> {
    let special = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE, f32::MAX, 1e-45, 16_777_216.0, 0.1];
    let bits = prop_oneof![any::<u32>(), any::<u32>().prop_map(|bits| bits | 0x7f80_0000)];
    prop_oneof![proptest::sample::select(special.to_vec()).prop_map(f32::to_bits), bits].prop_map(move |bits| {
        let canonical_nan = canonical && f32::from_bits(bits).is_nan();
        if canonical_nan { 0x7fc0_0000u32 } else { bits }.to_le_bytes().to_vec()
    })
}

fn float64(canonical: bool) -> impl Strategy<Value = Vec<u8>> {
    let special = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, f64::MAX, 5e-324, 1e16, 0.1];
    let bits = prop_oneof![any::<u64>(), any::<u64>().prop_map(|bits| bits | 0x7ff0 << 48)];
    prop_oneof![proptest::sample::select(special.to_vec()).prop_map(f64::to_bits), bits].prop_map(move |bits| {
        let canonical_nan = canonical && f64::from_bits(bits).is_nan();
        if canonical_nan { 0x7ff8u64 << 48 } else { bits }.to_le_bytes().to_vec()
    })
}

fn string(canonical: bool) -> BoxedStrategy<Vec<u8>> {
    match canonical {
        true => text().prop_map(|text| sized(text.as_bytes())).boxed(),
        false => prop_oneof![Just(sized(b"key")), vec(any::<u8>(), 0..4).prop_map(|bytes| sized(&bytes))].boxed(),
    }
}

fn map(pairs: Vec<(Vec<u8>, Vec<u8>)>, unique: bool) -> Vec<u8> {
    let mut seen = std::collections::HashSet::new();
    let kept = pairs.into_iter().filter(|(key, _)| seen.insert(key.clone()) || !unique);
    counted(&kept.map(|(key, value)| [key, value].concat()).collect::<Vec<_>>())
}

fn counted(items: &[Vec<u8>]) -> Vec<u8> {
    [varuint(items.len() as u64), items.concat()].concat()
}

pub fn sized(bytes: &[u8]) -> Vec<u8> {
    [varuint(bytes.len() as u64), bytes.to_vec()].concat()
}

pub fn varuint(value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_varuint(value, &mut out);
    out
}
