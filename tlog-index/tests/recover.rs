//! What becomes of broken logs, kind by kind.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tlog::read::{Event, ReadOptions, RecordType, SliceReader};
use tlog::schema::{Schema, Type, Width};
use tlog::write::WriterOptions;
use tlog::{Micros, RecordId, Writer};
use tlog_index::recover::{RecoverOptions, Recovered, Report, recover};
use tlog_index::verify::{Severity, VerifyOptions, verify};

type Instance = (u64, String, Option<Micros>, Vec<u8>);

fn schema(ty: Type) -> Schema {
    Schema::new(ty).unwrap()
}

/// Instances and where their blocks are.
fn blocks(bytes: &[u8]) -> Vec<(Range<usize>, Instance)> {
    let mut reader = SliceReader::new(bytes, ReadOptions::default());
    let mut blocks = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        if let Event::Data(data) = event {
            let range = data.offset as usize..(data.offset + data.block_len) as usize;
            blocks.push((range, (data.record.identifier, data.record.name.clone(), data.time, data.payload.to_vec())));
        }
    }
    blocks
}

fn instances(bytes: &[u8]) -> Vec<Instance> {
    blocks(bytes).into_iter().map(|(_, instance)| instance).collect()
}

fn records(bytes: &[u8]) -> Vec<Arc<RecordType>> {
    let mut reader = SliceReader::new(bytes, ReadOptions::default());
    while reader.next_event().unwrap().is_some() {}
    reader.records().cloned().collect()
}

/// Recovers, verifies, and has the new log looked at; only its times may be out of order.
fn recovered_with(bytes: &[u8], options: &RecoverOptions) -> (Report, Vec<u8>) {
    let (recovered, output) = recover(bytes, options, Vec::new()).unwrap();
    recovered.verify(&output).unwrap();
    let mut warnings = Vec::new();
    let summary = verify(&output, &VerifyOptions::default(), |finding| warnings.push(finding)).unwrap();
    warnings.retain(|finding| finding.severity == Severity::Warning && !finding.message.contains("time"));
    assert_eq!((summary.errors, &warnings), (0, &Vec::new()));
    (recovered.report, output)
}

fn recovered(bytes: &[u8]) -> (Report, Vec<u8>) {
    recovered_with(bytes, &RecoverOptions::default())
}

/// Two records in turn, a second apart, the longer ones compressed.
fn log(options: &WriterOptions, count: u32) -> Vec<u8> {
    let mut log = options.open(Vec::new());
    let text = log.declare("text", &schema(Type::Bytes)).unwrap();
    let counter = log.declare("counter", &schema(Type::FixedUint(Width::W4))).unwrap();
    for i in 0..count {
        // Of no regular length: then previous offsets lead nowhere from where they do not belong.
        let len = 10 + (i * i) as usize % 97;
        let mut payload = vec![4 + len as u8];
        payload.extend(i.to_le_bytes());
        payload.extend((0..len).map(|at| if at < len / 2 { at as u8 } else { b'-' }));
        log.write(text, Micros(i64::from(i) * 500_000), &payload).unwrap();
        log.write(counter, Micros(i64::from(i) * 500_000 + 7), &i.to_le_bytes()).unwrap();
    }
    log.finish().unwrap()
}

fn plain(count: u32) -> Vec<u8> {
    log(&WriterOptions::new(), count)
}

#[test]
fn a_whole_log_comes_out_as_it_was() {
    for options in [WriterOptions::new(), WriterOptions::new().compression(false)] {
        let bytes = log(&options, 40);
        let (report, output) = recovered(&bytes);
        assert!(report.is_everything() && report.had_index && !report.header_was_lost, "{report:?}");
        assert!(instances(&output) == instances(&bytes));
        // Only the schemas stand elsewhere: in front of their first data.
        assert_eq!(output.len(), bytes.len());
        assert!(report.advice().is_empty());
    }
}

#[test]
fn markers_and_index_are_made_anew() {
    let bytes = log(&WriterOptions::new().seek_period(None).index(false).checksums(false).previous_offsets(false), 40);
    let options = RecoverOptions { seek_period: Some(Duration::from_secs(2)), ..RecoverOptions::default() };
    let (report, output) = recovered_with(&bytes, &options);
    assert!(report.is_everything() && !report.had_index);
    assert!(instances(&output) == instances(&bytes));
    let mut reader = SliceReader::new(&output, ReadOptions::default());
    let (mut markers, mut indices) = (0, 0);
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            Event::Marker { .. } => markers += 1,
            Event::Index { .. } => indices += 1,
            Event::Data(data) => assert!(data.checksum.is_some() && data.previous_offset.is_some()),
            _ => {}
        }
    }
    assert_eq!((markers, indices), (9, 1));
}

#[test]
fn tails_of_zeros_and_garbage_are_left_out() {
    let bytes = log(&WriterOptions::new().index(false), 20);
    let garbage: Vec<u8> = (0..5000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for tail in [&vec![0; 4096], &garbage, &vec![0xff; 100]] {
        let (last, cut) = (blocks(&bytes)[39].0.start, bytes.len() - 11);
        let (report, output) = recovered(&[&bytes[..cut], tail].concat());
        assert_eq!(instances(&output), instances(&bytes)[..39]);
        assert_eq!(report.lost_bytes, (tail.len() + cut - last) as u64, "{report:?}");
        let counter = &report.records[1];
        assert_eq!((counter.name.as_str(), counter.kept, counter.lost_seen), ("counter", 19, 1));
        assert_eq!((counter.first_time, counter.last_time), (Some(7), Some(18 * 500_000 + 7)));
    }
}

#[test]
fn nothing_gives_an_empty_log() {
    for nothing in [&b""[..], b"TLOG0003", b"not a log at all, but some text about one", &[0; 2000]] {
        let (report, output) = recovered(nothing);
        assert!(report.header_was_lost && report.records.is_empty());
        assert_eq!(report.output_bytes, output.len() as u64);
    }
}

#[test]
fn lost_schemas_come_from_a_sibling_or_from_further_behind() {
    let bytes = plain(30);
    let first_data = blocks(&bytes)[0].0.start;
    let damaged = [&[0x55; 300], &bytes[first_data..]].concat();
    // Without: counted, with advice.
    let (report, _) = recovered(&damaged);
    assert_eq!((report.kept, report.undeclared.len()), (0, 2));
    assert_eq!((report.undeclared[0].identifier, report.undeclared[0].blocks), (1, 30));
    assert!(report.advice()[0].contains("60 data blocks have lost their schema (identifiers 1, 2)"));
    // With a sibling.
    let options = RecoverOptions { known: records(&bytes), ..RecoverOptions::default() };
    let (report, output) = recovered_with(&damaged, &options);
    assert!(instances(&output) == instances(&bytes));
    assert!(report.undeclared.is_empty() && report.records.iter().all(|record| record.schema_was_lost));
    // With one whose schemas do not fit.
    let mut other = Writer::new(Vec::new());
    other.declare("else", &schema(Type::Float64)).unwrap();
    other.declare("counter", &schema(Type::FixedUint(Width::W4))).unwrap();
    let other = RecoverOptions { known: records(&other.finish().unwrap()), ..RecoverOptions::default() };
    let (report, output) = recovered_with(&damaged, &other);
    assert_eq!((report.kept, report.undeclared[0].misfits), (30, 30));
    assert!(instances(&output).iter().all(|(_, name, ..)| name == "counter"));
    // Declared again later in the same file, as segments and restarted writers do.
    let mut twice = WriterOptions::new().open(Vec::new());
    for _ in 0..2 {
        for record in records(&bytes) {
            twice.declare_raw(RecordId(record.identifier), &record.name, &record.schema_bytes).unwrap();
        }
        for (_, (identifier, _, time, payload)) in blocks(&bytes) {
            twice.write(RecordId(identifier), time, &payload).unwrap();
        }
    }
    let mut twice = twice.finish().unwrap();
    let all = instances(&twice);
    twice[..first_data].fill(0);
    let (report, output) = recovered(&twice);
    assert_eq!(instances(&output), all);
    assert!(report.records[0].schema_was_lost);
}

#[test]
fn a_sibling_can_overrule_damaged_declarations() {
    let bytes = plain(10);
    let mut damaged = bytes.clone();
    let name = damaged.windows(4).position(|window| window == b"text").unwrap();
    damaged[name] = b'n';
    let (report, _) = recovered(&damaged);
    assert_eq!(report.records[0].name, "next");
    let known = RecoverOptions { known: records(&bytes), ..RecoverOptions::default() };
    assert_eq!(recovered_with(&damaged, &known).0.records[0].name, "next");
    let (report, output) = recovered_with(&damaged, &RecoverOptions { known_wins: true, ..known });
    assert!(instances(&output) == instances(&bytes));
    assert_eq!(report.ignored_declarations[0].name, "next");
}

#[test]
fn concatenated_logs_are_joined_and_clashes_renamed() {
    let first = plain(5);
    let mut second = Writer::new(Vec::new());
    // The same record under another identifier, another one under the same, another schema under the same name.
    let mode = second.declare("mode", &schema(Type::String)).unwrap();
    let text = second.declare("text", &schema(Type::Bytes)).unwrap();
    let counter = second.declare("counter", &schema(Type::Varuint)).unwrap();
    second.write(mode, Micros(1), b"\x02on").unwrap();
    second.write(text, Micros(2), b"\x01x").unwrap();
    second.write(counter, Micros(3), &[9]).unwrap();
    let second = second.finish().unwrap();
    let (report, output) = recovered(&[first.clone(), second].concat());
    let (first, found) = (instances(&first), instances(&output));
    assert_eq!(found[..10], first);
    let rest: Vec<_> = found[10..].iter().map(|(id, name, ..)| (*id, name.as_str())).collect();
    assert_eq!(rest, [(3, "mode"), (1, "text"), (4, "counter_2")]);
    assert_eq!((report.more_logs, report.renamed.len()), (1, 3));
    assert!(report.lost.is_empty(), "{:?}", report.lost);
    let last = &report.renamed[2];
    assert_eq!((last.old_name.as_str(), last.name.as_str(), last.old_identifier), ("counter", "counter_2", 3));
}

#[test]
fn the_same_log_twice_is_kept_twice() {
    let bytes = plain(5);
    let (report, output) = recovered(&[&bytes[..], &bytes].concat());
    assert_eq!(report.duplicate_blocks, 0);
    assert_eq!(instances(&output), [instances(&bytes), instances(&bytes)].concat());
}

#[test]
fn names_redeclared_in_one_log_get_suffixes() {
    let mut log = Writer::new(Vec::new());
    for (ty, payload) in [(Type::FixedUint(Width::W1), &[1][..]), (Type::FixedUint(Width::W2), &[1, 2])] {
        log.declare_raw(RecordId(1), "a", &schema(ty).to_bytes()).unwrap();
        log.write(RecordId(1), None, payload).unwrap();
    }
    // Two identifiers at the same time stay two.
    log.declare_raw(RecordId(7), "a", &schema(Type::FixedUint(Width::W2)).to_bytes()).unwrap();
    log.write(RecordId(7), None, &[3, 4]).unwrap();
    log.write(RecordId(1), None, &[5, 6]).unwrap();
    let (_, output) = recovered(&log.finish().unwrap());
    let found: Vec<_> = instances(&output).into_iter().map(|(id, name, _, payload)| (id, name, payload)).collect();
    let expected = [(1, "a", vec![1]), (2, "a_2", vec![1, 2]), (7, "a_3", vec![3, 4]), (2, "a_2", vec![5, 6])];
    assert_eq!(found, expected.map(|(id, name, payload)| (id, name.to_owned(), payload)));
}

#[test]
fn records_without_data_are_kept_where_their_names_are_free() {
    let mut log = Writer::new(Vec::new());
    log.declare("idle", &schema(Type::Null)).unwrap();
    let busy = log.declare("busy", &schema(Type::Null)).unwrap();
    log.write(busy, None, &[]).unwrap();
    let bytes = log.finish().unwrap();
    let (report, _) = recovered(&bytes);
    let kept: Vec<_> = report.records.iter().map(|record| (record.name.as_str(), record.kept)).collect();
    assert_eq!(kept, [("idle", 0), ("busy", 1)]);
}

#[test]
fn a_tail_written_twice_is_dropped_once() {
    let bytes = log(&WriterOptions::new().index(false), 60);
    let all = blocks(&bytes);
    for (from, to) in [(20, 120), (61, 120), (100, 110), (3, 90)] {
        let (start, end) = (all[from].0.start, all[to - 1].0.end);
        // Also where the copy starts within a block, as sectors do.
        for torn in [0, 3] {
            let doubled = [&bytes[..end], &bytes[start + torn..]].concat();
            let (report, output) = recovered(&doubled);
            assert!(instances(&output) == instances(&bytes), "{from} {to} {torn}");
            assert_eq!(report.duplicate_blocks as usize, to - from - usize::from(torn > 0));
            assert_eq!(report.duplicates.len(), 1);
            assert_eq!(report.duplicates[0].original as usize, all[from + usize::from(torn > 0)].0.start);
            let keep = RecoverOptions { keep_duplicates: true, ..RecoverOptions::default() };
            assert!(recovered_with(&doubled, &keep).0.kept as usize > 120);
        }
    }
}

/// Equal to the last byte and right all the same: without times, in bursts of one time, with a clock that was set back.
#[test]
fn equal_blocks_that_belong_there_are_never_dropped() {
    let mut logs = Vec::new();
    for times in [&|_| None, &|i: u32| Some(Micros(i64::from(i / 12))), &|i: u32| Some(Micros(i64::from(i % 40)))]
        as [&dyn Fn(u32) -> Option<Micros>; 3]
    {
        let mut log = WriterOptions::new().compression(false).seek_period(None).open(Vec::new());
        let beat = log.declare("beat", &schema(Type::Null)).unwrap();
        let level = log.declare("level", &schema(Type::FixedUint(Width::W2))).unwrap();
        for i in 0..200 {
            log.write(beat, times(i), &[]).unwrap();
            log.write(level, times(i), &[1, 2]).unwrap();
        }
        logs.push(log.finish().unwrap());
    }
    for bytes in logs {
        let all = blocks(&bytes);
        for damaged_block in (3..399).step_by(7) {
            // Whole, with a flipped bit, and with a piece missing that ends at no block.
            let range = all[damaged_block].0.clone();
            let mut flipped = bytes.clone();
            flipped[range.end - 1] ^= 4;
            let zeroed = [&bytes[..range.start], &vec![0; range.len()][..], &bytes[range.end..]].concat();
            for damaged in [flipped, zeroed] {
                let (report, _) = recovered(&damaged);
                assert_eq!((report.kept, report.duplicate_blocks), (399, 0), "block {damaged_block}");
            }
        }
    }
}

#[test]
fn what_was_not_written_is_noticed() {
    let bytes = plain(20);
    let (recovered, output): (Recovered, _) = recover(&bytes, &RecoverOptions::default(), Vec::new()).unwrap();
    recovered.verify(&output).unwrap();
    // Damaged on the way, cut off, and another whole log of the same length.
    let mut flipped = output.clone();
    flipped[200] ^= 1;
    let mut other = bytes.clone();
    let texts = blocks(&bytes);
    let (a, b) = (texts[1].0.clone(), texts[3].0.clone());
    let (first, second) = (bytes[a.clone()].to_vec(), bytes[b.clone()].to_vec());
    other[a].copy_from_slice(&second);
    other[b].copy_from_slice(&first);
    for wrong in [&flipped[..], &output[..output.len() - 1], &other, b"TLOG0003\0", b""] {
        assert!(recovered.verify(wrong).is_err());
    }
}

#[test]
fn reports_are_json() {
    let bytes = plain(5);
    let (report, _) = recovered(&bytes[..bytes.len() - 80]);
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["kept"], report.kept);
    assert_eq!(json["lost"][0]["range"]["start"], report.lost[0].range.start);
    assert_eq!(json["records"][0]["name"], "text");
}

/// What comes out of each broken log of the project is whole to a reader that looks at every payload, and holds what
/// such a reader finds in the broken one.
#[test]
fn the_broken_logs_of_the_project_come_out_whole() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/corrupt");
    let mut count = 0;
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let bytes = std::fs::read(&path).unwrap();
        let is_log = path.extension().is_some_and(|extension| extension == "tlog");
        let mut reader = SliceReader::new(&bytes, ReadOptions::default());
        if !is_log || reader.next_event().is_err() {
            continue;
        }
        let (report, output) = recovered(&bytes);
        let mut whole = SliceReader::new(&output, ReadOptions { strict: true, ..ReadOptions::default() });
        while whole.next_data().unwrap_or_else(|e| panic!("{}: {e}", path.display())).is_some() {}
        let found = instances(&bytes);
        assert_eq!((report.kept, instances(&output)), (found.len() as u64, found), "{}", path.display());
        count += 1;
    }
    assert!(count > 10);
}
