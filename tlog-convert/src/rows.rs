//! Payloads of one record, gathered before they become columns.

use std::ops::Range;

use tlog::Micros;
use tlog::read::Data;

/// Instances of one record: when, where in the log, and their payloads, one behind the other.
#[derive(Debug, Default)]
pub struct Rows {
    times: Vec<Option<Micros>>,
    /// Where the block of each is in the log, in bytes from its start.
    offsets: Vec<u64>,
    /// Where the payload of each ends in `bytes`.
    ends: Vec<usize>,
    bytes: Vec<u8>,
    /// How long every payload is, as long as all are the same.
    len: Option<usize>,
    is_uneven: bool,
}

impl Rows {
    /// Adds an instance.
    #[inline] // once per record: `benches/parquet`
    pub fn push(&mut self, data: &Data<'_>) {
        self.push_parts(data.time, data.offset, data.payload);
    }

    /// Adds an instance of which the parts are at hand: when, the place of its block in the log, its payload.
    pub fn push_parts(&mut self, time: Option<Micros>, offset: u64, payload: &[u8]) {
        self.is_uneven |= *self.len.get_or_insert(payload.len()) != payload.len();
        self.times.push(time);
        self.offsets.push(offset);
        self.bytes.extend_from_slice(payload);
        self.ends.push(self.bytes.len());
    }

    /// Adds an instance of others.
    pub fn push_from(&mut self, other: &Self, at: usize) {
        let (time, offset) = (other.times.get(at), other.offsets.get(at));
        self.push_parts(time.copied().flatten(), offset.copied().unwrap_or(0), other.payload(at));
    }

    /// Some of the instances.
    pub fn part(&self, range: Range<usize>) -> Self {
        let mut part = Self::default();
        range.for_each(|at| part.push_from(self, at));
        part
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes of memory they take, about.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.len() * size_of::<(Option<Micros>, u64, usize)>()
    }

    /// When each was recorded.
    pub fn times(&self) -> &[Option<Micros>] {
        &self.times
    }

    /// Where the block of each is in the log, in bytes from its start.
    pub fn offsets(&self) -> &[u64] {
        &self.offsets
    }

    /// The payload of the instance with this index; empty if there is none.
    pub fn payload(&self, at: usize) -> &[u8] {
        self.bytes.get(self.range(at)).unwrap_or_default()
    }

    /// All payloads, one behind the other.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where the payload of the instance with this index is in [`bytes`](Self::bytes).
    pub fn range(&self, at: usize) -> Range<usize> {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        start..self.ends.get(at).copied().unwrap_or(start)
    }

    /// How long every payload is, if all are the same length.
    pub fn even_len(&self) -> Option<usize> {
        self.len.filter(|_| !self.is_uneven)
    }

    /// Takes all out again, keeping the memory.
    pub fn clear(&mut self) {
        self.times.clear();
        self.offsets.clear();
        self.ends.clear();
        self.bytes.clear();
        (self.len, self.is_uneven) = (None, false);
    }
}
