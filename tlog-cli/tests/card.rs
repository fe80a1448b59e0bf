//! `tlog card`: images that other tools find right, sessions out of them, and cards that are none.

#[path = "../../tlog-index/tests/support/batches.rs"]
mod firmware;
mod support;

use std::io::{Read, Seek, SeekFrom, Write};
use std::process::Command;

use firmware::{Firmware, logged};
use serde_json::Value;
use support::Folder;
use tlog::wire::batch::SECTOR;

/// A program's output, if it is installed. In CI it must be.
fn tool(folder: &Folder, line: &[&str]) -> Option<String> {
    let mut command = Command::new(line[0]);
    match command.args(&line[1..]).current_dir(folder.path("")).env("MTOOLS_SKIP_CHECK", "1").output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{line:?}: {text}");
            Some(text)
        }
        Err(e) => {
            assert!(std::env::var_os("CI").is_none(), "{line:?}: {e}");
            println!("{line:?} was left out: {e}");
            None
        }
    }
}

fn le(bytes: &[u8], at: usize, len: usize) -> u64 {
    bytes[at..at + len].iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn read(folder: &Folder, at: u64, len: usize) -> Vec<u8> {
    let mut file = std::fs::File::open(folder.path("card.img")).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    let mut bytes = vec![0; len];
    file.read_exact(&mut bytes).unwrap();
    bytes
}

fn write(folder: &Folder, at: u64, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).open(folder.path("card.img")).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

/// Where things are in an image, found as simply as can be.
struct Places {
    boot: u64,
    fat: u64,
    root: u64,
    data: u64,
    cluster: u64,
}

fn places(folder: &Folder) -> Places {
    let boot = le(&read(folder, 0, 512), 454, 4) * 512;
    let sector = read(folder, boot, 512);
    let cluster = le(&sector, 13, 1) * 512;
    let fat = boot + le(&sector, 14, 2) * 512;
    let data = fat + le(&sector, 16, 1) * le(&sector, 36, 4) * 512;
    Places { boot, fat, root: data + (le(&sector, 44, 4) - 2) * cluster, data, cluster }
}

/// Where a file lies: its slot in the directory, its start, its length.
fn locate(folder: &Folder, name: &str) -> (u64, u64, u64) {
    let places = places(folder);
    let slots = read(folder, places.root, 8192);
    let short = name.replace('.', "");
    let at = slots.chunks(32).position(|slot| {
        slot.starts_with(&short.as_bytes()[..8]) || {
            let stem = name.split('.').next().unwrap();
            slot[..8] == *format!("{stem:<8}").as_bytes() && slot[8..11] == name.as_bytes()[stem.len() + 1..]
        }
    });
    let at = at.expect("no such file") * 32;
    let first = le(&slots, at + 20, 2) << 16 | le(&slots, at + 26, 2);
    (places.root + at as u64, places.data + (first - 2) * places.cluster, le(&slots, at + 28, 4))
}

fn init(folder: &Folder, more: &[&str]) -> String {
    folder.tlog(&[&["card", "init", "card.img"], more].concat()).good()
}

/// A card of four files of 64 KiB.
fn card() -> Folder {
    let folder = Folder::new();
    init(&folder, &["--files", "4", "--size", "64KiB"]);
    folder
}

/// What is in a file of the card, changed.
fn change(folder: &Folder, name: &str, change: impl FnOnce(&mut [u8])) {
    let (_, at, len) = locate(folder, name);
    let mut bytes = read(folder, at, len as usize);
    change(&mut bytes);
    write(folder, at, &bytes);
}

/// A card with a closed session 5, an open session 6, a session 7 that was cut; over older ones.
fn used_card() -> Folder {
    let folder = card();
    for (file, stale, session) in [("TLOG0001.TLG", 1, 5), ("TLOG0002.TLG", 2, 6), ("TLOG0003.TLG", 3, 7)] {
        change(&folder, file, |bytes| {
            logged(bytes, stale, 20, 60);
            let mut firmware = logged(bytes, session, 5, 50);
            if session == 5 {
                firmware::apply(bytes, &firmware.close());
            }
            if session == 7 {
                let data = firmware::records(&firmware, 250, 50);
                let writes = firmware.batch(&data);
                firmware::apply(bytes, &writes[..2]);
            }
        });
    }
    folder
}

fn json(folder: &Folder, args: &[&str], code: i32) -> Value {
    let run = folder.tlog(&[args, &["--format", "json"]].concat());
    assert_eq!((run.code, run.err.as_str()), (code, ""), "{}", run.out);
    serde_json::from_str(&run.out).unwrap()
}

fn imu(folder: &Folder, log: &str) -> Vec<String> {
    let lines = folder.tlog(&["cat", log, "--record", "imu", "--format", "ndjson"]).good();
    lines.lines().map(str::to_owned).collect()
}

#[test]
fn other_tools_find_an_image_right() {
    for (files, size, bytes, len) in [
        ("1", "64KiB", 65_536, 64 << 20),
        ("40", "1MiB", 1 << 20, 64 << 20),
        ("3", "700MB", 700_006_400, 2 << 30),
        ("6", "4294934528", 4_294_934_528_u64, 32_u64 << 30),
    ] {
        let folder = Folder::new();
        let out = init(&folder, &["--files", files, "--size", size]);
        assert!(out.contains("session 1 is next"), "{out}");
        assert_eq!(folder.path("card.img").metadata().unwrap().len(), len);
        // Sparse: no more than the tables.
        #[cfg(target_os = "linux")]
        assert!(std::os::unix::fs::MetadataExt::blocks(&folder.path("card.img").metadata().unwrap()) * 512 < 24 << 20);
        let places = places(&folder);
        let (_, at, found) = locate(&folder, "TLOG0001.TLG");
        assert!(found == bytes || bytes > 1 << 20 && found.abs_diff(bytes) < places.cluster, "{found}");
        assert_eq!(at % if len >= 1 << 30 { 4 << 20 } else { places.cluster }, 0);
        // Each chain is one stretch.
        let first = (at - places.data) / places.cluster + 2;
        let clusters = found / places.cluster;
        let chain = read(&folder, places.fat + 4 * first, 4 * clusters as usize);
        for (i, next) in chain.chunks(4).enumerate() {
            let expected = if i as u64 + 1 == clusters { 0x0fff_ffff } else { first + i as u64 + 1 };
            assert_eq!(le(next, 0, 4), expected);
        }
        let part = format!("card.img@@{}", places.boot);
        if let Some(list) = tool(&folder, &["mdir", "-i", &part, "::"]) {
            assert!(list.contains("TLOG     CTL") && list.contains("TLOG0001 TLG"), "{list}");
            assert!(list.contains(&format!("{} files", files.parse::<u32>().unwrap() + 1)), "{list}");
            tool(&folder, &["mcopy", "-n", "-i", &part, "::TLOG.CTL", "control"]);
            let control = folder.get("control");
            for at in [0, control.len() / 2] {
                assert_eq!(tlog::wire::session::parse(&control[at..]), Some(0));
            }
        }
        // The whole image is too long for it where it has no offset; a sparse copy of the partition is quick.
        if len <= 64 << 20 {
            let partition = read(&folder, places.boot, (len - places.boot) as usize);
            folder.put("partition", partition);
            tool(&folder, &["fsck.fat", "-n", "-v", "partition"]);
        }
    }
}

#[test]
fn large_images_are_right_too() {
    let folder = Folder::new();
    init(&folder, &["--files", "12", "--size", "1G"]);
    let start = places(&folder).boot / 512;
    let copy = format!("skip={start}");
    let line = ["dd", "if=card.img", "of=partition", "bs=512", &copy, "conv=sparse", "count=200000", "status=none"];
    if tool(&folder, &line).is_some() {
        let len = std::fs::File::options().write(true).open(folder.path("partition")).unwrap();
        len.set_len(folder.path("card.img").metadata().unwrap().len() - start * 512).unwrap();
        tool(&folder, &["fsck.fat", "-n", "partition"]);
    }
}

#[test]
fn sessions_are_listed() {
    let folder = used_card();
    let out = folder.tlog(&["card", "ls", "card.img"]).good();
    assert!(out.contains("4 files, last session 7"), "{out}");
    let list = json(&folder, &["card", "ls", "card.img"], 0);
    let told =
        |file: &Value| [&file["state"], &file["session"], &file["batches"], &file["dropped"]].map(Value::to_string);
    let files: Vec<_> = list["files"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(files[0], ["\"closed\"", "5", "5", "4"]);
    assert_eq!(files[1], ["\"open\"", "6", "5", "4"]);
    assert_eq!(files[2], ["\"cut\"", "7", "6", "4"]);
    assert_eq!(files[3], ["\"empty\"", "null", "0", "0"]);
    assert_eq!(list["files"][0]["first_time"], 5_000_000);
    let fresh = card().tlog(&["card", "ls", "card.img"]).good();
    assert!(fresh.contains("no session yet") && fresh.matches("empty").count() == 4, "{fresh}");
}

#[test]
fn sessions_become_whole_logs() {
    let folder = used_card();
    let image = folder.get("card.img");
    let run = folder.tlog(&["card", "pull", "card.img", "-o", "logs"]);
    assert_eq!((run.code, run.err.as_str()), (3, ""), "{}", run.out);
    assert!(run.out.contains("session 5 (TLOG0001.TLG, closed): "), "{}", run.out);
    assert!(run.out.contains("batch 5 is not whole: the power went"), "{}", run.out);
    assert!(run.out.contains("session 7, 5 batches, not closed, cut off in a batch, 4 records dropped"), "{}", run.out);
    for session in [5, 6, 7] {
        let log = format!("logs/session-00000{session}.tlog");
        folder.tlog(&["verify", &log]).good();
        let info = folder.tlog(&["info", &log]).good();
        assert!(info.contains(&format!("card        session {session}, 5 batches, 4 records dropped")), "{info}");
        let found = imu(&folder, &log);
        assert_eq!(found.len(), 250);
        assert!(found.iter().all(|line| line.contains(&format!("\"session\":{session}"))));
    }
    assert_eq!(std::fs::read_dir(folder.path("logs")).unwrap().count(), 3);
    assert!(folder.get("card.img") == image, "the card was written to");

    // Once more, nothing happens; a log that differs is not overwritten.
    let before = folder.path("logs/session-000005.tlog").metadata().unwrap().modified().unwrap();
    let again = folder.tlog(&["card", "pull", "card.img", "-o", "logs", "--session", "5"]).good();
    assert!(again.contains("the same as in logs/session-000005.tlog"), "{again}");
    assert_eq!(folder.path("logs/session-000005.tlog").metadata().unwrap().modified().unwrap(), before);
    folder.put("logs/session-000006.tlog", b"mine");
    let run = folder.tlog(&["card", "pull", "card.img", "-o", "logs"]);
    assert!(run.code == 1 && run.err.contains("is there and differs: use another folder"), "{}", run.err);
    assert_eq!(folder.get("logs/session-000006.tlog"), b"mine");
    folder.tlog(&["card", "pull", "card.img", "-o", "logs", "--session", "6", "--force"]).good();
    assert_eq!(imu(&folder, "logs/session-000006.tlog").len(), 250);
    let missing = folder.tlog(&["card", "pull", "card.img", "-o", "logs", "--session", "9"]).refused(2);
    assert!(missing.contains("no session 9"), "{missing}");
    let err = folder.tlog(&["card", "pull", "card.img", "-o", "card.img"]).refused(2);
    assert_eq!(err.matches("is not a folder").count(), 1, "{err}");
}

#[test]
fn large_files_are_looked_at_in_few_places_and_read_whole() {
    let folder = Folder::new();
    init(&folder, &["--files", "2", "--size", "3MiB"]);
    for (file, batches) in [("TLOG0001.TLG", 700_u32), ("TLOG0002.TLG", 1)] {
        change(&folder, file, |bytes| {
            logged(bytes, 3, 1000, 60);
            logged(bytes, 4, batches, 60);
        });
        let list = json(&folder, &["card", "ls", "card.img"], 0);
        let found = list["files"].as_array().unwrap().iter().find(|found| found["file"] == file).unwrap();
        assert_eq!((&found["batches"], &found["state"]), (&batches.into(), &"open".into()));
        let all = json(&folder, &["card", "pull", "card.img", "-o", file], 0);
        let pulled = all["sessions"].as_array().unwrap().iter().find(|pulled| pulled["file"] == file).unwrap();
        assert_eq!(pulled["report"]["batches"]["whole"], batches);
        assert_eq!(pulled["report"]["records"][0]["kept"], batches * 60);
    }
}

#[test]
fn a_mounted_card_is_a_folder() {
    let folder = used_card();
    std::fs::create_dir(folder.path("card")).unwrap();
    for (name, to) in
        [("TLOG0001.TLG", "tlog0001.tlg"), ("TLOG0002.TLG", "TLOG0002.TLG"), ("TLOG0003.TLG", "TLOG0003.TLG")]
    {
        let (_, at, len) = locate(&folder, name);
        folder.put(&format!("card/{to}"), read(&folder, at, len as usize));
    }
    assert_eq!(json(&folder, &["card", "ls", "card"], 0)["files"].as_array().unwrap().len(), 3);
    assert_eq!(folder.tlog(&["card", "pull", "card", "-o", "from-folder"]).code, 3);
    assert_eq!(folder.tlog(&["card", "pull", "card.img", "-o", "from-image"]).code, 3);
    for session in [5, 6, 7] {
        let of = |from: &str| folder.get(&format!("from-{from}/session-00000{session}.tlog"));
        assert!(of("folder") == of("image"));
    }
}

#[test]
fn unverified_blocks_only_on_request() {
    let folder = used_card();
    let report = json(&folder, &["card", "pull", "card.img", "-o", "logs", "--session", "7", "--unverified"], 3);
    let report = &report["sessions"][0]["report"];
    assert!(report["unverified_kept"].as_u64().unwrap() > 5, "{report}");
    assert!(imu(&folder, "logs/session-000007.tlog").len() > 250);
}

#[test]
fn times_of_the_world() {
    let folder = card();
    let utc = 1_700_000_000_000_000;
    change(&folder, "TLOG0001.TLG", |bytes| {
        let mut firmware = Firmware::new(1, bytes.len() / SECTOR);
        let data = [firmware.imu(1_000_000, 0), Firmware::clock(2_000_000, utc), firmware.imu(3_000_000, 1)];
        firmware::apply(bytes, &firmware.batch(&data));
    });
    folder.tlog(&["card", "pull", "card.img", "-o", "logs", "--rebase"]).good();
    let lines = imu(&folder, "logs/session-000001.tlog");
    assert!(lines[0].starts_with(r#"{"time":"2023-11-14T22:13:19Z""#), "{lines:?}");
    assert!(lines[1].starts_with(r#"{"time":"2023-11-14T22:13:21Z""#), "{lines:?}");
    folder.tlog(&["card", "pull", "card.img", "-o", "plain"]).good();
    assert!(imu(&folder, "plain/session-000001.tlog")[0].starts_with(r#"{"time":"1970-01-01T00:00:01Z""#));
    let run = folder.tlog(&["recover", "plain/session-000001.tlog", "--rebase", "-o", "later.tlog"]).good();
    assert!(run.contains("2023-11-14T22:13:2"), "{run}");
}

#[test]
fn a_file_that_was_just_copied_can_be_read() {
    let folder = used_card();
    for (name, records, closed) in [("TLOG0001.TLG", 250, true), ("TLOG0002.TLG", 250, false)] {
        let (_, at, len) = locate(&folder, name);
        folder.put(name, read(&folder, at, len as usize));
        assert_eq!(imu(&folder, name).len(), records);
        let info = folder.tlog(&["info", name]).good();
        assert_eq!(info.contains("index       present"), closed, "{info}");
        assert!(info.contains("5 batches, 4 records dropped"), "{info}");
        assert_eq!(folder.tlog(&["verify", name]).code, 0);
        let run = folder.tlog(&["recover", name, "-o", "whole.tlog", "--force"]).good();
        assert!(run.contains("5 batches"), "{run}");
        assert_eq!(imu(&folder, "whole.tlog").len(), records);
    }
    let err = folder.tlog(&["card", "ls", "TLOG0001.TLG"]).refused(1);
    assert!(err.contains("tlog recover"), "{err}");
}

#[test]
fn what_cannot_be_prepared_is_refused() {
    let folder = Folder::with("there.img", b"mine");
    std::fs::create_dir(folder.path("dir")).unwrap();
    for (args, says) in [
        (&["there.img", "--files", "1", "--size", "1MiB"][..], "use --force"),
        (&["dir", "--files", "1", "--size", "1MiB"], "neither a block device nor a regular file"),
        (&["/dev/null", "--files", "1", "--size", "1MiB"], "neither a block device nor a regular file"),
        (&["x.img", "--files", "0", "--size", "1MiB"], "1 to 9999 files"),
        (&["x.img", "--files", "10000", "--size", "1MiB"], "1 to 9999 files"),
        (&["x.img", "--files", "1", "--size", "4G"], "4294934528"),
        (&["x.img", "--files", "1", "--size", "1"], "a file of 1 bytes cannot be"),
        (&["x.img", "--files", "1", "--size", "lots"], "is not a size"),
        (&["x.img", "--files", "8", "--size", "16MiB", "--card-size", "64MiB"], "use --files 3"),
        (&["x.img", "--files", "1", "--size", "64KiB", "--card-size", "1MiB"], "cannot have FAT32"),
        (&["x.img", "--files", "1", "--size", "64KiB", "--card-size", "16TiB"], "cannot have FAT32"),
        (&["x.img", "--files", "1", "--size", "64KiB", "--wipe"], "for devices"),
    ] {
        let err = folder.tlog(&[&["card", "init"], args].concat()).refused(2);
        assert!(err.contains(says), "{args:?}: {err}");
    }
    assert_eq!(folder.names(), ["dir", "there.img"]);
    folder.tlog(&["card", "init", "there.img", "--files", "1", "--size", "1MiB", "--force"]).good();
    folder.tlog(&["card", "ls", "there.img"]).good();
}

/// A card with these bytes at these places.
fn broken(changes: &[(u64, &[u8])]) -> Folder {
    let folder = used_card();
    changes.iter().for_each(|(at, bytes)| write(&folder, *at, bytes));
    folder
}

#[test]
fn what_is_no_card_is_told() {
    let places = places(&used_card());
    let boot = places.boot;
    for (changes, says) in [
        (vec![(510, &[0, 0][..])], "neither a partition table"),
        (vec![(450, &[0x83])], "no partition of FAT32"),
        (vec![(454, &[0xff; 4])], "starts behind its end"),
        (vec![(boot + 510, &[0, 0])], "no signature"),
        (vec![(boot + 11, &[0, 16])], "512 bytes"),
        (vec![(boot + 13, &[0])], "contradict"),
        (vec![(boot + 13, &[3])], "contradict"),
        (vec![(boot + 14, &[0, 0])], "contradict"),
        (vec![(boot + 16, &[0])], "contradict"),
        (vec![(boot + 16, &[255])], "contradict"),
        (vec![(boot + 17, &[0, 2])], "not FAT32"),
        (vec![(boot + 36, &[0xff; 4])], "contradict"),
        (vec![(boot + 36, &[1, 0, 0, 0])], "contradict"),
        (vec![(boot + 32, &[0xff; 4])], "contradict"),
        (vec![(boot + 44, &[0; 4])], "contradict"),
        (vec![(boot + 44, &[0xff; 4])], "contradict"),
        (vec![(places.root, &[0])], "neither TLOG.CTL"),
    ] {
        let folder = broken(&changes);
        for command in [&["card", "ls", "card.img"][..], &["card", "pull", "card.img", "-o", "logs"]] {
            let err = folder.tlog(command).refused(1);
            assert!(err.contains(says), "{changes:?}: {err}");
        }
    }
    let folder = Folder::with("empty", b"");
    folder.put("text", "no card\n".repeat(1000));
    folder.put("short", &std::fs::read(used_card().path("card.img")).unwrap()[..3 << 20]);
    for (card, code, says) in [
        ("empty", 1, "no 512 bytes"),
        ("text", 1, "neither a partition table"),
        ("short", 1, "cut off"),
        ("missing", 1, "No such file"),
        (".", 1, "no TLOG0001.TLG in this folder"),
        ("/dev/null", 2, "neither a device"),
    ] {
        let err = folder.tlog(&["card", "ls", card]).refused(code);
        assert!(err.contains(says), "{err}");
    }
}

#[test]
fn files_that_are_not_right_are_told_and_the_others_read() {
    let folder = used_card();
    let places = places(&folder);
    let first_cluster = |name: &str| (locate(&folder, name).1 - places.data) / places.cluster + 2;
    let fat = |name: &str, at: u64| places.fat + 4 * (first_cluster(name) + at);
    let (slot, ..) = locate(&folder, "TLOG0002.TLG");
    for (at, bytes, says) in [
        (fat("TLOG0002.TLG", 3), vec![9, 0, 0, 0], "not in one piece"),
        // A circle, and a chain that goes on.
        (fat("TLOG0002.TLG", 127), (first_cluster("TLOG0002.TLG") as u32).to_le_bytes().to_vec(), "not in one piece"),
        (slot + 26, vec![0, 0], "lies outside"),
        (slot + 20, vec![0xff, 0xff], "lies outside"),
        (slot + 28, vec![0xff; 4], "outside"),
        (slot, b"TLOG0001TLG".to_vec(), "two of this name"),
    ] {
        let folder = broken(&[(at, &bytes)]);
        let run = folder.tlog(&["card", "ls", "card.img"]);
        assert_eq!(run.code, 3, "{says}: {}", run.err);
        assert!(run.err.contains(says), "{}", run.err);
        assert!(run.out.contains("TLOG0001.TLG       5  closed"), "{}", run.out);
    }
    // The directory in a circle, full of files: it ends.
    let mut slots = Vec::new();
    for i in 0..places.cluster / 32 {
        let mut slot = read(&folder, slot, 32);
        slot[..8].copy_from_slice(format!("TLOG{:04}", i % 7).as_bytes());
        slots.extend(slot);
    }
    let root = (places.root - places.data) / places.cluster + 2;
    let folder = broken(&[(places.root, &slots), (places.fat + 4 * root, &(root as u32).to_le_bytes())]);
    let run = folder.tlog(&["card", "ls", "card.img"]);
    assert!(run.code == 3 && run.err.contains("two of this name"), "{}", run.err);
}

#[test]
fn a_start_that_is_lost_is_told() {
    let folder = used_card();
    change(&folder, "TLOG0002.TLG", |bytes| bytes[..32].fill(0xff));
    let run = folder.tlog(&["card", "ls", "card.img"]);
    assert!(run.code == 3 && run.out.contains("unknown"), "{}", run.out);
    let run = folder.tlog(&["card", "pull", "card.img", "-o", "logs"]);
    assert!(
        run.code == 3 && run.out.contains("a session (TLOG0002.TLG, unknown): nothing could be kept"),
        "{}",
        run.out
    );
    assert_eq!(std::fs::read_dir(folder.path("logs")).unwrap().count(), 2);
}

#[test]
fn help_has_examples() {
    let folder = Folder::new();
    for command in ["init", "ls", "pull"] {
        let help = folder.tlog(&["card", command, "--help"]).good();
        assert!(help.contains("Examples:") && help.contains(&format!("tlog card {command} ")), "{help}");
    }
}
