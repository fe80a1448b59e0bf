//! The binary type encoding of a [`Shape`], written by the compiler.
//!
//! `schema::binary` does the same for the types that exist at run time; the codes are shared,
//! and the tests compare the bytes.

use super::shape::{DefaultValue, FieldShape, Shape, SymbolShape};
use crate::wire::{Width, type_code as code, varuint};

/// Fills `out`, and counts on when it is full: with an empty one it measures.
pub(super) struct SchemaWriter<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl<'a> SchemaWriter<'a> {
    pub(super) const fn new(out: &'a mut [u8]) -> Self {
        Self { out, at: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.at
    }

    const fn byte(&mut self, byte: u8) {
        if self.at < self.out.len() {
            self.out[self.at] = byte;
        }
        self.at += 1;
    }

    const fn bytes(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            self.byte(bytes[at]);
            at += 1;
        }
    }

    const fn varuint(&mut self, value: u64) {
        let mut bytes = [0; varuint::MAX_LEN];
        let len = varuint::encode(value, &mut bytes);
        self.bytes(bytes.split_at(len).0);
    }

    const fn text(&mut self, text: &str) {
        self.varuint(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    pub(super) const fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Null => self.varuint(code::NULL),
            Shape::Boolean => self.varuint(code::BOOLEAN),
            Shape::FixedInt(width) => self.sized(code::FIXEDINT, *width),
            Shape::FixedUint(width) => self.sized(code::FIXEDUINT, *width),
            Shape::Varint => self.varuint(code::VARINT),
            Shape::Varuint => self.varuint(code::VARUINT),
            Shape::Float32 => self.varuint(code::FLOAT32),
            Shape::Float64 => self.varuint(code::FLOAT64),
            Shape::Bytes => self.varuint(code::BYTES),
            Shape::String => self.varuint(code::STRING),
            Shape::Object(fields) => self.object(fields),
            Shape::Enum(width, symbols) => self.enumeration(*width, symbols),
            Shape::Array(item) => self.over(code::ARRAY, item),
            Shape::FixedArray(len, item) => {
                self.varuint(code::FIXEDARRAY);
                self.over(*len, item);
            }
            Shape::Map(value) => self.over(code::MAP, value),
            Shape::Union(members) => self.union(members),
            Shape::Timestamp => self.varuint(code::TIMESTAMP),
            Shape::Duration => self.varuint(code::DURATION),
        }
    }

    const fn sized(&mut self, code: u64, width: Width) {
        self.varuint(code);
        self.byte(width.bytes() as u8);
    }

    /// A number and a type.
    const fn over(&mut self, number: u64, item: &Shape) {
        self.varuint(number);
        self.shape(item);
    }

    const fn object(&mut self, fields: &[FieldShape]) {
        self.varuint(code::OBJECT);
        self.varuint(0); // no flags
        let mut at = 0;
        while at < fields.len() {
            self.field(&fields[at]);
            at += 1;
        }
        self.bytes(&[0; 5]); // a complete field entry of type `final`
    }

    const fn field(&mut self, field: &FieldShape) {
        self.varuint(0); // no flags
        self.text(field.name);
        self.varuint(field.aliases.len() as u64);
        let mut at = 0;
        while at < field.aliases.len() {
            self.text(field.aliases[at]);
            at += 1;
        }
        self.shape(field.shape);
        match &field.default {
            None => self.byte(0),
            Some(value) => {
                self.byte(1);
                // That it fits was asserted when it was set.
                let _ = self.default(field.shape, value);
            }
        }
    }

    const fn enumeration(&mut self, width: Option<Width>, symbols: &[SymbolShape]) {
        self.varuint(code::ENUM);
        match width {
            Some(width) => self.sized(code::FIXEDUINT, width),
            None => self.varuint(code::VARUINT),
        }
        self.varuint(symbols.len() as u64);
        let mut at = 0;
        while at < symbols.len() {
            let fits = self.symbol_value(width, symbols[at].value);
            assert!(fits, "the value of a symbol does not fit into the enum's integer");
            self.text(symbols[at].name);
            at += 1;
        }
    }

    const fn union(&mut self, members: &[&Shape]) {
        self.varuint(code::UNION);
        let mut at = 0;
        while at < members.len() {
            self.shape(members[at]);
            at += 1;
        }
        self.varuint(code::FINAL);
    }

    /// Writes the default of a field in the data encoding of its type; whether it is a value of that type.
    pub(super) const fn default(&mut self, shape: &Shape, value: &DefaultValue) -> bool {
        match (shape, value) {
            (_, DefaultValue::Zero) => self.zero(shape),
            (Shape::Boolean, DefaultValue::Boolean(value)) => {
                self.byte(*value as u8);
                true
            }
            (_, DefaultValue::Integer(value)) if is_integer(shape) => self.integer(shape, *value),
            (Shape::Float32, DefaultValue::Float(value, _)) => {
                self.bytes(&value.to_le_bytes());
                value.is_finite()
            }
            (Shape::Float64, DefaultValue::Float(_, value)) => {
                self.bytes(&value.to_le_bytes());
                value.is_finite()
            }
            (Shape::String, DefaultValue::Text(text)) => {
                self.text(text);
                true
            }
            (Shape::Enum(width, symbols), DefaultValue::Text(name)) => self.symbol(*width, symbols, name),
            (Shape::Union([Shape::Null, some]), value) => {
                self.varuint(1);
                self.default(some, value)
            }
            _ => false,
        }
    }

    const fn integer(&mut self, shape: &Shape, value: i128) -> bool {
        match shape {
            Shape::FixedInt(width) => self.signed(*width, value),
            Shape::FixedUint(width) => self.unsigned(*width, value),
            Shape::Varint => {
                self.varuint(varuint::zigzag(value as i64));
                value == value as i64 as i128
            }
            Shape::Varuint => {
                self.varuint(value as u64);
                value == value as u64 as i128
            }
            Shape::Timestamp | Shape::Duration => self.signed(Width::W8, value),
            _ => false,
        }
    }

    const fn signed(&mut self, width: Width, value: i128) -> bool {
        let half = 1i128 << (8 * width.bytes() - 1);
        self.low_bytes(width, value);
        value >= -half && value < half
    }

    const fn unsigned(&mut self, width: Width, value: i128) -> bool {
        self.low_bytes(width, value);
        value >= 0 && value < 1i128 << (8 * width.bytes())
    }

    const fn low_bytes(&mut self, width: Width, value: i128) {
        self.bytes(value.to_le_bytes().split_at(width.bytes()).0);
    }

    const fn symbol(&mut self, width: Option<Width>, symbols: &[SymbolShape], name: &str) -> bool {
        let mut at = 0;
        while at < symbols.len() {
            if is_equal(symbols[at].name, name) {
                return self.symbol_value(width, symbols[at].value);
            }
            at += 1;
        }
        false
    }

    const fn symbol_value(&mut self, width: Option<Width>, value: u64) -> bool {
        match width {
            Some(width) => self.unsigned(width, value as i128),
            None => self.integer(&Shape::Varuint, value as i128),
        }
    }

    /// The zero of a type, if it has one: an enum only when 0 has a symbol.
    const fn zero(&mut self, shape: &Shape) -> bool {
        match shape {
            Shape::Null => true,
            Shape::Float32 => self.low_zeros(4),
            Shape::Float64 => self.low_zeros(8),
            Shape::Boolean | Shape::Bytes | Shape::String | Shape::Array(_) | Shape::Map(_) => self.low_zeros(1),
            Shape::Object(fields) => {
                let mut at = 0;
                while at < fields.len() && self.zero(fields[at].shape) {
                    at += 1;
                }
                at == fields.len()
            }
            Shape::FixedArray(len, item) => {
                let mut at = 0;
                while at < *len && self.zero(item) {
                    at += 1;
                }
                at == *len
            }
            Shape::Enum(width, symbols) => self.symbol_value(*width, 0) && has_zero(symbols),
            Shape::Union(members) => {
                self.varuint(0);
                !members.is_empty() && self.zero(members[0])
            }
            _ => self.integer(shape, 0),
        }
    }

    const fn low_zeros(&mut self, count: usize) -> bool {
        self.bytes([0; 8].split_at(count).0);
        true
    }
}

const fn is_integer(shape: &Shape) -> bool {
    use Shape::{Duration, FixedInt, FixedUint, Timestamp, Varint, Varuint};
    matches!(shape, FixedInt(_) | FixedUint(_) | Varint | Varuint | Timestamp | Duration)
}

const fn has_zero(symbols: &[SymbolShape]) -> bool {
    let mut at = 0;
    while at < symbols.len() {
        if symbols[at].value == 0 {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
