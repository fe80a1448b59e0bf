//! Variable-length integers: unsigned LEB128, and zigzag on top of it.
//!
//! Overlong forms (`80 00` for zero) are read, because both reference readers
//! read them, and never written.

/// The longest varuint: nine groups of seven bits and one bit.
pub const MAX_LEN: usize = 10;

/// Why bytes are not a varuint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaruintError {
    /// The bytes end while the last one says that more follow.
    #[error("the varuint is cut off")]
    Truncated,
    /// An eleventh byte, or a tenth above `01`: the value does not fit into 64 bits.
    #[error("the varuint does not fit into 64 bits")]
    Overflow,
}

/// Decodes the varuint at the front of `bytes`: its value and how many bytes it took.
///
/// Inlined for the cases of one and two bytes, by far the most frequent: `benches/read`.
///
/// # Errors
/// [`VaruintError::Truncated`] and [`VaruintError::Overflow`].
///
/// ```
/// assert_eq!(tlog::wire::varuint::decode(&[0x80, 0x02, 0xff]), Ok((256, 2)));
/// ```
#[inline]
pub const fn decode(bytes: &[u8]) -> Result<(u64, usize), VaruintError> {
    match bytes {
        [only, ..] if *only < 0x80 => Ok((*only as u64, 1)),
        [low, high, ..] if *high < 0x80 => Ok(((*low & 0x7f) as u64 | (*high as u64) << 7, 2)),
        _ => decode_long(bytes),
    }
}

const fn decode_long(bytes: &[u8]) -> Result<(u64, usize), VaruintError> {
    let mut value = 0;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if at == MAX_LEN - 1 && byte > 1 {
            return Err(VaruintError::Overflow);
        }
        value |= ((byte & 0x7f) as u64) << (7 * at);
        at += 1;
        if byte < 0x80 {
            return Ok((value, at));
        }
    }
    Err(VaruintError::Truncated)
}

/// Encodes `value` in its shortest form into the front of `out`; how many bytes that took.
pub const fn encode(mut value: u64, out: &mut [u8; MAX_LEN]) -> usize {
    let mut at = 0;
    while value >= 0x80 {
        out[at] = value as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    out[at] = value as u8;
    at + 1
}

/// How many bytes [`encode`] writes for `value`.
pub const fn len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// A signed number as the unsigned one that a varint stores: 0, -1, 1, -2 → 0, 1, 2, 3.
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: u64) -> ([u8; MAX_LEN], usize) {
        let mut out = [0; MAX_LEN];
        let len = encode(value, &mut out);
        (out, len)
    }

    #[test]
    fn reads_what_it_writes_at_every_length() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) - 1, u64::MAX >> shift] {
                let (bytes, n) = encoded(value);
                assert_eq!(decode(&bytes[..n]), Ok((value, n)));
                assert_eq!(len(value), n);
                assert_eq!(decode(&bytes[..n - 1]), Err(VaruintError::Truncated));
            }
        }
    }

    #[test]
    fn the_format_documents_own_examples() {
        assert_eq!(encoded(128).0[..2], [0x80, 0x01]);
        assert_eq!(encoded(256).0[..2], [0x80, 0x02]);
        assert_eq!(encoded(zigzag(64)).0[..2], [0x80, 0x01]);
        for (signed, stored) in [(0, 0), (-1, 1), (1, 2), (-2, 3), (2, 4), (-64, 127)] {
            assert_eq!(zigzag(signed), stored);
            assert_eq!(unzigzag(stored), signed);
        }
        for extreme in [i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(extreme)), extreme);
        }
    }

    #[test]
    fn overlong_is_read_and_overflow_is_refused() {
        assert_eq!(decode(&[0x80, 0x00]), Ok((0, 2)));
        assert_eq!(decode(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]), Ok((0, 10)));
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]), Err(VaruintError::Overflow));
        assert_eq!(decode(&[0xff; 11]), Err(VaruintError::Overflow));
        assert_eq!(decode(&[0x80; 10]), Err(VaruintError::Overflow));
        assert_eq!(decode(&[]), Err(VaruintError::Truncated));
    }
}
