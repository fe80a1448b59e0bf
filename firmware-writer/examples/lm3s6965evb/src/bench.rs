//! Instructions, counted: with `-icount shift=10` each takes 1,024 ns, which are 12.8 ticks of 80 ns.

use core::hint::black_box;
use core::task::Poll;

use firmware_writer::card::{Config, Extent, Mark, Place, Progress, Writer};
use firmware_writer::device::{BlockDevice, CardId, DeviceError, Sector};
use firmware_writer::drain::OWN_KINDS;
use firmware_writer::kinds::Logged;
use firmware_writer::ring::{DropNewest, Filter, Lane, Producer, Shared};
use firmware_writer::source::Source;
use lm3s6965evb::board::{Ticks, say, ticks};
use lm3s6965evb::records::{Imu, KINDS, Status};
use tlog::Record;

const N: usize = KINDS.len();

type AnyLane<const BYTES: usize> = Lane<BYTES, N, DropNewest, Ticks>;
type AnyShared = Shared<16, 256, N, DropNewest, Ticks>;

static LANE: AnyLane<4_096> = Lane::new(Ticks);
static RING: AnyShared = Shared::new(Ticks);

/// A card of zeros that takes everything at once: what is counted with it is the writer alone.
struct Willing;

impl BlockDevice for Willing {
    fn sectors(&mut self) -> Result<u32, DeviceError> {
        Ok(10_000)
    }

    fn read(&mut self, _: u32, into: &mut Sector) -> Result<(), DeviceError> {
        into.fill(0);
        Ok(())
    }

    fn begin(&mut self, _: u32, _: u32) -> Poll<Result<(), DeviceError>> {
        Poll::Ready(Ok(()))
    }

    fn push(&mut self, sector: &Sector) -> Poll<Result<(), DeviceError>> {
        black_box(sector);
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self) -> Poll<Result<(), DeviceError>> {
        Poll::Ready(Ok(()))
    }

    fn reset(&mut self) -> Poll<Result<CardId, DeviceError>> {
        Poll::Ready(Ok([0; 16]))
    }
}

/// Calls of each kind, of which the least counts: in others the ring came to its end.
const CALLS: usize = 60;

#[inline(never)]
fn by_lane<T: Logged>(producer: &mut Producer<'static, 4_096, N, DropNewest, Ticks>, record: &T) -> bool {
    producer.log(record)
}

#[inline(never)]
fn by_shared<T: Logged>(record: &T) -> bool {
    RING.log(record)
}

/// Ticks that two readings of the clock take by themselves.
fn nothing() -> u32 {
    (0..CALLS).map(|_| count(|| ())).min().unwrap_or(0)
}

#[inline(never)]
fn count<T>(act: impl FnOnce() -> T) -> u32 {
    let before = ticks();
    black_box(act());
    // It counts down, and starts again once in a second.
    let passed = before.wrapping_sub(ticks());
    if passed > 1 << 24 { passed.wrapping_add(12_500_000) } else { passed }
}

/// The least and the most instructions of many calls.
fn range(nothing: u32, act: impl FnMut() -> bool) -> (u32, u32) {
    let mut act = act;
    let mut range = (u32::MAX, 0);
    for _ in 0..CALLS {
        let taken = instructions(count(|| act()).saturating_sub(nothing));
        range = (range.0.min(taken), range.1.max(taken));
    }
    range
}

const fn instructions(ticks: u32) -> u32 {
    (ticks * 10 + 64) / 128
}

/// Counts all; always a success.
pub fn run() -> bool {
    let nothing = nothing();
    let Some(mut producer) = LANE.producer() else { return false };
    let (imu, status) = black_box((Imu::next(7), Status { count: 1, dropped: 2, waiting: [3; 8] }));
    let (Some(mut lane), Some(mut shared)) = (LANE.reader(Filter::ALL), RING.reader(Filter::ALL)) else { return false };
    let empty = |source: &mut dyn Source| {
        let mut payload = [0; 64];
        while let Some(head) = source.peek() {
            source.take(payload.get_mut(..usize::from(head.len)).unwrap_or(&mut []));
        }
    };
    tell("lane_16", range(nothing, || by_lane(&mut producer, &imu)));
    empty(&mut lane);
    tell("lane_40", range(nothing, || by_lane(&mut producer, &status)));
    empty(&mut lane);
    tell("shared_16", range(nothing, || by_shared(&imu)));
    empty(&mut shared);
    tell("shared_40", range(nothing, || by_shared(&status)));
    empty(&mut shared);
    tell("full_16", full(nothing, || by_shared(&imu)));
    empty(&mut shared);
    drain("drain_lane_16", nothing, &mut lane, || by_lane(&mut producer, &imu));
    drain("drain_shared_16", nothing, &mut shared, || by_shared(&imu));
    sizes();
    true
}

fn tell(what: &str, (least, most): (u32, u32)) {
    say(format_args!("{what}={least} {what}_most={most}"));
}

/// What a ring that is full takes to say so.
fn full(nothing: u32, mut log: impl FnMut() -> bool) -> (u32, u32) {
    while log() {}
    range(nothing, log)
}

/// Records of 16 bytes into a batch, and the batch to a card that takes everything at once.
fn drain<S: Source>(what: &str, nothing: u32, source: &mut S, mut log: impl FnMut() -> bool) {
    let extents = [Extent { first: 8, sectors: 1_000 }];
    let config = Config { place: Place::Raw { control: [0, 1], extents: &extents }, ..Config::DEFAULT };
    let (mut batch, mut marks) = ([0; 8 * 512], [Mark::NONE; N + OWN_KINDS]);
    let Ok(mut writer) = Writer::new(Willing, &config, &KINDS, &mut batch, &mut marks) else { return };
    let mut now = 0;
    // The first batch declares the kinds.
    log();
    while !matches!(step(&mut writer, source, &mut now), Progress::Acknowledged(_)) {}
    for _ in 0..100 {
        log();
    }
    let before = writer.counts().taken;
    let taken = count(|| writer.poll(source, now)).saturating_sub(nothing);
    let records = writer.counts().taken - before;
    let each = instructions(taken / records.max(1));
    let mut rest = 0;
    loop {
        now += 2_000_000;
        let mut done = false;
        rest += instructions(count(|| done = matches!(writer.poll(source, now), Progress::Acknowledged(_))));
        if done {
            break;
        }
    }
    say(format_args!("{what}={each} {what}_records={records} {what}_batch={rest}"));
}

fn step<D: BlockDevice, S: Source>(writer: &mut Writer<'_, D>, source: &mut S, now: &mut u64) -> Progress {
    *now += 2_000_000;
    writer.poll(source, *now)
}

/// RAM beyond the buffers, in bytes.
fn sizes() {
    let lane = size_of::<AnyLane<4_096>>() - 4_096;
    let shared = size_of::<AnyShared>() - 16 * 256;
    let writer = size_of::<Writer<'static, Willing>>();
    let imu = Imu::SCHEMA.len();
    say(format_args!("ram_lane={lane} ram_shared={shared} ram_writer={writer} schema={imu}"));
}
