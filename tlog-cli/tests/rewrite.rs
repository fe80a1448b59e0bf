//! `tlog concat`, `merge`, `sort`, `compress` and `decompress`: what the new log has, what they refuse.

mod support;

use std::process::{Command, Stdio};

use support::{Folder, GPS, IMU, START, TLOG, blocks, log, small, small_lines, small_with};
use tlog::wire::BlockType;
use tlog::write::WriterOptions;

fn cat(folder: &Folder, log: &str, more: &[&str]) -> Vec<String> {
    let args = [&["cat", log, "--format", "ndjson"], more].concat();
    folder.tlog(&args).good().lines().map(str::to_owned).collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// A log of notes with these times and texts.
fn notes(notes: &[(Option<i64>, &str)]) -> Vec<u8> {
    let texts: Vec<String> = notes.iter().map(|(_, text)| format!("{text:?}")).collect();
    let data: Vec<_> = notes.iter().zip(&texts).map(|((time, _), text)| ("note", *time, text.as_str())).collect();
    log(&WriterOptions::new(), &[("note", "\"string\""), ("unused", GPS)], &data)
}

fn texts(folder: &Folder, log: &str) -> String {
    let text = |line: &String| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["data"].as_str().unwrap().to_owned()
    };
    cat(folder, log, &[]).iter().map(text).collect::<Vec<_>>().join(" ")
}

/// A log of many notes in disorder, and the number of its notes.
fn shuffled() -> (Vec<u8>, usize) {
    let times: Vec<i64> = (0..3000_i64).map(|i| START + (i * 1_234_577) % 100_003).collect();
    let texts: Vec<String> = (0..3000).map(|i| format!("{i}-{}", "x".repeat(i % 50))).collect();
    let data: Vec<(Option<i64>, &str)> = times.iter().zip(&texts).map(|(time, text)| (Some(*time), &**text)).collect();
    (notes(&data), texts.len())
}

#[test]
fn concat_keeps_the_order_and_tells_where_times_step_back() {
    let folder = Folder::with("a.tlog", small_with(&WriterOptions::new()));
    folder.tlog(&["concat", "a.tlog", "-o", "b.tlog"]).good();
    assert_eq!(folder.get("a.tlog"), folder.get("b.tlog"));
    let run = folder.tlog(&["concat", "a.tlog", "b.tlog", "-o", "c.tlog"]);
    assert_eq!(
        (run.code, run.err.as_str()),
        (
            0,
            "tlog: warning: b.tlog begins at 2020-09-13T12:26:40Z, before 2020-09-13T12:26:40.9Z in front of it: times step back there; `tlog merge` puts them in order\n"
        )
    );
    assert_eq!(cat(&folder, "c.tlog", &[]), [small_lines(), small_lines()].concat());
    folder.tlog(&["cut", "a.tlog", "--start", "+500ms", "-o", "second.tlog"]).good();
    folder.tlog(&["cut", "a.tlog", "--end", "+500ms", "-o", "first.tlog"]).good();
    folder.tlog(&["concat", "first.tlog", "second.tlog", "--record", "imu", "-o", "d.tlog"]).good();
    assert_eq!(cat(&folder, "d.tlog", &[]), cat(&folder, "a.tlog", &["--record", "imu"]));
}

#[test]
fn merged_in_any_order_it_is_the_same_log() {
    let folder = Folder::with("a.tlog", notes(&[(Some(5), "a5"), (None, "behind"), (Some(2), "a2"), (Some(9), "a9")]));
    folder.put("b.tlog", notes(&[(None, "front"), (Some(5), "b5"), (Some(7), "b7")]));
    folder.put("c.tlog", log(&WriterOptions::new(), &[("note", "\"varint\"")], &[("note", Some(1), "7")]));
    let run = folder.tlog(&["merge", "a.tlog", "b.tlog", "-o", "ab.tlog"]);
    assert_eq!(run.good(), "");
    assert_eq!(texts(&folder, "ab.tlog"), "front a2 a5 behind b5 b7 a9");
    folder.tlog(&["verify", "ab.tlog"]).good();
    let orders = [["a.tlog", "b.tlog", "c.tlog"], ["c.tlog", "a.tlog", "b.tlog"], ["b.tlog", "c.tlog", "a.tlog"]];
    for order in orders {
        for memory in ["64MiB", "0"] {
            let run = folder.tlog(&[&["merge", "-o", "abc.tlog", "--force", "--memory", memory], &order[..]].concat());
            assert_eq!(run.code, 0, "{}", run.err);
            // The log that begins first keeps what it has.
            assert!(run.err.contains("record note (identifier 1) is note_2 (identifier 2) in "), "{}", run.err);
            if !folder.names().contains(&"first.tlog".to_owned()) {
                folder.put("first.tlog", folder.get("abc.tlog"));
            }
            assert_eq!(folder.get("first.tlog"), folder.get("abc.tlog"), "{order:?}");
        }
    }
    let records: Vec<String> = cat(&folder, "abc.tlog", &["--record", "note"]);
    assert_eq!(records.len(), 1);
    assert!(folder.tlog(&["schema", "show", "abc.tlog"]).good().contains("unused"));
}

#[test]
fn times_of_an_input_are_moved() {
    let folder = Folder::with("a.tlog", notes(&[(Some(1_000_000), "a1"), (Some(2_000_000), "a2")]));
    folder.put("b=c.tlog", notes(&[(Some(1_000_000), "b1"), (None, "b"), (Some(2_000_000), "b2")]));
    let merge = |offsets: &[&str]| {
        let args = [&["merge", "a.tlog", "b=c.tlog", "-o", "m.tlog", "--force"], offsets].concat();
        folder.tlog(&args).good();
        texts(&folder, "m.tlog")
    };
    assert_eq!(merge(&[]), "a1 b1 b a2 b2");
    assert_eq!(merge(&["--offset", "b=c.tlog=-0.5s"]), "b1 b a1 b2 a2");
    assert_eq!(merge(&["--offset", "b=c.tlog=+1m", "--offset", "a.tlog=+30s"]), "a1 a2 b1 b b2");
    assert!(cat(&folder, "m.tlog", &[])[2].starts_with("{\"time\":\"1970-01-01T00:01:01Z\""));
    // What is selected is so before it is moved.
    assert_eq!(merge(&["--offset", "b=c.tlog=-1500ms", "--start", "2s"]), "b2 a2");
    for (offsets, says) in [
        (&["+1s"][..], "--offset right.tlog=+1s"),
        (&["nope=+1s"], "nope is none of the inputs"),
        (&["a.tlog=1s"], "expected + or -"),
        (&["a.tlog=+fast"], "is not a duration"),
        (&["a.tlog=+1s", "a.tlog=+2s"], "has an offset already"),
        (&["a.tlog=+2500000h", "b=c.tlog=+2562047788h54s"], "cannot be moved"),
    ] {
        let offsets: Vec<&str> = offsets.iter().flat_map(|offset| ["--offset", offset]).collect();
        let err = folder.tlog(&[&["merge", "a.tlog", "b=c.tlog", "-o", "n.tlog"], &offsets[..]].concat()).refused(2);
        assert!(err.contains(says), "{err}");
    }
    assert_eq!(folder.names(), ["a.tlog", "b=c.tlog", "m.tlog"]);
}

#[test]
fn a_log_in_disorder_is_sorted_in_any_memory() {
    let (bytes, count) = shuffled();
    let folder = Folder::with("a.tlog", &bytes);
    folder.tlog(&["sort", "a.tlog", "-o", "b.tlog"]).good();
    let lines = cat(&folder, "b.tlog", &[]);
    assert_eq!(lines.len(), count);
    assert_eq!(sorted(lines.clone()), sorted(cat(&folder, "a.tlog", &[])));
    let time = |line: &String| line.split('"').nth(3).unwrap().parse::<tlog::Micros>().unwrap();
    assert!(lines.iter().map(time).is_sorted());
    folder.tlog(&["verify", "b.tlog"]).good();
    let run = folder.tlog(&["sort", "a.tlog", "-o", "c.tlog", "--memory", "20KiB", "-v"]);
    assert!(run.err.contains(" sorted runs, merged in ") && !run.err.contains("in 1 step"), "{}", run.err);
    let piped = folder.tlog_with(&["sort", "-", "-o", "d.tlog", "--memory", "20KiB"], &bytes);
    piped.good();
    assert!(folder.get("c.tlog") == folder.get("b.tlog") && folder.get("d.tlog") == folder.get("b.tlog"));
    folder.tlog(&["sort", "b.tlog", "-o", "e.tlog"]).good();
    assert!(folder.get("e.tlog") == folder.get("b.tlog"));
    assert_eq!(folder.names(), ["a.tlog", "b.tlog", "c.tlog", "d.tlog", "e.tlog"]);
}

#[test]
fn what_is_selected_is_as_cat_shows_it() {
    let folder = Folder::with("a.tlog", small());
    for selection in [
        &["--record", "imu", "--record", "no*"][..],
        &["--start", "+300ms", "--duration", "400ms"],
        &["--where", "imu.seq >= 3 and imu.seq < 6"],
        &["--record", "imu", "--start", "+100ms", "--where", "seq in [0, 1, 5]"],
    ] {
        for command in [&["merge"][..], &["sort"], &["sort", "--memory", "0"], &["compress"], &["decompress"]] {
            let args = [command, &["a.tlog", "-o", "b.tlog", "--force"], selection].concat();
            folder.tlog(&args).good();
            assert_eq!(cat(&folder, "b.tlog", &[]), cat(&folder, "a.tlog", selection), "{args:?}");
            folder.tlog(&["verify", "b.tlog"]).good();
        }
        let piped = [&["sort", "-", "-o", "b.tlog", "--force"], selection].concat();
        if !selection.contains(&"--start") {
            folder.tlog_with(&piped, &folder.get("a.tlog")).good();
            assert_eq!(cat(&folder, "b.tlog", &[]), cat(&folder, "a.tlog", selection), "{piped:?}");
        }
    }
    let err = folder.tlog(&["merge", "a.tlog", "-o", "c.tlog", "--record", "nope"]).refused(2);
    assert!(err.contains("there is no record nope"), "{err}");
    let plan = folder.tlog(&["sort", "a.tlog", "--explain"]).good();
    assert!(plan.starts_with("a.tlog: reads "), "{plan}");
}

#[test]
fn payloads_are_packed_and_unpacked_and_all_else_stays() {
    let text = format!("\"{}\"", "abc".repeat(300));
    let data =
        [("note", Some(START), text.as_str()), ("note", None, "\"x\""), ("note", Some(START - 5), text.as_str())];
    let records = [("note", "\"string\""), ("imu", IMU)];
    let folder = Folder::with("packed.tlog", log(&WriterOptions::new(), &records, &data));
    folder.put("plain.tlog", log(&WriterOptions::new().compression(false), &records, &data));
    for source in ["packed.tlog", "plain.tlog"] {
        folder.tlog(&["compress", source, "-o", "c.tlog", "--force"]).good();
        folder.tlog(&["decompress", source, "-o", "d.tlog", "--force"]).good();
        assert_eq!(folder.get("c.tlog"), folder.get("packed.tlog"));
        assert_eq!(folder.get("d.tlog"), folder.get("plain.tlog"));
    }
    // The short one is not shorter when it is packed.
    let info = folder.tlog(&["info", "c.tlog", "--format", "json"]).good();
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["logs"][0]["compressed_blocks"], 2);
}

#[test]
fn stores_are_inputs_as_logs_are() {
    let folder = Folder::with("a.tlog", small());
    folder.tlog(&["record", "-q", "a.tlog", "--store", "store", "--rotate-size", "600"]).good();
    for command in ["concat", "merge", "sort", "compress", "decompress"] {
        folder.tlog(&[command, "store", "-o", "b.tlog", "--force"]).good();
        assert_eq!(cat(&folder, "b.tlog", &[]), small_lines(), "{command}");
        folder.tlog(&["schema", "diff", "--exit-code", "a.tlog", "b.tlog"]).good();
    }
    folder.tlog(&["merge", "store", "a.tlog", "-o", "c.tlog"]).good();
    assert_eq!(sorted(cat(&folder, "c.tlog", &[])), sorted([small_lines(), small_lines()].concat()));
}

#[test]
fn what_is_intact_of_broken_logs_arrives() {
    let mut bytes = small();
    let data: Vec<_> = blocks(&bytes).into_iter().filter(|(kind, ..)| *kind == BlockType::Data).collect();
    bytes[data[3].2 - 1] ^= 1;
    bytes.truncate(data[12].1 + 5);
    let folder = Folder::with("a.tlog", &bytes);
    let intact = folder.tlog(&["cat", "a.tlog", "--format", "ndjson"]);
    assert_eq!((intact.code, intact.out.lines().count()), (3, 11));
    for command in ["concat", "merge", "sort", "compress", "decompress"] {
        let run = folder.tlog(&[command, "a.tlog", "-o", "b.tlog", "--force"]);
        assert_eq!((run.code, run.out.as_str()), (3, ""), "{command}");
        assert!(run.err.starts_with("tlog: warning: a.tlog: skipped 2 damaged stretches"), "{command}: {}", run.err);
        assert_eq!(cat(&folder, "b.tlog", &[]).join("\n"), intact.out.trim_end(), "{command}");
        folder.tlog(&["verify", "b.tlog"]).good();
    }
}

/// A log in which names, identifiers, schemas and times go as they like; the same for the same seed.
fn random_log(mut seed: u64) -> Vec<u8> {
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let schemas = ["\"string\"", "{\"type\":\"object\",\"fields\":[{\"name\":\"text\",\"type\":\"string\"}]}"];
    let schemas = schemas.map(|json| tlog::schema::Schema::from_json(json).unwrap().to_bytes());
    let mut log = WriterOptions::new().compression(random(2) == 0).checksums(random(4) > 0).open(Vec::new());
    let mut time = START;
    for number in 0..random(120) {
        let id = tlog::RecordId(1 + random(3));
        if random(12) == 0 || log.record_stats(id).is_none() {
            let name = ["a", "b", "c"][random(3) as usize];
            log.declare_raw(id, name, &schemas[random(2) as usize]).unwrap();
        }
        time += [0, 0, 1_000, 300_000, -50_000, 2_000_000][random(6) as usize];
        let text = format!("{number} {}", "x".repeat(random(90) as usize));
        let payload = [&[text.len() as u8], text.as_bytes()].concat();
        log.write(id, (random(6) > 0).then_some(tlog::Micros(time)), &payload).unwrap();
    }
    log.finish().unwrap()
}

/// What cat shows, without the suffixes that tell records apart; the records here have none of their own.
fn plainly(folder: &Folder, log: &str) -> Vec<String> {
    let lines = cat(folder, log, &[]).into_iter();
    lines
        .map(|line| (2..9).fold(line, |line, number| line.replace(&format!("_{number}\",\"data"), "\",\"data")))
        .collect()
}

#[test]
fn nothing_is_lost_and_nothing_invented() {
    for seed in 0..10 {
        let folder = Folder::with("a.tlog", random_log(2 * seed));
        folder.put("b.tlog", random_log(2 * seed + 1));
        let both = [plainly(&folder, "a.tlog"), plainly(&folder, "b.tlog")].concat();
        let quiet = |args: &[&str]| assert_eq!(folder.tlog(&[&["-q"], args].concat()).code, 0, "{seed} {args:?}");
        quiet(&["concat", "a.tlog", "b.tlog", "-o", "ab.tlog"]);
        assert_eq!(plainly(&folder, "ab.tlog"), both, "{seed}");
        quiet(&["sort", "ab.tlog", "-o", "sorted.tlog"]);
        quiet(&["merge", "a.tlog", "b.tlog", "-o", "merged.tlog"]);
        quiet(&["merge", "b.tlog", "a.tlog", "-o", "merged2.tlog"]);
        assert_eq!(sorted(plainly(&folder, "sorted.tlog")), sorted(both.clone()), "{seed}");
        assert_eq!(sorted(plainly(&folder, "merged.tlog")), sorted(both.clone()), "{seed}");
        assert!(folder.get("merged.tlog") == folder.get("merged2.tlog"), "{seed}");
        for (at, cut) in [["--size", "2k"], ["--every", "3s"], ["--gap", "1s"]].iter().enumerate() {
            std::fs::create_dir(folder.path(&at.to_string())).unwrap();
            quiet(&[&["split", "ab.tlog", "-o", &format!("{at}/{{}}")], &cut[..]].concat());
            let parts = std::fs::read_dir(folder.path(&at.to_string())).unwrap();
            let parts = parts.map(|part| part.unwrap().path().to_str().unwrap().to_owned());
            let parts = sorted(parts.collect());
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            quiet(&[&["concat", "-o", "again.tlog", "--force"], &parts[..]].concat());
            assert_eq!(plainly(&folder, "again.tlog"), both, "{seed} {cut:?}");
            quiet(&[&["merge", "-o", "again.tlog", "--force"], &parts[..]].concat());
            assert_eq!(sorted(plainly(&folder, "again.tlog")), sorted(both.clone()), "{seed} {cut:?}");
        }
    }
}

/// The log of a walking robot, taken apart and put together.
#[test]
fn a_whole_log_comes_together_again() {
    let folder = Folder::with("a.tlog", include_bytes!("../../testdata/quadruped.tlog"));
    let lines = cat(&folder, "a.tlog", &[]);
    folder.tlog(&["split", "a.tlog", "--size", "40KiB", "-o", "p"]).good();
    let parts = std::fs::read_dir(folder.path("p")).unwrap();
    let mut parts: Vec<String> =
        parts.map(|part| format!("p/{}", part.unwrap().file_name().to_str().unwrap())).collect();
    parts.sort();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    assert!(parts.len() > 2, "{parts:?}");
    folder.tlog(&[&["concat", "-o", "b.tlog"], &parts[..]].concat()).good();
    assert_eq!(cat(&folder, "b.tlog", &[]), lines);
    folder.tlog(&["sort", "a.tlog", "-o", "sorted.tlog"]).good();
    let backwards: Vec<&str> = parts.iter().rev().copied().collect();
    folder.tlog(&[&["merge", "-o", "c.tlog"], &backwards[..]].concat()).good();
    assert_eq!(cat(&folder, "c.tlog", &[]), cat(&folder, "sorted.tlog", &[]));
    for log in ["a.tlog", "sorted.tlog", "c.tlog"] {
        folder.tlog(&["verify", log]).good();
    }
}

/// Of each of the broken logs that the project keeps.
#[test]
fn broken_logs_arrive_as_cat_shows_them() {
    let logs = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/corrupt")).unwrap();
    let logs = logs.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "tlog"));
    for path in logs {
        let folder = Folder::with("a.tlog", std::fs::read(&path).unwrap());
        let shown = folder.tlog(&["cat", "-q", "a.tlog", "--format", "ndjson"]);
        for from in ["a.tlog", "-"] {
            let args = ["sort", "-q", from, "-o", "b.tlog", "--force"];
            let run = folder.tlog_with(&args, &folder.get("a.tlog"));
            assert_eq!(run.code, shown.code, "{path:?}: {}", run.err);
            if run.code != 1 {
                assert_eq!(sorted(cat(&folder, "b.tlog", &[])), sorted(shown.out.lines().map(str::to_owned).collect()));
                folder.tlog(&["verify", "-q", "b.tlog"]).good();
            }
        }
    }
}

#[test]
fn what_cannot_be() {
    let folder = Folder::with("a.tlog", small());
    folder.put("b.tlog", b"mine");
    for command in ["concat", "merge", "sort", "compress", "decompress"] {
        for (args, code, says) in [
            (&["a.tlog", "-o", "b.tlog"][..], 2, "use --force"),
            (&["a.tlog", "-o", "a.tlog", "--force"], 2, "the same file"),
            (&["missing", "-o", "c.tlog"], 1, "No such file"),
            (&["b.tlog", "-o", "c.tlog"], 1, "not a TLOG0003 log"),
            (&["a.tlog", "-o", "no/c.tlog"], 1, "there is no such folder"),
        ] {
            let err = folder.tlog(&[&[command], args].concat()).refused(code);
            assert!(err.contains(says), "{command} {args:?}: {err}");
        }
    }
    let err = folder.tlog(&["sort", "a.tlog", "-o", "c.tlog", "--memory", "much"]).refused(2);
    assert!(err.contains("is not a size"), "{err}");
    assert_eq!(folder.names(), ["a.tlog", "b.tlog"]);
    assert_eq!(folder.get("b.tlog"), b"mine");
}

#[cfg(unix)]
#[test]
fn an_interrupted_merge_leaves_nothing() {
    let folder = Folder::new();
    let mut command = Command::new(TLOG);
    command.args(["merge", "-", "-o", "b.tlog"]).current_dir(folder.path(""));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    while folder.names().is_empty() {
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    // Waiting would close its input, and empty input is another error.
    let _open = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}
