//! From a time to the latest instance of each record at or before it.
