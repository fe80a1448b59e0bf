//! Damaged logs: every intact record on standard output, exit code 3, one line on standard error.
//!
//! Every cut and every bit is tried through the library, in `tlog/tests/damage.rs`; here, samples.

mod support;

use support::{Folder, blocks, small, small_lines};
use tlog::wire::BlockType;

/// How many cuts and flips are tried.
const SAMPLES: usize = 50;

/// The lines of the data blocks that `keep`, given where they start and end.
fn lines_where(bytes: &[u8], keep: impl Fn(usize, usize) -> bool) -> Vec<String> {
    let data = blocks(bytes).into_iter().filter(|(kind, ..)| *kind == BlockType::Data);
    let lines = data.zip(small_lines()).filter(|((_, start, end), _)| keep(*start, *end));
    lines.map(|(_, line)| line).collect()
}

/// Reads `bytes` in every way; all must deliver `expected` and tell of damage.
#[track_caller]
fn check(what: &str, bytes: &[u8], expected: &[String]) {
    let folder = Folder::with("a.tlog", bytes);
    let cat = |more: &[&str]| folder.tlog(&[&["cat", "a.tlog", "--format", "ndjson"], more].concat());
    let run = cat(&[]);
    assert_eq!(run.out.lines().collect::<Vec<_>>(), expected, "{what}");
    assert_eq!((run.code, run.err.lines().count()), (3, 1), "{what}: {}", run.err);
    assert!(run.err.starts_with("tlog: warning: a.tlog: skipped "), "{what}: {}", run.err);
    assert_eq!(run.err.matches("a.tlog").count(), 1, "{what}: {}", run.err);
    let quiet = cat(&["-q"]);
    assert_eq!((quiet.code, quiet.err.as_str()), (3, ""), "{what}");
    assert_eq!(quiet.out, run.out, "{what}");
    let verbose = cat(&["-v"]);
    assert_eq!((verbose.code, &verbose.out), (3, &run.out), "{what}");
    assert!(verbose.err.contains("skipped bytes "), "{what}: {}", verbose.err);
    let piped = folder.tlog_with(&["cat", "-", "--format", "ndjson"], bytes);
    assert_eq!((piped.code, piped.err.lines().count(), &piped.out), (3, 1, &run.out), "{what}: {}", piped.err);
    let strict = cat(&["--strict"]);
    assert_eq!((strict.code, strict.err.lines().count()), (1, 1), "{what}: {}", strict.err);
    assert!(strict.err.contains("a.tlog: at byte "), "{what}: {}", strict.err);
    assert!(run.out.starts_with(&strict.out), "{what}");
}

#[test]
fn cuts() {
    let bytes = small();
    let ends: Vec<usize> = blocks(&bytes).iter().map(|(.., end)| *end).collect();
    for cut in (0..SAMPLES).map(|i| 10 + i * (bytes.len() - 10) / SAMPLES).filter(|cut| !ends.contains(cut)) {
        check(&format!("cut at {cut}"), &bytes[..cut], &lines_where(&bytes, |_, end| end <= cut));
    }
}

#[test]
fn flips() {
    let bytes = small();
    let from = blocks(&bytes).iter().find(|(kind, ..)| *kind == BlockType::Data).unwrap().1;
    for i in 0..SAMPLES {
        let at = from + i * (bytes.len() - from) / SAMPLES;
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (i % 8);
        check(
            &format!("bit {} of byte {at}", i % 8),
            &flipped,
            &lines_where(&bytes, |start, end| !(start..end).contains(&at)),
        );
    }
}

/// The small log with `bytes` put in front of the block at this position in the list of blocks.
fn with_insertion(at_block: usize, insertion: &[u8]) -> Vec<u8> {
    let mut bytes = small();
    let (_, start, _) = blocks(&bytes)[at_block];
    bytes.splice(start..start, insertion.iter().copied());
    bytes
}

#[test]
fn garbage_between_blocks() {
    for (at, garbage) in [(3, vec![0xa5; 300]), (7, vec![0; 300]), (9, vec![0xff; 3]), (12, b"hello".to_vec())] {
        check(&format!("{} bytes at block {at}", garbage.len()), &with_insertion(at, &garbage), &small_lines());
    }
}

#[test]
fn unknown_block_types() {
    for (code, at) in [(7, 0), (6, 5), (100, 9)] {
        check(&format!("type {code}"), &with_insertion(at, &[&[code, 5][..], b"hello"].concat()), &small_lines());
    }
}

#[test]
fn zeros_behind_the_end() {
    // What preallocation and power cuts leave, behind the index or without one.
    for len in [1, 2, 100, 70_000] {
        let complete = [small(), vec![0; len]].concat();
        check(&format!("{len} zeros"), &complete, &small_lines());
        let index = blocks(&small()).last().unwrap().1;
        check(&format!("{len} zeros, no index"), &[&small()[..index], &vec![0; len]].concat(), &small_lines());
    }
}

#[test]
fn a_wrong_index_is_not_used() {
    let mut bytes = small();
    let (_, start, end) = *blocks(&bytes).last().unwrap();
    // The place of the first schema.
    bytes[start + 5] ^= 2;
    check("wrong index", &bytes, &small_lines());
    let folder = Folder::with("a.tlog", &bytes);
    let info = folder.tlog(&["info", "a.tlog"]);
    assert_eq!((info.code, info.err.lines().count()), (3, 1), "{}", info.err);
    assert!(info.out.contains("index       wrong"), "{}", info.out);
    let schemas = folder.tlog(&["schema", "show", "a.tlog"]);
    assert_eq!((schemas.code, schemas.err.lines().count()), (3, 1), "{}", schemas.err);
    assert!(schemas.out.contains("gps (identifier 2)"), "{}", schemas.out);
    let quick = folder.tlog(&["info", "--quick", "a.tlog"]).refused(1);
    assert!(quick.contains("the index is wrong, try without --quick"), "{quick}");
    // A trailer that leads nowhere.
    let mut bytes = small();
    bytes[end - 12] ^= 0x40;
    let folder = Folder::with("a.tlog", &bytes);
    let info = folder.tlog(&["info", "a.tlog"]);
    assert_eq!((info.code, info.err.lines().count()), (3, 1), "{}", info.err);
}

#[test]
fn verbose_lists_every_stretch() {
    let mut bytes = small();
    let damaged: Vec<_> = blocks(&bytes).into_iter().filter(|(kind, ..)| *kind == BlockType::Data).step_by(3).collect();
    damaged.iter().for_each(|(_, _, end)| bytes[end - 1] ^= 1);
    let folder = Folder::with("a.tlog", &bytes);
    let one = folder.tlog(&["cat", "a.tlog"]);
    let total: usize = damaged.iter().map(|(_, start, end)| end - start).sum();
    let summary = format!("skipped {} damaged stretches, {total} bytes in all", damaged.len());
    assert!(
        one.err.contains(&format!("{summary}; first bytes {}..{}: checksum", damaged[0].1, damaged[0].2)),
        "{}",
        one.err
    );
    let listed = folder.tlog(&["cat", "a.tlog", "-v"]).err;
    assert_eq!(listed.lines().count(), damaged.len() + 1, "{listed}");
    assert!(
        damaged.iter().all(|(_, start, end)| listed.contains(&format!("skipped bytes {start}..{end}: "))),
        "{listed}"
    );
    assert!(listed.trim_end().ends_with(&summary), "{listed}");
}

#[test]
fn strict_names_the_offset_of_the_damaged_block() {
    let mut bytes = small();
    let (_, start, end) = blocks(&bytes)[6];
    bytes[end - 1] ^= 1;
    let strict = Folder::with("a.tlog", &bytes).tlog(&["cat", "a.tlog", "--strict"]);
    assert!(strict.err.contains(&format!("a.tlog: at byte {start}: checksum mismatch")), "{}", strict.err);
    assert_eq!(strict.code, 1);
}

#[test]
fn no_verify_takes_what_the_checksum_denies() {
    let mut bytes = small();
    let (_, _, end) = *blocks(&bytes).iter().find(|(kind, ..)| *kind == BlockType::Data).unwrap();
    bytes[end - 1] ^= 0x40;
    let folder = Folder::with("a.tlog", &bytes);
    let out = folder.tlog(&["cat", "a.tlog", "--no-verify", "--format", "ndjson"]).good();
    assert_eq!(out.lines().count(), small_lines().len());
    assert_ne!(out.lines().next().unwrap(), small_lines()[0]);
}

#[test]
fn data_that_does_not_fit_its_schema_is_told_in_the_same_line() {
    let options = tlog::write::WriterOptions::new().compression(false);
    let mut bytes = support::log(&options, &[("n", "\"string\"")], &[("n", None, "\"ab\""), ("n", None, "\"cd\"")]);
    // The length of the string reaches past the block, whose checksum is right.
    let (_, start, end) = blocks(&bytes)[1];
    bytes[end - 3] = 9;
    let crc = tlog::wire::crc::block_crc(&bytes[start..end], end - 3 - 4 - start);
    bytes[end - 7..end - 3].copy_from_slice(&crc.to_le_bytes());
    bytes.extend([0xff; 5]);
    let folder = Folder::with("a.tlog", &bytes);
    let run = folder.tlog(&["cat", "a.tlog", "--format", "ndjson"]);
    assert_eq!((run.code, run.err.lines().count()), (3, 1), "{}", run.err);
    assert!(run.err.contains("skipped 2 damaged stretches") && run.err.contains("record \"n\""), "{}", run.err);
    assert_eq!(run.out, "{\"time\":null,\"record\":\"n\",\"data\":\"cd\"}\n");
}
