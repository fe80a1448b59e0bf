//! Formats of ULog types, and what becomes of them: a schema, and the steps that turn a payload into one of ours.

use std::collections::HashMap;

use tlog::schema::{Field, Object, Schema, SchemaError, Type, Width};
use tlog::value::put_varuint;

use super::super::names::Names;

/// Formats may nest so deep.
const MAX_NESTING: usize = 16;

/// The fields of all formats of a file together may be so many; real logs have some thousand.
const MAX_FIELDS: usize = 1 << 18;

/// The schemas of all topics of a file together may have so many fields and items of structures.
const MAX_LEAVES: usize = 1 << 20;

/// A type without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Signed, so many bytes.
    Int(Width),
    /// Unsigned, so many bytes.
    Uint(Width),
    /// binary32.
    Float,
    /// binary64.
    Double,
    /// One byte.
    Bool,
    /// One byte of text.
    Char,
}

impl Scalar {
    /// The type with this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "int8_t" => Self::Int(Width::W1),
            "int16_t" => Self::Int(Width::W2),
            "int32_t" => Self::Int(Width::W4),
            "int64_t" => Self::Int(Width::W8),
            "uint8_t" => Self::Uint(Width::W1),
            "uint16_t" => Self::Uint(Width::W2),
            "uint32_t" => Self::Uint(Width::W4),
            "uint64_t" => Self::Uint(Width::W8),
            "float" => Self::Float,
            "double" => Self::Double,
            "bool" => Self::Bool,
            "char" => Self::Char,
            _ => return None,
        })
    }

    /// Its length in bytes.
    pub const fn len(self) -> usize {
        match self {
            Self::Int(width) | Self::Uint(width) => width.bytes(),
            Self::Float => 4,
            Self::Double => 8,
            Self::Bool | Self::Char => 1,
        }
    }

    fn ty(self) -> Type {
        match self {
            Self::Int(width) => Type::FixedInt(width),
            Self::Uint(width) => Type::FixedUint(width),
            Self::Float => Type::Float32,
            Self::Double => Type::Float64,
            Self::Bool => Type::Boolean,
            Self::Char => Type::String,
        }
    }
}

/// `float[3]` as the type of the items and their number.
pub fn split_array(ty: &str) -> Option<(&str, Option<usize>)> {
    match ty.split_once('[') {
        None => Some((ty, None)),
        Some((item, rest)) => {
            let count = rest.strip_suffix(']')?.parse().ok().filter(|&count| count <= usize::from(u16::MAX))?;
            Some((item, Some(count)))
        }
    }
}

/// Whether this can be the name of a topic, a type or a field.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_/.-".contains(&byte))
}

/// A field as its format has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    ty: String,
    count: Option<usize>,
    name: String,
}

/// All formats of a file.
#[derive(Debug, Default)]
pub struct Formats {
    by_name: HashMap<String, Vec<Part>>,
    fields: usize,
    leaves: usize,
}

/// Whether a text is a format, without keeping it.
pub fn is_format(text: &str) -> bool {
    text.split_once(':').is_some_and(|(name, parts)| is_name(name) && each_part(parts, |_, _, _| {}))
}

fn each_part<'a>(parts: &'a str, mut put: impl FnMut(&'a str, Option<usize>, &'a str)) -> bool {
    parts.split(';').filter(|part| !part.is_empty()).all(|part| {
        let split = part.split_once(' ').and_then(|(ty, name)| Some((split_array(ty)?, name)));
        split
            .filter(|((ty, _), name)| is_name(ty) && is_name(name))
            .map(|((ty, count), name)| put(ty, count, name))
            .is_some()
    })
}

impl Formats {
    /// Takes up the format in this text. The newer of two with one name counts.
    pub fn add(&mut self, text: &str) -> Result<(), &'static str> {
        let Some((name, text)) = text.split_once(':') else { return Err("a format without a name") };
        let mut parts = Vec::new();
        each_part(text, |ty, count, name| parts.push(Part { ty: ty.into(), count, name: name.into() }));
        self.fields = self.fields.saturating_add(parts.len().max(1));
        if self.fields > MAX_FIELDS {
            return Err("more fields in formats than memory is given to");
        }
        self.by_name.insert(name.to_owned(), parts);
        Ok(())
    }

    /// What becomes of the topic with this format; `time` is the type of its `timestamp`.
    pub fn layout(&mut self, name: &str, time: Type) -> Result<Layout, String> {
        let leaves = MAX_LEAVES.saturating_sub(self.leaves);
        let mut compiler = Compiler { formats: &self.by_name, layout: Layout::default(), leaves };
        let ty = compiler.object(name, 0, Some(time))?;
        let (mut layout, left) = (compiler.layout, compiler.leaves);
        layout.schema = Some(Schema::new(ty).map_err(|e: SchemaError| e.to_string())?);
        layout.shortest = layout.size.saturating_sub(layout.trailing_padding());
        self.leaves = MAX_LEAVES.saturating_sub(left);
        Ok(layout)
    }
}

/// How a payload of a topic becomes one of a record.
#[derive(Debug, Default)]
pub struct Layout {
    /// The record's schema.
    pub schema: Option<Schema>,
    /// Where the eight bytes of its time are in a payload.
    pub time_at: Option<usize>,
    /// Where the eight bytes are that a receiver of satellites says the time in UTC is.
    pub utc_at: Option<usize>,
    /// Where the byte is that says how good the receiver's fix is.
    pub fix_at: Option<usize>,
    /// How long a whole payload is.
    size: usize,
    /// How long it is without the padding at its end, which need not be there.
    shortest: usize,
    steps: Vec<Step>,
}

/// What to do with the next bytes of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Copy(usize),
    Skip(usize),
    Bool,
    Text(usize),
    Time,
}

impl Layout {
    /// Whether a payload of this topic can have this length.
    pub fn fits(&self, len: usize) -> bool {
        len >= self.shortest && len <= self.size
    }

    /// Appends the record's payload; `time` becomes the topic's own.
    pub fn encode(&self, payload: &[u8], time: i64, out: &mut Vec<u8>) {
        let mut rest = payload;
        for &step in &self.steps {
            let len = match step {
                Step::Copy(len) | Step::Skip(len) | Step::Text(len) => len,
                Step::Bool => 1,
                Step::Time => 8,
            };
            let (bytes, behind) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            rest = behind;
            match step {
                Step::Copy(_) => out.extend_from_slice(bytes),
                Step::Skip(_) => {}
                Step::Bool => out.push(u8::from(bytes.first().is_some_and(|&byte| byte != 0))),
                Step::Text(_) => put_text(bytes, out),
                Step::Time => out.extend_from_slice(&time.to_le_bytes()),
            }
        }
    }

    fn trailing_padding(&self) -> usize {
        match self.steps.last() {
            Some(Step::Skip(len)) => *len,
            _ => 0,
        }
    }

    fn push(&mut self, step: Step) {
        match (self.steps.last_mut(), step) {
            (Some(Step::Copy(sum)), Step::Copy(len)) | (Some(Step::Skip(sum)), Step::Skip(len)) => *sum += len,
            _ => self.steps.push(step),
        }
    }
}

/// Text up to its first zero byte; what is not UTF-8 in it becomes U+FFFD.
pub fn put_text(bytes: &[u8], out: &mut Vec<u8>) {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    put_varuint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// A topic's layout in the making. Every leaf has at least one byte, and all together no more than a message.
struct Compiler<'f> {
    formats: &'f HashMap<String, Vec<Part>>,
    layout: Layout,
    leaves: usize,
}

impl Compiler<'_> {
    /// The type of a format; `time` of that of a topic itself.
    fn object(&mut self, name: &str, depth: usize, time: Option<Type>) -> Result<Type, String> {
        if depth > MAX_NESTING {
            return Err(format!("formats nest more than {MAX_NESTING} deep"));
        }
        let formats = self.formats;
        let parts = formats.get(name).ok_or_else(|| format!("there is no format {name}"))?;
        let (mut names, mut fields) = (Names::default(), Vec::new());
        for part in parts {
            self.spend(1)?;
            let found = match &time {
                Some(ty) if self.is_time(part) => Some(ty.clone()),
                _ => self.part(part, depth)?,
            };
            fields.extend(found.map(|ty| Field::new(names.take(&part.name), ty)));
        }
        Ok(Object::new(fields).into())
    }

    /// Whether this is the topic's time, of which the place is noted then; also the place of UTC.
    fn is_time(&mut self, part: &Part) -> bool {
        let at = self.layout.size;
        match (part.name.as_str(), part.ty.as_str(), part.count) {
            ("timestamp", "uint64_t", None) if self.layout.time_at.is_none() => {
                self.layout.time_at = Some(at);
                self.layout.push(Step::Time);
                self.layout.size += 8;
                return true;
            }
            ("time_utc_usec", "uint64_t", None) => self.layout.utc_at = Some(at),
            ("fix_type", "uint8_t", None) => self.layout.fix_at = Some(at),
            _ => {}
        }
        false
    }

    /// The type of a field; nothing for padding.
    fn part(&mut self, part: &Part, depth: usize) -> Result<Option<Type>, String> {
        let Some(scalar) = Scalar::named(&part.ty) else { return self.nested(part, depth).map(Some) };
        let len = part.count.unwrap_or(1).saturating_mul(scalar.len());
        if len == 0 {
            return Err(format!("field {} has no bytes", part.name));
        }
        self.grow(len)?;
        if part.name.starts_with("_padding") {
            self.layout.push(Step::Skip(len));
            return Ok(None);
        }
        match scalar {
            Scalar::Char => self.layout.push(Step::Text(len)),
            Scalar::Bool => {
                self.spend(len)?;
                (0..len).for_each(|_| self.layout.push(Step::Bool));
            }
            _ => self.layout.push(Step::Copy(len)),
        }
        Ok(Some(match part.count {
            Some(count) if scalar != Scalar::Char => Type::fixed_array(count as u64, scalar.ty()),
            _ => scalar.ty(),
        }))
    }

    /// The type of a field that is made of fields. The steps of each item are added one by one.
    fn nested(&mut self, part: &Part, depth: usize) -> Result<Type, String> {
        let start = self.layout.size;
        let ty = self.object(&part.ty, depth + 1, None)?;
        if self.layout.size == start {
            return Err(format!("field {} has no bytes", part.name));
        }
        let Some(count) = part.count else { return Ok(ty) };
        for _ in 1..count {
            self.object(&part.ty, depth + 1, None)?;
        }
        match count {
            0 => Err(format!("field {} has no bytes", part.name)),
            _ => Ok(Type::fixed_array(count as u64, ty)),
        }
    }

    fn grow(&mut self, len: usize) -> Result<(), String> {
        self.layout.size = self.layout.size.saturating_add(len);
        match self.layout.size <= usize::from(u16::MAX) {
            true => Ok(()),
            false => Err("the topic is longer than a message can be".into()),
        }
    }

    fn spend(&mut self, leaves: usize) -> Result<(), String> {
        match self.leaves.checked_sub(leaves) {
            Some(left) => {
                self.leaves = left;
                Ok(())
            }
            None => Err("more fields than memory is given to".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(formats: &[&str], name: &str) -> Result<Layout, String> {
        let mut all = Formats::default();
        formats.iter().for_each(|text| {
            assert!(is_format(text), "{text}");
            all.add(text).unwrap();
        });
        all.layout(name, Type::Timestamp)
    }

    #[test]
    fn structures_nest_and_padding_goes() {
        let formats =
            ["p:uint8_t[3] _padding0;bool[2] on;char[4] tag;", "t:uint64_t timestamp;p[2] list;uint8_t _padding1;"];
        let layout = layout(&formats, "t").unwrap();
        let mut payload = 5_u64.to_le_bytes().to_vec();
        payload.extend(b"...\x01\x00ab\0\0...\x00\x07\xffxyz_");
        assert!(layout.fits(payload.len()) && layout.fits(payload.len() - 1) && !layout.fits(payload.len() - 2));
        let mut out = Vec::new();
        layout.encode(&payload, 42, &mut out);
        let mut expected = 42_i64.to_le_bytes().to_vec();
        expected.extend(b"\x01\x00\x02ab\x00\x01\x06\xef\xbf\xbdxyz");
        assert_eq!(out, expected);
        tlog::value::check_exact(layout.schema.unwrap().root(), &out).unwrap();
    }

    #[test]
    fn formats_that_cannot_be_are_refused_in_time() {
        for formats in [
            &["t:t x;t y;"][..],
            &["t:uint8_t[0] x;"],
            &["e:", "t:e[65535] x;"],
            &["t:float[65535] x;"],
            &["a:uint8_t x;", "b:a[60000] x;", "t:b[60000] x;"],
            &["t:missing x;"],
        ] {
            assert!(layout(formats, "t").is_err(), "{formats:?}");
        }
        for text in
            ["", "a", ":float x;", "a:float", "a:float[x] y;", "a:float[99999999999999999999] y;", "a b:float c;"]
        {
            assert!(!is_format(text), "{text}");
        }
    }
}
