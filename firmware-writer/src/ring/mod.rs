//! Rings: from any thread or interrupt to the one task that drains, without waiting and without locks.
//!
//! | | [`Lane`] | [`Shared`] |
//! |---|---|---|
//! | who logs | one producer: a thread, a core, an interrupt | anybody, interrupts that interrupt each other included |
//! | progress | wait-free, no read-modify-write | lock-free, two of them (three with [`Overwrite`]) |
//! | longest payload | half the ring less 8 bytes | a segment less 8 bytes |
//! | order | of time; [`Merged`] merges several | of time |
//!
//! Take lanes on hosts, on several cores, and where each producer is known; a shared ring on one core where any code
//! may log. Both drop what is new when they are full ([`DropNewest`]) or overwrite what is old ([`Overwrite`]).
//!
//! # Words and positions
//! A ring is an array of 32-bit words, all of which are accessed by relaxed atomic operations only: whatever two contexts
//! do at once, no access is a data race, and what keeps records whole are the orderings below. A *position* counts words
//! since the ring was made, modulo 2³²; its place is its remainder by the size of the ring, a power of two. (A reader that
//! sleeps while 2³² words are written, 16 GiB, cannot tell.) A record is `id | len << 16`, `time`, and the payload in
//! whole words, never broken at the end of the ring (`record.rs`); a first word with the identifier 0 says how many words
//! to pass over.
//!
//! # Lane
//! ```text
//! log:   end = head + words
//!        if end is beyond limit: make room, or count a drop and return
//!        [Overwrite]  reserved = end; fence(release)
//!        write the words; [Overwrite] stored[id] += 1
//!        head = end  (release)
//! read:  while at < head (acquire): copy the words
//!        [Overwrite]  fence(acquire); if reserved - at > size: overtaken, go on at the oldest mark
//!        at += words  (release)
//! ```
//! * `limit` is up to where nothing has to be looked at: the end of the ring, of what is free by the readers' cursors
//!   when they were last looked at, or of an eighth of the ring. So the usual call makes one comparison.
//! * *Nothing torn, dropping*: the release of `head` comes after the words, and no word is written again before all
//!   readers' cursors, released after they copied, are past it.
//! * *Nothing torn, overwriting*: the words are written after the fence behind `reserved`. A reader that copied a word of
//!   a later lap has, behind its own fence, a `reserved` that is more than a ring ahead of it, and throws the copy away.
//! * *Marks*: in each eighth of the ring the position of a record that begins there is noted, as one that was overtaken
//!   could not tell otherwise where records begin.
//!
//! # Shared
//! ```text
//! log:   loop: h = head; if the record does not fit in h's segment: it goes to the next, if that may be entered
//!              time = now; until head: h → end by compare-and-swap
//!        fence(acquire; release too for Overwrite)
//!        write the words; [Overwrite] stored[id] += 1
//!        completed[segment] += words  (release)
//! enter: if completed[segment] does not say that its last lap is complete, or a reader is in it: count a drop
//! read:  c = completed[segment] (acquire); h = head
//!        all of the segment is complete, or all up to h, when c is as much as was reserved
//! ```
//! * A record lies in one segment. What is left of a segment is completed by who leaves it. `completed` counts the words
//!   of all laps, so that nobody has to reset it.
//! * *Nothing torn*: everybody who completed words had moved `head` before. So a count that is read before `head`, and
//!   accounts for all up to `head`, accounts for each word up to there. A segment is entered only when its last lap is
//!   complete: whoever was interrupted in the middle of a record and comes back still owns its words. Until then those
//!   who would enter drop, and count, instead of waiting: they may be what keeps the other from going on.
//! * *Order of time*: the clock is read between the load of `head` and its exchange. Who comes later in the ring loaded
//!   `head` after the earlier one's exchange, and so read the clock after it.
//! * *Full, or old news*: when the next segment cannot be entered, `head` is looked at again before that counts.
//! * An encoding that unwinds, or is not as long as it said, leaves words to be passed over, and a drop.
//!
//! # Counts
//! For each reader and kind, `attempted = read or passed over + waiting + dropped + overwritten`, exactly. Drops are counted by
//! who is rejected. Overwritten is what was stored less what was passed, taken when the reader has passed everything:
//! it is up to date whenever [`peek`](crate::source::Source::peek) has returned `None` and nobody logged at the same
//! moment, and stays as it was for a reader that never gets to the end. `stored` is counted behind the reservation and before the
//! completion, so that a count which is too new is betrayed by `head` (`Reader::settle`).
//!
//! # Readers
//! With [`DropNewest<N>`](DropNewest), N readers hold the space of what they have not read, from the beginning on,
//! taken or not. With [`Overwrite`] there are as many readers as wanted, none of which holds anything. Each has its own
//! cursor, [`Filter`], counts and high-water mark.
//!
//! # Checked by
//! `cargo xtask loom` runs this code in every order that the memory model allows, `cargo xtask mutants` spoils it in
//! ways that must be noticed; `tests/ring_stress.rs` runs it with threads.

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
