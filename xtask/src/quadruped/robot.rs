//! The robot: where its joints, body and battery are. Light on physics, but nothing jumps
//! that could not, and what is derived from something else really is.

use super::records::{Command, Gait, Imu, Mode, Power, Servo, Servos, State};
use super::rng::Rng;
use super::trig::{TAU, cos_turns, sin_cos, sin_turns};
use tlog::{DurationMicros, Micros};

/// Seconds between two steps of the simulation.
pub const STEP: f64 = 0.005;

const GRAVITY: f64 = 9.806_65;
const MASS_KG: f64 = 11.5;
const STEPS_PER_SECOND: f64 = 2.0;
/// The part of a step during which a foot stands.
const STANCE: f64 = 0.6;
const DEGREES: f64 = 360.0 / TAU;
/// The servo that gets too hot for a while.
const HOT_SERVO: usize = 7;

/// The angles of abduction, hip and knee while the robot sits, in radians.
const SITTING: [f64; 3] = [0.0, 1.3, -2.6];

/// A joint and its motor.
#[derive(Clone, Copy, Default)]
struct Joint {
    angle: f64,
    velocity: f64,
    torque: f64,
    celsius: f64,
}

#[derive(Clone, Copy)]
struct Foot {
    /// Whether it carries load.
    stands: bool,
    /// Since when it stands or swings, in seconds from the start.
    since: f64,
}

/// A foot that has just touched or left the ground.
pub struct Placed {
    pub leg: usize,
    /// It touched it.
    pub stands: bool,
    /// How long it swung or stood before, in seconds.
    pub lasted: f64,
}

/// Everything that moves.
pub struct Robot {
    rng: Rng,
    joints: [Joint; 12],
    feet: [Foot; 4],
    /// Roll, pitch and yaw in radians, and how fast each changes.
    angles: [f64; 3],
    rates: [f64; 3],
    position: [f64; 2],
    speed: f64,
    acceleration: f64,
    /// Steps since the start of the trot.
    phase: f64,
    /// From 0, sitting, to 1, standing.
    height: f64,
    jolt: f64,
    energy_j: f64,
    amperes: f64,
    samples: u32,
}

/// What the robot is to do at some moment.
#[derive(Clone, Copy)]
pub struct Plan {
    pub gait: Gait,
    pub command: Option<Command>,
    /// A servo has a fault.
    pub fault: bool,
}

impl Robot {
    pub fn new(seed: u64) -> Self {
        let sitting = std::array::from_fn(|at| Joint { angle: SITTING[at % 3], celsius: 24.0, ..Joint::default() });
        Self {
            rng: Rng::new(seed),
            joints: sitting,
            feet: [Foot { stands: true, since: 0.0 }; 4],
            angles: [0.0; 3],
            rates: [0.0; 3],
            position: [0.0; 2],
            speed: 0.0,
            acceleration: 0.0,
            phase: 0.0,
            height: 0.0,
            jolt: 0.0,
            energy_j: 0.0,
            amperes: 0.0,
            samples: 0,
        }
    }

    /// Moves everything by one step; which feet changed what they do.
    pub fn advance(&mut self, now: f64, plan: Plan) -> Vec<Placed> {
        let goal = if plan.gait == Gait::Sit { 0.0 } else { 1.0 };
        self.height += (goal - self.height) * STEP / 0.3;
        if plan.gait == Gait::Trot {
            self.phase += STEPS_PER_SECOND * STEP;
        }
        self.move_body(plan);
        self.move_joints(plan.gait);
        self.draw_power();
        self.jolt *= 0.9;
        self.place_feet(now, plan.gait)
    }

    /// How far a leg is in its step: the legs across each other move together.
    fn leg_phase(&self, leg: usize) -> f64 {
        let phase = if leg == 0 || leg == 3 { self.phase } else { self.phase + 0.5 };
        phase - phase.floor()
    }

    fn move_body(&mut self, plan: Plan) {
        let (forward, turn) = plan.command.map_or((0.0, 0.0), |c| (f64::from(c.forward_mps), f64::from(c.turn_dps)));
        let trots = plan.gait == Gait::Trot;
        let before = self.speed;
        self.speed += (if trots { forward } else { 0.0 } - self.speed) * STEP / 0.4;
        self.acceleration = (self.speed - before) / STEP;
        let sway = self.speed * self.height;
        let roll = 0.035 * sway * sin_turns(self.phase) + 0.002 * self.jolt;
        let pitch = 0.02 * sway * sin_turns(2.0 * self.phase) - 0.01 * self.acceleration;
        let yaw = self.angles[2] + if trots { turn / DEGREES * STEP } else { 0.0 };
        self.rates = [roll - self.angles[0], pitch - self.angles[1], yaw - self.angles[2]].map(|change| change / STEP);
        self.angles = [roll, pitch, yaw];
        let (sin, cos) = sin_cos(yaw);
        self.position[0] += self.speed * cos * STEP;
        self.position[1] += self.speed * sin * STEP;
    }

    fn move_joints(&mut self, gait: Gait) {
        let load = MASS_KG * GRAVITY / self.feet.iter().filter(|foot| foot.stands).count().max(1) as f64;
        for leg in 0..4 {
            let phase = self.leg_phase(leg);
            let trots = if gait == Gait::Trot { self.height } else { 0.0 };
            let swing = ((phase - STANCE) / (1.0 - STANCE)).max(0.0);
            let lift = trots * sin_turns(swing / 2.0);
            let stride = trots * (0.08 + 0.22 * self.speed) * cos_turns(phase);
            let angles = [
                SITTING[0] + 0.04 * trots * sin_turns(phase),
                SITTING[1] - 0.6 * self.height + stride,
                SITTING[2] + 1.2 * self.height - 0.4 * lift,
            ];
            let carried = if self.feet[leg].stands { load } else { 0.0 };
            for (part, angle) in angles.into_iter().enumerate() {
                self.move_joint(3 * leg + part, angle, carried * [0.012, 0.055, 0.09][part]);
            }
        }
    }

    fn move_joint(&mut self, at: usize, angle: f64, holding: f64) {
        let noise = self.rng.noise(0.03);
        let joint = &mut self.joints[at];
        joint.velocity = (angle - joint.angle) / STEP;
        joint.angle = angle;
        joint.torque = holding + 0.08 * joint.velocity + noise;
        let heating = if at == HOT_SERVO { 1.6 } else { 0.08 };
        joint.celsius += (heating * joint.torque * joint.torque - 0.02 * (joint.celsius - 24.0)) * STEP;
    }

    fn draw_power(&mut self) {
        let watts: f64 =
            self.joints.iter().map(|joint| (joint.torque * joint.velocity).abs() + 0.4 * joint.torque.abs()).sum();
        self.amperes = 1.2 + watts / 24.0;
        self.energy_j += (watts + 29.0) * STEP;
    }

    fn place_feet(&mut self, now: f64, gait: Gait) -> Vec<Placed> {
        let mut placed = Vec::new();
        for leg in 0..4 {
            let stands = gait != Gait::Trot || self.leg_phase(leg) < STANCE;
            let foot = &mut self.feet[leg];
            if stands != foot.stands {
                placed.push(Placed { leg, stands, lasted: now - foot.since });
                *foot = Foot { stands, since: now };
                self.jolt += if stands { 1.5 } else { 0.0 };
            }
        }
        placed
    }

    /// A foot slides: the body feels it.
    pub const fn slip(&mut self) {
        self.jolt += 6.0;
    }

    pub fn servo_celsius(&self) -> f64 {
        self.joints[HOT_SERVO].celsius
    }

    pub fn foot_position(&self, leg: usize) -> [f32; 2] {
        let (sin, cos) = sin_cos(self.angles[2]);
        let ahead = if leg < 2 { 0.21 } else { -0.21 };
        let aside = if leg.is_multiple_of(2) { 0.14 } else { -0.14 };
        let [x, y] = self.position;
        [x + ahead * cos - aside * sin, y + ahead * sin + aside * cos].map(|metres| metres as f32)
    }

    pub fn imu(&mut self, sampled: Micros) -> Imu {
        let [roll, pitch, yaw] = self.angles;
        self.samples += 1;
        let felt = [self.acceleration - GRAVITY * pitch, GRAVITY * roll, GRAVITY + self.jolt];
        Imu {
            sampled,
            sequence: self.samples,
            gyro_dps: self.rates.map(|rate| (rate * DEGREES + self.rng.noise(0.25)) as f32),
            accel_mps2: felt.map(|force| (force + self.rng.noise(0.08)) as f32),
            attitude: quaternion(roll, pitch, yaw),
            temperature: (31.5 + self.energy_j / 4000.0) as f32,
        }
    }

    pub fn servos(&mut self, plan: Plan) -> Servos {
        let mut servos =
            [Servo { id: 0, mode: Mode::Position, position: 0.0, velocity: 0.0, torque: 0.0, temperature: 0 }; 12];
        for (at, (servo, joint)) in servos.iter_mut().zip(&self.joints).enumerate() {
            servo.id = at as u8 + 1;
            servo.mode = match plan.gait {
                _ if plan.fault && at == HOT_SERVO => Mode::Fault,
                Gait::Sit if self.height < 0.02 => Mode::Stopped,
                _ => Mode::Position,
            };
            servo.position = joint.angle as f32;
            servo.velocity = joint.velocity as f32;
            servo.torque = joint.torque as f32;
            servo.temperature = (joint.celsius * 10.0) as i16;
        }
        Servos { servos, cycle: DurationMicros(3_100 + (self.rng.unit() * 400.0) as i64) }
    }

    pub fn state(&self, plan: Plan) -> State {
        let (sin, cos) = sin_cos(self.angles[2]);
        let contacts = self.feet.iter().rev().fold(0, |bits, foot| bits << 1 | u8::from(foot.stands));
        State {
            gait: plan.gait,
            position: [self.position[0], self.position[1], 0.11 + 0.17 * self.height],
            velocity: [self.speed * cos, self.speed * sin, 0.0].map(|speed| speed as f32),
            command: plan.command,
            contacts,
        }
    }

    pub fn power(&mut self) -> Power {
        let volts = 25.1 - 0.035 * self.amperes - self.energy_j / 90_000.0;
        let cell = |rng: &mut Rng| (volts / 6.0 * 1000.0 + rng.noise(2.0)) as u16;
        let cells_mv = std::array::from_fn(|_| cell(&mut self.rng));
        Power {
            volts: volts as f32,
            amperes: self.amperes as f32,
            energy_j: self.energy_j,
            cells_mv,
            low: volts < 24.0,
        }
    }

    /// Metres to the east and north of the start, with a receiver's noise.
    pub fn gps_offset(&mut self) -> [f64; 2] {
        self.position.map(|metres| metres + self.rng.noise(0.4))
    }
}

/// w, x, y, z of a rotation by yaw, then pitch, then roll.
fn quaternion(roll: f64, pitch: f64, yaw: f64) -> [f32; 4] {
    let [(sr, cr), (sp, cp), (sy, cy)] = [roll, pitch, yaw].map(|angle| sin_cos(angle / 2.0));
    [cr * cp * cy + sr * sp * sy, sr * cp * cy - cr * sp * sy, cr * sp * cy + sr * cp * sy, cr * cp * sy - sr * sp * cy]
        .map(|part| part as f32)
}
