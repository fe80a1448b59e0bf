//! Cards: made as `tlog card init` makes them, and read as `tlog recover` reads them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tlog::Record;
use tlog::read::{Event, ReadOptions, SliceReader};
use tlog::record::Decode;
use tlog_index::card::{Before, Layout, make};
use tlog_index::recover::{RecoverOptions, recover};

use crate::project::target_dir;

pub const SECTOR: usize = 512;

/// Where the firmware says what was acknowledged, and what that begins with: see its `oracle.rs`.
pub const ORACLE: u64 = 100;
const ORACLE_MAGIC: &[u8] = b"TLOGACKS";

/// The records of the firmware, see its `records.rs`.
#[derive(Record, Debug, PartialEq)]
struct Imu {
    count: u32,
    accel: [i16; 3],
    gyro: [i16; 3],
}

impl Imu {
    fn next(count: u32) -> Self {
        let low = count as i16;
        Self { count, accel: [low, low.wrapping_mul(3), low.wrapping_mul(7)], gyro: [!low, low.wrapping_mul(11), 5] }
    }
}

#[derive(Record, Debug, PartialEq)]
struct Baro {
    count: u32,
    pascal: f32,
}

/// Only its front: what follows is ignored.
#[derive(Record, Debug)]
struct Status {
    count: u32,
}

/// A folder for images.
pub fn folder() -> Result<PathBuf> {
    let folder = target_dir().join("firmware/cards");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A card with so many files of this size in bytes.
///
/// # Errors
/// Those of the system.
pub fn prepare(path: &Path, files: u64, size: u64) -> Result<Layout> {
    let bytes = Layout::card_for(files, size);
    let layout = Layout::new(bytes, files, size)?;
    let mut image = File::create(path).with_context(|| path.display().to_string())?;
    image.set_len(bytes)?;
    make(&mut image, &layout, 0, Before::Zeros, |_| ())?;
    Ok(layout)
}

/// Where a file of a card is, in bytes.
pub fn range(layout: &Layout, file: u64) -> std::ops::Range<usize> {
    let start = layout.file_start(file) as usize;
    start..start + layout.file_bytes as usize
}

/// What the firmware says was acknowledged since it was last started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oracle {
    pub boot: u32,
    pub records: u32,
}

impl Oracle {
    /// What the sector says; nothing yet on a new card.
    pub fn parse(sector: &[u8]) -> Self {
        let word = |at: usize| {
            sector.get(at..at + 4).map_or(0, |word| word.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
        };
        match sector.starts_with(ORACLE_MAGIC) {
            true => Self { boot: word(8), records: word(12) },
            false => Self::default(),
        }
    }

    /// What an image says.
    pub fn of(image: &[u8]) -> Self {
        let at = ORACLE as usize * SECTOR;
        Self::parse(image.get(at..at + SECTOR).unwrap_or_default())
    }
}

/// What a file of a card holds of the firmware's records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    pub number: u32,
    /// The numbers of each kind's records, in the order of the file.
    pub counts: [Vec<u32>; 3],
    pub dropped: u32,
}

/// Reads what is proved in a file; `None` where there is no log.
///
/// # Errors
/// For a record that the firmware cannot have made, and when the log that was recovered is not sound.
pub fn session(file: &[u8]) -> Result<Option<Session>> {
    let options = RecoverOptions { card: true, ..RecoverOptions::default() };
    let (recovered, log) = recover(file, &options, Vec::new())?;
    let Some(batches) = recovered.report.batches.as_ref() else { return Ok(None) };
    let Some(number) = batches.session else { return Ok(None) };
    let mut session = Session { number, dropped: batches.counts.dropped, ..Session::default() };
    let mut reader = SliceReader::new(&log, ReadOptions { strict: true, ..ReadOptions::default() });
    while let Some(event) = reader.next_event()? {
        if let Event::Data(data) = event {
            add(&mut session, &data.record.name, data.payload)?;
        }
    }
    Ok(Some(session))
}

fn add(session: &mut Session, name: &str, payload: &[u8]) -> Result<()> {
    let [imus, baros, statuses] = &mut session.counts;
    match name {
        "imu" => {
            let imu: Imu = decode(payload)?;
            ensure!(imu == Imu::next(imu.count), "no record of the firmware: {imu:?}");
            imus.push(imu.count);
        }
        "baro" => {
            let baro: Baro = decode(payload)?;
            ensure!(baro.pascal == 101_325.0 + baro.count as f32, "no record of the firmware: {baro:?}");
            baros.push(baro.count);
        }
        "status" => statuses.push(decode::<Status>(payload)?.count),
        "tlog.batch" | "tlog.drops" | "tlog.clock" => {}
        other => bail!("a record {other:?}"),
    }
    Ok(())
}

fn decode<'p, T: Record + Decode<'p>>(payload: &'p [u8]) -> Result<T> {
    Ok(T::decode_payload(payload)?)
}

/// How many records there are in the sessions after `before`, in all files: of each kind all from the first on, without
/// a gap, in order. With gaps where the firmware had to drop some: a machine under load may stop QEMU for so long.
///
/// # Errors
/// When one is missing in the middle, or there twice.
pub fn whole(sessions: impl IntoIterator<Item = Session>, before: u32) -> Result<u32> {
    let mut sessions: Vec<Session> = sessions.into_iter().filter(|session| session.number > before).collect();
    sessions.sort_by_key(|session| session.number);
    let is_whole = sessions.iter().all(|session| session.dropped == 0);
    let mut found = 0;
    for kind in 0..3 {
        let mut expected = 0;
        for count in sessions.iter().flat_map(|session| &session.counts[kind]) {
            let is_next = *count == expected || (!is_whole && *count > expected);
            ensure!(is_next, "record {count} of kind {kind} is where {expected} should be");
            expected = count + 1;
            found += 1;
        }
    }
    Ok(found)
}

/// All the sessions of an image.
///
/// # Errors
/// As [`session`].
pub fn sessions(image: &[u8], layout: &Layout) -> Result<Vec<Session>> {
    let files = (0..layout.files).map(|file| session(image.get(range(layout, file)).unwrap_or_default()));
    files.filter_map(Result::transpose).collect()
}

/// The number of the last session on a card.
pub fn last(sessions: &[Session]) -> u32 {
    sessions.iter().map(|session| session.number).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: u32, imus: &[u32]) -> Session {
        Session { number, counts: [imus.to_vec(), Vec::new(), vec![0]], dropped: 0 }
    }

    #[test]
    fn a_record_that_is_missing_or_there_twice_is_found() {
        let first = Session { counts: [vec![0, 1], Vec::new(), Vec::new()], ..session(4, &[]) };
        assert_eq!(whole([session(5, &[2, 3]), first.clone()], 3).unwrap(), 5);
        assert_eq!(whole([session(3, &[7, 9])], 3).unwrap(), 0, "that was before");
        assert!(whole([session(5, &[3]), first.clone()], 3).is_err(), "one is missing");
        assert!(whole([session(5, &[1, 2]), first], 3).is_err(), "one is there twice");
        let dropped = |imus: &[u32]| Session { dropped: 1, ..session(5, imus) };
        assert_eq!(whole([dropped(&[0, 2])], 3).unwrap(), 3, "one was dropped");
        assert!(whole([dropped(&[0, 2, 1])], 3).is_err(), "but order must be");
    }

    #[test]
    fn the_oracle_speaks_from_its_sector_only() {
        let mut image = vec![0; (ORACLE as usize + 1) * SECTOR];
        assert_eq!(Oracle::of(&image), Oracle::default());
        let at = ORACLE as usize * SECTOR;
        image[at..at + 16].copy_from_slice(b"TLOGACKS\x02\0\0\0\x05\x01\0\0");
        assert_eq!(Oracle::of(&image), Oracle { boot: 2, records: 0x105 });
        assert_eq!(Oracle::of(&image[..at]), Oracle::default());
    }
}
