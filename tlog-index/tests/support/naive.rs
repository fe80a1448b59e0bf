//! What an index must say, computed the plain way: one reader, one thing after the other.

use std::collections::BTreeMap;

use tlog::Micros;
use tlog::read::{Cause, Damage, Event, ReadOptions, SliceReader};
use tlog_index::index::LogIndex;

/// All data blocks of one record, in file order: offset, time, previous offset, block length.
pub type Instances = Vec<(u64, Option<Micros>, Option<u64>, u64)>;

/// What one reader tells of a log.
#[derive(Debug, Default)]
pub struct Naive {
    /// By identifier, name and type encoding.
    pub records: BTreeMap<(u64, String, Vec<u8>), Instances>,
    /// Places of schema blocks and of further headers: after those, a previous offset starts anew.
    pub declarations: Vec<(u64, u64)>,
    pub further_logs: Vec<u64>,
    /// All data blocks: offset and time.
    pub all: Vec<(u64, Option<Micros>)>,
    pub markers: u64,
    pub ends_with_index: bool,
    pub damage: Damage,
}

pub fn read(bytes: &[u8]) -> tlog::Result<Naive> {
    let mut naive = Naive::default();
    let mut reader = SliceReader::new(bytes, ReadOptions { raw_payloads: true, ..ReadOptions::default() });
    while let Some(event) = reader.next_event()? {
        naive.ends_with_index = matches!(event, Event::Index { .. });
        match event {
            Event::Schema(record) => {
                naive.declarations.push((record.location, record.identifier));
                naive.records.entry((record.identifier, record.name.clone(), record.schema_bytes.clone())).or_default();
            }
            Event::Data(data) => {
                let key = (data.record.identifier, data.record.name.clone(), data.record.schema_bytes.clone());
                let instance = (data.offset, data.time, data.previous_offset, data.block_len);
                naive.records.entry(key).or_default().push(instance);
                naive.all.push((data.offset, data.time));
            }
            Event::Marker { .. } => naive.markers += 1,
            Event::Skipped(skipped) if skipped.cause == Cause::AnotherLog => {
                naive.further_logs.push(skipped.range.start);
            }
            _ => {}
        }
    }
    naive.damage = reader.damage().clone();
    Ok(naive)
}

impl Naive {
    /// Compares all that the index says.
    pub fn check(&self, index: &LogIndex, size: usize) {
        assert_eq!(index.size, size as u64);
        assert_eq!(index.damage, self.damage);
        assert_eq!((index.markers, index.ends_with_index), (self.markers, self.ends_with_index));
        assert_eq!(index.further_logs, self.further_logs);
        let declared = |declaration: &tlog_index::index::Declaration| {
            (declaration.offset, index.records[declaration.record as usize].record.identifier)
        };
        assert_eq!(index.declarations.iter().map(declared).collect::<Vec<_>>(), self.declarations);
        self.check_order(index);
        assert_eq!(index.records.len(), self.records.len());
        for record in &index.records {
            let key = (record.record.identifier, record.record.name.clone(), record.record.schema_bytes.clone());
            self.check_record(record, &self.records[&key], index);
        }
    }

    fn check_order(&self, index: &LogIndex) {
        let times: Vec<Micros> = self.all.iter().filter_map(|(_, time)| *time).collect();
        let steps: Vec<u64> =
            times.windows(2).filter(|pair| pair[1] < pair[0]).map(|pair| pair[0].0.abs_diff(pair[1].0)).collect();
        assert_eq!(index.order.timed, times.len() as u64);
        assert_eq!(index.order.untimed, (self.all.len() - times.len()) as u64);
        assert_eq!(index.order.steps_back, steps.len() as u64);
        assert_eq!(index.order.largest_step_back.map(|step| step.micros), steps.iter().copied().max());
        assert_eq!(
            index.order.ends.map(|ends| (ends.first, ends.last)),
            times.first().map(|&first| (first, times[times.len() - 1]))
        );
        assert_eq!(
            index.times().map(|times| (times.first, times.last)),
            times.iter().min().map(|&first| (first, *times.iter().max().unwrap()))
        );
    }

    fn check_record(&self, record: &tlog_index::index::RecordIndex, instances: &Instances, index: &LogIndex) {
        let times: Vec<Micros> = instances.iter().filter_map(|instance| instance.1).collect();
        assert_eq!((record.count, record.timed), (instances.len() as u64, times.len() as u64));
        assert_eq!(record.bytes, instances.iter().map(|instance| instance.3).sum::<u64>());
        assert_eq!(
            record.times.map(|times| (times.first, times.last)),
            times.iter().min().map(|&first| (first, *times.iter().max().unwrap()))
        );
        let gap = times.windows(2).filter(|pair| pair[1] > pair[0]).map(|pair| pair[1].0.abs_diff(pair[0].0)).max();
        assert_eq!(record.largest_gap.map(|gap| gap.micros), gap);
        self.check_links(record, instances);
        let span = |offset: u64| (offset >> index.span_shift) as u32;
        for cell in &record.cells {
            let inside: Vec<_> = instances.iter().filter(|instance| span(instance.0) == cell.span).collect();
            assert_eq!(cell.count as usize, inside.len());
            assert_eq!(Some(cell.last), inside.last().map(|instance| instance.0));
            let times = inside.iter().filter_map(|instance| Some((instance.1?, instance.0)));
            assert_eq!(cell.times.map(|times| (times.last, cell.best)), times.clone().max());
            assert_eq!(cell.times.map(|times| times.first), times.map(|(time, _)| time).min());
        }
        assert_eq!(record.cells.iter().map(|cell| cell.count as usize).sum::<usize>(), instances.len());
    }

    fn check_links(&self, record: &tlog_index::index::RecordIndex, instances: &Instances) {
        let wrong: Vec<u64> = instances
            .iter()
            .enumerate()
            .filter(|(at, instance)| {
                instance.2.is_some_and(|distance| distance != self.distance(record, instances, *at))
            })
            .map(|(_, instance)| instance.0)
            .collect();
        assert_eq!(record.links.checked as usize, instances.iter().filter(|instance| instance.2.is_some()).count());
        assert_eq!((record.links.wrong as usize, record.links.first_wrong), (wrong.len(), wrong.first().copied()));
    }

    /// How far the instance before is, if nothing was declared between.
    fn distance(&self, record: &tlog_index::index::RecordIndex, instances: &Instances, at: usize) -> u64 {
        let Some(before) = at.checked_sub(1).map(|at| instances[at].0) else { return 0 };
        let offset = instances[at].0;
        let between = |place: &u64| (before..offset).contains(place);
        let declared = self.declarations.iter().any(|(place, id)| *id == record.record.identifier && between(place));
        if declared || self.further_logs.iter().any(between) { 0 } else { offset - before }
    }
}
