//! The least program that logs by two lanes: for its size, and for what is linked into it.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use cortex_m_rt::entry;
use firmware_writer::card::{Config, Mark, Writer};
use firmware_writer::drain::OWN_KINDS;
use firmware_writer::ring::{DropNewest, Filter, Lane, Merged};
use lm3s6965evb::board::{self, Clock};
use lm3s6965evb::records::KINDS;
use lm3s6965evb::size::{Nowhere, exercise, sample};

const N: usize = KINDS.len();

static FAST: Lane<4_096, N, DropNewest, Clock> = Lane::new(Clock);
static SLOW: Lane<4_096, N, DropNewest, Clock> = Lane::new(Clock);

#[entry]
fn main() -> ! {
    exercise(&mut Nowhere);
    let (mut batch, mut marks) = ([0; 16 * 512], [Mark::NONE; N + OWN_KINDS]);
    let Ok(mut writer) = Writer::new(Nowhere, &Config::DEFAULT, &KINDS, &mut batch, &mut marks) else { loop {} };
    let (Some(mut first), Some(mut second)) = (FAST.producer(), SLOW.producer()) else { loop {} };
    let (Some(fast), Some(slow)) = (FAST.reader(Filter::ALL), SLOW.reader(Filter::ALL)) else { loop {} };
    let mut source = Merged::new([fast, slow]);
    loop {
        first.log(&sample());
        second.log(&sample());
        writer.poll(&mut source, board::now());
        let _ = writer.flush(&mut source, board::now());
        let _ = writer.close(&mut source, board::now());
    }
}

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    loop {}
}
