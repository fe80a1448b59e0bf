//! What `#[derive(Record)]` refuses, and where its errors point.

/// After a change of the messages: `TRYBUILD=overwrite cargo test -p tlog --test ui`, and read the difference.
#[test]
fn errors_point_at_what_is_wrong() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
