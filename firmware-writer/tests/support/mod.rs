//! What the tests of the writer share: a source, kinds, a prepared card, and an independent reading of what is on it.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod cuts;
pub mod fat;
pub mod reading;

use std::collections::VecDeque;
use std::task::Poll;

use firmware_writer::card::{Config, Counts, Extent, Mark, Place, Progress, WhenFull, Writer};
use firmware_writer::drain::OWN_KINDS;
use firmware_writer::sim::{Random, SimCard};
use firmware_writer::source::{Head, Lost, Source};
use tlog::Record;

#[derive(Record, Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Sample {
    pub number: u32,
    pub values: [u32; 3],
}

#[derive(Record, Clone, Debug, PartialEq)]
pub struct Note<'a> {
    pub text: &'a str,
}

firmware_writer::kinds! {
    /// The kinds of the tests.
    pub static KINDS = [Sample, Note<'_>];
}

/// A record as it was logged, and as it should be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub id: u16,
    pub time: u64,
    pub payload: Vec<u8>,
}

/// The record with this number: most are samples, some are notes of many lengths.
pub fn record(number: u32, time: u64) -> Logged {
    let mut random = Random::new(u64::from(number));
    if random.below(8) > 0 {
        let sample = Sample { number, values: [random.next() as u32; 3] };
        return Logged { id: 1, time, payload: sample.to_payload() };
    }
    let text = "x".repeat(random.below(300) as usize) + &number.to_string();
    Logged { id: 2, time, payload: Note { text: &text }.to_payload() }
}

/// A queue with a capacity in bytes; each record takes 8 more than its payload.
pub struct Queue {
    records: VecDeque<Logged>,
    waiting: usize,
    capacity: usize,
    high_water: usize,
    lost: [Lost; 3],
}

impl Queue {
    pub fn new(capacity: usize) -> Self {
        Self { records: VecDeque::new(), waiting: 0, capacity, high_water: 0, lost: [Lost::default(); 3] }
    }

    /// Logs a record; whether there was room.
    pub fn log(&mut self, record: Logged) -> bool {
        let bytes = self.waiting + record.payload.len() + 8;
        if bytes > self.capacity {
            self.lost[usize::from(record.id)].dropped += 1;
            return false;
        }
        self.waiting = bytes;
        self.high_water = self.high_water.max(bytes);
        self.records.push_back(record);
        true
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }
}

impl Source for Queue {
    fn peek(&mut self) -> Option<Head> {
        let front = self.records.front()?;
        Some(Head { id: front.id, len: front.payload.len() as u16, time: front.time as u32 })
    }

    fn take(&mut self, into: &mut [u8]) -> bool {
        let Some(front) = self.records.pop_front() else { return false };
        self.waiting -= front.payload.len() + 8;
        into.copy_from_slice(&front.payload);
        true
    }

    fn skip(&mut self) {
        if let Some(front) = self.records.pop_front() {
            self.waiting -= front.payload.len() + 8;
        }
    }

    fn lost(&self) -> Lost {
        let sum = |of: fn(&Lost) -> u32| self.lost.iter().map(of).sum();
        Lost { dropped: sum(|lost| lost.dropped), overwritten: sum(|lost| lost.overwritten) }
    }

    fn lost_of(&self, kind: u16) -> Lost {
        self.lost[usize::from(kind)]
    }

    fn high_water(&self) -> u32 {
        self.high_water as u32
    }
}

/// Three extents on a device without a file system, behind its control sectors.
pub const EXTENTS: [Extent; 3] =
    [Extent { first: 2, sectors: 24 }, Extent { first: 26, sectors: 24 }, Extent { first: 50, sectors: 30 }];

/// How many sectors that takes.
pub const SECTORS: u32 = 80;

pub const RAW: Config<'static> = Config {
    place: Place::Raw { control: [0, 1], extents: &EXTENTS },
    when_full: WhenFull::Recycle,
    ..Config::DEFAULT
};

/// What writing needs besides the card.
pub struct Memory {
    pub batch: Vec<u8>,
    pub marks: [Mark; KINDS.len() + OWN_KINDS],
}

impl Memory {
    pub fn new(sectors: usize) -> Self {
        Self { batch: vec![0; sectors * 512], marks: [Mark::NONE; KINDS.len() + OWN_KINDS] }
    }

    pub fn writer<'m>(&'m mut self, card: SimCard, config: &'m Config<'m>) -> Writer<'m, SimCard> {
        Writer::new(card, config, &KINDS, &mut self.batch, &mut self.marks).unwrap()
    }
}

/// How a session went, step by step.
#[derive(Default)]
pub struct Story {
    pub logged: Vec<Logged>,
    /// After each step: how many writes the card's journal had, and how many records were acknowledged.
    pub acknowledged: Vec<(usize, u32)>,
    pub counts: Counts,
}

/// What is logged in a session.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many sectors a batch has.
    pub sectors: usize,
    /// The numbers of the records.
    pub records: (u32, u32),
    /// After how many records everything is flushed.
    pub flush: u32,
    /// Whether the log is closed in the end.
    pub close: bool,
    /// Whether blocks end where sectors end, three of them in a batch.
    pub aligned: bool,
}

/// The record with this number, the `at`th of a session. The first one of a batch is shorter by the room for the head.
pub fn aligned_record(number: u32, time: u64, at: u32) -> Logged {
    let len = if at.is_multiple_of(3) { 512 - HEAD_ROOM - 17 } else { 512 - 19 };
    Logged { id: 1, time, payload: vec![number as u8; len] }
}

/// How many bytes the head of a batch takes with these kinds.
const HEAD_ROOM: usize = 118;

/// Logs records, one each millisecond.
pub fn session(card: SimCard, config: Config<'_>, plan: Plan) -> (SimCard, Story) {
    let Plan { sectors, records: (first, end), flush, close, aligned } = plan;
    let mut memory = Memory::new(sectors);
    let mut writer = memory.writer(card, &config);
    let mut queue = Queue::new(1 << 20);
    let mut story = Story::default();
    let note = |writer: &mut Writer<'_, SimCard>, story: &mut Story| {
        let (journal, done) = (writer.device().journal().len(), writer.counts().acknowledged);
        story.acknowledged.push((journal, done));
    };
    let mut now = 1_000;
    for number in first..end {
        now += 1_000;
        let logged = if aligned { aligned_record(number, now, number - first) } else { record(number, now) };
        story.logged.push(logged.clone());
        assert!(queue.log(logged));
        writer.device().at(now);
        writer.poll(&mut queue, now);
        note(&mut writer, &mut story);
        if (number - first) % flush == flush - 1 {
            while writer.flush(&mut queue, now).map(Result::unwrap) == Poll::Pending {
                note(&mut writer, &mut story);
            }
            assert_eq!(writer.counts().acknowledged, number - first + 1);
        }
    }
    while if close { writer.close(&mut queue, now) } else { writer.flush(&mut queue, now) } == Poll::Pending {
        note(&mut writer, &mut story);
    }
    note(&mut writer, &mut story);
    story.counts = writer.counts();
    assert_eq!(close, writer.poll(&mut queue, now) == Progress::Closed);
    (writer.into_device(), story)
}
