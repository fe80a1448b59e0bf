//! Mapped files: the one wall around `unsafe` in this crate's readers.
#![allow(unsafe_code, reason = "mapping a file is unsafe because others can change the file; see Mapped")]

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
