//! Records in a ring: two words of header, then the payload in whole words.
//!
//! ```text
//!  word 0            word 1    words 2 …
//!  id | len << 16    time      payload, its last word filled with zeros       a record
//!  0 | words << 16   ?         ?                                              no record: passed over
//! ```

use tlog::record::{Full, Sink};

use crate::kinds::Logged;
use crate::sync::{AtomicU32, Ordering};

/// How many words come before the payload.
pub const HEADER_WORDS: usize = 2;

/// The longest payload that a header can tell of.
pub const MAX_LEN: usize = u16::MAX as usize;

/// How many words a record takes, header and all. Saturates far above what any ring takes.
#[inline]
pub const fn words_of(len: usize) -> usize {
    HEADER_WORDS.saturating_add(len.div_ceil(4))
}

/// The first word of a record.
#[inline]
pub const fn header(id: u16, len: usize) -> u32 {
    // The length was checked against what the ring takes, which is at most `MAX_LEN`.
    id as u32 | (len as u32) << 16
}

/// The first of words that are no record.
#[inline]
pub const fn no_record(words: usize) -> u32 {
    // Fewer than the longest record has, as they are what was too short for one.
    (words as u32) << 16
}

/// What a first word tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// No record for as many words.
    Nothing(u32),
    /// A record of so many words.
    Record { id: u16, len: u16, words: u32 },
}

/// Reads a first word.
pub const fn first(word: u32) -> First {
    let (id, len) = (word as u16, (word >> 16) as u16);
    match id {
        0 => First::Nothing(len as u32),
        _ => First::Record { id, len, words: words_of(len as usize) as u32 },
    }
}

/// What can be put into a ring.
pub trait Payload {
    /// Its kind.
    fn id(&self) -> u16;

    /// How many bytes it has.
    fn len(&self) -> usize;

    /// Writes it to `slot`, which has its words. `false`: it was not what [`len`](Self::len) said.
    fn write(&self, slot: &[AtomicU32]) -> bool;
}

/// Bytes with an identifier.
pub struct Raw<'a>(pub u16, pub &'a [u8]);

impl Payload for Raw<'_> {
    #[inline]
    fn id(&self) -> u16 {
        self.0
    }

    #[inline]
    fn len(&self) -> usize {
        self.1.len()
    }

    #[inline]
    fn write(&self, slot: &[AtomicU32]) -> bool {
        copy_in(slot, self.1);
        true
    }
}

impl<T: Logged> Payload for &T {
    #[inline]
    fn id(&self) -> u16 {
        T::ID
    }

    #[inline]
    fn len(&self) -> usize {
        match (T::PLAIN, T::FIXED_LEN) {
            (Some(_), _) => size_of::<T>(),
            (None, Some(len)) => len,
            (None, None) => self.encoded_len(),
        }
    }

    #[inline]
    fn write(&self, slot: &[AtomicU32]) -> bool {
        if let Some(plain) = T::PLAIN {
            copy_in(slot, plain.bytes(self));
            return true;
        }
        let mut sink = SlotSink { slot, len: self.len(), at: 0, word: 0 };
        self.encode(&mut sink).is_ok() && sink.finish()
    }
}

/// Copies bytes to words, the last one filled with zeros.
#[inline]
fn copy_in(slot: &[AtomicU32], bytes: &[u8]) {
    let (whole, rest) = bytes.as_chunks::<4>();
    for (word, bytes) in slot.iter().zip(whole) {
        word.store(u32::from_le_bytes(*bytes), Ordering::Relaxed);
    }
    if !rest.is_empty()
        && let Some(word) = slot.get(whole.len())
    {
        let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        word.store(last, Ordering::Relaxed);
    }
}

/// Copies words to bytes.
#[inline]
pub fn copy_out(slot: &[AtomicU32], bytes: &mut [u8]) {
    let (whole, rest) = bytes.as_chunks_mut::<4>();
    let last = slot.get(whole.len());
    for (word, bytes) in slot.iter().zip(whole) {
        *bytes = word.load(Ordering::Relaxed).to_le_bytes();
    }
    if let Some(word) = last {
        let mut word = word.load(Ordering::Relaxed);
        for byte in rest {
            *byte = word as u8;
            word >>= 8;
        }
    }
}

/// Takes bytes one after the other and gathers them in words.
struct SlotSink<'a> {
    slot: &'a [AtomicU32],
    /// How many bytes may come.
    len: usize,
    at: usize,
    /// The bytes of the word that is not complete.
    word: u32,
}

impl SlotSink<'_> {
    fn store(&self, word: usize) {
        if let Some(to) = self.slot.get(word) {
            to.store(self.word, Ordering::Relaxed);
        }
    }

    /// Whether all came that was announced.
    fn finish(self) -> bool {
        if !self.at.is_multiple_of(4) {
            self.store(self.at / 4);
        }
        self.at == self.len
    }
}

impl Sink for SlotSink<'_> {
    type Error = Full;

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        if bytes.len() > self.len - self.at {
            return Err(Full);
        }
        for byte in bytes {
            self.word |= u32::from(*byte) << (self.at % 4 * 8);
            self.at += 1;
            if self.at.is_multiple_of(4) {
                self.store(self.at / 4 - 1);
                self.word = 0;
            }
        }
        Ok(())
    }
}
