//! The bytes of a log by windows: what seeking reads, and the count of it.

use std::io;

use tlog::read::{Cause, ReadAt};
use tlog::wire::block::{MAX_HEADER_LEN, check_file_header};
use tlog::wire::{BlockHeader, BlockType, DataFlags, DataHeader, crc, data, varuint};
use tlog::{Error, Result};

use super::Cost;

/// Longer blocks are not looked into, in bytes: the limit of [`tlog::read::ReadOptions::max_block`].
pub(super) const MAX_BLOCK: u64 = 64 << 20;

/// Windows are at least this long, in bytes: the magic of a marker may straddle two of them.
const MIN_WINDOW: usize = 64;

/// Why seeking by markers does not go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// The log is not what an intact log in order is: only the whole of it tells the truth.
    Odd,
    /// The system's, or a file that is no log.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// What a part of seeking found, or why there is nothing to be found this way.
pub(super) type Sought<T> = std::result::Result<T, Stop>;

/// One window of a log at a time, and short looks elsewhere that leave it where it is.
pub(super) struct Windows<'s, S: ?Sized> {
    source: &'s S,
    pub size: u64,
    /// Where the first block starts.
    pub first_block: u64,
    /// How much is read at once, in bytes.
    pub window: usize,
    buffer: Vec<u8>,
    /// The window itself where the source lies in memory; the buffer is not used then.
    lent: &'s [u8],
    /// Where the window's first byte lies in the file.
    base: u64,
    /// What was looked at outside the window.
    aside: Vec<u8>,
    pub cost: Cost,
    /// How many bytes of would-be markers were looked at in vain.
    pub in_vain: u64,
}

impl<'s, S: ReadAt + ?Sized> Windows<'s, S> {
    /// The windows of the log in `source`, whose header is checked.
    pub fn open(source: &'s S, window: usize) -> Result<Self> {
        let mut windows = Self {
            source,
            size: source.size()?,
            first_block: 0,
            window: window.max(MIN_WINDOW),
            buffer: Vec::new(),
            lent: &[],
            base: 0,
            aside: Vec::new(),
            cost: Cost::default(),
            in_vain: 0,
        };
        let header = windows.front(0, MIN_WINDOW)?;
        let len = check_file_header(header).map_err(|e| Error::Format { offset: 0, cause: Cause::from(e) })?;
        windows.first_block = len as u64;
        Ok(windows)
    }

    /// The bytes from `offset` on: `least` of them or more, fewer only at the end of the file.
    pub fn front(&mut self, offset: u64, least: usize) -> io::Result<&[u8]> {
        self.front_of(offset, least, self.window)
    }

    /// The same; where a window must be read, one of this length.
    pub fn front_of(&mut self, offset: u64, least: usize, window: usize) -> io::Result<&[u8]> {
        let left = self.left(offset);
        let least = least.min(left);
        if left == 0 {
            return Ok(&[]);
        }
        if self.buffered(offset, least).is_none() {
            self.fill(offset, least.max(window).min(left))?;
        }
        Ok(self.buffered(offset, least).unwrap_or(&[]))
    }

    fn fill(&mut self, offset: u64, len: usize) -> io::Result<()> {
        self.buffer.clear();
        self.lent = self.source.slice(offset, len).unwrap_or(&[]);
        self.base = offset;
        if self.lent.is_empty() {
            self.buffer.resize(len, 0);
            if let Err(error) = self.source.read_exact_at(offset, &mut self.buffer) {
                self.buffer.clear();
                return Err(error);
            }
        }
        self.cost.windows += 1;
        self.cost.bytes += len as u64;
        Ok(())
    }

    /// The `len` bytes from `offset` on, fewer only at the end of the file. The window stays.
    pub fn look(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let len = len.min(self.left(offset));
        if len == 0 {
            return Ok(&[]);
        }
        if self.buffered(offset, len).is_none() {
            self.cost.bytes += len as u64;
            if let Some(bytes) = self.source.slice(offset, len) {
                return Ok(bytes);
            }
            self.aside.resize(len, 0);
            self.source.read_exact_at(offset, &mut self.aside)?;
            return Ok(&self.aside);
        }
        Ok(self.buffered(offset, len).and_then(|bytes| bytes.get(..len)).unwrap_or(&[]))
    }

    /// All that the window has from `offset` on, if that is `least` bytes at least.
    fn buffered(&self, offset: u64, least: usize) -> Option<&[u8]> {
        let at = usize::try_from(offset.checked_sub(self.base)?).ok()?;
        let window = if self.lent.is_empty() { &self.buffer[..] } else { self.lent };
        window.get(at..).filter(|bytes| bytes.len() >= least)
    }

    /// Where the window starts, if it reaches to `high` and from well below it.
    pub fn window_below(&self, high: u64) -> Option<u64> {
        let above = usize::try_from(high.checked_sub(self.base)?).ok()?;
        (above >= MIN_WINDOW && self.buffered(self.base, above).is_some()).then_some(self.base)
    }

    fn left(&self, offset: u64) -> usize {
        usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX)
    }

    /// The header of the block at `offset`, and where the block ends; `None` when no whole block can start there.
    pub fn frame(&mut self, offset: u64) -> io::Result<Option<(BlockHeader, u64)>> {
        let size = self.size;
        Ok(frame_in(self.look(offset, MAX_HEADER_LEN)?, offset, size))
    }

    /// The header of the data block at `offset`, its checksum verified where it has one, or should have.
    pub fn data(&mut self, offset: u64, should: bool) -> Sought<DataHeader> {
        let size = self.size;
        let front = self.look(offset, data::MAX_FRONT_LEN)?;
        let (frame, end) = frame_in(front, offset, size).ok_or(Stop::Odd)?;
        let header = data_in(&frame, front).ok_or(Stop::Odd)?;
        let len = end - offset;
        if header.checksum.is_some() || should {
            let len = usize::try_from(len).ok().filter(|_| len <= MAX_BLOCK).ok_or(Stop::Odd)?;
            if !is_intact(self.look(offset, len)?, &frame, &header) {
                return Err(Stop::Odd);
            }
        }
        Ok(header)
    }
}

/// The block header at the front of `bytes`, which lie at `offset` of a file of `size` bytes, and where the block ends.
pub(super) fn frame_in(bytes: &[u8], offset: u64, size: u64) -> Option<(BlockHeader, u64)> {
    let frame = BlockHeader::parse(bytes).ok()?;
    let end = offset.checked_add(frame.block_len()?).filter(|&end| end <= size)?;
    Some((frame, end))
}

/// The data header in the block that `bytes` start with.
pub(super) fn data_in(frame: &BlockHeader, bytes: &[u8]) -> Option<DataHeader> {
    let body = bytes.get(frame.header_len..).filter(|_| frame.block_type == BlockType::Data)?;
    // What lies behind a short body is the next block's.
    let body_len = usize::try_from(frame.body_len).unwrap_or(usize::MAX).min(body.len());
    DataHeader::parse(&body[..body_len]).ok()
}

/// Whether the checksum of a whole data block is right, if it has one.
pub(super) fn is_right(block: &[u8], frame: &BlockHeader, header: &DataHeader) -> bool {
    match (header.checksum, header.checksum_at()) {
        (Some(stored), Some(at)) => crc::block_crc(block, frame.header_len + at) == stored,
        _ => true,
    }
}

/// As [`is_right`]; and a block without a checksum must not have a right one if its flag is set: then the flag was lost.
pub(super) fn is_intact(block: &[u8], frame: &BlockHeader, header: &DataHeader) -> bool {
    match header.checksum {
        Some(_) => is_right(block, frame, header),
        None => !has_lost_flag(block, frame, header),
    }
}

fn has_lost_flag(block: &[u8], frame: &BlockHeader, header: &DataHeader) -> bool {
    let mut block = block.to_vec();
    let Some(flags) = block.get_mut(frame.header_len + varuint::len(header.identifier)) else { return false };
    *flags |= DataFlags::CHECKSUM.bits() as u8;
    data_in(frame, &block).is_some_and(|header| header.checksum.is_some() && is_right(&block, frame, &header))
}
