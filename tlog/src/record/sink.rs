//! Where encoded bytes go.

use core::convert::Infallible;
use core::fmt;

use crate::wire::{Filler, varuint};

/// Takes the bytes of a payload, front to back.
pub trait Sink {
    /// Why it takes no more.
    type Error;

    /// Takes all of `bytes`, or fails and leaves what it holds unspecified.
    ///
    /// # Errors
    /// Whatever the sink says; encoding stops there.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

impl<S: Sink + ?Sized> Sink for &mut S {
    type Error = S::Error;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        (**self).put(bytes)
    }
}

/// Appends; never fails.
#[cfg(feature = "std")]
impl Sink for Vec<u8> {
    type Error = Infallible;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// The buffer is too small for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the buffer is too small for the record")
    }
}

impl core::error::Error for Full {}

/// Fills a buffer of fixed size.
///
/// ```
/// use tlog::record::{Full, Sink, SliceSink};
///
/// let mut buffer = [0; 3];
/// let mut sink = SliceSink::new(&mut buffer);
/// assert_eq!(sink.put(&[1, 2]), Ok(()));
/// assert_eq!(sink.put(&[3, 4]), Err(Full));
/// assert_eq!(sink.len(), 2);
/// assert_eq!(buffer, [1, 2, 0]);
/// ```
pub struct SliceSink<'a>(Filler<'a>);

impl<'a> SliceSink<'a> {
    /// Starts at the front of `out`.
    pub fn new(out: &'a mut [u8]) -> Self {
        Self(Filler::new(out))
    }

    /// How many bytes it has taken.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has taken none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Sink for SliceSink<'_> {
    type Error = Full;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.0.put(bytes).ok_or(Full)
    }
}

/// Counts the bytes and drops them.
pub(super) struct Counter(pub(super) usize);

impl Sink for Counter {
    type Error = Infallible;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        // Slices are at most isize::MAX bytes, and all of them are in memory at the same time.
        self.0 = self.0.saturating_add(bytes.len());
        Ok(())
    }
}

pub(super) fn put_varuint<S: Sink>(value: u64, sink: &mut S) -> Result<(), S::Error> {
    let mut bytes = [0; varuint::MAX_LEN];
    let len = varuint::encode(value, &mut bytes);
    sink.put(&bytes[..len])
}
