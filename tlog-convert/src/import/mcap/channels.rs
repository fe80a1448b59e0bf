//! What a channel's messages are in the log.

use std::collections::BTreeMap;

use tlog::Micros;
use tlog::schema::{Schema, Type};
use tlog::value::read_json;
use tlog::write::RecordId;

use ::mcap::records::{Channel, MessageHeader};

use super::json_schema::schema_of;
use super::records::{self, SchemaText, put_raw_message, put_sized};
use crate::Result;
use crate::mcap::{WRAPPER, keys};

/// What the messages of a channel become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON of this type, in an object of one key if `is_wrapped`.
    Typed { schema: Schema, is_wrapped: bool },
    /// JSON of which the type is not known, as text.
    Text,
    /// Anything else, as it is.
    Raw,
}

/// How the time of a message is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    LogTime,
    /// There was none.
    None,
    /// In `publish_time`, as microseconds in two's complement.
    Publish,
}

/// A channel that has been told of.
#[derive(Debug)]
pub struct Known {
    pub told: Channel,
    /// Its schema's identity, to see whether it is told of anew.
    pub schema: Option<std::sync::Arc<SchemaText>>,
    pub form: Form,
    pub timing: Timing,
    /// Whether it was a record of a log.
    pub is_ours: bool,
    pub id: RecordId,
    /// The record for JSON that is not of the type.
    pub text_id: Option<RecordId>,
    /// Whether it has been told that times are lost.
    pub has_lost_times: bool,
}

/// How a channel is to be taken.
pub struct Plan {
    pub form: Form,
    pub timing: Timing,
    /// The identifier that the record had in the log that was exported.
    pub identifier: Option<u64>,
}

impl Plan {
    /// What the channel's messages become, by its encoding and schema.
    pub fn of(channel: &Channel, schema: Option<&SchemaText>) -> Self {
        if channel.message_encoding != "json" {
            return Self { form: Form::Raw, timing: Timing::LogTime, identifier: None };
        }
        if let Some(ours) = Self::ours(&channel.metadata) {
            return ours;
        }
        let text = schema.filter(|schema| schema.encoding == "jsonschema");
        let form = match text.and_then(|text| schema_of(&text.data)) {
            Some(schema) => Form::Typed { schema, is_wrapped: false },
            None => Form::Text,
        };
        Self { form, timing: Timing::LogTime, identifier: None }
    }

    /// A channel that was a record of a log.
    fn ours(metadata: &BTreeMap<String, String>) -> Option<Self> {
        let schema = Schema::from_json(metadata.get(keys::SCHEMA)?).ok()?;
        let identifier = metadata.get(keys::IDENTIFIER)?.parse().ok()?;
        let is_wrapped = metadata.get(keys::WRAPPED).is_some_and(|key| key == WRAPPER);
        let timing = match metadata.get(keys::TIME).map(String::as_str) {
            None => Timing::LogTime,
            Some(keys::NONE) => Timing::None,
            Some(keys::OUTSIDE) => Timing::Publish,
            Some(_) => return None,
        };
        Some(Self { form: Form::Typed { schema, is_wrapped }, timing, identifier: Some(identifier) })
    }
}

impl Form {
    /// The type of the record.
    pub fn schema(&self) -> Result<Schema> {
        match self {
            Self::Typed { schema, .. } => Ok(schema.clone()),
            Self::Text => records::schema(Type::String),
            Self::Raw => records::schema(records::raw_message()),
        }
    }

    /// The payload of a message; `Err` with the reason, when it is not of this form.
    pub fn encode(&self, header: &MessageHeader, data: &[u8], out: &mut Vec<u8>) -> std::result::Result<(), String> {
        match self {
            Self::Raw => put_raw_message(header, data, out),
            Self::Text => {
                std::str::from_utf8(data).map_err(|_| "a message is no JSON: it is not UTF-8".to_owned())?;
                put_sized(data, out);
            }
            Self::Typed { schema, is_wrapped } => {
                let text = std::str::from_utf8(data).map_err(|e| e.to_string())?;
                let text = if *is_wrapped { unwrapped(text)? } else { text };
                read_json(schema.root(), text, out).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    }
}

/// The value in a message that is an object only for viewers.
fn unwrapped(text: &str) -> std::result::Result<&str, String> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        value: &'a serde_json::value::RawValue,
    }
    // Skipping a value, as this does, takes no stack for what nests in it.
    serde_json::from_str::<Wrapped<'_>>(text).map(|wrapped| wrapped.value.get()).map_err(|e| e.to_string())
}

impl Timing {
    /// The time of a message in the log.
    pub fn of(self, header: &MessageHeader) -> Option<Micros> {
        match self {
            Self::LogTime => Some(micros(header.log_time)),
            Self::None => None,
            // The bits of a negative number as they are.
            Self::Publish => Some(Micros(header.publish_time as i64)),
        }
    }
}

/// Nanoseconds in microseconds, rounded down.
pub fn micros(nanoseconds: u64) -> Micros {
    Micros(i64::try_from(nanoseconds / 1000).unwrap_or(i64::MAX))
}
