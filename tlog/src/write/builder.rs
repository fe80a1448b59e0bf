//! Declarations collected before the log is opened.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::catalogue::Catalogue;
use super::options::WriterOptions;
use super::output::{Output, create_new};
use super::writer::{RecordId, Writer};
use crate::error::Result;
use crate::schema::Schema;

/// Collects declarations, which then stand right behind the log's header, ascending by identifier:
/// what a reader at the front of the file sees first. From [`WriterOptions::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing is written before it is opened"]
pub struct WriterBuilder {
    options: WriterOptions,
    catalogue: Catalogue,
}

impl WriterBuilder {
    pub(super) fn new(options: WriterOptions) -> Self {
        Self { options, catalogue: Catalogue::default() }
    }

    /// As [`Writer::reserve`].
    ///
    /// # Errors
    /// As there.
    pub fn reserve(&mut self, name: &str) -> Result<RecordId> {
        self.catalogue.reserve(name).map(RecordId)
    }

    /// As [`Writer::declare`].
    ///
    /// # Errors
    /// As there, but for I/O.
    pub fn declare(&mut self, name: &str, schema: &Schema) -> Result<RecordId> {
        self.catalogue.declare(None, name, schema).map(|declared| RecordId(declared.identifier()))
    }

    /// As [`Writer::declare_as`].
    ///
    /// # Errors
    /// As there, but for I/O.
    pub fn declare_as(&mut self, id: RecordId, name: &str, schema: &Schema) -> Result<()> {
        self.catalogue.declare(Some(id.0), name, schema).map(drop)
    }

    /// Opens the log in any sink.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), when the declarations fill the first batch and the sink does not take it.
    pub fn open<W: Write>(self, sink: W) -> Result<Writer<W>> {
        Self::started(Writer::start(Output::new(sink, None), &self.options, self.catalogue))
    }

    /// Opens the log in a new file.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`WriterOptions::create`].
    pub fn create(self, path: impl AsRef<Path>) -> Result<Writer<File>> {
        Self::started(Writer::start(create_new(path.as_ref())?, &self.options, self.catalogue))
    }

    fn started<W: Write>(mut writer: Writer<W>) -> Result<Writer<W>> {
        writer.write_declared()?;
        Ok(writer)
    }
}
