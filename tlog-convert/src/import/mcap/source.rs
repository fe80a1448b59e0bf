//! Bytes of the input, as many at a time as are needed.

use std::io::{self, Read};

/// How much is read at once, in bytes.
const STEP: u64 = 256 << 10;

/// A stream with its next bytes at hand. The buffer grows with what really comes, never with what is merely asked for.
#[derive(Debug)]
pub struct Source<R> {
    inner: R,
    buffer: Vec<u8>,
    /// Where in the buffer what is not consumed begins.
    start: usize,
    /// How many bytes were consumed in all.
    offset: u64,
    has_ended: bool,
    /// Over all that was consumed.
    checksum: crc32fast::Hasher,
}

impl<R: Read> Source<R> {
    pub fn new(inner: R) -> Self {
        let checksum = crc32fast::Hasher::new();
        Self { inner, buffer: Vec::new(), start: 0, offset: 0, has_ended: false, checksum }
    }

    /// The bytes at hand, at least `len` unless the input ends before.
    pub fn fill(&mut self, len: usize) -> io::Result<&[u8]> {
        while self.at_hand().len() < len && !self.has_ended {
            if self.start > self.buffer.len() / 2 {
                self.buffer.drain(..self.start);
                self.start = 0;
            }
            let read = self.inner.by_ref().take(STEP).read_to_end(&mut self.buffer)?;
            self.has_ended = (read as u64) < STEP;
        }
        Ok(self.at_hand())
    }

    /// What has been read and not consumed.
    pub fn at_hand(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Passes over bytes at hand.
    pub fn consume(&mut self, len: usize) {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let passed = rest.get(..len).unwrap_or(rest);
        self.checksum.update(passed);
        let len = passed.len();
        self.start += len;
        self.offset = self.offset.saturating_add(len as u64);
    }

    /// Passes over so many bytes, or to the end of the input; how many they were.
    pub fn pass(&mut self, len: u64) -> io::Result<u64> {
        let mut left = len;
        while left > 0 {
            let at_hand = self.fill(1)?.len();
            if at_hand == 0 {
                break;
            }
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(at_hand);
            self.consume(step);
            left -= step as u64;
        }
        Ok(len - left)
    }

    /// Where the next byte is, from the start of the input.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The checksum of all that was consumed, if it is wanted.
    pub fn checksum_if(&self, wanted: bool) -> Option<u32> {
        wanted.then(|| self.checksum.clone().finalize())
    }
}
