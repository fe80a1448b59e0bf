//! What the card has acknowledged, written to a sector outside of the partition: in the same order on the same card as
//! the data itself, so that whoever cuts the power there can compare.

use core::task::Poll;

use firmware_writer::device::{BlockDevice, SECTOR};

/// Where it is.
const PLACE: u32 = 100;

/// What the sector begins with.
const MAGIC: [u8; 8] = *b"TLOGACKS";

/// Says that so many records, and so many batches, were acknowledged since the start. Whether that could be written.
pub fn write<D: BlockDevice>(card: &mut D, boot: u32, records: u32, batches: u32) -> bool {
    let mut sector = [0; SECTOR];
    let fields = [
        u32::from_le_bytes([MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3]]),
        u32::from_le_bytes([MAGIC[4], MAGIC[5], MAGIC[6], MAGIC[7]]),
        boot,
        records,
        batches,
    ];
    for (slot, field) in sector.chunks_exact_mut(4).zip(fields) {
        slot.copy_from_slice(&field.to_le_bytes());
    }
    wait(|| card.begin(PLACE, 1)) && wait(|| card.push(&sector)) && wait(|| card.finish())
}

/// Which start this is: one more than the sector knows of.
pub fn next_boot<D: BlockDevice>(card: &mut D) -> u32 {
    let mut sector = [0; SECTOR];
    match card.read(PLACE, &mut sector) {
        Ok(()) if sector.starts_with(&MAGIC) => u32::from_le_bytes([sector[8], sector[9], sector[10], sector[11]]) + 1,
        _ => 1,
    }
}

fn wait<E>(mut ask: impl FnMut() -> Poll<Result<(), E>>) -> bool {
    loop {
        if let Poll::Ready(answer) = ask() {
            return answer.is_ok();
        }
    }
}
