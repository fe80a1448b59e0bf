//! The binary type encoding, both ways.
//!
//! An object ends with a complete field entry whose type is `final` (five zero bytes);
//! a union ends with a single zero byte. A default is announced by one byte, 0 or 1,
//! and stands in the data encoding of its field's type.

use super::types::{Enum, Field, FixedArray, IntegerType, Object, Symbol, Type, Width};
use super::{Encoding, MAX_DEPTH, MAX_ELEMENTS, SchemaError, SchemaErrorKind};
use crate::value::{Cursor, ValueErrorKind, put_integer, put_varuint, read_integer, skip};
use crate::wire::type_code as code;

/// The only object flag: a version follows.
const VERSION_FLAG: u64 = 0x01;

pub(super) fn decode(bytes: &[u8]) -> Result<(Type, Encoding), SchemaError> {
    let mut decoder = Decoder { cursor: Cursor::new(bytes), budget: MAX_ELEMENTS };
    let decoded = decoder.ty(0);
    let len = decoder.cursor.position();
    match decoded {
        Ok(ty) => Ok((ty, Encoding { len, elements: MAX_ELEMENTS - decoder.budget })),
        Err(kind) => Err(SchemaError { offset: len, kind }),
    }
}

struct Decoder<'a> {
    cursor: Cursor<'a>,
    /// How many more elements the schema may have.
    budget: usize,
}

type Decoded<T> = Result<T, SchemaErrorKind>;

impl Decoder<'_> {
    fn ty(&mut self, depth: usize) -> Decoded<Type> {
        match self.type_or_final(depth)? {
            Some(ty) => Ok(ty),
            None => Err(SchemaErrorKind::TypeCode(code::FINAL)),
        }
    }

    fn type_or_final(&mut self, depth: usize) -> Decoded<Option<Type>> {
        if depth >= MAX_DEPTH {
            return Err(SchemaErrorKind::TooDeep);
        }
        self.spend(1)?;
        Ok(Some(match self.varuint()? {
            code::FINAL => return Ok(None),
            code::NULL => Type::Null,
            code::BOOLEAN => Type::Boolean,
            code::FIXEDINT => Type::FixedInt(self.width()?),
            code::FIXEDUINT => Type::FixedUint(self.width()?),
            code::VARINT => Type::Varint,
            code::VARUINT => Type::Varuint,
            code::FLOAT32 => Type::Float32,
            code::FLOAT64 => Type::Float64,
            code::BYTES => Type::Bytes,
            code::STRING => Type::String,
            code::OBJECT => Type::Object(self.object(depth)?),
            code::ENUM => Type::Enum(self.enumeration(depth)?),
            code::ARRAY => Type::array(self.ty(depth + 1)?),
            code::FIXEDARRAY => {
                let len = self.varuint()?;
                Type::FixedArray(FixedArray::new(len, self.ty(depth + 1)?))
            }
            code::MAP => Type::map(self.ty(depth + 1)?),
            code::UNION => Type::Union(self.members(depth)?),
            code::TIMESTAMP => Type::Timestamp,
            code::DURATION => Type::Duration,
            other => return Err(SchemaErrorKind::TypeCode(other)),
        }))
    }

    fn object(&mut self, depth: usize) -> Decoded<Object> {
        let version = match self.varuint()? {
            0 => None,
            VERSION_FLAG => Some(self.varuint()?),
            flags => return Err(SchemaErrorKind::ObjectFlags(flags)),
        };
        let mut fields = Vec::new();
        while let Some(field) = self.field(depth)? {
            fields.push(field);
        }
        Ok(Object::new(fields).with_version(version))
    }

    /// `None` at the final entry, whose name and aliases count for nothing.
    fn field(&mut self, depth: usize) -> Decoded<Option<Field>> {
        let flags = self.varuint()?;
        let name = self.name()?;
        let alias_count = self.varuint()?;
        let mut aliases = Vec::new();
        for _ in 0..alias_count {
            self.spend(1)?;
            aliases.push(self.name()?);
        }
        let ty = self.type_or_final(depth + 1)?;
        let default = self.cursor.byte().map_err(value_error)?;
        match (ty, default) {
            (None, 0) => Ok(None),
            (None, other) => Err(SchemaErrorKind::Default(other)),
            (Some(ty), 0) => Ok(Some(aliases.into_iter().fold(Field::new(name, ty), Field::alias).with_flags(flags))),
            (Some(ty), 1) => {
                let bytes = self.default_bytes(&ty)?;
                let field = aliases.into_iter().fold(Field::new(name, ty), Field::alias).with_flags(flags);
                field.with_default_bytes(bytes).map(Some)
            }
            (Some(_), other) => Err(SchemaErrorKind::Default(other)),
        }
    }

    fn default_bytes(&mut self, ty: &Type) -> Decoded<Vec<u8>> {
        let rest = self.cursor.rest();
        skip(ty, &mut self.cursor).map_err(SchemaErrorKind::DefaultValue)?;
        Ok(rest[..rest.len() - self.cursor.rest().len()].to_vec())
    }

    fn enumeration(&mut self, depth: usize) -> Decoded<Enum> {
        let underlying = IntegerType::of(&self.ty(depth + 1)?).ok_or(SchemaErrorKind::EnumType)?;
        let mut symbols = Vec::new();
        for _ in 0..self.varuint()? {
            self.spend(1)?;
            let value = read_integer(underlying, &mut self.cursor).map_err(value_error)?;
            symbols.push(Symbol { value, name: self.name()? });
        }
        Ok(Enum::new(underlying, symbols))
    }

    fn members(&mut self, depth: usize) -> Decoded<Vec<Type>> {
        let mut members = Vec::new();
        while let Some(member) = self.type_or_final(depth + 1)? {
            members.push(member);
        }
        Ok(members)
    }

    fn width(&mut self) -> Decoded<Width> {
        let bytes = self.cursor.byte().map_err(value_error)?;
        Width::from_bytes(bytes).ok_or(SchemaErrorKind::Width(bytes))
    }

    fn varuint(&mut self) -> Decoded<u64> {
        self.cursor.varuint().map_err(value_error)
    }

    /// Names are tolerated as they are; what is not UTF-8 is replaced, the only thing that does not come back.
    fn name(&mut self) -> Decoded<String> {
        let bytes = self.cursor.sized_bytes().map_err(value_error)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    fn spend(&mut self, elements: usize) -> Decoded<()> {
        self.budget = self.budget.checked_sub(elements).ok_or(SchemaErrorKind::TooLarge)?;
        Ok(())
    }
}

fn value_error(e: crate::value::ValueError) -> SchemaErrorKind {
    match e.kind {
        ValueErrorKind::Overflow => SchemaErrorKind::Overflow,
        _ => SchemaErrorKind::Truncated,
    }
}

pub(super) fn encode(ty: &Type, out: &mut Vec<u8>) {
    match ty {
        Type::Null => put_varuint(code::NULL, out),
        Type::Boolean => put_varuint(code::BOOLEAN, out),
        Type::FixedInt(width) => out.extend([code::FIXEDINT as u8, width.bytes() as u8]),
        Type::FixedUint(width) => out.extend([code::FIXEDUINT as u8, width.bytes() as u8]),
        Type::Varint => put_varuint(code::VARINT, out),
        Type::Varuint => put_varuint(code::VARUINT, out),
        Type::Float32 => put_varuint(code::FLOAT32, out),
        Type::Float64 => put_varuint(code::FLOAT64, out),
        Type::Bytes => put_varuint(code::BYTES, out),
        Type::String => put_varuint(code::STRING, out),
        Type::Object(object) => encode_object(object, out),
        Type::Enum(enumeration) => encode_enum(enumeration, out),
        Type::Array(item) => {
            put_varuint(code::ARRAY, out);
            encode(item, out);
        }
        Type::FixedArray(array) => {
            put_varuint(code::FIXEDARRAY, out);
            put_varuint(array.len(), out);
            encode(array.item(), out);
        }
        Type::Map(value) => {
            put_varuint(code::MAP, out);
            encode(value, out);
        }
        Type::Union(members) => {
            put_varuint(code::UNION, out);
            members.iter().for_each(|member| encode(member, out));
            put_varuint(code::FINAL, out);
        }
        Type::Timestamp => put_varuint(code::TIMESTAMP, out),
        Type::Duration => put_varuint(code::DURATION, out),
    }
}

fn encode_object(object: &Object, out: &mut Vec<u8>) {
    put_varuint(code::OBJECT, out);
    match object.version() {
        None => put_varuint(0, out),
        Some(version) => {
            put_varuint(VERSION_FLAG, out);
            put_varuint(version, out);
        }
    }
    for field in object.fields() {
        put_varuint(field.flags(), out);
        put_name(field.name(), out);
        put_varuint(field.aliases().len() as u64, out);
        field.aliases().iter().for_each(|alias| put_name(alias, out));
        encode(field.ty(), out);
        out.push(u8::from(field.default_bytes().is_some()));
        out.extend(field.default_bytes().unwrap_or(&[]));
    }
    out.extend([0; 5]);
}

fn encode_enum(enumeration: &Enum, out: &mut Vec<u8>) {
    put_varuint(code::ENUM, out);
    encode(&enumeration.underlying().into(), out);
    put_varuint(enumeration.symbols().len() as u64, out);
    for symbol in enumeration.symbols() {
        put_integer(enumeration.underlying(), symbol.value, out);
        put_name(&symbol.name, out);
    }
}

fn put_name(name: &str, out: &mut Vec<u8>) {
    put_varuint(name.len() as u64, out);
    out.extend(name.as_bytes());
}
