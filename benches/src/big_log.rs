//! The big log: 900,000 records of about 160 bytes as a quadruped would log them in a quarter
//! of an hour, the same on every machine.

use tlog::schema::Schema;
use tlog::write::{Writer, WriterOptions};
use tlog::{Micros, Record};

/// How many records the benchmarks use.
pub const RECORDS: usize = 900_000;

/// When the first record was recorded.
const START: Micros = Micros(1_750_000_000_000_000);

/// Microseconds between two records.
const STEP: i64 = 1_000;

/// Orientation and raw sensors.
#[derive(Record)]
#[repr(C)]
struct Imu {
    seq: u64,
    position: [f64; 3],
    quaternion: [f32; 4],
    accel: [f32; 3],
    gyro: [f32; 3],
    mag: [f32; 3],
    gyro_bias: [f32; 3],
    variance: [f32; 6],
    temperature: f32,
    pressure: f32,
    status: u32,
}

/// All joints of one leg pair.
#[derive(Record)]
#[repr(C)]
struct Joints {
    cycle: u32,
    bus_errors: u32,
    joints: [Joint; 6],
    supply: [f32; 3],
}

/// One joint.
#[derive(Record)]
#[repr(C)]
struct Joint {
    position: f32,
    velocity: f32,
    torque: f32,
    temperature: i16,
    mode: u8,
    fault: u8,
    current: f32,
}

/// Power, counters and states: integers of all widths.
#[derive(Record)]
#[repr(C)]
struct Power {
    uptime_us: u64,
    energy_uj: u64,
    packets: [u32; 8],
    cell_mv: [u16; 12],
    loop_us: [u32; 8],
    current_ma: [i32; 4],
    temperatures: [i16; 6],
    load: [u8; 4],
    armed: u32,
    state: u32,
}

/// How many payloads differ; they come round again. A control loop logs values that it has just
/// computed, so they lie in the cache when they are logged.
const DISTINCT: usize = 4_000;

/// Which record follows which; [`DISTINCT`] is a multiple of its length.
const KINDS: [usize; 5] = [0, 1, 0, 1, 2];

/// What is to be logged: payloads end to end.
pub struct Payloads {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Payloads {
    /// The first `count` payloads of the big log.
    pub fn generate(count: usize) -> Self {
        let mut payloads = Self { bytes: Vec::new(), ends: Vec::new(), count };
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for i in 0..DISTINCT {
            match KINDS[i % KINDS.len()] {
                0 => payloads.bytes.extend(random.imu(i as u64).to_payload()),
                1 => payloads.bytes.extend(random.joints(i as u32).to_payload()),
                _ => payloads.bytes.extend(random.power(i as u64).to_payload()),
            }
            payloads.ends.push(payloads.bytes.len());
        }
        payloads
    }

    /// Each payload with its place in [`names`] and its time.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Micros, &[u8])> {
        let mut start = 0;
        (0..self.count).map(move |i| {
            let end = self.ends[i % DISTINCT];
            let payload = &self.bytes[if i % DISTINCT == 0 { 0 } else { start }..end];
            start = end;
            (KINDS[i % KINDS.len()], Micros(START.0 + i as i64 * STEP), payload)
        })
    }

    /// The bytes of all payloads, in all.
    pub fn total_len(&self) -> usize {
        self.iter().map(|(.., payload)| payload.len()).sum()
    }

    /// Logs all payloads into `sink`, which is given back.
    ///
    /// # Panics
    /// When the sink fails: the benchmarks write into memory.
    pub fn log<W: std::io::Write>(&self, options: &WriterOptions, sink: W) -> W {
        let mut log: Writer<W> = options.open(sink);
        let ids = schemas().map(|(name, schema)| log.declare(name, &schema).expect("a schema of this module"));
        for (kind, time, payload) in self.iter() {
            log.write(ids[kind], time, payload).expect("memory does not fail");
        }
        log.finish().expect("memory does not fail")
    }
}

/// The big log with checksums and markers, not compressed, as the read benchmarks want it.
pub fn log() -> Vec<u8> {
    Payloads::generate(RECORDS).log(&WriterOptions::new().compression(false), Vec::new())
}

/// The names of the records.
pub const fn names() -> [&'static str; 3] {
    [Imu::NAME, Joints::NAME, Power::NAME]
}

/// Names and schemas of the records.
///
/// # Panics
/// Never: the schemas are those of this module.
pub fn schemas() -> [(&'static str, Schema); 3] {
    let schema = |schema: Result<Schema, _>| schema.expect("a schema of this module");
    [
        (Imu::NAME, schema(Schema::of::<Imu>())),
        (Joints::NAME, schema(Schema::of::<Joints>())),
        (Power::NAME, schema(Schema::of::<Power>())),
    ]
}

/// A generator of numbers that look measured.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Around `center`, at most `spread` away, with all digits that an f32 has.
    fn near(&mut self, center: f32, spread: f32) -> f32 {
        center + spread * ((self.bits() >> 40) as f32 / (1 << 23) as f32 - 1.0)
    }

    fn array<const N: usize>(&mut self, center: f32, spread: f32) -> [f32; N] {
        std::array::from_fn(|_| self.near(center, spread))
    }

    fn below<const N: usize>(&mut self, limit: u64) -> [u32; N] {
        std::array::from_fn(|_| (self.bits() % limit) as u32)
    }

    fn imu(&mut self, seq: u64) -> Imu {
        Imu {
            seq,
            position: std::array::from_fn(|_| f64::from(self.near(10.0, 5.0))),
            quaternion: self.array(0.0, 1.0),
            accel: self.array(0.0, 20.0),
            gyro: self.array(0.0, 3.0),
            mag: self.array(0.3, 0.2),
            gyro_bias: self.array(0.0, 0.01),
            variance: self.array(0.001, 0.001),
            temperature: self.near(40.0, 5.0),
            pressure: self.near(1013.0, 10.0),
            status: (seq % 4) as u32,
        }
    }

    fn joint(&mut self) -> Joint {
        Joint {
            position: self.near(0.0, 1.5),
            velocity: self.near(0.0, 10.0),
            torque: self.near(0.0, 20.0),
            temperature: 300 + (self.bits() % 200) as i16,
            mode: 10,
            fault: 0,
            current: self.near(0.0, 30.0),
        }
    }

    fn joints(&mut self, cycle: u32) -> Joints {
        Joints { cycle, bus_errors: 0, joints: std::array::from_fn(|_| self.joint()), supply: self.array(24.0, 1.0) }
    }

    fn power(&mut self, i: u64) -> Power {
        Power {
            uptime_us: i * 1_000,
            energy_uj: i * 12_345,
            packets: self.below(1_000_000),
            cell_mv: self.below(4_200).map(|mv: u32| mv as u16),
            loop_us: self.below(2_000),
            current_ma: self.below(20_000).map(|ma: u32| ma as i32 - 10_000),
            temperatures: self.below(900).map(|tenth: u32| tenth as i16),
            load: self.below(100).map(|percent: u32| percent as u8),
            armed: 1,
            state: 7,
        }
    }
}
