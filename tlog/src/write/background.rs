//! Writing without waiting for the disk.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::drain::Drain;
use super::output::{Failure, SyncData};
use super::queue::{Counts, End, Outcome, Overflow, Queue};
use super::writer::{RecordId, Writer};
use crate::error::{Error, Result};
use crate::schema::Schema;
use crate::time::Micros;

/// How a [`BackgroundWriter`] queues.
#[derive(Clone, Debug)]
pub struct BackgroundOptions {
    overflow: Overflow,
    queue_bytes: usize,
    gather: Duration,
}

impl BackgroundOptions {
    /// A queue of 4 MiB that is emptied ten times a second, and earlier when it fills.
    pub const fn new(overflow: Overflow) -> Self {
        Self { overflow, queue_bytes: 4 << 20, gather: Duration::from_millis(100) }
    }

    /// How much memory the queue takes, all of it from the start. Half of it fills while the other half is written;
    /// a record takes 25 bytes more than its payload.
    #[must_use]
    pub const fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// How long records may stay in the queue before they are written, when nothing else presses. A program that is killed loses them.
    #[must_use]
    pub const fn gather(mut self, time: Duration) -> Self {
        self.gather = time;
        self
    }
}

/// Writes a log on a thread of its own, for callers that must not wait for the disk.
///
/// ```
/// use tlog::Micros;
/// use tlog::schema::{Schema, Type};
/// use tlog::write::{BackgroundOptions, BackgroundWriter, Overflow, Writer};
///
/// let log = BackgroundWriter::start(Writer::new(Vec::new()), &BackgroundOptions::new(Overflow::Drop))?;
/// let logger = log.logger();
/// let tick = logger.declare("tick", &Schema::new(Type::Varuint)?)?;
/// std::thread::spawn(move || logger.write(tick, Micros::now(), &[1])).join().unwrap()?;
/// let bytes = log.finish()?;
/// assert!(bytes.ends_with(b"TLOGIDEX"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An error of the disk comes back from the next call on every [`Logger`], and from [`finish`](Self::finish). A
/// background writer that is dropped instead still writes what is queued, as well as it can,
/// without an index, and waits for its thread.
#[must_use = "finish() writes the index and tells of errors"]
pub struct BackgroundWriter<W: SyncData + Send + 'static> {
    logger: Logger,
    thread: Option<JoinHandle<Result<Option<W>>>>,
}

/// The hand of a [`BackgroundWriter`] that threads write with. Cloning it is cheap.
#[derive(Clone)]
pub struct Logger {
    queue: Arc<Queue>,
}

impl<W: SyncData + Send + 'static> BackgroundWriter<W> {
    /// Starts the thread. What `writer` has declared so far stays declared.
    ///
    /// # Errors
    /// [`Error::Io`] when the system has no thread to give. With [`Overflow::Drop`] also what
    /// [`Writer::declare`] says to the record of drops.
    pub fn start(writer: Writer<W>, options: &BackgroundOptions) -> Result<Self> {
        let half = options.queue_bytes / 2;
        let queue = |writer: &Writer<W>| {
            let catalogue = writer.catalogue().clone();
            Queue::new(options.overflow, half, options.gather, catalogue, writer.defaults(), writer.modes())
        };
        let drain = Drain::new(writer, options.overflow, queue)?;
        let logger = Logger { queue: Arc::clone(drain.queue()) };
        let thread = thread::Builder::new().name("tlog-writer".to_owned()).spawn(move || run(drain))?;
        Ok(Self { logger, thread: Some(thread) })
    }

    /// A handle for one more thread.
    pub fn logger(&self) -> Logger {
        self.logger.clone()
    }

    /// Lets nothing more in, writes what is queued, the last counts of drops and the index, flushes, and gives the sink back.
    ///
    /// # Errors
    /// Whatever went wrong on the thread. Then not all that was queued is in the log.
    pub fn finish(mut self) -> Result<W> {
        match self.end(End::Finish) {
            Some(Ok(Some(sink))) => Ok(sink),
            Some(Err(e)) => Err(e),
            Some(Ok(None)) | None => Err(Error::Usage("the log is finished".to_owned())),
        }
    }

    fn end(&mut self, end: End) -> Option<Result<Option<W>>> {
        self.logger.queue.close(end);
        // The thread catches panics itself, so that joining it does not fail.
        self.thread.take()?.join().ok()
    }
}

impl<W: SyncData + Send + 'static> Drop for BackgroundWriter<W> {
    fn drop(&mut self) {
        let _ = self.end(End::Abandon);
    }
}

/// The thread's whole life. A panic of the sink becomes an error like any other.
fn run<W: SyncData>(drain: Drain<W>) -> Result<Option<W>> {
    let queue = Arc::clone(drain.queue());
    let outcome = catch_unwind(AssertUnwindSafe(|| drain.run()));
    let outcome = outcome.unwrap_or_else(|panic| Err(Error::from(std::io::Error::other(panic_text(&*panic)))));
    if let Err(e) = &outcome {
        queue.fail(Failure::of("background thread", e));
    }
    outcome
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the log's thread panicked: {}", text.unwrap_or("it did not say why"))
}

thread_local! {
    /// Where `Logger::write_with` encodes.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Logger {
    /// As [`Writer::reserve`].
    ///
    /// # Errors
    /// As there, and the log's failure.
    pub fn reserve(&self, name: &str) -> Result<RecordId> {
        self.queue.reserve(name)
    }

    /// As [`Writer::declare`]. Does not wait for the disk.
    ///
    /// # Errors
    /// As there, and the log's failure.
    pub fn declare(&self, name: &str, schema: &Schema) -> Result<RecordId> {
        self.queue.declare(None, name, schema)
    }

    /// As [`Writer::declare_as`]. Does not wait for the disk.
    ///
    /// # Errors
    /// As there, and the log's failure.
    pub fn declare_as(&self, id: RecordId, name: &str, schema: &Schema) -> Result<()> {
        self.queue.declare(Some(id.0), name, schema).map(drop)
    }

    /// Queues one instance of a record. `payload` must be encoded as the record's schema says; it is not looked at.
    ///
    /// Waits only if the queue is full and the policy is [`Overflow::Wait`].
    ///
    /// # Errors
    /// [`Error::Usage`] for a record that is not declared or a log that is finished, [`Error::Limit`] for
    /// a payload that never fits into the queue, [`Error::Io`] once the log has failed.
    pub fn write(&self, id: RecordId, time: impl Into<Option<Micros>>, payload: &[u8]) -> Result<Outcome> {
        self.queue.push(id, time.into(), payload)
    }

    /// As [`write`](Self::write), with the payload that `encode` appends to the empty buffer it
    /// is given. The buffer is the thread's own and used again each time.
    ///
    /// # Errors
    /// As there.
    pub fn write_with(
        &self,
        id: RecordId,
        time: impl Into<Option<Micros>>,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Outcome> {
        let mut payload = SCRATCH.take();
        payload.clear();
        encode(&mut payload);
        let outcome = self.queue.push(id, time.into(), &payload);
        SCRATCH.set(payload);
        outcome
    }

    /// Waits until everything queued before is flushed to the sink.
    ///
    /// # Errors
    /// [`Error::Io`] once the log has failed, [`Error::Usage`] when it is finished.
    pub fn flush(&self) -> Result<()> {
        self.queue.flush(false)
    }

    /// Waits until everything queued before survives a power failure, as far as the sink can.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn sync(&self) -> Result<()> {
        self.queue.flush(true)
    }

    /// What became of all calls so far, per record, ascending. At any time
    /// `attempted` is exactly what was queued and what was dropped.
    pub fn counts(&self) -> Vec<(RecordId, Counts)> {
        self.queue.counts()
    }
}
