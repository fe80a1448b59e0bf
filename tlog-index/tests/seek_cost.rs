//! What seeking reads: a number of windows that grows with the logarithm of the log, and the time between a few markers.

mod seek_support;

use std::cell::RefCell;
use std::io;

use seek_support::{Counted, Instance, log, period};
use tlog::Micros;
use tlog::read::ReadAt;
use tlog::wire::{FILE_HEADER, SeekMarker, crc};
use tlog_index::seek::{By, Seek, TimeOrder, seek, stretch};

const WINDOW: u64 = 64 << 10;

/// The probes, their last one, the head, and the index.
const FIXED_WINDOWS: u64 = 32 + 4;

/// So many markers' distances are read at most: two back, and three forwards.
const INTERVALS: u64 = 5;

fn allowed(size: u64, interval: u64) -> (u64, u64) {
    // Down to a window, and up again before and behind it.
    let halvings = 3 * (u64::from((size / WINDOW / 32).max(1).ilog2()) + 2);
    let windows = FIXED_WINDOWS + halvings + (INTERVALS * interval).div_ceil(WINDOW) + INTERVALS;
    (windows, windows * WINDOW + 64 * 1024)
}

fn check<S: ReadAt + ?Sized>(source: &S, time: Micros, interval: u64) -> Seek {
    let counted = Counted::new(source);
    let seek = seek(&counted, time).unwrap();
    let (windows, bytes) = allowed(source.size().unwrap(), interval);
    assert!(seek.cost.windows <= windows, "{} windows, {windows} allowed", seek.cost.windows);
    assert!(seek.cost.bytes <= bytes, "{} bytes, {bytes} allowed", seek.cost.bytes);
    assert_eq!(seek.cost.bytes, counted.bytes.get(), "what is told is what was read");
    seek
}

#[test]
fn logs_of_any_size_cost_windows_and_intervals() {
    for records in [1_000i64, 10_000, 100_000] {
        let instances: Vec<_> = (0..records)
            .map(|i| Instance { record: 1 + (i % 10 == 0) as u64, time: Some(i * 1_000), len: 60 })
            .collect();
        // 100 blocks of 80 bytes and less between two markers.
        let log = log(&period(100_000).compression(false), 2, &instances);
        for part in 1..16 {
            let by = check(&log[..], Micros(records * 1_000 / 16 * part), 8_500).by;
            // The smallest log is little more than a window.
            assert!(by == By::Markers || records == 1_000, "{records} records");
        }
    }
}

/// A log that is never stored: a header, a schema, and equal units of `BLOCKS` data blocks and a marker.
struct Virtual {
    head: Vec<u8>,
    units: u64,
    payload: usize,
    content: Vec<u8>,
    unit_len: u64,
    /// From this unit on, times are earlier by so much.
    set_back: Option<(u64, i64)>,
    latest: RefCell<(u64, Vec<u8>)>,
}

/// Data blocks in a unit. The first is of record 2, the others are of record 1.
const BLOCKS: u64 = 100;

/// The time between two data blocks.
const STEP: i64 = 1_000;

impl Virtual {
    fn new(size: u64, payload: usize) -> Self {
        let mut head = FILE_HEADER.to_vec();
        for id in [1, 2] {
            // Identifier, flags, name, type bytes.
            head.extend_from_slice(&[1, 6, id, 0, 2, b'r', b'0' + id, 11]);
        }
        // Bytes that look like blocks, too.
        let content = (0..payload).map(|i| if i % 8 == 0 { 2 } else { (i * 7) as u8 }).collect();
        let mut log =
            Self { head, units: 2, payload, content, unit_len: 0, set_back: None, latest: RefCell::default() };
        log.unit_len = log.unit(0).len() as u64;
        assert_eq!(log.unit(1).len() as u64, log.unit_len);
        log.units = size / log.unit_len;
        log
    }

    fn start(&self, unit: u64) -> u64 {
        self.head.len() as u64 + unit * self.unit_len
    }

    fn time(&self, unit: u64, block: u64) -> i64 {
        let time = (unit * BLOCKS + block) as i64 * STEP;
        time - self.set_back.filter(|&(from, _)| from <= unit).map_or(0, |(_, by)| by)
    }

    /// Varuints of three bytes, so that all units are equally long.
    fn varuint(value: u64) -> [u8; 3] {
        [value as u8 | 0x80, (value >> 7) as u8 | 0x80, (value >> 14) as u8]
    }

    fn block_len(&self) -> u64 {
        (1 + 3 + 1 + 1 + 3 + 8 + 4 + 3 + self.payload) as u64
    }

    fn offset(&self, unit: u64, block: u64) -> u64 {
        self.start(unit) + block * self.block_len()
    }

    fn data(&self, unit: u64, block: u64) -> Vec<u8> {
        let record: u8 = if block == 0 { 2 } else { 1 };
        let previous = match (unit, block) {
            (0, 0 | 1) => 0,
            (_, 0) => self.unit_len,
            (_, 1) => self.offset(unit, 1) - self.offset(unit - 1, BLOCKS - 1),
            _ => self.block_len(),
        };
        let mut bytes = vec![2];
        bytes.extend(Self::varuint(self.block_len() - 4));
        bytes.extend([record, 7]);
        bytes.extend(Self::varuint(previous));
        bytes.extend(self.time(unit, block).to_le_bytes());
        let checksum_at = bytes.len();
        bytes.extend([0; 4]);
        bytes.extend(Self::varuint(self.payload as u64));
        bytes.extend_from_slice(&self.content);
        let checksum = crc::block_crc(&bytes, checksum_at);
        bytes[checksum_at..checksum_at + 4].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn unit(&self, unit: u64) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..BLOCKS).flat_map(|block| self.data(unit, block)).collect();
        let len = bytes.len() as u64;
        let mut marker = [0; 64];
        let elements = [(1, self.block_len()), (2, len)];
        let n = SeekMarker::encode(self.time(unit, BLOCKS - 1), elements.into_iter(), &mut marker).unwrap();
        bytes.extend_from_slice(&marker[..n]);
        bytes
    }
}

impl ReadAt for Virtual {
    fn size(&self) -> io::Result<u64> {
        Ok(self.start(self.units))
    }

    fn read_exact_at(&self, mut offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        while !out.is_empty() {
            if offset >= self.start(self.units) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut latest = self.latest.borrow_mut();
            let head = self.head.len() as u64;
            let bytes = match offset.checked_sub(head) {
                None => &self.head[offset as usize..],
                Some(at) => {
                    let unit = at / self.unit_len;
                    if latest.1.is_empty() || latest.0 != unit {
                        *latest = (unit, self.unit(unit));
                    }
                    &latest.1[(at % self.unit_len) as usize..]
                }
            };
            let len = bytes.len().min(out.len());
            let (now, rest) = out.split_at_mut(len);
            now.copy_from_slice(&bytes[..len]);
            out = rest;
            offset += len as u64;
        }
        Ok(())
    }
}

#[test]
fn ten_gigabytes_cost_little_more_than_ten_megabytes() {
    // Markers every 8 kB, and every 300 kB.
    for payload in [60, 3_000] {
        let mut worst = Vec::new();
        for size in [10 << 20, 10 << 30] {
            let log = Virtual::new(size, payload);
            let mut most = 0;
            for part in [0, 1, 333, 999] {
                let (unit, block) = (log.units * part / 1_000, 40);
                let time = Micros(log.time(unit, block));
                let found = check(&log, time, log.unit_len);
                assert_eq!(found.by, By::Markers);
                let offsets: Vec<_> = found.records.iter().map(|latest| (latest.identifier, latest.offset)).collect();
                assert_eq!(offsets, [(1, log.offset(unit, block)), (2, log.offset(unit, 0))]);
                assert_eq!(found.order, TimeOrder::Forward);
                most = most.max(found.cost.bytes);
            }
            worst.push(most);
        }
        // Ten halvings more, the looks around, and the probes that a small log has no room for.
        assert!(worst[1] <= worst[0] + (32 + 3 * 12) * WINDOW, "{worst:?}");
    }
}

#[test]
fn hops_read_what_lies_around_the_time_once() {
    // Markers every 300 kB.
    let log = Virtual::new(10 << 30, 3_000);
    for block in [1, 20, 50, 80, 99] {
        let time = Micros(log.time(log.units / 3, block));
        let cost = seek(&log, time).unwrap().cost;
        // The evenly spaced places and those halving and around need little; the front, the index, and the ends of what is hopped over
        // windows; then one interval and a quarter before, and up to two behind.
        let looks = (FIXED_WINDOWS + 4 * 12) * (8 << 10);
        let allowed = looks + 5 * WINDOW + 13 * log.unit_len / 4;
        assert!(cost.bytes <= allowed, "{} bytes, {allowed} allowed", cost.bytes);
    }
}

#[test]
fn the_stretch_of_a_range_is_found_as_cheaply() {
    let log = Virtual::new(10 << 30, 60);
    let units = log.units / 3..log.units / 3 + 10;
    let times = Micros(log.time(units.start, 40))..Micros(log.time(units.end, 40));
    let counted = Counted::new(&log);
    let stretch = stretch(&counted, times).unwrap().unwrap();
    assert!(stretch.bytes.start <= log.offset(units.start, 40) && stretch.bytes.end >= log.offset(units.end, 40));
    assert!(stretch.bytes.start >= log.start(units.start - 2), "no more than two units before");
    assert!(stretch.bytes.end <= log.start(units.end + 2), "no more than two units behind");
    assert_eq!(stretch.marker.map(|marker| marker.end), Some(stretch.bytes.start));
    let (windows, bytes) = allowed(10 << 30, log.unit_len);
    assert!(counted.reads.get() > 32 && counted.bytes.get() <= bytes + windows * WINDOW / 2, "{}", counted.bytes.get());
}

#[test]
fn a_clock_set_back_in_ten_gigabytes_is_noticed_by_a_few_looks() {
    let mut log = Virtual::new(10 << 30, 60);
    let half = log.units / 2;
    // By more than passes between two of the places, which shows everywhere.
    log.set_back = Some((half, log.time(log.units / 16, 0)));
    let range = Micros(log.time(5, 0))..Micros(log.time(50, 0));
    assert_eq!(stretch(&log, range).unwrap(), None);
    // By a minute, which shows near the times that were there twice.
    let by = 60_000_000;
    log.set_back = None;
    let seconds = |seconds: i64| Micros(log.time(half, 0) + seconds * 1_000_000);
    let (before, twice, behind) = (seconds(-3_600), seconds(-40), seconds(3_600));
    log.set_back = Some((half, by));
    assert_eq!(stretch(&log, twice..behind).unwrap(), None);
    assert!(stretch(&log, before..Micros(before.0 + 1)).unwrap().is_some());
}
