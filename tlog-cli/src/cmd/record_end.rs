//! A store that is being recorded into, and its end: that of the input, or a signal, which ends it just as properly.
//!
//! A signal may come while the input is waited for. So it is not the reading that ends then: the thread that takes the
//! signal finishes the store and ends the process, and whoever comes to write later finds the store gone and waits for
//! that.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tlog::Micros;
use tlog::schema::Schema;
use tlog::write::RecordId;
use tlog_index::store::Store;

use crate::exit;
use crate::output::STDOUT;
use crate::terminal::{Terminal, count};

/// How often what the store syncs by itself is looked for.
const POLL: Duration = Duration::from_millis(20);

/// A store and who may end it.
pub struct Recorder {
    /// Gone when it is finished.
    store: Mutex<Option<Store>>,
    dir: PathBuf,
    /// How many records have been told of as safe; `None` when nobody wants to know.
    told: Option<Mutex<u64>>,
    terminal: Terminal,
}

impl Recorder {
    /// Takes the store, and the signals.
    pub fn start(store: Store, dir: &Path, ack: bool, terminal: &Terminal) -> anyhow::Result<Arc<Self>> {
        let told = ack.then(Mutex::default);
        let recorder = Self { store: Mutex::new(Some(store)), dir: dir.to_owned(), told, terminal: terminal.clone() };
        let recorder = Arc::new(recorder);
        let at_signal = Arc::clone(&recorder);
        ctrlc::set_handler(move || at_signal.end_process()).context("signals cannot be taken")?;
        if ack {
            let watched = Arc::clone(&recorder);
            std::thread::spawn(move || watched.watch());
        }
        Ok(recorder)
    }

    pub fn declare(&self, id: RecordId, name: &str, schema: &Schema) -> anyhow::Result<()> {
        self.with(|store| store.declare_as(id, name, schema))
    }

    pub fn write(&self, id: RecordId, time: Option<Micros>, payload: &[u8]) -> anyhow::Result<()> {
        self.with(|store| store.write(id, time, payload))?;
        self.acknowledge()
    }

    fn with<T>(&self, act: impl FnOnce(&Store) -> tlog::Result<T>) -> anyhow::Result<T> {
        let store = locked(&self.store);
        match store.as_ref() {
            Some(store) => Ok(act(store)?),
            None => {
                drop(store);
                wait_for_the_end()
            }
        }
    }

    /// Tells how many records are safe, if there are more than were told of.
    fn acknowledge(&self) -> anyhow::Result<()> {
        let Some(told) = &self.told else { return Ok(()) };
        let mut told = locked(told);
        let Some(safe) = locked(&self.store).as_ref().map(Store::acknowledged) else { return Ok(()) };
        self.tell_safe(&mut told, safe)
    }

    fn tell_safe(&self, told: &mut u64, safe: u64) -> anyhow::Result<()> {
        if safe <= *told {
            return Ok(());
        }
        *told = safe;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{safe}").and_then(|()| out.flush()).context(STDOUT)
    }

    /// Tells of what becomes safe while nothing comes.
    fn watch(&self) {
        while locked(&self.store).is_some() {
            if self.acknowledge().is_err() {
                // Nobody listens any more. That is no reason to stop recording; who writes finds out by itself.
                return;
            }
            std::thread::sleep(POLL);
        }
    }

    /// Finishes the store and says what is in it, unless that is nothing because recording failed.
    pub fn end(&self, has_failed: bool) -> anyhow::Result<()> {
        let Some(store) = locked(&self.store).take() else { wait_for_the_end() };
        let status = store.status();
        let ended = store.finish();
        let dir = self.dir.display();
        if let Some(failure) = status.not_deleted {
            self.terminal.warn(&format!("{dir}: {failure}"));
        }
        match ended {
            Ok(()) if has_failed && status.written == 0 => Ok(()),
            Ok(()) => {
                let (written, segments, deleted) = (status.written, status.segments, status.deleted);
                let more = if deleted > 0 { format!("; {} deleted", count(deleted, "old one")) } else { String::new() };
                self.terminal.tell(&format!(
                    "{} recorded; {dir} has {}{more}",
                    count(written, "record"),
                    count(segments, "segment")
                ));
                if let Some(told) = &self.told {
                    self.tell_safe(&mut locked(told), written)?;
                }
                Ok(())
            }
            Err(e) => {
                let (written, safe) = (status.written, status.synced);
                self.terminal.warn(&format!("{dir}: at least {safe} of {written} records are safe"));
                Err(e.into())
            }
        }
    }

    /// A signal came.
    fn end_process(&self) {
        std::process::exit(match self.end(false) {
            Ok(()) => 0,
            Err(e) => {
                self.terminal.error(&exit::message(&e));
                1
            }
        });
    }
}

/// The process is being ended by another thread.
fn wait_for_the_end() -> ! {
    loop {
        std::thread::park();
    }
}

/// Nothing here panics while it holds a lock; were it so, what is locked would still be whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
