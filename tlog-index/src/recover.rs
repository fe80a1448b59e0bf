//! From a broken log to a whole one.
