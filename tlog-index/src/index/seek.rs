//! From a time to the latest instance of each record, through the index.
//!
//! A record's cells say in which span its instance must be; only where a span has instances on both sides of the
//! time is that span read. Where times never step back that is at most one span for all records together.

use std::collections::BTreeMap;

use tlog::read::{ReadOptions, SliceReader};
use tlog::{Micros, Result};

use super::{Cell, LogIndex, RecordIndex};

/// The latest instance of a record at or before a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Which record: a position in [`LogIndex::records`].
    pub record: u32,
    /// Where its block starts, in bytes from the start of the file.
    pub offset: u64,
    /// Its time.
    pub time: Micros,
}

/// What seeking found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Per record that has one: the instance with the greatest time not after the one asked for, of equal times
    /// the last in the file.
    pub instances: Vec<Instance>,
    /// How many bytes of the log had to be read.
    pub bytes_read: u64,
}

/// What the cells of one record tell.
struct Candidates {
    /// The latest instance in spans that end at or before the time.
    best: Option<(Micros, u64)>,
    /// Spans that have instances on both sides of the time.
    torn: Vec<u32>,
}

impl LogIndex {
    /// The latest instance of each record at or before `time`, in the log that `bytes` are and of which this is
    /// the index. Right whatever the order of times.
    ///
    /// # Errors
    /// As [`SliceReader::resume`].
    pub fn seek(&self, bytes: &[u8], time: Micros) -> Result<Found> {
        let mut best: Vec<Option<(Micros, u64)>> = Vec::with_capacity(self.records.len());
        let mut torn: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (at, record) in self.records.iter().enumerate() {
            let candidates = self.candidates(record, time);
            best.push(candidates.best);
            candidates.torn.into_iter().for_each(|span| torn.entry(span).or_default().push(at as u32));
        }
        let mut bytes_read = 0;
        for (span, records) in torn {
            bytes_read += self.read_span(bytes, span, time, &records, &mut best)?;
        }
        let instance = |(record, best): (usize, Option<(Micros, u64)>)| {
            best.map(|(time, offset)| Instance { record: record as u32, offset, time })
        };
        Ok(Found { instances: best.into_iter().enumerate().filter_map(instance).collect(), bytes_read })
    }

    fn candidates(&self, record: &RecordIndex, time: Micros) -> Candidates {
        let mut candidates = Candidates { best: None, torn: Vec::new() };
        let cells = &record.cells[..];
        // Cells without a time are in nobody's order.
        if self.order.is_monotonic() && record.timed == record.count {
            let behind = cells.partition_point(|cell| cell.times.is_some_and(|times| times.first <= time));
            candidates.add(&cells[behind.saturating_sub(1)..behind], time);
        } else {
            candidates.add(cells, time);
        }
        candidates
    }

    /// Looks through one span for instances of these records; how many bytes that took.
    fn read_span(
        &self,
        bytes: &[u8],
        span: u32,
        time: Micros,
        records: &[u32],
        best: &mut [Option<(Micros, u64)>],
    ) -> Result<u64> {
        let Ok(at) = self.spans.binary_search_by_key(&span, |span| span.number) else { return Ok(0) };
        let Some(place) = self.place(at) else { return Ok(0) };
        let end = usize::try_from(self.span_end(at)).unwrap_or(usize::MAX).min(bytes.len());
        // Where nothing was damaged the checksums have been right, and what is sought is only a place.
        let options = ReadOptions { verify: !self.damage.is_none(), raw_payloads: true, ..ReadOptions::default() };
        let mut reader = SliceReader::resume(bytes.get(..end).unwrap_or(bytes), options, &place)?;
        while let Some(data) = reader.next_data()? {
            let Some(found) = data.time else { continue };
            if found > time {
                match self.order.is_monotonic() {
                    true => break,
                    false => continue,
                }
            }
            let (offset, known) = (data.offset, self.position_of(data.record));
            if let Some(at) = known.filter(|at| records.contains(at))
                && best[at as usize].is_none_or(|best| best <= (found, offset))
            {
                best[at as usize] = Some((found, offset));
            }
        }
        Ok(reader.offset().saturating_sub(place.offset))
    }
}

impl Candidates {
    fn add(&mut self, cells: &[Cell], time: Micros) {
        for cell in cells {
            let Some(times) = cell.times else { continue };
            if times.last <= time {
                self.best = self.best.max(Some((times.last, cell.best)));
            } else if times.first <= time {
                self.torn.push(cell.span);
            }
        }
    }
}
