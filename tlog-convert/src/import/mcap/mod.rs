//! MCAP into a log.
//!
//! | in the MCAP | in the log |
//! |---|---|
//! | topic | the record's name, as near as names of records can be: `/imu/data` becomes `imu.data` |
//! | channel that [`mcap`](crate::mcap) made | the record that it was: same name, identifier, type, payloads and times |
//! | JSON with a JSON Schema that leaves nothing open | a record of that type: see `json_schema.rs` |
//! | JSON without, or with one that leaves something open | a record of type string, the text as it is |
//! | message of JSON that is not of its channel's type | text in a record `NAME_json` beside the other |
//! | any other encoding | object of `channel`, `sequence`, `log_time_ns`, `publish_time_ns`, `data` as bytes |
//! | channel and its schema (all but those that `mcap` made) | an instance of the record `mcap.channel` |
//! | attachment, metadata, header | instances of `mcap.attachment`, `mcap.metadata`, `mcap.header` |
//! | `log_time` | the time of the block, in microseconds, rounded down |
//!
//! Of JSON that has a type `sequence` and `publish_time` are not kept, and that is told where it loses something.
//!
//! A chunk whose checksum is wrong is left out; of one that the file ends in, what comes before is taken. After
//! damage outside of chunks the next record is searched for. Memory is bounded by [`Options::max_record`], whatever
//! the file claims.

mod channels;
mod framing;
mod json_schema;
mod layout;
mod names;
mod records;
mod source;
mod unpack;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::ops::Range;
use std::sync::Arc;

use ::mcap::parse_record;
use ::mcap::records::{Channel, MessageHeader, Metadata, Record, op};
use tlog::read::RecordType;
use tlog::schema::{Schema, Type};
use tlog::value::Value;
use tlog::write::RecordId;
use tlog::{Micros, Writer};
use tlog_index::copy::Joined;

use self::channels::{Form, Known, Plan, Timing, micros};
use self::framing::{Framing, Sink};
use self::names::Names;
use self::records::{Aside, SchemaText, put_sized};
use super::Summary;
use crate::mcap::keys;
use crate::{Error, Result};

/// What a channel takes besides its texts and its type, in bytes of memory.
const CHANNEL_MEMORY: u64 = 512;

/// What a byte of a type's encoding takes in all the places that keep it, and what a part of it takes, in bytes of
/// memory. Readers of logs count it like this too, and refuse a log whose schemas take more than 256 MiB.
const BYTE_MEMORY: u64 = 8;
const PART_MEMORY: u64 = 256;

/// How to read MCAP.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a record may be, in bytes; a chunk as it is stored, and unpacked. Longer ones are skipped. Memory takes
    /// a few times as much at most.
    pub max_record: u64,
    /// How much memory the schemas of all channels may take, in bytes. What exceeds it is skipped.
    pub max_schemas: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_record: 64 << 20, max_schemas: 240 << 20 }
    }
}

/// Reads a whole MCAP file. What is damaged is skipped and told of.
///
/// # Errors
/// [`Error::Input`] for what is no MCAP; [`Error::Io`] of the input; [`Error::Log`] of the output.
pub fn read<R: Read, W: Write>(input: R, out: &mut Writer<W>, options: &Options) -> Result<Summary> {
    let mut importer = Importer::new(out, options);
    Framing::new(input, options.max_record).run(&mut importer)?;
    Ok(importer.end())
}

/// Takes what is found in the file into the log.
struct Importer<'w, W: Write> {
    out: &'w mut Writer<W>,
    schemas: HashMap<u16, Arc<SchemaText>>,
    channels: HashMap<u16, Known>,
    /// How much memory both take, and may take, in bytes.
    known: u64,
    max_known: u64,
    names: Names,
    joined: Joined,
    asides: HashMap<Aside, (RecordId, Type)>,
    payload: Vec<u8>,
    latest: Option<Micros>,
    backwards: u64,
    summary: Summary,
}

impl<W: Write> Sink for Importer<'_, W> {
    fn record(&mut self, opcode: u8, body: &[u8], place: Range<u64>) -> Result<()> {
        match opcode {
            op::MESSAGE => self.message(body, place),
            _ if !layout::fits(opcode, body) => {
                let what = if opcode == op::ATTACHMENT { "an attachment" } else { "a record" };
                self.skipped(place, format!("the lengths in {what} do not fit together"));
                Ok(())
            }
            op::HEADER | op::SCHEMA | op::CHANNEL | op::METADATA | op::ATTACHMENT => match parse_record(opcode, body) {
                Ok(record) => self.parsed(&record, place),
                Err(e) => {
                    self.skipped(place, format!("a record is damaged: {e}"));
                    Ok(())
                }
            },
            _ => Ok(()),
        }
    }

    fn knows(&self, channel: u16) -> bool {
        self.channels.contains_key(&channel)
    }

    fn skipped(&mut self, range: Range<u64>, cause: String) {
        self.summary.skip(range, cause);
    }

    fn note(&mut self, note: String) {
        self.summary.note(note);
    }
}

impl<'w, W: Write> Importer<'w, W> {
    fn new(out: &'w mut Writer<W>, options: &Options) -> Self {
        Self {
            out,
            max_known: options.max_schemas,
            schemas: HashMap::new(),
            channels: HashMap::new(),
            known: 0,
            names: Names::default(),
            joined: Joined::default(),
            asides: HashMap::new(),
            payload: Vec::new(),
            latest: None,
            backwards: 0,
            summary: Summary::default(),
        }
    }

    fn end(mut self) -> Summary {
        if self.backwards > 0 {
            let count = self.backwards;
            self.summary.note(format!("{count} messages are older than the one before them; their order is kept"));
        }
        for renamed in self.joined.renamed() {
            let (old, new) = (&renamed.old_name, &renamed.name);
            if old != new {
                self.summary.note(format!("another record {old} of another type is {new}"));
            }
        }
        self.summary
    }

    fn parsed(&mut self, record: &Record<'_>, place: Range<u64>) -> Result<()> {
        match record {
            Record::Header(header) => {
                let is_ours = header.library.starts_with("tlog ") && header.profile.is_empty();
                if is_ours { Ok(()) } else { self.aside(Aside::Header, None, &records::header(header)) }
            }
            Record::Schema { header, data } => {
                self.schema(header.id, &header.name, &header.encoding, data, place);
                Ok(())
            }
            Record::Channel(channel) => self.channel(channel, place),
            Record::Metadata(metadata) => self.metadata(metadata),
            Record::Attachment { header, data, .. } => {
                // Zero is what stands there when nobody said when.
                let time = (header.log_time > 0).then(|| micros(header.log_time));
                self.aside(Aside::Attachment, time, &records::attachment(header, data))
            }
            _ => Ok(()),
        }
    }

    fn schema(&mut self, id: u16, name: &str, encoding: &str, data: &[u8], place: Range<u64>) {
        let is_same = |known: &Arc<SchemaText>| known.name == name && known.encoding == encoding && known.data == data;
        if self.schemas.get(&id).is_some_and(is_same) || !self.affords(name.len() + encoding.len() + data.len(), &place)
        {
            return;
        }
        let text = SchemaText { name: name.to_owned(), encoding: encoding.to_owned(), data: data.to_vec() };
        self.schemas.insert(id, Arc::new(text));
    }

    /// Whether there is memory for this many bytes more of schemas and channels. Once there is not, there is none for
    /// anything else: each would have to be looked at to say so.
    fn affords(&mut self, len: usize, place: &Range<u64>) -> bool {
        self.known = self.known.saturating_add(len as u64);
        let is_affordable = self.known <= self.max_known;
        if !is_affordable {
            let cause = format!("schemas and channels exceed the limit of {} bytes", self.max_known);
            self.summary.skip(place.clone(), cause);
        }
        is_affordable
    }

    fn channel(&mut self, channel: &Channel, place: Range<u64>) -> Result<()> {
        let schema = self.schemas.get(&channel.schema_id).cloned();
        if self.channels.get(&channel.id).is_some_and(|known| known.told == *channel && known.schema == schema) {
            return Ok(());
        }
        let texts: usize = channel.metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
        if !self.affords(channel.topic.len() + channel.message_encoding.len() + texts, &place) {
            return Ok(());
        }
        if channel.schema_id != 0 && schema.is_none() {
            self.summary.note(format!("topic {} has a schema that is not in the file", channel.topic));
        }
        let Plan { form, timing, identifier } = Plan::of(channel, schema.as_deref());
        let type_of_record = form.schema()?;
        if !self.affords(memory_of(&type_of_record, &channel.topic), &place) {
            return Ok(());
        }
        let is_ours = identifier.is_some();
        let name = self.names.of(&channel.topic, is_ours);
        let (id, name) = self.declare(identifier.unwrap_or(1), &name, &type_of_record)?;
        if !is_ours {
            self.tell(channel, &name, &form);
            self.aside(Aside::Channel, None, &records::channel(channel, schema.as_deref(), &name))?;
        }
        let told = channel.clone();
        let known = Known { told, schema, form, timing, is_ours, id, text_id: None, has_lost_times: false };
        self.channels.insert(channel.id, known);
        Ok(())
    }

    /// Tells what a channel became, where that is not what one would expect.
    fn tell(&mut self, channel: &Channel, name: &str, form: &Form) {
        let Channel { topic, message_encoding, .. } = channel;
        if topic != name {
            self.summary.note(format!("topic {topic} is record {name}"));
        }
        match form {
            Form::Typed { .. } => {}
            Form::Text => {
                self.summary.note(format!("topic {topic} is kept as text: nothing says which type its JSON has"))
            }
            Form::Raw => {
                self.summary.note(format!("topic {topic} is kept as bytes: its encoding is {message_encoding:?}"))
            }
        }
    }

    /// Declares a record, unless it is declared already; its identifier and name.
    fn declare(&mut self, wanted: u64, name: &str, schema: &Schema) -> Result<(RecordId, Arc<str>)> {
        let schema_bytes = schema.to_bytes();
        let record = RecordType::from_parts(wanted, name, &schema_bytes, 0).map_err(|e| Error::Usage(e.to_string()))?;
        // Each channel has been told of alone: records of one name and type are one record.
        self.joined.next_log();
        let target = self.joined.target(&Arc::new(record))?;
        if target.is_new {
            match self.out.declare_as(target.id, &target.name, schema) {
                Err(tlog::Error::Usage(problem)) => {
                    self.summary.note(format!("{problem} (kept as it was)"));
                    self.out.declare_raw(target.id, &*target.name, &schema_bytes)?;
                }
                other => other?,
            }
        }
        Ok((target.id, target.name))
    }

    fn metadata(&mut self, metadata: &Metadata) -> Result<()> {
        let is_ours = metadata.name == keys::RECORD && metadata.metadata.contains_key("tool");
        if !is_ours {
            return self.aside(Aside::Metadata, None, &records::metadata(metadata));
        }
        if metadata.metadata.get("completeness").is_some_and(|said| said != "complete") {
            self.summary.note("the log that this was made of was damaged already");
        }
        Ok(())
    }

    /// Writes what has a record of its own.
    fn aside(&mut self, aside: Aside, time: Option<Micros>, value: &Value) -> Result<()> {
        let (id, ty) = match self.asides.get(&aside) {
            Some((id, ty)) => (*id, ty.clone()),
            None => {
                let name = self.names.of(aside.name(), true);
                let (id, _) = self.declare(1, &name, &records::schema(aside.ty())?)?;
                self.asides.insert(aside, (id, aside.ty()));
                (id, aside.ty())
            }
        };
        self.payload.clear();
        value.encode(&ty, &mut self.payload).map_err(|e| Error::Usage(e.to_string()))?;
        Ok(self.out.write(id, time, &self.payload)?)
    }

    fn message(&mut self, body: &[u8], place: Range<u64>) -> Result<()> {
        let Some((header, data)) = message_of(body) else {
            self.summary.skip(place, "a message ends inside its head");
            return Ok(());
        };
        let Some(channel) = self.channels.get(&header.channel_id) else {
            self.summary.skip(place, format!("a message is of channel {}, which is unknown", header.channel_id));
            return Ok(());
        };
        let time = channel.timing.of(&header);
        self.payload.clear();
        match channel.form.encode(&header, data, &mut self.payload) {
            Ok(()) => self.out.write(channel.id, time, &self.payload)?,
            Err(problem) if matches!(channel.form, Form::Typed { .. }) && std::str::from_utf8(data).is_ok() => {
                if channel.text_id.is_none() {
                    let topic = &channel.told.topic;
                    let note =
                        format!("what is not of the type of {topic} is kept as text, the first because {problem}");
                    self.summary.note(note);
                }
                self.text(header.channel_id, time, data)?;
            }
            Err(problem) => {
                self.summary.skip(place, problem);
                return Ok(());
            }
        }
        self.summary.taken += 1;
        self.look_at_times(&header, time);
        Ok(())
    }

    /// Writes JSON that is not of its channel's type beside what is.
    fn text(&mut self, channel_id: u16, time: Option<Micros>, data: &[u8]) -> Result<()> {
        let Some(channel) = self.channels.get(&channel_id) else { return Ok(()) };
        let id = match channel.text_id {
            Some(id) => id,
            None => {
                let record = self.names.of(&channel.told.topic, channel.is_ours);
                let name = self.names.of(&format!("{record}_json"), true);
                let (id, _) = self.declare(1, &name, &records::schema(Type::String)?)?;
                if let Some(channel) = self.channels.get_mut(&channel_id) {
                    channel.text_id = Some(id);
                }
                id
            }
        };
        self.payload.clear();
        put_sized(data, &mut self.payload);
        Ok(self.out.write(id, time, &self.payload)?)
    }

    /// Notes what becomes of the times of a message.
    fn look_at_times(&mut self, header: &MessageHeader, time: Option<Micros>) {
        if let Some(time) = time {
            self.backwards += u64::from(self.latest.is_some_and(|latest| time < latest));
            self.latest = Some(time);
        }
        let Some(channel) = self.channels.get_mut(&header.channel_id) else { return };
        let is_kept = channel.form == Form::Raw || channel.timing != Timing::LogTime;
        let is_exact = header.log_time.is_multiple_of(1000) && header.publish_time == header.log_time;
        if is_kept || is_exact || channel.has_lost_times {
            return;
        }
        channel.has_lost_times = true;
        let topic = &channel.told.topic;
        self.summary.note(match header.publish_time == header.log_time {
            true => format!("times of {topic} are rounded down to microseconds"),
            false => format!("publish times of {topic} differ from its log times, and are not kept"),
        });
    }
}

/// How much memory a record of this type and name takes, and that of its text beside it, in bytes.
fn memory_of(schema: &Schema, name: &str) -> usize {
    let bytes = schema.to_bytes().len().saturating_add(4 * name.len()) as u64;
    let memory = 2 * (CHANNEL_MEMORY + PART_MEMORY) + BYTE_MEMORY * bytes + PART_MEMORY * parts(schema.root());
    usize::try_from(memory).unwrap_or(usize::MAX)
}

/// How many parts a type has at most, as readers count them.
fn parts(ty: &Type) -> u64 {
    match ty {
        Type::Object(object) => {
            2 + object.fields().iter().map(|field| field.aliases().len() as u64 + parts(field.ty())).sum::<u64>()
        }
        Type::Enum(enumeration) => 2 + enumeration.symbols().len() as u64,
        Type::Array(item) | Type::Map(item) => 1 + parts(item),
        Type::FixedArray(array) => 1 + parts(array.item()),
        Type::Union(members) => 2 + members.iter().map(parts).sum::<u64>(),
        _ => 1,
    }
}

/// The head of a message, and its data.
fn message_of(body: &[u8]) -> Option<(MessageHeader, &[u8])> {
    let mut fields = layout::Fields(body);
    let header = MessageHeader {
        channel_id: fields.u16()?,
        sequence: fields.u32()?,
        log_time: fields.u64()?,
        publish_time: fields.u64()?,
    };
    Some((header, fields.0))
}
