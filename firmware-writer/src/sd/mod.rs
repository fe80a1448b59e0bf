//! SD cards on an SPI bus, without ever waiting for one that is busy.
//!
//! ```text
//!  reset   wake │ CMD0 │ CMD59 │ CMD8 │ ACMD41 … │ CMD58 │ CMD9 │ CMD10            one step at each call
//!  begin   ready? │ ACMD23 n │ CMD25                     (one sector: CMD24)
//!  push    ready? │ token │ 512 bytes │ checksum │ what the card says to it        once for each sector
//!  finish  ready? │ stop token │ ready? │ CMD13          "ready?" is one look of at most 8 bytes, else Pending
//! ```
//!
//! * The driver has the bus and the chip select to itself ([`SpiBus`] and a pin, not `SpiDevice`): the card stays selected
//!   from the command of a write to the end of it, over many calls, as the specification asks for between a command and
//!   its data; a `SpiDevice` would let go at the end of each call. It also needs clocks while *no* card is selected.
//! * A write counts only after CMD13: an empty slot reads as "not busy, all fine" up to there.
//! * A card that was taken out and put back, or lost its power, no longer is what was initialised; it answers nothing or
//!   "idle", and both are [`Absent`](DeviceError::Absent): [`reset`](BlockDevice::reset) then tells which card it is now.
//! * [`reset`](BlockDevice::reset) gets a card out of everything, a transfer that a restart of the firmware cut short
//!   included. It takes as long as the card's own start: at most a second, some milliseconds with most.
//! * Before it writes several sectors it tells the card how many (ACMD23), which may erase them first. So a cut of power
//!   may leave those that were not acknowledged erased (all ones or all zeros), besides old or new. A checksum tells.

mod crc;
mod registers;
mod start;
mod wire;

use core::task::Poll;

use embedded_hal::digital::OutputPin;
use embedded_hal::spi::SpiBus;

use self::registers::{check_accepted, check_status};
use self::start::Stage;
use self::wire::{Wire, command, token};
use crate::device::{BlockDevice, CardId, DeviceError, Sector};

/// How long a card may be busy with a sector, in microseconds, unless said otherwise. The specification allows 250 ms, and
/// 500 ms for the largest cards; but there are some that take seconds now and then, and are none the worse for it.
const BUSY_LIMIT: u32 = 5_000_000;

/// How fast the bus shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// While a card starts: 100 to 400 kHz.
    Slow,
    /// From then on: up to 25 MHz, as the board allows.
    Fast,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not spoken to yet.
    New,
    /// On the way to `Ready`.
    Starting(Stage),
    /// Deselected and waiting for a command.
    Ready,
    /// Selected for a write, and busy with something of its own.
    Opening,
    /// Within a write; whether it is of several sectors, and how many are still to come.
    Writing { many: bool, left: u32 },
    /// All were sent, the card is busy with the last.
    Ending,
    /// Out of order after an error.
    Broken,
}

/// An SD card on an SPI bus. `N` gives microseconds, the low 32 bits of any clock that does not jump.
pub struct SdSpi<S, C, N> {
    wire: Wire<S, C>,
    now: N,
    speed: fn(&mut S, Speed),
    checks: bool,
    busy_limit: u32,
    state: State,
    /// When the present stage began.
    since: u32,
    sectors: u32,
    is_write_protected: bool,
    /// Whether the card counts sectors, not bytes.
    by_sector: bool,
    id: CardId,
}

impl<S: SpiBus, C: OutputPin, N: FnMut() -> u32> SdSpi<S, C, N> {
    /// A card on `spi` (mode 0), selected by `cs` low. Nothing is sent yet. `speed` sets the rate of the bus, as it is
    /// slow while a card starts, also one that is put in later; it may do nothing on a bus that is slow anyway.
    pub const fn new(spi: S, cs: C, now: N, speed: fn(&mut S, Speed)) -> Self {
        Self {
            wire: Wire::new(spi, cs),
            now,
            speed,
            checks: true,
            busy_limit: BUSY_LIMIT,
            state: State::New,
            since: 0,
            sectors: 0,
            is_write_protected: false,
            by_sector: false,
            id: [0; 16],
        }
    }

    /// Without checksums over data on the bus: some thousand instructions less for each sector, and errors of the bus go
    /// unseen until the log is read. To be said before the card starts.
    #[must_use]
    pub const fn without_checks(mut self) -> Self {
        self.checks = false;
        self
    }

    /// With another limit to how long the card may be busy with a sector, in microseconds; 5 s otherwise.
    #[must_use]
    pub const fn with_busy_limit(mut self, micros: u32) -> Self {
        self.busy_limit = micros;
        self
    }

    /// Whether the present stage takes longer than this, in microseconds.
    fn is_late(&mut self, limit: u32) -> bool {
        (self.now)().wrapping_sub(self.since) > limit
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.since = (self.now)();
    }

    /// Lets go of the card until it is reset.
    fn broken(&mut self, error: DeviceError) -> DeviceError {
        self.state = State::Broken;
        // There is nothing more to say about a pin that does not obey.
        let _ = self.wire.deselect();
        error
    }

    /// Answers from a step: `None` is "still busy".
    fn answer<T>(&mut self, step: Result<Option<T>, DeviceError>) -> Poll<Result<T, DeviceError>> {
        match step {
            Ok(Some(done)) => Poll::Ready(Ok(done)),
            Ok(None) => Poll::Pending,
            Err(e) => Poll::Ready(Err(self.broken(e))),
        }
    }

    /// One look whether the card has time.
    ///
    /// # Errors
    /// `Timeout`, when it should have had it by now.
    fn is_free(&mut self) -> Result<bool, DeviceError> {
        match self.wire.is_ready()? {
            true => Ok(true),
            false if self.is_late(self.busy_limit) => Err(DeviceError::Timeout),
            false => Ok(false),
        }
    }

    /// Whether the card is waiting for a command.
    fn ready(&self) -> Result<(), DeviceError> {
        if self.state == State::Ready { Ok(()) } else { Err(DeviceError::Absent) }
    }

    /// The argument by which a card knows a sector.
    fn address(&self, sector: u32) -> Result<u32, DeviceError> {
        let factor = if self.by_sector { 1 } else { crate::device::SECTOR as u32 };
        match sector < self.sectors {
            true => sector.checked_mul(factor).ok_or(DeviceError::OutOfRange),
            false => Err(DeviceError::OutOfRange),
        }
    }

    fn try_begin(&mut self, first: u32, count: u32) -> Result<Option<()>, DeviceError> {
        let address = self.address(first)?;
        if self.state == State::Ready {
            self.wire.select()?;
            self.enter(State::Opening);
        }
        if !self.is_free()? {
            return Ok(None);
        }
        let many = count > 1;
        if many {
            // A hint; a card that does not take it writes all the same.
            self.wire.application_command(command::PRE_ERASE, count)?;
        }
        let index = if many { command::WRITE_MANY } else { command::WRITE };
        self.wire.command(index, address)?.check()?;
        self.enter(State::Writing { many, left: count });
        Ok(Some(()))
    }

    fn try_push(&mut self, sector: &Sector, many: bool, left: u32) -> Result<Option<()>, DeviceError> {
        if !self.is_free()? {
            return Ok(None);
        }
        let token = if many { token::MULTIPLE } else { token::SINGLE };
        let response = self.wire.send_block(token, sector)?;
        check_accepted(response)?;
        self.enter(State::Writing { many, left });
        Ok(Some(()))
    }

    fn try_finish(&mut self) -> Result<Option<()>, DeviceError> {
        if !self.is_free()? {
            return Ok(None);
        }
        if let State::Writing { many: true, .. } = self.state {
            // The card is busy from one byte after the token on.
            self.wire.send(&[token::STOP, wire::NOTHING])?;
            self.enter(State::Ending);
            return Ok(None);
        }
        self.wire.command(command::STATUS, 0)?.check()?;
        check_status(self.wire.byte()?)?;
        // A card leaves the line alone now. A line that is low all the time reads as "no errors" where there is no card.
        if self.wire.byte()? != wire::NOTHING {
            return Err(DeviceError::Absent);
        }
        self.wire.deselect()?;
        self.enter(State::Ready);
        Ok(Some(()))
    }

    /// Whether `first` and what follows may be written; looked at once, before anything is sent.
    fn may_write(&mut self, first: u32, count: u32) -> Result<(), DeviceError> {
        if self.state != State::Opening {
            self.ready()?;
        }
        if self.is_write_protected {
            return Err(DeviceError::WriteProtected);
        }
        let last = first.checked_add(count.saturating_sub(1)).ok_or(DeviceError::OutOfRange)?;
        self.address(last).map(|_| ())
    }

    fn try_read(&mut self, sector: u32, into: &mut Sector) -> Result<(), DeviceError> {
        let address = self.address(sector)?;
        self.wire.select()?;
        self.enter(State::Ready);
        while !self.is_free()? {}
        self.wire.command(command::READ, address)?.check()?;
        self.enter(State::Ready);
        while !self.block_begins()? {}
        self.wire.receive_block(into)?;
        self.wire.deselect()
    }

    /// Waits until the card is ready for the first time.
    fn started(&mut self) -> Result<(), DeviceError> {
        while let State::New | State::Starting(_) = self.state {
            if let Poll::Ready(Err(e)) = self.reset() {
                return Err(e);
            }
        }
        self.ready()
    }
}

impl<S: SpiBus, C: OutputPin, N: FnMut() -> u32> BlockDevice for SdSpi<S, C, N> {
    /// Starts the card and waits for it, if that was not done.
    fn sectors(&mut self) -> Result<u32, DeviceError> {
        self.started().map(|()| self.sectors)
    }

    /// Starts the card and waits for it, if that was not done.
    fn read(&mut self, sector: u32, into: &mut Sector) -> Result<(), DeviceError> {
        self.started()?;
        match self.try_read(sector, into) {
            // Nothing was sent.
            Err(DeviceError::OutOfRange) if sector >= self.sectors => Err(DeviceError::OutOfRange),
            result => result.map_err(|e| self.broken(e)),
        }
    }

    fn begin(&mut self, first: u32, count: u32) -> Poll<Result<(), DeviceError>> {
        // A refusal without a word to the card leaves it as it is.
        if let Err(e) = self.may_write(first, count) {
            return Poll::Ready(Err(e));
        }
        let step = self.try_begin(first, count);
        self.answer(step)
    }

    fn push(&mut self, sector: &Sector) -> Poll<Result<(), DeviceError>> {
        let step = match self.state {
            State::Writing { many, left } => match left.checked_sub(1) {
                Some(left) => self.try_push(sector, many, left),
                None => Err(DeviceError::OutOfRange),
            },
            _ => Err(DeviceError::Absent),
        };
        self.answer(step)
    }

    fn finish(&mut self) -> Poll<Result<(), DeviceError>> {
        let step = match self.state {
            State::Writing { many: false, left: 1.. } => Err(DeviceError::Failed),
            State::Writing { .. } | State::Ending => self.try_finish(),
            _ => Err(DeviceError::Absent),
        };
        self.answer(step)
    }

    fn reset(&mut self) -> Poll<Result<CardId, DeviceError>> {
        let stage = match self.state {
            State::Starting(stage) => stage,
            before => {
                (self.speed)(&mut self.wire.spi, Speed::Slow);
                let stage = if before == State::New { Stage::FIRST } else { Stage::AFTER_FAILURE };
                self.enter(State::Starting(stage));
                stage
            }
        };
        match self.step(stage) {
            Ok(Stage::Done) => {
                self.enter(State::Ready);
                Poll::Ready(Ok(self.id()))
            }
            Ok(next) => {
                if next != stage {
                    self.enter(State::Starting(next));
                }
                Poll::Pending
            }
            Err(e) => Poll::Ready(Err(self.broken(e))),
        }
    }
}
