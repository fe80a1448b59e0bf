//! `tlog split`: where a log is split, the files that come of it, what it refuses.

mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use support::{Folder, IMU, START, TLOG, blocks, log, small, small_lines, small_with};
use tlog::wire::BlockType;
use tlog::write::WriterOptions;

fn cat(folder: &Folder, log: &str, more: &[&str]) -> Vec<String> {
    let args = [&["cat", log, "--format", "ndjson"], more].concat();
    folder.tlog(&args).good().lines().map(str::to_owned).collect()
}

/// A log of a thousand notes, 20 ms apart, in which five seconds are missing behind the first 100.
fn notes() -> Vec<u8> {
    let texts: Vec<String> = (0..1000).map(|i| format!("\"{i} {}\"", "abc".repeat(i % 30))).collect();
    let time = |i: usize| START + i as i64 * 20_000 + if i < 100 { 0 } else { 5_000_000 };
    let data: Vec<_> = texts.iter().enumerate().map(|(i, text)| ("note", Some(time(i)), text.as_str())).collect();
    log(&WriterOptions::new(), &[("note", "\"string\""), ("imu", IMU)], &data)
}

/// The files in a folder, in order.
fn files(folder: &Folder, below: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path(below)).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Puts the parts together again, which gives the log again; how many data blocks each has.
#[track_caller]
fn check(folder: &Folder, log: &str, below: &str) -> Vec<usize> {
    let names = files(folder, below);
    let paths: Vec<String> = names.iter().map(|name| format!("{below}/{name}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    folder.tlog(&[&["concat", "-o", "again.tlog", "--force"], &paths[..]].concat()).good();
    assert!(folder.get(log) == folder.get("again.tlog"));
    folder.tlog(&[&["verify", "-q"], &paths[..]].concat()).good();
    let part = |path: &&str| {
        let schemas = folder.tlog(&["schema", "diff", "--exit-code", log, path]);
        assert_eq!(schemas.code, 0, "{}", schemas.out);
        cat(folder, path, &[]).len()
    };
    paths.iter().map(part).collect()
}

#[test]
fn by_size() {
    let folder = Folder::with("flight.tlog", notes());
    folder.tlog(&["split", "flight.tlog", "--size", "8KiB", "-o", "parts"]).good();
    let names = files(&folder, "parts");
    assert_eq!(names.first().unwrap(), "flight-0001.tlog");
    let sizes: Vec<usize> = names.iter().map(|name| folder.get(&format!("parts/{name}")).len()).collect();
    assert!(sizes.iter().all(|&size| size <= 8 << 10), "{sizes:?}");
    let (_, full) = sizes.split_last().unwrap();
    assert!(full.len() >= 3 && full.iter().all(|&size| size > 7 << 10), "{sizes:?}");
    assert_eq!(check(&folder, "flight.tlog", "parts").iter().sum::<usize>(), 1000);
    // A schema that comes late needs room, too: read as it comes, or by the data that is wanted.
    let folder = Folder::new();
    let mut log = WriterOptions::new().compression(false).open(Vec::new());
    let field = |i: usize| tlog::schema::Field::new(format!("field_of_the_late_record_{i}"), tlog::schema::Type::Null);
    let late = tlog::schema::Object::new((0..100).map(field));
    let late = tlog::schema::Schema::new(late.into()).unwrap();
    let early = log.declare("early", &tlog::schema::Schema::new(tlog::schema::Type::Null).unwrap()).unwrap();
    for i in 0..400 {
        log.write(early, tlog::Micros(START + i), b"").unwrap();
    }
    let late = log.declare("late", &late).unwrap();
    log.write(late, tlog::Micros(START + 400), b"").unwrap();
    folder.put("a.tlog", log.finish().unwrap());
    for size in (4000..12_000).step_by(700) {
        for selection in [&[][..], &["--start", "+10us"]] {
            let size = size.to_string();
            folder
                .tlog(&[&["split", "a.tlog", "--size", &size, "-o", "p", "--force", "-q"], selection].concat())
                .good();
            let sizes: Vec<usize> =
                files(&folder, "p").iter().map(|name| folder.get(&format!("p/{name}")).len()).collect();
            assert!(sizes.iter().all(|len| *len <= size.parse().unwrap()), "{size} {sizes:?}");
            std::fs::remove_dir_all(folder.path("p")).unwrap();
        }
    }
    // A file has at least one data block.
    let folder = Folder::with("a.tlog", small_with(&WriterOptions::new()));
    folder.tlog_with(&["split", "-", "--size", "1", "-o", "x-{}.tlog"], &folder.get("a.tlog")).good();
    assert_eq!(folder.names().len(), 1 + small_lines().len());
    assert_eq!(cat(&folder, "x-0003.tlog", &[]), small_lines()[2..3]);
}

#[test]
fn by_time_and_gap() {
    let folder = Folder::with("flight.tlog", notes());
    folder.tlog(&["split", "flight.tlog", "--every", "4s", "-o", "every"]).good();
    // 2 s, then nothing until second 7; 4 s are 200 notes.
    assert_eq!(check(&folder, "flight.tlog", "every"), [100, 50, 200, 200, 200, 200, 50]);
    folder.tlog(&["split", "flight.tlog", "--gap", "5s", "-o", "gap"]).good();
    assert_eq!(check(&folder, "flight.tlog", "gap"), [100, 900]);
    folder.tlog(&["split", "flight.tlog", "--gap", "6s", "-o", "none"]).good();
    assert_eq!(check(&folder, "flight.tlog", "none"), [1000]);
    folder.tlog(&["split", "flight.tlog", "--gap", "1s", "--every", "10s", "-o", "both"]).good();
    assert_eq!(check(&folder, "flight.tlog", "both"), [100, 150, 500, 250]);
    // What is selected, and no more.
    folder.tlog(&["split", "flight.tlog", "--gap", "1s", "--end", "+8s", "-o", "some/../cut-{}.tlog"]).refused(1);
    folder.tlog(&["split", "flight.tlog", "--gap", "1s", "--end", "+8s", "-o", "cut-{}.tlog"]).good();
    assert_eq!(cat(&folder, "cut-0002.tlog", &[]).len(), 50);
    assert!(!folder.names().contains(&"cut-0003.tlog".to_owned()));
}

#[test]
fn stores_and_broken_logs() {
    let folder = Folder::with("a.tlog", small());
    folder.tlog(&["record", "-q", "a.tlog", "--store", "store", "--rotate-size", "600"]).good();
    folder.tlog(&["split", "store", "--every", "500ms", "-o", "parts"]).good();
    assert_eq!(files(&folder, "parts"), ["store-0001.tlog", "store-0002.tlog"]);
    let parts: Vec<String> =
        ["parts/store-0001.tlog", "parts/store-0002.tlog"].iter().flat_map(|p| cat(&folder, p, &[])).collect();
    assert_eq!(parts, small_lines());

    let mut bytes = small();
    let data: Vec<_> = blocks(&bytes).into_iter().filter(|(kind, ..)| *kind == BlockType::Data).collect();
    bytes[data[3].2 - 1] ^= 1;
    folder.put("b.tlog", &bytes);
    let run = folder.tlog(&["split", "b.tlog", "--every", "500ms", "-o", "broken"]);
    assert_eq!((run.code, run.out.as_str()), (3, ""));
    let count = |name: &str| cat(&folder, &format!("broken/{name}"), &[]).len();
    assert_eq!(files(&folder, "broken").iter().map(|name| count(name)).sum::<usize>(), small_lines().len() - 1);
}

#[test]
fn what_is_there_stays_unless_forced() {
    let folder = Folder::with("flight.tlog", notes());
    folder.tlog(&["split", "flight.tlog", "--every", "4s", "-o", "parts"]).good();
    let before = folder.get("parts/flight-0001.tlog");
    std::fs::remove_file(folder.path("parts/flight-0001.tlog")).unwrap();
    let err = folder.tlog(&["split", "flight.tlog", "--gap", "1s", "-o", "parts"]).refused(2);
    assert!(err.contains("flight-0002.tlog exists; use --force"), "{err}");
    // Not even the one whose name is free.
    assert_eq!(files(&folder, "parts").len(), 6);
    let run = folder.tlog(&["split", "flight.tlog", "--gap", "1s", "-o", "parts", "--force"]);
    assert_eq!((run.code, run.err.lines().count()), (0, 1));
    assert!(run.err.contains("5 files from ") && run.err.contains("flight-0003.tlog on are of an earlier time"));
    assert_eq!(folder.get("parts/flight-0001.tlog"), before);
    assert_eq!(cat(&folder, "parts/flight-0002.tlog", &[]).len(), 900);
}

#[test]
fn what_cannot_be() {
    let folder = Folder::with("a.tlog", small());
    folder.put("b-0001.tlog", small());
    for (args, code, says) in [
        (&["a.tlog", "--size", "1k", "-o", "-"][..], 2, "give a folder"),
        (&["a.tlog", "--size", "1k", "-o", "a.tlog"], 2, "is not a folder"),
        (&["a.tlog", "--size", "0", "-o", "x"], 2, "more than 0"),
        (&["a.tlog", "--size", "big", "-o", "x"], 2, "is not a size"),
        (&["a.tlog", "--every", "soon", "-o", "x"], 2, "is not a duration"),
        (&["b-0001.tlog", "--gap", "1s", "-o", "b-{}.tlog", "--force"], 2, "the same file"),
        (&["missing", "--gap", "1s", "-o", "x-{}"], 1, "No such file"),
    ] {
        let err = folder.tlog(&[&["split"], args].concat()).refused(code);
        assert!(err.contains(says), "{args:?}: {err}");
    }
    let run = folder.tlog(&["split", "a.tlog", "-o", "x"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("--size"), "{}", run.err);
    assert_eq!(folder.names(), ["a.tlog", "b-0001.tlog"]);
    assert_eq!(folder.get("b-0001.tlog"), small());
    // Nothing selected is one log without data, as of a cut.
    let run = folder.tlog(&["split", "a.tlog", "--gap", "1s", "--start", "+1h", "-o", "n-{}.tlog"]);
    assert_eq!((run.code, folder.names().len()), (0, 3));
    assert!(run.err.contains("nothing was selected"), "{}", run.err);
}

/// Whoever kills it finds whole files, and after an interrupt nothing else.
#[cfg(unix)]
#[test]
fn only_whole_files_are_left() {
    for signal in ["-INT", "-KILL"] {
        let folder = Folder::new();
        let mut command = Command::new(TLOG);
        command.args(["split", "-", "--every", "1s", "-o", "{}.tlog"]).current_dir(folder.path(""));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let notes = notes();
        stdin.write_all(&notes[..notes.len() / 2]).unwrap();
        while !folder.names().contains(&"0003.tlog".to_owned()) {
            std::thread::yield_now();
        }
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert!(!child.wait().unwrap().success());
        drop(stdin);
        let whole: Vec<String> = folder.names().into_iter().filter(|name| !name.starts_with('.')).collect();
        assert!(signal == "-KILL" || folder.names() == whole, "{:?}", folder.names());
        for name in &whole {
            folder.tlog(&["verify", "-q", name]).good();
        }
        assert_eq!(cat(&folder, "0002.tlog", &[]).len(), 50);
    }
}
