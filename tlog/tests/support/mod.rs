//! What several test files share.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod canonical;
pub mod judge;

use std::io::Read;
use std::path::PathBuf;

/// A file of the reference vectors and logs.
pub fn shared(path: &str) -> Vec<u8> {
    let root = std::env::var_os("TLOG_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = root.join(path);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Delivers bytes a few at a time.
pub struct Dribble<'a> {
    bytes: &'a [u8],
    at_once: usize,
}

impl<'a> Dribble<'a> {
    pub fn new(bytes: &'a [u8], at_once: usize) -> Self {
        Self { bytes, at_once }
    }
}

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let len = self.at_once.min(out.len()).min(self.bytes.len());
        out[..len].copy_from_slice(&self.bytes[..len]);
        self.bytes = &self.bytes[len..];
        Ok(len)
    }
}
