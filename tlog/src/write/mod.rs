//! Writing logs.
