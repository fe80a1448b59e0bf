//! Reading the parts of a plan.

use std::collections::HashSet;
use std::sync::Arc;

use tlog::Result;
use tlog::read::{Cause, Damage, Data, ReadOptions, RecordType, SliceReader};

use super::{By, Part, Plan};

/// Reads the data in the parts of a plan, in file order.
#[derive(Debug)]
pub struct PlanReader<'d> {
    bytes: &'d [u8],
    options: ReadOptions,
    parts: std::vec::IntoIter<Part>,
    current: Option<SliceReader<'d>>,
    by: By,
    records: Vec<Arc<RecordType>>,
    /// Which these are: identifier and place of declaration.
    known: HashSet<(u64, u64)>,
    /// Of the parts that are done.
    damage: Damage,
    /// What the plan knows of in all of the log.
    known_damage: Damage,
    /// Bytes of the parts that are done.
    done: u64,
    /// Where the current part starts, in bytes from the start of the file.
    start: u64,
    /// Where the current part ends.
    end: u64,
    /// Whether what is known where the current part starts is only believed.
    is_believed: bool,
    /// Data in front of this is not asked for, or has been delivered.
    from: u64,
}

impl<'d> PlanReader<'d> {
    /// A reader of the log that `bytes` are, by a plan made for it. What is delivered is up to `options`: their
    /// selection should be the request's.
    pub fn new(bytes: &'d [u8], options: ReadOptions, plan: Plan) -> Self {
        let known = plan.records.iter().map(|record| (record.identifier, record.location)).collect();
        Self {
            bytes,
            options,
            parts: plan.parts.into_iter(),
            current: None,
            records: plan.records,
            known,
            damage: Damage::default(),
            known_damage: plan.damage,
            by: plan.by,
            done: 0,
            start: 0,
            end: 0,
            is_believed: false,
            from: 0,
        }
    }

    /// The next selected data.
    ///
    /// # Errors
    /// As [`SliceReader::next_data`].
    pub fn next_data(&mut self) -> Result<Option<Data<'_>>> {
        loop {
            let found = match &mut self.current {
                Some(reader) => reader.find_data()?.then(|| reader.data().map_or(0, |data| data.offset)),
                None => None,
            };
            if self.is_believed && self.current.as_ref().is_some_and(|reader| meets_unknown(reader.damage())) {
                self.read_from_start();
                continue;
            }
            match found {
                Some(offset) if offset < self.from => continue,
                Some(offset) => {
                    self.from = offset + 1;
                    return Ok(self.current.as_ref().and_then(SliceReader::data));
                }
                None => self.leave_part(),
            }
            match self.parts.next() {
                Some(part) => self.enter(&part)?,
                None => return Ok(None),
            }
        }
    }

    fn enter(&mut self, part: &Part) -> Result<()> {
        (self.start, self.end) = (part.range.start, part.range.end);
        self.from = part.range.start;
        self.is_believed = self.by == By::Markers && part.place.is_some();
        let reader = match &part.place {
            Some(place) => SliceReader::resume(self.bytes, self.options.clone(), place)?,
            None => SliceReader::new(self.bytes, self.options.clone()),
        };
        self.current = Some(reader.until(self.end));
        Ok(())
    }

    /// Comes to the current part from the start of the log, for what it declares on the way.
    fn read_from_start(&mut self) {
        self.is_believed = false;
        self.start = 0;
        self.current = Some(SliceReader::new(self.bytes, self.options.clone()).until(self.end));
    }

    fn leave_part(&mut self) {
        let Some(reader) = self.current.take() else { return };
        self.done += reader.offset().saturating_sub(self.start);
        self.damage.append(reader.damage());
        for record in reader.records() {
            if self.known.insert((record.identifier, record.location)) {
                self.records.push(Arc::clone(record));
            }
        }
    }

    /// What was skipped so far, in the parts that are read; behind the last one also what an index knows of others,
    /// as who reads the whole log is told.
    pub fn damage(&self) -> Damage {
        let mut damage = self.damage.clone();
        match &self.current {
            Some(reader) => damage.append(reader.damage()),
            None if self.parts.as_slice().is_empty() && self.known_damage.stretches > damage.stretches => {
                damage.clone_from(&self.known_damage);
            }
            None => {}
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

/// Whether there was data of a record whose declaration was not read, as far as that is remembered.
fn meets_unknown(damage: &Damage) -> bool {
    damage.stretches > damage.first.len() as u64
        || damage.first.iter().any(|skipped| matches!(skipped.cause, Cause::Undeclared(_)))
}
