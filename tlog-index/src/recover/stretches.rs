//! Which parts of a file are read: all of it, or what the batches of firmware prove.

use std::ops::Range;
use std::sync::Arc;

use tlog::Result;
use tlog::read::{Event, Place, ReadOptions, RecordType, SliceReader};

use super::RecoverOptions;
use crate::batches::{BatchReport, Batches, LostCause, Piece};

/// So many parts are read at most: more than one for each hundred sectors of the largest file.
const MAX_PARTS: usize = 1 << 17;

/// How far a damaged first batch is searched for schemas, in bytes.
const MAX_FRONT: usize = 1 << 20;

/// A part of the file.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// One that is read.
    Read { range: Range<usize>, proved: bool },
    /// One that is lost.
    Lost { range: Range<u64>, cause: String },
}

/// The parts of a file, front to back.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub list: Vec<Part>,
    /// What the batches tell, if it is a file in batches.
    pub batches: Option<BatchReport>,
    /// Schemas out of a first batch that is damaged: they are believed when data fits them.
    pub schemas: Vec<Arc<RecordType>>,
}

impl Parts {
    pub fn of(bytes: &[u8], options: &RecoverOptions) -> Result<Self> {
        let batches = if options.card { Some(Batches::of_card(bytes)) } else { Batches::recognise(bytes) };
        let Some(batches) = batches else {
            return Ok(Self { list: vec![Part::Read { range: 0..bytes.len(), proved: true }], ..Self::default() });
        };
        let mut parts = Self::default();
        let mut report = BatchReport::default();
        let mut has_front = false;
        for piece in batches {
            if parts.list.len() >= MAX_PARTS {
                parts.give_up(bytes.len() as u64);
                break;
            }
            report.add(&piece);
            has_front |= matches!(&piece, Piece::Batch { range, .. } if range.start == 0);
            parts.add(piece, options.unverified);
        }
        if !has_front {
            parts.schemas = schemas(bytes.get(..bytes.len().min(MAX_FRONT)).unwrap_or(bytes), options)?;
        }
        parts.batches = Some(report);
        Ok(parts)
    }

    fn add(&mut self, piece: Piece, unverified: bool) {
        match piece {
            Piece::Batch { range, proved, .. } if proved || unverified => self.read(&range, proved),
            Piece::Batch { range, batch, .. } => {
                let cause = format!(
                    "batch {} of session {}: unverified, as the start of the log is lost",
                    batch.sequence, batch.session
                );
                self.list.push(Part::Lost { range, cause });
            }
            Piece::Lost { range, cause, intact } => {
                let whole = matches!(cause, LostCause::DamagedBatches { .. });
                let is_readable = !matches!(cause, LostCause::NoStart) && (whole || intact > 0);
                if !(unverified && is_readable) {
                    return self.list.push(Part::Lost { range, cause: cause.to_string() });
                }
                // Behind a torn batch's first broken block may stand anything; a damaged one is followed by its sequel.
                let end = if whole { range.end } else { range.start.saturating_add(intact).min(range.end) };
                let cause = format!("{cause}; its intact blocks are kept, unverified");
                self.read(&(range.start..end), false);
                self.list.push(Part::Lost { range: end..range.end, cause });
            }
            Piece::End { .. } => {}
        }
    }

    /// What is behind the last part is not looked at.
    fn give_up(&mut self, len: u64) {
        let end = match self.list.last() {
            Some(Part::Read { range, .. }) => range.end as u64,
            Some(Part::Lost { range, .. }) => range.end,
            None => 0,
        };
        let cause = format!("not looked at, behind {MAX_PARTS} parts that are damaged or whole in turn");
        self.list.push(Part::Lost { range: end..len.max(end), cause });
    }

    fn read(&mut self, range: &Range<u64>, proved: bool) {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let (start, end) = (place(range.start), place(range.end));
        match self.list.last_mut() {
            Some(Part::Read { range, proved: same }) if *same == proved && range.end == start => range.end = end,
            _ => self.list.push(Part::Read { range: start..end, proved }),
        }
    }

    /// Which bytes are kept without proof that they belong to the log.
    pub fn unverified(&self) -> Vec<Range<u64>> {
        let unproved = self.list.iter().filter_map(|part| match part {
            Part::Read { range, proved: false } => Some(range.start as u64..range.end as u64),
            _ => None,
        });
        unproved.collect()
    }
}

/// A reader of one part, which knows what the part before it declared. Nothing behind the part is looked at.
pub(super) fn reader<'b>(
    bytes: &'b [u8],
    range: &Range<usize>,
    options: ReadOptions,
    before: Option<Place>,
) -> Result<SliceReader<'b>> {
    let part = bytes.get(..range.end).unwrap_or(bytes);
    if range.start == 0 {
        return Ok(SliceReader::new(part, options));
    }
    let place = Place { offset: range.start as u64, ..before.unwrap_or_default() };
    SliceReader::resume(part, options, &place)
}

/// What is declared in these bytes, as far as it can be read.
fn schemas(bytes: &[u8], options: &RecoverOptions) -> Result<Vec<Arc<RecordType>>> {
    let mut reader = SliceReader::new(bytes, options.read_options(Vec::new()));
    let mut found: Vec<Arc<RecordType>> = Vec::new();
    while let Some(event) = reader.next_event()? {
        if let Event::Schema(record) = event
            && found.len() < MAX_SCHEMAS
            && found.iter().all(|known| known.identifier != record.identifier)
        {
            found.push(Arc::clone(record));
        }
    }
    Ok(found)
}

/// More kinds of records no firmware has.
const MAX_SCHEMAS: usize = 1024;
