//! Only what logs, by a lane and by the shared ring: nothing that panics may be linked into it.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use cortex_m_rt::entry;
use firmware_writer::ring::{DropNewest, Lane, Shared};
use lm3s6965evb::board::{Clock, ticks};
use lm3s6965evb::records::{Imu, KINDS};

const N: usize = KINDS.len();

static LANE: Lane<4_096, N, DropNewest, Clock> = Lane::new(Clock);
static RING: Shared<16, 512, N, DropNewest, Clock> = Shared::new(Clock);

#[entry]
fn main() -> ! {
    let mut producer = LANE.producer();
    loop {
        let imu = Imu::next(ticks());
        if let Some(producer) = &mut producer {
            producer.log(&imu);
        }
        RING.log(&imu);
    }
}

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    loop {}
}
