//! One write of consecutive sectors, as far as it has got.

use core::task::Poll;

use crate::device::{BlockDevice, DeviceError, Sector};

/// A write.
#[derive(Clone, Copy, Default)]
pub(crate) struct Job {
    first: u32,
    count: u32,
    /// How many sectors the card has taken; `None` before it has begun.
    pushed: Option<u32>,
    /// When it was begun, and when the card last took something.
    pub started: u64,
    pub moved: u64,
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
    /// A write that has not begun.
    pub(crate) const fn new(first: u32, count: u32, now: u64) -> Self {
        Self { first, count, pushed: None, started: now, moved: now }
    }

    /// The next sector to hand over.
    pub(crate) fn next(&self) -> Option<u32> {
        self.pushed.filter(|&pushed| pushed < self.count)
    }

    /// Makes the next step; `sector` is that of [`next`](Self::next).
    pub(crate) fn step<D: BlockDevice>(
        &mut self,
        device: &mut D,
        sector: Option<&Sector>,
        now: u64,
        timeout: u32,
    ) -> Result<Step, DeviceError> {
        let (polled, is_last) = match (self.pushed, sector) {
            (None, _) => (device.begin(self.first, self.count), false),
            (Some(_), Some(sector)) => (device.push(sector), false),
            (Some(_), None) => (device.finish(), true),
        };
        match polled {
            Poll::Pending if now.saturating_sub(self.moved) > u64::from(timeout) => Err(DeviceError::Timeout),
            Poll::Pending => Ok(Step::Busy),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(())) => {
                self.moved = now;
                self.pushed = Some(self.pushed.map_or(0, |pushed| pushed + 1));
                Ok(if is_last { Step::Done } else { Step::Moved })
            }
        }
    }
}
