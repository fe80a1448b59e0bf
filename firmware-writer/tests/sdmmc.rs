//! Both directions of the adapters, and appending to a file of a FAT file system.
#![cfg(feature = "embedded-sdmmc")]

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Poll;

use embedded_sdmmc::{Block, BlockCount, BlockDevice as Theirs, BlockIdx, TimeSource, Timestamp};
use firmware_writer::adapter::{AsSdmmc, FromSdmmc};
use firmware_writer::device::{BlockDevice, DeviceError};
use firmware_writer::drain::Packets;
use firmware_writer::fat_append::{AppendError, FatAppend};
use firmware_writer::kinds::Kind;
use firmware_writer::ring::{Filter, Lane};
use tlog::read::{Event, ReadOptions, SliceReader};

/// Sectors in memory; fails from `fails_at` writes on.
#[derive(Clone)]
struct Disk(Rc<RefCell<State>>);

struct State {
    sectors: Vec<[u8; 512]>,
    writes: u32,
    fails_at: u32,
}

#[derive(Debug, PartialEq)]
struct Gone;

impl Theirs for Disk {
    type Error = Gone;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), Gone> {
        let state = self.0.borrow();
        for (at, block) in blocks.iter_mut().enumerate() {
            block.contents = *state.sectors.get(start.0 as usize + at).ok_or(Gone)?;
        }
        Ok(())
    }

    fn write(&self, blocks: &[Block], start: BlockIdx) -> Result<(), Gone> {
        let mut state = self.0.borrow_mut();
        for (at, block) in blocks.iter().enumerate() {
            state.writes += 1;
            if state.writes > state.fails_at {
                return Err(Gone);
            }
            *state.sectors.get_mut(start.0 as usize + at).ok_or(Gone)? = block.contents;
        }
        Ok(())
    }

    fn num_blocks(&self) -> Result<BlockCount, Gone> {
        Ok(BlockCount(self.0.borrow().sectors.len() as u32))
    }
}

struct Never;

impl TimeSource for Never {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp::from_fat(0x5821, 0)
    }
}

/// An MBR with one empty FAT16 partition of 8,000 sectors from sector 1 on: clusters of one sector, one FAT of 32.
fn formatted() -> Disk {
    let mut sectors = vec![[0; 512]; 8_001];
    sectors[0][446 + 4] = 0x0e;
    sectors[0][446 + 8..446 + 16].copy_from_slice(&[1, 0, 0, 0, 0x40, 0x1f, 0, 0]);
    sectors[0][510..].copy_from_slice(&[0x55, 0xaa]);
    let bpb = &mut sectors[1];
    bpb[..3].copy_from_slice(&[0xeb, 0x3c, 0x90]);
    // 512 bytes a sector, 1 a cluster, 1 reserved, 1 FAT, 512 entries in the root (32 sectors), 8000 sectors.
    bpb[11..24].copy_from_slice(&[0, 2, 1, 1, 0, 1, 0, 2, 0x40, 0x1f, 0xf8, 32, 0]);
    bpb[38] = 0x29;
    bpb[54..62].copy_from_slice(b"FAT16   ");
    bpb[510..].copy_from_slice(&[0x55, 0xaa]);
    sectors[2][..4].copy_from_slice(&[0xf8, 0xff, 0xff, 0xff]);
    Disk(Rc::new(RefCell::new(State { sectors, writes: 0, fails_at: u32::MAX })))
}

fn card() -> FromSdmmc<Disk> {
    let disk = Disk(Rc::new(RefCell::new(State { sectors: vec![[0; 512]; 64], writes: 0, fails_at: u32::MAX })));
    FromSdmmc::new(disk, |Gone| DeviceError::Absent, |_| ())
}

#[test]
fn a_device_of_theirs_is_a_card() {
    let mut card = card();
    assert_eq!(card.sectors(), Ok(64));
    assert_eq!(card.begin(3, 2), Poll::Ready(Ok(())));
    for byte in [7, 8] {
        assert_eq!(card.push(&[byte; 512]), Poll::Ready(Ok(())));
    }
    assert_eq!(card.push(&[9; 512]), Poll::Ready(Err(DeviceError::OutOfRange)), "it was two");
    assert_eq!(card.finish(), Poll::Ready(Err(DeviceError::Absent)), "that write has failed");
    let mut sector = [0; 512];
    assert_eq!((card.read(4, &mut sector), sector), (Ok(()), [8; 512]));
    assert_eq!(card.read(64, &mut sector), Err(DeviceError::Absent));
    assert_eq!(card.begin(u32::MAX, 2), Poll::Ready(Err(DeviceError::OutOfRange)));
}

#[test]
fn what_tells_disks_apart_is_in_their_first_sector() {
    let mut card = card();
    assert_eq!(card.reset(), Poll::Ready(Ok([0; 16])));
    card.get().0.borrow_mut().sectors[0][440] = 5;
    let Poll::Ready(Ok(id)) = card.reset() else { panic!("no identity") };
    assert_eq!(id[0], 5);
}

#[test]
fn there_and_back_is_the_same_device() {
    let theirs = AsSdmmc::new(card());
    assert_eq!(theirs.num_blocks(), Ok(BlockCount(64)));
    let blocks = [1, 2, 3].map(|byte| Block { contents: [byte; 512] });
    assert_eq!(theirs.write(&blocks, BlockIdx(10)), Ok(()));
    let mut read = [Block::new(), Block::new()];
    assert_eq!(theirs.read(&mut read, BlockIdx(11)), Ok(()));
    assert_eq!(read.map(|block| block.contents[0]), [2, 3]);
    assert_eq!(theirs.write(&blocks, BlockIdx(62)), Err(DeviceError::Absent));
    assert_eq!(theirs.read(&mut [Block::new()], BlockIdx(12)), Ok(()), "and the next call starts it anew");
}

/// The file's bytes as the directory and the FAT have them.
fn file(disk: &Disk) -> Vec<u8> {
    let state = disk.0.borrow();
    let entry = &state.sectors[34][..32];
    assert_eq!(&entry[..11], b"LOG0001 TLG");
    let mut cluster = usize::from(u16::from_le_bytes([entry[26], entry[27]]));
    let length = u32::from_le_bytes(entry[28..32].try_into().unwrap()) as usize;
    let mut bytes = Vec::new();
    while bytes.len() < length {
        bytes.extend_from_slice(&state.sectors[34 + 32 + cluster - 2]);
        let at = 2 * cluster;
        let next = &state.sectors[2 + at / 512][at % 512..][..2];
        cluster = usize::from(u16::from_le_bytes([next[0], next[1]]));
    }
    bytes.truncate(length);
    bytes
}

#[test]
fn what_is_flushed_is_in_the_file() {
    let disk = formatted();
    let text: Vec<u8> = (0..3_000u32).map(|at| (at * 7) as u8).collect();
    let mut log = FatAppend::create(disk.clone(), Never, 1_024).unwrap_or_else(|e| panic!("{e:?}"));
    assert!(log.is_empty());
    for piece in text.chunks(100) {
        log.append(piece).unwrap();
        assert_eq!(file_if_any(&disk, log.len()), text[..log.len() as usize]);
    }
    // After each 1,024 bytes, counted in pieces of 100, it was flushed.
    assert_eq!(log.len(), 2_200);
    log.close().unwrap();
    assert_eq!(file(&disk), text);
    let log = FatAppend::create(disk, Never, 1).unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!((log.number(), log.len()), (2, 0), "each start has its own file");
}

static LANE: Lane<4096, 2> = Lane::new(|| 1_000);

#[test]
fn what_is_drained_is_a_log() {
    let disk = formatted();
    let mut log = FatAppend::create(disk.clone(), Never, 512).unwrap_or_else(|e| panic!("{e:?}"));
    let kinds = [Kind { name: "first", schema: &[3, 4] }, Kind { name: "second", schema: &[3, 1] }];
    let (mut producer, mut reader) = (LANE.producer().unwrap(), LANE.reader(Filter::ALL).unwrap());
    let (mut packets, mut buffer) = (Packets::new(&kinds), [0; 100]);
    for n in 0..200u32 {
        assert!(producer.log_bytes(1, &n.to_le_bytes()) && producer.log_bytes(2, &[n as u8]));
        if n % 20 == 19 {
            log.drain(&mut packets, &mut reader, u64::from(n) + 2_000, &mut buffer).unwrap();
        }
    }
    log.close().unwrap();
    let log = file(&disk);
    let mut reader = SliceReader::new(&log, ReadOptions { strict: true, ..ReadOptions::default() });
    let mut numbers = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        if let Event::Data(data) = event
            && data.record.name == "first"
        {
            assert_eq!(data.time.map(|time| time.0), Some(1_000));
            numbers.push(u32::from_le_bytes(data.payload.try_into().unwrap()));
        }
    }
    assert!(numbers.iter().copied().eq(0..200));
}

fn file_if_any(disk: &Disk, len: u32) -> Vec<u8> {
    if len == 0 { Vec::new() } else { file(disk) }
}

#[test]
fn a_device_that_fails_is_not_a_full_card() {
    for fails_at in 0..60 {
        let disk = formatted();
        disk.0.borrow_mut().fails_at = fails_at;
        let mut flushed = 0;
        let result = FatAppend::create(disk.clone(), Never, 600).and_then(|mut log| {
            let result = (0..100).try_for_each(|byte| {
                log.append(&[byte; 100])?;
                flushed = log.len();
                Ok(())
            });
            if result.is_err() {
                assert_eq!(log.append(b"more"), Err(AppendError::Closed));
            }
            result
        });
        assert_eq!(result, Err(AppendError::Device(Gone)), "{fails_at}");
        assert!(file_if_any(&disk, flushed).len() >= flushed as usize);
    }
}

#[test]
fn a_full_card_says_so() {
    let disk = formatted();
    // What is behind the partition is not ours.
    disk.0.borrow_mut().sectors.resize(8_100, [0xab; 512]);
    let mut log = FatAppend::create(disk.clone(), Never, 65_536).unwrap_or_else(|e| panic!("{e:?}"));
    let error = (0..10_000).find_map(|_| log.append(&[1; 512]).err());
    assert_eq!(error, Some(AppendError::Full));
    assert!(file(&disk).len() >= log.len() as usize && log.len() > 7_900 * 512 - 65_536);
    assert!(disk.0.borrow().sectors[8_001..].iter().all(|sector| *sector == [0xab; 512]));
}

#[test]
fn a_disk_without_a_file_system_is_not_written_to() {
    let empty = Disk(Rc::new(RefCell::new(State { sectors: vec![[0; 512]; 64], writes: 0, fails_at: u32::MAX })));
    assert_eq!(FatAppend::create(empty, Never, 1).err(), Some(AppendError::Format));
}
