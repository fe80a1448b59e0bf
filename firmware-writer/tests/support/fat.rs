//! A prepared card, as `tlog card init` makes it, in small: FAT32 with a sector to a cluster.

use firmware_writer::card::Extent;
use firmware_writer::sim::put_sector;

/// Where the partition starts, where its FAT, and where its cluster 2.
pub const BOOT: u32 = 8;
pub const FAT: u32 = BOOT + 4;
const FAT_SECTORS: u32 = 4;
pub const DATA: u32 = FAT + 2 * FAT_SECTORS;

/// How many sectors the card has.
pub const SECTORS: u32 = DATA + 480;

/// Where the directory and the control sectors are.
const ROOT: u32 = 2;
const CONTROL: u32 = 4;

/// A card with log files of so many sectors, each behind the other.
pub fn card(files: &[u32]) -> (Vec<u8>, Vec<Extent>) {
    let mut image = vec![0; SECTORS as usize * 512];
    put_sector(&mut image, 0, &mbr());
    put_sector(&mut image, BOOT, &boot());
    let mut directory = vec![0; 1024];
    let mut entries =
        vec![(*b"TLOGCARD   ", 8, 0, 0), (*b"NOTES   TXT", 32, 3, 100), (*b"TLOG    CTL", 32, CONTROL, 2048)];
    chain(&mut image, ROOT, 1);
    // The directory goes on in cluster 3.
    set_fat(&mut image, ROOT, 3);
    chain(&mut image, 3, 1);
    chain(&mut image, CONTROL, 4);
    let mut cluster = CONTROL + 4;
    let mut extents = Vec::new();
    for (at, &sectors) in files.iter().enumerate() {
        let name = format!("TLOG{:04}TLG", at + 1);
        entries.push((name.into_bytes().try_into().unwrap(), 32, cluster, sectors * 512));
        // A long name in front, and a deleted file, which are passed over.
        entries.push((*b"\xe5LOG0001TLG", 32, cluster, sectors * 512));
        entries.push((*b"A.t.l.g....", 15, 0, 0));
        chain(&mut image, cluster, sectors);
        extents.push(Extent { first: DATA + cluster - 2, sectors });
        cluster += sectors;
    }
    for (entry, (name, attributes, cluster, size)) in directory.as_chunks_mut::<32>().0.iter_mut().zip(entries) {
        entry[..11].copy_from_slice(&name);
        entry[11] = attributes;
        entry[26..28].copy_from_slice(&(cluster as u16).to_le_bytes());
        entry[28..].copy_from_slice(&u32::to_le_bytes(size));
    }
    put_sector(&mut image, DATA, directory[..512].try_into().unwrap());
    put_sector(&mut image, DATA + 1, directory[512..].try_into().unwrap());
    (image, extents)
}

/// Sets what follows a cluster.
pub fn set_fat(image: &mut [u8], cluster: u32, next: u32) {
    let at = FAT as usize * 512 + cluster as usize * 4;
    image[at..at + 4].copy_from_slice(&next.to_le_bytes());
}

fn chain(image: &mut [u8], first: u32, clusters: u32) {
    for cluster in first..first + clusters - 1 {
        set_fat(image, cluster, cluster + 1);
    }
    set_fat(image, first + clusters - 1, 0x0fff_ffff);
}

fn mbr() -> [u8; 512] {
    let mut mbr = [0; 512];
    mbr[446 + 4] = 0x0c;
    mbr[446 + 8..446 + 12].copy_from_slice(&BOOT.to_le_bytes());
    mbr[446 + 12..446 + 16].copy_from_slice(&(SECTORS - BOOT).to_le_bytes());
    mbr[510..].copy_from_slice(&[0x55, 0xaa]);
    mbr
}

fn boot() -> [u8; 512] {
    let mut boot = [0; 512];
    for (at, value) in [(11, 512u16), (14, (FAT - BOOT) as u16)] {
        boot[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    boot[13] = 1;
    boot[16] = 2;
    for (at, value) in [(32, SECTORS - BOOT), (36, FAT_SECTORS), (44, ROOT)] {
        boot[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    boot[510..].copy_from_slice(&[0x55, 0xaa]);
    boot
}
