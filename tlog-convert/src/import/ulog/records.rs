//! What is in a ULog besides topics: records of their own.

use std::io::Write;

use tlog::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use tlog::value::put_varuint;
use tlog::write::RecordId;

use super::format::{Scalar, put_text};
use super::message::Key;
use super::time::Clock;
use crate::{Error, Result};

/// The records' names, in the order of the table of [`super`].
pub const NAMES: [&str; 7] = [
    "ulog_header",
    "ulog_info",
    "ulog_info_multi",
    "ulog_parameter",
    "ulog_parameter_default",
    "ulog_message",
    "ulog_dropout",
];

const LEVELS: [&str; 8] = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

/// The records, declared when there is first something to write. Their fields:
///
/// | record | fields |
/// |---|---|
/// | `ulog_header` | `version`, `start`: when logging started, `compatible_flags` |
/// | `ulog_info` | `name`, `type`: as in the ULog, `value` |
/// | `ulog_info_multi` | the same, and `continued`: whether it belongs to the one before |
/// | `ulog_parameter` | `name`, `type`, `value` |
/// | `ulog_parameter_default` | the same, and `system`, `configuration`: whose default it is |
/// | `ulog_message` | `timestamp`, `level`, `tag`: null where there is none, `text` |
/// | `ulog_dropout` | `duration` |
///
/// A value is a union of the types in [`value_type`].
pub struct Records {
    clock: Clock,
    ids: [Option<RecordId>; 7],
    header: Vec<u8>,
    payload: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Kind {
    Header,
    Info,
    InfoMulti,
    Parameter,
    Default,
    Message,
    Dropout,
}

/// What facts and parameters can be: text, numbers widened to the next of these, and anything else as its bytes.
fn value_type() -> Type {
    Type::Union(vec![
        Type::FixedInt(Width::W4),
        Type::Float32,
        Type::String,
        Type::FixedInt(Width::W8),
        Type::FixedUint(Width::W8),
        Type::Float64,
        Type::Boolean,
        Type::Bytes,
    ])
}

impl Kind {
    fn schema(self, clock: Clock) -> Type {
        let field = |name: &str, ty: Type| Field::new(name, ty);
        let value = || [field("name", Type::String), field("type", Type::String), field("value", value_type())];
        let more = |fields: Vec<Field>| Object::new(value().into_iter().chain(fields));
        let object = match self {
            Self::Header => Object::new([
                field("version", Type::FixedUint(Width::W1)),
                field("start", clock.ty()),
                field("compatible_flags", Type::Bytes),
            ]),
            Self::Info | Self::Parameter => Object::new(value()),
            Self::InfoMulti => more(vec![field("continued", Type::Boolean)]),
            Self::Default => more(vec![field("system", Type::Boolean), field("configuration", Type::Boolean)]),
            Self::Message => Object::new([
                field("timestamp", clock.ty()),
                field("level", levels()),
                field("tag", Type::optional(Type::FixedUint(Width::W2))),
                field("text", Type::String),
            ]),
            Self::Dropout => Object::new([field("duration", Type::Duration)]),
        };
        object.into()
    }
}

fn levels() -> Type {
    let symbols = (0..).zip(LEVELS).map(|(value, name)| Symbol { value, name: name.into() });
    Type::Enum(Enum::new(IntegerType::FixedUint(Width::W1), symbols))
}

impl Records {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, ids: [None; 7], header: Vec::new(), payload: Vec::new() }
    }

    /// The file starts: remembers what its header says until its flags are known, if it has any.
    pub fn header(&mut self, version: u8, start: u64) {
        self.header = vec![version];
        self.header.extend(self.clock.field(start).unwrap_or(0).to_le_bytes());
    }

    /// Writes the header, once, with these flags.
    pub fn flags<W: Write>(&mut self, out: &mut tlog::Writer<W>, time: u64, flags: &[u8]) -> Result<()> {
        if self.header.is_empty() {
            return Ok(());
        }
        self.payload = std::mem::take(&mut self.header);
        put_varuint(flags.len() as u64, &mut self.payload);
        self.payload.extend_from_slice(flags);
        self.write(out, Kind::Header, time)
    }

    /// A fact; `continued` of a list of facts.
    pub fn info<W: Write>(
        &mut self,
        out: &mut tlog::Writer<W>,
        time: u64,
        key: Key<'_>,
        value: &[u8],
        continued: Option<bool>,
    ) -> Result<()> {
        self.start(key, value);
        self.payload.extend(continued.map(u8::from));
        self.write(out, if continued.is_some() { Kind::InfoMulti } else { Kind::Info }, time)
    }

    /// A parameter's value from now on.
    pub fn parameter<W: Write>(
        &mut self,
        out: &mut tlog::Writer<W>,
        time: u64,
        key: Key<'_>,
        value: &[u8],
    ) -> Result<()> {
        self.start(key, value);
        self.write(out, Kind::Parameter, time)
    }

    /// A parameter's default; of `kinds`, bit 0 is the system's, bit 1 that of the configuration.
    pub fn default<W: Write>(
        &mut self,
        out: &mut tlog::Writer<W>,
        time: u64,
        key: Key<'_>,
        value: &[u8],
        kinds: u8,
    ) -> Result<()> {
        self.start(key, value);
        self.payload.extend([kinds & 1, kinds >> 1 & 1]);
        self.write(out, Kind::Default, time)
    }

    /// A line of text at its own time.
    pub fn text<W: Write>(
        &mut self,
        out: &mut tlog::Writer<W>,
        time: u64,
        level: u8,
        tag: Option<u16>,
        text: &[u8],
    ) -> Result<()> {
        self.payload.clear();
        self.payload.extend(self.clock.field(time).unwrap_or(0).to_le_bytes());
        self.payload.push(level);
        self.payload.push(u8::from(tag.is_some()));
        self.payload.extend(tag.map(u16::to_le_bytes).iter().flatten());
        put_text(text, &mut self.payload);
        self.write(out, Kind::Message, time)
    }

    /// A gap.
    pub fn dropout<W: Write>(&mut self, out: &mut tlog::Writer<W>, time: u64, milliseconds: u16) -> Result<()> {
        self.payload.clear();
        self.payload.extend((i64::from(milliseconds) * 1000).to_le_bytes());
        self.write(out, Kind::Dropout, time)
    }

    /// Begins a payload with a named value.
    fn start(&mut self, key: Key<'_>, value: &[u8]) {
        self.payload.clear();
        for text in [key.name, key.ty] {
            put_varuint(text.len() as u64, &mut self.payload);
            self.payload.extend_from_slice(text.as_bytes());
        }
        put_value(key.ty, value, &mut self.payload);
    }

    fn write<W: Write>(&mut self, out: &mut tlog::Writer<W>, kind: Kind, time: u64) -> Result<()> {
        let known = self.ids.get(kind as usize).copied().flatten();
        let id = match known {
            Some(id) => id,
            None => self.declare(out, kind)?,
        };
        Ok(out.write(id, self.clock.block(time), &self.payload)?)
    }

    fn declare<W: Write>(&mut self, out: &mut tlog::Writer<W>, kind: Kind) -> Result<RecordId> {
        let schema = Schema::new(kind.schema(self.clock)).map_err(|e| Error::Usage(e.to_string()))?;
        let name = NAMES.get(kind as usize).copied().unwrap_or_default();
        let id = out.declare(name, &schema)?;
        if let Some(slot) = self.ids.get_mut(kind as usize) {
            *slot = Some(id);
        }
        Ok(id)
    }
}

/// Appends a value of this ULog type as the member of [`value_type`] that holds it.
fn put_value(ty: &str, value: &[u8], out: &mut Vec<u8>) {
    let is_text = ty == "char" || ty.starts_with("char[");
    if is_text && std::str::from_utf8(value).is_ok_and(|text| !text.trim_end_matches('\0').contains('\0')) {
        out.push(2);
        return put_text(value, out);
    }
    let whole = integer(ty, value);
    match (Scalar::named(ty), whole) {
        (Some(Scalar::Float), _) => out.push(1),
        (Some(Scalar::Double), _) => out.push(5),
        (Some(Scalar::Bool), _) => {
            return out.extend([6, u8::from(value.iter().any(|&byte| byte != 0))]);
        }
        (Some(Scalar::Uint(Width::W8)), _) => out.push(4),
        (_, Some(whole)) => {
            return match i32::try_from(whole) {
                Ok(short) if !ty.contains("64") && !ty.starts_with("uint32") => {
                    out.push(0);
                    out.extend(short.to_le_bytes());
                }
                _ => {
                    out.push(3);
                    out.extend(whole.to_le_bytes());
                }
            };
        }
        _ => {
            out.push(7);
            put_varuint(value.len() as u64, out);
        }
    }
    out.extend_from_slice(value);
}

/// The value of an integer that an i64 holds whatever it is.
fn integer(ty: &str, value: &[u8]) -> Option<i64> {
    let (signed, width) = match Scalar::named(ty)? {
        Scalar::Int(width) => (true, width),
        Scalar::Uint(width) if width != Width::W8 => (false, width),
        _ => return None,
    };
    let sign = signed && value.last().is_some_and(|&byte| byte >= 0x80);
    let mut bytes = [if sign { 0xff } else { 0 }; 8];
    bytes.get_mut(..width.bytes())?.copy_from_slice(value.get(..width.bytes())?);
    Some(i64::from_le_bytes(bytes))
}
