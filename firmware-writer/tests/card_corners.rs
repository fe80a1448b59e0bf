//! Corners of the writer: closing while a file ends, records as long as a batch, and a card that was prepared anew.

mod support;

use std::task::Poll;

use firmware_writer::card::{Config, Extent, Mark, Place, Trouble, WhenFull, Writer};
use firmware_writer::device::DeviceError;
use firmware_writer::drain::OWN_KINDS;
use firmware_writer::sim::{Event, SimCard, put_sector};
use support::reading::sessions;
use support::{EXTENTS, KINDS, Logged, Memory, Note, Queue, RAW, SECTORS, fat, record};
use tlog::Record;
use tlog::wire::index::IndexBlock;
use tlog::wire::{BlockHeader, BlockType};

/// So many calls are more than any of these needs.
const CALLS: u32 = 20_000;

fn close(writer: &mut Writer<'_, SimCard>, queue: &mut Queue, now: u64) -> Result<(), Trouble> {
    for _ in 0..CALLS {
        if let Poll::Ready(done) = writer.close(queue, now) {
            return done;
        }
    }
    panic!("it is never closed");
}

fn flush(writer: &mut Writer<'_, SimCard>, queue: &mut Queue, now: &mut u64) -> Result<(), Trouble> {
    for _ in 0..CALLS {
        *now += 1_000;
        writer.device().at(*now);
        if let Poll::Ready(done) = writer.flush(queue, *now) {
            return done;
        }
    }
    panic!("it is never flushed");
}

/// A note whose payload has so many bytes.
fn note(len: usize, time: u64) -> Logged {
    let text = "x".repeat(len - if len > 129 { 2 } else { 1 });
    let payload = Note { text: &text }.to_payload();
    assert_eq!(payload.len(), len);
    Logged { id: 2, time, payload }
}

#[test]
fn what_waits_when_a_file_ends_is_written_before_the_log_is_closed() {
    for count in (20..1_200).step_by(7) {
        let mut memory = Memory::new(4);
        let config = Config { when_full: WhenFull::Stop, ..RAW };
        let mut writer = memory.writer(SimCard::blank(SECTORS), &config);
        let mut queue = Queue::new(1 << 20);
        let logged: Vec<Logged> = (0..count).map(|number| record(number, 1_000 + u64::from(number))).collect();
        logged.iter().for_each(|record| assert!(queue.log(record.clone())));
        let closed = close(&mut writer, &mut queue, 1_000_000);
        let found: Vec<Logged> =
            sessions(writer.device().image(), &EXTENTS).into_iter().flat_map(|session| session.records).collect();
        match closed {
            Ok(()) => assert!(found == logged, "{count}: {} are there", found.len()),
            Err(trouble) => assert_eq!((trouble, logged.starts_with(&found)), (Trouble::Full, true), "{count}"),
        }
        assert_eq!(found.len(), writer.counts().acknowledged as usize);
    }
}

#[test]
fn behind_the_end_a_flush_says_that_it_cannot_be() {
    let mut memory = Memory::new(4);
    let mut writer = memory.writer(SimCard::blank(SECTORS), &RAW);
    let mut queue = Queue::new(1 << 20);
    let mut now = 1_000;
    assert!(queue.log(record(1, now)));
    close(&mut writer, &mut queue, now).unwrap();
    assert_eq!(flush(&mut writer, &mut queue, &mut now), Ok(()));
    assert!(queue.log(record(2, now)));
    assert_eq!(flush(&mut writer, &mut queue, &mut now), Err(Trouble::Closed));
    assert_eq!(close(&mut writer, &mut queue, now), Err(Trouble::Closed));
    assert_eq!(queue.len(), 1);
}

/// The longest payload of a note that is not left out.
fn longest() -> usize {
    let is_written = |len: usize| {
        let mut memory = Memory::new(2);
        let mut writer = memory.writer(SimCard::blank(SECTORS), &RAW);
        let mut queue = Queue::new(1 << 20);
        assert!(queue.log(note(len, 1_000)));
        flush(&mut writer, &mut queue, &mut 2_000).unwrap();
        writer.counts().oversized == 0
    };
    (600..1_024).rev().find(|&len| is_written(len)).unwrap()
}

#[test]
fn a_record_that_fills_a_batch_is_written_behind_others() {
    let longest = longest();
    for len in longest - 40..=longest {
        let mut memory = Memory::new(2);
        let mut writer = memory.writer(SimCard::blank(SECTORS), &RAW);
        let mut queue = Queue::new(1 << 20);
        let logged = [note(4, 1_000), note(len, 1_001), note(len, 1_002), note(4, 1_003)];
        logged.iter().for_each(|record| assert!(queue.log(record.clone())));
        flush(&mut writer, &mut queue, &mut 2_000).unwrap();
        assert_eq!((writer.counts().oversized, writer.counts().acknowledged), (0, 4), "{len}");
    }
}

#[test]
fn losses_that_go_on_do_not_keep_a_long_record_from_being_written() {
    let longest = longest();
    for len in longest - 60..=longest {
        let mut memory = Memory::new(2);
        let mut writer = memory.writer(SimCard::blank(SECTORS), &RAW);
        let mut queue = Queue::new(2 * longest);
        let mut now = 1_000;
        let mut lost = 0;
        for _ in 0..400 {
            now += 1_000;
            lost += u32::from(!queue.log(note(len, now)));
            // Without room each one is lost, and the next batch has that to say.
            lost += u32::from(!queue.log(note(len, now)));
            writer.device().at(now);
            writer.poll(&mut queue, now);
        }
        assert!(lost > 100 && writer.counts().acknowledged > 10, "{len}: {:?}", writer.counts());
    }
}

#[test]
fn a_card_that_was_prepared_anew_gets_a_new_file() {
    for seed in 0..20 {
        let (image, extents) = fat::card(&[60, 60, 60]);
        let mut memory = Memory::new(4);
        let mut writer = memory.writer(SimCard::new(image.clone()), &Config::DEFAULT);
        let mut queue = Queue::new(1 << 20);
        let mut now = 1_000;
        for number in 0..30 + seed {
            assert!(queue.log(record(number, now + u64::from(number))));
        }
        flush(&mut writer, &mut queue, &mut now).unwrap();
        // The card is taken out while nothing is written, emptied elsewhere, and put in again.
        writer.device().remove(1);
        writer.device().insert(Some((image, [1; 16])));
        let logged: Vec<Logged> = (100..130).map(|number| record(number, now + u64::from(number))).collect();
        logged.iter().for_each(|record| assert!(queue.log(record.clone())));
        flush(&mut writer, &mut queue, &mut now).unwrap();
        let found: Vec<Logged> =
            sessions(writer.device().image(), &extents).into_iter().flat_map(|session| session.records).collect();
        assert!(found == logged, "{seed}: {} are there", found.len());
    }
}

#[test]
fn a_poll_that_comes_late_does_not_make_the_card_wait() {
    const MINUTE: u64 = 60_000_000;
    for minutes in (1..200).step_by(3) {
        let mut memory = Memory::new(4);
        let mut writer = memory.writer(SimCard::blank(SECTORS), &RAW);
        let mut queue = Queue::new(1 << 20);
        let mut now = 1_000;
        writer.device().remove(1);
        assert_eq!(flush(&mut writer, &mut queue, &mut now), Err(Trouble::Absent));
        writer.device().insert(None);
        now += minutes * MINUTE;
        assert!(queue.log(record(1, now)));
        // A pause at most, whatever the time that nobody polled in.
        let end = now + 2 * u64::from(RAW.pause);
        while flush(&mut writer, &mut queue, &mut now).is_err() {
            assert!(now < end, "{minutes} minutes");
        }
    }
}

#[test]
fn sectors_that_cannot_be_read_cost_one_file_or_one_number() {
    let (image, extents) = fat::card(&[40, 40, 40]);
    let log = |image: Vec<u8>, first: u32, unreadable: Option<u32>| {
        let mut memory = Memory::new(4);
        let mut card = SimCard::new(image);
        unreadable.into_iter().for_each(|sector| card.make_unreadable(sector..sector + 1));
        let mut writer = memory.writer(card, &Config::DEFAULT);
        let mut queue = Queue::new(1 << 20);
        (first..first + 10).for_each(|number| assert!(queue.log(record(number, 1_000))));
        assert_eq!(flush(&mut writer, &mut queue, &mut 2_000), Ok(()), "{unreadable:?}");
        writer.into_device().image().to_vec()
    };
    let control = fat::DATA + 2;
    for unreadable in [extents[0].first, extents[1].first, control, control + 2] {
        let image = log(log(image.clone(), 0, None), 10, Some(unreadable));
        let numbers: Vec<u32> = sessions(&image, &extents).iter().map(|session| session.number).collect();
        let records: usize = sessions(&image, &extents).iter().map(|session| session.records.len()).sum();
        assert_eq!((numbers, records), (vec![1, 2], 20), "{unreadable}");
    }
}

/// The index at the end of an image, if there is one.
fn index_of(image: &[u8]) -> Option<&[u8]> {
    let len = IndexBlock::trailer(image)? as usize;
    image.get(image.len().checked_sub(len)?..)
}

#[test]
fn an_index_is_found_only_where_all_of_it_is() {
    let kinds = vec![KINDS[0]; 80];
    let extents = [Extent { first: 2, sectors: 40 }];
    let config = Config { place: Place::Raw { control: [0, 1], extents: &extents }, ..RAW };
    let mut image = vec![0; 42 * 512];
    for count in [80, 40] {
        let (mut batch, mut marks) = (vec![0; 8 * 512], vec![Mark::NONE; 80 + OWN_KINDS]);
        let card = SimCard::new(image.clone());
        let mut writer = Writer::new(card, &config, &kinds, &mut batch, &mut marks).unwrap();
        let mut queue = Queue::new(1 << 20);
        assert!((0..count).all(|number| queue.log(record(number, 1_000))));
        close(&mut writer, &mut queue, 2_000).unwrap();
        let closed = writer.device().image().to_vec();
        let right = index_of(&closed).expect("an index");
        assert!(right.len() > 2 * 512);
        // Of the sectors that are not acknowledged, any may be on the card and the others not.
        let writes: Vec<&[Event]> = writer.device().journal().split(|event| *event == Event::Acknowledged).collect();
        for (at, write) in writes.iter().enumerate() {
            for event in *write {
                let Event::Pushed(sector, bytes) = event else { continue };
                let mut cut = image.clone();
                put_sector(&mut cut, *sector, bytes);
                // The first two: the number of the session, and what takes away the index of the one before.
                assert!(at < 2 || index_of(&cut).is_none_or(|index| index == right), "write {at}, sector {sector}");
            }
            for event in *write {
                let Event::Pushed(sector, bytes) = event else { continue };
                put_sector(&mut image, *sector, bytes);
            }
        }
        assert!(image == closed);
    }
}

#[test]
fn a_log_that_is_closed_without_records_has_no_session() {
    let mut memory = Memory::new(4);
    let mut writer = memory.writer(SimCard::blank(SECTORS), &RAW);
    let mut queue = Queue::new(1 << 20);
    close(&mut writer, &mut queue, 1_000).unwrap();
    assert_eq!((writer.session(), writer.counts().files), (None, 0));
    assert!(writer.device().journal().is_empty());
}

#[test]
fn an_index_that_is_written_again_is_that_of_its_file() {
    let mut tried = 0;
    for pushes in 1..60 {
        let mut memory = Memory::new(4);
        let config = Config { when_full: WhenFull::Stop, ..RAW };
        let mut card = SimCard::blank(SECTORS);
        card.fail(pushes, DeviceError::Failed);
        let mut writer = memory.writer(card, &config);
        let mut queue = Queue::new(1 << 20);
        let mut now = 1_000;
        for number in 0..400 {
            now += 1_000;
            queue.log(record(number, now));
            writer.device().at(now);
            writer.poll(&mut queue, now);
        }
        for extent in EXTENTS {
            let bytes = &writer.device().image()[extent.first as usize * 512..][..extent.sectors as usize * 512];
            let Some(index) = index_of(bytes) else { continue };
            let index = IndexBlock::parse(index).unwrap();
            for entry in index.entries() {
                let Some(last) = entry.final_record else { continue };
                let head = BlockHeader::parse(&bytes[last as usize..]).unwrap();
                assert_eq!(head.block_type, BlockType::Data, "{pushes}: at {last}");
                tried += 1;
            }
        }
    }
    assert!(tried > 100);
}
