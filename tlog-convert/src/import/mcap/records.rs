//! The records that hold what MCAP has and a log has not: see the table in [`super`].

use tlog::schema::{Field, Object, Schema, Type, Width};
use tlog::value::{Value, put_varuint};

use ::mcap::records::{AttachmentHeader, Channel, Header, MessageHeader, Metadata};

/// A record of the importer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aside {
    Header,
    Channel,
    Metadata,
    Attachment,
}

impl Aside {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "mcap.header",
            Self::Channel => "mcap.channel",
            Self::Metadata => "mcap.metadata",
            Self::Attachment => "mcap.attachment",
        }
    }

    /// The type of its data.
    pub fn ty(self) -> Type {
        let texts = || Type::map(Type::String);
        match self {
            Self::Header => object([("profile", Type::String), ("library", Type::String)]),
            Self::Channel => object([
                ("id", Type::FixedUint(Width::W2)),
                ("topic", Type::String),
                ("record", Type::String),
                ("encoding", Type::String),
                ("metadata", texts()),
                ("schema_id", Type::FixedUint(Width::W2)),
                ("schema_name", Type::String),
                ("schema_encoding", Type::String),
                ("schema", Type::Bytes),
            ]),
            Self::Metadata => object([("name", Type::String), ("metadata", texts())]),
            Self::Attachment => object([
                ("name", Type::String),
                ("media_type", Type::String),
                ("log_time_ns", Type::FixedUint(Width::W8)),
                ("create_time_ns", Type::FixedUint(Width::W8)),
                ("data", Type::Bytes),
            ]),
        }
    }
}

fn object<const N: usize>(fields: [(&str, Type); N]) -> Type {
    Object::new(fields.map(|(name, ty)| Field::new(name, ty))).into()
}

fn texts(map: &std::collections::BTreeMap<String, String>) -> Value {
    Value::map(map.iter().map(|(key, value)| (key.as_bytes(), Value::from(value.as_str()))))
}

/// The type of messages that are kept as they are.
pub fn raw_message() -> Type {
    object([
        ("channel", Type::FixedUint(Width::W2)),
        ("sequence", Type::FixedUint(Width::W4)),
        ("log_time_ns", Type::FixedUint(Width::W8)),
        ("publish_time_ns", Type::FixedUint(Width::W8)),
        ("data", Type::Bytes),
    ])
}

/// The payload of a message that is kept as it is.
pub fn put_raw_message(header: &MessageHeader, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&header.channel_id.to_le_bytes());
    out.extend_from_slice(&header.sequence.to_le_bytes());
    out.extend_from_slice(&header.log_time.to_le_bytes());
    out.extend_from_slice(&header.publish_time.to_le_bytes());
    put_sized(data, out);
}

/// The payload of a string, or of bytes.
pub fn put_sized(data: &[u8], out: &mut Vec<u8>) {
    put_varuint(data.len() as u64, out);
    out.extend_from_slice(data);
}

pub fn header(header: &Header) -> Value {
    Value::object([
        ("profile", Value::from(header.profile.as_str())),
        ("library", Value::from(header.library.as_str())),
    ])
}

pub fn metadata(metadata: &Metadata) -> Value {
    Value::object([("name", Value::from(metadata.name.as_str())), ("metadata", texts(&metadata.metadata))])
}

pub fn attachment(header: &AttachmentHeader, data: &[u8]) -> Value {
    Value::object([
        ("name", Value::from(header.name.as_str())),
        ("media_type", Value::from(header.media_type.as_str())),
        ("log_time_ns", Value::from(header.log_time)),
        ("create_time_ns", Value::from(header.create_time)),
        ("data", Value::from(data)),
    ])
}

/// A schema as it stands in the file.
#[derive(Debug, PartialEq, Eq)]
pub struct SchemaText {
    pub name: String,
    pub encoding: String,
    pub data: Vec<u8>,
}

pub fn channel(channel: &Channel, schema: Option<&SchemaText>, record: &str) -> Value {
    let text = |of: fn(&SchemaText) -> &str| Value::from(schema.map(of).unwrap_or_default());
    Value::object([
        ("id", Value::from(channel.id)),
        ("topic", Value::from(channel.topic.as_str())),
        ("record", Value::from(record)),
        ("encoding", Value::from(channel.message_encoding.as_str())),
        ("metadata", texts(&channel.metadata)),
        ("schema_id", Value::from(channel.schema_id)),
        ("schema_name", text(|schema| &schema.name)),
        ("schema_encoding", text(|schema| &schema.encoding)),
        ("schema", Value::from(schema.map(|schema| schema.data.as_slice()).unwrap_or_default())),
    ])
}

/// A schema of a type that is made here, and so is within all limits.
pub fn schema(ty: Type) -> crate::Result<Schema> {
    Schema::new(ty).map_err(|e| crate::Error::Usage(e.to_string()))
}
