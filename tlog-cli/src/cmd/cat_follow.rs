//! `tlog cat --follow` of a store: from segment to segment.

use std::io::Write;

use anyhow::Context;
use tlog::read::{Damage, Selection};
use tlog_index::store::{StoreData, StoreReader};

use super::cat::{Concatenation, POLL};
use crate::exit::Outcome;
use crate::output::STDOUT;
use crate::source::Source;
use crate::times::Range;

impl Concatenation<'_> {
    /// Prints what a store has and what comes, from segment to segment.
    pub(super) fn follow_store(&mut self, source: &Source) -> anyhow::Result<Outcome> {
        let (start, end) = Range::new(&self.args.selection)?.resolve(source)?;
        let selection = Selection { records: self.args.selection.records.clone(), start, end };
        let mut reader = StoreReader::open(&source.name, self.options(selection))?;
        let (mut told, mut undecodable) = (0, Damage::default());
        while self.left > 0 {
            match reader.next_data().with_context(|| source.name.clone())? {
                Some(StoreData { segment, data }) => {
                    self.show(&data, &segment.path.display().to_string(), &mut undecodable)?;
                    continue;
                }
                None => self.out.borrow_mut().flush().context(STDOUT)?,
            }
            if reader.skipped() > told {
                told = reader.skipped();
                let last = reader.damage().pop();
                last.iter().for_each(|last| {
                    self.terminal.report_damage(&last.segment.path.display().to_string(), &last.damage)
                });
            }
            std::thread::sleep(POLL);
        }
        let is_whole = reader.skipped() == 0 && undecodable.is_none();
        Ok(if is_whole { Outcome::Complete } else { Outcome::Damaged })
    }
}
