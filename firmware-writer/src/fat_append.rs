//! Logging to a card that was not prepared: a file of its FAT file system, appended to and flushed from time to time.
//!
//! # What it promises
//! Less than the card writer. After [`flush`](FatAppend::flush), a cut of power *between* two sector writes costs
//! nothing that was flushed. But the file's length is in a sector of the directory and its place in sectors of the FAT,
//! and both are written again and again while logging: a cut in the middle of *such* a write may tear the sector, and
//! with it goes the whole file, or what the FAT sector says of it and of its neighbours. It also writes one and a half to
//! three sectors for each of data, and waits while the card is busy: up to 750 ms where it is the FAT. Prepare the card
//! (`tlog card init`) where any of that matters.
//!
//! A file that was cut short ends within a block; `tlog recover` ends it properly.
//!
//! ```
//! # use embedded_sdmmc::{BlockDevice, TimeSource};
//! use firmware_writer::drain::Packets;
//! use firmware_writer::fat_append::{AppendError, FatAppend};
//! use firmware_writer::kinds::Kind;
//! use firmware_writer::source::Source;
//!
//! fn log<D: BlockDevice, T: TimeSource>(
//!     device: D, time: T, kinds: &[Kind], source: &mut dyn Source, now: fn() -> u64,
//! ) -> Result<(), AppendError<D::Error>> {
//!     let mut file = FatAppend::create(device, time, 8 * 512)?;
//!     let (mut packets, mut buffer) = (Packets::new(kinds), [0; 512]);
//!     loop {
//!         file.drain(&mut packets, source, now(), &mut buffer)?;
//!     }
//! }
//! ```

use core::cell::RefCell;

use embedded_sdmmc::{
    Block, BlockCount, BlockDevice, BlockIdx, Error as Fat, Mode, RawFile, TimeSource, Timestamp, VolumeIdx,
    VolumeManager,
};

use crate::drain::Packets;
use crate::source::Source;

/// Why appending failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError<E> {
    /// The card failed.
    Device(E),
    /// The card has no FAT16 or FAT32 file system, or one that is damaged.
    Format,
    /// The card is full, the file has the 4 GiB that FAT allows, or there are files of all numbers.
    Full,
    /// Something failed before, and what is in the file since then is not known: begin another one.
    Closed,
}

/// An error of the device was noted.
#[derive(Debug)]
struct Noted;

/// Notes the errors of a device: `embedded-sdmmc` says of some that the card is full. And keeps it within the
/// partition: when that is full it takes what the last sector of the FAT has more than the partition for free clusters.
struct Notes<D: BlockDevice> {
    device: D,
    error: RefCell<Option<D::Error>>,
    /// The first sector behind the partition.
    end: u32,
}

impl<D: BlockDevice> Notes<D> {
    fn new(device: D) -> Result<Self, AppendError<D::Error>> {
        let mut mbr = [Block::new()];
        device.read(&mut mbr, BlockIdx(0)).map_err(AppendError::Device)?;
        let [mbr] = mbr;
        let end = partition_end(&mbr.contents).ok_or(AppendError::Format)?;
        Ok(Self { device, error: RefCell::new(None), end })
    }

    /// Whether the blocks are a part of the partition, or in front of it.
    fn is_inside(&self, blocks: &[Block], start: BlockIdx) -> Result<(), Noted> {
        let count = u32::try_from(blocks.len()).map_err(|_| Noted)?;
        let end = start.0.checked_add(count).ok_or(Noted)?;
        if end <= self.end { Ok(()) } else { Err(Noted) }
    }

    fn note<T>(&self, result: Result<T, D::Error>) -> Result<T, Noted> {
        result.map_err(|e| {
            self.error.replace(Some(e));
            Noted
        })
    }
}

impl<D: BlockDevice> BlockDevice for Notes<D> {
    type Error = Noted;

    fn read(&self, blocks: &mut [Block], start_block_idx: BlockIdx) -> Result<(), Noted> {
        self.is_inside(blocks, start_block_idx)?;
        self.note(self.device.read(blocks, start_block_idx))
    }

    fn write(&self, blocks: &[Block], start_block_idx: BlockIdx) -> Result<(), Noted> {
        self.is_inside(blocks, start_block_idx)?;
        self.note(self.device.write(blocks, start_block_idx))
    }

    fn num_blocks(&self) -> Result<BlockCount, Noted> {
        self.note(self.device.num_blocks())
    }
}

/// Where the first partition ends: its first sector and its length are the last eight bytes of its entry.
fn partition_end(mbr: &[u8; Block::LEN]) -> Option<u32> {
    let at = 446 + 8;
    let start = u32::from_le_bytes(mbr.get(at..at + 4)?.try_into().ok()?);
    let length = u32::from_le_bytes(mbr.get(at + 4..at + 8)?.try_into().ok()?);
    start.checked_add(length).filter(|_| length > 0)
}

/// The last number of a file.
const MAX_NUMBER: u16 = 9_999;

/// The name of a file: its number in four digits.
fn name(number: u16) -> [u8; 11] {
    let mut name = *b"LOG0000.TLG";
    let mut rest = number;
    for digit in name.iter_mut().skip(3).take(4).rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name
}

/// The time of the file, wrapped because `VolumeManager::device` wants one back from whoever looks at the device.
struct Stamp<T>(Option<T>);

impl<T: TimeSource> TimeSource for Stamp<T> {
    fn get_timestamp(&self) -> Timestamp {
        match &self.0 {
            Some(time) => time.get_timestamp(),
            None => Timestamp::from_fat(0, 0),
        }
    }
}

type Volumes<D, T> = VolumeManager<Notes<D>, Stamp<T>, 1, 1, 1>;

/// A file in the root of a card's first partition that grows.
pub struct FatAppend<D: BlockDevice, T: TimeSource> {
    volumes: Volumes<D, T>,
    /// `None` once something failed.
    file: Option<RawFile>,
    number: u16,
    flush_every: u32,
    unflushed: u32,
    flushed: u32,
}

impl<D: BlockDevice, T: TimeSource> FatAppend<D, T> {
    /// Makes a file: `LOG0001.TLG`, or the first number from there on that is not taken. It is flushed after each
    /// `flush_every` bytes, besides when asked to.
    ///
    /// # Errors
    /// [`AppendError`]: all but `Closed`.
    pub fn create(device: D, time: T, flush_every: u32) -> Result<Self, AppendError<D::Error>> {
        let volumes = VolumeManager::new_with_limits(Notes::new(device)?, Stamp(Some(time)), 1);
        let mut this = Self { volumes, file: None, number: 0, flush_every, unflushed: 0, flushed: 0 };
        let (number, file) = Self::create_file(&this.volumes).map_err(|e| this.sort(e))?;
        (this.number, this.file) = (number, Some(file));
        Ok(this)
    }

    fn create_file(volumes: &Volumes<D, T>) -> Result<(u16, RawFile), Fat<Noted>> {
        let volume = volumes.open_raw_volume(VolumeIdx(0))?;
        let root = volumes.open_root_dir(volume)?;
        for number in 1..=MAX_NUMBER {
            let name = name(number);
            let name = core::str::from_utf8(&name).map_err(|_| Fat::ConversionError)?;
            match volumes.open_file_in_dir(root, name, Mode::ReadWriteCreate) {
                Err(Fat::FileAlreadyExists) => {}
                other => return other.map(|file| (number, file)),
            }
        }
        Err(Fat::DiskFull)
    }

    /// Which file it is: `LOGnnnn.TLG`.
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// Appends all that waits in a source, by way of `buffer`; see [`Packets`]. `now` is in microseconds since boot.
    ///
    /// # Errors
    /// [`AppendError`]: what was in the buffer then is lost.
    pub fn drain<S: Source + ?Sized>(
        &mut self,
        packets: &mut Packets<'_>,
        source: &mut S,
        now: u64,
        buffer: &mut [u8],
    ) -> Result<(), AppendError<D::Error>> {
        loop {
            let used = packets.fill(source, now, buffer);
            match buffer.get(..used) {
                Some(bytes) if used > 0 => self.append(bytes)?,
                _ => return Ok(()),
            }
        }
    }

    /// Appends bytes. They may be lost in a cut of power until they are flushed.
    ///
    /// # Errors
    /// [`AppendError`]. What was flushed before is in the file whatever happens here.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), AppendError<D::Error>> {
        let file = self.file.ok_or(AppendError::Closed)?;
        let added = u32::try_from(bytes.len()).map_err(|_| AppendError::Full)?;
        let unflushed = self.unflushed.saturating_add(added);
        if self.flushed.checked_add(unflushed).is_none() {
            return Err(AppendError::Full);
        }
        let written = self.volumes.write(file, bytes);
        self.keep(written)?;
        self.unflushed = unflushed;
        if self.unflushed >= self.flush_every { self.flush() } else { Ok(()) }
    }

    /// Writes all down that was appended, the file's new length included.
    ///
    /// # Errors
    /// [`AppendError`].
    pub fn flush(&mut self) -> Result<(), AppendError<D::Error>> {
        let file = self.file.ok_or(AppendError::Closed)?;
        let flushed = self.volumes.flush_file(file);
        self.keep(flushed)?;
        self.flushed += self.unflushed;
        self.unflushed = 0;
        Ok(())
    }

    /// How many bytes of the file were flushed.
    pub const fn len(&self) -> u32 {
        self.flushed
    }

    /// Whether nothing was flushed yet.
    pub const fn is_empty(&self) -> bool {
        self.flushed == 0
    }

    /// Flushes and gives the device back.
    ///
    /// # Errors
    /// [`AppendError`].
    pub fn close(mut self) -> Result<D, AppendError<D::Error>> {
        self.flush()?;
        Ok(self.volumes.free().0.device)
    }

    /// After a failure nobody knows what is in the file: nothing more is appended.
    fn keep<V>(&mut self, result: Result<V, Fat<Noted>>) -> Result<V, AppendError<D::Error>> {
        result.map_err(|e| {
            self.file = None;
            self.sort(e)
        })
    }

    fn sort(&self, error: Fat<Noted>) -> AppendError<D::Error> {
        let mut noted = None;
        let _ = self.volumes.device(|notes| {
            noted = notes.error.take();
            Stamp(None)
        });
        if let Some(e) = noted {
            return AppendError::Device(e);
        }
        match error {
            // An error that was not the device's: a cluster outside of the partition.
            Fat::DeviceError(Noted) | Fat::DiskFull | Fat::NotEnoughSpace | Fat::AllocationError => AppendError::Full,
            _ => AppendError::Format,
        }
    }
}
