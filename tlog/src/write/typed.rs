//! Rust types straight into a log.

use std::io::Write;
use std::marker::PhantomData;

use super::background::Logger;
use super::builder::WriterBuilder;
use super::queue::Outcome;
use super::writer::{RecordId, Writer};
use crate::error::{Error, Result};
use crate::record::Record;
use crate::schema::Schema;
use crate::time::Micros;

/// A declared record that holds values of `R`. From [`Writer::record`] or [`Logger::record`], and good for that log only.
#[derive(Debug)]
pub struct Handle<R> {
    id: RecordId,
    // Declared with one lifetime, good for values of every other.
    record: PhantomData<fn() -> R>,
}

impl<R> Clone for Handle<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Handle<R> {}

impl<R: Record> Handle<R> {
    fn declared(declare: impl FnOnce(&str, &Schema) -> Result<RecordId>) -> Result<Self> {
        let schema = Schema::of::<R>().map_err(|e| Error::Usage(format!("record {:?}: {e}", R::NAME)))?;
        declare(R::NAME, &schema).map(|id| Self { id, record: PhantomData })
    }

    /// The record's identifier, as for [`Writer::write`].
    pub const fn id(self) -> RecordId {
        self.id
    }
}

impl<W: Write> Writer<W> {
    /// Declares the record that a Rust type is.
    ///
    /// ```
    /// use tlog::{Micros, Record, Writer};
    ///
    /// #[derive(Record)]
    /// struct Battery {
    ///     volts: f32,
    ///     cells: [u16; 3],
    /// }
    ///
    /// let mut log = Writer::new(Vec::new());
    /// let battery = log.record::<Battery>()?;
    /// log.log(battery, Micros::now(), &Battery { volts: 12.6, cells: [4200, 4199, 4201] })?;
    /// log.finish()?;
    /// # Ok::<(), tlog::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`declare`](Self::declare).
    pub fn record<R: Record>(&mut self) -> Result<Handle<R>> {
        Handle::declared(|name, schema| self.declare(name, schema))
    }

    /// Encodes `value` and writes it. Nothing is allocated.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    #[inline]
    pub fn log<R: Record>(&mut self, record: Handle<R>, time: impl Into<Option<Micros>>, value: &R) -> Result<()> {
        self.write_with(record.id, time, |payload| encode(value, payload))
    }
}

impl WriterBuilder {
    /// As [`Writer::record`].
    ///
    /// # Errors
    /// As [`declare`](Self::declare).
    pub fn record<R: Record>(&mut self) -> Result<Handle<R>> {
        Handle::declared(|name, schema| self.declare(name, schema))
    }
}

impl Logger {
    /// As [`Writer::record`]. Does not wait for the disk.
    ///
    /// # Errors
    /// As [`declare`](Self::declare).
    pub fn record<R: Record>(&self) -> Result<Handle<R>> {
        Handle::declared(|name, schema| self.declare(name, schema))
    }

    /// Encodes `value` and queues it.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn log<R: Record>(&self, record: Handle<R>, time: impl Into<Option<Micros>>, value: &R) -> Result<Outcome> {
        self.write_with(record.id, time, |payload| encode(value, payload))
    }
}

fn encode<R: Record>(value: &R, payload: &mut Vec<u8>) {
    let Ok(()) = value.encode(payload);
}
