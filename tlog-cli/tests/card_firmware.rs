//! From `tlog card init` to `tlog card pull`, with the firmware between on a simulated card.

#[path = "../../firmware-writer/tests/support/mod.rs"]
mod firmware;
#[path = "../../tlog/tests/support/judge.rs"]
#[allow(dead_code, reason = "the judge of the library's tests, which looks at more")]
mod judge;
mod support;

use firmware::{KINDS, Memory, Queue, record};
use firmware_writer::card::{Config, Progress, WhenFull};
use firmware_writer::clock::{ClockRecord, ClockSource};
use firmware_writer::sim::SimCard;
use support::Folder;
use tlog::Micros;

/// Logs so many records, one each millisecond, and closes the log if `close`; the card's image.
fn log(image: Vec<u8>, records: u32, close: bool) -> Vec<u8> {
    let mut memory = Memory::new(8);
    let mut writer = memory.writer(SimCard::new(image), &Config::DEFAULT);
    let mut queue = Queue::new(1 << 20);
    let mut now = 2_000_000;
    writer.set_clock(ClockRecord { mono_us: now, utc_us: Micros(1_700_000_000_000_000), source: ClockSource::Gnss });
    for number in 0..records {
        now += 1_000;
        assert!(queue.log(record(number, now)));
        writer.device().at(now);
        let progress = writer.poll(&mut queue, now);
        assert!(!matches!(progress, Progress::Stopped(_)), "{progress:?}");
    }
    while if close { writer.close(&mut queue, now) } else { writer.flush(&mut queue, now) }
        .map(Result::unwrap)
        .is_pending()
    {}
    assert_eq!(writer.counts().acknowledged, records);
    writer.into_device().image().to_vec()
}

#[test]
fn what_firmware_logs_is_listed_and_pulled() {
    assert_eq!(KINDS.len(), 2);
    let folder = Folder::new();
    folder.tlog(&["card", "init", "card.img", "--files", "3", "--size", "1MiB"]).good();
    let image = log(folder.get("card.img"), 400, true);
    let image = log(image, 300, false);
    folder.put("card.img", &image);

    let list = folder.tlog(&["card", "ls", "card.img"]).good();
    assert!(list.contains("TLOG0001.TLG       1  closed") && list.contains("TLOG0002.TLG       2  open"), "{list}");
    let out = folder.tlog(&["card", "pull", "card.img", "-o", "logs", "--rebase"]).good();
    assert!(out.contains("session 1 (TLOG0001.TLG, closed)"), "{out}");
    for (session, records) in [(1, 400), (2, 300)] {
        let log = format!("logs/session-00000{session}.tlog");
        folder.tlog(&["verify", &log]).good();
        assert!(judge::check_reference_readable(&folder.get(&log)).indexed);
        let args = ["cat", &log, "--record", "sample", "--record", "note", "--format", "ndjson"];
        let lines = folder.tlog(&args).good();
        assert_eq!(lines.lines().count(), records);
        assert!(lines.starts_with(r#"{"time":"2023-11-14T22:13:20.001Z""#), "{}", lines.lines().next().unwrap());
    }
}

/// The slot of this file in the root directory, in bytes from the start of the image.
fn slot(image: &[u8], name: &[u8; 11]) -> usize {
    image.windows(11).position(|window| window == name).unwrap()
}

fn le(image: &[u8], at: usize, len: usize) -> usize {
    image[at..at + len].iter().rev().fold(0, |value, &byte| value << 8 | usize::from(byte))
}

#[test]
fn files_whose_size_takes_less_than_they_have_are_read_as_firmware_writes_them() {
    let folder = Folder::new();
    folder.tlog(&["card", "init", "card.img", "--files", "3", "--size", "1MiB"]).good();
    let prepared = folder.get("card.img");
    let slot = slot(&prepared, b"TLOG0001TLG");
    let boot = le(&prepared, 454, 4) * 512;
    let cluster = le(&prepared, slot + 20, 2) << 16 | le(&prepared, slot + 26, 2);
    let entry = |cluster: usize| boot + le(&prepared, boot + 14, 2) * 512 + 4 * cluster;
    let per_cluster = le(&prepared, boot + 13, 1) * 512;
    let last = cluster + (1 << 20) / per_cluster - 1;
    // The chain of the first file goes on into the second; then, a size that takes half of it, and no whole sectors.
    let longer: (usize, &[u8]) = (entry(last), &u32::try_from(last + 1).unwrap().to_le_bytes());
    let shorter: (usize, &[u8]) = (slot + 28, &((1_u32 << 19) + 612).to_le_bytes());
    for changes in [&[longer][..], &[shorter], &[longer, shorter]] {
        for close in [false, true] {
            let mut image = prepared.clone();
            changes.iter().for_each(|(at, bytes)| image[*at..*at + bytes.len()].copy_from_slice(bytes));
            folder.put("card.img", log(image, 200, close));
            let list = folder.tlog(&["card", "ls", "card.img"]).good();
            let ending = if close { "closed" } else { "open" };
            assert!(list.contains(&format!("TLOG0001.TLG       1  {ending}")), "{list}");
            folder.tlog(&["card", "pull", "card.img", "-o", "logs", "--force"]).good();
            let args = ["cat", "logs/session-000001.tlog", "--record", "sample", "--record", "note"];
            assert_eq!(folder.tlog(&args).good().lines().count(), 200);
        }
    }
}

#[test]
fn both_references_can_read_files_of_firmware_raw_and_recovered() {
    let folder = Folder::new();
    for (name, close) in [("closed", true), ("unclosed", false)] {
        let raw = format!("{}/../testdata/firmware/{name}.tlog", env!("CARGO_MANIFEST_DIR"));
        folder.tlog(&["recover", &raw, "-o", "recovered.tlog", "--force"]).good();
        let raw = judge::check_reference_readable(&std::fs::read(&raw).unwrap());
        let recovered = judge::check_reference_readable(&folder.get("recovered.tlog"));
        assert_eq!((raw.indexed, recovered.indexed, raw.data.len()), (close, true, 162));
        let all = |of: &judge::Contents| -> Vec<_> {
            let name = |id| of.schemas.iter().find(|schema| schema.id == id).unwrap().name.clone();
            of.data.iter().map(|data| (name(data.id), data.time, data.payload.clone())).collect()
        };
        assert_eq!(all(&recovered), all(&raw));
    }
    // As they are on the card, with the leftovers of an earlier use behind the filler.
    let (_, extents) = firmware::fat::card(&[40]);
    let plan =
        |first, close| firmware::Plan { sectors: 4, records: (first, first + 90), flush: 40, close, aligned: false };
    let recycle = Config { when_full: WhenFull::Recycle, ..Config::DEFAULT };
    for close in [false, true] {
        let mut card = SimCard::new(firmware::fat::card(&[40]).0);
        for (first, close) in [(1_000, true), (0, close)] {
            card = firmware::session(card, recycle, plan(first, close)).0;
        }
        let file = firmware::reading::bytes(card.image(), extents[0]);
        assert_eq!(judge::check_reference_readable(file).indexed, close);
    }
}
