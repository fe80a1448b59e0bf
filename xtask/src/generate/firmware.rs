//! Files as firmware leaves them on a card: preallocated, with filler behind the data. One was closed, the other was not.

use std::collections::VecDeque;
use std::task::Poll;

use anyhow::{Result, bail, ensure};
use firmware_writer::card::{Config, Extent, Mark, Place, TooSmall, Writer};
use firmware_writer::clock::{ClockRecord, ClockSource};
use firmware_writer::drain::OWN_KINDS;
use firmware_writer::sim::SimCard;
use firmware_writer::source::{Head, Lost, Source};
use tlog::{Micros, Record};

#[derive(Record)]
#[repr(C)]
struct Imu {
    accel: [f32; 3],
    gyro: [f32; 3],
}

#[derive(Record)]
#[repr(C)]
struct Battery {
    volts: f32,
    amps: f32,
}

firmware_writer::kinds! {
    static KINDS = [Imu, Battery];
}

/// The two files; a session each.
const EXTENTS: [Extent; 2] = [Extent { first: 2, sectors: 32 }, Extent { first: 34, sectors: 32 }];

const CONFIG: Config<'static> = Config { place: Place::Raw { control: [0, 1], extents: &EXTENTS }, ..Config::DEFAULT };

/// A ring as it would be on a microcontroller, from which one record was lost.
struct Ring(VecDeque<(Head, Vec<u8>)>);

impl Source for Ring {
    fn peek(&mut self) -> Option<Head> {
        self.0.front().map(|(head, _)| *head)
    }

    fn take(&mut self, into: &mut [u8]) -> bool {
        self.0.pop_front().is_some_and(|(_, payload)| {
            into.copy_from_slice(&payload);
            true
        })
    }

    fn skip(&mut self) {
        self.0.pop_front();
    }

    fn lost(&self) -> Lost {
        Lost { dropped: 1, overwritten: 0 }
    }

    fn lost_of(&self, kind: u16) -> Lost {
        Lost { dropped: u32::from(kind == 1), overwritten: 0 }
    }

    fn high_water(&self) -> u32 {
        1_000
    }
}

fn log(ring: &mut Ring, time: u32, id: u16, record: &impl Record) {
    let payload = record.to_payload();
    ring.0.push_back((Head { id, len: payload.len() as u16, time }, payload));
}

/// The bytes of the closed file and of the other.
///
/// # Errors
/// When the writer does not do as it should.
pub fn files() -> Result<[Vec<u8>; 2]> {
    let mut card = SimCard::blank(66);
    for close in [true, false] {
        card = session(card, close)?;
    }
    let bytes = |extent: Extent| {
        let range = extent.first as usize * 512..(extent.first + extent.sectors) as usize * 512;
        card.image().get(range).unwrap_or(&[]).to_vec()
    };
    Ok(EXTENTS.map(bytes))
}

fn session(card: SimCard, close: bool) -> Result<SimCard> {
    let (mut batch, mut marks) = ([0; 8 * 512], [Mark::NONE; KINDS.len() + OWN_KINDS]);
    let Ok(mut writer) = Writer::new(card, &CONFIG, &KINDS, &mut batch, &mut marks) else { bail!("{TooSmall:?}") };
    let mut ring = Ring(VecDeque::new());
    let mut time = 2_000_000;
    for round in 0..150u16 {
        time += 5_000;
        let t = f32::from(round) / 200.0;
        log(&mut ring, time, 1, &Imu { accel: [t, -t, 9.81], gyro: [0.5 * t, 0.0, t * t] });
        if round % 25 == 0 {
            log(&mut ring, time + 100, 2, &Battery { volts: 24.0 - t, amps: 1.5 });
        }
        if round == 40 {
            let clock =
                ClockRecord { mono_us: time.into(), utc_us: Micros(1_750_000_000_000_000), source: ClockSource::Gnss };
            writer.set_clock(clock);
        }
        writer.poll(&mut ring, time.into());
    }
    loop {
        let done = match close {
            true => writer.close(&mut ring, time.into()),
            false => writer.flush(&mut ring, time.into()),
        };
        if let Poll::Ready(done) = done {
            ensure!(done.is_ok(), "{done:?}");
            return Ok(writer.into_device());
        }
    }
}
