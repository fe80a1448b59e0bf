//! Whether an index tells the truth.

use tlog::wire::{BlockHeader, IndexBlock, IndexEntry};

use super::finding::{Finding, Kind};
use super::verifier::{Findings, Source};
use crate::by_id::ById;
use crate::recover::Losses;

/// Where the latest index is.
#[derive(Debug, Default)]
pub(super) struct Indices {
    /// Where it ends, once that is known.
    end: Option<u64>,
    pending: Option<u64>,
}

impl Indices {
    /// An index starts here.
    pub const fn seen(&mut self, offset: u64) {
        self.pending = Some(offset);
    }

    /// What the reader last told of reaches from `start` to `end`.
    pub fn ends_at(&mut self, start: u64, end: u64) {
        if let Some(offset) = self.pending.take()
            && offset >= start
        {
            self.end = Some(end);
        }
    }

    /// Whether the latest index ends here.
    pub fn is_followed_by(&self, offset: u64) -> bool {
        self.end == Some(offset)
    }
}

/// Compares an index with what was read before it; how many findings that gave.
pub(super) fn check<F: FnMut(Finding)>(
    offset: u64,
    index: &IndexBlock<'_>,
    sources: &ById<Source>,
    losses: &Losses,
    bytes: &[u8],
    findings: &mut Findings<F>,
) -> u64 {
    let len = usize::try_from(offset).ok().and_then(|at| BlockHeader::parse(bytes.get(at..)?).ok()?.block_len());
    let range = offset..offset.saturating_add(len.unwrap_or(0));
    let mut told = 0;
    let mut listed = 0_u64;
    for entry in index.entries() {
        let source = sources.get(entry.identifier);
        listed += u64::from(source.is_some());
        let Some((kind, message)) = defect(&entry, source, losses) else { continue };
        told += 1;
        findings.add(kind, range.clone(), source.map(|source| &*source.record), || message);
    }
    let declared = sources.len() as u64;
    if listed < declared {
        told += 1;
        findings.add(Kind::IndexIncomplete, range, None, || {
            format!("the index knows {listed} of the {declared} records that are declared")
        });
    }
    told
}

/// What is wrong with an entry.
fn defect(entry: &IndexEntry, source: Option<&Source>, losses: &Losses) -> Option<(Kind, String)> {
    let identifier = entry.identifier;
    let Some(source) = source else {
        let may_be = losses.may_contain(entry.schema_location);
        let message = format!("the index names record {identifier}, which is not declared");
        return (!may_be).then_some((Kind::IndexWrong, message));
    };
    let name = &source.record.name;
    if entry.schema_location != source.record.location && !losses.may_contain(entry.schema_location) {
        let (said, there) = (entry.schema_location, source.record.location);
        let message = format!("the index says that the schema of {name:?} is at {said}, but it is at {there}");
        return Some((Kind::IndexWrong, message));
    }
    match (entry.final_record.filter(|&offset| offset != 0), source.latest) {
        (Some(said), latest) if Some(said) != latest && !losses.may_contain(said) => {
            let there = latest.map_or("there is none".to_owned(), |at| format!("it is at {at}"));
            let message = format!("the index says that the last data of {name:?} is at {said}, but {there}");
            Some((Kind::IndexWrong, message))
        }
        (None, Some(at)) => {
            let message = format!("the index knows no data of {name:?}, but there is some at {at}");
            Some((Kind::IndexIncomplete, message))
        }
        _ => None,
    }
}
