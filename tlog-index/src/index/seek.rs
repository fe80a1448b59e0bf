//! From a time to the latest instance of each record, through the index.
//!
//! A record's cells say in which span its instance must be; only where a span has instances on both sides of the
//! time is that span read. Where times never step back that is at most one span for all records together, and where
//! nothing is damaged only the headers of its blocks are looked at.

use std::collections::BTreeMap;

use tlog::read::{ReadOptions, SliceReader};
use tlog::wire::{BlockHeader, BlockType, DataHeader};
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

    /// Looks through one span for instances of these records, ascending; how many bytes that took.
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
        if let Some(bytes_read) = self.hop_span(bytes.get(..end).unwrap_or(bytes), place.offset, time, records, best) {
            return Ok(bytes_read);
        }
        // Where nothing was damaged the checksums have been right, and what is sought is only a place.
        let options = ReadOptions { verify: !self.damage.is_none(), raw_payloads: true, ..ReadOptions::default() };
        let mut reader = SliceReader::resume(bytes, options, &place)?.until(self.span_end(at));
        while let Some(data) = reader.next_data()? {
            let Some(found) = data.time else { continue };
            if found > time {
                match self.order.is_monotonic() {
                    true => break,
                    false => continue,
                }
            }
            let (offset, known) = (data.offset, self.position_of(data.record));
            if let Some(at) = known.filter(|at| records.binary_search(at).is_ok())
                && best[at as usize].is_none_or(|best| best <= (found, offset))
            {
                best[at as usize] = Some((found, offset));
            }
        }
        Ok(reader.offset().saturating_sub(place.offset))
    }
}

impl LogIndex {
    /// The same from header to header, up to the first time that is too late. Only for what is the same then: a
    /// log that is intact, its times in order, and these records declared before the span and nowhere in it. `None` where
    /// that is not so.
    fn hop_span(
        &self,
        bytes: &[u8],
        start: u64,
        time: Micros,
        records: &[u32],
        best: &mut [Option<(Micros, u64)>],
    ) -> Option<u64> {
        if !self.damage.is_none() || !self.order.is_monotonic() || !self.further_logs.is_empty() {
            return None;
        }
        let mut sought = records.iter().map(|&at| self.sought(at, start)).collect::<Option<Vec<_>>>()?;
        sought.sort_unstable();
        let start = usize::try_from(start).ok()?;
        let mut at = start;
        while at < bytes.len() {
            let rest = bytes.get(at..)?;
            let frame = BlockHeader::parse(rest).ok()?;
            let block = rest.get(..usize::try_from(frame.block_len()?).ok()?)?;
            match frame.block_type {
                BlockType::Data => {
                    let header = DataHeader::parse(block.get(frame.header_len..)?).ok()?;
                    let found = header.timestamp.map(Micros);
                    if found.is_some_and(|found| found > time) {
                        break;
                    }
                    if let (Some(found), Ok(i)) =
                        (found, sought.binary_search_by_key(&header.identifier, |&(id, _)| id))
                    {
                        let known = best.get_mut(sought[i].1)?;
                        *known = (*known).max(Some((found, at as u64)));
                    }
                }
                BlockType::SeekMarker | BlockType::Index => {}
                _ => return None,
            }
            at += block.len();
        }
        Some((at - start) as u64)
    }

    /// The identifier and position of a record, if it alone has that identifier, and is declared before `start`.
    fn sought(&self, at: u32, start: u64) -> Option<(u64, usize)> {
        let record = &self.records.get(at as usize)?.record;
        let is_alone = self.with_identifier(record.identifier) == [at];
        (is_alone && record.location < start).then_some((record.identifier, at as usize))
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
