//! Rings under threads: no record is torn, and each that was attempted is read, dropped or overwritten, per kind.
//!
//! `TLOG_STRESS_RECORDS` says how many records each thread logs; the default is quick. `--nocapture` shows what became of
//! them.
#![cfg(not(loom))]
#![allow(missing_docs, reason = "tests")]

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use firmware_writer::ring::{DropNewest, Filter, Lane, Overwrite, Policy, Shared};
use firmware_writer::source::Source;

const THREADS: usize = 3;
const MOST_WORDS: usize = 12;

type Clock = fn() -> u32;

fn clock() -> u32 {
    static TIME: AtomicU32 = AtomicU32::new(0);
    TIME.fetch_add(1, Ordering::Relaxed)
}

fn records() -> u64 {
    std::env::var("TLOG_STRESS_RECORDS").ok().and_then(|records| records.parse().ok()).unwrap_or(30_000)
}

/// The payload of a record: its number, then what follows from it and from its kind.
fn payload(id: u16, number: u32, into: &mut [u8; MOST_WORDS * 4]) -> &[u8] {
    let words = 2 + (number.wrapping_mul(0x9E37_79B9) >> 16) as usize % (MOST_WORDS - 1);
    for (at, word) in into.chunks_exact_mut(4).enumerate() {
        word.copy_from_slice(&word_of(id, number, at).to_le_bytes());
    }
    &into[..words * 4 - number as usize % 3]
}

fn word_of(id: u16, number: u32, at: usize) -> u32 {
    if at == 0 { number } else { number.rotate_left(at as u32).wrapping_mul(u32::from(id) + 0x0100_0193) }
}

/// What one reader saw.
#[derive(Default)]
struct Seen {
    read: [u64; THREADS + 1],
    last: [Option<u32>; THREADS + 1],
}

impl Seen {
    /// Reads what is there.
    fn read(&mut self, reader: &mut impl Source) {
        let (mut got, mut wanted) = ([0; MOST_WORDS * 4], [0; MOST_WORDS * 4]);
        while let Some(head) = reader.peek() {
            let got = &mut got[..head.len.into()];
            if !reader.take(got) {
                continue;
            }
            let number = u32::from_le_bytes(got[..4].try_into().unwrap());
            assert_eq!(got, payload(head.id, number, &mut wanted), "a torn record");
            let id = usize::from(head.id);
            assert!(self.last[id].is_none_or(|last| last < number), "out of order");
            self.last[id] = Some(number);
            self.read[id] += 1;
        }
    }
}

/// Threads log, `log` makes a logger for each; readers read until all is done, then check the counts.
fn stress<'a, L, S>(loggers: Vec<L>, mut readers: Vec<S>, keeps_all: bool, dropped: impl Fn(u16) -> u32 + Sync)
where
    L: FnMut(u16, &[u8]) -> bool + Send + 'a,
    S: Source + Send,
{
    let running = AtomicUsize::new(loggers.len());
    let threads = loggers.len();
    thread::scope(|scope| {
        for (mut log, id) in loggers.into_iter().zip(1..) {
            let running = &running;
            scope.spawn(move || {
                let mut buffer = [0; MOST_WORDS * 4];
                let mut rejected = 0;
                for number in 0..records() as u32 {
                    rejected += u64::from(!log(id, payload(id, number, &mut buffer)));
                    if number % 64 == 0 {
                        thread::yield_now();
                    }
                }
                running.fetch_sub(1, Ordering::Release);
                rejected
            });
        }
        for reader in &mut readers {
            let (running, dropped) = (&running, &dropped);
            scope.spawn(move || {
                let mut seen = Seen::default();
                while running.load(Ordering::Acquire) > 0 {
                    seen.read(reader);
                    thread::yield_now();
                }
                seen.read(reader);
                for id in 1..=threads {
                    let lost = reader.lost_of(id as u16);
                    assert_eq!(lost.dropped, dropped(id as u16));
                    assert!(!keeps_all || lost.overwritten == 0);
                    let counted = seen.read[id] + u64::from(lost.dropped) + u64::from(lost.overwritten);
                    assert_eq!(counted, records(), "kind {id}: {} read, {lost:?}", seen.read[id]);
                    println!("kind {id}: {counted} logged, {} read, {lost:?}", seen.read[id]);
                }
            });
        }
    });
}

fn stress_shared<P: Policy>(readers: usize, keeps_all: bool) {
    let ring = &Shared::<4, 256, THREADS, P, Clock>::new(clock as Clock);
    let loggers = (0..THREADS).map(|_| move |id, payload: &[u8]| ring.log_bytes(id, payload)).collect();
    let readers = (0..readers).map(|_| ring.reader(Filter::ALL).unwrap()).collect();
    stress(loggers, readers, keeps_all, |id| ring.dropped(id));
}

fn stress_lane<P: Policy>(readers: usize, keeps_all: bool) {
    let lane = &Lane::<1024, 1, P, Clock>::new(clock as Clock);
    let mut producer = lane.producer().unwrap();
    let loggers = vec![move |id, payload: &[u8]| producer.log_bytes(id, payload)];
    let readers = (0..readers).map(|_| lane.reader(Filter::ALL).unwrap()).collect();
    stress(loggers, readers, keeps_all, |id| lane.dropped(id));
}

#[test]
fn a_lane_drops() {
    stress_lane::<DropNewest<2>>(2, true);
}

#[test]
fn a_lane_overwrites() {
    stress_lane::<Overwrite>(2, false);
}

#[test]
fn a_shared_ring_drops() {
    stress_shared::<DropNewest<2>>(2, true);
}

#[test]
fn a_shared_ring_overwrites() {
    stress_shared::<Overwrite>(2, false);
}
