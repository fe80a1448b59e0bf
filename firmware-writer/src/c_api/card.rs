//! Cards that C drives: a struct of functions as a [`BlockDevice`].
#![allow(unsafe_code, reason = "functions of C")]

use core::ffi::c_void;
use core::task::Poll;

use super::Outcome;
use crate::device::{BlockDevice, CardId, DeviceError, SECTOR, Sector};

type Context = *mut c_void;

/// `tlog_card`: what a card can do; see the header for what each function has to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Functions {
    context: Context,
    sectors: Option<unsafe extern "C" fn(Context, *mut u32) -> i32>,
    read: Option<unsafe extern "C" fn(Context, u32, *mut u8) -> i32>,
    begin: Option<unsafe extern "C" fn(Context, u32, u32) -> i32>,
    push: Option<unsafe extern "C" fn(Context, *const u8) -> i32>,
    finish: Option<unsafe extern "C" fn(Context) -> i32>,
    reset: Option<unsafe extern "C" fn(Context, *mut u8) -> i32>,
}

/// What functions of a card return, with the names of the header.
pub const ANSWERS: [(&str, i32); 7] = [
    ("TLOG_CARD_OK", OK),
    ("TLOG_CARD_BUSY", BUSY),
    ("TLOG_CARD_ABSENT", ABSENT),
    ("TLOG_CARD_WRITE_PROTECTED", WRITE_PROTECTED),
    ("TLOG_CARD_TIMEOUT", TIMEOUT),
    ("TLOG_CARD_FAILED", FAILED),
    ("TLOG_CARD_OUT_OF_RANGE", OUT_OF_RANGE),
];

const OK: i32 = 0;
const BUSY: i32 = 1;
const ABSENT: i32 = -1;
const WRITE_PROTECTED: i32 = -2;
const TIMEOUT: i32 = -3;
const FAILED: i32 = -4;
const OUT_OF_RANGE: i32 = -5;

/// A card whose functions were checked to be there.
pub struct Card(Functions);

impl Card {
    /// Checks that there are all functions.
    ///
    /// # Safety
    /// Those that are not null do what the header says.
    pub(super) unsafe fn new(functions: &Functions) -> Result<Self, Outcome> {
        let Functions { sectors, read, begin, push, finish, reset, .. } = functions;
        let are_set = sectors.is_some() && read.is_some() && begin.is_some() && push.is_some();
        if are_set && finish.is_some() && reset.is_some() { Ok(Self(*functions)) } else { Err(Outcome::Null) }
    }
}

/// What an answer means; busy where nobody may be is a failure.
fn answered<T>(answer: i32, value: T) -> Poll<Result<T, DeviceError>> {
    Poll::Ready(match answer {
        OK => Ok(value),
        BUSY => return Poll::Pending,
        ABSENT => Err(DeviceError::Absent),
        WRITE_PROTECTED => Err(DeviceError::WriteProtected),
        TIMEOUT => Err(DeviceError::Timeout),
        OUT_OF_RANGE => Err(DeviceError::OutOfRange),
        _ => Err(DeviceError::Failed),
    })
}

fn at_once<T>(answer: i32, value: T) -> Result<T, DeviceError> {
    match answered(answer, value) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(DeviceError::Timeout),
    }
}

impl BlockDevice for Card {
    fn sectors(&mut self) -> Result<u32, DeviceError> {
        let mut count = 0;
        // SAFETY: the contract of `new`; it gets its context, and a place for a number.
        let answer = self.0.sectors.map_or(FAILED, |sectors| unsafe { sectors(self.0.context, &raw mut count) });
        at_once(answer, count)
    }

    fn read(&mut self, sector: u32, into: &mut Sector) -> Result<(), DeviceError> {
        // SAFETY: the contract of `new`; it gets its context, and a place for a sector.
        let answer = self.0.read.map_or(FAILED, |read| unsafe { read(self.0.context, sector, into.as_mut_ptr()) });
        at_once(answer, ())
    }

    fn begin(&mut self, first: u32, count: u32) -> Poll<Result<(), DeviceError>> {
        // SAFETY: the contract of `new`; it gets its context.
        answered(self.0.begin.map_or(FAILED, |begin| unsafe { begin(self.0.context, first, count) }), ())
    }

    fn push(&mut self, sector: &Sector) -> Poll<Result<(), DeviceError>> {
        const { assert!(size_of::<Sector>() == SECTOR) };
        // SAFETY: the contract of `new`; it gets its context, and a sector.
        answered(self.0.push.map_or(FAILED, |push| unsafe { push(self.0.context, sector.as_ptr()) }), ())
    }

    fn finish(&mut self) -> Poll<Result<(), DeviceError>> {
        // SAFETY: the contract of `new`; it gets its context.
        answered(self.0.finish.map_or(FAILED, |finish| unsafe { finish(self.0.context) }), ())
    }

    fn reset(&mut self) -> Poll<Result<CardId, DeviceError>> {
        let mut id = CardId::default();
        // SAFETY: the contract of `new`; it gets its context, and a place for an identification.
        let answer = self.0.reset.map_or(FAILED, |reset| unsafe { reset(self.0.context, id.as_mut_ptr()) });
        answered(answer, id)
    }
}
