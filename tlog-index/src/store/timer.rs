//! What happens although no record comes: flushing, syncing, rotation, retention.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tlog::{Error, Result};

use super::options::{Durability, StoreOptions};
use super::{Shared, locked};

/// How often it is looked whether something is to be deleted for its age or for space on the disk, at most.
const TIDY_PERIOD: Duration = Duration::from_secs(1);

/// The longest wait; clocks need not count to more.
const LONG: Duration = Duration::from_secs(3600);

/// What is due at which intervals.
#[derive(Debug)]
pub(super) struct Schedule {
    rotates: bool,
    durable: Option<Duration>,
    syncs: bool,
    tidies: Option<Duration>,
    next_durable: Option<Instant>,
    next_tidy: Option<Instant>,
}

impl Schedule {
    /// `None` when nothing is ever due.
    pub(super) fn new(options: &StoreOptions, now: Instant) -> Option<Self> {
        let (durable, syncs) = match options.durability {
            Durability::FlushEvery(interval) => (Some(interval), false),
            Durability::SyncEvery(interval) => (Some(interval), true),
            Durability::None | Durability::SyncEach => (None, false),
        };
        let of_age = options.keep.age.map(|age| age.clamp(Duration::from_millis(1), TIDY_PERIOD));
        let tidies = of_age.or(options.keep.free.map(|_| TIDY_PERIOD));
        let rotates = options.rotate_time.is_some();
        let after = |period: Option<Duration>| period.and_then(|period| now.checked_add(period));
        let schedule = Self { rotates, durable, syncs, tidies, next_durable: after(durable), next_tidy: after(tidies) };
        (rotates || durable.is_some() || tidies.is_some()).then_some(schedule)
    }

    /// Does what is due. How long there is nothing to do then.
    pub(super) fn run_due(&mut self, shared: &Shared) -> Duration {
        let now = shared.system.now();
        let mut wait = LONG;
        // Errors end the store, and are told to whoever writes next.
        if self.rotates
            && let Ok(Some(left)) = locked(&shared.core).rotate_if_old()
        {
            wait = wait.min(left);
        }
        if let Some(left) = take_turn(&mut self.next_durable, self.durable, now, || {
            let _ = if self.syncs { shared.sync().map(drop) } else { locked(&shared.core).flush() };
        }) {
            wait = wait.min(left);
        }
        if let Some(left) = take_turn(&mut self.next_tidy, self.tidies, now, || locked(&shared.core).tidy()) {
            wait = wait.min(left);
        }
        wait
    }
}

/// Acts if it is time to, and says when it is next.
fn take_turn(
    next: &mut Option<Instant>,
    period: Option<Duration>,
    now: Instant,
    act: impl FnOnce(),
) -> Option<Duration> {
    let (due, period) = ((*next)?, period?);
    if now < due {
        return Some(due - now);
    }
    act();
    *next = now.checked_add(period);
    Some(period)
}

/// The thread that keeps to the schedule.
#[derive(Debug)]
pub(super) struct Timer {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Timer {
    /// # Errors
    /// [`Error::Io`], when there cannot be another thread.
    pub(super) fn start(mut schedule: Schedule, shared: Arc<Shared>) -> Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let stopped = Arc::clone(&stop);
        let run = move || {
            loop {
                let wait = schedule.run_due(&shared);
                let (flag, changed) = &*stopped;
                let waited = changed.wait_timeout_while(locked(flag), wait, |stop| !*stop);
                if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("tlog-store".to_owned()).spawn(run).map_err(Error::from)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        *locked(&self.stop.0) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
