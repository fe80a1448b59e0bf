//! Which parts of a log a request must read, and reading them.
