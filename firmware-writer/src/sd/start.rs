//! From power-on, or from anything at all, to a card that is ready: one short step at each call.

use embedded_hal::digital::OutputPin;
use embedded_hal::spi::SpiBus;

use super::registers::{Csd, R1, refused};
use super::wire::{NOTHING, command, token};
use super::{SdSpi, Speed};
use crate::device::{CardId, DeviceError};

/// How long a card may take to become ready after power-on, in microseconds.
const START_LIMIT: u32 = 1_000_000;

/// How long it may take to send a register or a sector, in microseconds.
pub(super) const READ_LIMIT: u32 = 100_000;

/// How often a card is asked to begin anew before it counts as absent.
const CALLS: u8 = 8;

/// After how many of them it is freed from a transfer that it may be stuck in.
const POLITE_CALLS: u8 = 2;

/// More bytes than a card may still expect in a block: its rest and its checksum.
const FLUSH: [u8; 64] = [NOTHING; 64];
const FLUSHES: u8 = 9;

/// Volts (2.7 to 3.6), and a pattern to be repeated.
const INTERFACE: u32 = 0x1aa;

/// "This host knows cards above 2 GB."
const HIGH_CAPACITY: u32 = 1 << 30;

/// Where the start is. Each is left when its step is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Sends what the card may still expect of a block.
    Flush(u8),
    /// Waits while the card is busy with it.
    Rest,
    /// Ends a transfer of several blocks.
    Abort,
    /// Waits while the card is busy.
    Settle(u8),
    /// Gives the card the clocks that it needs after power-on.
    Wake(u8),
    /// Asks it to speak SPI and to begin anew.
    GoIdle(u8),
    /// Asks which version it is and what it is called by.
    Interface,
    /// Waits for its own start to end.
    Operate {
        second_version: bool,
    },
    /// How sectors are counted.
    Addressing {
        second_version: bool,
    },
    /// Asks for a register, and waits for it.
    Ask(Register),
    Await(Register),
    /// All is known.
    Done,
}

/// Which register is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Register {
    Csd,
    Cid,
}

impl Stage {
    /// For a card that may be in the middle of anything.
    pub const AFTER_FAILURE: Self = Self::Flush(0);
    /// For a card that was not spoken to before.
    pub const FIRST: Self = Self::Wake(0);
}

impl<S: SpiBus, C: OutputPin, N: FnMut() -> u32> SdSpi<S, C, N> {
    /// Takes one step; the stage that follows, which is the same one while the card makes us wait.
    pub(super) fn step(&mut self, stage: Stage) -> Result<Stage, DeviceError> {
        match stage {
            Stage::Flush(done) => self.flush_block(done),
            Stage::Rest => self.settle(stage, Stage::Abort),
            Stage::Abort => self.abort(),
            Stage::Settle(calls) => self.settle(stage, Stage::Wake(calls)),
            Stage::Wake(calls) => self.wake(calls),
            Stage::GoIdle(calls) => self.go_idle(calls),
            Stage::Interface => self.interface(),
            Stage::Operate { second_version } => self.operate(second_version),
            Stage::Addressing { second_version } => self.addressing(second_version),
            Stage::Ask(register) => self.ask(register),
            Stage::Await(register) => self.receive(register),
            Stage::Done => Ok(Stage::Done),
        }
    }

    fn flush_block(&mut self, done: u8) -> Result<Stage, DeviceError> {
        self.wire.select()?;
        self.wire.send(&FLUSH)?;
        Ok(if done < FLUSHES { Stage::Flush(done + 1) } else { Stage::Rest })
    }

    /// After an error within a transfer the specification wants this command, not the token that ends it.
    fn abort(&mut self) -> Result<Stage, DeviceError> {
        match self.wire.command(command::STOP, 0) {
            Ok(_) | Err(DeviceError::Absent) => Ok(Stage::Settle(POLITE_CALLS)),
            Err(e) => Err(e),
        }
    }

    /// A card that is still busy after all that time may yet listen to what follows.
    fn settle(&mut self, stage: Stage, next: Stage) -> Result<Stage, DeviceError> {
        let over = self.wire.is_ready()? || self.is_late(self.busy_limit);
        Ok(if over { next } else { stage })
    }

    fn wake(&mut self, calls: u8) -> Result<Stage, DeviceError> {
        self.wire.deselect()?;
        // 74 clocks at least.
        self.wire.send(&[NOTHING; 10])?;
        Ok(Stage::GoIdle(calls))
    }

    fn go_idle(&mut self, calls: u8) -> Result<Stage, DeviceError> {
        self.wire.checks = false;
        self.wire.select()?;
        match self.wire.command(command::GO_IDLE, 0) {
            Ok(R1::IDLE) => Ok(Stage::Interface),
            Ok(_) | Err(DeviceError::Absent) if calls + 1 == POLITE_CALLS => Ok(Stage::AFTER_FAILURE),
            Ok(_) | Err(DeviceError::Absent) if calls < CALLS => Ok(Stage::GoIdle(calls + 1)),
            Ok(_) => Err(DeviceError::Absent),
            Err(e) => Err(e),
        }
    }

    fn interface(&mut self) -> Result<Stage, DeviceError> {
        // A card that does not know the command cannot check: so be it.
        self.wire.checks = self.checks && self.wire.command(command::CHECKSUMS, 1)?.is_clean();
        let r1 = self.wire.command(command::INTERFACE, INTERFACE)?;
        if r1.is_illegal() {
            return Ok(Stage::Operate { second_version: false });
        }
        let echo = self.word()?;
        match r1.is_clean() && echo & 0xfff == INTERFACE {
            true => Ok(Stage::Operate { second_version: true }),
            false => Err(DeviceError::Failed),
        }
    }

    fn operate(&mut self, second_version: bool) -> Result<Stage, DeviceError> {
        let argument = if second_version { HIGH_CAPACITY } else { 0 };
        match self.wire.application_command(command::OPERATE, argument)? {
            R1::READY => Ok(Stage::Addressing { second_version }),
            R1::IDLE if !self.is_late(START_LIMIT) => Ok(Stage::Operate { second_version }),
            R1::IDLE => Err(DeviceError::Timeout),
            _ => Err(DeviceError::Failed),
        }
    }

    fn addressing(&mut self, second_version: bool) -> Result<Stage, DeviceError> {
        self.by_sector = false;
        if second_version {
            // QEMU's cards say here that they are idle, which they are not.
            if !self.wire.command(command::READ_OCR, 0)?.is_clean() {
                return Err(DeviceError::Failed);
            }
            self.by_sector = self.word()? & HIGH_CAPACITY != 0;
        }
        if !self.by_sector {
            self.wire.command(command::BLOCK_LEN, crate::device::SECTOR as u32)?.check()?;
        }
        Ok(Stage::Ask(Register::Csd))
    }

    fn ask(&mut self, register: Register) -> Result<Stage, DeviceError> {
        let index = match register {
            Register::Csd => command::SEND_CSD,
            Register::Cid => command::SEND_CID,
        };
        self.wire.command(index, 0)?.check()?;
        Ok(Stage::Await(register))
    }

    fn receive(&mut self, register: Register) -> Result<Stage, DeviceError> {
        if !self.block_begins()? {
            return Ok(Stage::Await(register));
        }
        let mut bytes = [0; 16];
        self.wire.receive_block(&mut bytes)?;
        match register {
            Register::Csd => {
                let csd = Csd(bytes);
                self.sectors = csd.sectors().ok_or(DeviceError::Failed)?;
                self.is_write_protected = csd.is_write_protected();
                Ok(Stage::Ask(Register::Cid))
            }
            Register::Cid => {
                self.id = bytes;
                self.wire.deselect()?;
                (self.speed)(&mut self.wire.spi, Speed::Fast);
                Ok(Stage::Done)
            }
        }
    }

    /// Looks for the token in front of a block that was asked for.
    ///
    /// # Errors
    /// `Timeout` when it is overdue, and what the card says instead.
    pub(super) fn block_begins(&mut self) -> Result<bool, DeviceError> {
        match self.wire.first(8, |byte| byte != NOTHING)? {
            Some(token::SINGLE) => Ok(true),
            Some(other) => Err(refused(other)),
            None if self.is_late(READ_LIMIT) => Err(DeviceError::Timeout),
            None => Ok(false),
        }
    }

    /// The four bytes that follow some answers.
    fn word(&mut self) -> Result<u32, DeviceError> {
        let mut bytes = [0; 4];
        self.wire.listen(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    /// The identification of the card that is ready.
    pub(super) const fn id(&self) -> CardId {
        self.id
    }
}
