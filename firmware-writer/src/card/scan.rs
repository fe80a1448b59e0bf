//! Where to write next: the control sectors, and the file to use. One sector is read in each step, so that a card that is
//! put in while the rings fill holds up nobody.
//!
//! Read are: the partition table, the volume's first sector, the root directory with the first sector of each of its log
//! files, both control sectors, and the FAT's entries of the two files that will be written to.

use tlog::wire::{batch, session};

use super::fat::{Entry, File, Run, Volume};
use super::{Extent, Place, Trouble, WhenFull};
use crate::device::{BlockDevice, DeviceError, SECTOR, Sector};

/// A directory of FAT32 has at most 65,536 entries; what goes on is a chain that runs in circles.
const DIRECTORY_SECTORS: u16 = 4096;

/// How many files that are not in one piece are passed over before the card counts as not prepared.
const BROKEN_FILES: u8 = 8;

/// How long an extent can be in sectors: what FAT32 allows, which 32 bits can count in bytes.
const LONGEST: u32 = u32::MAX / SECTOR as u32;

/// Where to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub extent: Extent,
    /// Its number among the files.
    pub number: u16,
    /// The control sector to write, and the session to write into it.
    pub control: u32,
    pub session: u32,
}

impl Found {
    /// Nowhere.
    pub(crate) const NONE: Self = Self { extent: Extent { first: 0, sectors: 0 }, number: 0, control: 0, session: 0 };
}

/// What it takes to choose.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'k> {
    pub place: Place<'k>,
    pub when_full: WhenFull,
    /// Whether file after file was given up: then each has its turn, and not the oldest again and again.
    pub in_turn: bool,
    /// How many sectors a file must have at least.
    pub least: u32,
}

/// The search.
#[derive(Clone, Copy)]
pub(crate) struct Scan {
    step: Step,
    /// The sector that the step reads.
    at: u32,
    /// The first sector that is not to be used: behind the card, and once it is known, behind the partition.
    end: u32,
    volume: Volume,
    directory: Directory,
    control: File,
    candidate: Candidate,
    /// The best so far; none while it has no sectors.
    best: Candidate,
    highest: u32,
    /// Of the control sectors; 0 for none.
    numbers: [u32; 2],
    broken: u8,
    has_files: bool,
    /// The number behind the file that was given up last; 0 for none.
    behind: u32,
}

/// What a sector is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Begin,
    Volume,
    Directory,
    /// The FAT's entry of the directory's cluster.
    DirectoryChain,
    /// The first sector of the candidate.
    First,
    Control,
    OtherControl,
    /// The FAT's entry of the directory's cluster, which is one of the file's by then.
    ControlRun,
    FileRun,
    /// Nothing: there is one.
    Found,
}

/// Where in the directory, or in the list of extents: there, `cluster` counts them.
#[derive(Clone, Copy)]
struct Directory {
    cluster: u32,
    sector: u32,
    entry: u8,
    seen: u16,
}

#[derive(Clone, Copy)]
struct Candidate {
    number: u16,
    file: File,
    /// 0 for an unused one.
    session: u32,
}

impl Directory {
    const NONE: Self = Self { cluster: 0, sector: 0, entry: 0, seen: 0 };
}

impl Candidate {
    const NONE: Self = Self { number: 0, file: File::NONE, session: 0 };
}

/// Whether a step was the last one.
type Stepped = Result<bool, Trouble>;

impl Scan {
    /// One that has not begun: all zeros.
    pub(crate) const NONE: Self = Self {
        step: Step::Begin,
        at: 0,
        end: 0,
        volume: Volume::NONE,
        directory: Directory::NONE,
        control: File::NONE,
        candidate: Candidate::NONE,
        best: Candidate::NONE,
        highest: 0,
        numbers: [0; 2],
        broken: 0,
        has_files: false,
        behind: 0,
    };

    /// Begins, for another file than the one in front of `behind`. What is not set here is set before it is used.
    #[inline(never)] // flash
    pub(crate) fn restart(&mut self, behind: u32) {
        (self.step, self.at, self.behind, self.best) = (Step::Begin, 0, behind, Candidate::NONE);
        self.directory = Directory::NONE;
        self.control = File::NONE;
        (self.highest, self.broken, self.has_files) = (0, 0, false);
    }

    /// Makes the next step; after the last one, and each further time, it is [`found`](Self::found).
    pub(crate) fn step<D: BlockDevice>(&mut self, device: &mut D, wanted: &Wanted<'_>) -> Stepped {
        if self.step == Step::Found {
            return Ok(true);
        }
        let mut sector = [0; SECTOR];
        if self.step == Step::Begin {
            self.end = device.sectors()?;
            if let Place::Raw { .. } = wanted.place {
                self.volume = Volume::of_sectors(self.end);
                return self.next_extent(wanted);
            }
        }
        match (device.read(self.at, &mut sector), self.step) {
            (Ok(()), _) => {}
            // A file whose first sector cannot be read is not used, nor overwritten.
            (Err(DeviceError::Failed), Step::First) => return self.next(wanted),
            // A cut of power may have left no sum of the card's own. The other one counts, and this is written next.
            (Err(DeviceError::Failed), Step::Control | Step::OtherControl) => sector.fill(0),
            (Err(error), _) => return Err(error.into()),
        }
        self.advance(&sector, wanted)
    }

    fn done(&mut self) -> Stepped {
        self.step = Step::Found;
        Ok(true)
    }

    /// Reads this sector next, which must be on the card.
    #[inline(never)] // called from many places: flash
    fn read(&mut self, step: Step, sector: Option<u32>) -> Stepped {
        self.at = sector.filter(|&sector| sector < self.end).ok_or(Trouble::NotPrepared)?;
        self.step = step;
        Ok(false)
    }

    #[inline(never)] // flash
    fn read_fat(&mut self, step: Step) -> Stepped {
        self.read(step, self.volume.fat_sector(self.directory.cluster))
    }

    fn advance(&mut self, sector: &Sector, wanted: &Wanted<'_>) -> Stepped {
        match self.step {
            Step::Begin => {
                let partition = Extent::partition(sector, self.end).ok_or(Trouble::NotPrepared)?;
                // On the card, so that it does not overflow.
                self.end = partition.first.saturating_add(partition.sectors);
                self.read(Step::Volume, Some(partition.first))
            }
            Step::Volume => {
                self.volume = Volume::parse(sector, self.at, self.end).ok_or(Trouble::NotPrepared)?;
                self.directory.cluster = self.volume.root;
                self.next(wanted)
            }
            Step::Directory => self.directory(sector, wanted),
            Step::DirectoryChain => match self.volume.follower(sector, self.directory.cluster) {
                None => self.chosen(wanted),
                Some(cluster) => {
                    self.directory.cluster = cluster;
                    self.directory.sector = 0;
                    self.next(wanted)
                }
            },
            Step::First => {
                self.consider(sector, wanted);
                self.next(wanted)
            }
            Step::Control => {
                self.numbers[0] = session::parse(sector).unwrap_or(0);
                self.read(Step::OtherControl, self.control_sector(1, &wanted.place))
            }
            Step::OtherControl => {
                self.numbers[1] = session::parse(sector).unwrap_or(0);
                self.numbered(wanted)
            }
            Step::ControlRun | Step::FileRun => self.run(sector),
            Step::Found => Ok(true),
        }
    }

    /// Goes on behind the file that was looked at.
    fn next(&mut self, wanted: &Wanted<'_>) -> Stepped {
        match wanted.place {
            Place::Raw { .. } => self.next_extent(wanted),
            Place::Card => {
                let first = self.volume.first_of(self.directory.cluster);
                self.read(Step::Directory, first.and_then(|first| first.checked_add(self.directory.sector)))
            }
        }
    }

    fn next_extent(&mut self, wanted: &Wanted<'_>) -> Stepped {
        let Place::Raw { extents, .. } = wanted.place else { return Err(Trouble::NotPrepared) };
        while let Some(extent) = extents.get(self.directory.cluster as usize) {
            let number = self.directory.cluster as u16;
            self.directory.cluster += 1;
            if let Some(first) = self.candidate(number, self.volume.file_of(extent), wanted) {
                return self.read(Step::First, Some(first));
            }
        }
        self.chosen(wanted)
    }

    fn directory(&mut self, sector: &Sector, wanted: &Wanted<'_>) -> Stepped {
        while self.directory.entry < 16 {
            let entry = Entry::parse(sector, self.directory.entry);
            self.directory.entry += 1;
            match entry {
                Entry::End => return self.chosen(wanted),
                Entry::Other => {}
                Entry::Control(file) => self.control = file,
                Entry::Log(number, file) => {
                    if let Some(first) = self.candidate(number, file, wanted) {
                        return self.read(Step::First, Some(first));
                    }
                }
            }
        }
        self.directory.entry = 0;
        self.directory.sector += 1;
        self.directory.seen += 1;
        if self.directory.seen >= DIRECTORY_SECTORS {
            return self.chosen(wanted);
        }
        match self.directory.sector < self.volume.sectors_per_cluster() {
            true => self.next(wanted),
            false => self.read_fat(Step::DirectoryChain),
        }
    }

    /// Takes a file for a candidate that is long enough, and on the volume: its first sector.
    fn candidate(&mut self, number: u16, file: File, wanted: &Wanted<'_>) -> Option<u32> {
        self.has_files = true;
        self.candidate = Candidate { number, file, session: 0 };
        self.volume.last_of(file)?;
        let first = self.volume.first_of(file.cluster)?;
        let is_inside = first.checked_add(file.sectors)? <= self.end;
        ((wanted.least..=LONGEST).contains(&file.sectors) && is_inside).then_some(first)
    }

    /// Compares the candidate, whose first sector this is, with the best so far.
    fn consider(&mut self, sector: &Sector, wanted: &Wanted<'_>) {
        self.candidate.session = batch::session_at_start(sector).unwrap_or(0);
        self.highest = self.highest.max(self.candidate.session);
        let is_allowed = self.candidate.session == 0 || wanted.when_full == WhenFull::Recycle;
        let given_up = u32::from(self.candidate.number) + 1 == self.behind;
        if !is_allowed || given_up {
            return;
        }
        // Unused ones first, those behind the one that was given up before those in front of it.
        let age = |candidate: &Candidate| if wanted.in_turn { 0 } else { candidate.session };
        let turn = |candidate: &Candidate| u32::from(candidate.number).wrapping_sub(self.behind);
        let rank = |candidate: &Candidate| (age(candidate), turn(candidate));
        if self.best.file.sectors == 0 || rank(&self.candidate) < rank(&self.best) {
            self.best = self.candidate;
        }
    }

    /// All files have been seen.
    fn chosen(&mut self, wanted: &Wanted<'_>) -> Stepped {
        match self.has_files {
            false => Err(Trouble::NotPrepared),
            true if self.best.file.sectors == 0 => Err(Trouble::Full),
            true => self.read(Step::Control, self.control_sector(0, &wanted.place)),
        }
    }

    fn control_sector(&self, at: u8, place: &Place<'_>) -> Option<u32> {
        match place {
            Place::Raw { control, .. } => control.get(usize::from(at)).copied(),
            Place::Card => {
                let half = if at == 0 { 0 } else { self.control.sectors / 2 };
                self.volume.first_of(self.control.cluster)?.checked_add(half)
            }
        }
    }

    /// The control sectors have been read.
    fn numbered(&mut self, wanted: &Wanted<'_>) -> Stepped {
        if let Place::Raw { .. } = wanted.place {
            return self.done();
        }
        // Two sectors that are not the same.
        if self.control.sectors < 2 {
            return Err(Trouble::NotPrepared);
        }
        self.directory.cluster = self.control.cluster;
        self.read_fat(Step::ControlRun)
    }

    /// Follows the control file in the FAT, and then the one to write to.
    fn run(&mut self, fat: &Sector) -> Stepped {
        let best = self.best;
        let is_control = self.step == Step::ControlRun;
        let last =
            self.volume.last_of(if is_control { self.control } else { best.file }).ok_or(Trouble::NotPrepared)?;
        let mut step = self.step;
        match (self.volume.follow(fat, self.directory.cluster, last), is_control) {
            (Run::More(next), _) => self.directory.cluster = next,
            (Run::Whole, true) => (step, self.directory.cluster) = (Step::FileRun, best.file.cluster),
            (Run::Whole, false) => return self.done(),
            (Run::Broken, true) => return Err(Trouble::NotPrepared),
            (Run::Broken, false) => return self.pass_over(best.number),
        }
        self.read_fat(step)
    }

    /// Looks again, without this file.
    fn pass_over(&mut self, number: u16) -> Stepped {
        let broken = self.broken + 1;
        if broken >= BROKEN_FILES {
            return Err(Trouble::NotPrepared);
        }
        self.restart(u32::from(number) + 1);
        self.broken = broken;
        Ok(false)
    }

    /// Where to write.
    pub(crate) fn found(&self, place: &Place<'_>) -> Result<Found, Trouble> {
        let best = self.best;
        let [a, b] = self.numbers;
        let session = self.highest.max(a).max(b).checked_add(1).ok_or(Trouble::Full)?;
        // The lower number is given up; a sector without one is lower than any.
        let control = self.control_sector(u8::from(b < a), place).filter(|&sector| sector < self.end);
        let (Some(control), Some(first)) = (control, self.volume.first_of(best.file.cluster)) else {
            return Err(Trouble::NotPrepared);
        };
        let extent = Extent { first, sectors: best.file.sectors };
        Ok(Found { extent, number: best.number, control, session })
    }
}
