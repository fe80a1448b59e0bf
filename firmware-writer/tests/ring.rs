//! Lanes and shared rings, one context at a time: what goes in comes out, and what does not is counted.
#![cfg(not(loom))]
#![allow(missing_docs, reason = "tests")]

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use firmware_writer::ring::{DropNewest, Filter, Lane, Merged, Overwrite, Shared, ring_bytes};
use firmware_writer::source::{Head, Lost, Source};
use tlog::Record;
use tlog::record::{Decode, Encode, Shape, Sink};

fn clock() -> u32 {
    thread_local!(static TIME: Cell<u32> = const { Cell::new(u32::MAX - 100) });
    TIME.with(|time| time.replace(time.get().wrapping_add(1)))
}

#[derive(Record, Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Imu {
    accel: [f32; 3],
    count: u32,
}

/// Not plain: padding, and a string.
#[derive(Record, Debug, PartialEq)]
struct Note<'a> {
    level: u8,
    count: u32,
    text: &'a str,
}

/// A record whose length is not what it says.
struct Liar {
    says: usize,
    writes: usize,
}

impl Encode for Liar {
    const SHAPE: &'static Shape = <str as Encode>::SHAPE;

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        (0..self.writes).try_for_each(|_| sink.put(&[7]))
    }
}

impl Record for Liar {
    const NAME: &'static str = "liar";
    const SCHEMA: &'static [u8] = &[];

    fn encoded_len(&self) -> usize {
        self.says
    }
}

struct Narrow(u8);

impl Encode for Narrow {
    const SHAPE: &'static Shape = <u8 as Encode>::SHAPE;

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        <u8 as Encode>::encode(&self.0, sink)
    }
}

impl<'de> Decode<'de> for Narrow {
    fn decode(cursor: &mut tlog::record::Cursor<'de>) -> Result<Self, tlog::record::ValueError> {
        <u8 as Decode>::decode(cursor).map(Self)
    }
}

impl Record for Narrow {
    const NAME: &'static str = "narrow";
    const SCHEMA: &'static [u8] = &[];
}

firmware_writer::kinds! {
    static _KINDS = [Imu, Note<'_>, Liar, Narrow];
}

/// Either ring with one interface.
trait AnyRing {
    type Reader<'a>: Source
    where
        Self: 'a;
    fn bytes(&self, id: u16, payload: &[u8]) -> bool;
    fn read(&self, filter: Filter) -> Option<Self::Reader<'_>>;
    fn dropped_of(&self, id: u16) -> u32;
}

macro_rules! any_ring {
    ($([$($params:tt)*] $ring:ty => $log:expr;)+) => {$(
        impl<$($params)*> AnyRing for $ring {
            type Reader<'a> = firmware_writer::ring::Reader<'a, Self>;
            fn bytes(&self, id: u16, payload: &[u8]) -> bool {
                let log: fn(&Self, u16, &[u8]) -> bool = $log;
                log(self, id, payload)
            }
            fn read(&self, filter: Filter) -> Option<Self::Reader<'_>> {
                self.reader(filter)
            }
            fn dropped_of(&self, id: u16) -> u32 {
                self.dropped(id)
            }
        }
    )+};
}

any_ring! {
    [const B: usize, const K: usize, P: firmware_writer::ring::Policy + 'static] Lane<B, K, P> =>
        |lane, id, payload| lane.producer().unwrap().log_bytes(id, payload);
    [const N: usize, const B: usize, const K: usize, P: firmware_writer::ring::Policy + 'static] Shared<N, B, K, P> =>
        |ring, id, payload| ring.log_bytes(id, payload);
}

fn next(source: &mut impl Source) -> Option<(Head, Vec<u8>)> {
    let head = source.peek()?;
    let mut payload = vec![0xEE; head.len.into()];
    assert!(source.take(&mut payload));
    Some((head, payload))
}

fn encoded(record: &impl Record) -> Vec<u8> {
    let mut payload = vec![0; record.encoded_len()];
    assert_eq!(record.encode_to_slice(&mut payload), Ok(payload.len()));
    payload
}

/// A payload whose every byte follows from its number.
fn payload(number: u32, len: usize) -> Vec<u8> {
    let bytes = number.to_le_bytes().into_iter().cycle().zip(0u32..);
    bytes.map(|(byte, at)| byte ^ (at as u8).wrapping_mul(37)).take(len).collect()
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % end
    }
}

/// Logs and reads at random, beside a queue that has what should come.
fn everything_stored_comes_out_in_order(ring: &impl AnyRing, longest: u32, seed: u64) {
    let mut random = Random(seed);
    let mut reader = ring.read(Filter::ALL).unwrap();
    let mut stored = VecDeque::new();
    let mut dropped = [0; 8];
    let mut number = 0;
    for _ in 0..4000 {
        for _ in 0..random.below(12) {
            number += 1;
            let id = 1 + random.below(6) as u16;
            let payload = payload(number, random.below(longest + 1) as usize);
            match ring.bytes(id, &payload) {
                true => stored.push_back((id, payload)),
                false => dropped[usize::from(id)] += 1,
            }
        }
        for _ in 0..random.below(12) {
            let got = next(&mut reader).map(|(head, payload)| (head.id, payload));
            assert_eq!(got, stored.pop_front());
        }
    }
    assert!(dropped.iter().sum::<u32>() > 100 && stored.len() < 1000, "{dropped:?}");
    for id in 1..5 {
        assert_eq!(ring.dropped_of(id), dropped[usize::from(id)]);
        assert_eq!(reader.lost_of(id), Lost { dropped: dropped[usize::from(id)], overwritten: 0 });
    }
    assert_eq!(ring.dropped_of(5), dropped[5] + dropped[6], "not counted one by one");
    assert_eq!(reader.lost().dropped, dropped.iter().sum::<u32>());
}

#[test]
fn a_lane_keeps_what_it_took() {
    everything_stored_comes_out_in_order(&Lane::<256, 4>::new(clock as fn() -> u32), 60, 1);
    everything_stored_comes_out_in_order(&Lane::<1024, 4>::new(clock as fn() -> u32), 504, 2);
}

#[test]
fn a_shared_ring_keeps_what_it_took() {
    everything_stored_comes_out_in_order(&Shared::<4, 128, 4>::new(clock as fn() -> u32), 60, 3);
    everything_stored_comes_out_in_order(&Shared::<2, 256, 4>::new(clock as fn() -> u32), 248, 4);
}

/// Logs and reads at random: what comes is a run of what was logged, and all that does not is counted, per kind.
fn overwriting_is_counted(ring: &impl AnyRing, longest: u32, seed: u64) {
    let mut random = Random(seed);
    let mut reader = ring.read(Filter::ALL).unwrap();
    let mut attempted = [0u32; 8];
    let mut read = [0u32; 8];
    let (mut number, mut last) = (0u32, 0);
    let mut gaps = 0;
    for round in 0..2000 {
        for _ in 0..random.below(if round % 10 == 0 { 60 } else { 6 }) {
            number += 1;
            let id = 1 + random.below(4) as u16;
            attempted[usize::from(id)] += 1;
            assert!(ring.bytes(id, &payload(number, 4 + random.below(longest - 3) as usize)));
        }
        for _ in 0..random.below(8) {
            let Some((head, got)) = next(&mut reader) else { break };
            let came =
                (last + 1..=number).find(|number| payload(*number, got.len()) == got).expect("a record of those");
            gaps += u32::from(came != last + 1);
            last = came;
            read[usize::from(head.id)] += 1;
        }
        if round % 50 == 49 {
            while let Some((head, _)) = next(&mut reader) {
                read[usize::from(head.id)] += 1;
            }
            last = number;
            for id in 1..5 {
                let at = usize::from(id);
                assert_eq!(attempted[at], read[at] + reader.lost_of(id).overwritten, "kind {id}");
            }
            assert_eq!(reader.lost().overwritten, attempted.iter().sum::<u32>() - read.iter().sum::<u32>());
        }
    }
    assert!(gaps > 10 && read.iter().sum::<u32>() > 500, "{gaps} gaps, {read:?} read");
}

#[test]
fn a_lane_counts_what_it_overwrites() {
    overwriting_is_counted(&Lane::<512, 4, Overwrite>::new(clock as fn() -> u32), 40, 5);
    overwriting_is_counted(&Lane::<512, 4, Overwrite>::new(clock as fn() -> u32), 248, 6);
}

#[test]
fn a_shared_ring_counts_what_it_overwrites() {
    overwriting_is_counted(&Shared::<4, 128, 4, Overwrite>::new(clock as fn() -> u32), 40, 7);
    overwriting_is_counted(&Shared::<8, 64, 4, Overwrite>::new(clock as fn() -> u32), 56, 8);
}

/// A flight recorder that nobody reads until the end has the newest records, and most of its room is used.
fn the_newest_are_kept(ring: &impl AnyRing, bytes: u32) {
    for number in 0..1000 {
        assert!(ring.bytes(1, &payload(number, 16)));
    }
    let mut reader = ring.read(Filter::ALL).unwrap();
    let first = reader.peek().unwrap();
    let mut left = Vec::new();
    while let Some((_, payload)) = next(&mut reader) {
        left.push(payload);
    }
    let kept = left.len() as u32;
    assert!(kept * 24 > bytes * 3 / 4, "{kept} records in {bytes} bytes");
    assert!((1000 - kept..1000).map(|number| payload(number, 16)).eq(left));
    assert_eq!(reader.lost_of(1).overwritten, 1000 - kept);
    assert!(first.time < clock());
}

#[test]
fn a_flight_recorder_has_the_newest() {
    the_newest_are_kept(&Lane::<2048, 1, Overwrite>::new(clock as fn() -> u32), 2048);
    the_newest_are_kept(&Shared::<16, 128, 1, Overwrite>::new(clock as fn() -> u32), 2048);
}

#[test]
fn records_of_rust_types_come_as_their_encoding() {
    static LANE: Lane<1024, 4> = Lane::new(clock);
    static RING: Shared<4, 256, 4> = Shared::new(clock);
    let imu = Imu { accel: [1.0, -2.0, 3.5], count: 77 };
    let notes = ["", "a", "ab", "abc", "abcd", "abcde"].map(|text| Note { level: 3, count: 0x0102_0304, text });
    let mut producer = LANE.producer().unwrap();
    assert!(producer.log(&imu) && RING.log(&imu));
    for note in &notes {
        assert!(producer.log(note) && RING.log(note));
    }
    assert!(producer.log(&Narrow(9)) && RING.log(&Narrow(9)));
    let (mut lane, mut ring) = (LANE.reader(Filter::ALL).unwrap(), RING.reader(Filter::ALL).unwrap());
    let mut both = || {
        let (of_lane, of_ring) = (next(&mut lane).unwrap(), next(&mut ring).unwrap());
        assert_eq!((of_lane.0.id, &of_lane.1), (of_ring.0.id, &of_ring.1));
        (of_ring.0.id, of_ring.1)
    };
    assert_eq!(both(), (1, encoded(&imu)));
    for note in &notes {
        assert_eq!(both(), (2, encoded(note)));
    }
    assert_eq!(both(), (4, vec![9]));
}

#[test]
fn a_record_that_is_not_as_long_as_it_says_is_dropped_alone() {
    static LANE: Lane<256, 4> = Lane::new(clock);
    static RING: Shared<4, 64, 4> = Shared::new(clock);
    let mut producer = LANE.producer().unwrap();
    let (mut lane, mut ring) = (LANE.reader(Filter::ALL).unwrap(), RING.reader(Filter::ALL).unwrap());
    for round in 1..40 {
        for (says, writes) in [(5, 4), (5, 6), (0, 1), (9, 0)] {
            assert!(!producer.log(&Liar { says, writes }) && !RING.log(&Liar { says, writes }));
        }
        assert!(producer.log(&Narrow(round)) && RING.log(&Narrow(round)));
        assert_eq!(next(&mut lane).unwrap().1, [round]);
        assert_eq!(next(&mut ring).unwrap().1, [round]);
        assert_eq!((LANE.dropped(3), RING.dropped(3)), (u32::from(round) * 4, u32::from(round) * 4));
    }
}

#[test]
fn an_encoding_that_unwinds_holds_up_nobody() {
    struct Panics;
    impl Encode for Panics {
        const SHAPE: &'static Shape = <u8 as Encode>::SHAPE;
        fn encode<S: Sink>(&self, _: &mut S) -> Result<(), S::Error> {
            panic!("in the middle of a record")
        }
    }
    impl Record for Panics {
        const NAME: &'static str = "panics";
        const SCHEMA: &'static [u8] = &[];
    }
    impl firmware_writer::kinds::Logged for Panics {
        const ID: u16 = 2;
    }
    let (lane, ring) = (Lane::<64, 2>::new(clock as fn() -> u32), Shared::<2, 16, 2>::new(clock as fn() -> u32));
    let mut producer = lane.producer().unwrap();
    let (mut from_lane, mut from_ring) = (lane.reader(Filter::ALL).unwrap(), ring.reader(Filter::ALL).unwrap());
    for number in 0..20 {
        assert!(catch_unwind(AssertUnwindSafe(|| producer.log(&Panics))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| ring.log(&Panics))).is_err());
        assert_eq!((from_lane.peek(), from_ring.peek()), (None, None));
        assert!(ring.log_bytes(1, &[number]) && producer.log_bytes(1, &[number]));
        assert_eq!(next(&mut from_lane).unwrap().1, [number]);
        assert_eq!(next(&mut from_ring).unwrap().1, [number]);
    }
    assert_eq!(ring.dropped(2), 20);
}

#[test]
fn what_never_fits_is_dropped_at_once() {
    let (lane, ring) = (Lane::<256, 1>::new(clock as fn() -> u32), Shared::<2, 128, 1>::new(clock as fn() -> u32));
    let mut producer = lane.producer().unwrap();
    for len in 0..=120 {
        for at in 0..4 {
            assert!(producer.log_bytes(1, &payload(at, len)) && ring.log_bytes(1, &payload(at, len)), "{len}");
            let read = next(&mut lane.reader(Filter::ALL).unwrap()).unwrap().1;
            assert_eq!(read, payload(at, len));
            let read = next(&mut ring.reader(Filter::ALL).unwrap()).unwrap().1;
            assert_eq!(read, payload(at, len));
        }
    }
    for (id, len) in [(1, 121), (1, 1000), (1, 70_000), (0, 4)] {
        assert!(!producer.log_bytes(id, &payload(0, len)) && !ring.log_bytes(id, &payload(0, len)), "{len}");
    }
    assert_eq!((lane.dropped(1), lane.dropped(0)), (3, 1));
    assert_eq!((ring.dropped(1), ring.dropped(0)), (3, 1));
}

#[test]
fn each_reader_has_its_own_cursor_filter_and_counts() {
    let ring = Shared::<4, 64, 4, DropNewest<2>>::new(clock as fn() -> u32);
    let mut card = ring.reader(Filter::ALL).unwrap();
    let mut live = ring.reader(Filter::NONE.with(2)).unwrap();
    assert!(ring.reader(Filter::ALL).is_none());
    let fill =
        || (1..100u32).take_while(|number| ring.log_bytes((number % 3 + 1) as u16, &number.to_le_bytes())).count();
    let stored = fill();
    assert_eq!(std::iter::from_fn(|| next(&mut card)).count(), stored);
    assert!(!ring.log_bytes(1, &[1]), "the live link has not read");
    assert!(std::iter::from_fn(|| next(&mut live)).all(|(head, _)| head.id == 2));
    assert_eq!(live.lost(), Lost { dropped: ring.dropped(2), overwritten: 0 });
    assert_eq!(card.lost().dropped, 2);
    assert!(fill() + 5 >= stored, "all is free again, but for the segment that the readers are in");
    assert_eq!(card.high_water(), 252);

    // One that was given back goes on where it was.
    drop(card);
    let mut card = ring.reader(Filter::ALL).unwrap();
    assert_eq!(next(&mut card).unwrap().1, 1u32.to_le_bytes());
    live.catch_up();
    card.catch_up();
    assert_eq!((card.peek(), live.peek()), (None, None));
    assert!(fill() + 5 >= stored);
}

#[test]
fn what_was_told_of_but_overwritten_is_not_taken() {
    let lane = Lane::<64, 1, Overwrite>::new(clock as fn() -> u32);
    let ring = Shared::<4, 16, 1, Overwrite>::new(clock as fn() -> u32);
    let mut producer = lane.producer().unwrap();
    let (mut from_lane, mut from_ring) = (lane.reader(Filter::ALL).unwrap(), ring.reader(Filter::ALL).unwrap());
    assert!(producer.log_bytes(1, &[1; 4]) && ring.log_bytes(1, &[1; 4]));
    assert!(from_lane.peek().is_some() && from_ring.peek().is_some());
    for _ in 0..7 {
        assert!(producer.log_bytes(1, &[2; 4]) && ring.log_bytes(1, &[2; 4]));
    }
    let mut into = [0; 4];
    assert!(!from_lane.take(&mut into) && !from_ring.take(&mut into));
    assert_eq!(next(&mut from_lane).unwrap().1, [2; 4]);
    assert_eq!(next(&mut from_ring).unwrap().1, [2; 4]);
}

#[test]
fn there_is_one_producer_at_a_time() {
    static LANE: Lane<64, 1> = Lane::new(clock);
    let first = LANE.producer().unwrap();
    assert!(LANE.producer().is_none());
    drop(first);
    assert!(LANE.producer().is_some());
}

#[test]
fn lanes_merge_in_the_order_of_time_across_its_wrap() {
    let lanes = [(); 3].map(|()| Lane::<4096, 1>::new(clock as fn() -> u32));
    let mut random = Random(9);
    for _ in 0..300 {
        assert!(lanes[random.below(3) as usize].bytes(1, &[0; 4]));
    }
    let mut merged = Merged::new([0, 1, 2].map(|lane: usize| lanes[lane].reader(Filter::ALL).unwrap()));
    let times: Vec<u32> = std::iter::from_fn(|| next(&mut merged)).map(|(head, _)| head.time).collect();
    assert_eq!(times.len(), 300);
    assert!(times.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == 1));
    assert!(times[0] > times[299], "the clock wrapped");
}

#[test]
fn records_of_16_bytes_fit_in_64_kib_2600_times() {
    let fits = |ring: &dyn Fn() -> bool| std::iter::repeat_with(ring).take_while(|stored| *stored).count();
    static LANE: Lane<65_536, 1> = Lane::new(clock);
    static RING: Shared<128, 512, 1> = Shared::new(clock);
    let lane = fits(&|| LANE.bytes(1, &[0; 16]));
    let ring = fits(&|| RING.bytes(1, &[0; 16]));
    assert!(lane >= 2_600 && ring >= 2_600, "{lane} in a lane, {ring} in a shared ring");
}

/// Nothing is dropped in a stall that the ring was made for, wherever in the ring it begins.
fn bridges<R: AnyRing>(new: impl Fn() -> R, rate: u32, stall_ms: u32, len: u32) {
    let ring = new();
    let mut reader = ring.read(Filter::ALL).unwrap();
    for start in 0..200u32 {
        for number in 0..(rate / 1000 * stall_ms).div_ceil(len) {
            assert!(ring.bytes(1, &payload(number, len as usize)), "{number} after {start}");
        }
        while next(&mut reader).is_some() {}
        assert!(ring.bytes(1, &payload(start, (start % len) as usize)));
        assert!(next(&mut reader).is_some());
    }
}

#[test]
fn a_ring_of_the_size_for_a_stall_drops_nothing_in_it() {
    const BYTES: usize = ring_bytes(50_000, 500, 16);
    bridges(|| Lane::<BYTES, 1>::new(clock as fn() -> u32), 50_000, 500, 16);
    bridges(|| Shared::<64, { BYTES / 64 }, 1>::new(clock as fn() -> u32), 50_000, 500, 16);
    const TIGHT: usize = ring_bytes(9_000, 250, 13);
    assert_eq!(TIGHT, 8192);
    bridges(|| Lane::<TIGHT, 1>::new(clock as fn() -> u32), 9_000, 250, 13);
    bridges(|| Shared::<16, { TIGHT / 16 }, 1>::new(clock as fn() -> u32), 9_000, 250, 13);
}

#[test]
fn sizes_for_stalls() {
    assert_eq!(ring_bytes(0, 0, 0), 16);
    assert_eq!(ring_bytes(1_000_000, 2_500, 64), 4 << 20);
    assert_eq!(ring_bytes(u32::MAX, u32::MAX, 1), 1 << 58);
}
