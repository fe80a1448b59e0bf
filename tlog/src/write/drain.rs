//! The thread of a background writer: empties the queue into the log.

use std::sync::Arc;

use super::output::SyncData;
use super::queue::{Batch, Counts, DROPS_RECORD, End, Overflow, Queue, next_entry};
use super::table::Table;
use super::writer::{RecordId, Writer};
use crate::error::Result;
use crate::schema::{Field, Object, Schema, Type, Width};
use crate::time::Micros;
use crate::value::put_varuint;

/// Owns the log while it is written in the background.
pub(super) struct Drain<W: SyncData> {
    writer: Writer<W>,
    queue: Arc<Queue>,
    batch: Batch,
    /// Only with [`Overflow::Drop`].
    drops: Option<Drops>,
    /// Of the latest record that had one.
    time: Option<Micros>,
}

/// The record of drops, and what it has told so far.
struct Drops {
    id: RecordId,
    told: Table<Counts>,
}

impl<W: SyncData> Drain<W> {
    /// # Errors
    /// As [`Writer::declare`].
    pub(super) fn new(
        mut writer: Writer<W>,
        overflow: Overflow,
        queue: impl FnOnce(&Writer<W>) -> Queue,
    ) -> Result<Self> {
        let drops = match overflow {
            Overflow::Wait => None,
            Overflow::Drop => Some(Drops { id: writer.declare(DROPS_RECORD, &drops_schema()?)?, told: Table::new() }),
        };
        let queue = Arc::new(queue(&writer));
        if let Some(drops) = &drops {
            queue.keep_for_itself(drops.id);
        }
        Ok(Self { writer, batch: queue.batch(), queue, drops, time: None })
    }

    pub(super) const fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Writes until the queue is closed and empty; the sink, if it was closed to be finished.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) of the sink.
    pub(super) fn run(mut self) -> Result<Option<W>> {
        loop {
            self.queue.take(&mut self.batch);
            self.write_batch()?;
            self.queue.complete(&self.batch);
            match self.batch.end {
                None => {}
                Some(End::Finish) => return self.writer.finish().map(Some),
                Some(End::Abandon) => return Ok(None),
            }
        }
    }

    fn write_batch(&mut self) -> Result<()> {
        for new in self.batch.schemas.drain(..) {
            self.writer.declare_raw(new.id, &new.name, &new.schema)?;
        }
        let mut entries = self.batch.entries.as_slice();
        while let Some((id, time, payload)) = next_entry(&mut entries) {
            self.writer.write(id, time, payload)?;
            self.time = time.or(self.time);
        }
        self.tell_drops()?;
        // Out of this process at each batch, so that a crash takes little with it.
        if self.batch.sync { self.writer.sync() } else { self.writer.flush() }
    }

    /// Writes a row for each record whose count changed; at the end for each record that was written at all, so that
    /// the log tells how complete it is.
    fn tell_drops(&mut self) -> Result<()> {
        let Some(drops) = self.drops.as_mut().filter(|_| self.batch.counts_changed) else { return Ok(()) };
        let at_end = self.batch.end.is_some();
        for (identifier, tally) in self.batch.tallies.iter() {
            let counts = tally.counts;
            let told = drops.told.get_or_insert(identifier, Counts::default());
            if told.dropped != counts.dropped || (at_end && *told != counts) {
                *told = counts;
                let name = self.queue.name(RecordId(identifier));
                self.writer.write_with(drops.id, self.time, |row| put_row(&name, counts, row))?;
            }
        }
        Ok(())
    }
}

/// Totals so far, per record.
fn drops_schema() -> Result<Schema> {
    let total = Type::FixedUint(Width::W8);
    let row = Object::new([
        Field::new("record", Type::String),
        Field::new("dropped", total.clone()),
        Field::new("attempted", total),
    ]);
    Schema::new(row.into()).map_err(|e| crate::Error::Usage(e.to_string()))
}

fn put_row(name: &[u8], counts: Counts, row: &mut Vec<u8>) {
    put_varuint(name.len() as u64, row);
    row.extend_from_slice(name);
    row.extend_from_slice(&counts.dropped.to_le_bytes());
    row.extend_from_slice(&counts.attempted.to_le_bytes());
}
