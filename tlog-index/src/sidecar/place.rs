//! The place that an index grows from.

use tlog::read::{KnownRecord, Place, Standing};

use super::bytes::{In, Out, Taken, check};
use super::types::{self, References, Types, TypesOut};

const CHECKSUMS_SEEN: u8 = 1;
const DATA_SEEN: u8 = 2;
const DAMAGED: u8 = 4;
/// The effort follows; without it is 0.
const EFFORT: u8 = 8;

pub(super) fn put_standing(standing: &Standing, out: &mut Out) {
    let flag = |on: bool, flag: u8| if on { flag } else { 0 };
    out.byte(
        flag(standing.checksums_seen, CHECKSUMS_SEEN)
            | flag(standing.data_seen, DATA_SEEN)
            | flag(standing.damaged, DAMAGED)
            | flag(standing.effort > 0, EFFORT),
    );
    if standing.effort > 0 {
        out.uint(standing.effort);
    }
}

pub(super) fn take_standing(bytes: &mut In<'_>) -> Taken<Standing> {
    let flags = bytes.byte()?;
    check(flags & !(CHECKSUMS_SEEN | DATA_SEEN | DAMAGED | EFFORT) == 0)?;
    let has = |flag: u8| flags & flag != 0;
    let effort = if has(EFFORT) { bytes.uint()? } else { 0 };
    Ok(Standing { checksums_seen: has(CHECKSUMS_SEEN), data_seen: has(DATA_SEEN), damaged: has(DAMAGED), effort })
}

pub(super) fn put(place: &Place, types: &mut TypesOut, out: &mut Out) {
    out.uint(place.offset);
    put_standing(&place.standing, out);
    out.len(place.records.len());
    for known in &place.records {
        types::put(&known.record, types, out);
        out.option(known.latest);
    }
}

pub(super) fn take(types: &Types, size: u64, bytes: &mut In<'_>) -> Taken<Place> {
    let offset = bytes.uint()?;
    check(offset <= size)?;
    let standing = take_standing(bytes)?;
    let mut references = References::new(types);
    let mut place = Place { offset, records: Vec::new(), standing };
    for _ in 0..bytes.count()? {
        let record = references.take(bytes, offset)?;
        let latest = bytes.option()?;
        check(latest.is_none_or(|latest| record.location < latest && latest < offset))?;
        place.records.push(KnownRecord { record, latest });
    }
    Ok(place)
}
