//! Cards that are busy for long, now and then: nothing is lost as long as the ring is as large as the stall asks for,
//! and beyond that the counts are exact. And how many sectors it takes.

mod support;

use std::task::Poll;

use firmware_writer::card::{Config, Counts, Place};
use firmware_writer::sim::SimCard;
use firmware_writer::source::Source;
use support::reading::{Session, sessions, whole};
use support::{Logged, Memory, Queue, reading};
use tlog::Record;

/// A file of 4 MiB, behind its control sectors.
const EXTENT: [firmware_writer::card::Extent; 1] = [firmware_writer::card::Extent { first: 2, sectors: 8192 }];

const CONFIG: Config<'static> =
    Config { place: Place::Raw { control: [0, 1], extents: &EXTENT }, latency: 60_000_000, ..Config::DEFAULT };

struct Run {
    attempted: u32,
    logged: Vec<Logged>,
    dropped: u32,
    counts: Counts,
    high_water: u32,
    pushes: u64,
    begins: u64,
    session: Session,
}

/// Logs 16 bytes every `period` microseconds for `seconds`, through a ring of `ring` bytes, to a card that takes 0.5 ms for a
/// sector and 2 ms for the end of each write, and stalls as told.
fn run(period: u64, seconds: u64, ring: usize, stalls: &[(u64, u64)]) -> Run {
    let mut card = SimCard::blank(EXTENT[0].first + EXTENT[0].sectors);
    card.set_busy(500, 2_000);
    for &(pushes, micros) in stalls {
        card.stall(pushes, micros);
    }
    let mut memory = Memory::new(16);
    let mut writer = memory.writer(card, &CONFIG);
    let mut queue = Queue::new(ring);
    let (mut logged, mut attempted) = (Vec::new(), 0u32);
    let mut now = 0;
    while now < seconds * 1_000_000 {
        now += period;
        let record = Logged { id: 1, time: now, payload: attempted.to_le_bytes().repeat(4) };
        attempted += 1;
        if queue.log(record.clone()) {
            logged.push(record);
        }
        writer.device().at(now);
        writer.poll(&mut queue, now);
    }
    while writer.flush(&mut queue, now) == Poll::Pending {
        now += 100;
        writer.device().at(now);
    }
    let (counts, operations) = (writer.counts(), writer.device().operations());
    let session = sessions(writer.device().image(), &EXTENT).pop().unwrap();
    whole(reading::bytes(writer.device().image(), EXTENT[0]));
    let (pushes, begins) = (operations.pushes, operations.begins);
    let (dropped, high_water) = (queue.lost().dropped, queue.high_water());
    Run { attempted, logged, dropped, counts, high_water, pushes, begins, session }
}

/// What a ring must hold: what comes in during the stall, each record with 8 bytes of its own, and while one batch is
/// written.
fn ring_bytes(period: u64, stall: u64) -> usize {
    // The card is asked once for each record: that often its being ready is noticed late.
    let batch = 17 * (500 + period) + 2_000 + period;
    ((stall + batch) / period + 2) as usize * 24
}

#[test]
fn nothing_is_lost_in_a_stall_that_the_ring_was_made_for() {
    // 16 bytes at 2 kHz, and 50 kB a second.
    for period in [500, 320] {
        for stall in [250_000, 500_000, 750_000, 2_500_000] {
            let ring = ring_bytes(period, stall);
            // Twice, the second time when the first is made up for.
            let run = run(period, 12, ring, &[(30, stall), (800, stall)]);
            assert_eq!((run.dropped, run.logged.len() as u32), (0, run.attempted), "{period} {stall}");
            assert!(run.session.records == run.logged);
            assert!(u64::from(run.counts.longest_write) >= stall);
            assert_eq!((run.counts.retries, run.counts.troubles), (0, 0));
            let last = run.session.batches.last().unwrap();
            assert_eq!(last.dropped, 0);
            assert!(last.high_water <= run.high_water && run.high_water as usize <= ring);
            assert!(u64::from(run.session.batches.iter().map(|batch| batch.longest_write).max().unwrap()) >= stall);
        }
    }
}

#[test]
fn what_is_beyond_the_ring_is_counted_exactly() {
    for (stall, part) in [(500_000, 2), (2_500_000, 2), (2_500_000, 10)] {
        let run = run(500, 12, ring_bytes(500, stall) / part, &[(40, stall)]);
        assert!(run.dropped > 0);
        assert_eq!(run.attempted, run.logged.len() as u32 + run.dropped);
        assert!(run.session.records == run.logged);
        assert_eq!(run.session.batches.last().unwrap().dropped, run.dropped);
        let drops = run.session.own.iter().filter(|(name, _)| name == "tlog.drops");
        let told = drops.map(|(_, payload)| u32::from_le_bytes(payload[2..6].try_into().unwrap())).max();
        assert_eq!(told, Some(run.dropped));
        // All of them in one go: about what came in while the ring was full.
        let expected = (stall / 500) as u32 * (part as u32 - 1) / part as u32;
        assert!(run.dropped.abs_diff(expected) < 60, "{} {expected}", run.dropped);
    }
}

#[test]
fn a_stall_beyond_the_timeout_is_repeated_and_nothing_lost() {
    let run = run(500, 30, ring_bytes(500, 7_000_000), &[(40, 60_000_000)]);
    assert_eq!((run.dropped, run.counts.retries), (0, 1));
    assert!(run.session.records == run.logged);
}

#[test]
fn a_batch_costs_one_more_sector_than_it_has() {
    let run = run(500, 30, 1 << 16, &[]);
    let sectors: u64 = run.session.batches.iter().map(|batch| u64::from(batch.sectors)).sum();
    assert_eq!(run.session.batches[1].sectors, 16);
    // Besides the number of the session and the wiped sector.
    assert_eq!(run.pushes, sectors + run.session.batches.len() as u64 + 2);
    let ratio = run.pushes as f64 / sectors as f64;
    assert!(ratio <= 1.07, "{ratio}");
    assert_eq!(run.begins, run.session.batches.len() as u64 + 2);
    // Of what is written, little is not data blocks.
    let blocks: usize = run.session.records.iter().map(|record| record.payload.len() + 17).sum();
    assert!(blocks as f64 / (sectors * 512) as f64 > 0.9);
}

#[test]
fn a_session_of_no_records_leaves_the_card_alone() {
    let mut memory = Memory::new(4);
    let mut writer = memory.writer(SimCard::blank(9_000), &CONFIG);
    let mut queue = Queue::new(100);
    while writer.close(&mut queue, 5) == Poll::Pending {}
    assert_eq!(writer.device().operations().pushes, 0);
    assert_eq!(support::Sample::NAME, "sample");
}
