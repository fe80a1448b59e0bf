//! Logging to the card.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::task::Poll;

use cortex_m::peripheral::NVIC;
use cortex_m_rt::interrupt;
use firmware_writer::card::{Config, Mark, Progress, Trouble, WhenFull, Writer};
use firmware_writer::drain::OWN_KINDS;
use firmware_writer::ring::{DropNewest, Filter, Lane, Merged, Producer, Shared};
use firmware_writer::sd::SdSpi;
use firmware_writer::source::Source;
use lm3s6965evb::board::{self, CardSelect, Clock, LESS_URGENT, Ssi, URGENT, say};
use lm3s6965evb::records::{Baro, Imu, KINDS, Status};
use lm3s6965evb::{interrupt, oracle};

use crate::Words;

const IMU_PERIOD: u32 = 1_000;
const BARO_PERIOD: u32 = 10_000;
const STATUS_PERIOD: u64 = 20_000;

/// Sectors in a batch.
pub const BATCH: usize = 16;

const N: usize = KINDS.len();

type Made<const BYTES: usize> = Lane<BYTES, N, DropNewest, Clock>;
type Maker<const BYTES: usize> = Producer<'static, BYTES, N, DropNewest, Clock>;

static IMU_LANE: Made<8_192> = Lane::new(Clock);
static BARO_LANE: Made<2_048> = Lane::new(Clock);
static STATUS_LANE: Made<4_096> = Lane::new(Clock);
static SHARED: Shared<16, 512, N, DropNewest, Clock> = Shared::new(Clock);

/// Which of them is used.
static IS_SHARED: AtomicBool = AtomicBool::new(false);

/// How many records each interrupt has made.
static IMUS: AtomicU32 = AtomicU32::new(0);
static BAROS: AtomicU32 = AtomicU32::new(0);

/// The next number of a producer, which alone changes it.
fn next(count: &AtomicU32) -> u32 {
    let next = count.load(Ordering::Relaxed);
    count.store(next + 1, Ordering::Relaxed);
    next
}

#[interrupt]
fn TIMER0A() {
    static mut PRODUCER: Option<Maker<8_192>> = None;
    URGENT.clear();
    let imu = Imu::next(next(&IMUS));
    if IS_SHARED.load(Ordering::Relaxed) {
        SHARED.log(&imu);
        return;
    }
    if PRODUCER.is_none() {
        *PRODUCER = IMU_LANE.producer();
    }
    if let Some(producer) = PRODUCER {
        producer.log(&imu);
    }
}

#[interrupt]
fn TIMER1A() {
    static mut PRODUCER: Option<Maker<2_048>> = None;
    LESS_URGENT.clear();
    let count = next(&BAROS);
    let baro = Baro { count, pascal: 101_325.0 + count as f32 };
    if IS_SHARED.load(Ordering::Relaxed) {
        SHARED.log(&baro);
        return;
    }
    if PRODUCER.is_none() {
        *PRODUCER = BARO_LANE.producer();
    }
    if let Some(producer) = PRODUCER {
        producer.log(&baro);
    }
}

/// Logs from all three until the time is over; whether all was written.
pub fn run(nvic: &mut NVIC, words: &Words<'_>, batch: &mut [u8]) -> bool {
    let is_shared = words.get("ring") == Some("shared");
    IS_SHARED.store(is_shared, Ordering::Relaxed);
    if is_shared {
        let Some(mut source) = SHARED.reader(Filter::ALL) else { return false };
        return write(nvic, words, batch, &mut source, |status| SHARED.log(status));
    }
    let readers = (IMU_LANE.reader(Filter::ALL), BARO_LANE.reader(Filter::ALL), STATUS_LANE.reader(Filter::ALL));
    let (Some(mut imus), Some(mut baros), Some(mut statuses)) = readers else { return false };
    let Some(mut producer) = STATUS_LANE.producer() else { return false };
    let mut source = Merged::new([&mut imus as &mut dyn Source, &mut baros, &mut statuses]);
    write(nvic, words, batch, &mut source, move |status| producer.log(status))
}

fn write(
    nvic: &mut NVIC,
    words: &Words<'_>,
    batch: &mut [u8],
    source: &mut dyn Source,
    log: impl FnMut(&Status) -> bool,
) -> bool {
    let mut card = SdSpi::new(Ssi::new(), CardSelect::new(), || board::now() as u32, |_, _| ());
    let boot = oracle::next_boot(&mut card);
    let when_full = if words.get("full") == Some("recycle") { WhenFull::Recycle } else { WhenFull::Stop };
    let config = Config { when_full, pause: 100_000, ..Config::DEFAULT };
    let mut marks = [Mark::NONE; N + OWN_KINDS];
    let Ok(mut writer) = Writer::new(card, &config, &KINDS, batch, &mut marks) else { return false };
    say(format_args!("boot={boot}"));
    URGENT.start(nvic, 1 << 5, IMU_PERIOD);
    LESS_URGENT.start(nvic, 2 << 5, BARO_PERIOD);
    let until = match words.number("for", 0) {
        0 => u64::MAX,
        millis => u64::from(millis) * 1_000,
    };
    let after = match words.number("after", 0) {
        0 => u64::MAX,
        millis => u64::from(millis) * 1_000,
    };
    let mut main = Main { log, due: 0, count: 0, boot, trouble: None, resumed: u64::MAX, acknowledged: false };
    while board::now() < until && board::now() < main.resumed.saturating_add(after) {
        let progress = writer.poll(source, board::now());
        main.look(&mut writer, progress);
        main.make(source);
    }
    URGENT.stop();
    LESS_URGENT.stop();
    main.close(&mut writer, source)
}

/// What the main loop does besides calling the writer.
struct Main<L> {
    log: L,
    /// When its next record is due.
    due: u64,
    count: u32,
    boot: u32,
    trouble: Option<Trouble>,
    /// When it last went on after trouble; never yet.
    resumed: u64,
    /// Whether the card has acknowledged anything.
    acknowledged: bool,
}

impl<L: FnMut(&Status) -> bool> Main<L> {
    fn make(&mut self, source: &dyn Source) {
        if board::now() >= self.due {
            self.due += STATUS_PERIOD;
            let status =
                Status { count: self.count, dropped: source.lost().dropped, waiting: [source.high_water(); 8] };
            (self.log)(&status);
            self.count += 1;
        }
    }

    fn look<D: firmware_writer::device::BlockDevice>(&mut self, writer: &mut Writer<'_, D>, progress: Progress) {
        let trouble = match progress {
            Progress::Acknowledged(_) => {
                let counts = writer.counts();
                oracle::write(writer.device(), self.boot, counts.acknowledged, counts.batches);
                if !self.acknowledged {
                    self.acknowledged = true;
                    say(format_args!("acknowledging"));
                }
                None
            }
            Progress::Stopped(trouble) => Some(trouble),
            Progress::Idle => None,
            _ => return,
        };
        if trouble != self.trouble {
            self.trouble = trouble;
            match trouble {
                Some(trouble) => say(format_args!("trouble={trouble:?}")),
                None => {
                    self.resumed = board::now();
                    say(format_args!("going on"));
                }
            }
        }
    }

    fn close<D: firmware_writer::device::BlockDevice>(
        &mut self,
        writer: &mut Writer<'_, D>,
        source: &mut dyn Source,
    ) -> bool {
        let closed = loop {
            if let Poll::Ready(closed) = writer.close(source, board::now()) {
                break closed;
            }
        };
        let counts = writer.counts();
        if counts.acknowledged > 0 {
            oracle::write(writer.device(), self.boot, counts.acknowledged, counts.batches);
        }
        let made = IMUS.load(Ordering::Relaxed) + BAROS.load(Ordering::Relaxed) + self.count;
        let lost = source.lost();
        say(format_args!(
            "closed={closed:?} made={made} dropped={} taken={} acknowledged={} batches={} files={} retries={} troubles={}",
            lost.dropped,
            counts.taken,
            counts.acknowledged,
            counts.batches,
            counts.files,
            counts.retries,
            counts.troubles
        ));
        closed.is_ok()
    }
}
