//! The first look: which records does the log declare only behind their data?

use std::collections::HashSet;
use std::sync::Arc;

use tlog::Result;
use tlog::read::{Cause, Event, RecordType, SliceReader};

use super::RecoverOptions;

/// So many undeclared identifiers are looked for at most.
const MAX_IDENTIFIERS: usize = 1 << 16;

/// How often progress is told of, in records.
pub(super) const TELL_EVERY: u64 = 1 << 12;

/// The records whose data begins before their only declarations.
///
/// # Errors
/// None that a log can cause: reading skips what is broken.
pub(super) fn late_declarations(bytes: &[u8], options: &RecoverOptions) -> Result<Vec<Arc<RecordType>>> {
    let mut reader = SliceReader::new(bytes, options.read_options(options.known.clone()));
    let mut missed = HashSet::new();
    let mut late: Vec<Arc<RecordType>> = Vec::new();
    let mut turns = 0_u64;
    loop {
        turns += 1;
        if turns.is_multiple_of(TELL_EVERY) {
            options.tell(reader.offset());
        }
        if reader.next_intact().is_some() {
            continue;
        }
        match reader.next_event()? {
            Some(Event::Skipped(skipped)) => {
                if let Cause::Undeclared(identifier) = skipped.cause
                    && missed.len() < MAX_IDENTIFIERS
                {
                    missed.insert(identifier);
                }
            }
            Some(Event::Schema(record)) if missed.remove(&record.identifier) => late.push(Arc::clone(record)),
            Some(_) => {}
            None => return Ok(late),
        }
    }
}
