//! The least program that logs by the shared ring: for its size, and for what is linked into it.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use cortex_m_rt::entry;
use firmware_writer::card::{Config, Mark, Writer};
use firmware_writer::drain::OWN_KINDS;
use firmware_writer::ring::{DropNewest, Filter, Shared};
use lm3s6965evb::board::{self, Clock};
use lm3s6965evb::records::KINDS;
use lm3s6965evb::size::{Nowhere, exercise, sample};

const N: usize = KINDS.len();

static RING: Shared<16, 512, N, DropNewest, Clock> = Shared::new(Clock);

#[entry]
fn main() -> ! {
    exercise(&mut Nowhere);
    let (mut batch, mut marks) = ([0; 16 * 512], [Mark::NONE; N + OWN_KINDS]);
    let Ok(mut writer) = Writer::new(Nowhere, &Config::DEFAULT, &KINDS, &mut batch, &mut marks) else { loop {} };
    let Some(mut source) = RING.reader(Filter::ALL) else { loop {} };
    loop {
        RING.log(&sample());
        writer.poll(&mut source, board::now());
        let _ = writer.flush(&mut source, board::now());
        let _ = writer.close(&mut source, board::now());
    }
}

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    loop {}
}
