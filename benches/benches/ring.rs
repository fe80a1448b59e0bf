//! What a log call of 16 bytes costs: in a lane, with more lanes beside it, and in the shared ring, alone and for two.
#![allow(missing_docs, reason = "a program")]

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use firmware_writer::clock::Clock;
use firmware_writer::ring::{DropNewest, Filter, Lane, Overwrite, Policy, Shared};
use firmware_writer::source::Source;

/// Calls between two drains: what fits in the rings.
const CALLS: u32 = 2_000;
const ROUNDS: u32 = 400;
const PAYLOAD: [u8; 16] = [7; 16];

/// A clock as cheap as a timer's register: a number that somebody else would count up.
#[derive(Clone, Copy)]
struct Register;

static TICKS: AtomicU32 = AtomicU32::new(0);

impl Clock for Register {
    #[inline]
    fn now(&self) -> u32 {
        TICKS.load(Ordering::Relaxed)
    }
}

/// The clock of the system, in microseconds.
fn system() -> u32 {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_micros() as u32
}

type SharedRing<P, C> = Shared<128, 512, 4, P, C>;
type OneLane<P, C> = Lane<65_536, 4, P, C>;

fn show(name: &str, calls: u32, time: Duration) {
    println!("  {name:<56} {:>7.1} ns per call", time.as_secs_f64() * 1e9 / f64::from(calls));
}

/// The best of many rounds: noise only ever adds. What was logged is drained between them, and counted.
fn best(mut log: impl FnMut() -> bool, mut drain: impl FnMut() -> u32) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let stored = (0..CALLS).filter(|_| log()).count() as u32;
        best = best.min(start.elapsed());
        assert_eq!((stored, drain()), (CALLS, CALLS), "all that was logged is read");
    }
    best
}

fn drain(source: &mut impl Source) -> u32 {
    let mut into = [0; 16];
    let mut count = 0;
    while source.peek().is_some() {
        count += u32::from(source.take(&mut into) && into == PAYLOAD);
    }
    count
}

fn lane<P: Policy, C: Clock + Copy>(name: &str, clock: C) {
    let lane = Box::new(OneLane::<P, C>::new(clock));
    let (mut producer, mut reader) = (lane.producer().expect("free"), lane.reader(Filter::ALL).expect("free"));
    show(name, CALLS, best(|| producer.log_bytes(1, black_box(&PAYLOAD)), || drain(&mut reader)));
}

fn shared<P: Policy, C: Clock + Copy>(name: &str, clock: C) {
    let ring = Box::new(SharedRing::<P, C>::new(clock));
    let mut reader = ring.reader(Filter::ALL).expect("free");
    show(name, CALLS, best(|| ring.log_bytes(1, black_box(&PAYLOAD)), || drain(&mut reader)));
}

/// So many threads log at once; the mean time of a call in each, of the median of several rounds: the best would be the
/// one in which they overlapped least.
fn together<L: FnMut() -> bool + Send>(name: &str, loggers: impl Fn() -> Vec<L>) {
    const EACH: u32 = 300_000;
    let mut rounds: Vec<Duration> = (0..21).map(|_| mean_of_round(loggers(), EACH)).collect();
    rounds.sort();
    show(name, EACH, rounds[rounds.len() / 2]);
}

/// The mean time that the loggers took for `each` calls.
fn mean_of_round<L: FnMut() -> bool + Send>(loggers: Vec<L>, each: u32) -> Duration {
    let threads = loggers.len() as u32;
    let begin = Barrier::new(loggers.len());
    let round = |mut log: L| {
        begin.wait();
        let start = Instant::now();
        let stored = (0..each).filter(|_| log()).count();
        assert!(black_box(stored) > 0);
        start.elapsed()
    };
    let sum: Duration = thread::scope(|scope| {
        let running: Vec<_> = loggers.into_iter().map(|log| scope.spawn(|| round(log))).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).sum()
    });
    sum / threads
}

fn main() {
    println!("a log call of 16 bytes, with a cheap clock");
    lane::<DropNewest, _>("lane, dropping", Register);
    lane::<Overwrite, _>("lane, overwriting", Register);
    shared::<DropNewest, _>("shared, dropping", Register);
    shared::<Overwrite, _>("shared, overwriting", Register);
    println!("with the clock of the system");
    lane::<DropNewest, _>("lane, dropping", system);
    shared::<DropNewest, _>("shared, dropping", system);
    println!("several threads, overwriting, with a cheap clock");
    for threads in [1, 2] {
        let lanes: Vec<_> = (0..threads).map(|_| OneLane::<Overwrite, _>::new(Register)).collect();
        together(&format!("{threads} threads, a lane each"), || {
            let producers = lanes.iter().filter_map(OneLane::producer);
            producers.map(|mut producer| move || producer.log_bytes(1, black_box(&PAYLOAD))).collect()
        });
        let ring = SharedRing::<Overwrite, _>::new(Register);
        let ring = &ring;
        together(&format!("{threads} threads, one shared ring"), || {
            (0..threads).map(|_| move || ring.log_bytes(1, black_box(&PAYLOAD))).collect()
        });
    }
}
