//! Firmware for QEMU's board `lm3s6965evb`: two interrupts of different priority and the main loop log to an SD card.
//!
//! ```text
//!  timer 0 (urgent), 1 kHz ──► lane ─┐
//!  timer 1, 100 Hz ──────────► lane ─┼─► Merged ─► Writer ─► SdSpi ─► PL022          ring=lane
//!  main loop, 50 Hz ─────────► lane ─┘
//!  all three ──► one Shared ring ────────► Writer …                                  ring=shared
//! ```
//!
//! Words on QEMU's command line: `ring=lane|shared`, `for=MILLISECONDS` (0: until the power goes), `after=MILLISECONDS`
//! (and no longer than that when it went on after trouble), `full=stop|recycle`, and `mode=bench`, which counts instructions instead. See `cargo xtask firmware`.
#![no_std]
#![no_main]

mod bench;
mod log;

use core::panic::PanicInfo;

use cortex_m_rt::entry;
use firmware_writer::device::SECTOR;
use lm3s6965evb::board::{self, say};

#[entry]
fn main() -> ! {
    // Not on the stack, of which there is little.
    static mut BATCH: [u8; log::BATCH * SECTOR] = [0; log::BATCH * SECTOR];
    let Some(mut core) = cortex_m::Peripherals::take() else { board::exit(false) };
    let mut buffer = [0; 128];
    let words = Words(board::command_line(&mut buffer));
    board::start_clock(&mut core.SYST, &mut core.SCB);
    let success = match words.get("mode") {
        Some("bench") => bench::run(),
        _ => log::run(&mut core.NVIC, &words, BATCH),
    };
    board::exit(success)
}

/// What was said on the command line: words of the form `key=value`.
pub struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    /// What a key was given.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.0.split(' ').filter_map(|word| word.split_once('=')).find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// A number that a key was given, or another.
    pub fn number(&self, key: &str, otherwise: u32) -> u32 {
        self.get(key).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
    }
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    say(format_args!("panicked: {info}"));
    board::exit(false)
}
