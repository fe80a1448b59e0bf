//! What can be found.

use std::ops::Range;

use serde::Serialize;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// All data is there, but some reader or some operation will not do what one expects.
    Warning,
    /// Data is lost, or what the log says is wrong.
    Error,
}

/// What is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// The file does not start as a log does.
    FileHeader,
    /// Bytes that are no intact block.
    Structure,
    /// A block whose checksum is not that of its bytes.
    Checksum,
    /// The file ends inside a block.
    Truncated,
    /// A block of a type that the format does not define.
    UnknownBlock,
    /// A schema block that cannot be used as it is.
    SchemaMalformed,
    /// Data of a record that is not declared before it.
    Undeclared,
    /// A payload that is not what its record's type says.
    Payload,
    /// A payload with more bytes than its record's type says.
    PayloadSurplus,
    /// The index says something wrong.
    IndexWrong,
    /// Bytes behind the index.
    Trailing,
    /// Another log starts: logs were concatenated.
    AnotherLog,
    /// A schema that not every reader reads.
    SchemaPortability,
    /// A name of a record that not every reader reads.
    NamePortability,
    /// Bytes behind the schema in its block.
    SchemaSurplus,
    /// An identifier that is declared again as something else.
    Redeclared,
    /// A name that two identifiers have.
    NameReused,
    /// Data that is earlier than the data before it.
    TimeStepsBack,
    /// A seek marker with another time than the data before it.
    MarkerTime,
    /// A seek marker that is earlier than the one before it.
    MarkerOrder,
    /// A seek marker that says wrongly where a record's latest data is.
    MarkerElement,
    /// A data block that says wrongly where the one before it of its record is.
    PreviousOffset,
    /// No index at the end.
    IndexMissing,
    /// An index that leaves something out.
    IndexIncomplete,
    /// A block without checksum in a log that has them.
    ChecksumMissing,
    /// A record with data that has no time.
    NoTime,
    /// A record without data.
    NoData,
}

impl Kind {
    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::FileHeader
            | Self::Structure
            | Self::Checksum
            | Self::Truncated
            | Self::UnknownBlock
            | Self::SchemaMalformed
            | Self::Undeclared
            | Self::Payload
            | Self::IndexWrong
            | Self::Trailing => Severity::Error,
            Self::AnotherLog
            | Self::PayloadSurplus
            | Self::SchemaPortability
            | Self::NamePortability
            | Self::Redeclared
            | Self::NameReused
            | Self::TimeStepsBack
            | Self::MarkerTime
            | Self::MarkerOrder
            | Self::MarkerElement
            | Self::PreviousOffset
            | Self::IndexMissing
            | Self::IndexIncomplete
            | Self::ChecksumMissing => Severity::Warning,
            Self::SchemaSurplus | Self::NoTime | Self::NoData => Severity::Note,
        }
    }

    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::FileHeader | Self::Structure | Self::Checksum | Self::Trailing | Self::Truncated => {
                "recover the log: everything else is kept"
            }
            Self::UnknownBlock => "read it with the program that wrote it, or recover the log without it",
            Self::SchemaMalformed | Self::Undeclared => {
                "recover the log with the schemas of another log of the same program"
            }
            Self::Payload => "the writer does not keep to its own schema: such data cannot be shown",
            Self::PayloadSurplus => "readers ignore these bytes; the schema may be older than the writer",
            Self::IndexWrong | Self::IndexIncomplete | Self::IndexMissing => {
                "recover the log to have a right index; until then readers must scan"
            }
            Self::AnotherLog => "the reference readers stop here: recover the file to join the logs",
            Self::SchemaPortability | Self::NamePortability | Self::Redeclared | Self::NameReused => {
                "the reference readers refuse or misread this: declare it otherwise in the writing program"
            }
            Self::SchemaSurplus => "readers ignore these bytes",
            Self::TimeStepsBack | Self::MarkerTime | Self::MarkerOrder => {
                "seeking by time with the reference readers gives wrong results; an index of our own does not"
            }
            Self::MarkerElement | Self::PreviousOffset => {
                "going backwards and seeking give wrong results: recover the log to write them anew"
            }
            Self::ChecksumMissing => "damage to these blocks goes unnoticed: switch checksums on where it is written",
            Self::NoTime => "the reference readers stop seeking at such data: give it a time",
            Self::NoData => "nothing to do",
        }
    }
}

/// A defect, or what may be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// Which bytes of the file it concerns.
    pub range: Range<u64>,
    /// The record concerned, if it is one.
    pub record: Option<String>,
    /// What is found, in a sentence.
    pub message: String,
    /// What to do about it.
    pub advice: &'static str,
}

/// How often something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// What.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// How often in all.
    pub count: u64,
    /// How often it was told in full.
    pub told: u64,
}

/// The log as a whole. Times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many errors.
    pub errors: u64,
    /// How many warnings.
    pub warnings: u64,
    /// How many notes.
    pub notes: u64,
    /// What was found how often, errors first.
    pub counts: Vec<Counted>,
    /// How many data blocks are intact.
    pub data_blocks: u64,
    /// How many bytes were skipped.
    pub skipped_bytes: u64,
    /// The largest step back from one data block's time to the next one's, in microseconds.
    pub largest_step_back: Option<u64>,
    /// How far behind the latest time before it the latest data comes at most, in microseconds.
    pub largest_delay: Option<u64>,
    /// Whether payloads were checked.
    pub payloads_checked: bool,
}

impl Summary {
    /// How bad the worst finding is; `None` when there is none.
    pub fn worst(&self) -> Option<Severity> {
        self.counts.iter().map(|counted| counted.severity).max()
    }

    /// How often this was found.
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts.iter().find(|counted| counted.kind == kind).map_or(0, |counted| counted.count)
    }
}
