//! Packets for a live link, in memory of C.
#![allow(unsafe_code, reason = "packets in memory of C")]

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::slice;

use super::kinds::{Kind, Kinds};
use super::readers::{Reader, Readers};
use super::sizes::PACKETS_WORDS;
use super::{Outcome, code};
use crate::drain::Packets;

/// `tlog_packets`: zeros until it is open.
#[repr(C, align(8))]
pub struct Slot {
    readers: MaybeUninit<Readers>,
    /// [`OPEN`] while it is open.
    state: u32,
    packets: MaybeUninit<Packets<'static>>,
}

/// Not what zeros or most forgotten memory have.
const OPEN: u32 = 0x7031_0c9b;

const _: () = assert!(size_of::<Slot>() <= PACKETS_WORDS.get() * 8 && align_of::<Slot>() <= 8);

impl Slot {
    fn open(&mut self) -> Result<(&mut Packets<'static>, Readers), Outcome> {
        if self.state != OPEN {
            return Err(Outcome::State);
        }
        // SAFETY: both were written before the state was set.
        Ok(unsafe { (self.packets.assume_init_mut(), self.readers.assume_init()) })
    }
}

/// Opens packets of these kinds from these readers, again if they were open.
///
/// # Safety
/// Pointers are null or point to packets, `kind_count` kinds and `reader_count` readers; kinds and readers live on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_packets_open(
    packets: *mut Slot,
    kinds: *const *const Kind,
    kind_count: usize,
    readers: *mut Reader,
    reader_count: usize,
) -> i32 {
    // SAFETY: null or what the contract says.
    let Some(slot) = (unsafe { packets.as_mut() }) else { return Outcome::Null as i32 };
    slot.state = 0;
    // SAFETY: by the contract.
    let open =
        unsafe { Kinds::new(kinds, kind_count).and_then(|kinds| Ok((kinds, Readers::new(readers, reader_count)?))) };
    code(open.map(|(kinds, readers)| {
        slot.packets.write(Packets::of_c(kinds));
        slot.readers.write(readers);
        slot.state = OPEN;
        Outcome::Ok
    }))
}

/// Fills a packet: how many of its bytes count, or an error. `now` is in microseconds since boot.
///
/// # Safety
/// Pointers are null or point to packets and to `room` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_packets_fill(packets: *mut Slot, now: u64, packet: *mut c_void, room: usize) -> i32 {
    // SAFETY: null or what the contract says.
    let Some(slot) = (unsafe { packets.as_mut() }) else { return Outcome::Null as i32 };
    if packet.is_null() {
        return Outcome::Null as i32;
    }
    let room = room.min(i32::MAX as usize);
    // SAFETY:
    // * not null, and `room` bytes, nobody else's meanwhile, by the contract;
    // * they are only written to before they are read, and a `u8` has no invalid bits; the header asks for bytes that were
    //   written to once.
    let packet = unsafe { slice::from_raw_parts_mut(packet.cast::<u8>(), room) };
    match slot.open() {
        Ok((packets, readers)) => readers.read(|source| packets.fill(source, now, packet)) as i32,
        Err(outcome) => outcome as i32,
    }
}

/// Sends the header and the schemas again: for a listener that came later.
///
/// # Safety
/// `packets` is null or points to packets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tlog_packets_restart(packets: *mut Slot) -> i32 {
    // SAFETY: null or what the contract says.
    let Some(slot) = (unsafe { packets.as_mut() }) else { return Outcome::Null as i32 };
    code(slot.open().map(|(packets, _)| {
        packets.restart();
        Outcome::Ok
    }))
}
