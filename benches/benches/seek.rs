//! Seeking by time in a log much larger than what may be read for it: by its markers, and by the index saved beside it.
//!
//! Two logs are written one after the other, with a marker each second and one every ten seconds (156 kB and
//! 1.6 MB). They lie in a folder of their own in the system's temporary folder (`TMPDIR` says where), which is gone afterwards; a
//! run that is interrupted leaves it behind as `tlog-bench-seek-…`.
//! That takes 10 GB of disk, and as much free memory: the log is to lie in the page cache, as the times are
//! those of a warm one. `TLOG_BENCH_SEEK_BYTES` sets another size, in bytes.
#![allow(missing_docs, reason = "a program")]

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use tlog::read::{ReadAt, ReadOptions, Selection};
use tlog::write::WriterOptions;
use tlog::{Log, Micros};
use tlog_bench::big_log::Payloads;
use tlog_index::index::LogIndex;
use tlog_index::plan::{Plan, PlanReader, Request};
use tlog_index::scan::{Progress, ScanOptions};
use tlog_index::seek::{By, seek};
use tlog_index::sidecar::{self, Loaded};

/// How large the logs are, in bytes.
const SIZE: u64 = 10_000_000_000;

/// A record of the big log takes so much with what a block has in front of it, in bytes.
const RECORD: u64 = 156;

/// Where in a log is sought, in thousandths of its time.
const PLACES: [i64; 7] = [1, 77, 250, 500, 667, 901, 999];

/// How often each is done after a first time; the best counts.
const ROUNDS: usize = 15;

fn main() {
    let size =
        std::env::var("TLOG_BENCH_SEEK_BYTES").ok().map_or(SIZE, |size| size.parse().expect("a number of bytes"));
    for seconds in [1, 10] {
        // Removed when it is dropped, also when an answer is wrong.
        let folder = tempfile::Builder::new().prefix("tlog-bench-seek-").tempdir().expect("a temporary folder");
        let path = folder.path().join("big.tlog");
        write(&path, size, Duration::from_secs(seconds));
        println!("\nlog of {:.2} GB, a marker every {seconds} s", gigabytes(&path));
        measure(&path);
    }
}

fn write(path: &Path, size: u64, period: Duration) {
    let file = File::create(path).expect("a temporary file");
    let options = WriterOptions::new().compression(false).seek_period(Some(period));
    let payloads = Payloads::generate(usize::try_from(size / RECORD).expect("a size in memory"));
    payloads.log(&options, BufWriter::with_capacity(1 << 20, file)).flush().expect("room on the disk");
}

fn gigabytes(path: &Path) -> f64 {
    path.metadata().map_or(0.0, |metadata| metadata.len() as f64 / 1e9)
}

/// The result and the best time.
fn best<T>(mut run: impl FnMut() -> T) -> (T, Duration) {
    let mut result = run();
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        result = black_box(run());
        best = best.min(start.elapsed());
    }
    (result, best)
}

fn measure(path: &Path) {
    let start = Instant::now();
    let made = sidecar::refresh(path, &ScanOptions::default(), &Progress::default()).expect("a log");
    assert!(made.unsaved.is_none() && made.index.order.is_monotonic());
    print("making the index and its sidecar", start.elapsed(), "");
    let (loaded, time) = best(|| sidecar::load(path, &ScanOptions::default()).expect("a sidecar"));
    let Loaded::Fresh(loaded) = loaded else { panic!("the sidecar is of this log") };
    let index = loaded.into_index();
    let saved = format!("{:>7.0} kB", gigabytes(&sidecar::path_of(path)) * 1e6);
    print("loading the sidecar", time, &saved);

    let (log, file) = (Log::open(path).expect("a log"), File::open(path).expect("a log"));
    let ends = index.order.ends.expect("times");
    let times = PLACES.map(|part| Micros(ends.first.0 + (ends.last.0 - ends.first.0) / 1_000 * part));
    for (part, time) in PLACES.into_iter().zip(times) {
        let (found, taken) = best(|| index.seek(log.bytes(), time).expect("a log"));
        print(&format!("at {part:>3} ‰: by the sidecar"), taken, &format!("{:>7} kB", found.bytes_read / 1_000));
        let expected = found.instances.iter().map(|instance| {
            let identifier = index.records[instance.record as usize].record.identifier;
            (identifier, instance.offset, instance.time)
        });
        let expected: Vec<_> = expected.collect();
        by_markers("by markers, mapped", log.bytes(), time, &expected);
        by_markers("by markers, read", &file, time, &expected);
    }
    plans(log.bytes(), &index, times[3]);
}

fn by_markers<S: ReadAt + ?Sized>(name: &str, source: &S, time: Micros, expected: &[(u64, u64, Micros)]) {
    let (found, taken) = best(|| seek(source, time).expect("a log"));
    assert_eq!(found.by, By::Markers);
    assert!(
        found.records.iter().map(|latest| (latest.identifier, latest.offset, latest.time)).eq(expected.iter().copied())
    );
    let cost = format!("{:>7} kB {:>4} windows", found.cost.bytes / 1_000, found.cost.windows);
    print(&format!("          {name}"), taken, &cost);
}

/// Ten seconds of one record.
fn plans(log: &[u8], index: &LogIndex, start: Micros) {
    let end = Micros(start.0 + 10_000_000);
    let name = index.records[0].record.name.clone();
    let selection = Selection { records: vec![name], start: Some(start), end: Some(end) };
    let request = Request { selection: &selection, predicate: None };
    let plans = [
        ("by the sidecar", best(|| Plan::by_index(index, &request))),
        ("by markers", best(|| Plan::by_markers(log, &request).expect("a log"))),
    ];
    let counts = plans.map(|(name, (plan, taken))| {
        print(&format!("plan for ten seconds {name}"), taken, &format!("{:>7} kB to be read", plan.bytes() / 1_000));
        let options = ReadOptions { selection: selection.clone(), raw_payloads: true, ..ReadOptions::default() };
        let (count, taken) = best(|| {
            let mut reader = PlanReader::new(log, options.clone(), plan.clone());
            std::iter::from_fn(|| reader.next_data().expect("a log").map(|_| ())).count()
        });
        print("          and reading them", taken, &format!("{count:>7} records"));
        count
    });
    assert_eq!(counts[0], counts[1], "both plans have all that is wanted");
}

fn print(name: &str, time: Duration, what: &str) {
    println!("  {name:<40} {:>9.3} ms {what}", time.as_secs_f64() * 1e3);
}
