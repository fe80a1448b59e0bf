//! As large as a program is without a log: what `size-lane` and `size-shared` have more is what the log takes.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use cortex_m_rt::entry;
use lm3s6965evb::size::{Nowhere, exercise};

#[entry]
fn main() -> ! {
    let mut card = Nowhere;
    loop {
        exercise(&mut card);
    }
}

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    loop {}
}
