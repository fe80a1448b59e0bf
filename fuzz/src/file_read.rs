//! Any bytes as a log: both readers tell the same, in order, and nothing twice.

use std::io::Read;

use tlog::read::{Blocks, Damage, Event, ReadOptions, SliceReader, StreamReader};
use tlog::wire::DataFlags;

/// What an event says, in a form that can be compared after the event is gone.
#[derive(Debug, PartialEq)]
struct Told {
    kind: char,
    start: u64,
    end: u64,
    record: u64,
    payload: Vec<u8>,
}

impl Told {
    fn at(kind: char, start: u64, end: u64) -> Self {
        Self { kind, start, end, record: 0, payload: Vec::new() }
    }

    fn of(event: &Event<'_>) -> Self {
        match event {
            Event::Schema(record) => {
                Self { record: record.identifier, ..Self::at('s', record.location, record.location) }
            }
            Event::Data(data) => {
                let told = Self::at('d', data.offset, data.offset + data.block_len);
                Self { record: data.record.identifier, payload: data.payload.to_vec(), ..told }
            }
            Event::Marker { offset, .. } => Self::at('m', *offset, *offset),
            Event::Index { offset, .. } => Self::at('i', *offset, *offset),
            Event::Filler { range } => Self::at('f', range.start, range.end),
            Event::Skipped(skipped) => Self::at('x', skipped.range.start, skipped.range.end),
        }
    }
}

/// Delivers bytes a few at a time, as a pipe may.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let (now, later) = self.0.split_at(self.0.len().min(out.len()).min(7));
        out[..now.len()].copy_from_slice(now);
        self.0 = later;
        Ok(now.len())
    }
}

/// Both readers agree on every event, strict reading agrees where nothing is damaged, and
/// single blocks are what the scan says they are.
pub fn file_read(data: &[u8]) {
    let mut slice = SliceReader::new(data, ReadOptions::default());
    let mut told = Vec::new();
    let ended = loop {
        match slice.next_event() {
            Ok(Some(event)) => told.push(Told::of(&event)),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    check_order(&told, data.len());
    check_damage(&told, slice.damage());
    check_stream(&told, ended, data);
    check_strict(&told, ended && slice.damage().is_none(), data);
    check_blocks(&told, data);
}

fn check_order(told: &[Told], len: usize) {
    for pair in told.windows(2) {
        assert!(pair[0].end <= pair[1].start, "{:?} and {:?} overlap", pair[0], pair[1]);
    }
    assert!(told.last().is_none_or(|last| last.end <= len as u64));
}

fn check_damage(told: &[Told], damage: &Damage) {
    let skipped: Vec<&Told> = told.iter().filter(|told| told.kind == 'x').collect();
    assert_eq!(damage.stretches, skipped.len() as u64);
    assert_eq!(damage.bytes, skipped.iter().map(|told| told.end - told.start).sum::<u64>());
}

fn check_stream(told: &[Told], ended: bool, data: &[u8]) {
    let mut stream = StreamReader::new(Dribble(data), ReadOptions::default());
    for expected in told {
        let event = stream.next_event().expect("the slice could be read here").expect("the slice has more");
        assert_eq!(Told::of(&event), *expected);
    }
    match stream.next_event() {
        Ok(more) => assert!(ended && more.is_none(), "{more:?}"),
        Err(e) => assert!(!ended, "{e}"),
    }
}

fn check_strict(told: &[Told], intact: bool, data: &[u8]) {
    let mut strict = SliceReader::new(data, ReadOptions { strict: true, ..ReadOptions::default() });
    let mut events = 0;
    while let Ok(Some(event)) = strict.next_event() {
        assert_eq!(Told::of(&event), told[events]);
        events += 1;
    }
    assert!(!intact || events == told.len(), "strict reading stops in an intact log");
}

fn check_blocks(told: &[Told], data: &[u8]) {
    let Ok(blocks) = Blocks::open(data) else {
        assert!(told.is_empty(), "the readers accept the header");
        return;
    };
    let _ = blocks.index();
    for told in told {
        match told.kind {
            'd' => {
                let (header, stored) = blocks.data(told.start).expect("the scan delivered this block");
                assert!(header.flags.contains(DataFlags::SNAPPY) || stored == told.payload);
            }
            's' => {
                let record = blocks.schema(told.start).expect("the scan delivered this block");
                assert_eq!(record.identifier, told.record);
            }
            _ => {}
        }
    }
}
