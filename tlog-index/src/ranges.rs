//! The least and the greatest value of each field, along the log.

use tlog::schema::Schema;

/// The ranges of one record's fields, per stretch of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldRanges {}

impl FieldRanges {
    /// For a record of this type.
    pub(crate) fn new(_schema: &Schema) -> Self {
        Self {}
    }

    /// Takes one instance, which starts in `span`, into account.
    pub(crate) fn add(&mut self, _span: u32, _payload: &[u8]) {}

    /// Joins what follows.
    pub(crate) fn append(&mut self, _later: Self) {}

    /// Makes spans longer by this power of two.
    pub(crate) fn coarsen(&mut self, _shift: u32) {}
}
