//! What is on a card after whole sessions.

mod support;

use firmware_writer::sim::SimCard;
use support::reading::{bytes, sessions};
use support::{EXTENTS, Plan, RAW, SECTORS, session};
use tlog::read::{Event, ReadOptions, SliceReader};
use tlog::wire::index::IndexBlock;

/// Reads a raw file to its end, strictly: how many data blocks it has.
fn read_whole(file: &[u8]) -> usize {
    let mut reader = SliceReader::new(file, ReadOptions { strict: true, ..ReadOptions::default() });
    let mut count = 0;
    while let Some(event) = reader.next_event().unwrap() {
        count += usize::from(matches!(event, Event::Data(_)));
    }
    count
}

#[test]
fn all_that_was_logged_is_read() {
    for close in [false, true] {
        let (card, story) =
            session(SimCard::blank(SECTORS), RAW, Plan { sectors: 4, records: (0, 90), flush: 40, close });
        let found = sessions(card.image(), &EXTENTS);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].records, story.logged);
        let file = bytes(card.image(), EXTENTS[0]);
        assert_eq!(read_whole(file), 90 + found[0].batches.len());
        assert_eq!(IndexBlock::trailer(file).is_some(), close);
    }
}
