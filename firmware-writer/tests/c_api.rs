//! The C API, called as C calls it: what it answers to null, to calls in the wrong order and to bad tables, that rings of
//! zeros are empty rings, and that what is logged is what is read.
#![cfg(feature = "c-api")]
#![allow(unsafe_code, reason = "C hands over pointers")]

mod support;

use std::alloc::{Layout, alloc_zeroed};
use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};

use firmware_writer::c_api::{kinds, packets, readers, rings, writer};
use firmware_writer::card::{Counts, Extent};
use firmware_writer::device::BlockDevice;
use firmware_writer::sim::SimCard;
use tlog::Record;

const OK: i32 = 0;
const IDLE: i32 = 1;
const BUSY: i32 = 2;
const CLOSED: i32 = 5;
const NULL: i32 = -1;
const STATE: i32 = -2;
const MEMORY: i32 = -3;
const TAKEN: i32 = -4;

unsafe extern "C" {
    static tlog_ops_shared_16x64_1: Ops;
    static tlog_ops_shared_16x64_2: Ops;
    static tlog_ops_shared_16x64_o: Ops;
    static tlog_ops_lane_1024_1: Ops;
    static tlog_ops_lane_1024_o: Ops;
}

/// `tlog_ring_ops`, as the header has it.
#[repr(C)]
struct Ops {
    log: unsafe extern "C" fn(*const c_void, u16, *const c_void, usize) -> bool,
    others: [*const c_void; 4],
}

// SAFETY: a constant table of functions.
unsafe impl Sync for Ops {}

/// `tlog_ring`.
#[repr(C)]
struct Ring {
    ops: *const Ops,
    storage: *mut c_void,
}

/// `tlog_field`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Field {
    name: *const c_char,
    count: u16,
    name_len: u8,
    kind: u8,
}

/// `tlog_kind`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Kind {
    name: *const c_char,
    fields: *const Field,
    size: u32,
    id: u16,
    field_count: u8,
    name_len: u8,
}

/// `tlog_memory`.
#[repr(C)]
struct Memory {
    kinds: *const *const Kind,
    kind_count: usize,
    batch: *mut u8,
    batch_bytes: usize,
    marks: *mut u64,
    mark_count: usize,
}

/// `tlog_config`.
#[repr(C)]
struct Config {
    extents: *const Extent,
    extent_count: usize,
    control: [u32; 2],
    times: [u32; 3],
    recycle: bool,
}

/// `tlog_card`.
#[repr(C)]
struct Card {
    context: *mut c_void,
    sectors: Option<unsafe extern "C" fn(*mut SimCard, *mut u32) -> i32>,
    read: Option<unsafe extern "C" fn(*mut SimCard, u32, *mut [u8; 512]) -> i32>,
    begin: Option<unsafe extern "C" fn(*mut SimCard, u32, u32) -> i32>,
    push: Option<unsafe extern "C" fn(*mut SimCard, *const [u8; 512]) -> i32>,
    finish: Option<unsafe extern "C" fn(*mut SimCard) -> i32>,
    reset: Option<unsafe extern "C" fn(*mut SimCard, *mut [u8; 16]) -> i32>,
}

/// Memory of zeros that is never freed, as that of C's statics.
fn zeros<T>(bytes: usize) -> *mut T {
    // SAFETY: a size that is not zero and an alignment that is a power of two.
    unsafe { alloc_zeroed(Layout::from_size_align(bytes, 128).unwrap()).cast() }
}

fn ring(ops: &'static Ops) -> Ring {
    Ring { ops, storage: zeros(1 << 12) }
}

impl Ring {
    fn log(&self, id: u16, payload: &[u8]) -> bool {
        // SAFETY: the table of the ring, and a payload.
        unsafe { ((*self.ops).log)(self.storage, id, payload.as_ptr().cast(), payload.len()) }
    }

    fn open(&self, reader: *mut readers::Reader, kinds: u64) -> i32 {
        // SAFETY: a ring, laid out as the header says, and a reader or null.
        unsafe { readers::tlog_reader_open(reader, (&raw const *self).cast(), kinds) }
    }
}

fn take(reader: *mut readers::Reader, room: usize) -> (i32, u16, Vec<u8>) {
    let (mut head, mut payload) = (readers::RecordHead::default(), vec![0; 256]);
    // SAFETY: a reader, and memory for what it tells.
    let outcome = unsafe { readers::tlog_reader_take(reader, &raw mut head, payload.as_mut_ptr().cast(), room) };
    payload.truncate(head.len.into());
    (outcome, head.id, payload)
}

#[test]
fn rings_of_zeros_are_empty_and_take_records() {
    // SAFETY: tables of functions, which are constant.
    let all =
        unsafe { [&tlog_ops_shared_16x64_1, &tlog_ops_shared_16x64_o, &tlog_ops_lane_1024_1, &tlog_ops_lane_1024_o] };
    for ops in all {
        let (ring, reader) = (ring(ops), zeros(1024));
        assert_eq!(take(reader, 256).0, STATE, "not open");
        assert_eq!(ring.open(reader, u64::MAX), OK);
        assert_eq!(ring.open(reader, u64::MAX), STATE);
        assert_eq!(take(reader, 256).0, IDLE);
        for number in 0..5_000u32 {
            assert!(ring.log(1 + (number % 2) as u16, &number.to_le_bytes()));
            let (outcome, id, payload) = take(reader, 256);
            assert_eq!((outcome, id), (OK, 1 + (number % 2) as u16), "{number}");
            assert_eq!(payload, number.to_le_bytes());
        }
        assert!(ring.log(2, b"long"));
        assert_eq!(take(reader, 3).0, MEMORY);
        assert_eq!(take(reader, 4).2, b"long");
        assert!(!ring.log(0, b"no kind") && !ring.log(1, &[0; 4096]));
        // SAFETY: a ring, laid out as the header says.
        assert_eq!(unsafe { rings::tlog_ring_dropped((&raw const ring).cast(), 1) }, 1);
        // SAFETY: a reader.
        assert_eq!(unsafe { readers::tlog_reader_close(reader) }, OK);
    }
}

#[test]
fn readers_are_counted_and_choose() {
    // SAFETY: a table of functions, which is constant.
    let ring = ring(unsafe { &tlog_ops_shared_16x64_2 });
    let (first, second, third) = (zeros(1024), zeros(1024), zeros(1024));
    assert_eq!((ring.open(first, 1 << 2), ring.open(second, u64::MAX), ring.open(third, u64::MAX)), (OK, OK, TAKEN));
    assert!(ring.log(1, b"one") && ring.log(2, b"two"));
    assert_eq!(take(first, 256).2, b"two");
    assert_eq!(take(second, 256).2, b"one");
    let mut lost = readers::LostRecords::default();
    while ring.log(2, &[7; 32]) {}
    // SAFETY: readers, and where the answer goes.
    unsafe {
        assert_eq!(readers::tlog_reader_lost(first, 0, &raw mut lost), OK);
        assert_eq!((lost.dropped, lost.overwritten), (1, 0));
        assert_eq!((readers::tlog_reader_close(second), readers::tlog_reader_close(second)), (OK, STATE));
    }
    assert_eq!(ring.open(third, u64::MAX), OK);
}

#[test]
fn null_is_an_error_everywhere() {
    // SAFETY: null is allowed everywhere.
    unsafe {
        assert_eq!(readers::tlog_reader_open(null_mut(), null(), 0), NULL);
        assert_eq!(readers::tlog_reader_close(null_mut()), NULL);
        assert_eq!(readers::tlog_reader_take(null_mut(), null_mut(), null_mut(), 0), NULL);
        assert_eq!(readers::tlog_reader_lost(null_mut(), 0, null_mut()), NULL);
        assert_eq!(rings::tlog_ring_dropped(null(), 1), 0);
        rings::tlog_clock(None);
        assert_eq!(writer::tlog_writer_open(null_mut(), null(), null(), null_mut(), 0), NULL);
        assert_eq!(writer::tlog_writer_poll(null_mut(), 0), NULL);
        assert_eq!(writer::tlog_writer_flush(null_mut(), 0), NULL);
        assert_eq!(writer::tlog_writer_close(null_mut(), 0), NULL);
        assert_eq!(writer::tlog_writer_set_clock(null_mut(), 0, 0, 0), NULL);
        assert_eq!(writer::tlog_writer_counts(null(), null_mut()), NULL);
        assert_eq!(writer::tlog_writer_trouble(null()), NULL);
        assert_eq!(packets::tlog_packets_open(null_mut(), null(), 0, null_mut(), 0), NULL);
        assert_eq!(packets::tlog_packets_fill(null_mut(), 0, null_mut(), 0), NULL);
        assert_eq!(packets::tlog_packets_restart(null_mut()), NULL);
        let text = CStr::from_ptr(writer::tlog_outcome_text(NULL));
        assert_eq!(text, c"a pointer is null");
        assert_eq!(CStr::from_ptr(writer::tlog_outcome_text(77)), c"no outcome");
    }
}

fn field(name: &'static CStr, count: u16, kind: u8) -> Field {
    Field { name: name.as_ptr(), count, name_len: name.count_bytes() as u8, kind }
}

fn kind(id: u16, name: &'static CStr, size: u32, fields: Vec<Field>) -> Kind {
    let (name_len, field_count, fields) = (name.count_bytes() as u8, fields.len() as u8, fields.leak().as_ptr());
    Kind { name: name.as_ptr(), fields, size, id, field_count, name_len }
}

fn table(kinds: Vec<Kind>) -> &'static [*const Kind] {
    kinds.into_iter().map(|kind| &raw const *Box::leak(Box::new(kind))).collect::<Vec<_>>().leak()
}

/// What packets say of these kinds.
fn checked(kinds: &[*const Kind]) -> i32 {
    // SAFETY: a table of functions, which is constant.
    let (ring, reader) = (ring(unsafe { &tlog_ops_lane_1024_1 }), zeros(1024));
    assert_eq!(ring.open(reader, u64::MAX), OK);
    // SAFETY: packets, kinds, and a reader; all live on.
    unsafe {
        packets::tlog_packets_open(zeros(1024), kinds.as_ptr().cast::<*const kinds::Kind>(), kinds.len(), reader, 1)
    }
}

#[test]
fn bad_tables_are_told_apart() {
    let (name, duplicate, order, fields) = (-5, -6, -7, -8);
    let one = |id, name, size, fields| table(vec![kind(id, name, size, fields)]);
    let good = || vec![field(c"volts", 0, 7)];
    assert_eq!(checked(one(1, c"battery", 4, good())), OK);
    assert_eq!(checked(one(2, c"battery", 4, good())), order);
    assert_eq!(checked(&[]), order);
    assert_eq!(checked(&[null()]), NULL);
    assert_eq!(checked(one(1, c"", 4, good())), name);
    assert_eq!(checked(one(1, c"two words", 4, good())), name);
    assert_eq!(checked(one(1, c"tlog.batch", 4, good())), name);
    assert_eq!(checked(one(1, c"battery", 8, good())), fields);
    assert_eq!(checked(one(1, c"battery", 0, vec![])), fields);
    for bad in [0, 1, 9, 0x33, 0x40, 0x50, 0xff] {
        assert_eq!(checked(one(1, c"battery", 4, vec![field(c"volts", 0, bad)])), fields, "{bad}");
    }
    for bad in [c"", c"_volts", c"9volts", c"vo lts", c"v\xc3\xb6lts"] {
        assert_eq!(checked(one(1, c"battery", 4, vec![field(bad, 0, 7)])), name, "{bad:?}");
    }
    assert_eq!(checked(one(1, c"battery", 8, vec![field(c"x", 0, 7), field(c"x", 0, 7)])), duplicate);
    assert_eq!(checked(table(vec![kind(1, c"a", 4, good()), kind(2, c"a", 4, good())])), duplicate);
    assert_eq!(checked(table((1..=33).map(|id| kind(id, c"a", 4, good())).collect())), order);
}

/// A card of the simulator, as functions of C.
mod card {
    use super::*;
    use firmware_writer::device::DeviceError;
    use std::task::Poll;

    fn answer<T>(polled: Poll<Result<T, DeviceError>>) -> i32 {
        match polled {
            Poll::Pending => 1,
            Poll::Ready(Ok(_)) => 0,
            Poll::Ready(Err(error)) => match error {
                DeviceError::Absent => -1,
                DeviceError::WriteProtected => -2,
                DeviceError::Timeout => -3,
                DeviceError::Failed => -4,
                DeviceError::OutOfRange => -5,
            },
        }
    }

    // SAFETY, of all that follow: the context is a `SimCard` that nobody else uses meanwhile, other pointers are good.
    unsafe extern "C" fn sectors(card: *mut SimCard, count: *mut u32) -> i32 {
        unsafe { answer(Poll::Ready((*card).sectors().map(|sectors| *count = sectors))) }
    }
    unsafe extern "C" fn read(card: *mut SimCard, sector: u32, into: *mut [u8; 512]) -> i32 {
        unsafe { answer(Poll::Ready((*card).read(sector, &mut *into))) }
    }
    unsafe extern "C" fn begin(card: *mut SimCard, first: u32, count: u32) -> i32 {
        unsafe { answer((*card).begin(first, count)) }
    }
    unsafe extern "C" fn push(card: *mut SimCard, sector: *const [u8; 512]) -> i32 {
        unsafe { answer((*card).push(&*sector)) }
    }
    unsafe extern "C" fn finish(card: *mut SimCard) -> i32 {
        unsafe { answer((*card).finish()) }
    }
    unsafe extern "C" fn reset(card: *mut SimCard, id: *mut [u8; 16]) -> i32 {
        unsafe { answer((*card).reset().map_ok(|card| *id = card)) }
    }

    pub fn functions(card: *mut SimCard) -> Card {
        Card {
            context: card.cast(),
            sectors: Some(sectors),
            read: Some(read),
            begin: Some(begin),
            push: Some(push),
            finish: Some(finish),
            reset: Some(reset),
        }
    }
}

/// What the table below is in Rust.
#[derive(Record)]
struct Sample {
    number: u32,
    when: tlog::Micros,
    values: [i16; 2],
    volts: f32,
    on: bool,
}

fn sample_kinds() -> &'static [*const Kind] {
    let fields = vec![
        field(c"number", 0, 0x44),
        field(c"when", 0, 22),
        field(c"values", 2, 0x32),
        field(c"volts", 0, 7),
        field(c"on", 0, 2),
    ];
    table(vec![kind(1, c"sample", 21, fields)])
}

#[test]
fn packets_put_together_are_a_log_with_the_schema_of_rust() {
    // SAFETY: a table of functions, which is constant.
    let (ring, reader, packets) = (ring(unsafe { &tlog_ops_lane_1024_1 }), zeros(1024), zeros(1024));
    assert_eq!(ring.open(reader, u64::MAX), OK);
    let kinds = sample_kinds();
    let mut packet = [0u8; 256];
    // SAFETY: packets, kinds and a reader; all live on; and room for a packet.
    let len = unsafe {
        assert_eq!(packets::tlog_packets_fill(packets, 0, packet.as_mut_ptr().cast(), 256), STATE);
        assert_eq!(packets::tlog_packets_open(packets, kinds.as_ptr().cast(), kinds.len(), reader, 1), OK);
        assert!(ring.log(1, &[3; 21]));
        packets::tlog_packets_fill(packets, 9, packet.as_mut_ptr().cast(), 256)
    };
    let log = &packet[..usize::try_from(len).unwrap()];
    let mut reader = tlog::read::SliceReader::new(log, tlog::read::ReadOptions::default());
    let Some(tlog::read::Event::Schema(record)) = reader.next_event().unwrap() else { panic!("no schema") };
    assert_eq!((record.name.as_str(), record.schema_bytes.as_slice()), ("sample", Sample::SCHEMA));
    let Some(tlog::read::Event::Data(data)) = reader.next_event().unwrap() else { panic!("no data") };
    assert_eq!(data.payload, [3; 21]);
}

#[test]
fn what_is_logged_is_on_the_card() {
    // SAFETY: tables of functions, which are constant.
    let rings = unsafe { [ring(&tlog_ops_lane_1024_1), ring(&tlog_ops_shared_16x64_1)] };
    let readers: *mut readers::Reader = zeros(4096);
    let card = Box::leak(Box::new(SimCard::blank(support::SECTORS)));
    let functions = card::functions(&raw mut *card);
    let batch: &mut [u8] = vec![0; 4 * 512].leak();
    let marks: &mut [u64] = vec![0; 4].leak();
    let kinds = sample_kinds();
    let memory = Memory {
        kinds: kinds.as_ptr(),
        kind_count: kinds.len(),
        batch: batch.as_mut_ptr(),
        batch_bytes: batch.len(),
        marks: marks.as_mut_ptr(),
        mark_count: marks.len(),
    };
    let memory: &'static Memory = Box::leak(Box::new(memory));
    let (extents, extent_count) = (support::EXTENTS.as_ptr(), support::EXTENTS.len());
    let extents = Config { extents, extent_count, control: [0, 1], times: [0; 3], recycle: true };
    let slot: *mut *const Memory = zeros(1024);
    let writer: *mut writer::Slot = slot.cast();
    let open = |config: &Config| {
        // SAFETY: a writer, a card, a configuration, and readers, laid out as the header says.
        unsafe {
            let (card, config) = ((&raw const functions).cast(), (&raw const *config).cast());
            writer::tlog_writer_open(writer, card, config, readers, 2)
        }
    };
    assert_eq!(open(&extents), NULL, "no memory");
    // SAFETY: memory of zeros, large enough, as the macro of the header makes it.
    unsafe { *slot = memory };
    assert_eq!(open(&extents), STATE, "readers are not open");
    // SAFETY: two readers are there.
    assert_eq!((rings[0].open(readers, u64::MAX), rings[1].open(unsafe { readers.add(1) }, u64::MAX)), (OK, OK));
    // SAFETY: a writer that was not opened.
    assert_eq!(unsafe { writer::tlog_writer_poll(writer, 0) }, STATE, "not open");
    assert_eq!(open(&extents), OK);
    assert_eq!(open(&extents), STATE);

    let mut logged = Vec::new();
    let mut counts = Counts::default();
    // SAFETY: a writer that is open, and where counts go.
    unsafe {
        assert_eq!(writer::tlog_writer_set_clock(writer, 5, 1_700_000_000_000_000, 2), OK);
        for number in 0..50u8 {
            assert!(rings[usize::from(number % 2)].log(1, &[number; 21]));
            logged.push(vec![number; 21]);
            writer::tlog_writer_poll(writer, u64::from(number));
            if number == 20 {
                while writer::tlog_writer_flush(writer, 20) == BUSY {}
                assert_eq!(writer::tlog_writer_counts(writer, &raw mut counts), OK);
                assert_eq!(counts.acknowledged, 21);
            }
        }
        while writer::tlog_writer_close(writer, 99) == BUSY {}
        assert_eq!(writer::tlog_writer_poll(writer, 100), CLOSED);
        assert_eq!(writer::tlog_writer_counts(writer, &raw mut counts), OK);
        assert_eq!((counts.acknowledged, writer::tlog_writer_trouble(writer)), (50, OK));
    }
    let found = support::reading::sessions(card.image(), &support::EXTENTS);
    assert_eq!(found.len(), 1);
    let mut read: Vec<Vec<u8>> = found[0].records.iter().map(|record| record.payload.clone()).collect();
    read.sort();
    assert_eq!(read, logged);
    assert!(found[0].own.iter().any(|(name, _)| name == "tlog.clock"));

    // Closed, it can be opened again; a card that went away is told of.
    card.remove(1);
    assert_eq!(open(&extents), OK);
    // SAFETY: a writer that is open.
    unsafe {
        assert_eq!(writer::tlog_writer_poll(writer, 200), -16);
        assert_eq!(writer::tlog_writer_trouble(writer), -16);
    }
}
