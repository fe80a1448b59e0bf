//! One write of consecutive sectors, as far as it has got.

use core::task::Poll;

use crate::device::{BlockDevice, DeviceError, Sector};

/// A write.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    first: u32,
    count: u32,
    /// How many steps the card has taken: the beginning, then the sectors.
    steps: u32,
    /// When it was begun, and when the card last took something: the low half of the time.
    pub started: u32,
    pub moved: u32,
}

/// What a step of a write came to.
pub(crate) enum Step {
    /// The card took something.
    Moved,
    /// The card is busy.
    Busy,
    /// All of it is acknowledged.
    Done,
}

impl Job {
    /// None.
    pub(crate) const NONE: Self = Self::new(0, 0, 0);

    /// A write that has not begun.
    pub(crate) const fn new(first: u32, count: u32, now: u32) -> Self {
        Self { first, count, steps: 0, started: now, moved: now }
    }

    /// The next sector to hand over.
    pub(crate) fn next(&self) -> Option<u32> {
        self.steps.checked_sub(1).filter(|&pushed| pushed < self.count)
    }

    /// Makes the next step; `sector` is that of [`next`](Self::next).
    pub(crate) fn step<D: BlockDevice>(
        &mut self,
        device: &mut D,
        sector: Option<&Sector>,
        now: u32,
        timeout: u32,
    ) -> Result<Step, DeviceError> {
        let (polled, is_last) = match (self.steps, sector) {
            (0, _) => (device.begin(self.first, self.count), false),
            (_, Some(sector)) => (device.push(sector), false),
            (_, None) => (device.finish(), true),
        };
        match polled {
            Poll::Pending if now.wrapping_sub(self.moved) > timeout => Err(DeviceError::Timeout),
            Poll::Pending => Ok(Step::Busy),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(())) => {
                self.moved = now;
                self.steps += 1;
                Ok(if is_last { Step::Done } else { Step::Moved })
            }
        }
    }
}
