//! Packed batches for a live link: whole blocks into buffers of any size.

use tlog::wire::FILE_HEADER;

use super::{Next, Table, next};
use crate::kinds::Kind;
use crate::source::Source;

/// Fills packets with blocks. What it makes from the start on, or from [`restart`](Self::restart) on, put
/// together is a log: its header, all schemas, then data.
///
/// A packet never ends inside a block. A block that is larger than the packet is left out and counted.
pub struct Packets<'k> {
    table: Table<'k>,
    /// The next schema to send; 0 is the file header.
    declared: u16,
    oversized: u32,
}

impl<'k> Packets<'k> {
    /// Packets with these kinds of records.
    pub fn new(kinds: &'k [Kind]) -> Self {
        Self { table: Table::new(kinds), declared: 0, oversized: 0 }
    }

    /// Packets with kinds of C.
    #[cfg(feature = "c-api")]
    pub(crate) fn of_c(kinds: crate::c_api::kinds::Kinds<'k>) -> Self {
        Self { table: Table::of_c(kinds), declared: 0, oversized: 0 }
    }

    /// Sends the header and the schemas again: for a listener that came later.
    pub fn restart(&mut self) {
        self.declared = 0;
    }

    /// How many records and schemas were larger than the packet.
    pub const fn oversized(&self) -> u32 {
        self.oversized
    }

    /// Fills the front of `packet`; how many bytes of it count. `now` is in microseconds since boot.
    pub fn fill<S: Source + ?Sized>(&mut self, source: &mut S, now: u64, packet: &mut [u8]) -> usize {
        let mut used = self.declarations(packet);
        while self.declared > self.table.firmware() {
            let is_empty = used == 0;
            let Some(out) = packet.get_mut(used..) else { break };
            match next(source, self.table.firmware(), now, u64::MAX, out, |_| 0) {
                Next::Put(put) => used += put.len,
                Next::Full if is_empty => {
                    source.skip();
                    self.oversized = self.oversized.wrapping_add(1);
                }
                Next::Full | Next::Empty => break,
            }
        }
        used
    }

    fn declarations(&mut self, packet: &mut [u8]) -> usize {
        let mut used = 0;
        while self.declared <= self.table.firmware() {
            let len = if self.declared == 0 { FILE_HEADER.len() } else { self.table.block_len(self.declared) };
            match packet.get_mut(used..).and_then(|rest| rest.get_mut(..len)) {
                Some(out) => {
                    self.declare(out);
                    used += len;
                }
                None if used > 0 => break,
                None => self.oversized = self.oversized.wrapping_add(1),
            }
            self.declared += 1;
        }
        used
    }

    fn declare(&self, out: &mut [u8]) {
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            if let Some(place) = out.get_mut(at..).and_then(|rest| rest.get_mut(..bytes.len())) {
                place.copy_from_slice(bytes);
            }
            at += bytes.len();
        };
        match self.declared {
            0 => put(&FILE_HEADER),
            id => self.table.block(id, &mut put),
        }
    }
}
