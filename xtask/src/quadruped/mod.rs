//! A simulated run of a quadruped: 14 seconds in which it gets up, trots, slips, overheats a
//! servo, loses its satellites for a while, stops and sits down.
//!
//! `cargo xtask generate` writes it to `testdata/quadruped.tlog`. The same code gives the same bytes
//! everywhere: only additions, multiplications and divisions of floats, which all machines round
//! alike, and a sine of its own, since those of the systems differ in the last bits. A test
//! compares them with the file.

mod records;
pub mod rng;
mod robot;
mod trig;

use std::collections::BTreeMap;

use tlog::schema::{Enum, Field, IntegerType, Object, Schema, Symbol, Type, Width};
use tlog::value::put_varuint;
use tlog::write::Handle;
use tlog::{DurationMicros, Micros, RecordId, Result, Writer};

use records::{Command, Contact, Fix, Footstep, Gait, Gps, Imu, Level, Message, Power, Servos, Setup, State};
use robot::{Placed, Plan, Robot, STEP};

/// When the run starts: 2026-03-14T09:26:53.589793Z.
const START: Micros = Micros(1_773_480_413_589_793);

/// How long it is, in steps of the simulation.
const STEPS: u32 = 2_800;

/// When a foot slips, in steps.
const SLIP: u32 = 1_281;

/// The log.
///
/// # Errors
/// None that memory does not give.
pub fn log() -> Result<Vec<u8>> {
    let mut run = Run::start()?;
    for step in 0..STEPS {
        run.step(step)?;
    }
    run.say(STEPS, Level::Info, "app", "run complete")?;
    run.log.finish()
}

/// The run so far.
struct Run {
    log: Writer<Vec<u8>>,
    robot: Robot,
    records: Records,
    plan: Plan,
    slipped: bool,
}

struct Records {
    imu: Handle<Imu>,
    servos: Handle<Servos>,
    state: Handle<State>,
    power: Handle<Power>,
    footstep: Handle<Footstep>,
    gps: Handle<Gps>,
    message: Handle<Message<'static>>,
    event: RecordId,
}

impl Run {
    fn start() -> Result<Self> {
        let mut log = Writer::new(Vec::new());
        let setup = log.record::<Setup>()?;
        let records = Records {
            imu: log.record()?,
            servos: log.record()?,
            state: log.record()?,
            power: log.record()?,
            footstep: log.record()?,
            gps: log.record()?,
            message: log.record()?,
            event: log.declare("event", &event_schema()?)?,
        };
        log.log(setup, START, &setup_of_the_run())?;
        Ok(Self { log, robot: Robot::new(2026), records, plan: plan_at(0.0), slipped: false })
    }

    fn step(&mut self, step: u32) -> Result<()> {
        let now = f64::from(step) * STEP;
        let plan = plan_at(now);
        if plan.gait != self.plan.gait {
            self.gait_event(step, self.plan.gait, plan.gait)?;
        }
        if plan.fault != self.plan.fault {
            self.servo_event(step, plan.fault)?;
        }
        self.plan = plan;
        if step == SLIP {
            self.robot.slip();
            self.slipped = true;
        }
        for placed in self.robot.advance(now, plan) {
            self.footstep(step, &placed)?;
        }
        self.sample(step)
    }

    /// What is logged at a fixed rate.
    fn sample(&mut self, step: u32) -> Result<()> {
        let (time, plan) = (time_of(step), self.plan);
        if step.is_multiple_of(2) {
            // The sample is a little older than the record of it.
            let imu = self.robot.imu(Micros(time.0 - 420));
            self.log.log(self.records.imu, time, &imu)?;
        }
        if step.is_multiple_of(4) {
            self.log.log(self.records.servos, time, &self.robot.servos(plan))?;
        }
        if step.is_multiple_of(8) {
            self.log.log(self.records.state, time, &self.robot.state(plan))?;
        }
        if step.is_multiple_of(20) {
            self.log.log(self.records.power, time, &self.robot.power())?;
        }
        if step.is_multiple_of(40) {
            self.gps(step)?;
        }
        Ok(())
    }

    fn gps(&mut self, step: u32) -> Result<()> {
        let time = time_of(step);
        let [east, north] = self.robot.gps_offset();
        let lost = (1_200..1_500).contains(&step);
        let gps = Gps {
            utc: Micros(time.0 - 71_250),
            fix: if lost {
                Fix::None
            } else if step < 120 {
                Fix::Flat
            } else {
                Fix::Full
            },
            satellites: if lost { 2 } else { 9 + step % 3 },
            latitude: 47.376_887 + north / 111_194.0,
            longitude: 8.541_694 + east / 75_290.0,
            altitude: if lost { f32::NAN } else { 408.5 },
            accuracy_m: (!lost).then_some(1.25),
        };
        self.log.log(self.records.gps, time, &gps)
    }

    fn footstep(&mut self, step: u32, placed: &Placed) -> Result<()> {
        let slips = placed.stands && std::mem::take(&mut self.slipped);
        let footstep = Footstep {
            leg: placed.leg as u8,
            contact: if placed.stands { Contact::TouchDown } else { Contact::LiftOff },
            position: self.robot.foot_position(placed.leg),
            lasted: DurationMicros((placed.lasted * 1e6) as i64),
            slip_m: slips.then_some(0.064),
        };
        self.log.log(self.records.footstep, time_of(step), &footstep)?;
        match slips {
            true => self.say(step, Level::Warning, "gait", "a foot slid 6 cm: \"wet grass?\""),
            false => Ok(()),
        }
    }

    fn gait_event(&mut self, step: u32, from: Gait, to: Gait) -> Result<()> {
        let mut payload = event("gait", 1);
        payload.extend([from as u8, to as u8]);
        self.log.write(self.records.event, time_of(step), &payload)
    }

    fn servo_event(&mut self, step: u32, fault: bool) -> Result<()> {
        let celsius = self.robot.servo_celsius() as f32;
        let text = format!("servo 8 at {celsius:.1} °C");
        let mut payload = event("servo", if fault { 2 } else { 0 });
        if fault {
            payload.extend(celsius.to_le_bytes());
        }
        self.log.write(self.records.event, time_of(step), &payload)?;
        self.say(step, if fault { Level::Error } else { Level::Info }, "servo", &text)
    }

    fn say(&mut self, step: u32, level: Level, source: &str, text: &str) -> Result<()> {
        self.log.log(self.records.message, time_of(step), &Message { level, source, text })
    }
}

/// Steps come a few microseconds early or late, always the same.
fn time_of(step: u32) -> Micros {
    Micros(START.0 + i64::from(step) * 5_000 + i64::from(step.wrapping_mul(2_654_435_761) >> 25))
}

fn plan_at(now: f64) -> Plan {
    let command = |forward_mps, turn_dps| Some(Command { forward_mps, turn_dps });
    let (gait, command) = match now {
        t if t < 0.5 => (Gait::Sit, None),
        t if t < 2.0 => (Gait::Stand, command(0.0, 0.0)),
        t if t < 5.0 => (Gait::Trot, command(0.4, 0.0)),
        t if t < 8.0 => (Gait::Trot, command(0.8, 17.5)),
        t if t < 11.0 => (Gait::Trot, command(0.3, -30.0)),
        t if t < 12.0 => (Gait::Stand, command(0.0, 0.0)),
        _ => (Gait::Sit, None),
    };
    Plan { gait, command, fault: (9.0..9.35).contains(&now) }
}

fn setup_of_the_run() -> Setup {
    let parts = ["abduction", "hip", "knee"];
    let legs = ["front_left", "front_right", "rear_left", "rear_right"];
    Setup {
        robot: "quad A1 № 7".to_owned(),
        started: START,
        firmware: (0..20u8).map(|byte| byte.wrapping_mul(73) ^ 0xa5).collect(),
        joints: legs.iter().flat_map(|leg| parts.map(|part| format!("{leg}_{part}"))).collect(),
        gains: BTreeMap::from([("hip", 42.5), ("knee", 38.0), ("abduction", 1e-3)].map(|(k, v)| (k.to_owned(), v))),
    }
}

/// A union of more than null and one type, which no Rust type maps to: declared and encoded by hand.
fn event_schema() -> Result<Schema> {
    let symbols = ["Sit", "Stand", "Trot"].into_iter().zip(0..);
    let symbols = symbols.map(|(name, value)| Symbol { value, name: name.to_owned() });
    let gait = Enum::new(IntegerType::FixedUint(Width::W1), symbols);
    let change = Object::new([Field::new("from", gait.clone().into()), Field::new("to", gait.into())]);
    let detail = Type::Union(vec![Type::Null, change.into(), Type::Float32]);
    let event = Object::new([Field::new("source", Type::String), Field::new("detail", detail)]);
    Schema::new(event.into()).map_err(|e| tlog::Error::Usage(e.to_string()))
}

/// The front of an event: what follows is the value of that member.
fn event(source: &str, member: u8) -> Vec<u8> {
    let mut payload = Vec::new();
    put_varuint(source.len() as u64, &mut payload);
    payload.extend(source.as_bytes());
    payload.push(member);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlog::read::{ReadOptions, SliceReader};

    #[test]
    fn the_run_is_plausible_and_whole() {
        let bytes = log().unwrap();
        let mut reader = SliceReader::new(&bytes, ReadOptions { strict: true, ..ReadOptions::default() });
        let mut counts = BTreeMap::new();
        while let Some(data) = reader.next_data().unwrap() {
            *counts.entry(data.record.name.clone()).or_insert(0) += 1;
        }
        assert_eq!((counts["imu"], counts["servo"], counts["setup"]), (1400, 700, 1));
        assert!(counts["footstep"] > 100 && counts["event"] == 6, "{counts:?}");
        assert!((200_000..500_000).contains(&bytes.len()), "{} bytes", bytes.len());
    }
}
