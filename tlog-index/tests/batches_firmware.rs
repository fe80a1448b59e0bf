//! What firmware wrote, cut at any sector, as recovery reads it: the same as by the rules of the layout, read naively.

#[path = "../../firmware-writer/tests/support/mod.rs"]
mod support;

use firmware_writer::sim::{Event, Fill, Random, SimCard, put_sector, sector_of, tear};
use support::reading::Session;
use support::{EXTENTS, Logged, Plan, RAW, SECTORS, reading, session};
use tlog::read::{Event as Read, ReadOptions, SliceReader};
use tlog_index::batches::Batches;
use tlog_index::recover::{RecoverOptions, Report, recover};

/// Images for each sector that is written: torn, in another order, with what is not new erased beforehand.
const TEARS: u64 = 128;
const ORDERS: u64 = 32;
const BLANKS: u64 = 32;

/// One of so many images is looked at.
const ONE_OF: u64 = 20;

fn recovered(file: &[u8], card: bool) -> (Report, Vec<Logged>) {
    let options = RecoverOptions { card, ..RecoverOptions::default() };
    let (recovered, log) = recover(file, &options, Vec::new()).unwrap();
    recovered.verify(&log).unwrap();
    let mut reader = SliceReader::new(&log, ReadOptions::default());
    let mut records = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        if let Read::Data(data) = event
            && !data.record.name.starts_with("tlog.")
        {
            let time = data.time.unwrap().0 as u64;
            records.push(Logged { id: data.record.identifier as u16, time, payload: data.payload.to_vec() });
        }
    }
    (recovered.report, records)
}

/// Whether these are records of the session that was in the file before, with gaps.
fn is_of(earlier: Option<&Session>, session: Option<u32>, records: &[Logged]) -> bool {
    let Some(earlier) = earlier.filter(|earlier| session == Some(earlier.number)) else { return false };
    let mut all = earlier.records.iter();
    records.iter().all(|record| all.any(|other| other == record))
}

/// Compares recovery with the naive reading, which ends where something is damaged: recovery has what follows too. That
/// can only be of the session of before, which is being overwritten while its first head is still there.
fn check(file: &[u8], earlier: Option<&Session>, has_front: bool, what: &str) {
    let expected = reading::session(file).unwrap_or_default();
    let (report, records) = recovered(file, true);
    if records != expected.records {
        let session = report.batches.as_ref().and_then(|batches| batches.session);
        assert!(is_of(earlier, session, &records), "{what}: {:?}", report.batches);
        assert!(report.lost_stretches > 0 && records.starts_with(&expected.records), "{what}");
        return;
    }
    let batches = report.batches.unwrap();
    assert_eq!(batches.whole - unproved(file), expected.batches.len() as u64, "{what}");
    // A file that starts with nothing of a log is known by its batches alone, if there are any.
    if has_front {
        assert_eq!(recovered(file, false).1, expected.records, "{what}, not known to be of a card");
    }
}

/// How many whole batches there are that nothing proves to be of the file's latest use.
fn unproved(file: &[u8]) -> u64 {
    let batches = Batches::of_card(file);
    batches.filter(|piece| matches!(piece, tlog_index::batches::Piece::Batch { proved: false, .. })).count() as u64
}

fn put(image: &mut [u8], first: u32, sectors: &[[u8; 512]]) {
    (first..).zip(sectors).for_each(|(sector, bytes)| put_sector(image, sector, bytes));
}

/// What a cut leaves of a write of which `new` was handed over.
fn left(variant: u64, old: &[[u8; 512]], new: &[[u8; 512]], random: &mut Random) -> Vec<[u8; 512]> {
    let blank = (variant >= TEARS + ORDERS).then(|| if variant.is_multiple_of(2) { [0xff; 512] } else { [0; 512] });
    let in_order = variant < TEARS || blank.is_some() && random.below(2) == 0;
    let torn = if in_order { new.len().saturating_sub(1) } else { random.below(new.len() as u64) as usize };
    let cut = 16 * (variant / 4 % 32) as usize;
    let fill = [Fill::Old, Fill::Ones, Fill::Zeros, Fill::Random(random.next())][(variant % 4) as usize];
    let sector = |(at, old): (usize, &[u8; 512])| {
        let unwritten = blank.unwrap_or(*old);
        match new.get(at) {
            None => unwritten,
            Some(new) if at == torn => tear(&unwritten, new, cut, fill),
            Some(_) if !in_order && random.below(2) == 0 => unwritten,
            Some(new) => *new,
        }
    };
    old.iter().enumerate().map(sector).collect()
}

/// Looks at what cuts of one session leave on a card with this image; the image of the whole session.
fn cut(start: &[u8], plan: Plan, random: &mut Random) -> Vec<u8> {
    let (card, story) = session(SimCard::new(start.to_vec()), RAW, plan);
    assert!(!story.logged.is_empty());
    let mut image = start.to_vec();
    let (mut first, mut old, mut new) = (0, Vec::new(), Vec::new());
    for (at, event) in card.journal().iter().enumerate() {
        match event {
            Event::Begun(sector, count) => {
                first = *sector;
                old = (first..first + count).map(|sector| sector_of(&image, sector)).collect();
            }
            Event::Pushed(_, bytes) => new.push(**bytes),
            Event::Acknowledged => {
                put(&mut image, first, &new);
                new.clear();
                continue;
            }
        }
        let Some(extent) = EXTENTS.iter().find(|e| (e.first..e.first + e.sectors).contains(&first)) else { continue };
        let of_before = reading::session(reading::bytes(&image, *extent));
        for variant in 0..TEARS + ORDERS + BLANKS {
            let is_possible = if variant < TEARS + ORDERS { !new.is_empty() } else { old.len() > 1 };
            if !is_possible || random.below(ONE_OF) != 0 {
                continue;
            }
            put(&mut image, first, &left(variant, &old, &new, random));
            let file = reading::bytes(&image, *extent);
            check(file, of_before.as_ref(), file.starts_with(b"TLOG0003\0"), &format!("event {at}, variant {variant}"));
            put(&mut image, first, &old);
        }
    }
    card.image().to_vec()
}

#[test]
fn recovery_reads_what_any_cut_leaves() {
    let mut random = Random::new(7);
    let plan = |first: u32, close| Plan { sectors: 3, records: (first, first + 60), flush: 30, close, aligned: close };
    let mut image = SimCard::blank(SECTORS).image().to_vec();
    for (first, close) in [(0, false), (1_000, true), (2_000, false), (3_000, true)] {
        image = cut(&image, plan(first, close), &mut random);
    }
}

#[test]
fn a_whole_session_is_told_of() {
    for close in [false, true] {
        let plan = Plan { sectors: 4, records: (0, 90), flush: 40, close, aligned: false };
        let (card, story) = session(SimCard::blank(SECTORS), RAW, plan);
        let file = reading::bytes(card.image(), EXTENTS[0]);
        let (report, records) = recovered(file, false);
        assert_eq!((records, report.lost_stretches, report.had_index), (story.logged, 0, close));
        let batches = report.batches.unwrap();
        assert_eq!((batches.session, batches.missing, batches.closed, batches.ended), (Some(1), 0, close, true));
        let found = tlog_index::verify::verify(file, &Default::default(), |_| ()).unwrap();
        assert_eq!((found.errors, found.warnings), (0, u64::from(!close)), "{:?}", found.counts);
    }
}
