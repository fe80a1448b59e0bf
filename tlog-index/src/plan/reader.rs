//! Reading the parts of a plan.

use std::sync::Arc;

use tlog::Result;
use tlog::read::{Damage, Data, ReadOptions, RecordType, SliceReader};

use super::{Part, Plan};

/// Reads the data in the parts of a plan, in file order.
#[derive(Debug)]
pub struct PlanReader<'d> {
    bytes: &'d [u8],
    options: ReadOptions,
    parts: std::vec::IntoIter<Part>,
    current: Option<SliceReader<'d>>,
    records: Vec<Arc<RecordType>>,
    /// Of the parts that are done.
    damage: Damage,
    /// Bytes of the parts that are done.
    done: u64,
    /// Where the current part starts, in bytes from the start of the file.
    start: u64,
}

impl<'d> PlanReader<'d> {
    /// A reader of the log that `bytes` are, by a plan made for it. What is delivered is up to `options`: their
    /// selection should be the request's.
    pub fn new(bytes: &'d [u8], options: ReadOptions, plan: Plan) -> Self {
        Self {
            bytes,
            options,
            parts: plan.parts.into_iter(),
            current: None,
            records: plan.records,
            damage: Damage::default(),
            done: 0,
            start: 0,
        }
    }

    /// The next selected data.
    ///
    /// # Errors
    /// As [`SliceReader::next_data`].
    pub fn next_data(&mut self) -> Result<Option<Data<'_>>> {
        loop {
            let found = match &mut self.current {
                Some(reader) => reader.find_data()?,
                None => false,
            };
            if found {
                return Ok(self.current.as_ref().and_then(SliceReader::data));
            }
            self.leave_part();
            match self.parts.next() {
                Some(part) => self.enter(&part)?,
                None => return Ok(None),
            }
        }
    }

    fn enter(&mut self, part: &Part) -> Result<()> {
        self.start = part.range.start;
        let reader = match &part.place {
            Some(place) => SliceReader::resume(self.bytes, self.options.clone(), place)?,
            None => SliceReader::new(self.bytes, self.options.clone()),
        };
        self.current = Some(reader.until(part.range.end));
        Ok(())
    }

    fn leave_part(&mut self) {
        let Some(reader) = self.current.take() else { return };
        self.done += reader.offset().saturating_sub(self.start);
        self.damage.append(reader.damage());
        for record in reader.records() {
            if !self.records.iter().any(|known| Arc::ptr_eq(known, record) || known == record) {
                self.records.push(Arc::clone(record));
            }
        }
    }

    /// What was skipped so far, in the parts that are read.
    pub fn damage(&self) -> Damage {
        let mut damage = self.damage.clone();
        if let Some(reader) = &self.current {
            damage.append(reader.damage());
        }
        damage
    }

    /// The records known so far: all that the plan knows, and those met since in parts that are done.
    pub fn records(&self) -> impl Iterator<Item = &Arc<RecordType>> {
        self.records.iter()
    }

    /// How many bytes of the log were read.
    pub fn bytes_read(&self) -> u64 {
        let current = self.current.as_ref().map_or(0, |reader| reader.offset().saturating_sub(self.start));
        self.done + current
    }
}
