//! Reading a log with several workers, to the same result as with one.
