//! Any text as a condition: read, shown and read again; and never ruled out by ranges where it holds.
//!
//! What is behind the first byte `ff`, which no text has, are up to four payloads, each with its length in front in one byte.

use std::sync::OnceLock;

use tlog::RecordId;
use tlog::read::Selection;
use tlog::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use tlog::value::Path;
use tlog::write::WriterOptions;
use tlog_index::index::LogIndex;
use tlog_index::plan::{Plan, Request};
use tlog_index::predicate::{Compiled, Predicate, Range, Ranges};
use tlog_index::ranges::FieldRanges;
use tlog_index::scan::{ScanOptions, scan};

/// The name of the only record.
const RECORD: &str = "r";

/// Fields of all kinds.
fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let symbols = ["x", "y", "z"].into_iter().zip(-1..);
        let mode = symbols.map(|(name, value)| Symbol { value, name: name.to_owned() });
        let inner = Object::new([Field::new("a", Type::FixedInt(Width::W2)), Field::new("f", Type::Float32)]);
        let fields = [
            ("a", Type::Boolean),
            ("b", Type::FixedInt(Width::W1)),
            ("i", Type::Varint),
            ("u", Type::Varuint),
            ("f", Type::Float64),
            ("s", Type::Float32),
            ("mode", Enum::new(IntegerType::Varint, mode).into()),
            ("at", Type::Timestamp),
            ("took", Type::Duration),
            ("some", Type::optional(Type::Float64)),
            ("other", Type::Union(vec![Type::Boolean, Type::Varint, Type::String])),
            ("list", Type::array(Type::from(inner))),
            ("fixed", Type::fixed_array(2, Type::Varint)),
            ("map", Type::map(Type::Varint)),
            ("name", Type::String),
            ("bytes", Type::Bytes),
        ];
        let object = Object::new(fields.map(|(name, ty)| Field::new(name, ty)));
        Schema::new(object.into()).expect("this is a schema")
    })
}

fn payloads(mut data: &[u8]) -> Vec<&[u8]> {
    let mut payloads = Vec::new();
    while let Some((&len, rest)) = data.split_first()
        && payloads.len() < 4
    {
        let (payload, rest) = rest.split_at(usize::from(len).min(rest.len()));
        payloads.push(payload);
        data = rest;
    }
    payloads
}

/// A condition reads the same when it is shown, and what holds in a payload is not ruled out.
pub fn predicate(data: &[u8]) {
    let text_len = data.iter().position(|&byte| byte == 0xff).unwrap_or(data.len());
    let Ok(text) = std::str::from_utf8(&data[..text_len]) else { return };
    let predicate = match Predicate::parse(text) {
        Ok(predicate) => predicate,
        Err(error) => {
            assert!(error.column >= 1 && error.column <= text.chars().count() + 1, "{error}");
            assert!(error.snippet().lines().count() <= 2);
            return;
        }
    };
    let shown = predicate.to_string();
    assert_eq!(Predicate::parse(&shown).expect("what is shown is read"), predicate);
    let compiled = match predicate.compile(RECORD, schema()) {
        Ok(Some(compiled)) => compiled,
        Ok(None) => return,
        Err(error) => {
            assert!(error.column >= 1 && error.column <= text.chars().count() + 1, "{error}");
            return;
        }
    };
    let payloads = payloads(data.get(text_len + 1..).unwrap_or(&[]));
    let again = Predicate::parse(&shown).and_then(|shown| shown.compile(RECORD, schema()));
    let again = again.ok().flatten().expect("what is shown asks the same");
    let mut matches = false;
    for payload in &payloads {
        let outcome = compiled.matches(payload);
        assert_eq!(outcome, again.matches(payload), "{shown}");
        matches |= outcome == Ok(true);
    }
    check_ranges(&predicate, &compiled, &payloads, matches);
}

/// The ranges of one record, for all of its log.
struct Whole<'i>(Option<&'i FieldRanges>);

impl Ranges for Whole<'_> {
    fn range(&self, path: &Path) -> Option<Range> {
        self.0?.range(0..u32::MAX, path)
    }
}

fn check_ranges(predicate: &Predicate, compiled: &Compiled, payloads: &[&[u8]], matches: bool) {
    let index = index_of(payloads);
    let ranges = Whole(index.records.first().and_then(|record| record.fields.as_ref()));
    let may_match = compiled.may_match(&ranges);
    assert!(may_match || !matches, "{predicate} is ruled out");
    let request = Request { selection: &Selection::default(), predicate: Some(predicate) };
    let plan = Plan::by_index(&index, &request);
    assert!(plan.bytes() > 0 || !matches, "{predicate} is not read");
}

/// The index of a log of these payloads.
fn index_of(payloads: &[&[u8]]) -> LogIndex {
    let mut log = WriterOptions::new().open(Vec::new());
    let record = RecordId(1);
    // Whatever the reference readers make of such a schema.
    log.declare_raw(record, RECORD, &schema().to_bytes()).expect("nothing in a vector fails");
    for payload in payloads {
        log.write(record, None, payload).expect("nothing in a vector fails");
    }
    let log = log.finish().expect("nothing in a vector fails");
    scan(&log, &ScanOptions { workers: 1, fields: true, ..ScanOptions::default() }).expect("this is a log")
}
