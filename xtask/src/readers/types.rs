//! A log with every type of the format in every other, with values at the ends of what each type holds.
//!
//! ```text
//!  plain              each scalar alone, in an object
//!  in_C               for each compound type C: C of each scalar, and C of each compound type of scalars
//!  deep_C             for each compound type C: C of each compound of each compound of a scalar
//!  root_T             records that are no object
//!  odd                names that engines may stumble over, arrays without items and very long ones
//!  silent, empty      no instances; no fields
//! ```

use anyhow::Result;
use tlog::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use tlog::value::{put_integer, put_varuint};
use tlog::{Micros, RecordId, Writer};

use crate::quadruped::rng::Rng;

/// How many instances each record has: more than there are values at the ends of any type.
const INSTANCES: u64 = 40;

/// The log.
///
/// # Errors
/// When the writer refuses something.
pub fn log() -> Result<Vec<u8>> {
    let (mut log, mut rng) = (Writer::new(Vec::new()), Rng::new(1));
    for (name, ty) in records() {
        // What the references cannot read is here as well: enums over signed integers, names that are no identifiers.
        let id = log.reserve(&name)?;
        log.declare_raw(id, &name, &Schema::new(ty.clone())?.to_bytes())?;
        let instances = if name == "silent" { 0 } else { INSTANCES };
        write(&mut log, id, &ty, instances, &mut rng)?;
    }
    Ok(log.finish()?)
}

fn write(log: &mut Writer<Vec<u8>>, id: RecordId, ty: &Type, instances: u64, rng: &mut Rng) -> Result<()> {
    for at in 0..instances {
        let mut payload = Vec::new();
        put(ty, rng, &mut payload);
        let time = match at {
            3 | 7 => None,
            // Before the epoch, and far from it.
            11 => Some(Micros(-1)),
            13 => Some(Micros(-62_135_596_800_000_000)),
            17 => Some(Micros(253_402_300_799_999_999)),
            _ => Some(Micros(1_700_000_000_000_000 + at as i64 * 1_000_001)),
        };
        log.write(id, time, &payload)?;
    }
    Ok(())
}

fn records() -> Vec<(String, Type)> {
    let mut records = vec![("plain".to_owned(), fields(scalars()))];
    for (name, wrap) in COMPOUNDS {
        let inner = scalars().into_iter().chain(compounds());
        let of_inner = inner.map(|(of, ty)| (format!("{name}_{of}"), wrap(ty)));
        records.push((format!("in_{name}"), fields(of_inner)));
        let deep = deep().into_iter().map(|(of, ty)| (format!("{name}_{of}"), wrap(ty)));
        records.push((format!("deep_{name}"), fields(deep)));
    }
    let roots = scalars().into_iter().chain(compounds().into_iter().filter(|(name, _)| name != "object_string"));
    records.extend(roots.map(|(name, ty)| (format!("root_{name}"), ty)));
    records.push(("odd".to_owned(), odd()));
    records.push(("silent".to_owned(), fields(scalars())));
    records.push(("empty".to_owned(), Object::new([]).into()));
    records
}

fn fields(of: impl IntoIterator<Item = (String, Type)>) -> Type {
    Object::new(of.into_iter().map(|(name, ty)| Field::new(name, ty))).into()
}

type Wrap = fn(Type) -> Type;

/// The compound types, each of one inner type.
const COMPOUNDS: [(&str, Wrap); 6] = [
    ("object", |ty| fields([("x".to_owned(), ty), ("y".to_owned(), Type::Float32)])),
    ("array", Type::array),
    ("fixedarray", |ty| Type::fixed_array(2, ty)),
    ("map", Type::map),
    ("optional", Type::optional),
    ("union", |ty| Type::Union(vec![Type::Bytes, Type::Null, ty, Type::String])),
];

fn scalars() -> Vec<(String, Type)> {
    let widths = [Width::W1, Width::W2, Width::W4, Width::W8];
    let integers = widths.into_iter().flat_map(|width| [Type::FixedInt(width), Type::FixedUint(width)]);
    let simple = [
        Type::Null,
        Type::Boolean,
        Type::Varint,
        Type::Varuint,
        Type::Float32,
        Type::Float64,
        Type::Bytes,
        Type::String,
        Type::Timestamp,
        Type::Duration,
    ];
    let mut scalars: Vec<_> = simple.into_iter().chain(integers).map(|ty| (ty.name().to_owned(), ty)).collect();
    scalars.push((
        "enum".to_owned(),
        enumeration(IntegerType::FixedUint(Width::W1), &[(0, "off"), (1, "on"), (200, "Ω")]),
    ));
    scalars.push((
        "signed_enum".to_owned(),
        enumeration(IntegerType::Varint, &[(-1, "minus"), (0, ""), (1 << 40, "far")]),
    ));
    scalars.push(("bare_enum".to_owned(), enumeration(IntegerType::Varuint, &[])));
    scalars
}

/// Each compound type of a scalar.
fn compounds() -> Vec<(String, Type)> {
    COMPOUNDS.iter().map(|(name, wrap)| (format!("{name}_string"), wrap(Type::String))).collect()
}

/// Each compound type of each compound type, of one scalar after the other.
fn deep() -> Vec<(String, Type)> {
    let mut scalars = scalars().into_iter().cycle();
    let mut deep = Vec::new();
    for (outer, wrap) in COMPOUNDS {
        for (inner, wrap_inner) in COMPOUNDS {
            if let Some((name, scalar)) = scalars.next() {
                deep.push((format!("{outer}_{inner}_{name}"), wrap(wrap_inner(scalar))));
            }
        }
    }
    deep
}

fn enumeration(underlying: IntegerType, symbols: &[(i128, &str)]) -> Type {
    let symbol = |&(value, name): &(i128, &str)| Symbol { value, name: name.to_owned() };
    Enum::new(underlying, symbols.iter().map(symbol)).into()
}

fn odd() -> Type {
    let nothing = || Type::from(Object::new([]));
    let byte = Type::FixedUint(Width::W1);
    let names = ["time", "Time", "_time", "a.b", "x", "X", "ünïcode ☃", "with space", "quo\"te", "[0]", "select", "x"];
    let mut odd: Vec<(String, Type)> = names.map(|name| (name.to_owned(), Type::Varuint)).into();
    odd.extend([
        ("".to_owned(), Type::String),
        ("nothing".to_owned(), nothing()),
        ("nothings".to_owned(), Type::array(nothing())),
        ("no_items".to_owned(), Type::fixed_array(0, Type::Float32)),
        ("one_item".to_owned(), Type::fixed_array(1, Type::fixed_array(3, byte.clone()))),
        ("long".to_owned(), Type::array(Type::fixed_array(70_000, byte))),
        ("maybe_nothing".to_owned(), Type::optional(nothing())),
    ]);
    fields(odd)
}

/// Appends a value of this type.
fn put(ty: &Type, rng: &mut Rng, out: &mut Vec<u8>) {
    let pick = rng.bits() as usize;
    match ty {
        Type::Null => {}
        Type::Boolean => out.push((pick % 2) as u8),
        Type::Float32 => out.extend(FLOATS[pick % FLOATS.len()].0.to_le_bytes()),
        Type::Float64 => out.extend(FLOATS[pick % FLOATS.len()].1.to_le_bytes()),
        Type::Bytes => put_sized(BYTES[pick % BYTES.len()], out),
        Type::String => put_sized(TEXTS[pick % TEXTS.len()].as_bytes(), out),
        Type::Timestamp => out.extend(TIMES[pick % TIMES.len()].to_le_bytes()),
        Type::Duration => out.extend([0, 1, -1, i64::MAX, i64::MIN, 1_500_000][pick % 6].to_le_bytes()),
        Type::Enum(ty) => {
            let symbols = ty.symbols().iter().map(|symbol| symbol.value);
            let values: Vec<i128> = symbols.chain([7, 9]).chain(ends(ty.underlying())).collect();
            put_integer(ty.underlying(), values[pick % values.len()], out);
        }
        Type::Object(object) => object.fields().iter().for_each(|field| put(field.ty(), rng, out)),
        Type::Array(item) => {
            let len = if is_long(item) { pick % 2 } else { [0, 1, 2, 5][pick % 4] };
            put_varuint(len as u64, out);
            (0..len).for_each(|_| put(item, rng, out));
        }
        Type::FixedArray(array) => (0..array.len()).for_each(|_| put(array.item(), rng, out)),
        Type::Map(value) => {
            let keys: &[&str] = [&[][..], &["k"], &["", "ключ", "k"], &["b", "a"]][pick % 4];
            put_varuint(keys.len() as u64, out);
            for key in keys {
                put_sized(key.as_bytes(), out);
                put(value, rng, out);
            }
        }
        Type::Union(members) => {
            let index = pick % members.len().max(1);
            put_varuint(index as u64, out);
            members.get(index).into_iter().for_each(|member| put(member, rng, out));
        }
        other => {
            if let Some(ty) = IntegerType::of(other) {
                let [low, high] = ends(ty);
                put_integer(ty, [low, high, 0, 1, 42, low + 1, high - 1][pick % 7], out);
            }
        }
    }
}

fn is_long(ty: &Type) -> bool {
    ty.fixed_len().is_some_and(|len| len > 1000)
}

fn ends(ty: IntegerType) -> [i128; 2] {
    let (low, high) = ty.range();
    [low, high]
}

fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    put_varuint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

const FLOATS: [(f32, f64); 12] = [
    (0.0, 0.0),
    (-0.0, -0.0),
    (f32::NAN, f64::NAN),
    (f32::INFINITY, f64::INFINITY),
    (f32::NEG_INFINITY, f64::NEG_INFINITY),
    (f32::MAX, f64::MAX),
    (f32::MIN_POSITIVE, f64::MIN_POSITIVE),
    (1e-45, 5e-324),
    (0.1, 0.1),
    (-1.5, 9_007_199_254_740_993.0),
    (16_777_216.0, -1e300),
    (3.5, 2.25),
];
const BYTES: [&[u8]; 5] = [b"", b"\0", b"\xff\xfe\x00\x80", b"text", &[7; 40]];
const TEXTS: [&str; 7] = ["", "plain", "ünïcöde ☃ 🤖", "\0 nul", "quote\" back\\ \n line", "NaN", "null"];
/// What every reader has; one takes the very ends of 64 bits for infinities.
const TIMES: [i64; 8] = [
    0,
    -1,
    1_700_000_000_123_456,
    -62_135_596_800_000_000,
    253_402_300_799_999_999,
    // Years in six digits, on both sides.
    1 << 62,
    -(1 << 62),
    1,
];
