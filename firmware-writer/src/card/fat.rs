//! As much of FAT32 as it takes to find files that lie in one piece. Only reads. The card may say anything: every
//! number is checked against the size of the card before it is used.

use super::Extent;
use crate::device::{SECTOR, Sector};

/// The last two bytes of a partition table and of a volume's first sector.
const SIGNATURE: u16 = 0xaa55;

impl Extent {
    /// The first FAT32 partition, from the first sector of a card with so many sectors.
    pub(crate) fn partition(mbr: &Sector, card_sectors: u32) -> Option<Self> {
        (le16::<510, SECTOR>(mbr) == SIGNATURE).then_some(())?;
        let entries = mbr.get(446..510)?.as_chunks::<16>().0;
        entries.iter().find_map(|entry| {
            let (first, sectors) = (le32::<8, 16>(entry), le32::<12, 16>(entry));
            let is_inside = first != 0 && first.checked_add(sectors)? <= card_sectors;
            (matches!(entry[4], 0x0b | 0x0c) && is_inside).then_some(Self { first, sectors })
        })
    }
}

/// A FAT32 volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Volume {
    /// The first sector of the first FAT.
    fat: u32,
    /// The first sector of cluster 2.
    data: u32,
    /// One more than the last cluster.
    end: u32,
    /// A cluster has two to the power of this sectors.
    shift: u8,
    /// The first cluster of the root directory.
    pub root: u32,
}

impl File {
    /// None.
    pub(crate) const NONE: Self = Self { cluster: 0, sectors: 0 };
}

impl Volume {
    /// None.
    pub(crate) const NONE: Self = Self { fat: 0, data: 0, end: 0, shift: 0, root: 0 };

    /// From the first sector of a partition, which starts at `start` and ends in front of `limit`.
    pub(crate) fn parse(boot: &Sector, start: u32, limit: u32) -> Option<Self> {
        let (per_cluster, fats) = (boot[13], boot[16]);
        let (reserved, fat_sectors) = (le16::<14, SECTOR>(boot), le32::<36, SECTOR>(boot));
        let sectors = le32::<32, SECTOR>(boot);
        let is_fat32 = le16::<17, SECTOR>(boot) == 0 && le16::<22, SECTOR>(boot) == 0;
        let has_size = usize::from(le16::<11, SECTOR>(boot)) == SECTOR && per_cluster.is_power_of_two() && fats != 0;
        let is_sane = has_size && le16::<510, SECTOR>(boot) == SIGNATURE;
        (is_fat32 && is_sane && start.checked_add(sectors)? <= limit).then_some(())?;
        let front = fat_sectors.checked_mul(u32::from(fats))?.checked_add(u32::from(reserved))?;
        let shift = per_cluster.trailing_zeros() as u8;
        let clusters = sectors.checked_sub(front)? >> shift;
        let in_fat = fat_sectors.checked_mul((SECTOR / 4) as u32)?;
        let end = clusters.checked_add(2)?.min(in_fat).min(0x0fff_fff7);
        let fat = start.checked_add(u32::from(reserved))?;
        let root = le32::<44, SECTOR>(boot);
        let volume = Self { fat, data: start.checked_add(front)?, end, shift, root };
        volume.first_of(root)?;
        Some(volume)
    }

    /// So many sectors without a file system: each is a cluster.
    pub(crate) const fn of_sectors(sectors: u32) -> Self {
        Self { fat: 0, data: 0, end: sectors.saturating_add(2), shift: 0, root: 0 }
    }

    /// What stands for a file there.
    pub(crate) const fn file_of(&self, extent: &Extent) -> File {
        File { cluster: extent.first.saturating_add(2), sectors: extent.sectors }
    }

    /// The first sector of a cluster.
    pub(crate) fn first_of(&self, cluster: u32) -> Option<u32> {
        let at = cluster.checked_sub(2)?;
        // Within the volume, whose sectors have 32 bits.
        (cluster < self.end).then(|| self.data + (at << self.shift))
    }

    pub(crate) const fn sectors_per_cluster(&self) -> u32 {
        1 << self.shift
    }

    /// The sector of the FAT with the entry of this cluster.
    pub(crate) fn fat_sector(&self, cluster: u32) -> Option<u32> {
        (cluster < self.end).then(|| self.fat + (cluster >> 7))
    }

    /// What follows this cluster in its chain; `None` at its end, or when that is no cluster.
    pub(crate) fn follower(&self, fat_sector: &Sector, cluster: u32) -> Option<u32> {
        let next = entry(fat_sector, cluster)?;
        (2..self.end).contains(&next).then_some(next)
    }

    /// How far a run of clusters up to `last` goes on in this sector of the FAT, from `at` on.
    pub(crate) fn follow(&self, fat_sector: &Sector, mut at: u32, last: u32) -> Run {
        loop {
            let next = entry(fat_sector, at).unwrap_or(0);
            if at == last {
                // The file may have more clusters than its size needs.
                return if next >= 0x0fff_fff8 || next == at + 1 { Run::Whole } else { Run::Broken };
            }
            if next != at + 1 {
                return Run::Broken;
            }
            at += 1;
            if at & 127 == 0 {
                return Run::More(at);
            }
        }
    }

    /// The last cluster of a file, if its clusters follow each other; `None` when that is beyond the volume.
    pub(crate) fn last_of(&self, file: File) -> Option<u32> {
        let more = file.sectors.checked_sub(1)? >> self.shift;
        file.cluster.checked_add(more).filter(|&last| file.cluster >= 2 && last < self.end)
    }
}

/// What a sector of the FAT says of a run of clusters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// It goes on in the next sector, with this cluster.
    More(u32),
    /// It is one.
    Whole,
    /// It is none.
    Broken,
}

fn entry(fat_sector: &Sector, cluster: u32) -> Option<u32> {
    let entry = fat_sector.as_chunks::<4>().0.get(cluster as usize & 127)?;
    Some(u32::from_le_bytes(*entry) & 0x0fff_ffff)
}

/// An entry of a directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// None follows.
    End,
    /// Something else.
    Other,
    /// `TLOG.CTL`.
    Control(File),
    /// `TLOGnnnn.TLG`.
    Log(u16, File),
}

/// A file: its first cluster and its whole sectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct File {
    pub cluster: u32,
    pub sectors: u32,
}

impl Entry {
    /// One of the sixteen entries of a sector.
    pub(crate) fn parse(sector: &Sector, at: u8) -> Self {
        let entries = sector.as_chunks::<32>().0;
        entries.get(usize::from(at)).and_then(Self::of).unwrap_or(Self::Other)
    }

    #[inline(never)] // flash
    fn of(entry: &[u8; 32]) -> Option<Self> {
        if entry[0] == 0 {
            return Some(Self::End);
        }
        // Neither a volume's name nor a directory, nor a piece of a long name. Names as numbers, as that is less code.
        let is_file = entry[11] & 0x18 == 0 && le32::<0, 32>(entry) == u32::from_le_bytes(*b"TLOG");
        is_file.then_some(())?;
        let cluster = u32::from(le16::<20, 32>(entry)) << 16 | u32::from(le16::<26, 32>(entry));
        let file = File { cluster, sectors: le32::<28, 32>(entry) / SECTOR as u32 };
        let (stem, extension) = (le32::<4, 32>(entry), le32::<8, 32>(entry) << 8);
        if stem == u32::from_le_bytes(*b"    ") && extension == u32::from_le_bytes(*b"\0CTL") {
            return Some(Self::Control(file));
        }
        (extension == u32::from_le_bytes(*b"\0TLG")).then_some(())?;
        let digits = stem.to_le_bytes();
        let number = digits
            .iter()
            .try_fold(0u16, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0')))?;
        Some(Self::Log(number, file))
    }
}

/// A number at a place inside, which the compiler checks.
const fn le16<const AT: usize, const N: usize>(bytes: &[u8; N]) -> u16 {
    const { assert!(AT + 2 <= N) };
    u16::from_le_bytes([bytes[AT], bytes[AT + 1]])
}

/// A number at a place inside, which the compiler checks.
const fn le32<const AT: usize, const N: usize>(bytes: &[u8; N]) -> u32 {
    const { assert!(AT + 4 <= N) };
    u32::from_le_bytes([bytes[AT], bytes[AT + 1], bytes[AT + 2], bytes[AT + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_known() {
        let mut sector = [0; SECTOR];
        let entries = [*b"TLOG    CTL\x20", *b"TLOG0042TLG\x20", *b"TLOG004XTLG\x20", *b"TLOG0042TLG\x10"];
        for (entry, name) in sector.as_chunks_mut::<32>().0.iter_mut().zip(entries) {
            entry[..12].copy_from_slice(&name);
            entry[20] = 1;
            entry[26] = 5;
            entry[29] = 4;
        }
        let file = File { cluster: 0x1_0005, sectors: 2 };
        let parsed = [0, 1, 2, 3, 4, 77].map(|at| Entry::parse(&sector, at));
        let expected =
            [Entry::Control(file), Entry::Log(42, file), Entry::Other, Entry::Other, Entry::End, Entry::Other];
        assert_eq!(parsed, expected);
    }

    #[test]
    fn a_run_of_clusters_is_followed_to_its_end_only() {
        let volume = Volume { end: 1000, ..Volume::default() };
        let mut sector = [0; SECTOR];
        for (at, entry) in sector.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            *entry = (at as u32 + 1).to_le_bytes();
        }
        sector[40..44].copy_from_slice(&0xffff_ffffu32.to_le_bytes());
        assert_eq!(volume.follow(&sector, 2, 10), Run::Whole);
        assert_eq!(volume.follow(&sector, 2, 9), Run::Whole);
        assert_eq!(volume.follow(&sector, 2, 11), Run::Broken);
        assert_eq!(volume.follow(&sector, 11, 500), Run::More(128));
        assert_eq!(volume.follow(&sector, 128, 200), Run::Broken);
    }
}
