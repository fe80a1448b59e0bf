//! What a file is that is not a TLOG0003 log: the extension `.tlog` is used by others too.

/// How many bytes [`foreign`] wants to see.
pub const LEN: usize = 16;

/// What an MCAP file is called.
pub const MCAP: &str = "an MCAP file";

/// What a ULog is called.
pub const ULOG: &str = "a PX4 ULog";

/// File formats by their first bytes, and what to do with them.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"\x89MCAP0\r\n", MCAP),
    (b"ULog\x01\x12\x35", ULOG),
    (b"\x1f\x8b", "compressed with gzip; try `gunzip -c FILE | tlog … -`"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; try `zstd -dc FILE | tlog … -`"),
    (b"\xfd7zXZ\0", "compressed with xz; try `xz -dc FILE | tlog … -`"),
    (b"BZh", "compressed with bzip2; try `bzip2 -dc FILE | tlog … -`"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"#ROSBAG", "a ROS 1 bag"),
    (b"SQLite format 3\0", "an SQLite database, perhaps a ROS 2 bag"),
    (b"PAR1", "a Parquet file"),
    (b"\xa3\x95", "an ArduPilot DataFlash log"),
    (b"MDF     ", "an ASAM MDF file"),
    (b"WPILOG", "a WPILib data log"),
];

/// The years 2000 and 2100 in microseconds.
const PLAUSIBLE_MICROS: std::ops::Range<u64> = 946_684_800_000_000..4_102_444_800_000_000;

/// What the file that starts with `head` is, if it is no TLOG0003 log; one that ends inside the magic may still become one.
pub fn foreign(head: &[u8]) -> Option<String> {
    if head.iter().zip(&tlog::wire::MAGIC).all(|(a, b)| a == b) {
        return None;
    }
    if head.starts_with(b"TLOGX\r\n\x1a") {
        return Some("the index of a log, made by `tlog index`; give the log itself".to_owned());
    }
    if head.starts_with(b"TLOG") && head.len() >= 8 {
        let version = String::from_utf8_lossy(&head[..8]).into_owned();
        return Some(format!("a log of the format {version}; this tool reads TLOG0003"));
    }
    Some(known(head).unwrap_or("of a kind that this tool does not know: a log starts with TLOG0003").to_owned())
}

/// What the file that starts with `head` is, if it is of a kind that is known by its first bytes.
pub fn known(head: &[u8]) -> Option<&'static str> {
    let signature = SIGNATURES.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, what)| *what);
    signature.or_else(|| is_mavlink(head).then_some("a MAVLink telemetry log, which uses the extension .tlog too"))
}

/// MAVLink logs are packets, each behind eight bytes of big-endian microseconds.
fn is_mavlink(head: &[u8]) -> bool {
    let Some((time, [start, ..])) = head.split_first_chunk::<8>() else { return false };
    PLAUSIBLE_MICROS.contains(&u64::from_be_bytes(*time)) && matches!(start, 0xfe | 0xfd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_it_knows() {
        assert_eq!(foreign(b"TLOG0003\0"), None);
        assert_eq!(foreign(b"TLOG"), None);
        assert!(foreign(b"hello").unwrap().contains("a log starts with TLOG0003"));
        assert!(foreign(b"TLOG0002\0").unwrap().contains("TLOG0002"));
        assert!(foreign(b"TLOGX\r\n\x1a\x01").unwrap().contains("tlog index"));
        assert!(foreign(b"\x1f\x8b\x08\0").unwrap().contains("gunzip"));
        let mut mavlink = 1_549_900_112_574_307_u64.to_be_bytes().to_vec();
        mavlink.extend(b"\xfd\x09\0\0");
        assert!(foreign(&mavlink).unwrap().contains("MAVLink"));
    }
}
