//! Readers in memory of C.
#![allow(unsafe_code, reason = "readers in memory of C")]

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::{ptr, slice};

use super::rings::{Ops, Ring};
use super::sizes::{MAX_KINDS, MAX_READERS, READER_WORDS};
use super::{Outcome, code};
use crate::ring::{Filter, Merged};
use crate::source::{Head, Lost, Source};

/// `tlog_reader`: zeros until it is open.
#[repr(C, align(8))]
pub struct Reader {
    /// Those of its ring while it is open.
    ops: *const Ops,
    place: MaybeUninit<[u64; READER_WORDS.get()]>,
}

impl Reader {
    fn place(&mut self) -> *mut c_void {
        self.place.as_mut_ptr().cast()
    }

    /// What it reads, if it is open.
    fn source(&mut self) -> Option<&mut dyn Source> {
        // SAFETY: null, or the table of the ring that `tlog_reader_open` was given: it is constant.
        let ops = unsafe { self.ops.as_ref() }?;
        // SAFETY:
        // * the table is set while, and only while, a reader of that ring is in the place;
        // * it is borrowed with `self`.
        Some(unsafe { &mut *(ops.source)(self.place()) })
    }
}

/// The identifiers of `kinds`, where bit n stands for the kind n. All bits: whatever there is.
fn filter(kinds: u64) -> Filter {
    match kinds {
        u64::MAX => Filter::ALL,
        _ => (1..=MAX_KINDS as u16).filter(|id| kinds >> id & 1 == 1).fold(Filter::NONE, Filter::with),
    }
}

/// Takes a reader of a ring, for the kinds whose bits are set.
///
/// # Safety
/// `reader` is null or points to a reader, zeros at first; `ring` is null or points to a ring of the header's macros.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_reader_open(reader: *mut Reader, ring: *const Ring, kinds: u64) -> i32 {
    // SAFETY: null or what the contract says.
    let (reader, ring) = unsafe { (reader.as_mut(), ring.as_ref()) };
    code(open(reader, ring, kinds))
}

fn open(reader: Option<&mut Reader>, ring: Option<&Ring>, kinds: u64) -> Result<Outcome, Outcome> {
    let (Some(reader), Some(ring)) = (reader, ring) else { return Err(Outcome::Null) };
    if !reader.ops.is_null() {
        return Err(Outcome::State);
    }
    // SAFETY: the macros of the header give a ring the table of its geometry.
    let ops = unsafe { ring.ops.as_ref() }.filter(|_| !ring.storage.is_null()).ok_or(Outcome::Null)?;
    // SAFETY: table and storage belong together; the place is large enough, which `ops` asserts, and not used yet.
    if !unsafe { (ops.reader)(ring.storage, filter(kinds), reader.place()) } {
        return Err(Outcome::Taken);
    }
    reader.ops = ring.ops;
    Ok(Outcome::Ok)
}

/// Gives a reader back. Who takes it next goes on where it was.
///
/// # Safety
/// `reader` is null or points to a reader, which no writer or packets use any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_reader_close(reader: *mut Reader) -> i32 {
    // SAFETY: null or a reader, by the contract.
    let Some(reader) = (unsafe { reader.as_mut() }) else { return Outcome::Null as i32 };
    // SAFETY: null or a table, as in `source`.
    let Some(ops) = (unsafe { reader.ops.as_ref() }) else { return Outcome::State as i32 };
    reader.ops = ptr::null();
    // SAFETY: the table was set, so that a reader is in the place, which nobody finds any more now.
    unsafe { (ops.give_back)(reader.place()) };
    Outcome::Ok as i32
}

/// `tlog_head`: what is known of a record besides its payload.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordHead {
    /// Its kind.
    pub id: u16,
    /// The bytes of its payload.
    pub len: u16,
    /// When it was logged: the low 32 bits of the clock.
    pub time: u32,
}

/// Takes the next record: `Ok`, `Idle` when there is none, `Memory` when `room` is too small for it (it stays).
///
/// # Safety
/// Pointers are null or point to a reader, a head, and `room` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_reader_take(
    reader: *mut Reader,
    head: *mut RecordHead,
    payload: *mut c_void,
    room: usize,
) -> i32 {
    // SAFETY: null or what the contract says.
    let (Some(reader), Some(told)) = (unsafe { (reader.as_mut(), head.as_mut()) }) else { return Outcome::Null as i32 };
    if payload.is_null() {
        return Outcome::Null as i32;
    }
    let Some(source) = reader.source() else { return Outcome::State as i32 };
    // Not for ever, where it is overwritten faster than it is read.
    for _ in 0..8 {
        let Some(Head { id, len, time }) = source.peek() else { break };
        *told = RecordHead { id, len, time };
        if usize::from(len) > room {
            return Outcome::Memory as i32;
        }
        // SAFETY: not null, and `room` bytes, at least as many, by the contract. They are only written to.
        if source.take(unsafe { slice::from_raw_parts_mut(payload.cast(), len.into()) }) {
            return Outcome::Ok as i32;
        }
    }
    Outcome::Idle as i32
}

/// `tlog_lost`: what a reader has missed, in records.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LostRecords {
    /// Rejected, as the ring was full.
    pub dropped: u32,
    /// Overwritten before the reader came to them.
    pub overwritten: u32,
    /// The most bytes that were ever waiting.
    pub high_water: u32,
}

/// What a reader has missed of the kinds that it wants; of one kind unless `id` is 0.
///
/// # Safety
/// Pointers are null or point to a reader and to where the answer goes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_reader_lost(reader: *mut Reader, id: u16, into: *mut LostRecords) -> i32 {
    // SAFETY: null or what the contract says.
    let (Some(reader), Some(into)) = (unsafe { (reader.as_mut(), into.as_mut()) }) else { return Outcome::Null as i32 };
    let Some(source) = reader.source() else { return Outcome::State as i32 };
    let Lost { dropped, overwritten } = if id == 0 { source.lost() } else { source.lost_of(id) };
    *into = LostRecords { dropped, overwritten, high_water: source.high_water() };
    Outcome::Ok as i32
}

/// A source without records.
struct Nothing;

impl Source for Nothing {
    fn peek(&mut self) -> Option<Head> {
        None
    }

    fn take(&mut self, _: &mut [u8]) -> bool {
        false
    }

    fn skip(&mut self) {}

    fn lost(&self) -> Lost {
        Lost::default()
    }

    fn high_water(&self) -> u32 {
        0
    }
}

/// Several readers of C, as one source.
#[derive(Clone, Copy)]
pub(super) struct Readers {
    first: *mut Reader,
    count: usize,
}

impl Readers {
    /// Checks that they are open.
    ///
    /// # Safety
    /// `first` is null or points to `count` readers, which stay where they are while this is used, and which nobody else
    /// uses while it [`read`](Self::read)s.
    pub(super) unsafe fn new(first: *mut Reader, count: usize) -> Result<Self, Outcome> {
        if first.is_null() || count == 0 {
            return Err(Outcome::Null);
        }
        if count > MAX_READERS {
            return Err(Outcome::Memory);
        }
        let mut this = Self { first, count };
        if this.all().iter_mut().all(|reader| reader.source().is_some()) { Ok(this) } else { Err(Outcome::State) }
    }

    fn all(&mut self) -> &mut [Reader] {
        // SAFETY: so many, alive, and nobody else's for now, by the contract of `new`.
        unsafe { slice::from_raw_parts_mut(self.first, self.count) }
    }

    /// Hands them to `read`, those that were closed meanwhile without records.
    pub(super) fn read<T>(mut self, read: impl FnOnce(&mut dyn Source) -> T) -> T {
        let mut none = [const { Nothing }; MAX_READERS];
        if let [one] = self.all() {
            return match one.source() {
                Some(source) => read(source),
                None => read(&mut Nothing),
            };
        }
        let mut sources = none.each_mut().map(|nothing| nothing as &mut dyn Source);
        for (place, reader) in sources.iter_mut().zip(self.all()) {
            if let Some(source) = reader.source() {
                *place = source;
            }
        }
        read(&mut Merged::new(sources))
    }
}
