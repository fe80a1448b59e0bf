//! The file that comes next is looked for while there is nothing to write, and only counts on the card that was looked at.

mod support;

use firmware_writer::card::{Config, Writer};
use firmware_writer::sim::{SimCard, put_sector, sector_of};
use support::reading::{bytes, sessions};
use support::{Memory, Queue, fat, record};

/// A card in its slot, and what is logged to it.
struct Bench<'m> {
    writer: Writer<'m, SimCard>,
    queue: Queue,
    number: u32,
    now: u64,
}

impl<'m> Bench<'m> {
    fn new(memory: &'m mut Memory, image: Vec<u8>) -> Self {
        let mut card = SimCard::new(Vec::new());
        card.insert(Some((image, [7; 16])));
        Self { writer: memory.writer(card, &Config::DEFAULT), queue: Queue::new(1 << 16), number: 0, now: 1_000 }
    }

    /// Logs a record if there is one to log, and polls.
    fn poll(&mut self, logs: bool) {
        self.now += 1_000;
        if logs {
            assert!(self.queue.log(record(self.number, self.now)));
            self.number += 1;
        }
        self.writer.device().at(self.now);
        self.writer.poll(&mut self.queue, self.now);
    }

    fn reads(&mut self) -> u64 {
        self.writer.device().reads()
    }
}

#[test]
fn nothing_is_read_when_a_file_is_full() {
    let (image, extents) = fat::card(&[60, 60, 60, 60]);
    let mut memory = Memory::new(4);
    let mut bench = Bench::new(&mut memory, image);
    let (mut before, mut changes) = (None, 0);
    while bench.writer.counts().files < 4 {
        let (session, reads) = (bench.writer.session(), bench.reads());
        bench.poll(true);
        if session.is_none() && before.is_some() {
            assert_eq!(bench.reads(), reads);
            changes += u32::from(bench.writer.session().is_some());
        }
        before = before.or(session);
    }
    assert_eq!(changes, 3);
    assert_eq!(sessions(bench.writer.device().image(), &extents).len(), 4);
}

#[test]
fn it_is_looked_for_once() {
    let (image, _) = fat::card(&[60, 60, 60]);
    let mut memory = Memory::new(4);
    let mut bench = Bench::new(&mut memory, image);
    (0..100).for_each(|_| bench.poll(true));
    let reads = bench.reads();
    (0..2_000).for_each(|_| bench.poll(false));
    assert_eq!((bench.reads(), bench.writer.counts().files), (reads, 1));
}

#[test]
fn a_file_that_somebody_has_used_meanwhile_is_not_taken() {
    let (image, extents) = fat::card(&[60, 60, 60]);
    let mut memory = Memory::new(4);
    let mut bench = Bench::new(&mut memory, image);
    (0..100).for_each(|_| bench.poll(true));
    // In another computer, a log is put into the second file.
    bench.writer.device().remove(1);
    let mut image = bench.writer.device().image().to_vec();
    let log = sector_of(&image, extents[0].first);
    put_sector(&mut image, extents[1].first, &log);
    let theirs = bytes(&image, extents[1]).to_vec();
    bench.writer.device().insert(Some((image, [7; 16])));
    // The log goes on in its file, and then behind theirs.
    while bench.writer.counts().files < 2 {
        bench.poll(true);
    }
    (0..100).for_each(|_| bench.poll(true));
    assert_eq!(bytes(bench.writer.device().image(), extents[1]), theirs);
    assert_eq!(sessions(bench.writer.device().image(), &extents[2..]).len(), 1);
}
