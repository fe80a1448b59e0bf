//! The index saved beside its log, `FILE.tlogx`.

pub(crate) mod bytes;
