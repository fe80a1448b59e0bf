//! loom runs the shipped rings in every order that the memory model allows: `cargo xtask loom`.
//!
//! Every participant is a thread of its own: loom never interrupts its main thread before its first access.
//! Records carry their number twice, so that a torn one shows.
#![cfg(loom)]
#![allow(missing_docs, reason = "tests")]

use firmware_writer::ring::{DropNewest, Filter, Lane, Overwrite, Shared};
use firmware_writer::source::Source;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

type Clock = fn() -> u32;

fn clock() -> u32 {
    0
}

/// All orders with at most so many interruptions.
fn model(preemptions: usize, test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 100_000;
    model.check(test);
}

/// A record of `words` words, each the number.
fn record(number: u8, words: usize) -> Vec<u8> {
    vec![number; words * 4]
}

/// Reads what is there: the numbers of the records, none of them torn.
fn read(reader: &mut impl Source, most: usize) -> Vec<u8> {
    let mut numbers = Vec::new();
    for _ in 0..most {
        let Some(head) = reader.peek() else { break };
        let mut payload = vec![0; head.len.into()];
        if !reader.take(&mut payload) {
            continue;
        }
        let number = payload[0];
        assert!(payload.iter().all(|byte| *byte == number && number != 0), "a torn record: {payload:?}");
        assert_eq!(head.id, u16::from(number >> 4), "another record's header");
        numbers.push(number);
    }
    numbers
}

/// A lane that was used for `laps` records already, so that old words lie in it.
fn used_lane<P: firmware_writer::ring::Policy>(records: u8) -> Lane<64, 2, P, Clock> {
    let lane = Lane::new(clock as Clock);
    let mut producer = lane.producer().unwrap();
    let mut reader = lane.reader(Filter::ALL).unwrap();
    for _ in 0..records {
        assert!(producer.log_bytes(2, &record(0x20, 2)));
        read(&mut reader, 1);
    }
    drop(reader);
    drop(producer);
    lane
}

/// One logs until the ring is full and beyond, one reads: in order, nothing torn, nothing lost that was stored.
#[test]
fn a_lane_that_drops() {
    for used in [0, 3] {
        model(3, move || {
            let lane = Arc::new(used_lane::<DropNewest>(used));
            let logger = thread::spawn({
                let lane = Arc::clone(&lane);
                move || {
                    let mut producer = lane.producer().unwrap();
                    (0x11..=0x15).filter(|number| producer.log_bytes(1, &record(*number, 2))).collect::<Vec<_>>()
                }
            });
            let drain = thread::spawn({
                let lane = Arc::clone(&lane);
                move || read(&mut lane.reader(Filter::ALL).unwrap(), 2)
            });
            let (stored, mut got) = (logger.join().unwrap(), drain.join().unwrap());
            got.extend(read(&mut lane.reader(Filter::ALL).unwrap(), 6));
            assert_eq!(got, stored);
            assert_eq!(lane.dropped(1), 5 - stored.len() as u32);
        });
    }
}

/// One overwrites while one reads what is overwritten: nothing torn, all counted.
#[test]
fn a_lane_that_overwrites() {
    overwrite_in_lane(4, &[0x11], 1);
}

/// One logs while one reads all there is, and says what it has lost.
#[test]
fn a_lane_that_could_overwrite_counts() {
    overwrite_in_lane(0, &[0x11, 0x12], 3);
}

fn overwrite_in_lane(used: u8, numbers: &'static [u8], reads: usize) {
    model(2, move || {
        let lane = Arc::new(used_lane::<Overwrite>(used));
        let logger = thread::spawn({
            let lane = Arc::clone(&lane);
            move || {
                let mut producer = lane.producer().unwrap();
                numbers.iter().for_each(|number| assert!(producer.log_bytes(1, &record(*number, 2))));
            }
        });
        let drain = thread::spawn({
            let lane = Arc::clone(&lane);
            move || {
                let mut reader = lane.reader(Filter::ALL).unwrap();
                let got = read(&mut reader, reads);
                assert!(numbers.starts_with(&of(&got, 1)) || used > 0, "{got:?}");
                let lost = [1, 2].map(|id| reader.lost_of(id).overwritten as usize);
                assert!(of(&got, 1).len() + lost[0] <= numbers.len(), "{got:?} and {lost:?}");
                assert!(of(&got, 2).len() + lost[1] <= used.into(), "{got:?} and {lost:?}");
                assert!(lost == [0, 0] || used > 0);
            }
        });
        logger.join().unwrap();
        drain.join().unwrap();
        let mut reader = lane.reader(Filter::ALL).unwrap();
        let left = read(&mut reader, 8);
        assert!(left.ends_with(numbers), "{left:?}");
        assert_eq!(reader.lost_of(2).overwritten as usize, usize::from(used) + numbers.len() - left.len());
        assert_eq!(reader.lost_of(1).overwritten, 0);
    });
}

/// A ring of two segments for one record each, that was used for so many.
fn used_ring<P: firmware_writer::ring::Policy>(records: u8, words: usize) -> Shared<2, 32, 2, P, Clock> {
    let ring = Shared::new(clock as Clock);
    let mut reader = ring.reader(Filter::ALL).unwrap();
    for _ in 0..records {
        assert!(ring.log_bytes(2, &record(0x20, words)));
        read(&mut reader, 1);
    }
    drop(reader);
    ring
}

fn log_to<P>(
    ring: &Arc<Shared<2, 32, 2, P, Clock>>,
    numbers: &'static [u8],
    words: usize,
) -> thread::JoinHandle<Vec<u8>>
where
    P: firmware_writer::ring::Policy + Send + Sync + 'static,
    Shared<2, 32, 2, P, Clock>: Send + Sync,
{
    let ring = Arc::clone(ring);
    thread::spawn(move || {
        let log = |number: &u8| ring.log_bytes(u16::from(number >> 4), &record(*number, words));
        numbers.iter().copied().filter(log).collect()
    })
}

fn drain<P>(ring: &Arc<Shared<2, 32, 2, P, Clock>>, most: usize) -> thread::JoinHandle<Vec<u8>>
where
    P: firmware_writer::ring::Policy + Send + Sync + 'static,
    Shared<2, 32, 2, P, Clock>: Send + Sync,
{
    let ring = Arc::clone(ring);
    thread::spawn(move || read(&mut ring.reader(Filter::ALL).unwrap(), most))
}

/// Those of one producer, which must come in its order.
fn of(numbers: &[u8], producer: u8) -> Vec<u8> {
    numbers.iter().copied().filter(|number| number >> 4 == producer).collect()
}

/// Two log, one reads. What was stored comes, once, whole, in the order of each; the rest is counted.
fn two_log_and_drop(used: u8, preemptions: usize, fits: bool, first: &'static [u8], second: &'static [u8]) {
    model(preemptions, move || {
        let ring = Arc::new(used_ring::<DropNewest>(used, 1));
        let (one, two) = (log_to(&ring, first, 1), log_to(&ring, second, 1));
        let drain = drain(&ring, 2);
        let (one, two) = (one.join().unwrap(), two.join().unwrap());
        let mut got = drain.join().unwrap();
        got.extend(read(&mut ring.reader(Filter::ALL).unwrap(), 6));
        assert_eq!((of(&got, 1), of(&got, 2)), (one.clone(), two.clone()));
        assert_eq!(got.len(), one.len() + two.len());
        assert!(!fits || got.len() == first.len() + second.len(), "dropped without need");
        assert_eq!(ring.dropped(1), (first.len() - one.len()) as u32);
        assert_eq!(ring.dropped(2), (second.len() - two.len()) as u32);
    });
}

#[test]
fn a_shared_ring_that_drops() {
    two_log_and_drop(0, 3, true, &[0x11], &[0x21]);
    two_log_and_drop(3, 2, true, &[0x11], &[0x21]);
}

#[test]
fn a_shared_ring_that_drops_and_is_full() {
    two_log_and_drop(2, 2, false, &[0x11, 0x12], &[0x21]);
}

/// A full ring: what is logged goes where a record was, once this was read.
#[test]
fn a_full_shared_ring_waits_for_its_reader() {
    const UNREAD: [u8; 4] = [0x21, 0x22, 0x23, 0x24];
    model(2, || {
        let ring = Arc::new(used_ring::<DropNewest>(0, 1));
        UNREAD.iter().for_each(|number| assert!(ring.log_bytes(2, &record(*number, 1))));
        let (one, drain) = (log_to(&ring, &[0x11], 1), drain(&ring, 4));
        let (one, mut got) = (one.join().unwrap(), drain.join().unwrap());
        got.extend(read(&mut ring.reader(Filter::ALL).unwrap(), 6));
        assert_eq!((of(&got, 1), of(&got, 2)), (one, UNREAD.to_vec()));
    });
}

/// Two overwrite, one reads.
fn two_log_and_overwrite(used: u8, words: usize, reads: usize, first: &'static [u8], second: &'static [u8]) {
    model(2, move || {
        let ring = Arc::new(used_ring::<Overwrite>(used, words));
        let (one, two) = (log_to(&ring, first, words), log_to(&ring, second, words));
        let drain = thread::spawn({
            let ring = Arc::clone(&ring);
            move || {
                let mut reader = ring.reader(Filter::ALL).unwrap();
                let got = read(&mut reader, reads);
                let lost = [1, 2].map(|id| reader.lost_of(id).overwritten as usize);
                assert!(of(&got, 1).len() + lost[0] <= first.len(), "{got:?} and {lost:?}");
                assert!(lost == [0, 0] || used > 0);
            }
        });
        let (one, two) = (one.join().unwrap(), two.join().unwrap());
        drain.join().unwrap();
        let mut reader = ring.reader(Filter::ALL).unwrap();
        let left = read(&mut reader, 12);
        let (of_one, of_two) = (of(&left, 1), of(&left, 2));
        assert!(one.ends_with(&of_one), "{one:?} {left:?}");
        assert_eq!(reader.lost_of(1).overwritten, (one.len() - of_one.len()) as u32);
        assert_eq!(reader.lost_of(2).overwritten, (usize::from(used) + two.len() - of_two.len()) as u32);
        assert_eq!(ring.dropped(1) + ring.dropped(2), (first.len() + second.len() - one.len() - two.len()) as u32);
    });
}

#[test]
fn a_shared_ring_that_overwrites() {
    two_log_and_overwrite(4, 2, 1, &[0x11], &[]);
}

#[test]
#[ignore = "takes minutes: cargo xtask loom --long"]
fn a_shared_ring_that_overwrites_for_two() {
    two_log_and_overwrite(4, 1, 1, &[0x11], &[0x21]);
}

/// One is held up in the middle of a record, while the other comes round to its segment.
#[test]
fn a_shared_ring_that_overwrites_whole_segments() {
    two_log_and_overwrite(0, 3, 0, &[0x11], &[0x21, 0x22]);
}

#[test]
fn a_shared_ring_that_could_overwrite_counts() {
    two_log_and_overwrite(0, 1, 2, &[0x11], &[0x21]);
}

/// A clock that others advance: the order in the ring is the order of time.
#[test]
fn a_shared_ring_is_in_the_order_of_time() {
    model(3, || {
        let time = Arc::new(AtomicU32::new(0));
        let clock = {
            let time = Arc::clone(&time);
            move || time.fetch_add(1, Ordering::Relaxed)
        };
        let ring = Arc::new(Shared::<2, 32, 2, DropNewest, _>::new(clock));
        let log = |number: u8| {
            let ring = Arc::clone(&ring);
            thread::spawn(move || assert!(ring.log_bytes(1, &record(number, 1))))
        };
        let (one, two) = (log(0x11), log(0x12));
        one.join().unwrap();
        two.join().unwrap();
        let mut reader = ring.reader(Filter::ALL).unwrap();
        let first = reader.peek().unwrap().time;
        reader.skip();
        assert!(reader.peek().unwrap().time > first);
    });
}
