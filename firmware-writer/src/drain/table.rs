//! All kinds of a log: the firmware's, and the writer's own behind them.

use tlog::Record;
use tlog::wire::batch;

use super::varuint_len;
#[cfg(feature = "c-api")]
use crate::c_api::kinds as c_kinds;
use crate::clock::ClockRecord;
use crate::kinds::{Kind, MAX_KINDS};

/// What was lost of a kind since the rings were made; written when it has changed.
#[derive(Record, Clone, Copy, Debug, PartialEq, Eq)]
#[tlog(name = "tlog.drops")]
pub struct Drops {
    /// The identifier of the kind in this file.
    pub kind: u16,
    /// Records that found no room.
    pub dropped: u32,
    /// Records that were overwritten before they were read.
    pub overwritten: u32,
}

/// The kinds of the writer itself. Their identifiers follow those of the firmware.
static OWN: [Kind; OWN_KINDS] =
    [Kind { name: batch::NAME, schema: batch::Batch::SCHEMA }, Kind::of::<ClockRecord>(), Kind::of::<Drops>()];

/// How many kinds the writer adds to those of a firmware.
pub const OWN_KINDS: usize = 3;

/// The kinds of a firmware.
#[derive(Clone, Copy)]
enum Kinds<'k> {
    Rust(&'k [Kind]),
    #[cfg(feature = "c-api")]
    C(c_kinds::Kinds<'k>),
}

/// One of the kinds.
enum Entry<'k> {
    Rust(&'k Kind),
    #[cfg(feature = "c-api")]
    C(&'k c_kinds::Kind),
}

/// The kinds by identifier.
#[derive(Clone, Copy)]
pub(crate) struct Table<'k> {
    kinds: Kinds<'k>,
}

impl Entry<'_> {
    fn name(&self) -> &[u8] {
        match self {
            Self::Rust(kind) => kind.name.as_bytes(),
            #[cfg(feature = "c-api")]
            Self::C(kind) => kind.name(),
        }
    }

    /// Hands the type encoding to `put`, piece by piece.
    fn schema(&self, put: &mut dyn FnMut(&[u8])) {
        match self {
            Self::Rust(kind) => put(kind.schema),
            #[cfg(feature = "c-api")]
            Self::C(kind) => kind.schema(put),
        }
    }

    fn schema_len(&self) -> usize {
        match self {
            Self::Rust(kind) => kind.schema.len(),
            #[cfg(feature = "c-api")]
            Self::C(kind) => {
                let mut len = 0;
                kind.schema(&mut |bytes| len += bytes.len());
                len
            }
        }
    }

    #[inline(never)] // flash
    fn body_len(&self) -> usize {
        let name = self.name().len();
        2 + varuint_len(name as u32) + name + self.schema_len()
    }
}

impl<'k> Table<'k> {
    /// The first [`MAX_KINDS`] of them.
    pub(crate) fn new(kinds: &'k [Kind]) -> Self {
        Self { kinds: Kinds::Rust(kinds.get(..MAX_KINDS).unwrap_or(kinds)) }
    }

    /// Those of C.
    #[cfg(feature = "c-api")]
    pub(crate) const fn of_c(kinds: c_kinds::Kinds<'k>) -> Self {
        Self { kinds: Kinds::C(kinds) }
    }

    /// How many kinds the firmware has: the greatest of its identifiers.
    pub(crate) const fn firmware(&self) -> u16 {
        let len = match self.kinds {
            Kinds::Rust(kinds) => kinds.len(),
            #[cfg(feature = "c-api")]
            Kinds::C(kinds) => kinds.len(),
        };
        len as u16
    }

    /// The greatest identifier.
    pub(crate) const fn last(&self) -> u16 {
        self.firmware() + OWN_KINDS as u16
    }

    pub(crate) const fn batch_id(&self) -> u16 {
        self.firmware() + 1
    }

    pub(crate) const fn clock_id(&self) -> u16 {
        self.firmware() + 2
    }

    pub(crate) const fn drops_id(&self) -> u16 {
        self.firmware() + 3
    }

    #[inline(never)] // flash
    fn get(&self, id: u16) -> Option<Entry<'k>> {
        let at = usize::from(id).checked_sub(1)?;
        let entry = match self.kinds {
            Kinds::Rust(kinds) => kinds.get(at).map(Entry::Rust),
            #[cfg(feature = "c-api")]
            Kinds::C(kinds) => kinds.get(at).map(Entry::C),
        };
        entry.or_else(|| OWN.get(at.checked_sub(self.firmware().into())?).map(Entry::Rust))
    }

    /// The length of the schema block of a kind.
    pub(crate) fn block_len(&self, id: u16) -> usize {
        self.get(id).map_or(0, |kind| 1 + varuint_len(kind.body_len() as u32) + kind.body_len())
    }

    /// Hands the schema block of a kind to `put`, piece by piece.
    #[inline(never)] // flash
    pub(crate) fn block(&self, id: u16, put: &mut dyn FnMut(&[u8])) {
        let Some(kind) = self.get(id) else { return };
        put(&[1]);
        number(kind.body_len(), put);
        put(&[id as u8, 0]);
        number(kind.name().len(), put);
        put(kind.name());
        kind.schema(put);
    }
}

/// Hands a number to `put`, as a varuint.
#[inline(never)] // flash
pub(crate) fn number(mut value: usize, put: &mut dyn FnMut(&[u8])) {
    while value >= 0x80 {
        put(&[value as u8 | 0x80]);
        value >>= 7;
    }
    put(&[value as u8]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;
    use tlog::wire::{BlockHeader, SchemaBlock};

    #[test]
    fn blocks_are_as_long_as_they_say_and_have_the_kinds() {
        let kinds = [Kind { name: "a", schema: &[4, 4] }, Kind { name: "bb", schema: &[7; 300] }];
        let table = Table::new(&kinds);
        for (id, name) in [(1, "a"), (2, "bb"), (3, "tlog.batch"), (4, "tlog.clock"), (5, "tlog.drops")] {
            let mut block = Vec::new();
            table.block(id, &mut |bytes| block.extend_from_slice(bytes));
            assert_eq!(block.len(), table.block_len(id));
            let header = BlockHeader::parse(&block).unwrap();
            assert_eq!(header.block_len(), Some(block.len() as u64));
            let schema = SchemaBlock::parse(&block[header.header_len..]).unwrap();
            assert_eq!((schema.identifier, schema.name), (u64::from(id), name.as_bytes()));
        }
        assert_eq!((table.block_len(0), table.block_len(6), table.last()), (0, 0, 5));
    }
}
