//! The sidecar of a log of 16 GiB: loading it, growing from it, and seeking through it.
#![allow(missing_docs, reason = "a program")]

use std::fs::File;
use std::hint::black_box;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tlog::schema::{Field, Object, Schema, Type, Width};
use tlog::wire::{BlockHeader, BlockType, FILE_HEADER, block::FILLER_MAGIC};
use tlog::write::WriterOptions;
use tlog::{Log, Micros};
use tlog_index::scan::{Progress, ScanOptions, Scanned, scan_with};
use tlog_index::sidecar::{self, Freshness, Loaded, LogState, path_of};

/// How long a span is in a log of this length.
const SPAN: u64 = 1 << 20;
const SPANS: u64 = 1 << 14;
const RECORDS: usize = 10;
const ROUNDS: usize = 20;

/// All records in each span, the rest of it filler, which the file system need not keep.
fn sparse_log(path: &Path) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    let mut blocks = Vec::new();
    let mut log = WriterOptions::new().index(false).seek_period(None).previous_offsets(false).open(Vec::new());
    let fields = (0..20)
        .map(|at| Field::new(format!("f{at}"), Type::Float32))
        .chain([Field::new("sequence", Type::FixedUint(Width::W8))]);
    let schema = Schema::new(Object::new(fields).into()).expect("a schema");
    let ids: Vec<_> = (0..RECORDS).map(|at| log.declare(&format!("record{at}"), &schema).expect("a schema")).collect();
    for span in 0..SPANS {
        for (at, id) in ids.iter().enumerate() {
            let number = span * RECORDS as u64 + at as u64;
            let mut payload: Vec<u8> =
                (0..20).flat_map(|at| ((number * (at + 1)) as f32).sin().to_le_bytes()).collect();
            payload.extend(number.to_le_bytes());
            log.write(*id, Micros(number as i64 * 1_000), &payload).expect("memory does not fail");
        }
    }
    blocks.extend(log.finish().expect("memory does not fail"));
    let (mut at, mut data) = (FILE_HEADER.len(), 0);
    let mut chunk = blocks[..at].to_vec();
    let mut span = 0;
    while at < blocks.len() {
        let header = BlockHeader::parse(&blocks[at..]).expect("a block");
        let end = at + header.block_len().expect("a block") as usize;
        chunk.extend(&blocks[at..end]);
        at = end;
        data += usize::from(header.block_type == BlockType::Data);
        if data == RECORDS {
            let left = SPAN - chunk.len() as u64;
            let (filler, len) = BlockHeader::encode(BlockType::Dictionary, left - 4);
            assert_eq!(len, 4, "a block type and a size of three bytes");
            chunk.extend(&filler[..len]);
            chunk.extend(FILLER_MAGIC);
            file.seek(SeekFrom::Start(span * SPAN))?;
            file.write_all(&chunk)?;
            chunk.clear();
            data = 0;
            span += 1;
        }
    }
    file.set_len(SPANS * SPAN)
}

fn best(what: &str, mut run: impl FnMut()) {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed());
    }
    println!("  {what:<44} {:>9.1} µs", best.as_secs_f64() * 1e6);
}

fn loaded(log: &Path, options: &ScanOptions) -> Scanned {
    match sidecar::load(log, options).expect("a sidecar") {
        Loaded::Fresh(scanned) => scanned,
        other => panic!("{other:?}"),
    }
}

fn main() {
    let folder = std::env::temp_dir().join(format!("tlog-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    measure(&folder.join("sparse.tlog"));
    std::fs::remove_dir_all(&folder).expect("the folder");
}

fn measure(path: &PathBuf) {
    sparse_log(path).expect("the temporary folder has room");
    let log = Log::open(path).expect("a log");
    let bytes = log.bytes();
    for fields in [false, true] {
        let options = ScanOptions { fields, ..ScanOptions::default() };
        let start = Instant::now();
        let state = LogState::of(path, bytes).expect("a file");
        let scanned = scan_with(bytes, &options, &Progress::default()).expect("a log");
        println!("\nranges of fields: {fields}; the first scan took {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
        let cells = |scanned: &Scanned| scanned.front.records.iter().map(|record| record.cells.len()).sum::<usize>();
        println!("  {} spans, {} cells", scanned.front.spans.len(), cells(&scanned));
        best("save", || drop(sidecar::save(path, bytes, state, &scanned, &options).expect("room")));
        let size = std::fs::metadata(path_of(path)).expect("a sidecar").len();
        println!("  {:<44} {size:>9} bytes", "the sidecar");
        best("freshness", || assert_eq!(sidecar::freshness(path).expect("a sidecar"), Freshness::Fresh));
        best("load", || drop(black_box(loaded(path, &options))));
        let known = loaded(path, &options);
        assert_eq!((&known.front, &known.tail), (&scanned.front, &scanned.tail));
        best("refresh", || drop(black_box(sidecar::refresh(path, &options, &Progress::default()).expect("a log"))));
        let index = known.into_index();
        assert_eq!(index.count(), SPANS * RECORDS as u64);
        best("seek", || {
            let time = Micros(black_box(81_234_567));
            assert_eq!(index.seek(bytes, time).expect("a log").instances.len(), RECORDS);
        });
    }
}
