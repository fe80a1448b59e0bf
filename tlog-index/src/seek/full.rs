//! Seeking in the whole of a log, from front to back: right for every log.

use std::collections::BTreeMap;
use std::io::{self, Read};

use tlog::read::{Event, ReadAt, ReadOptions, StreamReader};
use tlog::{Micros, Result};

use super::{By, Cost, Latest, Order, Seek};

/// What a walk over the whole log in `source` finds; `cost` is what was spent before.
pub(super) fn seek<S: ReadAt + ?Sized>(source: &S, time: Micros, cost: Cost) -> Result<Seek> {
    let mut input = Sequential { source, at: 0, size: source.size()?, cost };
    let options = ReadOptions { raw_payloads: true, ..ReadOptions::default() };
    let mut reader = StreamReader::new(&mut input, options);
    let (mut best, mut order) = (BTreeMap::new(), Order::default());
    while let Some(event) = reader.next_event()? {
        match event {
            Event::Data(data) => {
                let Some(found) = data.time else { continue };
                order.data(found);
                let latest = Latest { identifier: data.record.identifier, offset: data.offset, time: found };
                latest.replace_in(&mut best, time);
            }
            Event::Marker { marker, .. } => order.marker(Micros(marker.timestamp)),
            _ => {}
        }
    }
    let cost = input.cost;
    Ok(Seek { records: best.into_values().collect(), by: By::FullScan, order: order.told(), cost })
}

/// Reads from front to back what can be read anywhere.
struct Sequential<'s, S: ?Sized> {
    source: &'s S,
    at: u64,
    size: u64,
    cost: Cost,
}

impl<S: ReadAt + ?Sized> Read for Sequential<'_, S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let (out, _) = out.split_at_mut(left.min(out.len()));
        if !out.is_empty() {
            self.source.read_exact_at(self.at, out)?;
            self.at += out.len() as u64;
            self.cost.windows += 1;
            self.cost.bytes += out.len() as u64;
        }
        Ok(out.len())
    }
}
