//! A folder of rotating segments, written by one process and read by others as one log.
