//! Bytes of the input at hand: a buffer of fixed size that moves along a file.

use std::io::{ErrorKind, Read};

/// So much is held at once: a few of the largest messages.
const CAPACITY: usize = 512 << 10;

/// A part of the input, and where in it that is.
pub struct Window<R> {
    input: R,
    buffer: Box<[u8]>,
    /// What of the buffer is input that was not passed yet.
    start: usize,
    end: usize,
    /// Where in the input `start` is.
    offset: u64,
    is_last: bool,
}

impl<R: Read> Window<R> {
    /// The front of the input.
    pub fn new(input: R) -> Self {
        Self { input, buffer: vec![0; CAPACITY].into(), start: 0, end: 0, offset: 0, is_last: false }
    }

    /// Where in the input the next byte is.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes at hand, after [`ensure`](Self::ensure) of what is needed.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads until so many bytes are at hand, or the input ends. Of more than the capacity, the capacity.
    pub fn ensure(&mut self, len: usize) -> std::io::Result<()> {
        let len = len.min(CAPACITY);
        if self.bytes().len() >= len || self.is_last {
            return Ok(());
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end.saturating_sub(self.start));
        while self.end < CAPACITY {
            match self.input.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => {
                    self.is_last = true;
                    return Ok(());
                }
                Ok(read) => self.end += read,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Goes on behind so many of the bytes at hand.
    pub fn pass(&mut self, len: usize) {
        let len = len.min(self.bytes().len());
        self.start += len;
        self.offset += len as u64;
    }
}
