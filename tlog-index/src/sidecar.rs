//! The index saved beside its log, `FILE.tlogx`.
