//! Reading the parts by several workers, and joining each as soon as all in front of it are joined.
//!
//! Each part may take as much memory as the index of all. So they are begun in file order, and at any time there are
//! as a rule no more of them than workers, however many there are in all.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tlog::read::Place;
use tlog::{Error, Result};

use super::part::{How, Part};
use super::split::{Guess, Known};
use crate::index::LogIndex;

/// More parts than any log has.
const NO_MORE: usize = usize::MAX / 2;

/// What has been joined, front to back.
pub(super) struct Joined {
    pub front: LogIndex,
    /// Where the front ends.
    pub place: Place,
    /// The part that goes to the end of the log; `None` if a guess was wrong before it.
    pub last: Option<LogIndex>,
}

/// Reads from where `front` ends to each guess, and to the end; joins what follows.
///
/// # Errors
/// What reading the first part fails with, about which nothing is guessed, and what joining does.
pub(super) fn read(how: &How<'_>, front: LogIndex, place: Place, guesses: &[Guess], known: &Known) -> Result<Joined> {
    let start = place.clone();
    let joined = Joined { front, place, last: None };
    let joining = Joining { joined, due: 0, waiting: BTreeMap::new(), failed: None };
    let queue = Queue { next: AtomicUsize::new(0), joining: Mutex::new(joining) };
    rayon::scope(|scope| {
        for _ in 0..rayon::current_num_threads() {
            scope.spawn(|_| queue.work(how, &start, guesses, known));
        }
    });
    let joining = queue.joining.into_inner().unwrap_or_else(PoisonError::into_inner);
    joining.failed.map_or(Ok(joining.joined), Err)
}

struct Queue {
    /// The part to be read next.
    next: AtomicUsize,
    joining: Mutex<Joining>,
}

struct Joining {
    joined: Joined,
    /// The part to be joined next.
    due: usize,
    /// Parts that were read before one in front of them was.
    waiting: BTreeMap<usize, Result<Option<Part>>>,
    failed: Option<Error>,
}

impl Queue {
    /// What one worker does.
    fn work(&self, how: &How<'_>, start: &Place, guesses: &[Guess], known: &Known) {
        loop {
            let position = self.next.fetch_add(1, Ordering::Relaxed);
            if position > guesses.len() {
                return;
            }
            let stop = guesses.get(position).map_or(u64::MAX, |guess| guess.offset);
            // `None` where a guess cannot be read from.
            let part = match position.checked_sub(1).and_then(|before| guesses.get(before)) {
                None => Part::read(how, start.clone(), true, stop).map(Some),
                Some(guess) => Ok(Part::read(how, known.place(guess), false, stop).ok()),
            };
            let mut joining = self.joining.lock().unwrap_or_else(PoisonError::into_inner);
            if !joining.add(how, position, part) {
                self.next.store(NO_MORE, Ordering::Relaxed);
            }
        }
    }
}

impl Joining {
    /// Takes a part that was read; whether more are of use.
    fn add(&mut self, how: &How<'_>, position: usize, part: Result<Option<Part>>) -> bool {
        if self.due == NO_MORE {
            return false;
        }
        self.waiting.insert(position, part);
        while let Some(part) = self.waiting.remove(&self.due) {
            self.due += 1;
            if !self.join(how, part) {
                self.due = NO_MORE;
                self.waiting.clear();
                return false;
            }
        }
        true
    }

    /// Joins the part that is due; whether the next one can be joined to it.
    fn join(&mut self, how: &How<'_>, part: Result<Option<Part>>) -> bool {
        let Joined { front, place, last } = &mut self.joined;
        match part.map(|part| part.filter(|part| part.follows(place))) {
            Ok(Some(part)) if part.is_last(how) => *last = Some(part.into_tail(place)),
            Ok(Some(part)) => match part.join(front, place) {
                Ok(()) => return true,
                Err(error) => self.failed = Some(error),
            },
            Ok(None) => {}
            Err(error) => self.failed = Some(error),
        }
        false
    }
}
