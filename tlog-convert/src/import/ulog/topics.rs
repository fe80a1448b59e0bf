//! The topics of a ULog, each the record of a log.

use std::collections::HashMap;
use std::io::Write;

use tlog::write::RecordId;

use super::super::names::Names;
use super::format::{Formats, Layout};
use super::stream::Topics;
use super::time::Clock;
use crate::Result;

/// What a file may hold that is not taken, and why not.
type Refusable<T, E> = std::result::Result<T, E>;

/// What the numbers of data mean so far.
pub struct Subscriptions {
    clock: Clock,
    formats: Formats,
    /// Layouts and records, in the order in which they were declared.
    records: Vec<(Layout, RecordId)>,
    /// Which of them a topic's instance is.
    by_topic: HashMap<(String, u8), usize>,
    /// Which of them data with a number is.
    by_id: Vec<Option<usize>>,
    names: Names,
    payload: Vec<u8>,
}

/// What became of data.
pub enum Put {
    /// It is in the log; its time as the file counts.
    Timed(u64),
    /// It is in the log, and tells no time.
    Untimed,
    /// It is not, and why.
    Refused(&'static str),
}

impl Topics for Subscriptions {
    fn fits(&self, id: u16, len: usize) -> Option<bool> {
        self.record(id).map(|(layout, _)| layout.fits(len))
    }
}

impl Subscriptions {
    /// No topics yet.
    pub fn new(clock: Clock) -> Self {
        let mut names = Names::default();
        super::records::NAMES.iter().for_each(|name| drop(names.take(name)));
        Self {
            clock,
            names,
            formats: Formats::default(),
            records: Vec::new(),
            by_topic: HashMap::new(),
            by_id: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// Takes up a format. Topics that are known keep theirs.
    pub fn add_format(&mut self, text: &str) -> Refusable<(), &'static str> {
        self.formats.add(text)
    }

    /// From now on data with this number is of this instance of a topic, which is declared if it is new.
    pub fn subscribe<W: Write>(
        &mut self,
        out: &mut tlog::Writer<W>,
        id: u16,
        multi_id: u8,
        topic: &str,
    ) -> Result<Refusable<(), String>> {
        let key = (topic.to_owned(), multi_id);
        let at = match self.by_topic.get(&key) {
            Some(&at) => at,
            None => match self.declare(out, &key)? {
                Ok(at) => {
                    self.by_topic.insert(key, at);
                    at
                }
                Err(cause) => return Ok(Err(cause)),
            },
        };
        let index = usize::from(id);
        if self.by_id.len() <= index {
            self.by_id.resize(index + 1, None);
        }
        if let Some(slot) = self.by_id.get_mut(index) {
            *slot = Some(at);
        }
        Ok(Ok(()))
    }

    fn declare<W: Write>(
        &mut self,
        out: &mut tlog::Writer<W>,
        (topic, multi_id): &(String, u8),
    ) -> Result<Refusable<usize, String>> {
        let mut layout = match self.formats.layout(topic, self.clock.ty()) {
            Ok(layout) => layout,
            Err(cause) => return Ok(Err(format!("topic {topic}: {cause}"))),
        };
        let Some(schema) = layout.schema.take() else { return Ok(Err(format!("topic {topic} has no fields"))) };
        let wanted = if *multi_id == 0 { topic.clone() } else { format!("{topic}_{multi_id}") };
        let record = out.declare(&self.names.take_record(&wanted), &schema)?;
        self.records.push((layout, record));
        Ok(Ok(self.records.len() - 1))
    }

    fn record(&self, id: u16) -> Option<&(Layout, RecordId)> {
        self.records.get((*self.by_id.get(usize::from(id))?)?)
    }

    /// Writes data into the log.
    pub fn put<W: Write>(&mut self, out: &mut tlog::Writer<W>, id: u16, payload: &[u8]) -> Result<Put> {
        let mut bytes = std::mem::take(&mut self.payload);
        let put = self.put_with(out, id, payload, &mut bytes);
        self.payload = bytes;
        put
    }

    fn put_with<W: Write>(
        &self,
        out: &mut tlog::Writer<W>,
        id: u16,
        payload: &[u8],
        bytes: &mut Vec<u8>,
    ) -> Result<Put> {
        let Some((layout, record)) = self.record(id) else { return Ok(Put::Refused("data of an unknown topic")) };
        let time = layout.time_at.and_then(|at| payload.get(at..)?.first_chunk()).map(|&time| u64::from_le_bytes(time));
        let field = match time.map(|time| self.clock.field(time)) {
            Some(None) => return Ok(Put::Refused("data of a time that no calendar has")),
            Some(Some(field)) => field,
            None => 0,
        };
        bytes.clear();
        layout.encode(payload, field, bytes);
        out.write(*record, time.and_then(|time| self.clock.block(time)), bytes)?;
        Ok(time.map_or(Put::Untimed, Put::Timed))
    }
}
