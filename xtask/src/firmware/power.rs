//! The power goes: at some moment, and after each sector that is written.

use std::fs::{self, File};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tlog_index::card::Layout;

use super::build::Profile;
use super::card::{self, ORACLE, Oracle, SECTOR, Session};
use super::emulator::{BY_INSTRUCTIONS, Setup, number, raw};
use super::journal::{self, Write};

/// How large the files are, in bytes: full after some seconds, so that there are changes from one to the next.
const FILE: u64 = 64 << 10;

/// How many there are.
const FILES: u64 = 4;

/// A source of chance (xorshift).
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// Kills QEMU at some moment, again and again, with the same card; how many times.
///
/// # Errors
/// When something that was acknowledged is not there.
pub fn kill(times: u32, seed: u64) -> Result<u64> {
    let image = card::folder()?.join("kill.img");
    let layout = card::prepare(&image, FILES, FILE)?;
    let mut chance = Chance::new(seed);
    let (mut before, mut records) = (0, 0);
    for n in 0..times {
        let ring = if n % 2 == 0 { "ring=lane" } else { "ring=shared" };
        let setup = Setup { words: &[ring, "full=recycle"], drive: raw(&image), icount: None, profile: Profile::Size };
        let mut emulator = setup.start()?;
        // Most are killed when there is something to lose.
        emulator.wait_for(if n % 4 == 3 { "boot=" } else { "acknowledging" })?;
        thread::sleep(Duration::from_millis(chance.below(1_500)));
        emulator.kill()?;
        let bytes = fs::read(&image)?;
        let (sessions, oracle) = (card::sessions(&bytes, &layout)?, Oracle::of(&bytes));
        let acknowledged = if oracle.boot == n + 1 { oracle.records } else { 0 };
        let last = card::last(&sessions);
        let found = card::whole(sessions, before).with_context(|| format!("after kill {n}"))?;
        ensure!(found >= acknowledged, "after kill {n}: {found} records of {acknowledged} acknowledged");
        (before, records) = (last, records + acknowledged);
    }
    ensure!(records > 0, "nothing was acknowledged before a kill");
    println!("   {times} kills, {records} acknowledged records, all there");
    Ok(u64::from(times))
}

/// Replays what the firmware wrote, cut after each sector, and with the next one torn.
///
/// # Errors
/// When something that was acknowledged is not there, or something is read that was not written.
pub fn cut(tears: usize, seed: u64) -> Result<u64> {
    let folder = card::folder()?;
    let (image, log) = (folder.join("cut.img"), folder.join("cut.journal"));
    let layout = card::prepare(&image, FILES, FILE)?;
    // First the files are filled with what must not be taken for anything later.
    let run =
        |words: &[&str], drive| Setup { words, drive, icount: Some(BY_INSTRUCTIONS), profile: Profile::Size }.run();
    run(&["for=9000", "full=recycle"], raw(&image))?;
    let base = fs::read(&image)?;
    File::create(&log)?;
    let words = run(&["for=4000", "full=recycle"], Some(journal::drive(&image, &log)))?;
    let writes = journal::read(&log)?;
    let mut replay = Replay::new(base, layout, Chance::new(seed))?;
    ensure!(number(&words, "dropped")? == 0, "records were dropped: {words:?}");
    let variants = replay.all(&writes, tears)?;
    let acknowledged = number(&words, "acknowledged")?;
    ensure!(replay.oracle().records == acknowledged, "the journal does not end as the firmware says");
    println!("   {} sector writes, {variants} cuts and tears, {acknowledged} acknowledged records", writes.len());
    Ok(1)
}

/// A card on which the writes happen one by one.
struct Replay {
    image: Vec<u8>,
    layout: Layout,
    chance: Chance,
    /// The last session and the last start of the firmware before.
    before: u32,
    boot: u32,
    /// What the files hold, unless one was written to since that was read.
    read: Vec<Option<Option<Session>>>,
}

impl Replay {
    fn new(image: Vec<u8>, layout: Layout, chance: Chance) -> Result<Self> {
        let sessions = card::sessions(&image, &layout)?;
        ensure!(sessions.len() as u64 == layout.files, "{} files are in use of {}", sessions.len(), layout.files);
        let (before, boot) = (card::last(&sessions), Oracle::of(&image).boot);
        let read = vec![None; layout.files as usize];
        Ok(Self { image, layout, chance, before, boot, read })
    }

    fn all(&mut self, writes: &[Write], tears: usize) -> Result<u64> {
        let mut variants = 0;
        for (n, write) in writes.iter().enumerate() {
            let old = self.sector(write.sector)?.to_vec();
            for _ in 0..tears {
                let torn = self.torn(&old, &write.data);
                self.put(write.sector, &torn)?;
                self.check().with_context(|| format!("write {n} of {}, torn", writes.len()))?;
                variants += 1;
            }
            self.put(write.sector, &write.data)?;
            self.check().with_context(|| format!("after write {n} of {}", writes.len()))?;
            variants += 1;
        }
        Ok(variants)
    }

    /// A sector of which only the front was written; behind it is what was there, or what flash may hold.
    fn torn(&mut self, old: &[u8], new: &[u8]) -> Vec<u8> {
        let at = 16 * (1 + self.chance.below(31) as usize);
        let mut torn = new[..at].to_vec();
        match self.chance.below(4) {
            0 => torn.extend(&old[at..]),
            1 => torn.resize(SECTOR, 0xff),
            2 => torn.resize(SECTOR, 0),
            _ => torn.extend((at..SECTOR).map(|_| self.chance.below(256) as u8)),
        }
        torn
    }

    fn sector(&self, sector: u64) -> Result<&[u8]> {
        let at = sector as usize * SECTOR;
        self.image.get(at..at + SECTOR).context("a sector beyond the card")
    }

    fn put(&mut self, sector: u64, data: &[u8]) -> Result<()> {
        let at = sector as usize * SECTOR;
        self.image.get_mut(at..at + SECTOR).context("a sector beyond the card")?.copy_from_slice(data);
        for (file, read) in self.read.iter_mut().enumerate() {
            if card::range(&self.layout, file as u64).contains(&at) {
                *read = None;
            }
        }
        ensure!(sector == ORACLE || self.is_data(at), "sector {sector} is neither of a file nor of TLOG.CTL");
        Ok(())
    }

    /// Whether a byte is where firmware may write: in a file, or in what is in front of the first one, which is
    /// `TLOG.CTL`.
    fn is_data(&self, at: usize) -> bool {
        let control = self.layout.file_start(0) as usize - 128 * 2 * SECTOR;
        (control..card::range(&self.layout, self.layout.files - 1).end).contains(&at)
    }

    fn oracle(&self) -> Oracle {
        Oracle::of(&self.image)
    }

    fn check(&mut self) -> Result<()> {
        for (file, read) in self.read.iter_mut().enumerate() {
            if read.is_none() {
                let bytes = self.image.get(card::range(&self.layout, file as u64)).unwrap_or_default();
                *read = Some(card::session(bytes)?);
            }
        }
        let sessions = self.read.iter().flatten().flatten().cloned();
        let found = card::whole(sessions, self.before)?;
        let oracle = self.oracle();
        let acknowledged = if oracle.boot == self.boot + 1 { oracle.records } else { 0 };
        ensure!(found >= acknowledged, "{found} records of {acknowledged} acknowledged");
        Ok(())
    }
}
