//! The number of the last session, kept on a card where no cut of power can take it back.
//!
//! Two sectors, written in turn: whatever a cut makes of the one being written, the other still has the number before it.
//! A number is written, and acknowledged, before the first batch that has it: so none is ever used twice on a card.
//! The next number is one more than the greatest on the card, in these sectors or in the batches at the start of the
//! files; so a card on which both sectors are still empty starts with 1. It goes into the sector that has the lower
//! number, or none.
//!
//! ```text
//! "TLOGCTRL" │ session u32 │ crc32 u32 of these 12 bytes │ zeros to the end of the sector
//! ```

use super::{Fields, Filler, batch::SECTOR, crc};

/// What the sector starts with.
pub const MAGIC: [u8; 8] = *b"TLOGCTRL";

/// The number in a sector; `None` when it is not one of these, or torn.
pub fn parse(sector: &[u8]) -> Option<u32> {
    let mut fields = Fields::new(sector);
    let magic: [u8; 8] = fields.array().ok()?;
    let session = u32::from_le_bytes(fields.array().ok()?);
    let stored = u32::from_le_bytes(fields.array().ok()?);
    (magic == MAGIC && stored == crc::hash(sector.get(..12)?)).then_some(session)
}

/// The sector with this number.
pub fn encode(session: u32) -> [u8; SECTOR] {
    let mut sector = [0; SECTOR];
    let mut filler = Filler::new(&mut sector);
    // Sixteen bytes fit.
    let _ = filler.array(MAGIC);
    let _ = filler.array(session.to_le_bytes());
    let _ = filler.array(crc::of_pieces(&MAGIC, &session.to_le_bytes()).to_le_bytes());
    sector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_sector_has_no_number() {
        let (old, new) = (encode(7), encode(0x0102_0304));
        assert_eq!((parse(&old), parse(&new)), (Some(7), Some(0x0102_0304)));
        for at in 9..16 {
            assert_eq!(parse(&[&new[..at], &old[at..]].concat()), None, "{at}");
        }
        assert_eq!(parse(&[0; SECTOR]), None);
        assert_eq!(parse(&new[..15]), None);
    }
}
