//! What the new log must contain, remembered in a few bytes while it is written, to be compared with what is read.

use std::io;

use crc32fast::Hasher;
use tlog::read::{Blocks, Event, ReadOptions, SliceReader};
use tlog::wire::DataFlags;
use tlog::{Error, Micros, Result};

use super::Report;

/// A sum over records and data in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    schemas: u64,
    data: u64,
    /// Over everything but payloads.
    fronts: Hasher,
    /// Over payloads as they are stored.
    payloads: Hasher,
}

impl Sum {
    pub fn schema(&mut self, identifier: u64, name: &str, schema: &[u8]) {
        self.schemas += 1;
        self.fronts.update(&identifier.to_le_bytes());
        self.fronts.update(&(name.len() as u64).to_le_bytes());
        self.fronts.update(name.as_bytes());
        self.fronts.update(schema);
    }

    pub fn data(&mut self, identifier: u64, time: Option<Micros>, compressed: bool, stored: &[u8]) {
        self.data += 1;
        let mut front = [0; 26];
        front[..8].copy_from_slice(&identifier.to_le_bytes());
        front[8..16].copy_from_slice(&time.map_or(0, |time| time.0).to_le_bytes());
        front[16] = time.is_some().into();
        front[17] = compressed.into();
        front[18..].copy_from_slice(&(stored.len() as u64).to_le_bytes());
        self.fronts.update(&front);
        self.payloads.update(stored);
    }

    fn values(&self) -> [u64; 4] {
        let value = |hasher: &Hasher| u64::from(hasher.clone().finalize());
        [self.schemas, self.data, value(&self.fronts), value(&self.payloads)]
    }
}

/// A log that was recovered, if [`verify`](Self::verify) agrees.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// What was kept and what was lost.
    pub report: Report,
    pub(super) sum: Sum,
}

impl Recovered {
    /// Compares the new log, read again from where it was written to, with what was meant to be written: every record
    /// and every instance with its time and payload, in order; nothing broken, and the index right.
    ///
    /// # Errors
    /// [`Error::Format`] for a defect in it, [`Error::Io`] when it contains something else: the sink did not keep it.
    pub fn verify(&self, output: &[u8]) -> Result<()> {
        let lied = |what: String| {
            let message = format!("the recovered log is not what was written: {what}; write it to another disk");
            Error::Io { path: None, source: io::Error::new(io::ErrorKind::InvalidData, message) }
        };
        if output.len() as u64 != self.report.output_bytes {
            return Err(lied(format!("it has {} bytes, not {}", output.len(), self.report.output_bytes)));
        }
        let found = read_again(output)?;
        let ([schemas, data, ..], [_, kept, ..]) = (found.values(), self.sum.values());
        if found.values() != self.sum.values() {
            return Err(lied(format!("it has {schemas} records and {data} instances, of {kept} that differ")));
        }
        let indexed = Blocks::open(output)?.index()?.map(|index| index.records.len() as u64);
        match indexed == Some(schemas) {
            true => Ok(()),
            false => Err(lied("its index is not complete".to_owned())),
        }
    }
}

fn read_again(output: &[u8]) -> Result<Sum> {
    let options = ReadOptions { strict: true, raw_payloads: true, max_block: u64::MAX, ..ReadOptions::default() };
    let mut reader = SliceReader::new(output, options);
    let mut sum = Sum::default();
    loop {
        if let Some(data) = reader.next_intact() {
            sum.data(data.record.identifier, data.time, data.flags.contains(DataFlags::SNAPPY), data.payload);
            continue;
        }
        match reader.next_event()? {
            Some(Event::Data(data)) => {
                sum.data(data.record.identifier, data.time, data.flags.contains(DataFlags::SNAPPY), data.payload);
            }
            Some(Event::Schema(record)) => sum.schema(record.identifier, &record.name, &record.schema_bytes),
            Some(_) => {}
            None => return Ok(sum),
        }
    }
}
