//! What the robot logs. Between them the records have most of what the format has.

use std::collections::BTreeMap;

use tlog::{DurationMicros, Micros, Record};

/// The inertial sensor in the body, 100 a second.
#[derive(Record)]
pub struct Imu {
    pub sampled: Micros,
    pub sequence: u32,
    pub gyro_dps: [f32; 3],
    pub accel_mps2: [f32; 3],
    /// w, x, y, z.
    pub attitude: [f32; 4],
    #[tlog(alias = "temperature_c")]
    pub temperature: f32,
}

/// What a servo is told to do.
#[derive(Clone, Copy, PartialEq, Eq, Record)]
#[repr(u8)]
pub enum Mode {
    Stopped = 0,
    Fault = 1,
    Position = 10,
}

/// One of the twelve joints.
#[derive(Clone, Copy, Record)]
pub struct Servo {
    pub id: u8,
    pub mode: Mode,
    pub position: f32,
    pub velocity: f32,
    pub torque: f32,
    /// In tenths of a degree.
    #[tlog(default = 250)]
    pub temperature: i16,
}

/// All joints at once, 50 times a second.
#[derive(Record)]
#[tlog(name = "servo")]
pub struct Servos {
    pub servos: [Servo; 12],
    /// How long the bus took to ask them all.
    pub cycle: DurationMicros,
}

/// How the robot moves.
#[derive(Clone, Copy, PartialEq, Eq, Record)]
#[repr(u8)]
pub enum Gait {
    Sit,
    Stand,
    Trot,
}

/// What the operator asks for.
#[derive(Clone, Copy, Record)]
pub struct Command {
    pub forward_mps: f32,
    pub turn_dps: f32,
}

/// The body as the robot believes it to be, 25 times a second.
#[derive(Record)]
pub struct State {
    pub gait: Gait,
    pub position: [f64; 3],
    pub velocity: [f32; 3],
    /// None while nobody steers.
    pub command: Option<Command>,
    /// Which feet carry load: bit 0 is the front left one.
    pub contacts: u8,
}

/// Battery and consumption, 10 times a second.
#[derive(Record)]
pub struct Power {
    pub volts: f32,
    pub amperes: f32,
    pub energy_j: f64,
    pub cells_mv: [u16; 6],
    #[tlog(default = false)]
    pub low: bool,
}

/// What a foot did.
#[derive(Clone, Copy, PartialEq, Eq, Record)]
#[repr(u8)]
pub enum Contact {
    TouchDown,
    LiftOff,
}

/// A foot that touched or left the ground.
#[derive(Record)]
pub struct Footstep {
    pub leg: u8,
    pub contact: Contact,
    pub position: [f32; 2],
    /// How long it stood or swung before.
    pub lasted: DurationMicros,
    /// How far it slid, if it did.
    pub slip_m: Option<f32>,
}

/// How good a position fix is.
#[derive(Clone, Copy, PartialEq, Eq, Record)]
pub enum Fix {
    None = 0,
    Flat = 2,
    Full = 3,
}

/// The satellite receiver, 5 times a second.
#[derive(Record)]
pub struct Gps {
    /// By the receiver's clock, which is a little off the robot's.
    pub utc: Micros,
    pub fix: Fix,
    #[tlog(varint)]
    pub satellites: u32,
    pub latitude: f64,
    pub longitude: f64,
    /// Metres; NaN without a fix.
    pub altitude: f32,
    pub accuracy_m: Option<f32>,
}

/// How much a message matters.
#[derive(Clone, Copy, PartialEq, Eq, Record)]
#[repr(u8)]
pub enum Level {
    Info,
    Warning,
    Error,
}

/// A message for people.
#[derive(Record)]
#[tlog(name = "log", encode_only)]
pub struct Message<'a> {
    pub level: Level,
    pub source: &'a str,
    pub text: &'a str,
}

/// How the run was set up, once at its start.
#[derive(Record)]
pub struct Setup {
    pub robot: String,
    pub started: Micros,
    #[tlog(bytes)]
    pub firmware: Vec<u8>,
    pub joints: Vec<String>,
    // Last, because the reference's JSON misreads what follows a map.
    pub gains: BTreeMap<String, f64>,
}
