//! What is on a card after whole sessions.

mod support;

use std::task::Poll;

use firmware_writer::card::{Mark, TooSmall, Writer};
use firmware_writer::clock::{ClockRecord, ClockSource};
use firmware_writer::drain::Packets;
use firmware_writer::sim::SimCard;
use support::reading::{bytes, sessions, whole};
use support::{EXTENTS, KINDS, Logged, Memory, Plan, Queue, RAW, SECTORS, record, session};
use tlog::read::{Event, ReadOptions, SliceReader};
use tlog::{Micros, Record};

#[test]
fn all_that_was_logged_is_read() {
    for close in [false, true] {
        let (card, story) = session(
            SimCard::blank(SECTORS),
            RAW,
            Plan { sectors: 4, records: (0, 90), flush: 40, close, aligned: false },
        );
        let found = sessions(card.image(), &EXTENTS);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].records, story.logged);
        let file = bytes(card.image(), EXTENTS[0]);
        assert_eq!(whole(file), (90 + found[0].batches.len(), close));
    }
}

#[test]
fn utc_is_said_in_each_file_once_it_is_known() {
    let mut memory = Memory::new(4);
    let mut writer = memory.writer(SimCard::blank(SECTORS), &RAW);
    let mut queue = Queue::new(1 << 16);
    let clock = ClockRecord { mono_us: 105_000, utc_us: Micros(1_750_000_000_000_000), source: ClockSource::Gnss };
    for number in 0..400 {
        let now = u64::from(number) * 1_000 + 5_000;
        assert!(queue.log(record(number, now)));
        if number == 100 {
            writer.set_clock(clock);
        }
        writer.poll(&mut queue, now);
    }
    while writer.flush(&mut queue, 500_000) == Poll::Pending {}
    let found = sessions(writer.device().image(), &EXTENTS);
    assert!(found.len() > 1);
    for session in found {
        let clocks: Vec<_> = session.own.iter().filter(|(name, _)| name == "tlog.clock").collect();
        assert_eq!(clocks.len(), 1);
        assert_eq!(ClockRecord::decode_payload(&clocks[0].1), Ok(clock));
    }
}

#[test]
fn times_beyond_32_bits_are_told() {
    let start = 5 * u64::from(u32::MAX) - 20_000;
    let mut memory = Memory::new(4);
    let mut writer = memory.writer(SimCard::blank(SECTORS), &RAW);
    let mut queue = Queue::new(1 << 16);
    let logged: Vec<Logged> = (0..60).map(|number| record(number, start + u64::from(number) * 1_000)).collect();
    for record in &logged {
        assert!(queue.log(record.clone()));
        writer.poll(&mut queue, record.time + 300);
    }
    while writer.flush(&mut queue, start + 60_000) == Poll::Pending {}
    assert!(sessions(writer.device().image(), &EXTENTS)[0].records == logged);
}

#[test]
fn a_record_larger_than_a_batch_is_left_out_and_counted() {
    let mut memory = Memory::new(2);
    let mut writer = memory.writer(SimCard::blank(SECTORS), &RAW);
    let mut queue = Queue::new(1 << 16);
    // An empty batch of two sectors takes 887.
    let lengths = [10usize, 2_000, 887, 888, 20];
    let logged = lengths.map(|len| Logged { id: 1, time: len as u64, payload: vec![7; len] });
    logged.iter().for_each(|record| assert!(queue.log(record.clone())));
    while writer.flush(&mut queue, 5_000) == Poll::Pending {}
    let session = sessions(writer.device().image(), &EXTENTS).remove(0);
    let there: Vec<usize> = session.records.iter().map(|record| record.payload.len()).collect();
    assert_eq!(there, [10, 887, 20]);
    assert_eq!(writer.counts().oversized, 2);
    assert_eq!(session.batches.last().unwrap().dropped, 2);
}

#[test]
fn buffers_must_be_large_enough() {
    let mut marks = [Mark::NONE; 5];
    for (bytes, count) in [(512, 5), (1024, 4), (1025, 5), (0, 5)] {
        let mut batch = vec![0; bytes];
        let writer = Writer::new(SimCard::blank(1), &RAW, &KINDS, &mut batch, &mut marks[..count]);
        assert_eq!(writer.err(), Some(TooSmall), "{bytes} {count}");
    }
    let mut batch = vec![0; 1024];
    assert!(Writer::new(SimCard::blank(1), &RAW, &KINDS, &mut batch, &mut marks).is_ok());
}

#[test]
fn packets_of_any_size_make_a_log() {
    for size in [80, 100, 333, 1_500] {
        let mut queue = Queue::new(1 << 20);
        let mut packets = Packets::new(&KINDS);
        let (mut stream, mut logged) = (Vec::new(), Vec::new());
        for number in 0..500 {
            let record = record(number, u64::from(number) * 1_000);
            logged.push(record.clone());
            assert!(queue.log(record));
            let mut packet = vec![0; size];
            let len = packets.fill(&mut queue, 600_000, &mut packet);
            stream.extend(&packet[..len]);
            if number == 250 {
                packets.restart();
                stream.clear();
                logged.clear();
            }
        }
        let mut packet = vec![0; size];
        while let len @ 1.. = packets.fill(&mut queue, 600_000, &mut packet) {
            stream.extend(&packet[..len]);
        }
        let mut reader = SliceReader::new(&stream, ReadOptions { strict: true, ..ReadOptions::default() });
        let mut read = Vec::new();
        while let Some(event) = reader.next_event().unwrap() {
            if let Event::Data(data) = event {
                let time = data.time.unwrap().0 as u64;
                read.push(Logged {
                    id: 1 + u16::from(data.record.name == "note"),
                    time,
                    payload: data.payload.to_vec(),
                });
            }
        }
        // What was waiting when the listener came is there too.
        let fits = |record: &&Logged| record.payload.len() + 18 <= size;
        let expected: Vec<&Logged> = logged.iter().filter(fits).collect();
        assert!(read.iter().skip(read.len() - expected.len()).eq(expected), "{size}");
        assert!(size < 400 || packets.oversized() == 0);
    }
}
