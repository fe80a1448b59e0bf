//! The seek marker: a point in the file that a scanner can recognise and trust.
//!
//! ```text
//! marker u64 │ crc32 u32 │ header_len u8 │ flags varuint │ timestamp i64 │ nelements varuint │ (identifier, previous_offset)…
//! ```

use super::{BlockHeader, BlockType, BodyError, Fields, crc};

/// The eight bytes that a scanner looks for: 0xfdcab9a897867564, little endian.
pub const MARKER: [u8; 8] = 0xfdca_b9a8_9786_7564_u64.to_le_bytes();

/// Where in the body the checksum lies.
const CRC_AT: usize = MARKER.len();

/// The part of the body whose length never changes: marker, checksum, header length, flags, timestamp.
const FIXED_LEN: usize = MARKER.len() + crc::LEN + 1 + 1 + 8;

/// A seek marker whose checksum has been verified.
#[derive(Clone, Copy, Debug)]
pub struct SeekMarker<'a> {
    /// Microseconds since the Unix epoch; that of the data block before the marker.
    pub timestamp: i64,
    /// How many elements the marker claims and [`elements`](Self::elements) delivers.
    pub count: u64,
    elements: &'a [u8],
}

impl<'a> SeekMarker<'a> {
    /// Reads and verifies a whole marker block, from its type byte to the end of its body.
    /// `None` in the outer option: the stored checksum is not that of the block.
    ///
    /// # Errors
    /// [`BodyError`], when it is not a marker block, or is none that this version understands.
    pub fn parse(block: &'a [u8]) -> Result<Option<Self>, BodyError> {
        let header = BlockHeader::parse(block)?;
        let body = block.get(header.header_len..).unwrap_or(&[]);
        let mut fields = Fields::new(body);
        let marker: [u8; 8] = fields.array()?;
        let stored = u32::from_le_bytes(fields.array()?);
        let [header_len] = fields.array()?;
        let is_marker = header.block_type == BlockType::SeekMarker && marker == MARKER;
        if !is_marker || usize::from(header_len) != header.header_len || header.body_len != body.len() as u64 {
            return Err(BodyError::Fixed);
        }
        if crc::block_crc(block, header.header_len + CRC_AT) != stored {
            return Ok(None);
        }
        fields.no_flags()?;
        let timestamp = i64::from_le_bytes(fields.array()?);
        let count = fields.varuint()?;
        let elements = fields.rest();
        for _ in 0..count {
            fields.varuint()?;
            fields.varuint()?;
        }
        fields.end()?;
        Ok(Some(Self { timestamp, count, elements }))
    }

    /// Per record that has data so far: its identifier, and the distance in bytes from this
    /// block's start back to the start of its latest data block.
    pub fn elements(&self) -> impl Iterator<Item = (u64, u64)> + Clone + use<'a> {
        let mut fields = Fields::new(self.elements);
        core::iter::from_fn(move || Some((fields.varuint().ok()?, fields.varuint().ok()?)))
    }

    /// How long the block with these elements is, header included.
    pub fn encoded_len(elements: impl Iterator<Item = (u64, u64)>) -> usize {
        let (count, bytes) = elements.fold((0u64, 0), |(count, bytes), (identifier, previous)| {
            (count + 1, bytes + super::varuint::len(identifier) + super::varuint::len(previous))
        });
        let body = FIXED_LEN + super::varuint::len(count) + bytes;
        BlockHeader::encode(BlockType::SeekMarker, body as u64).1 + body
    }

    /// Writes a whole marker block with its checksum into the front of `out`; how many bytes that
    /// took, `None` when it does not fit. `elements` in ascending order of identifiers, as the reference writes them.
    pub fn encode(timestamp: i64, elements: impl Iterator<Item = (u64, u64)> + Clone, out: &mut [u8]) -> Option<usize> {
        let block_len = Self::encoded_len(elements.clone());
        let block = out.get_mut(..block_len)?;
        let mut body_len = block_len;
        // The header's length depends on the body's: at most two rounds settle it.
        let (header, header_len) = loop {
            let (header, header_len) = BlockHeader::encode(BlockType::SeekMarker, body_len as u64);
            if header_len + body_len == block_len {
                break (header, header_len);
            }
            body_len = block_len.checked_sub(header_len)?;
        };
        let mut filler = super::Filler::new(block);
        filler.put(&header[..header_len])?;
        filler.put(&MARKER)?;
        filler.put(&[0; crc::LEN])?;
        filler.put(&[header_len as u8, 0])?;
        filler.put(&timestamp.to_le_bytes())?;
        filler.varuint(elements.clone().count() as u64)?;
        for (identifier, previous) in elements {
            filler.varuint(identifier)?;
            filler.varuint(previous)?;
        }
        let crc_at = header_len + CRC_AT;
        let crc = crc::block_crc(block, crc_at);
        block[crc_at..crc_at + crc::LEN].copy_from_slice(&crc.to_le_bytes());
        Some(block_len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first marker of the reference writer's `seek_small` log.
    const BLOCK: [u8; 27] = [
        0x05, 0x19, 0x64, 0x75, 0x86, 0x97, 0xa8, 0xb9, 0xca, 0xfd, 0x52, 0x48, 0x44, 0x0f, 0x02, 0x00, 0x40, 0x62,
        0x16, 0xcd, 0x74, 0xa0, 0x05, 0x00, 0x01, 0x01, 0x17,
    ];

    #[test]
    fn agrees_with_the_reference_both_ways() {
        let marker = SeekMarker::parse(&BLOCK).unwrap().unwrap();
        assert_eq!(marker.timestamp, 1_583_798_401_000_000);
        assert!(marker.elements().eq([(1, 0x17)]));
        let mut out = [0; 64];
        let len = SeekMarker::encode(marker.timestamp, marker.elements(), &mut out);
        assert_eq!(len, Some(BLOCK.len()));
        assert_eq!(out[..BLOCK.len()], BLOCK);
        assert_eq!(SeekMarker::encode(0, marker.elements(), &mut out[..20]), None);
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        for bit in 0..BLOCK.len() * 8 {
            let mut block = BLOCK;
            block[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(SeekMarker::parse(&block), Ok(Some(_))), "bit {bit}");
        }
    }

    #[test]
    fn lengths_around_the_steps_of_the_size_varuint_are_right() {
        let mut out = [0; 20_000];
        for count in (0..200).chain(8_170..8_190) {
            let elements = (0..count).map(|_| (1u64, 1u64));
            let len = SeekMarker::encode(7, elements, &mut out).unwrap();
            let marker = SeekMarker::parse(&out[..len]).unwrap().unwrap();
            assert_eq!(marker.elements().count(), count);
        }
    }
}
