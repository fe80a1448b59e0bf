//! The least and the greatest value of each field, along the log.
