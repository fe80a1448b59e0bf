//! Writers that are killed: everything that they were told is safe is there, once, in order.
#![cfg(unix)]

mod store_support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use store_support::{again, check_whole, declare, numbers, options, write};
use tlog_index::store::{Durability, Store};

const DIR: &str = "TLOG_TEST_STORE";
const FIRST: &str = "TLOG_TEST_FIRST";
const MODE: &str = "TLOG_TEST_MODE";

/// How many writers are killed; a store sees some of them one after the other.
const STORES: u64 = 35;
const KILLS: u64 = 6;

/// Not a test: the writer, when it is called as one.
#[test]
fn writer() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let mode: u64 = std::env::var(MODE).unwrap().parse().unwrap();
    let millisecond = Duration::from_millis(1);
    let durability = match mode {
        0 => Durability::SyncEach,
        1 => Durability::SyncEvery(millisecond),
        2 => Durability::FlushEvery(millisecond),
        _ => Durability::None,
    };
    let (store, _) = Store::open(dir, options().durability(durability)).unwrap();
    let id = declare(&store);
    let mut out = std::io::stdout();
    let mut told = 0;
    for n in first.. {
        write(&store, id, n).unwrap();
        if mode == 3 && n % 10 == 0 {
            store.sync().unwrap();
        }
        let acknowledged = if mode == 3 { store.synced() } else { store.acknowledged() };
        if acknowledged > told {
            told = acknowledged;
            writeln!(out, "safe {}", first + told - 1).unwrap();
        }
    }
}

fn start(dir: &Path, first: u64, mode: u64) -> Child {
    let mut command = again("writer");
    command.env(DIR, dir).env(FIRST, first.to_string()).env(MODE, mode.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// Kills the writer after so many of its messages, or so much time; what it said was safe.
fn kill(mut child: Child, messages: Option<u64>, time: Duration) -> u64 {
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut safe = 0;
    let mut read = |lines: &mut BufReader<_>| {
        let mut line = String::new();
        // A line that is cut off says nothing.
        if lines.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            return false;
        }
        // What the test's own frame says stands in front of the first.
        if let Some((_, number)) = line.trim_end().rsplit_once("safe ") {
            safe = number.parse().unwrap();
        }
        true
    };
    match messages {
        None => std::thread::sleep(time),
        Some(count) => {
            for _ in 0..count {
                assert!(read(&mut lines), "the writer ended by itself");
            }
            std::thread::sleep(time / 20);
        }
    }
    child.kill().unwrap();
    while read(&mut lines) {}
    assert!(!child.wait().unwrap().success());
    safe
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    // Repeatable choices (xorshift); where in its work a writer is hit still differs from run to run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % limit
    };
    let (mut total, mut torn, mut recovered) = (0, 0, 0);
    for store in 0..STORES {
        let dir = tempfile::tempdir().unwrap();
        let mut last = 0;
        for round in 0..KILLS {
            let messages = (below(2) == 0).then(|| 5 + below(20));
            let time = Duration::from_micros(below(8_000));
            let mode = below(4);
            let safe = kill(start(dir.path(), last + 1, mode), messages, time);
            let context = format!("store {store}, round {round}, mode {mode}");
            let there = numbers(dir.path());
            assert!(there.len() as u64 >= safe, "{context}: {safe} were safe, {} are there", there.len());
            assert_eq!(there, (1..=there.len() as u64).collect::<Vec<_>>(), "{context}");
            total += safe.saturating_sub(last);
            last = there.len() as u64;
            // In the other rounds the next writer recovers, and may be killed meanwhile.
            if below(2) == 0 {
                let (_, opened) = Store::open(dir.path(), options()).unwrap();
                recovered += opened.recovered.len();
                torn += opened.recovered.iter().filter(|recovered| recovered.torn.is_some()).count();
                assert_eq!(numbers(dir.path()), there, "{context}");
                assert!(check_whole(dir.path()) > 0 || last == 0);
            }
        }
        Store::open(dir.path(), options()).unwrap().0.finish().unwrap();
        assert_eq!(numbers(dir.path()).len() as u64, last);
        let segments = tlog_index::store::segments(dir.path()).unwrap();
        assert_eq!(check_whole(dir.path()), segments.len());
    }
    println!("{total} records were acknowledged, {recovered} segments recovered, {torn} of them torn");
    assert!(total > 1000 && recovered > 10);
}
