//! The schema block: identifier, flags, record name, type encoding.

use super::{BodyError, Fields};

/// The declaration of a record, its type still as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaBlock<'a> {
    /// The number by which data blocks refer to the record.
    pub identifier: u64,
    /// The record's name as stored; usually UTF-8, never guaranteed to be.
    pub name: &'a [u8],
    /// The binary type encoding, to the end of the body.
    pub schema: &'a [u8],
}

impl<'a> SchemaBlock<'a> {
    /// Reads the body of a schema block.
    ///
    /// # Errors
    /// [`BodyError::Truncated`], [`BodyError::Overflow`], and [`BodyError::Flags`]: no flag is defined.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let mut fields = Fields::new(body);
        let identifier = fields.varuint()?;
        fields.no_flags()?;
        let name = fields.bytes()?;
        Ok(Self { identifier, name, schema: fields.rest() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_annotated_example() {
        let body = [1, 0, 4, b't', b'e', b's', b't', 3, 4];
        let block = SchemaBlock::parse(&body).unwrap();
        assert_eq!(block, SchemaBlock { identifier: 1, name: b"test", schema: &[3, 4] });
        assert_eq!(SchemaBlock::parse(&[1, 1, 0]), Err(BodyError::Flags(1)));
        assert_eq!(SchemaBlock::parse(&[1, 0, 9, b'x']), Err(BodyError::Truncated));
        assert_eq!(
            SchemaBlock::parse(&[1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            Err(BodyError::Truncated)
        );
    }
}
