//! Rows that wait in a temporary file without a name.
//!
//! Each table's runs are a chain from the last one back, so that a table takes the same memory however many runs it has:
//!
//! ```text
//!  place of the table's run before (8) │ rows (8) │ bytes of payloads (8) │ rows × (has a time (1), time (8), offset (8),
//!  length (8)) │ payloads
//! ```

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tlog::Micros;

use crate::Result;
use crate::rows::Rows;

/// Runs are written together, so many bytes at a time.
const BUFFER: usize = 1 << 20;

/// The file.
#[derive(Debug)]
pub struct Spool {
    file: File,
    /// What is still to be written behind `written`.
    buffer: Vec<u8>,
    written: u64,
    /// How many runs have not been read yet.
    runs: u64,
}

/// What a table has in the file.
#[derive(Debug, Default)]
pub struct Chain {
    last: Option<u64>,
    runs: u64,
    pub rows: usize,
    /// How many bytes of memory the rows take, about.
    pub size: usize,
}

impl Spool {
    pub fn new(folder: &Path) -> Result<Self> {
        Ok(Self { file: tempfile::tempfile_in(folder)?, buffer: Vec::new(), written: 0, runs: 0 })
    }

    /// How long the file is, in bytes.
    pub fn len(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Adds the rows as a run.
    pub fn write(&mut self, chain: &mut Chain, rows: &Rows) -> Result<()> {
        let place = self.len();
        let before = chain.last.replace(place).unwrap_or(u64::MAX);
        chain.runs += 1;
        chain.rows += rows.len();
        chain.size += rows.size();
        self.runs += 1;
        let out = &mut self.buffer;
        for number in [before, rows.len() as u64, rows.bytes().len() as u64] {
            out.extend(number.to_le_bytes());
        }
        for (at, (time, offset)) in rows.times().iter().zip(rows.offsets()).enumerate() {
            out.push(u8::from(time.is_some()));
            out.extend(time.map_or(0, |time| time.0).to_le_bytes());
            out.extend(offset.to_le_bytes());
            out.extend((rows.range(at).len() as u64).to_le_bytes());
        }
        out.extend_from_slice(rows.bytes());
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Writes what is not in the file yet.
    pub fn flush(&mut self) -> Result<()> {
        self.file.seek(SeekFrom::Start(self.written))?;
        self.file.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Reads the runs of a table, oldest first. When none is left of any table, the file becomes empty.
    pub fn read(&mut self, chain: &Chain, rows: &mut Rows) -> Result<()> {
        self.flush()?;
        let (mut places, mut next) = (Vec::new(), chain.last);
        while let Some(place) = next {
            places.push(place);
            self.file.seek(SeekFrom::Start(place))?;
            let before = number(&mut self.file)?;
            next = Some(before).filter(|&before| before != u64::MAX);
        }
        let mut reader = BufReader::with_capacity(64 << 10, &self.file);
        for &place in places.iter().rev() {
            reader.seek(SeekFrom::Start(place))?;
            read_run(&mut reader, rows)?;
        }
        self.runs = self.runs.saturating_sub(chain.runs);
        if self.runs == 0 {
            self.file.set_len(0)?;
            self.written = 0;
        }
        Ok(())
    }
}

fn read_run(reader: &mut impl Read, rows: &mut Rows) -> Result<()> {
    let (_before, count, _bytes) = (number(reader)?, number(reader)?, number(reader)?);
    let mut heads = Vec::new();
    for _ in 0..count {
        let mut has_time = [0];
        reader.read_exact(&mut has_time)?;
        let (time, offset, len) = (number(reader)?, number(reader)?, number(reader)?);
        heads.push((Some(Micros(time as i64)).filter(|_| has_time == [1]), offset, len));
    }
    let mut payload = Vec::new();
    for (time, offset, len) in heads {
        payload.clear();
        reader.take(len).read_to_end(&mut payload)?;
        rows.push_parts(time, offset, &payload);
    }
    Ok(())
}

fn number(reader: &mut impl Read) -> Result<u64> {
    let mut bytes = [0; 8];
    reader.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
