//! Cards that fail, go away, are full, locked or something else: each is said, and logging goes on when it can.

mod support;

use std::task::Poll;

use firmware_writer::card::{Config, Extent, Place, Progress, Trouble, WhenFull, Writer};
use firmware_writer::device::DeviceError;
use firmware_writer::sim::{Random, SimCard};
use support::reading::{Session, sessions, whole};
use support::{EXTENTS, Logged, Memory, Queue, RAW, SECTORS, fat, reading, record};

/// A writer with its queue and its time.
struct Bench<'m> {
    writer: Writer<'m, SimCard>,
    queue: Queue,
    now: u64,
    number: u32,
    logged: Vec<Logged>,
}

impl<'m> Bench<'m> {
    fn new(memory: &'m mut Memory, card: SimCard, config: &'m Config<'m>) -> Self {
        Self {
            writer: memory.writer(card, config),
            queue: Queue::new(1 << 16),
            now: 1_000,
            number: 0,
            logged: Vec::new(),
        }
    }

    /// Logs records, a millisecond apart, polling once for each.
    fn log(&mut self, count: u32) {
        for _ in 0..count {
            self.now += 1_000;
            let record = record(self.number, self.now);
            self.number += 1;
            if self.queue.log(record.clone()) {
                self.logged.push(record);
            }
            self.poll();
        }
    }

    fn poll(&mut self) -> Progress {
        self.now += 1;
        self.writer.device().at(self.now);
        self.writer.poll(&mut self.queue, self.now)
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        loop {
            self.now += 100;
            self.writer.device().at(self.now);
            if let Poll::Ready(done) = self.writer.flush(&mut self.queue, self.now) {
                return done;
            }
        }
    }

    /// Lets time pass until something else happens than waiting, or it is clear that nothing will.
    fn wait(&mut self) -> Progress {
        for _ in 0..100_000 {
            self.now += 1_000;
            match self.poll() {
                Progress::Stopped(_) | Progress::Busy => {}
                other => return other,
            }
        }
        self.poll()
    }

    fn found(&mut self, extents: &[Extent]) -> Vec<Session> {
        sessions(self.writer.device().image(), extents)
    }

    /// All sessions together have all that was logged; those that were read twice once.
    fn all_there(&mut self, extents: &[Extent]) {
        let mut records: Vec<Logged> = self.found(extents).into_iter().flat_map(|session| session.records).collect();
        records.dedup();
        assert_eq!(records.len(), self.logged.len());
        assert!(records == self.logged);
    }
}

#[test]
fn a_prepared_card_is_used_file_by_file() {
    let (image, extents) = fat::card(&[40, 60, 50]);
    let mut memory = Memory::new(4);
    let mut bench = Bench::new(&mut memory, SimCard::new(image.clone()), &Config::DEFAULT);
    bench.log(900);
    bench.flush().unwrap();
    bench.all_there(&extents);
    let numbers: Vec<u32> = bench.found(&extents).iter().map(|session| session.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!((bench.writer.counts().files, bench.writer.session()), (3, Some(3)));
    for extent in extents {
        whole(reading::bytes(bench.writer.device().image(), extent));
    }
    // Neither partition table nor FAT nor directory was written to.
    let front = (fat::DATA as usize + 2) * 512;
    assert!(bench.writer.device().image()[..front] == image[..front]);
}

#[test]
fn a_full_card_stops_or_recycles_the_oldest_file() {
    for when_full in [WhenFull::Stop, WhenFull::Recycle] {
        let (image, extents) = fat::card(&[40, 40, 40]);
        let mut memory = Memory::new(4);
        let config = Config { when_full, ..Config::DEFAULT };
        let mut bench = Bench::new(&mut memory, SimCard::new(image), &config);
        bench.log(2_000);
        let flushed = bench.flush();
        let found = bench.found(&extents);
        assert_eq!(found.len(), 3);
        let counts = bench.writer.counts();
        match when_full {
            WhenFull::Stop => {
                assert_eq!(flushed, Err(Trouble::Full));
                let records: Vec<Logged> = found.into_iter().flat_map(|session| session.records).collect();
                assert!(bench.logged.starts_with(&records));
                assert_eq!(
                    (records.len(), found_numbers(&mut bench, &extents)),
                    (counts.acknowledged as usize, vec![1, 2, 3])
                );
            }
            WhenFull::Recycle => {
                assert_eq!(flushed, Ok(()));
                let records: Vec<Logged> = found.into_iter().flat_map(|session| session.records).collect();
                assert!(bench.logged.ends_with(&records));
                assert!(counts.files > 4);
            }
        }
    }
}

fn found_numbers(bench: &mut Bench<'_>, extents: &[Extent]) -> Vec<u32> {
    bench.found(extents).iter().map(|session| session.number).collect()
}

#[test]
fn a_failed_write_is_repeated_in_its_place() {
    let mut memory = Memory::new(4);
    let mut card = SimCard::blank(SECTORS);
    for pushes in [1, 2, 12, 13, 25, 40] {
        card.fail(pushes, if pushes % 2 == 0 { DeviceError::Failed } else { DeviceError::Timeout });
    }
    let mut bench = Bench::new(&mut memory, card, &RAW);
    bench.log(200);
    bench.flush().unwrap();
    bench.all_there(&EXTENTS);
    let counts = bench.writer.counts();
    assert_eq!((counts.retries, counts.abandoned, counts.troubles), (6, 0, 0));
    // The log itself says so.
    let last = bench.found(&EXTENTS).pop().unwrap();
    assert_eq!(last.batches.last().unwrap().retries, 6);
}

#[test]
fn a_file_with_bad_sectors_is_given_up_for_the_next() {
    let mut memory = Memory::new(4);
    let mut card = SimCard::blank(SECTORS);
    card.make_bad(EXTENTS[0].first + 9..EXTENTS[0].first + 11);
    let mut bench = Bench::new(&mut memory, card, &RAW);
    bench.log(300);
    bench.flush().unwrap();
    bench.all_there(&EXTENTS);
    let counts = bench.writer.counts();
    assert_eq!((counts.retries, counts.abandoned), (3, 1));
    let head = *bench.found(&EXTENTS).last().unwrap().batches.last().unwrap();
    assert_eq!((head.retries, head.abandoned, head.troubles), (3, 1, 0));
    assert!(bench.found(&EXTENTS).len() >= 2);
    whole(reading::bytes(bench.writer.device().image(), EXTENTS[1]));
}

#[test]
fn each_file_has_its_turn_when_those_before_it_fail() {
    let extents: [Extent; 7] = std::array::from_fn(|at| Extent { first: 2 + at as u32 * 24, sectors: 24 });
    let config = Config { place: Place::Raw { control: [0, 1], extents: &extents }, ..RAW };
    let mut memory = Memory::new(4);
    let mut bench = Bench::new(&mut memory, SimCard::blank(200), &config);
    bench.log(2_000);
    bench.flush().unwrap();
    let image = bench.writer.device().image().to_vec();
    assert_eq!(sessions(&image, &extents).len(), extents.len());
    for good in extents {
        let mut card = SimCard::new(image.clone());
        for bad in extents.iter().filter(|extent| **extent != good) {
            card.make_bad(bad.first..bad.first + 2);
        }
        let mut memory = Memory::new(4);
        let mut bench = Bench::new(&mut memory, card, &config);
        bench.log(5);
        // Two rounds and a half are needed at most.
        for _ in 0..2 {
            if bench.flush() == Err(Trouble::Failing) {
                bench.wait();
            }
        }
        bench.flush().unwrap();
        bench.all_there(&[good]);
    }
}

#[test]
fn a_card_that_cannot_be_written_at_all_is_failing() {
    let mut memory = Memory::new(4);
    let mut card = SimCard::blank(SECTORS);
    card.make_bad(0..SECTORS);
    let mut bench = Bench::new(&mut memory, card, &RAW);
    bench.log(60);
    assert_eq!(bench.flush(), Err(Trouble::Failing));
    // Another card: all of it goes there.
    let (image, extents) = (vec![0; SECTORS as usize * 512], EXTENTS);
    let mut good = SimCard::new(image);
    std::mem::swap(bench.writer.device(), &mut good);
    bench.wait();
    bench.flush().unwrap();
    bench.all_there(&extents);
}

#[test]
fn a_card_that_is_taken_out_and_put_in_again_gets_a_new_file() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let (image, extents) = fat::card(&[60, 60, 60]);
        let mut memory = Memory::new(4);
        let mut bench = Bench::new(&mut memory, SimCard::new(image), &Config::DEFAULT);
        bench.log(50 + random.below(200) as u32);
        bench.writer.device().remove(seed);
        bench.log(40);
        assert_eq!(bench.flush(), Err(Trouble::Absent));
        let acknowledged = bench.writer.counts().acknowledged as usize;
        let before = bench.found(&extents);
        let there: usize = before.iter().map(|session| session.records.len()).sum();
        assert!(there >= acknowledged, "{seed}: {there} of {acknowledged}");
        bench.writer.device().insert(None);
        bench.wait();
        bench.log(40);
        bench.flush().unwrap();
        let troubles = bench.writer.counts().troubles;
        assert!(troubles >= 1);
        assert_eq!(bench.found(&extents).last().unwrap().batches.last().unwrap().troubles, troubles);
        bench.all_there(&extents);
        let after = bench.found(&extents);
        assert!(after.len() > before.len() && after[..before.len()] == before);
        assert_eq!(bench.writer.counts().troubles, 1);
    }
}

#[test]
fn another_card_gets_what_was_not_acknowledged() {
    let (image, extents) = fat::card(&[60, 60]);
    let mut memory = Memory::new(4);
    let mut bench = Bench::new(&mut memory, SimCard::new(image.clone()), &Config::DEFAULT);
    bench.log(150);
    bench.writer.device().remove(7);
    bench.log(20);
    assert_eq!(bench.flush(), Err(Trouble::Absent));
    let acknowledged = bench.writer.counts().acknowledged as usize;
    assert!(acknowledged > 0);
    bench.writer.device().insert(Some((image, [2; 16])));
    bench.wait();
    bench.flush().unwrap();
    let found = bench.found(&extents);
    assert_eq!(found.len(), 1);
    assert!(found[0].records == bench.logged[acknowledged..]);
    assert_eq!(found[0].number, 1);
}

#[test]
fn a_locked_card_is_said_to_be() {
    let (image, extents) = fat::card(&[60, 60]);
    let mut memory = Memory::new(4);
    let mut bench = Bench::new(&mut memory, SimCard::new(image.clone()), &Config::DEFAULT);
    bench.writer.device().protect(true);
    bench.log(60);
    assert_eq!(bench.flush(), Err(Trouble::WriteProtected));
    assert!(bench.writer.device().image() == image);
    bench.writer.device().protect(false);
    bench.wait();
    bench.flush().unwrap();
    bench.all_there(&extents);
}

#[test]
fn what_does_not_fit_is_counted_by_kind_in_the_log() {
    let (image, extents) = fat::card(&[100, 100]);
    let mut memory = Memory::new(4);
    let mut card = SimCard::new(image);
    card.stall(20, 400_000);
    let mut bench = Bench::new(&mut memory, card, &Config::DEFAULT);
    bench.queue = Queue::new(3_000);
    bench.log(800);
    bench.flush().unwrap();
    bench.log(1);
    bench.flush().unwrap();
    bench.all_there(&extents);
    let dropped = 801 - bench.logged.len() as u32;
    assert!(dropped > 100);
    let found = bench.found(&extents);
    assert_eq!(found.last().unwrap().batches.last().unwrap().dropped, dropped);
    let drops = found.iter().flat_map(|session| &session.own).filter(|(name, _)| name == "tlog.drops");
    let mut by_kind = [0; 3];
    for (_, payload) in drops {
        by_kind[usize::from(payload[0])] = u32::from_le_bytes(payload[2..6].try_into().unwrap());
    }
    assert_eq!(by_kind.iter().sum::<u32>(), dropped);
    assert!(by_kind[1] > 0 && by_kind[2] > 0, "{by_kind:?}");
}

#[test]
fn garbage_is_no_prepared_card_whatever_it_is() {
    let (good, _) = fat::card(&[40, 40]);
    let mut random = Random::new(3);
    for round in 0..3_000 {
        let mut image = good.clone();
        // A few bytes of what is read of a card: its partition table, the volume's first sector, FAT and directory.
        for _ in 0..1 + random.below(6) {
            let place = match random.below(4) {
                0 => 446 + random.below(66),
                1 => u64::from(fat::BOOT) * 512 + random.below(64),
                2 => u64::from(fat::FAT) * 512 + random.below(512),
                _ => u64::from(fat::DATA) * 512 + random.below(1024),
            };
            image[place as usize] = if round % 2 == 0 { 0xff } else { random.next() as u8 };
        }
        let mut memory = Memory::new(4);
        let mut bench = Bench::new(&mut memory, SimCard::new(image), &Config::DEFAULT);
        bench.log(30);
        match bench.flush() {
            Ok(()) => assert_eq!(bench.writer.counts().acknowledged, 30),
            Err(trouble) => assert!(matches!(trouble, Trouble::NotPrepared | Trouble::Full), "{trouble:?}"),
        }
    }
    for image in [vec![0; 512], vec![0xff; 512 * 64], good[..512 * 9].to_vec()] {
        let mut memory = Memory::new(4);
        let mut bench = Bench::new(&mut memory, SimCard::new(image), &Config::DEFAULT);
        bench.log(30);
        assert_eq!(bench.flush(), Err(Trouble::NotPrepared));
    }
}

#[test]
fn a_file_in_pieces_is_passed_over() {
    let (mut image, extents) = fat::card(&[40, 40, 40]);
    let cluster = extents[0].first - fat::DATA + 2;
    fat::set_fat(&mut image, cluster + 5, cluster + 30);
    let mut memory = Memory::new(4);
    let mut bench = Bench::new(&mut memory, SimCard::new(image), &Config::DEFAULT);
    bench.log(30);
    bench.flush().unwrap();
    assert_eq!(bench.found(&extents[..1]), []);
    bench.all_there(&extents[1..]);
}

#[test]
fn on_another_card_the_oldest_log_comes_first_again() {
    let (image, extents) = fat::card(&[40, 40, 40]);
    let config = Config { when_full: WhenFull::Recycle, ..Config::DEFAULT };
    // Three logs, the newest in the first file.
    let mut memory = Memory::new(4);
    let mut bench = Bench::new(&mut memory, SimCard::new(image), &config);
    while bench.found(&extents[..1]).first().is_none_or(|session| session.number < 4) {
        bench.log(20);
    }
    let full = bench.writer.device().image().to_vec();
    let newest = bench.found(&extents[..1]);
    let mut memory = Memory::new(4);
    let mut card = SimCard::new(full.clone());
    card.make_bad(0..full.len() as u32 / 512);
    let mut bench = Bench::new(&mut memory, card, &config);
    bench.log(10);
    while bench.writer.counts().abandoned < 2 {
        bench.wait();
    }
    let mut other = SimCard::blank(1);
    other.remove(1);
    other.insert(Some((full, [2; 16])));
    *bench.writer.device() = other;
    bench.flush().unwrap();
    assert!(bench.found(&extents[..1]) == newest);
}
