//! The board: SD card on SSI0, two timers, a clock of microseconds, and what QEMU lets firmware say and ask.
//! All that touches registers is here.

use core::convert::Infallible;
use core::ptr::{read_volatile, write_volatile};
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::scb::SystemHandler;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SCB, SYST};
use cortex_m_rt::exception;
use cortex_m_semihosting::{hio, nr};
use embedded_hal::digital::{ErrorType as PinError, OutputPin};
use embedded_hal::spi::{ErrorType as SpiError, SpiBus};

/// Ticks of the processor's clock in a second: 80 ns each, as the board starts.
const TICKS: u32 = 12_500_000;

const SYSCTL_RCGC1: usize = 0x400f_e104;
const SYSCTL_RCGC2: usize = 0x400f_e108;

fn write(address: usize, value: u32) {
    // SAFETY:
    // * `address` is a register of this board: only constants of this file are passed.
    // * No register written here makes the processor or a DMA engine touch memory that Rust owns.
    unsafe { write_volatile(address as *mut u32, value) }
}

fn read(address: usize) -> u32 {
    // SAFETY:
    // * As in `write`; reading the data register takes a byte off its queue, which is what is meant.
    unsafe { read_volatile(address as *const u32) }
}

/// The PL022 at SSI0, with the card on it.
pub struct Ssi;

mod ssi {
    pub const CR0: usize = 0x4000_8000;
    pub const CR1: usize = 0x4000_8004;
    pub const DATA: usize = 0x4000_8008;
    pub const STATUS: usize = 0x4000_800c;
    pub const PRESCALE: usize = 0x4000_8010;
    /// A byte was received.
    pub const RECEIVED: u32 = 1 << 2;
}

impl Ssi {
    /// Switches on the SSI and ports A and D, whose pins are wired to the card.
    pub fn new() -> Self {
        write(SYSCTL_RCGC1, read(SYSCTL_RCGC1) | 1 << 4);
        write(SYSCTL_RCGC2, read(SYSCTL_RCGC2) | 1 << 0 | 1 << 3);
        let (alternate, digital) = (0x4000_4420, 0x4000_451c);
        write(alternate, read(alternate) | 0x34);
        write(digital, read(digital) | 0x34);
        write(ssi::CR1, 0);
        // Mode 0, eight bits.
        write(ssi::CR0, 7);
        write(ssi::PRESCALE, 2);
        write(ssi::CR1, 2);
        Self
    }

    fn exchange(&mut self, byte: u8) -> u8 {
        write(ssi::DATA, u32::from(byte));
        while read(ssi::STATUS) & ssi::RECEIVED == 0 {}
        read(ssi::DATA) as u8
    }
}

impl SpiError for Ssi {
    type Error = Infallible;
}

impl SpiBus for Ssi {
    fn read(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        words.fill(0xff);
        self.transfer_in_place(words)
    }

    fn write(&mut self, words: &[u8]) -> Result<(), Infallible> {
        for word in words {
            self.exchange(*word);
        }
        Ok(())
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), Infallible> {
        for (at, word) in read.iter_mut().enumerate() {
            *word = self.exchange(write.get(at).copied().unwrap_or(0xff));
        }
        match write.get(read.len()..) {
            Some(rest) => SpiBus::write(self, rest),
            None => Ok(()),
        }
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        for word in words {
            *word = self.exchange(*word);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// PD0, which selects the card while it is low (and the display while it is high).
pub struct CardSelect;

impl CardSelect {
    /// After [`Ssi::new`].
    pub fn new() -> Self {
        let (direction, digital) = (0x4000_7400, 0x4000_751c);
        write(direction, read(direction) | 1);
        write(digital, read(digital) | 1);
        let mut this = Self;
        let _ = this.set_high();
        this
    }
}

/// Only this pin of the port: the address says which.
const PIN_D0: usize = 0x4000_7004;

impl PinError for CardSelect {
    type Error = Infallible;
}

impl OutputPin for CardSelect {
    fn set_low(&mut self) -> Result<(), Infallible> {
        write(PIN_D0, 0);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        write(PIN_D0, 1);
        Ok(())
    }
}

/// Seconds since the clock was started.
static SECONDS: AtomicU32 = AtomicU32::new(0);

/// Starts the clock. Its interrupt comes before all others.
pub fn start_clock(syst: &mut SYST, scb: &mut SCB) {
    syst.set_clock_source(SystClkSource::Core);
    syst.set_reload(TICKS - 1);
    syst.clear_current();
    // SAFETY:
    // * No code relies on this exception being held off: there are no critical sections by priority.
    unsafe { scb.set_priority(SystemHandler::SysTick, 0) };
    syst.enable_counter();
    syst.enable_interrupt();
}

#[exception]
fn SysTick() {
    SECONDS.store(SECONDS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// Whole seconds, and ticks beyond them.
fn time() -> (u32, u32) {
    loop {
        let seconds = SECONDS.load(Ordering::Relaxed);
        let mut left = SYST::get_current();
        // A second that is over, but not counted yet.
        let is_pending = SCB::is_pendst_pending();
        if is_pending {
            left = SYST::get_current();
        }
        if seconds == SECONDS.load(Ordering::Relaxed) {
            return (seconds + u32::from(is_pending), (TICKS - 1).saturating_sub(left));
        }
    }
}

/// Microseconds since the clock was started.
pub fn now() -> u64 {
    let (seconds, ticks) = time();
    u64::from(seconds) * 1_000_000 + u64::from(ticks * 2 / 25)
}

/// The low 32 bits of [`now`], which is what rings keep.
pub struct Clock;

impl firmware_writer::clock::Clock for Clock {
    #[inline]
    fn now(&self) -> u32 {
        let (seconds, ticks) = time();
        seconds.wrapping_mul(1_000_000).wrapping_add(ticks * 2 / 25)
    }
}

/// Ticks of 80 ns, 24 bits of them, counted down: read by one instruction.
#[inline]
pub fn ticks() -> u32 {
    SYST::get_current()
}

/// The same as a clock, for a count of what logging takes without what a board's clock does.
pub struct Ticks;

impl firmware_writer::clock::Clock for Ticks {
    #[inline]
    fn now(&self) -> u32 {
        ticks()
    }
}

/// A timer whose interrupt is one of the producers.
#[derive(Clone, Copy)]
pub struct Timer {
    base: usize,
    interrupt: Interrupt,
}

/// The board's interrupts that are used, by the names that `cortex_m_rt::interrupt` looks for.
#[derive(Clone, Copy)]
pub enum Interrupt {
    /// The first timer.
    TIMER0A = 19,
    /// The second.
    TIMER1A = 21,
}

// SAFETY:
// * The numbers are those of the board's table of interrupts, one each.
unsafe impl cortex_m::interrupt::InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

/// More and less urgent; the main loop comes after both.
pub const URGENT: Timer = Timer { base: 0x4003_0000, interrupt: Interrupt::TIMER0A };
pub const LESS_URGENT: Timer = Timer { base: 0x4003_1000, interrupt: Interrupt::TIMER1A };

impl Timer {
    /// Interrupts every so many microseconds from now on.
    pub fn start(self, nvic: &mut NVIC, priority: u8, period: u32) {
        write(SYSCTL_RCGC1, read(SYSCTL_RCGC1) | 3 << 16);
        write(self.base + 0x0c, 0);
        // One timer of 32 bits, again and again.
        write(self.base, 0);
        write(self.base + 0x04, 2);
        write(self.base + 0x28, period * (TICKS / 1_000_000) + period / 2);
        write(self.base + 0x18, 1);
        // SAFETY:
        // * The handlers touch nothing but statics that are made for it.
        // * No code relies on this interrupt being masked.
        unsafe {
            nvic.set_priority(self.interrupt, priority);
            NVIC::unmask(self.interrupt);
        }
        write(self.base + 0x0c, 1);
    }

    /// Ends the interrupt that is being served.
    #[inline]
    pub fn clear(self) {
        write(self.base + 0x24, 1);
    }

    /// No more of its interrupts.
    pub fn stop(self) {
        write(self.base + 0x0c, 0);
        NVIC::mask(self.interrupt);
    }
}

/// The table of the board's own interrupts, which cortex-m-rt puts behind the processor's.
pub union Vector {
    handler: unsafe extern "C" fn(),
    reserved: u32,
}

unsafe extern "C" {
    fn TIMER0A();
    fn TIMER1A();
}

#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
pub static __INTERRUPTS: [Vector; 22] = {
    let mut vectors = [const { Vector { reserved: 0 } }; 22];
    vectors[Interrupt::TIMER0A as usize] = Vector { handler: TIMER0A };
    vectors[Interrupt::TIMER1A as usize] = Vector { handler: TIMER1A };
    vectors
};

/// What was said on QEMU's command line, behind `arg=`.
pub fn command_line(buffer: &mut [u8; 128]) -> &str {
    let mut block = [buffer.as_mut_ptr() as usize, buffer.len()];
    // SAFETY:
    // * The block is what this call is documented to take: a buffer and its length, which it replaces by the text's.
    // * Buffer and block live until it returns.
    let failed = unsafe { cortex_m_semihosting::syscall1(nr::GET_CMDLINE, block.as_mut_ptr() as usize) };
    let length = if failed == 0 { block[1] } else { 0 };
    core::str::from_utf8(buffer.get(..length).unwrap_or(&[])).unwrap_or("")
}

/// Writes a line to QEMU's standard output.
pub fn say(words: core::fmt::Arguments<'_>) {
    if let Ok(mut out) = hio::hstdout() {
        let _ = core::fmt::Write::write_fmt(&mut out, words);
        let _ = out.write_all(b"\n");
    }
}

/// Ends QEMU.
pub fn exit(success: bool) -> ! {
    use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
    debug::exit(if success { EXIT_SUCCESS } else { EXIT_FAILURE });
    loop {
        cortex_m::asm::wfi();
    }
}
