//! As much of FAT32 as it takes to find files that lie in one piece. Only reads. The card may say anything: every
//! number is checked against the size of the card before it is used.

use crate::device::{SECTOR, Sector};

/// Where the first FAT32 partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    first: u32,
    sectors: u32,
}

impl Partition {
    /// From the first sector of a card with so many sectors.
    pub(crate) fn parse(mbr: &Sector, card_sectors: u32) -> Option<Self> {
        (mbr.get(510..) == Some(&[0x55, 0xaa])).then_some(())?;
        let entries = mbr.get(446..510)?.as_chunks::<16>().0;
        entries.iter().find_map(|entry| {
            let [_, _, _, _, kind, _, _, _, place @ ..] = entry;
            let (first, sectors) = (le32(place, 0)?, le32(place, 4)?);
            let is_inside = first != 0 && first.checked_add(sectors)? <= card_sectors;
            (matches!(kind, 0x0b | 0x0c) && is_inside).then_some(Self { first, sectors })
        })
    }

    /// Its first sector.
    pub(crate) const fn boot(self) -> u32 {
        self.first
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

impl Volume {
    /// From the first sector of the partition.
    pub(crate) fn parse(boot: &Sector, partition: Partition) -> Option<Self> {
        let (per_cluster, fats) = (*boot.get(13)?, *boot.get(16)?);
        let (reserved, fat_sectors) = (le16(boot, 14)?, le32(boot, 36)?);
        let sectors = le32(boot, 32)?;
        let is_fat32 = boot.get(510..) == Some(&[0x55, 0xaa]) && le16(boot, 22)? == 0 && le16(boot, 17)? == 0;
        let is_sane = usize::from(le16(boot, 11)?) == SECTOR && per_cluster.is_power_of_two() && fats != 0;
        (is_fat32 && is_sane && sectors <= partition.sectors).then_some(())?;
        let front = fat_sectors.checked_mul(u32::from(fats))?.checked_add(u32::from(reserved))?;
        let shift = per_cluster.trailing_zeros() as u8;
        let clusters = sectors.checked_sub(front)? >> shift;
        let in_fat = fat_sectors.checked_mul((SECTOR / 4) as u32)?;
        let end = clusters.checked_add(2)?.min(in_fat).min(0x0fff_fff7);
        let fat = partition.first.checked_add(u32::from(reserved))?;
        let root = le32(boot, 44)?;
        let volume = Self { fat, data: partition.first.checked_add(front)?, end, shift, root };
        volume.first_of(root)?;
        Some(volume)
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

    /// The last cluster of so many sectors from `first` on; `None` when that is beyond the volume.
    pub(crate) fn last_of(&self, first: u32, sectors: u32) -> Option<u32> {
        let more = sectors.checked_sub(1)? >> self.shift;
        first.checked_add(more).filter(|&last| first >= 2 && last < self.end)
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
    Some(le32(fat_sector, (cluster & 127) as usize * 4)? & 0x0fff_ffff)
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

    fn of(entry: &[u8; 32]) -> Option<Self> {
        if entry.first() == Some(&0) {
            return Some(Self::End);
        }
        let (name, attributes) = (entry.get(..11)?, *entry.get(11)?);
        // Neither a volume's name nor a directory, nor a piece of a long name.
        (attributes & 0x18 == 0).then_some(())?;
        let cluster = u32::from(le16(entry, 20)?) << 16 | u32::from(le16(entry, 26)?);
        let file = File { cluster, sectors: le32(entry, 28)? / SECTOR as u32 };
        if name == b"TLOG    CTL" {
            return Some(Self::Control(file));
        }
        let digits = name.strip_prefix(b"TLOG")?.strip_suffix(b"TLG")?;
        let number = digits
            .iter()
            .try_fold(0u16, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0')))?;
        Some(Self::Log(number, file))
    }
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
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
