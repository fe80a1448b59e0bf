//! What firmware wrote, cut at any sector, as recovery reads it: the same as by the rules of the layout, read naively.

#[path = "support/firmware.rs"]
mod firmware;
#[path = "../../firmware-writer/tests/support/mod.rs"]
mod support;

use firmware::recovered;
use firmware_writer::sim::{Event, Random, SimCard};
use support::cuts::{VARIANTS, Write};
use support::reading::Session;
use support::{EXTENTS, Logged, Plan, RAW, SECTORS, reading, session};
use tlog_index::batches::Batches;

/// One of so many images is looked at.
const ONE_OF: u64 = 20;

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

/// Looks at what cuts of one session leave on a card with this image; the image of the whole session.
fn cut(start: &[u8], plan: Plan, random: &mut Random) -> Vec<u8> {
    let (card, story) = session(SimCard::new(start.to_vec()), RAW, plan);
    assert!(!story.logged.is_empty());
    let mut image = start.to_vec();
    let mut write = Write::default();
    for (at, event) in card.journal().iter().enumerate() {
        match event {
            Event::Begun(first, count) => write = Write { first: *first, count: *count, new: Vec::new() },
            Event::Pushed(_, bytes) => write.new.push(**bytes),
            Event::Acknowledged => {
                let new = std::mem::take(&mut write.new);
                write.put(&mut image, &new);
                continue;
            }
        }
        let first = write.first;
        let Some(extent) = EXTENTS.iter().find(|e| (e.first..e.first + e.sectors).contains(&first)) else { continue };
        let of_before = reading::session(reading::bytes(&image, *extent));
        let old = write.old(&image);
        for variant in 0..VARIANTS {
            if !write.is_possible(variant) || random.below(ONE_OF) != 0 {
                continue;
            }
            write.put(&mut image, &write.left(variant, &old, random));
            let file = reading::bytes(&image, *extent);
            check(file, of_before.as_ref(), file.starts_with(b"TLOG0003\0"), &format!("event {at}, variant {variant}"));
            write.put(&mut image, &old);
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
