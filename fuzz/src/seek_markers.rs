//! Any bytes as a log that is sought in by its markers.
//!
//! An input starts with the window's length (64 bytes and 8 times the first byte), the number of probes, and which of
//! the times in the log to ask for.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use tlog::Micros;
use tlog::read::{Blocks, Event, ReadAt, ReadOptions, SliceReader};
use tlog::wire::marker::MARKER;
use tlog_index::seek::{By, Head, Latest, Seek, SeekOptions, find_marker, seek_with, stretch_with};

/// What one reader tells of a log.
#[derive(Default)]
struct Told {
    /// All data with a time, in file order.
    data: Vec<Latest>,
    /// Whether nothing contradicts what markers and times promise: an intact log as writers make them.
    is_in_order: bool,
}

impl Told {
    /// `None` for what is no log.
    fn of(log: &[u8]) -> Option<Self> {
        let mut reader = SliceReader::new(log, ReadOptions { raw_payloads: true, ..ReadOptions::default() });
        let mut told = Self { data: Vec::new(), is_in_order: true };
        let (mut declared, mut latest) = (BTreeSet::new(), BTreeMap::new());
        let (mut last, mut markers) = (Micros(i64::MIN), 0);
        while let Some(event) = reader.next_event().ok()? {
            match event {
                Event::Schema(record) => told.is_in_order &= declared.insert(record.identifier),
                Event::Data(data) => {
                    let before = latest.insert(data.record.identifier, data.offset);
                    let distance = before.map_or(0, |before| data.offset - before);
                    told.is_in_order &= data.previous_offset.is_none_or(|previous| previous == distance);
                    let Some(time) = data.time else { continue };
                    told.is_in_order &= std::mem::replace(&mut last, time) <= time;
                    told.data.push(Latest { identifier: data.record.identifier, offset: data.offset, time });
                }
                Event::Marker { offset, marker } => {
                    markers += 1;
                    let elements: BTreeMap<u64, u64> = marker
                        .elements()
                        .map(|(identifier, distance)| (identifier, offset.wrapping_sub(distance)))
                        .collect();
                    told.is_in_order &= elements == latest && marker.timestamp == last.0;
                }
                _ => {}
            }
        }
        let magics = log.windows(MARKER.len()).filter(|window| *window == MARKER).count();
        told.is_in_order &= reader.damage().is_none() && magics == markers;
        Some(told)
    }

    /// The answer by definition: the greatest time at or before, of equal times the last in the file.
    fn answer(&self, time: Micros) -> Vec<Latest> {
        let mut best = BTreeMap::<u64, Latest>::new();
        for data in self.data.iter().filter(|data| data.time <= time) {
            let latest = best.entry(data.identifier).or_insert(*data);
            if latest.time <= data.time {
                *latest = *data;
            }
        }
        best.into_values().collect()
    }
}

/// Counts what is read.
struct Counted<'a> {
    log: &'a [u8],
    bytes: Cell<usize>,
}

impl ReadAt for Counted<'_> {
    fn size(&self) -> io::Result<u64> {
        self.log.size()
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.bytes.set(self.bytes.get() + out.len());
        self.log.read_exact_at(offset, out)
    }
}

/// Seeking comes to its end after a bounded amount of reading, tells only of what is there, and the truth where it says
/// that it has read everything, or where the log is in order.
pub fn seek_markers(data: &[u8]) {
    let Some((&[window, probes, chosen], log)) = data.split_first_chunk() else { return };
    let options = SeekOptions { window: 64 + 8 * usize::from(window), probes: probes.into() };
    let Some(told) = Told::of(log) else {
        assert!(seek_with(log, Micros(0), &options).is_err(), "only logs can be sought in");
        return;
    };
    let chosen = told.data.get(usize::from(chosen) * told.data.len() / 256).map_or(0, |data| data.time.0);
    for time in [i64::MIN, chosen.saturating_sub(1), chosen, chosen.saturating_add(1), i64::MAX].map(Micros) {
        let counted = Counted { log, bytes: Cell::new(0) };
        let seek = seek_with(&counted, time, &options).expect("this is a log");
        assert!(counted.bytes.get() <= 1_000 * (log.len() + 2_048), "{} bytes of {}", counted.bytes.get(), log.len());
        check(log, &told, time, &seek);
        check_stretch(log, &told, time, &options);
    }
    let _ = find_marker(log, 0..u64::MAX);
    let _ = Head::read(log);
}

fn check(log: &[u8], told: &Told, time: Micros, seek: &Seek) {
    if seek.by == By::FullScan || told.is_in_order {
        assert_eq!(seek.records, told.answer(time), "{time:?} by {:?}", seek.by);
    }
    let blocks = Blocks::open(log).expect("this is a log");
    for latest in &seek.records {
        let (header, _) = blocks.data(latest.offset).expect("what is told of is there");
        assert_eq!((header.identifier, header.timestamp), (latest.identifier, Some(latest.time.0)));
        assert!(latest.time <= time);
    }
}

fn check_stretch(log: &[u8], told: &Told, start: Micros, options: &SeekOptions) {
    let end = Micros(start.0.saturating_add(1_500_000));
    let Some(stretch) = stretch_with(log, start..end, options).expect("this is a log") else { return };
    assert!(stretch.bytes.start <= stretch.bytes.end && stretch.bytes.end <= log.len() as u64);
    let is_wanted = |data: &&Latest| start <= data.time && data.time < end;
    if told.is_in_order {
        let outside = told.data.iter().filter(is_wanted).find(|data| !stretch.bytes.contains(&data.offset));
        assert_eq!(outside, None, "{start:?} to {end:?} is not all in {:?}", stretch.bytes);
    }
}
