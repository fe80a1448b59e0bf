//! The journal that QEMU's `blklogwrites` keeps of all writes to a card: that of Linux' dm-log-writes, version 1.
//!
//! ```text
//!  one sector: magic u64 │ version u64 │ entries u64 │ sector size u32
//!  per entry, one sector: sector u64 │ sectors u64 │ flags u64 │ length u64; then the data, unless it is a discard
//! ```

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::card::SECTOR;

const MAGIC: u64 = 0x6a_7366_7773_6872;
const DISCARD: u64 = 4;

/// A sector that was written.
pub struct Write {
    pub sector: u64,
    pub data: Vec<u8>,
}

/// What `-drive` is told so that the writes to `image` are kept in `journal`, which must be there, empty.
pub fn drive(image: &Path, journal: &Path) -> String {
    format!(
        "if=sd,driver=blklogwrites,file.driver=file,file.filename={},log.driver=file,log.filename={},log-append=off,\
         log-super-update-interval=1",
        image.display(),
        journal.display()
    )
}

/// Reads a journal: sector by sector, in the order in which they were written.
///
/// # Errors
/// For what is no journal.
pub fn read(path: &Path) -> Result<Vec<Write>> {
    let journal = std::fs::read(path).with_context(|| path.display().to_string())?;
    let word = |at: usize| -> Result<u64> {
        let word = journal.get(at..at + 8).context("the journal is cut short")?;
        Ok(u64::from_le_bytes(word.try_into()?))
    };
    ensure!((word(0)?, word(8)?) == (MAGIC, 1), "{} is no journal", path.display());
    let size = (word(24)? & 0xffff_ffff) as usize;
    ensure!(size == SECTOR, "sectors of {size} bytes");
    let (mut at, mut writes) = (SECTOR, Vec::new());
    for _ in 0..word(16)? {
        let (sector, sectors, flags) = (word(at)?, word(at + 8)?, word(at + 16)?);
        at += SECTOR;
        if flags & DISCARD != 0 {
            continue;
        }
        for n in 0..sectors {
            let data = journal.get(at..at + SECTOR).context("the journal is cut short")?.to_vec();
            writes.push(Write { sector: sector + n, data });
            at += SECTOR;
        }
    }
    Ok(writes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_was_written_sector_by_sector() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let sector = |words: &[u64]| {
            let mut sector: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            sector.resize(SECTOR, 0);
            sector
        };
        let data = |byte| vec![byte; SECTOR];
        let journal = [
            sector(&[MAGIC, 1, 3, 512]),
            sector(&[7, 2, 0, 0]),
            data(1),
            data(2),
            sector(&[100, 9, DISCARD, 0]),
            sector(&[9, 1, 0, 0]),
            data(3),
        ];
        std::fs::write(&path, journal.concat()).unwrap();
        let writes = read(&path).unwrap();
        let seen: Vec<(u64, u8)> = writes.iter().map(|write| (write.sector, write.data[0])).collect();
        assert_eq!(seen, [(7, 1), (8, 2), (9, 3)]);
        std::fs::write(&path, journal[..6].concat()).unwrap();
        assert!(read(&path).is_err(), "cut short");
        std::fs::write(&path, data(0)).unwrap();
        assert!(read(&path).is_err(), "no journal");
    }
}
