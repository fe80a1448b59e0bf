//! What a card says of itself and of its failures, sorted into what can be done about it.

use crate::device::DeviceError;

/// The answer to every command, R1: bits for what is wrong. It differs from an idle bus in its first bit, which is 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct R1(pub u8);

impl R1 {
    /// Ready, nothing wrong.
    pub const READY: Self = Self(0);
    /// Being initialised, nothing wrong.
    pub const IDLE: Self = Self(1);

    const ILLEGAL: u8 = 1 << 2;
    const PARAMETER: u8 = 1 << 6;

    /// Whether the card does not know the command.
    pub const fn is_illegal(self) -> bool {
        self.0 & Self::ILLEGAL != 0
    }

    /// Whether nothing is wrong, initialised or not.
    pub const fn is_clean(self) -> bool {
        self.0 & !Self::IDLE.0 == 0
    }

    /// What it means where only [`READY`](Self::READY) will do.
    pub const fn check(self) -> Result<(), DeviceError> {
        match self.0 {
            0 => Ok(()),
            // It has forgotten that it was initialised: another card, or one that had no power meanwhile.
            r1 if r1 & Self::IDLE.0 != 0 => Err(DeviceError::Absent),
            r1 if r1 & Self::PARAMETER != 0 => Err(DeviceError::OutOfRange),
            _ => Err(DeviceError::Failed),
        }
    }
}

/// What the second byte of the status (R2, the answer to CMD13) means.
pub(super) const fn check_status(status: u8) -> Result<(), DeviceError> {
    const LOCKED: u8 = 1 << 0;
    const WRITE_PROTECTED: u8 = 1 << 5;
    const OUT_OF_RANGE: u8 = 1 << 7;
    match status {
        0 => Ok(()),
        status if status & (LOCKED | WRITE_PROTECTED) != 0 => Err(DeviceError::WriteProtected),
        status if status & OUT_OF_RANGE != 0 => Err(DeviceError::OutOfRange),
        _ => Err(DeviceError::Failed),
    }
}

/// What the card says to a block of data it was sent.
pub(super) const fn check_accepted(response: u8) -> Result<(), DeviceError> {
    match response & 0x1f {
        0b0_0101 => Ok(()),
        // No card drives the line.
        0x1f => Err(DeviceError::Absent),
        // A wrong checksum (101), a failure to write (110), or nothing that a card says.
        _ => Err(DeviceError::Failed),
    }
}

/// What the card says instead of the block of data it was asked for.
pub(super) const fn refused(token: u8) -> DeviceError {
    const OUT_OF_RANGE: u8 = 1 << 3;
    match token {
        token if token & 0xf0 == 0 && token & OUT_OF_RANGE != 0 => DeviceError::OutOfRange,
        _ => DeviceError::Failed,
    }
}

/// The register with the card's geometry and whether it may be written to (CSD).
#[derive(Clone, Copy)]
pub(super) struct Csd(pub [u8; 16]);

impl Csd {
    /// How many sectors of 512 bytes the card has; `None` for a version of the register that is not known.
    pub fn sectors(self) -> Option<u32> {
        let [version, _, _, _, _, read_len, size_a, size_b, size_c, factor_a, factor_b, ..] = self.0;
        match version >> 6 {
            0 => {
                let size = u32::from(size_a & 3) << 10 | u32::from(size_b) << 2 | u32::from(size_c >> 6);
                let factor = (factor_a & 3) << 1 | factor_b >> 7;
                // At most 2^12 blocks times 2^9, of at most 2^15 bytes.
                let shift = u32::from(factor) + 2 + u32::from(read_len & 15);
                (shift >= 9).then(|| (size + 1) << (shift - 9))
            }
            1 => {
                let size = u32::from(size_b & 0x3f) << 16 | u32::from(size_c) << 8 | u32::from(factor_a);
                // A card of 2 TiB has one sector more than its last number says; nobody will miss it.
                Some((size + 1).saturating_mul(1024))
            }
            _ => None,
        }
    }

    /// Whether it is write-protected, for now or forever.
    pub const fn is_write_protected(self) -> bool {
        self.0[14] & 0x30 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_capacity_of_small_large_and_largest_cards() {
        // 2 GiB: 4096 blocks × 512, of 1024 bytes.
        let small = Csd([0, 0x26, 0, 0x32, 0x5f, 0x5a, 0x83, 0xff, 0xed, 0xcf, 0x80, 0, 0, 0x40, 0x40, 0]);
        assert_eq!(small.sectors(), Some(4 << 20));
        let mut large = [0; 16];
        large[0] = 0x40;
        large[9] = 7;
        assert_eq!(Csd(large).sectors(), Some(8 * 1024));
        large[7..10].copy_from_slice(&[0x3f, 0xff, 0xff]);
        assert_eq!(Csd(large).sectors(), Some(u32::MAX));
        large[0] = 0x80;
        assert_eq!(Csd(large).sectors(), None);
        assert_eq!(Csd([0; 16]).sectors(), None, "blocks of one byte");
    }

    #[test]
    fn all_answers_have_a_meaning() {
        use DeviceError::{Absent, Failed, OutOfRange, WriteProtected};
        for r1 in 1..=255u8 {
            assert!(R1(r1).check().is_err());
            assert!(check_status(r1).is_err());
        }
        assert_eq!([0x01, 0x40, 0x04, 0x08].map(|r1| R1(r1).check()), [Absent, OutOfRange, Failed, Failed].map(Err));
        assert_eq!(
            [0x01, 0x20, 0x80, 0x10].map(check_status),
            [WriteProtected, WriteProtected, OutOfRange, Failed].map(Err)
        );
        assert_eq!([0xe5, 0x05].map(check_accepted), [Ok(()); 2]);
        assert_eq!([0xff, 0x0b, 0x0d, 0].map(check_accepted), [Absent, Failed, Failed, Failed].map(Err));
        assert_eq!([0x08, 0x04, 0xf8].map(refused), [OutOfRange, Failed, Failed]);
    }
}
