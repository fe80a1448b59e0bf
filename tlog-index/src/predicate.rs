//! Conditions on the values of records: parsing, deciding, and ruling out by ranges.
