//! Preparing a card: all of its file system, and files that are one stretch each.
//!
//! Clusters are as large as they can be, so that the firmware has few of them to check, and lie where erase blocks of
//! cards begin: the partition and the files start at multiples of 4 MiB, on small cards of 64 KiB. Each sector that
//! matters is written; what the rest of a card held stays there, which no reader looks at. Session numbers must go on
//! where an earlier preparation of the same card left off: then nothing that lies in the files passes for anything new.

use std::io::{self, Seek, SeekFrom, Write};

use tlog::wire::session;

use super::fat::{END, ENTRY, Geometry, MAX_CLUSTERS, MIN_CLUSTERS, SECTOR, VOLUME, encode_slot};
use super::{EXTENSION, PREFIX};

/// The most files: their names have four digits.
pub const MAX_FILES: u64 = 9999;

/// From this size on a card has large erase blocks, in bytes.
const LARGE: u64 = 1 << 30;

/// An attribute: to be backed up.
const ARCHIVE: u8 = 0x20;

/// So much is written at once, in bytes.
const CHUNK: usize = 1 << 16;

/// Why a card cannot be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Too few or too many files.
    #[error("a card has 1 to {MAX_FILES} files, not {0}")]
    Files(u64),
    /// A size that no file can have.
    #[error("a file of {size} bytes cannot be: on this card it has {min} to {max}")]
    FileSize {
        /// What was asked for, in bytes.
        size: u64,
        /// The smallest, in bytes.
        min: u64,
        /// The largest: FAT32 has no files of 4 GiB.
        max: u64,
    },
    /// A card so small, or so large, that FAT32 is not for it.
    #[error("a card of {0} bytes cannot have FAT32: it takes 34 MiB to 2 TiB")]
    CardSize(u64),
    /// The files need more room.
    #[error("{files} files of {size} bytes need more than the card has: there is room for {fit}")]
    Full {
        /// How many were asked for.
        files: u64,
        /// How large each one is, in bytes.
        size: u64,
        /// How many fit.
        fit: u64,
    },
}

/// Where everything on a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Where the partition starts, in sectors.
    partition: u64,
    geometry: Geometry,
    root_clusters: u64,
    control_clusters: u64,
    /// How many files of sessions there are.
    pub files: u64,
    /// How large each one is, in bytes.
    pub file_bytes: u64,
    file_clusters: u64,
}

impl Layout {
    /// Lays out a card of `card` bytes with so many files of at least `size` bytes each.
    ///
    /// # Errors
    /// [`LayoutError`], when that cannot be.
    pub fn new(card: u64, files: u64, size: u64) -> Result<Self, LayoutError> {
        if !(1..=MAX_FILES).contains(&files) {
            return Err(LayoutError::Files(files));
        }
        let align = if card >= LARGE { 8192 } else { 128 };
        let partition = align.max(2048);
        let sectors = (card / SECTOR).checked_sub(partition).filter(|&sectors| sectors <= u64::from(u32::MAX));
        let sectors = sectors.ok_or(LayoutError::CardSize(card))?;
        let geometry = [64, 32, 16, 8, 4, 2, 1].into_iter().find_map(|per_cluster| fit(sectors, per_cluster, align));
        let geometry = geometry.ok_or(LayoutError::CardSize(card))?;
        let cluster = geometry.cluster_bytes();
        let (min, max) = (cluster.max(64 << 10), u64::from(u32::MAX) / cluster * cluster);
        if !(min..=max).contains(&size) {
            return Err(LayoutError::FileSize { size, min, max });
        }
        // One entry more for the name of the volume, one for the control file, one that ends the list.
        let root_clusters = ((files + 3) * ENTRY as u64).div_ceil(cluster);
        let file_clusters = size.div_ceil(cluster);
        // Its two halves lie in erase blocks of their own.
        let control_clusters = (2 * align).div_ceil(geometry.per_cluster);
        let mut layout = Self {
            partition,
            geometry,
            root_clusters,
            control_clusters,
            files,
            file_bytes: file_clusters * cluster,
            file_clusters,
        };
        // The files start where an erase block does.
        let in_front = root_clusters.next_multiple_of((align / geometry.per_cluster).max(1));
        layout.root_clusters = in_front;
        let clusters = geometry.clusters().unwrap_or(0);
        let fit = clusters.saturating_sub(in_front + control_clusters) / file_clusters;
        match fit >= files {
            true => Ok(layout),
            false => Err(LayoutError::Full { files, size: layout.file_bytes, fit }),
        }
    }

    /// The size of a card that holds so many files of this size: the next power of two, as emulators want it.
    pub fn card_for(files: u64, size: u64) -> u64 {
        let wanted = files.saturating_mul(size.saturating_add(64 << 10)).saturating_add(files * 32);
        let mut card: u64 = 64 << 20;
        while card < 1 << 41 && (card < wanted || matches!(Self::new(card, files, size), Err(LayoutError::Full { .. })))
        {
            card <<= 1;
        }
        card
    }

    /// Where file `number` starts, from 0 on, in bytes from the start of the card.
    pub fn file_start(&self, number: u64) -> u64 {
        self.byte_of(self.file_cluster(number))
    }

    fn file_cluster(&self, number: u64) -> u64 {
        2 + self.root_clusters + self.control_clusters + number * self.file_clusters
    }

    fn byte_of(&self, cluster: u64) -> u64 {
        let sector = u32::try_from(cluster).ok().and_then(|cluster| self.geometry.sector_of(cluster)).unwrap_or(0);
        (self.partition + sector) * SECTOR
    }

    /// The name of file `number`, from 0 on.
    pub fn name(number: u64) -> String {
        format!("{PREFIX}{:04}.{EXTENSION}", number + 1)
    }
}

/// The file system with clusters of this size, if it is one of FAT32.
fn fit(sectors: u64, per_cluster: u64, align: u64) -> Option<Geometry> {
    // Enough for each cluster and the two numbers without one; the clusters start where an erase block does.
    let fat_sectors = (sectors / per_cluster + 2).div_ceil(SECTOR / 4);
    let reserved = (32 + 2 * fat_sectors).next_multiple_of(align) - 2 * fat_sectors;
    let geometry = Geometry { sectors, reserved, fat_sectors, fats: 2, per_cluster, root: 2 };
    // Room to the limit, about which drivers disagree.
    let clusters = geometry.clusters()?;
    (MIN_CLUSTERS + 32..MAX_CLUSTERS).contains(&clusters).then_some(geometry)
}

/// What a card held before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Zeros, as in a new image, which stays sparse.
    Zeros,
    /// Anything: it stays inside the files.
    Anything,
    /// Anything: all of the files is overwritten.
    Wipe,
}

/// Writes a card: `session` is the number of the last session that was ever begun on it, 0 for none. `wrote` is told how
/// many files are done.
///
/// # Errors
/// Those of the system.
pub fn make<W: Write + Seek>(
    card: &mut W,
    layout: &Layout,
    session: u32,
    before: Before,
    mut wrote: impl FnMut(u64),
) -> io::Result<()> {
    let geometry = &layout.geometry;
    let zeros = |card: &mut W, at, len| if before == Before::Zeros { Ok(()) } else { zeros(card, at, len) };
    put(card, 0, &partition_table(layout))?;
    zeros(card, SECTOR, (layout.partition - 1) * SECTOR)?;
    let start = layout.partition * SECTOR;
    zeros(card, start, (geometry.reserved + 2 * geometry.fat_sectors) * SECTOR)?;
    for at in [0, 6] {
        put(card, start + at * SECTOR, &boot_sector(layout))?;
        put(card, start + (at + 1) * SECTOR, &information(layout))?;
        put(card, start + (at + 2) * SECTOR, &last_boot_sector())?;
    }
    for fat in 0..2 {
        put_fat(card, layout, start + (geometry.reserved + fat * geometry.fat_sectors) * SECTOR)?;
    }
    zeros(card, layout.byte_of(2), layout.root_clusters * geometry.cluster_bytes())?;
    put(card, layout.byte_of(2), &root(layout))?;
    let control = layout.byte_of(2 + layout.root_clusters);
    let control_bytes = layout.control_clusters * geometry.cluster_bytes();
    zeros(card, control, control_bytes)?;
    for at in [0, control_bytes / 2] {
        put(card, control + at, &session::encode(session))?;
    }
    for number in 0..layout.files {
        let len = if before == Before::Wipe { layout.file_bytes } else { geometry.cluster_bytes() };
        zeros(card, layout.file_start(number), len)?;
        // An index of an earlier use must not be found from the end.
        zeros(card, layout.file_start(number) + layout.file_bytes - SECTOR, SECTOR)?;
        wrote(number + 1);
    }
    card.flush()
}

fn put(card: &mut (impl Write + Seek), at: u64, bytes: &[u8]) -> io::Result<()> {
    card.seek(SeekFrom::Start(at))?;
    card.write_all(bytes)
}

fn zeros(card: &mut (impl Write + Seek), at: u64, len: u64) -> io::Result<()> {
    card.seek(SeekFrom::Start(at))?;
    let zeros = [0; CHUNK];
    let mut left = len;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        card.write_all(&zeros[..now])?;
        left -= now as u64;
    }
    Ok(())
}

fn sector(fields: &[(usize, &[u8])]) -> [u8; SECTOR as usize] {
    let mut sector = [0; SECTOR as usize];
    for (at, bytes) in fields {
        if let Some(field) = sector.get_mut(*at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    }
    sector
}

fn le(value: u64) -> [u8; 4] {
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

fn partition_table(layout: &Layout) -> [u8; SECTOR as usize] {
    // Not bootable, addressed by sectors alone, FAT32.
    let far = [0xfe, 0xff, 0xff];
    sector(&[
        (440, &volume_id(layout)),
        (446 + 1, &far),
        (446 + 4, &[0x0c]),
        (446 + 5, &far),
        (446 + 8, &le(layout.partition)),
        (446 + 12, &le(layout.geometry.sectors)),
        (510, &[0x55, 0xaa]),
    ])
}

/// Tells cards of different layouts apart, and is the same for the same.
fn volume_id(layout: &Layout) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    for number in [layout.geometry.sectors, layout.files, layout.file_bytes] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.finalize().to_le_bytes()
}

fn boot_sector(layout: &Layout) -> [u8; SECTOR as usize] {
    let geometry = &layout.geometry;
    sector(&[
        (0, &[0xeb, 0x58, 0x90]),
        (3, b"TLOGCARD"),
        (11, &512_u16.to_le_bytes()),
        (13, &[geometry.per_cluster as u8]),
        (14, &(geometry.reserved as u16).to_le_bytes()),
        (16, &[2]),
        (21, &[0xf8]),
        (24, &63_u16.to_le_bytes()),
        (26, &255_u16.to_le_bytes()),
        (28, &le(layout.partition)),
        (32, &le(geometry.sectors)),
        (36, &le(geometry.fat_sectors)),
        (44, &geometry.root.to_le_bytes()),
        (48, &1_u16.to_le_bytes()),
        (50, &6_u16.to_le_bytes()),
        (64, &[0x80, 0, 0x29]),
        (67, &volume_id(layout)),
        (71, b"TLOG       FAT32   "),
        (510, &[0x55, 0xaa]),
    ])
}

fn information(layout: &Layout) -> [u8; SECTOR as usize] {
    let used = layout.file_cluster(layout.files) - 2;
    let free = layout.geometry.clusters().unwrap_or(0).saturating_sub(used);
    let next = if free == 0 { u64::from(u32::MAX) } else { used + 2 };
    sector(&[(0, b"RRaA"), (484, b"rrAa"), (488, &le(free)), (492, &le(next)), (510, &[0x55, 0xaa])])
}

fn last_boot_sector() -> [u8; SECTOR as usize] {
    sector(&[(510, &[0x55, 0xaa])])
}

fn root(layout: &Layout) -> Vec<u8> {
    let mut root = encode_slot(b"TLOG       ", VOLUME, 0, 0).to_vec();
    let control = layout.control_clusters * layout.geometry.cluster_bytes();
    let cluster = |cluster: u64| u32::try_from(cluster).unwrap_or(0);
    let len = |len: u64| u32::try_from(len).unwrap_or(u32::MAX);
    root.extend(encode_slot(b"TLOG    CTL", ARCHIVE, cluster(2 + layout.root_clusters), len(control)));
    for number in 0..layout.files {
        let mut name = *b"TLOG0000TLG";
        name.iter_mut()
            .zip(Layout::name(number).bytes().filter(|&byte| byte != b'.'))
            .for_each(|(to, from)| *to = from);
        root.extend(encode_slot(&name, ARCHIVE, cluster(layout.file_cluster(number)), len(layout.file_bytes)));
    }
    root
}

/// One FAT: each chain goes from a cluster to the next.
fn put_fat(card: &mut (impl Write + Seek), layout: &Layout, at: u64) -> io::Result<()> {
    card.seek(SeekFrom::Start(at))?;
    let mut out = io::BufWriter::with_capacity(CHUNK, card);
    out.write_all(&0x0fff_fff8_u32.to_le_bytes())?;
    out.write_all(&END.to_le_bytes())?;
    let mut cluster = 2_u32;
    let chains = [layout.root_clusters, layout.control_clusters].into_iter();
    for len in chains.chain((0..layout.files).map(|_| layout.file_clusters)) {
        for left in (0..len).rev() {
            cluster += 1;
            out.write_all(&(if left == 0 { END } else { cluster }).to_le_bytes())?;
        }
    }
    out.flush()
}
