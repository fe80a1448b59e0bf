//! What is logged. Each record begins with how many its producer has logged before, dropped ones included.

use tlog::Record;

/// From the more urgent interrupt, a thousand times a second: 16 bytes.
#[derive(Record, Clone, Copy)]
#[tlog(plain)]
#[repr(C)]
pub struct Imu {
    pub count: u32,
    pub accel: [i16; 3],
    pub gyro: [i16; 3],
}

impl Imu {
    /// The next one, with something in it that depends on which it is.
    pub fn next(count: u32) -> Self {
        let low = count as i16;
        Self { count, accel: [low, low.wrapping_mul(3), low.wrapping_mul(7)], gyro: [!low, low.wrapping_mul(11), 5] }
    }
}

/// From the less urgent interrupt: 8 bytes.
#[derive(Record, Clone, Copy)]
#[tlog(plain)]
#[repr(C)]
pub struct Baro {
    pub count: u32,
    pub pascal: f32,
}

/// From the main loop: 40 bytes.
#[derive(Record, Clone, Copy)]
#[tlog(plain)]
#[repr(C)]
pub struct Status {
    pub count: u32,
    pub dropped: u32,
    pub waiting: [u32; 8],
}

firmware_writer::kinds! {
    /// The kinds of this firmware.
    pub static KINDS = [Imu, Baro, Status];
}
