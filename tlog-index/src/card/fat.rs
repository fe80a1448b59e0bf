//! The parts of FAT32 that a card needs: where things are, and how entries look.

/// The bytes of a sector; other sizes no card has.
pub const SECTOR: u64 = 512;

/// From so many clusters on a file system is FAT32, by its specification.
pub const MIN_CLUSTERS: u64 = 65_525;

/// The number of clusters from which on numbers have a meaning of their own.
pub const MAX_CLUSTERS: u64 = 0x0fff_fff5;

/// Marks the end of a chain.
pub const END: u32 = 0x0fff_ffff;

/// The length of a directory entry.
pub const ENTRY: usize = 32;

/// An attribute: the name of the volume.
pub const VOLUME: u8 = 0x08;

/// Where the parts of a file system lie, in sectors from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// How many sectors the file system has.
    pub sectors: u64,
    /// How many sectors there are in front of the first FAT.
    pub reserved: u64,
    /// How many sectors a FAT has.
    pub fat_sectors: u64,
    /// How many FATs there are.
    pub fats: u64,
    /// How many sectors a cluster has.
    pub per_cluster: u64,
    /// The first cluster of the root directory.
    pub root: u32,
}

impl Geometry {
    /// Where the clusters begin; `None` for what cannot be.
    pub fn data(&self) -> Option<u64> {
        self.fats.checked_mul(self.fat_sectors)?.checked_add(self.reserved)
    }

    /// How many clusters there are.
    pub fn clusters(&self) -> Option<u64> {
        self.sectors.checked_sub(self.data()?)?.checked_div(self.per_cluster)
    }

    /// The bytes of a cluster.
    pub fn cluster_bytes(&self) -> u64 {
        self.per_cluster.saturating_mul(SECTOR)
    }

    /// Where a cluster starts, if it is one.
    pub fn sector_of(&self, cluster: u32) -> Option<u64> {
        let at = u64::from(cluster).checked_sub(2).filter(|&at| self.clusters().is_some_and(|all| at < all))?;
        at.checked_mul(self.per_cluster)?.checked_add(self.data()?)
    }

    /// Reads it out of the boot sector; what is wrong else.
    pub fn parse(boot: &[u8]) -> Result<Self, &'static str> {
        let u16_at = |at| number(boot, at, 2);
        let u32_at = |at| number(boot, at, 4);
        if u16_at(510) != 0xaa55 {
            return Err("its first sector has no signature");
        }
        if u16_at(11) != SECTOR {
            return Err("its sectors do not have 512 bytes");
        }
        if u16_at(17) != 0 || u16_at(22) != 0 {
            return Err("it is FAT12 or FAT16, not FAT32");
        }
        // The one in two bytes is for smaller file systems.
        let sectors = u32_at(32);
        let geometry = Self {
            sectors: if sectors == 0 { u16_at(19) } else { sectors },
            reserved: u16_at(14),
            fat_sectors: u32_at(36),
            fats: number(boot, 16, 1),
            per_cluster: number(boot, 13, 1),
            root: u32::try_from(u32_at(44)).unwrap_or(0),
        };
        let is_sound = geometry.per_cluster.is_power_of_two()
            && geometry.reserved > 0
            && (1..=4).contains(&geometry.fats)
            && geometry.clusters().is_some_and(|clusters| {
                let entries = geometry.fat_sectors.saturating_mul(SECTOR / 4);
                (1..MAX_CLUSTERS).contains(&clusters) && clusters.saturating_add(2) <= entries
            });
        match geometry.sector_of(geometry.root) {
            Some(_) if is_sound => Ok(geometry),
            _ => Err("the numbers in its first sector contradict each other"),
        }
    }
}

/// A little-endian number of so many bytes; 0 of what is not there.
pub fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    let field = bytes.get(at..at.saturating_add(len)).unwrap_or_default();
    field.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, as `NAME.EXT`.
    pub name: String,
    /// Its first cluster.
    pub first: u32,
    /// Its length in bytes.
    pub len: u64,
}

/// What a slot of a directory holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A file.
    File(Entry),
    /// Something else, or nothing.
    Other,
    /// Neither this one nor any behind it.
    End,
}

/// Reads a slot.
pub fn slot(bytes: &[u8]) -> Slot {
    let (Some(&first), Some(&attributes)) = (bytes.first(), bytes.get(11)) else { return Slot::End };
    match first {
        0 => return Slot::End,
        // Deleted; long names, names of volumes, folders.
        0xe5 => return Slot::Other,
        _ if attributes & 0x18 != 0 => return Slot::Other,
        _ => {}
    }
    let part = |range: std::ops::Range<usize>| {
        let text: String = bytes.get(range).unwrap_or_default().iter().map(|&byte| char::from(byte)).collect();
        text.trim_end().to_owned()
    };
    let (name, extension) = (part(0..8), part(8..11));
    let name = if extension.is_empty() { name } else { format!("{name}.{extension}") };
    let cluster = number(bytes, 20, 2) << 16 | number(bytes, 26, 2);
    Slot::File(Entry { name, first: u32::try_from(cluster).unwrap_or(0), len: number(bytes, 28, 4) })
}

/// The slot of a file, or of the name of the volume, which has no clusters. `name` is in the form `NAME    EXT`.
pub fn encode_slot(name: &[u8; 11], attributes: u8, first: u32, len: u32) -> [u8; ENTRY] {
    // The first of January 2020: the same card twice is the same image.
    const DATE: u16 = (40 << 9) | (1 << 5) | 1;
    let mut slot = [0; ENTRY];
    slot[..11].copy_from_slice(name);
    slot[11] = attributes;
    for at in [16, 18, 24] {
        slot[at..at + 2].copy_from_slice(&DATE.to_le_bytes());
    }
    let [low, high] = [first as u16, (first >> 16) as u16];
    slot[20..22].copy_from_slice(&high.to_le_bytes());
    slot[26..28].copy_from_slice(&low.to_le_bytes());
    slot[28..].copy_from_slice(&len.to_le_bytes());
    slot
}
