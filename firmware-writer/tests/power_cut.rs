//! Cuts of power at every sector write of whole sessions, over fresh cards and over used ones.
//!
//! A session is run once. Each of its writes then stands for many cuts: the sector that was being written torn at each
//! boundary of 16 bytes, with old bytes, ones, zeros or random ones behind it; the sectors of the write that was not
//! acknowledged written in any order, one of them torn; and all those sectors of it that are not new erased beforehand, to
//! ones or zeros, also before the first one is handed over. Each image that may be left is read as `tlog::wire::batch` says,
//! and compared with what was logged: nothing that was acknowledged may be missing, and nothing else may be there.
//!
//! `TLOG_POWER_CUT_VARIANTS` images are looked at, a few thousand unless set; `TLOG_POWER_CUT_SEED` is what they are
//! derived from. `cargo xtask power-cut` sets both.

mod support;

use std::env;

use firmware_writer::card::{Config, WhenFull};
use firmware_writer::sim::{Event, Random, SimCard};
use support::cuts::{VARIANTS, Write};
use support::reading::{self, Session};
use support::{EXTENTS, Logged, Plan, RAW, SECTORS, Story, session};

/// Every so many images, another session begins on what the cut left.
const AFTERWARDS: u64 = 500;

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().map_or(default, |value| value.parse().unwrap())
}

/// What must be true of an image.
struct Truth<'a> {
    /// The sessions of before, by extent.
    earlier: &'a [Option<Session>],
    story: &'a Story,
}

impl Truth<'_> {
    /// Compares what is in the extents. `touched` are those that were written to.
    fn check(&self, found: &[Option<Session>], touched: &[bool], acknowledged: u32, what: &str) {
        let last = self.earlier.iter().flatten().map(|session| session.number).max().unwrap_or(0);
        let mut new: Vec<&Session> = found.iter().flatten().filter(|session| session.number > last).collect();
        new.sort_by_key(|session| session.number);
        let records: Vec<&Logged> = new.iter().flat_map(|session| &session.records).collect();
        assert!(records.iter().copied().eq(self.story.logged.iter().take(records.len())), "{what}: false records");
        assert!(records.len() >= acknowledged as usize, "{what}: {acknowledged} acknowledged, {} there", records.len());
        for ((found, earlier), touched) in found.iter().zip(self.earlier).zip(touched) {
            match (found, earlier) {
                _ if !touched => assert_eq!(found, earlier, "{what}: another file has changed"),
                (Some(found), Some(earlier)) if found.number <= last => {
                    assert_eq!(found.number, earlier.number, "{what}");
                    assert!(earlier.records.starts_with(&found.records), "{what}: false old records");
                }
                (Some(found), None) => assert!(found.number > last, "{what}: a session from nowhere"),
                _ => {}
            }
        }
    }
}

/// All the cuts of one session.
struct Cuts<'a> {
    config: Config<'a>,
    plan: Plan,
    /// One of so many images is looked at.
    one_of: u64,
    random: Random,
    looked_at: u64,
}

impl Cuts<'_> {
    /// Runs the session on a card with this image, and looks at what cuts leave; the image of the whole session.
    fn run(&mut self, start: &[u8], deeper: bool) -> Vec<u8> {
        let (card, story) = session(SimCard::new(start.to_vec()), self.config, self.plan);
        let earlier = read(start);
        let truth = Truth { earlier: &earlier, story: &story };
        let mut image = start.to_vec();
        let (mut found, mut touched) = (earlier.clone(), vec![false; EXTENTS.len()]);
        let mut write = Write::default();
        for (at, event) in card.journal().iter().enumerate() {
            match event {
                Event::Begun(first, count) => write = Write { first: *first, count: *count, new: Vec::new() },
                Event::Pushed(sector, bytes) => {
                    assert_eq!(*sector, write.first + write.new.len() as u32);
                    write.new.push(**bytes);
                }
                Event::Acknowledged => {
                    let new = std::mem::take(&mut write.new);
                    write.put(&mut image, &new);
                    found = read(&image);
                    truth.check(&found, &touched, acknowledged(&story, at + 1), &format!("event {at}, whole"));
                    self.whole(&image, &found, &earlier);
                    continue;
                }
            }
            let extent = extent_of(write.first).filter(|_| write.is_effective());
            if let Some(extent) = extent {
                touched[extent] = true;
            }
            let acknowledged = acknowledged(&story, at);
            self.variants(&mut image, &write, deeper, |image, what| {
                let mut left = found.clone();
                if let Some(extent) = extent {
                    left[extent] = reading::session(reading::bytes(image, EXTENTS[extent]));
                }
                truth.check(&left, &touched, acknowledged, &format!("event {at}, {what}"));
            });
        }
        assert_eq!(story.counts.acknowledged as usize, story.logged.len());
        assert!(image == card.image());
        image
    }

    /// Between two batches the file as it is can be read by everyone.
    fn whole(&mut self, image: &[u8], found: &[Option<Session>], earlier: &[Option<Session>]) {
        for ((session, earlier), extent) in found.iter().zip(earlier).zip(EXTENTS) {
            let Some(session) = session.as_ref().filter(|_| session != earlier) else { continue };
            if session.number > earlier.as_ref().map_or(0, |earlier| earlier.number) {
                let (data, _) = reading::whole(reading::bytes(image, extent));
                assert_eq!(data, session.records.len() + session.own.len() + session.batches.len());
            }
        }
    }

    /// Each image that a cut may leave while this is written.
    fn variants(&mut self, image: &mut [u8], write: &Write, deeper: bool, check: impl Fn(&[u8], &str)) {
        let old = write.old(image);
        for variant in 0..VARIANTS {
            if !write.is_possible(variant) || self.random.below(self.one_of) != 0 {
                continue;
            }
            write.put(image, &write.left(variant, &old, &mut self.random));
            self.looked_at += 1;
            check(image, &format!("variant {variant}"));
            if deeper && self.looked_at.is_multiple_of(AFTERWARDS) {
                self.afterwards(image);
            }
            write.put(image, &old);
        }
    }

    /// Power is back: a session on what the cut left, which is cut again.
    fn afterwards(&mut self, image: &[u8]) {
        let plan = Plan { records: (5_000, 5_060), ..self.plan };
        let one_of = self.one_of * 60;
        let mut cuts = Cuts { config: RAW, plan, one_of, random: Random::new(self.random.next()), looked_at: 0 };
        cuts.run(image, false);
        self.looked_at += cuts.looked_at;
    }
}

fn read(image: &[u8]) -> Vec<Option<Session>> {
    EXTENTS.iter().map(|&extent| reading::session(reading::bytes(image, extent))).collect()
}

fn extent_of(sector: u32) -> Option<usize> {
    EXTENTS.iter().position(|extent| (extent.first..extent.first + extent.sectors).contains(&sector))
}

/// How many records were acknowledged when the journal had so many events.
fn acknowledged(story: &Story, events: usize) -> u32 {
    let before = story.acknowledged.partition_point(|(journal, _)| *journal <= events);
    before.checked_sub(1).map_or(0, |at| story.acknowledged[at].1)
}

/// One round over fresh and stale cards; how many images were looked at.
fn round(seed: u64, one_of: u64) -> u64 {
    let mut random = Random::new(seed);
    let sectors = 2 + random.below(4) as usize;
    let plan = |first: u32, count: u64, random: &mut Random| Plan {
        sectors,
        records: (first, first + 40 + random.below(count) as u32),
        flush: 10 + random.below(60) as u32,
        close: random.below(2) == 0,
        aligned: false,
    };
    let mut cuts =
        Cuts { config: RAW, plan: plan(0, 40, &mut random), one_of, random: Random::new(seed), looked_at: 0 };
    let blank = vec![0; SECTORS as usize * 512];
    // Fresh; after that the same content three times over, so that the last session has a used extent below it.
    let mut image = cuts.run(&blank, true);
    for _ in 0..2 {
        image = session(SimCard::new(image), RAW, cuts.plan).0.image().to_vec();
    }
    cuts.run(&image, true);
    // Other content over it.
    cuts.plan = plan(1_000, 60, &mut random);
    cuts.run(&image, true);
    // Blocks that end where sectors do: a stale sector between new ones is noticed by nothing but the batch's checksum.
    cuts.plan = Plan { sectors: 4, records: (0, 18), flush: 3, close: false, aligned: true };
    let mut aligned = blank.clone();
    for _ in 0..3 {
        aligned = session(SimCard::new(aligned), RAW, cuts.plan).0.image().to_vec();
    }
    cuts.plan.records = (30, 48);
    aligned = cuts.run(&aligned, false);
    let sessions = reading::sessions(&aligned, &EXTENTS);
    assert!(sessions.iter().all(|session| session.batches.iter().skip(1).all(|batch| batch.sectors == 3)));
    // Several files in one session, over fresh and over used extents.
    cuts.plan = plan(2_000, 60, &mut random);
    cuts.plan.records.1 += 200;
    // Not so many short batches that three extents are too few.
    cuts.plan.flush += 40;
    cuts.config = Config { when_full: WhenFull::Stop, ..RAW };
    cuts.run(&blank, true);
    cuts.config = RAW;
    cuts.run(&image, true);
    cuts.looked_at
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_stale_is_read() {
    let wanted = setting("TLOG_POWER_CUT_VARIANTS", 3_000);
    let seed = setting("TLOG_POWER_CUT_SEED", 1);
    let one_of = if wanted < 100_000 { 25 } else { 1 };
    let (mut looked_at, mut rounds) = (0, 0);
    while looked_at < wanted {
        looked_at += round(seed.wrapping_add(rounds), one_of);
        rounds += 1;
    }
    println!("{looked_at} images in {rounds} rounds");
}
