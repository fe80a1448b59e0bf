//! The checksums of the SD bus: 7 bits over commands, 16 bits over data. Without tables: both run at the bus's own pace.

/// CRC-7 (x⁷+x³+1) of a command, in the seven upper bits as the frame has it, with the end bit below.
pub(super) const fn crc7(frame: &[u8; 5]) -> u8 {
    let (mut crc, mut at) = (0u8, 0);
    while at < frame.len() {
        crc ^= frame[at];
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ if crc & 0x80 == 0 { 0 } else { 0x12 };
            bit += 1;
        }
        at += 1;
    }
    crc | 1
}

/// CRC-16 (CCITT, x¹⁶+x¹²+x⁵+1, from zero) of a block of data.
pub(super) fn crc16(data: &[u8]) -> u16 {
    data.iter().fold(0, |crc: u16, byte| {
        let crc = crc.rotate_left(8) ^ u16::from(*byte);
        let crc = crc ^ (crc & 0xff) >> 4;
        let crc = crc ^ crc << 12;
        crc ^ (crc & 0xff) << 5
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agree_with_the_examples_of_the_specification() {
        // CMD0, CMD17 with argument 0, and the answer to the latter.
        assert_eq!(crc7(&[0x40, 0, 0, 0, 0]), 0x95);
        assert_eq!(crc7(&[0x51, 0, 0, 0, 0]), 0b0101_0101);
        assert_eq!(crc7(&[0x11, 0, 0, 0x09, 0]), 0b0110_0111);
        assert_eq!(crc16(&[0xff; 512]), 0x7fa1);
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }
}
