//! Rings: from any context to the one that drains.

mod cells;
mod counts;
mod filter;
mod lane;
mod merged;
mod policy;
mod reader;
mod record;
mod shared;

pub use filter::Filter;
pub use lane::{Lane, Producer};
pub use merged::Merged;
pub use policy::{DropNewest, Overwrite, Policy};
pub use reader::Reader;
pub use shared::Shared;

/// How many bytes a ring needs so that nothing is dropped while the card stands still: the next power of two, as rings
/// have no other sizes.
///
/// `rate_bytes_per_s` are bytes of payload, of records with `avg_payload` bytes each; `stall_ms` is the longest time
/// in which nothing is read, in milliseconds. There is room for what is lost at the end of a [`Lane`], and in a
/// [`Shared`] ring of at least 16 segments, each for at least 16 records.
///
/// ```
/// use firmware_writer::ring::ring_bytes;
///
/// // 50 kB/s in records of 16 bytes, over a card that stands still for half a second.
/// assert_eq!(ring_bytes(50_000, 500, 16), 65_536);
/// ```
pub const fn ring_bytes(rate_bytes_per_s: u32, stall_ms: u32, avg_payload: u32) -> usize {
    let avg_payload = if avg_payload == 0 { 1 } else { avg_payload as u64 };
    let payload = (rate_bytes_per_s as u64 * stall_ms as u64).div_ceil(1000);
    let records = payload.div_ceil(avg_payload) + 1;
    let bytes = records.saturating_mul(8 + avg_payload.next_multiple_of(4));
    let bytes = bytes.saturating_add(bytes / 8);
    match bytes.checked_next_power_of_two() {
        Some(bytes) if bytes <= usize::MAX as u64 => bytes as usize,
        _ => usize::MAX,
    }
}
