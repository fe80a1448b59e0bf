//! What each fuzz target checks, apart from the fuzzer, so that ordinary tests
//! replay the seeds and every input that once failed (`xtask/tests/fuzz_replay.rs`).
//!
//! An input that needs a schema starts with it: its length in two bytes, little
//! endian, its type encoding, then the rest. So seeds can be written by hand.

mod batches;
mod card;
mod columns;
mod file_read;
mod import_mcap;
mod import_ulog;
mod index_scan;
mod json;
mod predicate;
mod recover;
mod seek_markers;
mod sidecar;

pub use batches::batches;
pub use card::card;
pub use columns::columns;
pub use file_read::file_read;
pub use import_mcap::import_mcap;
pub use import_ulog::import_ulog;
pub use index_scan::index_scan;
pub use json::{json_to_binary, schema_json};
pub use predicate::predicate;
pub use recover::recover;
pub use seek_markers::seek_markers;
pub use sidecar::sidecar;

use tlog::schema::{Field, Object, Schema, Type};
use tlog::value::{self, Cursor, ValueError, Visitor};

/// Splits an input into schema and rest; `None` when it has none.
fn split_schema(data: &[u8]) -> Option<(Schema, &[u8])> {
    let (len, rest) = data.split_first_chunk::<2>()?;
    let (schema, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    Some((Schema::from_bytes(schema).ok()?, rest))
}

/// Any bytes are a schema or an error, and a schema survives its own encoding.
pub fn schema_binary(data: &[u8]) {
    let Ok(schema) = Schema::from_bytes(data) else { return };
    let bytes = schema.to_bytes();
    let again = Schema::from_bytes(&bytes).expect("what was written is read");
    assert_eq!(again, schema);
    assert_eq!(again.to_bytes(), bytes, "the encoding is canonical");
    let from_json = Schema::from_json(&schema.to_json()).expect("what was written is read");
    assert_eq!(from_json.to_bytes(), bytes, "JSON keeps everything");
}

/// Checks that whatever begins ends, in order, and that announced counts are kept.
#[derive(Default)]
struct Nesting {
    /// What is open, and how many items it still lacks.
    open: Vec<(char, u64)>,
    /// How many items there were.
    items: usize,
}

impl Nesting {
    fn begin(&mut self, kind: char, items: u64) -> Result<(), ValueError> {
        self.open.push((kind, items));
        Ok(())
    }

    fn item(&mut self, kind: char) -> Result<(), ValueError> {
        let (open, left) = self.open.last_mut().expect("items come inside of something");
        assert_eq!(*open, kind);
        self.items += 1;
        *left = left.checked_sub(1).expect("no more items than announced");
        Ok(())
    }

    fn end(&mut self, kind: char) -> Result<(), ValueError> {
        assert_eq!(self.open.pop(), Some((kind, 0)));
        Ok(())
    }
}

impl<'s, 'a> Visitor<'s, 'a> for Nesting {
    type Error = ValueError;

    fn begin_object(&mut self, ty: &'s Object) -> Result<(), ValueError> {
        self.begin('o', ty.fields().len() as u64)
    }
    fn field(&mut self, _: usize, _: &'s Field) -> Result<(), ValueError> {
        self.item('o')
    }
    fn end_object(&mut self) -> Result<(), ValueError> {
        self.end('o')
    }
    fn begin_array(&mut self, _: &'s Type, len: u64) -> Result<(), ValueError> {
        self.begin('a', len)
    }
    fn element(&mut self, _: u64) -> Result<(), ValueError> {
        self.item('a')
    }
    fn end_array(&mut self) -> Result<(), ValueError> {
        self.end('a')
    }
    fn begin_map(&mut self, _: &'s Type, len: u64) -> Result<(), ValueError> {
        self.begin('m', len)
    }
    fn key(&mut self, _: &'a [u8]) -> Result<(), ValueError> {
        self.item('m')
    }
    fn end_map(&mut self) -> Result<(), ValueError> {
        self.end('m')
    }
    fn begin_union(&mut self, _: &'s Type, _: usize) -> Result<(), ValueError> {
        self.begin('u', 0)
    }
    fn end_union(&mut self) -> Result<(), ValueError> {
        self.end('u')
    }
}

/// Any payload walks by any schema to its end or to an error inside it, and skipping agrees.
pub fn payload_walk(data: &[u8]) {
    let Some((schema, payload)) = split_schema(data) else { return };
    let mut walked = Cursor::new(payload);
    let mut nesting = Nesting::default();
    let outcome = value::walk(schema.root(), &mut walked, &mut nesting);
    let mut skipped = Cursor::new(payload);
    let skip_outcome = value::skip(schema.root(), &mut skipped);
    assert!(walked.position() <= payload.len());
    match outcome {
        Ok(()) => {
            assert!(nesting.open.is_empty());
            assert_eq!(skip_outcome, Ok(()));
            assert_eq!(walked.position(), skipped.position());
            // A million nulls make megabytes of JSON: nothing new, only slow.
            if nesting.items < 10_000 {
                json::there_and_back(&schema, payload);
            }
        }
        Err(error) => {
            assert!(error.offset <= payload.len());
            assert!(skip_outcome.is_err());
        }
    }
}
