//! Any bytes as a log that is recovered: the new log is whole, and nothing in it is invented.

use std::collections::HashSet;
use std::sync::Arc;

use tlog::Micros;
use tlog::read::{Cause, Event, ReadOptions, RecordType, SliceReader};
use tlog::wire::DataFlags;
use tlog_index::recover::{RecoverOptions, recover as recover_log};
use tlog_index::verify::{Finding, Kind, Severity, VerifyOptions, verify};

/// What must not be lost or invented: type encoding of the record, time, whether it is compressed, payload as stored.
type Instance = (Vec<u8>, Option<Micros>, bool, Vec<u8>);

/// All data in a log; `Err` where reading stops.
fn read(log: &[u8], options: ReadOptions) -> tlog::Result<Vec<Instance>> {
    let mut reader = SliceReader::new(log, ReadOptions { raw_payloads: true, ..options });
    let mut all = Vec::new();
    while let Some(data) = reader.next_data()? {
        let is_compressed = data.flags.contains(DataFlags::SNAPPY);
        all.push((data.record.schema.to_bytes(), data.time, is_compressed, data.payload.to_vec()));
    }
    Ok(all)
}

/// How to read all that a broken log has, given records that it does not declare in time.
fn salvage(known: Vec<Arc<RecordType>>) -> ReadOptions {
    ReadOptions { raw_payloads: true, salvage: true, known, ..ReadOptions::default() }
}

/// The records that are declared only behind their first data.
fn declared_late(input: &[u8]) -> Vec<Arc<RecordType>> {
    let mut reader = SliceReader::new(input, salvage(Vec::new()));
    let (mut missed, mut late) = (HashSet::new(), Vec::<Arc<RecordType>>::new());
    while let Some(event) = reader.next_event().expect("salvaging reads anything") {
        match event {
            Event::Skipped(skipped) => {
                if let Cause::Undeclared(identifier) = skipped.cause {
                    missed.insert(identifier);
                }
            }
            Event::Schema(record) if missed.remove(&record.identifier) => {
                let is_first = late.iter().all(|other| other.identifier != record.identifier);
                late.extend(is_first.then(|| Arc::clone(record)));
            }
            _ => {}
        }
    }
    late
}

/// What is recovered is whole, and was there.
pub fn recover(input: &[u8]) {
    let _ = verify(input, &VerifyOptions::default(), |_| {});
    let Ok((recovered, output)) = recover_log(input, &RecoverOptions::default(), Vec::new()) else { return };
    recovered.verify(&output).expect("what was written is there");
    let all = read(&output, ReadOptions { strict: true, ..ReadOptions::default() }).expect("the new log is whole");
    assert_eq!(all.len() as u64, recovered.report.kept);
    check_verify(&output);
    assert!(recovered.report.lost_bytes <= input.len() as u64);
    let salvaged = read(input, salvage(declared_late(input))).expect("salvaging reads anything");
    let salvaged: HashSet<Instance> = salvaged.into_iter().collect();
    let invented = all.iter().find(|instance| !salvaged.contains(*instance));
    assert_eq!(invented, None, "was not in the input");
}

/// Verification finds nothing wrong in the new log but payloads that were so in the old one.
fn check_verify(output: &[u8]) {
    let found = |finding: Finding| {
        let is_wrong =
            finding.severity == Severity::Error && !matches!(finding.kind, Kind::Payload | Kind::PayloadSurplus);
        assert!(!is_wrong, "in the new log: {}", finding.message);
    };
    verify(output, &VerifyOptions::default(), found).expect("the new log is one");
}
