//! Where to write next: the control sectors, and the file to use. One sector is read in each step, so that a card that is
//! put in while the rings fill holds up nobody.
//!
//! Read are: the partition table, the volume's first sector, the root directory with the first sector of each of its log
//! files, both control sectors, and the FAT's entries of the two files that will be written to.

use tlog::wire::{batch, session};

use super::fat::{Entry, File, Partition, Run, Volume};
use super::{Extent, Place, Trouble, WhenFull};
use crate::device::{BlockDevice, DeviceError, SECTOR, Sector};

/// A directory of FAT32 has at most 65,536 entries; what goes on is a chain that runs in circles.
const DIRECTORY_SECTORS: u16 = 4096;

/// How many files that are not in one piece are passed over before the card counts as not prepared.
const BROKEN_FILES: u8 = 8;

/// How long an extent can be in sectors: what FAT32 allows, which 32 bits can count in bytes.
const LONGEST: u32 = u32::MAX / SECTOR as u32;

/// Where to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub extent: Extent,
    /// Its number among the files.
    pub number: u16,
    /// The control sector to write, and the session to write into it.
    pub control: u32,
    pub session: u32,
}

/// What it takes to choose.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'k> {
    pub place: Place<'k>,
    pub when_full: WhenFull,
    /// The file that was given up last.
    pub avoid: Option<u16>,
    /// How many sectors a file must have at least.
    pub least: u32,
}

/// The search.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scan {
    step: Step,
    card_sectors: u32,
    volume: Volume,
    directory: Directory,
    control: File,
    candidate: Candidate,
    best: Option<Candidate>,
    highest: u32,
    /// Of the control sectors; 0 for none.
    numbers: [u32; 2],
    broken: u8,
    has_files: bool,
    avoid: Option<u16>,
}

#[derive(Clone, Copy, Default)]
enum Step {
    #[default]
    Begin,
    Volume(Partition),
    Directory,
    DirectoryChain,
    /// The first sector of the candidate; its extent in sectors, for raw devices its place in the list.
    First,
    Raw(u16),
    Control(u8),
    /// The FAT's entry of this cluster.
    ControlRun(u32),
    FileRun(u32),
}

/// What comes behind an extent in the list.
fn behind(at: u16) -> Step {
    at.checked_add(1).map_or(Step::Control(0), Step::Raw)
}

#[derive(Clone, Copy, Default)]
struct Directory {
    cluster: u32,
    sector: u32,
    entry: u8,
    seen: u16,
}

#[derive(Clone, Copy, Default)]
struct Candidate {
    number: u16,
    /// The first sector, and for files the first cluster.
    first: u32,
    cluster: u32,
    sectors: u32,
    /// 0 for an unused one.
    session: u32,
}

impl Scan {
    /// Makes the next step; `Some` after the last one.
    pub(crate) fn step<D: BlockDevice>(
        &mut self,
        device: &mut D,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Found>, Trouble> {
        let mut sector = [0; SECTOR];
        if matches!(self.step, Step::Begin) {
            self.card_sectors = device.sectors()?;
            self.avoid = wanted.avoid;
        }
        if let Some(at) = self.reads(wanted).ok_or(Trouble::NotPrepared)? {
            match (device.read(at, &mut sector), self.step) {
                (Ok(()), _) => {}
                // A file whose first sector cannot be read is not used, nor overwritten.
                (Err(DeviceError::Failed), Step::First) => {
                    self.step = Step::Directory;
                    return Ok(None);
                }
                (Err(DeviceError::Failed), Step::Raw(at)) => {
                    (self.has_files, self.step) = (true, behind(at));
                    return Ok(None);
                }
                // A cut of power may have left no sum of the card's own. The other one counts, and this is written next.
                (Err(DeviceError::Failed), Step::Control(_)) => sector.fill(0),
                (Err(error), _) => return Err(error.into()),
            }
        }
        self.advance(&sector, wanted)
    }

    /// The sector that the step needs; `None` inside for none, outside when it cannot be on the card.
    fn reads(&self, wanted: &Wanted<'_>) -> Option<Option<u32>> {
        let sector = match (self.step, wanted.place) {
            (Step::Begin, Place::Card) => 0,
            (Step::Begin, Place::Raw { .. }) => return Some(None),
            (Step::Volume(partition), _) => partition.boot(),
            (Step::Directory, _) => self.volume.first_of(self.directory.cluster)?.checked_add(self.directory.sector)?,
            (Step::DirectoryChain, _) => self.volume.fat_sector(self.directory.cluster)?,
            (Step::First, _) => self.candidate.first,
            (Step::Raw(at), Place::Raw { extents, .. }) => match extents.get(usize::from(at)) {
                Some(extent) => extent.first,
                None => return Some(None),
            },
            (Step::Raw(_), Place::Card) => return None,
            (Step::Control(at), _) => self.control_sector(wanted, at)?,
            (Step::ControlRun(cluster) | Step::FileRun(cluster), _) => self.volume.fat_sector(cluster)?,
        };
        (sector < self.card_sectors).then_some(Some(sector))
    }

    fn control_sector(&self, wanted: &Wanted<'_>, at: u8) -> Option<u32> {
        match wanted.place {
            Place::Raw { control, .. } => control.get(usize::from(at)).copied(),
            Place::Card => {
                let first = self.volume.first_of(self.control.cluster)?;
                first.checked_add(if at == 0 { 0 } else { self.control.sectors / 2 })
            }
        }
    }

    fn advance(&mut self, sector: &Sector, wanted: &Wanted<'_>) -> Result<Option<Found>, Trouble> {
        match self.step {
            Step::Begin => self.step = self.begin(sector, wanted)?,
            Step::Volume(partition) => {
                self.volume = Volume::parse(sector, partition).ok_or(Trouble::NotPrepared)?;
                self.directory = Directory { cluster: self.volume.root, ..Directory::default() };
                self.step = Step::Directory;
            }
            Step::Directory => self.step = self.directory(sector, wanted)?,
            Step::DirectoryChain => self.step = self.next_cluster(sector)?,
            Step::First => {
                self.consider(sector, wanted);
                self.step = Step::Directory;
            }
            Step::Raw(at) => self.step = self.raw(sector, wanted, at)?,
            Step::Control(at) => self.step = self.number(sector, wanted, at)?,
            Step::ControlRun(cluster) | Step::FileRun(cluster) => return self.run(sector, wanted, cluster),
        }
        match (self.step, wanted.place) {
            // Extents given by hand are in one piece.
            (Step::FileRun(_), Place::Raw { .. }) => self.found(wanted).map(Some),
            _ => Ok(None),
        }
    }

    fn begin(&self, mbr: &Sector, wanted: &Wanted<'_>) -> Result<Step, Trouble> {
        Ok(match wanted.place {
            Place::Raw { .. } => Step::Raw(0),
            Place::Card => Step::Volume(Partition::parse(mbr, self.card_sectors).ok_or(Trouble::NotPrepared)?),
        })
    }

    fn directory(&mut self, sector: &Sector, wanted: &Wanted<'_>) -> Result<Step, Trouble> {
        while self.directory.entry < 16 {
            let entry = Entry::parse(sector, self.directory.entry);
            self.directory.entry += 1;
            match entry {
                Entry::End => return self.chosen(),
                Entry::Other => {}
                Entry::Control(file) => self.control = file,
                Entry::Log(number, file) => {
                    self.has_files = true;
                    if let Some(first) = self.usable(file, wanted) {
                        let File { cluster, sectors } = file;
                        self.candidate = Candidate { number, first, cluster, sectors, session: 0 };
                        return Ok(Step::First);
                    }
                }
            }
        }
        self.directory.entry = 0;
        self.directory.sector += 1;
        self.directory.seen += 1;
        if self.directory.seen >= DIRECTORY_SECTORS {
            return self.chosen();
        }
        Ok(match self.directory.sector < self.volume.sectors_per_cluster() {
            true => Step::Directory,
            false => Step::DirectoryChain,
        })
    }

    /// The first sector of a file that is long enough, and on the volume.
    fn usable(&self, file: File, wanted: &Wanted<'_>) -> Option<u32> {
        self.volume.last_of(file.cluster, file.sectors)?;
        let first = self.volume.first_of(file.cluster)?;
        self.fits(first, file.sectors, wanted).then_some(first)
    }

    fn fits(&self, first: u32, sectors: u32, wanted: &Wanted<'_>) -> bool {
        let is_inside = first.checked_add(sectors).is_some_and(|end| end <= self.card_sectors);
        (wanted.least..=LONGEST).contains(&sectors) && is_inside
    }

    fn next_cluster(&mut self, fat: &Sector) -> Result<Step, Trouble> {
        match self.volume.follower(fat, self.directory.cluster) {
            None => self.chosen(),
            Some(cluster) => {
                self.directory.cluster = cluster;
                self.directory.sector = 0;
                Ok(Step::Directory)
            }
        }
    }

    fn raw(&mut self, sector: &Sector, wanted: &Wanted<'_>, at: u16) -> Result<Step, Trouble> {
        let Place::Raw { extents, .. } = wanted.place else { return Err(Trouble::NotPrepared) };
        let Some(&Extent { first, sectors }) = extents.get(usize::from(at)) else { return self.chosen() };
        self.has_files = true;
        if self.fits(first, sectors, wanted) {
            self.candidate = Candidate { number: at, first, cluster: 0, sectors, session: 0 };
            self.consider(sector, wanted);
        }
        Ok(behind(at))
    }

    /// Compares the candidate, whose first sector this is, with the best so far.
    fn consider(&mut self, sector: &Sector, wanted: &Wanted<'_>) {
        self.candidate.session = batch::at_start(sector).map_or(0, |head| head.session);
        self.highest = self.highest.max(self.candidate.session);
        let is_allowed = self.candidate.session == 0 || wanted.when_full == WhenFull::Recycle;
        if !is_allowed || self.avoid == Some(self.candidate.number) {
            return;
        }
        // Unused ones first, those behind the one that was given up before those in front of it.
        let start = self.avoid.map_or(0, |avoid| avoid.wrapping_add(1));
        let rank = |candidate: &Candidate| (candidate.session, candidate.number.wrapping_sub(start));
        if self.best.is_none_or(|best| rank(&self.candidate) < rank(&best)) {
            self.best = Some(self.candidate);
        }
    }

    /// All files have been seen.
    fn chosen(&self) -> Result<Step, Trouble> {
        match self.has_files {
            false => Err(Trouble::NotPrepared),
            true if self.best.is_none() => Err(Trouble::Full),
            true => Ok(Step::Control(0)),
        }
    }

    fn number(&mut self, sector: &Sector, wanted: &Wanted<'_>, at: u8) -> Result<Step, Trouble> {
        if let Some(number) = self.numbers.get_mut(usize::from(at)) {
            *number = session::parse(sector).unwrap_or(0);
        }
        if at == 0 {
            return Ok(Step::Control(1));
        }
        if let Place::Raw { .. } = wanted.place {
            return Ok(Step::FileRun(0));
        }
        // Two sectors that are not the same.
        (self.control.sectors >= 2).then_some(Step::ControlRun(self.control.cluster)).ok_or(Trouble::NotPrepared)
    }

    /// Follows the control file in the FAT, and then the one to write to.
    fn run(&mut self, fat: &Sector, wanted: &Wanted<'_>, cluster: u32) -> Result<Option<Found>, Trouble> {
        let best = self.best.ok_or(Trouble::Full)?;
        let is_control = matches!(self.step, Step::ControlRun(_));
        let file = if is_control { self.control } else { File { cluster: best.cluster, sectors: best.sectors } };
        let last = self.volume.last_of(file.cluster, file.sectors).ok_or(Trouble::NotPrepared)?;
        match (self.volume.follow(fat, cluster, last), is_control) {
            (Run::More(next), true) => self.step = Step::ControlRun(next),
            (Run::More(next), false) => self.step = Step::FileRun(next),
            (Run::Whole, true) => self.step = Step::FileRun(best.cluster),
            (Run::Whole, false) => return self.found(wanted).map(Some),
            (Run::Broken, true) => return Err(Trouble::NotPrepared),
            (Run::Broken, false) => self.pass_over(best.number)?,
        }
        Ok(None)
    }

    /// Looks again, without this file.
    fn pass_over(&mut self, number: u16) -> Result<(), Trouble> {
        self.broken += 1;
        if self.broken >= BROKEN_FILES {
            return Err(Trouble::NotPrepared);
        }
        (self.avoid, self.best) = (Some(number), None);
        self.directory = Directory { cluster: self.volume.root, ..Directory::default() };
        self.step = Step::Directory;
        Ok(())
    }

    fn found(&self, wanted: &Wanted<'_>) -> Result<Found, Trouble> {
        let best = self.best.ok_or(Trouble::Full)?;
        let [a, b] = self.numbers;
        let session = self.highest.max(a).max(b).checked_add(1).ok_or(Trouble::Full)?;
        // The lower number is given up; a sector without one is lower than any.
        let at = u8::from(b < a);
        let control = self.control_sector(wanted, at).filter(|&sector| sector < self.card_sectors);
        let control = control.ok_or(Trouble::NotPrepared)?;
        let extent = Extent { first: best.first, sectors: best.sectors };
        Ok(Found { extent, number: best.number, control, session })
    }
}
