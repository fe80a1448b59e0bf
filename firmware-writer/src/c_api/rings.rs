//! Rings in memory of C. A geometry is a table of functions with a name of its own, such as `tlog_ops_shared_32x512_1`:
//! the macros of the header put the name together from what they are given, the linker takes what is named.
//!
//! | name | |
//! |---|---|
//! | `tlog_ops_shared_SxB_P` | [`Shared`] with `S` segments of `B` bytes |
//! | `tlog_ops_lane_B_P` | [`Lane`] of `B` bytes |
//! | `P` | `1`, `2`: drops, for as many readers; `o`: overwrites |
#![allow(unsafe_code, reason = "rings in memory of C")]

use core::ffi::c_void;
use core::mem::{ManuallyDrop, transmute};
use core::slice;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::sizes::{MAX_KINDS, READER_WORDS, RECORDER_EXTRA, RING_ALIGN, RING_EXTRA};
use crate::clock::Clock;
use crate::ring::{DropNewest, Filter, Lane, Overwrite, Policy, Reader, Shared};
use crate::source::Source;

type Now = extern "C" fn() -> u32;

extern "C" fn at_boot() -> u32 {
    0
}

/// The clock of all rings of C: it has no place in a ring, so that a ring of zeros is one.
static NOW: AtomicPtr<c_void> = AtomicPtr::new(at_boot as Now as *mut c_void);

/// The clock that [`tlog_clock`] has set.
pub struct Timer;

impl Clock for Timer {
    #[inline]
    fn now(&self) -> u32 {
        let now = NOW.load(Ordering::Relaxed);
        // SAFETY: nothing but a `Now` is ever stored there, see `tlog_clock` and its first value.
        let now = unsafe { transmute::<*mut c_void, Now>(now) };
        now()
    }
}

/// Sets the clock of all rings: it returns the low 32 bits of the microseconds since boot. Until then it is 0. Null is
/// ignored.
#[unsafe(no_mangle)]
pub extern "C" fn tlog_clock(now: Option<Now>) {
    if let Some(now) = now {
        NOW.store(now as *mut c_void, Ordering::Relaxed);
    }
}

/// A ring that C has memory for.
trait InC: Sized + 'static {
    type Reader: Source + 'static;

    fn log(&self, id: u16, payload: &[u8]) -> bool;
    fn reader(&'static self, filter: Filter) -> Option<Self::Reader>;
    fn dropped(&self, id: u16) -> u32;
}

impl<const SEGMENTS: usize, const BYTES: usize, P: Policy + 'static> InC
    for Shared<SEGMENTS, BYTES, MAX_KINDS, P, Timer>
{
    type Reader = Reader<'static, Self>;

    fn log(&self, id: u16, payload: &[u8]) -> bool {
        self.log_bytes(id, payload)
    }

    fn reader(&'static self, filter: Filter) -> Option<Self::Reader> {
        self.reader(filter)
    }

    fn dropped(&self, id: u16) -> u32 {
        self.dropped(id)
    }
}

impl<const BYTES: usize, P: Policy + 'static> InC for Lane<BYTES, MAX_KINDS, P, Timer> {
    type Reader = Reader<'static, Self>;

    fn log(&self, id: u16, payload: &[u8]) -> bool {
        // That nobody else logs here is what the header asks for.
        let mut producer: ManuallyDrop<_> = self.sole_producer();
        producer.log_bytes(id, payload)
    }

    fn reader(&'static self, filter: Filter) -> Option<Self::Reader> {
        self.reader(filter)
    }

    fn dropped(&self, id: u16) -> u32 {
        self.dropped(id)
    }
}

/// `tlog_ring_ops`: what can be done with a ring of one geometry. The header knows only the first.
#[repr(C)]
pub struct Ops {
    log: unsafe extern "C" fn(ring: *const c_void, id: u16, payload: *const c_void, len: usize) -> bool,
    pub(super) reader: unsafe fn(ring: *const c_void, filter: Filter, place: *mut c_void) -> bool,
    pub(super) source: unsafe fn(place: *mut c_void) -> *mut dyn Source,
    pub(super) give_back: unsafe fn(place: *mut c_void),
    dropped: unsafe fn(ring: *const c_void, id: u16) -> u32,
}

/// `tlog_ring`: a ring of C.
#[repr(C)]
pub struct Ring {
    pub(super) ops: *const Ops,
    pub(super) storage: *const c_void,
}

const fn ops<R: InC>(extra: usize, bytes: usize) -> Ops {
    assert!(size_of::<R>() <= bytes + extra, "the header gives a ring too little memory");
    assert!(align_of::<R>() <= RING_ALIGN.get(), "the header aligns rings too little");
    assert!(size_of::<R::Reader>() <= READER_WORDS.get() * 8 && align_of::<R::Reader>() <= 8, "nor a reader");
    Ops { log: log::<R>, reader: reader::<R>, source: source::<R>, give_back: give_back::<R>, dropped: dropped::<R> }
}

/// # Safety
/// `ring` is the storage of an `R`, zeros at first; `payload` has `len` bytes.
unsafe extern "C" fn log<R: InC>(ring: *const c_void, id: u16, payload: *const c_void, len: usize) -> bool {
    // SAFETY: as for `ring`.
    let ring = unsafe { ring_at::<R>(ring) };
    if payload.is_null() {
        return ring.log(0, &[]);
    }
    // SAFETY:
    // * not null, and `len` bytes by the contract, which nobody writes to meanwhile;
    // * all of them are initialised: the macros of the header refuse records with padding.
    let payload = unsafe { slice::from_raw_parts(payload.cast::<u8>(), len) };
    ring.log(id, payload)
}

/// # Safety
/// `ring` is the storage of an `R`: a static of the size and alignment that `ops` asserts, zeros at first, and nothing but
/// functions of this table ever wrote to it.
unsafe fn ring_at<R: InC>(ring: *const c_void) -> &'static R {
    // SAFETY:
    // * it lives forever, and is large and aligned enough, by the contract;
    // * zeros are a ring: it is made of atomic numbers, for which all bits are values, and a `Timer` without size. That
    //   they are an empty ring is tested; a lane finds its limit at the first record.
    // * all that is ever changed in it is atomic: shared references are right in any context.
    unsafe { &*ring.cast::<R>() }
}

/// # Safety
/// As for `ring_at`; `place` has room for a reader.
unsafe fn reader<R: InC>(ring: *const c_void, filter: Filter, place: *mut c_void) -> bool {
    // SAFETY: by the contract.
    let Some(reader) = unsafe { ring_at::<R>(ring) }.reader(filter) else { return false };
    // SAFETY: `place` is as large and as much aligned as `ops` asserts, and nobody else's.
    unsafe { place.cast::<R::Reader>().write(reader) };
    true
}

/// # Safety
/// A reader is at `place`.
unsafe fn source<R: InC>(place: *mut c_void) -> *mut dyn Source {
    place.cast::<R::Reader>()
}

/// # Safety
/// A reader is at `place`, and is not used any more.
unsafe fn give_back<R: InC>(place: *mut c_void) {
    // SAFETY: by the contract.
    unsafe { place.cast::<R::Reader>().drop_in_place() };
}

/// # Safety
/// As for `ring_at`.
unsafe fn dropped<R: InC>(ring: *const c_void, id: u16) -> u32 {
    // SAFETY: by the contract.
    unsafe { ring_at::<R>(ring) }.dropped(id)
}

/// Makes the tables for all combinations.
macro_rules! geometries {
    (shared $($segments:literal: $($bytes:literal)+;)+) => {
        $($(
            geometries!(@shared $segments $bytes "_1" DropNewest<1>, RING_EXTRA);
            geometries!(@shared $segments $bytes "_2" DropNewest<2>, RING_EXTRA);
            geometries!(@shared $segments $bytes "_o" Overwrite, RECORDER_EXTRA);
        )+)+
    };
    (lane $($bytes:literal)+) => {
        $(
            geometries!(@lane $bytes "_1" DropNewest<1>, RING_EXTRA);
            geometries!(@lane $bytes "_2" DropNewest<2>, RING_EXTRA);
            geometries!(@lane $bytes "_o" Overwrite, RECORDER_EXTRA);
        )+
    };
    (@shared $segments:literal $bytes:literal $suffix:literal $policy:ty, $extra:ident) => {
        const _: () = {
            #[unsafe(export_name = concat!("tlog_ops_shared_", $segments, "x", $bytes, $suffix))]
            static OPS: Ops = ops::<Shared<$segments, $bytes, MAX_KINDS, $policy, Timer>>(
                $extra.get(),
                $segments * ($bytes + 4),
            );
        };
    };
    (@lane $bytes:literal $suffix:literal $policy:ty, $extra:ident) => {
        const _: () = {
            #[unsafe(export_name = concat!("tlog_ops_lane_", $bytes, $suffix))]
            static OPS: Ops = ops::<Lane<$bytes, MAX_KINDS, $policy, Timer>>($extra.get(), $bytes);
        };
    };
}

geometries! { shared
    16: 64 128 256 512 1024 2048 4096;
    32: 64 128 256 512 1024 2048 4096;
}

geometries! { lane 256 512 1024 2048 4096 8192 16384 32768 65536 }

/// The geometries of shared rings: segments, and the bytes of each.
pub const SEGMENTS: [usize; 2] = [16, 32];
/// See [`SEGMENTS`].
pub const SEGMENT_BYTES: [usize; 7] = [64, 128, 256, 512, 1024, 2048, 4096];
/// The bytes of lanes.
pub const LANE_BYTES: [usize; 9] = [256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];

/// How many records of a kind a ring has rejected; 0 for null.
///
/// # Safety
/// `ring` is null or points to a ring of the header's macros.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_ring_dropped(ring: *const Ring, id: u16) -> u32 {
    // SAFETY: null or a ring, by the contract; its table and storage belong together, as the macros made them.
    unsafe { ring.as_ref().map_or(0, |ring| ring.ops.as_ref().map_or(0, |ops| (ops.dropped)(ring.storage, id))) }
}
