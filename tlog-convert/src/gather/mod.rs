//! Gathering the data of many records until each has enough for a row group, in bounded memory.
//!
//! ```text
//!  data ─► rows of its table ─► enough of them: a group
//!              │ all rows together take more memory than they may:
//!              ├─► the largest is large enough: a group already
//!              └─► none is: all go to the spool as runs, and come back when their group is complete
//! ```
//!
//! So the log of a few busy records is never written twice, and one of 20,000 quiet records makes groups of full size too.

mod spool;

use std::path::PathBuf;

use tlog::Micros;

use crate::Result;
use crate::rows::Rows;
use spool::{Chain, Spool};

/// A group has at most so many rows: the common limit of Parquet's writers.
const MAX_ROWS: usize = 1 << 20;

/// When memory is short, rows with this part of a group's size are a group.
const DECENT: usize = 4;

/// How much is gathered.
#[derive(Clone, Debug)]
pub struct GatherOptions {
    /// About how many bytes the rows of a group take.
    pub group_bytes: usize,
    /// How many bytes of memory all rows may take.
    pub memory: usize,
    /// Where a temporary file without a name may be made.
    pub folder: PathBuf,
    /// How long that may become, in bytes. Beyond, groups are as large as they are.
    pub max_spool: u64,
    /// Whether the first groups of each table are smaller, an eighth, a quarter and a half, so that workers have something to
    /// do soon. Files do not depend on how many workers there are.
    pub begins_small: bool,
}

impl Default for GatherOptions {
    fn default() -> Self {
        Self {
            group_bytes: 32 << 20,
            memory: 64 << 20,
            folder: std::env::temp_dir(),
            max_spool: 8 << 30,
            begins_small: true,
        }
    }
}

/// The first group of a table that begins small is as many times halved.
const SMALLER: u32 = 3;

/// What takes complete groups: the table's number and its rows.
pub type Take<'a> = &'a mut dyn FnMut(usize, Rows) -> Result<()>;

/// Rows of many tables.
#[derive(Debug)]
pub struct Gather {
    options: GatherOptions,
    tables: Vec<Pot>,
    /// How many bytes of memory all rows take.
    held: usize,
    spool: Option<Spool>,
}

/// The rows of a table.
#[derive(Debug, Default)]
struct Pot {
    rows: Rows,
    spooled: Chain,
    /// How many groups have been passed on.
    groups: u32,
}

impl Pot {
    fn size(&self) -> usize {
        self.rows.size().saturating_add(self.spooled.size)
    }

    fn len(&self) -> usize {
        self.rows.len().saturating_add(self.spooled.rows)
    }
}

impl Gather {
    /// Nothing so far.
    pub fn new(options: GatherOptions) -> Self {
        Self { options, tables: Vec::new(), held: 0, spool: None }
    }

    /// One more table; its number.
    pub fn add(&mut self) -> usize {
        self.tables.push(Pot::default());
        self.tables.len() - 1
    }

    /// Adds a row to a table, and passes on groups that are complete.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) of the temporary file, and those of `take`.
    #[inline] // once per record: `benches/parquet`
    pub fn push(
        &mut self,
        table: usize,
        time: Option<Micros>,
        offset: u64,
        payload: &[u8],
        take: Take<'_>,
    ) -> Result<()> {
        let Some(pot) = self.tables.get_mut(table) else { return Ok(()) };
        let before = pot.rows.size();
        pot.rows.push_parts(time, offset, payload);
        self.held += pot.rows.size() - before;
        let smaller = if self.options.begins_small { SMALLER.saturating_sub(pot.groups) } else { 0 };
        if pot.size() >= self.options.group_bytes >> smaller || pot.len() >= MAX_ROWS {
            return self.pass_on(table, take);
        }
        if self.held > self.options.memory { self.make_room(take) } else { Ok(()) }
    }

    /// Passes on what is there of the tables, in their order.
    ///
    /// # Errors
    /// As for [`push`](Self::push).
    pub fn finish(&mut self, take: Take<'_>) -> Result<()> {
        (0..self.tables.len()).try_for_each(|table| self.pass_on(table, take))
    }

    /// Passes on all rows of a table, if it has any.
    fn pass_on(&mut self, table: usize, take: Take<'_>) -> Result<()> {
        let Some(next) = self.tables.get_mut(table) else { return Ok(()) };
        let pot = std::mem::replace(next, Pot { groups: next.groups.saturating_add(1), ..Pot::default() });
        self.held = self.held.saturating_sub(pot.rows.size());
        let mut rows = Rows::default();
        if let (Some(spool), true) = (&mut self.spool, pot.spooled.rows > 0) {
            spool.read(&pot.spooled, &mut rows)?;
        }
        match rows.is_empty() {
            true => rows = pot.rows,
            false => (0..pot.rows.len()).for_each(|at| rows.push_from(&pot.rows, at)),
        }
        if rows.is_empty() { Ok(()) } else { take(table, rows) }
    }

    fn make_room(&mut self, take: Take<'_>) -> Result<()> {
        let largest = self.tables.iter().enumerate().max_by_key(|(_, pot)| pot.rows.size());
        if let Some((table, pot)) = largest
            && pot.rows.size() >= self.options.group_bytes / DECENT
        {
            return self.pass_on(table, take);
        }
        if self.spool.as_ref().is_some_and(|spool| spool.len() > self.options.max_spool) {
            return self.finish(take);
        }
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(Spool::new(&self.options.folder)?),
        };
        for pot in self.tables.iter_mut().filter(|pot| !pot.rows.is_empty()) {
            spool.write(&mut pot.spooled, &std::mem::take(&mut pot.rows))?;
        }
        self.held = 0;
        spool.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Pushes rows of many tables whose payloads say what they are; how many groups each table made.
    fn gathered(options: GatherOptions, tables: usize, rows: usize) -> (Vec<usize>, bool) {
        let mut gather = Gather::new(options);
        for _ in 0..tables {
            gather.add();
        }
        let (mut next, mut groups) = (vec![0u64; tables], vec![0; tables]);
        let mut check = |table: usize, rows: Rows| {
            groups[table] += 1;
            for at in 0..rows.len() {
                let number = next[table];
                let len = (number % 7) as usize;
                assert_eq!(rows.offsets()[at], number);
                assert_eq!(rows.times()[at], (number % 3 > 0).then_some(Micros(number as i64 - 9)));
                assert_eq!(rows.payload(at), vec![table as u8; len]);
                next[table] += 1;
            }
            Ok(())
        };
        let mut numbers = BTreeMap::new();
        for row in 0..rows {
            let table = row * 7 % tables;
            let number = numbers.entry(table).or_insert(0u64);
            let time = (*number % 3 > 0).then_some(Micros(*number as i64 - 9));
            gather.push(table, time, *number, &vec![table as u8; (*number % 7) as usize], &mut check).unwrap();
            *number += 1;
        }
        gather.finish(&mut check).unwrap();
        for (table, number) in numbers {
            assert_eq!(next[table], number);
        }
        (groups, gather.spool.is_some())
    }

    #[test]
    fn all_rows_arrive_in_order_however_tight_memory_is() {
        let options =
            |memory| GatherOptions { group_bytes: 8_000, memory, begins_small: false, ..GatherOptions::default() };
        // Each table has about 36,000 bytes.
        let (groups, spools) = gathered(options(1 << 20), 10, 10_000);
        assert!(groups.iter().all(|&groups| groups == 5) && !spools, "{groups:?}");
        let (groups, spools) = gathered(options(9_000), 10, 10_000);
        assert!(groups.iter().all(|&groups| groups == 5) && spools, "{groups:?}");
        let (groups, _) = gathered(GatherOptions { begins_small: true, ..options(1 << 20) }, 10, 10_000);
        // 1000, 2000, 4000, and then 8000 each.
        assert!(groups.iter().all(|&groups| groups == 7), "{groups:?}");
        let (groups, spools) = gathered(options(12_000), 4, 10_000);
        assert!(groups.iter().all(|&groups| (12..40).contains(&groups)) && !spools, "{groups:?}");
    }

    #[test]
    fn a_spool_does_not_grow_beyond_its_limit() {
        let options = GatherOptions {
            group_bytes: 80_000,
            memory: 1_000,
            max_spool: 20_000,
            begins_small: false,
            ..GatherOptions::default()
        };
        let (groups, spools) = gathered(options, 100, 10_000);
        assert!(groups.iter().all(|&groups| groups > 5) && spools, "{groups:?}");
    }
}
