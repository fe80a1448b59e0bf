//! Bytes on the bus: commands, answers, blocks of data. Every function here takes a bounded number of bytes' time.

use embedded_hal::digital::OutputPin;
use embedded_hal::spi::SpiBus;

use super::crc::{crc7, crc16};
use super::registers::R1;
use crate::device::{DeviceError, Sector};

/// What the host sends while it only listens. A line that nobody drives reads as the same.
pub(super) const NOTHING: u8 = 0xff;

/// How many bytes a card may take to answer a command: 8 by the specification, and some for good measure.
const ANSWER: usize = 16;

/// How many bytes one look at a busy card takes.
const LOOK: usize = 8;

/// What stands in front of data: of a single block in either direction, of each block of many, and their end.
pub(super) mod token {
    pub const SINGLE: u8 = 0xfe;
    pub const MULTIPLE: u8 = 0xfc;
    pub const STOP: u8 = 0xfd;
}

/// Numbers of commands.
pub(super) mod command {
    pub const GO_IDLE: u8 = 0;
    pub const INTERFACE: u8 = 8;
    pub const SEND_CSD: u8 = 9;
    pub const SEND_CID: u8 = 10;
    pub const STOP: u8 = 12;
    pub const STATUS: u8 = 13;
    pub const BLOCK_LEN: u8 = 16;
    pub const READ: u8 = 17;
    pub const PRE_ERASE: u8 = 23;
    pub const WRITE: u8 = 24;
    pub const WRITE_MANY: u8 = 25;
    pub const OPERATE: u8 = 41;
    pub const APPLICATION: u8 = 55;
    pub const READ_OCR: u8 = 58;
    pub const CHECKSUMS: u8 = 59;
}

/// The bus with its one card.
pub(super) struct Wire<S, C> {
    pub spi: S,
    cs: C,
    /// Whether the card checks what it is sent, and we what it sends.
    pub checks: bool,
}

/// A bus that fails is like a card that fails: to be tried again from the start.
fn failed<E>(_: E) -> DeviceError {
    DeviceError::Failed
}

impl<S: SpiBus, C: OutputPin> Wire<S, C> {
    pub const fn new(spi: S, cs: C) -> Self {
        Self { spi, cs, checks: false }
    }

    pub fn select(&mut self) -> Result<(), DeviceError> {
        self.spi.flush().map_err(failed)?;
        self.cs.set_low().map_err(failed)
    }

    /// Lets go of the card: it leaves the data line at the first clock after that.
    pub fn deselect(&mut self) -> Result<(), DeviceError> {
        self.spi.flush().map_err(failed)?;
        self.cs.set_high().map_err(failed)?;
        self.byte().map(|_| ())
    }

    /// The next byte from the card.
    pub fn byte(&mut self) -> Result<u8, DeviceError> {
        let mut byte = [NOTHING];
        self.listen(&mut byte)?;
        Ok(byte[0])
    }

    /// The next bytes from the card. Not `SpiBus::read`, which may send zeros, and those begin a command.
    pub fn listen(&mut self, into: &mut [u8]) -> Result<(), DeviceError> {
        into.fill(NOTHING);
        self.spi.transfer_in_place(into).map_err(failed)
    }

    pub fn send(&mut self, bytes: &[u8]) -> Result<(), DeviceError> {
        self.spi.write(bytes).map_err(failed)
    }

    /// The first byte of at most `limit` for which `wanted` holds.
    pub fn first(&mut self, limit: usize, wanted: fn(u8) -> bool) -> Result<Option<u8>, DeviceError> {
        for _ in 0..limit {
            let byte = self.byte()?;
            if wanted(byte) {
                return Ok(Some(byte));
            }
        }
        Ok(None)
    }

    /// Whether the card has time for us: one short look. While it is busy it holds the line low; the byte in which it
    /// ends that is still not all ones.
    pub fn is_ready(&mut self) -> Result<bool, DeviceError> {
        self.first(LOOK, |byte| byte == NOTHING).map(|found| found.is_some())
    }

    /// Sends a command to a card that is not busy.
    ///
    /// # Errors
    /// `Absent`, when nothing answers.
    pub fn command(&mut self, index: u8, argument: u32) -> Result<R1, DeviceError> {
        let [a, b, c, d] = argument.to_be_bytes();
        let frame = [0x40 | index, a, b, c, d];
        // The byte in front gives the card the clocks that it needs between an answer and the next command.
        self.send(&[NOTHING, frame[0], a, b, c, d, crc7(&frame)])?;
        if index == command::STOP {
            // Whatever the card was sending when it heard this.
            self.byte()?;
        }
        let answer = self.first(ANSWER, |byte| byte & 0x80 == 0)?;
        answer.map(R1).ok_or(DeviceError::Absent)
    }

    /// Sends a command of the second set.
    pub fn application_command(&mut self, index: u8, argument: u32) -> Result<R1, DeviceError> {
        match self.command(command::APPLICATION, 0)? {
            r1 if r1.is_clean() => self.command(index, argument),
            r1 => Ok(r1),
        }
    }

    /// Sends a block of data behind `token`: what the card says to it.
    ///
    /// The byte in front of the token is the least distance between a command's answer and a block (N_WR).
    pub fn send_block(&mut self, token: u8, sector: &Sector) -> Result<u8, DeviceError> {
        let sum = if self.checks { crc16(sector).to_be_bytes() } else { [NOTHING; 2] };
        self.send(&[NOTHING, token])?;
        self.send(sector)?;
        self.send(&sum)?;
        let response = self.first(ANSWER, |byte| byte != NOTHING)?;
        Ok(response.unwrap_or(NOTHING))
    }

    /// Receives what follows the token of a block.
    pub fn receive_block(&mut self, into: &mut [u8]) -> Result<(), DeviceError> {
        let mut sum = [0; 2];
        self.listen(into)?;
        self.listen(&mut sum)?;
        match self.checks && crc16(into).to_be_bytes() != sum {
            true => Err(DeviceError::Failed),
            false => Ok(()),
        }
    }
}
