//! The card writer, in memory of C.
#![allow(unsafe_code, reason = "the writer in memory of C")]

use core::ffi::c_char;
use core::mem::MaybeUninit;
use core::slice;
use core::task::Poll;

use super::card::{Card, Functions};
use super::kinds::{Kind, Kinds};
use super::readers::{Reader, Readers};
use super::sizes::WRITER_WORDS;
use super::{OUTCOMES, Outcome, code};
use crate::card::{Config, Counts, Extent, Mark, Place, Progress, Trouble, WhenFull, Writer};
use crate::clock::{ClockRecord, ClockSource};
use crate::source::Source;

/// `tlog_memory`: what a writer works with; the macro `TLOG_WRITER` makes it.
#[repr(C)]
pub struct Memory {
    kinds: *const *const Kind,
    kind_count: usize,
    batch: *mut u8,
    batch_bytes: usize,
    marks: *mut Mark,
    mark_count: usize,
}

/// `tlog_config`.
#[repr(C)]
pub struct CConfig {
    extents: *const Extent,
    extent_count: usize,
    control: [u32; 2],
    latency: u32,
    timeout: u32,
    pause: u32,
    recycle: bool,
}

/// `tlog_writer`: zeros, but for the memory that the macro put there.
#[repr(C, align(8))]
pub struct Slot {
    memory: *const Memory,
    /// [`OPEN`], [`WITHIN`] a call, [`CLOSED`], or zero.
    state: u32,
    /// The last [`Trouble`] as an outcome; 0 for none.
    trouble: i32,
    inner: Inner,
}

struct Inner {
    /// The writer refers to it: no reference to all of this may be unique while it is open.
    config: MaybeUninit<Config<'static>>,
    readers: MaybeUninit<Readers>,
    writer: MaybeUninit<Writer<'static, Card>>,
}

/// Numbers that zeros and most forgotten memory have not.
const OPEN: u32 = 0x7107_0c9b;
const WITHIN: u32 = 0x7107_0c9c;
const CLOSED: u32 = 0x7107_0c9d;

const _: () = assert!(size_of::<Inner>() <= WRITER_WORDS.get() * 8 && align_of::<Inner>() <= 8);
const _: () = assert!(size_of::<Mark>() == 8 && align_of::<Mark>() == 4, "tlog_mark is two numbers of 32 bits");

/// What [`tlog_writer_open`] is given.
struct Given {
    card: *const Functions,
    config: *const CConfig,
    readers: *mut Reader,
    reader_count: usize,
}

/// Opens a writer. Nothing is done with the card before the first poll.
///
/// # Safety
/// Pointers are null or point to what the header says: a writer of its macro, a card, a configuration, `reader_count`
/// readers. Readers and extents live until the writer is closed, and nobody else uses the readers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_writer_open(
    writer: *mut Slot,
    card: *const Functions,
    config: *const CConfig,
    readers: *mut Reader,
    reader_count: usize,
) -> i32 {
    if writer.is_null() {
        return Outcome::Null as i32;
    }
    // SAFETY: by the contract; volatile for the reason in `with`.
    if matches!(unsafe { (&raw const (*writer).state).read_volatile() }, OPEN | WITHIN) {
        return Outcome::State as i32;
    }
    // SAFETY: by the contract; it is not open, so that nothing refers to it.
    code(unsafe { open(&mut *writer, &Given { card, config, readers, reader_count }) })
}

/// # Safety
/// As for [`tlog_writer_open`], with a writer that is not open.
unsafe fn open(slot: &mut Slot, given: &Given) -> Result<Outcome, Outcome> {
    // SAFETY: null or what the contract says.
    let (card, memory, config) = unsafe { (given.card.as_ref(), slot.memory.as_ref(), given.config.as_ref()) };
    let (Some(card), Some(memory)) = (card, memory) else { return Err(Outcome::Null) };
    if memory.batch.is_null() || memory.marks.is_null() {
        return Err(Outcome::Null);
    }
    // SAFETY: by the contract.
    let (card, readers) = unsafe { (Card::new(card)?, Readers::new(given.readers, given.reader_count)?) };
    // SAFETY: by the contract; the macro's tables are constant.
    let kinds = unsafe { Kinds::new(memory.kinds, memory.kind_count)? };
    // SAFETY: null, or as many extents as it says, alive until the writer is closed.
    let config = config.map_or(Ok(Config::DEFAULT), |config| unsafe { config.get() })?;
    // SAFETY:
    // * not null, and static memory of the macro, as large as it says, initialised, for this writer only;
    // * no other writer has it, as this one is not open.
    let (batch, marks) = unsafe {
        let batch = slice::from_raw_parts_mut(memory.batch, memory.batch_bytes);
        (batch, slice::from_raw_parts_mut(memory.marks, memory.mark_count))
    };
    let config: *const Config<'static> = slot.inner.config.write(config);
    // SAFETY: it was just written, and is not touched before the writer is closed; the slot is never moved, by the contract.
    let config = unsafe { &*config };
    let made = Writer::of_c(card, config, kinds, batch, marks).map_err(|_| Outcome::Memory)?;
    slot.inner.writer.write(made);
    slot.inner.readers.write(readers);
    slot.trouble = 0;
    slot.state = OPEN;
    Ok(Outcome::Ok)
}

impl CConfig {
    /// # Safety
    /// `extents` is null or points to `extent_count` extents that live as long as the writer.
    unsafe fn get(&self) -> Result<Config<'static>, Outcome> {
        let place = match (self.extents.is_null(), self.extent_count) {
            (_, 0) => Place::Card,
            (true, _) => return Err(Outcome::Null),
            // SAFETY: by the contract.
            (false, count) => {
                Place::Raw { control: self.control, extents: unsafe { slice::from_raw_parts(self.extents, count) } }
            }
        };
        let or = |given: u32, other: u32| if given == 0 { other } else { given };
        let default = Config::DEFAULT;
        Ok(Config {
            place,
            when_full: if self.recycle { WhenFull::Recycle } else { WhenFull::Stop },
            latency: or(self.latency, default.latency),
            timeout: or(self.timeout, default.timeout),
            pause: or(self.pause, default.pause),
        })
    }
}

/// Runs `step` with the writer, unless it is not open or in a call already.
///
/// # Safety
/// `writer` is null or points to a writer of the header's macro, which no other thread uses meanwhile.
unsafe fn with(writer: *mut Slot, step: impl FnOnce(&mut Writer<'static, Card>, &mut dyn Source) -> Outcome) -> i32 {
    if writer.is_null() {
        return Outcome::Null as i32;
    }
    // SAFETY: a writer, by the contract. Volatile: an interrupt during the call below finds the state as it is.
    let state = unsafe { (&raw const (*writer).state).read_volatile() };
    match state {
        OPEN => {}
        CLOSED => return Outcome::Closed as i32,
        _ => return Outcome::State as i32,
    }
    // SAFETY: as before.
    unsafe { (&raw mut (*writer).state).write_volatile(WITHIN) };
    // SAFETY:
    // * as before, and the state says that it was opened, when both were written;
    // * nobody is in a call: this is the only reference to the writer.
    let (readers, open) = unsafe { ((*writer).inner.readers.assume_init(), (*writer).inner.writer.assume_init_mut()) };
    let outcome = readers.read(|source| step(open, source));
    let state = if outcome == Outcome::Closed { CLOSED } else { OPEN };
    // SAFETY: as before.
    unsafe {
        if (outcome as i32) <= Outcome::Absent as i32 {
            (*writer).trouble = outcome as i32;
        }
        (&raw mut (*writer).state).write_volatile(state);
    }
    outcome as i32
}

fn done(polled: Poll<Result<(), Trouble>>, done: Outcome) -> Outcome {
    match polled {
        Poll::Pending => Outcome::Busy,
        Poll::Ready(Ok(())) => done,
        Poll::Ready(Err(trouble)) => trouble.into(),
    }
}

/// Drains what is waiting and makes one step with the card.
///
/// # Safety
/// `writer` is null or points to a writer of the header's macro, which no other thread uses meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_writer_poll(writer: *mut Slot, now: u64) -> i32 {
    let step = |writer: &mut Writer<'static, Card>, source: &mut dyn Source| match writer.poll(source, now) {
        Progress::Idle => Outcome::Idle,
        Progress::Busy => Outcome::Busy,
        Progress::Working => Outcome::Working,
        Progress::Acknowledged(_) => Outcome::Acknowledged,
        Progress::Stopped(trouble) => trouble.into(),
        Progress::Closed => Outcome::Closed,
    };
    // SAFETY: by the contract.
    unsafe { with(writer, step) }
}

/// Writes what was logged up to the first call: to be called until it is not `Busy`.
///
/// # Safety
/// As for [`tlog_writer_poll`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_writer_flush(writer: *mut Slot, now: u64) -> i32 {
    // SAFETY: by the contract.
    unsafe { with(writer, |writer, source| done(writer.flush(source, now), Outcome::Ok)) }
}

/// As flush, and closes the log: `Closed` in the end. Its memory is free then.
///
/// # Safety
/// As for [`tlog_writer_poll`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_writer_close(writer: *mut Slot, now: u64) -> i32 {
    // SAFETY: by the contract.
    unsafe { with(writer, |writer, source| done(writer.close(source, now), Outcome::Closed)) }
}

/// Tells what UTC the time `mono_us` is. `source`: 0 unknown, 1 clock with a battery, 2 satellites, 3 another computer.
///
/// # Safety
/// As for [`tlog_writer_poll`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_writer_set_clock(writer: *mut Slot, mono_us: u64, utc_us: i64, source: u8) -> i32 {
    let source = match source {
        1 => ClockSource::Rtc,
        2 => ClockSource::Gnss,
        3 => ClockSource::Host,
        _ => ClockSource::Unknown,
    };
    let clock = ClockRecord { mono_us, utc_us: tlog::Micros(utc_us), source };
    // SAFETY: by the contract.
    unsafe {
        with(writer, |writer, _| {
            writer.set_clock(clock);
            Outcome::Ok
        })
    }
}

/// What has happened since it was opened, also when it is closed.
///
/// # Safety
/// Pointers are null or point to a writer of the header's macro, and to where the answer goes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_writer_counts(writer: *const Slot, into: *mut Counts) -> i32 {
    // SAFETY: null or what the contract says.
    let (Some(slot), Some(into)) = (unsafe { (writer.as_ref(), into.as_mut()) }) else { return Outcome::Null as i32 };
    if !matches!(slot.state, OPEN | CLOSED) {
        return Outcome::State as i32;
    }
    // SAFETY: it was written when the state was set.
    *into = unsafe { slot.inner.writer.assume_init_ref() }.counts();
    Outcome::Ok as i32
}

/// The last reason why nothing could be written, `Ok` for none so far.
///
/// # Safety
/// `writer` is null or points to a writer of the header's macro.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_writer_trouble(writer: *const Slot) -> i32 {
    // SAFETY: null or what the contract says.
    unsafe { writer.as_ref() }.map_or(Outcome::Null as i32, |slot| slot.trouble)
}

/// A sentence about an outcome.
#[unsafe(no_mangle)]
pub extern "C" fn tlog_outcome_text(outcome: i32) -> *const c_char {
    let text = OUTCOMES.iter().find(|(known, ..)| *known as i32 == outcome).map_or(c"no outcome", |(.., text)| text);
    text.as_ptr()
}
