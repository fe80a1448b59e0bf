//! Sidecars that are damaged, or made to harm: nothing of them is believed that is not so, and nothing panics.

mod support;

use std::fs;
use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use support::logs::recipe;
use support::saved::{Saved, in_words, plain_log};
use tlog::value::Path;
use tlog_index::index::LogIndex;
use tlog_index::scan::{self, Progress, ScanOptions, Scanned};
use tlog_index::sidecar::{self, Freshness, Loaded, Unusable, path_of};

/// How long the header is, and where in it the sections are described: length and checksum of each.
const HEADER: usize = 76;
const SECTIONS: usize = 36;

fn options() -> ScanOptions {
    ScanOptions { workers: 1, fields: true, min_part: 600, tail: 700, ..ScanOptions::default() }
}

/// A log with its sidecar, what that holds, and its bytes.
fn saved() -> (Saved, Scanned, Vec<u8>) {
    saved_of(&plain_log(40))
}

fn saved_of(log: &[u8]) -> (Saved, Scanned, Vec<u8>) {
    let saved = Saved::new(log);
    let scanned = saved.scan_and_save(&options()).unwrap();
    let bytes = fs::read(path_of(&saved.log)).unwrap();
    (saved, scanned, bytes)
}

fn load(saved: &Saved, sidecar: &[u8]) -> Loaded {
    fs::write(path_of(&saved.log), sidecar).unwrap();
    sidecar::load(&saved.log, &options()).unwrap()
}

/// What stands in it is either refused or what was saved.
fn assert_not_deceived(loaded: Loaded, scanned: &Scanned, what: &str) {
    match loaded {
        Loaded::None(_) => {}
        Loaded::Fresh(loaded) | Loaded::Grown(loaded) => {
            assert_eq!(loaded.front, in_words(&scanned.front), "{what}");
            assert_eq!(loaded.tail, in_words(&scanned.tail), "{what}");
        }
    }
}

#[test]
fn no_flipped_bit_deceives() {
    let (saved, scanned, bytes) = saved();
    assert!(scanned.front.size > 0);
    for at in 0..bytes.len() {
        for flip in [1 << (at % 8), 0xff] {
            let mut flipped = bytes.clone();
            flipped[at] ^= flip;
            let loaded = load(&saved, &flipped);
            // Every byte counts.
            assert!(matches!(loaded, Loaded::None(_)), "byte {at} ^ {flip}");
        }
    }
}

#[test]
fn no_part_of_a_sidecar_and_none_with_more_behind_is_believed() {
    let (saved, _, bytes) = saved();
    for len in 0..bytes.len() {
        assert!(matches!(load(&saved, &bytes[..len]), Loaded::None(_)), "{len} bytes");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(load(&saved, &longer), Loaded::None(Unusable::Damaged)));
    assert!(matches!(load(&saved, &bytes), Loaded::Fresh(_)));
}

#[test]
fn each_reason_is_told() {
    let (saved, _, bytes) = saved();
    let told = |sidecar: &[u8]| {
        fs::write(path_of(&saved.log), sidecar).unwrap();
        match sidecar::freshness(&saved.log).unwrap() {
            Freshness::Stale(why) => why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told(b""), Unusable::Foreign);
    assert_eq!(told(&plain_log(3)), Unusable::Foreign);
    let changed = |at: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        bytes
    };
    assert_eq!(told(&changed(8, 2)), Unusable::Version(2));
    assert_eq!(told(&changed(12, 7)), Unusable::Damaged);
    assert_eq!(told(&bytes[..HEADER]), Unusable::Damaged);
    // A flag that is not defined, its checksum right.
    assert_eq!(told(&with_sums(changed(12, 7))), Unusable::Damaged);
}

/// The sections' places in a sidecar.
fn sections(sidecar: &[u8]) -> Vec<Range<usize>> {
    let mut start = HEADER;
    let len = |at: usize| u64::from_le_bytes(sidecar[at..at + 8].try_into().unwrap()) as usize;
    (0..3)
        .map(|section| {
            let end = start + len(SECTIONS + 12 * section);
            std::mem::replace(&mut start, end)..end
        })
        .collect()
}

/// The sidecar with all checksums made right.
fn with_sums(mut sidecar: Vec<u8>) -> Vec<u8> {
    for (section, range) in sections(&sidecar).into_iter().enumerate() {
        let sum = crc32fast::hash(&sidecar[range]).to_le_bytes();
        sidecar[SECTIONS + 12 * section + 8..][..4].copy_from_slice(&sum);
    }
    let sum = crc32fast::hash(&sidecar[..HEADER - 4]).to_le_bytes();
    sidecar[HEADER - 4..HEADER].copy_from_slice(&sum);
    sidecar
}

/// The sidecar with these bytes of a section replaced by others, and everything about it right.
fn spliced(sidecar: &[u8], section: usize, place: Range<usize>, by: &[u8]) -> Vec<u8> {
    let start = sections(sidecar)[section].start;
    let mut changed = sidecar.to_vec();
    changed.splice(start + place.start..start + place.end, by.iter().copied());
    let len = (sections(sidecar)[section].len() - place.len() + by.len()) as u64;
    changed[SECTIONS + 12 * section..][..8].copy_from_slice(&len.to_le_bytes());
    with_sums(changed)
}

/// Does with an index what others do with it; whether there is one.
fn use_it(loaded: Loaded, log: &[u8]) -> bool {
    let scanned = match loaded {
        Loaded::Fresh(scanned) | Loaded::Grown(scanned) => scanned,
        Loaded::None(_) => return false,
    };
    let everywhere = |index: &LogIndex| {
        let _ = (index.times(), index.count());
        (0..index.spans.len()).for_each(|at| drop((index.place(at), index.span_end(at))));
        for record in &index.records {
            if let Some(fields) = &record.fields {
                let _ = fields.range(0..u32::MAX, &Path::parse("torque").unwrap());
            }
        }
    };
    everywhere(&scanned.front);
    everywhere(&scanned.tail);
    everywhere(&scanned.clone().into_index());
    let longer = [log, &plain_log(20)].concat();
    if let Ok(grown) = scan::grow(&longer, &options(), &Progress::default(), scanned) {
        everywhere(&grown.into_index());
    }
    true
}

/// Numbers that are more than anything can have, and less.
const ABSURD: [&[u8]; 7] = [
    &[0],
    &[1],
    &[0x7f],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    &[],
];

#[test]
fn absurd_numbers_with_right_checksums_do_no_harm() {
    let log = plain_log(12);
    let (saved, scanned, bytes) = saved_of(&log);
    assert!(matches!(load(&saved, &with_sums(bytes.clone())), Loaded::Fresh(_)));
    assert!(scanned.front.size > 0 && !scanned.tail.records.is_empty());
    let (mut used, mut all) = (0, 0);
    for (section, range) in sections(&bytes).into_iter().enumerate() {
        for at in 0..range.len() {
            for by in ABSURD {
                all += 1;
                used += u32::from(use_it(load(&saved, &spliced(&bytes, section, at..at + 1, by)), &log));
            }
        }
    }
    // Many mean something that could be; those are what had to do no harm.
    assert!(used > all / 20, "{used} of {all}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 300 } else { 10_000 }))]

    #[test]
    fn changed_sections_with_right_checksums_do_no_harm(
        recipe in recipe(40),
        section in 0..3usize,
        place: (prop::sample::Index, prop::sample::Index),
        by in vec(any::<u8>(), 0..12),
    ) {
        let log = recipe.build();
        let (saved, _, bytes) = saved_of(&log);
        let len = sections(&bytes)[section].len();
        let (from, to) = (place.0.index(len + 1), place.1.index(len + 1));
        use_it(load(&saved, &spliced(&bytes, section, from.min(to)..from.max(to), &by)), &log);
    }

    #[test]
    fn whatever_happens_to_a_sidecar_nobody_is_deceived(
        recipe in recipe(40),
        at: prop::sample::Index,
        len in 0..600usize,
        by in vec(any::<u8>(), 0..600),
    ) {
        let (saved, scanned, mut bytes) = saved_of(&recipe.build());
        let at = at.index(bytes.len());
        let end = (at + len).min(bytes.len());
        bytes.splice(at..end, by);
        assert_not_deceived(load(&saved, &bytes), &scanned, "spliced");
    }
}
