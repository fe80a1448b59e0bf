//! Text on its way into an output.

use std::io::Write;

use crate::{Error, Result};

/// How much is gathered before it is written, in bytes.
const CHUNK: usize = 256 << 10;

/// An output, and the text that is not written into it yet. One that failed stays failed: what it has is not whole.
#[derive(Debug)]
pub(super) struct Gathered<W> {
    pub text: Vec<u8>,
    out: W,
    has_failed: bool,
}

impl<W: Write> Gathered<W> {
    pub fn new(out: W, text: &[u8]) -> Self {
        Self { text: text.to_vec(), out, has_failed: false }
    }

    /// Notes that what is written is not going to be whole.
    pub const fn fail(&mut self) {
        self.has_failed = true;
    }

    /// Writes what was gathered if it is much.
    pub fn settle(&mut self) -> Result<()> {
        if self.text.len() >= CHUNK { self.write_out() } else { Ok(()) }
    }

    fn write_out(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.has_failed, true) {
            return Err(Error::Usage("the output has failed before".into()));
        }
        self.out.write_all(&self.text)?;
        self.has_failed = false;
        self.text.clear();
        self.text.shrink_to(2 * CHUNK);
        Ok(())
    }

    /// Writes all, flushes and gives the output back.
    pub fn finish(mut self) -> Result<W> {
        self.write_out()?;
        self.out.flush()?;
        Ok(self.out)
    }
}
