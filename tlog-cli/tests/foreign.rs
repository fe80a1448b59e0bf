//! Files that are no TLOG0003 logs: what they are is said, their name once.

mod support;

use support::{Folder, small};

/// What each kind of file starts with, and what the message says.
fn strangers() -> Vec<(Vec<u8>, &'static str)> {
    let mut mavlink = 1_549_900_112_574_307_u64.to_be_bytes().to_vec();
    mavlink.extend(b"\xfd\x09\0\0\0\x01\x01\0\0\0");
    vec![
        (mavlink, "MAVLink telemetry log"),
        (b"\x89MCAP0\r\n\x01\0\0\0\0".to_vec(), "an MCAP file"),
        (b"ULog\x01\x12\x35\x01\0\0\0\0\0\0\0\0\0".to_vec(), "a PX4 ULog"),
        (b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), "compressed with gzip; try `gunzip -c"),
        (b"\x28\xb5\x2f\xfd\0\0".to_vec(), "compressed with zstd"),
        (b"TLOG0002\0".to_vec(), "format TLOG0002; this tool reads TLOG0003"),
        (b"hello, world".to_vec(), "a log starts with TLOG0003"),
        (b"".to_vec(), "it is empty"),
        (b"TLOG00".to_vec(), "ends inside its 9-byte header"),
        (b"TLOG0003".to_vec(), "ends inside its 9-byte header"),
        (b"TLOG0003\x05".to_vec(), "header flags 0x5"),
    ]
}

#[test]
fn are_named_by_every_command() {
    let folder = Folder::with("good.tlog", small());
    for (bytes, says) in strangers() {
        folder.put("this.tlog", &bytes);
        for args in [
            &["cat", "this.tlog"][..],
            &["cat", "this.tlog", "--format", "json"],
            &["cat", "this.tlog", "--format", "csv"],
            &["info", "this.tlog"],
            &["info", "--quick", "this.tlog"],
            &["schema", "show", "this.tlog"],
            &["schema", "diff", "good.tlog", "this.tlog"],
            &["write", "--schema-from", "this.tlog", "-o", "new.tlog"],
        ] {
            let refused = folder.tlog(args).refused(1);
            assert!(refused.contains(says), "{args:?}: {refused}");
            assert_eq!(refused.matches("this.tlog").count(), 1, "{args:?}: {refused}");
        }
        for args in [&["cat", "-"][..], &["info", "-"], &["schema", "show", "-"]] {
            let refused = folder.tlog_with(args, &bytes).refused(1);
            assert!(refused.contains(says), "{args:?}: {refused}");
            assert_eq!(refused.matches("standard input").count(), 1, "{args:?}: {refused}");
        }
    }
    assert_eq!(folder.names(), ["good.tlog", "this.tlog"]);
}

#[test]
fn are_not_followed() {
    let folder = Folder::with("this.tlog", b"\x89MCAP0\r\n\x01\0\0\0\0");
    assert!(folder.tlog(&["cat", "--follow", "this.tlog"]).refused(1).contains("an MCAP file"));
}

#[test]
fn missing_files_and_folders() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("logs")).unwrap();
    for command in [&["cat"][..], &["cat", "--follow"], &["info"], &["info", "--quick"], &["schema", "show"]] {
        let missing = folder.tlog(&[command, &["missing.tlog"]].concat()).refused(1);
        assert_eq!(missing.matches("missing.tlog: ").count(), 1, "{missing}");
        assert_eq!(missing.matches("os error 2").count(), 1, "{missing}");
        let wrong = folder.tlog(&[command, &["logs"]].concat()).refused(2);
        assert!(wrong.starts_with("tlog: error: logs is a folder"), "{wrong}");
    }
}

#[test]
fn the_extension_does_not_matter() {
    let folder = Folder::with("flight.bin", small());
    assert!(folder.tlog(&["info", "flight.bin"]).good().contains("complete"));
}
