//! Which parts of a log a request must read, and reading them.
//!
//! ```text
//!  request        records, times, a condition
//!  plan           through an index: the spans in which a wanted record has a wanted time, and values that the
//!                 condition does not rule out; without one: what seek markers say of the times; or the whole log
//!  reader         goes from part to part, knowing at each what a reader from the start would know
//! ```
//!
//! A plan never leaves out what is asked for, as far as what it was made from is true: an index knows all, markers
//! are believed as [`seek`] says. What the parts have besides, the reader's own selection and the
//! [`Filter`] take out.

mod filter;
mod reader;
mod spans;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use tlog::read::{Damage, KnownRecord, Place, RecordType, Selection, Standing};
use tlog::wire::block;
use tlog::{Error, Micros, Result};

use crate::index::LogIndex;
use crate::predicate::Predicate;
use crate::seek::{self, Head, Stretch};

pub use filter::Filter;
pub use reader::PlanReader;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// Which records, and from when to when.
    pub selection: &'r Selection,
    /// A condition on values.
    pub predicate: Option<&'r Predicate>,
}

/// What a plan was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Nothing narrows the request down, or there is nothing to narrow it down by.
    Nothing,
    /// Seek markers: right as long as times do not step back unseen.
    Markers,
    /// An index: right in any case.
    Index,
}

/// Which parts of a log are to be read.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long the log is, in bytes.
    pub size: u64,
    /// The parts, ascending, none touching the next.
    pub parts: Vec<Part>,
    /// What the plan was made from.
    pub by: By,
    /// Why more is read than the request seems to need.
    pub reason: Option<&'static str>,
    /// The records of the log, if they are known; in any case those declared before the first part.
    pub records: Vec<Arc<RecordType>>,
    /// What an index knows to be damaged, in all of the log: what was asked for may have been there.
    pub damage: Damage,
}

/// A part of a log.
#[derive(Clone, Debug)]
pub struct Part {
    /// Where it starts, and what a reader knows there; `None` for the start of the log.
    pub place: Option<Place>,
    /// Which bytes of the file.
    pub range: Range<u64>,
}

impl Plan {
    /// A plan to read all of a log of `size` bytes.
    pub fn whole(size: u64) -> Self {
        let parts = vec![Part { place: None, range: 0..size }];
        Self { size, parts, by: By::Nothing, reason: None, records: Vec::new(), damage: Damage::default() }
    }

    /// What an index says must be read.
    pub fn by_index(index: &LogIndex, request: &Request<'_>) -> Self {
        spans::plan(index, request)
    }

    /// What the markers of the log that `bytes` are say must be read for a range of times.
    ///
    /// # Errors
    /// [`Error::Format`] when `bytes` are no log.
    pub fn by_markers(bytes: &[u8], request: &Request<'_>) -> Result<Self> {
        block::check_file_header(bytes).map_err(|e| Error::Format { offset: 0, cause: e.into() })?;
        let whole = |reason| Self { reason: Some(reason), ..Self::whole(bytes.len() as u64) };
        if !request.selection.has_range() {
            return Ok(whole("only an index tells where a record or a value is"));
        }
        let start = request.selection.start.unwrap_or(Micros(i64::MIN));
        let end = request.selection.end.unwrap_or(Micros(i64::MAX));
        let Some(stretch) = seek::stretch(bytes, start..end)? else {
            return Ok(whole("there are no seek markers, or times step back"));
        };
        let Some((place, records)) = place_of(bytes, &stretch)? else {
            return Ok(whole("the records declared before the range are not known"));
        };
        let size = bytes.len() as u64;
        let to = if request.selection.end.is_some() { stretch.bytes.end } else { size };
        let parts = vec![Part { place, range: stretch.bytes.start..to }];
        Ok(Self { size, parts, by: By::Markers, reason: None, records, damage: Damage::default() })
    }

    /// How many bytes are to be read.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.range.end - part.range.start).sum()
    }
}

/// What a reader knows where the stretch starts, and the records known there. Both `None` when some record with data
/// before it was declared who knows where.
type Known = Option<(Option<Place>, Vec<Arc<RecordType>>)>;

fn place_of(bytes: &[u8], stretch: &Stretch) -> Result<Known> {
    let Some(marker) = &stretch.marker else { return Ok(Some((None, Vec::new()))) };
    let head = match Head::read(bytes) {
        // What contradicts the log may be the index of one of several that were put together.
        Ok(head) if head.index_is_wrong => return Ok(None),
        Ok(head) => head,
        Err(Error::Format { .. } | Error::Limit { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut records: Vec<Arc<RecordType>> = head.records.into_iter().map(Arc::new).collect();
    let by_identifier = records.iter().map(|record| (record.identifier, Arc::clone(record)));
    let mut by_identifier: HashMap<u64, Arc<RecordType>> = by_identifier.collect();
    for indexed in head.index.into_iter().flat_map(|index| index.records) {
        match by_identifier.entry(indexed.record.identifier) {
            Entry::Vacant(entry) => records.push(Arc::clone(entry.insert(indexed.record))),
            // Declared again: which declaration holds where depends on what is between.
            Entry::Occupied(same) if same.get().schema_bytes != indexed.record.schema_bytes => return Ok(None),
            Entry::Occupied(_) => {}
        }
    }
    let from = stretch.bytes.start;
    let mut known: Vec<KnownRecord> = Vec::new();
    for &(identifier, latest) in &marker.elements {
        let Some(record) = by_identifier.remove(&identifier) else { return Ok(None) };
        known.push(KnownRecord { record, latest: Some(latest) });
    }
    let others =
        records.iter().filter(|record| record.location < from && by_identifier.contains_key(&record.identifier));
    known.extend(others.map(|record| KnownRecord { record: Arc::clone(record), latest: None }));
    let checksums_seen = head.first_data.is_some_and(|first| first.has_checksum);
    let standing = Standing { checksums_seen, data_seen: true, ..Standing::default() };
    Ok(Some((Some(Place { offset: from, records: known, standing }), records)))
}
