//! What is on a card after whole sessions.

mod support;

use firmware_writer::sim::SimCard;
use support::reading::{bytes, sessions, whole};
use support::{EXTENTS, Plan, RAW, SECTORS, session};

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
