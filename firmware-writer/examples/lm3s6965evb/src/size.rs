//! What programs that only measure sizes share: a card that is not there, and no words.

use core::sync::atomic::{AtomicU32, Ordering};
use core::task::Poll;

use firmware_writer::device::{BlockDevice, CardId, DeviceError, Sector};

use crate::records::Imu;

/// Takes everything at once, and has nothing.
pub struct Nowhere;

/// So that no compiler leaves out what makes the sectors.
static SEEN: AtomicU32 = AtomicU32::new(0);

impl BlockDevice for Nowhere {
    #[inline(never)]
    fn sectors(&mut self) -> Result<u32, DeviceError> {
        Ok(SEEN.load(Ordering::Relaxed))
    }

    #[inline(never)]
    fn read(&mut self, sector: u32, into: &mut Sector) -> Result<(), DeviceError> {
        into.fill(SEEN.load(Ordering::Relaxed) as u8);
        SEEN.store(sector, Ordering::Relaxed);
        Ok(())
    }

    #[inline(never)]
    fn begin(&mut self, first: u32, count: u32) -> Poll<Result<(), DeviceError>> {
        SEEN.store(first ^ count, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    #[inline(never)]
    fn push(&mut self, sector: &Sector) -> Poll<Result<(), DeviceError>> {
        sector.iter().for_each(|byte| SEEN.store(u32::from(*byte), Ordering::Relaxed));
        Poll::Ready(Ok(()))
    }

    #[inline(never)]
    fn finish(&mut self) -> Poll<Result<(), DeviceError>> {
        Poll::Ready(if SEEN.load(Ordering::Relaxed) == 1 { Err(DeviceError::Failed) } else { Ok(()) })
    }

    #[inline(never)]
    fn reset(&mut self) -> Poll<Result<CardId, DeviceError>> {
        Poll::Ready(Ok([SEEN.load(Ordering::Relaxed) as u8; 16]))
    }
}

/// Something to log.
#[inline(never)]
pub fn sample() -> Imu {
    Imu::next(SEEN.load(Ordering::Relaxed))
}

/// Uses all of it: what every one of these programs has in it.
pub fn exercise(card: &mut Nowhere) {
    SEEN.store(sample().count, Ordering::Relaxed);
    let mut sector = [0; 512];
    let _ = (card.sectors(), card.read(1, &mut sector), card.begin(1, 1), card.push(&sector), card.finish());
    let _ = card.reset();
    let _ = (crate::board::now(), crate::board::ticks());
}
