//! What a scan tells of a log: its records, and where in it they are.
