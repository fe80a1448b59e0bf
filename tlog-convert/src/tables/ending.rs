//! What a file tells of itself at its end.
//!
//! | key | value |
//! |---|---|
//! | `tlog.record` | the record's name in the log |
//! | `tlog.identifier` | its identifier there |
//! | `tlog.schema` | its schema as JSON |
//! | `tlog.source` | how the log was called |
//! | `tlog.time_column` | the column with the time of the block |
//! | `tlog.version` | of this library |
//! | `tlog.selected_start`, `tlog.selected_end`, `tlog.selected_where` | what of the log was asked for, if not all: times from and before, a condition |
//! | `tlog.part` | which of the table's files this is, from 1 |
//! | `tlog.completeness` | `complete`; `damaged` when some of the log was, or rows of the table; `continued` in all but the last file of a table |
//! | `tlog.damaged_stretches`, `tlog.damaged_bytes` | what was skipped of the log, if something was |
//! | `tlog.refused_rows` | how many rows of the table do not decode, if some do not |

use tlog::read::Damage;

use super::Table;

/// The end of a table's file.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// The table.
    pub table: &'a Table,
    /// Which of its files, from 1.
    pub part: usize,
    /// How many of its rows do not decode.
    pub refused: u64,
    /// What was skipped of the log; `None` when the table continues in another file.
    pub damage: Option<&'a Damage>,
}

impl Ending<'_> {
    /// Keys and values.
    pub fn metadata(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("tlog.part", self.part.to_string())];
        let Some(damage) = self.damage else {
            pairs.push(("tlog.completeness", "continued".to_owned()));
            return pairs;
        };
        let is_complete = damage.is_none() && self.refused == 0;
        pairs.push(("tlog.completeness", if is_complete { "complete" } else { "damaged" }.to_owned()));
        if !damage.is_none() {
            pairs.push(("tlog.damaged_stretches", damage.stretches.to_string()));
            pairs.push(("tlog.damaged_bytes", damage.bytes.to_string()));
        }
        if self.refused > 0 {
            pairs.push(("tlog.refused_rows", self.refused.to_string()));
        }
        pairs
    }
}

impl Table {
    /// Keys and values that are known from the start; `time` is the name of the column of times.
    pub fn metadata(&self, time: &str) -> Vec<(&'static str, String)> {
        let known = [
            ("tlog.record", self.record.name.clone()),
            ("tlog.identifier", self.record.identifier.to_string()),
            ("tlog.schema", self.record.schema.to_json()),
            ("tlog.source", self.source.to_string()),
            ("tlog.time_column", time.to_owned()),
            ("tlog.version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        known.into_iter().chain(self.selected.iter().cloned()).collect()
    }
}
