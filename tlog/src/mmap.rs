//! Mapped files and the way to their bytes: the one wall around `unsafe` in this crate's readers.
#![allow(
    unsafe_code,
    reason = "others can change a mapped file, see Mapped; prefetching is an instruction, see prefetch"
)]

use std::fs::File;
use std::io;
use std::ops::Deref;

/// A file's bytes, mapped where the system can, empty where there is nothing to map.
#[derive(Debug)]
pub(crate) struct Mapped(Option<memmap2::Mmap>);

impl Mapped {
    /// Maps `file` at the length that it has now.
    pub fn new(file: &File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self(None));
        }
        // SAFETY: mapping instead of reading is what makes opening independent of the size
        // (`benches/read`). The bytes are only ever read through `&[u8]`, whose contents another
        // process could change under us. What follows from that stays inside this contract:
        // - a file that grows keeps the mapped part as it is: appending is harmless;
        // - every length is checked against the bytes at the moment of use and results are only
        //   ever positions inside the mapping, so changed bytes give wrong data, not wrong accesses;
        // - a file that is cut shorter while it is read stops the process (SIGBUS), as any
        //   mapping does. Following a live file therefore reads and never comes here.
        let map = unsafe { memmap2::Mmap::map(file)? };
        Ok(Self(Some(map)))
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or(&[])
    }
}

/// Asks the processor for the byte at `at`, which will be read soon; nothing where there is none.
///
/// Each block says where the next one is, so a reader waits for memory at every block, and the
/// processor's own guesses end with each page. A quarter of the reading time: `benches/read`.
#[inline]
pub(crate) fn prefetch(bytes: &[u8], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(byte) = bytes.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the only condition is that the processor has SSE, which is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, at);
}
