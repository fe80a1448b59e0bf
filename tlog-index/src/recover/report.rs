//! What became of a log, for people and for programs.

use std::ops::Range;

use serde::Serialize;

use super::ClockReport;
use crate::batches::BatchReport;

/// What was kept and what was lost. Offsets are in bytes from the start of the old log, times in microseconds since the
/// Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How long the old log is, in bytes.
    pub input_bytes: u64,
    /// How long the new one is, in bytes.
    pub output_bytes: u64,
    /// How many data blocks were kept.
    pub kept: u64,
    /// The records of the new log, ascending by identifier.
    pub records: Vec<RecordReport>,
    /// How many bytes could not be used; what is undeclared, double or made anew aside.
    pub lost_bytes: u64,
    /// How many stretches these are.
    pub lost_stretches: u64,
    /// The first of these stretches, as many as [`listed`](super::RecoverOptions::listed) allows.
    pub lost: Vec<Lost>,
    /// Data whose schema is lost, by identifier: a sibling log that declares it would save it.
    pub undeclared: Vec<Undeclared>,
    /// How many blocks of still other identifiers there are.
    pub undeclared_unlisted: u64,
    /// How many blocks were in the file twice and dropped.
    pub duplicate_blocks: u64,
    /// How many bytes these are.
    pub duplicate_bytes: u64,
    /// The first stretches of such blocks.
    pub duplicates: Vec<Duplicate>,
    /// Records that have another identifier or name than in the old log.
    pub renamed: Vec<Renamed>,
    /// Declarations of the log in whose place a known record was taken.
    pub ignored_declarations: Vec<IgnoredDeclaration>,
    /// Whether the file did not start as a log does.
    pub header_was_lost: bool,
    /// How many more logs followed in the file.
    pub more_logs: u64,
    /// Whether the old log ended with an index that was right.
    pub had_index: bool,
    /// What the batches of a file tell that firmware wrote; `None` of any other log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batches: Option<BatchReport>,
    /// Bytes that were kept without proof that they belong to the log.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<Range<u64>>,
    /// How many of the data blocks that were kept these are.
    #[serde(skip_serializing_if = "is_none")]
    pub unverified_kept: u64,
    /// How times were turned into those of the world, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockReport>,
}

/// Whether there are none, which is not worth telling.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// A record of the new log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordReport {
    /// Its identifier in the new log.
    pub identifier: u64,
    /// Its name in the new log.
    pub name: String,
    /// How many data blocks were kept.
    pub kept: u64,
    /// How many are seen to be lost, by what is left of their blocks and by the previous offsets of others. There may
    /// be more.
    pub lost_seen: u64,
    /// The earliest time that was kept.
    pub first_time: Option<i64>,
    /// The latest time that was kept.
    pub last_time: Option<i64>,
    /// Whether its declaration was lost and taken from elsewhere: from a sibling, or from behind its data.
    pub schema_was_lost: bool,
}

/// A stretch that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// Which bytes of the old log.
    pub range: Range<u64>,
    /// Why.
    pub cause: String,
}

/// Data that no declaration was found for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Undeclared {
    /// The identifier in its blocks.
    pub identifier: u64,
    /// How many blocks.
    pub blocks: u64,
    /// How many bytes.
    pub bytes: u64,
    /// How many of the blocks a known record of this identifier was tried for in vain: it is another one.
    pub misfits: u64,
}

/// A stretch of blocks that were in the file already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// The bytes that were dropped.
    pub range: Range<u64>,
    /// Where the first copy starts.
    pub original: u64,
    /// How many blocks.
    pub blocks: u64,
    /// How many bytes these are.
    pub bytes: u64,
}

/// A record that has another identifier or name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Renamed {
    /// Its identifier in the old log.
    pub old_identifier: u64,
    /// Its name there.
    pub old_name: String,
    /// Its identifier in the new log.
    pub identifier: u64,
    /// Its name there.
    pub name: String,
}

/// A declaration that a known record was taken in the place of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IgnoredDeclaration {
    /// Where its block starts.
    pub offset: u64,
    /// What it declares.
    pub identifier: u64,
    /// The name that it gives.
    pub name: String,
    /// The name of the known record.
    pub known_name: String,
}

impl Report {
    /// Whether nothing at all had to be left out.
    pub fn is_everything(&self) -> bool {
        self.lost_stretches == 0 && self.undeclared.is_empty() && self.duplicate_blocks == 0
    }

    /// What the reader of the report may do, one sentence each.
    pub fn advice(&self) -> Vec<String> {
        let missing: Vec<String> = self.undeclared.iter().take(10).map(|u| u.identifier.to_string()).collect();
        let mut advice = Vec::new();
        if !missing.is_empty() {
            let blocks: u64 = self.undeclared.iter().map(|undeclared| undeclared.blocks).sum();
            let more = if self.undeclared.len() > missing.len() { " and more" } else { "" };
            advice.push(format!(
                "{blocks} data blocks have lost their schema (identifiers {}{more}): give a log of the same program \
                 whose schemas are intact",
                missing.join(", ")
            ));
        }
        if self.undeclared.iter().any(|undeclared| undeclared.misfits > 0) {
            advice.push("schemas of the sibling log do not fit some of the data: give one of the same version".into());
        }
        let lost_blocks = self.lost_stretches > 0 && self.unverified.is_empty();
        if lost_blocks && self.batches.is_some() {
            advice.push("blocks that are intact in what is lost can be kept, unverified, on request".into());
        }
        if self.clock.as_ref().is_some_and(|clock| clock.records == 0) {
            advice.push("there is no record tlog.clock: times stay those since the device began to run".into());
        }
        if !self.renamed.is_empty() {
            advice
                .push("records with clashing names were renamed: see the list before comparing with other logs".into());
        }
        advice
    }
}
