//! Between the cards of `embedded-sdmmc` and those of this crate, in both directions. Both ways wait while a card is busy.

use core::cell::RefCell;
use core::task::Poll;

use embedded_hal::delay::DelayNs;
use embedded_hal::spi::SpiDevice;
use embedded_sdmmc::{Block, BlockCount, BlockDevice as Theirs, BlockIdx, SdCard, SdCardError};

use crate::device::{BlockDevice, CardId, DeviceError, SECTOR, Sector};

/// Where the MBR has what tells one disk from another: its signature, and its first partition.
const DISK_ID: core::ops::Range<usize> = 440..456;

/// Any block device of `embedded-sdmmc` as a card to log to: USB sticks, flash chips, and SD cards by its own driver.
///
/// Its interface has no word for "busy": [`push`](BlockDevice::push) writes its sector and *waits* until the device is
/// done, so the ring must hold what is logged meanwhile, and so must whoever else wants the processor. One sector at a
/// time is also slower than the driver in [`sd`](crate::sd) is with the same card.
pub struct FromSdmmc<D: Theirs> {
    device: D,
    sort: fn(D::Error) -> DeviceError,
    restart: fn(&D),
    /// The sectors that the write still has to take: the next one, and the first that is not one of them.
    open: Option<(u32, u32)>,
}

impl<D: Theirs> FromSdmmc<D> {
    /// A device; `sort` says what its errors mean, `restart` what to do with it after one.
    pub const fn new(device: D, sort: fn(D::Error) -> DeviceError, restart: fn(&D)) -> Self {
        Self { device, sort, restart, open: None }
    }

    /// The device itself.
    pub const fn get(&self) -> &D {
        &self.device
    }

    fn read_sector(&self, sector: u32, into: &mut Sector) -> Result<(), DeviceError> {
        let mut block = [Block::new()];
        self.device.read(&mut block, BlockIdx(sector)).map_err(self.sort)?;
        let [block] = block;
        *into = block.contents;
        Ok(())
    }

    fn write_next(&mut self, sector: &Sector) -> Result<(), DeviceError> {
        let (next, end) = self.open.take().ok_or(DeviceError::Absent)?;
        if next >= end {
            return Err(DeviceError::OutOfRange);
        }
        self.device.write(&[Block { contents: *sector }], BlockIdx(next)).map_err(self.sort)?;
        self.open = Some((next + 1, end));
        Ok(())
    }

    /// What tells this card from another. The interface has no card registers, so it is what the card's first sector
    /// says of the disk.
    fn identity(&self) -> Result<CardId, DeviceError> {
        let mut sector = [0; SECTOR];
        self.read_sector(0, &mut sector)?;
        let id = sector.get(DISK_ID).and_then(|id| id.try_into().ok());
        id.ok_or(DeviceError::Failed)
    }
}

impl<SPI: SpiDevice<u8>, DELAY: DelayNs> FromSdmmc<SdCard<SPI, DELAY>> {
    /// An SD card by the driver of `embedded-sdmmc`.
    pub const fn sd_card(card: SdCard<SPI, DELAY>) -> Self {
        Self::new(card, sort_sd_card, SdCard::mark_card_uninit)
    }
}

const fn sort_sd_card(error: SdCardError) -> DeviceError {
    use SdCardError::{CardNotFound, TimeoutACommand, TimeoutCommand, TimeoutReadBuffer, TimeoutWaitNotBusy};
    match error {
        CardNotFound | TimeoutCommand(_) => DeviceError::Absent,
        TimeoutReadBuffer | TimeoutWaitNotBusy | TimeoutACommand(_) => DeviceError::Timeout,
        _ => DeviceError::Failed,
    }
}

impl<D: Theirs> BlockDevice for FromSdmmc<D> {
    fn sectors(&mut self) -> Result<u32, DeviceError> {
        self.device.num_blocks().map(|count| count.0).map_err(self.sort)
    }

    fn read(&mut self, sector: u32, into: &mut Sector) -> Result<(), DeviceError> {
        self.read_sector(sector, into)
    }

    fn begin(&mut self, first: u32, count: u32) -> Poll<Result<(), DeviceError>> {
        self.open = first.checked_add(count).map(|end| (first, end));
        Poll::Ready(self.open.map(|_| ()).ok_or(DeviceError::OutOfRange))
    }

    fn push(&mut self, sector: &Sector) -> Poll<Result<(), DeviceError>> {
        Poll::Ready(self.write_next(sector))
    }

    /// Each sector was acknowledged as it was written.
    fn finish(&mut self) -> Poll<Result<(), DeviceError>> {
        Poll::Ready(self.open.take().map(|_| ()).ok_or(DeviceError::Absent))
    }

    fn reset(&mut self) -> Poll<Result<CardId, DeviceError>> {
        self.open = None;
        (self.restart)(&self.device);
        Poll::Ready(self.identity())
    }
}

/// A card of this crate as a block device of `embedded-sdmmc`: for its file system, and by that for
/// [`FatAppend`](crate::fat_append::FatAppend). Waits for the card; after an error the card is reset at the next call.
pub struct AsSdmmc<D>(RefCell<Card<D>>);

struct Card<D> {
    device: D,
    is_ready: bool,
}

impl<D: BlockDevice> AsSdmmc<D> {
    /// A card, which is started at the first call.
    pub const fn new(device: D) -> Self {
        Self(RefCell::new(Card { device, is_ready: false }))
    }

    /// The card itself.
    pub fn into_inner(self) -> D {
        self.0.into_inner().device
    }

    fn with<T>(&self, act: impl FnOnce(&mut D) -> Result<T, DeviceError>) -> Result<T, DeviceError> {
        // Only borrowed twice by a device that calls its own file system.
        let mut card = self.0.try_borrow_mut().map_err(|_| DeviceError::Failed)?;
        if !card.is_ready {
            wait(|| card.device.reset())?;
            card.is_ready = true;
        }
        let result = act(&mut card.device);
        card.is_ready = !matches!(
            result,
            Err(DeviceError::Absent | DeviceError::Timeout | DeviceError::Failed | DeviceError::WriteProtected)
        );
        result
    }
}

/// Asks until there is an answer.
fn wait<T>(mut ask: impl FnMut() -> Poll<T>) -> T {
    loop {
        if let Poll::Ready(answer) = ask() {
            return answer;
        }
        core::hint::spin_loop();
    }
}

fn write_all<D: BlockDevice>(device: &mut D, blocks: &[Block], first: u32) -> Result<(), DeviceError> {
    let count = u32::try_from(blocks.len()).map_err(|_| DeviceError::OutOfRange)?;
    if count == 0 {
        return Ok(());
    }
    wait(|| device.begin(first, count))?;
    for block in blocks {
        wait(|| device.push(&block.contents))?;
    }
    wait(|| device.finish())
}

impl<D: BlockDevice> Theirs for AsSdmmc<D> {
    type Error = DeviceError;

    fn read(&self, blocks: &mut [Block], start_block_idx: BlockIdx) -> Result<(), DeviceError> {
        self.with(|device| {
            let mut sectors = start_block_idx.0..;
            blocks.iter_mut().try_for_each(|block| {
                let sector = sectors.next().ok_or(DeviceError::OutOfRange)?;
                device.read(sector, &mut block.contents)
            })
        })
    }

    fn write(&self, blocks: &[Block], start_block_idx: BlockIdx) -> Result<(), DeviceError> {
        self.with(|device| write_all(device, blocks, start_block_idx.0))
    }

    fn num_blocks(&self) -> Result<BlockCount, DeviceError> {
        self.with(|device| device.sectors().map(BlockCount))
    }
}
